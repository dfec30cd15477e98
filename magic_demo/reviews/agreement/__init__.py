"""How far readers and model agree: kappa, alpha, Dice, the human ceiling, switches after the reveal, the
cases that differ most."""

from magic_demo.reviews.agreement.coefficients import cohens_kappa, krippendorffs_alpha
from magic_demo.reviews.agreement.mask_overlap import compare_runs
from magic_demo.reviews.agreement.measuring import measure_agreement
from magic_demo.reviews.agreement.panel import CONSENSUS, MODEL, ModelReading, gather_panel, read_model
from magic_demo.reviews.agreement.results import (
    Agreed,
    Agreement,
    CaseDifference,
    FamilyDifference,
    FamilyNumbers,
    MaskNumbers,
    Measured,
    PairAgreement,
    ReadingChoice,
    Switches,
)

__all__ = [
    "CONSENSUS",
    "MODEL",
    "Agreed",
    "Agreement",
    "CaseDifference",
    "FamilyDifference",
    "FamilyNumbers",
    "MaskNumbers",
    "Measured",
    "ModelReading",
    "PairAgreement",
    "ReadingChoice",
    "Switches",
    "cohens_kappa",
    "compare_runs",
    "gather_panel",
    "krippendorffs_alpha",
    "measure_agreement",
    "read_model",
]
