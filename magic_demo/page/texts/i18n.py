"""The page's fixed texts in English and Chinese, and how both are put on the page at once.

Both languages are always in the page and the style sheet shows one of them, so that switching needs no server
and loses nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from html import escape
from importlib import resources

from magic_demo.core.messages import Message, shorten, unpack_message
from magic_demo.core.plural import fill_places
from magic_demo.core.types import LANGUAGES, Language

_PLACE = re.compile(r"\[\[(?:(?P<attribute>[a-z-]+)\s+)?(?P<key>[a-z_]+\.[a-z_]+)\]\]")
CHINESE_SEPARATOR = "、"
"""Between the items of a list."""
TEXT_FILES = (
    "texts/i18n.json",
    "panels/review/texts.json",
    "agreement/texts.json",
    "workshop/texts.json",
    "server/learning/texts.json",
)
"""The page's texts, below ``page``: those of the review with its queue and readers, of the agreement, of a
workshop and of learning lie beside their part."""


@lru_cache(maxsize=1)
def load_texts() -> dict[str, dict[Language, str]]:
    """Return key -> language -> text, from TEXT_FILES."""
    folder = resources.files("magic_demo.page")
    sources = [folder.joinpath(name).read_text(encoding="utf-8") for name in TEXT_FILES]
    return {
        key: dict(zip(LANGUAGES, texts, strict=True))
        for source in sources
        for key, texts in json.loads(source).items()
    }


def text(key: str, language: Language, **values: object) -> str:
    """Return one text with its ``{places}`` filled, by messages in its language; KeyError where the key is
    unknown."""
    values = {
        name: say(value, language) if isinstance(value, Message) else value for name, value in values.items()
    }
    return fill_places(load_texts()[key][language], values)


@lru_cache(maxsize=1)
def load_messages() -> dict[str, str]:
    """Return English template -> Chinese template of every error and line that may reach the page."""
    source = resources.files("magic_demo.page.texts").joinpath("messages.json").read_text(encoding="utf-8")
    messages: dict[str, str] = json.loads(source)
    return messages


def say(line: str, language: Language) -> str:
    """Return a line of another module in a language: a Message by its template, any other text only where it
    is a template without fields."""
    if language == "en":
        return shorten(line)
    return shorten(unpack_message(line).translate_with(load_messages(), CHINESE_SEPARATOR))


def line_in_both(line: str) -> dict[Language, str]:
    """Return a line of another module in both languages, see ``say``; where no translation is known, English
    twice."""
    return {language: say(line, language) for language in LANGUAGES}


def both(key: str, **values: object) -> str:
    """Return HTML of a text in both languages, escaped."""
    return both_of({language: text(key, language, **values) for language in LANGUAGES})


def both_of(texts: Mapping[Language, str]) -> str:
    """Return HTML of a text given in both languages, escaped; once where they are the same."""
    if texts["en"] == texts["zh"]:
        return f"<span>{escape(texts['en'])}</span>"
    return "".join(
        f'<span class="t-{language}" lang="{language}">{escape(texts[language])}</span>'
        for language in LANGUAGES
    )


def fill(template: str) -> str:
    """Fill a page template: ``[[key]]`` becomes the text, ``[[title key]]`` an attribute that page.mjs keeps
    in the language shown."""

    def replace(match: re.Match[str]) -> str:
        key, attribute = match["key"], match["attribute"]
        if attribute is None:
            return both(key)
        # the browser takes a single backslash of a template away
        texts = {
            language: escape(text(key, language), quote=True).replace("\\", "&#92;") for language in LANGUAGES
        }
        return (
            f'{attribute}="{texts["en"]}" data-{attribute}-en="{texts["en"]}" '
            f'data-{attribute}-zh="{texts["zh"]}"'
        )

    return _PLACE.sub(replace, template)
