"""Where a store lies: a folder, a file or a server's database, and what a URL says of it."""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError

from magic_demo.core.disk.whole_files import make_folders
from magic_demo.core.errors import StoreError

FILE_NAME = "reviews.sqlite3"
DEFAULT_FOLDER = "reviews"
STORE_VARIABLE = "MAGIC_DEMO_STORE"
FILE_ENDINGS = (".sqlite3", ".sqlite", ".db")


def default_location() -> str:
    """Return where reviews are unless said otherwise: what the environment's MAGIC_DEMO_STORE names, else the
    folder ``reviews``."""
    return os.environ.get(STORE_VARIABLE) or DEFAULT_FOLDER


def is_store_there(location: str) -> bool:
    """Return whether a store is at a place already, or has begun to be; of a server's database that is not
    asked, it is."""
    return "://" in location or Path(location).is_file() or (Path(location) / FILE_NAME).exists()


def folder_beside(location: str, what: str) -> Path:
    """Return where files that go with a store lie, by ``Store.location``: beside SQLite's file, below
    ``reviews`` where it is a server's database."""
    if "://" in location:
        return Path(DEFAULT_FOLDER) / what
    file = Path(location)
    return file.with_name(f"{file.stem}-{what}")


def read_location(location: str | Path) -> tuple[sa.URL, dict[str, Any]]:
    """Return SQLAlchemy's URL of a folder, a file or a URL, and what its driver needs besides; the folder is
    made. Raises StoreError."""
    if "://" not in str(location):
        return _read_path(Path(location)), {}
    try:
        url = sa.make_url(str(location))
    except (ArgumentError, ValueError) as error:  # the text may hold a password: it is not repeated
        raise StoreError(
            "the store's URL cannot be read; expected a folder or postgresql://user:password@host/name"
        ) from error
    backend = url.drivername.partition("+")[0]
    if backend == "sqlite" and url.database and not url.query:
        return _read_path(Path(url.database)), {}
    if backend in ("postgresql", "postgres") and url.database:
        return url.set(drivername="postgresql+pg8000", query={}), _read_options(url)
    shown = url.render_as_string(hide_password=True)
    raise StoreError(
        "the store's URL {url} cannot be used; expected a folder or postgresql://user:password@host/name",
        url=shown,
    )


def _read_path(path: Path) -> sa.URL:
    file = path if path.suffix in FILE_ENDINGS else path / FILE_NAME
    try:
        make_folders(file.parent, private=True)
    except OSError as error:
        raise StoreError(
            "{folder}: the folder cannot be made ({reason}); take a folder that can be written",
            folder=file.parent,
            reason=error.strerror,
        ) from error
    return sa.URL.create("sqlite", database=str(file))


def _read_options(url: sa.URL) -> dict[str, Any]:
    """Return pg8000's arguments for what libpq's URLs may ask for."""
    arguments: dict[str, Any] = {}
    for name, value in url.query.items():
        if name == "sslmode" and value == "verify-full":
            arguments["ssl_context"] = ssl.create_default_context()
        elif name == "sslmode" and value == "require":  # as libpq has it: encrypted, whoever answers
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            arguments["ssl_context"] = context
        elif (name, value) != ("sslmode", "disable"):
            raise StoreError(
                "the store's URL asks for {name}={value}; expected nothing, or sslmode=disable, "
                "require or verify-full",
                name=name,
                value=value,
            )
    return arguments
