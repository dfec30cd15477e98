r"""Half characters: a lone surrogate, as in ``"\ud83d"``, is no text that UTF-8, a database or a browser
takes. It becomes U+FFFD where it comes in."""

from __future__ import annotations

import re

_HALF = re.compile("[\ud800-\udfff]")
_ESCAPED_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
r"""Each escape of a JSON text from the left, so that the second backslash of ``\\ud83d`` begins none; a pair
of halves is one character."""


def mend_text(text: str) -> str:
    """Return a text with each half character as U+FFFD; two halves that belong together become their
    character."""
    return (
        text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        if _HALF.search(text)
        else text
    )


def mend_json(text: str) -> str:
    """Return a JSON text with each half character as U+FFFD, escaped or not, in keys and values; nothing else
    changes."""
    if _ESCAPED_HALF.search(text):
        text = _ESCAPE.sub(lambda found: r"\ufffd" if found["half"] else found[0], text)
    return mend_text(text)
