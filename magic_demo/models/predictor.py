"""Encounter in, Prediction out: the one place where the models meet, used by the page and by batch mode
alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Unpack

from magic_demo.core.errors import ModelError, one_line
from magic_demo.core.messages import Message, unpack_message
from magic_demo.core.types import (
    Encounter,
    Explanation,
    Language,
    OptionScores,
    Photo,
    PhotoPrediction,
    Prediction,
    Probability,
    Step,
)
from magic_demo.models.answers.captions import caption_photos
from magic_demo.models.answers.language.prompts import load_prompts, speak
from magic_demo.models.asked import Asked
from magic_demo.models.feature_cache import FeatureCache
from magic_demo.models.influence.explanation import explain_option
from magic_demo.models.influence.say import Say, describe_missing, describe_photos, find_say
from magic_demo.models.influence.statistics import find_statistics
from magic_demo.models.interfaces import (
    Guidance,
    SegmentedPhoto,
    Segmenter,
    average_views,
    segment_photo,
)
from magic_demo.models.loading.loaded import LoadedModels
from magic_demo.models.segmentation.guided import refine_map, shrink
from magic_demo.questions.answering import is_scored
from magic_demo.questions.combining import ASKED, combine_scores


class Predictor(LoadedModels):
    """The models that are loaded, and what they make of an encounter.

    Photos that are like none which the answerer was tested on have no say unless ``all_photos`` asks for it
    (``magic_demo.models.influence.say``).
    """

    def predict(
        self, encounter: Encounter, *, all_photos: bool = False, **asked: Unpack[Asked]
    ) -> Prediction:
        """Predict one lesion map a photo and, from photos and narrative, every option's score and the decoded
        answers.

        A model that reads no prompt finds the same without it. all_photos: photos unlike those that the
        answerer was tested on have a say too. A photo or a task that a model fails on is left out and named
        in the prediction's failures; the notes say when photos or text were missing.
        """
        *_, prediction = self.predict_steps(encounter, all_photos=all_photos, **asked)
        assert isinstance(prediction, Prediction)
        return prediction

    def predict_steps(
        self,
        encounter: Encounter,
        *,
        all_photos: bool = False,
        prompt: str | None = None,
        language: Language = "en",
        cache: FeatureCache | None = None,
    ) -> Iterator[Step | Prediction]:
        """Predict as ``predict`` does, one photo and then the questions at a time: before each a Step, the
        whole prediction last.

        The models run between two steps only, so that whoever iterates can stop there.
        """
        cache = cache if cache is not None else FeatureCache(0)
        so_far = Prediction(
            encounter.encounter_id,
            threshold=self.threshold,
            models=self.models,
        )
        looks: list[Any] = []
        parts = (self.segmenter is not None) + (self.captioner is not None)
        steps = len(encounter.photos) * parts + self.answers_questions
        if self.segmenter is not None:
            text = prompt if prompt is not None else encounter.prompt(language, self.prompt_kind)
            for number, photo in enumerate(encounter.photos):
                yield Step(
                    number / steps,
                    Message(
                        "Finding the lesion in photo {number} of {count}",
                        number=number + 1,
                        count=len(encounter.photos),
                    ),
                    so_far,
                )
                try:
                    found = self._find_lesion(self.segmenter, photo, text, cache, looks)
                    so_far = replace(so_far, photos=(*so_far.photos, found))
                except ModelError as error:
                    so_far = replace(
                        so_far,
                        failures=(
                            *so_far.failures,
                            Message("{photo}: no mask ({reason})", photo=photo.photo_id, reason=error),
                        ),
                    )
        if self.captioner is not None:
            yield Step(
                len(encounter.photos) * (parts - 1) / steps, Message("Describing the photos in words"), so_far
            )
            described = caption_photos(self.captioner, encounter, language, cache)
            for done, (photo, caption) in enumerate(described, start=1):
                so_far = _add_caption(so_far, photo, caption)
                yield Step(
                    (len(encounter.photos) * (parts - 1) + done) / steps,
                    Message("Describing the photos in words"),
                    so_far,
                )
        if self.answers_questions:
            yield Step((steps - 1) / steps, Message("Scoring the closed questions"), so_far)
            shared = looks if self.shares_look else None
            so_far = self._answer(
                so_far, encounter, shared, all_photos=all_photos, language=language, cache=cache
            )
        yield so_far if self.gives_masks else replace(so_far, photos=())

    def _answer(
        self,
        found: Prediction,
        encounter: Encounter,
        looks: Sequence[Any] | None,
        *,
        all_photos: bool,
        language: Language,
        cache: FeatureCache,
    ) -> Prediction:
        """Return ``found`` with every option's score and the answers, or with one line that says why there
        are none."""
        mismatch = [unpack_message(self.mismatch)] if encounter.photos and self.mismatch is not None else []
        try:
            scores, say = self.rate_options(
                encounter,
                looks=looks,
                all_photos=all_photos,
                language=language,
                cache=cache,
                captions=found.captions,
            )
        except ModelError as error:
            return replace(
                found,
                notes=(*found.notes, *self._describe_missing(encounter, Say()), *mismatch),
                failures=(*found.failures, Message("no answers ({reason})", reason=error)),
            )
        notes = [*found.notes, *self._describe_missing(encounter, say), *mismatch]
        notes.extend(describe_photos(say, len(encounter.photos), self.weights))
        scores = self.coverage.translate_scores(scores)
        sheet = self.questions.answer(scores, find_statistics(self, say))
        return replace(
            found,
            scores=scores,
            answers=sheet.answers,
            chances=sheet.chances,
            unsure=sheet.unsure,
            notes=tuple(notes),
            unlike=0 if say.kind == ASKED else say.unlike,
            distance=say.distance,
            reasons=say.reasons,
        )

    def _describe_missing(self, encounter: Encounter, say: Say) -> list[Message]:
        return describe_missing(encounter, say, reads_photos=self.reads_photos(encounter))

    def score_options(
        self,
        encounter: Encounter,
        *,
        looks: Sequence[Any] | None = None,
        language: Language = "en",
        cache: FeatureCache | None = None,
    ) -> OptionScores:
        """Score every option of every question that the models know: qid -> (O,) float32, with their indices.

        looks: what the answerer's ``look`` gave for the photos; they are looked at where it is None. Raises
        ModelError when a model fails on this case.
        """
        return self.rate_options(encounter, looks=looks, language=language, cache=cache)[0]

    def rate_options(
        self,
        encounter: Encounter,
        *,
        looks: Sequence[Any] | None = None,
        all_photos: bool = False,
        language: Language = "en",
        cache: FeatureCache | None = None,
        captions: Mapping[str, str] | None = None,
    ) -> tuple[OptionScores, Say]:
        """Score the options as ``score_options`` does, and return what had a say as well. captions: photo id -> what
        was written of it, which the answerer reads behind the patient's words."""
        from_words = self.cues.score(encounter.narrative) if self.cues is not None else None
        if self.answerer is None:
            return from_words or {}, Say()
        answerer, narrative = self.answerer, encounter.narrative.text(language)
        if captions:
            narrative = load_prompts()[speak(narrative)].write_captions(narrative, captions)
        cache = cache if cache is not None else FeatureCache(0)

        def score() -> tuple[OptionScores, Say]:
            seen = looks if looks is not None else self.look(encounter, language=language, cache=cache)
            say = find_say(answerer, seen, encounter.narrative, self.weights, all_photos=all_photos)
            heard = [seen[index] for index in say.heard]
            scores = answerer.score(narrative, heard)
            return scores, replace(say, reasons=answerer.give_reasons(narrative, heard))

        try:
            if answerer.reads_lesion:
                scores, say = score()
            else:  # depends on words and photos alone, whatever the prompt
                asked = (language, encounter.narrative, narrative, encounter.photos, all_photos)
                key = ("scores", answerer.model_id, *asked)
                scores, say = cache.get(key, score)
        except ModelError:
            raise
        except Exception as error:  # whatever a model stumbles over costs this encounter's answers alone
            raise ModelError("the closed-question model failed: {reason}", reason=one_line(error)) from error
        if from_words is None:
            return scores, say
        shared = [
            family for family in self.families if is_scored(scores, family) and is_scored(from_words, family)
        ]
        combined = combine_scores(from_words, scores, shared, partial(say.weigh, self.weights))
        scores = {**scores, **from_words, **combined}
        say = say.against(scores, shared)
        return {**scores, **say.settle(scores, shared)}, say

    def look(
        self,
        encounter: Encounter,
        *,
        prompt: str | None = None,
        language: Language = "en",
        cache: FeatureCache | None = None,
    ) -> list[Any]:
        """Return what the answerer reads of each photo; nothing without one, or where it reads the lesion and
        no segmentation model finds it."""
        answerer, segmenter = self.answerer, self.segmenter
        cache = cache if cache is not None else FeatureCache(0)
        if answerer is None:
            return []
        if not answerer.reads_lesion:
            return [
                cache.get(
                    ("look", answerer.model_id, photo),
                    lambda photo=photo: answerer.look(SegmentedPhoto(photo.pixels)),  # type: ignore[misc]
                )
                for photo in encounter.photos
            ]
        if segmenter is None:
            return []
        text = prompt if prompt is not None else encounter.prompt(language, self.prompt_kind)
        looks: list[Any] = []
        for photo in encounter.photos:
            self._find(segmenter, photo, text, cache, looks)
        return looks

    def has_read(self, photo: Photo, cache: FeatureCache) -> bool:
        """Return whether ``refine`` finds a photo's features in ``cache``, or needs none."""
        return self.segmenter is None or ("features", self.segmenter.model_id, photo) in cache

    def refine(
        self, photo: Photo, guidance: Guidance, *, prompt: str = "", cache: FeatureCache | None = None
    ) -> Probability:
        """Return the lesion probability (h, w) of a photo that follows what a reader has shown of it.

        Its threshold is the segmentation model's, 0.5 without one. The photo is encoded unless ``cache``
        holds its features; a positive click's pixel is lesion, a negative one's is not. Raises ModelError.
        """
        cache = cache if cache is not None else FeatureCache(0)
        segmenter = self.segmenter
        try:
            small = cache.get(("small", photo), lambda: shrink(photo.pixels))
            if segmenter is None:
                return refine_map(None, photo.pixels, None, guidance, prompt, small)
            key = segmenter.model_id, photo
            features = cache.get(("features", *key), lambda: segmenter.look(photo.pixels))

            def find() -> Probability:
                return cache.get(("unguided", *key, prompt), lambda: segmenter.segment(features, prompt))

            return refine_map(segmenter, photo.pixels, features, guidance, prompt, small, find)
        except ModelError:
            raise
        except Exception as error:
            raise ModelError("the segmentation model failed: {reason}", reason=one_line(error)) from error

    def _find_lesion(
        self,
        segmenter: Segmenter,
        photo: Photo,
        prompt: str,
        cache: FeatureCache,
        looks: list[Any],
    ) -> PhotoPrediction:
        """Find a photo's lesion; what an answerer that shares the look reads of it is added to ``looks``."""
        try:
            probability, variance = self._find(segmenter, photo, prompt, cache, looks)
        except ModelError:
            raise
        except Exception as error:
            # whatever a model stumbles over (torch says "out of memory" as RuntimeError) costs this photo
            # alone
            raise ModelError("the segmentation model failed: {reason}", reason=one_line(error)) from error
        return PhotoPrediction(photo.photo_id, probability, photo.size, variance)

    def _find(
        self,
        segmenter: Segmenter,
        photo: Photo,
        prompt: str,
        cache: FeatureCache,
        looks: list[Any],
    ) -> tuple[Probability, float | None]:
        """Return the map and its variance. Keys name the models: a page may switch to others while a case is
        open."""
        asked = prompt if segmenter.reads_prompt else ""

        def look() -> Any:
            return cache.get(("features", segmenter.model_id, photo), lambda: segmenter.look(photo.pixels))

        if self.answerer is None or not self.answerer.reads_lesion:
            return cache.get(
                ("map", segmenter.model_id, photo, asked),
                lambda: average_views(segmenter.segment_views(look(), asked)),
            )
        answerer = self.answerer

        def look_together() -> tuple[Probability, float | None, Any]:
            seen = segment_photo(segmenter, photo.pixels, look(), asked)
            assert seen.probability is not None
            return seen.probability, seen.variance, answerer.look(seen)

        key = ("look", segmenter.model_id, answerer.model_id, photo, asked)
        probability, variance, found = cache.get(key, look_together)
        looks.append(found)
        return probability, variance

    def explain(
        self,
        encounter: Encounter,
        prediction: Prediction,
        family_id: str,
        option: int,
        *,
        prompt: str | None = None,
        language: Language = "en",
        cache: FeatureCache | None = None,
    ) -> Explanation:
        """Say why an option of a family has the score that ``prediction`` gives it: words, places in the
        photos, what was measured.

        prompt, cache: as in ``predict``. language: of the narrative that is shown and of the lines.
        A part whose model is not loaded, or has no say in the family, is left empty.
        Raises KeyError for a family that is not asked, IndexError for an option that it does not have,
        ModelError when a model fails.
        """
        return explain_option(
            self,
            encounter,
            prediction,
            family_id,
            option,
            language=language,
            look=lambda: self.look(encounter, prompt=prompt, language=language, cache=cache),
        )


def _add_caption(so_far: Prediction, photo: Photo, caption: str | Message) -> Prediction:
    if isinstance(caption, Message):
        return replace(so_far, failures=(*so_far.failures, caption))
    return replace(so_far, captions={**so_far.captions, photo.photo_id: caption})
