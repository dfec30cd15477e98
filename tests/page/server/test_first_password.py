"""Passwords count at once: from the first one on a running page asks for sign-in, and an open stream ends
with its reader's password."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Message

from magic_demo.core.errors import StoreError
from magic_demo.page.server.gate import gate
from magic_demo.page.server.gate.gate import BROWSER_COOKIE, list_gates
from magic_demo.page.server.sign_in.first_password import list_sign_in_doors
from magic_demo.page.session.desk.desk import Desk
from magic_demo.page.session.sign_in.sign_ins import COOKIE, SignIns
from magic_demo.reviews.store import LOCAL_READER, Store
from magic_demo.synthetic.bundled import load_examples

PASSWORD = "a long password"
STREAMS = ("/gradio_api/heartbeat/one", "/gradio_api/queue/data")


async def _stream(_request: Request) -> Response:
    async def beat() -> AsyncIterator[str]:
        while True:
            yield "data: ALIVE\n\n"
            await asyncio.sleep(0.01)

    return StreamingResponse(beat(), media_type="text/event-stream")


def page(desk: Desk) -> Starlette:
    async def who(request: Request) -> Response:
        return PlainTextResponse(desk.reader(request.cookies))

    routes = [
        Route("/", who),
        Route("/alive", who),
        *(Route(path, _stream) for path in STREAMS),
        *list_sign_in_doors(desk),
    ]
    return Starlette(routes=routes, middleware=list_gates(desk.sign_ins, "127.0.0.1", desk.signing_in))


def client(desk: Desk) -> TestClient:
    return TestClient(page(desk), base_url="http://127.0.0.1:7860", follow_redirects=False)


@pytest.fixture(params=["open", "later"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    """Give a desk over an open store, and one whose store is made by another program while the page runs."""
    place = str(tmp_path / "reviews")
    desk = Desk(Store.open(place)) if request.param == "open" else Desk(store_location=place)
    yield desk
    if desk.store is not None:
        desk.store.close()


def test_a_running_page_asks_for_sign_in_as_soon_as_a_reader_has_a_password(
    desk: Desk, tmp_path: Path
) -> None:
    with client(desk) as browser:
        assert browser.get("/").text == LOCAL_READER and browser.get("/sign-in").headers["location"] == "./"
        with Store.open(tmp_path / "reviews") as elsewhere:
            elsewhere.add_reader("Bo")
            assert browser.get("/").text == LOCAL_READER, "a reader without a password keeps nobody out"
            elsewhere.add_reader("Ann", password=PASSWORD)
            assert (
                browser.get("/").headers["location"] == "sign-in" and browser.get("/alive").status_code == 401
            )
            example = load_examples()[0].encounter
            with pytest.raises(StoreError, match="reload the page and sign in"):
                desk.keep_case(example, LOCAL_READER, example=example)
            assert browser.post("/sign-in", data={"name": "ann", "password": PASSWORD}).status_code == 303
            assert browser.get("/").text == "Ann"
            elsewhere.remove_reader("Ann")
            assert browser.get("/alive").status_code == 401, (
                "and nobody is let in again when the last password is gone"
            )


def test_in_a_frame_signing_in_leads_to_a_tab_of_its_own_and_sets_no_cookie(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.add_reader("Ann", password=PASSWORD)
        with client(Desk(store)) as browser:
            for frame in ("iframe", "frame", "embed", "object", "fencedframe"):
                browser.headers["sec-fetch-dest"] = frame
                assert browser.get("/").headers["location"] == "sign-in"
                for answer in (
                    browser.get("/sign-in"),
                    browser.post("/sign-in", data={"name": "ann", "password": PASSWORD}),
                ):
                    assert (
                        'target="_blank"' in answer.text
                        and "in its own tab" in answer.text
                        and "单独的标签页" in answer.text
                    )
                    assert "<form" not in answer.text and "set-cookie" not in answer.headers
            browser.headers["sec-fetch-dest"] = "document"
            assert "<form" in browser.get("/sign-in").text


def test_a_store_that_cannot_be_asked_leaves_signing_in_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_store: Store) -> bool:
        raise StoreError("the disk is gone")

    with Store.open(tmp_path) as store:
        desk = Desk(store)
        monkeypatch.setattr(Store, "needs_sign_in", fail)
        assert desk.signing_in() is None
        monkeypatch.undo()
        store.add_reader("Ann", password=PASSWORD)
        kept = desk.signing_in()
        monkeypatch.setattr(Store, "needs_sign_in", fail)
        assert kept is not None and desk.signing_in() is kept


async def open_stream(
    app: ASGIApp, path: str, cookie: str, then: Callable[[], object], *, ends: bool = True
) -> tuple[list[Message], bool]:
    """Open a stream, do something once it flows, and return what came; and whether it ended by itself within
    some seconds. ends: whether it is expected to."""
    came: list[Message] = []
    flows, query = asyncio.Event(), b"session_hash=one" if path.endswith("/data") else b""

    async def hear() -> Message:
        await asyncio.Event().wait()
        raise AssertionError("this browser stays")

    async def take(message: Message) -> None:
        came.append(message)
        if message.get("body"):
            flows.set()

    headers = [(b"host", b"127.0.0.1:7860"), (b"cookie", cookie.encode())]
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
    }
    scope |= {
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "root_path": "",
        "headers": headers,
    }
    scope |= {"client": ("127.0.0.1", 1), "server": ("127.0.0.1", 7860)}
    stream = asyncio.ensure_future(app(scope, hear, take))
    await asyncio.wait_for(flows.wait(), 20)
    await asyncio.to_thread(then)
    done, _ = await asyncio.wait({stream}, timeout=20 if ends else 0.3)
    stream.cancel()
    return came, bool(done)


def nothing() -> None:
    """Leave everything as it is."""


def be_away(*_: object) -> None:
    """Answer as a store that cannot be asked for a moment, which says nothing of the reader."""
    raise StoreError("the server does not answer any more")


@pytest.mark.parametrize("path", STREAMS)
@pytest.mark.parametrize(
    "end", ["removed", "another password", "signed out", "nothing", "a store that is away"]
)
def test_a_stream_ends_with_the_password_of_whoever_opened_it(
    path: str, end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "WATCH_SECONDS", 0.01)
    with Store.open(tmp_path) as store:
        store.add_reader("Ann", password=PASSWORD)
        sign_ins = SignIns(store)
        key = str(sign_ins.enter("Ann", PASSWORD))
        ends: dict[str, Callable[[], object]] = {
            "removed": lambda: store.remove_reader("Ann"),
            "another password": lambda: store.set_password("Ann", "another password"),
            "signed out": lambda: sign_ins.leave({COOKIE: key}),
            "nothing": nothing,
            "a store that is away": lambda: monkeypatch.setattr(sign_ins, "find_reader", be_away),
        }
        ends_then = end not in ("nothing", "a store that is away")
        came, ended = asyncio.run(
            open_stream(
                page(Desk(store, sign_ins=sign_ins)), path, f"{COOKIE}={key}", ends[end], ends=ends_then
            )
        )
    assert ended == ends_then
    assert (came[-1] == {"type": "http.response.body", "body": b"", "more_body": False}) == ended, (
        "the browser gets a whole answer"
    )


def test_a_stream_of_a_time_when_nobody_signed_in_ends_with_the_first_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "WATCH_SECONDS", 0.01)
    with Store.open(tmp_path) as store:
        app = page(Desk(store))
        first = asyncio.run(
            open_stream(
                app, STREAMS[0], f"{BROWSER_COOKIE}=mine", lambda: store.add_reader("Ann", password=PASSWORD)
            )
        )
    assert first[1]
