"""How far masks of the same photo overlap: a matrix of readers and model, and the human ceiling beside the
model's number."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from magic_demo.core.review_types import CaseKey
from magic_demo.questions.scoring import dice, jaccard
from magic_demo.reviews.agreement.coefficients import means
from magic_demo.reviews.agreement.mask_overlap import Compare
from magic_demo.reviews.agreement.panel import CONSENSUS, MODEL, Panel
from magic_demo.reviews.agreement.resampling import as_measured, draw_cases
from magic_demo.reviews.agreement.results import MaskNumbers, Measured

Overlaps = dict[tuple[CaseKey, str], dict[tuple[str, str], tuple[float, float]]]
"""(case, photo id) -> pair of voices, the model's first -> (Dice, Jaccard); two empty masks agree: 1."""


def compare_masks(panel: Panel, compare: Compare) -> Overlaps:
    """Compare every two masks of the same photo and size."""
    found: Overlaps = {}
    photos = dict.fromkeys(photo for voice in panel.voices for photo in panel.masks[voice])
    for photo in photos:
        there = [voice for voice in panel.voices if photo in panel.masks[voice]]
        for first, second in combinations(there, 2):
            runs, its = panel.masks[first][photo], panel.masks[second][photo]
            if runs.size == its.size:
                counts = compare(runs, its)
                found.setdefault(photo, {})[first, second] = (dice(counts), jaccard(counts))
    return found


def _compare_consensus(panel: Panel, compare: Compare) -> Overlaps:
    """Compare every voice's mask with the consensus of the same photo and size."""
    found: Overlaps = {}
    for photo, agreed in panel.consensus_masks.items():
        for voice in panel.voices:
            runs = panel.masks[voice].get(photo)
            if runs is not None and runs.size == agreed.size:
                counts = compare(runs, agreed)
                found.setdefault(photo, {})[voice, CONSENSUS] = (dice(counts), jaccard(counts))
    return found


def measure_masks(panel: Panel, overlaps: Overlaps, compare: Compare, *, resamples: int) -> MaskNumbers:
    """Return the matrices over voices with a mask and the consensus, and the means with the model and among
    readers."""
    agreed = _compare_consensus(panel, compare)
    names = tuple(
        voice
        for voice in panel.voices
        if panel.masks[voice] and (voice != MODEL or _is_compared(MODEL, overlaps, agreed))
    )
    names += (CONSENSUS,) if agreed else ()
    index = {name: number for number, name in enumerate(names)}
    totals = np.zeros((2, len(names), len(names)))
    photos = np.zeros((len(names), len(names)), np.int64)
    for pairs in (*overlaps.values(), *agreed.values()):
        for (first, second), both in pairs.items():
            for row, column in ((index[first], index[second]), (index[second], index[first])):
                totals[:, row, column] += both
                photos[row, column] += 1
    with np.errstate(invalid="ignore"):
        mean_dice, mean_jaccard = totals / np.where(photos > 0, photos, np.nan)
    for name, number in index.items():
        photos[number, number] = len(panel.consensus_masks if name == CONSENSUS else panel.masks[name])
        mean_dice[number, number] = mean_jaccard[number, number] = 1.0
    counts = draw_cases(len(panel.cases), resamples)
    return MaskNumbers(
        names,
        mean_dice,
        mean_jaccard,
        photos,
        *(
            _mean(panel, overlaps, counts, metric, model=model)
            for metric in (0, 1)
            for model in (True, False)
        ),
    )


def _is_compared(voice: str, *overlaps: Overlaps) -> bool:
    return any(voice in pair for found in overlaps for pairs in found.values() for pair in pairs)


def _mean(
    panel: Panel, overlaps: Overlaps, counts: NDArray[np.float64], metric: int, *, model: bool
) -> Measured | None:
    """Return the mean over all pairs of masks, cases drawn again whole; the model's side and the readers' are
    of the same photos where any has both."""
    both_sides = {
        photo: pairs for photo, pairs in overlaps.items() if len({MODEL in pair for pair in pairs}) == 2
    }
    number = {case: index for index, case in enumerate(panel.cases)}
    values: list[float] = []
    rows: list[int] = []
    for (case, _), pairs in (both_sides or overlaps).items():
        chosen = [both[metric] for pair, both in pairs.items() if (MODEL in pair) == model]
        values += chosen
        rows += [number[case]] * len(chosen)
    if not values:
        return None
    return as_measured(means(np.array(values), counts[:, rows]), len(values), len(set(rows)))
