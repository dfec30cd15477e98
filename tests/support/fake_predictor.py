"""A predictor without models, for tests of what is around one: it finds the same lesion on every photo,
answers the same always, keeps what it was asked, and can be made to wait or to fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Self, Unpack

import numpy as np

from magic_demo.core.messages import Message
from magic_demo.core.types import (
    Encounter,
    Explanation,
    Language,
    Photo,
    PhotoPrediction,
    Prediction,
    Probability,
    Step,
    WordSpan,
)
from magic_demo.models.asked import Asked
from magic_demo.models.feature_cache import FeatureCache
from magic_demo.models.interfaces import Guidance
from magic_demo.models.segmentation.guided import refine_map
from magic_demo.questions.decoding import decode_answers
from magic_demo.questions.families import QuestionSet, load_families

EVERYWHERE: Probability = np.ones((4, 4), np.float32)


class FakePredictor:
    """Finds ``lesion`` on every photo; scores every option 0.

    before_first_step, before_map: called when a prediction begins, and with N before the map of photo N
    (from 1) is there; what they raise, the prediction raises.
    """

    models: Mapping[str, str] = {"segmentation": "fake", "cvqa": "fake"}
    backends: Mapping[str, str] = {"segmentation": "bfloat16"}
    calibrated_on: Mapping[str, str] = {"cvqa": "three <cases>"}
    reads_prompt = True
    prompt_kind = "narrative"

    def asking(self, questions: QuestionSet) -> Self:
        """Return itself: it answers the challenge's questions whatever is asked."""
        return self

    def __init__(
        self,
        lesion: Probability = EVERYWHERE,
        threshold: float = 0.5,
        before_map: Callable[[int], None] = lambda number: None,
    ) -> None:
        self.lesion, self.threshold, self.before_map = lesion, threshold, before_map
        self.before_first_step: Callable[[], None] = lambda: None
        self.asked: list[tuple[Encounter, str | None, Language]] = []
        self.caches: list[FeatureCache | None] = []
        self.explained: list[tuple[str | None, FeatureCache | None]] = []
        self.guided: list[Guidance] = []

    def predict(self, encounter: Encounter) -> Prediction:
        *_, prediction = self.predict_steps(encounter)
        assert isinstance(prediction, Prediction)
        return prediction

    def predict_steps(
        self, encounter: Encounter, *, all_photos: bool = False, **asked: Unpack[Asked]
    ) -> Iterator[Step | Prediction]:
        self.all_photos = all_photos
        self.asked.append((encounter, asked.get("prompt"), asked.get("language", "en")))
        self.caches.append(asked.get("cache"))
        self.before_first_step()
        found = Prediction(encounter.encounter_id, threshold=self.threshold)
        count = len(encounter.photos)
        for number, photo in enumerate(encounter.photos, start=1):
            message = Message("Finding the lesion in photo {number} of {count}", number=number, count=count)
            yield Step((number - 1) / (count + 1), message, found)
            self.before_map(number)
            photos = (*found.photos, PhotoPrediction(photo.photo_id, self.lesion, photo.size))
            found = replace(found, photos=photos)
        yield Step(0.9, Message("Scoring the closed questions"), found)
        questions = [question for family in load_families() for question in family.questions]
        scores = {question.qid: np.zeros(question.option_count, np.float32) for question in questions}
        answers = decode_answers(scores, load_families())
        yield replace(found, scores=scores, answers=answers, models=self.models)

    def has_read(self, photo: Photo, cache: FeatureCache) -> bool:
        del photo, cache
        return True

    def refine(
        self, photo: Photo, guidance: Guidance, *, prompt: str = "", cache: FeatureCache | None = None
    ) -> Probability:
        del prompt, cache
        self.guided.append(guidance)
        return refine_map(None, photo.pixels, None, guidance)

    def explain(
        self,
        encounter: Encounter,
        prediction: Prediction,
        family_id: str,
        option: int,
        **asked: Unpack[Asked],
    ) -> Explanation:
        self.explained.append((asked.get("prompt"), asked.get("cache")))
        regions = {photo.photo_id: EVERYWHERE for photo in encounter.photos}
        return Explanation(family_id, option, asked.get("language", "en"), (WordSpan(0, 4, 1.0),), regions)
