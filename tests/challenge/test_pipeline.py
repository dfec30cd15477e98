"""Stages overlap, in order, with bounded queues; whatever stops a run, what was worked on is written."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable

import pytest

from magic_demo.challenge.pipeline import AHEAD, Busy, overlap

WAIT = 20
"""Seconds until a test that waits for another thread gives up."""


def keep(value: int) -> int:
    return value


def test_results_come_in_the_order_of_the_jobs() -> None:
    assert list(overlap(range(50), lambda job: job + 1, lambda one: one * 10, str, Busy())) == [
        str(10 * (job + 1)) for job in range(50)
    ]
    assert list(overlap([], keep, keep, keep, Busy())) == []


def test_while_a_job_is_worked_on_the_next_is_read_and_the_one_before_is_written() -> None:
    """Each stage waits for the two others to be at work: run one after another they would wait for ever."""
    read_third, writing_first = threading.Event(), threading.Event()
    worked_second = threading.Event()

    def read(job: int) -> int:
        if job == 2:
            read_third.set()
        return job

    def work(job: int) -> int:
        if job == 1:
            assert read_third.wait(WAIT), "the next job was not read meanwhile"
            assert writing_first.wait(WAIT), "the job before was not written meanwhile"
            worked_second.set()
        return job

    def write(job: int) -> int:
        if job == 0:
            writing_first.set()
            assert worked_second.wait(WAIT), "work did not go on while this was written"
        return job

    assert list(overlap(range(4), read, work, write, Busy())) == [0, 1, 2, 3]


class Heavy:
    """Something that is counted as long as it lives."""

    def __init__(self, job: int) -> None:
        self.job = job


@pytest.mark.parametrize("jobs", [12, 200])
def test_no_more_is_held_at_once_whatever_the_number_of_jobs(jobs: int) -> None:
    alive: weakref.WeakSet[Heavy] = weakref.WeakSet()
    most = 0

    def read(job: int) -> Heavy:
        nonlocal most
        one = Heavy(job)
        alive.add(one)
        most = max(most, len(alive))
        return one

    gc.disable()  # held must be what is referred to, not what waits to be collected
    try:
        done = sum(1 for _ in overlap(range(jobs), read, lambda one: one, lambda one: one.job, Busy()))
    finally:
        gc.enable()
    assert done == jobs
    # read ahead, worked on, waiting to be written, being handed on by each thread
    assert most <= 2 * AHEAD + 4


@pytest.mark.parametrize("stage", ["read", "work", "write"])
def test_what_a_stage_raises_comes_out_and_what_came_before_is_written(stage: str) -> None:
    written: list[int] = []

    def failing(name: str) -> Callable[[int], int]:
        def act(job: int) -> int:
            if name == stage and job == 3:
                raise OSError("disk is full")
            if name == "write":
                written.append(job)
            return job

        return act

    with pytest.raises(OSError, match="disk is full"):
        list(overlap(range(30), failing("read"), failing("work"), failing("write"), Busy()))
    assert written[:3] == [0, 1, 2]
    assert written == sorted(written) and len(written) < 10


def test_stopping_writes_what_was_worked_on_and_reads_nothing_more() -> None:
    seen: list[int] = []
    written: list[int] = []

    def stop(job: int) -> int:
        if job == 5:
            raise KeyboardInterrupt
        return job

    def note(notes: list[int]) -> Callable[[int], int]:
        def act(job: int) -> int:
            notes.append(job)
            return job

        return act

    with pytest.raises(KeyboardInterrupt):
        list(overlap(range(1000), note(seen), stop, note(written), Busy()))
    assert written == [0, 1, 2, 3, 4]
    assert len(seen) <= 6 + AHEAD


def test_the_stage_that_works_longest_is_what_binds() -> None:
    pause = threading.Event()
    for slow in ("read", "work", "write"):

        def act(name: str, slow: str = slow) -> Callable[[int], int]:
            return lambda job: job + bool(name == slow and pause.wait(0.02))

        busy = Busy()
        list(overlap(range(8), act("read"), act("work"), act("write"), busy))
        assert busy.bound == slow
        assert busy.total >= getattr(busy, slow) >= 8 * 0.02
