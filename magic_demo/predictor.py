"""Encounter in, Prediction out: the one place where the models meet, used by the page and by batch mode alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from magic_demo.checkpoints import find_checkpoint
from magic_demo.combining import Weights, combine_scores, read_weights
from magic_demo.cue_model import CueModel
from magic_demo.decoding import SetPriors, decode_answers
from magic_demo.errors import ModelError, one_line
from magic_demo.questions import load_families
from magic_demo.segmentation import Segmenter
from magic_demo.types import Encounter, Language, OptionScores, Photo, PhotoPrediction, Prediction
from magic_demo.vqa import OptionScorer

CHECKPOINTS = Path(__file__).resolve().parent.parent / "checkpoints"
DEFAULT_SEGMENTATION = CHECKPOINTS / "segmentation-compact"
DEFAULT_VQA = CHECKPOINTS / "vqa-compact"
DEFAULT_CUES = CHECKPOINTS / "cues"

Progress = Callable[[float, str], None]
"""Called with the share done (0..1) and what is done now, in words."""


class Predictor:
    """The models that are loaded, and what they say of an encounter. Any may be None: its part is then left out.

    segmenter: finds the lesion. scorer, cues: score the closed questions, the first from photos and text, the second from text
    alone; where both are there, their scores are combined by ``weights``.
    """

    def __init__(
        self,
        segmenter: Segmenter | None,
        scorer: OptionScorer | None,
        cues: CueModel | None = None,
        weights: Weights | None = None,
    ) -> None:
        self.segmenter = segmenter
        self.scorer = scorer
        self.cues = cues
        self.weights = weights or Weights()

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
            OptionScorer.load(vqa) if vqa is not None else None,
            CueModel.load(cues) if cues is not None else None,
            read_weights(find_checkpoint(vqa)) if vqa is not None else None,
        )

    @property
    def models(self) -> Mapping[str, str]:
        """Return part -> model id of what is loaded."""
        loaded = {"segmentation": self.segmenter, "cvqa": self.scorer, "cues": self.cues}
        return {part: model.model_id for part, model in loaded.items() if model is not None}

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
        steps = len(encounter.photos) * (self.segmenter is not None) + self.answers_questions
        if self.segmenter is not None:
            text = prompt if prompt is not None else encounter.narrative.text(language)
            for number, photo in enumerate(encounter.photos):
                report(number / steps, f"Finding the lesion in photo {number + 1} of {len(encounter.photos)}")
                try:
                    photos.append(_find_lesion(self.segmenter, photo, text))
                except ModelError as error:
                    failures.append(f"{photo.photo_id}: no mask ({error})")
        scores: OptionScores = {}
        answers: Mapping[str, int] = {}
        if self.answers_questions:
            report((steps - 1) / steps, "Scoring the closed questions")
            notes.extend(_say_what_was_missing(encounter))
            try:
                scores = self.score_options(encounter, language=language)
            except ModelError as error:
                failures.append(f"no answers ({error})")
            else:
                answers = decode_answers(scores, load_families(), self.set_priors)
        report(1.0, "Done")
        return Prediction(
            encounter_id=encounter.encounter_id,
            photos=tuple(photos),
            scores=scores,
            answers=answers,
            threshold=self.segmenter.threshold if self.segmenter is not None else 0.5,
            models=self.models,
            notes=tuple(notes),
            failures=tuple(failures),
        )

    def score_options(self, encounter: Encounter, *, language: Language = "en") -> OptionScores:
        """Score every option of every question with the models that are loaded: qid -> (O,) float32.

        Raises ModelError when a model fails on this case.
        """
        from_words = self.cues.score(encounter.narrative) if self.cues is not None else None
        if self.scorer is None:
            return from_words or {}
        try:
            scores = self.scorer.score(encounter.narrative.text(language), [photo.pixels for photo in encounter.photos])
        except (RuntimeError, MemoryError) as error:  # torch says "out of memory" as RuntimeError
            raise ModelError(f"the closed-question model failed: {one_line(error)}") from error
        if from_words is None:
            return scores
        return combine_scores(from_words, scores, load_families(), self.weights, photos=bool(encounter.photos))


def _find_lesion(segmenter: Segmenter, photo: Photo, prompt: str) -> PhotoPrediction:
    try:
        probability = segmenter.predict(photo.pixels, prompt)
    except (RuntimeError, MemoryError) as error:  # torch says "out of memory" as RuntimeError
        raise ModelError(f"the segmentation model failed: {one_line(error)}") from error
    return PhotoPrediction(photo.photo_id, probability, photo.size)


def _say_what_was_missing(encounter: Encounter) -> list[str]:
    has_text = bool(encounter.narrative.en or encounter.narrative.zh)
    if encounter.photos and has_text:
        return []
    if encounter.photos:
        return ["No text: the questions are answered from the photos alone"]
    if has_text:
        return ["No photos: the questions are answered from the text alone"]
    return ["Neither photos nor text: the answers are only what is most frequent"]
