"""Encounter in, Prediction out: the one place where the models meet, used by the page and by batch mode alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from magic_demo.decoding import decode_answers
from magic_demo.errors import ModelError
from magic_demo.questions import load_families
from magic_demo.segmentation import Segmenter
from magic_demo.types import Encounter, Language, OptionScores, Photo, PhotoPrediction, Prediction
from magic_demo.vqa import OptionScorer

CHECKPOINTS = Path(__file__).resolve().parent.parent / "checkpoints"
DEFAULT_SEGMENTATION = CHECKPOINTS / "segmentation-compact"
DEFAULT_VQA = CHECKPOINTS / "vqa-compact"

Progress = Callable[[float, str], None]
"""Called with the share done (0..1) and what is done now, in words."""


class Predictor:
    """The models that are loaded, and what they say of an encounter. Either may be None: its task is then left out."""

    def __init__(self, segmenter: Segmenter | None, scorer: OptionScorer | None) -> None:
        self.segmenter = segmenter
        self.scorer = scorer

    @classmethod
    def load(
        cls,
        *,
        segmentation: str | Path | None = DEFAULT_SEGMENTATION,
        vqa: str | Path | None = DEFAULT_VQA,
    ) -> Predictor:
        """Load the models from folders or Hub ids; None leaves a task out. Raises CheckpointError with one line."""
        return cls(
            Segmenter.load(segmentation) if segmentation is not None else None,
            OptionScorer.load(vqa) if vqa is not None else None,
        )

    @property
    def models(self) -> Mapping[str, str]:
        """Return task -> model id of what is loaded."""
        loaded = {"segmentation": self.segmenter, "cvqa": self.scorer}
        return {task: model.model_id for task, model in loaded.items() if model is not None}

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
        steps = len(encounter.photos) * (self.segmenter is not None) + (self.scorer is not None)
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
        if self.scorer is not None:
            report((steps - 1) / steps, "Scoring the closed questions")
            notes.extend(_say_what_was_missing(encounter))
            try:
                scores = self.scorer.score(encounter.narrative.text(language), [photo.pixels for photo in encounter.photos])
            except ModelError as error:
                failures.append(f"no answers ({error})")
            else:
                answers = decode_answers(scores, load_families(), self.scorer.set_priors)
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


def _find_lesion(segmenter: Segmenter, photo: Photo, prompt: str) -> PhotoPrediction:
    try:
        probability = segmenter.predict(photo.pixels, prompt)
    except (RuntimeError, MemoryError) as error:  # torch says "out of memory" as RuntimeError
        raise ModelError(f"the segmentation model failed: {' '.join(str(error).split())[:200]}") from error
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
