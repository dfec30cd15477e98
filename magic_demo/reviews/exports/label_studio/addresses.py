"""Where Label Studio finds a task's photo: below a local storage, or at an address of the web."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from magic_demo.core.types import PhotoFile
from magic_demo.reviews.exports.readings import CaseReadings

LOCAL_FILES = "/data/local-files/?d="


def name_addresses(cases: Iterable[CaseReadings], prefix: str | None) -> Callable[[PhotoFile], str]:
    """Return what names a photo's address.

    Label Studio serves files below its document root alone, and only those of a folder that is a local
    storage: the address names the storage's folder first. Without a prefix that is the innermost folder that
    holds all photos, which is to be the storage, and the document root the folder above it. prefix: that
    folder's path below the document root, or an address with ``://``.
    """
    top = _find_top(photo.path for case in cases if case.files for photo in case.files.photo_files)
    start = prefix if prefix is not None else top.name if top is not None else ""
    base = start.rstrip("/") + "/" if start.strip("/") else ""

    def address(photo: PhotoFile) -> str:
        below = _below(photo.path, top) if photo.path is not None and top is not None else photo.photo_id
        if "://" in base:
            return base + quote(below)
        return LOCAL_FILES + quote(base.lstrip("/") + below)

    return address


def _find_top(paths: Iterable[Path | None]) -> Path | None:
    """Return the innermost folder that all files lie below, None where no file is known or they share none."""
    folders = {path.absolute().parent for path in paths if path is not None}
    try:
        return Path(os.path.commonpath(folders)) if folders else None
    except ValueError:  # on several drives
        return None


def _below(path: Path, top: Path) -> str:
    return PurePosixPath(path.absolute().relative_to(top)).as_posix()
