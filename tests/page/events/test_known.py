"""What the page asks before a case is finished, what it shows of others and of the model, and how what is
said afterwards is kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import numpy as np
import pytest

from magic_demo.core.review_types import CaseKey, MaskRuns, Outline, Review, SavedReview
from magic_demo.core.types import Mask, PhotoPrediction, Prediction
from magic_demo.files.bundles import write_prediction
from magic_demo.imaging.consensus import estimate_staple, take_majority
from magic_demo.imaging.run_lengths import decode_mask, encode_mask
from magic_demo.page.build import Desk
from magic_demo.page.events.review.adjudication import Adjudication
from magic_demo.page.panels.viewer.mask_form import write_runs
from magic_demo.page.session.desk.systems import System
from magic_demo.questions.families import load_families, unpack_questions
from magic_demo.reviews.store import LOCAL_READER, Store
from tests.page.events.test_keeping import REQUEST, Page
from tests.support.store.reviewed_cases import SIZES, answer, draw_mask, make_queue

OTHER_TAB: Any = SimpleNamespace(session_hash="other", cookies={})
PHOTOS = ("IMG_ENC00001_00001", "IMG_ENC00001_00002")
FAMILIES = [family.family_id for family in load_families()]
TITLE = load_families()[0].title


class Room:
    """A page over a queue of three cases with a bundle, at which the local reader sits; what others say is in
    the store."""

    def __init__(self, folder: Path, mode: str = "blind") -> None:
        cases = make_queue(folder / "lesson").cases
        for files in cases:
            maps = tuple(
                PhotoPrediction(photo.photo_id, np.ones((4, 4), np.float32), SIZES[photo.photo_id])
                for photo in files.photo_files
            )
            write_prediction(
                folder / "bundle",
                Prediction(files.encounter_id, maps, answers=answer(0), models={"cvqa": "m@1"}),
            )
        self.store = Store.open(folder / "reviews")
        desk = Desk(self.store, (System("bundle", folder / "bundle"),))
        desk.add_queue(folder / "lesson")
        for name in ("ann", "bo"):
            self.store.add_reader(name)
        self.page = Page(desk)
        self.side = Adjudication(self.page.state)
        self.queue = str(desk.first_queue)
        self.key = CaseKey(self.queue, "ENC00001")
        self.open(mode)

    def open(self, mode: str, request: Any = REQUEST) -> dict[Any, Any]:
        """Open the case in a tab."""
        inputs = {self.page.parts.case: None, self.page.parts.spoken: "en"}
        return self.page.queue.open(
            inputs, gr.EventData(None, {"open": "ENC00001", "queue": self.queue, "mode": mode}), request
        )

    def answer(self, choice: int) -> dict[Any, Any]:
        """Answer every card."""
        given = answer(choice)
        told = {
            family.family_id: sorted(
                {given[question.qid] for question in family.questions} - {family.padding}
            )
            or [family.padding]
            for family in load_families()
        }
        return self.page.say(self.page.review.answer, answers=told)

    def complete(self, choice: int = 1) -> dict[Any, Any]:
        """Answer and outline everything, and finish."""
        self.answer(choice)
        for name in PHOTOS:
            self.page.draw(name, draw_mask(SIZES[name], 1))
        return self.finish()

    def finish(self, *anyway: str) -> dict[Any, Any]:
        return self.page.say(self.page.reading.finish, anyway=list(anyway))

    def reveal(self) -> list[dict[Any, Any]]:
        told = gr.EventData(None, {"case": self.page.open_id})
        return list(self.page.reading.reveal(self.page.inputs(), told, REQUEST))

    def asked(self, updates: dict[Any, Any]) -> list[dict[str, Any]]:
        """Return what the bar names before it finishes."""
        return list(updates[self.page.parts.form]["asks"]["missing"])

    def said(self, updates: dict[Any, Any]) -> str:
        return str(updates[self.page.parts.status])

    def saved(self) -> SavedReview:
        latest = self.store.latest(self.key, LOCAL_READER)
        assert latest is not None
        return latest

    def read_by(self, name: str, choice: int) -> None:
        """Save another reader's complete reading."""
        masks = {photo: self.saved_mask(photo) for photo in PHOTOS}
        self.store.save(
            Review("ENC00001", name, "assisted", "done", answer(choice), masks=masks, queue=self.queue)
        )

    def saved_mask(self, photo: str) -> MaskRuns:
        return encode_mask(draw_mask(SIZES[photo], 2))


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    room = Room(tmp_path)
    yield room
    room.store.close()


def test_nothing_is_finished_before_what_is_open_was_named_and_confirmed(room: Room) -> None:
    asked = room.asked(asks := room.finish())
    assert [one["id"] for one in asked] == [*FAMILIES, *PHOTOS]
    assert asked[0]["title"] == TITLE and asked[-1]["number"] == 2
    assert "11 still open" in room.said(asks) and "还有 11 项未完成" in room.said(asks)
    assert room.store.latest(room.key, LOCAL_READER) is None
    room.page.say(room.page.review.answer, answers={"CQID010": [1]})
    again = room.asked(room.finish(*FAMILIES))  # the photos were not named
    assert [one["id"] for one in again] == [
        *FAMILIES[1:],
        *PHOTOS,
    ] and room.saved().review.state == "in progress"
    done = room.finish(*FAMILIES, *PHOTOS)
    assert room.saved().review.state == "done" and room.saved().review.missing == {*FAMILIES[1:], *PHOTOS}
    assert "10 left open" in room.said(done) and "留空 10 项" in room.said(done)
    case = room.store.case(room.key, LOCAL_READER)
    assert (case.state, case.complete) == ("done", False)


def test_a_complete_reading_is_finished_at_once(room: Room) -> None:
    updates = room.complete()
    assert (
        room.saved().complete
        and "Done, saved" in room.said(updates)
        and "asks" not in str(updates[room.page.parts.form])
    )


def test_a_photo_cleared_by_hand_or_called_unusable_is_dealt_with(room: Room) -> None:
    room.answer(1)
    empty = {
        "case": room.page.open_id,
        "photo": PHOTOS[0],
        "cleared": True,
        **write_runs(np.zeros(SIZES[PHOTOS[0]], np.bool_)),
    }
    room.page.review.outline(gr.EventData(None, empty), REQUEST)
    assert [one["id"] for one in room.asked(room.finish())] == [PHOTOS[1]]
    room.page.say(
        room.page.reading.note, comment="", flagged=False, difficulty=None, unusable=[PHOTOS[1]], seconds=1
    )
    room.finish()
    assert room.saved().complete


def test_an_incomplete_reading_shows_neither_others_nor_the_model(room: Room) -> None:
    room.read_by("bo", 2)
    room.finish(*FAMILIES, *PHOTOS)
    shown = room.side.compare(gr.EventData(None, {"open": True}), REQUEST)
    assert (
        ">bo<" not in shown[room.page.parts.readings]
        and room.store.known(room.key, LOCAL_READER) == frozenset()
    )
    refused = room.reveal()
    assert "finish your own reading" in room.said(refused[-1]) and not room.store.was_shown(
        room.key, LOCAL_READER
    )


def test_what_is_changed_after_others_were_shown_reopens_the_case_and_is_marked(room: Room) -> None:
    room.read_by("bo", 2)
    room.complete()
    shown = room.side.compare(gr.EventData(None, {"open": True}), REQUEST)
    assert ">bo<" in shown[room.page.parts.readings] and room.store.known(room.key, LOCAL_READER) == {
        "others"
    }
    assert room.saved().review.kind == "blind"
    changed = room.answer(2)
    assert "open again" in room.said(changed) and "已重新打开" in room.said(changed)
    assert changed[room.page.parts.form]["saved"]["kind"] == "compared"
    assert changed[room.page.parts.panel.queue]["row"]["state"] == "in progress"
    room.finish()
    assert (
        room.saved().review.kind == "compared"
        and room.saved().review.known == {"others"}
        and room.saved().complete
    )
    room.open("blind", OTHER_TAB)
    other = room.page.handlers.drafts.get_open("other")
    assert other is not None and other.reading is not None and other.reading.kind == "compared"


def test_only_an_own_reading_among_all_readings_shows_nothing_of_others(room: Room) -> None:
    room.complete()
    room.side.compare(gr.EventData(None, {"open": True}), REQUEST)
    assert room.store.known(room.key, LOCAL_READER) == frozenset()


def test_the_reveal_leaves_the_case_as_done_as_it_was(room: Room) -> None:
    room.complete()
    before = room.store.progress(room.queue)
    last = room.reveal()[-1]
    assert room.saved().review.kind == "revealed" and room.saved().complete
    assert (
        room.store.progress(room.queue) == before and room.store.case(room.key, LOCAL_READER).state == "done"
    )
    assert last[room.page.parts.form]["saved"]["state"] == "done"
    room.open("blind")  # as after a reload
    mine = room.page.handlers.drafts.get_open("mine")
    reading = mine.reading if mine is not None else None
    assert reading is not None and (reading.kind, reading.state, reading.model_shown) == (
        "revealed",
        "done",
        True,
    )
    assert "open again" in room.said(room.answer(2))


@pytest.mark.parametrize("finished", [False, True])
def test_a_model_shown_in_another_tab_makes_what_this_one_saves_no_longer_blind(
    room: Room, finished: bool
) -> None:
    if finished:
        room.complete()
    else:
        room.store.save(Review("ENC00002", LOCAL_READER, queue=room.queue))
    room.page.desk.note_shown(LOCAL_READER, room.key, room.page.desk.prediction(room.key))  # type: ignore[arg-type]
    changed = room.answer(2)
    assert room.saved().review.kind == (
        "revealed" if finished else "assisted"
    ) and room.saved().review.known == {"model"}
    assert changed[room.page.parts.form]["saved"]["kind"] == room.saved().review.kind


def test_another_tab_in_another_mode_counts(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.open("assisted", OTHER_TAB)  # shows the bundle's prediction: nothing was said blind before
    room.complete()
    assert room.saved().review.kind == "assisted" and room.saved().review.known == {"model"}
    room.store.close()


def test_two_readers_who_differ_in_seven_families_leave_seven_open_with_both_sides_beside(room: Room) -> None:
    room.store.set_role(LOCAL_READER, "adjudicator")
    differing = FAMILIES[:7]
    one, other = answer(1), answer(2)
    mixed = {qid: (other if qid.partition("-")[0] in differing else one)[qid] for qid in one}
    masks = {photo: room.saved_mask(photo) for photo in PHOTOS}
    for name, given in (("ann", one), ("bo", mixed)):
        room.store.save(Review("ENC00001", name, "assisted", "done", given, masks=masks, queue=room.queue))
    updates = room.side.build(gr.EventData(None, {"how": "majority"}), REQUEST)
    assert {qid.partition("-")[0] for qid in room.saved().review.answers} == set(FAMILIES[7:])
    cards = updates[room.page.parts.cards]
    assert set(cards["ties"]) == set(differing)
    assert [side["names"] for side in cards["ties"]["CQID010"]] == [["ann"], ["bo"]]
    assert "7 questions are tied" in room.said(updates) and "7 个问题票数相同" in room.said(updates)
    assert room.store.known(room.key, LOCAL_READER) == {"others"}
    asked = room.asked(room.finish())
    assert [(one["id"], one["tied"]) for one in asked] == [(family, True) for family in differing]
    room.finish(*differing)
    assert (
        room.saved().review.kind == "consensus"
        and room.saved().review.missing == set(differing)
        and not room.saved().complete
    )
    reopened = room.open("assisted")
    assert set(reopened[room.page.parts.cards]["ties"]) == set(differing), "as after a reload"


def _flaw(truth: Mask, share: float, seed: int) -> Mask:
    """Return a mask as a reader draws it who is wrong about a share of the pixels."""
    return truth ^ (np.random.default_rng(seed).random(truth.shape) < share)


def test_a_consensus_by_staple_weighs_readers_of_each_label_by_themselves(room: Room) -> None:
    """Of the lesion ann and bo are the careful ones, of the ulcer cy and di."""
    room.store.set_role(LOCAL_READER, "adjudicator")
    labels = json.dumps({"labels": ["lesion", "ulcer"]})
    room.store.ask(room.queue, unpack_questions(labels, "labels.json"))
    photo = PHOTOS[0]
    truth = {label: draw_mask(SIZES[photo], seed) for label, seed in (("lesion", 1), ("ulcer", 2))}
    drawn: dict[str, list[Mask]] = {"lesion": [], "ulcer": []}
    for number, name in enumerate(("ann", "bo", "cy", "di", "eve")):
        if name not in ("ann", "bo"):
            room.store.add_reader(name)
        careful = {"lesion": name in ("ann", "bo"), "ulcer": name in ("cy", "di")}
        for place, label in enumerate(drawn):
            share = 0.03 if careful[label] else 0.33
            drawn[label].append(_flaw(truth[label], share, 2 * number + place))
        first, ulcer = (encode_mask(drawn[label][-1]) for label in ("lesion", "ulcer"))
        review = Review(
            "ENC00001", name, "assisted", "done", answer(1), masks={photo: first}, queue=room.queue
        )
        room.store.save(replace(review, label_masks={"ulcer": {photo: Outline(ulcer)}}))
    room.side.build(gr.EventData(None, {"how": "staple"}), REQUEST)
    saved = room.saved().review
    assert saved.kind == "consensus"
    found = {"lesion": saved.masks[photo], "ulcer": saved.label_masks["ulcer"][photo].runs}
    for label, runs in found.items():
        mask = decode_mask(runs)
        np.testing.assert_array_equal(mask, estimate_staple(drawn[label]).mask)
        wrong = (take_majority(drawn[label]) != truth[label]).sum()
        assert (mask != truth[label]).sum() < wrong, label
