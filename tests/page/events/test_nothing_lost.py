"""What a reader changed is in the store, however little of it the program still holds in memory: evicted, cut
off, or hours later."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import gradio as gr
import pytest

from magic_demo.core.review_types import MaskRuns
from magic_demo.core.types import Encounter, Photo, Prediction
from magic_demo.imaging.run_lengths import encode_mask
from magic_demo.models.predictor import Predictor
from magic_demo.page.build import Desk
from magic_demo.page.panels.viewer.mask_form import read_mask, working_size, write_runs
from magic_demo.page.server.sweeping import SILENT_SECONDS, sweep
from magic_demo.page.session.arrivals import Arrivals
from magic_demo.page.session.open_cases import OpenCases
from magic_demo.page.session.sign_in.sign_ins import SignIns
from magic_demo.reviews.store import LOCAL_READER
from tests.support.open_tabs import FAMILY, EverybodySignedIn, Room, Tab, disc

READERS = 40
LARGE = (3000, 4000)
"""(height, width) of a photo of 12 megapixels."""


def sized(runs: dict[str, Any], size: tuple[int, int]) -> MaskRuns:
    return encode_mask(read_mask(runs, size))


@pytest.mark.long
def test_forty_readers_of_large_photos_find_all_they_did_however_little_is_held_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = Room(tmp_path, LARGE, 3, drafts=4)
    for number in range(READERS):
        room.store.add_reader(f"Reader {number}")
    room.desk.sign_ins = cast(SignIns, EverybodySignedIn(room.store))
    monkeypatch.setattr(
        room.desk, "read_case", cache(room.desk.read_case)
    )  # its three photos are decoded once, and held for every reader who opens it
    encounter = room.desk.read_case(room.store.case(room.keys[0], LOCAL_READER)).encounter
    photos = [photo.photo_id for photo in encounter.photos]
    assert len(photos) == 3 and all(photo.size == LARGE for photo in encounter.photos)
    room.page.cases._max_cases = 4  # bytes would hold all: the photos are there once
    chance = random.Random(5)
    drawn = [write_runs(disc(working_size(LARGE), number)) for number in range(4)]
    kept = [sized(runs, LARGE) for runs in drawn]
    tabs = [Tab(room, f"Reader {number}") for number in range(READERS)]
    for tab in tabs:
        tab.open()
    assert len(room.page.cases) <= 4 and len(room.page.drafts) <= 4
    chosen = {tab: {photo: chance.randrange(len(drawn)) for photo in photos} for tab in tabs}
    changes = [(tab, "outline", photo) for tab in tabs for photo in photos] + [
        (tab, what, "") for tab in tabs for what in ("answer", "comment")
    ]
    chance.shuffle(changes)
    for tab, what, photo in changes:
        # the connection breaks, and two hours later Gradio has forgotten the session
        if chance.random() < 0.2:
            room.page.cases.close(tab.case)
            room.page.drafts.close(tab.name)
        hears = chance.random() < 0.8  # else the answer is lost on its way
        if what == "outline":
            answer = tab.outline(photo, drawn[chosen[tab][photo]], hears=hears)
        elif what == "answer":
            answer = tab.answer(FAMILY, tabs.index(tab) % 3, hears=hears)
        else:
            answer = tab.comment(f"words of {tab.reader}", hears=hears)
        assert 'data-state="done"' in answer[room.page.parts.status]
        tab.saved(answer)
    for number, tab in enumerate(tabs):
        last = tab.latest()
        assert last.masks == {photo: kept[chosen[tab][photo]] for photo in photos}
        assert set(last.answers.values()) == {number % 3} and last.comment == f"words of {tab.reader}"
    room.store.close()


def test_another_readers_place_a_deleted_case_and_an_upload_that_is_gone_are_told_and_nothing_is_said_to_be_saved(
    room: Room,
) -> None:
    room.store.add_reader("ann")
    room.desk.sign_ins = cast(SignIns, EverybodySignedIn(room.store))
    tab = Tab(room)
    tab.open()
    told = tab.say({"answers": {FAMILY: [1]}, "specified": {}})
    as_ann = cast(gr.Request, SimpleNamespace(session_hash="anns", cookies={"name": "ann"}))
    room.page.drafts.close(tab.name)
    of_upload = {name: value for name, value in told.items() if name != "of"}
    for request, event in ((as_ann, told), (tab.request, of_upload)):
        answer = room.review.answer(gr.EventData(None, event), request)
        assert 'data-state="failed"' in answer[room.page.parts.status] and room.page.parts.form not in answer
    room.store.delete_case(tab.key)
    answer = room.review.answer(gr.EventData(None, told), tab.request)
    assert "there is no case" in answer[room.page.parts.status] and room.page.parts.form not in answer


def test_what_the_model_showed_is_kept_with_a_review_of_a_case_that_is_not_in_memory_any_more(
    room: Room,
) -> None:
    tab = Tab(room)
    tab.open()
    said = Prediction(tab.key.case_id, models={"cvqa": "written"}, answers={f"{FAMILY}-001": 0})
    room.page.cases.keep_analysis(tab.case, Encounter(tab.key.case_id), said)
    tab.answer(FAMILY, 1)
    room.page.cases.close(tab.case)
    room.page.drafts.close(tab.name)
    tab.answer(FAMILY, 2)
    assert tab.latest().models == {"cvqa": "written"} and tab.latest().disagreements == frozenset({FAMILY})
    blind = Tab(room, mode="blind")
    assert blind.open()[room.page.parts.form]["saved"]["kind"] == "assisted"


def test_photos_that_are_not_in_memory_any_more_are_read_again_when_they_are_needed(room: Room) -> None:
    tab = Tab(room)
    shown = tab.open()
    photo = shown[room.page.parts.viewer]["photos"][0]
    room.page.cases.close(tab.case)
    asked = tab.say({"photo": photo["name"], "request": 1, "clicks": [["box", 0.1, 0.1, 0.9, 0.9]]})
    reply = room.review.point({room.page.parts.case: None}, gr.EventData(None, asked), tab.request)[
        room.page.parts.viewer
    ]["point_reply"]
    assert "problem" not in reply and room.page.cases.get(tab.case) is not None


def test_an_outline_follows_a_point_without_the_model_where_its_reader_must_not_see_the_model(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    room.page.source.start()
    room.page.source.wait(10)
    asked_of: list[str] = []
    refine = Predictor.refine

    def note(self: Predictor, photo: Photo, *more: Any, **others: Any) -> Any:
        asked_of.append(photo.photo_id)
        return refine(self, photo, *more, **others)

    monkeypatch.setattr(Predictor, "refine", note)
    for mode, asks in (("blind", 0), ("assisted", 1)):
        asked_of.clear()
        tab = Tab(room, mode=mode)
        photo = tab.open()[room.page.parts.viewer]["photos"][0]
        asked = tab.say({"photo": photo["name"], "request": 1, "clicks": [["box", 0.1, 0.1, 0.9, 0.9]]})
        room.review.point({room.page.parts.case: tab.case}, gr.EventData(None, asked), tab.request)
        assert len(asked_of) == asks


def test_a_browser_that_reads_nothing_back_is_served_numbers_of_a_case_that_is_not_in_memory_any_more(
    room: Room,
) -> None:
    tab, viewer = Tab(room), room.page.parts.viewer
    name = tab.open()[viewer]["photos"][0]["name"]
    tab.outline(name, write_runs(disc((40, 60), 1)))
    asked = gr.EventData(None, tab.say({"photos": [name]}))
    before = room.review.facts({room.page.parts.case: tab.case}, asked, tab.request)[viewer]
    room.page.drafts.close(tab.name)
    again = room.review.facts({room.page.parts.case: tab.case}, asked, tab.request)[viewer]
    assert again["served"]["photos"] == before["served"]["photos"] and len(before["served"]["photos"]) == 1


def test_photos_of_uploads_stay_in_memory_while_those_of_stored_cases_go(room: Room) -> None:
    encounter = room.desk.read_case(room.store.case(room.keys[0], LOCAL_READER)).encounter
    upload = room.page.cases.open(encounter)
    room.page.cases._max_bytes = 2 * upload.bytes
    for _ in range(5):
        room.desk._photos.clear()  # as if each opened another case: photos that are shared are there once
        Tab(room).open()
    assert room.page.cases.get(upload.open_id) is not None and len(room.page.cases) == 2


def test_what_is_open_is_forgotten_by_the_clock_once_its_page_is_silent_and_not_when_a_connection_ends() -> (
    None
):
    now = [0.0]
    cases = OpenCases(clock=lambda: now[0])
    arrivals = Arrivals(clock=lambda: now[0])
    desk = Desk(cases=cases, arrivals=arrivals)
    heard, silent = cases.open(Encounter("A")), cases.open(Encounter("B"))
    arrivals.take("a.txt", b"no photo")
    for _ in range(3):
        now[0] += SILENT_SECONDS / 2
        cases.hear(heard.open_id)
        sweep(desk)
    assert cases.get(heard.open_id) is not None and cases.get(silent.open_id) is None and len(arrivals) == 0


def test_a_session_whose_state_gradio_has_forgotten_goes_on(room: Room) -> None:
    tab = Tab(room)
    tab.open()
    state = {room.page.parts.case: None, room.page.parts.spoken: "en"}
    assert room.page.open_id(state, tab.request) == tab.case
    room.page.cases.close(tab.case)
    panel = room.page.parts.panel
    room.page.source.start()
    room.page.source.wait(10)
    *_, _last = room.queue.analyse({**state, panel.narrative: "It itches", panel.prompt: ""}, tab.request)
    tab.answer(FAMILY, 1)
    assert tab.latest().models and room.store.was_shown(tab.key, LOCAL_READER)


def test_photos_that_were_sent_and_are_not_held_any_more_are_told(room: Room) -> None:
    room.page.arrivals._most_bytes = 1
    keys = [
        room.page.arrivals.take(name, (room.photos / name).read_bytes())
        for name in ("IMG_ENC00001_00001.png", "IMG_ENC00001_00002.png")
    ]
    tab, parts = Tab(room), room.page.parts
    shown = room.page.upload(
        {parts.case: None, parts.spoken: "en", parts.panel.narrative: ""},
        gr.EventData(None, {"photos": keys, "lost": [], "reasons": []}),
        tab.request,
    )
    assert (
        len(shown[parts.viewer]["photos"]) == 1 and "1 photo could not be held" in shown[parts.panel.messages]
    )
