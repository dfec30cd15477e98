"""What is taken away from the page: whose readings, with or without the consensus, and what is said where
there is nothing."""

from __future__ import annotations

import io
import json
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from magic_demo.core.errors import StoreError
from magic_demo.core.review_types import CaseKey, Review
from magic_demo.core.types import PhotoPrediction, Prediction
from magic_demo.page.server.downloads.take_away import list_take_away_routes, pack_readings, take_readings
from magic_demo.page.session.desk.desk import Desk
from magic_demo.page.session.sign_in.sign_ins import SignIns
from magic_demo.reviews.exports import ExportError
from magic_demo.reviews.exports.label_studio.tasks import OWN
from magic_demo.reviews.store import Actor, NewCase, Store, rules
from tests.support.store.reviewed_cases import QUEUE as READ
from tests.support.store.reviewed_cases import SIZES, answer, make_queue

QUEUE = "lesson"
FIRST, SECOND = CaseKey(READ, "ENC00001"), CaseKey(READ, "ENC00002")


class _Desk:
    """A desk of one store, at which somebody sits."""

    def __init__(self, store: Store, reader: str) -> None:
        self.opened_store, self._reader, self.questions = store, reader, store.questions

    def reader(self, _cookies: object) -> str:
        return self._reader

    def may(self, reader: str, action: rules.Action) -> bool:
        return rules.may(self.opened_store.reader(reader).role, action)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "reviews") as opened:
        for name in ("ann", "bo"):
            opened.add_reader(name)
        opened.add_reader("chen", role="adjudicator")
        opened.add_cases(QUEUE, [NewCase("ENC00001", None), NewCase("ENC00002", None)])
        opened.add_cases("empty", [NewCase("ENC00009", None)])
        for name, choice in (("ann", 0), ("bo", 1)):
            opened.save(Review("ENC00001", name, "assisted", "done", answer(choice), queue=QUEUE))
        opened.save(Review("ENC00002", "ann", "assisted", "done", answer(2), queue=QUEUE))
        opened.save(Review("ENC00001", "chen", "consensus", "done", answer(1), queue=QUEUE))
        yield opened


def annotators_in(packed: bytes) -> list[str]:
    about: dict[str, Any] = json.loads(zipfile.ZipFile(io.BytesIO(packed)).read("export.json"))
    return list(about["annotators"].values())


def test_a_reader_takes_their_own_readings_and_an_adjudicator_everybodys(store: Store) -> None:
    own, all_of_them = (
        pack_readings(cast(Desk, _Desk(store, name)), "challenge", QUEUE, name) for name in ("ann", "chen")
    )
    assert annotators_in(own) == ["ann"] and annotators_in(all_of_them) == ["ann", "bo"]


def test_what_is_not_finished_is_named_as_the_command_names_it(store: Store) -> None:
    store.add_cases(QUEUE, [NewCase("ENC00003", None)])
    for name in ("ann", "bo"):
        store.save(Review("ENC00003", name, "assisted", answers=answer(3), queue=QUEUE))
    store.save(Review("ENC00001", "bo", "assisted", answers=answer(4), queue=QUEUE))
    begun = "reading that is not finished (1): ENC00003"
    changed = "changes since the last finished reading, which is exported (1): ENC00001 [bo]"
    for name, named in (
        ("chen", [f"{begun} [ann, bo]", changed]),
        ("ann", [f"{begun} [ann]"]),
        ("bo", [f"{begun} [bo]", changed]),
    ):
        packed = pack_readings(cast(Desk, _Desk(store, name)), "csv", QUEUE, name)
        archive = zipfile.ZipFile(io.BytesIO(packed))
        about = json.loads(archive.read("export.json"))
        assert sorted(about["left_out"]) == sorted(named)
        assert all(saved["case_id"] != "ENC00003" for saved in about["provenance"])
    with pytest.raises(ExportError, match=r"reading that is not finished \(1\): ENC00009 \[ann\]"):
        store.save(Review("ENC00009", "ann", "assisted", answers=answer(3), queue="empty"))
        pack_readings(cast(Desk, _Desk(store, "ann")), "csv", "empty", "ann")


def test_a_reader_is_told_of_own_damaged_readings_alone(store: Store) -> None:
    with closing(sqlite3.connect(store.location)) as connection, connection:
        connection.execute("UPDATE reviews SET digest = 'x' WHERE number = 2")  # bo's
    for name, told in (("chen", 1), ("ann", 0)):
        packed = pack_readings(cast(Desk, _Desk(store, name)), "csv", QUEUE, name)
        left_out = json.loads(zipfile.ZipFile(io.BytesIO(packed)).read("export.json"))["left_out"]
        assert len([line for line in left_out if "by bo is not what was saved" in line]) == told


def test_the_flow_of_a_queues_cases_is_in_an_adjudicators_report_alone(
    desk: Desk, without_browser: None
) -> None:
    assert not [name for name in take(desk, "Bo", "report").namelist() if name.startswith("flow")]
    assert [name for name in take(desk, "Wang", "report").namelist() if name.startswith("flow")]


def test_the_consensus_takes_the_place_of_its_readings_where_it_is_asked_for(store: Store) -> None:
    with TestClient(Starlette(routes=list_take_away_routes(cast(Desk, _Desk(store, "chen"))))) as client:
        answered = client.get(f"/take-away/challenge?queue={QUEUE}&consensus=yes")
    assert answered.headers["content-disposition"] == 'attachment; filename="lesson-challenge.zip"'
    assert annotators_in(answered.content) == ["ann", "consensus"], "ENC00002 has none, and keeps its reading"


@pytest.mark.parametrize(("wanted", "queue"), [("csv", "empty"), ("csv", "nowhere"), ("scroll", QUEUE)])
def test_what_cannot_be_taken_away_is_said_in_both_languages(store: Store, wanted: str, queue: str) -> None:
    with TestClient(Starlette(routes=list_take_away_routes(cast(Desk, _Desk(store, "chen"))))) as client:
        answered = client.get(f"/take-away/{wanted}?queue={queue}")
    assert answered.status_code == 409 and set(answered.json()) == {"en", "zh"}
    if queue == "empty":
        assert answered.json()["zh"].startswith("没有可导出")


def test_a_csv_from_the_page_never_holds_a_formula(store: Store) -> None:
    store.save(Review("ENC00002", "ann", "assisted", "done", answer(2), queue=QUEUE, comment="=HYPERLINK(1)"))
    with TestClient(Starlette(routes=list_take_away_routes(cast(Desk, _Desk(store, "chen"))))) as client:
        packed = client.get(f"/take-away/csv?queue={QUEUE}&plain_cells=yes&plain-cells=yes").content
    archive = zipfile.ZipFile(io.BytesIO(packed))
    tables = b"".join(archive.read(name) for name in archive.namelist() if name.endswith(".csv"))
    assert tables.count(b"'=HYPERLINK(1)") == tables.count(b"=HYPERLINK(1)") > 0


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Return the desk of a queue that Li, Wang and Bo have read: Bo the second case blind; a model spoke of both."""
    queue = make_queue(tmp_path / READ)
    with Store.open(tmp_path / "reviews") as opened:
        for name in ("Li", "Bo"):
            opened.add_reader(name)
        opened.add_reader("Wang", role="adjudicator")
        desk = Desk(opened, sign_ins=SignIns(opened))
        desk.add_queue(queue.folder)
        for saved in queue.reviews:
            opened.save(saved.review)
        opened.note_shown(FIRST, "Wang", said_of(FIRST))
        opened.note_shown(SECOND, "Wang", said_of(SECOND))
        opened.save(Review("ENC00001", "Bo", "blind", "done", answer(2), queue=READ))
        opened.save(Review("ENC00002", "Bo", "blind", "done", answer(2), queue=READ))
        opened.note_shown(FIRST, "Bo", said_of(FIRST))
        opened.save(Review("ENC00001", "Bo", "assisted", "done", answer(2), queue=READ))
        yield desk


def said_of(key: CaseKey) -> Prediction:
    names = [name for name in SIZES if key.case_id in name]
    photos = tuple(PhotoPrediction(name, np.ones((4, 4), np.float32), SIZES[name]) for name in names)
    return Prediction(key.case_id, photos, answers=answer(0), models={"segmentation": "the model"})


def take(desk: Desk, reader: str, wanted: str) -> zipfile.ZipFile:
    return zipfile.ZipFile(
        io.BytesIO(take_readings(desk, wanted, READ, Actor(reader, "test"), consensus=False))
    )


def test_what_the_model_said_leaves_with_a_readers_export_but_for_cases_they_read_blind(desk: Desk) -> None:
    tasks = json.loads(take(desk, "Bo", "label-studio").read("label_studio.json"))
    said = {task["data"][OWN]["case_id"]: bool(task["predictions"]) for task in tasks}
    assert said == {"ENC00001": True, "ENC00002": False}
    assert "model" not in desk.opened_store.known(SECOND, "Bo")


def test_where_others_differ_from_the_model_does_not_leave_with_a_case_that_is_read_blind(desk: Desk) -> None:
    store = desk.opened_store
    store.add_reader("Ada", role="adjudicator")

    def tell_differing() -> dict[str, list[str] | None]:
        tasks = json.loads(take(desk, "Ada", "label-studio").read("label_studio.json"))
        readings = [one for task in tasks for one in task["data"][OWN]["readings"] if one["reader"] == "Li"]
        return {str(one["number"]): one["disagreements"] for one in readings}

    store.save(Review("ENC00001", "Ada", "blind", queue=READ))
    assert list(tell_differing().values()).count(["CQID011"]) == 0
    store.save(Review("ENC00001", "Ada", "assisted", queue=READ))
    assert ["CQID011"] in tell_differing().values()


def test_who_takes_away_what_the_model_or_others_said_does_not_read_blind_afterwards(desk: Desk) -> None:
    store = desk.opened_store
    assert store.known(SECOND, "Li") == frozenset(), "done without the model"
    take(desk, "Li", "csv")
    assert store.known(SECOND, "Li") == frozenset(), "own readings alone"
    take(desk, "Li", "label-studio")
    assert store.known(SECOND, "Li") == {"model"}
    take(desk, "Li", "report")
    assert store.known(SECOND, "Li") == {"model", "others"}
    store.add_reader("Ada", role="adjudicator")
    take(desk, "Ada", "coco")
    assert store.known(FIRST, "Ada") == {"others"}
    take(desk, "Ada", "csv")
    assert store.known(SECOND, "Ada") == {"others"}
    assert store.known(FIRST, "Ada") == {"others", "model"}, "the tables say where Li differs from it"


def test_what_is_taken_away_is_in_the_trail_and_nothing_leaves_that_it_cannot_keep(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(desk, "Li", "csv")
    (line,) = desk.opened_store.trail(kinds=["export"])
    assert (line.who, line.detail) == ("Li", "csv")

    def fail(*_: object, **__: object) -> list[str]:
        raise StoreError("the disk is full")

    monkeypatch.setattr(desk.opened_store, "note", fail)
    with pytest.raises(StoreError):
        take(desk, "Li", "csv")
