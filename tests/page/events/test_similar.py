"""Similar cases of an index under *Why*: for whom, with which pictures, and not before the model is shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import numpy as np
import pytest

from magic_demo.commands.serve import read_index_files
from magic_demo.core.errors import MagicDemoError
from magic_demo.core.review_types import CaseKey
from magic_demo.core.types import Explanation, Photo, SimilarCase
from magic_demo.files.encounters import read_encounters
from magic_demo.page.build import Desk
from magic_demo.page.session.desk.systems import System
from magic_demo.questions.families import load_challenge
from magic_demo.reviews.store import LOCAL_READER, Store
from tests.page.events.test_keeping import REQUEST, Page
from tests.page.events.test_systems import write_system
from tests.support.store.reviewed_cases import make_queue

INDEXED = ("TRAIN1", "TRAIN2")
FOUND = tuple(
    SimilarCase(case_id, 0.9 - 0.1 * place, frozenset({place % 2}))
    for place, case_id in enumerate(("ENC00002", "TRAIN1", "ENC00003", "TRAIN2"))
)


class Room:
    """The local reader at a queue of which two cases are in the index too."""

    def __init__(self, folder: Path) -> None:
        make_queue(folder / "lesson")
        photos = make_queue(folder / "other").folder
        files = read_encounters(photos, "train").encounters
        self.store = Store.open(folder / "reviews")
        bundle = Path(write_system(folder / "bundle", "Alpha", 0))
        self.desk = Desk(self.store, (System("Alpha", bundle),))
        self.desk.add_queue(folder / "lesson")
        self.desk.index_files = {
            case.case_id: case_files for case, case_files in zip(FOUND, (*files, files[0]), strict=True)
        }
        self.page = Page(self.desk)
        predictor = SimpleNamespace(
            explain=lambda _encounter, _said, family, option, **asked: Explanation(
                family, option, asked["language"], similar=FOUND
            )
        )
        self.page.handlers.source.get = lambda *_: predictor

    def ask(self, mode: str) -> str:
        """Open the case and ask why; return the pane's HTML."""
        inputs = {self.page.parts.case: None, self.page.parts.spoken: "en"}
        told = {"open": "ENC00001", "queue": "lesson", "mode": mode}
        self.page.queue.open(inputs, gr.EventData(None, told), REQUEST)
        asked = {"case": self.page.open_id, "request": 1, "family": "CQID010", "option": 0, "language": "en"}
        answered: Any = self.page.review.explain(self.page.inputs(), gr.EventData(None, asked), REQUEST)
        return str(answered[self.page.parts.why]["html"])


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    room = Room(tmp_path)
    yield room
    room.store.close()


def test_similar_cases_stand_beside_the_models_answer_with_pictures(room: Room) -> None:
    html = room.ask("assisted")
    options = load_challenge().family("CQID010").options["en"]
    assert html.count("data:image/jpeg;base64,") == 2
    assert html.index("This case, the model") < html.index("TRAIN1") < html.index("TRAIN2")
    assert f"<span>{options[1]}</span>" in html and "0.80" in html


def test_a_case_that_may_still_be_read_blind_here_is_left_out(room: Room) -> None:
    html = room.ask("assisted")
    assert "ENC00002" not in html and "ENC00003" not in html
    prediction = room.desk.prediction(CaseKey("lesson", "ENC00001"))
    assert prediction is not None
    room.desk.note_shown(LOCAL_READER, CaseKey("lesson", "ENC00002"), prediction)
    html = room.ask("assisted")
    assert "ENC00002" in html and "ENC00003" not in html


def test_a_blind_reading_sees_none(room: Room) -> None:
    assert room.ask("blind") == ""


def test_a_case_of_others_is_left_out_and_a_covered_photo_not_shown(room: Room) -> None:
    key = CaseKey("lesson", "ENC00002")
    prediction = room.desk.prediction(CaseKey("lesson", "ENC00001"))
    assert prediction is not None
    room.desk.note_shown(LOCAL_READER, key, prediction)
    assert room.desk.choose_similar(FOUND, LOCAL_READER)[0][1] is not None
    room.desk.covered.keep(key, Photo("IMG_ENC00002_00001", np.zeros((8, 8, 3), np.uint8)))
    case, path = room.desk.choose_similar(FOUND, LOCAL_READER)[0]
    assert case.case_id == "ENC00002" and path is None
    room.store.add_reader("Ann")
    room.store.add_reader("Bo")
    room.store.share_out("lesson", ["ENC00002"], ["Bo"], each=1)
    room.desk.note_shown("Ann", key, prediction)
    shown = [case.case_id for case, _ in room.desk.choose_similar(FOUND, "Ann")]
    assert shown == list(INDEXED)


def test_photos_of_an_index_need_one_and_are_for_no_public_page(tmp_path: Path) -> None:
    def asked(answers: str | None) -> Any:
        return SimpleNamespace(index_data=tmp_path, answers=answers)

    for answers, public in ((None, False), ("none", False), ("index", True)):
        with pytest.raises(MagicDemoError, match="--index-data"):
            read_index_files(asked(answers), public=public)
    assert read_index_files(SimpleNamespace(index_data=None), public=True) == {}  # type: ignore[arg-type]
