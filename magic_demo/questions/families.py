"""The closed questions as a value: which are asked, with which options, in English and Chinese."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from magic_demo.core.disk.whole_files import write_json
from magic_demo.core.disk.whole_text import mend_json
from magic_demo.core.errors import FormatError
from magic_demo.core.types import LANGUAGES, Family, Language, OptionScores, Question, Scale
from magic_demo.questions.answering import NOTHING_KNOWN, AnswerSheet, Statistics, answer_families
from magic_demo.questions.labels import LESION, Label, read_labels, write_labels
from magic_demo.questions.option_keys import read_keys, write_keys
from magic_demo.questions.scales import read_number, read_scale, write_scale
from magic_demo.questions.short_form import read_entries

NOT_MENTIONED = "not mentioned"
_QID = re.compile(r"[A-Za-z0-9_]+(-[A-Za-z0-9_-]+)?")


@dataclass(frozen=True, eq=False)
class QuestionSet:
    """The families that are asked, in their order: handed to whatever reads, shows or decodes answers.

    labels: what is outlined, the first of them what the models find; the lesion alone where none is named.
    """

    families: tuple[Family, ...]
    labels: tuple[Label, ...] = (LESION,)

    @property
    def further_labels(self) -> tuple[Label, ...]:
        """Return the labels but the first, whose masks are a review's ``label_masks``."""
        return self.labels[1:]

    @property
    def required_labels(self) -> tuple[str, ...]:
        """Return which labels a complete review has an outline of, or "none here", on each photo: "" for the first,
        the others by their ids, as ``name_outline`` takes them."""
        names = ("", *(label.label_id for label in self.further_labels))
        return tuple(name for name, label in zip(names, self.labels, strict=True) if label.required)

    @cached_property
    def questions(self) -> tuple[Question, ...]:
        """Return the families' questions one after another."""
        return list_questions(self.families)

    @cached_property
    def option_counts(self) -> Mapping[str, int]:
        """Return qid -> number of options."""
        return {question.qid: question.option_count for question in self.questions}

    @cached_property
    def family_ids(self) -> tuple[str, ...]:
        """Return the families' ids in order."""
        return tuple(family.family_id for family in self.families)

    @cached_property
    def digest(self) -> str:
        """Return 12 hexadecimal digits that are the same where answers and masks mean the same: by qids and English
        options, in their order, whatever the questions' wording, and by the labels' ids."""
        meaning: list[Any] = [
            [question.qid, [plain_option(option) for option in question.options["en"]]]
            for question in self.questions
        ]
        names = [label.label_id for label in self.labels]
        if names != [LESION.label_id]:
            meaning.append({"labels": names})
        return hashlib.sha256(json.dumps(meaning).encode()).hexdigest()[:12]

    def find(self, family_id: str) -> Family | None:
        """Return a family by its id, None where it is not asked."""
        return next((family for family in self.families if family.family_id == family_id), None)

    def family(self, family_id: str) -> Family:
        """Return a family by its id. Raises KeyError, one line, where it is not asked."""
        found = self.find(family_id)
        if found is None:
            raise KeyError(f"there is no family {family_id}; the families are {', '.join(self.family_ids)}")
        return found

    def answer(self, scores: OptionScores, statistics: Statistics = NOTHING_KNOWN) -> AnswerSheet:
        """Decode, calibrate and fall back: the one place where scores become answers.

        scores: qid -> (O,) float, of the families that a model scored. Raises FormatError for scores that do
        not fit their question.
        """
        return answer_families(self.families, scores, statistics)


@lru_cache(maxsize=1)
def load_challenge() -> QuestionSet:
    """Return the challenge's nine families with their 27 questions, from the file that comes with the
    program."""
    text = resources.files("magic_demo.questions").joinpath("questions.json").read_text(encoding="utf-8")
    families = []
    for entry in json.loads(text):
        questions = tuple(
            Question(
                qid=f"{entry['family_id']}-{slot:03d}",
                text=dict(entry["question"]),
                options={language: tuple(entry["options"][language]) for language in LANGUAGES},
            )
            for slot in range(1, entry["slots"] + 1)
        )
        families.append(_family(entry["family_id"], entry["title"], questions))
    return QuestionSet(tuple(families))


def load_families() -> tuple[Family, ...]:
    """Return the nine families of the challenge, in its order."""
    return load_challenge().families


def list_questions(families: Iterable[Family]) -> tuple[Question, ...]:
    """Return the families' questions one after another."""
    return tuple(question for family in families for question in family.questions)


def plain_option(option: str) -> str:
    """Return an option's text as options are compared: lower case, single blanks."""
    return " ".join(option.split()).lower()


def read_questions(path: Path) -> QuestionSet:
    """Read a question file in the organisers' layout or the short form, with its own options and order.

    The file is a JSON list of objects with ``qid``, ``question_en``, ``question_zh``, ``options_en``,
    ``options_zh`` and the optional ``question_type_en``, ``question_type_zh``, ``keys``, ``scale`` ("ordered") or, in
    place of options, ``number`` (min, max, step, unit); or YAML or JSON of shorter entries (``short_form``). Raises
    FormatError that names the first question that is off.

    A file that is an object, {"labels": [...], "questions": [...]}, names what is outlined too; without ``questions``
    the challenge's are asked.
    """
    return _parse_file(path, read_entries(path))


def unpack_questions(text: str, source: str) -> QuestionSet:
    """Return what ``pack_questions`` packed. source: where the text lies, for the error. Raises FormatError."""
    try:
        entries = json.loads(mend_json(text))
    except (ValueError, RecursionError):
        entries = None
    return _parse_file(Path(source), entries)


def _parse_file(path: Path, content: Any) -> QuestionSet:
    if not isinstance(content, Mapping) or "labels" not in content:
        return _parse(path, content)
    unknown = [str(key) for key in content if key not in ("labels", "questions")]
    if unknown:
        raise FormatError(
            "{path}: holds {unknown}; 'labels' and 'questions' are expected", path=path, unknown=unknown[:5]
        )
    asked = _parse(path, content["questions"]) if "questions" in content else load_challenge()
    return replace(asked, labels=read_labels(path, content["labels"]))


def _parse(path: Path, entries: Any) -> QuestionSet:
    if not isinstance(entries, list) or not entries:
        raise FormatError(
            "{path}: a JSON list of question objects is expected, not {came}",
            path=path,
            came=type(entries).__name__,
        )
    by_family: dict[str, list[Question]] = {}
    titles: dict[str, dict[str, str]] = {}
    scales: dict[str, Scale | None] = {}
    keys: dict[str, tuple[str, ...]] = {}
    for entry in entries:
        question, scale = _parse_question(path, entry)
        scales.setdefault(question.family, scale)
        keys.setdefault(
            question.family, read_keys(path, question.qid, entry.get("keys"), question.option_count)
        )
        if any(sibling.qid == question.qid for sibling in by_family.get(question.family, ())):
            raise FormatError(
                "{path}: {question} comes twice; keep one of them", path=path, question=question.qid
            )
        by_family.setdefault(question.family, []).append(question)
        titles.setdefault(
            question.family,
            {
                language: str(entry.get(f"question_type_{language}", question.family)).strip()
                for language in LANGUAGES
            },
        )
    return QuestionSet(
        tuple(
            replace(
                _family(family_id, titles[family_id], tuple(questions), scales[family_id]),
                keys=keys[family_id],
            )
            for family_id, questions in by_family.items()
        )
    )


def write_questions(path: Path, questions: QuestionSet) -> None:
    """Write a question file that ``read_questions`` reads as the same questions."""
    write_json(path, _list_entries(questions), indent=1)


def pack_questions(questions: QuestionSet) -> str:
    """Return questions as one text, the same for the same questions, wording and keys included."""
    return mend_json(json.dumps(_list_entries(questions), sort_keys=True, ensure_ascii=False))


def _list_entries(questions: QuestionSet) -> Any:
    entries = _list_questions(questions)
    if questions.labels == (LESION,):
        return entries
    return {"labels": write_labels(questions.labels), "questions": entries}


def _list_questions(questions: QuestionSet) -> list[dict[str, Any]]:
    return [
        {"qid": question.qid}
        | {f"question_{language}": question.text[language] for language in LANGUAGES}
        | {f"question_type_{language}": family.title[language] for language in LANGUAGES}
        | write_scale(family.scale)
        | write_keys(family.keys)
        | (
            {}
            if family.scale is not None and family.scale.typed
            else {f"options_{language}": list(question.options[language]) for language in LANGUAGES}
        )
        for family in questions.families
        for question in family.questions
    ]


def _parse_question(path: Path, entry: Any) -> tuple[Question, Scale | None]:
    qid = entry.get("qid") if isinstance(entry, Mapping) else None
    if not isinstance(qid, str) or not _QID.fullmatch(qid):
        raise FormatError(
            "{path}: every question needs a 'qid' such as CQID010-001 (letters, digits, '_' and "
            "'-'), not {came!r}",
            path=path,
            came=str(qid)[:40],
        )
    if "number" in entry:
        scale, labels = read_number(path, qid, entry["number"])
        return _question(qid, entry, dict.fromkeys(LANGUAGES, labels)), scale
    options: dict[Any, tuple[str, ...]] = {}
    for language in LANGUAGES:
        values = entry.get(f"options_{language}")
        if (
            not isinstance(values, list)
            or len(values) < 2
            or not all(isinstance(value, str) for value in values)
        ):
            raise FormatError(
                "{path}: {question} needs 'options_{language}', a list of at least two texts",
                path=path,
                question=qid,
                language=language,
            )
        options[language] = tuple(values)
    if len(options["en"]) != len(options["zh"]):
        raise FormatError(
            "{path}: {question} has {english} options in English and {chinese} in Chinese",
            path=path,
            question=qid,
            english=len(options["en"]),
            chinese=len(options["zh"]),
        )
    names = [plain_option(option) for option in options["en"]]
    for option, name in zip(options["en"], names, strict=True):
        if names.count(name) > 1:
            raise FormatError(
                "{path}: {question} has the option '{option}' twice; keep one",
                path=path,
                question=qid,
                option=option.strip(),
            )
    return _question(qid, entry, options), read_scale(path, qid, entry.get("scale"), len(names))


def _question(qid: str, entry: Mapping[Any, Any], options: Mapping[Language, tuple[str, ...]]) -> Question:
    text = {language: str(entry.get(f"question_{language}", qid)) for language in LANGUAGES}
    return Question(qid=qid, text=text, options=options)


def _family(
    family_id: str, title: Mapping[Any, str], questions: Sequence[Question], scale: Scale | None = None
) -> Family:
    first = questions[0]
    for question in questions[1:]:
        if question.options["en"] != first.options["en"]:
            raise FormatError(
                "{question} and {sibling} are siblings and need the same options in the same order",
                question=question.qid,
                sibling=first.qid,
            )
    names = [plain_option(option) for option in first.options["en"]]
    if scale is not None and (len(questions) > 1 or NOT_MENTIONED in names):
        raise FormatError(
            "{question}: an order or a number is for a family of one question without 'Not mentioned'",
            question=first.qid,
        )
    if NOT_MENTIONED in names:
        return Family(family_id, title, tuple(questions), names.index(NOT_MENTIONED))
    if len(questions) > 1:
        raise FormatError(
            "{question}: no option reads 'Not mentioned', which fills the slots that hold no label",
            question=first.qid,
        )
    return Family(family_id, title, tuple(questions), None, scale)
