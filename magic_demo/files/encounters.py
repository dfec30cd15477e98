"""Challenge files in JSON, read and written: encounters with their photos' places, and answers to the closed
questions."""

from __future__ import annotations

import errno
import html
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from magic_demo.core.errors import FormatError
from magic_demo.core.limits import LIMITS
from magic_demo.core.messages import Message
from magic_demo.core.types import LANGUAGES, EncounterFiles, Language, Narrative, PhotoFile, Question
from magic_demo.core.user_files import read_user_head, read_user_text
from magic_demo.core.whole_files import write_json
from magic_demo.core.whole_text import mend_json, mend_text
from magic_demo.files.layouts import SPLITS, ChosenFile, find_encounter_file, name_split
from magic_demo.files.photos.index import PhotoIndex, name_others
from magic_demo.files.photos.kinds import PHOTO_SUFFIXES, sniff_kind
from magic_demo.questions.families import QuestionSet, load_challenge

ENCOUNTER_KEY = "encounter_id"

_ID = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_MASK_STEM = re.compile(r".+_mask_[A-Za-z0-9]+")
_TAGS = (
    "a|abbr|b|big|blockquote|body|br|center|code|div|em|font|h[1-6]|head|hr|html|i|img|label|li|link|meta|ol|p|pre|s|script|section|"
    "small|span|strike|strong|style|sub|sup|table|tbody|td|th|thead|title|tr|u|ul"
)
_MARKUP = re.compile(
    rf"<(script|style)\b[^<>]*>.*?</\1\s*>|<!--.*?-->|</?(?:{_TAGS})(?:\s[^<>]*)?/?>",
    re.IGNORECASE | re.DOTALL,
)


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
        _refuse_other_file(data)
        return _read_encounter_file(
            ChosenFile(data, split or name_split(data.stem) or data.stem), data.parent
        )
    if not data.is_dir():
        raise FormatError(
            "{path}: no such file or folder; a challenge folder, its JSON file or a folder of "
            "photos is expected",
            path=data,
        )
    if split is not None and not _ID.fullmatch(split):
        raise FormatError(
            "split '{split}': a name such as valid is expected, of letters, digits, '_', '.' and '-'",
            split=split,
        )
    file = find_encounter_file(data, split)
    if file is not None:
        return _read_encounter_file(file, data)
    return _read_photo_folder(data)


def clean_text(text: str) -> str:
    """Return the text without HTML tags, entities, control characters and superfluous white space; "<5 cm"
    and emoji stay."""
    plain = html.unescape(_MARKUP.sub(" ", mend_text(text))).replace("\u200b", "").replace("\ufeff", "")
    return " ".join(
        "".join(
            char if unicodedata.category(char) != "Cc" or char.isspace() else " " for char in plain
        ).split()
    )


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
            "{path}: holds {came}; {expected} is expected", path=path, came=_kind(entries), expected=expected
        )
    return entries


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
                came=_kind(entry),
            )
        encounter_id = _as_text(entry.get(ENCOUNTER_KEY))
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
    rows: list[dict[str, Any]] = []
    for encounter_id, chosen in answers.items():
        if not is_whole(encounter_id):
            raise FormatError(
                "answers: the id {came} holds a character that is cut in half; write whole text",
                came=_show(encounter_id),
            )
        unknown = [qid for qid in chosen if qid not in known]
        if unknown:
            raise FormatError(
                "{encounter} answers {came}, which is no question; the questions are {known}",
                encounter=encounter_id,
                came=unknown[0],
                known=_span(questions),
            )
        row: dict[str, Any] = {ENCOUNTER_KEY: encounter_id}
        row.update(
            {q.qid: _check_index("answers", encounter_id, q, chosen.get(q.qid, _MISSING)) for q in questions}
        )
        rows.append(row)
    write_json(path, rows)


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
            came=_kind(value),
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


def _refuse_other_file(file: Path) -> None:
    """Raise FormatError for a file that is a zip or a photo, as people give them."""
    head = read_user_head(file, 132)
    if head.startswith(b"PK\x03\x04"):
        raise FormatError("{path}: is a zip; unpack it and give the folder", path=file)
    if sniff_kind(head):
        raise FormatError("{path}: is a photo; give the folder that it lies in", path=file)


def _read_encounter_file(chosen: ChosenFile, folder: Path) -> EncounterList:
    file = chosen.path
    entries = read_json_list(file, Message("a JSON list of encounters"))
    photos = PhotoIndex(folder, name_split(chosen.split) or chosen.split)
    encounters: dict[str, EncounterFiles] = {}
    problems: list[str] = []
    twice = 0
    for number, entry in enumerate(entries, start=1):
        try:
            encounter = _parse_encounter(entry, photos, problems)
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
    notes = (*chosen.notes, *_note_numbers(entries), *_note_no_words(file.name, found))
    return EncounterList(found, tuple(problems), notes=notes, listed=len(entries) - twice)


def _name_zips(photos: PhotoIndex, found: Iterable[EncounterFiles], folder: Path) -> list[str]:
    """Return a line that names zips which lie where photos are missing."""
    missing = sum(photo.path is None for files in found for photo in files.photo_files)
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


def _note_numbers(entries: Iterable[Any]) -> tuple[Message, ...]:
    """Return a line for ids that are numbers."""
    ids = [entry.get(ENCOUNTER_KEY) for entry in entries if isinstance(entry, dict)]
    numbers = [value for value in ids if _is_number(value)]
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


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _parse_encounter(entry: Any, photos: PhotoIndex, problems: list[str]) -> EncounterFiles:
    if not isinstance(entry, dict):
        raise FormatError("{came} where an object with 'encounter_id' is expected", came=_kind(entry))
    encounter_id = _as_text(entry.get(ENCOUNTER_KEY))
    if not isinstance(encounter_id, str) or not _is_safe_id(encounter_id):
        raise FormatError(
            "'encounter_id' is {came}; letters, digits, '_', '.' and '-' are expected",
            came=_show(encounter_id),
        )
    names = _list(entry, encounter_id, "image_ids")
    if len(names) > LIMITS.encounter_photos:
        raise FormatError(
            "{encounter}: {count} photos, the limit is {limit}; split the encounter",
            encounter=encounter_id,
            count=len(names),
            limit=LIMITS.encounter_photos,
        )
    photo_files: dict[str, PhotoFile] = {}
    for name in map(_as_text, names):
        if not isinstance(name, str) or not is_file_name(name):
            raise FormatError(
                "{encounter}: photo {name} is not a file name such as IMG_ENC00001_00001.jpg",
                encounter=encounter_id,
                name=_show(name),
            )
        photo_id = _photo_id(name)
        if photo_id in photo_files and names.count(name) == 1:
            raise FormatError(
                "{encounter}: two photos are called {photo}, with other endings; their masks would "
                "overwrite each other",
                encounter=encounter_id,
                photo=photo_id,
            )
        path, doubt = photos.find(photo_id, name)
        photo_files[photo_id] = PhotoFile(photo_id, path)
        problems += [f"{encounter_id}: {doubt}"] if doubt else []
    responses = _list(entry, encounter_id, "responses")
    return EncounterFiles(
        encounter_id=encounter_id,
        narrative=Narrative(
            **{language: _narrative(entry, encounter_id, language) for language in LANGUAGES}
        ),
        photo_files=tuple(photo_files.values()),
        responses=tuple(
            text for text in (_response(response, encounter_id) for response in responses) if text
        ),
        author_id=_text({"author_id": _as_text(entry.get("author_id"))}, encounter_id, "author_id"),
    )


def _as_text(value: Any) -> Any:
    """Return an id that is a whole number as text, and anything else as it is."""
    return str(value) if _is_number(value) else value


def _narrative(entry: Mapping[str, Any], encounter_id: str, language: Language) -> str:
    title, content = (
        clean_text(_text(entry, encounter_id, f"query_{part}_{language}")) for part in ("title", "content")
    )
    longest = max(len(title), len(content))
    if longest > LIMITS.text_characters:
        raise FormatError(
            "{encounter}: a text of {count} characters, the limit is {limit}; shorten it",
            encounter=encounter_id,
            count=longest,
            limit=LIMITS.text_characters,
        )
    if not title or not content or title == content:
        return title or content
    stop, space = ("。", "") if language == "zh" else (".", " ")
    return f"{title}{'' if title[-1] in '.。!！?？:：,，;；…' else stop}{space}{content}"


def _response(response: Any, encounter_id: str) -> str:
    if not isinstance(response, dict):
        raise FormatError(
            "{encounter}: a response is {came}; an object with 'content_en' is expected",
            encounter=encounter_id,
            came=_kind(response),
        )
    return clean_text(_text(response, encounter_id, "content_en"))


def _text(entry: Mapping[str, Any], encounter_id: str, key: str) -> str:
    value = entry.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise FormatError(
            "{encounter}: '{key}' is {came}; a text is expected",
            encounter=encounter_id,
            key=key,
            came=_kind(value),
        )
    return value


def _list(entry: Mapping[str, Any], encounter_id: str, key: str) -> list[Any]:
    value = entry.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise FormatError(
            "{encounter}: '{key}' is {came}; a list is expected",
            encounter=encounter_id,
            key=key,
            came=_kind(value),
        )
    return value


def _read_photo_folder(folder: Path) -> EncounterList:
    encounters: list[EncounterFiles] = []
    index = PhotoIndex(folder, None)
    problems, notes = name_others(index.others, folder)
    for stem in index.stems():
        # Masks that lie beside the photos are no photos: predicting into the photos' own folder must not feed
        # on itself.
        paths = [
            path
            for path in index.of(stem)
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
        encounters.append(EncounterFiles(stem, photo_files=(PhotoFile(stem, paths[0]),)))
    if not encounters and not problems:
        raise FormatError(
            "{folder}: neither a challenge JSON ({names}) nor photos here or below",
            folder=folder,
            names=[f"{split}.json" for split in SPLITS],
        )
    return EncounterList(tuple(encounters), tuple(problems), plain=True, notes=notes)


def _photo_id(name: str) -> str:
    stem, dot, suffix = name.rpartition(".")
    return stem if stem and f"{dot}{suffix}".lower() in PHOTO_SUFFIXES else name


def _is_safe_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None and ".." not in text and text != "."


def is_file_name(text: str) -> bool:
    """Tell whether a text names one file in a folder, with room for the ending that a mask's name gets."""
    return (
        bool(text)
        and text[0] != "."
        and text.isprintable()
        and not set(text) & set("/\\:")
        and len(text.encode("utf-8")) <= 200
    )


def _span(questions: Iterable[Question]) -> Message:
    qids = [question.qid for question in questions]
    return Message("{first} to {last}", first=qids[0], last=qids[-1])


def _show(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=True)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _kind(value: Any) -> Message:
    names = {dict: Message("an object"), list: Message("a list"), type(None): Message("null")}
    if type(value) in names:
        return names[type(value)]
    kinds = {str: Message("a text"), bool: Message("true or false")}
    return Message("{value} ({kind})", value=_show(value), kind=kinds.get(type(value), Message("a number")))
