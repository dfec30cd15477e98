"""One entry of a file of encounters: its ids, its photos, its words, checked."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from typing import Any

from magic_demo.core.disk.whole_text import mend_text
from magic_demo.core.errors import FormatError
from magic_demo.core.limits import LIMITS
from magic_demo.core.messages import Message
from magic_demo.core.types import LANGUAGES, EncounterFiles, Language, Narrative, PhotoFile
from magic_demo.files.photos.index import PhotoIndex
from magic_demo.files.photos.kinds import PHOTO_SUFFIXES

ENCOUNTER_KEY = "encounter_id"

_ID = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_TAGS = (
    "a|abbr|b|big|blockquote|body|br|center|code|div|em|font|h[1-6]|head|hr|html|i|img|label|li|link|meta|ol|p|pre|s|script|section|"
    "small|span|strike|strong|style|sub|sup|table|tbody|td|th|thead|title|tr|u|ul"
)
_MARKUP = re.compile(
    rf"<(script|style)\b[^<>]*>.*?</\1\s*>|<!--.*?-->|</?(?:{_TAGS})(?:\s[^<>]*)?/?>",
    re.IGNORECASE | re.DOTALL,
)

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")


def clean_text(text: str) -> str:
    """Return the text without HTML tags, entities, control characters and superfluous white space; "<5 cm"
    and emoji stay."""
    if not text:
        return ""
    if text.isprintable() and "<" not in text and "&" not in text:  # as nearly all: nothing to take out
        return " ".join(text.split())
    plain = mend_text(text)
    if "<" in plain:
        plain = _MARKUP.sub(" ", plain)
    if "&" in plain:
        plain = html.unescape(plain)
    return " ".join(_CONTROL.sub(" ", plain.replace("\u200b", "").replace("\ufeff", "")).split())


def parse_encounter(entry: Any, photos: PhotoIndex, problems: list[str]) -> EncounterFiles:
    if not isinstance(entry, dict):
        raise FormatError("{came} where an object with 'encounter_id' is expected", came=name_kind(entry))
    encounter_id = as_text(entry.get(ENCOUNTER_KEY))
    if not isinstance(encounter_id, str) or not is_safe_id(encounter_id):
        raise FormatError(
            "'encounter_id' is {came}; letters, digits, '_', '.' and '-' are expected",
            came=show_value(encounter_id),
        )
    names = _list(entry, encounter_id, "image_ids")
    if len(names) > LIMITS.encounter_photos:
        raise FormatError(
            "{encounter}: {count} photos, the limit is {limit}; split the encounter",
            encounter=encounter_id,
            count=len(names),
            limit=LIMITS.encounter_photos,
        )
    photo_files: dict[str, PhotoFile] = {}
    for name in map(as_text, names):
        if not isinstance(name, str) or not is_file_name(name):
            raise FormatError(
                "{encounter}: photo {name} is not a file name such as IMG_ENC00001_00001.jpg",
                encounter=encounter_id,
                name=show_value(name),
            )
        photo_id = _photo_id(name)
        if photo_id in photo_files and names.count(name) == 1:
            raise FormatError(
                "{encounter}: two photos are called {photo}, with other endings; their masks would "
                "overwrite each other",
                encounter=encounter_id,
                photo=photo_id,
            )
        place, doubt = photos.find(photo_id, name)
        photo_files[photo_id] = PhotoFile(photo_id, place)
        problems += [f"{encounter_id}: {doubt}"] if doubt else []
    responses = _list(entry, encounter_id, "responses")
    return EncounterFiles(
        encounter_id=encounter_id,
        narrative=Narrative(
            **{language: _narrative(entry, encounter_id, language) for language in LANGUAGES}
        ),
        photo_files=tuple(photo_files.values()),
        responses=tuple(
            text for text in (_response(response, encounter_id) for response in responses) if text
        ),
        author_id=_text({"author_id": as_text(entry.get("author_id"))}, encounter_id, "author_id"),
    )


def as_text(value: Any) -> Any:
    """Return an id that is a whole number as text, and anything else as it is."""
    return str(value) if is_number(value) else value


def _narrative(entry: Mapping[str, Any], encounter_id: str, language: Language) -> str:
    title = clean_text(_text(entry, encounter_id, f"query_title_{language}"))
    content = clean_text(_text(entry, encounter_id, f"query_content_{language}"))
    longest = max(len(title), len(content))
    if longest > LIMITS.text_characters:
        raise FormatError(
            "{encounter}: a text of {count} characters, the limit is {limit}; shorten it",
            encounter=encounter_id,
            count=longest,
            limit=LIMITS.text_characters,
        )
    if not title or not content or title == content:
        return title or content
    stop, space = ("。", "") if language == "zh" else (".", " ")
    return f"{title}{'' if title[-1] in '.。!！?？:：,，;；…' else stop}{space}{content}"


def _response(response: Any, encounter_id: str) -> str:
    if not isinstance(response, dict):
        raise FormatError(
            "{encounter}: a response is {came}; an object with 'content_en' is expected",
            encounter=encounter_id,
            came=name_kind(response),
        )
    return clean_text(_text(response, encounter_id, "content_en"))


def _text(entry: Mapping[str, Any], encounter_id: str, key: str) -> str:
    value = entry.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise FormatError(
            "{encounter}: '{key}' is {came}; a text is expected",
            encounter=encounter_id,
            key=key,
            came=name_kind(value),
        )
    return value


def _list(entry: Mapping[str, Any], encounter_id: str, key: str) -> list[Any]:
    value = entry.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise FormatError(
            "{encounter}: '{key}' is {came}; a list is expected",
            encounter=encounter_id,
            key=key,
            came=name_kind(value),
        )
    return value


def is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _photo_id(name: str) -> str:
    stem, dot, suffix = name.rpartition(".")
    return stem if stem and f"{dot}{suffix}".lower() in PHOTO_SUFFIXES else name


def is_safe_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None and ".." not in text and text != "."


def is_file_name(text: str) -> bool:
    """Tell whether a text names one file in a folder, with room for the ending that a mask's name gets."""
    return (
        bool(text)
        and text[0] != "."
        and text.isprintable()
        and not set(text) & set("/\\:")
        and len(text.encode("utf-8")) <= 200
    )


def show_value(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=True)
    return text if len(text) <= 60 else f"{text[:57]}..."


def name_kind(value: Any) -> Message:
    names = {dict: Message("an object"), list: Message("a list"), type(None): Message("null")}
    if type(value) in names:
        return names[type(value)]
    kinds = {str: Message("a text"), bool: Message("true or false")}
    return Message(
        "{value} ({kind})", value=show_value(value), kind=kinds.get(type(value), Message("a number"))
    )
