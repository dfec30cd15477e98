"""The gate before the page: what DOORS allow goes on as it was read here, all else is answered here."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from magic_demo.core.errors import MagicDemoError
from magic_demo.core.limits import LIMITS
from magic_demo.page.gradio_internals import addresses
from magic_demo.page.gradio_internals.events import find_page, is_tick
from magic_demo.page.server.gate.bodies import read_body, replay
from magic_demo.page.server.gate.doors import STREAMS, find_body, find_door
from magic_demo.page.server.gate.headers import SecurityHeaders
from magic_demo.page.server.gate.programs import BOUNDS, Programs, answer_program
from magic_demo.page.server.reach import is_near
from magic_demo.page.server.requests.faults import Faults
from magic_demo.page.server.requests.parameters import (
    LONGEST_FORM,
    Bounds,
    RefusedError,
    check_form_type,
    check_headers,
    check_json_type,
    read_cookies,
    read_form,
    read_object,
    read_query,
    rewrite,
)
from magic_demo.page.server.requests.payloads import SMALL, read_event
from magic_demo.page.server.requests.streams import WATCH_SECONDS, pass_while
from magic_demo.page.server.sign_in.sign_in import is_secure
from magic_demo.page.server.sign_in.trusted_proxy import TakeName, TrustedProxy, find_named
from magic_demo.page.session.sign_in.sign_ins import COOKIE, SignIns
from magic_demo.page.texts.i18n import line_in_both
from magic_demo.reviews.store.rules import Action, may

_Found = TypeVar("_Found")
LookForSignIns = Callable[[], SignIns | None]

THREADS = 16
"""The gate's own threads: all others together are 40, and whoever draws thumbnails, packs exports or reads files may hold
every one of them while a save wants in."""
_FIELDS = Bounds(4096, items=50, containers=10)
_PAGES = ("/", "/agreement")
_SESSION = re.compile(r"[A-Za-z0-9_-]{1,64}")
BROWSER_COOKIE = "magic-demo-browser"
"""Where nobody signs in: a random word by which a browser is known again, until it is closed."""


def list_gates(
    sign_ins: SignIns | None,
    host: str,
    look: LookForSignIns | None = None,
    programs: Programs | None = None,
    proxy: TrustedProxy | None = None,
) -> list[Middleware]:
    """Return what stands before the page. host: the address that it listens on; look, programs: as ``Gate``
    takes them. proxy: whose word counts for who somebody is."""
    return [
        *([Middleware(TakeName, proxy=proxy)] if proxy is not None else []),
        Middleware(Faults),
        Middleware(SecurityHeaders),
        Middleware(Gate, sign_ins=sign_ins, near=is_near(host), look=look, programs=programs),
    ]


class Sessions:
    """Whose each browser session is: who uses a session's number first.

    The one that was used longest ago is forgotten first.
    """

    def __init__(self, most: int = 8192) -> None:
        self._most = most
        self._owners: OrderedDict[str, str] = OrderedDict()
        self._lock = threading.Lock()

    def belongs(self, session: str, owner: str) -> bool:
        """Return whether a session is the owner's, or nobody's yet and now the owner's."""
        with self._lock:
            holder = self._owners.setdefault(session, owner)
            self._owners.move_to_end(session)
            while len(self._owners) > self._most:
                self._owners.popitem(last=False)
        return holder == owner


class Gate:
    """Stands before the page: passes on what DOORS allow to who may ask, a session's requests to the
    session's owner alone.

    sign_ins: None where nobody signs in. near: whether the page answers this computer alone, when another
    site's name for it is refused.
    look: asked at every request while nobody signs in, whether somebody has to from now on. programs: who may
    use the doors of other programs; None where there are none.
    """

    def __init__(
        self,
        app: ASGIApp,
        sign_ins: SignIns | None = None,
        *,
        near: bool = False,
        look: LookForSignIns | None = None,
        programs: Programs | None = None,
    ) -> None:
        self._app = app
        self._programs = programs
        self._sign_ins = sign_ins
        self._look = look
        self._near = near
        self._sessions = Sessions()
        self._large = asyncio.Lock()
        self._threads = ThreadPoolExecutor(THREADS, "gate")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on as it was read here, or answer it."""
        if scope["type"] == "http":
            try:
                scope, receive, send = await self._check(scope, receive, send)
            except RefusedError as refusal:
                of_program = self._programs is not None and self._programs.owns(str(scope["path"]))
                answer = answer_program(refusal) if of_program else _answer(scope, refusal)
                await answer(scope, receive, send)
                return
        elif scope["type"] == "websocket":  # the page opens none
            await send({"type": "websocket.close"})
            return
        if scope["type"] == "http" and STREAMS.fullmatch(str(scope["path"])):
            await self._pass_stream(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _pass_stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a stream on for as long as its request would be answered: a password that changes ends it."""
        cookies = read_cookies(scope)
        try:
            owner = await self._find_owner(cookies, None)
        except RefusedError as refusal:  # since it was let in
            await _answer(scope, refusal)(scope, receive, send)
            return

        async def may_go_on() -> bool:
            try:
                return await self._find_owner(cookies, None) == owner
            except RefusedError as refusal:
                # a store that cannot be asked for a moment says nothing of the reader
                return refusal.status != 401

        await pass_while(may_go_on, self._app, scope, receive, send, WATCH_SECONDS)

    async def _check(self, scope: Scope, receive: Receive, send: Send) -> tuple[Scope, Receive, Send]:
        """Return what to pass on of a request. Raises RefusedError."""
        method, path, headers = str(scope["method"]), str(scope["path"]), Headers(scope=scope)
        programs = self._programs if self._programs is not None and self._programs.owns(path) else None
        if programs is not None:
            programs.check_method(method, path)
        check_headers(scope, parts=programs is not None and programs.takes_parts(path))
        if self._near and self._sign_ins is None and not is_near(_host_name(headers)):
            raise RefusedError(
                421, "only this computer can open this page; open it as http://127.0.0.1 with its port"
            )
        if programs is not None:
            _check_origin(headers, navigates=False)
            return (*await self._admit_program(programs, scope, receive, headers), send)
        who = find_door(method, path)
        if who is None:
            raise RefusedError(404, "there is nothing here")
        cookies, query = await self._read_cookies(scope), read_query(scope)
        if method == "POST" or who != "anybody":
            _check_origin(headers, navigates=method != "POST" and headers.get("sec-fetch-mode") == "navigate")
        owner = ""
        if who != "anybody":
            owner = await self._find_owner(cookies, None if who == "reader" else who)
        event, body = await self._read_posted(scope, receive, headers) if method == "POST" else (None, None)
        session = event[addresses.SESSION] if event is not None else addresses.find_session(path, query)
        if session is not None:
            if not _SESSION.fullmatch(session):
                raise RefusedError(400, "the session's number is missing; reload the page")
            if not self._sessions.belongs(session, owner):
                raise RefusedError(403, "this is another browser's session; reload the page")
        if self._sign_ins is not None and who != "anybody" and not _asks_by_itself(scope, event):
            self._sign_ins.note_use(cookies)
        if self._sign_ins is None and path in _PAGES and BROWSER_COOKIE not in cookies:
            send = _set_cookie(send, secure=is_secure(headers, scope))
        return rewrite(scope, query, cookies, body), receive if body is None else replay(body, receive), send

    async def _read_cookies(self, scope: Scope) -> dict[str, str]:
        """Return a request's cookies; where a trusted proxy names a reader, with the key of that reader.

        Raises RefusedError where it names nobody who is one.
        """
        cookies, name = read_cookies(scope), find_named(scope)
        if name is None or self._sign_ins is None:
            return cookies
        address = scope["client"][0] if scope.get("client") else ""
        try:
            key = await self._run_apart(self._sign_ins.enter_by_proxy, name, address)
        except MagicDemoError as error:
            raise RefusedError(503, error.message) from error
        if key is None:
            raise RefusedError(
                403, "you have signed in, but are no reader here; ask an adjudicator to add you"
            )
        return {**cookies, COOKIE: key}

    async def _admit_program(
        self, programs: Programs, scope: Scope, receive: Receive, headers: Headers
    ) -> tuple[Scope, Receive]:
        """Return what to pass on of another program's request. Raises RefusedError."""
        scope, kind = await programs.admit(scope, headers)
        if kind is None or kind == "case":
            return rewrite(scope, read_query(scope), {}), receive
        check_json_type(headers.get("content-type", ""))
        body = await read_body(receive, headers, BOUNDS[kind].size)
        async with self._large if len(body) > SMALL.size else nullcontext():
            fields = await self._run_apart(read_object, body, BOUNDS[kind])
        body = json.dumps(fields, ensure_ascii=False).encode()
        return rewrite(scope, read_query(scope), {}, body), replay(body, receive)

    async def _read_posted(
        self, scope: Scope, receive: Receive, headers: Headers
    ) -> tuple[dict[str, Any] | None, bytes | None]:
        """Return the event that a request's body is, if it is one, and the body to hand on, None where nobody
        reads it before its route."""
        path = str(scope["path"])
        kind = find_body(path)
        if kind == "bytes":
            return None, None
        if kind is None:
            raise RefusedError(404, "there is nothing here")
        if kind == "form":
            check_form_type(headers.get("content-type", ""))
            return None, urlencode(read_form(await read_body(receive, headers, LONGEST_FORM))).encode()
        check_json_type(headers.get("content-type", ""))
        if kind == "json":
            fields = read_object(await read_body(receive, headers, _FIELDS.size), _FIELDS)
            return None, json.dumps(fields, ensure_ascii=False).encode()
        body = await read_body(receive, headers, LIMITS.request_bytes)
        page, cancels = find_page(scope), kind == "cancel"
        if len(body) <= SMALL.size:
            return read_event(body, page, cancels=cancels)
        async with self._large:  # one at a time: each holds everybody for some moments
            return await self._run_apart(read_event, body, page, cancels=cancels)

    async def _run_apart(self, work: Callable[..., _Found], *arguments: Any, **named: Any) -> _Found:
        """Return what ``work`` returns, called in one of the gate's own threads."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, partial(work, *arguments, **named))

    async def _find_owner(self, cookies: Mapping[str, str], action: Action | None) -> str:
        """Return whose a request is.

        Raises RefusedError for nobody, and for who may not do what is asked for.
        """
        if self._sign_ins is None and self._look is not None:
            self._sign_ins = await self._run_apart(self._look)
        if self._sign_ins is None:
            return f"browser {cookies.get(BROWSER_COOKIE, '')}"
        try:
            reader = await self._run_apart(self._sign_ins.find_reader, cookies)
        except MagicDemoError as error:
            raise RefusedError(503, error.message) from error
        if reader is None:
            raise RefusedError(401, "sign in first")
        if action is not None and not may(reader.role, action):
            raise RefusedError(
                403,
                "{reader} is a {role}, who may not {action}; readers role changes that",
                reader=reader.name,
                role=reader.role,
                action=action,
            )
        return f"reader {reader.name}"


def _answer(scope: Scope, refusal: RefusedError) -> Response:
    """Return a refusal; who asks for a page without having signed in is led to the form."""
    wants_page = scope["path"] in ("", "/") or "text/html" in Headers(scope=scope).get("accept", "")
    if refusal.status == 401 and scope["method"] == "GET" and wants_page:
        return RedirectResponse("../" * (scope["path"].count("/") - 1) + "sign-in", 303)
    if (
        scope["method"] == "POST"
        and str(scope["path"]).startswith("/board/")
        and refusal.status in (400, 413)
    ):
        # as the board itself says it
        return JSONResponse({"reason": "invalid", "error": line_in_both(refusal.message)}, refusal.status)
    return PlainTextResponse("\n".join(line_in_both(refusal.message).values()), refusal.status)


def _check_origin(headers: Headers, *, navigates: bool) -> None:
    """Refuse what another site's page makes a browser send; a link there may lead here."""
    site, origin = headers.get("sec-fetch-site") if not navigates else None, headers.get("origin")
    own = {headers.get("host"), headers.get("x-forwarded-host")}
    if site not in (None, "same-origin", "none") or (
        site is None and origin is not None and urlsplit(origin).netloc not in own
    ):
        raise RefusedError(403, "this came from another site's page; open this page itself")


def _host_name(headers: Headers) -> str:
    try:
        return urlsplit(f"//{headers.get('host', '')}").hostname or ""
    except ValueError:
        return ""


def _asks_by_itself(scope: Scope, read: Mapping[str, Any] | None) -> bool:
    """Return whether a page that nobody touches sends this: a timer's tick, whether the server is there, that
    the page is still open."""
    path, page = str(scope["path"]), find_page(scope)
    if addresses.is_sent_by_itself(path) or path.startswith("/alive"):
        return True
    return read is not None and page is not None and is_tick(page, read.get(addresses.NUMBER))


def _set_cookie(send: Send, *, secure: bool) -> Send:
    async def send_with_cookie(message: Message) -> None:
        if message["type"] == "http.response.start":
            cookie = (
                f"{BROWSER_COOKIE}={secrets.token_urlsafe(32)}; Path=/; HttpOnly; "
                f"SameSite=Lax{'; Secure' if secure else ''}"
            )
            MutableHeaders(scope=message).append("Set-Cookie", cookie)
        await send(message)

    return send_with_cookie
