"""Label Studio's own requests are answered as its documentation describes, from one folder alone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from magic_demo.__main__ import main
from magic_demo.api.label_studio import KEPT, Backend, name_photo
from magic_demo.questions.families import load_challenge, unpack_questions
from magic_demo.reviews.exports import write_export
from magic_demo.reviews.exports.label_studio.tasks import OWN, make_config
from tests.support.fake_predictor import FakePredictor
from tests.support.store.reviewed_cases import ReadQueue, make_queue


@pytest.fixture(scope="module")
def queue(tmp_path_factory: pytest.TempPathFactory) -> ReadQueue:
    return make_queue(tmp_path_factory.mktemp("data"))


@pytest.fixture
def predictor() -> FakePredictor:
    return FakePredictor()


@pytest.fixture
def client(queue: ReadQueue, predictor: FakePredictor) -> TestClient:
    return TestClient(Backend(predictor, queue.cases, load_challenge()).app())


def _ask(client: TestClient, tasks: list[Any]) -> list[dict[str, Any]]:
    answered = client.post(
        "/predict", json={"tasks": tasks, "project": "1.1", "label_config": "", "params": {}}
    )
    assert answered.status_code == 200, answered.text
    found: list[dict[str, Any]] = answered.json()["results"]
    return found


def test_it_says_that_it_is_up_and_takes_a_project(client: TestClient) -> None:
    for path in ("/health", "/"):
        assert client.get(path).json()["status"] == "UP"
    schema = make_config(load_challenge())
    answered = client.post(
        "/setup", json={"project": "1.1", "schema": schema, "hostname": "", "access_token": "x"}
    )
    assert answered.json() == {"model_version": "fake"}
    assert client.post("/webhook", json={"action": "ANNOTATION_CREATED"}).status_code == 201


def test_a_project_with_another_interface_is_told_what_to_set(client: TestClient) -> None:
    other = '<View><Image name="image" value="$image"/><Text name="t" value="$t"/></View>'
    refused = client.post("/setup", json={"schema": other})
    assert refused.status_code == 400 and "label-studio --interface" in refused.json()["error"]
    assert client.post("/setup", json={"schema": "<View>"}).status_code == 400
    for empty in ("", "<View></View>"):
        assert client.post("/setup", json={"schema": empty}).status_code == 200


def test_the_models_outline_is_the_first_label_of_a_study_which_the_interface_must_have(
    queue: ReadQueue, predictor: FakePredictor
) -> None:
    asked = unpack_questions(json.dumps({"labels": ["naevus", "lesion", "scar"]}), "labels.json")
    client = TestClient(Backend(predictor, queue.cases, asked).app())
    assert client.post("/setup", json={"schema": make_config(asked)}).status_code == 200
    refused = client.post("/setup", json={"schema": make_config(load_challenge())})
    assert refused.status_code == 400 and "'naevus'" in refused.json()["error"]
    (found,) = _ask(client, [{"id": 1, "data": {"image": "IMG_ENC00001_00001.png"}}])
    brushes = [one["value"]["brushlabels"] for one in found["result"] if one["type"] == "brushlabels"]
    assert brushes == [["naevus"]]


def test_exported_tasks_get_outlines_and_the_first_photos_task_the_answers(
    client: TestClient, queue: ReadQueue, predictor: FakePredictor, tmp_path: Path
) -> None:
    write_export(queue.reviews, queue.cases, "label-studio", tmp_path / "out")
    tasks = json.loads((tmp_path / "out" / "label_studio.json").read_text(encoding="utf-8"))
    found = _ask(client, tasks)
    assert len(found) == len(tasks)
    for task, prediction in zip(tasks, found, strict=True):
        kinds = {result["from_name"] for result in prediction["result"]}
        first = task["data"]["magic_demo"]["position"] == 0
        assert "lesion" in kinds and ("CQID010" in kinds) is first
        assert prediction["model_version"] == "fake"
    assert len(predictor.asked) == len({task["data"]["magic_demo"]["case_id"] for task in tasks})


def test_a_task_is_found_by_its_pictures_name_and_no_address_is_fetched(client: TestClient) -> None:
    names = [
        "/data/local-files/?d=cases/images/IMG_ENC00001_00001.png",
        "https://example.org/a%20folder/IMG_ENC00001_00001.jpg",
    ]
    for address in names:
        assert name_photo({"data": {"image": address}}) == "IMG_ENC00001_00001"
        (found,) = _ask(client, [{"id": 1, "data": {"image": address}}])
        assert found["result"]


def test_a_photo_that_two_cases_share_is_of_the_case_that_the_task_names_else_of_the_first(
    queue: ReadQueue, predictor: FakePredictor
) -> None:
    first, second, *others = queue.cases
    shared = first.photo_files[0]
    cases = [first, replace(second, photo_files=(*second.photo_files, shared)), *others]
    client = TestClient(Backend(predictor, cases, load_challenge()).app())
    own = {"photo_id": shared.photo_id}
    for named, asked in ((second.encounter_id, second), (first.encounter_id, first), (None, first)):
        task = {"data": {OWN: own if named is None else {**own, "case_id": named}}}
        (found,) = _ask(client, [task])
        answers = [one for one in found["result"] if one["from_name"].startswith("CQID")]
        assert found["score"] == 1 and bool(answers) is (asked is first), (
            "a case's first photo has its answers"
        )
        assert asked.encounter_id in [encounter.encounter_id for encounter, *_ in predictor.asked]
    (found,) = _ask(client, [{"data": {OWN: {**own, "case_id": "ENC09999"}}}])
    assert found["result"] == [], "of a case that is not here"


@pytest.mark.parametrize(
    "task", [{}, {"data": None}, {"data": {"image": "../../etc/passwd"}}, {"data": {"image": 3}}]
)
def test_a_task_of_another_photo_gets_an_empty_prediction(client: TestClient, task: dict[str, Any]) -> None:
    (found,) = _ask(client, [task])
    assert found["result"] == [] and found["score"] == 0


@pytest.mark.parametrize("body", [b"no json", b"[]", b'{"tasks": {}}', b'{"tasks": [1]}', b"[" * 100_000])
def test_what_label_studio_would_not_send_is_refused_in_one_line(client: TestClient, body: bytes) -> None:
    refused = client.post("/predict", content=body)
    assert refused.status_code == 400 and "\n" not in refused.json()["error"]


def test_predictions_are_kept_for_a_few_cases(queue: ReadQueue, predictor: FakePredictor) -> None:
    backend = Backend(predictor, queue.cases, load_challenge())
    task = {"data": {"image": "IMG_ENC00001_00001.png"}}
    assert backend.predict_task(task) == backend.predict_task(task)
    assert len(predictor.asked) == 1 and len(backend._kept) <= KEPT


def test_with_a_password_nobody_else_is_answered(queue: ReadQueue, predictor: FakePredictor) -> None:
    client = TestClient(Backend(predictor, queue.cases, load_challenge(), password="secret").app())
    assert client.get("/health").status_code == 200
    for path in ("/predict", "/setup", "/webhook"):
        assert client.post(path, json={"tasks": []}).status_code == 401
        assert client.post(path, json={"tasks": []}, auth=("magic-demo", "wrong")).status_code == 401
        assert client.post(path, json={"tasks": []}, auth=("magic-demo", "secret")).status_code in (200, 201)


def test_the_command_prints_the_interface_and_wants_a_password_for_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["label-studio", "--interface"]) == 0
    assert capsys.readouterr().out == make_config(load_challenge())
    assert main(["label-studio", str(tmp_path), "--host", "0.0.0.0"]) == 1
    assert "--password-file" in capsys.readouterr().err
    assert main(["label-studio"]) == 1
    assert "name the folder of the cases" in capsys.readouterr().err
