"""What the agreement page draws: every number in both languages, nothing that was not measured."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from magic_demo.core.errors import FormError
from magic_demo.page.agreement.cases import MOST_CASES, Thumbnails, render_cases
from magic_demo.page.agreement.filters import View, read_filter, render_filters
from magic_demo.page.agreement.flows import LINE, draw_flow, render_switches
from magic_demo.page.agreement.masks import render_masks
from magic_demo.page.agreement.numbers import draw_bars, render_families, render_headline
from magic_demo.page.agreement.wording import say_whole, tell_basis
from magic_demo.questions.families import load_challenge, load_families
from magic_demo.reviews.agreement import CONSENSUS, MaskNumbers, Measured, Switches
from magic_demo.reviews.agreement.sources import AgreementChoice, Comparison
from magic_demo.reviews.store import Store
from tests.support.store.agreeing_readers import QUEUE, ReadRounds


@pytest.mark.parametrize(
    ("name", "value", "changed"),
    [
        ("queue", QUEUE, AgreementChoice(queue=QUEUE)),
        ("queue", "", AgreementChoice()),
        ("reader", "Ann", AgreementChoice(readers=frozenset({"Ann"}))),
        ("family", "CQID025", AgreementChoice(family="CQID025")),
        ("reading", "blind", AgreementChoice(reading="blind")),
        ("done", "no", AgreementChoice(done_only=False)),
    ],
)
def test_a_button_changes_what_is_compared(name: str, value: str, changed: AgreementChoice) -> None:
    assert read_filter(View(), {"name": name, "value": value}, [QUEUE], load_challenge()) == View(changed)


def test_readers_are_chosen_together_and_let_go_again() -> None:
    view = View()
    for name, chosen in (("Ann", {"Ann"}), ("Bo", {"Ann", "Bo"}), ("Ann", {"Bo"}), ("", set())):
        view = read_filter(view, {"name": "reader", "value": name}, [], load_challenge())
        assert view.choice.readers == chosen


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"name": "queue", "value": "other"},
        {"name": "family", "value": "CQID999"},
        {"name": "done", "value": 1},
    ],
)
def test_a_choice_that_there_is_not_is_refused(told: dict[str, object]) -> None:
    with pytest.raises(FormError, match="reload the page"):
        read_filter(View(), told, [QUEUE], load_challenge())


def test_names_are_escaped_and_what_there_is_one_of_has_no_filter() -> None:
    shown = render_filters(View(), ["one"], ["<b>Ann", "Bo"], load_challenge())
    assert "<b>Ann" not in shown and "&lt;b&gt;Ann" in shown
    assert 'data-filter="queue"' not in shown and 'data-filter="reader"' in shown


def test_the_numbers_are_the_measured_ones(found: Comparison) -> None:
    overall = found.agreement.overall
    assert (
        overall.with_model.same and overall.among_readers.same and overall.with_model.kappa and overall.alpha
    )
    shown = render_headline(found.agreement, View())
    assert (
        f"<b>{overall.with_model.same.value:.0%}</b>" in shown
        and f"<b>{overall.among_readers.same.value:.0%}</b>" in shown
    )
    rows = render_families(found.agreement, "kappa", load_challenge())
    assert (
        f"<b>{overall.with_model.kappa.value:.2f}</b>" in rows and f"<b>{overall.alpha.value:.2f}</b>" in rows
    )
    for family in load_families():
        assert family.title["en"] in rows and family.title["zh"] in rows


def test_every_number_has_its_interval_and_how_many_it_is_of(found: Comparison) -> None:
    assert say_whole(Measured(-0.5, -0.83, -0.22, 34), share=False) == "-0.50 (-0.83 to -0.22; n = 34)"
    basis = tell_basis(Measured(0.5, 0.41, 0.6, 7), share=True)
    assert re.findall(r">([^<]+)<", basis) == ["41% to 60%", "41% 至 60%", " · ", "n = 7", "样本数 7"]
    rows = render_families(found.agreement, "kappa", load_challenge())
    numbers = re.findall(r'<td class="agree-number"><b>([^<]+)</b> <small>(.*?)</small></td>', rows)
    assert numbers and all("n = " in basis for value, basis in numbers if value != "–")


def test_that_readings_lean_towards_the_model_is_said_where_most_were_made_after_it(
    found: Comparison,
) -> None:
    said = [
        "lean towards it" in render_headline(replace(found.agreement, readings=10, after_model=after), View())
        for after in (0, 5, 6)
    ]
    assert said == [False, False, True]


def test_bars_are_as_long_as_their_numbers_with_the_interval_on_them() -> None:
    drawn = draw_bars(Measured(0.625, 0.5, 0.75, 8), Measured(-0.2, None, None, 3))
    assert re.search(r'class="bar-model"[^>]* width="62.5%"', drawn) and re.search(
        r'class="bar-readers"[^>]* width="0.0%"', drawn
    )
    assert 'x1="50.0%" x2="75.0%"' in drawn and drawn.count('class="whisker"') == 1
    assert "bar-model" not in draw_bars(None, None)


def test_the_matrix_shows_a_dash_where_no_photo_has_both_masks() -> None:
    dice = np.array([[1.0, np.nan], [np.nan, 1.0]])
    shown = render_masks(MaskNumbers(("Ann", "Bo"), dice, dice, np.array([[2, 0], [0, 1]])), ("Ann", "Bo"))
    assert shown.count("<td>–</td>") == 2 and "nan" not in shown


def test_the_consensus_has_a_row_and_a_column() -> None:
    dice = np.array([[1.0, 0.5], [0.5, 1.0]])
    shown = render_masks(MaskNumbers(("Ann", CONSENSUS), dice, dice, np.array([[2, 1], [1, 1]])), ("Ann",))
    assert shown.count('class="voice-tag">C<') == 2 and "共识" in shown


def test_a_flow_draws_what_flows_and_says_it_in_words() -> None:
    switches = Switches(
        readings=4,
        answers=10,
        changed=Measured(0.3, count=10),
        towards=2,
        away=1,
        right_right=4,
        wrong_right=1,
    )
    shown = render_switches(switches)
    assert (
        shown.count('class="flow ') == 2 and "flow-blind-towards" in shown and "flow-right-wrong" not in shown
    )
    assert "towards the model</span>" in shown and ": 2</li>" in shown
    assert render_switches(Switches()) == ""


def test_labels_of_a_flow_do_not_lie_on_each_other() -> None:
    drawn = draw_flow(
        {("blind", "kept"): 1000, ("blind", "towards"): 1, ("blind", "away"): 1, ("blind", "beside"): 1},
        "after",
    )
    places = [float(place) for place in re.findall(r'class="flow-count" x="3\d+" y="([\d.]+)"', drawn)]
    assert len(places) == 4 and all(later - earlier >= LINE - 0.2 for earlier, later in pairwise(places))
    assert places[0] > 0 and places[-1] < 240


def test_cases_come_with_a_picture_of_everybodys_outlines(found: Comparison, rounds: ReadRounds) -> None:
    with Store.open(rounds.store) as store:
        shown = render_cases(found, Thumbnails(store), load_challenge())
    pictures = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', shown)
    assert len(pictures) == min(MOST_CASES, len(found.agreement.differing)) > 0
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(pictures[0]))).convert("RGB")).astype(int)
    assert ((abs(pixels - (255, 214, 10)).sum(axis=2)) < 90).sum() > 50  # the model's outline
    order = [shown.index(f"<h3>{case.case.case_id} ") for case in found.agreement.differing[:MOST_CASES]]
    assert order == sorted(order)


def test_a_photo_that_is_gone_leaves_its_outlines(found: Comparison, tmp_path: Path) -> None:
    with Store.open(tmp_path / "reviews") as store:
        picture = Thumbnails(store)(found.agreement.differing[0], found)
    assert picture is not None and picture.startswith("data:image/jpeg")
