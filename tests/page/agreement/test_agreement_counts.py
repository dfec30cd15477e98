"""Which number of a measurement stands where on the agreement page."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from magic_demo.core.review_types import CaseKey, Outline, Review
from magic_demo.imaging.run_lengths import encode_mask
from magic_demo.page.agreement.again import render_again
from magic_demo.page.agreement.cases import MOST_CASES, MOST_FAMILIES, render_cases
from magic_demo.page.agreement.filters import View
from magic_demo.page.agreement.flows import render_switches
from magic_demo.page.agreement.masks import render_labels, render_masks
from magic_demo.page.agreement.numbers import render_families, render_headline, render_systems
from magic_demo.page.texts.i18n import both
from magic_demo.questions.families import load_challenge, load_families
from magic_demo.questions.labels import LESION, Label
from magic_demo.reviews.agreement import (
    Agreement,
    Measured,
    ModelReading,
    Switches,
    gather_panel,
    measure_agreement,
)
from magic_demo.reviews.agreement.again import ReadAgain
from magic_demo.reviews.agreement.results import Agreed, FamilyNumbers
from magic_demo.reviews.agreement.sources import AgreementChoice, Comparison, SystemAgreement
from tests.reviews.agreement.readings import itch, measure, model, outlined, read, save, site, square

VIEW = View()
ON, HALF = square(9, 9, 0, 0, 4), square(9, 9, 0, 2, 4)


def _said(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def _pair(**more: Any) -> list[Review]:
    return [read(0, "Ann", itch(0), **more), read(0, "Bo", itch(1), **more)]


@pytest.mark.parametrize(
    ("found", "no_model", "one_reader"),
    [
        (measure(_pair()), True, False),
        (measure(_pair()[:1], model(itch(0))), False, True),
        (measure(_pair(), model(itch(0))), False, False),
    ],
)
def test_that_somebody_is_missing_is_said_only_where_it_is_so(
    found: Agreement, no_model: bool, one_reader: bool
) -> None:
    shown = render_headline(found, VIEW)
    assert (both("agreement.no_model") in shown, both("agreement.one_reader") in shown) == (
        no_model,
        one_reader,
    )


def test_the_headline_says_how_many_knew_what_and_how_many_do_not_count() -> None:
    found = replace(measure(_pair()), readings=9, blind=4, after_model=3, after_others=2, incomplete=0)
    assert both("agreement.known", blind=4, model=3, others=2) in render_headline(found, VIEW)
    assert both("agreement.incomplete", count=0) not in render_headline(found, VIEW)
    assert both("agreement.incomplete", count=5) in render_headline(replace(found, incomplete=5), VIEW)
    assert both("agreement.count", cases=1, readings=9, readers=2) in render_headline(found, VIEW)


@pytest.mark.parametrize(
    ("reading", "models", "said"), [("latest", 1, True), ("blind", 1, False), ("latest", 0, False)]
)
def test_readings_lean_only_where_the_newest_ones_are_compared_with_a_model(
    reading: Any, models: int, said: bool
) -> None:
    found = replace(measure(_pair()), readings=3, after_model=2, model_cases=models)
    view = replace(VIEW, choice=AgreementChoice(reading=reading))
    assert (both("agreement.leaning") in render_headline(found, view)) == said


def test_what_was_changed_is_said_in_its_direction() -> None:
    found = Switches(9, 40, Measured(0.25, count=40), 5, 3, 1, 20, 2, 4, 8, 3)
    shown = render_headline(replace(measure(_pair()), switches=found), VIEW)
    assert both("agreement.moved", towards=5, away=3) in shown
    assert both("agreement.judged", better=4, worse=2) in shown
    unjudged = replace(found, right_right=0, right_wrong=0, wrong_right=0, wrong_wrong=0)
    assert both("agreement.judged", better=0, worse=0) not in render_headline(
        replace(measure(_pair()), switches=unjudged), VIEW
    )
    flows = _said(render_switches(found))
    for ends, count in {("blind", "kept"): 30, ("blind", "towards"): 5, ("blind", "away"): 3}.items():
        assert _flow(*ends, count) in flows
    for ends, count in {
        ("right", "wrong"): 2,
        ("wrong", "right"): 4,
        ("wrong", "wrong"): 8,
        ("right", "right"): 20,
    }.items():
        assert _flow(*ends, count) in flows


def _flow(source: str, sink: str, count: int) -> str:
    one, other = (both(f"agreement.flow_{name}") for name in (source, sink))
    return _said(f"<li>{one} → {other}: {count}</li>").strip()


def test_changes_where_the_model_is_silent_are_neither_towards_nor_away() -> None:
    rows = [
        review
        for case in range(2)
        for review in (
            read(case, "Ann", itch(0), kind="blind"),
            read(case, "Ann", itch(1), kind="revealed", known=frozenset({"model"})),
        )
    ]
    flows = _said(render_switches(measure(rows, model(itch(1))).switches))
    assert _flow("blind", "towards", 1) in flows and _flow("blind", "beside", 1) in flows


def test_the_row_of_a_family_has_the_model_before_the_readers() -> None:
    rows = [*_pair(), read(1, "Ann", itch(0)), read(1, "Bo", itch(0))]
    found = measure(rows, model(itch(0), itch(0)))
    assert re.findall(r'"agree-number"><b>([^<]+)<', render_families(found, "same", load_challenge()))[
        :2
    ] == ["75%", "50%"]
    assert "agree-total" not in render_families(found, "same", load_challenge()), "one family is no sum"
    two = measure([read(0, name, {**itch(0), **site(1)}) for name in ("Ann", "Bo")])
    assert render_families(two, "same", load_challenge()).count("agree-total") == 1


@pytest.mark.parametrize(("chosen", "marked"), [(None, "one"), ("one", "one"), ("two", "two")])
def test_the_row_of_a_system_has_its_own_counts_and_share(chosen: str | None, marked: str) -> None:
    systems = [
        SystemAgreement("one", 9, 3, 1, None, None),
        SystemAgreement("two", 5, 0, 0, Measured(0.5), Measured(0.7)),
    ]
    rows = re.findall(r'<tr data-system="(\w+)" class="([^"]*)">(.*?)</tr>', render_systems(systems, chosen))
    assert [name for name, kind, _ in rows if kind == "is-chosen"] == [marked]
    first, second = (re.findall(r"<td[^>]*>(.*?)</td>", row) for _, _, row in rows)
    assert [_said(cell).strip() for cell in first[:3]] == ["9", "3 75%", "1"]
    assert [_said(cell).strip() for cell in second[:3]] == ["5", "0", "0"] and "0.70" in second[4]


def _families(*icc: float) -> tuple[FamilyNumbers, ...]:
    return tuple(
        FamilyNumbers(family.family_id, icc=Measured(value, count=4))
        for family, value in zip(load_families(), icc, strict=False)
    )


@pytest.mark.parametrize(("icc", "column"), [((), False), ((0.31,), True), ((0.31, 0.62), False)])
def test_a_table_of_second_readings_has_an_icc_where_one_question_asks_for_a_number(
    icc: tuple[float, ...], column: bool
) -> None:
    alone = FamilyNumbers("", among_readers=Agreed(Measured(0.9, count=4)))
    again = [ReadAgain("Ann", 4, (30, 33), alone, _families(*icc), Measured(0.8))]
    found = replace(
        measure([*_pair(), read(1, "Ann", itch(0))]), families=_families(*(value + 0.1 for value in icc))
    )
    shown = render_again(again, found, "same", load_challenge())
    ann, others = (
        [_said(cell).strip().split(" ")[0] for cell in re.findall(r"<td[^>]*>(.*?)</td>", row)]
        for row in re.findall(r"<tr(?: [^>]*)?>.*?</tr>", shown)[1:]
    )
    assert ann == ["4", "30–33", "90%", *(["0.31"] if column else []), "0.80"]
    assert (others[0], others[3:-1]) == ("1", ["0.41"] if column else [])
    assert all(f"ICC {value:.2f}" in shown for value in icc)


def test_a_cell_of_the_matrix_has_dice_jaccard_and_the_photos_of_both() -> None:
    found = measure([outlined(0, "Ann", ON), outlined(0, "Bo", HALF), outlined(1, "Ann", ON)])
    shown = render_masks(found.masks, found.readers)
    cells = [_said(cell).strip() for cell in re.findall(r"<td(?: [^>]*)?>(.*?)</td>", shown)[1:]]
    assert cells[0] == _said(both("agreement.photos", count=2)).strip()
    assert (
        "0.50" in cells[1]
        and "0.33" in cells[1]
        and _said(both("agreement.compared", count=1)).strip() in cells[1]
    )
    assert cells[1] == cells[2] and cells[3] == _said(both("agreement.photos", count=1)).strip()


def test_each_label_has_a_row_of_its_own_masks() -> None:
    ulcer = Label("ulcer", {"en": "Ulcer", "zh": "溃疡"}, "#ff0000")
    rows = [
        read(
            0,
            name,
            {},
            masks={"P": encode_mask(ON)},
            label_masks={"ulcer": {"P": Outline(encode_mask(mask))}},
        )
        for name, mask in (("Ann", ON), ("Bo", HALF))
    ]
    shown = render_labels(measure(rows), (LESION, ulcer, replace(ulcer, label_id="scar")))
    found = {
        name: re.findall(r"<b>([\d.]+)</b>", row)
        for name, row in re.findall(r'<tr data-label="(\w+)">(.*?)</tr>', shown)
    }
    assert found == {"lesion": ["1.00", "1.00"], "ulcer": ["0.50", "0.33"]}
    assert render_labels(measure(rows[:0]), (LESION,)) == ""


def _compare(rows: list[Review], models: Mapping[CaseKey, ModelReading]) -> Comparison:
    panel = gather_panel(save(*rows), models)
    agreement = measure_agreement(panel, load_families(), resamples=0)
    return Comparison(AgreementChoice(), panel, agreement, agreement.readers, load_challenge())


def test_those_who_gave_the_same_answer_stand_together_with_their_own_signs() -> None:
    rows = [read(0, name, itch(said)) for name, said in (("Ann", 0), ("Bo", 1), ("Chen", 1))]
    shown = render_cases(_compare(rows, model(itch(1))), lambda *_: None, load_challenge())
    lines = re.findall(r"<li>((?:<span class=\"voice-tag\">.</span>)+)", shown)
    assert [re.findall(r">(.)<", line) for line in lines] == [["M", "2", "3"], ["1"]]


def test_what_is_left_out_of_the_list_is_counted() -> None:
    qids = {question.qid: 0 for question in load_challenge().questions}
    other = {question.qid: 1 for question in load_challenge().questions}
    rows = [review for case in range(3) for review in (read(case, "Ann", qids), read(case, "Bo", other))]
    few = render_cases(_compare(rows, {}), lambda *_: None, load_challenge())
    assert both("agreement.cases_shown", shown=3, count=3) in few
    assert both("agreement.more_families", count=len(load_families()) - MOST_FAMILIES) in few
    rows = [
        review
        for case in range(MOST_CASES + 2)
        for review in (read(case, "Ann", itch(0)), read(case, "Bo", itch(1)))
    ]
    many = render_cases(_compare(rows, {}), lambda *_: None, load_challenge())
    assert both("agreement.cases_shown", shown=MOST_CASES, count=MOST_CASES + 2) in many
    assert many.count('<li class="agree-case">') == MOST_CASES
