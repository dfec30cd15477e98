"""No door is open that nobody asked for, none opens without a token, and every refusal is a word and a line."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from gradio.routes import App
from starlette.applications import Starlette
from starlette.routing import BaseRoute
from starlette.testclient import TestClient

from magic_demo.__main__ import main
from magic_demo.commands.serve import open_api
from magic_demo.page.build import Desk, PredictorSource, build_app, launch_settings, list_routes
from magic_demo.page.server.gate import programs
from magic_demo.page.server.gate.gate import list_gates
from magic_demo.page.server.gate.programs import API, PROGRAM_DOORS
from magic_demo.reviews.store import Store
from tests.api.doors import Doors, open_doors
from tests.support.fake_predictor import FakePredictor
from tests.support.store.reviewed_cases import QUEUE

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


def list_described(doors: Doors) -> dict[str, set[str]]:
    described = doors.client.get(f"{API}/openapi.json").json()
    return {path: {method.upper() for method in methods} for path, methods in described["paths"].items()}


def fill(path: str) -> str:
    return re.sub(r"\{number\}", "1", re.sub(r"\{job\}", "thought-up", path))


def form(**fields: str) -> dict[str, Any]:
    """Return a form in parts, with the consent."""
    return {"files": [(name, (None, value)) for name, value in {"consent": "given", **fields}.items()]}


def error_of(answer: Any) -> str:
    """Return the word of a refusal, which has a word and a line and nothing else."""
    told = answer.json()
    assert set(told) == {"error"} and set(told["error"]) == {"key", "message"}, told
    assert told["error"]["message"].strip() and "Traceback" not in answer.text
    return str(told["error"]["key"])


def test_the_doors_are_shut_where_nobody_asked_for_them(doors: Doors) -> None:
    shut = Starlette(routes=list(doors.client.app.routes), middleware=list_gates(None, "127.0.0.1"))  # type: ignore[attr-defined]
    headers = {"Authorization": f"Bearer {doors.tokens['Wang']}"}
    with TestClient(shut, base_url="http://127.0.0.1:7860", headers=headers) as client:
        for path in ("", "/", "/openapi.json", "/mcp", *map(fill, list_described(doors))):
            for method in METHODS:
                assert client.request(method, API + path).status_code == 404, (method, path)


def test_the_description_names_every_door_and_no_other(doors: Doors) -> None:
    described = list_described(doors)
    doors_there = {
        (method, path)
        for methods, pattern, _ in PROGRAM_DOORS
        for method in methods.split()
        for path in described
        if re.fullmatch(pattern, fill(path))
    }
    assert doors_there == {(method, path) for path, methods in described.items() for method in methods}
    for _, pattern, _ in PROGRAM_DOORS:
        assert pattern == "/openapi.json" or any(re.fullmatch(pattern, fill(path)) for path in described), (
            pattern
        )


def test_nothing_but_the_description_opens_without_a_token(tmp_path: Path) -> None:
    with open_doors(tmp_path) as doors:
        for path, methods in list_described(doors).items():
            for method in methods:
                answer = doors.ask("", method, fill(path))
                assert (answer.status_code, error_of(answer)) == (401, "no_token"), path


def test_a_token_that_was_revoked_or_whose_reader_is_gone_opens_nothing(tmp_path: Path) -> None:
    with open_doors(tmp_path) as doors:
        assert doors.ask("Li", "GET", "/queues").status_code == 200
        doors.store.revoke_token(doors.numbers["Li"])
        assert error_of(doors.ask("Li", "GET", "/queues")) == "no_token"
        assert doors.store.revoke_token(doors.numbers["Li"]).revoked
        assert error_of(doors.ask("Li", "GET", "/queues")) == "no_token", "whoever revokes it once more"
        doors.store.remove_reader("Bo")
        assert error_of(doors.ask("Bo", "GET", "/queues")) == "no_token"
        doors.store.add_reader("Bo", role="adjudicator")
        assert error_of(doors.ask("Bo", "GET", "/queues")) == "no_token", (
            "a reader who comes back needs a new one"
        )


def test_a_token_asks_only_so_often(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "ASKED_AT_ONCE", (3, 0))
    with open_doors(tmp_path) as doors:
        answers = [doors.ask("Li", "GET", "/queues") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert error_of(answers[-1]) == "too_many" and answers[-1].headers["Retry-After"]
        assert doors.ask("Wang", "GET", "/queues").status_code == 200
        doors.tokens["Li"], _ = doors.store.make_token("Li", "another program")
        assert doors.ask("Li", "GET", "/queues").status_code == 200, "of each token"


@pytest.mark.parametrize(
    ("addresses", "last"),
    [
        (("2001:db8::1", "2001:db8::2", "2001:db8::3"), 429),
        (("2001:db8::1", "2001:db8::2", "2001:db8:0:1::3"), 401),
        (("192.0.2.1", "::ffff:192.0.2.1", "192.0.2.1"), 429),
        (("192.0.2.1", "192.0.2.1", "192.0.2.2"), 401),
    ],
)
def test_a_network_that_one_household_has_guesses_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, addresses: tuple[str, ...], last: int
) -> None:
    monkeypatch.setattr(programs, "WRONG_AT_ONCE", (2, 0))
    with open_doors(tmp_path) as doors:
        said = [
            TestClient(doors.client.app, base_url="http://127.0.0.1:7860", client=(address, 1))
            .get(f"{API}/queues")
            .status_code
            for address in addresses
        ]
    assert said == [401, 401, last]


def test_who_guesses_tokens_is_slowed_down_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "WRONG_AT_ONCE", (2, 0))
    with open_doors(tmp_path) as doors:
        doors.tokens["Pat"] = "mdt_thought-up"
        assert [doors.ask(who, "GET", "/queues").status_code for who in ("", "Pat", "Pat", "Bo")] == [
            401,
            401,
            429,
            200,
        ]


def test_other_methods_are_named(doors: Doors) -> None:
    for path, methods in list_described(doors).items():
        for method in set(METHODS) - methods - {"HEAD"}:
            answer = doors.ask("Wang", method, fill(path))
            assert (answer.status_code, error_of(answer)) == (405, "no_such_method")
            assert set(answer.headers["Allow"].split(", ")) == methods


@pytest.mark.parametrize(
    ("method", "path", "sent", "status", "key"),
    [
        ("GET", "/nowhere", {}, 404, "not_found"),
        ("GET", "/mcp", {}, 404, "not_found"),
        ("GET", "/cases", {}, 400, "invalid"),
        ("GET", "/cases?queue=nowhere", {}, 404, "no_queue"),
        ("GET", f"/cases?queue={QUEUE}&limit=100000", {}, 400, "invalid"),
        ("GET", f"/reviews?queue={QUEUE}&case=nobody", {}, 404, "no_case"),
        ("GET", "/reviews/999", {}, 404, "no_review"),
        ("GET", "/jobs/thought-up", {}, 404, "no_job"),
        ("DELETE", "/jobs/thought-up", {}, 404, "no_job"),
        ("POST", "/predictions", form(), 409, "nothing_to_predict"),
        ("POST", "/predictions", form(narrative=" "), 409, "nothing_to_predict"),
        ("POST", "/predictions", form(consent="no", narrative="spots"), 400, "invalid"),
        ("POST", "/predictions", form(narrative="x" * 20_000), 400, "invalid"),
        ("POST", "/predictions", form(narrative="x" * 200_000), 400, "invalid"),
        ("POST", "/predictions", form(narrative="spots", other="1"), 400, "invalid"),
        ("POST", "/predictions", form(photos="no file"), 400, "invalid"),
        ("POST", "/predictions", form(**{f"other{number}": "" for number in range(20)}), 400, "invalid"),
        (
            "POST",
            "/predictions",
            {"files": [("photos", ("arm.png", b""))], "data": {"consent": "given"}},
            400,
            "invalid",
        ),
        (
            "POST",
            "/predictions",
            {"files": [("photos", ("a", b"x"))] * 25, "data": {"consent": "given"}},
            400,
            "invalid",
        ),
        (
            "POST",
            "/predictions",
            {"files": [("narrative", ("a", b"x"))], "data": {"consent": "given"}},
            400,
            "invalid",
        ),
        ("POST", "/predictions", {"json": {"narrative": "spots"}}, 415, "wrong_type"),
        ("POST", "/predictions", {"data": {"narrative": "spots"}}, 415, "wrong_type"),
        (
            "POST",
            "/predictions",
            {"content": b"x", "headers": {"Content-Type": "multipart/form-data"}},
            400,
            "invalid",
        ),
        (
            "POST",
            "/exports",
            {"content": b"{", "headers": {"Content-Type": "application/json"}},
            400,
            "invalid",
        ),
        ("POST", "/exports", {"json": [1]}, 400, "invalid"),
        ("POST", "/exports", {"json": {"queue": "x" * 1_000_000, "format": "csv"}}, 413, "too_large"),
        ("POST", "/exports", {"files": {"photos": b"x"}}, 415, "wrong_type"),
        ("POST", "/exports", {"json": {"queue": QUEUE, "format": "scroll"}}, 400, "invalid"),
        ("GET", "/queues", {"headers": {"Origin": "http://elsewhere.example"}}, 403, "forbidden"),
        ("GET", "/queues", {"headers": {"Sec-Fetch-Site": "cross-site"}}, 403, "forbidden"),
    ],
)
def test_what_cannot_be_answered_is_said_in_a_word_and_a_line(
    doors: Doors, method: str, path: str, sent: dict[str, Any], status: int, key: str
) -> None:
    answer = doors.ask("Wang", method, path, **sent)
    assert (answer.status_code, error_of(answer)) == (status, key)


def test_a_fault_is_told_without_what_it_says(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError("the patient's words")

    monkeypatch.setattr(doors.store, "queues", fail)
    answer = doors.ask("Wang", "GET", "/queues")
    assert (answer.status_code, error_of(answer)) == (500, "fault") and "words" not in answer.text


def test_a_token_is_shown_once_and_kept_as_a_digest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = ["--store", str(tmp_path / "store")]
    assert main(["readers", "token", "pipe", "--role", "adjudicator", "--program", "nightly", *place]) == 0
    words = capsys.readouterr().out.strip()
    with Store.open(tmp_path / "store") as store:
        token = store.find_token(words)
        assert token is not None and (token.reader.name, token.reader.role) == ("pipe", "adjudicator")
        assert not store.needs_sign_in(), "a program's reader is nobody who signs in"
        assert [entry.what for entry in store.trail()] == ["token made", "reader added"]
    assert words.encode() not in b"".join(path.read_bytes() for path in (tmp_path / "store").iterdir())
    assert main(["readers", "tokens", *place]) == 0
    assert "valid  nightly" in (listed := capsys.readouterr().out) and words not in listed
    assert main(["readers", "token", "pipe", "--role", "reader", *place]) == 1
    assert "'pipe' is there with the role adjudicator" in capsys.readouterr().err
    assert main(["readers", "revoke", "1", *place]) == main(["readers", "tokens", *place]) == 0
    assert capsys.readouterr().out.endswith("no token\n")
    assert main(["readers", "revoke", "7", *place]) == 1


def test_the_whole_page_has_the_doors_where_they_are_asked_for_and_nothing_more_of_gradios(
    tmp_path: Path,
) -> None:
    with Store.open(tmp_path / "store") as store:
        words, _ = store.make_token("local", "a test")
        desk, source = Desk(store), PredictorSource(FakePredictor)
        routes: list[BaseRoute] = [*list_routes(source, [], desk)]
        programs = open_api(desk, source, routes, tools=False)
        gates = list_gates(None, "127.0.0.1", desk.signing_in, programs)
        app = build_whole_page(source, desk, launch_settings(routes, gates)["app_kwargs"])
        headers = {"Authorization": f"Bearer {words}"}
        with TestClient(app, base_url="http://127.0.0.1:7860", headers=headers) as client:
            assert client.get(f"{API}/queues").json() == {"queues": [], "role": "reader"}
            assert client.get("/alive").status_code == 200
            for path in (
                "/config",
                "/gradio_api/info",
                "/gradio_api/openapi.json",
                "/gradio_api/call/predict",
            ):
                assert client.get(path).status_code == 404, f"gradio_client finds {path}"
            assert client.get(f"{API}/queues", headers={"Host": "elsewhere.example"}).status_code == 421


def build_whole_page(source: PredictorSource, desk: Desk, settings: dict[str, Any]) -> App:
    async def build() -> App:
        blocks = build_app(source, [], desk)
        blocks.share, blocks.max_file_size, blocks.enable_monitoring = False, None, False
        blocks.run_history = False
        return App.create_app(blocks, app_kwargs=settings)

    return asyncio.run(build())
