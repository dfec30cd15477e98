"""How the closed questions' model is judged while it learns: decoded answers by the official metric."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import EvalPrediction, PreTrainedTokenizerBase

from magic_demo.models.answers.text_photo_answerer import place_families
from magic_demo.models.answers.text_photo_model import TextPhotoAnswererModel
from magic_demo.models.checkpoints import Preprocessing
from magic_demo.questions.decoding import SetPriors, decode_answers
from magic_demo.questions.families import load_families
from training.answers.text_photo.data import EvaluationCases, PhotoShelf, make_collator
from training.cases.metrics import official_scores, score_f1
from training.cases.sources import LearningCase


def score_cases(
    model: TextPhotoAnswererModel,
    tokenizer: PreTrainedTokenizerBase,
    preprocessing: Preprocessing,
    cases: Sequence[LearningCase],
) -> NDArray[np.float32]:
    """Return the model's (N, O) logits for cases as they come."""
    dataset = EvaluationCases(cases, PhotoShelf(preprocessing), sets=model.config.learn_sets)
    collate = make_collator(
        tokenizer, preprocessing, most_tokens=model.config.max_text_tokens, language=model.config.language
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


def decode_rows(logits: NDArray[np.floating[Any]], priors: SetPriors) -> list[dict[str, int]]:
    """Decode (N, O) logits into N answers."""
    families = load_families()
    places = place_families(families)
    return [
        decode_answers(
            {question.qid: row[place] for family, place in places for question in family.questions},
            families,
            priors,
        )
        for row in logits.astype(np.float64)
    ]


def make_metrics(
    cases: Sequence[LearningCase], priors: SetPriors
) -> Callable[[EvalPrediction], dict[str, float]]:
    """Return what scores the evaluation's logits: all cases together, and source by source where there are
    several."""
    references = {str(index): case.answers for index, case in enumerate(cases)}
    sources = [case.source.name for case in cases]

    def compute(prediction: EvalPrediction) -> dict[str, float]:
        answers = {
            str(index): decoded
            for index, decoded in enumerate(decode_rows(np.asarray(prediction.predictions), priors))
        }
        scores = official_scores(references, answers) | {"f1": score_f1(references, answers)}
        for name in sorted(set(sources)) if len(set(sources)) > 1 else ():
            mine = {str(index) for index, source in enumerate(sources) if source == name}
            of_source = official_scores(
                {key: references[key] for key in mine}, {key: answers[key] for key in mine}
            )
            scores[f"{name}_accuracy_all"] = of_source["accuracy_all"]
        return scores

    return compute
