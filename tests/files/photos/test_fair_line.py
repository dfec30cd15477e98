"""Readers' photos take turns: one reader's many, slow or heavy photos do not keep others waiting."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from magic_demo.files.photos.processes.fair_line import HEAVY_SECONDS, FairLine


class _Line:
    """Turns that are asked for in threads, and held until they are told to end."""

    def __init__(self, at_once: int, most: int, slow: float) -> None:
        self.now = 0.0
        self.line = FairLine(at_once, most, slow, lambda: self.now)
        self.got: list[str] = []
        self._ends: dict[str, threading.Event] = {}
        self._threads: list[threading.Thread] = []
        self._changed = threading.Condition()

    def ask(self, name: str, reader: object) -> None:
        self._ends[name] = threading.Event()
        asked = len(self.line._waiting) + len(self.line._running)

        def hold() -> None:
            with self.line.turn(reader):
                with self._changed:
                    self.got.append(name)
                    self._changed.notify_all()
                assert self._ends[name].wait(60)

        thread = threading.Thread(target=hold)
        thread.start()
        self._threads.append(thread)
        while len(self.line._waiting) + len(self.line._running) == asked:  # it stands in the line
            threading.Event().wait(0.001)

    def wait_for(self, *names: str) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.got) >= len(names), 60), self.got
            assert self.got == list(names)

    def end(self, name: str) -> None:
        self._ends[name].set()

    def close(self) -> None:
        for end in self._ends.values():
            end.set()
        for thread in self._threads:
            thread.join(60)


@pytest.fixture
def closing() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def test_a_readers_photos_wait_for_that_readers_own(closing: ExitStack) -> None:
    line = _Line(at_once=2, most=4, slow=1000)
    closing.callback(line.close)
    for name in ("a1", "a2", "a3"):
        line.ask(name, "a")
    line.ask("b1", "b")
    line.wait_for("a1", "b1")  # though two of a's came before
    line.ask("c1", "c")
    line.end("b1")
    line.wait_for("a1", "b1", "c1")  # a's turn is not over
    line.end("a1")
    line.wait_for("a1", "b1", "c1", "a2")


def test_a_slow_photo_makes_room_for_others_up_to_a_bound(closing: ExitStack) -> None:
    line = _Line(at_once=1, most=2, slow=0.05)
    closing.callback(line.close)
    for name in "abc":
        line.ask(name, name)
    line.wait_for("a")
    line.now = 1.0  # a has been at it for long
    line.wait_for("a", "b")
    line.now = 2.0
    line.end("b")
    line.wait_for("a", "b", "c")


def test_a_reader_whose_photo_took_much_work_comes_after_others_and_few_at_a_time(closing: ExitStack) -> None:
    line = _Line(at_once=2, most=4, slow=0.05)
    closing.callback(line.close)
    for reader in "abc":
        line.line.note_heavy(reader)
    for name in ("a", "b", "c"):
        line.ask(name, name)
    line.wait_for("a", "b")
    line.now = 1.0  # both have been at it for long: there is room, and none for a third of their kind
    line.ask("d", "d")
    line.wait_for("a", "b", "d")
    line.ask("e", "e")
    line.wait_for("a", "b", "d", "e")
    line.end("a")
    line.now = 2.0
    line.wait_for("a", "b", "d", "e", "c")
    line.now += HEAVY_SECONDS
    assert not line.line._is_heavy("a"), "for a while"
