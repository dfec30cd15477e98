"""What readers change once the model's answer is shown to them: towards it or away from it, to right or to
wrong.

The two by two of right and wrong before and after is the one of decision-support studies (Friedman et al.,
JAMA 282:1851-1856, 1999): wrong to right are "positive consultations", right to wrong "negative" ones, the
sign of automation bias (Goddard et al., JAMIA 19:121-127, 2012).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from magic_demo.core.review_types import CaseKey, MaskRuns
from magic_demo.core.types import Family
from magic_demo.questions.scoring import credit, dice
from magic_demo.reviews.agreement.coefficients import means
from magic_demo.reviews.agreement.mask_overlap import Compare, compare_runs
from magic_demo.reviews.agreement.panel import MODEL, Panel, labels_of
from magic_demo.reviews.agreement.resampling import as_measured, draw_cases
from magic_demo.reviews.agreement.results import Measured, Switches


def measure_switches(
    panel: Panel, families: Sequence[Family], compare: Compare = compare_runs, *, resamples: int
) -> Switches:
    """Return what changed between blind readings and the revealed ones of the same case and reader."""
    counts: Counter[str] = Counter()
    changed: list[bool] = []
    cases: list[CaseKey] = []
    for blind, revealed in panel.switched:
        model = panel.answers.get(MODEL, {}).get(blind.case)
        for family in families:
            before, after = labels_of(blind.answers, family), labels_of(revealed.answers, family)
            if before is None or after is None:
                continue
            changed.append(before != after)
            cases.append(blind.case)
            counts.update(_judge(before, after, labels_of(panel.reference.get(blind.case), family)))
            if before != after:
                counts.update(_direct(before, after, labels_of(model, family)))
    mean_dice = _compare_outlines(panel, compare, resamples=resamples)
    return Switches(
        readings=len(panel.switched),
        answers=len(changed),
        changed=_share(changed, cases, resamples),
        dice_before=mean_dice[0],
        dice_after=mean_dice[1],
        **counts,
    )


def _direct(before: frozenset[int], after: frozenset[int], model: frozenset[int] | None) -> list[str]:
    if model is None:
        return []
    gain = credit(model, after) - credit(model, before)
    return ["towards" if gain > 0 else "away" if gain < 0 else "beside"]


def _judge(before: frozenset[int], after: frozenset[int], right: frozenset[int] | None) -> list[str]:
    if right is None:
        return []
    was, is_now = ("right" if labels == right else "wrong" for labels in (before, after))
    moved = ["wrong_other_wrong"] if was == is_now == "wrong" and before != after else []
    return [f"{was}_{is_now}", *moved]


def _compare_outlines(
    panel: Panel, compare: Compare, *, resamples: int
) -> tuple[Measured | None, Measured | None]:
    """Return mean Dice with the model before and after, over the photos that were outlined both times."""
    model: Mapping[tuple[CaseKey, str], MaskRuns] = panel.masks.get(MODEL, {})
    values: list[tuple[float, float]] = []
    cases: list[CaseKey] = []
    for blind, revealed in panel.switched:
        for photo_id in blind.masks.keys() & revealed.masks.keys():
            shown = model.get((blind.case, photo_id))
            runs = [review.masks[photo_id] for review in (blind, revealed) if photo_id not in review.unusable]
            if shown is not None and len(runs) == 2 and all(each.size == shown.size for each in runs):
                before, after = (dice(compare(each, shown)) for each in runs)
                values.append((before, after))
                cases.append(blind.case)
    before_values, after_values = ([pair[index] for pair in values] for index in (0, 1))
    return _share(before_values, cases, resamples), _share(after_values, cases, resamples)


def _share(values: Sequence[float], cases: Sequence[CaseKey], resamples: int) -> Measured | None:
    """Return a mean over values, cases drawn again whole."""
    if not values:
        return None
    number = {case: index for index, case in enumerate(dict.fromkeys(cases))}
    counts = draw_cases(len(number), resamples)
    drawn = means(np.array(values, np.float64), counts[:, [number[case] for case in cases]])
    return as_measured(drawn, len(values), len(number))
