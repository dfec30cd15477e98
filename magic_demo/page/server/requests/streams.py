"""Streams that stay open, and end when whoever opened them may not have them any more: another password,
removed, signed out, away for long."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

WATCH_SECONDS = 2.0
"""How often it is looked up whether a stream may go on."""


async def pass_while(
    may_go_on: Callable[[], Awaitable[bool]],
    app: ASGIApp,
    scope: Scope,
    receive: Receive,
    send: Send,
    seconds: float,
) -> None:
    """Answer a request by a stream until that ends or it may not go on: the app then hears that the browser
    left, the browser gets a stream's end.

    seconds: after how many it is asked again whether the stream may go on.
    """
    out = asyncio.Event()
    begun = ended = False

    async def watch() -> None:
        await asyncio.sleep(seconds)
        while await may_go_on():
            await asyncio.sleep(seconds)
        out.set()

    async def hear() -> Message:
        heard, left = asyncio.ensure_future(receive()), asyncio.ensure_future(out.wait())
        try:
            await asyncio.wait({heard, left}, return_when=asyncio.FIRST_COMPLETED)
            return {"type": "http.disconnect"} if out.is_set() else heard.result()
        finally:
            heard.cancel()
            left.cancel()

    async def say(message: Message) -> None:
        nonlocal begun, ended
        if out.is_set():
            return  # nothing more is told to who is out; the app is just hearing that the browser left
        begun = True
        ended = message["type"] == "http.response.body" and not message.get("more_body", False)
        await send(message)

    watching = asyncio.ensure_future(watch())
    listens = {
        **scope,
        "asgi": {**scope.get("asgi", {}), "spec_version": "2.3"},
    }  # since 2.4 Starlette does not listen for a browser that leaves
    try:
        await app(listens, hear, say)
    finally:
        watching.cancel()
    if begun and not ended:
        await send({"type": "http.response.body", "body": b"", "more_body": False})
