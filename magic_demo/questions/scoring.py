"""The official numbers: pixels counted once a pair of masks, labels once a family, every metric a pure
function of the counts.

The rules are those of the organisers' ``score_segmentations.py`` and ``score_cvqa.py`` (MEDIQA-MAGIC 2025).
Closed questions are summed in their order, so they are the same to the last bit; the masks' means may differ
in the last bit, because the organisers walk photos in the order of a hash that changes from run to run. Where
those scripts divide zero by zero, ``docs/scoring.md`` says what is done. Nothing here reads a file: see
``mask_scoring`` and ``answer_scoring``.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np

from magic_demo.core.types import Mask
from magic_demo.imaging.packed_masks import Bits, PackedMask, count_bits, hold_at_least, pack_mask

Values = dict[str, float | int | None]
"""Metric -> number, by the organisers' keys; None where nothing could be measured (JSON knows no NaN)."""


@dataclass(frozen=True)
class Scores:
    """Official numbers with what must be known of them.

    findings: what was wrong with the files, by name, and what was done; without any, the numbers are exactly
    the organisers'.
    notes: what is worth knowing and changes no number.
    """

    values: Values
    findings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Counts:
    """Pixels that are lesion in both masks (tp), in the system's alone (fp), in the reference's alone
    (fn)."""

    tp: int = 0
    fp: int = 0
    fn: int = 0

    def __add__(self, other: Counts) -> Counts:
        """Pool the pixels of two pairs."""
        return Counts(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn)


@dataclass(frozen=True)
class PhotoCounts:
    """One photo's counts: the system's mask against each annotator's and against their majority vote.

    undefined: the value of 0/0, where neither mask holds lesion: 1 (they agree), or 0 where there is no
    system mask at all.
    """

    annotators: tuple[Counts, ...]
    majority: Counts
    undefined: float = 1.0


def count_pixels(reference: Mask, system: Mask) -> Counts:
    """Count the pixels of two (H, W) bool masks of one size."""
    both = int(np.count_nonzero(reference & system))
    return Counts(
        tp=both, fp=int(np.count_nonzero(system)) - both, fn=int(np.count_nonzero(reference)) - both
    )


def vote(masks: Sequence[Mask]) -> Mask:
    """Return the pixel majority of one or more (H, W) bool masks: lesion where at least half of them, rounded
    up, say so.

    A tie counts as lesion: of two annotators the majority is the union, of four two are enough.
    """
    if len(masks) == 1:
        return masks[0]
    return np.asarray(hold_at_least(masks, (len(masks) + 1) // 2), dtype=np.bool_)


def count_photo(references: Sequence[Mask], system: Mask, *, undefined: float = 1.0) -> PhotoCounts:
    """Count one photo's system mask against one or more reference masks, (H, W) bool all of one size."""
    return count_packed(
        [pack_mask(reference) for reference in references], pack_mask(system), undefined=undefined
    )


def count_packed(
    references: Sequence[PackedMask], system: PackedMask, *, undefined: float = 1.0
) -> PhotoCounts:
    """Count one photo's system mask against one or more reference masks, all packed and of one size."""
    packed, found = [reference.bits for reference in references], count_bits(system.bits)
    counts = tuple(_count_pair(bits, system.bits, found) for bits in packed)
    majority = (
        counts[0]
        if len(packed) == 1
        else _count_pair(hold_at_least(packed, (len(packed) + 1) // 2), system.bits, found)
    )
    return PhotoCounts(counts, majority, undefined)


def jaccard(counts: Counts, undefined: float = 1.0) -> float:
    """Return the share of the union that both masks hold, 0..1; ``undefined`` where neither holds lesion."""
    union = counts.tp + counts.fn + counts.fp
    return counts.tp / union if union else undefined


def dice(counts: Counts, undefined: float = 1.0) -> float:
    """Return twice the common pixels over the sum of both masks', 0..1; ``undefined`` where neither holds
    lesion."""
    total = 2 * counts.tp + counts.fn + counts.fp
    return 2 * counts.tp / total if total else undefined


def segmentation_values(photos: Sequence[PhotoCounts]) -> Values:
    """Return the seven official segmentation numbers.

    jaccard, dice: against the majority vote, pixels pooled over all photos. ``*_meanofmax``,
    ``*_meanofmean``: the best and the mean over a photo's annotators, averaged over photos.
    """
    pooled = sum((photo.majority for photo in photos), Counts())
    undefined = min((photo.undefined for photo in photos), default=1.0)
    values: Values = {}
    for name, metric in (("jaccard", jaccard), ("dice", dice)):
        by_photo = [[metric(counts, photo.undefined) for counts in photo.annotators] for photo in photos]
        values[f"{name}_meanofmax"] = _mean([max(scores) for scores in by_photo])
        values[f"{name}_meanofmean"] = _mean([float(np.mean(scores)) for scores in by_photo])
    values["jaccard"] = jaccard(pooled, undefined) if photos else None
    values["dice"] = dice(pooled, undefined) if photos else None
    values["number_segmentation_instances"] = len(photos)
    return values


def credit(gold: Set[Hashable], system: Set[Hashable]) -> float:
    """Return the partial credit of a family: common labels over the larger set's size, 0..1; 0 when the
    system gives no label."""
    return len(gold & system) / max(len(gold), len(system))


def answer_values(
    gold: Mapping[str, Mapping[str, Set[Hashable]]],
    system: Mapping[str, Mapping[str, Set[Hashable]]],
    family_ids: Iterable[str],
    instances: int | None = None,
) -> Values:
    """Return the official closed-question numbers.

    gold, system: encounter id -> family id -> labels given in any of its slots. A family that the system does
    not answer scores 0, one that gold does not answer is left out. ``accuracy_all`` weighs every pair of
    encounter and family alike, family by family.
    instances: what to report as ``number_cvqa_instances``, the number of gold encounters when None.
    """
    values: Values = {}
    every: list[float] = []
    for family_id in sorted(family_ids):
        credits = [
            credit(labels[family_id], system.get(encounter_id, {}).get(family_id, frozenset()))
            for encounter_id, labels in gold.items()
            if labels.get(family_id)
        ]
        every.extend(credits)
        values[f"accuracy_{family_id}"] = _accuracy(credits)
    values["accuracy_all"] = _accuracy(every)
    values["number_cvqa_instances"] = len(gold) if instances is None else instances
    return values


def _count_pair(reference: Bits, system: Bits, found: int) -> Counts:
    """Count a pair; ``found`` is the number of the system's bits, counted once for all pairs."""
    both = count_bits(reference & system)
    return Counts(tp=both, fp=found - both, fn=count_bits(reference) - both)


def _accuracy(credits: Sequence[float]) -> float | None:
    # The built-in sum of floats is compensated from Python 3.12 on; a plain loop is what the organisers'
    # script does.
    total = 0.0
    for value in credits:
        total += value
    return total / len(credits) if credits else None


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None
