"""The nine cards: every option of every question is on them, the chosen ones are marked, nothing a user typed
becomes markup."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from magic_demo.core.types import Family, Prediction, Question
from magic_demo.page.panels.cards.cards import (
    COLUMNS,
    WIDE_FROM,
    bar_shares,
    cards_value,
    options_to_specify,
    render_cards,
)
from magic_demo.page.panels.forms import read_answers
from magic_demo.page.texts.i18n import both
from magic_demo.questions.decoding import decode_answers, read_slots
from magic_demo.questions.families import load_families
from tests.support.own_questions import ask_ten

FAMILIES = load_families()
FAMILY_OF = {family.family_id: family for family in FAMILIES}
SITE = next(family for family in FAMILIES if family.family_id == "CQID011")
COLOUR = next(family for family in FAMILIES if family.family_id == "CQID034")


def predict(seed: int = 0) -> Prediction:
    rng = np.random.default_rng(seed)
    scores = {
        question.qid: rng.normal(0, 2, question.option_count).astype(np.float32)
        for family in FAMILIES
        for question in family.questions
    }
    return Prediction("ENC00001", scores=scores, answers=decode_answers(scores, FAMILIES))


class _Tags(HTMLParser):
    """Check that every tag that is opened is closed, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        if tag != "input":  # which holds nothing and is never closed
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_all_families_and_options_are_on_the_cards_in_both_languages() -> None:
    html = render_cards(FAMILIES)
    tags = _Tags()
    tags.feed(html)
    assert tags.open == []
    assert re.findall(r'data-family="(\w+)"', html) == [family.family_id for family in FAMILIES]
    assert html.count('data-option="') == sum(len(family.options["en"]) for family in FAMILIES)
    for family in FAMILIES:
        assert family.title["en"] in html and family.title["zh"] in html
        assert family.questions[0].text["en"] in html and family.questions[0].text["zh"] in html


def test_families_of_one_slot_are_single_choice_and_the_others_are_not() -> None:
    for family in FAMILIES:
        html = render_cards([family])
        role, other = ("radio", "checkbox") if len(family.questions) == 1 else ("checkbox", "radio")
        assert html.count(f'role="{role}"') == len(family.options["en"]) and f'role="{other}"' not in html
        assert (
            f'data-slots="{len(family.questions)}"' in html and f'data-none="{family.not_mentioned}"' in html
        )
        assert ("card-limit" in html) == (len(family.questions) > 1)


def test_words_of_ones_own_are_asked_for_where_an_option_says_so() -> None:
    asking = {family.family_id for family in FAMILIES if options_to_specify(family)}
    assert asking == {"CQID011", "CQID034", "CQID035"}
    assert [SITE.options["en"][option] for option in options_to_specify(SITE)] == ["other (please specify)"]
    assert {family.family_id for family in FAMILIES if "card-specify" in render_cards([family])} == asking
    asked = {name: "How many?" in render_cards([FAMILY_OF[name]]) for name in asking}
    assert asked == {"CQID011": False, "CQID034": False, "CQID035": True}


def test_the_cards_stand_in_columns_in_their_order_and_none_is_empty() -> None:
    bands = render_cards(FAMILIES).split('class="cards-band')[1:]
    placed = [re.findall(r'data-family="(\w+)"', band) for band in bands]
    assert all(placed) and list(chain.from_iterable(placed)) == [family.family_id for family in FAMILIES]
    for band, families in zip(bands, placed, strict=True):
        columns = band.split('class="cards-column"')[1:]
        assert len(columns) == (0 if len(families) == 1 else COLUMNS)
        assert all('data-family="' in column for column in columns)
        assert len(families) == 1 or max(len(FAMILY_OF[name].options["en"]) for name in families) < WIDE_FROM
    assert render_cards([SITE]).count('data-family="') == 1


def test_before_an_analysis_nothing_is_scored_or_chosen() -> None:
    value = cards_value(FAMILIES, None, case="secret")
    assert value["state"] == "waiting" and value["families"] == {} and value["case"] == "secret"
    assert not any(value["answers"].values())
    assert cards_value(FAMILIES, Prediction("ENC00001"))["state"] == "unanswered"


@pytest.mark.parametrize("seed", range(5))
def test_exactly_the_decoded_answers_are_the_models(seed: int) -> None:
    prediction = predict(seed)
    value = cards_value(FAMILIES, prediction, case="secret")
    for family in FAMILIES:
        held = {prediction.answers[question.qid] for question in family.questions}
        assert value["families"][family.family_id]["chosen"] == sorted(
            held - {family.padding} or {family.padding}
        )


def test_not_mentioned_is_chosen_only_where_it_stands_alone() -> None:
    slots = [question.qid for question in SITE.questions]
    nothing = dict.fromkeys(slots, SITE.padding)
    assert read_slots(nothing, SITE) == {SITE.padding}
    assert read_slots({**nothing, slots[0]: 2, slots[1]: 4}, SITE) == {2, 4}
    assert read_slots({}, SITE) == frozenset()


def test_a_review_that_was_begun_comes_back_as_it_was_told() -> None:
    told = {"answers": {"CQID011": [2, 6], "CQID015": [3], "CQID025": []}, "specified": {"CQID011": "scalp"}}
    read = read_answers(told, FAMILIES)
    value = cards_value(FAMILIES, None, case="secret", answers=read.answers, specified=read.specified)
    assert {name: chosen for name, chosen in value["answers"].items() if chosen} == {
        "CQID011": [2, 6],
        "CQID015": [3],
    }
    assert value["specified"] == {"CQID011": "scalp"}


def test_calibrated_probabilities_are_shown_where_there_are_any_and_scores_elsewhere() -> None:
    prediction = predict()
    chances = np.full(len(SITE.options["en"]), 0.25)
    value = cards_value(
        FAMILIES, replace(prediction, chances={"CQID011": chances}, unsure=frozenset({"CQID011"}))
    )["families"]
    assert (
        value["CQID011"]["calibrated"]
        and value["CQID011"]["unsure"]
        and value["CQID011"]["shares"] == chances.tolist()
    )
    assert not value["CQID034"]["calibrated"] and not value["CQID034"]["unsure"]
    expected = bar_shares(np.asarray(prediction.scores["CQID034-001"], np.float64), 1)
    assert value["CQID034"]["shares"] == pytest.approx(expected, abs=1e-4)
    assert COLOUR.family_id == "CQID034"


def test_what_the_cards_are_sent_is_json() -> None:
    assert json.loads(json.dumps(cards_value(FAMILIES, predict(), case="secret")))["case"] == "secret"


@given(arrays(np.float64, st.integers(2, 12), elements=st.floats(-1e4, 1e4)), st.integers(1, 9))
def test_bars_are_lengths_in_the_order_of_the_scores(scores: np.ndarray, slots: int) -> None:
    shares = bar_shares(scores, slots)
    assert ((shares >= 0) & (shares <= 1)).all()
    assert (np.diff(shares[np.argsort(scores, kind="stable")]) >= 0).all()
    if slots == 1:
        assert shares.sum() == pytest.approx(1.0)


def test_options_from_a_file_of_ones_own_are_escaped() -> None:
    bad = "<script>alert(1)</script>"
    question = Question(
        "CQID099-001", {"en": bad, "zh": bad}, {"en": (bad, "Not mentioned"), "zh": (bad, "无法得知")}
    )
    html = render_cards([Family("CQID099", {"en": bad, "zh": bad}, (question,), 1)])
    assert "<script" not in html and "&lt;script&gt;" in html


def test_a_family_that_no_model_scores_is_a_card_without_bars(tmp_path: Path) -> None:
    asked = ask_ten(tmp_path)
    html = render_cards(asked.families)
    assert both("cards.title", count=10) in html and 'data-count="open">10<' in html
    assert 'id="card-pain"' in html and 'data-none="-1"' in html
    value = cards_value(asked.families, predict())
    assert value["state"] == "answered"
    assert value["families"]["PAIN"] == {"shares": None, "calibrated": False, "chosen": [], "unsure": False}
    assert all(value["families"][family_id]["shares"] for family_id in asked.family_ids[:-1])
