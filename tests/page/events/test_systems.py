"""Several systems loaded at once: whose answers and outlines are shown, what a review keeps of it, and how the
readers stand to each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest

from magic_demo.core.review_types import CaseKey
from magic_demo.core.types import PhotoPrediction, Prediction
from magic_demo.files.bundles import BundleError, write_prediction
from magic_demo.page.agreement.agreement_page import AgreementPage
from magic_demo.page.build import Desk
from magic_demo.page.session.desk.systems import SYSTEM, read_systems
from magic_demo.questions.families import load_challenge
from magic_demo.reviews.agreement.sources import AgreementChoice
from magic_demo.reviews.store import LOCAL_READER, Store
from tests.page.events.test_keeping import REQUEST, Page
from tests.support.store.reviewed_cases import SIZES, answer, draw_mask, make_queue

KEY = CaseKey("lesson", "ENC00001")


def write_system(folder: Path, model: str, choice: int, cases: tuple[str, ...] = ("ENC00001",)) -> str:
    """Write what a system says: its outline the whole of every photo, or nothing where ``choice`` is even."""
    for case_id in cases:
        level = np.full((4, 4), choice % 2, np.float32)
        photos = [PhotoPrediction(name, level, size) for name, size in SIZES.items() if case_id in name]
        write_prediction(
            folder, Prediction(case_id, tuple(photos), answers=answer(choice), models={"cvqa": model})
        )
    return str(folder)


def answers_of(choice: int) -> dict[str, list[int]]:
    """Return ``answer(choice)`` as the cards send it."""
    given = answer(choice)
    told = {}
    for family in load_challenge().families:
        labels = {given[question.qid] for question in family.questions}
        told[family.family_id] = sorted(labels - {family.not_mentioned}) or sorted(labels)
    return told


class Room:
    """The local reader at a page with three systems; the last speaks of the second case alone."""

    def __init__(self, folder: Path) -> None:
        make_queue(folder / "lesson")
        self.store = Store.open(folder / "reviews")
        given = [
            write_system(folder / "first", "Alpha", 0),
            f"Beta={write_system(folder / 'second', 'Alpha', 1)}",
            write_system(folder / "third", "Gamma", 2, ("ENC00002",)),
        ]
        self.desk = Desk(self.store, read_systems(given, load_challenge()))
        self.desk.add_queue(folder / "lesson")
        self.page = Page(self.desk)

    def open(self, mode: str = "assisted", system: str | None = None) -> dict[Any, Any]:
        asked = {"open": "ENC00001", "queue": "lesson", "mode": mode, "system": system}
        inputs = {self.page.parts.case: None, self.page.parts.spoken: "en"}
        return self.page.queue.open(inputs, gr.EventData(None, asked), REQUEST)

    def switch(self, system: str) -> dict[Any, Any]:
        return self.page.say(self.page.review.show_system, system=system)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    room = Room(tmp_path)
    yield room
    room.store.close()


def test_a_switch_shows_another_system_and_leaves_the_readers_own(room: Room) -> None:
    parts = room.page.parts
    first = room.open()
    assert first[parts.cards]["systems"] == {"Alpha": True, "Beta": True, "Gamma": False}
    assert first[parts.cards]["system"] == "Alpha"
    room.page.say(room.page.review.answer, answers={"CQID010": [2]})
    second = room.switch("Beta")
    assert second[parts.cards]["system"] == "Beta"
    families = [value[parts.cards]["families"]["CQID010"]["chosen"] for value in (first, second)]
    assert families == [[0], [1]]
    levels = [value[parts.viewer]["photos"][0]["levels"] for value in (first, second)]
    assert levels[0] != levels[1]
    assert second[parts.cards]["answers"]["CQID010"] == [2], "the reader's answer stays"
    assert second[parts.cards]["case"] == first[parts.cards]["case"], "the case stays open"


def test_a_review_keeps_which_system_was_shown_and_what_differs_from_it(room: Room) -> None:
    def saved() -> tuple[str | None, bool]:
        latest = room.store.latest(KEY, LOCAL_READER)
        assert latest is not None and latest.review.disagreements is not None
        return latest.review.models.get(SYSTEM), "CQID010" in latest.review.disagreements

    room.open()
    room.page.say(room.page.review.answer, answers={"CQID010": [1]})
    assert saved() == ("Alpha", True)
    room.switch("Beta")
    room.page.say(room.page.review.answer, answers={"CQID010": [1], "CQID025": [0]})
    assert saved() == ("Beta", False)
    shown = room.desk.find_shown(KEY, LOCAL_READER)
    assert shown is not None and shown.models[SYSTEM] == "Beta"


def test_a_system_chosen_before_is_shown_of_the_next_case_where_it_speaks_of_it(room: Room) -> None:
    cards = room.page.parts.cards
    assert room.open(system="Beta")[cards]["system"] == "Beta"
    assert room.open(system="Gamma")[cards]["system"] == "Alpha", "it says nothing of this case"


def test_a_blind_reading_neither_names_systems_nor_switches_to_one(room: Room) -> None:
    parts = room.page.parts
    opened = room.open("blind", "Beta")
    assert opened[parts.cards]["systems"] == {} and opened[parts.cards]["system"] is None
    refused = room.switch("Beta")
    assert set(refused) == {parts.status} and "Beta cannot be shown" in refused[parts.status]
    assert room.store.shown(KEY) is None


def test_a_case_that_no_system_speaks_of_has_no_switch(room: Room) -> None:
    assert room.desk.list_systems(CaseKey("lesson", "ENC00003")) == {}
    assert any(room.desk.list_systems(KEY).values())


def test_what_the_reveal_has_changed_is_counted_beside_the_system_shown(room: Room) -> None:
    parts = room.page.parts
    room.open("blind")
    room.page.say(room.page.review.answer, answers=answers_of(1))
    for name in [photo for photo in SIZES if "ENC00001" in photo]:
        room.page.draw(name, draw_mask(SIZES[name], 1))
    room.page.say(room.page.reading.finish)
    told = gr.EventData(None, {"case": room.page.open_id, "system": "Beta"})
    shown = list(room.page.reading.reveal(room.page.inputs(), told, REQUEST))
    assert shown[0][parts.cards]["system"] == "Beta"
    room.page.say(room.page.review.answer, answers={**answers_of(1), "CQID010": [0]})
    towards = [room.switch(system)[parts.form]["saved"]["changes"]["towards"] for system in ("Alpha", "Beta")]
    assert towards == [1, 0]


def test_a_system_that_does_not_speak_of_the_case_is_refused(room: Room) -> None:
    room.open()
    for system in ("Gamma", "Delta", ""):
        assert set(room.switch(system)) == {room.page.parts.status}


def test_agreement_is_counted_against_each_system(room: Room) -> None:
    room.open()
    room.page.say(room.page.review.answer, answers={"CQID010": [1], "CQID025": [1], "CQID034": [0]})
    page = AgreementPage(room.desk)
    choice = AgreementChoice(queue="lesson", done_only=False)
    found = page.source.measure(choice, None)
    counted = {system.name: (system.cases, system.alike, system.different) for system in found.systems}
    assert counted["Alpha"][0] == counted["Beta"][0] == 1
    assert counted == {"Alpha": (1, 1, 2), "Beta": (1, 2, 1), "Gamma": (0, 0, 0)}
    beside = page.source.measure(replace(choice, system="Beta"), None)
    assert beside.panel.answers[""][KEY] == answer(1)


def test_a_bundle_is_called_by_its_one_model_else_by_its_folder(tmp_path: Path) -> None:
    alone = write_system(tmp_path / "run" / "bundle", "Team@1", 0)
    several = tmp_path / "other" / "bundle"
    write_prediction(several, Prediction("ENC00001", answers=answer(0), models={"cvqa": "a", "cues": "b"}))
    named = read_systems([alone, str(several), f"Mine={alone}"], load_challenge())
    assert [system.name for system in named] == ["Team@1", "other", "Mine"]


def test_what_does_not_fit_is_refused_in_one_line(tmp_path: Path) -> None:
    make_queue(tmp_path / "lesson")
    alpha = write_system(tmp_path / "alpha", "Alpha", 0)
    with pytest.raises(BundleError, match="two bundles are called 'Alpha'"):
        read_systems([alpha, alpha], load_challenge())
    with pytest.raises(BundleError, match="is no name for a system"):
        read_systems([f"={alpha}"], load_challenge())
    others = write_system(tmp_path / "others", "Others", 0, ("ENC00077",))
    strange = tmp_path / "strange"
    photo = PhotoPrediction("IMG_ENC00001_00009", np.zeros((4, 4), np.float32), (8, 8))
    write_prediction(strange, Prediction("ENC00001", (photo,)))
    for bundle, problem in (
        (others, "holds none of the 3 cases of lesson"),
        (str(strange), "has a photo IMG_ENC00001_00009 of ENC00001"),
        (str(tmp_path / "nowhere"), "no such folder"),
    ):
        with Store.open(tmp_path / "reviews") as store, pytest.raises(BundleError, match=problem) as refused:
            Desk(store, read_systems([bundle], load_challenge())).add_queue(tmp_path / "lesson")
        assert "\n" not in str(refused.value)
