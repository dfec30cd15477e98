"""Signing in: a page with name and password, and a cookie that only the server can read. What it opens is said in gate.py.

What the browser keeps is a random key; whose it is stands in this process's memory, and ends with it, at sign-out, after a while without use,
and after a long day. Wrong passwords are bounded, for who guesses and not for who is guessed at (``wrong_tries.py``), and looked at a few at once
(``password_pool.py``).
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import Scope

from magic_demo.errors import MagicDemoError, StoreError
from magic_demo.limits import LIMITS
from magic_demo.store import Reader, Store
from magic_demo.store.names import fold_name
from magic_demo.store.readers import LONGEST_READER_NAME
from magic_demo.ui.i18n import fill
from magic_demo.ui.known_devices import DEVICE_COOKIE, DEVICE_SECONDS, read_device, write_device
from magic_demo.ui.parameters import LONGEST_FORM, read_form
from magic_demo.ui.password_pool import KNOWN, PasswordPool, TooManyWaitingError
from magic_demo.ui.sign_in_trail import SignInTrail
from magic_demo.ui.wrong_tries import WrongTries, find_source

COOKIE = "magic-demo-reader"
DRAFTS_COOKIE = "magic-demo-drafts-of"
"""Whose work in no store the page may offer in this browser: the page reads it, and it opens nothing."""
KEPT_SECONDS = 60.0 * LIMITS.sign_in_minutes
IDLE_SECONDS = 60.0 * LIMITS.sign_in_idle_minutes
REFUSED_SECONDS = 1.0
"""How long who guesses waits for being refused: 60 connections that do nothing else ask no more than 60 times a second."""
MOST_HELD = 256
"""Refusals that wait at once; more come without waiting."""

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Magic Demo</title>
<link rel="icon" href="favicon.ico"><link rel="stylesheet" href="page/theme.css"><link rel="stylesheet" href="page/sign_in.css"><meta name="color-scheme" content="light dark">
<script type="module" src="page/page.mjs"></script></head>
<body class="sign-in"><main><form method="post" action="sign-in">
<svg viewBox="0 0 24 24" aria-hidden="true"><circle cx="12" cy="12" r="9.2"/><path d="M7.6 12.6c.6-4 4-5.600 6.500-4.200 3 1.600 3 6-.3 7-3 .9-6.500-.4-6.200-2.800Z"/></svg>
<h1>[[app.title]]</h1><p class="sign-note">[[app.subtitle]]</p>
REFUSED<label><span>[[sign.name]]</span><input name="name" id="sign-name" autocomplete="username" autofocus required maxlength="LONGEST_NAME"></label>
<label><span>[[sign.password]]</span><input name="password" id="sign-password" type="password" autocomplete="current-password" required maxlength="1000"></label>
<button id="sign-enter">[[sign.enter]]</button><p class="sign-note">[[sign.who]]</p><p class="sign-note">[[app.disclaimer]]</p></form></main></body></html>
"""


@dataclass
class _Entry:
    name: str
    access: str
    until: float
    used: float


class TooManyTriesError(MagicDemoError):
    """Too many wrong passwords came for this name or from this address."""


class SignIns:
    """Who is signed in, by the key in their cookie."""

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._trail = SignInTrail(store, clock=clock)
        self._entries: dict[str, _Entry] = {}
        self._lock = threading.Lock()
        self._tries = WrongTries(clock)
        self.pool = PasswordPool()

    def find_device(self, name: str, cookie: str) -> str | None:
        """Return the device that a browser's cookie says it is, where the reader of this name has signed in on it; None for no known one."""
        try:
            return read_device(cookie, self._store.reader(name)) if cookie else None
        except StoreError:
            return None  # there is no such reader, or no store to ask: the check of the password says which

    def check_tries(self, name: str, address: str = "", device: str | None = None) -> None:
        """Raise TooManyTriesError where no more passwords are looked at for now. address: where the try comes from; device: see ``find_device``."""
        if not self._tries.allows(find_source(address), _fold(name), device):
            raise TooManyTriesError("too many wrong passwords; wait a minute and try again")

    def note_stopped(self, name: str, address: str) -> None:
        """Keep in the audit trail that a try was refused unseen."""
        self._trail.note("sign-in stopped", name, address)

    def enter(self, name: str, password: str, address: str = "", device: str | None = None) -> str | None:
        """Return a new key when the password is the reader's, else None. Raises TooManyTriesError before the password is looked at."""
        self.check_tries(name, address, device)
        reader = self._store.check_password(name, password)
        self._trail.note("sign-in" if reader is not None else "sign-in refused", name, address)
        (self._tries.note_wrong if reader is None else self._tries.note_right)(find_source(address), _fold(name), device)
        if reader is None:
            return None
        key = secrets.token_urlsafe(32)
        with self._lock:
            now = self._clock()
            self._entries = {digest: entry for digest, entry in self._entries.items() if self._lasts(entry, now)}
            self._entries[_digest(key)] = _Entry(reader.name, reader.access, now + KEPT_SECONDS, now)
        return key

    def write_device(self, name: str) -> str:
        """Return the cookie by which the browser is known again that the reader has just signed in on. Raises StoreError."""
        return write_device(self._store.reader(name))

    def find_reader(self, cookies: Mapping[str, str]) -> Reader | None:
        """Return the reader whose key the cookies hold, as the store has them now; None for nobody. Raises StoreError.

        Who was removed since, or has another password, is nobody until they sign in again.
        """
        key = _digest(cookies.get(COOKIE, ""))
        with self._lock:
            entry = self._entries.get(key)
            if entry is None or not self._lasts(entry, self._clock()):
                return None
        reader = self._store.reader(entry.name)
        if reader.removed or not reader.has_password or reader.access != entry.access:
            self.leave(cookies)
            return None
        return reader

    def note_use(self, cookies: Mapping[str, str]) -> None:
        """Note that the reader did something: the time without use begins anew."""
        with self._lock:
            if entry := self._entries.get(_digest(cookies.get(COOKIE, ""))):
                entry.used = self._clock()

    def leave(self, cookies: Mapping[str, str], address: str | None = None) -> None:
        """Forget the key that the cookies hold. address: from which the reader asks for it, None where the program does."""
        with self._lock:
            entry = self._entries.pop(_digest(cookies.get(COOKIE, "")), None)
        if entry is not None and address is not None:
            self._trail.note("sign-out", entry.name, address)

    def _lasts(self, entry: _Entry, now: float) -> bool:
        return now < entry.until and now < entry.used + IDLE_SECONDS


def list_sign_in_routes(sign_ins: SignIns, refused_seconds: float = REFUSED_SECONDS) -> list[Route]:
    """Return the routes of signing in and out. refused_seconds: how long who has tried too often waits for being told."""
    held = 0

    async def show(_request: Request) -> Response:
        return HTMLResponse(_fill_page(""))

    async def refuse() -> Response:
        nonlocal held
        if held < MOST_HELD:
            held += 1
            try:
                await asyncio.sleep(refused_seconds)
            finally:
                held -= 1
        return HTMLResponse(_fill_page("sign.wait"), 429, headers={"Retry-After": "60"})

    async def enter(request: Request) -> Response:
        address = request.client.host if request.client is not None else ""
        try:
            name, password = await _read_form(request)
            cookie = request.cookies.get(DEVICE_COOKIE, "")
            device = await run_in_threadpool(sign_ins.find_device, name, cookie) if cookie else None
            sign_ins.check_tries(name, address, device)
            line = KNOWN if device is not None else find_source(address)
            key = await sign_ins.pool.run(line, partial(sign_ins.enter, name, password, address, device))
            cookie = await run_in_threadpool(sign_ins.write_device, name) if key is not None and device is None else ""
        except TooManyTriesError:
            await run_in_threadpool(sign_ins.note_stopped, name, address)
            return await refuse()
        except TooManyWaitingError:
            return HTMLResponse(_fill_page("sign.busy"), 503, headers={"Retry-After": "60"})
        except MagicDemoError as error:
            return PlainTextResponse(str(error), 503)
        if key is None:
            return HTMLResponse(_fill_page("sign.refused"), 403)
        entered = RedirectResponse("./", 303)
        secure = is_secure(request.headers, request.scope)
        entered.set_cookie(COOKIE, key, max_age=int(KEPT_SECONDS), httponly=True, samesite="strict", secure=secure)
        mine = _digest(fold_name(name))[:16]
        entered.set_cookie(DRAFTS_COOKIE, mine, max_age=int(KEPT_SECONDS), samesite="strict", secure=secure)
        if cookie:
            entered.set_cookie(DEVICE_COOKIE, cookie, max_age=DEVICE_SECONDS, httponly=True, samesite="strict", secure=secure)
        return entered

    async def leave(request: Request) -> Response:
        await run_in_threadpool(sign_ins.leave, request.cookies, request.client.host if request.client is not None else "")
        left = RedirectResponse("sign-in", 303)
        left.delete_cookie(COOKIE, httponly=True, samesite="strict")
        left.delete_cookie(DRAFTS_COOKIE, samesite="strict")
        return left

    return [Route("/sign-in", show), Route("/sign-in", enter, methods=["POST"]), Route("/sign-out", leave)]


def is_secure(headers: Mapping[str, str], scope: Scope) -> bool:
    """Return whether the browser came over https, which a proxy before the page says in its own header."""
    return scope.get("scheme") == "https" or headers.get("x-forwarded-proto", "").partition(",")[0].strip() == "https"


async def _read_form(request: Request) -> tuple[str, str]:
    """Read name and password of a form; what is longer than a form of this page counts as empty."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_FORM:
            return "", ""
    fields = read_form(body)
    return fields.get("name", ""), fields.get("password", "")


@lru_cache(maxsize=8)
def _fill_page(problem: str) -> str:
    """Return the form, with a line above it where the last try went wrong."""
    line = f'<p class="sign-refused" role="alert">[[{problem}]]</p>' if problem else ""
    return fill(_PAGE.replace("REFUSED", line).replace("LONGEST_NAME", str(LONGEST_READER_NAME)))


def _fold(name: str) -> str:
    return fold_name(name)[:LONGEST_READER_NAME]


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
