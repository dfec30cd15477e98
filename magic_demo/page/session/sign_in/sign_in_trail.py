"""What the audit trail says of signing in: who entered and left, and what was refused, without making work of
a flood."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from magic_demo.core.errors import StoreError
from magic_demo.page.session.rate_limit import RateLimit
from magic_demo.reviews.store import Actor, Store, TrailKind

STOPPED_ROWS = (1, 1 / 600)
"""Rows of one address whose tries are refused unseen: how many at once, and how many a second for long."""
ALL_STOPPED_ROWS = (20, 1 / 60)
"""The same of all addresses together."""


class SignInTrail:
    """Writes the rows.

    Where one cannot be kept, a line on the standard error says so, and signing in goes on.
    """

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._addresses = RateLimit(*STOPPED_ROWS, clock=clock)
        self._all = RateLimit(*ALL_STOPPED_ROWS, clock=clock)

    def note(self, what: TrailKind, name: str, address: str) -> None:
        """Keep what happened. name: as it was typed; only a reader's own is kept, as people type passwords
        into the wrong field."""
        if what == "sign-in stopped" and not (self._addresses.allows(address) and self._all.allows("")):
            return
        try:
            lines = self._store.note(what, Actor(self._known(name), f"page {address}"))
        except StoreError as error:
            lines = (f"{error}; the audit trail does not say that this was done ({what})",)
        for line in lines:
            print(line, file=sys.stderr, flush=True)

    def _known(self, name: str) -> str:
        return next((reader.name for reader in self._store.find_readers(name)), "")
