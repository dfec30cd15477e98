"""Signing in: who gets past the gate, what the cookie is, and how long it is worth anything."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from magic_demo.core.errors import StoreError
from magic_demo.core.limits import LIMITS
from magic_demo.page.server.gate.gate import list_gates
from magic_demo.page.server.sign_in.sign_in import list_sign_in_routes
from magic_demo.page.session.desk.desk import Desk
from magic_demo.page.session.sign_in.known_devices import DEVICE_COOKIE
from magic_demo.page.session.sign_in.sign_ins import (
    COOKIE,
    IDLE_SECONDS,
    KEPT_SECONDS,
    SignIns,
    TooManyTriesError,
)
from magic_demo.reviews.store import Reader, Store

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

    routes = [
        Route("/", who),
        Route("/take-away/csv", who),
        Route("/photos", who, methods=["POST"]),
        *list_sign_in_routes(sign_ins, refused_seconds=0),
    ]
    return TestClient(
        Starlette(routes=routes, middleware=list_gates(sign_ins, "127.0.0.1")), follow_redirects=False
    )


def test_without_a_key_pages_lead_to_the_form_and_everything_else_is_refused(store: Store) -> None:
    with page(SignIns(store)) as client:
        assert (client.get("/").status_code, client.get("/").headers["location"]) == (303, "sign-in")
        assert (
            client.get("/take-away/csv", headers={"accept": "text/html"}).headers["location"] == "../sign-in"
        )
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
        assert client.get("/take-away/csv").status_code == 401 and list(client.cookies) == [DEVICE_COOKIE]
        client.cookies.clear()
        client.cookies.update(kept)
        assert client.get("/take-away/csv").status_code == 401, "the key is worth nothing either"


def test_a_wrong_password_or_name_says_which_of_them_to_nobody(store: Store) -> None:
    with page(SignIns(store)) as client:
        answers = [
            client.post("/sign-in", data=data)
            for data in ({"name": "ann", "password": "wrong"}, {"name": "bo", "password": PASSWORD})
        ]
        assert [answer.status_code for answer in answers] == [403, 403]
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
def test_who_was_removed_or_got_a_password_is_out_at_once(
    store: Store, change: Callable[[Store], object]
) -> None:
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


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let passwords be checked without the time that it takes; return the names whose passwords were."""
    names: list[str] = []

    def check(store: Store, name: str, password: str) -> Reader | None:
        names.append(name)
        time.sleep(0.002)
        return store.reader(name) if password == PASSWORD else None

    monkeypatch.setattr(Store, "check_password", check)
    return names


def test_guessing_is_bounded_for_a_name_and_says_when_to_try_again(store: Store, checked: list[str]) -> None:
    now = [0.0]
    with page(SignIns(store, clock=lambda: now[0])) as client:
        tries = [
            client.post("/sign-in", data={"name": name, "password": "wrong"}).status_code
            for name in ["Ann", "ANN ", "ａｎｎ", "ann"] * 2
        ]
        assert tries == [403] * LIMITS.sign_in_tries + [429] * (8 - LIMITS.sign_in_tries)
        right = client.post("/sign-in", data={"name": "ann", "password": PASSWORD})
        assert (
            right.status_code == 429
            and right.headers["retry-after"] == "60"
            and "wait a minute" in right.text
            and "请等待" in right.text
        )
        assert len(checked) == LIMITS.sign_in_tries, "no password is looked at before the throttle is asked"
        assert client.post("/sign-in", data={"name": "bo", "password": "wrong"}).status_code == 403, (
            "another name has tries of its own"
        )
        now[0] += 61
        assert client.post("/sign-in", data={"name": "ann", "password": PASSWORD}).status_code == 303


def test_guessing_is_bounded_for_an_address_whatever_the_names(store: Store, checked: list[str]) -> None:
    sign_ins = SignIns(store, clock=lambda: 0.0)
    for number in range(6 * LIMITS.sign_in_tries):
        assert sign_ins.enter(f"name {number}", "wrong", "192.0.2.1") is None
    with pytest.raises(TooManyTriesError, match="wait a minute"):
        sign_ins.enter("ann", PASSWORD, "192.0.2.1")
    assert sign_ins.enter("ann", PASSWORD, "192.0.2.2") is not None


def test_nobody_keeps_a_reader_out_by_guessing_at_their_password(store: Store, checked: list[str]) -> None:
    sign_ins = SignIns(store, clock=lambda: 0.0)
    with page(sign_ins) as client:
        assert client.post("/sign-in", data={"name": "ann", "password": PASSWORD}).status_code == 303
        client.get("/sign-out")
        for number in range(200):  # from many computers, until nobody with a new device is looked at
            with suppress(TooManyTriesError):
                sign_ins.enter("ann", "wrong", f"192.0.2.{number}")
        for number in range(40):  # and from the reader's own clinic
            with suppress(TooManyTriesError):
                sign_ins.enter(f"name {number}", "wrong", "testclient")
        stranger = TestClient(client.app, follow_redirects=False)
        assert stranger.post("/sign-in", data={"name": "ann", "password": PASSWORD}).status_code == 429
        for device in (
            "thought-up",
            "x" * 22 + "." + "0" * 64,
            dict(client.cookies)[DEVICE_COOKIE][:-1] + "g",
        ):
            stranger.cookies.clear()
            stranger.cookies.set(DEVICE_COOKIE, device)
            assert stranger.post("/sign-in", data={"name": "ann", "password": PASSWORD}).status_code == 429
        assert client.post("/sign-in", data={"name": "ann", "password": PASSWORD}).status_code == 303


def test_a_device_is_known_after_a_restart_and_no_longer_after_a_new_password(
    store: Store, checked: list[str]
) -> None:
    sign_ins = SignIns(store)
    cookie = sign_ins.write_device("ann")
    store.add_reader("Bo", password=PASSWORD)
    assert SignIns(store).find_device("ANN", cookie) == sign_ins.find_device("ann", cookie) is not None
    assert sign_ins.find_device("bo", cookie) is None and sign_ins.find_device("nobody", cookie) is None
    store.set_password("ann", "another password")
    assert sign_ins.find_device("ann", cookie) is None


def test_guessing_with_a_device_that_is_known_is_bounded_too(store: Store, checked: list[str]) -> None:
    sign_ins = SignIns(store, clock=lambda: 0.0)
    device = sign_ins.find_device("ann", sign_ins.write_device("ann"))
    for _ in range(LIMITS.sign_in_tries):
        assert sign_ins.enter("ann", "wrong", "192.0.2.1", device) is None
    with pytest.raises(TooManyTriesError):
        sign_ins.enter("ann", PASSWORD, "192.0.2.1", device)


def test_a_clinic_behind_one_address_signs_in_at_once(store: Store, checked: list[str]) -> None:
    names = [f"Reader {number}" for number in range(50)]
    for name in names:
        store.add_reader(name)
    sign_ins = SignIns(store, clock=lambda: 0.0)
    with page(sign_ins) as client, ThreadPoolExecutor(50) as clinic:

        def enter(name: str) -> int:
            browser = TestClient(client.app, follow_redirects=False)
            return browser.post("/sign-in", data={"name": name, "password": PASSWORD}).status_code

        assert set(clinic.map(enter, names)) == {303}
        assert {enter("ann") for _ in range(2 * LIMITS.sign_in_tries)} == {303}, (
            "the right password is no try"
        )


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 403),
        (b"name", 403),
        (b"name=" + b"a" * 100_000, 413),
        (b"\xff=\xff", 400),
        (b"name=%ff%00", 400),
        (b"name=%e4%b", 400),
        (b"name=ann&name=bo", 400),
        (b"name=ann&NAME=bo", 400),
        (b"name=ann;password=b", 400),
        (b"&" * 5000, 400),
    ],
    ids=range(10),
)
def test_a_form_that_is_none_or_says_two_things_signs_nobody_in(
    store: Store, body: bytes, status: int
) -> None:
    with page(SignIns(store)) as client:
        answer = client.post(
            "/sign-in", content=body, headers={"Content-Type": "application/x-www-form-urlencoded"}
        )
        assert answer.status_code == status and not client.cookies
        for kind in (
            "application/json",
            "multipart/form-data; boundary=a",
            "application/x-www-form-urlencoded; charset=utf-16",
        ):
            assert client.post(
                "/sign-in", content=b"name=ann", headers={"Content-Type": kind}
            ).status_code in (400, 415)


def test_over_https_the_cookie_is_sent_over_https_alone(store: Store) -> None:
    with page(SignIns(store)) as client:
        data = {"name": "ann", "password": PASSWORD}
        assert (
            "secure"
            in client.post("/sign-in", data=data, headers={"X-Forwarded-Proto": "https"})
            .headers["set-cookie"]
            .lower()
        )
        assert "secure" not in client.post("/sign-in", data=data).headers["set-cookie"].lower()
