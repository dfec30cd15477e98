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

from magic_demo.core.plural import fill_places
from magic_demo.core.types import LANGUAGES, Language

_PLACE = re.compile(r"\[\[(?:(?P<attribute>[a-z-]+)\s+)?(?P<key>[a-z_]+\.[a-z_]+)\]\]")


TEXT_FILES = ("texts/i18n.json", "panels/review/texts.json", "agreement/texts.json", "workshop/texts.json")
"""The page's texts, below ``page``: those of the review with its queue and readers, of the agreement and of a
workshop lie beside their part."""


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
    """Return one text with its ``{places}`` filled; KeyError where the key is unknown."""
    return fill_places(load_texts()[key][language], values)


@lru_cache(maxsize=1)
def _load_lines() -> list[tuple[re.Pattern[str], str]]:
    source = resources.files("magic_demo.page.texts").joinpath("lines.json").read_text(encoding="utf-8")
    return [
        (re.compile(re.escape(english).replace(r"\{\}", "(.+?)")), chinese)
        for english, chinese in json.loads(source)
    ]


def _list_in_chinese(group: str) -> str:
    """Return a list of words that are all known in Chinese; anything else as it is."""
    known = {pattern.pattern: chinese for pattern, chinese in _load_lines() if not pattern.groups}
    words = [known.get(re.escape(word)) for word in group.split(", ")]
    return "、".join(word for word in words if word is not None) if all(words) else group


@lru_cache(maxsize=1)
def _fixed_lines() -> dict[str, str]:
    """Return English -> Chinese of the page's own messages, which errors carry in English."""
    texts = [both for key, both in load_texts().items() if key.startswith(("message.", "status."))]
    return {both["en"]: both["zh"] for both in texts if "{" not in both["en"]}


def line_in_both(line: str) -> dict[Language, str]:
    """Return a line that another module says in English, in both languages; where no translation is known,
    English twice."""
    for pattern, chinese in _load_lines():
        if match := pattern.fullmatch(line):
            return {"en": line, "zh": chinese.format(*(_list_in_chinese(group) for group in match.groups()))}
    return {"en": line, "zh": _fixed_lines().get(line, line)}


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
        texts = {language: escape(text(key, language), quote=True) for language in LANGUAGES}
        return (
            f'{attribute}="{texts["en"]}" data-{attribute}-en="{texts["en"]}" '
            f'data-{attribute}-zh="{texts["zh"]}"'
        )

    return _PLACE.sub(replace, template)
