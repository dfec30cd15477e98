"""How answers are decoded: option scores become one consistent set of answers a family.

A family of one slot takes its highest score. A family of several slots is answered by a set of labels: the one with the highest
expected official credit, |reference and system| / max(|reference|, |system|), under a model of sets

    q(S) proportional to p_train(S) * product over the labels l of S of exp(weight * (score(l) - logit(rate(l))))

so that a score which only repeats the label's base rate moves nothing. What the scorer compares are the *values* in the slots: an
unused slot holds "Not mentioned", which therefore is a label of the reference's set too (of nearly every one in the challenge, as there
are more slots than labels). The sets here hold it in the same way: naming a label costs nothing beyond the larger set, and leaving
the padding out would cost score.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from magic_demo.errors import CheckpointError, FormatError
from magic_demo.types import Answers, Family, OptionScores

MAX_LABELS = 4
MAX_CANDIDATES = 12
"""Labels of a family that sets are built from, the best scored; no challenge family has more, so this only bounds other questions."""
PRIORS_NAME = "decoding.json"

Labels = frozenset[int]


@dataclass(frozen=True)
class FamilyPriors:
    """What the train answers say of a family of several slots.

    sets: how often each set of option indices was the reference, "Not mentioned" included as it fills the free slots.
    rates: (O,) share of references that hold each option, in 0..1.
    smoothing: references' worth of belief in sets made of independent labels, for sets that were never seen.
    weight: how far scores are trusted beside the base rates; 0 decodes the prior alone.
    """

    sets: Mapping[Labels, int]
    rates: tuple[float, ...]
    smoothing: float = 10.0
    weight: float = 1.0


SetPriors = Mapping[str, FamilyPriors]
"""family id -> priors, for the families of several slots."""


def decode_answers(scores: OptionScores, families: Sequence[Family], priors: SetPriors | None = None) -> dict[str, int]:
    """Turn logits a question into one answer a question: always every question of ``families``, always in range.

    scores: qid -> (O,) float logits; siblings' scores are averaged, and for families of several slots they are log-odds.
    priors: without a family's priors, its set is the highest scored label alone, or none where that is likelier.
    Raises FormatError when a question has no scores, scores of another shape, or scores that are not finite.
    """
    answers: dict[str, int] = {}
    for family in families:
        means = average_siblings(scores, family)
        if len(family.questions) == 1:
            answers[family.questions[0].qid] = int(means.argmax())
            continue
        answers.update(_fill_slots(family, choose_labels(means, family, (priors or {}).get(family.family_id))))
    return answers


def average_siblings(scores: OptionScores, family: Family) -> NDArray[np.float64]:
    """Return a family's (O,) scores: the mean over its slots, whose order carries no information. Raises FormatError as above."""
    rows = []
    count = len(family.options["en"])
    for question in family.questions:
        values = np.asarray(scores[question.qid], np.float64) if question.qid in scores else np.empty(0)
        if values.shape != (count,):
            raise FormatError(
                f"{question.qid}: scores of shape {values.shape} came, ({count},) is expected; score every option of every question"
            )
        if not np.isfinite(values).all():
            raise FormatError(f"{question.qid}: scores that are not finite numbers came; the model that made them is broken")
        rows.append(values)
    return np.asarray(np.mean(rows, axis=0))


def choose_labels(scores: NDArray[np.float64], family: Family, priors: FamilyPriors | None = None) -> Labels:
    """Choose the set of labels, "Not mentioned" left out, with the highest expected official credit; empty means "Not mentioned" alone.

    scores: (O,) log-odds of the family's options. Without priors the set is the highest scored label, or empty where it is
    likelier that no label holds; what "Not mentioned" scores does not count, as it is in nearly every set beside the labels.
    """
    if priors is None:
        chances = 1 / (1 + np.exp(-np.clip(scores, -50, 50)))
        chances[family.not_mentioned] = 0.0
        return frozenset({int(chances.argmax())}) if chances.max() >= (1 - chances).prod() else frozenset()
    if len(priors.rates) != len(scores):
        raise FormatError(
            f"{family.family_id}: the checkpoint's priors are for {len(priors.rates)} options, the questions have {len(scores)}; "
            "train it on these questions, or decode without priors"
        )
    possible, log_weights = weigh_sets(scores, family, priors)
    shares = np.exp(log_weights - log_weights.max())
    shares /= shares.sum()
    systems = [
        labels
        for labels in possible
        if len(labels - {family.not_mentioned}) <= MAX_LABELS and (family.not_mentioned in labels or len(labels) == len(family.questions))
    ]
    expected = credit_matrix(possible, systems).T @ shares
    # Equal to rounding is equal: then the smaller set, and the one with the better scores, whatever the options' order.
    best = max(
        range(len(systems)),
        key=lambda i: (
            round(float(expected[i]), 12),
            -len(systems[i]),
            sum(scores[label] for label in systems[i] if label != family.not_mentioned),
        ),
    )
    return systems[best] - {family.not_mentioned}


def weigh_sets(scores: NDArray[np.float64], family: Family, priors: FamilyPriors) -> tuple[list[Labels], NDArray[np.float64]]:
    """Return the sets that a reference may be and log q of each, up to a constant: (K,) float64."""
    rates = np.clip(np.asarray(priors.rates, np.float64), 1e-3, 1 - 1e-3)
    evidence = priors.weight * (scores - np.log(rates / (1 - rates)))
    evidence[family.not_mentioned] = 0.0  # it follows from how many labels there are
    labels = [label for label in range(len(scores)) if label != family.not_mentioned]
    labels = sorted(labels, key=lambda label: -scores[label])[:MAX_CANDIDATES]
    slots = len(family.questions)
    possible = [
        frozenset(chosen) | ({family.not_mentioned} if size < slots else frozenset())
        for size in range(min(MAX_LABELS, slots, len(labels)) + 1)
        for chosen in combinations(sorted(labels), size)
    ]
    kept = set(labels) | {family.not_mentioned}
    possible.extend(sorted((seen for seen in priors.sets if seen <= kept and seen not in set(possible)), key=sorted))
    seen_count = sum(priors.sets.values())
    held = np.array([[label in labels_of for label in range(len(scores))] for labels_of in possible])
    independent = np.where(held, rates, 1 - rates)
    independent[:, family.not_mentioned] = 1.0
    smoothed = np.array([priors.sets.get(labels_of, 0) for labels_of in possible]) + priors.smoothing * independent.prod(axis=1)
    return possible, np.log(np.maximum(smoothed, 1e-12) / (seen_count + priors.smoothing or 1.0)) + held @ evidence


def credit_matrix(references: Sequence[Labels], systems: Sequence[Labels]) -> NDArray[np.float64]:
    """Return the official credit, (references, systems) float64 in 0..1: |both| / max(|reference|, |system|) on sets of values."""
    size = 1 + max(max(labels, default=0) for labels in (*references, *systems))
    left, right = (np.array([[label in labels for label in range(size)] for labels in sets], np.float64) for sets in (references, systems))
    return np.asarray((left @ right.T) / np.maximum(left.sum(axis=1)[:, None], right.sum(axis=1)[None, :]))


def count_priors(references: Iterable[Answers], families: Sequence[Family], *, smoothing: float = 10.0, weight: float = 1.0) -> SetPriors:
    """Count the sets of the train answers, for the families of several slots; cases that lack one of a family's slots are left out of it."""
    cases = list(references)
    priors = {}
    for family in families:
        if len(family.questions) == 1:
            continue
        qids = [question.qid for question in family.questions]
        sets = Counter(frozenset(case[qid] for qid in qids) for case in cases if all(qid in case for qid in qids))
        total = max(sum(sets.values()), 1)
        rates = tuple(sum(n for labels, n in sets.items() if label in labels) / total for label in range(len(family.options["en"])))
        priors[family.family_id] = FamilyPriors(dict(sets), rates, smoothing, weight)
    return priors


def write_priors(path: Path, priors: SetPriors) -> None:
    """Write priors as JSON, sets and families in a fixed order."""
    content = {
        family_id: {
            "sets": [
                [sorted(labels), count] for labels, count in sorted(family.sets.items(), key=lambda item: (-item[1], sorted(item[0])))
            ],
            "rates": [round(rate, 6) for rate in family.rates],
            "smoothing": family.smoothing,
            "weight": family.weight,
        }
        for family_id, family in sorted(priors.items())
    }
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def read_priors(path: Path) -> SetPriors:
    """Read what ``write_priors`` wrote. Raises CheckpointError with one line when the file is broken."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {
            str(family_id): FamilyPriors(
                {frozenset(int(label) for label in labels): int(count) for labels, count in family["sets"]},
                tuple(float(rate) for rate in family["rates"]),
                float(family["smoothing"]),
                float(family["weight"]),
            )
            for family_id, family in content.items()
        }
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise CheckpointError(
            f"{path}: not the decoding priors that training writes ({error}); fetch or train the checkpoint again"
        ) from error


def _fill_slots(family: Family, labels: Labels) -> dict[str, int]:
    chosen = sorted(labels)[: len(family.questions)]
    padding = [family.not_mentioned] * (len(family.questions) - len(chosen))
    return {question.qid: label for question, label in zip(family.questions, chosen + padding, strict=True)}
