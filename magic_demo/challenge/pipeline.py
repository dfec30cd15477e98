"""Reading, working and writing side by side: what comes next is read and what came before is written while a
model runs."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

Job = TypeVar("Job")
Read = TypeVar("Read")
Done = TypeVar("Done")
Result = TypeVar("Result")

AHEAD = 2
"""How many jobs are read ahead, and how many wait to be written: what bounds the memory, whatever the number
of jobs."""


@dataclass
class Busy:
    """Seconds that each stage was at work, and from the first job to the last result; stages overlap, so that
    they may add up to more."""

    read: float = 0.0
    work: float = 0.0
    write: float = 0.0
    total: float = 0.0

    def add(self, read: float, work: float, write: float) -> None:
        """Add seconds that each stage was at work."""
        self.read += read
        self.work += work
        self.write += write

    @property
    def bound(self) -> str:
        """Return the stage that took longest: the run cannot be faster than it."""
        return max(("work", "read", "write"), key=lambda stage: getattr(self, stage))


def overlap(
    jobs: Iterable[Job],
    read: Callable[[Job], Read],
    work: Callable[[Read], Done],
    write: Callable[[Done], Result],
    busy: Busy,
) -> Iterator[Result]:
    """Yield the results of ``write(work(read(job)))`` in the order of the jobs; the three stages run side by
    side, each one job at a time.

    ``read`` and ``write`` have a thread each, ``work`` runs in the caller's. At most ``AHEAD`` jobs are read
    ahead and as many wait to be written. busy: filled in as the run goes. What a stage raises comes out here,
    at its job's place; what was worked on before is then still written, as when the caller stops.
    """
    reading: deque[Future[Read]] = deque()
    writing: deque[Future[Result]] = deque()
    waiting = iter(jobs)
    begun = time.perf_counter()

    def read_timed(job: Job) -> Read:
        start = time.perf_counter()
        try:
            return read(job)
        finally:
            busy.read += time.perf_counter() - start

    def write_timed(done: Done) -> Result:
        start = time.perf_counter()
        try:
            return write(done)
        finally:
            busy.write += time.perf_counter() - start

    def read_ahead() -> None:
        while len(reading) < AHEAD:
            try:
                job = next(waiting)
            except StopIteration:
                return
            reading.append(reader.submit(read_timed, job))

    with ThreadPoolExecutor(1, "read") as reader, ThreadPoolExecutor(1, "write") as writer:
        try:
            read_ahead()
            while reading:
                item = reading.popleft().result()
                read_ahead()
                start = time.perf_counter()
                done = work(item)
                del item  # while this waits, only what is still needed is held
                busy.work += time.perf_counter() - start
                writing.append(writer.submit(write_timed, done))
                del done
                while writing and (len(writing) > AHEAD or writing[0].done()):
                    yield writing.popleft().result()
            while writing:
                yield writing.popleft().result()
        finally:
            for future in reading:
                future.cancel()
            busy.total = time.perf_counter() - begun
