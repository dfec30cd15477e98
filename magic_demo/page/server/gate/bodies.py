"""Bodies of requests, read whole within a bound, and given on once more."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import Message, Receive

from magic_demo.page.server.requests.parameters import (
    RefusedError,
)


async def read_body(receive: Receive, headers: Headers, most: int) -> bytes:
    """Return a request's body of at most ``most`` bytes, and of as many as it says. Raises RefusedError."""
    length = headers.get("content-length")
    if length is not None and int(length) > most:
        raise RefusedError(413, "the request is longer than {limit} bytes", limit=most)
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise RefusedError(400, "the request was cut short")
        body += message.get("body", b"")
        if len(body) > most:
            raise RefusedError(413, "the request is longer than {limit} bytes", limit=most)
        if not message.get("more_body", False):
            break
    if length is not None and int(length) != len(body):
        raise RefusedError(400, "the request was cut short")
    return bytes(body)


def replay(body: bytes, receive: Receive) -> Receive:
    """Return what hands a body out once more, then whatever still comes."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again
