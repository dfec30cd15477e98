"""A proxy says who somebody is, from its own address alone; nobody else does, whatever they send."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from magic_demo.core.errors import ReachError, StoreError
from magic_demo.page.server.gate.gate import list_gates
from magic_demo.page.server.reach import check_reach
from magic_demo.page.server.sign_in.sign_in import list_sign_in_routes
from magic_demo.page.server.sign_in.trusted_proxy import read_trusted_proxy
from magic_demo.page.server.sweeping import list_alive_routes
from magic_demo.page.session.desk.desk import Desk
from magic_demo.page.session.sign_in.sign_ins import COOKIE, SignIns
from magic_demo.reviews.store import Store
from magic_demo.reviews.store.rows.readers import LONGEST_READER_NAME

PASSWORD = "a long password"
PROXY = ["10.1.2.3", "2001:db8:7::/64"]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path) as store:
        store.add_reader("Ann")
        store.add_reader("Bo", password=PASSWORD)
        yield store


def page(store: Store, peer: str) -> TestClient:
    """Return who talks to a page over a connection from an address."""
    sign_ins = SignIns(store)

    def who(request: Request) -> Response:
        reader = sign_ins.find_reader(request.cookies)
        client = request.client.host if request.client else ""
        return PlainTextResponse(f"{reader.name if reader else 'nobody'} {client}")

    routes = [
        Route("/", who),
        *list_sign_in_routes(sign_ins, refused_seconds=0),
        *list_alive_routes(Desk(store, sign_ins=sign_ins)),
    ]
    gates = list_gates(sign_ins, "0.0.0.0", proxy=read_trusted_proxy("X-Remote-User", PROXY))
    return TestClient(
        Starlette(routes=routes, middleware=gates), follow_redirects=False, client=(peer, 50000)
    )


@pytest.mark.parametrize("peer", ["10.1.2.3", "::ffff:10.1.2.3", "2001:db8:7::9", "2001:DB8:7::9%eth0"])
def test_the_proxy_names_the_reader_and_no_cookie_is_set(store: Store, peer: str) -> None:
    with page(store, peer) as client:
        answer = client.get("/", headers={"X-Remote-User": "ann", "X-Forwarded-For": "192.0.2.9"})
        assert answer.text == "Ann 192.0.2.9" and "set-cookie" not in answer.headers
        assert client.get("/", headers={"x-remote-user": "bo"}).text.startswith("Bo "), (
            "whom it names, at once"
        )
        assert client.get("/").headers["location"] == "sign-in", "without a name nobody"
    assert [entry.what for entry in store.trail() if entry.who in ("Ann", "Bo")].count("sign-in") == 2


@pytest.mark.parametrize(
    "peer",
    [
        "10.1.2.4",
        "192.0.2.9",
        "127.0.0.1",
        "::1",
        "2001:db8:8::9",
        "::ffff:10.1.2.4",
        "::10.1.2.3",
        "testclient",
    ],
)
@pytest.mark.parametrize(
    "headers",
    [
        {"X-Remote-User": "ann"},
        {"X-Remote-User": "ann", "X-Forwarded-For": "10.1.2.3"},
        {"X-Remote-User": "ann", "X-Forwarded-For": "10.1.2.3, 10.1.2.3", "Forwarded": "for=10.1.2.3"},
        {"X-Remote-User": "ann", "X-Real-IP": "10.1.2.3", "X-Forwarded-Host": "10.1.2.3"},
        {"X-Remote-User": "ann", "Via": "1.1 10.1.2.3", "Host": "10.1.2.3"},
        {"X_Remote_User": "ann"},
        {"Cookie": f"{COOKIE}=ann"},
    ],
)
def test_nobody_else_names_a_reader_whatever_they_send(
    store: Store, peer: str, headers: dict[str, str]
) -> None:
    with page(store, peer) as client:
        assert client.get("/", headers=headers).headers.get("location") == "sign-in"
    assert not [entry for entry in store.trail() if entry.what == "sign-in"]


def test_through_two_proxies_the_last_one_counts_and_what_was_spoofed_before_it_does_not(
    store: Store,
) -> None:
    two = {"X-Remote-User": "ann", "X-Forwarded-For": "10.1.2.3, 192.0.2.9, 2001:db8:7::5"}
    with page(store, "10.1.2.3") as client:
        assert client.get("/", headers=two).text == "Ann 192.0.2.9", "the browser, past both proxies"
        spoofed = {**two, "X-Forwarded-For": "198.51.100.1, 192.0.2.9"}
        assert client.get("/", headers=spoofed).text == "Ann 192.0.2.9", "what the browser said comes first"
    with page(store, "192.0.2.200") as client:
        assert client.get("/", headers=two).status_code == 303, "a proxy that was not named"


def test_a_header_that_comes_twice_is_refused(store: Store) -> None:
    with page(store, "10.1.2.3") as client:
        answer = client.get("/", headers=[("X-Remote-User", "ann"), ("X-Remote-User", "bo")])
        assert answer.status_code == 403, "which one was the proxy's nobody can tell"


def test_who_is_no_reader_here_is_told_so_and_a_removed_reader_is_none(store: Store) -> None:
    with page(store, "10.1.2.3") as client:
        assert client.get("/", headers={"X-Remote-User": "ann"}).status_code == 200
        store.remove_reader("ann")
        for name in ("ann", "cy", "\xff"):
            answer = client.get("/", headers={b"X-Remote-User": name.encode("latin-1")})
            assert answer.status_code == 403 and "no reader here" in answer.text and "cy" not in answer.text


def test_passwords_go_on_working_beside_the_proxy(store: Store) -> None:
    with page(store, "192.0.2.9") as client:
        assert client.post("/sign-in", data={"name": "bo", "password": PASSWORD}).status_code == 303
        assert client.get("/", headers={"X-Remote-User": "ann"}).text == "Bo 192.0.2.9"


def test_whether_the_page_works_is_told_to_everybody_and_nothing_else(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_store: Store) -> bool:
        raise StoreError("/home/ann/reviews: no such database")

    with page(store, "192.0.2.9") as client:
        answer = client.get("/healthz")
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
        assert client.head("/healthz").status_code == 200 and client.post("/healthz").status_code in (
            403,
            404,
        )
        assert "set-cookie" not in answer.headers
        monkeypatch.setattr(Store, "needs_sign_in", fail)
        gone = client.get("/healthz")
    assert gone.status_code == 503 and gone.json() == {"status": "the store cannot be read"}


@pytest.mark.parametrize(
    ("header", "addresses"),
    [
        ("X-Remote-User", None),
        (None, ["10.1.2.3"]),
        ("X-Remote-User", []),
        ("Cookie", ["10.1.2.3"]),
        ("x-forwarded-for", ["10.1.2.3"]),
        ("X Remote", ["10.1.2.3"]),
        ("X_Remote_User", ["10.1.2.3"]),
        ("X-Remote-User", ["proxy.example"]),
        ("X-Remote-User", ["10.1.2.3/24"]),
        ("X-Remote-User", ["0.0.0.0/0"]),
        ("X-Remote-User", ["10.1.2.3,::/0"]),
    ],
)
def test_what_names_no_proxy_is_refused_in_one_line(header: str | None, addresses: list[str] | None) -> None:
    with pytest.raises(ReachError, match="--trust-"):
        read_trusted_proxy(header, addresses)
    assert read_trusted_proxy(None, None) is None


def test_with_a_proxy_other_computers_may_come_before_anybody_has_a_password(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        desk = Desk(store, sign_ins=SignIns(store))
        with pytest.raises(ReachError, match="others could read"):
            check_reach("0.0.0.0", desk, {})
        assert "proxy" in check_reach("0.0.0.0", desk, {}, by_proxy=True)[0]


def test_a_name_that_begins_as_a_readers_is_somebody_else(store: Store) -> None:
    longest = "a" * LONGEST_READER_NAME
    store.add_reader(longest)
    with page(store, "10.1.2.3") as client:
        assert client.get("/", headers={"X-Remote-User": longest}).text.startswith(longest)
        assert client.get("/", headers={"X-Remote-User": f"{longest}b"}).status_code == 403


def test_whose_account_is_called_local_is_not_the_local_reader(store: Store) -> None:
    with page(store, "10.1.2.3") as client:
        for name in ("local", "LOCAL", "ｌｏｃａｌ"):
            refused = client.get("/", headers={b"X-Remote-User": name.encode()})
            assert refused.status_code == 403, refused.text
