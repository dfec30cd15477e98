"""Similar cases beside the open one: what was answered of each, with a small picture of its first photo."""

from __future__ import annotations

import base64
from collections.abc import Collection, Sequence
from functools import lru_cache
from html import escape
from pathlib import Path

from magic_demo.core.errors import PhotoError
from magic_demo.core.types import Alike, Family, Language, SimilarCase
from magic_demo.files.photos.reading import read_photo
from magic_demo.page.server.downloads.thumbnails import draw_thumbnail
from magic_demo.page.texts.i18n import text

Similar = tuple[SimilarCase, Path | None]
"""A case, and the file of a photo of it that may be shown."""
NOTES: dict[Alike, str] = {
    "words": "why.similar_words",
    "photos": "why.similar_photos",
    "words and photos": "why.similar_both",
}
MOST_KEPT = 512
"""Pictures, of about 2 KB each."""


def render_similar(
    family: Family, chosen: Collection[int], similar: Sequence[Similar], language: Language
) -> str:
    """Return the cases' answers to a family side by side, the model's answer to this case first; empty without
    any case. chosen: the model's options."""
    if not similar:
        return ""
    own = _render_case(text("why.this_case", language), "", _say_options(family, chosen, language), "is-own")
    cases = "".join(
        _render_case(
            case.case_id,
            _draw(path) if path is not None else "",
            _say_options(family, case.options, language),
            "is-same" if case.options == frozenset(chosen) else "",
            f"{case.similarity:.2f}",
        )
        for case, path in similar
    )
    return (
        f'<h3 id="why-similar-title">{escape(text("why.similar", language))}</h3><ul class="why-similar" '
        f'aria-labelledby="why-similar-title">{own}{cases}</ul>'
        f'<p class="why-note">{escape(text(NOTES[similar[0][0].alike], language))}</p>'
    )


def _render_case(name: str, picture: str, says: str, kind: str, similarity: str = "") -> str:
    drawn = f'<img src="{picture}" alt="" width="64" height="64">' if picture else ""
    near = f" <small>{similarity}</small>" if similarity else ""
    return f'<li class="{kind}">{drawn}<b>{escape(name)}</b>{near}<span>{escape(says)}</span></li>'


def _say_options(family: Family, options: Collection[int], language: Language) -> str:
    shown = [option for option in sorted(options) if option != family.not_mentioned] or sorted(options)
    return ", ".join(family.options[language][option].strip() for option in shown) or "–"


def _draw(path: Path) -> str:
    """Return a photo's picture as a data address, empty for one that cannot be read."""
    try:
        return _draw_once(path, path.stat().st_mtime_ns)
    except (PhotoError, OSError):
        return ""


@lru_cache(maxsize=MOST_KEPT)
def _draw_once(path: Path, _changed: int) -> str:
    picture = draw_thumbnail(read_photo(path).pixels)
    return "data:image/jpeg;base64," + base64.b64encode(picture).decode("ascii")
