"""Backups: every row of a store and the photos that it keeps, in one file that either kind of database takes back."""

from __future__ import annotations

import json
import re
import shutil
import zipfile
import zlib
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

import magic_demo
from magic_demo.covered_photos import covered_beside
from magic_demo.errors import StoreError, one_line
from magic_demo.limits import LIMITS
from magic_demo.store import Store
from magic_demo.whole_files import whole_file, write_whole

KIND = "magic-demo backup"
VERSION = 1
ABOUT, ROWS, PHOTOS, COVERED = "backup.json", "rows.jsonl", "photos/", "covered/"
_COVERED_NAME = re.compile(r"covered/[0-9a-f]{32}/[0-9a-f]{32}")


class BackupError(StoreError):
    """A backup cannot be written or read: not a backup, damaged, of a newer version."""


@dataclass(frozen=True)
class BackupReport:
    """What a backup holds: rows by table, photos, and one line for each photo that could not be taken along."""

    rows: dict[str, int]
    photos: int
    left_out: tuple[str, ...] = ()


def write_backup(store: Store, file: Path) -> BackupReport:
    """Write the store as it is at one moment, while others may go on saving, with the photos of uploads and the covered photos that it keeps.

    ``file`` is a zip that only its owner can read; it is there whole or not at all, and replaces nothing. It holds everything: names,
    password hashes, comments, photos. Raises BackupError when there is such a file, StoreError, OSError.
    """
    if file.exists():
        raise BackupError(f"{file}: is there already; name a new file")
    counts: dict[str, int] = {}
    covered = covered_beside(store.place).folder
    kept = [(COVERED, covered)]
    left_out: list[str] = []
    photos = 0
    with whole_file(file) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        with store.dump() as dump, archive.open(ROWS, "w", force_zip64=True) as lines:
            for table, row in dump.rows:
                counts[table] = counts.get(table, 0) + 1
                lines.write(json.dumps([table, row]).encode() + b"\n")
                if table == "cases" and row["photos_kept"] and row["folder"]:
                    kept.append((f"{PHOTOS}{row['number']}/", Path(row["folder"])))
        for place, folder in kept:
            for path in _list_files(folder):
                try:
                    data = path.read_bytes()
                except OSError as error:
                    left_out.append(f"{path}: cannot be read ({error.strerror or error})")
                    continue
                archive.writestr(f"{place}{path.relative_to(folder).as_posix()}", data, zipfile.ZIP_STORED)
                photos += 1
        about = {
            "kind": KIND,
            "version": VERSION,
            "program": f"magic-demo {magic_demo.__version__}",
            "written_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "rows": counts,
            "last_numbers": dump.last_numbers,
            "photos": photos,
        }
        archive.writestr(ABOUT, json.dumps(about, indent=1))
    return BackupReport(counts, photos, tuple(left_out))


def restore_backup(file: Path, store: Store, photos: Path) -> BackupReport:
    """Put a backup into an empty store, photos into a folder of their case's number below ``photos``.

    The file is read through and checked before anything is written; the rows come in whole or not at all.
    Raises BackupError for a file that is no whole backup, StoreError for a store that is not empty, OSError.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            about = _read_about(file, archive)
            names = [name for name in archive.namelist() if name.startswith((PHOTOS, COVERED))]
            damaged = archive.testzip()
            if damaged is not None or len(names) != about["photos"]:
                raise BackupError(f"{file}: is damaged ({damaged or 'photos are missing'}); take another backup")
            covered = covered_beside(store.place).folder
            folders = _place_photos(file, archive, names, photos)
            new = [*folders.values(), *([covered] if any(name.startswith(COVERED) for name in names) else [])]
            for folder in new:
                if folder.exists():
                    raise BackupError(f"{folder}: is there already; restore into a new store, name a new folder with --photos")
            try:
                _write_photos(archive, names, photos, covered)
                with closing(_read_rows(file, archive, folders)) as rows:
                    counts = store.load(rows, about["last_numbers"], about["rows"])
            except BaseException:
                for folder in new:
                    shutil.rmtree(folder, ignore_errors=True)
                raise
    except OSError as error:
        raise BackupError(f"{file}: cannot be read or put back ({error.strerror or error}); check the path and the space") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, RecursionError, NotImplementedError, RuntimeError, KeyError) as error:
        raise BackupError(f"{file}: is no whole backup ({one_line(error, 120)}); give a file that `backup` wrote") from error
    return BackupReport(counts, len(names))


def _list_files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink()] if folder.is_dir() else []


def _read_about(file: Path, archive: zipfile.ZipFile) -> dict[str, Any]:
    if archive.getinfo(ABOUT).file_size > LIMITS.text_characters:
        raise BackupError(f"{file}: says more of itself than a backup does; give a file that `backup` wrote")
    about = json.loads(archive.read(ABOUT))
    if not isinstance(about, dict) or about.get("kind") != KIND:
        raise BackupError(f"{file}: is no backup of this program; give a file that `backup` wrote")
    if about.get("version") != VERSION:
        raise BackupError(f"{file}: is a backup of version {about.get('version')!r}, version {VERSION} is read; update Magic Demo")
    for name in ("rows", "last_numbers"):
        if not isinstance(about[name], dict) or not all(type(count) is int and 0 <= count < 2**62 for count in about[name].values()):
            raise BackupError(f"{file}: says {name} that cannot be; take another backup")
    return about


def _read_rows(file: Path, archive: zipfile.ZipFile, folders: dict[int, Path]) -> Generator[tuple[str, dict[str, Any]], None, None]:
    """Yield the rows, cases with the folders that their photos are in now."""
    with archive.open(ROWS) as lines:
        while line := lines.readline(LIMITS.json_bytes):
            entry = json.loads(line)
            if not (isinstance(entry, list) and len(entry) == 2 and isinstance(entry[0], str) and isinstance(entry[1], dict)):
                raise BackupError(f"{file}: holds a row that is none; take another backup")
            table, values = entry
            number = values.get("number")
            if table == "cases" and isinstance(number, int) and number in folders:
                values["folder"] = str(folders[number])
            yield table, values


def _place_photos(file: Path, archive: zipfile.ZipFile, names: list[str], photos: Path) -> dict[int, Path]:
    """Return the folder of each case's number; covered photos have their own places. Raises BackupError for a name that is no photo's place."""
    folders: dict[int, Path] = {}
    for name in names:
        covered = _COVERED_NAME.fullmatch(name)
        number, *parts = PurePosixPath(name.removeprefix(PHOTOS)).parts
        if not covered and (not number.isdecimal() or not parts or any(part == ".." or set(part) & set("\\:\0") for part in parts)):
            raise BackupError(f"{file}: holds {name!r}, which is no photo's place; nothing was put back")
        if archive.getinfo(name).file_size > LIMITS.photo_bytes:
            raise BackupError(f"{file}: {name} is larger than the limit of {LIMITS.photo_bytes} bytes; raise MAGIC_DEMO_LIMIT_PHOTO_BYTES")
        if not covered:
            folders[int(number)] = (photos / number).resolve()
    return folders


def _write_photos(archive: zipfile.ZipFile, names: list[str], photos: Path, covered: Path) -> None:
    for name in names:
        place = covered.resolve() / name.removeprefix(COVERED) if name.startswith(COVERED) else photos.resolve() / name.removeprefix(PHOTOS)
        write_whole(place, archive.read(name))
