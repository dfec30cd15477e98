"""Measuring behind the page: a page opens at once over any store, and gets its numbers as soon as they are
there."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from magic_demo.reviews.agreement.sources import Comparison

Version = Hashable
"""What is another one whenever the same question may have another answer."""
MOST_QUESTIONS = 16
"""Questions whose last answer is kept; the one that was asked for longest ago is forgotten first."""
REST, MOST_REST = 4.0, 5.0
"""After a question was measured, it is not measured again for so many times as long as that took, nor for
more seconds: saving goes before counting."""


@dataclass
class _Question:
    answer: tuple[Version, Comparison] | None = None
    running: Future[None] | None = None
    rest_until: float = 0.0
    problem: Exception | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class Background:
    """Measures one question after another in a thread of its own, whoever asks; the same one for everybody
    who asks it."""

    def __init__(self) -> None:
        self._questions: OrderedDict[Hashable, _Question] = OrderedDict()
        self._worker = ThreadPoolExecutor(1, "agreement")
        self._lock = threading.Lock()

    def ask(
        self, question: Hashable, version: Version, measure: Callable[[], Comparison], seconds: float
    ) -> tuple[Version, Comparison] | None:
        """Return the newest answer there is, with the version that it is of; None where there is none within
        ``seconds`` yet.

        An answer of another version is returned where the one asked for takes longer. Raises what ``measure``
        has raised, once.
        """
        with self._lock:
            asked = self._questions.setdefault(question, _Question())
            self._questions.move_to_end(question)
            while len(self._questions) > MOST_QUESTIONS:
                self._questions.popitem(last=False)
        with asked.lock:
            old = asked.answer is None or asked.answer[0] != version
            if old and asked.running is None and time.monotonic() >= asked.rest_until:
                asked.running = self._worker.submit(self._measure, asked, version, measure)
            running = asked.running
        if running is not None:
            wait([running], seconds)
        with asked.lock:
            problem, asked.problem = asked.problem, None
            if problem is not None:
                raise problem
            return asked.answer

    def forget(self) -> None:
        """Forget every answer; one that is being measured now is not kept either."""
        with self._lock:
            self._questions.clear()

    def _measure(self, asked: _Question, version: Version, measure: Callable[[], Comparison]) -> None:
        began = time.monotonic()
        found: Comparison | None = None
        problem: Exception | None = None
        try:
            found = measure()
        except Exception as error:  # raised again where it was asked for
            problem = error
        now = time.monotonic()
        with asked.lock:
            asked.answer, asked.problem = (version, found) if found is not None else asked.answer, problem
            asked.running, asked.rest_until = None, now + min(MOST_REST, REST * (now - began))
