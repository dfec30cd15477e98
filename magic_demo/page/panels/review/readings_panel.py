"""The finished readings of a case side by side: the answers in a table, with a sign and a colour where they
differ.

Events: ``leave`` {}, and for an adjudicator ``build`` {"case": the open case's id, "how": "majority" or "staple"}, which
begins a consensus.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import gradio as gr

from magic_demo.core.review_content import CHOICES
from magic_demo.core.review_types import ReviewKind, SavedReview
from magic_demo.core.types import LANGUAGES, Answers, Family
from magic_demo.page.gradio_internals.scripts import load_script
from magic_demo.page.panels.review.choices import render_value
from magic_demo.page.texts.i18n import both, both_of, fill
from magic_demo.questions.decoding import read_slots
from magic_demo.questions.families import QuestionSet
from magic_demo.reviews.exports.readings import agree_answers
from magic_demo.reviews.store.rules import is_answered

CONSENSUS: ReviewKind = "consensus"

_ON_LOAD = load_script({"panels/review/readings.mjs": "mountReadings"}, ["watch"], events=["leave", "build"])
_BUILD = """
<div class="readings-build"><button type="button" class="quiet" data-build="majority" id="build-majority" [[title readings.majority_title]]>[[readings.majority]]</button>
<button type="button" class="quiet" data-build="staple" id="build-staple" [[title readings.staple_title]]>[[readings.staple]]</button></div>
"""
_OPEN = '<section class="readings" data-case="OPEN_ID" [[aria-label readings.title]]>'
_HEAD = """
<div class="readings-head"><h2>[[readings.title]]</h2><button type="button" class="quiet" id="readings-close" [[aria-label readings.close]]>×</button></div>
"""


def readings_component() -> gr.HTML:
    """Return the panel, which is empty while it is closed."""
    return gr.HTML("", js_on_load=_ON_LOAD, elem_id="readings", apply_default_css=False)


def choose_readings(visible: Sequence[SavedReview]) -> list[SavedReview]:
    """Return the newest finished reading of every reader, by name, and the newest consensus after them."""
    newest: dict[str, SavedReview] = {}
    for saved in sorted(visible, key=lambda saved: saved.number):
        newest["" if saved.review.kind == CONSENSUS else saved.review.reader] = saved
    return [newest[name] for name in sorted(newest, key=lambda name: (not name, name))]


def render_readings(
    open_id: str,
    readings: Sequence[SavedReview],
    model: Answers | None,
    questions: QuestionSet,
    *,
    may_build: bool,
) -> str:
    """Return the panel's HTML. open_id: the open case's. readings: what the reader may see. model: its answers where they are shown."""
    opening = fill(_OPEN).replace("OPEN_ID", escape(open_id))
    if not readings:
        return f'{opening}{fill(_HEAD)}<p class="readings-none">{both("readings.none")}</p></section>'
    heads = "".join(f"<th scope='col'>{_name(saved)}</th>" for saved in readings)
    model_head = f"<th scope='col'>{both('readings.model')}</th>" if model is not None else ""
    rows = "".join(_render_family(family, readings, model) for family in questions.families)
    own = [saved for saved in readings if saved.review.kind != CONSENSUS]
    return (
        f"{opening}{fill(_HEAD)}{fill(_BUILD) if may_build and own else ''}"
        '<div class="readings-scroll" tabindex="0"><table><thead><tr><th '
        f'scope="col">{both("readings.family")}</th>{heads}{model_head}</tr></thead>'
        f"<tbody>{rows}{_render_outlines(readings, model is not None)}{_render_notes(readings, model is not None)}</tbody></table></div></section>"
    )


def _name(saved: SavedReview) -> str:
    """Return HTML of whose reading it is, what its reader had been shown, and whether something was left
    open."""
    review = saved.review
    if review.kind == CONSENSUS:
        name = both("review.consensus")
    else:
        marks = [
            both(key)
            for word, key in (("model", "review.after_model"), ("others", "review.after_others"))
            if word in review.known
        ]
        name = f"<span>{escape(review.reader)}</span>" + "".join(f"<small>{mark}</small>" for mark in marks)
    return name + (
        f"<small>{both('review.left_open', count=len(review.missing))}</small>" if review.missing else ""
    )


def _render_family(family: Family, readings: Sequence[SavedReview], model: Answers | None) -> str:
    given = [read_slots(saved.review.answers, family) for saved in readings]
    answered = [labels for labels in given if labels]
    same = len(set(answered)) <= 1
    counts = sorted((answered.count(labels) for labels in set(answered)), reverse=True)
    tied = len(counts) > 1 and counts[0] == counts[1]
    most = frozenset() if tied else max(answered, key=answered.count, default=frozenset())
    sign, words = (
        ("✓", "readings.same") if same else ("=", "readings.tied") if tied else ("≠", "readings.differ")
    )
    cells = "".join(
        _render_cell(labels, family, _words_of(saved, family), differs=bool(labels) and labels != most)
        for labels, saved in zip(given, readings, strict=True)
    )
    if model is not None:
        spoken = read_slots(model, family)
        cells += _render_cell(spoken, family, "", differs=bool(spoken) and bool(most) and spoken != most)
    head = (
        '<span class="readings-sign" '
        f'aria-hidden="true">{sign if answered else "·"}</span>{both_of(family.title)}'
    )
    return (
        f'<tr class="{"is-same" if same else "is-differing"}"><th scope="row">{head}<span '
        f'class="unseen">{both(words)}</span></th>{cells}</tr>'
    )


def _words_of(saved: SavedReview, family: Family) -> str:
    """Return HTML of what a reader specified in words of a family's answers."""
    words = [
        saved.review.specified[question.qid]
        for question in family.questions
        if saved.review.specified.get(question.qid)
    ]
    return f" <q>{escape('; '.join(words))}</q>" if words else ""


def _render_cell(labels: frozenset[int], family: Family, words: str, *, differs: bool) -> str:
    if not labels:
        return (
            '<td class="is-open"><span aria-hidden="true">–</span><span '
            f'class="unseen">{both("readings.open")}</span></td>'
        )
    texts = {
        language: ", ".join(family.options[language][option] for option in sorted(labels))
        for language in LANGUAGES
    }
    return (
        "<td "
        f'class="{"is-apart" if differs else "is-with"}">{"<b>≠</b> " if differs else ""}{both_of(texts)}{words}</td>'
    )


def _render_outlines(readings: Sequence[SavedReview], model: bool) -> str:
    counts = "".join(f"<td>{len(saved.review.masks)}</td>" for saved in readings)
    return (
        '<tr><th scope="row"><span class="readings-sign" '
        f'aria-hidden="true">·</span>{both("readings.outlines")}</th>{counts}{"<td></td>" if model else ""}</tr>'
    )


def _render_notes(readings: Sequence[SavedReview], model: bool) -> str:
    """Return a row each for flag, choices, photos of no use, and comments, where somebody said any."""
    cells = {
        "queue.flagged": [
            '<b aria-hidden="true">⚑</b>' if saved.review.flagged else "" for saved in readings
        ],
        **{
            f"review.{name}": [render_value(name, getattr(saved.review, name)) for saved in readings]
            for name in CHOICES
        },
        "review.unusable": [
            ", ".join(escape(name) for name in sorted(saved.review.unusable)) for saved in readings
        ],
        "review.comment": [escape(saved.review.comment) for saved in readings],
    }
    return "".join(
        f'<tr><th scope="row"><span class="readings-sign" aria-hidden="true">·</span>{both(key)}</th>'
        f"{''.join(f'<td>{cell}</td>' for cell in row)}{'<td></td>' if model else ''}</tr>"
        for key, row in cells.items()
        if any(row)
    )


def find_ties(
    visible: Sequence[SavedReview], questions: QuestionSet
) -> dict[str, list[tuple[frozenset[int], tuple[str, ...]]]]:
    """Return the families that the readers of a case tie on: of each every answer with the names of those who
    gave it, most names first."""
    readings = [saved for saved in choose_readings(visible) if saved.review.kind != CONSENSUS]
    tied = agree_answers(readings, questions)[1]
    found = {}
    for family in questions.families:
        if family.family_id in tied:
            sides: dict[frozenset[int], tuple[str, ...]] = {}
            for saved in readings:
                if is_answered(saved.review.answers, family):
                    labels = read_slots(saved.review.answers, family)
                    sides[labels] = (*sides.get(labels, ()), saved.review.reader)
            found[family.family_id] = sorted(sides.items(), key=lambda side: (-len(side[1]), side[1]))
    return found


def gather_words(answers: Answers, readings: Sequence[SavedReview]) -> Mapping[str, str]:
    """Return the free text of the first reader who gave a question the answer that it has now."""
    words: dict[str, str] = {}
    for saved in readings:
        for qid, text in saved.review.specified.items():
            if saved.review.answers.get(qid) == answers.get(qid):
                words.setdefault(qid, text)
    return words
