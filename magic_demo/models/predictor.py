"""Encounter in, Prediction out: the one place where the models meet, used by the page and by batch mode
alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from magic_demo.core.errors import ModelError, one_line
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
    Step,
)
from magic_demo.cues.cue_model import CueModel
from magic_demo.cues.explanation import explain_words, scale_regions
from magic_demo.files.checkpoint_files import find_shipped, read_config
from magic_demo.models.answers.photo_evidence import (
    LesionAnswererConfig,
    LesionScorer,
    PhotoEvidence,
    describe_photo,
)
from magic_demo.models.answers.text_and_photos import OptionScorer
from magic_demo.models.backend_names import AUTO
from magic_demo.models.backends import use_cores
from magic_demo.models.checkpoints import find_checkpoint
from magic_demo.models.evidence import list_evidence, measure_lesions
from magic_demo.models.feature_cache import FeatureCache
from magic_demo.models.segmentation.segmenter import PhotoFeatures, Segmenter
from magic_demo.questions.answering import Statistics
from magic_demo.questions.calibration import Calibration, FamilyCalibration, digest_of, read_calibration
from magic_demo.questions.combining import Weights, combine_scores, read_weights
from magic_demo.questions.coverage import match_families
from magic_demo.questions.decoding import SetPriors
from magic_demo.questions.families import QuestionSet, load_challenge

CHECKPOINTS = find_shipped()
DEFAULT_SEGMENTATION = CHECKPOINTS / "segmentation-compact"
DEFAULT_VQA = CHECKPOINTS / "vqa-compact"
DEFAULT_CUES = CHECKPOINTS / "cues"

PROMPT_BYTES = 2**16
"""Bytes kept during a prediction whose caller keeps nothing: room for a prompt's vector, none for a photo's
features."""


class Predictor:
    """The models that are loaded, and what they say of an encounter.

    Any may be None: its part is then left out.

    segmenter: finds the lesion. scorer, cues: score the closed questions, the first from photos (and text, if
    it reads any), the second from text alone; where both are there, their scores are combined by ``weights``.
    A LesionScorer reads what the segmenter saw: every photo is then encoded once for both tasks, and without
    a segmenter, or with another than it was made for, less is answered from photos.
    calibrations: what says how likely an option is, for the cues alone and for the two combined; one that was
    fitted for other models, or with other weights, is not used.
    questions: what is asked, the challenge's questions when None; ``coverage`` says which of its families the
    models know.
    """

    def __init__(
        self,
        segmenter: Segmenter | None,
        scorer: OptionScorer | LesionScorer | None,
        cues: CueModel | None = None,
        weights: Weights | None = None,
        calibrations: Sequence[Calibration] = (),
        questions: QuestionSet | None = None,
    ) -> None:
        self.segmenter = segmenter
        self.scorer = scorer
        self.cues = cues
        self.weights = weights or Weights()
        self.mismatch = scorer.explain_mismatch(segmenter) if isinstance(scorer, LesionScorer) else None
        if self.mismatch is not None:
            self.weights = self.weights.measured()
        self.calibrations = tuple(calibrations)
        self.questions = questions or load_challenge()
        self.coverage = match_families(self.questions, load_challenge().families)

    @classmethod
    def load(
        cls,
        *,
        segmentation: str | Path | None = DEFAULT_SEGMENTATION,
        vqa: str | Path | None = DEFAULT_VQA,
        cues: str | Path | None = DEFAULT_CUES,
        backend: str = AUTO,
        questions: QuestionSet | None = None,
    ) -> Predictor:
        """Load the models from folders or Hub ids; None leaves one out.

        Raises CheckpointError or BackendError with one line.

        backend: what the models' encoders run on, a name that ``choose_backend`` takes. questions: see
        above.
        """
        use_cores()
        return cls(
            Segmenter.load(segmentation, backend=backend) if segmentation is not None else None,
            load_scorer(vqa, backend=backend) if vqa is not None else None,
            CueModel.load(cues) if cues is not None else None,
            read_weights(find_checkpoint(vqa)) if vqa is not None else None,
            [
                calibration
                for source in (cues, vqa)
                if source is not None
                and (calibration := read_calibration(find_checkpoint(source))) is not None
            ],
            questions,
        )

    @property
    def models(self) -> Mapping[str, str]:
        """Return part -> model id of what is loaded."""
        loaded = {"segmentation": self.segmenter, "cvqa": self.scorer, "cues": self.cues}
        return {part: model.model_id for part, model in loaded.items() if model is not None}

    @property
    def backends(self) -> Mapping[str, str]:
        """Return part -> what its encoders run on; a part without encoders of its own is left out."""
        loaded = {
            "segmentation": self.segmenter,
            "cvqa": None if isinstance(self.scorer, LesionScorer) else self.scorer,
        }
        return {part: str(model.backend) for part, model in loaded.items() if model is not None}

    @property
    def calibrated_on(self) -> Mapping[str, str]:
        """Return part -> the cases, in words, that the probabilities it gives were calibrated on: ``cues``
        alone, ``cvqa`` for both combined."""
        held: dict[str, str] = {}
        for calibration in self.calibrations:
            if self.cues is not None and calibration.cues == digest_of(self.cues.model_id):
                if not calibration.answerer:
                    held["cues"] = calibration.fitted_on
                elif self.scorer is not None and calibration.answerer == digest_of(self.scorer.model_id):
                    held["cvqa"] = calibration.fitted_on
        return held

    @property
    def answers_questions(self) -> bool:
        """Return whether a model for the closed questions is loaded."""
        return self.scorer is not None or self.cues is not None

    @property
    def set_priors(self) -> SetPriors | None:
        """Return what the train answers say of sets: the cues' where there are two, since they decode in
        their scale."""
        if self.cues is not None:
            return self.cues.set_priors
        return self.scorer.set_priors if self.scorer is not None else None

    def predict(
        self,
        encounter: Encounter,
        *,
        prompt: str | None = None,
        language: Language = "en",
        cache: FeatureCache | None = None,
    ) -> Prediction:
        """Predict one lesion map a photo and, from photos and narrative, every option's score and the decoded
        answers.

        prompt: what the segmentation is asked for; the narrative in ``language`` where None. cache: what the
        models made of the same photos and words before is read from it, and what they make of them now goes
        there. A photo or a task that a model fails on is left out and named in the prediction's failures; the
        notes say when photos or text were missing.
        """
        *_, prediction = self.predict_steps(encounter, prompt=prompt, language=language, cache=cache)
        assert isinstance(prediction, Prediction)
        return prediction

    def predict_steps(
        self,
        encounter: Encounter,
        *,
        prompt: str | None = None,
        language: Language = "en",
        cache: FeatureCache | None = None,
    ) -> Iterator[Step | Prediction]:
        """Predict as ``predict`` does, one photo and then the questions at a time: before each a Step, the
        whole prediction last.

        The models run between two steps only, so that whoever iterates can stop there.
        """
        cache = cache if cache is not None else FeatureCache(PROMPT_BYTES)
        so_far = Prediction(
            encounter.encounter_id,
            threshold=self.segmenter.threshold if self.segmenter is not None else 0.5,
            models=self.models,
        )
        evidence: list[PhotoEvidence] = []
        steps = len(encounter.photos) * (self.segmenter is not None) + self.answers_questions
        if self.segmenter is not None:
            text = prompt if prompt is not None else encounter.narrative.text(language)
            for number, photo in enumerate(encounter.photos):
                yield Step(
                    number / steps,
                    f"Finding the lesion in photo {number + 1} of {len(encounter.photos)}",
                    so_far,
                )
                try:
                    so_far = replace(
                        so_far, photos=(*so_far.photos, self._find_lesion(photo, text, cache, evidence))
                    )
                except ModelError as error:
                    so_far = replace(
                        so_far, failures=(*so_far.failures, f"{photo.photo_id}: no mask ({error})")
                    )
        if self.answers_questions:
            yield Step((steps - 1) / steps, "Scoring the closed questions", so_far)
            so_far = self._answer(so_far, encounter, language, cache, evidence)
        yield so_far

    def _answer(
        self,
        found: Prediction,
        encounter: Encounter,
        language: Language,
        cache: FeatureCache,
        evidence: Sequence[PhotoEvidence],
    ) -> Prediction:
        """Return ``found`` with every option's score and the answers, or with one line that says why there
        are none."""
        notes = [*found.notes]
        if self.reads_photos(encounter) or not encounter.photos:
            notes.extend(_say_what_was_missing(encounter))
        if encounter.photos and self.mismatch is not None:
            notes.append(self.mismatch)
        try:
            scores = self.score_options(encounter, language=language, evidence=evidence, cache=cache)
        except ModelError as error:
            return replace(found, notes=tuple(notes), failures=(*found.failures, f"no answers ({error})"))
        scores = self.coverage.translate_scores(scores)
        sheet = self.questions.answer(scores, self.statistics(photos=self.reads_photos(encounter)))
        return replace(
            found,
            scores=scores,
            answers=sheet.answers,
            chances=sheet.chances,
            unsure=sheet.unsure,
            notes=tuple(notes),
        )

    def reads_photos(self, encounter: Encounter) -> bool:
        """Return whether the closed questions are answered with an encounter's photos."""
        return bool(encounter.photos) and not (
            isinstance(self.scorer, LesionScorer) and self.segmenter is None
        )

    def score_options(
        self,
        encounter: Encounter,
        *,
        language: Language = "en",
        evidence: Sequence[PhotoEvidence] | None = None,
        cache: FeatureCache | None = None,
    ) -> OptionScores:
        """Score every option of every question that the models know: qid -> (O,) float32, with their indices.

        evidence: what was seen in the photos, for a scorer that reads it; the photos are looked at where it
        is None. cache: as in ``predict``. Raises ModelError when a model fails on this case.
        """
        from_words = self.cues.score(encounter.narrative) if self.cues is not None else None
        if self.scorer is None:
            return from_words or {}
        try:
            if isinstance(self.scorer, LesionScorer):
                seen = (
                    evidence if evidence is not None else self.look(encounter, language=language, cache=cache)
                )
                scores = self.scorer.score_evidence(seen, features=self.mismatch is None)
            else:
                scores = self._ask_scorer(
                    self.scorer,
                    encounter,
                    encounter.narrative.text(language),
                    cache if cache is not None else FeatureCache(PROMPT_BYTES),
                )
        except ModelError:
            raise
        except Exception as error:  # whatever a model stumbles over costs this encounter's answers alone
            raise ModelError("the closed-question model failed: {reason}", reason=one_line(error)) from error
        if from_words is None:
            return scores
        return combine_scores(
            from_words, scores, load_challenge().families, self.weights, photos=self.reads_photos(encounter)
        )

    def _ask_scorer(
        self, scorer: OptionScorer, encounter: Encounter, narrative: str, cache: FeatureCache
    ) -> OptionScores:
        """Ask a scorer that reads words and photos; neither is read again where they are the same."""

        def score() -> OptionScores:
            return scorer.score_states(narrative, [read(photo) for photo in encounter.photos])

        def read(photo: Photo) -> Tensor:
            return cache.get(("photo states", photo), lambda: scorer.encode_photo(photo.pixels))

        return cache.get(("scores", narrative, encounter.photos), score)

    def look(
        self,
        encounter: Encounter,
        *,
        prompt: str | None = None,
        language: Language = "en",
        cache: FeatureCache | None = None,
    ) -> list[PhotoEvidence]:
        """Return what the segmenter sees in each photo, none without one: what a LesionScorer scores and
        attributes."""
        if self.segmenter is None:
            return []
        cache = cache if cache is not None else FeatureCache(PROMPT_BYTES)
        text = prompt if prompt is not None else encounter.narrative.text(language)
        return [self._look_at_photo(self.segmenter, photo, text, cache) for photo in encounter.photos]

    def _look_at_photo(
        self, segmenter: Segmenter, photo: Photo, prompt: str, cache: FeatureCache
    ) -> PhotoEvidence:
        """Return what a photo shows under a prompt; only what was not asked before is computed."""
        return cache.get(
            ("evidence", photo, prompt),
            lambda: describe_photo(segmenter, photo.pixels, *self._see(segmenter, photo, prompt, cache)),
        )

    def _see(
        self, segmenter: Segmenter, photo: Photo, prompt: str, cache: FeatureCache
    ) -> tuple[PhotoFeatures, Probability]:
        features = cache.get(("features", photo), lambda: segmenter.encode_photo(photo.pixels))
        vector = cache.get(("prompt", prompt), lambda: segmenter.encode_prompt(prompt))
        return features, segmenter.decode(features, vector)

    def _find_lesion(
        self, photo: Photo, prompt: str, cache: FeatureCache, evidence: list[PhotoEvidence]
    ) -> PhotoPrediction:
        assert self.segmenter is not None
        try:
            if isinstance(self.scorer, LesionScorer):
                evidence.append(self._look_at_photo(self.segmenter, photo, prompt, cache))
                probability = evidence[-1].probability
            else:
                segmenter = self.segmenter
                probability = cache.get(
                    ("map", photo, prompt), lambda: self._see(segmenter, photo, prompt, cache)[1]
                )
        except ModelError:
            raise
        except Exception as error:
            # whatever a model stumbles over (torch says "out of memory" as RuntimeError) costs this photo
            # alone
            raise ModelError("the segmentation model failed: {reason}", reason=one_line(error)) from error
        return PhotoPrediction(photo.photo_id, probability, photo.size)

    def statistics(self, *, photos: bool) -> Statistics:
        """Return what the checkpoints know of the answers to the questions asked. photos: whether the case's
        photos are read."""
        fitted = {
            family.family_id: self.find_calibration(family.family_id, photos=photos)
            for family in load_challenge().families
        }
        calibrations = {
            family_id: (calibration, margin)
            for family_id, (calibration, margin) in fitted.items()
            if calibration is not None
        }
        base = self.cues.score(Narrative()) if self.cues is not None else {}
        return self.coverage.translate_statistics(Statistics(self.set_priors or {}, calibrations, base))

    def find_calibration(self, family_id: str, *, photos: bool) -> tuple[FamilyCalibration | None, float]:
        """Return what a family's scores are calibrated with, None where nothing belongs to the models in use,
        and the margin.

        The models are those that have a say: where the case answerer weighs nothing, the cues alone.
        """
        weight = 0.0 if self.scorer is None else self.weights.of(family_id, photos=photos)
        if self.cues is None or (weight > 0 and self.mismatch is not None):
            return None, 0.0
        models = (
            digest_of(self.cues.model_id),
            digest_of(self.scorer.model_id) if weight > 0 and self.scorer is not None else "",
        )
        for calibration in self.calibrations:
            if (calibration.cues, calibration.answerer) == models:
                return calibration.of(family_id, weight, photos=photos and weight > 0), calibration.margin
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
        family = self.questions.family(family_id)
        if not 0 <= option < len(family.options["en"]):
            raise IndexError(f"{family_id} has options 0 to {len(family.options['en']) - 1}, not {option}")
        if not prediction.scores or family_id not in self.coverage.indices:
            return Explanation(family_id, option, language)
        theirs = self.coverage.indices[family_id][option]
        weight = 0.0 if self.scorer is None else 1.0
        if self.scorer is not None and self.cues is not None:
            weight = self.weights.of(family_id, photos=self.reads_photos(encounter))
        return Explanation(
            family_id,
            option,
            language,
            words=explain_words(self.cues, encounter.narrative, family_id, theirs, language, share=1 - weight)
            if self.cues
            else (),
            regions=self._find_regions(encounter, family_id, theirs, prompt, language, cache)
            if weight
            else {},
            evidence=list_evidence(family_id, measure_lesions(encounter, prediction), language),
        )

    def _find_regions(
        self,
        encounter: Encounter,
        family_id: str,
        option: int,
        prompt: str | None,
        language: Language,
        cache: FeatureCache | None,
    ) -> dict[str, Probability]:
        try:
            if isinstance(self.scorer, LesionScorer):
                seen = (
                    self.look(encounter, prompt=prompt, language=language, cache=cache)
                    if self.mismatch is None
                    else []
                )
                added = self.scorer.attribute(seen, family_id, option)
            elif self.scorer is not None:
                photos = [photo.pixels for photo in encounter.photos]
                added = self.scorer.attribute(encounter.narrative.text(language), photos, family_id, option)
            else:
                added = []
        except (RuntimeError, MemoryError) as error:  # torch says "out of memory" as RuntimeError
            raise ModelError("the closed-question model failed: {reason}", reason=one_line(error)) from error
        return scale_regions(
            {photo.photo_id: one for photo, one in zip(encounter.photos, added, strict=False)}
        )


def load_scorer(source: str | Path, *, backend: str = "torch") -> OptionScorer | LesionScorer:
    """Load a model for the closed questions; ``config.json``'s model_type picks the kind.

    Raises CheckpointError with one line.
    """
    kind = read_config(find_checkpoint(source))["model_type"]
    return (
        LesionScorer.load(source)
        if kind == LesionAnswererConfig.model_type
        else OptionScorer.load(source, backend=backend)
    )


def _say_what_was_missing(encounter: Encounter) -> list[str]:
    has_text = bool(encounter.narrative.en or encounter.narrative.zh)
    if encounter.photos and has_text:
        return []
    if encounter.photos:
        return ["No text: the questions are answered from the photos alone"]
    if has_text:
        return ["No photos: the questions are answered from the text alone"]
    return ["Neither photos nor text: the answers are only what is most frequent"]
