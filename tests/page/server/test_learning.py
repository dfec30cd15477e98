"""Adjudicators learn from reviews beside the page, compare, use and go back: nobody waits, nothing is mixed up."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from magic_demo.core.disk.whole_files import write_json
from magic_demo.core.review_types import CaseKey, Review
from magic_demo.core.types import Encounter, Photo, Prediction
from magic_demo.files.photos.reading import read_photo
from magic_demo.imaging.run_lengths import encode_mask
from magic_demo.page.build import Desk, PredictorSource
from magic_demo.page.server.learning.learning import list_learning_routes
from magic_demo.page.server.learning.rendering import say_line
from magic_demo.page.session.inference import learner
from magic_demo.page.session.inference.learner import Learner
from magic_demo.page.session.sign_in.sign_ins import COOKIE, SignIns
from magic_demo.reviews.cases.covered_photos import covered_beside
from magic_demo.reviews.cases.deletion import delete_cases
from magic_demo.reviews.exports.case_files import find_case_files
from magic_demo.reviews.learning.learnt import (
    COMPARISON,
    LearntError,
    LearntFrom,
    digest_photos,
    models_beside,
)
from magic_demo.reviews.store import LOCAL_READER, Store
from tests.support.fake_predictor import FakePredictor
from tests.support.store.reviewed_store import QUEUE, write_reviewed

NAME = "learnt-1"


class Other(FakePredictor):
    """A predictor that says whose models it has."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.models = {"segmentation": name}

    def predict(self, encounter: Encounter) -> Prediction:
        return Prediction(encounter.encounter_id, models=self.models)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of three reviewed cases."""
    return write_reviewed(tmp_path_factory.mktemp("reviewed"), cases=3)


class Room:
    """A page over a store beside which a model lies that was learnt from two of its cases and judged on the third."""

    def __init__(self, place: Path) -> None:
        self.store = Store.open(place)
        cases = self.store.list_cases(QUEUE, LOCAL_READER, all_assigned=True)
        self.files = find_case_files(cases, covered_beside(self.store.location))
        self.folder = models_beside(self.store.location) / NAME
        (self.folder / "segmentation-learnt").mkdir(parents=True)
        (self.folder / "answers-learnt").mkdir()
        bare = LearntFrom("0" * 64, QUEUE, about={"rows": [], "taught": 2, "held_out": 1})
        noted = {bare.name(one.encounter_id): digest_photos(one) for one in self.files}
        self.held_out = self.files[2]
        self.learnt = LearntFrom(bare.version, QUEUE, bare.salt, noted, tuple(noted)[:2], bare.about)
        self.learnt.write(self.folder)
        write_json(self.folder / COMPARISON, {self.learnt.name(self.held_out.encounter_id): self._compare()})
        self.source = PredictorSource(lambda: Other("own"))
        self.source._run()
        self.desk = Desk(self.store)
        self.loaded: list[dict[str, Path]] = []
        self.desk.load_learnt = self._load
        self.client = TestClient(Starlette(routes=list_learning_routes(self.desk, self.source)))

    def _load(self, **parts: Path) -> Other:
        self.loaded.append(parts)
        return Other("learnt")

    def _compare(self) -> dict[str, Any]:
        photo = read_photo(self.held_out.photo_files[0].path or Path())
        full, none = (encode_mask(np.full(photo.size, value, np.bool_)) for value in (True, False))
        runs = {name: [*one.size, one.counts] for name, one in (("before", none), ("after", full))}
        return {
            "photos": [{"place": 0, "reference": runs["after"], **runs, "dice": [0.1, 0.9]}],
            "answers": {"before": {"CQID010-001": 0}, "after": {"CQID010-001": 1}},
            "accuracy": [0.5, 0.25],
        }

    def press(self, deed: str, **more: str) -> tuple[int, str]:
        answer = self.client.post("/learning", data={"do": deed, **more}, follow_redirects=False)
        return answer.status_code, answer.text

    @property
    def shown(self) -> str:
        return self.source.models["segmentation"]


@pytest.fixture
def room(template: Path, tmp_path: Path) -> Iterator[Room]:
    room = Room(shutil.copytree(template, tmp_path / "store"))
    yield room
    room.store.close()


def test_a_learnt_model_is_used_without_a_restart_and_back_returns(room: Room) -> None:
    own = room.source.get()
    assert room.press("use", model=NAME)[0] == 303
    assert room.shown == "learnt" and room.source.learnt == NAME
    assert {name: path.parent for name, path in room.loaded[0].items()} == dict.fromkeys(
        ("segmentation", "answers"), room.folder
    )
    # an analysis that began before goes on with, and names, the models that it began with
    assert own.predict(Encounter("a")).models == {"segmentation": "own"}
    assert room.source.get().predict(Encounter("a")).models == {"segmentation": "learnt"}
    assert NAME in room.client.get("/learning").text
    assert room.press("back")[0] == 303
    assert room.shown == "own" and room.source.learnt == "" and room.source.get() is own


def restart(room: Room) -> PredictorSource:
    """Load the models as a page does that is started again over the same store."""
    source, desk = PredictorSource(lambda: Other("own")), Desk(room.store)
    desk.load_learnt = room._load
    list_learning_routes(desk, source)
    source._run()
    return source


def test_a_restart_goes_on_with_the_model_in_use_and_after_back_with_the_pages_own(room: Room) -> None:
    assert restart(room).get().models == {"segmentation": "own"}
    room.press("use", model=NAME)
    again = restart(room)
    assert (again.get().models, again.learnt) == ({"segmentation": "learnt"}, NAME)
    again.go_back()
    assert again.get().models == {"segmentation": "own"}, "the page's own are loaded too"
    room.press("back")
    assert restart(room).get().models == {"segmentation": "own"}


def test_a_restart_leaves_a_model_whose_case_went_meanwhile(
    room: Room, capsys: pytest.CaptureFixture[str]
) -> None:
    room.press("use", model=NAME)
    delete_cases(room.store, [CaseKey(QUEUE, room.files[1].encounter_id)])
    assert restart(room).get().models == {"segmentation": "own"}
    assert f"The learnt model {NAME} is not used: there is no such model any more" in capsys.readouterr().err
    assert restart(room).learnt == "" and capsys.readouterr().err == "", "and forgets it"


def test_a_model_of_a_covered_or_deleted_photo_cannot_be_used(room: Room) -> None:
    first = room.files[0]
    photo = first.photo_files[0]
    white = np.full_like(read_photo(photo.path or Path()).pixels, 255)
    covered_beside(room.store.location).keep(CaseKey(QUEUE, first.encounter_id), Photo(photo.photo_id, white))
    status, text = room.press("use", model=NAME)
    assert (
        status == 409 and "1 case that it was learnt from was deleted or covered since; learn again" in text
    )
    assert room.shown == "own"
    delete_cases(room.store, [CaseKey(QUEUE, first.encounter_id)])
    status, text = room.press("use", model=NAME)
    assert status == 409 and "there is no such model any more" in text


def test_a_model_in_use_gives_way_where_another_program_deletes_a_case(room: Room) -> None:
    room.press("use", model=NAME)
    delete_cases(room.store, [CaseKey(QUEUE, room.files[1].encounter_id)])
    assert room.source.get().models == {"segmentation": "own"}


@pytest.mark.parametrize("how", ["deleted", "covered"])
def test_a_model_in_use_gives_way_as_soon_as_one_of_its_cases_goes(room: Room, how: str) -> None:
    room.press("use", model=NAME)
    key = CaseKey(QUEUE, room.files[1].encounter_id)
    if how == "deleted":
        delete_cases(room.store, [key])
    else:
        photo = room.files[1].photo_files[0]
        covered_beside(room.store.location).keep(
            key, Photo(photo.photo_id, read_photo(photo.path or Path()).pixels[::-1])
        )
    for told in room.desk.on_gone:
        told(key)
    assert room.shown == "own"


def test_a_model_that_cannot_be_loaded_changes_nothing(room: Room) -> None:
    def fail(**_: Path) -> Other:
        raise LearntError("there is no such model any more; reload the page")

    room.desk.load_learnt = fail
    assert room.press("use", model=NAME)[0] == 409
    assert room.shown == "own" and room.source.learnt == ""


def test_old_and_new_stand_side_by_side_and_count_as_seen(room: Room) -> None:
    page = room.client.get("/learning", params={"compare": NAME}).text
    assert page.count("<img") == 2 and room.held_out.encounter_id in page
    assert "0.100 → 0.900 ▲" in page and "0.500 → 0.250 ▼" in page
    assert "single spot" in page and "limited area" in page
    assert all("not a medical device" in shown for shown in (page, room.client.get("/learning").text))
    assert room.store.known(CaseKey(QUEUE, room.held_out.encounter_id), LOCAL_READER) >= {"model", "others"}
    assert room.files[0].encounter_id not in page, "a case that was learnt from proves nothing"


def test_a_case_that_is_read_blind_is_not_among_those_compared_until_it_is_revealed(room: Room) -> None:
    key = CaseKey(QUEUE, room.held_out.encounter_id)
    room.store.add_reader("ada", role="adjudicator", password="long enough")
    room.desk.sign_ins = SignIns(room.store)
    room.client.cookies.set(COOKIE, str(room.desk.sign_ins.enter("ada", "long enough", "ada")))
    blind = Review(key.case_id, "ada", "blind", "done", queue=QUEUE)
    room.store.save(blind)
    page = room.client.get("/learning", params={"compare": NAME}).text
    assert page.count("<img") == 0 and key.case_id not in page and "1 case that you read blind" in page
    assert "model" not in room.store.known(key, "ada")
    room.store.save(replace(blind, kind="assisted"))
    page = room.client.get("/learning", params={"compare": NAME}).text
    assert page.count("<img") == 2 and key.case_id in page and "read blind" not in page


def test_only_an_adjudicator_learns_and_chooses_what_readers_see(room: Room) -> None:
    room.store.add_reader("bo", password="long enough")
    room.store.add_reader("ada", role="adjudicator", password="long enough")
    room.desk.sign_ins = SignIns(room.store)
    for name, status in (("bo", 403), ("ada", 200)):
        room.client.cookies.set(COOKIE, str(room.desk.sign_ins.enter(name, "long enough", name)))
        assert room.client.get("/learning").status_code == status
        assert room.client.get("/learning/state").status_code == status
    room.client.cookies.set(COOKIE, str(room.desk.sign_ins.enter("bo", "long enough", "bo")))
    assert room.press("use", model=NAME)[0] == 403 and room.shown == "own"


@pytest.fixture
def learning(room: Room, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Learner]]:
    """Return a learner whose process runs this code in place of `training learn`."""
    begun: list[Learner] = []

    def begin(code: str) -> Learner:
        monkeypatch.setattr(learner, "PROGRAM", ("-c", code))
        begun.append(Learner(room.store.location))
        return begun[-1]

    yield begin
    for one in begun:
        one.stop()


def test_learning_is_a_process_of_its_own_that_gives_way_and_there_is_one(
    learning: Callable[[str], Learner],
) -> None:
    one = learning("import time; print('begun', flush=True); time.sleep(600)")
    one.start(QUEUE, "consensus")
    process = one._process
    assert one.running and process is not None and process.pid != os.getpid()
    if sys.platform == "linux":
        assert os.getpriority(os.PRIO_PROCESS, process.pid) == learner.NICENESS
    assert one.progress is not None and one.progress.share == 0
    with pytest.raises(LearntError, match="a model is being learnt already"):
        one.start(QUEUE, "consensus")
    one.stop()
    assert not one.running


def test_a_run_that_fails_says_so_with_its_log(learning: Callable[[str], Learner]) -> None:
    one = learning("import sys; print('error: too few'); sys.exit(1)")
    one.start(QUEUE, "consensus")
    while one.running:
        time.sleep(0.01)
    assert one.failed and one.read_log() == ["error: too few"]


def test_the_page_says_how_many_cases_there_are_to_learn_from_and_refuses_too_few(room: Room) -> None:
    shown = room.client.get("/learning").text
    assert "3 of at least 20 cases" in shown and "现有 3 例" in shown
    assert 'id="learning-start" class="is-final" disabled' in shown
    status, said = room.press("learn", queue=QUEUE, rule="majority")
    assert status == 409 and "3 cases have a finished reading" in said and "请继续阅片" in said


def test_what_is_done_while_learning_is_said_in_both_languages() -> None:
    for line in (
        "Starting",
        "Gathering the reviews",
        "Learning the outline: step 3 of 9",
        "Held-out case 1/3",
    ):
        said = say_line(line)
        assert said["en"] == line and not said["zh"].isascii()


def test_what_no_button_sends_is_refused(room: Room) -> None:
    for form in ({"do": "x"}, {"do": "learn", "queue": "none"}, {"do": "learn", "queue": QUEUE, "rule": "x"}):
        assert room.client.post("/learning", data=form).status_code == 409
