"""Fitting the cue heads: cues and terms of the train cases into logistic regressions, one a family of one
slot, one a label of several."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from magic_demo.core.types import LANGUAGES, Family, Language, Narrative
from magic_demo.cues.cue_model import CueModel, HeadFamily, LanguageHeads
from magic_demo.cues.cues import Cue, find_cues
from magic_demo.cues.stated import stated_options
from magic_demo.cues.terms import Spans, find_terms, weigh_terms
from magic_demo.questions.decoding import FamilyPriors, count_priors
from magic_demo.questions.families import load_families
from training.cases.sources import LearningCase
from training.runs.ranges import Count, Folds, NotNegative, Positive, Seed, Share


@dataclass(frozen=True)
class FamilySettings:
    """How one family's heads are fitted.

    kinds: kinds of cues that are its own, scaled by ``own`` where the others are scaled by ``other`` (0
    leaves them out) and the terms by ``terms``: the larger the scale, the less a weight is held back.
    near: kinds that are set apart from other families, and not from this one.
    strength: inverse regularisation of the regression.
    older_weight: weight of the cases before ``present_from``, 0..1, for a family whose labelling changed
    there.
    smoothing, evidence: the decoding's, for families of several slots.
    """

    family_id: str
    kinds: tuple[str, ...]
    own: NotNegative = 2.0
    other: NotNegative = 1.0
    terms: NotNegative = 1.0
    strength: Positive = 0.1
    older_weight: Share = 1.0
    smoothing: NotNegative = 10.0
    evidence: NotNegative = 1.0
    near: tuple[str, ...] = ()


@dataclass(frozen=True)
class CueSettings:
    """What the cue heads are fitted on and how.

    data: folder with ``train.json`` and ``train_cvqa.json``. output: the checkpoint's folder.
    apart: kinds of cues that count only for the families that name them, as do terms read from them: how long
    it has been there says nothing of its colour.
    least_cases: cases that a cue or term must occur in. present_from: first encounter id of the present
    labelling convention.
    folds, repeats, seed: of the cross-validation that fits the temperatures and gives the reported numbers.
    """

    data: Path
    output: Path
    families: tuple[FamilySettings, ...]
    apart: tuple[str, ...] = ()
    least_cases: Count = 3
    present_from: str = ""
    folds: Folds = 5
    repeats: Count = 3
    seed: Seed = 0


@dataclass(frozen=True, eq=False)
class FoundWords:
    """What the texts of a case hold, for each language: names of cues, terms with their spans, and the kinds
    of the cues that each term is read from; and what they state together, family id -> options."""

    cues: Mapping[Language, frozenset[str]]
    terms: Mapping[Language, Mapping[str, Spans]]
    kinds: Mapping[Language, Mapping[str, frozenset[str]]]
    stated: Mapping[str, frozenset[int]]


def find_words(cases: Iterable[LearningCase]) -> list[FoundWords]:
    """Read every case's texts once; the clinicians' responses are no part of them."""
    found = []
    for case in cases:
        texts = dict(zip(LANGUAGES, case.texts, strict=True))
        cues = {language: find_cues(text) for language, text in texts.items()}
        terms = {language: find_terms(text, language) for language, text in texts.items()}
        found.append(
            FoundWords(
                {language: frozenset(cue.name for cue in cues[language]) for language in texts},
                terms,
                {language: _find_kinds(terms[language], cues[language]) for language in texts},
                stated_options(Narrative(*case.texts)),
            )
        )
    return found


def _find_kinds(terms: Mapping[str, Spans], cues: Sequence[Cue]) -> dict[str, frozenset[str]]:
    """Return term -> the kinds of the cues whose words it shares; terms that share none are left out."""
    kinds = {
        term: frozenset(
            cue.name.partition(":")[0]
            for cue in cues
            for start, end in spans
            if start < cue.end and cue.start < end
        )
        for term, spans in terms.items()
    }
    return {term: held for term, held in kinds.items() if held}


def weigh_cases(
    cases: Sequence[LearningCase], family: FamilySettings, present_from: str
) -> NDArray[np.float64]:
    """Return (N,) weights: ``older_weight`` for the cases before the present labelling convention, else 1.

    Ids sort by time.
    """
    return np.array([family.older_weight if case.case_id < present_from else 1.0 for case in cases])


def fit_cue_model(
    cases: Sequence[LearningCase], found: Sequence[FoundWords], settings: CueSettings
) -> CueModel:
    """Fit the heads of both languages on the cases; temperatures are 1."""
    families = load_families()
    by_id = {family.family_id: family for family in settings.families}
    heads = {language: _fit_language(language, cases, found, families, settings) for language in LANGUAGES}
    prior = np.concatenate(
        [
            _rates_as_scores(cases, f, weigh_cases(cases, by_id[f.family_id], settings.present_from))
            for f in families
        ]
    )
    priors = {
        family_id: FamilyPriors(
            counted.sets, counted.rates, by_id[family_id].smoothing, by_id[family_id].evidence
        )
        for family_id, counted in count_priors([case.answers for case in cases], families).items()
    }
    known = tuple(
        HeadFamily(
            f.family_id,
            len(f.questions),
            len(f.options["en"]),
            {"en": 1.0, "zh": 1.0, "both": 1.0},
            count_stated(cases, found, f, weigh_cases(cases, by_id[f.family_id], settings.present_from)),
        )
        for f in families
    )
    return CueModel(known, heads, prior.astype(np.float32), priors)


def count_stated(
    cases: Sequence[LearningCase],
    found: Sequence[FoundWords],
    family: Family,
    case_weights: NDArray[np.float64],
) -> float:
    """Return how often an option that the words state is the answer, 0..1, by Agresti and Coull: four
    statements, two of them right, are added."""
    right, all_stated = 2.0, 4.0
    labels = label_cases(cases, family)
    for words, row, weight in zip(found, labels, case_weights, strict=True):
        stated = sorted(words.stated.get(family.family_id, ()))
        hits = row[stated] if len(family.questions) > 1 else row[stated].any(keepdims=True)
        if stated:
            right, all_stated = right + weight * float(hits.sum()), all_stated + weight * len(hits)
    return round(right / all_stated, 3)


def count_rarity(documents: Sequence[Iterable[str]], least: int) -> tuple[list[str], NDArray[np.float32]]:
    """Return the names that occur in at least ``least`` documents, sorted, and their smoothed inverse
    document frequencies."""
    counts = Counter(name for names in documents for name in set(names))
    kept = sorted(name for name, count in counts.items() if count >= least)
    rarity = np.log((1 + len(documents)) / (1 + np.array([counts[name] for name in kept], np.float64))) + 1
    return kept, rarity.astype(np.float32)


def label_cases(cases: Sequence[LearningCase], family: Family) -> NDArray[np.bool_]:
    """Return (N, O) bool: which options any of the family's slots holds."""
    labels = np.zeros((len(cases), len(family.options["en"])), np.bool_)
    for row, case in enumerate(cases):
        labels[row, [case.answers[question.qid] for question in family.questions]] = True
    return labels


def _fit_language(
    language: Language,
    cases: Sequence[LearningCase],
    found: Sequence[FoundWords],
    families: Sequence[Family],
    settings: CueSettings,
) -> LanguageHeads:
    names, _ = count_rarity([words.cues[language] for words in found], settings.least_cases)
    terms, rarity = count_rarity([words.terms[language] for words in found], settings.least_cases)
    cue_places, term_places = ({name: place for place, name in enumerate(kept)} for kept in (names, terms))
    cue_rows = np.array(
        [[name in words.cues[language] for name in names] for words in found], np.float64
    ).reshape(len(found), len(names))
    term_rows = np.array(
        [weigh_terms(words.terms[language], term_places, rarity) for words in found], np.float64
    )
    term_kinds = [_usual_kinds(term, language, found) for term in terms]
    columns = []
    for family in families:
        chosen = next(entry for entry in settings.families if entry.family_id == family.family_id)
        foreign = frozenset(settings.apart) - {*chosen.kinds, *chosen.near}
        scale = np.concatenate(
            [
                [_scale_cue(name.partition(":")[0], chosen, foreign) for name in names],
                [0.0 if kinds and kinds <= foreign else chosen.terms for kinds in term_kinds],
            ]
        )
        used = scale > 0
        rows = (np.hstack([cue_rows, term_rows]) * scale)[:, used]
        case_weights = weigh_cases(cases, chosen, settings.present_from)
        fitted, bias = _fit_family(
            rows, label_cases(cases, family), len(family.questions) == 1, chosen, case_weights
        )
        whole = np.zeros((len(scale), fitted.shape[1]))
        whole[used] = fitted * scale[used, None]
        columns.append((whole, bias))
    weights = np.hstack([of_family for of_family, _ in columns]).astype(np.float32)
    biases = np.concatenate([of_family for _, of_family in columns]).astype(np.float32)
    return LanguageHeads(
        cue_places, term_places, rarity, weights[: len(names)], weights[len(names) :], biases
    )


def _scale_cue(kind: str, family: FamilySettings, foreign: frozenset[str]) -> float:
    if kind in family.kinds:
        return family.own
    return 0.0 if kind in foreign else family.other


def _usual_kinds(term: str, language: Language, found: Sequence[FoundWords]) -> frozenset[str]:
    """Return the kinds of cues that a term is read from in most of the cases that it occurs in."""
    counts = Counter(kind for words in found for kind in words.kinds[language].get(term, ()))
    cases = sum(term in words.terms[language] for words in found)
    return frozenset(kind for kind, count in counts.items() if count * 2 > cases)


def _fit_family(
    rows: NDArray[np.float64],
    labels: NDArray[np.bool_],
    single: bool,
    settings: FamilySettings,
    case_weights: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (features, O) weights and (O,) bias."""
    count = labels.shape[1]
    weights = np.zeros((rows.shape[1], count))
    rates = np.clip((case_weights @ labels + 0.5) / (case_weights.sum() + 1.0), 1e-3, 1 - 1e-3)
    if single:
        answers = labels.argmax(axis=1)
        bias = np.log(rates)
        if len(set(answers.tolist())) < 2:
            return weights, bias
        model = LogisticRegression(C=settings.strength, max_iter=2000).fit(
            rows, answers, sample_weight=case_weights
        )
        coefficients, intercepts = model.coef_, model.intercept_
        if len(model.classes_) == 2:  # the library keeps one row for two classes
            coefficients, intercepts = (
                np.vstack([-coefficients, coefficients]) / 2,
                np.concatenate([-intercepts, intercepts]) / 2,
            )
        weights[:, model.classes_] = coefficients.T
        # An option that no case has stays as rare as it is, beside intercepts that sum to about 0.
        bias = np.where(
            np.isin(np.arange(count), model.classes_),
            0.0,
            np.log(rates) - np.log(rates)[model.classes_].mean(),
        )
        bias[model.classes_] = intercepts
        return weights, bias
    bias = np.log(rates / (1 - rates))
    for option in range(count):
        positives = int(labels[:, option].sum())
        if not 2 <= positives <= 0.97 * len(labels):
            continue  # nothing to learn from: its rate is all that is known
        model = LogisticRegression(C=settings.strength, max_iter=2000).fit(
            rows, labels[:, option], sample_weight=case_weights
        )
        weights[:, option], bias[option] = model.coef_[0], model.intercept_[0]
    return weights, bias


def _rates_as_scores(
    cases: Sequence[LearningCase], family: Family, case_weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    rates = np.clip(
        (case_weights @ label_cases(cases, family) + 0.5) / (case_weights.sum() + 1.0), 1e-3, 1 - 1e-3
    )
    return np.asarray(np.log(rates) if len(family.questions) == 1 else np.log(rates / (1 - rates)))
