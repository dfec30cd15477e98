"""Old and new model side by side on held-out cases: outlines, answers, what got better and what worse."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from magic_demo.core.disk.user_files import read_user_text
from magic_demo.core.errors import MagicDemoError, one_line
from magic_demo.core.limits import LIMITS
from magic_demo.core.review_types import MaskRuns
from magic_demo.core.types import Answers, EncounterFiles, Pixels
from magic_demo.files.photos.reading import read_photo
from magic_demo.imaging.run_lengths import decode_mask
from magic_demo.page.server.learning.rendering import close_page, open_page
from magic_demo.page.texts.i18n import both, both_of
from magic_demo.questions.decoding import read_slots
from magic_demo.questions.families import QuestionSet
from magic_demo.reviews.learning.learnt import COMPARISON, LearntError, LearntFrom

MOST_CASES = 30
"""Cases that are shown, those that changed most first."""
SIDE = 320
SAME = 0.01
"""Dice below which an outline is as good as before."""
COLOURS = {"reference": (255, 255, 255), "before": (40, 160, 255), "after": (255, 120, 0)}


@dataclass(frozen=True)
class ComparedCase:
    """A held-out case as it lies now, and what both models said of it (``comparison.json``)."""

    files: EncounterFiles
    photos: Sequence[Mapping[str, Any]]
    before: Answers
    after: Answers
    accuracy: tuple[float | None, float | None]

    @property
    def change(self) -> float:
        """Return how much better the outlines became, and the answers."""
        dice = [photo["dice"][1] - photo["dice"][0] for photo in self.photos]
        answers = [new - old for old, new in [self.accuracy] if old is not None and new is not None]
        return float(sum(dice) / max(1, len(dice)) + sum(answers))


def find_compared(folder: Path, learnt: LearntFrom, files: Iterable[EncounterFiles]) -> list[ComparedCase]:
    """Return the held-out cases that are still there, those that changed most first. Raises LearntError."""
    try:
        content = json.loads(read_user_text(folder / COMPARISON, LIMITS.json_bytes))
        found = [
            ComparedCase(
                one,
                entry["photos"],
                {str(qid): int(option) for qid, option in entry["answers"]["before"].items()},
                {str(qid): int(option) for qid, option in entry["answers"]["after"].items()},
                (entry["accuracy"][0], entry["accuracy"][1]),
            )
            for one in files
            if (entry := content.get(learnt.name(one.encounter_id))) is not None
        ]
        return sorted(found, key=lambda case: -abs(case.change))[:MOST_CASES]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise LearntError(
            "{folder}: no model that `training learn` finished ({reason}); learn again",
            folder=folder.name,
            reason=one_line(error, 80),
        ) from error


def render_comparison(
    name: str, cases: Sequence[ComparedCase], questions: QuestionSet, *, hidden: int = 0
) -> str:
    """Return the page's HTML. hidden: how many cases are left out as their reader reads them blind."""
    body = "".join(_render_case(case, questions) for case in cases)
    if hidden:
        body += f"<p>{both('learning.hidden_cases', count=hidden)}</p>"
    body = body or f"<p>{both('learning.no_cases')}</p>"
    return (
        f'{open_page("learning")}<h2>{escape(name)}</h2><p class="legend"><i class="is-reference"></i>'
        f'{both("learning.readers")} <i class="is-before"></i>{both("learning.before")} <i class="is-after"></i>'
        f"{both('learning.after')}</p>{body}{close_page()}"
    )


def _render_case(case: ComparedCase, questions: QuestionSet) -> str:
    photos = "".join(_render_photo(case, photo) for photo in case.photos)
    changed = "".join(
        f"<li><b>{both_of(dict(family.questions[0].text))}</b> {_name(before, family)} → {_name(after, family)}</li>"
        for family in questions.families
        if (before := _labels(case.before, family)) != (after := _labels(case.after, family))
    )
    old, new = case.accuracy
    line = "" if old is None or new is None else _render_change(old, new, "learning.answers", 0.0)
    return (
        f'<section class="compared"><h3>{escape(case.files.encounter_id)}</h3><div class="photos">{photos}</div>'
        f"{line}<ul>{changed}</ul></section>"
    )


def _render_photo(case: ComparedCase, photo: Mapping[str, Any]) -> str:
    try:
        path = case.files.photo_files[int(photo["place"])].path
        pixels = read_photo(path).pixels if path is not None else None
    except (MagicDemoError, OSError, IndexError):
        pixels = None
    pictures = "".join(
        f'<figure><img alt="" src="{_draw(pixels, photo, which)}"><figcaption>{both(f"learning.{which}")}</figcaption></figure>'
        for which in ("before", "after")
        if pixels is not None
    )
    old, new = (float(value) for value in photo["dice"])
    return f'<div class="pair">{pictures}{_render_change(old, new, "learning.dice", SAME)}</div>'


def _render_change(old: float, new: float, key: str, same: float) -> str:
    way = "better" if new > old + same else "worse" if new < old - same else "same"
    sign = {"better": "▲", "worse": "▼", "same": "="}[way]
    return (
        f'<p class="change is-{way}">{both(key)} {old:.3f} → {new:.3f} {sign} {both(f"learning.{way}")}</p>'
    )


def _draw(pixels: Pixels, photo: Mapping[str, Any], which: str) -> str:
    scale = min(1.0, SIDE / max(pixels.shape[:2]))
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    for name in ("reference", which):
        height, width, counts = photo[name]
        mask = decode_mask(MaskRuns((int(height), int(width)), str(counts))).astype(np.uint8)
        drawn = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)
        outlines, _ = cv2.findContours(drawn, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        cv2.drawContours(small, outlines, -1, (0, 0, 0), 4)
        cv2.drawContours(small, outlines, -1, COLOURS[name], 2)
    _, data = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR))
    return f"data:image/jpeg;base64,{base64.b64encode(data.tobytes()).decode()}"


def _labels(answers: Answers, family: Any) -> frozenset[int]:
    if not all(question.qid in answers for question in family.questions):
        return frozenset()
    return frozenset(read_slots(answers, family))


def _name(labels: frozenset[int], family: Any) -> str:
    texts = {
        language: ", ".join(family.options[language][label] for label in sorted(labels)) or "–"
        for language in ("en", "zh")
    }
    return both_of(texts)  # type: ignore[arg-type]
