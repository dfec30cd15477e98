"""Encounter in, Prediction out: the one place where the models meet, used by the page and by batch mode
alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from magic_demo.core.errors import ModelError, one_line
from magic_demo.core.messages import Message, unpack_message
from magic_demo.core.types import (
    Encounter,
    Explanation,
    Language,
    Narrative,
    OptionScores,
    Photo,
    PhotoPrediction,
    Prediction,
    Probability,
    PromptKind,
    Step,
)
from magic_demo.cues.cue_model import CueModel
from magic_demo.models.explaining import Asked, explain_option
from magic_demo.models.feature_cache import FeatureCache
from magic_demo.models.interfaces import Answerer, Guidance, SegmentedPhoto, Segmenter, segment_photo
from magic_demo.models.say import Say, describe_photos, find_say
from magic_demo.models.segmentation.guided import refine_map
from magic_demo.questions.answering import Statistics, is_scored
from magic_demo.questions.calibration import Calibration, FamilyCalibration, digest_of
from magic_demo.questions.combining import ASKED, Weights, combine_scores
from magic_demo.questions.coverage import match_families
from magic_demo.questions.decoding import SetPriors
from magic_demo.questions.families import QuestionSet, load_challenge


class Predictor:
    """The models that are loaded, and what they make of an encounter.

    Any may be None: its part is then left out.

    segmenter: finds the lesion. answerer, cues: score the closed questions, the first from photos (and text,
    if it reads any), the second from text alone; where both are there, their scores are combined by
    ``weights``. An answerer that reads the lesion shares the segmenter's pass over a photo, and answers less
    from photos without a segmenter or beside another than it was made for.
    Photos that are like none which the answerer was tested on have no say unless ``all_photos`` asks for it
    (``magic_demo.models.say``).
    calibrations: what says how likely an option is, for the cues alone and for the two combined; one that was
    fitted for other models, or with other weights, is not used.
    masks: whether predictions hold the lesion maps; without, the segmentation model only serves the answerer.
    prompt_kind: what the segmenter is asked with where no prompt is given, the one it was trained with.
    questions: what is asked, the challenge's questions when None; ``coverage`` says which of its families the
    models know.
    """

    def __init__(
        self,
        segmenter: Segmenter | None,
        answerer: Answerer | None,
        cues: CueModel | None = None,
        weights: Weights | None = None,
        calibrations: Sequence[Calibration] = (),
        questions: QuestionSet | None = None,
        *,
        masks: bool = True,
    ) -> None:
        self.gives_masks = masks and segmenter is not None
        self.segmenter = segmenter
        self.prompt_kind: PromptKind = segmenter.prompt_kind if segmenter is not None else "narrative"
        self.answerer = answerer
        self.cues = cues
        self.weights = weights or Weights()
        self.mismatch = answerer.explain_mismatch(segmenter) if answerer is not None else None
        if self.mismatch is not None:
            self.weights = self.weights.measured()
        self.calibrations = tuple(calibrations)
        self.questions = questions or load_challenge()
        # the cues know the challenge's families
        cued = load_challenge().families if cues is not None else ()
        answered = {
            family.family_id: family for family in (answerer.families if answerer is not None else ())
        }
        self.families = (*{**answered, **{family.family_id: family for family in cued}}.values(),)
        self.coverage = match_families(self.questions, self.families)

    @property
    def models(self) -> Mapping[str, str]:
        """Return part -> model id of what is loaded and can have a say: beside cues, an answerer that reads
        the lesion has none without a segmentation model."""
        mute = self.cues is not None and self.shares_look and self.segmenter is None
        loaded = {
            "segmentation": self.segmenter,
            "cvqa": None if mute else self.answerer,
            "cues": self.cues,
        }
        return {part: model.model_id for part, model in loaded.items() if model is not None}

    @property
    def looks_at_photos(self) -> bool:
        """Return whether any model reads a photo."""
        return bool({"segmentation", "cvqa"} & self.models.keys()) and not (
            self.segmenter is None and self.shares_look
        )

    @property
    def reads_prompt(self) -> bool:
        """Return whether a prompt changes where the lesion is found."""
        return self.segmenter is not None and self.segmenter.reads_prompt

    @property
    def backends(self) -> Mapping[str, str]:
        """Return part -> what its encoders run on; a part without encoders of its own is left out."""
        loaded = {"segmentation": self.segmenter, "cvqa": self.answerer}
        return {
            part: str(model.backend)
            for part, model in loaded.items()
            if model is not None and model.backend is not None
        }

    @property
    def calibrated_on(self) -> Mapping[str, str]:
        """Return part -> the cases, in words, that the probabilities it gives were calibrated on: ``cues``
        alone, ``cvqa`` for both combined."""
        held: dict[str, str] = {}
        for calibration in self.calibrations:
            if self.cues is not None and calibration.cues == digest_of(self.cues.model_id):
                if not calibration.answerer:
                    held["cues"] = calibration.fitted_on
                elif self.answerer is not None and calibration.answerer == digest_of(self.answerer.model_id):
                    held["cvqa"] = calibration.fitted_on
        return held

    @property
    def answers_questions(self) -> bool:
        """Return whether a model for the closed questions is loaded."""
        return self.answerer is not None or self.cues is not None

    @property
    def set_priors(self) -> SetPriors | None:
        """Return what the train answers say of sets: the cues' where there are two, since they decode in
        their scale."""
        if self.cues is not None:
            return self.cues.set_priors
        return self.answerer.set_priors if self.answerer is not None else None

    def predict(
        self,
        encounter: Encounter,
        *,
        prompt: str | None = None,
        language: Language = "en",
        cache: FeatureCache | None = None,
        all_photos: bool = False,
    ) -> Prediction:
        """Predict one lesion map a photo and, from photos and narrative, every option's score and the decoded
        answers.

        prompt: what the segmentation is asked for; where None the narrative in ``language``, or with the
        responses if ``prompt_kind`` says so. A model that
        reads no prompt finds the same without it. cache: what
        the models made of the same photos and words before is read from it, and what they make of them now
        goes there. all_photos: photos unlike those that the answerer was tested on have a say too. A photo or a
        task that a model fails on is left out and named in the prediction's
        failures; the notes say when photos or text were missing.
        """
        *_, prediction = self.predict_steps(
            encounter, prompt=prompt, language=language, cache=cache, all_photos=all_photos
        )
        assert isinstance(prediction, Prediction)
        return prediction

    def predict_steps(
        self,
        encounter: Encounter,
        *,
        prompt: str | None = None,
        language: Language = "en",
        cache: FeatureCache | None = None,
        all_photos: bool = False,
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
        steps = len(encounter.photos) * (self.segmenter is not None) + self.answers_questions
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
        if self.answers_questions:
            yield Step((steps - 1) / steps, Message("Scoring the closed questions"), so_far)
            so_far = self._answer(
                so_far, encounter, language, cache, looks if self.shares_look else None, all_photos
            )
        yield so_far if self.gives_masks else replace(so_far, photos=())

    @property
    def shares_look(self) -> bool:
        """Return whether the answerer reads what the segmentation model found."""
        return self.answerer is not None and self.answerer.reads_lesion

    def _answer(
        self,
        found: Prediction,
        encounter: Encounter,
        language: Language,
        cache: FeatureCache,
        looks: Sequence[Any] | None,
        all_photos: bool,
    ) -> Prediction:
        """Return ``found`` with every option's score and the answers, or with one line that says why there
        are none."""
        mismatch = [unpack_message(self.mismatch)] if encounter.photos and self.mismatch is not None else []
        try:
            scores, say = self.rate_options(
                encounter, language=language, looks=looks, cache=cache, all_photos=all_photos
            )
        except ModelError as error:
            return replace(
                found,
                notes=(*found.notes, *self._say_what_was_missing(encounter, Say()), *mismatch),
                failures=(*found.failures, Message("no answers ({reason})", reason=error)),
            )
        notes = [*found.notes, *self._say_what_was_missing(encounter, say), *mismatch]
        notes.extend(describe_photos(say, len(encounter.photos), self.weights))
        scores = self.coverage.translate_scores(scores)
        sheet = self.questions.answer(scores, self.statistics(say))
        return replace(
            found,
            scores=scores,
            answers=sheet.answers,
            chances=sheet.chances,
            unsure=sheet.unsure,
            notes=tuple(notes),
            unlike=0 if say.kind == ASKED else say.unlike,
        )

    def reads_photos(self, encounter: Encounter) -> bool:
        """Return whether the closed questions are answered with an encounter's photos."""
        return bool(encounter.photos) and not (self.shares_look and self.segmenter is None)

    def score_options(
        self,
        encounter: Encounter,
        *,
        language: Language = "en",
        looks: Sequence[Any] | None = None,
        cache: FeatureCache | None = None,
    ) -> OptionScores:
        """Score every option of every question that the models know: qid -> (O,) float32, with their indices.

        looks: what the answerer's ``look`` gave for the photos; they are looked at where it is None. cache:
        as in ``predict``. Raises ModelError when a model fails on this case.
        """
        return self.rate_options(encounter, language=language, looks=looks, cache=cache)[0]

    def rate_options(
        self,
        encounter: Encounter,
        *,
        language: Language = "en",
        looks: Sequence[Any] | None = None,
        cache: FeatureCache | None = None,
        all_photos: bool = False,
    ) -> tuple[OptionScores, Say]:
        """Score the options as ``score_options`` does, and return what had a say as well."""
        from_words = self.cues.score(encounter.narrative) if self.cues is not None else None
        if self.answerer is None:
            return from_words or {}, Say()
        answerer, narrative = self.answerer, encounter.narrative.text(language)
        cache = cache if cache is not None else FeatureCache(0)

        def score() -> tuple[OptionScores, Say]:
            seen = looks if looks is not None else self.look(encounter, language=language, cache=cache)
            say = find_say(answerer, seen, encounter.narrative, self.weights, all_photos=all_photos)
            return answerer.score(narrative, [seen[index] for index in say.heard]), say

        try:
            if answerer.reads_lesion:
                scores, say = score()
            else:  # depends on words and photos alone, whatever the prompt
                key = ("scores", language, encounter.narrative, encounter.photos, all_photos)
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
                cache.get(("look", photo), lambda photo=photo: answerer.look(SegmentedPhoto(photo.pixels)))  # type: ignore[misc]
                for photo in encounter.photos
            ]
        if segmenter is None:
            return []
        text = prompt if prompt is not None else encounter.prompt(language, self.prompt_kind)
        looks: list[Any] = []
        for photo in encounter.photos:
            self._find(segmenter, photo, text, cache, looks)
        return looks

    @property
    def threshold(self) -> float:
        """Return the probability from which a pixel is lesion: the segmentation model's, 0.5 without one."""
        return self.segmenter.threshold if self.segmenter is not None else 0.5

    def has_read(self, photo: Photo, cache: FeatureCache) -> bool:
        """Return whether ``refine`` finds a photo's features in ``cache``, or needs none."""
        return self.segmenter is None or ("features", photo) in cache

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
            features = (
                cache.get(("features", photo), lambda: segmenter.look(photo.pixels))
                if segmenter is not None
                else None
            )
            return refine_map(segmenter, photo.pixels, features, guidance, prompt)
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
            probability = self._find(segmenter, photo, prompt, cache, looks)
        except ModelError:
            raise
        except Exception as error:
            # whatever a model stumbles over (torch says "out of memory" as RuntimeError) costs this photo
            # alone
            raise ModelError("the segmentation model failed: {reason}", reason=one_line(error)) from error
        return PhotoPrediction(photo.photo_id, probability, photo.size)

    def _find(
        self,
        segmenter: Segmenter,
        photo: Photo,
        prompt: str,
        cache: FeatureCache,
        looks: list[Any],
    ) -> Probability:
        asked = prompt if segmenter.reads_prompt else ""

        def look() -> Any:
            return cache.get(("features", photo), lambda: segmenter.look(photo.pixels))

        if self.answerer is None or not self.answerer.reads_lesion:
            return cache.get(("map", photo, asked), lambda: segmenter.segment(look(), asked))
        answerer = self.answerer

        def look_together() -> tuple[Probability, Any]:
            seen = segment_photo(segmenter, photo.pixels, look(), asked)
            assert seen.probability is not None
            return seen.probability, answerer.look(seen)

        probability, found = cache.get(("look", photo, asked), look_together)
        looks.append(found)
        return probability

    def statistics(self, say: Say) -> Statistics:
        """Return what the checkpoints know of the answers to the questions asked. say: what counts in the
        case."""
        fitted = {family.family_id: self.find_calibration(family.family_id, say) for family in self.families}
        calibrations = {
            family_id: (calibration, margin)
            for family_id, (calibration, margin) in fitted.items()
            if calibration is not None
        }
        base = self.cues.score(Narrative()) if self.cues is not None else {}
        alone = self.answerer.siblings if self.answerer is not None and self.cues is None else "parent"
        return self.coverage.translate_statistics(
            Statistics(self.set_priors or {}, calibrations, base, alone)
        )

    def find_calibration(self, family_id: str, say: Say) -> tuple[FamilyCalibration | None, float]:
        """Return what a family's scores are calibrated with, None where nothing belongs to the models in use,
        and the margin.

        The models are those that have a say: where the answerer weighs nothing, the cues alone.
        """
        weight = say.weigh(self.weights, family_id) if self.knows(family_id) else 0.0
        if self.cues is None or say.moves(family_id) or (weight > 0 and self.mismatch is not None):
            return None, 0.0
        models = (
            digest_of(self.cues.model_id),
            digest_of(self.answerer.model_id) if weight > 0 and self.answerer is not None else "",
        )
        for calibration in self.calibrations:
            if (calibration.cues, calibration.answerer) == models:
                photos = say.photos and weight > 0
                return calibration.of(family_id, weight, photos=photos, kind=say.kind), calibration.margin
        return None, 0.0

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
        asked = Asked(family_id, option, prompt, language, cache)
        return explain_option(self, encounter, prediction, asked)

    def _say_what_was_missing(self, encounter: Encounter, say: Say) -> list[Message]:
        """Return the line that says what the answers do without: words, photos or both."""
        has_text = bool(encounter.narrative.en or encounter.narrative.zh)
        if not encounter.photos:
            if has_text:
                return [Message("No photos: the questions are answered from the text alone")]
            return [Message("Neither photos nor text: the answers are only what is most frequent")]
        if has_text or not self.reads_photos(encounter):
            return []
        if say.unlike and not say.photos:
            return [Message("No text, and no photo has a say: the answers are only what is most frequent")]
        return [Message("No text: the questions are answered from the photos alone")]

    def knows(self, family_id: str) -> bool:
        """Return whether the answerer scores a family."""
        return self.answerer is not None and any(
            family.family_id == family_id for family in self.answerer.families
        )
