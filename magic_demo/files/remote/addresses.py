"""An address in place of a path: ``s3://bucket/data``, ``https://example.org/data``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from magic_demo.core.errors import FormatError
from magic_demo.core.types import RemoteFile

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.:-]+:/")
"""A path that begins so is a URL, or one whose second slash a path took away; one letter is a drive of Windows."""
WEB = ("http", "https")


@dataclass(frozen=True)
class Address:
    """A folder or file that fsspec reads, without a slash at its end."""

    url: str

    @property
    def scheme(self) -> str:
        """Return ``s3`` of ``s3://bucket/data``."""
        return self.url.partition("://")[0].lower()

    @property
    def name(self) -> str:
        """Return the last part."""
        return self.url.rpartition("/")[2]

    @property
    def parent(self) -> Address:
        """Return the folder that it lies in."""
        return Address(self.url.rpartition("/")[0])

    @property
    def folder(self) -> Path:
        """Return what photos below it are ranked by: the address's own path."""
        return Path(self.url.partition("://")[2])

    def __str__(self) -> str:
        return self.url


Place = Path | Address


def read_place(text: str) -> Place:
    """Return a path, or an address where the text is one.

    Raises FormatError for an address with a name and password, which would stand in messages, with a question mark,
    or of several in a chain.
    """
    if not _SCHEME.match(text):
        return Path(text)
    try:
        parts = urlsplit(text)
        usable = bool(parts.netloc or parts.path.strip("/")) and "://" in text and parts.username is None
    except ValueError:
        usable = False
    if not usable or "::" in text or parts.query or parts.fragment:
        raise FormatError(
            "{address}: an address such as s3://bucket/folder or https://host/folder is expected, without a name, "
            "password or question mark",
            address=re.split(r"[?#]", text)[0].rpartition("@")[2],
        )
    if parts.scheme in ("file", "local"):
        return Path(parts.path)
    return Address(text.rstrip("/"))


def name_below(address: Address, file: RemoteFile) -> Path:
    """Return the place of a listed file as a path, to rank it by."""
    return address.folder / file.name
