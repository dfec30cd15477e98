"""What browsers are told with every answer: what a page may load, who may frame it, and what is not to be
kept. SECURITY.md says why."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from magic_demo.page.gradio_internals.addresses import FILES, PAGE_FILES
from magic_demo.page.gradio_internals.template import LINKS, mark_scripts

SPACE_FRAMES = "'self' https://huggingface.co https://*.hf.space"
_SHARED = re.compile("|".join((r"/page/.+", FILES, PAGE_FILES, r"/board/photos/.+")))
"""The same for everybody: may be kept by a browser. Nothing else may."""
_PERMISSIONS = ", ".join(
    f"{name}=()" for name in ("camera", "microphone", "geolocation", "display-capture", "payment", "usb")
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": _PERMISSIONS,
    "Cross-Origin-Resource-Policy": "same-origin",
}


def allow_frames(environment: Mapping[str, str]) -> str:
    """Return who may frame the page: nobody else, but for a Hugging Face Space, which is shown in a frame of
    its site."""
    return SPACE_FRAMES if environment.get("SPACE_ID") else "'self'"


def page_policy(nonce: str, frames: str) -> str:
    """Return the policy of a page that Gradio draws.

    Scripts in the page run by ``nonce`` alone. 'unsafe-eval' and inline styles remain: Gradio compiles its
    components' scripts in the browser and sets styles on elements.
    """
    return (
        f"default-src 'none'; script-src 'self' 'nonce-{nonce}' 'unsafe-eval'; style-src 'self' "
        "'unsafe-inline'; img-src 'self' data: blob:; "
        "font-src 'self' data:; connect-src 'self' data:; manifest-src 'self'; base-uri 'self'; "
        f"form-action 'self'; frame-ancestors {frames}"
    )


def plain_policy(frames: str) -> str:
    """Return the policy of the pages that have nothing of Gradio's, and of every other answer."""
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src "
        "'self'; base-uri 'none'; "
        f"form-action 'self'; frame-ancestors {frames}"
    )


class SecurityHeaders:
    """Adds the headers to every answer; a page that Gradio draws gets a new nonce on its own scripts each
    time it is sent."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._frames = allow_frames(os.environ)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        cached = _SHARED.fullmatch(str(scope["path"])) is not None
        start: Message | None = None
        html = b""

        async def answer(message: Message) -> None:
            nonlocal start, html
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers.setdefault("Content-Security-Policy", plain_policy(self._frames))
                if not cached:
                    headers["Cache-Control"] = "no-store"
                if _is_drawn_by_gradio(scope, headers):
                    start = message
                    return
            elif start is not None:
                html += message.get("body", b"")
                if message.get("more_body", False):
                    return
                nonce = secrets.token_urlsafe(18)
                page = mark_scripts(html.decode("utf-8", "surrogateescape"), nonce)
                html = page.replace(*LINKS).encode("utf-8", "surrogateescape")
                headers = MutableHeaders(scope=start)
                headers["Content-Security-Policy"] = page_policy(nonce, self._frames)
                if scope["method"] != "HEAD":
                    headers["Content-Length"] = str(len(html))
                await send(start)
                message = {"type": "http.response.body", "body": html}
            await send(message)

        await self._app(scope, receive, answer)


def _is_drawn_by_gradio(scope: Scope, headers: MutableHeaders) -> bool:
    return scope["path"] in ("/", "/agreement") and headers.get("content-type", "").startswith("text/html")
