"""A language model reads its own answers to all questions, and those of similar cases, and may change them; why it did
is kept in its own words."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from magic_demo.core.errors import ModelError
from magic_demo.core.types import Family, Language, OptionScores, Pixels
from magic_demo.models.answers.language.prompts import AskedCase, Templates, list_options, speak
from magic_demo.models.answers.language.reader import SPLIT, LanguageReader
from magic_demo.models.backends.backend import Backend
from magic_demo.models.interfaces import Answerer, SegmentedPhoto
from magic_demo.models.loading.checkpoints import Checkpoint
from magic_demo.questions.decoding import SetPriors, Siblings, decode_answers, read_slots
from magic_demo.questions.shares import as_shares

REASON_TOKENS = 60
SHOWN_SHARES = 3
"""Answers of similar cases that are shown of each question, the most frequent ones."""


class AnswersOnce(Protocol):
    """What answers first, as ``LanguageAnswerer`` does."""

    model_id: str
    families: tuple[Family, ...]
    set_priors: SetPriors | None
    siblings: Siblings
    backend: Backend | None
    reader: LanguageReader
    templates: Mapping[Language, Templates]

    def look(self, photo: SegmentedPhoto) -> Any:
        """Return what the model is given of a photo."""

    def rate_options(self, case: AskedCase) -> dict[str, NDArray[np.float64]]:
        """Return family id -> (O,) mean log-probability of each option's tokens."""

    def as_scores(
        self, likely: Mapping[str, NDArray[np.float64]], case: AskedCase
    ) -> dict[str, NDArray[np.float32]]:
        """Return qid -> (O,) float32."""


class SecondPass(Answerer):
    """A language model that answers twice: each question by itself, then each with all first answers in sight.

    The scores are the mean of both passes', so that an answer changes only where the second is surer than the first
    was. neighbours: what answers as similar cases were answered; None without.
    """

    def __init__(self, first: AnswersOnce, neighbours: Answerer | None = None) -> None:
        self.first, self.neighbours = first, neighbours
        self.families, self.set_priors = first.families, first.set_priors
        self.siblings, self.backend = first.siblings, first.backend
        name, _, digest = first.model_id.partition("@")
        of_all = f"{digest} twice {neighbours.model_id if neighbours is not None else ''}"
        self.model_id = f"{name}-twice@{hashlib.sha256(of_all.encode()).hexdigest()[:12]}"
        self._reasons: tuple[str, Mapping[str, str]] = ("", {})

    @classmethod
    def load(cls, checkpoint: Checkpoint) -> Self:
        """Never: ``Answerer.think_twice`` of a loaded model makes it."""
        raise NotImplementedError

    def look(self, photo: SegmentedPhoto) -> Any:
        """Return what the model is given of a photo."""
        return self.first.look(photo)

    def score(self, narrative: str, looks: Sequence[Pixels | None]) -> OptionScores:
        """Score every option by the mean of both passes: qid -> (O,) float32. Raises ModelError."""
        case = AskedCase(narrative, [look for look in looks if look is not None], speak(narrative))
        before = self.first.as_scores(self.first.rate_options(case), case)
        informed = replace(
            case,
            found=self._describe_answers(before, case.language),
            hints=self._describe_neighbours(narrative, case.language),
        )
        again = self.first.as_scores(self.first.rate_options(informed), informed)
        after = {qid: ((scores + again[qid]) / 2).astype(np.float32) for qid, scores in before.items()}
        self._reasons = (narrative, self._explain_changes(before, after, informed))
        return after

    def give_reasons(self, narrative: str, looks: Sequence[Any]) -> Mapping[str, str]:  # noqa: ARG002
        """Return family id -> why the second pass changed its answer, of the case that was scored last."""
        of, reasons = self._reasons
        return reasons if of == narrative else {}

    def _describe_answers(self, scores: OptionScores, language: Language) -> str:
        """Return the answers to all questions in words, one a line."""
        templates = self.first.templates[language]
        lines = [
            templates.line.format(
                question=family.questions[0].text[language].strip(),
                answer=self._name_answer(scores, family, language),
            )
            for family in self.families
        ]
        return templates.found.format(answers="\n".join(lines))

    def _describe_neighbours(self, narrative: str, language: Language) -> dict[str, str]:
        """Return family id -> how similar cases were answered, in words."""
        if self.neighbours is None:
            return {}
        templates, hints = self.first.templates[language], {}
        scores = self.neighbours.score(narrative, [])
        for family in self.families:
            values = scores.get(family.questions[0].qid)
            if values is None:
                continue
            shares = as_shares(np.asarray(values, np.float64), len(family.questions) == 1)
            names = list_options(family, language)
            best = [int(option) for option in np.argsort(-shares, kind="stable")[:SHOWN_SHARES]]
            said = [
                templates.share.format(option=names[option], percent=round(100 * float(shares[option])))
                for option in best
            ]
            hints[family.family_id] = templates.neighbours.format(answers=templates.separator.join(said))
        return hints

    def _explain_changes(self, before: OptionScores, after: OptionScores, case: AskedCase) -> dict[str, str]:
        """Return family id -> why its answer changed, as the model writes it when it is asked."""
        templates, reader, reasons = self.first.templates[case.language], self.first.reader, {}
        language = case.language
        for family in self.families:
            old, new = (self._name_answer(scores, family, language) for scores in (before, after))
            if old == new:
                continue
            question = templates.why.format(question=family.questions[0].text[language].strip(), answer=new)
            words = templates.write_case(reader.plain(case.narrative)) + case.found
            start, end = reader.lay_out(words + SPLIT, len(case.photos), templates.reply)
            inputs = reader.encode(start + question + end, case.photos)
            room = reader.most_tokens - int(inputs["input_ids"].shape[1])
            try:
                reason = reader.write(inputs, REASON_TOKENS) if room > REASON_TOKENS else ""
            except ModelError:  # the answer stands without its reason
                reason = ""
            reasons[family.family_id] = templates.changed.format(first=old, reason=reason)
        return reasons

    def _name_answer(self, scores: OptionScores, family: Family, language: Language) -> str:
        """Return a family's answer in words."""
        answers = decode_answers(scores, [family], self.set_priors, self.siblings)
        names = list_options(family, language)
        labels = sorted(read_slots(answers, family))
        return self.first.templates[language].separator.join(names[label] for label in labels)
