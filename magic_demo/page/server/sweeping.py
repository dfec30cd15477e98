"""What is open is forgotten some time after its page was closed, and at once what was sent and never opened:
by the clock, not at the next use.

    GET /alive[?case=ID]   a page that is open says so every few seconds   -> which life of the program
    answers
    GET /healthz           {"status": "ok"}, for who watches over the program; 503 where the store cannot be read

A page whose connection breaks for a while goes on where it was: what counts is when it was last heard of, not
whether a connection ended.
"""

from __future__ import annotations

import secrets
import threading

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from magic_demo.core.errors import StoreError
from magic_demo.page.session.desk.desk import Desk

SILENT_SECONDS = 3600.0
"""How long a page may be silent, asleep or cut off, before what is open in it is forgotten."""
SWEEP_SECONDS = 30.0


def list_alive_routes(desk: Desk) -> list[Route]:
    """Return the routes by which open pages say that they are, and a program asks whether this one works."""
    life = secrets.token_hex(8)

    async def answer(request: Request) -> Response:
        desk.cases.hear(request.query_params.get("case", ""))
        return PlainTextResponse(life)

    def health(_request: Request) -> Response:
        """Say whether the page can work, and nothing of anybody: for who watches over it."""
        try:
            if desk.store is not None:
                desk.store.needs_sign_in()
        except StoreError:
            return JSONResponse({"status": "the store cannot be read"}, 503)
        return JSONResponse({"status": "ok"})

    return [Route("/alive", answer), Route("/healthz", health)]


def sweep(desk: Desk) -> None:
    """Forget what nobody has open any more."""
    desk.cases.forget_silent(SILENT_SECONDS)
    desk.arrivals.sweep()


def start_sweeping(desk: Desk, seconds: float = SWEEP_SECONDS) -> threading.Event:
    """Sweep again and again in a thread of its own, until the event that is returned is set."""
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(seconds):
            sweep(desk)

    threading.Thread(target=work, name="sweep", daemon=True).start()
    return stop
