"""The page ``/learning`` as HTML: the button, the bar and the log, and the models that were learnt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from magic_demo.core.limits import LIMITS
from magic_demo.core.types import Language
from magic_demo.page.texts.i18n import both, both_of, fill, line_in_both, text
from magic_demo.page.texts.queue_names import name_queue, queue_option
from magic_demo.reviews.learning.learnt import Progress

_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Magic Demo</title>
<link rel="stylesheet" href="page/panels/frame/theme/theme.css"><link rel="stylesheet" href="page/server/learning/learning.css"><meta name="color-scheme" content="light dark">
<script type="module" src="page/panels/frame/page.mjs"></script><script type="module" src="page/server/learning/learning.mjs"></script></head>
<body class="learning"><main><p><a href="BACK" id="learning-back">← [[learning.back]]</a></p><h1>[[learning.title]]</h1>
<p class="learning-disclaimer"><small>[[app.disclaimer]]</small></p>"""
_END = "</main></body></html>\n"


@dataclass(frozen=True)
class LearningView:
    """What the page shows. reviewed: queue -> cases to learn from, while nothing is being learnt. progress: while something is being learnt. models: name -> what it says of itself, the
    newest first. in_use: the name of the one that readers see, "" for the page's own."""

    queues: Sequence[str]
    reviewed: Mapping[str, int]
    first: str | None
    running: bool
    failed: bool
    progress: Progress | None
    log: Sequence[str]
    models: Sequence[tuple[str, Mapping[str, Any]]]
    in_use: str
    problem: str = ""


_STEPS = {
    "Starting": "learning.at_start",
    "Gathering": "learning.at_reviews",
    "Learning the outline": "learning.at_outline",
    "Learning the answers": "learning.at_answers",
    "Measuring": "learning.at_after",
}
"""How a line of ``training learn`` begins -> what is done, in Chinese; what is measured has many names."""


def say_line(line: str) -> dict[Language, str]:
    """Return what is done now in both languages; the numbers of a step stay with the English and the bar."""
    key = next((key for begins, key in _STEPS.items() if line.startswith(begins)), "learning.at_measuring")
    return {"en": line, "zh": text(key, "zh")}


def open_page(back: str) -> str:
    """Return the page's beginning. back: where its link leads."""
    return fill(_HEAD).replace("BACK", back)


def close_page() -> str:
    """Return the page's end."""
    return _END


def render_page(view: LearningView) -> str:
    """Return the page's HTML."""
    line = (
        f'<p class="learning-problem" role="alert">{both_of(line_in_both(view.problem))}</p>'
        if view.problem
        else ""
    )
    models = "".join(_render_model(name, about, view.in_use) for name, about in view.models)
    none = f"<p>{both('learning.none')}</p>"
    return (
        f"{open_page('./')}{line}<p>{both('learning.what')}</p>{_render_run(view)}"
        f'<section id="learning-models"><h2>{both("learning.models")}</h2>{_render_own(view)}'
        f"{models or none}</section>{_END}"
    )


def _count(queue: str, found: int) -> str:
    return both_of(
        {
            language: text("learning.counted", language, queue=name, found=found, least=LIMITS.learn_cases)
            for language, name in name_queue(queue).items()
        }
    )


def _render_run(view: LearningView) -> str:
    log = escape("\n".join(view.log))
    open_ = " open" if view.running or view.failed else ""
    shown = f'<details{open_}><summary>{both("learning.log")}</summary><pre id="learning-log">{log}</pre></details>'
    if view.running:
        share = view.progress.share if view.progress is not None else 0.0
        said = both_of(say_line(view.progress.line)) if view.progress is not None else ""
        return (
            f'<section id="learning-run" data-running><progress id="learning-bar" max="1" value="{share}"></progress>'
            f'<p id="learning-line" role="status">{said}</p><form method="post" action="learning">'
            f'<button name="do" value="stop" id="learning-stop">{both("learning.stop")}</button></form>{shown}</section>'
        )
    queues = "".join(queue_option(queue, selected=queue == view.first) for queue in view.queues)
    rules = "".join(
        f'<option value="{rule}" {fill(f"[[label learning.{rule}]]")}></option>'
        for rule in ("consensus", "majority", "staple")
    )
    counted = "".join(
        f'<p class="learning-counted">{_count(queue, found)}</p>' for queue, found in view.reviewed.items()
    )
    off = "" if any(found >= LIMITS.learn_cases for found in view.reviewed.values()) else " disabled"
    failed = f'<p class="learning-problem" role="alert">{both("learning.failed")}</p>' if view.failed else ""
    return (
        f'<section id="learning-run">{failed}<form method="post" action="learning"><label>{both("learning.queue")} '
        f'<select name="queue" id="learning-queue">{queues}</select></label> <label>{both("learning.rule")} '
        f'<select name="rule" id="learning-rule">{rules}</select></label> '
        f'<button name="do" value="learn" id="learning-start" class="is-final"{off}>{both("learning.start")}</button></form>{counted}'
        f"{shown if view.log else ''}</section>"
    )


def _render_own(view: LearningView) -> str:
    if not view.in_use:
        return f'<p id="learning-own">{both("learning.own")}</p>'
    return (
        f'<form method="post" action="learning" class="model"><p>{both("learning.in_use", model=view.in_use)}</p>'
        f'<button name="do" value="back" id="learning-undo">{both("learning.go_back")}</button></form>'
    )


def _render_model(name: str, about: Mapping[str, Any], in_use: str) -> str:
    rows = "".join(_render_row(row) for row in about.get("rows", ()))
    heads = "".join(
        f'<th scope="col">{both(f"learning.{key}")}</th>' for key in ("list", "cases", "before", "after")
    )
    use = (
        f"<b>{both('learning.used')}</b>"
        if name == in_use
        else f'<button name="do" value="use" class="is-final">{both("learning.use")}</button>'
    )
    taught, held_out = int(about.get("taught", 0)), int(about.get("held_out", 0))
    return (
        f'<form method="post" action="learning" class="model" data-model="{escape(name)}"><h3>{escape(name)}</h3>'
        f"<p>{both('learning.from', taught=taught, held_out=held_out)}</p>"
        f"<table><thead><tr>{heads}<th scope='col'>{both('learning.difference')}</th></tr></thead><tbody>{rows}</tbody></table>"
        f'<input type="hidden" name="model" value="{escape(name)}">'
        f'<a class="button" href="learning?compare={escape(name)}">{both("learning.compare")}</a> {use}</form>'
    )


def _render_row(row: Mapping[str, Any]) -> str:
    before, after = float(row["before"]), float(row["after"])
    interval = (
        "" if row["low"] is None or row["high"] is None else f" [{row['low']:+.3f}, {row['high']:+.3f}]"
    )
    change = round(after - before, 3)  # as it is shown
    way = "better" if change > 0 else "worse" if change < 0 else "same"
    sign = {"better": "▲", "worse": "▼", "same": "="}[way]
    return (
        f'<tr class="is-{way}"><td>{escape(str(row["name"]))}</td><td>{int(row["cases"])}</td><td>{before:.3f}</td>'
        f"<td>{after:.3f}</td><td>{sign} {change:+.3f}{interval}</td></tr>"
    )
