"""What the agreement page draws and when: every number in both languages, nothing that was not measured, for
the right eyes."""

from __future__ import annotations

import asyncio
import base64
import io
import re
import shutil
import threading
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from magic_demo.core.errors import FormError, StoreError
from magic_demo.core.review_types import CaseKey, Review
from magic_demo.files.bundles import read_prediction
from magic_demo.page.agreement.agreement_page import AgreementPage, Seen, add_agreement_page
from magic_demo.page.agreement.cases import MOST_CASES, Thumbnails, render_cases
from magic_demo.page.agreement.filters import View, read_filter, render_filters
from magic_demo.page.agreement.flows import LINE, draw_flow, render_switches
from magic_demo.page.agreement.masks import render_masks
from magic_demo.page.agreement.numbers import draw_bars, render_families, render_headline
from magic_demo.page.agreement.wording import say_whole, tell_basis
from magic_demo.page.session.desk.desk import Desk
from magic_demo.page.session.desk.systems import System
from magic_demo.questions.families import load_challenge, load_families
from magic_demo.reviews.agreement import CONSENSUS, MaskNumbers, Measured, Switches
from magic_demo.reviews.agreement.sources import AgreementChoice, AgreementSource, Comparison
from magic_demo.reviews.cases.deletion import delete_cases
from magic_demo.reviews.store import LOCAL_READER, NewCase, Store
from tests.support.store.agreeing_readers import QUEUE, ReadRounds, write_rounds
from tests.support.store.reviewed_cases import answer

REQUEST: Any = SimpleNamespace(cookies={})


@pytest.fixture(scope="module")
def rounds(tmp_path_factory: pytest.TempPathFactory) -> ReadRounds:
    return write_rounds(tmp_path_factory.mktemp("rounds"), cases=6)


@pytest.fixture(scope="module")
def found(rounds: ReadRounds) -> Comparison:
    with Store.open(rounds.store) as store:
        return AgreementSource(store, lambda case: read_prediction(rounds.bundle, case.case_id)).measure(
            AgreementChoice(), None
        )


def lay_out(desk: Desk) -> AgreementPage:
    async def lay() -> AgreementPage:
        with gr.Blocks(analytics_enabled=False) as app:
            pass
        return add_agreement_page(app, desk, {})

    page = asyncio.run(lay())
    page.wait_seconds = 60
    return page


# -- filters -------------------------------------------------------------------------------------------------


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


# -- what is drawn -------------------------------------------------------------------------------------------


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


# -- when, and for whom --------------------------------------------------------------------------------------


def test_the_page_is_drawn_once_and_again_only_when_a_review_came_or_a_filter_moved(
    rounds: ReadRounds,
) -> None:
    with Store.open(rounds.store) as store:
        page = lay_out(Desk(store, (System("bundle", rounds.bundle),)))
        first = page.follow(View(), Seen(), REQUEST)
        seen = first[page.seen]
        assert {page.parts[name] for name in page.PARTS} < set(first)
        assert page.follow(View(), seen, REQUEST) == {page.seen: gr.skip()}
        kappa = page.follow(View(measure="kappa"), seen, REQUEST)
        assert page.parts["families"] in kappa and page.parts["cases"] not in kappa
        page._background._questions[(View().choice, None)].rest_until = 0.0
        store.save(Review("ENC00001", LOCAL_READER, "assisted", "done", answer(0), queue=QUEUE))
        assert "19" in page.follow(View(), seen, REQUEST)[page.parts["headline"]]


def test_before_anything_is_finished_the_page_says_what_to_do(tmp_path: Path) -> None:
    with Store.open(tmp_path / "reviews") as store:
        page = lay_out(Desk(store))
        assert "Nothing to compare yet" in page.follow(View(), Seen(), REQUEST)[page.parts["headline"]]
    page = lay_out(Desk())
    assert page.follow(View(), Seen(), REQUEST) == {page.seen: gr.skip()}, "nothing is kept"


def test_a_reading_finished_with_something_open_is_named_as_the_reason(tmp_path: Path) -> None:
    with Store.open(tmp_path / "reviews") as store:
        store.add_cases(QUEUE, [NewCase("ENC00001", photos=("IMG_ENC00001_00001",))])
        store.save(Review("ENC00001", LOCAL_READER, "assisted", "done", answer(0), queue=QUEUE))
        page = lay_out(Desk(store))
        said = page.follow(View(), Seen(), REQUEST)[page.parts["headline"]]
        assert "1 reading is finished with something left open" in said and "1 份阅片" in said
        assert "filters leave all" not in said


def test_what_running_models_have_shown_is_compared_without_a_bundle(rounds: ReadRounds) -> None:
    with Store.open(rounds.store) as store:
        desk = Desk(store)
        page = lay_out(desk)
        key = CaseKey(QUEUE, "ENC00001")
        assert page.source.measure(AgreementChoice(), None).agreement.model_cases == 0
        prediction = read_prediction(rounds.bundle, "ENC00001")
        desk.note_shown("Ann", key, prediction)
        said = desk.find_shown(key)
        assert desk.prediction(key) is None and said is not None and said.answers == prediction.answers
        assert page.source.measure(AgreementChoice(), None).agreement.model_cases == 1
    with Store.open(rounds.store) as again:
        assert (
            AgreementSource(again, Desk(again).find_shown)
            .measure(AgreementChoice(), None)
            .agreement.model_cases
            == 1
        ), "it was kept"
        desk = Desk(again)
        desk.note_shown("Bo", key, replace(prediction, answers=answer(3)))
        said = desk.find_shown(key)
        assert said is not None and said.answers == answer(3), "what was shown last speaks"


def test_the_models_answer_stays_away_from_a_reader_who_has_not_revealed_it(
    rounds: ReadRounds, tmp_path: Path
) -> None:
    key = CaseKey(QUEUE, "ENC00001")
    with Store.open(tmp_path / "blind") as store:
        store.add_cases(QUEUE, [NewCase(key.case_id, str(rounds.store.parent / "data"))])
        store.add_reader("Ann")
        for name in ("Ann", LOCAL_READER):
            store.save(Review(key.case_id, name, "blind", "done", answer(0), queue=QUEUE))
        desk = Desk(store, (System("bundle", rounds.bundle),))
        page = lay_out(desk)
        assert desk.said_to("Ann", [key]) == {} == desk.said_to(LOCAL_READER, [key])
        blind = page.follow(View(), Seen(), REQUEST)
        assert "the model spoke" not in blind[
            page.parts["headline"]
        ] and 'class="voice-tag">M<' not in "".join(map(str, blind.values()))
        store.save(Review(key.case_id, LOCAL_READER, "revealed", "done", answer(1), queue=QUEUE))
        assert page.source.measure(AgreementChoice(), None, reader=LOCAL_READER).agreement.model_cases == 1
        assert page.source.measure(AgreementChoice(), "Ann", reader="Ann").agreement.model_cases == 0
        assert set(desk.said_to(LOCAL_READER, [key])) == {key} and desk.said_to("Ann", [key]) == {}


def test_what_the_list_of_cases_shows_of_others_and_of_the_model_is_known_from_then_on(
    rounds: ReadRounds, tmp_path: Path
) -> None:
    with Store.open(tmp_path / "seen") as store:
        store.add_reader("Ann")
        keys = [CaseKey(QUEUE, f"ENC0000{number}") for number in (1, 2, 3)]
        store.add_cases(QUEUE, [NewCase(key.case_id, str(rounds.store.parent / "data")) for key in keys])
        for key, mine in zip(keys, ("done", "done", "in progress"), strict=True):
            store.save(Review(key.case_id, "Ann", "assisted", "done", answer(1), queue=QUEUE))
            choice = 2 if key == keys[0] else 1  # on the second case all agree: nothing of it is listed
            store.save(Review(key.case_id, "local", "blind", mine, answer(choice), queue=QUEUE))  # type: ignore[arg-type]
        page = lay_out(Desk(store))
        found = page.source.measure(AgreementChoice(), LOCAL_READER, reader=LOCAL_READER)
        assert set(found.panel.answers["Ann"]) == set(keys[:2]), (
            "a case that is not complete shows nobody else's reading"
        )
        page.follow(View(), Seen(), REQUEST)
        assert (
            store.known(keys[0], LOCAL_READER) == {"others"}
            and store.known(keys[1], LOCAL_READER) == frozenset()
        )
        changed = store.save(Review(keys[0].case_id, LOCAL_READER, "blind", "done", answer(1), queue=QUEUE))
        assert changed.review.kind == "compared"


def test_a_reader_who_signed_in_sees_by_the_stores_rule(
    rounds: ReadRounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store.open(rounds.store) as store:
        desk = Desk(store, (System("bundle", rounds.bundle),))
        page = lay_out(desk)
        asked: list[str | None] = []
        measure = page.source.measure

        def ask(choice: AgreementChoice, viewer: str | None, *, reader: str | None = None) -> Comparison:
            asked.append(viewer)
            return measure(choice, viewer, reader=reader)

        monkeypatch.setattr(page.source, "measure", ask)
        page.follow(View(), Seen(), REQUEST)
        monkeypatch.setattr(desk, "reader", lambda _cookies: "Ann", raising=False)
        page.follow(View(), Seen(), REQUEST)
        assert asked == [None, "Ann"]


def test_whoever_is_not_signed_in_any_more_gets_one_line_and_no_numbers(
    rounds: ReadRounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_cookies: object) -> str:
        raise StoreError("nobody is signed in here; reload the page and sign in")

    with Store.open(rounds.store) as store:
        desk = Desk(store, (System("bundle", rounds.bundle),))
        page = lay_out(desk)
        monkeypatch.setattr(desk, "reader", refuse, raising=False)
        shown = page.follow(View(), Seen(), REQUEST)
        assert "nobody is signed in" in shown[page.parts["headline"]] and shown[page.parts["families"]] == ""


# -- a large store, and a case that goes ---------------------------------------------------------------------


def test_a_page_whose_numbers_take_long_opens_at_once_and_gets_them_later(
    rounds: ReadRounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store.open(rounds.store) as store:
        page = lay_out(Desk(store, (System("bundle", rounds.bundle),)))
        page.wait_seconds = 0.05
        measure, go_on, asked = page.source.measure, threading.Event(), []

        def slowly(*choice: Any, **whose: Any) -> Comparison:
            asked.append(choice)
            assert go_on.wait(60)
            return measure(*choice, **whose)

        monkeypatch.setattr(page.source, "measure", slowly)
        first = page.follow(View(), Seen(), REQUEST)
        assert (
            "being compared" in first[page.parts["headline"]] and "正在比较" in first[page.parts["headline"]]
        )
        assert page.follow(View(), first[page.seen], REQUEST) == {page.seen: gr.skip()}, "the note stays"
        other = page.follow(View(), Seen(), REQUEST)
        assert "being compared" in other[page.parts["headline"]] and len(asked) == 1, (
            "who asks the same waits for the same"
        )
        go_on.set()
        page.wait_seconds = 60
        drawn = page.follow(View(), first[page.seen], REQUEST)
        assert "agree-families" in drawn[page.parts["families"]] and len(asked) == 1
        assert page.follow(View(), drawn[page.seen], REQUEST) == {page.seen: gr.skip()}


def test_what_was_measured_before_is_shown_while_a_save_is_counted_in(
    rounds: ReadRounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store.open(rounds.store) as store:
        page = lay_out(Desk(store, (System("bundle", rounds.bundle),)))
        seen = page.follow(View(), Seen(), REQUEST)[page.seen]
        go_on = threading.Event()
        measure = page.source.measure
        monkeypatch.setattr(
            page.source, "measure", lambda *choice, **whose: (go_on.wait(60), measure(*choice, **whose))[1]
        )
        store.save(Review("ENC00002", LOCAL_READER, "assisted", "done", answer(1), queue=QUEUE))
        page.wait_seconds = 0.05
        page._background._questions[(View().choice, None)].rest_until = 0.0
        assert page.follow(View(), seen, REQUEST) == {page.seen: gr.skip()}, "as it was"
        assert "agree-families" in page.follow(View(), Seen(), REQUEST)[page.parts["families"]], (
            "another browser gets what there is"
        )
        go_on.set()
        page.wait_seconds = 60
        assert page.parts["headline"] in page.follow(View(), seen, REQUEST)


@pytest.mark.parametrize("where", ["on the page", "by another program"])
def test_a_deleted_case_leaves_the_numbers_and_the_memory_at_once(
    rounds: ReadRounds, tmp_path: Path, where: str
) -> None:
    shutil.copytree(rounds.store, tmp_path / "reviews")
    with Store.open(tmp_path / "reviews") as store:
        desk = Desk(store, (System("bundle", rounds.bundle),))
        page = lay_out(desk)
        first = page.follow(View(), Seen(), REQUEST)
        before = page.source.measure(AgreementChoice(), None).agreement.cases
        key = CaseKey(QUEUE, "ENC00001")
        assert page.thumbnails._drawn.cache_info().currsize > 0 and any(
            case == key for case, *_ in page.source._rows
        )
        if where == "on the page":
            desk.delete_case(key)
            assert (
                page.thumbnails._drawn.cache_info().currsize == 0
                and page.source._rows == {} == page.source._models
            )
        else:
            delete_cases(store, [key])
        after = page.follow(View(), first[page.seen], REQUEST)
        assert f"{before - 1} cases" in after[page.parts["headline"]] and page.parts["families"] in after
        assert not any(case == key for case, *_ in page.source._rows)


def test_a_photo_that_is_covered_is_drawn_anew_on_pages_that_are_open(
    rounds: ReadRounds, tmp_path: Path
) -> None:
    shutil.copytree(rounds.store, tmp_path / "reviews")
    with Store.open(tmp_path / "reviews") as store:
        desk = Desk(store, (System("bundle", rounds.bundle),))
        page = lay_out(desk)
        first = page.follow(View(), Seen(), REQUEST)
        drawn = page.source.measure(AgreementChoice(), None).agreement.differing[0]
        case = store.case(drawn.case, LOCAL_READER)
        photo = next(
            one for one in desk.read_case(case).encounter.photos if drawn.photo_id in (None, one.photo_id)
        )
        desk.keep_covered(case, replace(photo, pixels=np.zeros_like(photo.pixels)))
        assert page.thumbnails._drawn.cache_info().currsize == 0
        assert page.parts["cases"] in page.follow(View(), first[page.seen], REQUEST)
