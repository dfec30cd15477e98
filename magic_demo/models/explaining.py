"""Why an option has its score: the words that moved it, the places in photos that raised it, what was
measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from magic_demo.core.errors import ModelError, one_line
from magic_demo.core.types import Encounter, Explanation, Language, Prediction, Probability
from magic_demo.cues.cue_model import CueModel
from magic_demo.cues.explanation import explain_words, scale_regions
from magic_demo.models.evidence import list_evidence, measure_lesions
from magic_demo.models.feature_cache import FeatureCache
from magic_demo.models.interfaces import Answerer
from magic_demo.models.say import Say, find_say
from magic_demo.questions.combining import Weights
from magic_demo.questions.coverage import Coverage
from magic_demo.questions.families import QuestionSet


class Explainable(Protocol):
    """What is needed of ``magic_demo.models.predictor.Predictor``."""

    answerer: Answerer | None
    cues: CueModel | None
    weights: Weights
    questions: QuestionSet
    coverage: Coverage

    def knows(self, family_id: str) -> bool:
        """Return whether the answerer scores a family."""

    def look(
        self,
        encounter: Encounter,
        *,
        prompt: str | None = None,
        language: Language = "en",
        cache: FeatureCache | None = None,
    ) -> list[Any]:
        """Return what the answerer reads of each photo."""


@dataclass(frozen=True)
class Asked:
    """The option that is explained, and how the case was predicted; see ``Predictor.predict``."""

    family_id: str
    option: int
    prompt: str | None
    language: Language
    cache: FeatureCache | None


def explain_option(
    predictor: Explainable, encounter: Encounter, prediction: Prediction, asked: Asked
) -> Explanation:
    """Do what ``Predictor.explain`` says."""
    family_id, option, language = asked.family_id, asked.option, asked.language
    options = predictor.questions.family(family_id).options["en"]
    if not 0 <= option < len(options):
        raise IndexError(f"{family_id} has options 0 to {len(options) - 1}, not {option}")
    if not prediction.scores or family_id not in predictor.coverage.indices:
        return Explanation(family_id, option, language)
    theirs = predictor.coverage.indices[family_id][option]
    regions: dict[str, Probability] = {}
    weight = 0.0
    if predictor.answerer is not None and predictor.knows(family_id):
        try:
            looks = predictor.look(encounter, prompt=asked.prompt, language=language, cache=asked.cache)
            say = find_say(
                predictor.answerer,
                looks,
                encounter.narrative,
                predictor.weights,
                all_photos=not prediction.unlike,  # as it was predicted
            )
            weight = say.weigh(predictor.weights, family_id) if predictor.cues is not None else 1.0
            if weight:
                regions = _find_regions(predictor, encounter, looks, say, theirs, asked)
        except ModelError:
            raise
        except Exception as error:  # whatever a model stumbles over costs this explanation alone
            raise ModelError("the closed-question model failed: {reason}", reason=one_line(error)) from error
    return Explanation(
        family_id,
        option,
        language,
        words=explain_words(
            predictor.cues, encounter.narrative, family_id, theirs, language, share=1 - weight
        )
        if predictor.cues
        else (),
        regions=regions,
        evidence=list_evidence(family_id, measure_lesions(encounter, prediction), language),
    )


def _find_regions(
    predictor: Explainable,
    encounter: Encounter,
    looks: list[object],
    say: Say,
    option: int,
    asked: Asked,
) -> dict[str, Probability]:
    """Return photo id -> what raised the score, of the photos that have a say."""
    assert predictor.answerer is not None
    added = predictor.answerer.attribute(
        encounter.narrative.text(asked.language),
        [looks[index] for index in say.heard],
        asked.family_id,
        option,
    )
    heard = [encounter.photos[index].photo_id for index in say.heard]
    return scale_regions(dict(zip(heard, added, strict=False)))
