"""A fault of the program's own in the log: what it was and where, and nothing of what came.

Messages of exceptions quote what somebody typed.
"""

from __future__ import annotations

import logging
import traceback
from pathlib import Path

from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.types import Message as Event

from magic_demo.core.messages import Message

LOG = logging.getLogger("magic_demo.faults")
MOST_FRAMES = 12
FAULT_LINE = Message("there was a fault; the page's log says where")


def describe_fault(error: BaseException) -> str:
    """Return an exception's kind, and the files and lines it came through, in one line; of causes their kinds
    and last lines."""
    parts: list[str] = []
    now: BaseException | None = error
    while now is not None and len(parts) < 4:
        frames = [
            f"{Path(frame.filename).name}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(now.__traceback__)
        ]
        shown = frames[-MOST_FRAMES:] if now is error else frames[-1:]
        parts.append(f"{type(now).__name__} at {' > '.join(shown) or 'no known place'}")
        now = now.exceptions[0] if isinstance(now, BaseExceptionGroup) else now.__cause__ or now.__context__
    return "; after ".join(parts)


def log_fault(error: BaseException, where: str) -> None:
    """Write a fault into the log. where: a name of the program's own, never one that came from outside."""
    LOG.error("fault in %s: %s", where, describe_fault(error))


class Faults:
    """Stands before everything: what no route has dealt with is logged without its values, and answered with
    a line."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def note(message: Event) -> None:
            nonlocal begun
            begun = begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, note)
        except ClientDisconnect:
            pass  # nobody is there to be answered
        except Exception as error:  # a fault of ours, or of a library
            log_fault(error, "a route")
            if not begun:
                await PlainTextResponse(FAULT_LINE, 500)(scope, receive, send)
