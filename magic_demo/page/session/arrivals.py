"""Photos that were sent and not opened yet.

A file's bytes are in memory alone until it is opened, and gone then: nothing of an upload is ever written to
disk. The key is for whoever sent the file; what came is unpacked in a process of its own
(``files/photos/processes``).
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath

from magic_demo.core.errors import PhotoError
from magic_demo.core.limits import LIMITS
from magic_demo.core.messages import Message
from magic_demo.core.types import Photo
from magic_demo.files.photos.processes.workers import PhotoWorkers, shared_workers


@dataclass(frozen=True, eq=False)
class Arrival:
    """A file that came: its photo, under the file's name, or the line that says why there is none."""

    name: str
    photo: Photo | None
    problem: Message | None = None


@dataclass(frozen=True, eq=False)
class _Waiting:
    """A file that was not opened yet: when it came, from whom, its name and bytes."""

    since: float
    source: str
    name: str
    data: bytes


class Arrivals:
    """Files that were sent and not opened yet: bytes and no pixels, bounded in sum and number, in memory, for
    ``seconds`` at most.

    Where they are too many, the oldest goes of whoever sent most.
    """

    def __init__(
        self,
        most: int = 1024,
        seconds: float = 300.0,
        *,
        most_bytes: int = LIMITS.arrival_bytes,
        clock: Callable[[], float] = time.monotonic,
        workers: PhotoWorkers | None = None,
    ) -> None:
        self._most, self._most_bytes, self._seconds, self._clock = most, most_bytes, seconds, clock
        self._workers = workers
        self._waiting: OrderedDict[str, _Waiting] = OrderedDict()
        self._coming = 0
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def held_bytes(self) -> int:
        """Return the sum of what waits and what is just coming in."""
        return self._coming + sum(len(photo.data) for photo in self._waiting.values())

    @property
    def workers(self) -> PhotoWorkers:
        """Return the processes that unpack what came."""
        return self._workers or shared_workers()

    @contextmanager
    def coming(self) -> Iterator[Callable[[int], bool]]:
        """Count what comes in during the block: the function takes how many bytes more came, and says whether
        there is room for them."""
        here = 0

        def count(more: int) -> bool:
            nonlocal here
            with self._lock:
                if self._coming + more > self._most_bytes:
                    return False
                self._coming += more
                here += more
                self._make_room()
            return True

        try:
            yield count
        finally:
            with self._lock:
                self._coming -= here

    def take(self, name: str, data: bytes, source: str = "") -> str:
        """Keep a file, and return the key to fetch it by.

        The name is shown and never used as a path; source: who sent it.
        """
        key = secrets.token_urlsafe(24)
        with self._lock:
            self._forget_old()
            self._waiting[key] = _Waiting(self._clock(), source, clean_name(name), data)
            self._make_room()
            self._start_timer()
        return key

    def fetch(self, keys: Sequence[object]) -> list[Arrival]:
        """Open what came under these keys, one after another, and forget it; a key that is nobody's brings
        nothing."""
        return [open_file(self.workers, photo.name, photo.data, photo.source) for photo in self._pop(keys)]

    def sweep(self) -> None:
        """Forget what has waited too long."""
        with self._lock:
            self._forget_old()

    def forget(self, keys: Sequence[object]) -> None:
        """Forget what came under these keys."""
        self._pop(keys)

    def _pop(self, keys: Sequence[object]) -> list[_Waiting]:
        with self._lock:
            self._forget_old()
            found = [self._waiting.pop(key, None) for key in keys if isinstance(key, str)]
        return [photo for photo in found if photo is not None]

    def _forget_old(self) -> None:
        oldest = self._clock() - self._seconds
        while self._waiting and next(iter(self._waiting.values())).since < oldest:
            self._waiting.popitem(last=False)

    def _make_room(self) -> None:
        while len(self._waiting) > 1 and (
            len(self._waiting) > self._most or self.held_bytes > self._most_bytes
        ):
            sizes: Counter[str] = Counter()
            for photo in self._waiting.values():
                sizes[photo.source] += len(photo.data) + 1
            fullest = sizes.most_common(1)[0][0]
            del self._waiting[next(key for key, photo in self._waiting.items() if photo.source == fullest)]

    def _start_timer(self) -> None:
        """See to it that what waits is forgotten in time, though nobody asks for anything any more."""
        if self._timer is None and self._waiting:
            self._timer = threading.Timer(self._seconds + 0.01, self._on_time)
            self._timer.daemon = True
            self._timer.start()

    def _on_time(self) -> None:
        with self._lock:
            self._timer = None
            self._forget_old()
            self._start_timer()


def clean_name(name: str) -> str:
    """Return the last part of a file's name, which is shown and never used as a path."""
    return PurePosixPath(name.replace("\\", "/")).name or "photo"


def open_file(workers: PhotoWorkers, name: str, data: bytes, source: str) -> Arrival:
    """Unpack a file that came, in a process of its own. source: who sent it."""
    stem = PurePosixPath(name).stem or "photo"
    try:
        return Arrival(stem, workers.decode(data, photo_id=stem, name=name, reader=source or None))
    except PhotoError as error:
        return Arrival(stem, None, error.message)
