"""Who is signed in, by the key in their cookie.

What the browser keeps is a random key; whose it is stands in the store, by the key's digest, for every process that
shows it. It ends at sign-out, after a while without use, and after a long day. A proxy that signs people in names
the reader in a header instead (``server/sign_in/trusted_proxy.py``); such a sign-in has a key that no browser sees. Wrong passwords are bounded, for who guesses and
not for who is guessed at (``wrong_tries.py``), and looked at a few at once (``password_pool.py``).
"""

from __future__ import annotations

import hashlib
import re
import secrets
import threading
import time
from collections.abc import Callable, Mapping

from magic_demo.core.errors import MagicDemoError, StoreError
from magic_demo.page.session.sign_in.kept_sign_ins import IDLE_SECONDS, KEPT_SECONDS, KeptSignIns
from magic_demo.page.session.sign_in.known_devices import read_device, write_device
from magic_demo.page.session.sign_in.password_pool import PasswordPool
from magic_demo.page.session.sign_in.sign_in_trail import SignInTrail
from magic_demo.page.session.sign_in.wrong_tries import WrongTries, find_source
from magic_demo.reviews.store import LOCAL_READER, Reader, Store
from magic_demo.reviews.store.names import fold_name
from magic_demo.reviews.store.rows.readers import LONGEST_READER_NAME

COOKIE = "magic-demo-reader"
__all__ = ["COOKIE", "IDLE_SECONDS", "KEPT_SECONDS", "SignIns", "TooManyTriesError", "digest_text"]
_KEY = re.compile(r"[A-Za-z0-9_-]{43}")


class TooManyTriesError(MagicDemoError):
    """Too many wrong passwords came for this name or from this address."""


class SignIns:
    """Who is signed in, by the key in their cookie."""

    def __init__(self, store: Store, *, clock: Callable[[], float] | None = None) -> None:
        """Know who is signed in. clock: in place of the system's, for the tries and the sign-ins."""
        self._store = store
        self._trail = SignInTrail(store, clock=clock or time.monotonic)
        self._kept = KeptSignIns(store, clock or time.time)
        self._by_proxy: dict[str, str] = {}
        self._proxied: dict[str, str] = {}
        self._lock = threading.Lock()
        self._tries = WrongTries(clock or time.monotonic)
        self.pool = PasswordPool()

    def find_device(self, name: str, cookie: str) -> str | None:
        """Return the device that a browser's cookie says it is, where the reader of this name has signed in
        on it; None for no known one."""
        try:
            return read_device(cookie, self._store.reader(name)) if cookie else None
        except StoreError:
            return None  # there is no such reader, or no store to ask: the check of the password says which

    def check_tries(self, name: str, address: str = "", device: str | None = None) -> None:
        """Raise TooManyTriesError where no more passwords are looked at for now. address: where the try comes
        from; device: see ``find_device``."""
        if not self._tries.allows(find_source(address), _fold(name), device):
            raise TooManyTriesError("too many wrong passwords; wait a minute and try again")

    def note_stopped(self, name: str, address: str) -> None:
        """Keep in the audit trail that a try was refused unseen."""
        self._trail.note("sign-in stopped", name, address)

    def enter(self, name: str, password: str, address: str = "", device: str | None = None) -> str | None:
        """Return a new key when the password is the reader's, else None.

        Raises TooManyTriesError before the password is looked at.
        """
        self.check_tries(name, address, device)
        reader = self._store.check_password(name, password)
        self._trail.note("sign-in" if reader is not None else "sign-in refused", name, address)
        (self._tries.note_wrong if reader is None else self._tries.note_right)(
            find_source(address), _fold(name), device
        )
        if reader is None:
            return None
        key = secrets.token_urlsafe(32)
        self._kept.add(digest_text(key), reader.name, reader.access)
        return key

    def enter_by_proxy(self, name: str, address: str = "") -> str | None:
        """Return the key of a reader whom a trusted proxy names, None where there is no such reader; nobody keeps
        it but this process. Raises StoreError."""
        folded = fold_name(name)  # whole: names that begin alike are not one
        with self._lock:
            key = self._by_proxy.get(folded)
        if key is not None and self.find_reader({COOKIE: key}) is not None:
            return key
        # the local reader is who reads without signing in, never somebody whose account is called so
        found = (reader for reader in self._store.find_readers(name) if reader.name != LOCAL_READER)
        reader = next((reader for reader in found if not reader.removed), None)
        self._trail.note("sign-in" if reader is not None else "sign-in refused", name, address)
        if reader is None:
            return None
        key = secrets.token_urlsafe(32)
        with self._lock:
            self._proxied[key], self._by_proxy[folded] = reader.name, key
        return key

    def write_device(self, name: str) -> str:
        """Return the cookie by which the browser is known again that the reader has just signed in on.

        Raises StoreError.
        """
        return write_device(self._store.reader(name))

    def find_reader(self, cookies: Mapping[str, str]) -> Reader | None:
        """Return the reader whose key the cookies hold, as the store has them now; None for nobody.

        Raises StoreError.

        Who was removed since, or has another password, is nobody until they sign in again.
        """
        key = cookies.get(COOKIE, "")
        if (name := self._proxied.get(key)) is not None:
            reader = self._store.reader(name)
            return None if reader.removed else reader
        entry = self._kept.find(digest_text(key)) if _KEY.fullmatch(key) else None
        if entry is None:
            return None
        reader = self._store.reader(entry.name)
        if reader.removed or not reader.has_password or reader.access != entry.access:
            self.leave(cookies)
            return None
        return reader

    def note_use(self, cookies: Mapping[str, str]) -> None:
        """Note that the reader did something: the time without use begins anew."""
        self._kept.note_use(digest_text(cookies.get(COOKIE, "")))

    def leave(self, cookies: Mapping[str, str], address: str | None = None) -> None:
        """Forget the key that the cookies hold. address: from which the reader asks for it, None where the
        program does. Raises StoreError."""
        entry = self._kept.end(digest_text(cookies.get(COOKIE, "")))
        if entry is not None and address is not None:
            self._trail.note("sign-out", entry.name, address)


def _fold(name: str) -> str:
    return fold_name(name)[:LONGEST_READER_NAME]


def digest_text(text: str) -> str:
    """Return the SHA-256 of a text as hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
