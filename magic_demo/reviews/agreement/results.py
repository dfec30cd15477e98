"""What is said of agreement, as frozen values.

None wherever a number cannot be computed: it is never replaced by 0 or 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from magic_demo.core.review_types import CaseKey

ReadingChoice = Literal["latest", "blind"]
"""Which of a reader's readings speaks for them: the newest of any own kind, or the newest one made before
model and others' readings were shown."""


@dataclass(frozen=True)
class Measured:
    """A number with its 95% bootstrap interval by case, None where there are too few cases; count: of what it
    was computed."""

    value: float
    low: float | None = None
    high: float | None = None
    count: int = 0


@dataclass(frozen=True)
class Agreed:
    """How two voices, or many pairs of them, agree on answers; ``count`` of each number: pairs of answers
    compared.

    same: share answered with the very same set of options, 0..1. credit: mean official partial credit of the
    sets, 0..1, the same as ``same`` in families of one slot. kappa: Cohen's, weighted by that credit, -1..1;
    None where everybody gave one and the same answer.
    """

    same: Measured | None = None
    credit: Measured | None = None
    kappa: Measured | None = None


@dataclass(frozen=True)
class PairAgreement:
    """How two voices agree; the model's name is ``MODEL``."""

    first: str
    second: str
    agreed: Agreed


@dataclass(frozen=True)
class FamilyNumbers:
    """How one family of questions is agreed on; all families together where ``family_id`` is empty.

    with_model: mean over the readers, each beside the model. among_readers: mean over the pairs of readers,
    the human ceiling; both over the same cases, where any has both. Both means weigh a pair by its cases. alpha: Krippendorff's among all readers, missing
    answers allowed; its count is of cases with two or more readers. icc: of a family that asks for numbers, ICC(2,1) among the
    readers, over the cases that all of them answered.
    """

    family_id: str
    with_model: Agreed = Agreed()
    among_readers: Agreed = Agreed()
    alpha: Measured | None = None
    pairs: tuple[PairAgreement, ...] = ()
    icc: Measured | None = None


@dataclass(frozen=True, eq=False)
class MaskNumbers:
    """How far masks of the same photo overlap.

    names: rows and columns, the model's first where it spoke, ``CONSENSUS`` last where there is one. dice,
    jaccard: (N, N) float64 means over photos, 0..1, NaN where no photo has both masks, 1 on the diagonal.
    photos: (N, N) int64, of how many photos. The rest are means over all pairs of masks of voices, counted by
    pair, on both sides of the same photos where any has both.
    """

    names: tuple[str, ...] = ()
    dice: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))
    jaccard: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))
    photos: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 0), np.int64))
    dice_with_model: Measured | None = None
    dice_among_readers: Measured | None = None
    jaccard_with_model: Measured | None = None
    jaccard_among_readers: Measured | None = None


@dataclass(frozen=True)
class Switches:
    """What readers changed between a blind reading and the revealed one of the same case.

    One answer is one family of one reading.

    readings: blind readings with a revealed one. answers: given both times. changed: share of them with
    another set afterwards.
    towards, away, beside: changed answers with more, less or the same credit against the model; those of
    cases the model is silent on are in none. The four of ``right_*`` and ``wrong_*`` count answers of cases
    with a reference, before and after, right meaning the reference's very set.
    dice_before, dice_after: mean Dice with the model's masks, over the same photos.
    """

    readings: int = 0
    answers: int = 0
    changed: Measured | None = None
    towards: int = 0
    away: int = 0
    beside: int = 0
    right_right: int = 0
    right_wrong: int = 0
    wrong_right: int = 0
    wrong_wrong: int = 0
    wrong_other_wrong: int = 0
    """Of ``wrong_wrong``, those that were changed."""
    dice_before: Measured | None = None
    dice_after: Measured | None = None

    @property
    def judged(self) -> int:
        """Return how many answers have a reference."""
        return self.right_right + self.right_wrong + self.wrong_right + self.wrong_wrong


@dataclass(frozen=True)
class FamilyDifference:
    """A family that a case's voices differ on: everybody's set of options, the model's first."""

    family_id: str
    labels_by_voice: tuple[tuple[str, frozenset[int]], ...]


@dataclass(frozen=True)
class CaseDifference:
    """How much a case is disagreed on, and by whom.

    dispute: see ``differing.rank_cases``; above 0. families: those that anybody differs on. photo_id: the
    photo whose masks overlap least, None where no two masks can be compared; dice: pairs of voices and their
    Dice on it, lowest first.
    """

    case: CaseKey
    dispute: float
    families: tuple[FamilyDifference, ...]
    photo_id: str | None
    dice: tuple[tuple[str, str, float], ...] = ()


@dataclass(frozen=True, eq=False)
class Agreement:
    """Everything that is measured of a set of readings. readers: by name. model_cases: those that the model
    spoke of.

    masks: of the first label. labels: label id -> those of a further one, which no model finds; of labels that
    somebody outlined. blind, after_model, after_others, incomplete: see ``panel.Panel``. shared_cases: those that two or
    more readers speak of.
    """

    cases: int
    readings: int
    readers: tuple[str, ...]
    model_cases: int
    overall: FamilyNumbers
    families: tuple[FamilyNumbers, ...]
    masks: MaskNumbers
    switches: Switches
    differing: tuple[CaseDifference, ...]
    labels: Mapping[str, MaskNumbers] = field(default_factory=dict)
    blind: int = 0
    after_model: int = 0
    after_others: int = 0
    incomplete: int = 0
    shared_cases: int = 0
