"""Which scripts in a page that Gradio draws are its own: those that stand in Gradio's template, and no other,
whatever they are called.

A script that some text brought into the page is not in the template, so that it gets no nonce and does not
run. Scripts with an address need
none: the policy allows those of this server.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from pathlib import Path

from gradio.route_utils import STATIC_TEMPLATE_LIB

LINKS = (
    '<link rel="manifest" href="/manifest.json"',
    '<link rel="icon" href="favicon.ico" /><link rel="manifest" href="manifest.json"',
)
"""Gradio's one address that is not relative to the page, and the icon that a browser asks for at the host's
root if it is named by no page: below a path both would be another program's."""
_TEMPLATE = Path(STATIC_TEMPLATE_LIB) / "frontend" / "index.html"
_ELEMENT = re.compile(
    r"<!--.*?-->|<(script|style|title|textarea|noscript|iframe|template|svg)\b[^>]*>.*?</\1\s*>",
    re.DOTALL | re.IGNORECASE,
)
"""What a script may stand in without being one, and scripts themselves."""
_VALUE = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_OPENING = re.compile(r"<script(?:\s+data-gradio-mode)?>")


def mark_scripts(html: str, nonce: str) -> str:
    """Return a page whose inline scripts have the nonce, as far as they are those of Gradio's template, each
    once and in its order."""
    waiting = list(_list_own_scripts())
    parts: list[str] = []
    end = 0
    for element in _ELEMENT.finditer(html):
        at = next((at for at, own in enumerate(waiting) if _is_own(own, element[0])), None)
        if at is None:
            continue
        del waiting[: at + 1]
        parts += [html[end : element.start()], f'<script nonce="{nonce}"', element[0].removeprefix("<script")]
        end = element.end()
    return "".join([*parts, html[end:]])


@lru_cache(maxsize=1)
def _list_own_scripts() -> tuple[re.Pattern[str], ...]:
    """Return the inline scripts of Gradio's template, each as a pattern with a group for every value that
    Gradio fills in."""
    template = _TEMPLATE.read_text(encoding="utf-8")
    scripts = [element[0] for element in _ELEMENT.finditer(template) if _OPENING.match(element[0])]
    return tuple(
        re.compile("([^<]*)".join(re.escape(words) for words in _VALUE.split(script))) for script in scripts
    )


def _is_own(own: re.Pattern[str], script: str) -> bool:
    """Return whether a script is one of the template's with nothing but JSON filled in."""
    found = own.fullmatch(script)
    try:
        for value in found.groups() if found is not None else ():
            json.loads(value)
    except ValueError:
        return False
    return found is not None
