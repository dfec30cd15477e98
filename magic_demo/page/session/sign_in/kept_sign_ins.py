"""Sign-ins in the store, so that several processes which show it know the same browsers and a restart signs nobody
out; in memory is what was looked up a moment ago."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from magic_demo.core.errors import StoreError
from magic_demo.core.limits import LIMITS
from magic_demo.reviews.store import SignIn, Store

KEPT_SECONDS = 60.0 * LIMITS.sign_in_minutes
IDLE_SECONDS = 60.0 * LIMITS.sign_in_idle_minutes
CHECKED_SECONDS = 2.0
"""For how long what was looked up holds: so much later other processes know of a sign-out."""
NOTED_SECONDS = 60.0
"""How often the store is told of a use, at most."""


@dataclass(frozen=True)
class _Known:
    """A sign-in in memory. noted: the use that the store knows of; alone: it could not be written there."""

    entry: SignIn
    checked: float
    noted: float
    alone: bool = False


class KeptSignIns:
    """Sign-ins by the digest of their key. clock: seconds since 1970, the same for all processes."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store, self._clock = store, clock
        self._known: dict[str, _Known] = {}
        self._ended = 0
        self._lock = threading.Lock()

    def add(self, digest: str, name: str, access: str) -> None:
        """Keep a new sign-in; where the store cannot be written, in this process alone."""
        now = self._clock()
        entry = SignIn(name, access, now + KEPT_SECONDS, now)
        alone = self._store.read_only
        try:
            self._store.add_sign_in(digest, entry, now)
        except StoreError:
            alone = True
        with self._lock:
            self._known = {name: known for name, known in self._known.items() if _lasts(known.entry, now)}
            self._known[digest] = _Known(entry, now, now, alone)

    def find(self, digest: str) -> SignIn | None:
        """Return a sign-in that is not over. Raises StoreError."""
        now = self._clock()
        with self._lock:
            known, ended = self._known.get(digest), self._ended
        if known is None or (not known.alone and not now < known.checked + CHECKED_SECONDS):
            known = self._look_up(digest, known, now)
        if known is None or not _lasts(known.entry, now):
            return None
        if not known.alone and known.entry.used >= known.noted + NOTED_SECONDS:
            with suppress(StoreError):  # it is noted the next time
                self._store.note_sign_in_use(digest, known.entry.used)
                known = replace(known, noted=known.entry.used)
        with self._lock:
            if (
                (goes_on := self._ended == ended)
                and (newer := self._known.get(digest)) is not None
                and newer.entry.used > known.entry.used
            ):
                known = replace(known, entry=newer.entry)
            if goes_on:
                self._known[digest] = known
        return known.entry if goes_on else self.find(digest)  # else it may be what ended meanwhile

    def note_use(self, digest: str) -> None:
        """Note that somebody did something; the store is told when the sign-in is asked for."""
        with self._lock:
            if known := self._known.get(digest):
                self._known[digest] = replace(known, entry=replace(known.entry, used=self._clock()))

    def end(self, digest: str) -> SignIn | None:
        """Forget a sign-in everywhere, and return it where there was one. Raises StoreError."""
        with self._lock:
            known = self._known.pop(digest, None)
            self._ended += 1
        if known is not None and known.alone:
            return known.entry
        entry = self._store.find_sign_in(digest)
        if entry is not None:
            self._store.end_sign_in(digest)
        with self._lock:  # who asked between the two has found it once more
            self._known.pop(digest, None)
            self._ended += 1
        return entry

    def _look_up(self, digest: str, known: _Known | None, now: float) -> _Known | None:
        entry = self._store.find_sign_in(digest)
        if entry is None:
            with self._lock:
                self._known.pop(digest, None)
            return None
        used = max(entry.used, known.entry.used if known is not None else entry.used)
        return _Known(replace(entry, used=used), now, entry.used)


def _lasts(entry: SignIn, now: float) -> bool:
    return now < entry.until and now < entry.used + IDLE_SECONDS
