"""Who gets what over raw HTTP: every route that the page's server has, Gradio's own included, asked for by
nobody, by strangers and by readers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from gradio.routes import App
from starlette.testclient import TestClient

from magic_demo.page.build import Desk, PredictorSource, build_app, launch_settings, list_routes
from magic_demo.page.server.gate.doors import DOORS
from magic_demo.page.server.gate.gate import list_gates
from magic_demo.page.session.sign_in.sign_ins import COOKIE, IDLE_SECONDS, SignIns
from magic_demo.reviews.store import Store
from magic_demo.synthetic.bundled import load_examples
from tests.support.stand_ins import stand_in_predictor

PASSWORD = "a long password"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
SESSION = {"session_hash": "abc123"}
ANYBODY: dict[str, tuple[str, dict[str, str]]] = {
    "/page/{file}": ("GET", {}),
    "/assets/{path:path}": ("GET", {"path": "nothing.js"}),
    "/static/{path:path}": ("GET", {"path": "nothing.js"}),
    "/theme.css": ("GET", {}),
    "/favicon.ico": ("GET", {}),
    "/robots.txt": ("GET", {}),
    "/manifest.json": ("GET", {}),
    "/healthz": ("GET", {}),
    "/sign-in": ("GET", {}),
    "/sign-out": ("GET", {}),
    "/join": ("GET", {}),
    "/board/photos/{case:int}/{number:int}.jpg": ("GET", {"case": "0", "number": "0"}),
    "/board/join": ("POST", {}),
    "/board/sit": ("POST", {}),
    "/board/answer": ("POST", {}),
    "/gradio_api/startup-events": ("GET", {}),
}
"""Answered for everybody: files that are the same for all, signing in, and the audience of synthetic
cases."""
READER: dict[str, tuple[str, dict[str, str]]] = {
    "/": ("GET", {}),
    "/agreement": ("GET", {}),
    "/take-away/{format}": ("GET", {"format": "csv"}),
    "/thumbnail": ("GET", {}),
    "/oversight": ("GET", {}),
    "/photos": ("POST", {}),
    "/photo-part": ("POST", {}),
    "/gradio_api/queue/join": ("POST", {}),
    "/gradio_api/run/{api_name}": ("POST", {"api_name": "predict"}),
    "/gradio_api/cancel": ("POST", {}),
    "/gradio_api/queue/data": ("GET", {}),
    "/gradio_api/heartbeat/{session_hash}": ("GET", SESSION),
    "/gradio_api/app_id": ("GET", {}),
    "/alive": ("GET", {}),
}
"""Answered for who has signed in."""
ADJUDICATOR: dict[str, tuple[str, dict[str, str]]] = {
    "/learning": ("GET", {}),
    "/learning/state": ("GET", {}),
}
PRESENTER: dict[str, tuple[str, dict[str, str]]] = {
    "/board": ("GET", {}),
    "/board/join.svg": ("GET", {}),
    "/board/open": ("POST", {}),
    "/board/stand": ("POST", {}),
    "/board/turn": ("POST", {}),
    "/board/reveal": ("POST", {}),
    "/board/close": ("POST", {}),
}
"""Answered for presenters and adjudicators."""
NOBODY = """
/agreement/ /config /config/ /login /login/ /logout /monitoring /monitoring/summary /monitoring/{key} /pwa_icon /pwa_icon/{size}
/svelte/{path:path} /gradio_api/api/{api_name} /gradio_api/api/{api_name}/ /gradio_api/app_id/ /gradio_api/call/v2/{api_name}
/gradio_api/call/v2/{api_name}/ /gradio_api/call/v2/{api_name}/{event_id} /gradio_api/call/{api_name} /gradio_api/call/{api_name}/
/gradio_api/call/{api_name}/{event_id} /gradio_api/component_server /gradio_api/component_server/
/gradio_api/custom_component/{id}/{environment}/{type}/{file_name} /gradio_api/deep_link /gradio_api/dev/reload /gradio_api/file/{path:path}
/gradio_api/file={path_or_url:path} /gradio_api/info /gradio_api/info/ /gradio_api/login_check /gradio_api/login_check/
/gradio_api/openapi.json /gradio_api/process_recording /gradio_api/proxy={url_path:path} /gradio_api/queue/status /gradio_api/reset
/gradio_api/reset/ /gradio_api/run/{api_name}/ /gradio_api/runs /gradio_api/runs/ /gradio_api/stream/{event_id}
/gradio_api/stream/{event_id}/close /gradio_api/stream/{session_hash}/{run}/{component_id}/playlist-file
/gradio_api/stream/{session_hash}/{run}/{component_id}/playlist.m3u8 /gradio_api/stream/{session_hash}/{run}/{component_id}/{segment_id}.{ext}
/gradio_api/theme.css /gradio_api/token /gradio_api/token/ /gradio_api/undo-vibe-edit /gradio_api/undo-vibe-edit/ /gradio_api/upload
/gradio_api/upload_progress /gradio_api/user /gradio_api/user/ /gradio_api/vibe-code /gradio_api/vibe-code/ /gradio_api/vibe-edit
/gradio_api/vibe-edit/ /gradio_api/vibe-starter-queries /gradio_api/vibe-starter-queries/
""".split()  # noqa: SIM905
"""What Gradio brings and this page does not answer, not even a signed-in adjudicator."""


@dataclass
class Server:
    """The whole page as it is launched, and one client a kind of visitor."""

    app: App
    clock: list[float]
    sign_ins: SignIns
    clients: dict[str, TestClient] = field(default_factory=dict)

    def paths(self) -> set[str]:
        """Return the path of every route, the page's own files as one."""
        return {"/page/{file}" if path.startswith("/page/") else path for path in _walk(self.app.routes)}


def _walk(routes: Any) -> Iterator[str]:
    for route in routes:
        inner = getattr(route, "original_router", route)
        if hasattr(inner, "path") and not getattr(inner, "routes", None):
            yield str(inner.path)
        else:
            yield from _walk(inner.routes)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Build the page over a store with a reader, a presenter and an adjudicator."""
    clock = [0.0]
    with Store.open(tmp_path_factory.mktemp("store")) as store:
        store.add_reader("Ann", password=PASSWORD)
        store.add_reader("Pat", role="presenter", password=PASSWORD)
        store.add_reader("Ada", role="adjudicator", password=PASSWORD)
        sign_ins = SignIns(store, clock=lambda: clock[0])
        app = _make_app(Desk(store, sign_ins=sign_ins))
        server = Server(app, clock, sign_ins)
        for name, reader in (
            ("expired", "Ann"),
            ("reader", "Ann"),
            ("presenter", "Pat"),
            ("adjudicator", "Ada"),
        ):
            server.clients[name] = _client(app, {COOKIE: str(sign_ins.enter(reader, PASSWORD))})
            if name == "expired":
                clock[0] += IDLE_SECONDS + 1
        server.clients |= {"nobody": _client(app, {}), "wrong": _client(app, {COOKIE: "thought-up"})}
        yield server


def _make_app(desk: Desk, host: str = "127.0.0.1") -> App:
    source = PredictorSource(stand_in_predictor)
    examples = load_examples()
    settings = launch_settings(list_routes(source, examples, desk), list_gates(desk.sign_ins, host))

    async def build() -> App:
        blocks = build_app(source, examples, desk)
        # as if it had been launched carelessly
        blocks.share, blocks.max_file_size, blocks.enable_monitoring = False, None, True
        blocks.run_history = False
        return App.create_app(blocks, app_kwargs=settings["app_kwargs"])

    return asyncio.run(build())


def _client(app: App, cookies: Mapping[str, str]) -> TestClient:
    return TestClient(
        app,
        base_url="http://127.0.0.1:7860",
        cookies=dict(cookies),
        follow_redirects=False,
        raise_server_exceptions=False,
    )


def _status(client: TestClient, method: str, path: str) -> int:
    """Ask, and return the status; a stream is left as soon as it begins."""
    body = {"data": [], "fn_index": 99999, "event_id": "x", **SESSION}
    with client.stream(
        method,
        path,
        json=body if method == "POST" else None,
        params=SESSION if path.endswith("/data") else None,
    ) as answer:
        return answer.status_code


def _fill(path: str, values: Mapping[str, str]) -> str:
    if path == "/page/{file}":
        return "/page/panels/frame/theme/theme.css"
    for name in ("case:int", "number:int", "path:path", *values):
        path = path.replace(f"{{{name}}}", values.get(name.partition(":")[0], "x"))
    return path


def test_every_route_has_an_expectation(server: Server) -> None:
    expected = {*ANYBODY, *READER, *PRESENTER, *ADJUDICATOR, *NOBODY}
    assert server.paths() - expected == set(), (
        "say in this file who may ask for a new route, and open it in gate.py"
    )
    assert expected - server.paths() == set(), "these are gone"


@pytest.mark.parametrize("who", ["nobody", "wrong", "expired", "reader", "presenter", "adjudicator"])
def test_each_route_answers_who_may_ask_and_refuses_everybody_else(server: Server, who: str) -> None:
    client, wrong = server.clients[who], {}
    signed_in = who in ("reader", "presenter", "adjudicator")
    for routes, allowed in (
        (ANYBODY, True),
        (READER, signed_in),
        (PRESENTER, who in ("presenter", "adjudicator")),
        (ADJUDICATOR, who == "adjudicator"),
    ):
        for path, (method, values) in routes.items():
            if allowed and (path.startswith("/gradio_api/heartbeat/") or (path == "/sign-out" and signed_in)):
                continue  # the one never ends, the other ends the rest
            status = _status(client, method, _fill(path, values))
            refused = {403} if signed_in else {401, 303} if path in ("/", "/board", "/agreement") else {401}
            fits = (
                status not in (401, 404) or path.startswith(("/assets", "/static"))
                if allowed
                else status in refused
            )
            if not fits:
                wrong[path] = status
    assert wrong == {}


@pytest.mark.parametrize("who", ["nobody", "adjudicator"])
def test_what_no_door_names_is_answered_as_if_it_were_not_there(server: Server, who: str) -> None:
    client = server.clients[who]
    answers = {(method, path): _status(client, method, path) for path in NOBODY for method in METHODS}
    assert {place: status for place, status in answers.items() if status != 404} == {}
    for path in (
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/file=http://127.0.0.1/",
        "/gradio_api/proxy=http://a.hf.space/",
        "/.git/config",
    ):
        assert _status(client, "GET", path) == 404
    for path, (allowed, _) in {**ANYBODY, **READER, **PRESENTER, **ADJUDICATOR}.items():
        methods = {allowed, "GET", "HEAD", "POST"}  # a path may have two routes
        for method in set(METHODS) - methods:
            assert _status(client, method, _fill(path, {})) in (404, 405)


def test_no_door_stands_where_there_is_no_route(server: Server) -> None:
    import re

    samples = [
        _fill(path, values) for path, (_, values) in {**ANYBODY, **READER, **PRESENTER, **ADJUDICATOR}.items()
    ]
    for _methods, pattern, _who in DOORS:
        assert any(re.fullmatch(pattern, path) for path in samples), pattern


def test_a_page_that_nobody_touches_does_not_stay_signed_in(server: Server) -> None:
    assert server.app.blocks is not None
    client = _client(server.app, {COOKIE: str(server.sign_ins.enter("Ann", PASSWORD))})
    ticks = [
        number
        for number, event in server.app.blocks.fns.items()
        if any(kind == "tick" for _, kind in event.targets)
    ]
    assert len(ticks) == 2, "the models' and the agreement's"
    server.clock[0] += IDLE_SECONDS - 1
    for number in ticks:
        client.post("/gradio_api/run/predict", json={"data": [], "fn_index": number, "session_hash": "idle"})
    assert client.get("/alive").status_code == 200
    server.clock[0] += 2
    assert client.get("/alive").status_code == 401
    client = _client(server.app, {COOKIE: str(server.sign_ins.enter("Ann", PASSWORD))})
    server.clock[0] += IDLE_SECONDS - 1
    client.post("/gradio_api/cancel", json={"event_id": "x", "fn_index": 0, "session_hash": "busy"})
    server.clock[0] += 2
    assert client.get("/alive").status_code == 200


def test_an_event_that_the_page_does_not_have_is_refused(server: Server) -> None:
    client = _client(server.app, {COOKIE: str(server.sign_ins.enter("Ann", PASSWORD))})
    for number in (99999, -1, None, "0", True, 0.0, [0]):
        for path in ("queue/join", "run/predict"):
            answer = client.post(
                f"/gradio_api/{path}", json={"data": [], "fn_index": number, "session_hash": "odd"}
            )
            assert (answer.status_code, answer.text) == (
                400,
                "the page has no such event; reload it\n页面没有此事件；请重新载入",
            )
