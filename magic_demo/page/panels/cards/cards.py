"""The nine cards: one a family, siblings together, every option with its bar; the reader answers on them
beside the model.

The page has all cards and both languages from the start (``render_cards``); what a case brings comes as the
component's value (``cards_value``), and what the reader answers stays in the browser (``cards.mjs``) and is
told to the server in events:

    answers   {"case", "answers": {family id: [option]}, "specified": {family id: str}, "touched": [family
    id]}   some milliseconds after the last
              change; touched: what was changed since the event before; and what changes.py adds
    system    {"case", "system": name}                       the reader wants to see another system's prediction
    why       {"case", "family": family id, "option": int, "language"}                     the reader asks why
    an option has its score
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from html import escape
from typing import Any

import gradio as gr
import numpy as np
from numpy.typing import NDArray

from magic_demo.core.limits import LIMITS
from magic_demo.core.types import LANGUAGES, Answers, Family, Prediction
from magic_demo.page.gradio_internals.scripts import load_script
from magic_demo.page.session.desk.systems import shown_system
from magic_demo.page.texts.i18n import both, both_of, fill, text
from magic_demo.questions.decoding import average_siblings, read_slots
from magic_demo.questions.families import QuestionSet
from magic_demo.questions.shares import as_shares

COLUMNS = 2
"""Cards stand in so many columns, each filled from the top, and so do the options of a wide card."""
WIDE_FROM = 9
"""A card with this many options or more has the whole width."""
MAX_SPECIFIED = min(200, LIMITS.comment_characters)
"""Characters of a reader's own words where an option says "please specify"."""

_PLEASE = re.compile(r"\s*[(（](?:please specify|请注明)[)）]", re.IGNORECASE)

_ON_LOAD = load_script(
    {"panels/cards/cards_panel.mjs": "mountCards"}, events=["answers", "why", "system"], newest=["system"]
)


def cards_component(questions: QuestionSet) -> gr.HTML:
    """Return the cards; their value is what ``cards_value`` returns."""
    families = questions.families
    return gr.HTML(
        cards_value(families, None),
        html_template=render_cards(families),
        js_on_load=_ON_LOAD,
        elem_id="cards",
        apply_default_css=False,
    )


@lru_cache(maxsize=16)
def draw_others(questions: QuestionSet) -> dict[str, Any]:
    """Return what the value of a case has besides where other questions are asked of it than the page began with:
    their cards, and a name by which the browser knows them again."""
    markup = render_cards(questions.families)
    return {"set": hashlib.sha256(markup.encode()).hexdigest()[:12], "markup": markup}


def cards_value(
    families: Sequence[Family],
    prediction: Prediction | None,
    *,
    case: str | None = None,
    answers: Answers | None = None,
    specified: Mapping[str, str] | None = None,
    ties: Mapping[str, Sequence[tuple[frozenset[int], tuple[str, ...]]]] | None = None,
    systems: Mapping[str, bool] | None = None,
) -> dict[str, Any]:
    """Return what the cards show of a case.

    case: None while no case is open, when nothing can be answered; another case begins with ``answers`` and
    ``specified`` (by qid), which are not looked at while the same case stays open: the reader may be further
    by then. ties: of a consensus, family id -> (options, names) a side. systems: of several, whose predictions can be shown
    -> whether it speaks of the case.
    """
    state = (
        "waiting"
        if prediction is None
        else "answered"
        if prediction.scores or prediction.answers
        else "unanswered"
    )
    return {
        "case": case,
        "state": state,
        "unlike": prediction is not None and prediction.unlike > 0,
        "systems": dict(systems or {}) if prediction is not None else {},
        "system": shown_system(prediction),
        "families": {family.family_id: _family_value(family, prediction) for family in families}
        if prediction is not None
        else {},
        "answers": {family.family_id: sorted(read_slots(answers or {}, family)) for family in families},
        "specified": {
            family.family_id: words
            for family in families
            for question in family.questions
            if (words := (specified or {}).get(question.qid))
        },
        "ties": {
            family.family_id: [
                {"says": _say_options(options, family), "names": list(names)} for options, names in sides
            ]
            for family in families
            if (sides := (ties or {}).get(family.family_id))
        },
    }


def _say_options(options: frozenset[int], family: Family) -> dict[str, str]:
    return {
        language: ", ".join(family.options[language][option] for option in sorted(options))
        for language in LANGUAGES
    }


def _family_value(family: Family, prediction: Prediction) -> dict[str, Any]:
    chances = prediction.chances.get(family.family_id)
    if chances is not None:
        shares: NDArray[np.float64] | None = chances
    elif all(question.qid in prediction.scores for question in family.questions):
        shares = bar_shares(average_siblings(prediction.scores, family), len(family.questions))
    else:
        shares = None
    return {
        "shares": [round(float(share), 4) for share in shares] if shares is not None else None,
        "calibrated": chances is not None,
        "chosen": sorted(read_slots(prediction.answers, family)),
        "unsure": family.family_id in prediction.unsure,
    }


def bar_shares(scores: NDArray[np.float64], slots: int) -> NDArray[np.float64]:
    """Turn a family's (O,) scores into bar lengths 0..1.

    One slot: softmax, the options compete. Several slots: logistic, each label stands for itself. Neither is
    a calibrated probability.
    """
    return as_shares(scores, slots == 1)


def options_to_specify(family: Family) -> tuple[int, ...]:
    """Return the options that ask the reader for words of the reader's own."""
    return tuple(
        option for option, label in enumerate(family.options["en"]) if "please specify" in label.lower()
    )


def render_cards(families: Sequence[Family]) -> str:
    """Return the HTML of all cards, with what they say in every state; the style sheet shows what holds."""
    numbered = [_render_card(number, family) for number, family in enumerate(families, start=1)]
    grid = "".join(
        _render_band([families[i] for i in band], [numbered[i] for i in band])
        for band in split_bands(families)
    )
    head = fill(_HEAD).replace("@TITLE@", both("cards.title", count=len(families)))
    return (
        f'<div class="cards" data-state="waiting">{head.replace("@COUNT@", str(len(families)))}'
        f'<div class="cards-grid">{grid}</div>{fill(_LEGEND)}</div>'
    )


def split_bands(families: Sequence[Family]) -> list[list[int]]:
    """Return the cards' places, in their order, in bands from the top: a wide card alone, those between two
    wide ones together."""
    bands: list[list[int]] = []
    for place, family in enumerate(families):
        wide = _count_listed(family) >= WIDE_FROM
        if wide or not bands or _count_listed(families[bands[-1][-1]]) >= WIDE_FROM:
            bands.append([place])
        else:
            bands[-1].append(place)
    return bands


def _render_band(families: Sequence[Family], cards: Sequence[str]) -> str:
    if len(cards) == 1:
        return f'<div class="cards-band is-wide">{cards[0]}</div>'
    columns = "".join(
        f'<div class="cards-column">{"".join(column)}</div>' for column in _split_columns(families, cards)
    )
    return f'<div class="cards-band">{columns}</div>'


def _split_columns(families: Sequence[Family], cards: Sequence[str]) -> list[list[str]]:
    """Split the cards into columns of about the same height, in their order."""
    heights = [2 + _count_listed(family) for family in families]
    columns: list[list[str]] = [[] for _ in range(COLUMNS)]
    before = 0.0
    for height, card in zip(heights, cards, strict=True):
        columns[min(COLUMNS - 1, int((before + height / 2) / sum(heights) * COLUMNS))].append(card)
        before += height
    return columns


_HEAD = """
<div class="cards-head">
  <div class="cards-line"><h2 id="cards-title">@TITLE@</h2>
    <p id="cards-summary" role="status"><span class="count is-agree"><b data-count="agree">0</b> [[cards.agree]]</span><span class="count is-differ"><b
      data-count="differ">0</b> [[cards.differ]]</span><span class="count is-own"><b data-count="own">0</b> [[cards.own]]</span><span class="count is-open"><b
      data-count="open">@COUNT@</b> [[cards.open]]</span></p>
    <span class="segmented" id="cards-systems" role="radiogroup" [[aria-label cards.systems]] [[title cards.systems_title]] hidden></span>
    <button type="button" id="agree-all" [[title cards.agree_all_title]] disabled>[[cards.agree_all]] <kbd>A</kbd></button></div>
  <p class="cards-legend when-waiting"><span class="is-usual">[[cards.waiting]]</span><span
      class="is-blind">[[cards.waiting_blind]]</span><span class="is-unaided">[[cards.waiting_unaided]]</span></p><p class="cards-legend when-unanswered">[[cards.unanswered]]</p>
  <p class="cards-agreed" id="cards-agreed" role="status" hidden><b data-agreed></b> [[cards.agreed]]<span class="left-open">; <b data-left></b> [[cards.left_open]]</span></p>
  <p class="cards-stale" role="status">[[cards.stale]]</p>
  <p class="cards-unlike" role="status">[[cards.unlike]]</p>
</div>
"""

_LEGEND = """
<p class="cards-legend when-answered" [[title cards.legend_title]]><span class="model-sign" aria-hidden="true"></span> [[cards.legend_model]] ·
  <span class="when-scores">[[cards.legend_scores]]</span><span class="when-chances">[[cards.legend_chances]]</span><span class="when-unsure"> · [[cards.legend_unsure]]</span></p>
"""


def _render_card(number: int, family: Family) -> str:
    name = family.family_id.lower()
    slots = len(family.questions)
    role, group = ("radio", "radiogroup") if slots == 1 else ("checkbox", "group")
    listed = 0 if _is_typed(family) else len(family.options["en"])
    rows = "".join(_render_row(family, option, role) for option in range(listed))
    lines = _count_rows(family)
    title = both_of(family.title)
    limit = (
        f'<p class="card-limit" role="status" hidden>{both("cards.limit", count=slots)}</p>'
        if slots > 1
        else ""
    )
    return (
        f'<section class="card" id="card-{name}" data-family="{escape(family.family_id)}" '
        f'data-slots="{slots}" data-none="{-1 if family.not_mentioned is None else family.not_mentioned}"'
        f' data-options="{len(family.options["en"])}" data-standing="open" '
        f'aria-labelledby="card-{name}-name">'
        f'<div class="card-head"><span class="card-number" aria-hidden="true">{number}</span><details '
        'class="card-question">'
        f'<summary id="card-{name}-title"><h3 '
        f'id="card-{name}-name">{title}</h3></summary><p>{both_of(family.questions[0].text)}</p></details>'
        f"{_render_measured(family, 'colour')}{fill(_SIGNS)}</div>"
        "<p "
        f'class="card-unscored">{both("cards.unscored")}</p><div class="card-tie" '
        f'hidden><b>{both("cards.tied")}</b><ul></ul></div><div class="card-rows{" is-line" if lines == 1 else ""}" role="{group}" '
        f'aria-labelledby="card-{name}-name" style="--rows: {lines}">{rows}{_render_number(family)}</div>{_render_measured(family, "count")}{limit}{_render_specify(family)}</section>'
    )


def _render_measured(family: Family, kind: str) -> str:
    """Return the line that says where a photo's outline was measured otherwise than this family is answered;
    empty for what is not measured."""
    says = _MEASURED.get(family.family_id, {})
    if says.get("kind") != kind:
        return ""
    words = "".join(
        f' data-{name}-{language}="{escape(text(key, language))}"'
        for name, key in says.items()
        if name != "kind"
        for language in LANGUAGES
    )
    return f'<p class="card-measured" data-kind="{kind}"{words} hidden></p>'


_MEASURED = {
    "CQID034": {"kind": "colour", "colour": "cards.measured_colour"},
    "CQID035": {"kind": "count", "several": "cards.measured_several", "one": "cards.measured_one"},
}
"""Families that measures inform: where they say it, and their words by what ``contradiction`` returns."""

_SIGNS = """
<span class="card-unsure" [[title cards.unsure]]><span aria-hidden="true">?</span><span class="card-unsure-words">[[cards.unsure]]</span></span>
<span class="card-sign is-agree" [[title cards.agrees]]><span aria-hidden="true">✓</span><span class="unseen">[[cards.agrees]]</span></span>
<span class="card-sign is-differ"><span aria-hidden="true">≠</span> [[cards.differs]]</span>
<button type="button" class="card-agree" [[title cards.agree_one]] [[aria-label cards.agree_one]]>✓</button>
<button type="button" class="card-why" [[title cards.why_title]] [[aria-label cards.why_title]] aria-pressed="false">[[cards.why]]</button>
"""


def _render_specify(family: Family) -> str:
    options = options_to_specify(family)
    if not options:
        return ""
    counts = family.questions[0].text["en"].lower().startswith("how many")
    asks = "cards.specify_count" if counts else "cards.specify"
    return (
        f'<label class="card-specify" data-options="{" ".join(map(str, options))}" '
        f"hidden><span>{both(asks)}</span>"
        f'<input type="text" maxlength="{MAX_SPECIFIED}" autocomplete="off" spellcheck="false"></label>'
    )


def _render_number(family: Family) -> str:
    """Return the field of a family that asks for a number; its options are the values from the lowest, in steps."""
    scale = family.scale
    if scale is None or not scale.typed:
        return ""
    low, high, step = (
        f"{number:.10g}"
        for number in (scale.values[0], scale.values[-1], round(scale.values[1] - scale.values[0], 6))
    )
    name = f"card-{family.family_id.lower()}"
    return (
        f'<label class="card-value"><input type="number" inputmode="decimal" min="{low}" max="{high}" '
        f'step="{step}" autocomplete="off" aria-labelledby="{name}-name" aria-describedby="{name}-range">'
        f'<span>{escape(scale.unit)}</span></label><p class="card-range" id="{name}-range">'
        f"{both('cards.number', low=low, high=high, step=step)}</p>"
    )


def _count_rows(family: Family) -> int:
    """Return how many lines the options of a card take that has the whole width."""
    options = _count_listed(family)
    return -(-options // COLUMNS) if options >= WIDE_FROM else 1


def _count_listed(family: Family) -> int:
    """Return how many lines a card has below its question: a number is typed into one field."""
    return 1 if _is_typed(family) else len(family.options["en"])


def _is_typed(family: Family) -> bool:
    return family.scale is not None and family.scale.typed


def _render_row(family: Family, option: int, role: str) -> str:
    label = both_of({language: _shorten(family.options[language][option]) for language in LANGUAGES})
    name = " · ".join(family.options[language][option] for language in LANGUAGES)
    fills = (
        f'<span class="row-note">{both("cards.fills")}</span>'
        if option == family.not_mentioned and len(family.questions) > 1
        else ""
    )
    key = f' data-key="{escape(family.keys[option])}"' if family.keys else ""
    return (
        f'<div class="row" role="{role}" aria-checked="false" tabindex="-1" data-option="{option}" '
        f'data-name="{escape(family.options["en"][option])}"{key} title="{escape(name)}">'
        '<span class="row-bar" aria-hidden="true"></span><span class="row-box" '
        f'aria-hidden="true"></span><span class="row-label">{label}</span>'
        '<span class="row-model"><span class="model-sign" aria-hidden="true"></span><span '
        f'class="unseen">{both("cards.models")}</span></span>'
        f'<span class="unseen when-scores">{both("cards.score")}</span><span class="unseen '
        f'when-chances">{both("cards.chance")}</span>'
        f'<span class="row-score"></span>{fills}</div>'
    )


def _shorten(label: str) -> str:
    """Return a label without its request for words, which the card's own field makes once it is chosen."""
    return _PLEASE.sub(" …", label)
