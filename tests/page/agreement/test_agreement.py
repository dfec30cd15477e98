"""When the agreement page is measured and drawn, and for whose eyes."""

from __future__ import annotations

import asyncio
import shutil
import threading
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import numpy as np
import pytest

from magic_demo.core.errors import StoreError
from magic_demo.core.review_types import CaseKey, Review
from magic_demo.files.bundles import read_prediction
from magic_demo.page.agreement.agreement_page import AgreementPage, Seen, add_agreement_page
from magic_demo.page.agreement.filters import HeldView, View
from magic_demo.page.session.desk.desk import Desk
from magic_demo.page.session.desk.systems import System
from magic_demo.reviews.agreement.sources import AgreementChoice, AgreementSource, Comparison
from magic_demo.reviews.cases.deletion import delete_cases
from magic_demo.reviews.store import LOCAL_READER, NewCase, Store
from tests.support.store.agreeing_readers import QUEUE, ReadRounds
from tests.support.store.reviewed_cases import answer

REQUEST: Any = SimpleNamespace(cookies={})


def lay_out(desk: Desk) -> AgreementPage:
    async def lay() -> AgreementPage:
        with gr.Blocks(analytics_enabled=False) as app:
            pass
        return add_agreement_page(app, desk, {})

    page = asyncio.run(lay())
    page.wait_seconds = 60
    return page


def test_the_page_is_drawn_once_and_again_only_when_a_review_came_or_a_filter_moved(
    rounds: ReadRounds,
) -> None:
    with Store.open(rounds.store) as store:
        page = lay_out(Desk(store, (System("bundle", rounds.bundle),)))
        first = page.follow(HeldView(), Seen(), REQUEST)
        seen = first[page.seen]
        assert {page.parts[name] for name in page.PARTS} < set(first)
        assert page.follow(HeldView(), seen, REQUEST) == {page.seen: gr.skip()}
        kappa = page.follow(HeldView(View(measure="kappa")), seen, REQUEST)
        assert page.parts["families"] in kappa and page.parts["cases"] not in kappa
        page._background._questions[(View().choice, None, None)].rest_until = 0.0
        store.save(Review("ENC00001", LOCAL_READER, "assisted", "done", answer(0), queue=QUEUE))
        assert "19" in page.follow(HeldView(), seen, REQUEST)[page.parts["headline"]]


def test_before_anything_is_finished_the_page_says_what_to_do(tmp_path: Path) -> None:
    with Store.open(tmp_path / "reviews") as store:
        page = lay_out(Desk(store))
        assert "Nothing to compare yet" in page.follow(HeldView(), Seen(), REQUEST)[page.parts["headline"]]
    page = lay_out(Desk())
    assert page.follow(HeldView(), Seen(), REQUEST) == {page.seen: gr.skip()}, "nothing is kept"


def test_a_reading_finished_with_something_open_is_named_as_the_reason(tmp_path: Path) -> None:
    with Store.open(tmp_path / "reviews") as store:
        store.add_cases(QUEUE, [NewCase("ENC00001", photos=("IMG_ENC00001_00001",))])
        store.save(Review("ENC00001", LOCAL_READER, "assisted", "done", answer(0), queue=QUEUE))
        page = lay_out(Desk(store))
        said = page.follow(HeldView(), Seen(), REQUEST)[page.parts["headline"]]
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
        blind = page.follow(HeldView(), Seen(), REQUEST)
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
        page.follow(HeldView(), Seen(), REQUEST)
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
        page.follow(HeldView(), Seen(), REQUEST)
        monkeypatch.setattr(desk, "reader", lambda _cookies: "Ann", raising=False)
        page.follow(HeldView(), Seen(), REQUEST)
        assert asked == [None, "Ann"]


def test_who_is_no_adjudicator_any_more_sees_no_more_than_a_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is saved meanwhile: what was measured for the adjudicator is neither kept on the page nor handed out."""
    with Store.open(tmp_path / "store") as store:
        for name, role in (("Ann", "reader"), ("Bo", "reader"), ("Chen", "adjudicator")):
            store.add_reader(name, role=role)  # type: ignore[arg-type]
        store.add_cases(QUEUE, [NewCase("C0")])
        for number, name in enumerate(("Ann", "Bo")):
            store.save(Review("C0", name, "blind", "done", answer(number), queue=QUEUE))
        desk = Desk(store)
        page = lay_out(desk)
        monkeypatch.setattr(desk, "reader", lambda _cookies: "Chen", raising=False)
        first = page.follow(HeldView(), Seen(), REQUEST)
        assert "Ann" in first[page.parts["cases"]]
        assert page.follow(HeldView(), first[page.seen], REQUEST) == {page.seen: gr.skip()}
        store.set_role("Chen", "reader")
        page.wait_seconds = 20
        for seen in (first[page.seen], Seen()):
            shown = page.follow(HeldView(), seen, REQUEST)
            assert shown[page.parts["cases"]] == "" and "Ann" not in str(shown[page.filters])


def test_whoever_is_not_signed_in_any_more_gets_one_line_and_no_numbers(
    rounds: ReadRounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_cookies: object) -> str:
        raise StoreError("nobody is signed in here; reload the page and sign in")

    with Store.open(rounds.store) as store:
        desk = Desk(store, (System("bundle", rounds.bundle),))
        page = lay_out(desk)
        monkeypatch.setattr(desk, "reader", refuse, raising=False)
        shown = page.follow(HeldView(), Seen(), REQUEST)
        assert "nobody is signed in" in shown[page.parts["headline"]] and shown[page.parts["families"]] == ""


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
        first = page.follow(HeldView(), Seen(), REQUEST)
        assert (
            "being compared" in first[page.parts["headline"]] and "正在比较" in first[page.parts["headline"]]
        )
        assert page.follow(HeldView(), first[page.seen], REQUEST) == {page.seen: gr.skip()}, "the note stays"
        other = page.follow(HeldView(), Seen(), REQUEST)
        assert "being compared" in other[page.parts["headline"]] and len(asked) == 1, (
            "who asks the same waits for the same"
        )
        go_on.set()
        page.wait_seconds = 60
        drawn = page.follow(HeldView(), first[page.seen], REQUEST)
        assert "agree-families" in drawn[page.parts["families"]] and len(asked) == 1
        assert page.follow(HeldView(), drawn[page.seen], REQUEST) == {page.seen: gr.skip()}


def test_what_was_measured_before_is_shown_while_a_save_is_counted_in(
    rounds: ReadRounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store.open(rounds.store) as store:
        page = lay_out(Desk(store, (System("bundle", rounds.bundle),)))
        seen = page.follow(HeldView(), Seen(), REQUEST)[page.seen]
        go_on = threading.Event()
        measure = page.source.measure
        monkeypatch.setattr(
            page.source, "measure", lambda *choice, **whose: (go_on.wait(60), measure(*choice, **whose))[1]
        )
        store.save(Review("ENC00002", LOCAL_READER, "assisted", "done", answer(1), queue=QUEUE))
        page.wait_seconds = 0.05
        page._background._questions[(View().choice, None, None)].rest_until = 0.0
        assert page.follow(HeldView(), seen, REQUEST) == {page.seen: gr.skip()}, "as it was"
        assert "agree-families" in page.follow(HeldView(), Seen(), REQUEST)[page.parts["families"]], (
            "another browser gets what there is"
        )
        go_on.set()
        page.wait_seconds = 60
        assert page.parts["headline"] in page.follow(HeldView(), seen, REQUEST)


@pytest.mark.parametrize(
    "where", ["elsewhere, and as many reviews are saved", "on the page", "by another program"]
)
def test_a_deleted_case_leaves_the_numbers_and_the_memory_at_once(
    rounds: ReadRounds, tmp_path: Path, where: str
) -> None:
    shutil.copytree(rounds.store, tmp_path / "reviews")
    with Store.open(tmp_path / "reviews") as store:
        desk = Desk(store, (System("bundle", rounds.bundle),))
        page = lay_out(desk)
        first = page.follow(HeldView(), Seen(), REQUEST)
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
            gone = delete_cases(store, [key]).reviews
            for number in range(gone if "saved" in where else 0):
                store.save(Review("ENC00002", LOCAL_READER, "assisted", comment=str(number), queue=QUEUE))
        after = page.follow(HeldView(), first[page.seen], REQUEST)
        assert f"{before - 1} cases" in after[page.parts["headline"]] and page.parts["families"] in after
        assert not any(case == key for case, *_ in page.source._rows)


def test_a_photo_that_is_covered_is_drawn_anew_on_pages_that_are_open(
    rounds: ReadRounds, tmp_path: Path
) -> None:
    shutil.copytree(rounds.store, tmp_path / "reviews")
    with Store.open(tmp_path / "reviews") as store:
        desk = Desk(store, (System("bundle", rounds.bundle),))
        page = lay_out(desk)
        first = page.follow(HeldView(), Seen(), REQUEST)
        drawn = page.source.measure(AgreementChoice(), None).agreement.differing[0]
        case = store.case(drawn.case, LOCAL_READER)
        photo = next(
            one for one in desk.read_case(case).encounter.photos if drawn.photo_id in (None, one.photo_id)
        )
        desk.keep_covered(case, replace(photo, pixels=np.zeros_like(photo.pixels)))
        assert page.thumbnails._drawn.cache_info().currsize == 0
        assert page.parts["cases"] in page.follow(HeldView(), first[page.seen], REQUEST)


def test_filters_that_are_pressed_at_once_all_hold() -> None:
    held = HeldView()
    other = threading.Thread(
        target=held.change, args=(lambda view: replace(view, choice=AgreementChoice(family="CQID025")),)
    )

    def press(view: View) -> View:
        other.start()
        other.join(0.2)  # it waits for this one; were it not made to, it would have ended
        return replace(view, measure="kappa")

    held.change(press)
    other.join()
    assert held.now == View(AgreementChoice(family="CQID025"), "kappa")
    assert deepcopy(held).now == held.now and deepcopy(held) is not held
