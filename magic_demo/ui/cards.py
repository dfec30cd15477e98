"""The nine cards: one a family, siblings together, every option with its score as a bar and the chosen ones marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

from magic_demo.decoding import average_siblings
from magic_demo.types import LANGUAGES, Answers, Family, Prediction
from magic_demo.ui.i18n import both, both_of

FOLD_ABOVE = 8
"""Families with more options than this show the best scored ones and fold the rest; others keep the questionnaire's order."""
ROWS_SHOWN = 6


@dataclass(frozen=True)
class Row:
    """One option of a card. ``share``: its score as a bar's length in 0..1, None before an analysis; ``fills``: see chosen_options."""

    option: int
    share: float | None
    chosen: bool
    fills: bool = False


def bar_shares(scores: NDArray[np.float64], slots: int) -> NDArray[np.float64]:
    """Turn a family's (O,) scores into bar lengths 0..1.

    One slot: softmax, the options compete. Several slots: logistic, each label stands for itself. Neither is a calibrated probability.
    """
    if slots == 1:
        powers = np.exp(scores - scores.max())
        return np.asarray(powers / powers.sum())
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(scores, -60, 60))))


def chosen_options(answers: Answers, family: Family) -> frozenset[int]:
    """Return the labels a family's slots hold; "Not mentioned" is one of them only where it stands alone, else it fills slots."""
    held = {answers[question.qid] for question in family.questions if question.qid in answers}
    return frozenset(held - {family.not_mentioned} or held)


def list_rows(family: Family, prediction: Prediction | None) -> list[Row]:
    """Return a card's rows: in the questionnaire's order, or the best scored first where there are too many to show at once."""
    count = len(family.options["en"])
    if prediction is None or not all(question.qid in prediction.scores for question in family.questions):
        return [Row(option, None, False) for option in range(count)]
    shares = bar_shares(average_siblings(prediction.scores, family), len(family.questions))
    chosen = chosen_options(prediction.answers, family)
    fills = len(family.questions) > 1 and family.not_mentioned not in chosen
    rows = [Row(option, float(shares[option]), option in chosen, fills=fills and option == family.not_mentioned) for option in range(count)]
    if count <= FOLD_ABOVE:
        return rows
    return sorted(rows, key=lambda row: (not row.chosen, row.fills, -(row.share or 0.0)))


def render_cards(families: Sequence[Family], prediction: Prediction | None) -> str:
    """Return the HTML of all cards; without a prediction they show what will be asked."""
    answered = prediction is not None and bool(prediction.scores)
    if prediction is None:
        state, line = "waiting", both("cards.waiting")
    else:
        state, line = ("answered", both("cards.legend")) if answered else ("unanswered", both("cards.unanswered"))
    cards = "".join(_render_card(family, list_rows(family, prediction)) for family in families)
    head = f'<div class="cards-head"><h2>{both("cards.title")}</h2><p>{line}</p><p class="cards-stale" role="status">{both("cards.stale")}</p></div>'
    return f'<div class="cards" data-state="{state}">{head}<div class="cards-grid">{cards}</div></div>'


def _render_card(family: Family, rows: Sequence[Row]) -> str:
    shown = rows if len(rows) <= FOLD_ABOVE else rows[:ROWS_SHOWN]
    folded = rows[len(shown) :]
    rest = ""
    if folded:
        rest = (
            f'<details class="card-rest"><summary><span class="card-more">+{len(folded)} {both("cards.more")}</span></summary>'
            f"<ul>{''.join(_render_row(family, row) for row in folded)}</ul></details>"
        )
    name = family.family_id.lower()
    return (
        f'<section class="card" id="card-{name}" data-family="{family.family_id}" aria-labelledby="card-{name}-title">'
        f'<details class="card-question"><summary id="card-{name}-title"><h3>{both_of(family.title)}</h3></summary>'
        f"<p>{both_of(family.questions[0].text)}</p></details>"
        f'<ul class="card-rows">{"".join(_render_row(family, row) for row in shown)}</ul>{rest}</section>'
    )


def _render_row(family: Family, row: Row) -> str:
    label = both_of({language: family.options[language][row.option] for language in LANGUAGES})
    mark, classes, score, bar = "", "row", "", ""
    if row.chosen:
        classes += " is-chosen"
        mark = f'<span class="row-tick" aria-hidden="true">✓</span><span class="unseen">{both("cards.chosen")}:</span>'
    if row.fills:
        classes += " is-filling"
        score = f'<span class="row-note">{both("cards.fills")}</span>'
    elif row.share is not None:
        bar = f'<span class="row-bar" style="width:{row.share * 100:.1f}%"></span>'
        score = f'<span class="unseen">{both("cards.score")}</span><span class="row-score">{row.share:.2f}</span>'
    name = " · ".join(family.options[language][row.option] for language in LANGUAGES)
    return f'<li class="{classes}" data-option="{row.option}" title="{escape(name)}">{bar}{mark}<span class="row-label">{label}</span>{score}</li>'
