"""Agreement of what a store holds, for somebody's eyes: readings, predictions and references found and measured, the slow parts remembered."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from magic_demo.agreement import Agreement, ModelReading, ReadingChoice, gather_panel, measure_agreement, read_model
from magic_demo.agreement.panel import Panel
from magic_demo.questions import load_families
from magic_demo.store import Store
from magic_demo.types import Answers, CaseKey, Prediction

Predictions = Callable[[CaseKey], Prediction | None]
"""What the model said of a case, None where that is not known."""
References = Callable[[CaseKey], Answers | None]
"""The answers that are held to be right, None where there are none: a consensus stands in for them then."""


@dataclass(frozen=True)
class AgreementChoice:
    """What is compared. queue, family: None for all. readers: these alone, all where empty. reading, done_only: see ``gather_panel``."""

    queue: str | None = None
    readers: frozenset[str] = frozenset()
    family: str | None = None
    reading: ReadingChoice = "latest"
    done_only: bool = True


@dataclass(frozen=True, eq=False)
class Comparison:
    """What was compared and what came out. readers: all that could be chosen."""

    choice: AgreementChoice
    panel: Panel
    agreement: Agreement
    readers: tuple[str, ...]


class AgreementSource:
    """Measures agreement in a store, again and again; the model's masks are decoded once. Safe to share between threads."""

    def __init__(self, store: Store, predictions: Predictions, references: References | None = None) -> None:
        self.store = store
        self._predictions = predictions
        self._references = references or (lambda _: None)
        self._models: dict[CaseKey, tuple[str | None, frozenset[str], ModelReading]] = {}
        self._lock = threading.Lock()

    def measure(self, choice: AgreementChoice, viewer: str | None, *, reader: str | None = None) -> Comparison:
        """Measure what ``viewer`` may see, by the rule of ``Store.latest_reviews``; None: everything.

        reader: who looks at it; cases that they have begun blind and not revealed are compared without the model.
        Raises StoreError, and whatever reading predictions and references raises.
        """
        rows = self.store.latest_reviews(choice.queue, viewer=viewer, state="done" if choice.done_only else None)
        own = [saved for saved in rows if saved.review.kind != "consensus"]
        cases = list(dict.fromkeys(saved.review.case for saved in own))
        hidden = self.store.unrevealed(reader) if reader is not None else ()
        shown = self.store.shown_digests(choice.queue)
        photos: dict[CaseKey, set[str]] = {case: set() for case in cases}
        for saved in own:
            photos[saved.review.case].update(saved.review.masks)
        spoken = [(case, self._read_model(case, frozenset(photos[case]), shown.get(case))) for case in cases if case not in hidden]
        models = {case: model for case, model in spoken if model is not None}
        references = {case: answers for case in cases if (answers := self._references(case)) is not None}
        panel = gather_panel(rows, models, readers=choice.readers, choice=choice.reading, done_only=choice.done_only, reference=references)
        families = [family for family in load_families() if choice.family in (None, family.family_id)]
        readers = tuple(sorted({saved.review.reader for saved in own}))
        return Comparison(choice, panel, measure_agreement(panel, families), readers)

    def _read_model(self, case: CaseKey, wanted: frozenset[str], shown: str | None) -> ModelReading | None:
        """Return what the model said, decoded again where other photos are wanted, or ``shown``, the digest of what was shown last, is another."""
        with self._lock:
            kept = self._models.get(case)
        if kept is not None and kept[0] == shown and wanted <= kept[1]:
            return kept[2]
        prediction = self._predictions(case)
        if prediction is None:
            return None
        reading = read_model(prediction, wanted)
        with self._lock:
            self._models[case] = (shown, wanted, reading)
        return reading
