"""Reviews out of what was exported: challenge files and Label Studio's tasks, as they were written or after
others worked on them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, get_args

import numpy as np

from magic_demo.core.errors import FormatError
from magic_demo.core.messages import Message
from magic_demo.core.review_content import CHOICES
from magic_demo.core.types import (
    REVIEW_KINDS,
    EncounterFiles,
    Family,
    Knowledge,
    Mask,
    Review,
    ReviewKind,
)
from magic_demo.files.encounters import read_answers, read_json, read_json_list
from magic_demo.files.findings import Findings
from magic_demo.files.mask_files import annotator_of, find_reference_masks, read_loose_mask
from magic_demo.imaging.run_lengths import encode_mask
from magic_demo.questions.families import QuestionSet, load_challenge
from magic_demo.reviews.exports.label_studio.regions import name_photo, read_region, read_size
from magic_demo.reviews.exports.label_studio.results import NO_LESION
from magic_demo.reviews.exports.label_studio.tasks import (
    FLAGGED,
    OWN,
    TASKS,
    UNUSABLE,
    specify_options,
)
from magic_demo.reviews.exports.readings import CONSENSUS, ExportError
from magic_demo.reviews.exports.writing import MANIFEST

_ENCOUNTER = re.compile(r"IMG_(.+)_\d+")
_ANSWERS = re.compile(r"answers_(ann\d+)\.json")
Provenance = tuple[ReviewKind, frozenset[Knowledge], frozenset[str]]
"""How a reading came about: its kind, what was known, and what was left open."""


@dataclass(frozen=True)
class ReadBack:
    """Reviews by case and reader, one line for each kind of thing that could not be read, and one for each
    kind that was put right."""

    reviews: tuple[Review, ...]
    left_out: tuple[str, ...]
    notes: tuple[str, ...] = ()


def read_reviews(
    path: Path,
    queue: str,
    cases: Iterable[EncounterFiles] = (),
    questions: QuestionSet | None = None,
) -> ReadBack:
    """Read an export back: a folder of challenge files, a folder with ``label_studio.json``, or a JSON file
    that Label Studio exported.

    queue: where the reviews are to belong. cases: say which case a photo of challenge files is of; else its
    name does (``IMG_<case>_<number>``), or the photo is taken for the case. questions: what was answered,
    the challenge's when None. Raises ExportError or FormatError, one line, when there is nothing of the kind.
    """
    questions = questions or load_challenge()
    if path.is_dir():
        if (path / TASKS).is_file():
            return read_label_studio(path / TASKS, queue, cases, questions)
        return read_challenge(path, queue, cases, questions)
    if not path.is_file():
        raise ExportError(
            "{place}: no such file or folder; an export as challenge files or for Label Studio is expected",
            place=path,
        )
    return read_label_studio(path, queue, cases, questions)


def read_challenge(
    folder: Path, queue: str, cases: Iterable[EncounterFiles], questions: QuestionSet
) -> ReadBack:
    """Read masks ``..._ann<k>.tiff`` and ``answers_ann<k>.json``: one done review a case and annotator, named
    as ``export.json`` says or ``ann<k>``."""
    masks = find_reference_masks(folder)
    answers = {
        match[1]: path for path in sorted(folder.iterdir()) if (match := _ANSWERS.fullmatch(path.name))
    }
    if not masks and not answers:
        raise ExportError(
            "{folder}: holds neither masks named <image id>_mask_ann<k>.tiff nor "
            "answers_ann<k>.json; name a challenge export",
            folder=folder,
        )
    names, provenance = _annotator_names(folder), _read_provenance(folder)
    owner = _list_owners(cases)
    left_out, notes = Findings(), Findings()
    found: dict[tuple[str, str], Review] = {}

    def review_of(case_id: str, annotator: str) -> Review:
        name = names.get(annotator, annotator)
        kind, known, missing = provenance.get(
            (case_id, annotator), (_kind_of(name), frozenset(), frozenset())
        )
        return found.setdefault(
            (case_id, annotator),
            Review(case_id, name, kind, "done", queue=queue, known=known, missing=missing),
        )

    for photo_id, paths in masks.items():
        case_id = _name_case(photo_id, owner)
        for path in paths:
            annotator = annotator_of(path)
            review = review_of(case_id, annotator)
            try:
                loose = read_loose_mask(path)
            except FormatError as error:
                left_out.add("mask that cannot be read", path.name, str(error))
                continue
            for repair in loose.repairs:
                notes.add(f"mask {repair}", path.name)
            found[case_id, annotator] = replace(
                review, masks={**review.masks, photo_id: encode_mask(loose.mask)}
            )
    for annotator, path in answers.items():
        for case_id, chosen in read_answers(path, questions).items():
            found[case_id, annotator] = replace(review_of(case_id, annotator), answers=chosen)
    return ReadBack(tuple(found[key] for key in sorted(found)), left_out.lines(), notes.lines())


def read_label_studio(
    path: Path, queue: str, cases: Iterable[EncounterFiles], questions: QuestionSet
) -> ReadBack:
    """Read Label Studio's JSON export of the interface that ``label_studio.xml`` sets up; annotations of one
    case and reader become one review.

    Brushes, polygons, rectangles and ellipses that are labelled "lesion" are the mask; other regions, and
    answers to other questions, are left out by name.
    cases: say which case a photo is of, by its name without what an upload put before it.

    What Label Studio has no field for comes from the task's data, where the export put it. A new annotation
    is by the reader whom it names, or else by ``label-studio-<who completed it>``, and blind: nobody showed a
    model there.
    """
    left_out, owner = Findings(), _list_owners(cases)
    found: dict[tuple[str, str, ReviewKind], Review] = {}
    for number, task in enumerate(read_json_list(path, "a JSON list of Label Studio's tasks"), start=1):
        try:
            data = task["data"]
            own = data.get(OWN, {})
            photo_id = str(own.get("photo_id") or name_photo(str(data.get("image", "")), owner))
            case_id = str(own.get("case_id") or _name_case(photo_id, owner))
            annotations = list(task.get("annotations", []))
        except (TypeError, KeyError, AttributeError) as error:
            raise ExportError(
                "{path}: task {number} is none of Label Studio's, with 'data' and 'annotations'; "
                "export as JSON",
                path=path,
                number=number,
            ) from error
        if not case_id:
            left_out.add("task without a photo's or a case's name", f"task {number}")
            continue
        for annotation in annotations:
            try:
                if annotation.get("was_cancelled"):
                    continue
                review = _add_own(
                    _read_annotation(
                        annotation, case_id, photo_id, queue, questions, f"task {number}", left_out
                    ),
                    own.get("readings", ()),
                )
            except (FormatError, LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
                left_out.add(
                    "annotation that cannot be read", f"task {number}", str(error) or type(error).__name__
                )
                continue
            if left_out.lines() and not _says_anything(review):
                continue
            key = (case_id, review.reader, review.kind)
            found[key] = _join(found[key], review) if key in found else review
    return ReadBack(tuple(found[key] for key in sorted(found)), left_out.lines())


def _list_owners(cases: Iterable[EncounterFiles]) -> dict[str, str]:
    return {photo.photo_id: case.encounter_id for case in cases for photo in case.photo_files}


def _name_case(photo_id: str, owner: Mapping[str, str]) -> str:
    match = _ENCOUNTER.fullmatch(photo_id)
    return owner.get(photo_id) or (match[1] if match else photo_id)


def _annotator_names(folder: Path) -> Mapping[str, str]:
    path = folder / MANIFEST
    if not path.is_file():
        return {}
    manifest = read_json(path, Message("what an export wrote"))
    names = manifest.get("annotators", {}) if isinstance(manifest, dict) else {}
    return {str(key): str(value) for key, value in names.items()} if isinstance(names, dict) else {}


def _read_provenance(folder: Path) -> Mapping[tuple[str, str], Provenance]:
    """Return (case id, ann<k>) -> how the reading came about, as ``export.json`` says.

    A revealed one comes without its blind one, as assisted.
    """
    path = folder / MANIFEST
    manifest = read_json(path, Message("what an export wrote")) if path.is_file() else {}
    entries = manifest.get("provenance") if isinstance(manifest, dict) else None
    found: dict[tuple[str, str], Provenance] = {}
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict):
            kind: ReviewKind = next(
                (kind for kind in REVIEW_KINDS if kind == entry.get("kind") and kind != "revealed"),
                "assisted",
            )
            found[str(entry.get("case_id")), str(entry.get("annotator"))] = (
                kind,
                _read_known(entry),
                _read_names(entry.get("missing")),
            )
    return found


def _read_known(entry: Mapping[str, Any]) -> frozenset[Knowledge]:
    names = _read_names(entry.get("known"))
    return frozenset(word for word in get_args(Knowledge) if word in names)


def _read_names(value: object) -> frozenset[str]:
    return frozenset(str(name) for name in value) if isinstance(value, list) else frozenset()


def _kind_of(name: str) -> ReviewKind:
    return "consensus" if name == CONSENSUS else "assisted"


def _read_annotation(
    annotation: Mapping[str, Any],
    case_id: str,
    photo_id: str,
    queue: str,
    questions: QuestionSet,
    where: str,
    left_out: Findings,
) -> Review:
    names = _list_names(questions)
    results = annotation["result"]
    by_name: dict[str, list[str]] = {}
    for result in results:
        value = result["value"]
        if result["type"] in ("choices", "textarea"):
            if result["from_name"] not in names:
                left_out.add("answer to a question that there is not", where, str(result["from_name"]))
            by_name.setdefault(result["from_name"], []).extend(
                str(text) for text in value["choices" if "choices" in value else "text"]
            )
    answers, specified = _read_families(by_name, questions)
    mask = _read_mask(results, by_name, where, left_out)
    kinds = [kind for kind in REVIEW_KINDS if kind in by_name.get("kind", ())]
    chosen: dict[str, Any] = {
        name: next((value for value in values if value in by_name.get(name, ())), None)
        for name, values in CHOICES.items()
    }
    return Review(
        case_id=case_id,
        reader=(by_name.get("reader") or [_completed_by(annotation)])[0],
        kind=kinds[0] if kinds else "blind",
        state="done",
        answers=answers,
        specified=specified,
        masks={} if mask is None else {photo_id: encode_mask(mask)},
        unusable=frozenset({photo_id} if UNUSABLE in by_name.get("photo_is", ()) else ()),
        comment="\n".join(by_name.get("comment", ())),
        flagged=FLAGGED in by_name.get("flag", ()),
        **chosen,
        seconds=float(annotation.get("lead_time") or 0),
        queue=queue,
    )


@cache
def _list_names(questions: QuestionSet) -> frozenset[str]:
    """Return what choices and texts of the interface are named."""
    families = questions.family_ids
    return frozenset(
        {
            "photo_is",
            *CHOICES,
            "flag",
            "kind",
            "comment",
            "reader",
            *families,
            *(f"{name}_specified" for name in families),
        }
    )


def _read_families(
    by_name: Mapping[str, Sequence[str]], questions: QuestionSet
) -> tuple[dict[str, int], dict[str, str]]:
    answers: dict[str, int] = {}
    specified: dict[str, str] = {}
    for family in questions.families:
        if family.family_id in by_name:
            answers.update(_fill_slots(by_name[family.family_id], family))
        slots = [
            question.qid
            for question in family.questions
            if answers.get(question.qid) in specify_options(family)
        ]
        texts = by_name.get(f"{family.family_id}_specified", ())
        if texts:
            specified[slots[0] if slots else family.questions[0].qid] = "\n".join(texts)
    return answers, specified


def _fill_slots(labels: Sequence[str], family: Family) -> dict[str, int]:
    options = family.options["en"]
    unknown = [label for label in labels if label not in options]
    if unknown:
        raise FormatError("{family} has no option {option!r}", family=family.family_id, option=unknown[0])
    chosen = [
        index
        for index in dict.fromkeys(options.index(label) for label in labels)
        if index != family.not_mentioned
    ]
    if len(chosen) > len(family.questions):
        raise FormatError(
            "{family} has {slots} slots and {count} labels",
            family=family.family_id,
            slots=len(family.questions),
            count=len(chosen),
        )
    free = len(family.questions) - len(chosen)
    filled = [*chosen, *([family.padding] * free if free else [])]
    return {question.qid: index for question, index in zip(family.questions, filled, strict=True)}


def _read_mask(
    results: Sequence[Mapping[str, Any]], by_name: Mapping[str, Sequence[str]], where: str, left_out: Findings
) -> Mask | None:
    """Return what the regions of lesions cover together, an empty mask where the reader said "no lesion",
    None where neither is."""
    mask: Mask | None = None
    for result in results:
        if (
            result["type"] not in ("choices", "textarea")
            and (region := read_region(result, where, left_out)) is not None
        ):
            mask = region if mask is None else mask | region
    if mask is None and NO_LESION in by_name.get("photo_is", ()):
        sized = next((result for result in results if "original_height" in result), None)
        if sized is None:
            raise FormatError("says 'no lesion' of a photo whose size it does not know")
        mask = np.zeros(read_size(sized), np.bool_)
    return mask


def _says_anything(review: Review) -> bool:
    return bool(
        review.answers
        or review.masks
        or review.unusable
        or review.comment
        or review.flagged
        or any(getattr(review, name) for name in CHOICES)
        or review.specified
    )


def _completed_by(annotation: Mapping[str, Any]) -> str:
    who = annotation.get("completed_by")
    if isinstance(who, Mapping):
        who = who.get("email") or who.get("id")
    return f"label-studio-{who if who is not None else 'unknown'}"


def _add_own(review: Review, readings: Sequence[Mapping[str, Any]]) -> Review:
    """Add what the export kept beside the annotations: state, models and disagreements of the same reader's
    reading of the same kind."""
    for reading in readings:
        if reading.get("reader") == review.reader and reading.get("kind") == review.kind:
            differs = reading.get("disagreements")
            return replace(
                review,
                state="in progress" if reading.get("state") == "in progress" else "done",
                models={str(task): str(model) for task, model in reading.get("models", {}).items()},
                disagreements=None if differs is None else frozenset(str(name) for name in differs),
                known=_read_known(reading),
                missing=_read_names(reading.get("missing")),
            )
    return review


def _join(first: Review, second: Review) -> Review:
    """Join what two tasks say of one case: the photos' masks side by side, of what is said of the case the
    first that is said."""
    return replace(
        first,
        answers={**second.answers, **first.answers},
        specified={**second.specified, **first.specified},
        masks={**second.masks, **first.masks},
        unusable=first.unusable | second.unusable,
        comment=first.comment or second.comment,
        flagged=first.flagged or second.flagged,
        **{name: getattr(first, name) or getattr(second, name) for name in CHOICES},
        seconds=first.seconds + second.seconds,
    )
