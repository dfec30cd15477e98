"""What browsers are told with each answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html.parser import HTMLParser

import pytest
from gradio.routes import templates
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from magic_demo.page.gradio_internals.template import LINKS, mark_scripts
from magic_demo.page.server.gate.headers import SecurityHeaders, allow_frames

TEXT = (
    "</script><script>stolen()</script><script src='x.js'></script><!-- <script> "
    "--><title><script>stolen()</script>"
)
"""A text that would be scripts wherever it got into a page as it is."""
PAGE = "<head><script>1</script><script type='module' src='x.js'></script></head><p>words</p>"
SCRIPTS = 5
"""Inline scripts of Gradio's template."""


def draw_page(text: str) -> str:
    """Draw a page as Gradio does, over a component that holds a text."""
    config = {
        "title": text,
        "root": "http://127.0.0.1",
        "components": [{"props": {"value": text}}],
        "thumbnail": text,
    }
    context = {"config": config, "gradio_api_info": {"text": text}, "base_url": "./"}
    return str(templates.get_template("frontend/index.html").render(context))


async def _page(_request: Request) -> Response:
    return HTMLResponse(PAGE)


async def _gradios(_request: Request) -> Response:
    return HTMLResponse(draw_page(TEXT))


async def _text(_request: Request) -> Response:
    return PlainTextResponse("an answer", headers={"Cache-Control": "max-age=3600"})


async def _stream(_request: Request) -> Response:
    return StreamingResponse(iter(["one", "two"]), media_type="text/event-stream")


def client() -> TestClient:
    routes = [
        Route("/", _gradios),
        Route("/agreement", _page),
        Route("/sign-in", _page),
        Route("/page/panels/frame/theme/theme.css", _text),
        Route("/photos", _text),
        Route("/stream", _stream),
    ]
    return TestClient(Starlette(routes=routes, middleware=[Middleware(SecurityHeaders)]))


@pytest.mark.parametrize(
    "path", ["/", "/sign-in", "/page/panels/frame/theme/theme.css", "/photos", "/stream", "/nothing-here"]
)
def test_every_answer_has_the_headers_and_what_is_not_shared_is_not_kept(path: str) -> None:
    answer = client().get(path)
    assert (
        answer.headers["x-content-type-options"] == "nosniff"
        and answer.headers["referrer-policy"] == "same-origin"
    )
    assert "geolocation=()" in answer.headers["permissions-policy"]
    policy = answer.headers["content-security-policy"]
    assert (
        policy.startswith("default-src 'none'")
        and "frame-ancestors 'self'" in policy
        and "https:" not in policy
        and "*" not in policy
    )
    assert answer.headers["cache-control"] == (
        "max-age=3600" if path == "/page/panels/frame/theme/theme.css" else "no-store"
    )


def test_scripts_of_a_page_run_by_a_nonce_that_is_new_each_time() -> None:
    nonces = []
    for _ in range(2):
        answer = client().get("/")
        script = next(
            part
            for part in answer.headers["content-security-policy"].split("; ")
            if part.startswith("script-src")
        )
        assert "'unsafe-inline'" not in script
        (nonce,) = re.findall(r"'nonce-([^']+)'", script)
        assert answer.text.count(f'<script nonce="{nonce}"') == answer.text.count(nonce) == SCRIPTS
        assert answer.text.replace(f' nonce="{nonce}"', "") == draw_page(TEXT).replace(*LINKS)
        assert not re.findall(r'(?:href|src)="/', answer.text), (
            "an address that is not below the page's own path"
        )
        assert int(answer.headers["content-length"]) == len(answer.content)
        nonces.append(nonce)
    assert nonces[0] != nonces[1] and len(nonces[0]) >= 20


class Scripts(HTMLParser):
    """Lists the inline scripts of a page as a browser reads it: whether each has a nonce, and what it
    says."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str | None, str]] = []
        self._nonce: str | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._nonce = dict(attrs).get("nonce")
        if tag == "script" and "src" not in dict(attrs):
            self.found.append((self._nonce, ""))

    def handle_data(self, data: str) -> None:
        if self.cdata_elem == "script" and self.found:
            self.found[-1] = (self.found[-1][0], self.found[-1][1] + data)


def test_every_script_of_gradios_template_has_the_nonce() -> None:
    found = Scripts(mark_scripts(draw_page("words"), "n")).found
    assert len(found) == SCRIPTS and all(nonce == "n" for nonce, _ in found), (
        "Gradio's template has changed: see template.py"
    )


@pytest.mark.parametrize(
    "script",
    [
        "<script>stolen()</script>",
        "<script data-gradio-mode>stolen()</script>",
        "<SCRIPT>stolen()</SCRIPT>",
        "<script >stolen()</script >",
        "<script>window.gradio_config = 1;stolen();</script>",
        "<script>window.gradio_config = stolen();</script>",
        "<script>window.gradio_config = {};stolen({});</script>",
        "<script type=module>stolen()</script>",
        "<p title='<script>'><script>stolen()</script>",
        "<svg><script>stolen()</script></svg>",
        "<!-- --><script>stolen()</script><!-- -->",
        "<textarea><script></textarea><script>stolen()</script>",
        "<script>window.stolen=1<!--<script>--></script>",
    ],
)
@pytest.mark.parametrize("where", ["<head>", "<gradio-app", "</body>"])
def test_a_script_that_came_with_a_text_gets_no_nonce_wherever_it_stands(script: str, where: str) -> None:
    page = draw_page("words").replace(where, script + where, 1)
    assert page.count(script) == 1
    marked = Scripts(mark_scripts(page, "n")).found
    assert all(nonce is None for nonce, says in marked if "stolen" in says) and any(
        "stolen" in says for _, says in marked
    )
    assert sum(nonce == "n" for nonce, _ in marked) <= SCRIPTS


def test_pages_without_gradio_allow_neither_eval_nor_inline_styles() -> None:
    answer = client().get("/sign-in")
    assert "unsafe" not in answer.headers["content-security-policy"] and answer.text == PAGE


def test_a_stream_passes_as_it_comes() -> None:
    assert client().get("/stream").text == "onetwo"


@pytest.mark.parametrize(
    ("environment", "frames"),
    [
        ({}, "'self'"),
        ({"SPACE_ID": ""}, "'self'"),
        ({"SPACE_ID": "a/b"}, "'self' https://huggingface.co https://*.hf.space"),
    ],
)
def test_only_a_space_may_be_framed_by_its_site(environment: Mapping[str, str], frames: str) -> None:
    assert allow_frames(environment) == frames
