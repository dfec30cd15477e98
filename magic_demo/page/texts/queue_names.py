"""The names of the two queues that the program makes itself, in the language of the page; others are as they were given."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from magic_demo.core.types import LANGUAGES, Language
from magic_demo.page.texts.i18n import fill, text
from magic_demo.reviews.cases.kept_cases import EXAMPLES, UPLOADS

_KEYS = {EXAMPLES: "queue.examples", UPLOADS: "queue.uploads"}


def name_queue(queue: str) -> Mapping[Language, str]:
    """Return how a queue is called in each language."""
    key = _KEYS.get(queue)
    return {language: queue if key is None else text(key, language) for language in LANGUAGES}


def queue_option(queue: str, *, selected: bool = False) -> str:
    """Return a queue as HTML of a choice in a list."""
    key = _KEYS.get(queue)
    label = f" {fill(f'[[label {key}]]')}>" if key is not None else f">{escape(queue)}"
    return f'<option value="{escape(queue, quote=True)}"{" selected" if selected else ""}{label}</option>'
