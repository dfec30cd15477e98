"""What the checkpoints know of a case's answers, given what has a say in it."""

from __future__ import annotations

from magic_demo.core.types import Narrative
from magic_demo.models.influence.say import Say
from magic_demo.models.loading.loaded import LoadedModels
from magic_demo.questions.answering import Statistics
from magic_demo.questions.calibration import FamilyCalibration, digest_of


def find_statistics(models: LoadedModels, say: Say) -> Statistics:
    """Return what the checkpoints know of the answers to the questions asked. say: what counts in the
    case."""
    fitted = {family.family_id: find_calibration(models, family.family_id, say) for family in models.families}
    calibrations = {
        family_id: (calibration, margin)
        for family_id, (calibration, margin) in fitted.items()
        if calibration is not None
    }
    base = models.cues.score(Narrative()) if models.cues is not None else {}
    alone = models.answerer.siblings if models.answerer is not None and models.cues is None else "parent"
    return models.coverage.translate_statistics(
        Statistics(models.set_priors or {}, calibrations, base, alone)
    )


def find_calibration(
    models: LoadedModels, family_id: str, say: Say
) -> tuple[FamilyCalibration | None, float]:
    """Return what a family's scores are calibrated with, None where nothing belongs to the models in use,
    and the margin.

    The models are those that have a say: where the answerer weighs nothing, the cues alone.
    """
    weight = say.weigh(models.weights, family_id) if models.knows(family_id) else 0.0
    if models.cues is None or say.moves(family_id) or (weight > 0 and models.mismatch is not None):
        return None, 0.0
    fitted_for = (
        digest_of(models.cues.model_id),
        digest_of(models.answerer.model_id) if weight > 0 and models.answerer is not None else "",
    )
    for calibration in models.calibrations:
        if (calibration.cues, calibration.answerer) == fitted_for:
            photos = say.photos and weight > 0
            return calibration.of(family_id, weight, photos=photos, kind=say.kind), calibration.margin
    return None, 0.0
