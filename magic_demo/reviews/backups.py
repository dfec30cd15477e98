"""Backups: every row of a store and the photos that it keeps, in one file that either kind of database takes
back."""

from __future__ import annotations

import json
import re
import zipfile
import zlib
from collections.abc import Generator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from magic_demo.core.disk.parts import alone_at, claim_new
from magic_demo.core.disk.user_files import open_user_file, read_user_file
from magic_demo.core.disk.whole_files import make_folders, whole_file, write_whole
from magic_demo.core.disk.whole_text import mend_json
from magic_demo.core.errors import StoreError, one_line
from magic_demo.core.limits import LIMITS
from magic_demo.core.messages import Message
from magic_demo.core.version import __version__
from magic_demo.reviews.cases.covered_photos import covered_beside
from magic_demo.reviews.cases.leftovers import sweep_alone
from magic_demo.reviews.store import PROGRAM, Actor, Store

LARGEST = 2**40
"""Bytes of a backup, which is read a part at a time."""
KIND = "magic-demo backup"
VERSION = 1
ABOUT, ROWS, PHOTOS, COVERED = "backup.json", "rows.jsonl", "photos/", "covered/"
_COVERED_NAME = re.compile(r"covered/[0-9a-f]{32}/[0-9a-f]{32}")
_NUMBER = re.compile(r"[1-9][0-9]{0,17}")


class BackupError(StoreError):
    """A backup cannot be written or read: not a backup, damaged, of a newer version."""


@dataclass(frozen=True)
class BackupReport:
    """What a backup holds: rows by table, photos, and one line for each photo and each damaged review that
    could not be taken along."""

    rows: dict[str, int]
    photos: int
    left_out: tuple[str, ...] = ()


def write_backup(store: Store, file: Path) -> BackupReport:
    """Write the store as it is at one moment, while others may go on saving, with the photos of uploads and
    the covered photos that it keeps.

    ``file`` is a zip that only its owner can read; it is there whole or not at all, and replaces nothing. It
    holds everything: names, password hashes, comments, photos. Raises BackupError when there is such a file,
    StoreError, OSError.
    """
    if file.exists():
        raise BackupError("{file}: is there already; name a new file", file=file)
    counts: dict[str, int] = {}
    covered = covered_beside(store.location).folder
    folders = [(COVERED, covered)]
    left_out: list[str] = []
    photos = 0
    with (
        whole_file(file) as part,
        zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive,
    ):
        with store.dump() as dump, archive.open(ROWS, "w", force_zip64=True) as lines:
            for table, row in dump.rows:
                counts[table] = counts.get(table, 0) + 1
                lines.write(json.dumps([table, row]).encode() + b"\n")
                if table == "cases" and row["photos_kept"] and row["folder"]:
                    folders.append((f"{PHOTOS}{row['number']}/", store.find_kept(row["folder"])))
        left_out += store.damaged_reviews()
        for prefix, folder in folders:
            for path in _list_files(folder):
                try:
                    data = read_user_file(path, 4 * LIMITS.photo_bytes)
                except OSError as error:
                    left_out.append(f"{path}: cannot be read ({error.strerror or error})")
                    continue
                archive.writestr(f"{prefix}{path.relative_to(folder).as_posix()}", data, zipfile.ZIP_STORED)
                photos += 1
        about = {
            "kind": KIND,
            "version": VERSION,
            "program": f"magic-demo {__version__}",
            "written_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "rows": counts,
            "last_numbers": dump.last_numbers,
            "photos": photos,
        }
        archive.writestr(ABOUT, json.dumps(about, indent=1))
    return BackupReport(counts, photos, tuple(left_out))


def restore_backup(file: Path, store: Store, *, by: Actor = PROGRAM) -> BackupReport:
    """Put a backup into an empty store, photos beside it into a folder of their case's number.

    The file is read through and checked before anything is written; rows and photos come in whole or not at
    all: when the program is killed, what it wrote goes at the next start, or when the same file is restored
    again. Raises BackupError for a file that is no whole backup, StoreError for a store that is not empty or
    that another program restores to.
    """
    try:
        with open_user_file(file, LARGEST) as opened, zipfile.ZipFile(opened) as archive:
            about = _read_about(file, archive)
            names = [name for name in archive.namelist() if name.startswith((PHOTOS, COVERED))]
            damaged = archive.testzip()
            if damaged is not None or len(names) != about["photos"]:
                raise BackupError(
                    "{file}: is damaged ({reason}); take another backup",
                    file=file,
                    reason=damaged or Message("photos are missing"),
                )
            _check_places(file, archive, names)
            make_folders(store.kept_root.parent, private=True)
            with alone_at(store.kept_root.parent) as alone:
                if not alone:
                    raise BackupError(
                        "{place}: another program restores to this place; wait until it has ended",
                        place=store.location,
                    )
                sweep_alone(store)
                if not store.is_empty():
                    raise StoreError("this store is not empty; restore into a new one (--store PLACE)")
                try:
                    with closing(_read_rows(file, archive)) as rows:
                        counts = store.load(
                            rows,
                            about["last_numbers"],
                            about["rows"],
                            by=by,
                            at_end=lambda: _write_photos(archive, names, store),
                        )
                except BaseException:
                    with suppress(StoreError):  # then the next start sweeps
                        sweep_alone(store)
                    raise
                left = sweep_alone(store)  # the rows are there: what was written stays
    except OSError as error:
        raise BackupError(
            "{file}: cannot be read or put back ({reason}); check the path and the space",
            file=file,
            reason=error.strerror or error,
        ) from error
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        ValueError,
        RecursionError,
        NotImplementedError,
        RuntimeError,
        KeyError,
    ) as error:
        raise BackupError(
            "{file}: is no whole backup ({reason}); give a file that `backup` wrote",
            file=file,
            reason=one_line(error, 120),
        ) from error
    return BackupReport(counts, len(names), left)


def _list_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink() and path.name[0] != "."
    ]


def _read_about(file: Path, archive: zipfile.ZipFile) -> dict[str, Any]:
    if archive.getinfo(ABOUT).file_size > LIMITS.text_characters:
        raise BackupError(
            "{file}: says more of itself than a backup does; give a file that `backup` wrote", file=file
        )
    about = json.loads(mend_json(archive.read(ABOUT).decode()))
    if not isinstance(about, dict) or about.get("kind") != KIND:
        raise BackupError("{file}: is no backup of this program; give a file that `backup` wrote", file=file)
    if about.get("version") != VERSION:
        raise BackupError(
            "{file}: is a backup of version {came}, version {version} is read; update Magic Demo",
            file=file,
            came=repr(about.get("version")),
            version=VERSION,
        )
    for name in ("rows", "last_numbers"):
        if not isinstance(about[name], dict) or not all(
            type(count) is int and 0 <= count < 2**62 for count in about[name].values()
        ):
            raise BackupError("{file}: says {name} that cannot be; take another backup", file=file, name=name)
    return about


def _read_rows(file: Path, archive: zipfile.ZipFile) -> Generator[tuple[str, dict[str, Any]], None, None]:
    """Yield the rows, cases whose photos the store keeps with the name of the folder that they are in now: no
    path comes out of a backup."""
    with archive.open(ROWS) as lines:
        while line := lines.readline(LIMITS.json_bytes):
            entry = json.loads(mend_json(line.decode()))
            if not (
                isinstance(entry, list)
                and len(entry) == 2
                and isinstance(entry[0], str)
                and isinstance(entry[1], dict)
            ):
                raise BackupError("{file}: holds a row that is none; take another backup", file=file)
            table, values = entry
            if table == "cases" and values.get("photos_kept") and values.get("folder") is not None:
                values["folder"] = str(values.get("number"))
            yield table, values


def _check_places(file: Path, archive: zipfile.ZipFile, names: list[str]) -> None:
    """Raise BackupError for a photo whose name leads out of its case's folder, and for one that would be
    larger than it is here."""
    for name in names:
        covered = _COVERED_NAME.fullmatch(name)
        number, *parts = PurePosixPath(name.removeprefix(PHOTOS)).parts
        if not covered and (
            not _NUMBER.fullmatch(number)
            or not parts
            or any(part[0] == "." or set(part) & set("\\:\0") for part in parts)
        ):
            raise BackupError(
                "{file}: holds {name!r}, which is no photo's place; nothing was put back",
                file=file,
                name=name,
            )
        entry = archive.getinfo(name)
        if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
            raise BackupError(
                "{file}: {name} is packed, as `backup` packs no photo; nothing was put back",
                file=file,
                name=name,
            )
        if entry.file_size > LIMITS.photo_bytes:
            raise BackupError(
                "{file}: {name} is larger than the limit of {limit} bytes; raise "
                "MAGIC_DEMO_LIMIT_PHOTO_BYTES",
                file=file,
                name=name,
                limit=LIMITS.photo_bytes,
            )


def _write_photos(archive: zipfile.ZipFile, names: list[str], store: Store) -> None:
    """Write the photos into folders that are claimed, until the rows are there."""
    covered, claimed = covered_beside(store.location).folder.resolve(), set[Path]()
    for name in names:
        top, parts = (
            (covered, name.removeprefix(COVERED))
            if name.startswith(COVERED)
            else (store.kept_root, name.removeprefix(PHOTOS))
        )
        folder = top / parts.partition("/")[0]
        if folder not in claimed:
            make_folders(top, private=True)
            try:
                claim_new(folder, store.label)
            except FileExistsError as error:
                raise BackupError(
                    "{folder}: is there already; restore into a new store", folder=folder
                ) from error
            claimed.add(folder)
        write_whole(top / parts, archive.read(name), private=True)
