"""The audience board over HTTP: what is taken, what is refused, and that a room full of browsers is
served."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import cv2
import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from magic_demo.core.errors import CheckpointError
from magic_demo.core.types import LANGUAGES
from magic_demo.page.server.gate.gate import list_gates
from magic_demo.page.session.inference.source import PredictorSource
from magic_demo.page.workshop.board.pages import draw_code, encode_jpeg
from magic_demo.page.workshop.board_page import LIMITS, find_address, list_board_routes
from magic_demo.questions.families import load_challenge, load_families
from magic_demo.synthetic.bundled import load_examples
from tests.support.stand_ins import stand_in_predictor

FAMILIES = load_families()
EXAMPLES = load_examples()


def make_client(load: Callable[[], Any], host: str = "127.0.0.1") -> TestClient:
    source = PredictorSource(load)
    source.start()
    routes = list_board_routes(source, EXAMPLES, load_challenge(), host)
    return TestClient(
        Starlette(routes=routes, middleware=list_gates(None, host)),
        base_url="http://127.0.0.1:7860",
    )


@pytest.fixture
def client() -> Iterator[TestClient]:
    with make_client(stand_in_predictor) as client:
        yield client


def post(client: TestClient, what: str, **fields: object) -> dict[str, Any]:
    answer = client.post(f"/board/{what}", json=fields)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def open_room(client: TestClient) -> dict[str, str]:
    opened = post(client, "open")
    return {"code": opened["code"], "key": opened["key"]}


def join(client: TestClient, room: dict[str, str]) -> dict[str, str]:
    return {"code": room["code"], **post(client, "join", code=room["code"])}


def wait_for(holds: Callable[[], bool]) -> None:
    """Ask again and again, as often as the pages do for a room full of them; fail where it does not become
    true."""
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.2)


def reveal(client: TestClient, room: dict[str, str]) -> dict[str, Any]:
    """Reveal the model, and wait until it has looked at the case."""
    shown = post(client, "reveal", **room)
    end = time.monotonic() + 20
    while shown["model_state"] == "waiting" and time.monotonic() < end:
        shown = post(client, "stand", **room)
    return shown


def test_answers_move_the_plot_and_the_model_is_hidden_until_it_is_revealed(client: TestClient) -> None:
    room = open_room(client)
    seats = [join(client, room) for _ in range(3)]
    for seat, option in zip(seats, (1, 1, 2), strict=True):
        assert post(client, "answer", **seat, case=0, index=0, option=option)["own"] == option
    shown = post(client, "stand", **room)
    assert shown["counts"] == [0, 2, 1, 0] and shown["answered"] == shown["present"] == 3
    assert shown["agreement"] == pytest.approx(1 / 3)
    assert shown["model"] is None and shown["with_model"] is None
    shown = reveal(client, room)
    chosen = shown["model"]["chosen"]
    assert len(shown["model"]["shares"]) == 4 and len(chosen) == 1
    assert shown["with_model"] == pytest.approx(shown["counts"][chosen[0]] / 3)
    answer = client.post("/board/answer", json={**seats[0], "case": 0, "index": 0, "option": 0})
    assert (answer.status_code, answer.json()["reason"]) == (409, "closed")


def test_a_participant_hears_nothing_of_others_and_nothing_of_the_model(client: TestClient) -> None:
    room = open_room(client)
    seat = join(client, room)
    assert post(client, "sit", **seat) == {"case": 0, "index": 0, "open": True, "own": None}
    assert (
        client.post("/board/stand", json={"code": room["code"], "key": seat["participant"]}).status_code
        == 404
    )


def test_a_model_that_cannot_be_loaded_is_said_to_have_no_answer() -> None:
    def fail() -> None:
        raise CheckpointError("no such folder")

    with make_client(fail) as client:
        room = open_room(client)
        shown = reveal(client, room)
        assert (shown["model_state"], shown["model"]) == ("failed", None)


def test_thirty_browsers_on_one_computer_join_answer_and_are_counted(client: TestClient) -> None:
    room = open_room(client)
    options = [len(family.options["en"]) for family in FAMILIES]

    def shows(what: str, asked: dict[str, str], name: str, value: object) -> bool:
        return bool(post(client, what, **asked)[name] == value)

    def take_part(number: int) -> list[int]:
        seat = join(client, room)
        answered = []
        for index in range(3):
            wait_for(partial(shows, "sit", seat, "index", index))
            option = number % options[index]
            post(client, "answer", **seat, case=0, index=index, option=option)
            answered.append(option)
        return answered

    with ThreadPoolExecutor(30) as pool:
        people = [pool.submit(take_part, number) for number in range(30)]
        for index in range(3):
            expected = [
                sum(number % options[index] == option for number in range(30))
                for option in range(options[index])
            ]
            wait_for(partial(shows, "stand", room, "counts", expected))
            assert post(client, "turn", **room, case=0, index=index + 1)["present"] == 30
        assert all(
            person.result(30) == [number % options[index] for index in range(3)]
            for number, person in enumerate(people)
        )


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://elsewhere.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:7861"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_what_another_sites_page_sends_is_refused(client: TestClient, headers: dict[str, str]) -> None:
    answer = client.post("/board/open", json={}, headers=headers)
    assert answer.status_code == 403 and "another site" in answer.text


def test_the_boards_own_page_may_send(client: TestClient) -> None:
    headers = {"Origin": "http://127.0.0.1:7860", "Sec-Fetch-Site": "same-origin"}
    assert client.post("/board/open", json={}, headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/plain", b"{}"),
        ("application/x-www-form-urlencoded", b"code=1"),
        ("application/json", b"{"),
        ("application/json", b"[]"),
        ("application/json", b"\xff\xfe"),
        ("application/json", b"[" * 1000),
        ("application/json", json.dumps({"code": "1" * 2000}).encode()),
        ("application/json", b'{"code": 1234}'),
        ("application/json", b'{"code": null}'),
        ("application/json", b"{}"),
    ],
)
def test_what_is_no_small_json_object_with_the_fields_is_refused_in_one_line(
    client: TestClient, kind: str, body: bytes
) -> None:
    answer = client.post("/board/join", content=body, headers={"Content-Type": kind})
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert answer.json()["reason"] == "invalid" and error.keys() == {"en", "zh"}
    assert not any("\n" in line for line in error.values())


@pytest.mark.parametrize(
    "wrong",
    [{"option": 4}, {"option": -1}, {"option": True}, {"option": "1"}, {"option": 1.5}, {"option": None}],
)
def test_options_that_do_not_exist_change_nothing(client: TestClient, wrong: dict[str, object]) -> None:
    room = open_room(client)
    seat = join(client, room)
    assert client.post("/board/answer", json={**seat, "case": 0, "index": 0, **wrong}).status_code == 400
    assert post(client, "stand", **room)["answered"] == 0


def test_codes_cannot_be_guessed_at_leisure(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    burst, refill = LIMITS["join"]
    assert 0 < refill <= 2, "a second"
    monkeypatch.setitem(LIMITS, "join", (burst, 0))  # else a slow machine's bucket fills again meanwhile
    client = request.getfixturevalue("client")
    said = [client.post("/board/join", json={"code": "0000"}).status_code for _ in range(int(burst) + 1)]
    assert said == [404] * int(burst) + [429]


def test_a_closed_room_is_gone_for_everybody(client: TestClient) -> None:
    room = open_room(client)
    seat = join(client, room)
    assert post(client, "close", **room) == {}
    assert client.post("/board/sit", json=seat).json()["reason"] == "gone"
    assert client.post("/board/stand", json=room).status_code == 404


@pytest.mark.parametrize("path", ["/board", "/join"])
def test_the_pages_name_every_question_and_option_in_both_languages_and_load_nothing_from_elsewhere(
    client: TestClient, path: str
) -> None:
    answer = client.get(path)
    assert answer.status_code == 200 and "default-src 'none'" in answer.headers["content-security-policy"]
    for family in FAMILIES:
        for language in LANGUAGES:
            assert all(
                option in answer.text
                for option in (family.questions[0].text[language], *family.options[language])
            )
    assert "[[" not in answer.text and "@QUESTIONS@" not in answer.text
    assert "http://" not in answer.text and "https://" not in answer.text


def test_photos_of_the_bundled_cases_are_served_and_no_others(client: TestClient) -> None:
    answer = client.get("/board/photos/1/0.jpg")
    assert (
        answer.content == encode_jpeg(EXAMPLES[1].encounter.photos[0])
        and answer.headers["content-type"] == "image/jpeg"
    )
    assert client.get("/board/photos/1/9.jpg").status_code == 404
    assert client.get("/board/photos/99/0.jpg").status_code == 404


def _scan(drawing: str) -> str:
    """Return what a phone reads: the drawn modules, light ones around them as many as the standard asks for."""
    side = int(re.findall(r'viewBox="0 0 (\d+)', drawing)[0])
    pixels = np.full((side, side), 255, np.uint8)
    for column, row in re.findall(r"M(\d+) (\d+)h1v1h-1z", drawing):
        pixels[int(row), int(column)] = 0
    assert (pixels[:4] == 255).all() and (pixels[:, :4] == 255).all() and (pixels[4] == 0).any()
    return str(cv2.QRCodeDetector().detectAndDecode(pixels.repeat(8, axis=0).repeat(8, axis=1))[0])


def test_the_code_to_join_is_a_picture_of_the_address_alone(client: TestClient) -> None:
    answer = client.get("/board/join.svg", params={"at": "http://192.0.2.7:7860/join#1234"})
    assert answer.headers["content-type"].startswith("image/svg+xml") and answer.text == draw_code(
        "http://192.0.2.7:7860/join#1234"
    )
    assert _scan(answer.text) == "http://192.0.2.7:7860/join#1234"
    assert _scan(draw_code("http://192.0.2.7:7860/join#1235")) == "http://192.0.2.7:7860/join#1235"
    for address in ("javascript:alert(1)", "", "http://" + "a" * 200):
        assert client.get("/board/join.svg", params={"at": address}).status_code == 400


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.0.0.5"])
def test_a_server_for_this_computer_alone_says_so(host: str) -> None:
    assert find_address(host) is None
    with make_client(stand_in_predictor, host) as client:
        assert post(client, "open")["alone"] is True


def test_a_server_for_the_network_names_its_address() -> None:
    assert find_address("192.0.2.7") == "192.0.2.7"
    found = find_address("0.0.0.0")
    assert found is None or found.count(".") == 3
    with make_client(stand_in_predictor, "0.0.0.0") as client:
        assert post(client, "open")["alone"] is False


@pytest.mark.long
def test_models_that_are_never_loaded_do_not_keep_the_program_from_its_end() -> None:
    code = """if True:
        from magic_demo.synthetic.bundled import load_examples
        from magic_demo.page.workshop.board.answers import ModelAnswers
        from magic_demo.page.session.inference.source import PredictorSource
        from magic_demo.questions.families import load_challenge

        encounters = [example.encounter for example in load_examples()]
        models = ModelAnswers(PredictorSource(lambda: None), encounters, load_challenge())
        models.ask(0)
        print(models.look(0)[0])
    """
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, "waiting"), done.stderr
