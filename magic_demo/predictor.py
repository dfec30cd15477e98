"""Encounter in, Prediction out: the one place where the models meet, used by the page and by batch mode alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from magic_demo.calibration import Calibration, FamilyCalibration, digest_of, expect_credit, find_chances, read_calibration
from magic_demo.checkpoints import find_checkpoint, read_config
from magic_demo.combining import Weights, combine_scores, read_weights
from magic_demo.cue_model import CueModel
from magic_demo.decoding import SetPriors, average_siblings, decode_answers
from magic_demo.errors import ModelError, one_line
from magic_demo.evidence import list_evidence, measure_lesions
from magic_demo.explanation import explain_words, scale_regions
from magic_demo.lesion_answers import LesionAnswererConfig, LesionScorer, PhotoEvidence, look_at_photo
from magic_demo.questions import load_families
from magic_demo.segmentation import Segmenter
from magic_demo.types import Answers, Encounter, Explanation, Language, OptionScores, Photo, PhotoPrediction, Prediction, Probability
from magic_demo.vqa import OptionScorer

CHECKPOINTS = Path(__file__).resolve().parent.parent / "checkpoints"
DEFAULT_SEGMENTATION = CHECKPOINTS / "segmentation-compact"
DEFAULT_VQA = CHECKPOINTS / "vqa-compact"
DEFAULT_CUES = CHECKPOINTS / "cues"

Progress = Callable[[float, str], None]
"""Called with the share done (0..1) and what is done now, in words."""


class Predictor:
    """The models that are loaded, and what they say of an encounter. Any may be None: its part is then left out.

    segmenter: finds the lesion. scorer, cues: score the closed questions, the first from photos (and text, if it reads any), the second from
    text alone; where both are there, their scores are combined by ``weights``. A LesionScorer reads what the segmenter saw: every photo is
    then encoded once for both tasks, and without a segmenter, or with another than it was made for, less is answered from photos.
    calibrations: what says how likely an option is, for the cues alone and for the two combined; one that was fitted for other models,
    or with other weights, is not used.
    """

    def __init__(
        self,
        segmenter: Segmenter | None,
        scorer: OptionScorer | LesionScorer | None,
        cues: CueModel | None = None,
        weights: Weights | None = None,
        calibrations: Sequence[Calibration] = (),
    ) -> None:
        self.segmenter = segmenter
        self.scorer = scorer
        self.cues = cues
        self.weights = weights or Weights()
        self.mismatch = scorer.explain_mismatch(segmenter) if isinstance(scorer, LesionScorer) else None
        if self.mismatch is not None:
            self.weights = self.weights.measured()
        self.calibrations = tuple(calibrations)

    @classmethod
    def load(
        cls,
        *,
        segmentation: str | Path | None = DEFAULT_SEGMENTATION,
        vqa: str | Path | None = DEFAULT_VQA,
        cues: str | Path | None = DEFAULT_CUES,
    ) -> Predictor:
        """Load the models from folders or Hub ids; None leaves one out. Raises CheckpointError with one line."""
        return cls(
            Segmenter.load(segmentation) if segmentation is not None else None,
            load_scorer(vqa) if vqa is not None else None,
            CueModel.load(cues) if cues is not None else None,
            read_weights(find_checkpoint(vqa)) if vqa is not None else None,
            [
                calibration
                for source in (cues, vqa)
                if source is not None and (calibration := read_calibration(find_checkpoint(source))) is not None
            ],
        )

    @property
    def models(self) -> Mapping[str, str]:
        """Return part -> model id of what is loaded."""
        loaded = {"segmentation": self.segmenter, "cvqa": self.scorer, "cues": self.cues}
        return {part: model.model_id for part, model in loaded.items() if model is not None}

    @property
    def calibrated_on(self) -> Mapping[str, str]:
        """Return part -> the cases, in words, that the probabilities it gives were calibrated on: ``cues`` alone, ``cvqa`` for both combined."""
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
        """Return what the train answers say of sets: the cues' where there are two, since they decode in their scale."""
        if self.cues is not None:
            return self.cues.set_priors
        return self.scorer.set_priors if self.scorer is not None else None

    def predict(
        self,
        encounter: Encounter,
        *,
        prompt: str | None = None,
        language: Language = "en",
        progress: Progress | None = None,
    ) -> Prediction:
        """Predict one lesion map a photo and, from photos and narrative, every option's score and the decoded answers.

        prompt: what the segmentation is asked for; the narrative in ``language`` where None.
        A photo or a task that a model fails on is left out and named in the prediction's failures; the notes say when
        photos or text were missing.
        """
        report = progress or (lambda _share, _what: None)
        notes: list[str] = []
        failures: list[str] = []
        photos: list[PhotoPrediction] = []
        evidence: list[PhotoEvidence] = []
        steps = len(encounter.photos) * (self.segmenter is not None) + self.answers_questions
        if self.segmenter is not None:
            text = prompt if prompt is not None else encounter.narrative.text(language)
            for number, photo in enumerate(encounter.photos):
                report(number / steps, f"Finding the lesion in photo {number + 1} of {len(encounter.photos)}")
                try:
                    photos.append(self._find_lesion(photo, text, evidence))
                except ModelError as error:
                    failures.append(f"{photo.photo_id}: no mask ({error})")
        scores: OptionScores = {}
        answers: Answers = {}
        chances: Mapping[str, NDArray[np.float64]] = {}
        unsure: frozenset[str] = frozenset()
        if self.answers_questions:
            report((steps - 1) / steps, "Scoring the closed questions")
            if self.reads_photos(encounter) or not encounter.photos:
                notes.extend(_say_what_was_missing(encounter))
            if encounter.photos and self.mismatch is not None:
                notes.append(self.mismatch)
            try:
                scores = self.score_options(encounter, language=language, evidence=evidence)
            except ModelError as error:
                failures.append(f"no answers ({error})")
            else:
                answers = decode_answers(scores, load_families(), self.set_priors)
                chances, unsure = self.judge_answers(scores, answers, photos=self.reads_photos(encounter))
        report(1.0, "Done")
        return Prediction(
            encounter_id=encounter.encounter_id,
            photos=tuple(photos),
            scores=scores,
            answers=answers,
            chances=chances,
            unsure=unsure,
            threshold=self.segmenter.threshold if self.segmenter is not None else 0.5,
            models=self.models,
            notes=tuple(notes),
            failures=tuple(failures),
        )

    def reads_photos(self, encounter: Encounter) -> bool:
        """Return whether the closed questions are answered with an encounter's photos."""
        return bool(encounter.photos) and not (isinstance(self.scorer, LesionScorer) and self.segmenter is None)

    def score_options(
        self, encounter: Encounter, *, language: Language = "en", evidence: Sequence[PhotoEvidence] | None = None
    ) -> OptionScores:
        """Score every option of every question with the models that are loaded: qid -> (O,) float32.

        evidence: what was seen in the photos, for a scorer that reads it; the photos are looked at where it is None.
        Raises ModelError when a model fails on this case.
        """
        from_words = self.cues.score(encounter.narrative) if self.cues is not None else None
        if self.scorer is None:
            return from_words or {}
        try:
            if isinstance(self.scorer, LesionScorer):
                seen = evidence if evidence is not None else self.look(encounter, language=language)
                scores = self.scorer.score_evidence(seen, features=self.mismatch is None)
            else:
                scores = self.scorer.score(encounter.narrative.text(language), [photo.pixels for photo in encounter.photos])
        except ModelError:
            raise
        except Exception as error:  # whatever a model stumbles over costs this encounter's answers alone
            raise ModelError(f"the closed-question model failed: {one_line(error)}") from error
        if from_words is None:
            return scores
        return combine_scores(from_words, scores, load_families(), self.weights, photos=self.reads_photos(encounter))

    def look(self, encounter: Encounter, *, prompt: str | None = None, language: Language = "en") -> list[PhotoEvidence]:
        """Return what the segmenter sees in each photo, none without one: what a LesionScorer scores and attributes."""
        if self.segmenter is None:
            return []
        text = prompt if prompt is not None else encounter.narrative.text(language)
        return [look_at_photo(self.segmenter, photo.pixels, text) for photo in encounter.photos]

    def _find_lesion(self, photo: Photo, prompt: str, evidence: list[PhotoEvidence]) -> PhotoPrediction:
        assert self.segmenter is not None
        try:
            if isinstance(self.scorer, LesionScorer):
                evidence.append(look_at_photo(self.segmenter, photo.pixels, prompt))
                probability = evidence[-1].probability
            else:
                probability = self.segmenter.predict(photo.pixels, prompt)
        except ModelError:
            raise
        except Exception as error:  # whatever a model stumbles over (torch says "out of memory" as RuntimeError) costs this photo alone
            raise ModelError(f"the segmentation model failed: {one_line(error)}") from error
        return PhotoPrediction(photo.photo_id, probability, photo.size)

    def judge_answers(
        self, scores: OptionScores, answers: Answers, *, photos: bool
    ) -> tuple[dict[str, NDArray[np.float64]], frozenset[str]]:
        """Say how likely every option is and which families' answers are unsure, for the families that are calibrated.

        photos: whether the scores are those of a case with photos. Returns family id -> (O,) float64 in 0..1, and family ids.
        """
        chances: dict[str, NDArray[np.float64]] = {}
        unsure = set()
        for family in load_families():
            fitted, margin = self.find_calibration(family.family_id, photos=photos)
            if fitted is None:
                continue
            rows = average_siblings(scores, family)[None]
            priors = (self.set_priors or {}).get(family.family_id)
            answer = frozenset(answers[question.qid] for question in family.questions)
            chances[family.family_id] = find_chances(rows, family, priors, fitted.temperature)[0]
            expected = expect_credit(rows, [answer], family, priors, fitted.temperature)[0]
            if expected < fitted.prior_credit + margin:
                unsure.add(family.family_id)
        return chances, frozenset(unsure)

    def find_calibration(self, family_id: str, *, photos: bool) -> tuple[FamilyCalibration | None, float]:
        """Return what a family's scores are calibrated with, None where nothing belongs to the models in use, and the margin.

        The models are those that have a say: where the case answerer weighs nothing, the cues alone.
        """
        weight = 0.0 if self.scorer is None else self.weights.of(family_id, photos=photos)
        if self.cues is None or (weight > 0 and self.mismatch is not None):
            return None, 0.0
        models = (digest_of(self.cues.model_id), digest_of(self.scorer.model_id) if weight > 0 and self.scorer is not None else "")
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
    ) -> Explanation:
        """Say why an option of a family has the score that ``prediction`` gives it: words, places in the photos, what was measured.

        prompt: what the segmentation was asked for, as in ``predict``. language: of the narrative that is shown and of the lines.
        A part whose model is not loaded, or has no say in the family, is left empty.
        Raises KeyError for a family that there is not, IndexError for an option that it does not have, ModelError when a model fails.
        """
        family = next((family for family in load_families() if family.family_id == family_id), None)
        if family is None:
            raise KeyError(f"there is no family {family_id}")
        if not 0 <= option < len(family.options["en"]):
            raise IndexError(f"{family_id} has options 0 to {len(family.options['en']) - 1}, not {option}")
        if not prediction.scores:
            return Explanation(family_id, option, language)
        weight = 0.0 if self.scorer is None else 1.0
        if self.scorer is not None and self.cues is not None:
            weight = self.weights.of(family_id, photos=self.reads_photos(encounter))
        return Explanation(
            family_id,
            option,
            language,
            words=explain_words(self.cues, encounter.narrative, family_id, option, language, share=1 - weight) if self.cues else (),
            regions=self._find_regions(encounter, family_id, option, prompt, language) if weight else {},
            evidence=list_evidence(family_id, measure_lesions(encounter, prediction), language),
        )

    def _find_regions(
        self, encounter: Encounter, family_id: str, option: int, prompt: str | None, language: Language
    ) -> dict[str, Probability]:
        try:
            if isinstance(self.scorer, LesionScorer):
                seen = self.look(encounter, prompt=prompt, language=language) if self.mismatch is None else []
                added = self.scorer.attribute(seen, family_id, option)
            elif self.scorer is not None:
                photos = [photo.pixels for photo in encounter.photos]
                added = self.scorer.attribute(encounter.narrative.text(language), photos, family_id, option)
            else:
                added = []
        except (RuntimeError, MemoryError) as error:  # torch says "out of memory" as RuntimeError
            raise ModelError(f"the closed-question model failed: {one_line(error)}") from error
        return scale_regions({photo.photo_id: one for photo, one in zip(encounter.photos, added, strict=False)})


def load_scorer(source: str | Path) -> OptionScorer | LesionScorer:
    """Load a model for the closed questions; ``config.json``'s model_type picks the kind. Raises CheckpointError with one line."""
    kind = read_config(find_checkpoint(source))["model_type"]
    return LesionScorer.load(source) if kind == LesionAnswererConfig.model_type else OptionScorer.load(source)


def _say_what_was_missing(encounter: Encounter) -> list[str]:
    has_text = bool(encounter.narrative.en or encounter.narrative.zh)
    if encounter.photos and has_text:
        return []
    if encounter.photos:
        return ["No text: the questions are answered from the photos alone"]
    if has_text:
        return ["No photos: the questions are answered from the text alone"]
    return ["Neither photos nor text: the answers are only what is most frequent"]
