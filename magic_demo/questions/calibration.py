"""What a score is worth: how likely each option is, what credit the chosen answer will earn, and where the
model abstains.

A checkpoint is calibrated on cases that it was not fitted on (``python -m training calibrate``): one
temperature a family. In a family of one slot the probabilities are the softmax of score / temperature. In one
of several the temperature divides the evidence of the decoding's model of sets
(``magic_demo.questions.decoding``), and an option's probability is the share of the sets that hold it: the
numbers shown and the decoded set come from one model. The expected official credit of an answer is its mean
credit over the possible references.

The answer to a family is *unsure* when that expectation does not exceed, by the margin, what always giving
the most frequent answer earned.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from magic_demo.core.disk.user_files import LARGEST_CONFIG, read_user_text
from magic_demo.core.disk.whole_files import write_json
from magic_demo.core.errors import CheckpointError, one_line
from magic_demo.core.types import Family
from magic_demo.questions.decoding import FamilyPriors, Labels, PossibleSets, credit_matrix, list_sets
from magic_demo.questions.shares import as_shares, softmax

CALIBRATION_NAME = "calibration.json"
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class FamilyCalibration:
    """One family's: temperature, above 0; prior_credit: the official credit, 0..1, that always giving the
    most frequent answer earned.

    weight: the answerer's beside the cue model, 0..1, when this was fitted; with another weight it does
    not hold.
    """

    temperature: float
    prior_credit: float
    weight: float = 0.0


@dataclass(frozen=True)
class Calibration:
    """What was fitted for the scores of one cue model's checkpoint, alone or combined with one answerer.

    cues, answerer: the digests of the models; the second is empty where the cues are alone. margin: see
    above, 0..1.
    text_only, with_photos: family id -> what holds for cases without and with photos. fitted_on: the cases,
    in words. kinds: kind of photos, as ``Weights.kinds`` names it -> the same for cases with such photos, in
    place of with_photos.
    """

    cues: str
    answerer: str
    margin: float
    text_only: Mapping[str, FamilyCalibration] = field(default_factory=dict)
    with_photos: Mapping[str, FamilyCalibration] = field(default_factory=dict)
    fitted_on: str = ""
    kinds: Mapping[str, Mapping[str, FamilyCalibration]] = field(default_factory=dict)

    def of(self, family_id: str, weight: float, *, photos: bool, kind: str = "") -> FamilyCalibration | None:
        """Return what holds for a family whose scores were combined with this weight; None where nothing
        does. kind: of the photos; nothing holds for a kind that nothing was fitted on."""
        with_photos = self.kinds.get(kind, {}) if kind else self.with_photos
        fitted = (with_photos if photos else self.text_only).get(family_id)
        return fitted if fitted is not None and fitted.weight == weight else None


def find_chances(scores: Floats, family: Family, priors: FamilyPriors | None, temperature: float) -> Floats:
    """Return (N, O) probabilities in 0..1 from a family's (N, O) scores, log-odds in families of several
    slots.

    In a family of one slot a row adds up to 1. In one of several, "Not mentioned" is as likely as a slot
    staying free.
    """
    if len(family.questions) == 1:
        return softmax(scores / temperature)
    if priors is None:
        return as_shares(scores / temperature, False)
    sets, shares = _weigh_references(scores, family, priors, temperature)
    return np.clip(shares @ sets.members, 0.0, 1.0)


def expect_credit(
    scores: Floats, answers: Sequence[Labels], family: Family, priors: FamilyPriors | None, temperature: float
) -> Floats:
    """Return (N,) the expected official credit, 0..1, of one answer a row of (N, O) scores: the values in the
    slots, as a set."""
    if len(family.questions) == 1:
        chances = find_chances(scores, family, None, temperature)
        return chances[np.arange(len(answers)), [next(iter(answer)) for answer in answers]]
    if priors is None:
        raise ValueError(
            f"{family.family_id}: without priors there is no model of sets to expect a credit under"
        )
    sets, shares = _weigh_references(scores, family, priors, temperature)
    columns = {labels: column for column, labels in enumerate(sets.systems)}
    unlisted = sorted(set(answers) - columns.keys(), key=sorted)
    credits = np.hstack([sets.credits, credit_matrix(sets.possible, unlisted)]) if unlisted else sets.credits
    columns |= {labels: len(columns) + column for column, labels in enumerate(unlisted)}
    return np.asarray((shares * credits[:, [columns[answer] for answer in answers]].T).sum(axis=1))


def digest_of(model_id: str) -> str:
    """Return what tells a model's weights apart, whatever its folder is called: the part of its id after the
    last "@"."""
    return model_id.rpartition("@")[2]


def write_calibration(folder: Path, calibration: Calibration) -> None:
    """Write ``calibration.json`` into a checkpoint's folder."""
    content = asdict(calibration)
    for photos in ("text_only", "with_photos"):
        content[photos] = _round(content[photos])
    content["kinds"] = {kind: _round(table) for kind, table in sorted(content["kinds"].items())}
    if not content["kinds"]:
        del content["kinds"]
    write_json(folder / CALIBRATION_NAME, content, indent=1)


def read_calibration(folder: Path) -> Calibration | None:
    """Read a checkpoint's ``calibration.json``; None without one.

    Raises CheckpointError with one line when it is broken.
    """
    path = folder / CALIBRATION_NAME
    if not path.is_file():
        return None
    try:
        content = json.loads(read_user_text(path, LARGEST_CONFIG))
        text_only, with_photos = (_read_families(content[photos]) for photos in ("text_only", "with_photos"))
        return Calibration(
            str(content["cues"]),
            str(content["answerer"]),
            float(content["margin"]),
            text_only,
            with_photos,
            str(content["fitted_on"]),
            {str(kind): _read_families(table) for kind, table in content.get("kinds", {}).items()},
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(
            "{path}: not what 'python -m training calibrate' writes ({reason}); delete it, or "
            "calibrate the checkpoint again",
            path=path,
            reason=one_line(error),
        ) from error


def _round(table: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    return {
        family_id: {name: round(value, 4) for name, value in sorted(fitted.items())}
        for family_id, fitted in sorted(table.items())
    }


def _read_families(table: Mapping[str, Mapping[str, float]]) -> dict[str, FamilyCalibration]:
    return {str(family_id): _read_family(str(family_id), entry) for family_id, entry in table.items()}


def _read_family(family_id: str, entry: Mapping[str, float]) -> FamilyCalibration:
    fitted = FamilyCalibration(
        float(entry["temperature"]), float(entry["prior_credit"]), float(entry["weight"])
    )
    if not (
        0 < fitted.temperature < float("inf") and 0 <= fitted.prior_credit <= 1 and 0 <= fitted.weight <= 1
    ):
        raise ValueError(f"{family_id}: a temperature above 0, a credit and a weight in 0..1 are expected")
    return fitted


def _weigh_references(
    scores: Floats, family: Family, priors: FamilyPriors, temperature: float
) -> tuple[PossibleSets, Floats]:
    """Return the K sets that a reference may be and how likely each is, (N, K), for a family of several slots
    with (N, O) scores."""
    sets = list_sets(scores.max(axis=0), family, priors)
    return sets, softmax(sets.weigh(scores, priors.weight / temperature))
