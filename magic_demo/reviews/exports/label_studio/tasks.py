"""Readings as Label Studio tasks, and back: one task a photo, one annotation a reading."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from magic_demo.core.disk.whole_files import write_json, write_whole
from magic_demo.core.remark import write_remarks
from magic_demo.core.review_content import CHOICES, name_outline, outlines_of, split_outline, write_mark
from magic_demo.core.review_types import REVIEW_KINDS, MaskRuns, Review, SavedReview
from magic_demo.core.ruler import write_ruler
from magic_demo.core.types import Family, PhotoFile
from magic_demo.imaging.run_lengths import area, decode_mask
from magic_demo.questions.families import QuestionSet
from magic_demo.reviews.exports.label_studio.addresses import name_addresses
from magic_demo.reviews.exports.label_studio.results import (
    NOWHERE,
    OUTLINE,
    PHOTO,
    add_size,
    list_labels,
    make_brush,
    make_prediction,
    make_value,
)
from magic_demo.reviews.exports.readings import CaseReadings, Selection, annotator_of
from magic_demo.reviews.store.rules import is_answered

TASKS = "label_studio.json"
CONFIG = "label_studio.xml"
UNUSABLE, FLAGGED = "image unusable", "flagged"
OWN = "magic_demo"
"""Where a task's data keeps what Label Studio has no field for."""


def write_label_studio(selection: Selection, folder: Path, photo_prefix: str | None = None) -> int:
    """Write ``label_studio.json``, tasks to import, and ``label_studio.xml``, the labelling interface to set
    first; returns how many masks.

    Each photo of a case is a task, each reading an annotation in it: the mask of each label as a brush region, labelled
    with its id, and "no <label>" where it is empty. What Label Studio has no field for (clicks, measured lines, comments on
    lesions, ...) is in the task's data. What is said of the case (answers, comment, ...) stands in the task of its first photo.
    What the models said of a photo is a prediction of its task. Photos are named as files below Label
    Studio's local storage, see ``addresses``. photo_prefix: what their names begin with there.
    """
    tasks: list[dict[str, Any]] = []
    masks = annotated = 0
    labels = {"": selection.questions.labels[0].label_id}
    labels |= {label.label_id: label.label_id for label in selection.questions.further_labels}
    address = name_addresses(selection.cases, photo_prefix)
    for case in selection.cases:
        photos = _photos(case)
        if not photos:
            selection.left_out.add("case without photos, of which there can be no task", case.case_id)
        for position, photo in enumerate(photos):
            questions = selection.questions if position == 0 else None
            data = _task_data(selection.queue, case, photo, position, selection.tied.get(case.case_id, ()))
            annotations = []
            for saved in case.readings:
                drawn = _choose_masks(saved.review, photo.photo_id, labels)
                annotation = _annotation(
                    saved, photo.photo_id, drawn, questions, kept=_keep_own(saved.review, photo.photo_id)
                )
                masks += len(drawn)
                if annotation["result"]:
                    annotated += 1
                    annotations.append(_number(annotated, annotation))
            prediction = selection.predictions.get(case.case_id)
            said = make_prediction(prediction, photo.photo_id, labels[""], questions)
            tasks.append(
                {
                    "id": len(tasks) + 1,
                    "data": {"image": address(photo), **data},
                    "annotations": annotations,
                    "predictions": said,
                }
            )
    write_json(folder / TASKS, tasks, indent=None)
    write_whole(folder / CONFIG, make_config(selection.questions))
    return masks


def make_config(questions: QuestionSet) -> str:
    """Return the labelling interface, XML: the photo with a brush, which has the study's labels by their ids, the cards as
    choices, and what else a reading holds. Of several labels each has its colour and says its names."""
    view = ElementTree.Element("View")

    def choices(name: str, title: str, values: Sequence[str], *, several: bool = False) -> None:
        ElementTree.SubElement(view, "Header", value=title, size="5")
        parent = ElementTree.SubElement(
            view,
            "Choices",
            name=name,
            toName=PHOTO,
            choice="multiple" if several else "single",
            showInline="true",
        )
        for value in values:
            ElementTree.SubElement(parent, "Choice", value=value)

    def text(name: str, title: str) -> None:
        ElementTree.SubElement(
            view, "TextArea", name=name, toName=PHOTO, maxSubmissions="1", editable="true", placeholder=title
        )

    ElementTree.SubElement(view, "Image", name=PHOTO, value="$image", zoom="true", zoomControl="true")
    brushes = ElementTree.SubElement(view, "BrushLabels", name=OUTLINE, toName=PHOTO)
    for label in questions.labels:
        look = {"background": label.colour, "hint": f"{label.name['en']} {label.name['zh']}"}
        ElementTree.SubElement(
            brushes, "Label", look if questions.further_labels else {}, value=label.label_id
        )
    none_here = [NOWHERE.format(label=label.label_id) for label in questions.labels]
    choices("photo_is", "This photo", [*none_here, UNUSABLE], several=True)
    for family in questions.families:
        choices(
            family.family_id,
            f"{family.title['en']} {family.title['zh']}",
            family.options["en"],
            several=len(family.questions) > 1,
        )
        if specify_options(family):
            text(f"{family.family_id}_specified", f"{family.title['en']}: please specify")
    for name, values in CHOICES.items():
        choices(name, name.replace("_", " ").capitalize(), values)
    choices("flag", "Flag", [FLAGGED])
    choices("kind", "Reading", REVIEW_KINDS)
    text("comment", "Comment")
    text("reader", "Reader")
    ElementTree.indent(view)
    return ElementTree.tostring(view, encoding="unicode") + "\n"


def specify_options(family: Family) -> list[int]:
    """Return the indices of a family's options that ask for free text."""
    return [index for index, option in enumerate(family.options["en"]) if "please specify" in option]


def _photos(case: CaseReadings) -> list[PhotoFile]:
    known = list(case.files.photo_files) if case.files else []
    named = {
        photo_id
        for saved in case.readings
        for photo_id in (
            *_list_outlined(saved.review),
            *saved.review.unusable,
            *saved.review.rulers,
            *saved.review.remarks,
        )
    }
    return [*known, *(PhotoFile(name, None) for name in sorted(named - {photo.photo_id for photo in known}))]


def _list_outlined(review: Review) -> set[str]:
    return {split_outline(name)[1] for name in outlines_of(review)}


def _choose_masks(review: Review, photo_id: str, labels: Mapping[str, str]) -> dict[str, MaskRuns]:
    """Return a photo's masks by their labels' ids. labels: as outlines name them -> id."""
    outlines = outlines_of(review)
    names = {label_id: name_outline(photo_id, label) for label, label_id in labels.items()}
    return {label_id: outlines[name].runs for label_id, name in names.items() if name in outlines}


def _task_data(
    queue: str, case: CaseReadings, photo: PhotoFile, position: int, tied: Sequence[str]
) -> dict[str, Any]:
    own = {
        "queue": queue,
        "case_id": case.case_id,
        "photo_id": photo.photo_id,
        "position": position,
        "readings": [
            {
                "reader": saved.review.reader,
                "kind": saved.review.kind,
                "number": saved.number,
                "saved_at": saved.saved_at.isoformat(),
                "state": saved.review.state,
                "models": dict(saved.review.models),
                "disagreements": None
                if saved.review.disagreements is None
                else sorted(saved.review.disagreements),
                "known": sorted(saved.review.known),
                "missing": sorted(saved.review.missing),
                "tied": list(tied) if saved.review.kind == "consensus" else [],
                **_keep_own(saved.review, photo.photo_id),
            }
            for saved in case.readings
        ],
    }
    words = case.files.narrative if case.files else None
    return {
        "narrative_en": words.en if words else "",
        "narrative_zh": words.zh if words else "",
        OWN: own,
    }


def _keep_own(review: Review, photo_id: str) -> dict[str, Any]:
    """Return what a reading holds of a photo and Label Studio has no field for: clicks by their labels, "" the first,
    measured lines and comments on lesions, each only where there are some."""
    clicks = {
        split_outline(name)[0]: [*map(write_mark, outline.clicks)]
        for name, outline in outlines_of(review).items()
        if split_outline(name)[1] == photo_id and outline.clicks
    }
    ruler, remarks = review.rulers.get(photo_id), review.remarks.get(photo_id, ())
    return {
        **({"clicks": clicks} if clicks else {}),
        **({"ruler": write_ruler(ruler)} if ruler else {}),
        **({"remarks": write_remarks(remarks)} if remarks else {}),
    }


def _annotation(
    saved: SavedReview,
    photo_id: str,
    masks: Mapping[str, MaskRuns],
    questions: QuestionSet | None,
    kept: Mapping[str, Any],
) -> dict[str, Any]:
    """Return a reading's annotation of a photo. masks: by their labels' ids. questions: None where the answers stand at
    another photo; here a reading that says nothing has an annotation, too. kept: of the photo, in the task's
    data."""
    review = saved.review
    size = next((runs.size for runs in masks.values()), None)
    results = [
        *_photo_results(masks, unusable=photo_id in review.unusable),
        *(_case_results(review, questions) if questions is not None else ()),
    ]
    if results or kept or questions is not None:
        results += [
            make_value("reader", "textarea", {"text": [review.reader]}),
            make_value("kind", "choices", {"choices": [review.kind]}),
        ]
    add_size(results, size)
    return {
        "result": results,
        "lead_time": review.seconds if questions is not None else 0,
        "was_cancelled": False,
        "ground_truth": annotator_of(review) != review.reader,
    }


def _number(number: int, annotation: dict[str, Any]) -> dict[str, Any]:
    """Return an annotation with an id, without which Label Studio's converter stops, and with ids of its
    results."""
    for index, result in enumerate(annotation["result"]):
        result["id"] = f"a{number}-{index}"
    return {"id": number, **annotation}


def _photo_results(masks: Mapping[str, MaskRuns], *, unusable: bool) -> Iterator[dict[str, Any]]:
    empty = [NOWHERE.format(label=label) for label, runs in masks.items() if not area(runs)]
    choices = [*empty, *([UNUSABLE] if unusable else [])]
    for label, runs in masks.items():
        if area(runs):
            yield make_brush(decode_mask(runs), label)
    if choices:
        yield make_value("photo_is", "choices", {"choices": choices})


def _case_results(review: Review, questions: QuestionSet) -> Iterator[dict[str, Any]]:
    for family in questions.families:
        if is_answered(review.answers, family):
            yield make_value(family.family_id, "choices", {"choices": list_labels(review.answers, family)})
        words = [
            review.specified[question.qid]
            for question in family.questions
            if review.specified.get(question.qid)
        ]
        if words:
            yield make_value(f"{family.family_id}_specified", "textarea", {"text": words})
    for name in CHOICES:
        if value := getattr(review, name):
            yield make_value(name, "choices", {"choices": [value]})
    if review.flagged:
        yield make_value("flag", "choices", {"choices": [FLAGGED]})
    if review.comment:
        yield make_value("comment", "textarea", {"text": [review.comment]})
