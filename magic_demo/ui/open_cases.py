"""The cases that are open in browsers: photos in memory only, a bounded number, forgotten when their page is closed."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass, field, replace

from magic_demo.feature_cache import FeatureCache
from magic_demo.types import Encounter, Photo, Prediction


@dataclass(frozen=True, eq=False)
class Analysed:
    """What was analysed last: the encounter with the words as they were then, and what the models said of it.

    stale: a photo has been covered since; what the models said is of the photo as it was.
    """

    encounter: Encounter
    prediction: Prediction
    prompt: str | None = None
    stale: bool = False


@dataclass(frozen=True, eq=False)
class OpenCase:
    """One case in a browser.

    case_id: a secret of its session; encounter: photos, and the narratives of the example it came from.
    example: whether it is a bundled synthetic case. queued: whether it is a case of a queue. analysed: None before the first analysis.
    cache: what the models made of its photos and words; it goes with the case.
    """

    case_id: str
    encounter: Encounter
    example: bool = False
    queued: bool = False
    analysed: Analysed | None = None
    cache: FeatureCache = field(default_factory=FeatureCache)

    @property
    def fixed(self) -> bool:
        """Return whether its photos are given: photos that are added begin another case."""
        return self.example or self.queued

    @property
    def bytes(self) -> int:
        """Return what the photos, and what was made of them, take in memory."""
        return sum(photo.pixels.nbytes for photo in self.encounter.photos) + self.cache.bytes


class OpenCases:
    """All open cases of all sessions. Where they take too much, what models made of the photos goes first, then the case used longest ago."""

    def __init__(self, max_cases: int = 64, max_bytes: int = 2**30) -> None:
        self._max_cases = max_cases
        self._max_bytes = max_bytes
        self._cases: OrderedDict[str, OpenCase] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._cases)

    def open(self, encounter: Encounter, *, example: bool = False, queued: bool = False) -> OpenCase:
        """Keep a case under a new id."""
        case = OpenCase(secrets.token_urlsafe(12), encounter, example, queued)
        with self._lock:
            self._cases[case.case_id] = case
            self._make_room()
        return case

    def get(self, case_id: str | None) -> OpenCase | None:
        """Return a case that is still open."""
        with self._lock:
            if case_id is None or case_id not in self._cases:
                return None
            self._cases.move_to_end(case_id)
            return self._cases[case_id]

    def change(self, case_id: str, encounter: Encounter) -> OpenCase | None:
        """Give an open case other photos or words; what was analysed is no longer of it. None where it is not open."""
        with self._lock:
            if case_id not in self._cases:
                return None
            self._cases[case_id] = replace(self._cases[case_id], encounter=encounter, analysed=None)
            return self._cases[case_id]

    def put_photo(self, case_id: str, photo: Photo) -> OpenCase | None:
        """Let a changed photo take the place of the one of its id, in what was analysed too: the one before is nowhere any more."""
        with self._lock:
            case = self._cases.get(case_id)
            if case is None:
                return None
            before = case.analysed
            analysed = Analysed(_with_photo(before.encounter, photo), before.prediction, stale=True) if before is not None else None
            changed = _with_photo(case.encounter, photo)
            self._cases[case_id] = replace(
                case, encounter=changed, analysed=analysed, cache=FeatureCache()
            )  # the old one holds the old photo
            return self._cases[case_id]

    def keep_analysis(self, case_id: str, encounter: Encounter, prediction: Prediction, prompt: str | None = None) -> None:
        """Keep what the models said of a case, asked for ``prompt``; nothing happens when it is no longer open.

        A photo that was covered while they looked at it is kept as it is now.
        """
        with self._lock:
            case = self._cases.get(case_id)
            if case is not None:
                now = {photo.photo_id: photo for photo in case.encounter.photos}
                photos = tuple(now.get(photo.photo_id, photo) for photo in encounter.photos)
                stale = any(one is not before for one, before in zip(photos, encounter.photos, strict=True))
                analysed = Analysed(replace(encounter, photos=photos), prediction, prompt, stale)
                self._cases[case_id] = replace(case, analysed=analysed)
                self._make_room()

    def close(self, case_id: str | None) -> None:
        """Forget a case; nothing happens when it is not open."""
        with self._lock:
            self._cases.pop(case_id or "", None)

    def _make_room(self) -> None:
        for case in self._cases.values():
            if self._bytes() <= self._max_bytes:
                break
            case.cache.clear()
        while len(self._cases) > 1 and (len(self._cases) > self._max_cases or self._bytes() > self._max_bytes):
            self._cases.popitem(last=False)

    def _bytes(self) -> int:
        return sum(case.bytes for case in self._cases.values())


def _with_photo(encounter: Encounter, photo: Photo) -> Encounter:
    return replace(encounter, photos=tuple(photo if photo.photo_id == before.photo_id else before for before in encounter.photos))
