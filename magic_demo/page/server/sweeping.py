"""What is open is forgotten some time after its page was closed, and at once what was sent and never opened:
by the clock, not at the next use.

    GET /alive[?case=ID]   a page that is open says so every few seconds   -> which life of the program
    answers

A page whose connection breaks for a while goes on where it was: what counts is when it was last heard of, not
whether a connection ended.
"""

from __future__ import annotations

import secrets
import threading

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from magic_demo.page.session.desk.desk import Desk

SILENT_SECONDS = 3600.0
"""How long a page may be silent, asleep or cut off, before what is open in it is forgotten."""
SWEEP_SECONDS = 30.0


def list_alive_routes(desk: Desk) -> list[Route]:
    """Return the route by which open pages say that they are."""
    life = secrets.token_hex(8)

    async def answer(request: Request) -> Response:
        desk.cases.hear(request.query_params.get("case", ""))
        return PlainTextResponse(life)

    return [Route("/alive", answer)]


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
