"""Signing in begins while the page runs: as soon as the first reader of its store has a password, whichever
program gave it to them."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse
from starlette.routing import Route, Router
from starlette.types import Receive, Scope, Send

from magic_demo.page.server.sign_in.framed import is_framed, lead_to_own_tab
from magic_demo.page.server.sign_in.sign_in import list_sign_in_routes
from magic_demo.page.session.desk.desk import Desk

PATHS = {"/sign-in": ["GET", "POST"], "/sign-out": ["GET"]}


class SignInDoors:
    """Answers for signing in and out: until somebody has a password, by the page; in a frame, by a link to a
    tab of its own."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._router: Router | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        sign_ins = await run_in_threadpool(self._desk.signing_in)
        if sign_ins is None:
            await RedirectResponse("./", 303)(scope, receive, send)
            return
        if is_framed(scope):
            await lead_to_own_tab()(scope, receive, send)
            return
        if self._router is None:
            self._router = Router(list_sign_in_routes(sign_ins))
        await self._router(scope, receive, send)


def list_sign_in_doors(desk: Desk) -> list[Route]:
    """Return the routes of signing in and out; none where everybody may come and nobody ever signs in."""
    doors = SignInDoors(desk)
    return [Route(path, doors, methods=methods) for path, methods in PATHS.items()] if not desk.public else []
