"""Write the corpus of bad files, ``tests/data/corpus``: ``python -m tests.robustness.corpus.make_corpus [FOLDER]``.

Every file is made here, none comes from anybody.

``expected.json`` in it says of each place which reader it is for and what must come of it.
"""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.robustness.corpus.corpus_files import FILES
from tests.robustness.corpus.corpus_folders import FOLDERS

CORPUS = Path(__file__).resolve().parents[2] / "data" / "corpus"
EXPECTED = "expected.json"


@dataclass(frozen=True)
class Expected:
    """What must come of a place: read (``error`` is empty) or refused with an error class; each of ``says``
    stands in the notes or the line."""

    place: str
    reader: str
    error: str
    says: tuple[str, ...]


def make_corpus(folder: Path) -> list[Expected]:
    """Write every bad file below ``folder``, which is removed first, and return what is expected of them."""
    shutil.rmtree(folder, ignore_errors=True)
    expected = []
    for file in FILES:
        path = folder / file.place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content())
        expected.append(Expected(file.place, file.reader, file.error, file.says))
    for made in FOLDERS:
        path = folder / made.place
        path.mkdir(parents=True)
        made.write(path)
        expected.append(Expected(made.place, made.reader, made.error, made.says))
    lines = [json.dumps(entry.__dict__, ensure_ascii=True) for entry in expected]
    (folder / EXPECTED).write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")
    return expected


def read_expected(folder: Path = CORPUS) -> list[Expected]:
    """Read ``expected.json``."""
    entries = json.loads((folder / EXPECTED).read_text(encoding="utf-8"))
    return [
        Expected(entry["place"], entry["reader"], entry["error"], tuple(entry["says"])) for entry in entries
    ]


if __name__ == "__main__":
    place = Path(sys.argv[1]) if len(sys.argv) > 1 else CORPUS
    print(f"{len(make_corpus(place))} bad files and folders in {place}")
