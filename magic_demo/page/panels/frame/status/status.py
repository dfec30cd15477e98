"""The status line at the foot of the page, and the About panel: what runs, how far it is, what it is not."""

from __future__ import annotations

import re
from html import escape
from typing import Literal

import gradio as gr

from magic_demo.core.messages import Message
from magic_demo.core.types import LANGUAGES, Language
from magic_demo.page.gradio_internals.scripts import load_script
from magic_demo.page.session.inference.source import PredictorSource
from magic_demo.page.texts.i18n import both, both_of, fill, line_in_both, load_texts, say, text

State = Literal["loading", "ready", "working", "done", "failed"]

_ON_LOAD = load_script({"panels/frame/status/status_line.mjs": "watchStatus"})
_INSTEAD = """
<div id="status-instead" hidden><i aria-hidden="true"></i><span role="status">
  <span data-shows="lost">[[status.lost]]</span><span data-shows="signed-out">[[status.signed_out]]</span><span data-shows="restarted">[[status.restarted]]</span><span
  data-shows="saving">[[status.saving]]</span><span data-shows="failed">[[status.unheard]]</span></span><small>[[app.disclaimer]]</small></div>
"""

FAULT = Message("The analysis failed through a fault of the program; its console says which")
PARTS = ("segmentation", "cvqa", "cues")
CAPTIONS = "captions"
"""A part that few pages have."""
"""The models of a predictor, by the names it gives them."""


def status_component(source: PredictorSource) -> gr.HTML:
    """Return the line. value: of what happened last (``render_status``); models: how far loading them is;
    loading: the line that says they are not there yet.

    The browser decides which of them shows.
    """
    gr.HTML(html_template=fill(_INSTEAD), js_on_load=None, elem_id="status-words", apply_default_css=False)
    return gr.HTML(
        render_source(source),
        js_on_load=_ON_LOAD,
        elem_id="status",
        apply_default_css=False,
        models=None,
        loading=_say_state("loading"),
    )


def render_status(state: State, line: dict[Language, str], share: float | None = None) -> str:
    """Return the status line's HTML; ``share`` 0..1 draws the progress bar."""
    percent = 0 if share is None else round(max(0.0, min(1.0, share)) * 100)
    bar = (
        '<span class="status-bar" role="progressbar" aria-valuemin="0" aria-valuemax="100" '
        f'aria-valuenow="{percent}" style="width:{percent}%"></span>'
    )
    return (
        f'<div class="status" data-state="{state}">{bar if share is not None else ""}'
        '<span class="status-dot" aria-hidden="true"></span><span class="status-line" '
        f'role="status">{both_of(line)}</span>'
        f'<span class="status-disclaimer">{both("app.disclaimer")}</span></div>'
    )


def fixed_line(key: str, **values: object) -> dict[Language, str]:
    """Return one of the fixed texts in both languages."""
    return {language: text(key, language, **values) for language in LANGUAGES}


def render_source(source: PredictorSource) -> str:
    """Return the status line that says how far loading the models is."""
    if source.state == "failed":
        return render_status(
            "failed",
            {
                language: f"{text('status.failed', language)}: {say(source.problem, language)}"
                for language in LANGUAGES
            },
        )
    return _say_state(source.state)


def _say_state(state: Literal["loading", "ready"]) -> str:
    return render_status(state, fixed_line(f"status.{state}"))


def render_queued(before: int) -> str:
    """Return the status line of an analysis that so many others come before."""
    return render_status("working", fixed_line("status.before", count=before), 0.02)


def render_step(share: float, what: str) -> str:
    """Return the status line of an analysis that is under way."""
    return render_status("working", line_in_both(what), share)


def say_fitted(line: str) -> str:
    """Return HTML of what a checkpoint says of the cases that it was calibrated on, in both languages where it is in
    words that training writes."""
    for key in ("about.fitted_photos", "about.fitted_folds"):
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>\\d+)", re.escape(load_texts()[key]["en"]))
        if found := re.fullmatch(pattern, line):
            return both(key, **found.groupdict())
    return f"<span>{escape(line)}</span>"


def render_about(source: PredictorSource) -> str:
    """Return the About panel with the ids of the models that run."""
    models = source.models
    missing = both("about.waiting" if source.state == "loading" else "about.left_out")
    described = {"about.runs_on": source.backends, "about.calibrated_on": source.calibrated_on}
    notes = {
        part: "".join(
            f"<small>{both(key)} {say_fitted(of[part])}</small>"
            for key, of in described.items()
            if part in of
        )
        for part in (*PARTS, CAPTIONS)
    }
    rows = "".join(
        f"<dt>{both(f'about.{part}')}</dt><dd>{escape(models[part]) if part in models else missing}{notes[part]}</dd>"
        for part in (*PARTS, *([CAPTIONS] if CAPTIONS in models else []))
    )
    return (
        '<details class="about" id="about-details"><summary '
        f'id="about-open">{both("about.open")}</summary><div class="about-panel">'
        f"<p>{both('about.what')}</p><p>{both('about.scores')}</p><p>{both('about.calibration')}</p><p>{both('about.privacy')}</p>"
        f"<h2>{both('about.models')}</h2><dl>{rows}</dl>"
        f'<p class="about-disclaimer">{both("app.disclaimer")}</p></div></details>'
    )
