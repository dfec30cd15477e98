"""Challenge files in JSON, read and written: encounters with their photos' places, and answers to the closed
questions."""

from __future__ import annotations

import errno
import gc
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from magic_demo.core.disk.json_items import decode_items
from magic_demo.core.disk.user_files import open_user_file, read_user_head, read_user_text
from magic_demo.core.disk.whole_files import write_json_list
from magic_demo.core.disk.whole_text import mend_json
from magic_demo.core.errors import FormatError
from magic_demo.core.limits import LIMITS
from magic_demo.core.messages import Message
from magic_demo.core.types import EncounterFiles, PhotoFile, Question, RemoteFile
from magic_demo.files.entries import (
    ENCOUNTER_KEY,
    as_text,
    is_file_name,
    is_number,
    name_kind,
    parse_encounter,
    show_value,
)
from magic_demo.files.layouts import SPLITS, ChosenFile, find_encounter_file, name_split
from magic_demo.files.photos.index import PhotoIndex, name_others
from magic_demo.files.photos.kinds import sniff_kind
from magic_demo.questions.families import QuestionSet, load_challenge

_ID = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_MASK_STEM = re.compile(r".+_mask_[A-Za-z0-9]+")


@dataclass(frozen=True)
class EncounterList:
    """What was read: encounters in the file's order, and one line for each encounter that could not be used.

    plain: there was no JSON of the challenge, every photo is an encounter. notes: what was left out because
    it is no photo, or not read. listed: encounters that the file lists, those that could not be used among
    them.
    """

    encounters: tuple[EncounterFiles, ...]
    problems: tuple[str, ...] = ()
    plain: bool = False
    notes: tuple[str, ...] = ()
    listed: int = 0


def read_encounters(data: Path, split: str | None = None) -> EncounterList:
    """Read the encounters of a split, or make one of every photo of a plain folder.

    data: the challenge's folder (``<split>/<split>.json`` or ``<split>.json`` anywhere below, or a sister
    challenge's file, see ``layouts``), a split's folder, or the JSON file itself. Without a file that lists
    encounters the folder is taken as plain: each photo an encounter, its id the file name without ending. Photos are found by file name wherever they lie below
    ``data`` (below the JSON's folder when ``data`` is the file), whatever of the photo endings they have,
    first in ``images_<split>`` and last in folders of thumbnails; letters may be composed otherwise or of
    another case than in the JSON. A photo that is not there has ``path`` None. In a plain folder pictures
    that are not read are named in ``problems``. What is wrong with one encounter becomes a line in
    ``problems`` and the others go on. Raises FormatError when nothing can be read.
    """
    if data.is_file():
        refuse_other_file(data)
        return read_encounter_file(ChosenFile(data, split or name_split(data.stem) or data.stem), data.parent)
    if not data.is_dir():
        raise FormatError(
            "{path}: no such file or folder; a challenge folder, its JSON file or a folder of "
            "photos is expected",
            path=data,
        )
    check_split(split)
    with _without_collecting():
        file = find_encounter_file(data, split)
        return read_photo_folder(data) if file is None else read_encounter_file(file, data)


def check_split(split: str | None) -> None:
    """Raise FormatError for what can be no split's name."""
    if split is not None and not _ID.fullmatch(split):
        raise FormatError(
            "split '{split}': a name such as valid is expected, of letters, digits, '_', '.' and '-'",
            split=split,
        )


@contextmanager
def _without_collecting() -> Iterator[None]:
    """Keep Python from looking for circles among what is read: there are none, and among millions it takes long."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def is_whole(text: str) -> bool:
    """Tell whether a text can be written as UTF-8: JSON can hold halves of characters."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def read_json(path: Path, expected: str) -> Any:
    """Read a JSON file, with or without a byte order mark; half characters become U+FFFD.

    Raises FormatError naming the line and column of the first fault.
    """
    try:
        return json.loads(mend_json(read_user_text(path, LIMITS.json_bytes)))
    except OSError as error:
        cure = (
            Message("split it")
            if error.errno == errno.EFBIG
            else Message("{expected} is expected", expected=expected)
        )
        raise FormatError(
            "{path}: cannot be read ({reason}); {cure}", path=path, reason=error.strerror or error, cure=cure
        ) from error
    except UnicodeDecodeError as error:
        raise FormatError(
            "{path}: not UTF-8 text (byte {position}); save {expected} as UTF-8",
            path=path,
            position=error.start,
            expected=expected,
        ) from error
    except json.JSONDecodeError as error:
        raise FormatError(
            "{path}: malformed JSON at line {line}, column {column}: {reason}",
            path=path,
            line=error.lineno,
            column=error.colno,
            reason=error.msg,
        ) from error
    except (RecursionError, ValueError) as error:  # nested too deep, or a number of thousands of digits
        raise FormatError(
            "{path}: this JSON is beyond what can be read ({reason}); {expected} is expected",
            path=path,
            reason=error,
            expected=expected,
        ) from error


def read_json_list(path: Path, expected: str) -> list[Any]:
    """Read a JSON file that holds a list. Raises FormatError otherwise."""
    entries = read_json(path, expected)
    if not isinstance(entries, list):
        raise FormatError(
            "{path}: holds {came}; {expected} is expected",
            path=path,
            came=name_kind(entries),
            expected=expected,
        )
    return entries


def iterate_json_list(path: Path, expected: str) -> Iterator[Any]:
    """Yield the items of a JSON file that holds a list, one at a time; of a long one only a part is in memory.

    Raises FormatError as ``read_json_list``, at the latest where the fault is.
    """
    try:
        with open_user_file(path, LIMITS.json_bytes) as file:
            yield from decode_items(file)
    except (OSError, ValueError, RecursionError) as error:
        read_json_list(path, expected)  # says what is wrong, and where
        raise FormatError("{path}: cannot be read ({reason})", path=path, reason=error) from error


def read_answers(path: Path, asked: QuestionSet | None = None) -> dict[str, dict[str, int]]:
    """Read answers in the organisers' layout, with every check: encounter id -> qid -> option index, all
    questions of every encounter.

    asked: the challenge's questions when None. Raises FormatError naming encounter and question at the first entry that is no object, id that is missing or comes twice, question
    that is missing or unknown, or index that is not a whole number within its question's options. Other keys
    are let be. ``scoring`` has a lenient reader.
    """
    questions = (asked or load_challenge()).questions
    known = {question.qid for question in questions}
    answers: dict[str, dict[str, int]] = {}
    for number, entry in enumerate(read_json_list(path, Message("a JSON list of answer objects")), start=1):
        if not isinstance(entry, dict):
            raise FormatError(
                "{path}: entry {number} is {came}; an object with 'encounter_id' and the qids is expected",
                path=path,
                number=number,
                came=name_kind(entry),
            )
        encounter_id = as_text(entry.get(ENCOUNTER_KEY))
        if not isinstance(encounter_id, str) or not encounter_id:
            raise FormatError(
                "{path}: entry {number} has no 'encounter_id'; give it one such as ENC00001",
                path=path,
                number=number,
            )
        if encounter_id in answers:
            raise FormatError(
                "{path}: {encounter} comes twice (again in entry {number}); keep one of them",
                path=path,
                encounter=encounter_id,
                number=number,
            )
        unknown = [key for key in entry if key.startswith("CQID") and key not in known]
        if unknown:
            raise FormatError(
                "{path}: {encounter} answers {came}, which is no question; the questions are {known}",
                path=path,
                encounter=encounter_id,
                came=unknown[0],
                known=_span(questions),
            )
        answers[encounter_id] = {
            question.qid: _check_index(str(path), encounter_id, question, entry.get(question.qid, _MISSING))
            for question in questions
        }
    return answers


def write_answers(
    path: Path, answers: Mapping[str, Mapping[str, int]], asked: QuestionSet | None = None
) -> None:
    """Write answers in the organisers' layout, whole or not at all, after the checks that ``read_answers``
    makes.

    answers: encounter id -> qid -> option index. Encounters keep their order, questions get the challenge's.
    """
    questions = (asked or load_challenge()).questions
    known = {question.qid for question in questions}
    write_json_list(path, (_check_answers(*one, questions, known) for one in answers.items()))


def _check_answers(
    encounter_id: str, chosen: Mapping[str, int], questions: Sequence[Question], known: Collection[str]
) -> dict[str, Any]:
    """Return one encounter's answers as they are written."""
    if not is_whole(encounter_id):
        raise FormatError(
            "answers: the id {came} holds a character that is cut in half; write whole text",
            came=show_value(encounter_id),
        )
    unknown = [qid for qid in chosen if qid not in known]
    if unknown:
        raise FormatError(
            "{encounter} answers {came}, which is no question; the questions are {known}",
            encounter=encounter_id,
            came=unknown[0],
            known=_span(questions),
        )
    checked = {
        q.qid: _check_index("answers", encounter_id, q, chosen.get(q.qid, _MISSING)) for q in questions
    }
    return {ENCOUNTER_KEY: encounter_id, **checked}


_MISSING = object()


def _check_index(source: str, encounter_id: str, question: Question, value: Any) -> int:
    if value is _MISSING:
        raise FormatError(
            "{source}: {encounter} has no answer to {question}; every question needs an option index",
            source=source,
            encounter=encounter_id,
            question=question.qid,
        )
    last = question.option_count - 1
    if isinstance(value, bool) or not isinstance(value, int):
        raise FormatError(
            "{source}: {encounter} {question} is {came}; a whole number from 0 to {last} is expected",
            source=source,
            encounter=encounter_id,
            question=question.qid,
            came=name_kind(value),
            last=last,
        )
    if not 0 <= value <= last:
        raise FormatError(
            "{source}: {encounter} {question} is {value}; its options go from 0 to {last}",
            source=source,
            encounter=encounter_id,
            question=question.qid,
            value=value,
            last=last,
        )
    return value


def refuse_other_file(file: Path) -> None:
    """Raise FormatError for a file that is a zip or a photo, as people give them."""
    head = read_user_head(file, 132)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        raise FormatError("{path}: is a zip; unpack it and give the folder", path=file)
    if sniff_kind(head):
        raise FormatError("{path}: is a photo; give the folder that it lies in", path=file)


def read_encounter_file(
    chosen: ChosenFile, folder: Path, listed: Mapping[str, RemoteFile] | None = None
) -> EncounterList:
    """Read the encounters of a file, their photos from below a folder. listed: as ``PhotoIndex`` takes it. Raises
    FormatError."""
    file = chosen.path
    encounters: dict[str, EncounterFiles] = {}
    problems: list[str] = []
    number, twice = 0, 0
    numbers: list[int] = []
    photos = PhotoIndex(folder, name_split(chosen.split) or chosen.split, listed)
    for number, entry in enumerate(iterate_json_list(file, Message("a JSON list of encounters")), start=1):
        if isinstance(entry, dict) and is_number(entry.get(ENCOUNTER_KEY)):
            numbers.append(entry[ENCOUNTER_KEY])
        try:
            encounter = parse_encounter(entry, photos, problems)
            if encounter.encounter_id in encounters:
                twice += 1
                raise FormatError(
                    "{encounter} comes twice; the first is used", encounter=encounter.encounter_id
                )
        except FormatError as error:
            problems.append(
                Message("{name}, entry {number}: {problem}", name=file.name, number=number, problem=error)
            )
        else:
            encounters[encounter.encounter_id] = encounter
    found = tuple(encounters.values())
    problems += _name_zips(photos, found, folder)
    notes = (*chosen.notes, *_note_numbers(numbers), *_note_no_words(file.name, found))
    return EncounterList(found, tuple(problems), notes=notes, listed=number - twice)


def _name_zips(photos: PhotoIndex, found: Iterable[EncounterFiles], folder: Path) -> list[str]:
    """Return a line that names zips which lie where photos are missing."""
    missing = sum(photo.place is None for files in found for photo in files.photo_files)
    zips = [str(path.relative_to(folder)) for path in photos.others if path.suffix.lower() == ".zip"]
    if not missing or not zips:
        return []
    return [
        Message(
            "{count} photos are not found, and {zips} is not unpacked; unpack it there",
            count=missing,
            zips=zips,
        )
    ]


def _note_numbers(numbers: Sequence[int]) -> tuple[Message, ...]:
    """Return a line for ids that are numbers."""
    if not numbers:
        return ()
    return (
        Message(
            "{count} ids of encounters are numbers, such as {first}; they are read as text",
            count=len(numbers),
            first=numbers[0],
        ),
    )


def _note_no_words(name: str, found: Sequence[EncounterFiles]) -> tuple[Message, ...]:
    """Return a line where no encounter has words: a sister challenge's list before its texts are there."""
    if not found or any(files.narrative.en or files.narrative.zh for files in found):
        return ()
    return (Message("{name}: no encounter has the patient's words; photos alone are looked at", name=name),)


def read_photo_folder(folder: Path, listed: Mapping[str, RemoteFile] | None = None) -> EncounterList:
    """Make an encounter of every photo below a folder. listed: as ``PhotoIndex`` takes it. Raises FormatError."""
    encounters: list[EncounterFiles] = []
    index = PhotoIndex(folder, None, listed)
    problems, notes = name_others(index.others, folder)
    for stem in index.stems():
        # Masks that lie beside the photos are no photos: predicting into the photos' own folder must not feed
        # on itself.
        paths = [
            path
            for path in map(Path, index.of(stem))
            if not (path.suffix.lower() in (".tif", ".tiff") and _MASK_STEM.fullmatch(stem))
        ]
        if not paths:
            continue
        if not is_file_name(stem):
            problems.append(
                Message(
                    "{photo!r}: a photo's name needs printable characters, no ':' or backslash and at "
                    "most 200 bytes; rename it",
                    photo=stem[:60],
                )
            )
            continue
        if len(paths) > 1:
            names = [str(path.relative_to(folder)) for path in paths]
            problems.append(
                Message(
                    "{photo}: {names} have the same name without ending; {used} is used, rename the others",
                    photo=stem,
                    names=" and ".join(names),
                    used=names[0],
                )
            )
        encounters.append(EncounterFiles(stem, photo_files=(PhotoFile(stem, index.place_of(str(paths[0]))),)))
    if not encounters and not problems:
        raise FormatError(
            "{folder}: neither a challenge JSON ({names}) nor photos here or below",
            folder=folder,
            names=[f"{split}.json" for split in SPLITS],
        )
    return EncounterList(tuple(encounters), tuple(problems), plain=True, notes=notes)


def _span(questions: Iterable[Question]) -> Message:
    qids = [question.qid for question in questions]
    return Message("{first} to {last}", first=qids[0], last=qids[-1])
