"""What is handed in to the challenge: one zip of masks and answers, as the organisers' script unpacks it."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from magic_demo.challenge.run_folder import ANSWERS, CHALLENGE, MANIFEST, MASKS
from magic_demo.core.disk.user_files import read_user_file, read_user_text
from magic_demo.core.disk.whole_files import whole_file
from magic_demo.core.errors import FormatError
from magic_demo.core.limits import LIMITS
from magic_demo.files.answers import read_answers
from magic_demo.files.masks.decoding import LARGEST_MASK
from magic_demo.files.masks.mask_files import mask_file_name
from magic_demo.questions.families import load_challenge

STOPS = "the organisers' script will stop"
LONGEST_NAMED = 5
_DATE = (1980, 1, 1, 0, 0, 0)
"""Of every file in the zip, so that the same run gives the same bytes."""


@dataclass(frozen=True)
class HandIn:
    """What a run has to hand in.

    photos: ids of every photo that the encounters name, None where masks were left out. encounters: ids of
    those that are answered, None where answers were left out. listed: encounters that the data lists.
    """

    photos: tuple[str, ...] | None
    encounters: tuple[str, ...] | None
    listed: int


@dataclass(frozen=True)
class Submission:
    """A zip that was written: one line of counts, and one line for each reason why the organisers' script would
    stop at it."""

    counts: str
    problems: tuple[str, ...]


def read_hand_in(out: Path) -> HandIn:
    """Read what the finished run in ``out`` has to hand in.

    Raises FormatError where there is no run, it has not come to its end, or it answered other questions.
    """
    manifest = out / MANIFEST
    try:
        kept = json.loads(read_user_text(manifest, LIMITS.json_bytes))
        finished, questions = kept["finished"], kept["settings"]["questions"]
        files = kept["results"]["hand_in"] if finished else {}
        hand_in = HandIn(
            _ids(files.get("photos")), _ids(files.get("encounters")), int(files.get("listed", 0))
        )
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FormatError(
            "{out}: holds no run of predict (no {manifest}); give the --out of one",
            out=out,
            manifest=MANIFEST,
        ) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise FormatError(
            "{manifest}: not a manifest that says what is handed in; give the same predict command again with "
            "--restart",
            manifest=manifest,
        ) from error
    if not finished:
        raise FormatError(
            "{out}: the run has not come to its end; give the same predict command again, it goes on", out=out
        )
    if questions != CHALLENGE:
        raise FormatError(
            "{out}: answers other questions than the challenge's; run predict without --questions", out=out
        )
    return hand_in


def write_submission(file: Path, out: Path, hand_in: HandIn) -> Submission:
    """Write the zip of the run in ``out``, whole or not at all: ``masks_preds/`` with a TIFF for each photo, and
    ``data_cvqa_sys.json``, both at the top.

    Of a task that was left out the folder is empty, or the file an empty list: the organisers' script then
    counts it as 0 and goes on. Raises FormatError where the run's files cannot be read, or ``file`` is none.
    """
    check_target(file)
    photos, encounters = hand_in.photos or (), hand_in.encounters
    masks = {photo_id: out / MASKS / mask_file_name(photo_id) for photo_id in photos}
    there = [path for path in masks.values() if path.is_file()]
    answers = read_answers(out / ANSWERS) if encounters is not None else {}
    try:
        with whole_file(file, private=False) as part, zipfile.ZipFile(part, "w") as archive:
            archive.writestr(_describe(f"{MASKS}/", folder=True), b"")
            for path in there:  # unpacked: a mask is packed already
                archive.writestr(_describe(f"{MASKS}/{path.name}"), read_user_file(path, LARGEST_MASK))
            content = read_user_file(out / ANSWERS, LIMITS.json_bytes) if encounters is not None else b"[]\n"
            archive.writestr(_describe(ANSWERS), content, zipfile.ZIP_DEFLATED)
    except OSError as error:
        raise FormatError(
            "{file}: cannot be written ({reason}); check the path, the space and the permissions",
            file=file,
            reason=error.strerror or repr(error),
        ) from error
    problems = []
    missing = [photo_id for photo_id, path in masks.items() if not path.is_file()]
    if missing and hand_in.photos is not None:
        problems.append(f"no mask of {_name(missing)}: {STOPS}")
    if encounters is not None and len(answers) < hand_in.listed:
        problems.append(f"{hand_in.listed - len(answers)} listed encounters are not answered: {STOPS}")
    mask_count = count_masks(len(there), len(photos)) if hand_in.photos is not None else NO_MASKS
    answer_count = count_answers(answers, hand_in.listed) if encounters is not None else NO_ANSWERS
    return Submission(f"{mask_count}, {answer_count}", tuple(problems))


def check_target(file: Path) -> None:
    """Raise FormatError where a submission cannot lie at ``file``; asked before a model runs."""
    if file.suffix.lower() != ".zip" or file.is_dir():
        raise FormatError("{file}: the name of a new file that ends in .zip is expected", file=file)


NO_MASKS = f"no masks ({MASKS} is empty: counted as 0)"
NO_ANSWERS = f"no answers ({ANSWERS} is an empty list: counted as 0)"


def count_masks(there: int, expected: int | None) -> str:
    """Return "157 of 157 masks"."""
    return f"{there} masks" if expected is None else f"{there} of {expected} masks"


def count_answers(answers: Mapping[str, Collection[str]], expected: int | None) -> str:
    """Return "56 of 56 answers, 27 of 27 questions each"; answers: encounter id -> the qids answered."""
    asked = len(load_challenge().questions)
    least = min((len(set(qids) & set(_qids())) for qids in answers.values()), default=0)
    of = "" if expected is None else f" of {expected}"
    each = (
        f"{least} of {asked} questions each" if least == asked else f"{least} of {asked} questions at least"
    )
    return f"{len(answers)}{of} answers, {each}" if answers else f"0{of} answers"


def _qids() -> Sequence[str]:
    return [question.qid for question in load_challenge().questions]


def _describe(name: str, *, folder: bool = False) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _DATE)
    info.external_attr = (0o40755 << 16 | 0x10) if folder else 0o100644 << 16
    return info


def _ids(values: Any) -> tuple[str, ...] | None:
    return None if values is None else tuple(str(value) for value in values)


def _name(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - LONGEST_NAMED} more" if len(ids) > LONGEST_NAMED else ""
    return ", ".join(ids[:LONGEST_NAMED]) + more
