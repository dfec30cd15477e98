"""Files of a web server that lists its folders, as nginx, Apache and Python's own do; no redirect is followed, and no
link out of the folder."""

from __future__ import annotations

import errno
import html
import ipaddress
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from urllib.parse import unquote, urljoin, urlsplit

import httpx

from magic_demo.core.errors import one_line
from magic_demo.core.messages import Message
from magic_demo.core.types import RemoteFile

MOST_PAGE_BYTES = 64 * 2**20
MOST_FOLDERS, MOST_DEPTH = 10_000, 12
AT_ONCE = 16
"""Files that are asked for their size and version side by side."""
_LINK = re.compile(r"""<a\s[^>]*?href\s*=\s*["']([^"'<>]+)["']""", re.IGNORECASE)


class WebFiles:
    """Reads by HTTP; safe to share between threads. connect, quiet, whole: seconds until a connection is there,
    nothing comes, a file has come."""

    def __init__(self, connect: float, quiet: float, whole: float) -> None:
        self._whole = whole
        self._timeout = httpx.Timeout(quiet, connect=connect)

    def list(self, folder: str) -> list[RemoteFile]:
        """Return all files below a folder; their size and version are what the server says of each."""
        names: list[tuple[str, str]] = []
        waiting, seen = [(f"{folder}/", "", 0)], {f"{folder}/"}
        while waiting:
            page, above, depth = waiting.pop()
            text = self.read(page, MOST_PAGE_BYTES).decode("utf-8", "replace")
            for url, name in _list_links(page, text):
                if url in seen:
                    continue
                seen.add(url)
                if not url.endswith("/"):
                    names.append((url, above + name))
                elif depth < MOST_DEPTH and len(seen) - len(names) < MOST_FOLDERS:
                    waiting.append((url, f"{above}{name}/", depth + 1))
        with ThreadPoolExecutor(AT_ONCE, "web") as asking:
            return list(asking.map(lambda one: self._describe(*one), names))

    def read(self, url: str, most: int) -> bytes:
        """Return a file's first bytes. Raises OSError."""
        end, pieces, size = time.monotonic() + self._whole, [], 0
        with _as_os_error(), _client(_is_near(url)).stream("GET", url, timeout=self._timeout) as answer:
            _check(answer)
            for piece in answer.iter_raw():
                pieces.append(piece)
                size += len(piece)
                if size >= most:
                    break
                if time.monotonic() > end:
                    raise OSError(
                        errno.ETIMEDOUT,
                        Message("no answer within {seconds:.0f} seconds", seconds=self._whole),
                    )
        return b"".join(pieces)[:most]

    def _describe(self, url: str, name: str) -> RemoteFile:
        try:
            with _as_os_error():
                answer = _client(_is_near(url)).head(url, timeout=self._timeout)
                _check(answer)
        except OSError:  # said when the file is read
            return RemoteFile(url, name, None, "")
        size = answer.headers.get("content-length", "")
        version = answer.headers.get("etag") or answer.headers.get("last-modified") or ""
        return RemoteFile(url, name, int(size) if size.isdecimal() else None, version)


def _list_links(page: str, text: str) -> Iterator[tuple[str, str]]:
    """Yield the address and the name of each link to what lies in the very folder; what begins with a dot is
    nobody's."""
    for link in _LINK.findall(text):
        try:
            url = urljoin(page, html.unescape(link))
        except ValueError:
            continue
        rest = url.removeprefix(page)
        name = unquote(rest.rstrip("/"))
        if (
            url.startswith(page)
            and name
            and name[0] != "."
            and not set(name) & set("/\\?#")
            and not set(rest) & set("?#")
        ):
            yield url, name


@lru_cache(maxsize=2)
def _client(near: bool) -> httpx.Client:
    # without the environment's proxies for this machine; bytes as they lie there, so that their number tells
    return httpx.Client(follow_redirects=False, trust_env=not near, headers={"Accept-Encoding": "identity"})


def _is_near(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check(answer: httpx.Response) -> None:
    if answer.is_redirect:
        raise OSError(errno.EACCES, Message("the server sends to another address, which is not followed"))
    if answer.status_code != 200:
        number = errno.ENOENT if answer.status_code in (404, 410) else errno.EIO
        raise OSError(number, Message("the server answers {status}", status=answer.status_code))


@contextmanager
def _as_os_error() -> Iterator[None]:
    try:
        yield
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise OSError(errno.EIO, one_line(error) or type(error).__name__) from error
