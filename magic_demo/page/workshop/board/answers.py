"""What the model says of the cases that an audience is shown: asked for ahead, one case at a time, and
kept."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any, Literal

from magic_demo.core.types import Encounter
from magic_demo.page.panels.cards.cards import cards_value
from magic_demo.page.session.inference.source import PredictorSource
from magic_demo.questions.families import QuestionSet

State = Literal["waiting", "ready", "failed"]


class ModelAnswers:
    """Case number -> what the cards show of every family, from a thread that waits for the models."""

    def __init__(
        self, source: PredictorSource, encounters: Sequence[Encounter], questions: QuestionSet
    ) -> None:
        self._source = source
        self._encounters = encounters
        self._questions = questions
        self._asked: dict[int, Future[dict[str, Any]]] = {}
        self._lock = threading.Lock()
        self._at_work = threading.Lock()

    def ask(self, case: int) -> None:
        """Have the model look at a case, if it has not yet or has failed."""
        with self._lock:
            known = self._asked.get(case)
            if known is None or (known.done() and known.exception() is not None):
                answer: Future[dict[str, Any]] = Future()
                self._asked[case] = answer
                # a thread that no end of the program waits for: models may never be loaded
                threading.Thread(
                    target=self._answer, args=(case, answer), name="board-model", daemon=True
                ).start()

    def look(self, case: int) -> tuple[State, dict[str, Any]]:
        """Return how far the model is with a case, and family id -> {"shares", "calibrated", "chosen",
        "unsure"}, empty before."""
        with self._lock:
            known = self._asked.get(case)
        if known is None or not known.done():
            return "waiting", {}
        return ("failed", {}) if known.exception() is not None else ("ready", known.result())

    def _answer(self, case: int, answer: Future[dict[str, Any]]) -> None:
        try:
            with self._at_work:
                answer.set_result(self._predict(case))
        except Exception as error:  # for who looks
            answer.set_exception(error)

    def _predict(self, case: int) -> dict[str, Any]:
        predictor = self._source.get()
        with self._source.turns.take():
            prediction = predictor.predict(self._encounters[case])
        families: dict[str, Any] = cards_value(self._questions.families, prediction)["families"]
        return families
