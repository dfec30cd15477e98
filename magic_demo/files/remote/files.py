"""The files below an address, listed, and read whole or not at all: bytes and seconds are bounded, and nothing is
asked of another host than the one that the user named."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Protocol, TypeVar

from magic_demo.core.errors import FormatError, one_line
from magic_demo.core.messages import Message
from magic_demo.core.types import RemoteFile
from magic_demo.files.remote.addresses import WEB, Address
from magic_demo.files.remote.web import WebFiles

CONNECT_SECONDS, QUIET_SECONDS, READ_SECONDS, LIST_SECONDS = 10.0, 30.0, 120.0, 600.0
"""Until a connection is there, nothing comes, a file has come, all names of a folder have come."""
PACKAGES = {
    "s3": "s3fs",
    "s3a": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
    "hf": "huggingface_hub",
}
_VERSIONS = (
    "ETag",
    "etag",
    "generation",
    "md5Hash",
    "LastModified",
    "last_modified",
    "updated",
    "mtime",
    "modified",
    "created",
)
"""What tells of a file that it was changed, as the systems call it; the first that there is counts."""
_OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "s3": {"config_kwargs": {"connect_timeout": CONNECT_SECONDS, "read_timeout": QUIET_SECONDS}},
    "gs": {"timeout": QUIET_SECONDS},
}
Came = TypeVar("Came")


class RemoteFiles(Protocol):
    """What is asked of a system of files that lie elsewhere. All raise OSError, whose ``strerror`` says it in words."""

    def list(self, folder: str) -> list[RemoteFile]:
        """Return all files below a folder, named from there; those of hidden folders too."""

    def read(self, url: str, most: int) -> bytes:
        """Return a file's first bytes, ``most`` at most."""


class FsspecFiles:
    """Any system that fsspec knows. Raises FormatError where its package is not installed."""

    def __init__(self, scheme: str) -> None:
        import fsspec

        try:
            self._system = fsspec.filesystem(scheme, use_listings_cache=False, **_OPTIONS.get(scheme, {}))
        except (ImportError, ValueError, TypeError) as error:
            raise FormatError(
                "{scheme}://: cannot be read here ({reason}); pip install {package}, see docs/scale.md",
                scheme=scheme,
                reason=one_line(error),
                package=PACKAGES.get(scheme, "what fsspec needs for it"),
            ) from error

    def list(self, folder: str) -> list[RemoteFile]:
        """Return all files below a folder, from one listing of it."""

        def find() -> list[RemoteFile]:
            root = self._system._strip_protocol(folder).rstrip("/")
            found = self._system.find(root, detail=True)
            return [
                RemoteFile(
                    f"{folder}/{path[len(root) + 1 :]}",
                    path[len(root) + 1 :],
                    about.get("size"),
                    _tell_version(about),
                )
                for path, about in sorted(found.items())
                if path.startswith(f"{root}/") and ".." not in path.split("/")
            ]

        return _within(LIST_SECONDS, find)

    def read(self, url: str, most: int) -> bytes:
        """Return a file's first bytes."""

        def read() -> bytes:
            # not cat_file with an end: systems differ in what they say of one behind the file's
            with self._system.open(url, "rb") as file:
                return bytes(file.read(most))

        return _within(READ_SECONDS, read)


@lru_cache(maxsize=16)
def open_files(scheme: str) -> RemoteFiles:
    """Return what reads addresses of a scheme, with its connections; one a process. Raises FormatError."""
    return WebFiles(CONNECT_SECONDS, QUIET_SECONDS, READ_SECONDS) if scheme in WEB else FsspecFiles(scheme)


def list_files(address: Address) -> list[RemoteFile]:
    """Return all files below an address, sorted by name. Raises FormatError, one line, where it cannot be listed."""
    try:
        return sorted(open_files(address.scheme).list(address.url), key=lambda file: file.name)
    except OSError as error:
        raise FormatError(
            "{address}: its files cannot be listed ({reason}); check the address and the connection",
            address=address,
            reason=error.strerror or error,
        ) from error


def read_remote(file: RemoteFile, most: int) -> bytes:
    """Return a file's bytes, at most ``most``. Raises OSError, also where not all of them came."""
    if file.size is not None and file.size > most:
        raise _too_large(file.size, most)
    data = open_files(Address(file.url).scheme).read(file.url, most + 1)
    if len(data) > most:
        raise _too_large(len(data), most)
    if file.size is not None and len(data) != file.size:
        raise OSError(
            errno.EIO,
            Message(
                "{came} bytes came of {size}: it was changed, or broke off", came=len(data), size=file.size
            ),
        )
    return data


def read_remote_head(file: RemoteFile, count: int) -> bytes:
    """Return a file's first ``count`` bytes; nothing of what cannot be read."""
    try:
        return open_files(Address(file.url).scheme).read(file.url, count)
    except OSError:
        return b""


def _tell_version(about: Mapping[str, Any]) -> str:
    return next((str(about[name]) for name in _VERSIONS if about.get(name)), "")


def _within(seconds: float, call: Callable[[], Came]) -> Came:
    """Return what a call returns. Raises OSError where it fails or takes longer; it then goes on by itself."""
    came: list[Came] = []
    failed: list[Exception] = []

    def run() -> None:
        try:
            came.append(call())
        except Exception as error:  # each system raises its own
            failed.append(error)

    thread = threading.Thread(target=run, name="remote", daemon=True)
    thread.start()
    thread.join(seconds)
    if came:
        return came[0]
    if not failed:
        raise OSError(errno.ETIMEDOUT, Message("no answer within {seconds:.0f} seconds", seconds=seconds))
    if isinstance(failed[0], OSError) and failed[0].errno:
        raise failed[0]
    if isinstance(failed[0], FileNotFoundError):
        raise FileNotFoundError(errno.ENOENT, Message("there is no such file")) from failed[0]
    raise OSError(errno.EIO, one_line(failed[0])) from failed[0]


def _too_large(size: int, most: int) -> OSError:
    return OSError(
        errno.EFBIG,
        Message("{size:.0f} MB, the limit is {limit:.0f} MB", size=size / 2**20, limit=most / 2**20),
    )
