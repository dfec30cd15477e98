"""The page below a path of a proxy: with the path and with the path cut off, every address and every cookie
is right."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.testclient import TestClient

from magic_demo.core.errors import ReachError
from magic_demo.page.server.gate.doors import DOORS
from magic_demo.page.server.gate.gate import list_gates
from magic_demo.page.server.gate.programs import API
from magic_demo.page.server.root_path import OWN_FOLDERS, put_below, read_root_path
from magic_demo.page.server.sign_in.first_password import list_sign_in_doors
from magic_demo.page.session.desk.desk import Desk
from magic_demo.page.session.sign_in.sign_ins import SignIns
from magic_demo.reviews.store import Store

PASSWORD = "a long password"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("", ""),
        ("/", ""),
        ("/demo", "/demo"),
        ("/demo/", "/demo"),
        ("demo", "/demo"),
        (" /a/b.c-d_~1 ", "/a/b.c-d_~1"),
    ],
)
def test_a_root_path_is_read_with_or_without_its_slashes(text: str, path: str) -> None:
    assert read_root_path(text) == path


@pytest.mark.parametrize(
    "text",
    [
        "https://a.example/demo",
        "//a.example",
        "/../x",
        "/a b",
        "/a%20b",
        "/démo",
        "/a?b",
        "/a#b",
        "/a;b",
        "/a\nb",
    ],
)
def test_what_is_no_root_path_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(ReachError, match="such as /demo"):
        read_root_path(text)


def test_a_root_path_that_begins_like_an_address_of_the_page_is_refused_as_nobody_could_tell_them_apart() -> (
    None
):
    folders = {
        name
        for _, pattern, _ in DOORS
        if (found := re.match(r"/\(?([a-z_|-]+)\)?/", pattern))
        for name in found[1].split("|")
    }
    folders.add(API.split("/")[1])
    assert {"page", "assets", "gradio_api", "board", "take-away"} <= folders == OWN_FOLDERS
    for name in folders:
        with pytest.raises(ReachError, match="its own"):
            read_root_path(f"/{name}/below")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path) as store:
        store.add_reader("Ann", password=PASSWORD)
        yield store


def page(store: Store, root_path: str) -> TestClient:
    """Return a browser before a page below a path, which says the path and the root that the app is asked
    with."""

    async def say(request: Request) -> Response:
        return PlainTextResponse(f"{request.scope['path']} {request.scope['root_path']}")

    desk = Desk(store, sign_ins=SignIns(store))
    routes: list[BaseRoute] = [
        *(Route(path, say) for path in ("/", "/alive", "/page/panels/frame/theme/theme.css", "/board")),
        *list_sign_in_doors(desk),
    ]
    gates = put_below(list_gates(desk.sign_ins, "127.0.0.1"), root_path)
    app = FastAPI(routes=routes, middleware=gates, openapi_url=None)
    app.root_path = root_path  # as Gradio sets it
    return TestClient(app, base_url="http://clinic.example", follow_redirects=False)


@pytest.mark.parametrize("root_path", ["/demo", "/a/b", "/pages", ""])
@pytest.mark.parametrize("cuts", [False, True], ids=["whole", "cut"])
def test_every_address_is_answered_whether_the_proxy_cuts_the_path_off_or_not(
    store: Store, root_path: str, cuts: bool
) -> None:
    before = "" if cuts else root_path
    with page(store, root_path) as browser:
        assert (
            browser.get(f"{before}/page/panels/frame/theme/theme.css").text
            == f"{root_path}/page/panels/frame/theme/theme.css {root_path}"
        )
        assert (browser.get(f"{before}/").status_code, browser.get(f"{before}/").headers["location"]) == (
            303,
            "sign-in",
        )
        assert browser.get(f"{before}/alive").status_code == 401
        entered = browser.post(f"{before}/sign-in", data={"name": "ann", "password": PASSWORD})
        assert (entered.status_code, entered.headers["location"]) == (303, "./")
        cookies = entered.headers.get_list("set-cookie")
        assert len(cookies) >= 2 and all(
            f"; Path={root_path}/;" in f"{cookie};".replace("path=", "Path=") for cookie in cookies
        ), cookies
        # a cookie jar would look at the path of a cut address
        key = "; ".join(cookie.partition(";")[0] for cookie in cookies)
        assert (
            browser.get(f"{before}/alive", headers={"cookie": key}).text == f"{root_path}/alive {root_path}"
        )


def test_the_missing_slash_is_put_and_what_is_below_another_path_is_not_there(store: Store) -> None:
    with page(store, "/demo") as browser:
        led = browser.get("/demo?guide=1&a=%20")
        assert (led.status_code, led.headers["location"]) == (307, "/demo/?guide=1&a=%20")
        for path in (
            "/demonstration/alive",
            "/demo/demo/alive",
            "/other/alive",
            "/demo//alive",
            "/DEMO/alive",
        ):
            assert browser.get(path).status_code == 404, path
