"""Signing in: a page with name and password, and a cookie that only the server can read.

What it opens is said in gate.py.

Whose the cookie is, and how wrong passwords are bounded, stands in ``session/sign_in``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import lru_cache, partial

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import Scope

from magic_demo.core.errors import MagicDemoError
from magic_demo.page.server.requests.parameters import LONGEST_FORM, read_form
from magic_demo.page.session.sign_in.known_devices import DEVICE_COOKIE, DEVICE_SECONDS
from magic_demo.page.session.sign_in.password_pool import KNOWN, TooManyWaitingError
from magic_demo.page.session.sign_in.sign_ins import (
    COOKIE,
    KEPT_SECONDS,
    SignIns,
    TooManyTriesError,
    digest_text,
)
from magic_demo.page.session.sign_in.wrong_tries import REFUSED_SECONDS, Refusals, find_source
from magic_demo.page.texts.i18n import fill, line_in_both
from magic_demo.reviews.store.names import fold_name
from magic_demo.reviews.store.rows.readers import LONGEST_READER_NAME

DRAFTS_COOKIE = "magic-demo-drafts-of"
"""Whose work in no store the page may offer in this browser: the page reads it, and it opens nothing."""
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Magic Demo</title>
<link rel="icon" href="favicon.ico"><link rel="stylesheet" href="page/panels/frame/theme/theme.css"><link rel="stylesheet" href="page/server/sign_in/sign_in.css"><meta name="color-scheme" content="light dark">
<script type="module" src="page/panels/frame/page.mjs"></script></head>
<body class="sign-in"><main><form method="post" action="sign-in">
<svg viewBox="0 0 24 24" aria-hidden="true"><circle cx="12" cy="12" r="9.2"/><path d="M7.6 12.6c.6-4 4-5.600 6.500-4.200 3 1.600 3 6-.3 7-3 .9-6.500-.4-6.200-2.800Z"/></svg>
<h1>[[app.title]]</h1><p class="sign-note">[[app.subtitle]]</p>
REFUSED<label><span>[[sign.name]]</span><input name="name" id="sign-name" autocomplete="username" autofocus required maxlength="LONGEST_NAME"></label>
<label><span>[[sign.password]]</span><input name="password" id="sign-password" type="password" autocomplete="current-password" required maxlength="1000"></label>
<button id="sign-enter">[[sign.enter]]</button><p class="sign-note">[[sign.who]]</p><p class="sign-note">[[app.disclaimer]]</p></form></main></body></html>
"""


def list_sign_in_routes(sign_ins: SignIns, refused_seconds: float = REFUSED_SECONDS) -> list[Route]:
    """Return the routes of signing in and out. refused_seconds: how long who has tried too often waits at least
    for being told."""
    refusals = Refusals(refused_seconds)

    async def show(_request: Request) -> Response:
        return HTMLResponse(_fill_page(""))

    async def refuse() -> Response:
        await asyncio.sleep(refusals.wait(asyncio.get_running_loop().time()))
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
            cookie = (
                await run_in_threadpool(sign_ins.write_device, name)
                if key is not None and device is None
                else ""
            )
        except TooManyTriesError:
            await run_in_threadpool(sign_ins.note_stopped, name, address)
            return await refuse()
        except TooManyWaitingError:
            return HTMLResponse(_fill_page("sign.busy"), 503, headers={"Retry-After": "60"})
        except MagicDemoError as error:
            return PlainTextResponse("\n".join(line_in_both(error.message).values()), 503)
        if key is None:
            return HTMLResponse(_fill_page("sign.refused"), 403)
        entered = RedirectResponse("./", 303)
        secure = is_secure(request.headers, request.scope)
        entered.set_cookie(
            COOKIE, key, max_age=int(KEPT_SECONDS), httponly=True, samesite="strict", secure=secure
        )
        mine = digest_text(fold_name(name))[:16]
        entered.set_cookie(DRAFTS_COOKIE, mine, max_age=int(KEPT_SECONDS), samesite="strict", secure=secure)
        if cookie:
            entered.set_cookie(
                DEVICE_COOKIE, cookie, max_age=DEVICE_SECONDS, httponly=True, samesite="strict", secure=secure
            )
        return entered

    async def leave(request: Request) -> Response:
        await run_in_threadpool(
            sign_ins.leave, request.cookies, request.client.host if request.client is not None else ""
        )
        left = RedirectResponse("sign-in", 303)
        left.delete_cookie(COOKIE, httponly=True, samesite="strict")
        left.delete_cookie(DRAFTS_COOKIE, samesite="strict")
        return left

    return [Route("/sign-in", show), Route("/sign-in", enter, methods=["POST"]), Route("/sign-out", leave)]


def is_secure(headers: Mapping[str, str], scope: Scope) -> bool:
    """Return whether the browser came over https, which a proxy before the page says in its own header."""
    return (
        scope.get("scheme") == "https"
        or headers.get("x-forwarded-proto", "").partition(",")[0].strip() == "https"
    )


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
