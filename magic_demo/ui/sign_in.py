"""Signing in: a page with name and password, a cookie that only the server can read, and a gate before everything else.

What the browser keeps is a random key; whose it is stands in this process's memory, and ends with it, after KEPT_SECONDS, or at sign-out.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections.abc import Callable, Mapping

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from magic_demo.store import Store
from magic_demo.ui.i18n import fill

COOKIE = "magic-demo-reader"
KEPT_SECONDS = 14 * 3600.0
"""A long day at the page."""
OPEN_PATHS = ("/page/", "/favicon.ico", "/sign-in", "/board", "/join", "/gradio_api/startup-events")
"""What nobody has to sign in for: the page's own files, signing in, the audience board (synthetic cases only), Gradio's own start."""

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
_REFUSED = '<p class="sign-refused" role="alert">[[sign.refused]]</p>'


class SignIns:
    """Who is signed in, by the key in their cookie."""

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._readers: dict[str, tuple[str, float]] = {}
        self._lock = threading.Lock()

    def enter(self, name: str, password: str) -> str | None:
        """Return a new key when the password is the reader's, else None."""
        reader = self._store.check_password(name, password)
        if reader is None:
            return None
        key = secrets.token_urlsafe(32)
        with self._lock:
            now = self._clock()
            self._readers = {digest: kept for digest, kept in self._readers.items() if kept[1] > now}
            self._readers[_digest(key)] = (reader.name, now + KEPT_SECONDS)
        return key

    def reader(self, cookies: Mapping[str, str]) -> str | None:
        """Return the reader whose key the cookies hold, None where it is nobody's any more."""
        with self._lock:
            name, until = self._readers.get(_digest(cookies.get(COOKIE, "")), ("", 0.0))
        return name if name and until > self._clock() else None

    def leave(self, cookies: Mapping[str, str]) -> None:
        """Forget the key that the cookies hold."""
        with self._lock:
            self._readers.pop(_digest(cookies.get(COOKIE, "")), None)


class Gate:
    """Lets nobody but signed-in readers past, but for OPEN_PATHS: pages lead to the sign-in page, everything else is refused."""

    def __init__(self, app: ASGIApp, sign_ins: SignIns) -> None:
        self._app = app
        self._sign_ins = sign_ins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it."""
        path = str(scope.get("path", ""))
        if scope["type"] == "lifespan" or path.startswith(OPEN_PATHS) or self._sign_ins.reader(_cookies(scope)) is not None:
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            refused: Response = PlainTextResponse("sign in first", 401)
            if scope.get("method") == "GET" and (path in ("", "/") or "text/html" in Headers(scope=scope).get("accept", "")):
                refused = RedirectResponse("sign-in", 303)
            await refused(scope, receive, send)


def list_sign_in_routes(sign_ins: SignIns) -> list[Route]:
    """Return the routes of signing in and out."""

    async def show(_request: Request) -> Response:
        return HTMLResponse(fill(_PAGE.replace("REFUSED", "")))

    async def enter(request: Request) -> Response:
        form = await request.form()
        key = await run_in_threadpool(sign_ins.enter, str(form.get("name") or ""), str(form.get("password") or ""))
        if key is None:
            return HTMLResponse(fill(_PAGE.replace("REFUSED", _REFUSED)), 403)
        entered = RedirectResponse("./", 303)
        secure = request.url.scheme == "https"
        entered.set_cookie(COOKIE, key, max_age=int(KEPT_SECONDS), httponly=True, samesite="strict", secure=secure)
        return entered

    async def leave(request: Request) -> Response:
        sign_ins.leave(request.cookies)
        left = RedirectResponse("sign-in", 303)
        left.delete_cookie(COOKIE)
        return left

    return [Route("/sign-in", show), Route("/sign-in", enter, methods=["POST"]), Route("/sign-out", leave)]


def _cookies(scope: Scope) -> Mapping[str, str]:
    pairs = (pair.strip().partition("=") for pair in Headers(scope=scope).get("cookie", "").split(";"))
    return {name: value for name, _, value in pairs}


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
