"""Which of the families asked a model knows, and where it has their options: matched by their English text,
never by index."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from magic_demo.core.types import Answers, Family, OptionScores
from magic_demo.questions.answering import AnswerSheet, Statistics, is_scored
from magic_demo.questions.decoding import FamilyPriors, Labels, average_siblings, fill_slots
from magic_demo.questions.families import QuestionSet, plain_option


@dataclass(frozen=True, eq=False)
class Coverage:
    """What a model's families are to the families asked.

    known: the model's families. indices: family id -> for each option asked its index among the model's;
    families that the model does not know are absent. unknown: family id -> one line that says why the model
    does not know it.
    """

    asked: QuestionSet
    known: Mapping[str, Family]
    indices: Mapping[str, tuple[int, ...]]
    unknown: Mapping[str, str]

    def translate_scores(self, scores: OptionScores) -> OptionScores:
        """Return qid -> (O,) float32 of the families asked, from the scores of the model's; what the model
        does not know, or did not score, is absent."""
        translated: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]] = {}
        for family, known, indices in self._pairs():
            if not is_scored(scores, known):
                continue
            if _same_layout(family, known, indices):
                translated.update({question.qid: scores[question.qid] for question in family.questions})
                continue
            values = average_siblings(scores, known)[list(indices)].astype(np.float32)
            translated.update({question.qid: values for question in family.questions})
        return translated

    def translate_statistics(self, statistics: Statistics) -> Statistics:
        """Return what is known of the answers with the indices asked.

        Labels that are not asked are left out of the sets, and "Not mentioned" stands in the slots that they leave free. A
        calibration holds only where all of a family's options and slots are asked, in whatever order.
        """
        priors, calibrations = {}, {}
        for family, known, indices in self._pairs():
            family_priors = statistics.priors.get(family.family_id)
            if family_priors is not None and len(family.questions) > 1:
                priors[family.family_id] = _translate_priors(family_priors, indices, family)
            whole = len(indices) == len(known.options["en"]) and len(family.questions) == len(known.questions)
            if whole and family.family_id in statistics.calibrations:
                calibrations[family.family_id] = statistics.calibrations[family.family_id]
        return Statistics(
            priors, calibrations, self.translate_scores(statistics.base_scores), statistics.siblings
        )

    def translate_answers(self, answers: Answers) -> dict[str, int]:
        """Return qid -> index of the families asked, from answers to all of the model's questions; labels
        that are not asked are left out, and so is a family of which nothing is left."""
        translated: dict[str, int] = {}
        for family, known, indices in self._pairs():
            if _same_layout(family, known, indices):
                translated.update({question.qid: answers[question.qid] for question in family.questions})
                continue
            given = {answers[question.qid] for question in known.questions} - {known.not_mentioned}
            labels = frozenset(indices.index(label) for label in given if label in indices)
            if labels or family.not_mentioned is not None:
                translated.update(fill_slots(family, labels))
        return translated

    def describe_fallback(self, sheet: AnswerSheet, lacking: str) -> list[str]:
        """Return one line for each unknown family: why it is unknown, and how every case is answered.

        lacking: how the line begins, such as "the models do not score".
        """
        lines = []
        for family_id, reason in self.unknown.items():
            family = self.asked.family(family_id)
            chosen = dict.fromkeys(sheet.fallback[question.qid] for question in family.questions)
            answer = ", ".join(family.options["en"][index].strip() for index in chosen)
            how = "no statistics are known" if family_id in sheet.guessed else "the most frequent answer"
            lines.append(f"{lacking} {family_id} ({reason}): every case is answered '{answer}' ({how})")
        return lines

    def _pairs(self) -> list[tuple[Family, Family, tuple[int, ...]]]:
        """Return the families asked that the model knows, each with the model's and the indices."""
        return [
            (family, self.known[family.family_id], self.indices[family.family_id])
            for family in self.asked.families
            if family.family_id in self.indices
        ]


def match_families(asked: QuestionSet, known: Sequence[Family]) -> Coverage:
    """Match families by their id and options by their English text, whatever its case.

    A family is known where the model has every option asked; it may be asked with fewer options or slots, and
    in another order.
    """
    theirs = {family.family_id: family for family in known}
    indices: dict[str, tuple[int, ...]] = {}
    unknown: dict[str, str] = {}
    for family in asked.families:
        if family.family_id not in theirs:
            unknown[family.family_id] = f"{family.family_id} is no family of theirs"
            continue
        names = [plain_option(option) for option in theirs[family.family_id].options["en"]]
        options = family.options["en"]
        strange = [option.strip() for option in options if plain_option(option) not in names]
        if strange:
            unknown[family.family_id] = f"their {family.family_id} has no option '{strange[0]}'"
        elif (len(family.questions) > 1) != (len(theirs[family.family_id].questions) > 1):
            # scores of one slot compete, those of several stand each for itself
            unknown[family.family_id] = (
                f"their {family.family_id} has {len(theirs[family.family_id].questions)} slots, not "
                f"{len(family.questions)}"
            )
        else:
            indices[family.family_id] = tuple(names.index(plain_option(option)) for option in options)
    return Coverage(asked, theirs, indices, unknown)


def _translate_priors(priors: FamilyPriors, indices: tuple[int, ...], family: Family) -> FamilyPriors:
    sets: Counter[Labels] = Counter()
    for labels, count in priors.sets.items():
        named = frozenset(indices.index(label) for label in labels if label in indices)
        # labels may fill several slots each: only what was left out leaves one free
        free = len(named) < len(labels) and len(named - {family.padding}) < len(family.questions)
        sets[named | {family.padding} if free else named] += count
    return FamilyPriors(
        dict(sets), tuple(priors.rates[index] for index in indices), priors.smoothing, priors.weight
    )


def _same_layout(family: Family, known: Family, indices: tuple[int, ...]) -> bool:
    return [question.qid for question in family.questions] == [
        question.qid for question in known.questions
    ] and indices == tuple(range(len(known.options["en"])))
