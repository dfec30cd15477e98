"""The left column: examples, the photos of the case, the patient's words, and the buttons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import cv2
import gradio as gr
import numpy as np

from magic_demo.core.types import LANGUAGES, Language, Pixels
from magic_demo.imaging.resize import resize_pixels
from magic_demo.page.gradio_internals.events import Component
from magic_demo.page.panels.case.photo_intake import intake_component
from magic_demo.page.panels.case.unkept.unkept_offers import unkept_component
from magic_demo.page.panels.case.words import words_component
from magic_demo.page.panels.forms import MAX_CHARACTERS, MAX_PROMPT
from magic_demo.page.panels.queue.queue_panel import queue_component
from magic_demo.page.panels.viewer import picture_address
from magic_demo.page.texts.i18n import both, both_of, fill, line_in_both, text
from magic_demo.synthetic.bundled import Example

THUMBNAIL = 144
UNKEPT = gr.InputHTMLAttributes(autocomplete="off", spellcheck=False)
"""Of fields for a patient's words: else browsers write them to disk to restore a tab, or send them away to
look at the spelling."""
_STRIP = """
<div class="strip"><h2 id="photo-strip-title">[[case.photos]]</h2>
<div class="strip-list" id="photo-strip-list" role="group" aria-labelledby="photo-strip-title" data-count="0"></div>
<div class="arrange" id="photo-arrange" role="group" hidden [[aria-label case.arrange]]>
  <button type="button" class="quiet" id="photo-earlier" [[title case.photo_earlier]] [[aria-label case.photo_earlier]]>◀</button>
  <button type="button" class="quiet" id="photo-later" [[title case.photo_later]] [[aria-label case.photo_later]]>▶</button>
  <input type="text" id="photo-name" maxlength="60" autocomplete="off" spellcheck="false" [[title case.photo_name]] [[aria-label case.photo_name]]>
  <button type="button" class="quiet" id="photo-remove" [[title case.photo_remove]] [[aria-label case.photo_remove]]>×</button></div>
<p class="strip-empty">[[case.no_photos]]</p></div>
"""
_ON_EXAMPLE = """
const wanted = {}; // one object, see gradio_internals/newest.mjs
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-example]");
  if (button) trigger("choose", Object.assign(wanted, { number: Number(button.dataset.example) }));
});
"""


@dataclass(frozen=True)
class CasePanel:
    """The column's components that others wire."""

    queue: gr.HTML
    unkept: gr.HTML
    examples: gr.HTML
    upload: gr.HTML
    messages: gr.HTML
    narrative: gr.Textbox
    words: gr.HTML
    prompt: gr.Textbox
    all_photos: gr.Checkbox
    run: gr.Button
    cancel: gr.Button
    new: gr.Button


def lay_out_case(examples: Sequence[Example], *, folded: bool = False, throwaway: bool = False) -> CasePanel:
    """Put the column on the page. folded: the examples are, as the list of cases stands above them.
    throwaway: of the store."""
    with gr.Column(elem_id="case-panel", min_width=0):
        queue = queue_component(throwaway=throwaway)
        unkept = unkept_component()
        chooser = gr.HTML(
            render_examples(examples, folded=folded),
            js_on_load=_ON_EXAMPLE,
            elem_id="examples",
            apply_default_css=False,
        )
        with gr.Column(elem_id="photos", min_width=0):
            gr.HTML(
                html_template=fill(_STRIP), js_on_load=None, elem_id="photo-strip", apply_default_css=False
            )
            with gr.Row(elem_id="photo-buttons"):
                upload = intake_component()
                new = gr.Button(text("case.new", "en"), size="sm", elem_id="new-case")
        messages = gr.HTML(render_messages(()), js_on_load=None, elem_id="messages", apply_default_css=False)
        with gr.Column(elem_id="words", min_width=0):
            narrative = gr.Textbox(
                lines=4,
                max_lines=4,
                max_length=MAX_CHARACTERS,
                elem_id="narrative",
                container=True,
                html_attributes=UNKEPT,
                **_wording("case.narrative", "en"),
            )
            words = words_component()
        prompt = gr.Textbox(
            lines=1,
            max_lines=1,
            max_length=MAX_PROMPT,
            elem_id="prompt",
            container=True,
            html_attributes=UNKEPT,
            visible="hidden",  # until a model that reads it is loaded
            **_wording("case.prompt", "en"),
        )
        all_photos = gr.Checkbox(elem_id="all-photos", **_word_all_photos("en"))
        with gr.Row(elem_id="run-row"):
            run = gr.Button(text("case.run", "en"), variant="primary", elem_id="run")
            cancel = gr.Button(text("case.cancel", "en"), variant="stop", elem_id="cancel", interactive=False)
    return CasePanel(
        queue, unkept, chooser, upload, messages, narrative, words, prompt, all_photos, run, cancel, new
    )


def word_case(panel: CasePanel, language: Language, *, reads_prompt: bool = False) -> dict[Component, object]:
    """Return updates that put the texts which Gradio draws into ``language``; values stay as they are.

    reads_prompt: of the segmentation model, see ``word_prompt``.
    """
    return {
        panel.new: gr.update(value=text("case.new", language)),
        panel.narrative: gr.update(**_wording("case.narrative", language)),
        panel.prompt: word_prompt(language, reads_prompt=reads_prompt),
        panel.all_photos: gr.update(**_word_all_photos(language)),
        panel.run: gr.update(value=text("case.run", language)),
        panel.cancel: gr.update(value=text("case.cancel", language)),
    }


def word_prompt(language: Language, *, reads_prompt: bool) -> object:
    """Return the update of the prompt's field, which is there only where the model reads a prompt."""
    return gr.update(visible=True if reads_prompt else "hidden", **_wording("case.prompt", language))


def render_examples(examples: Sequence[Example], *, folded: bool = False) -> str:
    """Return the HTML of the example buttons; they are said to be synthetic."""
    buttons = "".join(_render_example(number, example) for number, example in enumerate(examples))
    title = (
        "<summary><h2 "
        f'id="examples-title">{both("case.examples")}<small>{both("case.synthetic")}</small></h2></summary>'
    )
    return (
        f'<details class="examples"{"" if folded else " open"}>{title}<div '
        f'class="examples-grid">{buttons}</div></details>'
    )


def _render_example(number: int, example: Example) -> str:
    title = {language: example.title[language] for language in LANGUAGES}
    photos = example.encounter.photos
    picture = (
        f'<img src="{thumbnail_address(photos[0].pixels)}" alt="">'
        if photos
        else '<span class="example-words" aria-hidden="true">“ ”</span>'
    )
    count = f'<span class="example-count" aria-hidden="true">{len(photos)}</span>' if len(photos) > 1 else ""
    return (
        f'<button type="button" class="example" id="example-{number}" data-example="{number}" '
        f'title="{escape(title["en"])} · {escape(title["zh"])}" aria-pressed="false">'
        f'<span class="example-picture">{picture}{count}</span><span '
        f'class="example-title">{both_of(title)}</span></button>'
    )


def thumbnail_address(pixels: Pixels) -> str:
    """Return a square middle of a photo as the data address of a small JPEG."""
    height, width = pixels.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    small = resize_pixels(pixels[top : top + side, left : left + side], (THUMBNAIL, THUMBNAIL))
    return picture_address("jpeg", np.ascontiguousarray(small[:, :, ::-1]), [cv2.IMWRITE_JPEG_QUALITY, 82])


def render_messages(notes: Sequence[str], problems: Sequence[str] = ()) -> str:
    """Return the quiet notes and the problems of a case, one line each."""
    lines = [_render_message("problem", "!", line) for line in problems] + [
        _render_message("note", "i", line) for line in notes
    ]
    return f'<div class="messages" role="status" aria-live="polite">{"".join(lines)}</div>'


def _render_message(kind: str, sign: str, line: str) -> str:
    return (
        f'<p class="message is-{kind}"><span class="message-sign" '
        f'aria-hidden="true">{sign}</span><span>{both_of(line_in_both(line))}</span></p>'
    )


def _word_all_photos(language: Language) -> dict[str, Any]:
    return {"label": text("case.all_photos.label", language), "info": text("case.all_photos.info", language)}


def _wording(key: str, language: Language) -> dict[str, Any]:
    return {"label": text(key, language), "placeholder": text(f"{key}_hint", language)}
