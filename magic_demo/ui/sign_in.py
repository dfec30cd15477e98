"""Signing in: a page with name and password, and a cookie that only the server can read. What it opens is said in gate.py.

What the browser keeps is a random key; whose it is stands in this process's memory, and ends with it, at sign-out, after a while without use,
and after a long day. Wrong passwords are bounded for each name and for each address that they come from.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import Scope

from magic_demo.errors import MagicDemoError
from magic_demo.limits import LIMITS
from magic_demo.store import Reader, Store
from magic_demo.store.names import fold_name
from magic_demo.store.readers import LONGEST_READER_NAME
from magic_demo.ui.i18n import fill
from magic_demo.ui.rate_limit import RateLimit

COOKIE = "magic-demo-reader"
KEPT_SECONDS = 60.0 * LIMITS.sign_in_minutes
IDLE_SECONDS = 60.0 * LIMITS.sign_in_idle_minutes
NAME_TRIES = (LIMITS.sign_in_tries, 1 / 60)
"""Wrong passwords of one name: how many at once, and how many a second for long."""
ADDRESS_TRIES = (6 * LIMITS.sign_in_tries, 1 / 10)
"""The same from one address, whoever's names: a room may share one."""
LONGEST_FORM = 16384
CHECKED_AT_ONCE = 2
"""Each check takes 64 MB for a moment: that is what makes guessing slow."""

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Magic Demo</title>
<link rel="stylesheet" href="page/theme.css"><link rel="stylesheet" href="page/sign_in.css"><meta name="color-scheme" content="light dark">
<script type="module" src="page/page.mjs"></script></head>
<body class="sign-in"><main><form method="post" action="sign-in">
<svg viewBox="0 0 24 24" aria-hidden="true"><circle cx="12" cy="12" r="9.2"/><path d="M7.6 12.6c.6-4 4-5.600 6.500-4.200 3 1.600 3 6-.3 7-3 .9-6.500-.4-6.200-2.800Z"/></svg>
<h1>[[app.title]]</h1><p class="sign-note">[[app.subtitle]]</p>
REFUSED<label><span>[[sign.name]]</span><input name="name" id="sign-name" autocomplete="username" autofocus required maxlength="60"></label>
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
        self._entries: dict[str, _Entry] = {}
        self._lock = threading.Lock()
        self._checking = threading.Semaphore(CHECKED_AT_ONCE)
        self._names = RateLimit(*NAME_TRIES, clock=clock)
        self._addresses = RateLimit(*ADDRESS_TRIES, clock=clock)

    def enter(self, name: str, password: str, address: str = "") -> str | None:
        """Return a new key when the password is the reader's, else None. Raises TooManyTriesError before the password is looked at."""
        folded = fold_name(name)[:LONGEST_READER_NAME]
        if not (self._addresses.allows(address) and self._names.allows(folded)):
            raise TooManyTriesError("too many wrong passwords; wait a minute and try again")
        with self._checking:
            reader = self._store.check_password(name, password)
        if reader is None:
            return None
        self._addresses.give_back(address)
        self._names.give_back(folded)
        key = secrets.token_urlsafe(32)
        with self._lock:
            now = self._clock()
            self._entries = {digest: entry for digest, entry in self._entries.items() if self._lasts(entry, now)}
            self._entries[_digest(key)] = _Entry(reader.name, reader.access, now + KEPT_SECONDS, now)
        return key

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

    def leave(self, cookies: Mapping[str, str]) -> None:
        """Forget the key that the cookies hold."""
        with self._lock:
            self._entries.pop(_digest(cookies.get(COOKIE, "")), None)

    def _lasts(self, entry: _Entry, now: float) -> bool:
        return now < entry.until and now < entry.used + IDLE_SECONDS


def list_sign_in_routes(sign_ins: SignIns) -> list[Route]:
    """Return the routes of signing in and out."""

    async def show(_request: Request) -> Response:
        return HTMLResponse(_fill_page(""))

    async def enter(request: Request) -> Response:
        address = request.client.host if request.client is not None else ""
        try:
            name, password = await _read_form(request)
            key = await run_in_threadpool(sign_ins.enter, name, password, address)
        except TooManyTriesError:
            return HTMLResponse(_fill_page("sign.wait"), 429, headers={"Retry-After": "60"})
        if key is None:
            return HTMLResponse(_fill_page("sign.refused"), 403)
        entered = RedirectResponse("./", 303)
        secure = is_secure(request.headers, request.scope)
        entered.set_cookie(COOKIE, key, max_age=int(KEPT_SECONDS), httponly=True, samesite="strict", secure=secure)
        return entered

    async def leave(request: Request) -> Response:
        sign_ins.leave(request.cookies)
        left = RedirectResponse("sign-in", 303)
        left.delete_cookie(COOKIE, httponly=True, samesite="strict")
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
    fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
    return fields.get("name", [""])[0], fields.get("password", [""])[0]


def _fill_page(problem: str) -> str:
    """Return the form, with a line above it where the last try went wrong."""
    line = f'<p class="sign-refused" role="alert">[[{problem}]]</p>' if problem else ""
    return fill(_PAGE.replace("REFUSED", line))


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
