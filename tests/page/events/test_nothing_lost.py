"""What a reader changed is in the store, however little of it the program still holds in memory: evicted, cut
off, hours later, or in two tabs."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from magic_demo.core.review_types import CaseKey, MaskRuns, Review
from magic_demo.core.types import Encounter, Mask, Photo, Prediction
from magic_demo.imaging.run_lengths import encode_mask
from magic_demo.models.predictor import Predictor
from magic_demo.page.build import Desk, PredictorSource, lay_out_page
from magic_demo.page.events.drafts.saving import Saver
from magic_demo.page.events.review.queue_handlers import QueueHandlers
from magic_demo.page.events.review.reading_handlers import ReadingHandlers
from magic_demo.page.events.review.review_handlers import ReviewHandlers
from magic_demo.page.events.review.review_state import ReviewState
from magic_demo.page.panels.viewer.mask_form import read_mask, working_size, write_runs
from magic_demo.page.server.sweeping import SILENT_SECONDS, sweep
from magic_demo.page.session.arrivals import Arrivals
from magic_demo.page.session.open_cases import OpenCases
from magic_demo.page.session.review import Drafts
from magic_demo.page.session.sign_in.sign_ins import SignIns
from magic_demo.questions.families import load_families
from magic_demo.reviews.store import LOCAL_READER, NewCase, Reader, Store
from tests.support.stand_ins import stand_in_predictor

READERS = 40
LARGE = (3000, 4000)
"""(height, width) of a photo of 12 megapixels."""
FAMILY = load_families()[0].family_id


class EverybodySignedIn:
    """Takes the cookie's word for who somebody is: passwords are slow to check, and are not what is tested
    here."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def find_reader(self, cookies: dict[str, str]) -> Reader:
        return self.store.reader(cookies["name"])


class Room:
    """A page over one queue, its events called as Gradio would."""

    def __init__(self, folder: Path, size: tuple[int, int], photos: int, *, drafts: int = 256) -> None:
        for number in range(photos):
            folder.joinpath("clinic").mkdir(exist_ok=True)
            Image.new("RGB", size[::-1], (200, 150, 130 + number)).save(
                folder / "clinic" / f"IMG_ENC00001_0000{number + 1}.png", compress_level=1
            )
        self.photos = folder / "clinic"
        self.store = Store.open(folder / "store")
        self.desk = Desk(self.store)
        self.store.add_cases("clinic", [NewCase("ENC00001", str(folder / "clinic"), photos_kept=True)])
        source = PredictorSource(stand_in_predictor)

        async def lay() -> Any:
            return lay_out_page(source, (), self.desk)[1]

        self.page = asyncio.run(lay())
        self.page.drafts = Drafts(max_sessions=drafts)
        self.state = ReviewState(self.page, self.desk, Saver(self.desk, self.page.drafts, self.page.cases))
        self.queue, self.bar, self.review = (
            QueueHandlers(self.page, self.state),
            ReadingHandlers(self.state),
            ReviewHandlers(self.page, self.state),
        )
        self.keys = [case.key for case in self.store.list_cases("clinic", LOCAL_READER)]


class Tab:
    """A tab of a reader: what it was told last, and what it says with every change."""

    count = 0

    def __init__(self, room: Room, reader: str = LOCAL_READER, mode: str = "assisted") -> None:
        Tab.count += 1
        self.room, self.reader, self.mode, self.name = room, reader, mode, f"tab{Tab.count}"
        self.request = cast(gr.Request, SimpleNamespace(session_hash=self.name, cookies={"name": reader}))
        self.base = self.turn = 0
        self.case = ""
        self.key = room.keys[0]

    def open(self, number: int = 0) -> dict[Any, Any]:
        self.key = self.room.keys[number]
        told = {"open": self.key.case_id, "queue": self.key.queue, "order": "position", "mode": self.mode}
        inputs = {self.room.page.parts.case: None, self.room.page.parts.spoken: "en"}
        shown = self.room.queue.open(inputs, gr.EventData(None, told), self.request)
        form = shown[self.room.page.parts.form]
        self.case, self.base = form["case"], form["saved"]["number"]
        return shown

    def say(self, what: dict[str, Any]) -> dict[str, Any]:
        """Return what a change says beside itself."""
        self.turn += 1
        of = {
            "queue": self.key.queue,
            "id": self.key.case_id,
            "reader": self.reader,
            "mode": self.mode,
            "base": self.base,
        }
        return {"case": self.case, "of": of, "turn": f"{self.name}.{self.turn}", **what}

    def send(self, handler: Any, told: dict[str, Any], *, hears: bool = True) -> dict[Any, Any]:
        answer: dict[Any, Any] = handler(gr.EventData(None, told), self.request)
        if hears:
            self.base = max(self.base, self.saved(answer)["number"])
        return answer

    def saved(self, answer: dict[Any, Any]) -> dict[str, Any]:
        """Return what an answer says to be saved, which has to be a row of the store."""
        form = answer.get(self.room.page.parts.form)
        assert form is not None, answer[self.room.page.parts.status]
        saved: dict[str, Any] = form["saved"]
        assert self.room.store.review(saved["number"], self.key, self.reader) is not None
        return saved

    def answer(self, family: str, option: int, *, hears: bool = True) -> dict[Any, Any]:
        told = self.say({"answers": {family: [option]}, "specified": {}, "touched": [family]})
        return self.send(self.room.review.answer, told, hears=hears)

    def outline(self, photo: str, runs: dict[str, Any] | None, *, hears: bool = True) -> dict[Any, Any]:
        told = self.say({"photo": photo, **(runs or {"width": 0, "height": 0, "runs": None})})
        return self.send(self.room.review.outline, told, hears=hears)

    def comment(self, words: str, *, hears: bool = True) -> dict[Any, Any]:
        told = self.say(
            {"comment": words, "flagged": False, "difficulty": None, "unusable": [], "touched": ["comment"]}
        )
        return self.send(self.room.bar.note, told, hears=hears)

    def latest(self) -> Review:
        saved = self.room.store.latest(self.key, self.reader)
        assert saved is not None
        return saved.review


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    room = Room(tmp_path, (40, 60), 2)
    yield room
    room.store.close()


def disc(size: tuple[int, int], number: int) -> Mask:
    rows, columns = np.ogrid[: size[0], : size[1]]
    return np.asarray(
        (rows - size[0] / 2) ** 2 + (columns - size[1] / 3) ** 2 < (size[0] / (3 + number)) ** 2
    )


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
    room.page.cases._max_bytes = 4 * sum(photo.pixels.nbytes for photo in encounter.photos) + 2**20
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


def test_what_two_tabs_answer_differently_is_merged_family_by_family(room: Room) -> None:
    one, other = Tab(room), Tab(room)
    one.open(), other.open()
    first, second = load_families()[0].family_id, load_families()[1].family_id
    one.answer(first, 1)
    merged = other.saved(other.answer(second, 1))
    assert merged["merged"]["answers"] == {first: [1]} and "conflicts" not in merged
    assert {qid.partition("-")[0] for qid in one.latest().answers} == {first, second}
    one.comment("seen here")
    other.outline(room.page.cases.get(other.case).encounter.photos[0].photo_id, write_runs(disc((40, 60), 0)))
    last = one.latest()
    assert (
        last.comment == "seen here"
        and len(last.masks) == 1
        and len({qid.partition("-")[0] for qid in last.answers}) == 2
    )


def test_what_two_tabs_answer_differently_in_one_family_is_told_with_both_and_a_choice_holds(
    room: Room,
) -> None:
    one, other = Tab(room), Tab(room)
    one.open(), other.open()
    one.answer(FAMILY, 1)
    answer = other.answer(FAMILY, 2)
    assert 'data-state="failed"' in answer[room.page.parts.status]
    saved = other.saved(answer)
    assert saved["conflicts"] == [
        {"part": "answers", "name": FAMILY, "number": 1, "mine": [[2], ""], "theirs": [[1], ""]}
    ]
    assert saved["merged"]["answers"] == {FAMILY: [1]} and set(one.latest().answers.values()) == {1}
    assert "conflicts" not in other.saved(other.answer(FAMILY, 2)), (
        "once it knows the other's answer, its own is a choice"
    )
    assert set(one.latest().answers.values()) == {2}


def test_a_tab_that_was_forgotten_meanwhile_merges_as_one_that_was_not(room: Room) -> None:
    one, other = Tab(room), Tab(room)
    one.open(), other.open()
    first, second = load_families()[0].family_id, load_families()[1].family_id
    one.answer(first, 1)
    room.page.drafts.close(other.name)
    room.page.cases.close(other.case)
    saved = other.saved(other.answer(first, 2))
    assert [conflict["name"] for conflict in saved["conflicts"]] == [first] and set(
        one.latest().answers.values()
    ) == {1}
    room.page.drafts.close(other.name)
    assert "conflicts" not in other.saved(other.answer(second, 1))


def test_changes_that_are_sent_before_an_earlier_answer_came_are_no_conflict_with_each_other(
    room: Room,
) -> None:
    tab = Tab(room)
    tab.open()
    for option in (1, 2, 1):
        assert "conflicts" not in tab.saved(tab.answer(FAMILY, option, hears=False))
    assert set(tab.latest().answers.values()) == {1}


def test_a_change_that_is_overtaken_or_sent_again_does_not_undo_a_later_one(room: Room) -> None:
    tab = Tab(room)
    tab.open()
    early = tab.say({"answers": {FAMILY: [1]}, "specified": {}, "touched": [FAMILY]})
    tab.answer(FAMILY, 2)
    assert "conflicts" not in tab.saved(tab.send(room.review.answer, early))
    assert set(tab.latest().answers.values()) == {2}


def test_what_is_late_of_a_case_before_is_saved_to_that_case(room: Room) -> None:
    tab = Tab(room)
    room.store.add_cases(
        "clinic", [NewCase("ENC00002", room.store.case(room.keys[0], LOCAL_READER).folder, photos_kept=True)]
    )
    tab.open()
    late = tab.say({"answers": {FAMILY: [1]}, "specified": {}, "touched": [FAMILY]})
    draft = room.page.drafts.get(tab.name)
    room.page.drafts.begin(
        tab.name,
        replace(
            draft, open_id="another-case", reading=replace(draft.reading, key=CaseKey("clinic", "ENC00002"))
        ),
    )
    tab.send(room.review.answer, late)
    assert (
        set(tab.latest().answers.values()) == {1} and room.page.drafts.get(tab.name).open_id == "another-case"
    )


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
