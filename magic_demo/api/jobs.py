"""Long work: it gets an id at once, waits for its turn, says how far it is, and is kept for a while.

All of it is in memory and ends with the program. One job of a kind runs at a time, programs take turns, and
only what runs has its photos unpacked: many that wait cost their files' bytes and no more.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from magic_demo.api.errors import ApiError, name_error
from magic_demo.api.shapes import ErrorSaid, JobKind, JobSaid, JobState, PredictionSaid
from magic_demo.core.errors import MagicDemoError
from magic_demo.core.limits import LIMITS
from magic_demo.core.process.niceness import MODELS, give_way
from magic_demo.page.server.requests.faults import FAULT_LINE, log_fault
from magic_demo.page.session.inference.turns import MOST_WAITING, StoppedError

KEPT_SECONDS = 600.0
"""How long a job is kept once it has ended."""
MOST_EACH = MOST_WAITING // 2
"""Jobs of one token that have not ended, at most; MOST_WAITING of all tokens together."""
MOST_KEPT = 200
MOST_BYTES = LIMITS.arrival_bytes
"""Of photos that wait, and, counted apart, of what ended jobs brought."""

Report = Callable[[float, str], None]
"""Says how much is done, 0..1, and what goes on. Raises StoppedError where the job is to end."""


@dataclass(frozen=True)
class Outcome:
    """What a job brought. of_everybody: the file holds others' reviews, as an adjudicator's export does. withdrawal:
    the audit trail's number of the last deletion or covering before the file was made."""

    prediction: PredictionSaid | None = None
    file: bytes | None = None
    file_name: str = ""
    of_everybody: bool = False
    withdrawal: int = 0

    @property
    def bytes(self) -> int:
        """Return what it takes in memory, about."""
        said = self.prediction
        masks = (
            sum(len(mask.png or "") + len(mask.rle.counts if mask.rle else "") for mask in said.masks)
            if said
            else 0
        )
        return len(self.file or b"") + masks


Work = Callable[[Report, threading.Event], Outcome]
"""Does a job. The event is set once it is to stop."""


@dataclass
class Job:
    """A job. owner: the number of the token that asked for it. size: bytes of the photos that it holds until
    it ends. over: set once it has."""

    id: str
    kind: JobKind
    owner: int
    size: int
    work: Work | None
    state: JobState = "waiting"
    share: float = 0.0
    what: str = "waits for its turn"
    outcome: Outcome = field(default_factory=Outcome)
    error: ErrorSaid | None = None
    ended: float | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)

    def say(self, address: str) -> JobSaid:
        """Return the job as it is told. address: of the jobs, below the server."""
        return JobSaid(
            job=self.id,
            kind=self.kind,
            state=self.state,
            share=self.share,
            what=self.what,
            error=self.error,
            prediction=self.outcome.prediction,
            file=f"{address}/{self.id}/file" if self.outcome.file is not None else None,
        )


class Jobs:
    """All jobs. is_valid: whether the token of this number still opens something; asked while its job runs,
    and before what came of it is kept."""

    def __init__(
        self, is_valid: Callable[[int], bool], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._is_valid, self._clock = is_valid, clock
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._lines: dict[JobKind, OrderedDict[int, deque[Job]]] = {}
        self._working: set[JobKind] = set()
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    def add(self, kind: JobKind, owner: int, work: Work, *, size: int = 0) -> Job:
        """Let a job wait for its turn. Raises ApiError where too many do."""
        job = self.make_room(kind, owner, size)
        self.begin(job, work)
        return job

    def make_room(self, kind: JobKind, owner: int, size: int) -> Job:
        """Return a job that has its place, and may begin or be forgotten: what it holds is still to come.

        size: of that, in bytes. Raises ApiError where there is no room.
        """
        with self._lock:
            self._forget_old()
            open_jobs = [job for job in self._jobs.values() if job.ended is None]
            own = sum(job.owner == owner for job in open_jobs)
            held = sum(job.size for job in open_jobs)
            if own >= MOST_EACH or len(open_jobs) >= MOST_WAITING or held + size > MOST_BYTES:
                raise ApiError(
                    "too_many_jobs",
                    "{own} jobs of this token and {all} of all wait or run; wait until one of them ends",
                    own=own,
                    all=len(open_jobs),
                )
            job = Job(secrets.token_urlsafe(18), kind, owner, size, None)
            self._jobs[job.id] = job
        return job

    def begin(self, job: Job, work: Work) -> None:
        """Let a job that has its place wait for its turn."""
        with self._lock:
            job.work = work
            self._lines.setdefault(job.kind, OrderedDict()).setdefault(job.owner, deque()).append(job)
            if job.kind not in self._working:
                self._working.add(job.kind)
                name = f"{job.kind}-jobs"
                threading.Thread(target=self._run_all, args=(job.kind,), name=name, daemon=True).start()

    def find(self, job_id: str, owner: int) -> Job:
        """Return a job of a token. Raises ApiError for another's, and one that is not kept any more."""
        with self._lock:
            self._forget_old()
            job = self._jobs.get(job_id)
        if job is None or job.owner != owner:
            raise ApiError(
                "no_job",
                "there is no such job; one is kept for {minutes} minutes after its end, and until the program ends; "
                "ask for the work again",
                minutes=round(KEPT_SECONDS / 60),
            )
        return job

    def list_of(self, owner: int) -> list[Job]:
        """Return the jobs of a token, oldest first."""
        with self._lock:
            self._forget_old()
            return [job for job in self._jobs.values() if job.owner == owner]

    def forget(self, job_id: str, owner: int) -> None:
        """Stop a job, and forget what came of it. Raises ApiError."""
        job = self.find(job_id, owner)
        job.stop.set()
        with self._lock:
            self._jobs.pop(job_id, None)
            line = self._lines.get(job.kind, OrderedDict()).get(owner)
            if line is not None and job in line:
                line.remove(job)

    def forget_files(self) -> None:
        """Forget every file that a job has made, and stop those that make one: a case in it may be gone, or a photo of
        it covered. What still waits reads the store later."""
        with self._lock:
            for job in [job for job in self._jobs.values() if job.kind == "export"]:
                if job.ended is not None:
                    del self._jobs[job.id]
                elif job.state == "working":
                    job.stop.set()

    def _run_all(self, kind: JobKind) -> None:
        give_way(MODELS)
        while True:
            with self._lock:
                job = self._next(kind)
                if job is None:
                    self._working.discard(kind)
                    return
            self._run(job)

    def _next(self, kind: JobKind) -> Job | None:
        """Take the next job out of the line: programs take turns."""
        lines = self._lines.get(kind, OrderedDict())
        while lines:
            owner, line = lines.popitem(last=False)
            if line:
                job = line.popleft()
                if line:
                    lines[owner] = line
                return job
        return None

    def _run(self, job: Job) -> None:
        def report(share: float, what: str) -> None:
            self._check(job)
            job.share, job.what = share, what

        work, job.work = job.work, None  # photos go with it
        try:
            assert work is not None
            job.state = "working"
            report(0.0, "begins")
            outcome = work(report, job.stop)
            self._check(job)
            self._end(job, "done", "done", outcome=outcome)
        except StoppedError:
            self._end(job, "stopped", "stopped")
        except MagicDemoError as error:
            self._end(job, "failed", "failed", ErrorSaid(key=name_error(error)[0], message=str(error)))
        except Exception as error:  # a fault of ours: the log has it, without its values
            log_fault(error, "a job")
            self._end(job, "failed", "failed", ErrorSaid(key="fault", message=str(FAULT_LINE)))

    def _check(self, job: Job) -> None:
        if job.stop.is_set() or not self._is_valid(job.owner):
            job.stop.set()
            raise StoppedError("stopped")

    def _end(
        self,
        job: Job,
        state: JobState,
        what: str,
        error: ErrorSaid | None = None,
        outcome: Outcome | None = None,
    ) -> None:
        with self._lock:
            if outcome is not None and job.stop.is_set():  # since it was asked last
                state, what, outcome = "stopped", "stopped", None
            job.outcome, job.error, job.what, job.size = outcome or Outcome(), error, what, 0
            job.share = 1.0 if state == "done" else job.share
            job.ended, job.state = self._clock(), state
            self._forget_old()
            self._start_timer()
        job.over.set()

    def _forget_old(self) -> None:
        """Forget what ended long ago, and the oldest of what is too much."""
        ended = [job for job in self._jobs.values() if job.ended is not None]
        ended.sort(key=lambda job: job.ended or 0.0)
        held = sum(job.outcome.bytes for job in ended)
        oldest = self._clock() - KEPT_SECONDS
        for place, job in enumerate(ended):
            is_last = place == len(ended) - 1
            if (
                (job.ended or 0.0) > oldest
                and len(ended) - place <= MOST_KEPT
                and (held <= MOST_BYTES or is_last)
            ):
                return
            held -= job.outcome.bytes
            self._jobs.pop(job.id, None)

    def _start_timer(self) -> None:
        """See to it that what ended is forgotten in time, though nobody asks for anything any more."""
        if self._timer is None and any(job.ended is not None for job in self._jobs.values()):
            self._timer = threading.Timer(KEPT_SECONDS + 0.01, self._on_time)
            self._timer.daemon = True
            self._timer.start()

    def _on_time(self) -> None:
        with self._lock:
            self._timer = None
            self._forget_old()
            self._start_timer()
