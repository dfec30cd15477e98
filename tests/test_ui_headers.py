"""What browsers are told with each answer."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from magic_demo.ui.headers import SecurityHeaders, allow_frames

PAGE = "<head><script>1</script><script type='module' src='x.js'></script></head><p>words</p>"


async def _page(_request: Request) -> Response:
    return HTMLResponse(PAGE)


async def _text(_request: Request) -> Response:
    return PlainTextResponse("an answer", headers={"Cache-Control": "max-age=3600"})


async def _stream(_request: Request) -> Response:
    return StreamingResponse(iter(["one", "two"]), media_type="text/event-stream")


def client() -> TestClient:
    routes = [
        Route("/", _page),
        Route("/sign-in", _page),
        Route("/page/theme.css", _text),
        Route("/photos", _text),
        Route("/stream", _stream),
    ]
    return TestClient(Starlette(routes=routes, middleware=[Middleware(SecurityHeaders)]))


@pytest.mark.parametrize("path", ["/", "/sign-in", "/page/theme.css", "/photos", "/stream", "/nothing-here"])
def test_every_answer_has_the_headers_and_what_is_not_shared_is_not_kept(path: str) -> None:
    answer = client().get(path)
    assert answer.headers["x-content-type-options"] == "nosniff" and answer.headers["referrer-policy"] == "same-origin"
    assert "geolocation=()" in answer.headers["permissions-policy"]
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'") and "frame-ancestors 'self'" in policy and "https:" not in policy and "*" not in policy
    assert answer.headers["cache-control"] == ("max-age=3600" if path == "/page/theme.css" else "no-store")


def test_scripts_of_a_page_run_by_a_nonce_that_is_new_each_time() -> None:
    nonces = []
    for _ in range(2):
        answer = client().get("/")
        script = next(part for part in answer.headers["content-security-policy"].split("; ") if part.startswith("script-src"))
        assert "'unsafe-inline'" not in script
        (nonce,) = re.findall(r"'nonce-([^']+)'", script)
        assert answer.text == PAGE.replace("<script", f'<script nonce="{nonce}"') and int(answer.headers["content-length"]) == len(
            answer.content
        )
        nonces.append(nonce)
    assert nonces[0] != nonces[1] and len(nonces[0]) >= 20


def test_pages_without_gradio_allow_neither_eval_nor_inline_styles() -> None:
    answer = client().get("/sign-in")
    assert "unsafe" not in answer.headers["content-security-policy"] and answer.text == PAGE


def test_a_stream_passes_as_it_comes() -> None:
    assert client().get("/stream").text == "onetwo"


@pytest.mark.parametrize(
    ("environment", "frames"),
    [({}, "'self'"), ({"SPACE_ID": ""}, "'self'"), ({"SPACE_ID": "a/b"}, "'self' https://huggingface.co https://*.hf.space")],
)
def test_only_a_space_may_be_framed_by_its_site(environment: Mapping[str, str], frames: str) -> None:
    assert allow_frames(environment) == frames
