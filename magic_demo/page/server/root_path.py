"""The page below a path of a proxy, such as https://clinic.example/demo/: what comes with the path, and what
comes with it cut off.

Everything between ``CutRootPath`` and ``PutRootPath`` sees addresses as if the page had the whole host. What
browsers get is relative to the page, but for cookies, whose path is set here, in one place for all of them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import quote

from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from magic_demo.core.errors import ReachError
from magic_demo.page.gradio_internals import addresses

VARIABLE = "GRADIO_ROOT_PATH"
"""What the environment calls the path; Gradio's own name for it."""
OWN_FOLDERS = addresses.OWN_FOLDERS | {"page", "board", "take-away", "learning", "api"}
"""What addresses of the page itself begin with: below such a path it could not be told whether a proxy has
cut the path off."""
_ROOT_PATH = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*")
_COOKIE_PATH = re.compile(r";\s*path=/(?=;|$)", re.IGNORECASE)


def read_root_path(text: str) -> str:
    """Return a path as the page needs it, "/demo"; "" for none.

    Raises ReachError for what is no path, or an address with a host.
    """
    path = text.strip().rstrip("/")
    path = path if path.startswith("/") or not path else f"/{path}"
    if not _ROOT_PATH.fullmatch(path):
        raise ReachError(
            "--root-path {path}: expected is the path below which a proxy shows this page, such "
            "as /demo, without host, spaces or %",
            path=text,
        )
    if path[1:].partition("/")[0] in OWN_FOLDERS:
        raise ReachError(
            "--root-path {path}: addresses of the page itself begin with it; choose a path that "
            "is not one of its own, such as /demo",
            path=text,
        )
    return path


def put_below(gates: Sequence[Middleware], root_path: str) -> list[Middleware]:
    """Return what stands before a page below a path: the gates, which see no path. root_path: "" for none."""
    if not root_path:
        return list(gates)
    return [
        Middleware(CutRootPath, root_path=root_path),
        *gates,
        Middleware(PutRootPath, root_path=root_path),
    ]


class CutRootPath:
    """Cuts the path off addresses that come with it, leads to the page where its last slash is missing, and
    gives cookies the path."""

    def __init__(self, app: ASGIApp, root_path: str) -> None:
        self._app = app
        self._root = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = str(scope["path"])
        if path == self._root:  # what a page there names would be looked for one step above
            query = scope["query_string"].decode("latin-1")
            await RedirectResponse(f"{self._root}/{'?' if query else ''}{query}", 307)(scope, receive, send)
            return
        if path.startswith(f"{self._root}/"):
            path = path.removeprefix(self._root)

        async def send_with_path(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                cookies = headers.getlist("set-cookie")
                del headers["set-cookie"]
                for cookie in cookies:
                    headers.append("set-cookie", _COOKIE_PATH.sub(f"; Path={self._root}/", cookie))
            await send(message)

        await self._app(_at(scope, path), receive, send_with_path)


class PutRootPath:
    """Puts the path back before the app, which knows of it and names its own addresses with it."""

    def __init__(self, app: ASGIApp, root_path: str) -> None:
        self._app = app
        self._root = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        here = _at(scope, f"{self._root}{scope['path']}") if scope["type"] == "http" else scope
        await self._app(here, receive, send)


def _at(scope: Scope, path: str) -> Scope:
    return {**scope, "path": path, "raw_path": quote(path).encode()}
