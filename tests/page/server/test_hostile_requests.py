"""What a hostile browser sends: nothing of it is in the log, none of it ends in a traceback, and nothing that
two parsers read differently goes on."""

from __future__ import annotations

import asyncio
import inspect
import json
import random
import re
import time
from collections.abc import Iterator

import gradio as gr
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from magic_demo.page.build import Desk, PredictorSource, build_app
from magic_demo.page.server.gate.doors import DOORS
from magic_demo.page.server.gate.gate import BROWSER_COOKIE, list_gates
from magic_demo.page.server.requests.parameters import RefusedError
from magic_demo.page.server.requests.payloads import MASK, PAYLOADS, SMALL, find_payload, read_event
from tests.support.hostile.hostile_events import Hostile
from tests.support.live_page import LivePage
from tests.support.stand_ins import stand_in_predictor


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LivePage]:
    live = LivePage(tmp_path_factory.mktemp("live"))
    yield live
    live.stop()


def test_no_field_of_an_event_is_left_untried(page: LivePage) -> None:
    fields = {name for payload in PAYLOADS.values() for name in payload.fields}
    assert fields - set(Hostile(page).whole) == set()


@pytest.mark.long
def test_no_event_ends_in_a_traceback_or_logs_what_it_brings(page: LivePage) -> None:
    hostile, chance = Hostile(page), random.Random(3)
    sent = [(chance.choice(("run/predict", "queue/join")), body) for body in hostile.bodies(chance)]
    answers = [(hostile.post(body, way), way, body) for way, body in sent]
    time.sleep(0.5)  # what waits in the queue is dealt with
    assert hostile.find_faults() == []
    wrong = [
        (status, way, str(body)[:300]) for status, way, body in answers if status not in (200, 400, 404, 413)
    ]
    assert wrong == []
    assert sum(status == 200 for status, _, _ in answers) > 40, "whole ones are answered"


def test_every_event_whose_payload_is_read_has_a_line_and_no_other_has() -> None:
    async def build() -> gr.Blocks:
        return build_app(PredictorSource(stand_in_predictor), [], Desk())

    app = asyncio.run(build())
    reads = {
        number: any(
            "EventData" in str(one.annotation) for one in inspect.signature(event.fn).parameters.values()
        )
        for number, event in app.fns.items()
        if event.fn is not None
    }
    assert {number: find_payload(app, number) is not None for number in reads} == reads
    found = {
        (str(app.blocks[target].elem_id), kind)
        for event in app.fns.values()
        for target, kind in event.targets
        if target in app.blocks
    }
    assert set(PAYLOADS) <= found, "these are gone"


class OnePage:
    """A page of two events without a server: an outline is sent as 0, a note as 1."""

    class Event:
        inputs: tuple[object, ...] = ()

        def __init__(self, target: int, name: str) -> None:
            self.targets = [(target, name)]

    class Block:
        def __init__(self, elem_id: str) -> None:
            self.elem_id = elem_id

    def __init__(self) -> None:
        self.fns = {0: self.Event(10, "mask"), 1: self.Event(11, "note")}
        self.blocks = {10: self.Block("viewer"), 11: self.Block("review-form")}


def write(number: int, payload: object, **more: object) -> bytes:
    return json.dumps(
        {"fn_index": number, "session_hash": "a", "data": [], "event_data": payload, **more}
    ).encode()


def refuse(body: bytes) -> int:
    with pytest.raises(RefusedError) as refused:
        read_event(body, OnePage())
    assert refused.value.__cause__ is None and "\n" not in str(refused.value)
    return refused.value.status


def test_a_body_is_as_large_as_its_event_may_be_before_anybody_parses_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runs = [4] * 900_000  # a row of 2048 crossed 440 times
    event, handed_on = read_event(write(0, {"runs": runs, "photo": "a"}), OnePage())
    assert event["event_data"]["runs"] == runs and json.loads(handed_on) == event
    monkeypatch.setattr(json, "loads", lambda *_, **__: pytest.fail("it was parsed"))
    assert refuse(write(1, {"comment": "x" * SMALL.size})) == 413
    assert refuse(write(0, {"runs": "x" * MASK.size})) == 413
    assert refuse(write(0, {"runs": [1] * (MASK.items + 10)})) == 400
    assert refuse(write(0, {"runs": [[]] * 1_000_000})) == 400
    assert refuse(b'{"session_hash": "a", "event_data": ' + b"[" * 30 + b"]" * 30 + b"}") == 400
    for large in (
        b"[" + b"[]," * 10_000_000 + b"[]]",
        b'["' + b'\\"' * 15_000_000 + b'"]',
        b"[" + b'"",' * 10_000_000 + b'""]',
    ):
        assert refuse(large) == 413, "30 MB of lists held everybody for 9 seconds"


def test_who_names_a_large_event_and_sends_another_is_refused() -> None:
    assert refuse(write(1, {"comment": "x" * SMALL.size, "fn_index": 0})) == 413, (
        "two events are named: none is"
    )
    hidden = write(1, {"comment": "x" * SMALL.size, "a": {"fn_index": 0}}).replace(
        b'{"fn_index": 1', b'{"fn_\\u0069ndex": 1'
    )
    assert refuse(hidden) == 400


@pytest.mark.parametrize(
    "body",
    [
        b'{"session_hash": "a", "session_hash": "b", "fn_index": 1, "data": [], "event_data": {}}',
        b'{"session_hash": "a", "session_h\\u0061sh": "b", "fn_index": 1, "data": [], "event_data": {}}',
        b'{"session_hash": "a", "fn_index": 1, "data": [], "event_data": {"of": {"reader": "Ann", '
        b'"reader": "Bo"}}}',
        b'{"session_hash": "a", "fn_index": 1, "data": [], "event_data": {"seconds": NaN}}',
        b'{"session_hash": "a", "fn_index": 1, "data": [], "event_data": {"seconds": 1e400}}',
        b'{"session_hash": "a", "fn_index": 1, "data": [], "event_data": {"seconds": ' + b"9" * 5000 + b"}}",
        b'\xef\xbb\xbf{"session_hash": "a", "fn_index": 1, "data": [], "event_data": {}}',
        '{"session_hash": "a", "fn_index": 1, "data": [], "event_data": {}}'.encode("utf-16"),
        b'{"session_hash": "a", "fn_index": 1, "data": [], "event_data": {"comment": "\xff"}}',
        b'{"session_hash": "a", "fn_index": 1, "data": [], "event_data": {"comment": {}}}',
        b'{"session_hash": "a", "fn_index": 1, "data": [], "event_data": null}',
        b'{"session_hash": "a", "fn_index": 1, "data": ["more"], "event_data": {}}',
        b'{"session_hash": "a", "fn_index": 1, "data": [], "event_data": {}} {}',
    ],
    ids=range(13),
)
def test_a_body_that_two_parsers_could_read_differently_is_refused(body: bytes) -> None:
    assert refuse(body) == 400


def test_what_goes_on_is_what_was_read() -> None:
    body = (
        b'{"fn_index": 1, "session_hash": "a", "data": [], "event_data": {"comment": "half \\ud83d", '
        b'"new": 1}, "batched": true}'
    )
    event, handed_on = read_event(body, OnePage())
    assert event["event_data"] == {"comment": "half \ufffd"} and "batched" not in event
    assert json.loads(handed_on) == event


SAMPLES = {
    "/page/.+": "/page/panels/frame/theme/theme.css",
    "/(assets|static)/.+": "/assets/a.js",
    "/board/photos/.+": "/board/photos/0/0.jpg",
}


def find_sample(pattern: str) -> str:
    """Return an address that a door's pattern names."""
    path = SAMPLES.get(pattern, pattern)
    path = re.sub(r"\(([^|)]+)[^)]*\)", r"\1", path)
    return path.replace("[a-z-]+", "csv").replace("[^/]+", "a").replace("\\", "")


@pytest.fixture(scope="module")
def echo() -> Iterator[TestClient]:
    """Give a client of a server that answers every address with what it was handed, behind the page's
    gates."""

    async def say(request: Request) -> Response:
        said = {
            "query": request.url.query,
            "cookies": request.cookies,
            "body": (await request.body()).decode(),
        }
        return JSONResponse(said)

    methods = ["GET", "POST", "HEAD"]
    app = Starlette(
        routes=[Route("/{path:path}", say, methods=methods)], middleware=list_gates(None, "127.0.0.1")
    )
    with TestClient(
        app, base_url="http://127.0.0.1:7860", headers={"Cookie": f"{BROWSER_COOKIE}=mine"}
    ) as client:
        yield client


FORM = ("application/x-www-form-urlencoded", b"name=ann")
BODIES = {"/sign-in": FORM, "/oversight": FORM, "/learning": FORM, "/photos": ("image/png", b"x")}
JSON_BODY = (
    "application/json",
    json.dumps(
        {"session_hash": "a", "fn_index": 0, "event_id": "x", "data": [], "event_data": None}
    ).encode(),
)


@pytest.mark.parametrize(
    ("methods", "pattern"),
    [(methods, pattern) for methods, pattern, _ in DOORS],
    ids=[door[1] for door in DOORS],
)
def test_every_route_refuses_what_came_twice_or_can_be_read_in_two_ways(
    echo: TestClient, methods: str, pattern: str
) -> None:
    path = find_sample(pattern)
    assert re.fullmatch(pattern, path)
    for method in methods.split():
        kind, body = BODIES.get(path, JSON_BODY) if method == "POST" else ("", b"")

        def ask(
            query: str = "session_hash=a",
            headers: tuple[tuple[str, str], ...] = (),
            kind: str = kind,
            body: bytes = body,
            method: str = method,
        ) -> int:
            given = [*headers, *([("content-type", kind)] if kind else [])]
            return echo.request(method, f"{path}?{query}", headers=given, content=body or None).status_code

        assert ask() == 200
        for query in (
            "a=1&a=2",
            "session_hash=a&session_hash=b",
            "session_hash=a&SESSION_HASH=b",
            "session_hash=a&%73ession_hash=b",
        ):
            assert ask(query) == 400, query
        for query in (
            "session_hash=a;b=1",
            "session_hash=a&b=%zz",
            "session_hash=a&b=%ff",
            "session_hash=a&b=%",
        ):
            assert ask(query) == 400, query
        for name in ("x-forwarded-proto", "origin", "sec-fetch-site", "x-anything"):
            assert ask(headers=((name, "a"), (name, "b"))) == 400, name
        assert ask(headers=(("cookie", f"{BROWSER_COOKIE}=a; {BROWSER_COOKIE}=b"),)) == 400
        assert ask(headers=(("cookie", f"{BROWSER_COOKIE}=a"), ("cookie", "b=1"))) == 400
        assert ask(headers=(("cookie", f"{BROWSER_COOKIE}=mine; other=a; other=b"),)) == 200, (
            "of other programs on this computer"
        )
        assert ask(headers=(("x-forwarded-for", "192.0.2.1"), ("x-forwarded-for", "192.0.2.2"))) == 200, (
            "each proxy adds a line"
        )
        assert ask(headers=(("content-encoding", "gzip"),)) == 415
        assert ask(kind="multipart/form-data; boundary=a") == 415
        assert ask(headers=(("transfer-encoding", "chunked"), ("content-length", "1"))) == 400
        if method != "POST":
            assert ask(body=b"more") == 400
        elif kind == "application/json":
            for twice in (
                b'{"a": 1, "a": 2}',
                b'{"a": {"b": 1, "\\u0062": 2}}',
                body[:-1] + b', "session_hash": "b"}',
                b"\xef\xbb\xbf" + body,
                b"",
            ):
                assert ask(body=twice) == 400, twice
            for kind in (
                "",
                "text/plain",
                "application/json; charset=utf-16",
                "application/x-www-form-urlencoded",
            ):
                assert ask(kind=kind) == 400, kind
        elif path == "/sign-in":
            for twice in (b"name=a&name=b", b"name=a&%6eame=b", b"name=a;password=b", b"name=%ff"):
                assert ask(body=twice) == 400, twice


def test_cookies_of_other_programs_go_no_further(echo: TestClient) -> None:
    said = echo.get(
        "/?a=1%202&b=%E6%89%8B", headers={"Cookie": f"_xsrf=a; {BROWSER_COOKIE}=mine; _xsrf=b"}
    ).json()
    assert said["cookies"] == {BROWSER_COOKIE: "mine"} and said["query"] == "a=1+2&b=%E6%89%8B"
