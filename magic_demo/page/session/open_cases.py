"""The cases that are open in browsers: their photos in memory, as many as fit, forgotten when their page is
closed.

Of a stored case this is a cache: its photos are read again, and its draft is made anew, where they are not
here any more (``recall.py``). An upload is nowhere else, and goes last.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from magic_demo.core.messages import Message
from magic_demo.core.review_types import CaseKey
from magic_demo.core.types import Encounter, Photo, Prediction
from magic_demo.models.feature_cache import FeatureCache, count_bytes


@dataclass(frozen=True, eq=False)
class Analysed:
    """What was analysed last: the encounter with the words as they were then, and what the models said of it.

    stale: a photo has been covered since; what the models said is of the photo as it was.
    """

    encounter: Encounter
    prediction: Prediction
    prompt: str | None = None
    stale: bool = False

    @cached_property
    def bytes(self) -> int:
        """Return what the maps, scores and words of the prediction take in memory."""
        return count_bytes(self.prediction)


FileState = tuple[Path, int, int, int]
"""A file's path, inode, time of its last change (ns) and size in bytes: another one as soon as it holds something else."""
FileStates = tuple[FileState | None, ...]


@dataclass(frozen=True, eq=False)
class OpenCase:
    """One case in a browser.

    open_id: a secret of its session; encounter: photos, and the narratives of the example it came from.
    example: whether it is a bundled synthetic case. queued: whether it is a case of a queue, key: of which,
    reader: who reads it. analysed: None before the first analysis.
    cache: what the models made of its photos and words; it goes with the case.
    problems: one line for each photo that could not be opened. missing: how many photos of a stored case
    those are. failure: why the last analysis came to nothing, empty where it did not. notes: what else is to
    be said of it as long as it is open. states: of the program's own files when the photos were read from them.
    """

    open_id: str
    encounter: Encounter
    example: bool = False
    queued: bool = False
    analysed: Analysed | None = None
    cache: FeatureCache = field(default_factory=FeatureCache)
    problems: tuple[Message, ...] = ()
    missing: int = 0
    failure: Message | None = None
    notes: tuple[Message, ...] = ()
    key: CaseKey | None = None
    reader: str | None = None
    states: FileStates = ()

    @property
    def fixed(self) -> bool:
        """Return whether its photos are given: photos that are added begin another case."""
        return self.example or self.queued

    @property
    def photos(self) -> tuple[Photo, ...]:
        """Return the photos that are in memory for it; an example's are the program's own."""
        return () if self.example else self.encounter.photos

    @property
    def bytes_beside(self) -> int:
        """Return what was made of the photos takes in memory."""
        return (self.analysed.bytes if self.analysed is not None else 0) + self.cache.bytes

    @property
    def bytes(self) -> int:
        """Return what the photos, and what was made of them, take in memory."""
        return sum(photo.pixels.nbytes for photo in self.photos) + self.bytes_beside


class OpenCases:
    """All open cases of all sessions.

    Where they take too much, what models made of the photos goes first, then the stored case that was used
    longest ago, and at last uploads.
    """

    def __init__(
        self, max_cases: int = 4096, max_bytes: int = 2**30, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._max_cases = max_cases
        self._max_bytes = max_bytes
        self._clock = clock
        self._heard: dict[str, float] = {}
        self._cases: OrderedDict[str, OpenCase] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._cases)

    def open(
        self,
        encounter: Encounter,
        *,
        example: bool = False,
        queued: bool = False,
        key: CaseKey | None = None,
        reader: str | None = None,
        open_id: str | None = None,
        states: FileStates = (),
    ) -> OpenCase:
        """Keep a case under a new id, or under the one that its page has of it."""
        open_id = open_id or secrets.token_urlsafe(12)
        case = OpenCase(open_id, encounter, example, queued, key=key, reader=reader, states=states)
        with self._lock:
            self._cases[case.open_id] = case
            self._heard[case.open_id] = self._clock()
            self._make_room()
        return case

    def hear(self, open_id: str) -> None:
        """Note that a case's page is open still."""
        with self._lock:
            if open_id in self._cases:
                self._heard[open_id] = self._clock()

    def forget_silent(self, seconds: float) -> None:
        """Forget the cases whose page was not heard of for so long."""
        with self._lock:
            oldest = self._clock() - seconds
            for open_id in [open_id for open_id in self._cases if self._heard.get(open_id, oldest) <= oldest]:
                del self._cases[open_id]
            self._heard = {open_id: when for open_id, when in self._heard.items() if open_id in self._cases}

    def get(self, open_id: str | None) -> OpenCase | None:
        """Return a case that is still open."""
        with self._lock:
            if open_id is None or open_id not in self._cases:
                return None
            self._cases.move_to_end(open_id)
            self._heard[open_id] = self._clock()
            return self._cases[open_id]

    def list_open(self, key: CaseKey) -> dict[str, str | None]:
        """Return id -> reader of every place in which a stored case is open."""
        with self._lock:
            return {case.open_id: case.reader for case in self._cases.values() if case.key == key}

    def add_photos(self, open_id: str, photos: Sequence[Photo]) -> OpenCase | None:
        """Add photos to an open case, beside those it has by now; what was analysed is no longer of it.

        None where it is not open.
        """
        with self._lock:
            case = self._cases.get(open_id)
            if case is None:
                return None
            encounter = replace(case.encounter, photos=(*case.encounter.photos, *photos))
            self._cases[open_id] = replace(case, encounter=encounter, analysed=None)
            return self._cases[open_id]

    def note_problems(
        self, open_id: str, problems: Sequence[Message], *, stored: bool = False
    ) -> OpenCase | None:
        """Add a line for each photo that could not be opened, to stay as long as the case is open.

        None where it is not open.

        stored: they are the case's own, and missed.
        """
        with self._lock:
            case = self._cases.get(open_id)
            if case is None:
                return None
            missing = case.missing + (len(problems) if stored else 0)
            self._cases[open_id] = replace(
                case, problems=tuple(dict.fromkeys([*case.problems, *problems])), missing=missing
            )
            return self._cases[open_id]

    def note_line(self, open_id: str, line: Message) -> OpenCase | None:
        """Add a line that is to stay as long as the case is open. None where it is not open."""
        with self._lock:
            if open_id not in self._cases:
                return None
            case = self._cases[open_id]
            self._cases[open_id] = replace(case, notes=tuple(dict.fromkeys([*case.notes, line])))
            return self._cases[open_id]

    def note_failure(self, open_id: str, failure: Message) -> OpenCase | None:
        """Say why the last analysis of a case came to nothing. None where it is not open."""
        with self._lock:
            if open_id not in self._cases:
                return None
            self._cases[open_id] = replace(self._cases[open_id], failure=failure)
            return self._cases[open_id]

    def reopen(self, case: OpenCase, *, key: CaseKey | None, reader: str | None) -> OpenCase:
        """Keep a case under a new id, in place of the one it had; what was said of it stays said.

        A stored case that is open still is taken as it is now: a photo may have been covered since ``case``
        was asked for.
        """
        with self._lock:
            now = self._cases.pop(case.open_id, case)
            reopened = replace(
                now if case.queued else case,
                open_id=secrets.token_urlsafe(12),
                queued=True,
                key=key,
                reader=reader,
                cache=FeatureCache(),
            )
            self._cases[reopened.open_id] = reopened
            self._heard[reopened.open_id] = self._clock()
            self._make_room()
        return reopened

    def put_photo(self, open_id: str, photo: Photo, states: FileStates | None = None) -> OpenCase | None:
        """Let a changed photo take the place of the one of its id, in what was analysed too: the one before
        is nowhere any more. states: of the files by now, where they have changed."""
        with self._lock:
            case = self._cases.get(open_id)
            if case is None:
                return None
            before = case.analysed
            analysed = (
                Analysed(_with_photo(before.encounter, photo), before.prediction, stale=True)
                if before is not None
                else None
            )
            changed = _with_photo(case.encounter, photo)
            self._cases[open_id] = replace(
                case,
                encounter=changed,
                analysed=analysed,
                cache=FeatureCache(),
                states=case.states if states is None else states,
            )  # the old one holds the old photo
            return self._cases[open_id]

    def keep_analysis(
        self, open_id: str, encounter: Encounter, prediction: Prediction, prompt: str | None = None
    ) -> None:
        """Keep what the models said of a case, asked for ``prompt``; nothing happens when it is not in memory
        (the store keeps what was shown).

        A photo that was covered while they looked at it is kept as it is now.
        """
        with self._lock:
            case = self._cases.get(open_id)
            if case is not None:
                now = {photo.photo_id: photo for photo in case.encounter.photos}
                photos = tuple(now.get(photo.photo_id, photo) for photo in encounter.photos)
                stale = any(
                    photo is not before for photo, before in zip(photos, encounter.photos, strict=True)
                )
                analysed = Analysed(replace(encounter, photos=photos), prediction, prompt, stale)
                self._cases[open_id] = replace(case, analysed=analysed, failure=None)
                self._make_room()

    def close(self, open_id: str | None) -> None:
        """Forget a case; nothing happens when it is not open."""
        with self._lock:
            self._cases.pop(open_id or "", None)

    def _make_room(self) -> None:
        held = Counter(photo for case in self._cases.values() for photo in case.photos)
        total = sum(photo.pixels.nbytes for photo in held)  # one that several readers look at is there once
        total += sum(case.bytes_beside for case in self._cases.values())
        for case in self._cases.values():
            if total <= self._max_bytes:
                break
            total -= case.cache.clear()
        newest = next(reversed(self._cases), None)
        oldest = sorted(
            (case for case in self._cases.values() if case.open_id != newest),
            key=lambda case: not case.queued,
        )
        for case in oldest:
            if len(self._cases) <= self._max_cases and total <= self._max_bytes:
                break
            del self._cases[case.open_id]
            total -= case.bytes_beside
            for photo in case.photos:
                held[photo] -= 1
                total -= photo.pixels.nbytes if not held[photo] else 0


def _with_photo(encounter: Encounter, photo: Photo) -> Encounter:
    return replace(
        encounter,
        photos=tuple(photo if photo.photo_id == before.photo_id else before for before in encounter.photos),
    )
