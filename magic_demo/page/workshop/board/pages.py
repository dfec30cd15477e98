"""The audience board's two pages in HTML, in both languages at once, and the pictures on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from html import escape
from importlib import resources

import cv2
import numpy as np

from magic_demo.core.types import LANGUAGES, Family, Photo
from magic_demo.page.texts.i18n import both, both_of, fill
from magic_demo.questions.families import QuestionSet
from magic_demo.synthetic.bundled import Example

QUALITY = 88
QUIET_ZONE, DRAWN_ZONE = 4, 2
"""Light modules around a QR code: as its standard asks for, and as OpenCV draws it."""


def render_board(examples: Sequence[Example], asked: QuestionSet) -> str:
    """Return the presenter's page."""
    questions = "".join(
        _render_question(number, family, _board_row) for number, family in enumerate(asked.families)
    )
    steps = "".join(_render_step(number, family) for number, family in enumerate(asked.families))
    choices = "".join(
        f'<option value="{number}" data-en="{escape(example.title["en"])}" '
        f'data-zh="{escape(example.title["zh"])}">'
        f"{number + 1} · {escape(example.title['en'])}</option>"
        for number, example in enumerate(examples)
    )
    return _fill_page(
        "board.html",
        {"QUESTIONS": questions, "STEPS": steps, "CHOICES": choices, "CASES": _render_cases(examples)},
    )


def render_join(examples: Sequence[Example], asked: QuestionSet) -> str:
    """Return a participant's page."""
    questions = "".join(
        _render_question(number, family, _join_row) for number, family in enumerate(asked.families)
    )
    return _fill_page("join.html", {"QUESTIONS": questions, "CASES": _render_cases(examples)})


def _fill_page(name: str, parts: dict[str, str]) -> str:
    page = fill(resources.files("magic_demo.page.workshop.board").joinpath(name).read_text(encoding="utf-8"))
    for name, part in parts.items():
        page = page.replace(f"@{name}@", part)
    return page


def _render_cases(examples: Sequence[Example]) -> str:
    """Return the patient's words of every case, of which one is shown; photos are fetched when it is."""
    return "".join(
        f'<div class="words" data-case="{number}" data-photos="{len(example.encounter.photos)}" hidden>'
        f"{both_of({language: example.encounter.narrative.text(language) for language in LANGUAGES})}</div>"
        for number, example in enumerate(examples)
    )


def _render_question(number: int, family: Family, row: Callable[[int, str], str]) -> str:
    options = "".join(
        row(option, both_of({language: family.options[language][option] for language in LANGUAGES}))
        for option in range(len(family.options["en"]))
    )
    several = (
        f'<p class="question-hint">{both("board.one_of_several")}</p>' if len(family.questions) > 1 else ""
    )
    return (
        f'<section class="question" data-index="{number}" aria-labelledby="question-{number}" hidden>'
        f'<p class="question-place"><span>{number + 1}</span> {both_of(family.title)}</p>'
        f'<h2 id="question-{number}" '
        f'tabindex="-1">{both_of(family.questions[0].text)}</h2>{several}<div '
        f'class="options">{options}</div></section>'
    )


def _board_row(option: int, label: str) -> str:
    return (
        f'<div class="bars" data-option="{option}"><p class="bars-label">{label}<span '
        f'class="model-mark" hidden>{both("board.model_says")}</span></p>'
        '<div class="bar is-audience"><i></i></div><b class="bar-count">0</b><div class="bar '
        'is-model"><i></i></div><b class="bar-share"></b></div>'
    )


def _join_row(option: int, label: str) -> str:
    return (
        f'<button type="button" class="option" data-option="{option}" aria-pressed="false">{label}</button>'
    )


def _render_step(number: int, family: Family) -> str:
    title = both_of(family.title)
    return (
        '<button type="button" class="step" '
        f'data-step="{number}"><i></i><span>{number + 1}</span><em>{title}</em></button>'
    )


@lru_cache(maxsize=64)
def encode_jpeg(photo: Photo) -> bytes:
    """Return a photo as a JPEG file of its own size, pixels alone."""
    done, data = cv2.imencode(
        ".jpg", np.ascontiguousarray(photo.pixels[:, :, ::-1]), [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
    )
    if not done:
        raise RuntimeError(f"{photo.photo_id} of shape {photo.pixels.shape} could not be written as JPEG")
    return bytes(data.tobytes())


def draw_code(address: str) -> str:
    """Return an address as a QR code in SVG, black on white in either theme: phones read no other."""
    settings = cv2.QRCodeEncoder.Params()
    settings.mode, settings.correction_level = (
        cv2.QRCODE_ENCODER_MODE_BYTE,
        cv2.QRCODE_ENCODER_CORRECT_LEVEL_M,
    )
    pixels = cv2.QRCodeEncoder.create(settings).encode(address)
    rows, columns = np.nonzero(np.pad(pixels == 0, QUIET_ZONE - DRAWN_ZONE))
    dark = "".join(f"M{column} {row}h1v1h-1z" for row, column in zip(rows, columns, strict=True))
    size = len(pixels) + 2 * (QUIET_ZONE - DRAWN_ZONE)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" shape-rendering="crispEdges">'
        f'<path fill="#fff" d="M0 0h{size}v{size}h-{size}z"/><path d="{dark}"/></svg>'
    )
