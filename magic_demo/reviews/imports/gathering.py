"""What was read of a source so far: reviews by case, reader and kind, and what was left out of it and why."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, get_args

import cv2
import numpy as np

from magic_demo.core.errors import FormatError, MagicDemoError
from magic_demo.core.remark import Remark, read_remarks, write_remarks
from magic_demo.core.review_content import FIELDS, name_outline, outlines_of
from magic_demo.core.review_types import (
    DEFAULT_QUEUE,
    REVIEW_KINDS,
    Knowledge,
    Mark,
    MaskRuns,
    Outline,
    Review,
    ReviewContent,
    ReviewKind,
)
from magic_demo.core.ruler import Ruler
from magic_demo.core.types import (
    EncounterFiles,
    Mask,
)
from magic_demo.files.findings import Findings
from magic_demo.files.photos.heads import read_head
from magic_demo.imaging.run_lengths import decode_mask, encode_mask
from magic_demo.questions.families import QuestionSet, load_challenge
from magic_demo.questions.labels import LESION as LESION_LABEL

BACKGROUND = "background"
_ENCOUNTER = re.compile(r"IMG_(.+)_\d+")
Key = tuple[str, str, ReviewKind]
"""Case id, reader, kind."""
Box = tuple[int, int, int, int]
"""Left, top, width and height in pixels."""


class SourceError(MagicDemoError):
    """Nothing of the kind that was asked for is there."""


@dataclass(frozen=True)
class ImportedReviews:
    """Reviews by case and reader, one line for each kind of thing that could not be read, and one for each
    kind that was put right."""

    reviews: tuple[Review, ...]
    left_out: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass
class Gathering:
    """Reviews as they are read. cases: say which case a photo is of, and how large it is. reader: whose a mask is
    where the source does not say. exported_of: photo id -> the case that an export says it was written of, where several
    have it."""

    queue: str = DEFAULT_QUEUE
    cases: tuple[EncounterFiles, ...] = ()
    questions: QuestionSet = field(default_factory=load_challenge)
    reader: str = "imported"
    exported_of: Mapping[str, str] = field(default_factory=dict)
    reviews: dict[Key, Review] = field(default_factory=dict)
    left_out: Findings = field(default_factory=Findings)
    notes: Findings = field(default_factory=Findings)
    _boxes: dict[tuple[Key, str, str], list[Box]] = field(default_factory=dict)

    @cached_property
    def owners(self) -> Mapping[str, str]:
        """Return photo id -> case id of the cases that are known; of several the first, whose masks exports hold."""
        return {photo_id: cases[0] for photo_id, cases in self._cases_of.items()}

    @cached_property
    def _cases_of(self) -> Mapping[str, Sequence[str]]:
        found: dict[str, list[str]] = {}
        for case in self.cases:
            for photo in case.photo_files:
                found.setdefault(photo.photo_id, []).append(case.encounter_id)
        return found

    @cached_property
    def _files(self) -> Mapping[str, Path]:
        return {photo.photo_id: photo.path for case in self.cases for photo in case.photo_files if photo.path}

    @cached_property
    def _folded(self) -> Mapping[str, str]:
        counts = Counter(map(_fold, self.owners))
        return {name: photo_id for photo_id in self.owners if counts[name := _fold(photo_id)] == 1}

    def find_photo(self, name: str) -> str | None:
        """Return the photo of the cases that is called this, else the one that is when letters' case and accents' codes do
        not count; None where there is none, or several."""
        return name if name in self.owners else self._folded.get(_fold(name))

    def name_photo(self, file_name: str) -> str:
        """Return the id of the photo that a file's name means: a photo of the cases however its letters are written, else
        the name without its ending.

        Raises FormatError for a path that leaves its folder.
        """
        path = PurePosixPath(file_name.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or "\0" in file_name or not path.stem:
            raise FormatError(
                "{name!r} is no file below the folder; a photo's name is expected", name=file_name[:200]
            )
        return self.find_photo(path.stem) or self.find_photo(path.name) or path.stem

    def name_case(self, photo_id: str, told: str = "") -> str:
        """Return the case of a photo: of the cases that are known, what the source told, what its name says
        (``IMG_<case>_<number>``), or else the photo's own name. Of several cases it is the one that was told, or that the
        export was written of; where neither is known, the first, which is noted."""
        match, cases = _ENCOUNTER.fullmatch(photo_id), self._cases_of.get(photo_id, ())
        for case_id in (told, self.exported_of.get(photo_id, "")):
            if case_id in cases:
                return case_id
        if len(cases) > 1:
            self.notes.add(f"photo of several cases, taken for the one of {cases[0]}", photo_id)
        return self.owners.get(photo_id) or told or (match[1] if match else photo_id)

    def review(self, case_id: str, reader: str, kind: ReviewKind = "assisted") -> Review:
        """Return the review so far, a finished one that says nothing where none was kept."""
        new = Review(case_id, reader, kind, "done", queue=self.queue)
        return self.reviews.get((case_id, reader, kind), new)

    def keep(self, review: Review) -> None:
        """Put a review in place of what there is of its case, reader and kind."""
        self.reviews[review.case_id, review.reader, review.kind] = review

    def add_mask(self, review: Review, photo_id: str, mask: Mask | MaskRuns, label: str = "") -> Review:
        """Add to a review what is lesion in a photo, or another ``label``, besides what it has there; returns the
        review.

        Raises FormatError for a mask of another size than its photo, or than another of it.
        """
        runs = mask if isinstance(mask, MaskRuns) else encode_mask(mask)
        drawn = decode_mask(runs)  # run lengths that lie about their size are found here
        self._check_size(photo_id, runs.size)
        key = review.case_id, review.reader, review.kind
        self._boxes.setdefault((key, photo_id, label), []).append(_box(drawn))
        name = name_outline(photo_id, label)
        before = outlines_of(self.review(*key)).get(name)
        if before is not None:
            if before.runs.size != runs.size:
                raise FormatError("a mask of another size than the other one of {photo}", photo=photo_id)
            runs = encode_mask(decode_mask(before.runs) | drawn)
        return self._put_outline(review, photo_id, label, Outline(runs, before.clicks if before else ()))

    def _put_outline(self, review: Review, photo_id: str, label: str, outline: Outline) -> Review:
        kept = self.review(review.case_id, review.reader, review.kind)
        if label:
            photos = {**kept.label_masks.get(label, {}), photo_id: outline}
            review = replace(review, label_masks={**kept.label_masks, label: photos})
        else:
            review = replace(review, masks={**kept.masks, photo_id: outline.runs})
        self.keep(review)
        return review

    def is_frame(self, review: Review, photo_id: str, rectangle: Mask, label: str = "") -> bool:
        """Tell whether a rectangle is no lesion of its own but the frame of a mask of its label that was added: some programs write both.

        That is noted.
        """
        key = review.case_id, review.reader, review.kind
        own = _box(rectangle)
        framed = any(
            max(abs(one - other) for one, other in zip(own, box, strict=True)) <= 1
            for box in self._boxes.get((key, photo_id, label), ())
        )
        if framed:
            self.notes.add("box around a mask, which counts", photo_id)
        return framed

    def add_click(self, review: Review, photo_id: str, mark: Mark, label: str = "") -> Review:
        """Add a click after those that a review has of a photo; returns the review.

        Raises FormatError for a click of a further label whose mask is not there.
        """
        if label:
            outline = review.label_masks.get(label, {}).get(photo_id)
            if outline is None:
                raise FormatError("a click without a mask of {label}", label=label)
            return self._put_outline(review, photo_id, label, Outline(outline.runs, (*outline.clicks, mark)))
        clicks = {**review.clicks, photo_id: (*review.clicks.get(photo_id, ()), mark)}
        review = replace(review, clicks=clicks)
        self.keep(review)
        return review

    def add_ruler(self, review: Review, photo_id: str, ruler: Ruler) -> Review:
        """Let a review have measured this in a photo; returns the review."""
        review = replace(review, rulers={**review.rulers, photo_id: ruler})
        self.keep(review)
        return review

    def add_remarks(self, review: Review, photo_id: str, remarks: Iterable[Remark]) -> Review:
        """Add comments on single lesions of a photo that a review does not have yet; returns the review.

        Raises ValueError for more than a photo may have.
        """
        before = review.remarks.get(photo_id, ())
        now = read_remarks(write_remarks([*dict.fromkeys([*before, *remarks])]))
        review = replace(review, remarks={**review.remarks, photo_id: now})
        self.keep(review)
        return review

    def _check_size(self, photo_id: str, size: tuple[int, int]) -> None:
        path = self._files.get(photo_id)
        head = read_head(path) if path is not None else None
        if head is not None and head.upright != size:
            raise FormatError(
                "a mask of {width}x{height} pixels; the photo has {photo_width}x{photo_height}",
                width=size[1],
                height=size[0],
                photo_width=head.upright[1],
                photo_height=head.upright[0],
            )

    def choose_labels(self, labels: Iterable[str]) -> Mapping[str, str]:
        """Return which of a source's labels are taken, each with the id of the queue's label that it is, "" for the
        first.

        A queue with labels of its own takes those of its ids and names. Otherwise the lesion is the one that says
        so, or else all but the background, which is noted.
        """
        names = list(dict.fromkeys(labels))
        known = {name: label for name in names if (label := self.find_label(name)) is not None}
        if known or not names or self.questions.labels != (LESION_LABEL,):
            return known
        taken = [name for name in names if name.casefold() != BACKGROUND]
        self.notes.add("label that is taken for the lesion, as none reads 'lesion'", ", ".join(taken))
        return dict.fromkeys(taken, "")

    def find_label(self, name: str) -> str | None:
        """Return the queue's label of this id or else of this name, "" for the first; None where there is none."""
        told, labels = name.casefold(), self.questions.labels
        found = [label for label in labels if label.label_id.casefold() == told] or [
            label for label in labels if told in map(str.casefold, label.name.values())
        ]
        return next(("" if label == labels[0] else label.label_id for label in found), None)

    def finish(self) -> ImportedReviews:
        """Return what was gathered, in order."""
        return ImportedReviews(
            tuple(self.reviews[key] for key in sorted(self.reviews)),
            self.left_out.lines(),
            self.notes.lines(),
        )


def says_anything(review: Review) -> bool:
    """Tell whether a review holds more than its head."""
    empty = ReviewContent()
    return any(getattr(review, name) != getattr(empty, name) for name in FIELDS)


def read_kind(value: object, otherwise: ReviewKind = "assisted") -> ReviewKind:
    """Return the kind of review that a source names, ``otherwise`` where it names none."""
    return next((kind for kind in REVIEW_KINDS if kind == value), otherwise)


def read_known(value: object) -> frozenset[Knowledge]:
    """Return what a reader had been shown, of a list or of words with spaces between."""
    names = read_names(value)
    return frozenset(word for word in get_args(Knowledge) if word in names)


def read_names(value: object) -> frozenset[str]:
    """Return the names of a list, or of a text with spaces between."""
    if isinstance(value, str):
        return frozenset(value.split())
    return frozenset(str(name) for name in value) if isinstance(value, list) else frozenset()


def begin_review(gathering: Gathering, case_id: str, about: Mapping[str, Any]) -> Review:
    """Return the review that an annotation's attributes name: annotator, kind and what was known."""
    reader = str(about.get("annotator") or gathering.reader)
    kind = read_kind(about.get("kind"), "consensus" if reader == "consensus" else "assisted")
    review = gathering.review(case_id, reader, kind)
    return replace(review, known=review.known | read_known(about.get("known")))


def _box(mask: Mask) -> Box:
    left, top, width, height = (int(value) for value in cv2.boundingRect(mask.astype(np.uint8)))
    return left, top, width, height


def _fold(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
