"""Agreement of what a store holds, for somebody's eyes: readings, predictions and references found and
measured, the slow parts remembered."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from magic_demo.core.messages import Message
from magic_demo.core.review_types import CaseKey, SavedReview
from magic_demo.core.types import Answers, Family, Prediction
from magic_demo.questions.families import QuestionSet
from magic_demo.reviews.agreement import (
    MODEL,
    Agreement,
    Measured,
    ModelReading,
    ReadingChoice,
    compare_runs,
    gather_panel,
    measure_agreement,
    read_model,
)
from magic_demo.reviews.agreement.again import ReadAgain, measure_again
from magic_demo.reviews.agreement.panel import Panel
from magic_demo.reviews.store import Store

Predictions = Callable[[CaseKey], Prediction | None]
"""What the model said of a case, None where that is not known."""
References = Callable[[CaseKey], Answers | None]
"""The answers that are held to be right, None where there are none: a consensus stands in for them then."""

REMEMBERED_PAIRS = 2**18
"""Pairs of masks whose overlap is remembered: those of ten thousand photos that several readers outlined."""


@dataclass(frozen=True)
class AgreementChoice:
    """What is compared. queue, family: None for all. readers: these alone, all where empty. reading,
    done_only: see ``gather_panel``. system: of several, which one is the model; None for the first."""

    queue: str | None = None
    readers: frozenset[str] = frozenset()
    family: str | None = None
    reading: ReadingChoice = "latest"
    done_only: bool = True
    system: str | None = None


@dataclass(frozen=True)
class SystemAgreement:
    """How the readers stand to one of several systems.

    cases: those that it speaks of. alike, different: answers of a reader to a family that are the system's
    very set, and those that are not. kappa, dice: of readers with the system, as ``FamilyNumbers`` and
    ``MaskNumbers`` have them.
    """

    name: str
    cases: int
    alike: int
    different: int
    kappa: Measured | None
    dice: Measured | None


@dataclass(frozen=True, eq=False)
class Comparison:
    """What was compared and what came out. readers: all that could be chosen. left_out: a line for each review
    that the store could not give, and for each queue that asks other questions. questions: what was answered. systems:
    each of several. again: each reader beside themselves, where the queue is the second reading of another."""

    choice: AgreementChoice
    panel: Panel
    agreement: Agreement
    readers: tuple[str, ...]
    questions: QuestionSet
    left_out: tuple[Message, ...] = ()
    systems: tuple[SystemAgreement, ...] = ()
    again: tuple[ReadAgain, ...] = ()


class AgreementSource:
    """Measures agreement in a store, again and again: readings are read, the model's masks decoded and two
    masks compared once.

    Safe to share between threads. all_known: whether ``predictions`` may know of cases that the store has
    kept no answer of a model for. systems: several to compare with, in place of ``predictions``.
    """

    def __init__(
        self,
        store: Store,
        predictions: Predictions,
        references: References | None = None,
        *,
        all_known: bool = True,
        systems: Mapping[str, Predictions] | None = None,
    ) -> None:
        self.store = store
        self._systems: Mapping[str, Predictions] = systems or {"": predictions}
        self._all_known = all_known
        self._references = references or (lambda _: None)
        self._models: dict[tuple[str, CaseKey], tuple[str | None, frozenset[str], ModelReading]] = {}
        self._rows: dict[tuple[CaseKey, str, str], SavedReview] = {}
        self._compare = lru_cache(maxsize=REMEMBERED_PAIRS)(compare_runs)
        self._lock = threading.Lock()
        self._turn = 0

    def measure(
        self, choice: AgreementChoice, viewer: str | None, *, reader: str | None = None
    ) -> Comparison:
        """Measure what ``viewer`` may see, by the rule of ``Store.latest_reviews``; None: everything.

        reader: who looks at it; cases that they have begun blind and not revealed are compared without the
        model. Raises StoreError, and whatever reading predictions and references raises.
        """
        questions, others = self.find_asked(choice.queue)
        rows = [saved for saved in self._read_rows(choice, viewer) if saved.review.queue not in others]
        own = [saved for saved in rows if saved.review.kind != "consensus"]
        photos: dict[CaseKey, set[str]] = {}
        for saved in own:
            photos.setdefault(saved.review.case, set()).update(saved.review.masks)
        hidden = self.store.unrevealed(reader) if reader is not None else ()
        shown = self.store.shown_digests(choice.queue)
        asked = [case for case in photos if case not in hidden and (self._all_known or case in shown)]
        references = {case: answers for case in photos if (answers := self._references(case)) is not None}
        families = [family for family in questions.families if choice.family in (None, family.family_id)]
        measured: dict[str, tuple[Panel, Agreement]] = {}
        for system in self._systems:
            spoken = [
                (case, self._read_model(system, case, frozenset(photos[case]), shown.get(case)))
                for case in asked
            ]
            panel = gather_panel(
                rows,
                {case: model for case, model in spoken if model is not None},
                readers=choice.readers,
                choice=choice.reading,
                done_only=choice.done_only,
                reference=references,
            )
            measured[system] = panel, measure_agreement(panel, families, compare=self._compare)
        chosen = choice.system if choice.system in measured else next(iter(measured))
        return Comparison(
            choice,
            *measured[chosen],
            tuple(sorted({saved.review.reader for saved in own})),
            questions,
            (
                *self.store.damaged_reviews(choice.queue, viewer=viewer),
                *(
                    Message("the queue {queue!r} asks other questions; choose it alone", queue=queue)
                    for queue in others
                ),
            ),
            tuple(_describe_system(name, agreement) for name, (_, agreement) in measured.items() if name),
            self._measure_again(choice, viewer, rows, families),
        )

    def _measure_again(
        self,
        choice: AgreementChoice,
        viewer: str | None,
        second: Sequence[SavedReview],
        families: Sequence[Family],
    ) -> tuple[ReadAgain, ...]:
        """Return each reader beside themselves; nothing for a queue that is no second reading. second: its readings."""
        repeated = self.store.repeated(choice.queue) if choice.queue is not None else None
        if repeated is None:
            return ()
        first = self.store.latest_reviews(
            repeated.queue, viewer=viewer, state="done" if choice.done_only else None
        )
        first, second = (
            [saved for saved in rows if not choice.readers or saved.review.reader in choice.readers]
            for rows in (first, second)
        )
        return measure_again(first, second, families, choice=choice.reading, done_only=choice.done_only)

    def find_asked(self, queue: str | None) -> tuple[QuestionSet, tuple[str, ...]]:
        """Return the questions whose answers are compared, and the queues that ask others, which are left out.

        queue: None for all: those of the store's are compared, or the first queue's. Raises StoreError.
        """
        if queue is not None:
            return self.store.questions_of(queue), ()
        sets = {name: self.store.questions_of(name) for name in self.store.queues()}
        usual = self.store.questions
        if sets and usual.digest not in {asked.digest for asked in sets.values()}:
            usual = next(iter(sets.values()))
        return usual, tuple(name for name, asked in sets.items() if asked.digest != usual.digest)

    def forget(self) -> None:
        """Forget all that was read and measured: of a case that is gone nothing stays in memory."""
        with self._lock:
            self._models.clear()
            self._rows.clear()
            self._compare.cache_clear()
            self._turn += 1  # what is being measured now is not remembered

    def _read_rows(self, choice: AgreementChoice, viewer: str | None) -> list[SavedReview]:
        """Return the newest readings. Of a case, reader and kind the one that was read last is remembered."""
        with self._lock:
            turn, known = self._turn, {saved.number: saved for saved in self._rows.values()}
        rows = self.store.latest_reviews(
            choice.queue, viewer=viewer, state="done" if choice.done_only else None, known=known
        )
        with self._lock:
            if turn == self._turn:
                self._rows.update(
                    {(saved.review.case, saved.review.reader, saved.review.kind): saved for saved in rows}
                )
        return rows

    def _read_model(
        self, system: str, case: CaseKey, wanted: frozenset[str], shown: str | None
    ) -> ModelReading | None:
        """Return what a system said, decoded again where other photos are wanted, or ``shown``, the digest
        of what was shown last, is another."""
        with self._lock:
            turn, cached = self._turn, self._models.get((system, case))
        if cached is not None and cached[0] == shown and wanted <= cached[1]:
            return cached[2]
        prediction = self._systems[system](case)
        if prediction is None:
            return None
        reading = read_model(prediction, wanted)
        with self._lock:
            if turn == self._turn:
                self._models[system, case] = (shown, wanted, reading)
        return reading


def _describe_system(name: str, agreement: Agreement) -> SystemAgreement:
    pairs = [pair.agreed.same for pair in agreement.overall.pairs if MODEL in (pair.first, pair.second)]
    alike = sum(round(same.value * same.count) for same in pairs if same is not None)
    compared = sum(same.count for same in pairs if same is not None)
    return SystemAgreement(
        name,
        agreement.model_cases,
        alike,
        compared - alike,
        agreement.overall.with_model.kappa,
        agreement.masks.dice_with_model,
    )
