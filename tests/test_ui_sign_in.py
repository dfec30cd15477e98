"""Signing in: who gets past the gate, what the cookie is, and how long it is worth anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from magic_demo.errors import StoreError
from magic_demo.limits import LIMITS
from magic_demo.store import Store
from magic_demo.ui.desk import Desk
from magic_demo.ui.gate import list_gates
from magic_demo.ui.sign_in import COOKIE, IDLE_SECONDS, KEPT_SECONDS, SignIns, TooManyTriesError, list_sign_in_routes

PASSWORD = "a long password"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path) as store:
        store.add_reader("Ann", password=PASSWORD)
        yield store


def who_is(sign_ins: SignIns, cookies: Mapping[str, str]) -> str | None:
    reader = sign_ins.find_reader(cookies)
    return reader.name if reader is not None else None


def page(sign_ins: SignIns) -> TestClient:
    async def who(request: Request) -> Response:
        return PlainTextResponse(who_is(sign_ins, request.cookies) or "nobody")

    routes = [Route("/", who), Route("/take-away/csv", who), Route("/photos", who, methods=["POST"]), *list_sign_in_routes(sign_ins)]
    return TestClient(Starlette(routes=routes, middleware=list_gates(sign_ins, "127.0.0.1")), follow_redirects=False)


def test_without_a_key_pages_lead_to_the_form_and_everything_else_is_refused(store: Store) -> None:
    with page(SignIns(store)) as client:
        assert (client.get("/").status_code, client.get("/").headers["location"]) == (303, "sign-in")
        assert client.get("/take-away/csv", headers={"accept": "text/html"}).headers["location"] == "../sign-in"
        assert client.get("/take-away/csv").status_code == client.post("/photos").status_code == 401
        assert "sign-password" in client.get("/sign-in").text


def test_the_right_password_opens_the_page_until_signing_out(store: Store) -> None:
    with page(SignIns(store)) as client:
        entered = client.post("/sign-in", data={"name": "ann", "password": PASSWORD})
        assert entered.status_code == 303
        cookie = entered.headers["set-cookie"].lower()
        assert "httponly" in cookie and "samesite=strict" in cookie and "ann" not in cookie
        assert client.get("/").text == "Ann"
        kept = dict(client.cookies)
        client.get("/sign-out")
        assert client.get("/take-away/csv").status_code == 401 and not client.cookies
        client.cookies.update(kept)
        assert client.get("/take-away/csv").status_code == 401, "the key is worth nothing either"


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
    assert key is not None and who_is(sign_ins, {COOKIE: key}) == "Ann"
    assert who_is(sign_ins, {COOKIE: "thought up"}) is None and who_is(sign_ins, {}) is None
    sign_ins.leave({COOKIE: key})
    assert who_is(sign_ins, {COOKIE: key}) is None


def test_a_key_is_worth_nothing_after_a_long_day_however_busy(store: Store) -> None:
    now = [0.0]
    sign_ins = SignIns(store, clock=lambda: now[0])
    kept = {COOKIE: str(sign_ins.enter("ann", PASSWORD))}
    while now[0] < KEPT_SECONDS - 61:
        now[0] += 60
        sign_ins.note_use(kept)
        assert who_is(sign_ins, kept) == "Ann"
    now[0] = KEPT_SECONDS + 1
    assert who_is(sign_ins, kept) is None


def test_a_key_that_nobody_uses_is_worth_nothing_after_a_while(store: Store) -> None:
    now = [0.0]
    sign_ins = SignIns(store, clock=lambda: now[0])
    kept = {COOKIE: str(sign_ins.enter("ann", PASSWORD))}
    with page(sign_ins) as client:
        client.cookies.update(kept)
        for _ in range(3):
            now[0] += IDLE_SECONDS - 1
            assert client.get("/").text == "Ann", "each request of the reader's is a use"
        now[0] += IDLE_SECONDS + 1
        assert client.get("/").status_code == 303


def remove_and_bring_back(store: Store) -> None:
    store.remove_reader("Ann")
    store.add_reader("Ann", password=PASSWORD)


@pytest.mark.parametrize(
    "change",
    [
        lambda store: store.remove_reader("Ann"),
        remove_and_bring_back,
        lambda store: store.set_password("ann", "another password"),
        lambda store: store.set_password("Ann", PASSWORD),
    ],
    ids=["removed", "removed and back", "another password", "the same password anew"],
)
def test_who_was_removed_or_got_a_password_is_out_at_once(store: Store, change: Callable[[Store], object]) -> None:
    store.add_reader("Bo", password=PASSWORD)
    sign_ins = SignIns(store)
    desk = Desk(store, sign_ins=sign_ins)
    with page(sign_ins) as client:
        ann, bo = ({COOKIE: str(sign_ins.enter(name, PASSWORD))} for name in ("ann", "bo"))
        client.cookies.update(ann)
        assert client.get("/").text == "Ann"
        change(store)
        assert client.get("/").status_code == 303 and client.get("/take-away/csv").status_code == 401
        with pytest.raises(StoreError, match="nobody is signed in"):
            desk.reader(ann)
        assert desk.reader(bo) == "Bo", "nobody else is"


def test_guessing_is_bounded_for_a_name_and_says_when_to_try_again(store: Store) -> None:
    now = [0.0]
    with page(SignIns(store, clock=lambda: now[0])) as client:
        tries = [
            client.post("/sign-in", data={"name": name, "password": "wrong"}).status_code for name in ["Ann", "ANN ", "ａｎｎ", "ann"] * 2
        ]
        assert tries == [403] * LIMITS.sign_in_tries + [429] * (8 - LIMITS.sign_in_tries)
        right = client.post("/sign-in", data={"name": "ann", "password": PASSWORD})
        assert (
            right.status_code == 429 and right.headers["retry-after"] == "60" and "wait a minute" in right.text and "请等待" in right.text
        )
        assert client.post("/sign-in", data={"name": "bo", "password": "wrong"}).status_code == 403, "another name has tries of its own"
        now[0] += 61
        assert client.post("/sign-in", data={"name": "ann", "password": PASSWORD}).status_code == 303


def test_guessing_is_bounded_for_an_address_whatever_the_names(store: Store) -> None:
    sign_ins = SignIns(store, clock=lambda: 0.0)
    for number in range(6 * LIMITS.sign_in_tries):
        assert sign_ins.enter(f"name {number}", "wrong", "192.0.2.1") is None
    with pytest.raises(TooManyTriesError, match="wait a minute"):
        sign_ins.enter("ann", PASSWORD, "192.0.2.1")
    assert sign_ins.enter("ann", PASSWORD, "192.0.2.2") is not None


def test_signing_in_well_uses_up_no_tries(store: Store) -> None:
    sign_ins = SignIns(store, clock=lambda: 0.0)
    assert all(sign_ins.enter("ann", PASSWORD, "192.0.2.1") for _ in range(2 * LIMITS.sign_in_tries))


@pytest.mark.parametrize("body", [b"", b"name", b"name=" + b"a" * 100_000, b"\xff=\xff&name=%ff%00", b"&" * 5000], ids=range(5))
def test_a_form_that_is_none_is_a_wrong_password(store: Store, body: bytes) -> None:
    with page(SignIns(store)) as client:
        answer = client.post("/sign-in", content=body, headers={"Content-Type": "application/x-www-form-urlencoded"})
        assert answer.status_code == 403 and not client.cookies


def test_over_https_the_cookie_is_sent_over_https_alone(store: Store) -> None:
    with page(SignIns(store)) as client:
        data = {"name": "ann", "password": PASSWORD}
        assert "secure" in client.post("/sign-in", data=data, headers={"X-Forwarded-Proto": "https"}).headers["set-cookie"].lower()
        assert "secure" not in client.post("/sign-in", data=data).headers["set-cookie"].lower()
