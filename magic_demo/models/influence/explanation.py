"""Why an option has its score: the words that moved it, the places in photos that raised it, what was
measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import numpy as np

from magic_demo.core.errors import ModelError, one_line
from magic_demo.core.types import (
    Encounter,
    Explanation,
    Language,
    Mask,
    Narrative,
    Prediction,
    Probability,
    SimilarCase,
    WordSpan,
)
from magic_demo.cues.explanation import explain_other_words, explain_words, scale_regions
from magic_demo.models.influence.evidence import list_evidence, measure_lesions
from magic_demo.models.influence.say import find_say
from magic_demo.models.loading.loaded import LoadedModels


def explain_option(
    models: LoadedModels,
    encounter: Encounter,
    prediction: Prediction,
    family_id: str,
    option: int,
    *,
    language: Language,
    look: Callable[[], Sequence[Any]],
) -> Explanation:
    """Do what ``Predictor.explain`` says. look: returns what the answerer reads of each photo."""
    options = models.questions.family(family_id).options["en"]
    if not 0 <= option < len(options):
        raise IndexError(f"{family_id} has options 0 to {len(options) - 1}, not {option}")
    if not prediction.scores or family_id not in models.coverage.indices:
        return Explanation(family_id, option, language)
    theirs = models.coverage.indices[family_id][option]
    placed = Placed(0.0, unplaced="no_say")
    looks = None
    if models.knows(family_id):
        try:
            looks = look()
            placed = _find_regions(
                models, encounter, prediction, family_id, theirs, language=language, looks=looks
            )
        except ModelError:
            raise
        except Exception as error:  # whatever a model stumbles over costs this explanation alone
            raise ModelError("the closed-question model failed: {reason}", reason=one_line(error)) from error
    words, other_words = _find_words(
        models, encounter.narrative, family_id, theirs, language, 1 - placed.weight
    )
    return Explanation(
        family_id,
        option,
        language,
        words=words,
        other_words=other_words,
        regions=placed.regions,
        unplaced=placed.unplaced,
        evidence=list_evidence(family_id, measure_lesions(encounter, prediction), language),
        similar=_find_similar(models, encounter, looks, family_id) if looks is not None else (),
    )


class Placed(NamedTuple):
    """Where photos raised a score. weight: of the answerer that reads them, 0..1; the others as in ``Explanation``."""

    weight: float
    regions: Mapping[str, Probability] = MappingProxyType({})
    unplaced: Literal["no_say", "cannot_tell"] | None = None


def _find_similar(
    models: LoadedModels, encounter: Encounter, looks: Sequence[Any], family_id: str
) -> tuple[SimilarCase, ...]:
    """Return the cases that the answerer looks up, their options as the questions asked count them."""
    assert models.answerer is not None
    ours = {theirs: own for own, theirs in enumerate(models.coverage.indices[family_id])}
    found = models.answerer.find_similar(encounter.encounter_id, encounter.narrative, looks, family_id)
    return tuple(
        replace(case, options=frozenset(ours[option] for option in case.options if option in ours))
        for case in found
    )


def _find_words(
    models: LoadedModels, narrative: Narrative, family_id: str, option: int, language: Language, share: float
) -> tuple[tuple[WordSpan, ...], tuple[WordSpan, ...] | None]:
    """Return the words of the text in the language, and those of the other text where both were read."""
    if models.cues is None:
        return (), None
    asked = (models.cues, narrative, family_id, option, language)
    return explain_words(*asked, share=share), explain_other_words(*asked, share=share)


def _find_regions(
    models: LoadedModels,
    encounter: Encounter,
    prediction: Prediction,
    family_id: str,
    option: int,
    *,
    language: Language,
    looks: Sequence[Any],
) -> Placed:
    """Return what the photos that have a say raised."""
    assert models.answerer is not None
    all_photos = not prediction.unlike  # as it was predicted
    say = find_say(models.answerer, looks, encounter.narrative, models.weights, all_photos=all_photos)
    weight = say.weigh(models.weights, family_id) if models.cues is not None else 1.0
    if not weight or not say.heard:
        return Placed(weight, unplaced="no_say")
    added = models.answerer.attribute(
        encounter.narrative.text(language), [looks[index] for index in say.heard], family_id, option
    )
    if not added:
        return Placed(weight, unplaced="cannot_tell")
    heard = [encounter.photos[index].photo_id for index in say.heard]
    regions = scale_regions(dict(zip(heard, added, strict=False)))
    found = {photo.photo_id: photo for photo in prediction.photos}
    lying = {
        name: heat
        for name, heat in regions.items()
        if name not in found or lies_on(heat, found[name].probability >= prediction.threshold)
    }
    return Placed(weight, lying)


def lies_on(heat: Probability, lesion: Mask) -> bool:
    """Return whether at least half of a heat map (h, w) lies where the lesion (H, W) is, by cells of the heat map that
    hold any of it.

    Heat beside the lesion says what the model weighs of the photo's look, not where the finding is: it is not shown.
    """
    rows, columns = (
        np.arange(size) * cells // size for size, cells in zip(lesion.shape, heat.shape, strict=True)
    )
    cells = np.zeros(heat.shape, np.bool_)
    np.logical_or.at(cells, (rows[:, None], columns[None, :]), lesion)
    total = float(heat.sum())
    return total > 0 and float(heat[cells].sum()) >= total / 2
