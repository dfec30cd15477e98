"""What a request says besides its address, read once.

Who hands a request on says what was read here, so that nobody reads it otherwise.

Two programs read one text in two ways where it names something twice, is in another encoding, or is cut or
packed in a way that one of them does not know. Such a request is refused; what is left of it reads one way.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn
from urllib.parse import parse_qsl, urlencode

from starlette.requests import cookie_parser
from starlette.types import Scope

from magic_demo.core.disk.whole_text import mend_json
from magic_demo.core.errors import MagicDemoError

OWN_COOKIES = "magic-demo"
"""What the name of each of the page's cookies begins with. Others, of other programs on this computer, go no
further."""
LONGEST_QUERY = 8192
LONGEST_FORM = 16384
MOST_PARAMETERS = 50
DEEPEST = 10
"""Lists and objects in each other; an event's point of a stroke is in 6."""
MOST_QUOTES = 300_000
"""Quotation marks and backslashes of a JSON text: they are what finding its strings costs."""
LARGEST_NUMBER = 2**53

_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_JSON_TYPE = re.compile(r'application/json(\s*;\s*charset\s*=\s*"?utf-?8"?)?', re.IGNORECASE)
_FORM_TYPE = re.compile(r'application/x-www-form-urlencoded(\s*;\s*charset\s*=\s*"?utf-?8"?)?', re.IGNORECASE)
_MAY_REPEAT = frozenset(
    b"accept accept-charset accept-encoding accept-language cache-control cdn-loop connection "
    b"forwarded if-match if-none-match keep-alive pragma "
    b"sec-ch-ua sec-ch-ua-full-version-list te trailer tracestate upgrade via warning x-forwarded-for".split()
)
"""Headers that are lists, which proxies lengthen line by line; nothing here reads them."""


class RefusedError(MagicDemoError):
    """A request that is answered at once: status, and a line that holds nothing of what came."""

    def __init__(self, status: int, template: str, /, **values: object) -> None:
        """Make the error as ``MagicDemoError`` does. status: the answer's, 400 and above."""
        super().__init__(template, **values)
        self.status = status


@dataclass(frozen=True)
class Bounds:
    """How large a JSON body may be, before it is parsed: bytes, commas outside texts, lists and objects."""

    size: int
    items: int
    containers: int


def check_headers(scope: Scope, *, parts: bool = False) -> None:
    """Refuse headers of which two readers could take different lines, or see another end of the body.

    parts: whether a form in parts may come. Raises RefusedError.
    """
    counts = Counter(name.lower() for name, _ in scope["headers"])
    if any(count > 1 and name not in _MAY_REPEAT for name, count in counts.items()):
        raise RefusedError(400, "a header came twice; reload the page")
    headers = {name.lower(): value.strip().lower() for name, value in scope["headers"]}
    length, coding = headers.get(b"content-length"), headers.get(b"transfer-encoding")
    if coding is not None and (length is not None or coding != b"chunked"):
        raise RefusedError(
            400, "the request says in two ways how long it is; send it again without a proxy between"
        )
    if length is not None and not (length.isdigit() and len(length) <= 15):
        raise RefusedError(400, "the request does not say how long it is; send it again")
    if headers.get(b"content-encoding", b"identity") != b"identity":
        raise RefusedError(415, "the request is compressed; send it as it is")
    if not parts and headers.get(b"content-type", b"").startswith(b"multipart/"):
        raise RefusedError(415, "no form of this page is sent in parts; reload the page")
    if scope["method"] in ("GET", "HEAD") and (coding is not None or length not in (None, b"0")):
        raise RefusedError(400, "a request that only asks has no body; reload the page")


def read_query(scope: Scope) -> dict[str, str]:
    """Return what stands behind the address's question mark.

    Raises RefusedError for a name that comes twice, in other cases too.
    """
    return _read_pairs(scope["query_string"], LONGEST_QUERY)


def read_form(body: bytes) -> dict[str, str]:
    """Return a form's fields.

    Raises RefusedError for a name that comes twice, and for what is no text in UTF-8.
    """
    return _read_pairs(body, LONGEST_FORM)


def _read_pairs(raw: bytes, longest: int) -> dict[str, str]:
    try:
        text = raw.decode("ascii")
        if len(text) > longest or ";" in text or _BAD_PERCENT.search(text):
            raise ValueError("not one way to read it")
        pairs = parse_qsl(
            text, keep_blank_values=True, encoding="utf-8", errors="strict", max_num_fields=MOST_PARAMETERS
        )
    except ValueError:
        raise RefusedError(400, "a parameter can be read in two ways; reload the page") from None
    if len({name.casefold() for name, _ in pairs}) < len(pairs):
        raise RefusedError(400, "a parameter came twice; reload the page")
    return dict(pairs)


def read_cookies(scope: Scope) -> dict[str, str]:
    """Return the page's own cookies. Raises RefusedError where one came twice."""
    lines = [value.decode("latin-1") for name, value in scope["headers"] if name.lower() == b"cookie"]
    names = [part.partition("=")[0].strip() for line in lines for part in line.split(";")]
    own = [name.casefold() for name in names if name.casefold().startswith(OWN_COOKIES)]
    if len(set(own)) < len(own):
        raise RefusedError(400, "a cookie of this page came twice; delete this page's cookies and reload it")
    return {
        name: value
        for line in lines
        for name, value in cookie_parser(line).items()
        if name.startswith(OWN_COOKIES)
    }


def rewrite(
    scope: Scope, query: Mapping[str, str], cookies: Mapping[str, str], body: bytes | None = None
) -> Scope:
    """Return a request that says what was read of it. body: what it holds now, None where it comes as it was
    sent."""
    drop = {b"cookie"} | ({b"content-length", b"transfer-encoding"} if body is not None else set())
    headers = [(name, value) for name, value in scope["headers"] if name.lower() not in drop]
    if cookies:
        headers.append(
            (b"cookie", "; ".join(f"{name}={value}" for name, value in cookies.items()).encode("latin-1"))
        )
    if body is not None:
        headers.append((b"content-length", str(len(body)).encode()))
    return {**scope, "headers": headers, "query_string": urlencode(query).encode()}


def check_json_type(content_type: str) -> None:
    """Raise RefusedError for a body that does not say to be JSON in UTF-8: another page's form cannot send
    that."""
    if not _JSON_TYPE.fullmatch(content_type.strip()):
        raise RefusedError(400, "a body of type application/json is expected; reload the page")


def check_form_type(content_type: str) -> None:
    """Raise RefusedError for a body that does not say to be a plain form."""
    if not _FORM_TYPE.fullmatch(content_type.strip()):
        raise RefusedError(
            400, "a body of type application/x-www-form-urlencoded is expected; reload the page"
        )


def check_size(body: bytes, bounds: Bounds) -> None:
    """Refuse a JSON text that is too large, too deep or of too many parts, before anybody parses it.

    Raises RefusedError.
    """
    if len(body) > bounds.size:
        raise RefusedError(413, "the request is longer than {limit} bytes", limit=bounds.size)
    if body.count(b'"') + body.count(b"\\") > MOST_QUOTES:
        raise RefusedError(
            400, "the request holds more than {limit} quotation marks and backslashes", limit=MOST_QUOTES
        )
    bare = _STRING.sub(b"", body)
    brackets = bare.translate(None, _NO_BRACKETS)
    if bare.count(b",") > bounds.items or len(brackets) > 2 * bounds.containers:
        raise RefusedError(
            400,
            "the request holds more than {values} values or {lists} lists",
            values=bounds.items,
            lists=bounds.containers,
        )
    depth = 0
    for bracket in brackets:
        depth += 1 if bracket in b"[{" else -1
        if depth > DEEPEST:
            raise RefusedError(400, "the request holds more than {limit} lists in each other", limit=DEEPEST)


def read_object(body: bytes, bounds: Bounds) -> dict[str, Any]:
    """Read a JSON object. Half characters in it become U+FFFD.

    Raises RefusedError for one that is larger than ``bounds``, has a name twice at any depth, holds a number
    that no browser has, names a file (no part of the page takes one by its path or address), or is no JSON in
    UTF-8.
    """
    check_size(body, bounds)
    try:
        found = json.loads(
            mend_json(body.decode("utf-8")),
            object_pairs_hook=_read_pairs_once,
            parse_constant=_refuse_constant,
        )
    except (ValueError, RecursionError):
        raise RefusedError(400, "a JSON object is expected; reload the page") from None
    if not isinstance(found, dict):
        raise RefusedError(400, "a JSON object is expected; reload the page")
    _check_numbers(found)
    return found


def _read_pairs_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise RefusedError(400, "a name came twice in one object; reload the page")
    if "path" in fields and "meta" in fields:
        raise RefusedError(400, "a file cannot be named here; photos are sent to photos")
    return fields


def _refuse_constant(_name: str) -> NoReturn:
    raise RefusedError(400, "a number is none; reload the page")


def _check_numbers(found: object) -> None:
    waiting: list[object] = [found]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list):
            if value and set(map(type, value)) == {int}:  # run lengths: there may be a million
                waiting += [min(value), max(value)]
            else:
                waiting.extend(value)
        elif isinstance(value, int | float) and not -LARGEST_NUMBER <= value <= LARGEST_NUMBER:
            raise RefusedError(400, "a number is larger than any of this page; reload the page")
