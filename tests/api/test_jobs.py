"""Jobs: bounded in number, bytes and time, in turn, and ended when their token is."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from magic_demo.api import jobs as jobs_module
from magic_demo.api.errors import ApiError
from magic_demo.api.jobs import KEPT_SECONDS, MOST_BYTES, MOST_EACH, Job, Jobs, Outcome, Report
from magic_demo.page.session.inference.turns import MOST_WAITING
from tests.api.doors import wait_for


class Held:
    """Jobs that go on when they are let, and what they did."""

    def __init__(self) -> None:
        self.go, self.clock, self.valid = threading.Event(), [0.0], {1, 2, 3}
        self.began = threading.Event()
        self.done: list[str] = []
        self.jobs = Jobs(lambda owner: owner in self.valid, clock=lambda: self.clock[0])

    def add(self, owner: int, name: str = "", size: int = 0) -> Job:
        def work(report: Report, stop: threading.Event) -> Outcome:
            self.began.set()
            assert self.go.wait(60)
            report(0.5, "half")
            self.done.append(name)
            return Outcome(file=b"x")

        return self.jobs.add("export", owner, work, size=size)


@pytest.fixture
def held() -> Held:
    return Held()


def refused(held: Held, owner: int, size: int = 0) -> bool:
    try:
        held.add(owner, size=size)
    except ApiError as error:
        assert error.key == "too_many_jobs"
        return True
    return False


def test_only_so_many_jobs_wait(held: Held) -> None:
    added = [held.add(1) for _ in range(MOST_EACH)]
    assert refused(held, 1) and not refused(held, 2), "one token leaves room for others"
    while not refused(held, 2):
        pass
    assert refused(held, 3) and len(held.jobs.list_of(1)) + len(held.jobs.list_of(2)) == MOST_WAITING
    held.go.set()
    for job in added:
        wait_for(job)
    assert not refused(held, 1)


def test_the_photos_that_wait_are_bounded_together(held: Held) -> None:
    first = held.add(1, size=MOST_BYTES - 10)
    assert refused(held, 2, size=11) and not refused(held, 2, size=10)
    held.go.set()
    wait_for(first)
    assert first.size == 0 and first.work is None


def test_what_is_made_by_a_job_whose_token_ends_with_its_last_step_is_not_kept(held: Held) -> None:
    def work(report: Report, stop: threading.Event) -> Outcome:
        held.valid.discard(1)
        return Outcome(file=b"x")

    job = held.jobs.add("export", 1, work)
    wait_for(job)
    assert (job.state, job.outcome.file) == ("stopped", None)


def test_programs_take_turns(held: Held) -> None:
    held.add(1, "first")
    assert held.began.wait(60)
    jobs = [held.add(owner, name) for owner, name in ((1, "a"), (1, "b"), (1, "c"), (2, "d"), (2, "e"))]
    held.go.set()
    for job in jobs:
        wait_for(job)
    assert held.done == ["first", "a", "d", "b", "e", "c"]


def test_a_job_ends_with_its_token(held: Held) -> None:
    running, waiting = held.add(1, "running"), held.add(1, "waiting")
    assert held.began.wait(60)
    held.valid.remove(1)
    held.go.set()
    for job in (running, waiting):
        wait_for(job)
        assert (job.state, job.outcome.file) == ("stopped", None)
    assert held.done == []


def test_a_job_that_is_forgotten_stops(held: Held) -> None:
    running, waiting = held.add(1, "running"), held.add(1, "waiting")
    assert held.began.wait(60)
    for job in (running, waiting):
        held.jobs.forget(job.id, 1)
    held.go.set()
    wait_for(running)
    assert running.state == "stopped" and held.done == [] and held.jobs.list_of(1) == []


def test_what_ended_is_kept_for_a_while(held: Held) -> None:
    held.go.set()
    job = held.add(1)
    wait_for(job)
    held.clock[0] = KEPT_SECONDS - 1
    assert held.jobs.find(job.id, 1) is job
    held.clock[0] = KEPT_SECONDS
    with pytest.raises(ApiError, match="ask for the work again"):
        held.jobs.find(job.id, 1)


def test_of_what_ended_the_oldest_goes_first(held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs_module, "MOST_BYTES", 2)
    held.go.set()
    jobs = []
    for _ in range(3):
        held.clock[0] += 1
        jobs.append(held.add(1))
        wait_for(jobs[-1])
    assert held.jobs.list_of(1) == jobs[1:]


def test_a_fault_costs_its_job_alone_and_is_told_without_what_it_says(held: Held) -> None:
    def fail(report: Report, stop: threading.Event) -> Outcome:
        raise RuntimeError("the patient's words")

    job = held.jobs.add("export", 1, fail)
    wait_for(job)
    assert job.state == "failed" and job.error is not None and job.error.key == "fault"
    assert "words" not in job.error.message
    held.go.set()
    wait_for(again := held.add(1))
    assert again.state == "done"


def test_files_are_forgotten_and_one_that_is_being_made_is_not_kept(held: Held) -> None:
    held.go.set()
    made = held.add(1)
    wait_for(made)
    held.go.clear()
    held.began.clear()
    making, later = held.add(1), held.add(2)
    assert held.began.wait(60)
    held.jobs.forget_files()
    with pytest.raises(ApiError):
        held.jobs.find(made.id, 1)
    held.go.set()
    wait_for(making)
    wait_for(later)
    assert (making.state, making.outcome.file) == ("stopped", None)
    assert (later.state, later.outcome.file) == ("done", b"x"), "it began afterwards"


def test_a_file_that_is_forgotten_in_the_moment_in_which_it_is_done_is_not_kept(
    held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = Jobs._end

    def forget_first(self: Jobs, *arguments: Any, **named: Any) -> None:
        self.forget_files()
        end(self, *arguments, **named)

    monkeypatch.setattr(Jobs, "_end", forget_first)
    held.go.set()
    job = held.add(1)
    wait_for(job)
    assert (job.state, job.outcome.file) == ("stopped", None)
