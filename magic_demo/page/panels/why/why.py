"""Why an option has its score, on demand: the words that moved it, the region of the photo, and what was
measured.

The value of the component (``why_value``) brings finished HTML in the language asked for, and heat maps for
the viewer:

    {"request": int, "family": family id, "option": int, "html": str, "heat": {photo_id: data address}}    an
    empty ``html`` closes it

``heat`` is told to the viewer by ``why.mjs`` in the document's event ``magic-heat``, whose detail it is; null
takes it away.

    why   {"request", "case", "family", "option", "language"}   the reader asks; the answer is the component's
    next value, with its ``request``
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import gradio as gr

from magic_demo.core.types import Encounter, Explanation, Family, Language, Prediction, WordSpan
from magic_demo.page.gradio_internals.scripts import load_script
from magic_demo.page.panels.viewer import encode_levels
from magic_demo.page.panels.why.similar import Similar, render_similar
from magic_demo.page.texts.i18n import text
from magic_demo.questions.decoding import read_slots

CLOSED: dict[str, Any] = {"request": 0, "family": None, "option": None, "html": "", "heat": {}}
FAINTEST = 0.25
"""How strongly the weakest words are marked, beside the strongest at 1."""

_ON_LOAD = load_script({"panels/why/why.mjs": "mountWhy"}, events=["why"], newest=["why"])
_WITHOUT_HEAT = {None: "why.no_regions", "no_say": "why.no_say", "cannot_tell": "why.cannot_tell"}


def why_component() -> gr.HTML:
    """Return the pane, closed; its value is what ``why_value`` returns."""
    return gr.HTML(
        CLOSED,
        html_template='<div class="why-place"></div>',
        js_on_load=_ON_LOAD,
        elem_id="why",
        apply_default_css=False,
    )


def why_value(
    request: int,
    family: Family,
    explanation: Explanation,
    encounter: Encounter,
    prediction: Prediction,
    similar: Sequence[Similar] = (),
) -> dict[str, Any]:
    """Return what the pane and the viewer show of an explanation. similar: of its similar cases, those that the reader may
    see."""
    sizes = {photo.photo_id: photo.size for photo in encounter.photos}
    return {
        "request": request,
        "family": family.family_id,
        "option": explanation.option,
        "html": render_why(family, explanation, encounter, prediction, similar),
        "heat": {
            name: encode_levels(region, sizes[name])
            for name, region in explanation.regions.items()
            if name in sizes
        },
    }


def render_why(
    family: Family,
    explanation: Explanation,
    encounter: Encounter,
    prediction: Prediction,
    similar: Sequence[Similar] = (),
) -> str:
    """Return the pane's HTML in the explanation's language."""
    language = explanation.language
    chosen = read_slots(prediction.answers, family)
    options = "".join(
        "<option "
        f'value="{option}"{" selected" if option == explanation.option else ""}>{escape(label)}{" ◆" if option in chosen else ""}</option>'
        for option, label in enumerate(family.options[language])
    )
    return (
        '<section class="why" aria-labelledby="why-title"><div class="why-head"><h2 '
        f'id="why-title">{_say("why.title", language)}'
        f" · {escape(family.title[language])}</h2>"
        f'<select id="why-option" aria-label="{_say("why.option", language)}">{options}</select>'
        f'<button type="button" id="why-close" aria-label="{_say("why.close", language)}">×</button></div>'
        f'<div class="why-body" tabindex="0" role="group" aria-labelledby="why-title">'
        f"{_render_words(explanation, encounter)}{_render_photos(explanation, encounter)}"
        f"{_render_written(explanation, encounter, prediction)}{_render_evidence(explanation)}"
        f"{render_similar(family, chosen, similar, language)}</div></section>"
    )


def _render_words(explanation: Explanation, encounter: Encounter) -> str:
    language = explanation.language
    narrative = encounter.narrative
    words = narrative.text(language)
    if not words.strip():
        return ""
    texts = [(words, explanation.words)]
    if explanation.other_words is not None:  # the model read both: so does who asks
        texts.append((narrative.zh if language == "en" else narrative.en, explanation.other_words))
    moved = any(spans for _, spans in texts)
    shown = "".join(f'<p class="why-words">{mark_words(*one)}</p>' for one in texts) if moved else ""
    legend = f'<p class="why-note">{_say("why.words_legend" if moved else "why.no_words", language)}</p>'
    return f'<h3>{_say("case.narrative", language)}</h3><div class="why-texts" id="why-words">{shown}</div>{legend}'


def mark_words(words: str, spans: Sequence[WordSpan]) -> str:
    """Return a narrative as HTML with the spans marked: the stronger their weight the stronger the mark,
    those against the option dotted."""
    strongest = max((abs(span.weight) for span in spans), default=1.0) or 1.0
    html, before = [], 0
    for span in sorted(spans, key=lambda span: span.start):
        strength = max(FAINTEST, abs(span.weight) / strongest)
        side = "against" if span.weight < 0 else "for"
        html.append(escape(words[before : span.start]))
        html.append(
            f'<mark class="is-{side}" style="--strength:{strength:.2f}" '
            f'title="{span.weight:+.2f}">{escape(words[span.start : span.end])}</mark>'
        )
        before = span.end
    return "".join([*html, escape(words[before:])])


def _render_photos(explanation: Explanation, encounter: Encounter) -> str:
    if not encounter.photos:
        return ""
    language, count = explanation.language, len(explanation.regions)
    line = (
        _say("why.regions", language, count=count, total=len(encounter.photos))
        if count
        else _say(_WITHOUT_HEAT[explanation.unplaced], language)
    )
    return (
        f'<h3>{_say("case.photos", language)}</h3><p class="why-note" id="why-regions" '
        f'data-count="{count}">{line}</p>'
    )


def _render_written(explanation: Explanation, encounter: Encounter, prediction: Prediction) -> str:
    """Return what language models wrote: the reason of the family's answer, and a caption a photo."""
    language, html = explanation.language, ""
    if reason := prediction.reasons.get(explanation.family_id):
        html += f'<h3>{_say("why.reason", language)}</h3><p class="why-reason">{escape(reason)}</p>'
    captions = [(photo.photo_id, prediction.captions.get(photo.photo_id)) for photo in encounter.photos]
    lines = "".join(f"<li>{escape(name)}: {escape(caption)}</li>" for name, caption in captions if caption)
    if lines:
        html += f'<h3>{_say("why.captions", language)}</h3><ul class="why-captions">{lines}</ul>'
    return html


def _render_evidence(explanation: Explanation) -> str:
    if not explanation.evidence:
        return ""
    lines = "".join(f"<li>{escape(line)}</li>" for line in explanation.evidence)
    return f'<h3>{_say("why.evidence", explanation.language)}</h3><ul class="why-evidence">{lines}</ul>'


def _say(key: str, language: Language, **values: object) -> str:
    return escape(text(key, language, **values))
