"""How answers are decoded: option scores become one consistent set of answers a family.

A family of one slot takes its highest score. A family of several slots is answered by a set of labels: the
one with the highest expected official credit, |reference and system| / max(|reference|, |system|), under a
model of sets

    q(S) proportional to p_train(S) * product over the labels l of S of exp(weight * (score(l) -
    logit(rate(l))))

so that a score which only repeats the label's base rate moves nothing. What the scorer compares are the
*values* in the slots: an unused slot holds "Not mentioned", which therefore is a label of the reference's set
too (of nearly every one in the challenge, as there are more slots than labels). The sets here hold it in the
same way: naming a label costs nothing beyond the larger set, and leaving the padding out would cost score.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from magic_demo.core.disk.user_files import LARGEST_CONFIG, read_user_text
from magic_demo.core.errors import CheckpointError, FormatError
from magic_demo.core.types import Answers, Family, OptionScores
from magic_demo.questions.shares import as_shares, softmax

MAX_LABELS = 4
FEW_LABELS = 8
"""A set holds at most MAX_LABELS labels; where a family has FEW_LABELS at most, as many as it has slots."""
MAX_CANDIDATES = 12
"""Labels of a family that sets are built from, the best scored; no challenge family has more, so this only
bounds other questions."""
PRIORS_NAME = "decoding.json"

Siblings = Literal["parent", "none", "majority", "consensus"]
SIBLINGS: tuple[Siblings, ...] = get_args(Siblings)

Labels = frozenset[int]


@dataclass(frozen=True)
class FamilyPriors:
    """What the train answers say of a family of several slots.

    sets: how often each set of option indices was the reference, "Not mentioned" included as it fills the
    free slots.
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


def decode_answers(
    scores: OptionScores,
    families: Sequence[Family],
    priors: SetPriors | None = None,
    siblings: Siblings = "parent",
) -> dict[str, int]:
    """Turn logits a question into one answer a question: always every question of ``families``, always in
    range.

    scores: qid -> (O,) float logits; for families of several slots that are answered as a set they are
    log-odds.
    priors: without a family's priors, its set is the highest scored label alone, or none where that is
    likelier. siblings: how a family of several slots is answered. "parent": as the question above its slots,
    by a set chosen from the mean of their scores. "none": each slot takes its own arg max. "majority": by the
    option alone that is most slots' arg max, of a tie the better scored. "consensus": by the option that is
    every slot's arg max, "Not mentioned" where they differ. Raises FormatError when a question has no scores, scores of another shape, or scores that are
    not finite.
    """
    answers: dict[str, int] = {}
    for family in families:
        means = average_siblings(scores, family)
        if len(family.questions) == 1:
            answers[family.questions[0].qid] = int(means.argmax())
            continue
        if siblings != "parent":
            answers.update(_fuse_siblings(scores, family, means, siblings))
            continue
        answers.update(fill_slots(family, choose_labels(means, family, (priors or {}).get(family.family_id))))
    return answers


def _fuse_siblings(
    scores: OptionScores, family: Family, means: NDArray[np.float64], how: Siblings
) -> dict[str, int]:
    """Return a family's answer from the arg max of each of its slots."""
    chosen = {question.qid: int(np.argmax(scores[question.qid])) for question in family.questions}
    if how == "none":
        return chosen
    votes = Counter(chosen.values())
    label = max(votes, key=lambda option: (votes[option], means[option], -option))
    if how == "consensus" and len(votes) > 1:
        label = family.padding
    return fill_slots(family, frozenset({label} - {family.not_mentioned}))


def average_siblings(scores: OptionScores, family: Family) -> NDArray[np.float64]:
    """Return a family's (O,) scores: the mean over its slots, whose order carries no information.

    Raises FormatError as above.
    """
    rows = []
    count = len(family.options["en"])
    for question in family.questions:
        values = np.asarray(scores[question.qid], np.float64) if question.qid in scores else np.empty(0)
        if values.shape != (count,):
            raise FormatError(
                "{question}: scores of shape {shape} came, ({count},) is expected; score every "
                "option of every question",
                question=question.qid,
                shape=str(values.shape),
                count=count,
            )
        if not np.isfinite(values).all():
            raise FormatError(
                "{question}: scores that are not finite numbers came; the model that made them is broken",
                question=question.qid,
            )
        rows.append(values)
    return np.asarray(np.mean(rows, axis=0))


def choose_labels(scores: NDArray[np.float64], family: Family, priors: FamilyPriors | None = None) -> Labels:
    """Choose the set of labels, "Not mentioned" left out, with the highest expected official credit; empty
    means "Not mentioned" alone.

    scores: (O,) log-odds of the family's options. Without priors the set is the highest scored label, or
    empty where it is likelier that no label holds; what "Not mentioned" scores does not count, as it is in
    nearly every set beside the labels.
    """
    if priors is None:
        chances = as_shares(scores, False)
        chances[family.padding] = 0.0
        return frozenset({int(chances.argmax())}) if chances.max() >= (1 - chances).prod() else frozenset()
    if len(priors.rates) != len(scores):
        raise FormatError(
            "{family}: the checkpoint's priors are for {known} options, the questions have "
            "{count}; train it on these questions, or decode without priors",
            family=family.family_id,
            known=len(priors.rates),
            count=len(scores),
        )
    sets = list_sets(scores, family, priors)
    log_weights = sets.weigh(scores, priors.weight)
    expected = np.round(sets.credits.T @ softmax(log_weights), 12)
    # Equal to rounding is equal: then the smaller set, and the one with the better scores, whatever the
    # options' order.
    best = max(
        (sets.systems[index] for index in np.flatnonzero(expected == expected.max())),
        key=lambda labels: (
            -len(labels),
            sum(scores[label] for label in labels if label != family.not_mentioned),
        ),
    )
    return best - {family.not_mentioned}


@dataclass(frozen=True, eq=False)
class PossibleSets:
    """What the priors say of a family's sets, whatever the case.

    possible: K sets that a reference may be. members: (K, O) float64, 1 where a set holds a label. log_prior:
    (K,) float64.
    baseline: (O,) float64, the scores that say no more than the base rates. not_mentioned: see Family.
    systems: the sets that may be answered. credits: (K, systems) float64, the official credit of each for
    each possible reference.
    """

    possible: tuple[Labels, ...]
    members: NDArray[np.float64]
    log_prior: NDArray[np.float64]
    baseline: NDArray[np.float64]
    not_mentioned: int
    systems: tuple[Labels, ...]
    credits: NDArray[np.float64]

    def weigh(self, scores: NDArray[np.float64], weight: float) -> NDArray[np.float64]:
        """Return log q of every possible set up to a constant, (..., K) float64, for (..., O) scores trusted
        as far as ``weight``."""
        evidence = weight * (scores - self.baseline)
        evidence[..., self.not_mentioned] = 0.0  # it follows from how many labels there are
        return np.asarray(self.log_prior + evidence @ self.members.T)


def list_sets(scores: NDArray[np.float64], family: Family, priors: FamilyPriors) -> PossibleSets:
    """Return a family's possible sets; the (O,) scores choose among its labels where there are more than
    ``MAX_CANDIDATES``."""
    labels = [label for label in range(len(scores)) if label != family.not_mentioned]
    labels = sorted(sorted(labels, key=lambda label: -scores[label])[:MAX_CANDIDATES])
    return _list_sets(
        tuple(priors.sets.items()),
        priors.rates,
        priors.smoothing,
        family.padding,
        len(family.questions),
        tuple(labels),
    )


@lru_cache(maxsize=64)
def _list_sets(
    seen: tuple[tuple[Labels, int], ...],
    rates: tuple[float, ...],
    smoothing: float,
    not_mentioned: int,
    slots: int,
    labels: tuple[int, ...],
) -> PossibleSets:
    largest = min(slots, len(labels), len(labels) if len(labels) <= FEW_LABELS else MAX_LABELS)
    possible = [
        frozenset(chosen) | ({not_mentioned} if size < slots else frozenset())
        for size in range(largest + 1)
        for chosen in combinations(labels, size)
    ]
    counts, candidates, listed = dict(seen), {*labels, not_mentioned}, set(possible)
    possible.extend(
        sorted((counted for counted in counts if counted <= candidates and counted not in listed), key=sorted)
    )
    members = np.array(
        [[label in labels_of for label in range(len(rates))] for labels_of in possible], np.float64
    )
    bounded = np.clip(np.asarray(rates, np.float64), 1e-3, 1 - 1e-3)
    independent = np.where(members, bounded, 1 - bounded)
    independent[:, not_mentioned] = 1.0
    smoothed = np.array([counts.get(labels_of, 0) for labels_of in possible]) + smoothing * independent.prod(
        axis=1
    )
    log_prior = np.log(np.maximum(smoothed, 1e-12) / (sum(counts.values()) + smoothing or 1.0))
    systems = tuple(
        labels_of
        for labels_of in possible
        if len(labels_of - {not_mentioned}) <= largest
        and (not_mentioned in labels_of or len(labels_of) == slots)
    )
    baseline = np.log(bounded / (1 - bounded))
    return PossibleSets(
        tuple(possible),
        members,
        log_prior,
        baseline,
        not_mentioned,
        systems,
        credit_matrix(possible, systems),
    )


def credit_matrix(references: Sequence[Labels], systems: Sequence[Labels]) -> NDArray[np.float64]:
    """Return the official credit, (references, systems) float64 in 0..1: |both| / max(|reference|, |system|)
    on sets of values."""
    size = 1 + max(max(labels, default=0) for labels in (*references, *systems))
    left, right = (
        np.array([[label in labels for label in range(size)] for labels in sets], np.float64)
        for sets in (references, systems)
    )
    return np.asarray((left @ right.T) / np.maximum(left.sum(axis=1)[:, None], right.sum(axis=1)[None, :]))


def count_priors(
    references: Iterable[Answers], families: Sequence[Family], *, smoothing: float = 10.0, weight: float = 1.0
) -> SetPriors:
    """Count the sets of the train answers, for the families of several slots; cases that lack one of a
    family's slots are left out of it."""
    cases = list(references)
    priors = {}
    for family in families:
        if len(family.questions) == 1:
            continue
        qids = [question.qid for question in family.questions]
        sets = Counter(
            frozenset(case[qid] for qid in qids) for case in cases if all(qid in case for qid in qids)
        )
        total = max(sum(sets.values()), 1)
        rates = tuple(
            sum(n for labels, n in sets.items() if label in labels) / total
            for label in range(len(family.options["en"]))
        )
        priors[family.family_id] = FamilyPriors(dict(sets), rates, smoothing, weight)
    return priors


def write_priors(path: Path, priors: SetPriors) -> None:
    """Write priors as JSON, sets and families in a fixed order."""
    content = {
        family_id: {
            "sets": [
                [sorted(labels), count]
                for labels, count in sorted(family.sets.items(), key=lambda item: (-item[1], sorted(item[0])))
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
        content = json.loads(read_user_text(path, LARGEST_CONFIG))
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
            "{path}: not the decoding priors that training writes ({reason}); fetch or train the "
            "checkpoint again",
            path=path,
            reason=error,
        ) from error


def read_slots(answers: Answers, family: Family) -> Labels:
    """Return the labels that a family's slots hold; "Not mentioned" is one of them only where it stands
    alone, else it fills slots."""
    labels = {answers[question.qid] for question in family.questions if question.qid in answers}
    return frozenset(labels - {family.not_mentioned} or labels)


def fill_slots(family: Family, labels: Labels) -> dict[str, int]:
    """Write labels into a family's slots, in the options' order, and "Not mentioned" into the rest: qid ->
    option index."""
    chosen = sorted(labels)[: len(family.questions)]
    free = len(family.questions) - len(chosen)
    slots = [*chosen, *([family.padding] * free if free else [])]
    return {question.qid: label for question, label in zip(family.questions, slots, strict=True)}
