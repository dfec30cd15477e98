"""Label Studio's tasks as reviews: what this program exported, and what others drew there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from magic_demo.core.errors import FormatError
from magic_demo.core.remark import read_remarks
from magic_demo.core.review_content import CHOICES, outlines_of, read_mark
from magic_demo.core.review_types import REVIEW_KINDS, MaskRuns, Outline, Review
from magic_demo.core.ruler import read_ruler
from magic_demo.core.types import Family, Mask
from magic_demo.files.json_files import read_json_list
from magic_demo.imaging.run_lengths import encode_mask
from magic_demo.questions.families import QuestionSet
from magic_demo.reviews.exports.label_studio.results import NOWHERE
from magic_demo.reviews.exports.label_studio.tasks import FLAGGED, OWN, TASKS, UNUSABLE, specify_options
from magic_demo.reviews.imports.documents import peek_json
from magic_demo.reviews.imports.formats.label_studio.regions import name_photo, read_region, read_size
from magic_demo.reviews.imports.gathering import (
    Gathering,
    SourceError,
    read_known,
    read_names,
    says_anything,
)

_NO = NOWHERE.format(label="")


def find_label_studio(path: Path) -> bool:
    """Tell whether a place is an export for Label Studio, or a JSON list, as it exports one itself."""
    return (path / TASKS).is_file() or (
        path.is_file() and path.suffix.lower() == ".json" and isinstance(peek_json(path), list)
    )


def read_label_studio(path: Path, gathering: Gathering) -> None:
    """Read Label Studio's JSON export of the interface that ``label_studio.xml`` sets up; annotations of one
    case and reader become one review.

    Brushes, polygons, rectangles and ellipses with the id or name of one of the queue's labels are its mask; other regions, and
    answers to other questions, are left out by name.
    A photo is found by its name without what an upload put before it.

    What Label Studio has no field for comes from the task's data, where the export put it. A new annotation
    is by the reader whom it names, or else by ``label-studio-<who completed it>``, and blind where its task held no
    prediction: nobody showed a model there. Where it did, it is assisted.
    """
    path = path / TASKS if path.is_dir() else path
    left_out, found = gathering.left_out, gathering.reviews
    for number, task in enumerate(read_json_list(path, "a JSON list of Label Studio's tasks"), start=1):
        try:
            data = task["data"]
            own = data.get(OWN, {})
            photo_id = str(own.get("photo_id") or name_photo(str(data.get("image", "")), gathering))
            case_id = str(own.get("case_id") or gathering.name_case(photo_id))
            annotations = list(task.get("annotations", []))
        except (TypeError, KeyError, AttributeError) as error:
            raise SourceError(
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
                    if annotation.get("result"):
                        left_out.add("annotation that was skipped in Label Studio", f"task {number}")
                    continue
                before = left_out.lines()
                read = _read_annotation(annotation, case_id, photo_id, f"task {number}", gathering)
                if read.kind == "blind" and not _says(annotation, "kind") and _was_shown(task, annotation):
                    read = replace(read, kind="assisted", known=frozenset({"model"}))
                review = _add_own(read, photo_id, own.get("readings", ()))
            except (FormatError, LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
                left_out.add(
                    "annotation that cannot be read", f"task {number}", str(error) or type(error).__name__
                )
                continue
            if left_out.lines() != before and not says_anything(review):
                continue
            key = (case_id, review.reader, review.kind)
            if key in found:
                for what in _find_differences(found[key], review):
                    left_out.add(
                        "part of a second annotation by one reader, of which the first is taken",
                        f"task {number}",
                        what,
                    )
                review = _join(found[key], review)
            found[key] = review


def _read_annotation(
    annotation: Mapping[str, Any],
    case_id: str,
    photo_id: str,
    where: str,
    gathering: Gathering,
) -> Review:
    questions, left_out = gathering.questions, gathering.left_out
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
    masks = _read_masks(results, by_name.get("photo_is", ()), where, gathering)
    first = masks.pop("", None)
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
        masks={} if first is None else {photo_id: first},
        label_masks={label: {photo_id: Outline(runs)} for label, runs in masks.items()},
        unusable=frozenset({photo_id} if UNUSABLE in by_name.get("photo_is", ()) else ()),
        comment="\n".join(by_name.get("comment", ())),
        flagged=FLAGGED in by_name.get("flag", ()),
        **chosen,
        seconds=float(annotation.get("lead_time") or 0),
        queue=gathering.queue,
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


def _read_masks(
    results: Sequence[Mapping[str, Any]], chosen: Sequence[str], where: str, gathering: Gathering
) -> dict[str, MaskRuns]:
    """Return what the regions of each label cover together, by the queue's labels, "" the first; an empty mask where the
    reader chose of the photo that there is none. chosen: what was chosen of the photo."""
    masks: dict[str, Mask] = {}
    labels = {
        str(result.get("id")): [str(label) for label in result["value"]["labels"]]
        for result in results
        if result["type"] == "labels"
    }
    for result in results:
        if result["type"] not in ("choices", "textarea", "labels"):
            for label, region in read_region(result, where, gathering, labels).items():
                masks[label] = masks[label] | region if label in masks else region
    for choice in chosen:
        empty = gathering.find_label(choice.removeprefix(_NO)) if choice.startswith(_NO) else None
        if empty is not None and empty not in masks:
            sized = next((result for result in results if "original_height" in result), None)
            if sized is None:
                raise FormatError("says {choice!r} of a photo whose size it does not know", choice=choice)
            masks[empty] = np.zeros(read_size(sized), np.bool_)
        elif empty is None and choice != UNUSABLE:
            gathering.left_out.add("choice of a photo that is not read", where, choice)
    return {label: encode_mask(mask) for label, mask in masks.items()}


def _completed_by(annotation: Mapping[str, Any]) -> str:
    who = annotation.get("completed_by")
    if isinstance(who, Mapping):
        who = who.get("email") or who.get("id")
    return f"label-studio-{who if who is not None else 'unknown'}"


def _says(annotation: Mapping[str, Any], name: str) -> bool:
    return any(result.get("from_name") == name for result in annotation["result"])


def _was_shown(task: Mapping[str, Any], annotation: Mapping[str, Any]) -> bool:
    """Tell whether a model's prediction was there for who annotated: Label Studio shows those of a task, and lets an
    annotation begin with one."""
    of_task = task.get("predictions") or task.get("total_predictions")
    return bool(of_task or annotation.get("prediction") or annotation.get("parent_prediction"))


def _add_own(review: Review, photo_id: str, readings: Sequence[Mapping[str, Any]]) -> Review:
    """Add what the export kept beside the annotations, of the same reader's reading of the same kind: state, models,
    disagreements, and what was clicked, measured and remarked in the photo. Clicks go with their mask."""
    for reading in readings:
        if reading.get("reader") == review.reader and reading.get("kind") == review.kind:
            differs = reading.get("disagreements")
            clicks = {
                label: tuple(map(read_mark, marks)) for label, marks in reading.get("clicks", {}).items()
            }
            return replace(
                review,
                clicks={photo_id: clicks[""]} if "" in clicks and photo_id in review.masks else {},
                label_masks={
                    label: {
                        name: Outline(outline.runs, clicks.get(label, ())) for name, outline in photos.items()
                    }
                    for label, photos in review.label_masks.items()
                },
                rulers={photo_id: read_ruler(reading["ruler"])} if "ruler" in reading else {},
                remarks={photo_id: read_remarks(reading["remarks"])} if "remarks" in reading else {},
                state="in progress" if reading.get("state") == "in progress" else "done",
                models={str(task): str(model) for task, model in reading.get("models", {}).items()},
                disagreements=None if differs is None else frozenset(str(name) for name in differs),
                known=read_known(reading.get("known")),
                missing=read_names(reading.get("missing")),
            )
    return review


def _find_differences(first: Review, second: Review) -> list[str]:
    """Return the names of what two annotations of one reader say otherwise: outlines, questions and notes."""
    drawn, again = outlines_of(first), outlines_of(second)
    names = [name for name in again if name in drawn and drawn[name].runs != again[name].runs]
    names += [
        qid for qid in second.answers if first.answers.get(qid, second.answers[qid]) != second.answers[qid]
    ]
    for name in ("comment", *CHOICES):
        told = getattr(first, name), getattr(second, name)
        names += [name] if all(told) and told[0] != told[1] else []
    return names


def _join(first: Review, second: Review) -> Review:
    """Join what two tasks say of one case: the photos' masks side by side, of what is said of the case the
    first that is said."""
    return replace(
        first,
        answers={**second.answers, **first.answers},
        specified={**second.specified, **first.specified},
        masks={**second.masks, **first.masks},
        clicks={
            **{name: marks for name, marks in second.clicks.items() if name not in first.masks},
            **first.clicks,
        },
        rulers={**second.rulers, **first.rulers},
        remarks={**second.remarks, **first.remarks},
        label_masks={
            label: {**second.label_masks.get(label, {}), **first.label_masks.get(label, {})}
            for label in {**second.label_masks, **first.label_masks}
        },
        unusable=first.unusable | second.unusable,
        comment=first.comment or second.comment,
        flagged=first.flagged or second.flagged,
        **{name: getattr(first, name) or getattr(second, name) for name in CHOICES},
        seconds=first.seconds + second.seconds,
    )
