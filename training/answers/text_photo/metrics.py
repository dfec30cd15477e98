"""How the closed questions' model is judged while it learns: decoded answers by the official metric."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import EvalPrediction, PreTrainedTokenizerBase

from magic_demo.core.types import Family
from magic_demo.models.answers.text_photo_answerer import gather_scores, list_units
from magic_demo.models.answers.text_photo_model import TextPhotoAnswererModel
from magic_demo.models.loading.preprocessing import Preprocessing
from magic_demo.questions.decoding import SetPriors, Siblings, decode_answers
from magic_demo.questions.families import QuestionSet
from training.answers.text_photo.data import EvaluationCases, PhotoShelf, make_collator
from training.cases.metrics import official_scores, score_f1
from training.cases.sources import LearningCase


def score_cases(
    model: TextPhotoAnswererModel,
    tokenizer: PreTrainedTokenizerBase,
    preprocessing: Preprocessing,
    cases: Sequence[LearningCase],
    units: Sequence[Family],
) -> NDArray[np.float32]:
    """Return the model's (N, O) logits for cases as they come, over the options of ``units``."""
    dataset = EvaluationCases(cases, PhotoShelf(preprocessing), units=units, sets=model.config.learn_sets)
    collate = make_collator(
        tokenizer,
        preprocessing,
        units=units,
        most_tokens=model.config.max_text_tokens,
        language=model.config.language,
    )
    model.eval()  # type: ignore[no-untyped-call]
    device = next(model.parameters()).device
    rows = []
    with torch.inference_mode():
        for index in range(len(dataset)):
            batch = {
                name: values.to(device)
                for name, values in collate([dataset[index]]).items()
                if name != "labels"
            }
            rows.append(model(**batch).logits.float().cpu().numpy())
    return np.concatenate(rows)


@dataclass(frozen=True, eq=False)
class Decoder:
    """How (O,) logits become answers to all questions.

    asked: the questions. option_texts: what has logits of its own, see ``list_units``. priors, siblings: see
    ``decode_answers``.
    """

    asked: QuestionSet
    priors: SetPriors
    option_texts: str = "family"
    siblings: Siblings = "parent"

    @cached_property
    def units(self) -> tuple[Family, ...]:
        """Return what has logits of its own, in their order."""
        return list_units(self.asked.families, self.option_texts)

    def decode(self, logits: NDArray[np.floating[Any]]) -> list[dict[str, int]]:
        """Decode (N, O) logits into N answers."""
        return [
            decode_answers(
                gather_scores(row, self.asked.families, self.units, self.siblings),
                self.asked.families,
                self.priors,
                self.siblings,
            )
            for row in logits.astype(np.float32)
        ]


def make_metrics(
    cases: Sequence[LearningCase], decoder: Decoder
) -> Callable[[EvalPrediction], dict[str, float]]:
    """Return what scores the evaluation's logits: all cases together, and source by source where there are
    several."""
    references = {str(index): case.answers for index, case in enumerate(cases)}
    sources = [case.source.name for case in cases]

    def compute(prediction: EvalPrediction) -> dict[str, float]:
        answers = {
            str(index): decoded
            for index, decoded in enumerate(decoder.decode(np.asarray(prediction.predictions)))
        }
        asked = decoder.asked
        scores = official_scores(references, answers, asked) | {"f1": score_f1(references, answers, asked)}
        for name in sorted(set(sources)) if len(set(sources)) > 1 else ():
            mine = {str(index) for index, source in enumerate(sources) if source == name}
            of_source = official_scores(
                {key: references[key] for key in mine}, {key: answers[key] for key in mine}, asked
            )
            scores[f"{name}_accuracy_all"] = of_source["accuracy_all"]
        return scores

    return compute
