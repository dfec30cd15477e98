"""Where passwords are checked: in threads of their own, a few at once, each source in turn.

A flood of tries takes nobody else's threads or time.
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from magic_demo.core.errors import MagicDemoError
from magic_demo.core.process.niceness import PASSWORDS, give_way

Found = TypeVar("Found")
THREADS = 2
"""Each check takes 64 MB and a core for a moment: that is what makes guessing slow."""
MOST_WAITING = 256
KNOWN = "known"
"""The line of who has signed in on this browser before: half of the turns are its."""


class TooManyWaitingError(MagicDemoError):
    """More checks wait than are taken in."""


class PasswordPool:
    """The threads, and a line a source."""

    def __init__(self, threads: int = THREADS, most: int = MOST_WAITING) -> None:
        self._threads, self._most = threads, most
        self._lines: OrderedDict[str, deque[tuple[Future[Any], Callable[[], Any]]]] = OrderedDict()
        self._change = threading.Condition()
        self._started = 0
        self._turn = 0

    def __len__(self) -> int:
        with self._change:
            return sum(map(len, self._lines.values()))

    async def run(self, source: str, check: Callable[[], Found]) -> Found:
        """Return what a check returns, once the turn of its source has come.

        Raises TooManyWaitingError, and what the check raises.
        """
        return await asyncio.wrap_future(self.add(source, check))

    def add(self, source: str, check: Callable[[], Found]) -> Future[Found]:
        """Let a check wait for the turn of its source.

        Where too many wait, the last goes of the source that has most. Raises TooManyWaitingError.
        """
        future: Future[Found] = Future()
        with self._change:
            self._lines.setdefault(source, deque()).append((future, check))
            if len(self) > self._most:
                longest = max(self._lines, key=lambda name: len(self._lines[name]))
                gone, _ = self._lines[longest].pop()
                if not self._lines[longest]:
                    del self._lines[longest]
                refusal = TooManyWaitingError("too many people sign in at this moment; try again in a minute")
                if gone is future:
                    raise refusal
                if gone.set_running_or_notify_cancel():
                    gone.set_exception(refusal)
            if self._started < self._threads:
                self._started += 1
                threading.Thread(target=self._work, name="passwords", daemon=True).start()
            self._change.notify()
        return future

    def _work(self) -> None:
        give_way(PASSWORDS)
        while True:
            with self._change:
                while not self._lines:
                    self._change.wait()
                future, check = self._take()
            if not future.set_running_or_notify_cancel():
                continue  # who asked has gone
            try:
                future.set_result(check())
            except BaseException as error:  # for who waits
                future.set_exception(error)

    def _take(self) -> tuple[Future[Any], Callable[[], Any]]:
        self._turn += 1
        source = (
            KNOWN
            if KNOWN in self._lines and (self._turn % 2 or len(self._lines) == 1)
            else next(iter(self._lines))
        )
        line = self._lines.pop(source)
        first = line.popleft()
        if line:
            self._lines[source] = line  # at the end: the others come first
        return first
