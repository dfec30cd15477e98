"""What passes the gates: requests that the page sends, of this site, from the browser that began the session."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from magic_demo.core.limits import LIMITS
from magic_demo.page.server.gate.gate import BROWSER_COOKIE, Sessions, list_gates
from magic_demo.page.session.sign_in.sign_ins import COOKIE, SignIns
from magic_demo.reviews.store import Store

PASSWORD = "a long password"
SESSION = {"session_hash": "abc123"}


def echo(sign_ins: SignIns | None = None, host: str = "127.0.0.1") -> TestClient:
    """Return a client of a server that only says what it was asked, behind the page's gates."""

    async def say(request: Request) -> Response:
        return PlainTextResponse((await request.body())[:200])

    routes = [
        Route(path, say, methods=["GET", "POST"])
        for path in ("/", "/gradio_api/queue/join", "/gradio_api/queue/data")
    ]
    app = Starlette(routes=routes, middleware=list_gates(sign_ins, host))
    return TestClient(app, base_url="http://127.0.0.1:7860")


def ask(client: TestClient, session: object, cookies: Mapping[str, str] | None = None, **more: object) -> int:
    body = {"session_hash": session, "data": [], **more}
    client.cookies.clear()
    client.cookies.update(dict(cookies or {}))
    return client.post("/gradio_api/queue/join", json=body).status_code


def test_a_session_belongs_to_the_browser_that_began_it() -> None:
    client, mine, other = echo(), {BROWSER_COOKIE: "mine"}, {BROWSER_COOKIE: "other"}
    assert ask(client, "one", mine) == 200
    assert ask(client, "one", other) == ask(client, "one") == 403
    client.cookies.update(other)
    assert client.get("/gradio_api/queue/data?session_hash=one").status_code == 403
    assert client.get("/gradio_api/queue/data?session_hash=own").status_code == 200
    assert client.get("/gradio_api/queue/data").status_code == 400
    for twice in (
        "session_hash=own&session_hash=one",
        "session_hash=own&%73ession_hash=one",
        "session_hash=own;session_hash=one",
    ):
        assert client.get(f"/gradio_api/queue/data?{twice}").status_code == 400, (
            "the server would read the last"
        )
    assert ask(client, "own", mine) == 403


def test_a_session_stays_its_readers_who_signs_in_again(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.add_reader("Ann", password=PASSWORD)
        store.add_reader("Bo", password=PASSWORD)
        sign_ins = SignIns(store)
        keys = [str(sign_ins.enter(name, PASSWORD)) for name in ("Ann", "Ann", "Bo")]
        client = echo(sign_ins)
        assert [ask(client, "one", {COOKIE: key}) for key in keys] == [200, 200, 403]


def test_the_first_page_gives_a_browser_its_cookie_and_later_ones_none() -> None:
    with echo() as client:
        first = client.get("/").headers["set-cookie"]
        assert (
            first.startswith(BROWSER_COOKIE)
            and "HttpOnly" in first
            and "SameSite=Lax" in first
            and "Secure" not in first
        )
        assert "set-cookie" not in client.get("/").headers
        client.cookies.clear()
        assert "; Secure" in client.get("/", headers={"X-Forwarded-Proto": "https"}).headers["set-cookie"]


def test_sessions_that_are_forgotten_are_bounded() -> None:
    sessions = Sessions(most=2)
    assert all(sessions.belongs(name, "mine") for name in ("a", "b", "c"))
    assert not sessions.belongs("c", "other") and sessions.belongs("a", "other")


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400),
        (b"[]", 400),
        (b"{", 400),
        (b'"\\ud800"', 400),
        (b"[" * 100_000, 400),
        (b'{"data": []}', 400),
        (b'{"session_hash": 3, "data": []}', 400),
        (b'{"session_hash": "../x", "data": []}', 400),
        (b'{"session_hash": "' + b"a" * 65 + b'", "data": []}', 400),
        (
            b'{"session_hash": "a", "data": [{"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}]}',
            400,
        ),
        (
            b'{"session_hash": "a", "event_data": [[{"p\\u0061th": "http://a.example/", "meta": {"_type": '
            b'"gradio.FileData"}}]]}',
            400,
        ),
        (b'{"session_hash": "a", "data": [], "event_data": []}', 400),
        (b'{"session_hash": "a", "data": [], "event_data": "x"}', 400),
        (b'{"session_hash": "a", "data": ["' + b"x" * LIMITS.request_bytes + b'"]}', 413),
        (
            json.dumps({"session_hash": "a", "fn_index": 0, "data": ["words"], "event_data": None}).encode(),
            200,
        ),
    ],
    ids=range(15),
)
def test_what_is_no_request_of_the_page_is_refused_before_gradio_sees_it(content: bytes, status: int) -> None:
    with echo() as client:
        answer = client.post(
            "/gradio_api/queue/join", content=content, headers={"Content-Type": "application/json"}
        )
    assert answer.status_code == status
    assert status != 200 or answer.text == content.decode(), "what is passed on is what came"


def test_another_sites_page_may_link_here_and_nothing_else() -> None:
    with echo() as client:
        link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
        assert client.get("/", headers=link).status_code == 200
        assert (
            client.get("/", headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}).status_code
            == 403
        )
        assert client.post("/gradio_api/queue/join", json=SESSION, headers=link).status_code == 403
        assert (
            client.post(
                "/gradio_api/queue/join", json=SESSION, headers={"Origin": "http://127.0.0.1:7999"}
            ).status_code
            == 403
        )
        assert (
            client.post(
                "/gradio_api/queue/join", json=SESSION, headers={"Origin": "http://127.0.0.1:7860"}
            ).status_code
            == 200
        )


@pytest.mark.parametrize(
    "name", ["attacker.example:7860", "192.0.2.7", "", "[::1", "127.0.0.1.attacker.example"]
)
def test_a_page_for_this_computer_alone_is_not_found_under_another_name(name: str) -> None:
    with echo() as client:
        assert client.get("/", headers={"Host": name}).status_code == 421
        assert (
            client.get("/", headers={"Host": "localhost:7860"}).status_code
            == client.get("/", headers={"Host": "[::1]:7860"}).status_code
            == 200
        )
    with echo(host="0.0.0.0") as client:
        assert client.get("/", headers={"Host": name}).status_code == 200
