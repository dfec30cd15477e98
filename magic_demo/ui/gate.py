"""WHO MAY ASK FOR WHAT: every address that the page answers stands here with who may ask for it; whatever else there is, is not answered.

Gradio brings many more routes than the page uses (files by path, downloads of other addresses, monitoring, deep links, code editing, a second
API). They are answered as if they were not there, and so is any that a later version adds.
"""

from __future__ import annotations

import ipaddress
import json
import re
import secrets
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from magic_demo.errors import FormError, MagicDemoError
from magic_demo.limits import LIMITS
from magic_demo.ui.headers import SecurityHeaders
from magic_demo.ui.sign_in import SignIns, is_secure

Who = Literal["anybody", "reader", "presenter"]
"""Everybody; who has signed in; signed in as presenter or adjudicator. Where nobody signs in, everybody is all of them."""

DOORS: tuple[tuple[str, str, Who], ...] = (
    # the page's own files and Gradio's, the same for everybody
    ("GET HEAD", r"/page/.+", "anybody"),
    ("GET HEAD", r"/(assets|static)/.+", "anybody"),
    ("GET HEAD", r"/(theme\.css|favicon\.ico|robots\.txt|manifest\.json)", "anybody"),
    ("GET HEAD POST", r"/sign-in", "anybody"),
    ("GET HEAD", r"/sign-out", "anybody"),
    # the audience: bundled synthetic cases alone, and answers of people without names
    ("GET HEAD", r"/join", "anybody"),
    ("GET HEAD", r"/board/photos/.+", "anybody"),
    ("POST", r"/board/(join|sit|answer)", "anybody"),
    ("GET HEAD", r"/board", "presenter"),
    ("GET HEAD", r"/board/join\.svg", "presenter"),
    ("POST", r"/board/(open|stand|turn|reveal|close)", "presenter"),
    # the page and what it does
    ("GET HEAD", r"/", "reader"),
    ("GET HEAD", r"/agreement", "reader"),
    ("GET HEAD", r"/take-away/[a-z-]+", "reader"),
    ("POST", r"/(photos|start-afresh)", "reader"),
    ("POST", r"/gradio_api/(queue/join|run/predict|cancel)", "reader"),
    ("GET", r"/gradio_api/queue/data", "reader"),
    ("GET", r"/gradio_api/heartbeat/[^/]+", "reader"),
    ("GET", r"/gradio_api/app_id", "reader"),
    ("GET", r"/gradio_api/startup-events", "anybody"),  # Gradio asks itself for it when it starts
)
_DOORS = tuple((frozenset(methods.split()), re.compile(path), who) for methods, path, who in DOORS)
_PRESENTING = ("presenter", "adjudicator")
_JSON = re.compile(r"/gradio_api/(queue/join|run/predict|cancel)")
_PAGES = ("/", "/agreement")
_SESSION = re.compile(r"[A-Za-z0-9_-]{1,64}")
BROWSER_COOKIE = "magic-demo-browser"
"""Where nobody signs in: a random word by which a browser is known again, until it is closed."""


def list_gates(sign_ins: SignIns | None, host: str) -> list[Middleware]:
    """Return what stands before the page. host: the address that it listens on."""
    return [Middleware(SecurityHeaders), Middleware(Gate, sign_ins=sign_ins, near=is_near(host))]


def is_near(host: str) -> bool:
    """Return whether an address to listen on is of this computer alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def find_door(method: str, path: str) -> Who | None:
    """Return who may ask for an address, None where nobody may."""
    return next((who for methods, pattern, who in _DOORS if method in methods and pattern.fullmatch(path)), None)


class Sessions:
    """Whose each browser session is: who uses a session's number first. The one that was used longest ago is forgotten first."""

    def __init__(self, most: int = 8192) -> None:
        self._most = most
        self._owners: OrderedDict[str, str] = OrderedDict()
        self._lock = threading.Lock()

    def belongs(self, session: str, owner: str) -> bool:
        """Return whether a session is the owner's, or nobody's yet and now the owner's."""
        with self._lock:
            held = self._owners.setdefault(session, owner)
            self._owners.move_to_end(session)
            while len(self._owners) > self._most:
                self._owners.popitem(last=False)
        return held == owner


class _RefusedError(Exception):
    def __init__(self, status: int, line: str) -> None:
        super().__init__(line)
        self.status = status


class Gate:
    """Stands before the page: passes on what DOORS allow to who may ask, a session's requests to the session's owner alone.

    sign_ins: None where nobody signs in. near: whether the page answers this computer alone, when another site's name for it is refused.
    """

    def __init__(self, app: ASGIApp, sign_ins: SignIns | None = None, *, near: bool = False) -> None:
        self._app = app
        self._sign_ins = sign_ins
        self._near = near
        self._sessions = Sessions()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it."""
        if scope["type"] == "http":
            try:
                receive, send = await self._check(scope, receive, send)
            except _RefusedError as refusal:
                await _answer(scope, refusal)(scope, receive, send)
                return
        elif scope["type"] == "websocket":  # the page opens none
            await send({"type": "websocket.close"})
            return
        await self._app(scope, receive, send)

    async def _check(self, scope: Scope, receive: Receive, send: Send) -> tuple[Receive, Send]:
        """Return what to pass on with a request. Raises _RefusedError."""
        method, path, headers = str(scope["method"]), str(scope["path"]), Headers(scope=scope)
        cookies = cookie_parser(headers.get("cookie", ""))
        if self._near and self._sign_ins is None and not is_near(_host_name(headers)):
            raise _RefusedError(421, "this page answers on this computer alone; open it as http://127.0.0.1 with its port")
        who = find_door(method, path)
        if who is None:
            raise _RefusedError(404, "there is nothing here")
        if method == "POST" or who != "anybody":
            _check_origin(headers, navigates=method != "POST" and headers.get("sec-fetch-mode") == "navigate")
        owner = ""
        if who != "anybody":
            owner = await self._find_owner(cookies, presenting=who == "presenter")
        session, told = _named_session(scope), None
        if _JSON.fullmatch(path):
            body = await _read_body(receive)
            told = _read_object(body)
            session = told.get("session_hash")
            receive = _replay(body, receive)
        if told is not None or session is not None:
            if not isinstance(session, str) or not _SESSION.fullmatch(session):
                raise _RefusedError(400, "the session's number is missing; reload the page")
            if not self._sessions.belongs(session, owner):
                raise _RefusedError(403, "this is another browser's session; reload the page")
        if told is not None:
            _check_event(scope, told)
        if self._sign_ins is not None and who != "anybody" and not _asks_by_itself(scope, told):
            self._sign_ins.note_use(cookies)
        if self._sign_ins is None and path in _PAGES and BROWSER_COOKIE not in cookies:
            send = _set_cookie(send, secure=is_secure(headers, scope))
        return receive, send

    async def _find_owner(self, cookies: Mapping[str, str], *, presenting: bool) -> str:
        """Return whose a request is. Raises _RefusedError for nobody, and for who is no presenter where one is needed."""
        if self._sign_ins is None:
            return f"browser {cookies.get(BROWSER_COOKIE, '')}"
        try:
            reader = await run_in_threadpool(self._sign_ins.find_reader, cookies)
        except MagicDemoError as error:
            raise _RefusedError(503, str(error)) from error
        if reader is None:
            raise _RefusedError(401, "sign in first")
        if presenting and reader.role not in _PRESENTING:
            raise _RefusedError(403, f"the board is a presenter's or adjudicator's, {reader.name} is a {reader.role}")
        return f"reader {reader.name}"


def _answer(scope: Scope, refusal: _RefusedError) -> Response:
    """Return a refusal; who asks for a page without having signed in is led to the form."""
    wants_page = scope["path"] in ("", "/") or "text/html" in Headers(scope=scope).get("accept", "")
    if refusal.status == 401 and scope["method"] == "GET" and wants_page:
        return RedirectResponse("../" * (scope["path"].count("/") - 1) + "sign-in", 303)
    return PlainTextResponse(str(refusal), refusal.status)


def _check_origin(headers: Headers, *, navigates: bool) -> None:
    """Refuse what another site's page makes a browser send; a link there may lead here."""
    site, origin = headers.get("sec-fetch-site") if not navigates else None, headers.get("origin")
    own = {headers.get("host"), headers.get("x-forwarded-host")}
    if site not in (None, "same-origin", "none") or (site is None and origin is not None and urlsplit(origin).netloc not in own):
        raise _RefusedError(403, "this came from another site's page; open this page itself")


def _host_name(headers: Headers) -> str:
    try:
        return urlsplit(f"//{headers.get('host', '')}").hostname or ""
    except ValueError:
        return ""


def _named_session(scope: Scope) -> str | None:
    """Return the session that an address names, None where it names none."""
    path = str(scope["path"])
    if path.startswith("/gradio_api/heartbeat/"):
        return path.rpartition("/")[2]
    if path == "/gradio_api/queue/data":
        return next(iter(parse_qs(scope["query_string"].decode("latin-1")).get("session_hash", [])), "")
    return None


async def _read_body(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise _RefusedError(400, "the request was cut short")
        body += message.get("body", b"")
        if len(body) > LIMITS.request_bytes:
            raise _RefusedError(413, f"the request is longer than {LIMITS.request_bytes} bytes")
        if not message.get("more_body", False):
            return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again


def _read_object(body: bytes) -> dict[str, Any]:
    """Read a request's JSON object. No part of the page takes a file by its path or address, so that one that names a file is refused."""

    def check(one: dict[str, Any]) -> dict[str, Any]:
        if "path" in one and "meta" in one:
            raise FormError("a file cannot be named here; photos are sent to photos")
        return one

    try:
        told = json.loads(body, object_hook=check)
    except FormError as error:
        raise _RefusedError(400, str(error)) from error
    except (ValueError, RecursionError) as error:
        raise _RefusedError(400, "a JSON object is expected") from error
    if not isinstance(told, dict):
        raise _RefusedError(400, "a JSON object is expected")
    return told


def _check_event(scope: Scope, told: Mapping[str, Any]) -> None:
    """Refuse an event that the page does not have, or one whose content is no object: Gradio ends both in a traceback in the log."""
    data, number, blocks = told.get("event_data"), told.get("fn_index"), getattr(scope.get("app"), "blocks", None)
    if not isinstance(data, dict | None) or (blocks is not None and (type(number) is not int or number not in blocks.fns)):
        raise _RefusedError(400, "the page has no such event; reload it")


def _asks_by_itself(scope: Scope, told: Mapping[str, Any] | None) -> bool:
    """Return whether a page that nobody touches sends this: a timer's tick, whether the server is there, that the page is still open."""
    if str(scope["path"]).startswith(("/gradio_api/heartbeat/", "/gradio_api/app_id")):
        return True
    number = told.get("fn_index") if told is not None else None
    blocks = getattr(scope.get("app"), "blocks", None)
    event = blocks.fns.get(number) if blocks is not None and isinstance(number, int) else None
    targets: Sequence[tuple[object, str]] = event.targets if event is not None else ()
    return bool(targets) and all(kind == "tick" for _, kind in targets)


def _set_cookie(send: Send, *, secure: bool) -> Send:
    async def send_with_cookie(message: Message) -> None:
        if message["type"] == "http.response.start":
            cookie = f"{BROWSER_COOKIE}={secrets.token_urlsafe(32)}; Path=/; HttpOnly; SameSite=Lax{'; Secure' if secure else ''}"
            MutableHeaders(scope=message).append("Set-Cookie", cookie)
        await send(message)

    return send_with_cookie
