"""The fields of a review that hold one of several values: their buttons in the drawer, and their words for the
scripts. Texts: ``review.<field>`` and ``review.<field>_<value>``."""

from __future__ import annotations

from magic_demo.core.review_content import CHOICES
from magic_demo.page.texts.i18n import both


def write_choice(name: str) -> str:
    """Return the template of a field: a button a value, of which one or none is pressed."""
    buttons = "".join(
        f'<button type="button" role="radio" data-choice="{name}" data-value="{value}" aria-checked="false">'
        f"[[{_key(name, value)}]]</button>"
        for value in CHOICES[name]
    )
    return (
        f'<div class="review-field"><span id="review-{name}-name">[[review.{name}]]</span>'
        f'<div class="segmented" role="radiogroup" aria-labelledby="review-{name}-name">{buttons}</div></div>'
    )


def write_choices() -> str:
    """Return the template of every field."""
    return "\n      ".join(write_choice(name) for name in CHOICES)


def write_choice_words() -> str:
    """Return the template of what scripts call the fields ("<field>") and their values ("<field> <value>")."""
    fields = [f'<i data-word="{name}" [[title review.{name}]]></i>' for name in CHOICES]
    values = [
        f'<i data-word="{name} {value}" [[title {_key(name, value)}]]></i>'
        for name, values in CHOICES.items()
        for value in values
    ]
    return "".join([*fields, *values])


def render_value(name: str, value: str | None) -> str:
    """Return HTML of a field's value in both languages, empty where none was chosen."""
    return both(_key(name, value)) if value is not None else ""


def _key(name: str, value: str) -> str:
    return f"review.{name}_{value}"
