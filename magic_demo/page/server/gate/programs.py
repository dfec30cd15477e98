"""The doors of other programs: ``/api/v1``, for who has a token (``python -m magic_demo readers token``).

They are there only where they were asked for (``serve --api``), and answer refusals as JSON.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from magic_demo.core.errors import MagicDemoError
from magic_demo.core.limits import LIMITS
from magic_demo.page.server.requests.parameters import Bounds, RefusedError
from magic_demo.page.server.requests.payloads import SMALL
from magic_demo.page.session.rate_limit import RateLimit
from magic_demo.page.session.sign_in.wrong_tries import find_source
from magic_demo.reviews.store import Token

API = "/api/v1"
TOKEN = "magic_demo.token"
"""Where a request's scope holds the token that it came with."""
DESCRIPTION = "/openapi.json"
"""What stands here is for everybody: how to ask."""
MCP = "/mcp"
JOB = r"/jobs/[A-Za-z0-9_-]{1,64}"

ProgramBody = Literal["json", "case", "tool"]
ProgramDoor = tuple[str, str, ProgramBody | None]
PROGRAM_DOORS: tuple[ProgramDoor, ...] = (
    ("GET", DESCRIPTION, None),
    ("GET", r"/(questions|queues|cases|reviews|progress|jobs)", None),
    ("GET", r"/reviews/[0-9]{1,18}", None),
    ("POST", r"/predictions", "case"),
    ("POST", r"/exports", "json"),
    ("GET DELETE", JOB, None),
    ("GET", JOB + "/file", None),
)
"""Methods, path below API, and what is sent. A case, a form in parts with its photos, alone goes on unread."""
TOOL_DOOR: ProgramDoor = ("POST", MCP, "tool")
BOUNDS: dict[ProgramBody, Bounds] = {
    "json": SMALL,
    "tool": Bounds(LIMITS.request_bytes, items=SMALL.items, containers=SMALL.containers),
}

ASKED_AT_ONCE = (120, 20)
"""Requests of one token: how many at once, and how many a second for long."""
WRONG_AT_ONCE = (20, 1)
"""The same of an address whose tokens open nothing."""
RETRY_SECONDS = 2
KEYS = {
    400: "invalid",
    401: "no_token",
    403: "forbidden",
    404: "not_found",
    405: "no_such_method",
    409: "conflict",
    413: "too_large",
    415: "wrong_type",
    421: "other_host",
    429: "too_many",
    503: "busy",
}


class Programs:
    """Who may ask for what of API. find: returns the token of some words, None where it opens nothing. tools:
    whether MCP is there."""

    def __init__(self, find: Callable[[str], Token | None], *, tools: bool = False) -> None:
        self._find = find
        doors = (*PROGRAM_DOORS, TOOL_DOOR) if tools else PROGRAM_DOORS
        self._doors = [(methods.split(), re.compile(API + path), body) for methods, path, body in doors]
        self._asked, self._wrong = RateLimit(*ASKED_AT_ONCE), RateLimit(*WRONG_AT_ONCE)

    def owns(self, path: str) -> bool:
        """Return whether an address is one of theirs, answered or not."""
        return path == API or path.startswith(f"{API}/")

    def takes_parts(self, path: str) -> bool:
        """Return whether a form in parts may be sent to an address."""
        return any(body == "case" and pattern.fullmatch(path) for _, pattern, body in self._doors)

    def check_method(self, method: str, path: str) -> None:
        """Raise RefusedError for an address that there is not, and for what it does not answer."""
        allowed = [name for methods, pattern, _ in self._doors if pattern.fullmatch(path) for name in methods]
        if not allowed:
            raise RefusedError(404, "there is nothing here; /api/v1/openapi.json lists what is")
        if method not in allowed:
            raise RefusedError(
                405,
                "this address answers {allowed} alone; /api/v1/openapi.json lists all",
                allowed=", ".join(allowed),
            )

    async def admit(self, scope: Scope, headers: Headers) -> tuple[Scope, ProgramBody | None]:
        """Return a request with its token, and what its body is. Raises RefusedError."""
        method, path = str(scope["method"]), str(scope["path"])
        if path == API + DESCRIPTION:
            return scope, None
        address = find_source(scope["client"][0] if scope.get("client") else "")
        token = await self._find_token(headers.get("authorization", ""), address)
        if not self._asked.allows(str(token.number)):
            raise RefusedError(429, "too many requests of this token; wait a moment and go on")
        bodies = [body for _, pattern, body in self._doors if pattern.fullmatch(path)]
        body = bodies[0] if method == "POST" else None
        if body == "case":
            _check_case(headers)
        return {**scope, TOKEN: token}, body

    async def _find_token(self, header: str, address: str) -> Token:
        kind, _, words = header.partition(" ")
        if kind.casefold() == "bearer" and words.strip():
            try:
                token = await run_in_threadpool(self._find, words.strip())
            except MagicDemoError as error:
                raise RefusedError(503, error.message) from error
            if token is not None:
                return token
        if not self._wrong.allows(address):
            raise RefusedError(429, "too many requests without a token; wait a moment")
        raise RefusedError(
            401,
            "send a token that is valid, as Authorization: Bearer TOKEN (python -m magic_demo readers token)",
        )


def _check_case(headers: Headers) -> None:
    """Refuse a case that is no form in parts, or does not say how long it is: room is made for it at once."""
    if not headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise RefusedError(415, "a form in parts is expected (multipart/form-data); curl -F sends one")
    length = headers.get("content-length")
    if length is None:
        raise RefusedError(400, "the request does not say how long it is; send it again")
    if int(length) > LIMITS.arrival_bytes:
        raise RefusedError(413, "the request is longer than {limit} bytes", limit=LIMITS.arrival_bytes)


def answer_program(refusal: RefusedError) -> Response:
    """Return a refusal as JSON."""
    headers = {}
    if refusal.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if refusal.status in (429, 503):
        headers["Retry-After"] = str(RETRY_SECONDS)
    if refusal.status == 405:
        headers["Allow"] = str(refusal.message.values.get("allowed", ""))
    return say_error(KEYS.get(refusal.status, "invalid"), str(refusal), refusal.status, headers)


def say_error(key: str, line: str, status: int, headers: dict[str, str] | None = None) -> Response:
    """Return an error as every address of API says it: a word for programs, a line for people."""
    return JSONResponse({"error": {"key": key, "message": line}}, status, headers)
