"""A training set as a version: the digests that ``export.json`` names it by, and the one reader that checks them."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from magic_demo.core.disk.user_files import digest_user_file, read_user_text
from magic_demo.core.errors import one_line
from magic_demo.core.limits import LIMITS
from magic_demo.reviews.exports.readings import ExportError

MANIFEST = "export.json"
TRAINING_SET = "training-set"


@dataclass(frozen=True)
class DataSetVersion:
    """A training set whose files are all there and unchanged.

    digest: names exactly these files and questions. questions: digest of what was asked. cases, readings, masks:
    how many. numbers: of the reviews, in the store that they are of. kinds: kind of review -> how many. annotators: their names, by the k of ``ann<k>``; none of a
    model's card.
    """

    folder: Path
    digest: str
    questions: str
    cases: int
    readings: int
    masks: int
    numbers: tuple[int, ...]
    kinds: Mapping[str, int]
    annotators: tuple[str, ...]


def digest_files(folder: Path) -> dict[str, str]:
    """Return path below the folder -> SHA-256 of every file but the manifest, by path."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / MANIFEST)
    return {
        path.relative_to(folder).as_posix(): digest_user_file(path, LIMITS.checkpoint_bytes) for path in paths
    }


def name_version(digests: Mapping[str, str], questions: str) -> str:
    """Return the digest of a whole set: of its files by their names, and of the questions."""
    lines = [f"questions {questions}", *(f"{path} {digests[path]}" for path in sorted(digests))]
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogatepass")).hexdigest()


def read_data_set(folder: Path) -> DataSetVersion:
    """Read a training set's manifest and check every file against it.

    Raises ExportError, one line, where the folder is no training set, was written before there were digests, or
    where a file is missing, was changed or is not named.
    """
    content = _read_manifest(folder)
    try:
        digests = {str(path): str(digest) for path, digest in content["digests"].items()}
        version = DataSetVersion(
            folder,
            str(content["version"]),
            str(content["questions"]),
            int(content["cases"]),
            int(content["readings"]),
            int(content["masks"]),
            tuple(sorted(int(one["number"]) for one in content["provenance"])),
            Counter(str(one["kind"]) for one in content["provenance"]),
            tuple(str(content["annotators"][f"ann{k}"]) for k in range(len(content["annotators"]))),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ExportError(
            "{folder}: {file} is not whole ({reason}), or of a version without digests; export it again with "
            "--format {name}",
            folder=folder,
            file=MANIFEST,
            reason=one_line(error, 80),
            name=TRAINING_SET,
        ) from error
    found = digest_files(folder)
    for path in sorted(digests.keys() | found.keys()):
        if digests.get(path) != found.get(path):
            raise ExportError(
                "{folder}: {path} is missing, new or changed since the export; export it again",
                folder=folder,
                path=path,
            )
    if name_version(found, version.questions) != version.digest:
        raise ExportError(
            "{folder}: {file} names another version than its files have; export it again",
            folder=folder,
            file=MANIFEST,
        )
    return version


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        content = json.loads(read_user_text(path, LIMITS.json_bytes))
    except (OSError, ValueError, RecursionError) as error:
        raise ExportError(
            "{folder}: {file} cannot be read ({reason}); a folder that export --format {name} wrote is expected",
            folder=folder,
            file=MANIFEST,
            reason=one_line(error, 120),
            name=TRAINING_SET,
        ) from error
    known = content.get("format") if isinstance(content, dict) else None
    if known != TRAINING_SET:
        raise ExportError(
            "{folder}: {came} was exported here; a folder that export --format {name} wrote is expected",
            folder=folder,
            came=repr(known)[:40],
            name=TRAINING_SET,
        )
    return content  # type: ignore[no-any-return]
