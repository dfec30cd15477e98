"""What is covered for good does not come back, whatever else changes the case at the same moment."""

from __future__ import annotations

import json
import threading
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest

from magic_demo.core.review_types import CaseKey
from magic_demo.core.types import Mask, Pixels
from magic_demo.files.photos.reading import read_photo
from magic_demo.page.build import Desk
from magic_demo.page.events.review.covering import Covering
from magic_demo.page.panels.forms import name_uploads
from magic_demo.page.panels.viewer.mask_form import write_runs
from magic_demo.page.server.downloads.photo_parts import find_photo
from magic_demo.page.server.downloads.thumbnails import Thumbnails
from magic_demo.page.session.desk.photos import cover_photo_area
from magic_demo.page.session.open_cases import OpenCase
from magic_demo.page.session.review import Reading, ReviewDraft
from magic_demo.page.session.sign_in.sign_ins import COOKIE, SignIns
from magic_demo.reviews.cases.covered_photos import write_photo
from magic_demo.reviews.cases.deletion import delete_cases
from magic_demo.reviews.cases.kept_cases import keep_upload
from magic_demo.reviews.cases.second_readings import make_second_reading
from magic_demo.reviews.store import LOCAL_READER, Actor, NewCase, Store
from magic_demo.synthetic.bundled import load_examples
from tests.page.events.test_keeping import REQUEST, Page
from tests.page.server.test_oversight import KEY, PHOTO, Room
from tests.support.fake_predictor import FakePredictor
from tests.support.written_page import Browser, lay_out, save_photo

WAIT = 0.5
"""Seconds that one of two gives the other to come in between."""
LONG = 30.0


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    with Store.open(tmp_path / "store") as store:
        room = Room(store, tmp_path)
        store.add_reader("eve", password="long enough", role="adjudicator")
        assert room.desk.sign_ins is not None
        room.keys["eve"] = str(room.desk.sign_ins.enter("eve", "long enough", "eve"))
        store.assign(KEY, [])
        yield room


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    page = Page(Desk(store_location=str(tmp_path / "reviews")))
    yield page
    page.desk.opened_store.close()


def cover_all(page: Page) -> gr.EventData:
    """Return the event in which the open case's first photo is covered whole."""
    photo = page.handlers.cases.get(page.open_id).encounter.photos[0]
    runs = write_runs(np.ones(photo.size, np.bool_))
    told = {"case": page.open_id, "photo": photo.photo_id, "request": 1, "area": runs.pop("runs"), **runs}
    return gr.EventData(None, told)


def other_program(room: Room) -> Room:
    """Return a page of the same store in another process: neither tells the other what it covers."""
    other = Room.__new__(Room)
    other.store, other.original, other.keys = room.store, room.original, room.keys
    other.lay_out(Desk(room.store, sign_ins=SignIns(room.store)))
    return other


def corner(number: int) -> Mask:
    area = np.zeros(PHOTO.size, np.bool_)
    area[20:120, 20:120] = True
    return np.asarray(np.rot90(area, 2) if number else area)


def is_covered(pixels: Pixels, area: Mask) -> bool:
    return len(np.unique(pixels[area], axis=0)) <= 36 < len(np.unique(PHOTO.pixels[area], axis=0))


def test_two_who_cover_at_once_do_not_undo_each_other(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    both = threading.Barrier(2)
    keep = room.desk.keep_covered

    def keep_late(*told: Any) -> None:
        with suppress(threading.BrokenBarrierError):
            both.wait(WAIT)  # where both have begun with the photo as it was
        keep(*told)

    monkeypatch.setattr(room.desk, "keep_covered", keep_late)
    opened = [room.open(reader) for reader in ("ada", "eve")]
    with ThreadPoolExecutor(2) as pool:
        sent = [*pool.map(room.send, ("ada", "eve"), opened, (corner(0), corner(1)))]
    assert all(answer["covered"] for answer in sent)
    seen = [room.seen_by("bo"), read_photo(room.original).pixels]
    for case in opened:
        now = room.handlers.cases.get(case.open_id)
        assert now is not None
        seen.append(now.encounter.photos[0].pixels)
    assert all(is_covered(pixels, corner(number)) for pixels in seen for number in (0, 1))


def test_what_another_program_of_the_store_has_covered_stays_so(room: Room) -> None:
    theirs = room.open("eve")
    assert other_program(room).cover("ada", corner(0))["covered"]
    assert not is_covered(theirs.encounter.photos[0].pixels, corner(0))
    assert room.send("eve", theirs, corner(1))["covered"]
    now = room.handlers.cases.get(theirs.open_id)
    assert now is not None
    for pixels in (read_photo(room.original).pixels, now.encounter.photos[0].pixels):
        assert is_covered(pixels, corner(0)) and is_covered(pixels, corner(1))


def test_what_another_program_of_the_store_has_covered_is_shown_covered_from_then_on(room: Room) -> None:
    read = room.desk.read_case(room.store.case(KEY, "eve"), "eve")
    theirs, again = (
        room.handlers.cases.open(read.encounter, queued=True, key=KEY, reader="eve", states=read.states)
        for _ in range(2)
    )
    draft = ReviewDraft(theirs.open_id, reading=Reading(KEY, "eve", "assisted", "assisted"))
    room.handlers.drafts.begin("eve", draft)
    thumbnails = Thumbnails(room.desk)
    before = thumbnails.draw(KEY, "eve")
    assert room.recall(draft) is theirs, "nothing is read again where nothing has changed"
    assert other_program(room).cover("ada", whole := np.ones(PHOTO.size, np.bool_))["covered"]
    seen = find_photo(room.desk, {COOKIE: room.keys["eve"]}, again.open_id, "arm").pixels
    assert is_covered(seen, whole) and is_covered(room.recall(draft).encounter.photos[0].pixels, whole)
    assert thumbnails.draw(KEY, "eve") != before


AGAIN = CaseKey("again", KEY.case_id)


def everywhere(room: Room, opened: Collection[OpenCase] = ()) -> list[Pixels]:
    """Return a photo as both queues' cases and these open cases show it."""
    seen = [
        room.desk.read_case(room.store.case(key, "bo"), "bo").encounter.photos[0].pixels
        for key in (KEY, AGAIN)
    ]
    now = [room.handlers.cases.get(case.open_id) for case in opened]
    return seen + [case.encounter.photos[0].pixels for case in now if case is not None]


@pytest.mark.parametrize("first", [True, False], ids=["in the first", "in the second"])
@pytest.mark.parametrize("kept", [True, False], ids=["an upload", "in a folder of one's own"])
def test_what_is_covered_in_one_reading_of_a_case_is_covered_in_the_other(
    tmp_path: Path, first: bool, kept: bool
) -> None:
    with Store.open(tmp_path / "store") as store:
        room = Room(store, tmp_path, photos_kept=kept)
        store.assign(KEY, [])
        room.cover("ada", corner(0))  # before there is a second reading
        make_second_reading(store, KEY.queue, AGAIN.queue, 28)
        opened = [room.open("ada", key) for key in (KEY, AGAIN)]
        sent = room.send("ada", opened[0 if first else 1], corner(1))
        assert sent["covered"] and not sent["proposed"]
        assert len(seen := everywhere(room, opened)) == 4
        assert all(is_covered(pixels, corner(number)) for pixels in seen for number in (0, 1))
        noted = [entry.case for entry in store.trail() if entry.what == "cover"]
        assert noted.count(KEY) + noted.count(AGAIN) == 3 and AGAIN in noted
        assert np.array_equal(read_photo(room.original).pixels, PHOTO.pixels) != kept


def test_others_of_the_second_reading_have_a_say_in_what_goes_for_good(tmp_path: Path) -> None:
    with Store.open(tmp_path / "store") as store:
        room = Room(store, tmp_path)
        make_second_reading(store, KEY.queue, AGAIN.queue, 28)
        store.assign(AGAIN, ["bo"])
        assert room.cover("ann", corner(0))["proposed"]
        opened = room.open("bo", AGAIN)
        assert not any(is_covered(pixels, corner(0)) for pixels in everywhere(room, [opened]))
        (proposed,) = store.proposed_covers()
        room.desk.confirm_cover(proposed.number, Actor("ada", "page"))
        assert all(is_covered(pixels, corner(0)) for pixels in everywhere(room, [opened]))


def test_a_photo_that_two_cases_list_is_covered_in_both_and_no_other_photo_is(tmp_path: Path) -> None:
    photos = [f"IMG_{name}.png" for name in ("100%_arm", "100x_arm")]  # one is a pattern of the other, in SQL
    for name in photos:
        write_photo(tmp_path / "clinic" / name, PHOTO)
    ids = [Path(name).stem for name in photos]
    listed = {"E1": ids[:1], "E2": ids, "E3": ids[1:]}
    files = [
        {"encounter_id": case, "author_id": "A", "image_ids": names, "query_content_en": "It itches."}
        for case, names in listed.items()
    ]
    (tmp_path / "clinic" / "encounters.json").write_text(json.dumps(files), encoding="utf-8")
    with Store.open(tmp_path / "store") as store:
        store.add_cases(
            "clinic",
            [NewCase(case, str(tmp_path / "clinic"), photos=tuple(names)) for case, names in listed.items()],
        )
        elsewhere = NewCase("E1", str(tmp_path / "elsewhere"), photos=tuple(ids[:1]))
        store.add_cases("elsewhere", [elsewhere])  # photos of other people may have the same names
        keys = [CaseKey("clinic", case) for case in listed]
        assert store.cases_of_photo(keys[0], ids[0]) == [keys[1]]
        desk = Desk(store)
        case = store.case(keys[0], LOCAL_READER)
        desk.cover(case, desk.read_stored(case, ids[0], PHOTO.size), corner(0), Actor(LOCAL_READER, "page"))
        shown = {
            (key.case_id, photo.photo_id): is_covered(photo.pixels, corner(0))
            for key in keys
            for photo in desk.read_case(store.case(key, LOCAL_READER)).encounter.photos
        }
    assert shown == {("E1", ids[0]): True, ("E2", ids[0]): True, ("E2", ids[1]): False, ("E3", ids[1]): False}


def test_who_opens_a_case_while_it_is_covered_sees_it_covered(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_case = room.desk.read_case

    def read_and_cover(*told: Any) -> Any:
        read = read_case(*told)
        monkeypatch.setattr(room.desk, "read_case", read_case)
        assert room.cover("ada", corner(0))["covered"]
        return read

    draft = ReviewDraft("theirs", reading=Reading(KEY, "bo", "assisted", "assisted"))
    room.handlers.drafts.begin("bo", draft)
    monkeypatch.setattr(room.desk, "read_case", read_and_cover)
    case = room.recall(draft)
    assert is_covered(case.encounter.photos[0].pixels, corner(0))


def test_a_case_that_is_shown_anew_is_shown_as_it_is_by_now(room: Room) -> None:
    before = room.open("eve")
    room.handlers.cases.keep_analysis(
        before.open_id, before.encounter, FakePredictor().predict(before.encounter)
    )
    before = room.handlers.cases.get(before.open_id)  # type: ignore[assignment]
    assert room.cover("ada", corner(0))["covered"]
    reopened = room.handlers.cases.reopen(before, key=KEY, reader="eve")
    assert reopened.analysed is not None and reopened.analysed.stale
    for encounter in (reopened.encounter, reopened.analysed.encounter):
        assert is_covered(encounter.photos[0].pixels, corner(0))


@pytest.mark.parametrize("photos_kept", [True, False])
def test_a_case_that_goes_while_it_is_covered_leaves_no_photo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, photos_kept: bool
) -> None:
    with Store.open(tmp_path / "store") as store:
        folder = store.kept_root if photos_kept else tmp_path / "clinic"
        room = Room(store, folder, photos_kept=photos_kept)
        case, keep = room.open("ada"), room.desk.keep_covered
        deleting = threading.Thread(target=delete_cases, args=(store, [KEY]))

        def delete_first(*told: Any) -> None:
            deleting.start()
            deleting.join(WAIT)
            keep(*told)

        monkeypatch.setattr(room.desk, "keep_covered", delete_first)
        room.send("ada", case, corner(0))
        deleting.join(LONG)
        assert not deleting.is_alive() and not store.case_keys()
    left = {path.name for path in tmp_path.rglob("*") if path.suffix in (".png", ".jpg")}
    assert left == (set() if photos_kept else {"E1.png"}), "the reader's own file is theirs"
    assert not room.desk.covered.folder_of(KEY).exists()


def test_photos_that_are_added_meanwhile_do_not_bring_back_what_was_covered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = Browser(lay_out(FakePredictor(), load_examples())[1])
    browser.upload(save_photo(tmp_path, "one.png"))
    open_id = browser.values[browser.parts.case]
    cases = browser.handlers.cases

    def name_and_cover(*told: Any) -> Any:
        first = cases.get(open_id).encounter.photos[0]  # type: ignore[union-attr]
        cases.put_photo(open_id, cover_photo_area(first, np.ones(first.size, np.bool_)))
        return name_uploads(*told)

    monkeypatch.setattr("magic_demo.page.events.handlers.name_uploads", name_and_cover)
    browser.upload(save_photo(tmp_path, "two.png"))
    first, second = browser.handlers.cases.get(open_id).encounter.photos  # type: ignore[union-attr]
    assert first.notes and not second.notes


def test_a_photo_that_is_covered_while_its_case_is_kept_is_kept_covered_or_said_not_to_be(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    page.upload("leg")
    event = cover_all(page)
    answers: list[Any] = []
    cover = threading.Thread(target=lambda: answers.append(Covering(page.state).cover(event, REQUEST)))

    def cover_first(*told: Any) -> Any:
        kept = keep_upload(*told)
        cover.start()
        cover.join(WAIT)
        return kept

    monkeypatch.setattr("magic_demo.page.session.desk.opened.keep_upload", cover_first)
    page.keep()
    cover.join(LONG)
    (answer,) = answers
    assert "cover_failed" in answer[page.parts.viewer] and "no longer open" in answer[page.parts.status]
    assert not page.handlers.cases.get(page.open_id).encounter.photos[0].notes
