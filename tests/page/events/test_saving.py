"""Drafts become saved reviews: what reopens a finished one, what a save waits for, what a blind one may hold;
and which kind a reading is."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from magic_demo.core.review_types import CaseKey, Review, ReviewKind, SavedReview
from magic_demo.core.types import Encounter, Prediction
from magic_demo.page.events.drafts.saving import Saver
from magic_demo.page.session.desk.desk import Desk
from magic_demo.page.session.open_cases import OpenCases
from magic_demo.page.session.review import Drafts, Mode, Reading, ReviewDraft
from magic_demo.reviews.store import LOCAL_READER, NewCase, Store
from tests.support.changes import change_open, name_open

KEY = CaseKey("clinic", "ENC00001")
MODEL = Prediction("ENC00001", answers={"CQID010-001": 0}, models={"cvqa": "written"})


class Room:
    """One session on one case of a store."""

    def __init__(self, store: Store) -> None:
        store.add_cases(KEY.queue, [NewCase(KEY.case_id)])
        self.store, self.drafts, self.cases = store, Drafts(), OpenCases()
        self.saver = Saver(Desk(store), self.drafts, self.cases)

    def begin(self, kind: ReviewKind = "assisted", *, model_shown: bool = True) -> str:
        case = self.cases.open(Encounter(KEY.case_id), queued=True)
        self.cases.keep_analysis(case.open_id, case.encounter, MODEL)
        self.drafts.begin(
            "mine",
            ReviewDraft(
                case.open_id, reading=Reading(KEY, LOCAL_READER, "assisted", kind, model_shown=model_shown)
            ),
        )
        return case.open_id

    def finish(self) -> None:
        reading = self.reading()
        name = name_open(self.drafts, "mine")
        self.drafts.change(name, lambda draft: replace(draft, reading=replace(reading, state="done")))
        self.save()

    def change(self, part: str, value: Any) -> None:
        change_open(self.saver, self.drafts, "mine", part, value)

    def save(self) -> SavedReview | None:
        return self.saver.save(name_open(self.drafts, "mine"))

    def reading(self) -> Reading:
        draft = self.drafts.get_open("mine")
        assert draft is not None and draft.reading is not None
        return draft.reading


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    with Store.open(tmp_path) as store:
        yield Room(store)


def test_a_finished_reading_goes_on_when_something_changes_and_only_then(room: Room) -> None:
    room.begin()
    room.change("comment", "once")
    room.finish()
    room.change("comment", "once")
    assert room.reading().state == "done"
    room.change("comment", "twice")
    assert room.reading().state == "in progress"


def test_a_save_that_says_nothing_new_adds_no_row(room: Room) -> None:
    room.begin()
    room.change("answers", {"CQID010-001": 1})
    first, again = room.save(), room.save()
    assert first is not None and again is not None and first.number == again.number


def test_a_save_ends_well_whose_page_is_closed_meanwhile(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    room.begin()
    room.change("comment", "the last words")
    save = room.store.save

    def save_and_close(review: Review, *, after: int | None = None) -> SavedReview:
        saved = save(review, after=after)
        room.drafts.close_all(KEY)
        return saved

    monkeypatch.setattr(room.store, "save", save_and_close)
    saved = room.save()
    assert saved is not None and saved.review.comment == "the last words"


def test_changes_of_many_threads_end_with_the_newest_in_the_store(room: Room) -> None:
    room.begin()

    def change(number: int) -> None:
        room.change("comment", str(number))
        room.save()

    threads = [threading.Thread(target=change, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    draft, last = room.drafts.get_open("mine"), room.store.latest(KEY, LOCAL_READER)
    assert draft is not None and last is not None and last.review.comment == draft.comment


def test_what_is_saved_with_the_model_names_it_and_what_differs(room: Room) -> None:
    room.begin()
    room.change("answers", {"CQID010-001": 1})
    saved = room.save()
    assert (
        saved is not None
        and saved.review.models == MODEL.models
        and saved.review.disagreements == frozenset({"CQID010"})
    )


def test_what_is_saved_while_the_model_is_hidden_depends_on_nothing_of_it(room: Room) -> None:
    room.begin("blind", model_shown=False)
    room.change("answers", {"CQID010-001": 1})
    saved = room.save()
    assert saved is not None and saved.review.models == {} and saved.review.disagreements is None


def test_a_case_of_no_store_is_not_saved(room: Room) -> None:
    room.drafts.begin("mine", ReviewDraft("upload"))
    assert room.save() is None


def test_a_save_waits_for_changes_that_are_on_their_way(room: Room) -> None:
    room.saver.heard("case")
    arrived = threading.Event()

    def wait() -> None:
        room.saver.wait("case", 2)
        arrived.set()

    waiting = threading.Thread(target=wait)
    waiting.start()
    assert not arrived.wait(0.05)
    room.saver.heard("case")
    waiting.join(5)
    assert arrived.is_set()


@pytest.mark.parametrize(
    ("mode", "saved", "kind"),
    [
        ("assisted", set(), "assisted"),
        ("blind", set(), "blind"),
        ("unaided", set(), "assisted"),
        ("assisted", {"blind"}, "blind"),
        ("blind", {"assisted"}, "assisted"),
        ("blind", {"blind", "revealed"}, "revealed"),
    ],
)
def test_what_was_seen_stays_seen_and_what_began_blind_stays_blind(
    room: Room, mode: Mode, saved: set[ReviewKind], kind: ReviewKind
) -> None:
    history = [
        SavedReview(number, datetime.now(UTC), Review(KEY.case_id, LOCAL_READER, one))
        for number, one in enumerate(saved)
    ]
    assert Desk(room.store).choose_kind(mode, LOCAL_READER, KEY, history) == kind


def test_a_case_that_was_shown_with_the_model_cannot_begin_blind_and_its_doubt_is_kept(room: Room) -> None:
    room.store.add_reader("ann")
    desk = Desk(room.store)
    desk.note_shown(LOCAL_READER, KEY, replace(MODEL, chances={"CQID010": np.array([0.4, 0.3, 0.2, 0.1])}))
    assert desk.choose_kind("blind", LOCAL_READER, KEY, []) == "assisted"
    assert desk.choose_kind("blind", "ann", KEY, []) == "blind"
    room.store.note_seen([KEY], "ann", "others")
    assert desk.choose_kind("blind", "ann", KEY, []) == "compared"
    assert room.store.case(KEY, LOCAL_READER).uncertainty == pytest.approx(0.6)
    assert Desk(room.store).choose_kind("blind", LOCAL_READER, KEY, []) == "assisted", "after a restart, too"


def test_what_the_models_said_is_kept_with_what_is_saved_beside_it_and_only_where_it_is_shown(
    room: Room,
) -> None:
    room.begin("blind", model_shown=False)
    room.save()
    assert room.store.shown(KEY) is None
    open_id = room.begin()
    room.save()
    again = replace(MODEL, answers={"CQID010-001": 2})
    room.cases.keep_analysis(open_id, Encounter(KEY.case_id), again)
    room.change("comment", "analysed again")
    room.save()
    shown = room.store.shown(KEY)
    assert shown is not None and shown.answers == again.answers


def test_what_the_models_said_of_a_case_is_not_held_after_it_was_closed(room: Room) -> None:
    open_id = room.begin()
    said = Prediction("ENC00001", answers={"CQID010-001": 1}, models={"cvqa": "written"})
    room.cases.keep_analysis(open_id, Encounter(KEY.case_id), said)
    assert room.save() is not None
    held = weakref.ref(said)
    del said
    assert held() is not None, "while the case is open"
    room.cases.close(open_id)
    gc.collect()
    assert held() is None
