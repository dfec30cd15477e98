"""How far each reader agrees with themselves: the same cases read a second time, after a wash-out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from magic_demo.core.review_types import CaseKey, Review, SavedReview
from magic_demo.core.types import Family
from magic_demo.reviews.agreement.measuring import measure_agreement
from magic_demo.reviews.agreement.panel import Panel, gather_panel, is_blind
from magic_demo.reviews.agreement.resampling import RESAMPLES
from magic_demo.reviews.agreement.results import FamilyNumbers, Measured, ReadingChoice
from magic_demo.reviews.store.rules import OWN_READINGS

FIRST, SECOND = "first reading", "second reading"
"""The voices that are compared, both of one reader."""


@dataclass(frozen=True, eq=False)
class ReadAgain:
    """A reader beside themselves, over the cases that they read twice.

    days: between the two readings of a case, the shortest and the longest time. overall, families: the two readings
    are the two voices of ``among_readers``, ``alpha`` and ``icc``. dice: mean over the photos outlined both times.
    """

    reader: str
    cases: int
    days: tuple[float, float]
    overall: FamilyNumbers
    families: tuple[FamilyNumbers, ...]
    dice: Measured | None


def measure_again(
    first: Iterable[SavedReview],
    second: Iterable[SavedReview],
    families: Sequence[Family],
    *,
    choice: ReadingChoice = "latest",
    done_only: bool = True,
    resamples: int = RESAMPLES,
) -> tuple[ReadAgain, ...]:
    """Compare every reader's readings of two queues of the same cases, by the reader's name; a reader who read no case
    twice is left out.

    choice, done_only: as in ``gather_panel``.
    """
    voices: dict[str, list[SavedReview]] = {}
    for voice, rows in ((FIRST, first), (SECOND, second)):
        for saved in rows:
            if saved.review.kind in OWN_READINGS and _is_compared(saved.review, choice, done_only=done_only):
                named = replace(saved.review, reader=voice, queue="")
                voices.setdefault(saved.review.reader, []).append(replace(saved, review=named))
    found = []
    for reader, rows in sorted(voices.items()):
        panel = gather_panel(rows, {}, choice=choice, done_only=done_only)
        twice = [
            case for case in panel.cases if all(case in panel.answers.get(one, {}) for one in (FIRST, SECOND))
        ]
        if not twice:
            continue
        measured = measure_agreement(_keep(panel, twice), families, resamples=resamples)
        found.append(
            ReadAgain(
                reader,
                len(twice),
                _days_between(rows, twice),
                measured.overall,
                measured.families,
                measured.masks.dice_among_readers,
            )
        )
    return tuple(found)


def _keep(panel: Panel, cases: Sequence[CaseKey]) -> Panel:
    kept = set(cases)
    return replace(
        panel,
        cases=tuple(cases),
        answers={
            voice: {case: answers for case, answers in each.items() if case in kept}
            for voice, each in panel.answers.items()
        },
        masks={
            voice: {key: runs for key, runs in each.items() if key[0] in kept}
            for voice, each in panel.masks.items()
        },
        switched=(),
    )


def _is_compared(review: Review, choice: ReadingChoice, *, done_only: bool) -> bool:
    """Return whether a row can be a voice: what else was saved of the case, as a draft or after the model was shown, says
    nothing of when it was read."""
    return (review.state == "done" or not done_only) and (choice == "latest" or is_blind(review))


def _days_between(rows: Sequence[SavedReview], cases: Sequence[CaseKey]) -> tuple[float, float]:
    """Return the shortest and the longest time from the last row of the first reading to the first of the second, in
    days."""
    spans = []
    for case in cases:
        times = {
            voice: [
                saved.saved_at for saved in rows if saved.review.case == case and saved.review.reader == voice
            ]
            for voice in (FIRST, SECOND)
        }
        spans.append((min(times[SECOND]) - max(times[FIRST])).total_seconds() / 86400)
    return min(spans), max(spans)
