"""The nine cards: every option of every question is on them, the chosen ones are marked, nothing a user typed becomes markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from magic_demo.decoding import decode_answers
from magic_demo.questions import load_families
from magic_demo.types import Family, Prediction, Question
from magic_demo.ui.cards import FOLD_ABOVE, ROWS_SHOWN, bar_shares, chosen_options, list_rows, render_cards

FAMILIES = load_families()
SITE = next(family for family in FAMILIES if family.family_id == "CQID011")
COLOUR = next(family for family in FAMILIES if family.family_id == "CQID034")


def predict(seed: int = 0) -> Prediction:
    rng = np.random.default_rng(seed)
    scores = {
        question.qid: rng.normal(0, 2, question.option_count).astype(np.float32) for family in FAMILIES for question in family.questions
    }
    return Prediction("ENC00001", scores=scores, answers=decode_answers(scores, FAMILIES))


class _Tags(HTMLParser):
    """Check that every tag that is opened is closed, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("prediction", [None, predict(), Prediction("ENC00001")], ids=["before", "after", "no answers"])
def test_all_families_and_options_are_on_the_cards_in_both_languages(prediction: Prediction | None) -> None:
    html = render_cards(FAMILIES, prediction)
    tags = _Tags()
    tags.feed(html)
    assert tags.open == []
    assert re.findall(r'data-family="(\w+)"', html) == [family.family_id for family in FAMILIES]
    assert html.count('data-option="') == sum(len(family.options["en"]) for family in FAMILIES)
    for family in FAMILIES:
        assert family.title["en"] in html and family.title["zh"] in html


def test_before_an_analysis_nothing_is_scored_or_chosen() -> None:
    html = render_cards(FAMILIES, None)
    assert "row-bar" not in html and "is-chosen" not in html and 'data-state="waiting"' in html


@pytest.mark.parametrize("seed", range(5))
def test_exactly_the_decoded_answers_are_marked(seed: int) -> None:
    prediction = predict(seed)
    for family in FAMILIES:
        held = {prediction.answers[question.qid] for question in family.questions}
        marked = {row.option for row in list_rows(family, prediction) if row.chosen}
        assert marked == (held - {family.not_mentioned} or {family.not_mentioned})


def test_not_mentioned_is_chosen_only_where_it_stands_alone() -> None:
    slots = [question.qid for question in SITE.questions]
    nothing = dict.fromkeys(slots, SITE.not_mentioned)
    assert chosen_options(nothing, SITE) == {SITE.not_mentioned}
    assert chosen_options({**nothing, slots[0]: 2, slots[1]: 4}, SITE) == {2, 4}
    assert chosen_options({}, SITE) == frozenset()


def test_long_families_show_the_chosen_and_the_best_and_fold_the_rest() -> None:
    prediction = predict()
    rows = list_rows(COLOUR, prediction)
    assert len(rows) > FOLD_ABOVE
    assert rows[0].chosen
    shares = [row.share or 0.0 for row in rows if not row.chosen]
    assert shares == sorted(shares, reverse=True)
    html = render_cards([COLOUR], prediction)
    folded = html[html.index('class="card-rest"') :]
    assert folded.count("data-option=") == len(rows) - ROWS_SHOWN


def test_short_families_keep_the_questionnaires_order() -> None:
    assert [row.option for row in list_rows(SITE, predict())] == list(range(len(SITE.options["en"])))


@given(arrays(np.float64, st.integers(2, 12), elements=st.floats(-1e4, 1e4)), st.integers(1, 9))
def test_bars_are_lengths_in_the_order_of_the_scores(scores: np.ndarray, slots: int) -> None:
    shares = bar_shares(scores, slots)
    assert ((shares >= 0) & (shares <= 1)).all()
    assert (np.diff(shares[np.argsort(scores, kind="stable")]) >= 0).all()
    if slots == 1:
        assert shares.sum() == pytest.approx(1.0)


def test_scores_are_called_scores() -> None:
    html = render_cards(FAMILIES, predict()).lower()
    assert "score" in html
    assert "probab" not in html and "confiden" not in html and "%<" not in html


def test_options_from_a_file_of_ones_own_are_escaped() -> None:
    bad = "<script>alert(1)</script>"
    question = Question("CQID099-001", {"en": bad, "zh": bad}, {"en": (bad, "Not mentioned"), "zh": (bad, "无法得知")})
    html = render_cards([Family("CQID099", {"en": bad, "zh": bad}, (question,), 1)], None)
    assert "<script" not in html and "&lt;script&gt;" in html
