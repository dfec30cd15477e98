"""Signing in: who gets past the gate, what the cookie is, and how long it is worth anything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from magic_demo.store import Store
from magic_demo.ui.sign_in import COOKIE, KEPT_SECONDS, Gate, SignIns, list_sign_in_routes

PASSWORD = "a long password"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path) as store:
        store.add_reader("Ann", password=PASSWORD)
        yield store


def page(sign_ins: SignIns) -> TestClient:
    async def who(request: Request) -> Response:
        return PlainTextResponse(sign_ins.reader(request.cookies) or "nobody")

    routes = [Route("/", who), Route("/config", who, methods=["GET", "POST"]), *list_sign_in_routes(sign_ins)]
    return TestClient(Starlette(routes=routes, middleware=[Middleware(Gate, sign_ins=sign_ins)]), follow_redirects=False)


def test_without_a_key_pages_lead_to_the_form_and_everything_else_is_refused(store: Store) -> None:
    with page(SignIns(store)) as client:
        assert (client.get("/").status_code, client.get("/").headers["location"]) == (303, "sign-in")
        assert client.get("/config", headers={"accept": "text/html"}).headers["location"] == "sign-in"
        assert client.get("/config").status_code == client.post("/config").status_code == 401
        assert "sign-password" in client.get("/sign-in").text


def test_the_right_password_opens_the_page_until_signing_out(store: Store) -> None:
    with page(SignIns(store)) as client:
        entered = client.post("/sign-in", data={"name": "ann", "password": PASSWORD})
        assert entered.status_code == 303
        cookie = entered.headers["set-cookie"].lower()
        assert "httponly" in cookie and "samesite=strict" in cookie and "ann" not in cookie
        assert client.get("/").text == "Ann"
        client.get("/sign-out")
        assert client.get("/config").status_code == 401


def test_a_wrong_password_or_name_says_which_of_them_to_nobody(store: Store) -> None:
    with page(SignIns(store)) as client:
        answers = [
            client.post("/sign-in", data=data) for data in ({"name": "ann", "password": "wrong"}, {"name": "bo", "password": PASSWORD}, {})
        ]
        assert [answer.status_code for answer in answers] == [403, 403, 403]
        assert len({answer.text for answer in answers}) == 1 and not client.cookies


def test_a_key_that_was_thought_up_or_signed_out_elsewhere_is_nobodys(store: Store) -> None:
    sign_ins = SignIns(store)
    key = sign_ins.enter("ann", PASSWORD)
    assert key is not None and sign_ins.reader({COOKIE: key}) == "Ann"
    assert sign_ins.reader({COOKIE: "thought up"}) is None and sign_ins.reader({}) is None
    sign_ins.leave({COOKIE: key})
    assert sign_ins.reader({COOKIE: key}) is None


def test_a_key_is_worth_nothing_after_a_long_day(store: Store) -> None:
    now = [0.0]
    sign_ins = SignIns(store, clock=lambda: now[0])
    key = sign_ins.enter("ann", PASSWORD)
    assert key is not None
    now[0] = KEPT_SECONDS - 1
    assert sign_ins.reader({COOKIE: key}) == "Ann"
    now[0] = KEPT_SECONDS + 1
    assert sign_ins.reader({COOKIE: key}) is None
