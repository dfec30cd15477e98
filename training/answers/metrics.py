"""How the closed questions' model is judged while it learns: decoded answers by the official metric."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import EvalPrediction, PreTrainedTokenizerBase

from magic_demo.case_answerer import CaseAnswerer
from magic_demo.checkpoints import Preprocessing
from magic_demo.decoding import SetPriors, decode_answers
from magic_demo.questions import list_questions, load_families
from magic_demo.scoring import answer_values
from magic_demo.types import Answers
from magic_demo.vqa import place_families
from training.vqa_data import EvaluationCases, PhotoShelf, make_collator
from training.vqa_sources import LearningCase


def score_cases(
    model: CaseAnswerer, tokenizer: PreTrainedTokenizerBase, preprocessing: Preprocessing, cases: Sequence[LearningCase]
) -> NDArray[np.float32]:
    """Return the model's (N, O) logits for cases as they come."""
    dataset = EvaluationCases(cases, PhotoShelf(preprocessing), sets=model.config.learn_sets)
    collate = make_collator(tokenizer, preprocessing, most_tokens=model.config.max_text_tokens, language=model.config.language)
    model.eval()  # type: ignore[no-untyped-call]
    device = next(model.parameters()).device
    rows = []
    with torch.inference_mode():
        for index in range(len(dataset)):
            batch = {name: values.to(device) for name, values in collate([dataset[index]]).items() if name != "labels"}
            rows.append(model(**batch).logits.float().cpu().numpy())
    return np.concatenate(rows)


def decode_rows(logits: NDArray[np.floating[Any]], priors: SetPriors) -> list[dict[str, int]]:
    """Decode (N, O) logits into N answers."""
    families = load_families()
    places = place_families(families)
    return [
        decode_answers({question.qid: row[place] for family, place in places for question in family.questions}, families, priors)
        for row in logits.astype(np.float64)
    ]


def official_scores(references: Mapping[str, Answers], answers: Mapping[str, Answers]) -> dict[str, float]:
    """Return the official accuracy, all in all and a family."""
    families = load_families()
    gold, system = (
        {
            case_id: {family.family_id: {given[q.qid] for q in family.questions if q.qid in given} for family in families}
            for case_id, given in of_cases.items()
        }
        for of_cases in (references, answers)
    )
    values = answer_values(gold, system, [family.family_id for family in families])
    return {name: float(value) for name, value in values.items() if name.startswith("accuracy") and value is not None}


def score_f1(references: Mapping[str, Answers], answers: Mapping[str, Answers]) -> float:
    """Return F1 in 0..1: of each option over all cases, then the mean over a family's options that occur on either side, then over families.

    What fills a family's slots counts as a set, as in the official score: the slots' order says nothing.
    """
    families = []
    for family in load_families():
        both, sums = np.zeros((2, len(family.options["en"])))
        for case_id, reference in references.items():
            qids = [question.qid for question in family.questions if question.qid in reference]
            gold, system = ({of_case[qid] for qid in qids} for of_case in (reference, answers[case_id]))
            both[list(gold & system)] += 1
            for labels in (gold, system):
                sums[list(labels)] += 1
        if sums.any():
            families.append(float(np.mean(2 * both[sums > 0] / sums[sums > 0])))
    return float(np.mean(families)) if families else 0.0


def most_frequent(references: Sequence[Answers]) -> dict[str, int]:
    """Return the constant answer: each question's most frequent option among the references that answer it."""
    questions = list_questions(load_families())
    return {
        q.qid: int(np.bincount([case[q.qid] for case in references if q.qid in case], minlength=q.option_count).argmax()) for q in questions
    }


def make_metrics(cases: Sequence[LearningCase], priors: SetPriors) -> Callable[[EvalPrediction], dict[str, float]]:
    """Return what scores the evaluation's logits: all cases together, and source by source where there are several."""
    references = {str(index): case.answers for index, case in enumerate(cases)}
    sources = [case.source.name for case in cases]

    def compute(prediction: EvalPrediction) -> dict[str, float]:
        answers = {str(index): decoded for index, decoded in enumerate(decode_rows(np.asarray(prediction.predictions), priors))}
        scores = official_scores(references, answers) | {"f1": score_f1(references, answers)}
        for name in sorted(set(sources)) if len(set(sources)) > 1 else ():
            mine = {str(index) for index, source in enumerate(sources) if source == name}
            of_source = official_scores({key: references[key] for key in mine}, {key: answers[key] for key in mine})
            scores[f"{name}_accuracy_all"] = of_source["accuracy_all"]
        return scores

    return compute
