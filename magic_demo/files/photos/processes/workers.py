"""Photos are unpacked in processes of their own, bounded in memory and time, readers one after another and
fairly."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

if sys.platform == "linux":
    import fcntl

from magic_demo.core.errors import PhotoError
from magic_demo.core.limits import LIMITS
from magic_demo.core.messages import Message, chain, unpack_message
from magic_demo.core.process.niceness import PHOTOS, SLOW_PHOTOS, set_niceness
from magic_demo.core.types import Photo, RemoteFile
from magic_demo.files.photos.bounds import DEFAULT_LIMITS, PhotoLimits, check_bytes, read_photo_file
from magic_demo.files.photos.processes.fair_line import FairLine
from magic_demo.files.photos.processes.worker import DONE, PIECE, READY, REFUSED, REQUEST, ROWS, SIZE

AT_ONCE = 2
"""Photos that are unpacked side by side; one that takes longer than SLOW makes room for others."""
MOST = 6
"""Photos that are unpacked side by side at most, slow ones and all."""
SLOW = 0.5
MUCH = 1.5
"""Seconds of a processor that a photo of 64 megapixels hardly takes; who sends more comes after others."""
PATIENCE = 3
"""How many times the deadline a file on disk has where the machine is so busy that its process hardly came to
work. For an upload somebody waits."""
WORKED = 0.5
"""Share of the deadline for which a process has a processor, at least, where the machine is not too busy."""
PIPE_BYTES = 2**20
START_SECONDS = 60.0
_LONGEST_TEXT = 2**20
_START = (
    "import sys; sys.path[:] = {path!r}; from magic_demo.files.photos.processes.worker import main; main()"
)
_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
    "PYTHONDONTWRITEBYTECODE": "1",
}


@dataclass(frozen=True)
class _Cut:
    """A process that was ended after ``seconds``, of which it had a processor for ``worked``; without end
    where the system does not say."""

    seconds: float
    worked: float


class _Worker:
    """One process, and the one photo that it is at."""

    def __init__(self, program: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            program,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env={**os.environ, **_ENVIRONMENT},
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._requests: IO[bytes] = self._process.stdin
        self._answers: IO[bytes] = self._process.stdout
        self.started = self._slowed = False
        self.worked = (
            0.0  # seconds of a processor that the last photo took; without end where it ended the process
        )
        if sys.platform == "linux":  # fewer turns between the two processes
            with suppress(OSError):
                fcntl.fcntl(self._answers.fileno(), fcntl.F_SETPIPE_SZ, PIPE_BYTES)

    def decode(
        self, data: bytes, name: str, limits: PhotoLimits, seconds: float, patience: int
    ) -> tuple[Any, list[Message]]:
        """Return a photo's pixels and notes.

        Raises PhotoError; ``EOFError`` and OSError where the process has ended.

        patience: how many times ``seconds`` it has while it hardly comes to work.
        """
        if not self.started:
            with self._deadline(START_SECONDS, slow=START_SECONDS):
                self._expect(READY)
            self.started = True
        with self._deadline(seconds, patience) as cut:
            try:
                return self._ask(data, name, limits)
            except (EOFError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
                # ended, or no answer of ours
                self.close()
                raise PhotoError("{name}: {problem}", name=name, problem=_say_end(cut)) from error

    def _ask(self, data: bytes, name: str, limits: PhotoLimits) -> tuple[Any, list[Message]]:
        about = json.dumps(
            {"name": name, "limits": [limits.max_bytes, limits.max_pixels, limits.min_side]}
        ).encode()
        _write(self._requests, REQUEST.pack(len(about), len(data)) + about)
        _write(self._requests, data)
        pixels, filled = np.empty((0, 0, 3), np.uint8), 0
        while True:
            letter, count = PIECE.unpack(self._read(PIECE.size))
            if letter == ROWS and filled + count <= pixels.nbytes:
                _read_into(self._answers, pixels.data.cast("B")[filled : filled + count])
                filled += count
                continue
            if letter not in (SIZE, DONE, REFUSED) or count > _LONGEST_TEXT:
                raise ValueError("not an answer")
            report = json.loads(self._read(count))
            if letter == SIZE:
                height, width = (int(side) for side in report)
                if height <= 0 or width <= 0 or height * width > limits.max_pixels:
                    raise ValueError("not a size")
                pixels = np.empty((height, width, 3), np.uint8)
                continue
            printed = [Message("its reader says: {line}", line=line) for line in report["printed"]]
            if letter == REFUSED:
                raise PhotoError(chain([unpack_message(report["problem"]), *printed]))
            if filled != pixels.nbytes:
                raise ValueError("not all rows")
            return pixels, [*(unpack_message(note) for note in report["notes"]), *printed]

    def _expect(self, letter: bytes) -> None:
        if PIECE.unpack(self._read(PIECE.size)) != (letter, 0):
            raise EOFError

    def _read(self, count: int) -> bytes:
        content = bytearray(count)
        _read_into(self._answers, memoryview(content))
        return bytes(content)

    @contextmanager
    def _deadline(self, seconds: float, patience: int = 1, slow: float | None = None) -> Iterator[list[_Cut]]:
        """End the process when the block takes longer, which is what the list then holds: whatever waits for
        it goes on. slow: seconds after which it gives way to others, SLOW where none are named."""
        cut: list[_Cut] = []
        soon = min(SLOW if slow is None else slow, seconds)
        done = threading.Event()
        before = self._processor_seconds()

        def watch() -> None:
            if not done.wait(soon):
                self._slowed = True  # it goes on in what others leave of the processor
                set_niceness(self._process.pid, SLOW_PHOTOS)
            for period in range(1, patience + 1):
                if done.wait(seconds - (soon if period == 1 else 0)):
                    return
                worked = self._processor_seconds() - before
                if worked >= WORKED * seconds or period == patience:
                    cut.append(_Cut(period * seconds, worked))
                    self._process.kill()
                    return

        threading.Thread(target=watch, name="deadline", daemon=True).start()
        try:
            yield cut
        finally:
            done.set()
            self.worked = self._processor_seconds() - before

    def _processor_seconds(self) -> float:
        """Return for how long the process has been at work; without end where the system does not say."""
        try:
            fields = (
                Path(f"/proc/{self._process.pid}/stat")
                .read_text(encoding="ascii", errors="replace")
                .rpartition(")")[2]
                .split()
            )
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        except (OSError, ValueError, IndexError, AttributeError):
            return float("inf")

    def can_go_on(self) -> bool:
        """Return whether the process can take the next photo; one that gave way comes forward again first."""
        if self._process.poll() is not None:
            return False
        if self._slowed:
            self._slowed = not set_niceness(self._process.pid, PHOTOS)
        return not self._slowed

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        for stream in (self._requests, self._answers):
            with suppress(OSError):
                stream.close()


class PhotoWorkers:
    """The processes: started when they are needed, kept while they are, ended with the program."""

    def __init__(
        self,
        program: Sequence[str] | None = None,
        *,
        seconds: float = LIMITS.photo_seconds,
        at_once: int = AT_ONCE,
        most: int = MOST,
        slow: float = SLOW,
    ) -> None:
        self._program = program or [sys.executable, "-c", _START.format(path=sys.path)]
        self._seconds = seconds
        self._line = FairLine(at_once, most, slow)
        self._at_once = at_once
        self._idle: list[_Worker] = []
        self._all: set[_Worker] = set()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._all)

    def warm(self) -> None:
        """Start a process, so that the next photo need not wait for it; nothing happens where one is
        there."""
        with self._lock:
            if not self._all:
                self._idle.append(self._start())

    def decode(
        self,
        data: bytes,
        *,
        photo_id: str,
        name: str = "",
        limits: PhotoLimits = DEFAULT_LIMITS,
        reader: object = None,
    ) -> Photo:
        """Do what ``reading.decode_photo`` does, in a process of its own; a reader's photos wait for that
        reader's own. Raises PhotoError.

        Somebody waits for it: the deadline holds however busy the machine is.
        """
        return self._decode(data, photo_id, name or photo_id, limits, reader, patience=1)

    def read(
        self,
        path: Path | RemoteFile,
        *,
        photo_id: str | None = None,
        limits: PhotoLimits = DEFAULT_LIMITS,
        reader: object = None,
    ) -> Photo:
        """Do what ``reading.read_photo`` does, in a process of its own; on a busy machine it has PATIENCE
        deadlines. Raises PhotoError."""
        data = read_photo_file(path, limits)
        name = path.name.rpartition("/")[2]
        return self._decode(data, photo_id or Path(name).stem, name, limits, reader, patience=PATIENCE)

    def _decode(
        self, data: bytes, photo_id: str, name: str, limits: PhotoLimits, reader: object, *, patience: int
    ) -> Photo:
        try:
            check_bytes(len(data), limits)
        except PhotoError as error:
            raise PhotoError("{name}: {problem}", name=name, problem=error) from error
        whose = reader if reader is not None else object()
        with self._line.turn(whose), self._worker() as worker:
            try:
                pixels, notes = worker.decode(data, name, limits, self._seconds, patience)
            finally:
                if worker.worked >= MUCH:
                    self._line.note_heavy(whose)
        return Photo(photo_id=photo_id, pixels=pixels, notes=tuple(notes))

    def close(self) -> None:
        """End all processes."""
        with self._lock:
            workers, self._all, self._idle = self._all, set(), []
        for worker in workers:
            worker.close()

    def _start(self) -> _Worker:
        worker = _Worker(self._program)
        self._all.add(worker)
        return worker

    @contextmanager
    def _worker(self) -> Iterator[_Worker]:
        with self._lock:
            worker = self._idle.pop() if self._idle else self._start()
        try:
            yield worker
        except PhotoError:
            raise
        except (EOFError, OSError) as error:
            worker.close()
            raise PhotoError(
                "photos cannot be read here: the process for it does not start; see what it printed"
            ) from error
        finally:
            with self._lock:
                keep = worker.can_go_on() and worker in self._all and len(self._idle) < self._at_once
                if keep:
                    self._idle.append(worker)
                else:
                    self._all.discard(worker)
            if not keep:
                worker.close()


def _say_end(cut: list[_Cut]) -> Message:
    """Say why a photo's process ended: by itself, or at its deadline."""
    if not cut:
        return Message("unpacking it made its reader end; save it again as JPEG or PNG")
    passed, worked = cut[0].seconds, cut[0].worked
    if worked >= WORKED * passed:
        return Message(
            "unpacking it took longer than {seconds:g} seconds; save it again as JPEG or PNG", seconds=passed
        )
    return Message(
        "unpacking it took longer than {seconds:g} seconds, of which its reader had a processor for "
        "{worked:.1f}; try again, or save it again as JPEG or PNG",
        seconds=passed,
        worked=worked,
    )


def _write(stream: IO[bytes], content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[stream.write(view) :]


def _read_into(stream: Any, view: memoryview) -> None:
    while view:
        count = stream.readinto(view)
        if not count:
            raise EOFError
        view = view[count:]


_shared: dict[int, PhotoWorkers] = {}
_sharing = threading.Lock()


def shared_workers() -> PhotoWorkers:
    """Return this process's workers; a process that was forked from one gets its own."""
    with _sharing:
        if os.getpid() not in _shared:
            workers = _shared[os.getpid()] = PhotoWorkers()
            atexit.register(workers.close)
        return _shared[os.getpid()]


def read_photo_apart(
    path: Path | RemoteFile, *, photo_id: str | None = None, limits: PhotoLimits = DEFAULT_LIMITS
) -> Photo:
    """Read a photo file that somebody else made, in a process of its own; otherwise as
    ``reading.read_photo``. Raises PhotoError."""
    return shared_workers().read(path, photo_id=photo_id, limits=limits)
