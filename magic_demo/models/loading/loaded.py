"""The models that are loaded, and what they read and know together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Self

from magic_demo.core.types import Encounter, PromptKind
from magic_demo.cues.cue_model import CueModel
from magic_demo.models.answers.captions import Captioner
from magic_demo.models.interfaces import Answerer, Segmenter
from magic_demo.questions.calibration import Calibration, digest_of
from magic_demo.questions.combining import Weights
from magic_demo.questions.coverage import match_families
from magic_demo.questions.decoding import SetPriors
from magic_demo.questions.families import QuestionSet, load_challenge


class LoadedModels:
    """A segmentation model, an answerer and a cue model, beside each other.

    Any may be None: its part is then left out.

    segmenter: finds the lesion. answerer, cues: score the closed questions, the first from photos (and text,
    if it reads any), the second from text alone; where both are there, their scores are combined by
    ``weights``. An answerer that reads the lesion shares the segmenter's pass over a photo, and answers less
    from photos without a segmenter or beside another than it was made for.
    calibrations: what says how likely an option is, for the cues alone and for the two combined; one that was
    fitted for other models, or with other weights, is not used.
    masks: whether predictions hold the lesion maps; without, the segmentation model only serves the answerer.
    captioner: describes each photo before the questions are answered; the answerer reads its captions behind the
    patient's words.
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
        captioner: Captioner | None = None,
    ) -> None:
        self.gives_masks = masks and segmenter is not None
        self.segmenter = segmenter
        self.prompt_kind: PromptKind = segmenter.prompt_kind if segmenter is not None else "narrative"
        self.answerer = answerer
        self.captioner = captioner if answerer is not None else None
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

    def asking(self, questions: QuestionSet) -> Self:
        """Return the same models, which answer other questions as far as they know them."""
        other = copy(self)
        other.questions = questions
        other.coverage = match_families(questions, self.families)
        return other

    @property
    def models(self) -> Mapping[str, str]:
        """Return part -> model id of what is loaded and can have a say: beside cues, an answerer that reads
        the lesion has none without a segmentation model."""
        blind = self.shares_look and self.segmenter is None
        mute = self.cues is not None and blind and self.answerer is not None and not self.answerer.reads_words
        loaded = {
            "segmentation": self.segmenter,
            "cvqa": None if mute else self.answerer,
            "cues": self.cues,
            "captions": self.captioner,
        }
        return {part: model.model_id for part, model in loaded.items() if model is not None}

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
    def looks_at_photos(self) -> bool:
        """Return whether any model reads a photo."""
        seen = bool({"segmentation", "cvqa"} & self.models.keys())
        return self.captioner is not None or (seen and not (self.segmenter is None and self.shares_look))

    @property
    def shares_look(self) -> bool:
        """Return whether the answerer reads what the segmentation model found."""
        return self.answerer is not None and self.answerer.reads_lesion

    def reads_photos(self, encounter: Encounter) -> bool:
        """Return whether the closed questions are answered with an encounter's photos."""
        return bool(encounter.photos) and not (self.shares_look and self.segmenter is None)

    @property
    def reads_prompt(self) -> bool:
        """Return whether a prompt changes where the lesion is found."""
        return self.segmenter is not None and self.segmenter.reads_prompt

    @property
    def threshold(self) -> float:
        """Return the probability from which a pixel is lesion: the segmentation model's, 0.5 without one."""
        return self.segmenter.threshold if self.segmenter is not None else 0.5

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

    def knows(self, family_id: str) -> bool:
        """Return whether the answerer scores a family."""
        return self.answerer is not None and any(
            family.family_id == family_id for family in self.answerer.families
        )
