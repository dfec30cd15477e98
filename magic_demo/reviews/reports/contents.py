"""What a disagreement report says, as plain values: numbers that somebody else computed, and the cases that
differ most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from magic_demo.core.types import Language, Pixels
from magic_demo.reviews.agreement import Measured

Words = Mapping[Language, str]


@dataclass(frozen=True)
class FamilyAgreement:
    """How one family of questions was agreed on; None where nothing could be compared.

    with_model, among_readers: share of compared answers that are the same set, 0..1. kappa: Cohen's, readers
    against the model.
    alpha: Krippendorff's, among readers; icc: theirs where a number is asked for.
    """

    family_id: str
    title: Words
    with_model: Measured | None = None
    kappa: Measured | None = None
    among_readers: Measured | None = None
    alpha: Measured | None = None
    icc: Measured | None = None


@dataclass(frozen=True)
class TaggedAnswer:
    """Who said what. tag: the sign on the picture, M for the model and 1, 2, ... for readers."""

    tag: str
    name: Words
    answer: Words


@dataclass(frozen=True)
class FamilyDispute:
    """A family on which somebody differs in one case, with everybody's answer."""

    title: Words
    answers: tuple[TaggedAnswer, ...]


@dataclass(frozen=True)
class CommonDifference:
    """An answer of the model's that readers answered otherwise: how often the one stood against the other."""

    title: Words
    model: Words
    readers: Words
    times: int


@dataclass(frozen=True, eq=False)
class CaseDispute:
    """A case that is much disagreed on. picture: (H, W, 3) uint8 RGB with everybody's outline, None where no
    photo can be shown.

    dice: a reader's tag -> Dice of their mask and the model's on that photo, 0..1.
    """

    case_id: str
    photo_id: str | None
    picture: Pixels | None
    families: tuple[FamilyDispute, ...]
    agreed: int
    """Families on which everybody who answered said the same."""
    dice: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Legend:
    """How somebody's outline is drawn in the pictures."""

    tag: str
    name: Words
    rgb: tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class DisagreementReport:
    """Everything that stands in a report.

    families: those that can be compared, most disagreed on first. names, dice: the (N, N) matrix of mean Dice
    between masks of the same photo, NaN where there is no such photo. with_model, among_readers,
    dice_with_model, dice_among_readers: the numbers at the top, of the first label; labels: name and Dice among
    readers of each further one.
    switched: share of the answers that a blind reader changed after the model was revealed. known: how many
    of the readings compared were blind to model and others, after the model, after others. incomplete:
    finished ones that left something open and are not compared.
    """

    queue: str
    made_at: datetime
    cases: int
    readings: int
    readers: tuple[str, ...]
    models: Mapping[str, str]
    families: tuple[FamilyAgreement, ...] = ()
    with_model: Measured | None = None
    among_readers: Measured | None = None
    dice_with_model: Measured | None = None
    dice_among_readers: Measured | None = None
    labels: tuple[tuple[Words, Measured | None], ...] = ()
    names: tuple[Words, ...] = ()
    dice: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))
    switched: Measured | None = None
    differences: tuple[CommonDifference, ...] = ()
    legend: tuple[Legend, ...] = ()
    disputed: tuple[CaseDispute, ...] = ()
    notes: tuple[Words, ...] = ()
    known: tuple[int, int, int] = (0, 0, 0)
    incomplete: int = 0
