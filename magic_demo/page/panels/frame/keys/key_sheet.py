"""The sheet of all keys, in a dialog that ``?`` opens."""

from __future__ import annotations

from html import escape

from magic_demo.page.texts.i18n import both, fill

CARD_KEYS = (
    ("1 – 9", "keys.card"),
    ("N", "keys.next"),
    ("J K", "keys.step"),
    ("↑ ↓", "keys.move"),
    ("Space", "keys.choose"),
    ("Enter", "keys.accept"),
    ("R B C …", "keys.letter"),
    (".", "keys.none"),
    ("⌫", "keys.clear"),
    ("A", "keys.agree"),
    ("I", "keys.why"),
    ("Esc", "keys.leave"),
)
VIEWER_KEYS = (
    ("H", "about.key_hide"),
    ("M", "about.key_mode"),
    ("← →", "about.key_photo"),
    ("+ −", "about.key_zoom"),
    ("0", "about.key_fit"),
    ("< > |", "keys.turn"),
    ("; '", "keys.display"),
    ("F", "keys.alone"),
    ("W B E P V", "keys.tools"),
    ("Enter ⌫", "keys.point"),
    ('"', "keys.ruler"),
    ("#", "keys.cover"),
    ("L", "keys.label"),
    ("[ ]", "keys.size"),
    ("X", "keys.swap"),
    ("Space", "keys.pan"),
    ("/", "keys.compare"),
    ("\\", "keys.beside"),
)
CASE_KEYS = (
    ("⇧J ⇧K", "keys.case_step"),
    ("⇧N", "keys.case_next"),
    ("⇧D", "keys.case_done"),
    ("⇧F", "keys.case_flag"),
    ("⇧W", "keys.case_words"),
    ("⇧S", "keys.case_keep"),
    ("⇧C", "keys.case_notes"),
    ("⇧R", "keys.case_reveal"),
    ("⇧M", "keys.case_system"),
)
PAGE_KEYS = (
    ("Z Y", "keys.undo"),
    ("Ctrl Enter", "keys.analyse"),
    ("Esc", "keys.escape"),
    ("?", "keys.sheet"),
)


def render_key_sheet() -> str:
    """Return the dialog's HTML; ``looks.mjs`` opens it."""
    cards, viewer, review, page = (
        f"<section><h3>{both(title)}</h3><dl>{''.join(_render_key(*key) for key in keys)}</dl></section>"
        for title, keys in (
            ("keys.cards", CARD_KEYS),
            ("keys.viewer", VIEWER_KEYS),
            ("keys.review", CASE_KEYS),
            ("keys.page", PAGE_KEYS),
        )
    )
    columns = f"{cards}{viewer}<div>{review}{page}</div>"
    close = fill('<button type="button" class="quiet" id="keys-close" [[aria-label keys.close]]>×</button>')
    return (
        '<dialog id="keys-sheet" aria-labelledby="keys-title"><div class="keys-head"><h2 '
        f'id="keys-title">{both("keys.title")}</h2>{close}</div>'
        f'<div class="keys-columns">{columns}</div></dialog>'
    )


def _render_key(keys: str, says: str) -> str:
    # the browser takes a single backslash of a template away
    caps = " ".join(f"<kbd>{escape(key).replace(chr(92), '&#92;')}</kbd>" for key in keys.split(" "))
    return f"<div><dt>{caps}</dt><dd>{both(says)}</dd></div>"
