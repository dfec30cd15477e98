"""The cases that differ most: a photo with everybody's outline, and who answered what."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from functools import lru_cache
from html import escape

import cv2
import numpy as np

from magic_demo.core.errors import MagicDemoError
from magic_demo.core.review_types import CaseKey, MaskRuns
from magic_demo.core.types import LANGUAGES, Family, Photo, Pixels
from magic_demo.files.photos.processes.workers import read_photo_apart
from magic_demo.imaging.run_lengths import decode_mask
from magic_demo.page.agreement.wording import name_of, tag_of
from magic_demo.page.texts.i18n import both, both_of
from magic_demo.questions.families import QuestionSet
from magic_demo.reviews.agreement import MODEL, CaseDifference, FamilyDifference
from magic_demo.reviews.agreement.sources import Comparison
from magic_demo.reviews.cases.covered_photos import covered_beside
from magic_demo.reviews.exports.case_files import find_case_files
from magic_demo.reviews.reports.contents import Legend
from magic_demo.reviews.reports.disputes import MODEL_RGB, READER_RGB, draw_everybody
from magic_demo.reviews.store import LOCAL_READER, Store

MOST_CASES = 8
MOST_FAMILIES = 4
"""Differing families of one case that are told; of the others the number."""
SIDE = 420
"""Longest side of a picture, pixels."""
JPEG_SETTINGS = [
    cv2.IMWRITE_JPEG_QUALITY,
    84,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
]
"""With colours at full resolution: else those of the outlines spread into the lesion."""
EMPTY_GREY = 96
"""What stands for a photo that is not there any more: its outlines are still drawn."""

Thumbnail = Callable[[CaseDifference, Comparison], str | None]
"""A case's picture as a data address, None where there is nothing to draw."""


def render_cases(found: Comparison, draw: Thumbnail, questions: QuestionSet) -> str:
    """Return the list, most disputed first; empty where nobody differs."""
    differing = found.agreement.differing
    if not differing:
        return ""
    readers = found.agreement.readers
    legend = "".join(
        "<span><i "
        f'style="--outline:rgb{_colour(voice, readers)}">{tag_of(voice, readers)}</i>{name_of(voice)}</span>'
        for voice in found.panel.voices
    )
    shown = "".join(_case(case, readers, draw(case, found), questions) for case in differing[:MOST_CASES])
    return (
        '<section class="agree-panel" aria-labelledby="agree-cases"><h2 '
        f'id="agree-cases">{both("agreement.cases")} '
        f"<small>{both('agreement.cases_shown', shown=min(MOST_CASES, len(differing)), count=len(differing))}</small></h2>"
        f'<p class="agree-legend outlines">{legend}</p><ol class="agree-cases">{shown}</ol><p '
        f'class="agree-small">{both("agreement.cases_note")}</p></section>'
    )


class Thumbnails:
    """Draws pictures of cases, and keeps those drawn last. Safe to share between threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._drawn = lru_cache(maxsize=128)(self._draw)

    def __call__(self, case: CaseDifference, found: Comparison) -> str | None:
        """Return the picture of the case's most different photo, or of its first one."""
        panel = found.panel
        photo_id = case.photo_id or next(
            (name for voice in panel.voices for key, name in panel.masks[voice] if key == case.case), None
        )
        masks = tuple(
            (
                voice,
                tag_of(voice, panel.readers),
                _colour(voice, panel.readers),
                panel.masks[voice][case.case, photo_id],
            )
            for voice in panel.voices
            if photo_id is not None and (case.case, photo_id) in panel.masks[voice]
        )
        return self._drawn(case.case, photo_id, masks, covered_beside(self._store.location).turn(case.case))

    def forget(self) -> None:
        """Forget every picture: of a case that is gone, or a photo as it was before it was covered, none
        stays in memory."""
        self._drawn.cache_clear()

    def _draw(
        self,
        case: CaseKey,
        photo_id: str | None,
        masks: tuple[tuple[str, str, tuple[int, int, int], MaskRuns], ...],
        _covered: int,
    ) -> str | None:
        photo = self._read(case, photo_id)
        size = photo.size if photo is not None else masks[0][3].size if masks else None
        if size is None:
            return None
        pixels: Pixels = photo.pixels if photo is not None else np.full((*size, 3), EMPTY_GREY, np.uint8)
        drawn = [
            (Legend(tag, {"en": voice, "zh": voice}, colour), decode_mask(runs))
            for voice, tag, colour, runs in masks
            if runs.size == size
        ]
        picture = draw_everybody(pixels, drawn, side=SIDE)
        _, data = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), JPEG_SETTINGS)
        return f"data:image/jpeg;base64,{base64.b64encode(data.tobytes()).decode('ascii')}"

    def _read(self, case: CaseKey, photo_id: str | None) -> Photo | None:
        try:
            files = next(
                iter(
                    find_case_files(
                        [self._store.case(case, LOCAL_READER)], covered_beside(self._store.location)
                    )
                ),
                None,
            )
            chosen = (
                [photo for photo in files.photo_files if photo_id in (None, photo.photo_id)]
                if files is not None
                else []
            )
            return (
                read_photo_apart(chosen[0].path, photo_id=chosen[0].photo_id)
                if chosen and chosen[0].path is not None
                else None
            )
        except MagicDemoError:
            # moved or deleted: the numbers do not need the photo, and the picture says what it can
            return None


def _colour(voice: str, readers: Sequence[str]) -> tuple[int, int, int]:
    return MODEL_RGB if voice == MODEL else READER_RGB[list(readers).index(voice) % len(READER_RGB)]


def _case(case: CaseDifference, readers: tuple[str, ...], picture: str | None, questions: QuestionSet) -> str:
    name = escape(case.case.case_id)
    photo = (
        f'<img src="{picture}" alt="">'
        if picture is not None
        else f"<span>{both('agreement.no_photo')}</span>"
    )
    facts = [both("agreement.families_differ", count=len(case.families))] if case.families else []
    if case.dice:
        first, second, value = case.dice[0]
        facts.append(
            both(
                "agreement.least_dice",
                value=f"{value:.2f}",
                one=tag_of(first, readers),
                other=tag_of(second, readers),
            )
        )
    listed = "".join(
        _family(questions.family(family.family_id), family, readers)
        for family in case.families[:MOST_FAMILIES]
    )
    if len(case.families) > MOST_FAMILIES:
        listed += (
            "<p "
            f'class="agree-small">{both("agreement.more_families", count=len(case.families) - MOST_FAMILIES)}</p>'
        )
    return (
        f'<li class="agree-case"><div class="agree-photo">{photo}</div><div '
        f'class="agree-told"><h3>{name} <small>{escape(case.case.queue)}</small></h3>'
        f'<p class="agree-facts">{" · ".join(facts)}</p>{listed}</div></li>'
    )


def _family(family: Family, difference: FamilyDifference, readers: tuple[str, ...]) -> str:
    """Return who said what, those who said the same together."""
    by_answer: dict[frozenset[int], list[str]] = {}
    for voice, labels in difference.labels_by_voice:
        by_answer.setdefault(labels, []).append(tag_of(voice, readers))
    lines = []
    for labels, tags in by_answer.items():
        named = sorted(labels - {family.not_mentioned}) or [family.padding]
        words = both_of(
            {
                language: " + ".join(family.options[language][label] for label in named)
                for language in LANGUAGES
            }
        )
        signs = "".join(f'<span class="voice-tag">{tag}</span>' for tag in tags)
        lines.append(f"<li>{signs} {words}</li>")
    return f'<div class="agree-said"><h4>{both_of(family.title)}</h4><ul>{"".join(lines)}</ul></div>'
