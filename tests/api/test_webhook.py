"""The webhook: signed, repeated until it is confirmed, to its one address; no save waits for it or knows of it."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from magic_demo.__main__ import main
from magic_demo.api.webhook import (
    MOST_TRIES,
    SECRET_VARIABLE,
    SIGNATURE,
    Receiver,
    Teller,
    post,
    read_receiver,
    sign,
)
from magic_demo.core.errors import ReachError
from magic_demo.core.review_types import CaseKey, Review
from magic_demo.reviews.store import NewCase, Store
from magic_demo.reviews.store.rows.programs import outbox
from tests.conftest import REPOSITORY

SECRET = "a secret of enough characters"
RECEIVER = Receiver("http://127.0.0.1:9/hook", SECRET)
DONE = Review("Anna Meier", "Li", "assisted", "done", queue="Meier", comment="her words")


class Receiving:
    """A receiver that answers as it is told, and a clock."""

    def __init__(self) -> None:
        self.status, self.told = 200, list[tuple[bytes, str]]()
        self.time = datetime(2026, 12, 1, tzinfo=UTC)

    def send(self, receiver: Receiver, body: bytes, headers: Mapping[str, str]) -> int:
        self.told.append((body, headers[SIGNATURE]))
        if self.status == 0:
            raise TimeoutError("timed out")
        return self.status

    def numbers(self) -> list[int]:
        return [json.loads(body)["review"] for body, _ in self.told]

    def teller(self, store: Store) -> Teller:
        return Teller(store, RECEIVER, send=self.send, now=lambda: self.time)


@pytest.fixture
def receiving(store: Store) -> Receiving:
    """Return a receiver of a store with a review that was finished before it was named."""
    store.add_reader("Li")
    store.add_cases("Meier", [NewCase("Anna Meier"), NewCase("Bo")])
    store.save(DONE)
    made = Receiving()
    made.teller(store).tell()
    assert made.told == []
    return made


def test_a_finished_review_is_told_once_by_its_number_and_signed(store: Store, receiving: Receiving) -> None:
    store.save(replace(DONE, state="in progress", comment="going on"))
    saved = store.save(replace(DONE, comment="done"))
    for _ in range(2):
        receiving.teller(store).tell()
    ((body, signature),) = receiving.told
    assert json.loads(body) == {
        "event": "review.done",
        "review": saved.number,
        "kind": "assisted",
        "complete": False,
        "saved_at": saved.saved_at.isoformat(),
    }
    seconds, code = (part.partition("=")[2] for part in signature.split(","))
    expected = hmac.new(SECRET.encode(), f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
    assert code == expected and int(seconds) == receiving.time.timestamp()


def test_the_documented_check_tells_ours_from_others() -> None:
    *_, example = re.findall(
        r"```python\n(.*?)```", (REPOSITORY / "docs" / "api.md").read_text("utf-8"), re.DOTALL
    )
    names: dict[str, Any] = {}
    exec(example, names)
    signature = sign(SECRET, b"{}", 1_796_083_200)
    assert names["is_ours"](SECRET.encode(), signature, b"{}")
    for secret, said, body in (
        (b"another", signature, b"{}"),
        (SECRET.encode(), signature.replace("t=1", "t=2"), b"{}"),
        (SECRET.encode(), signature, b"{ }"),
    ):
        assert not names["is_ours"](secret, said, body)


@pytest.mark.parametrize("status", [0, 302, 500])
def test_what_is_not_confirmed_is_sent_again_ever_more_rarely(
    store: Store, receiving: Receiving, status: int
) -> None:
    store.save(replace(DONE, comment="again"))
    receiving.status = status
    receiving.teller(store).tell()
    for count, seconds in enumerate((10, 20, 40, 80), start=1):
        for more, sent in ((seconds - 1, count), (1, count + 1)):
            receiving.time += timedelta(seconds=more)
            receiving.teller(store).tell()  # another program each time: what is due stands in the store
            assert len(receiving.told) == sent
    receiving.status = 200
    for _ in range(2):
        receiving.time += timedelta(hours=1)
        receiving.teller(store).tell()
    assert len(receiving.told) == 6 and len(set(receiving.numbers())) == 1


def test_after_about_a_day_a_review_is_given_up_and_the_others_go_on(
    store: Store, receiving: Receiving, capsys: pytest.CaptureFixture[str]
) -> None:
    first = store.save(replace(DONE, comment="first")).number
    receiving.status = 500
    began = receiving.time
    for _ in range(MOST_TRIES + 2):
        receiving.teller(store).tell()
        receiving.time += timedelta(hours=1)
    assert receiving.numbers() == [first] * MOST_TRIES and receiving.time - began > timedelta(days=1)
    assert f"review {first} is told no more (status 500)" in capsys.readouterr().err
    receiving.status = 200
    second = store.save(replace(DONE, comment="second")).number
    receiving.teller(store).tell()
    assert receiving.numbers()[-1] == second


def test_a_review_whose_case_was_deleted_is_not_told(store: Store, receiving: Receiving) -> None:
    store.save(replace(DONE, comment="again"))
    receiving.status = 500
    receiving.teller(store).tell()
    store.delete_case(CaseKey("Meier", "Anna Meier"))
    receiving.time += timedelta(hours=1)
    receiving.teller(store).tell()
    assert len(receiving.told) == 1 and store.list_due(RECEIVER.digest, receiving.time) == []


def test_a_review_that_another_process_sends_is_not_sent_twice(store: Store, receiving: Receiving) -> None:
    store.save(replace(DONE, comment="again"))
    both = [receiving.teller(store), receiving.teller(store)]
    send = receiving.send

    def send_while_the_other_looks(receiver: Receiver, body: bytes, headers: Mapping[str, str]) -> int:
        if not receiving.told:
            status = send(receiver, body, headers)
            both[1].tell()
            return status
        return send(receiver, body, headers)

    both[0] = Teller(store, RECEIVER, send=send_while_the_other_looks, now=lambda: receiving.time)
    both[0].tell()
    assert len(receiving.told) == 1


def test_however_many_were_finished_at_once_all_are_told(
    store: Store, receiving: Receiving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "AT_ONCE", 2)
    numbers = [store.save(replace(DONE, comment=str(number))).number for number in range(5)]
    for _ in range(4):
        receiving.teller(store).tell()
    assert receiving.numbers() == numbers


def test_one_process_alone_gets_a_review_to_send(store: Store, receiving: Receiving) -> None:
    number, now = store.save(replace(DONE, comment="done")).number, receiving.time
    assert store.fill_outbox(RECEIVER.digest, now) == 1
    later = now + timedelta(seconds=10)
    assert [store.claim_due(RECEIVER.digest, number, now, later) for _ in range(2)] == [True, False]
    assert store.claim_due(RECEIVER.digest, number, later, later + timedelta(seconds=10))


def test_saves_go_on_while_a_receiver_never_answers(tmp_path: Path) -> None:
    """A save asks nothing of the webhook: here it returns while a receiver holds the one thread that sends."""
    stuck, go = threading.Event(), threading.Event()

    def hang(receiver: Receiver, body: bytes, headers: Mapping[str, str]) -> int:
        stuck.set()
        assert go.wait(60)
        return 200

    with Store.open(tmp_path / "store", wait_seconds=5) as store:
        store.add_reader("Li")
        store.add_cases("Meier", [NewCase("Anna Meier")])
        teller = Teller(store, RECEIVER, send=hang)
        teller.tell()
        store.save(DONE)
        teller.start()
        assert stuck.wait(60)
        saved = [store.save(replace(DONE, comment=str(number))).number for number in range(20)]
        assert len(store.history(DONE.case, "Li")) == 21
        teller.stop()
        go.set()
        after = Receiving()
        after.time = datetime.now(UTC) + timedelta(days=1)
        # twenty at a time, the first review among them if its answer has not been noted yet
        for _ in range(2):
            after.teller(store).tell()
        assert after.numbers()[-20:] == saved, "none is lost"


@pytest.fixture
def silent() -> Iterator[str]:
    """Give the address of a receiver that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"


@pytest.fixture
def dripping() -> Iterator[str]:
    """Give the address of a receiver that sends a byte now and then, without end."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            taken, _ = server.accept()
            with taken:
                try:
                    while not stop.wait(0.02):
                        taken.sendall(b"x")
                except OSError:
                    pass

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        stop.set()
        thread.join(20)


@pytest.mark.parametrize("kind", ["silent", "dripping"])
def test_sending_ends_though_the_receiver_does_not_answer(request: pytest.FixtureRequest, kind: str) -> None:
    receiver = Receiver(request.getfixturevalue(kind), SECRET)
    with pytest.raises((OSError, HTTPException)):
        post(receiver, b"{}", {}, seconds=0.3)


def test_a_redirect_leads_nowhere() -> None:
    asked: list[tuple[str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(307)
            self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        receiver = Receiver(f"http://127.0.0.1:{server.server_port}/hook?a=1", SECRET)
        assert post(receiver, b"{}", {"Content-Type": "application/json"}) == 307
        server.shutdown()
    assert asked == [("/hook?a=1", b"{}")]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://a/",
        "https://",
        "http://name:word@host/",
        "https://a b/",
        "https://a:x/",
        "file:///etc/passwd",
    ],
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ReachError, match="an address as https://host/path"):
        read_receiver(url, {SECRET_VARIABLE: SECRET})


def test_a_webhook_needs_a_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(SECRET_VARIABLE, raising=False)
    assert main(["serve", "--webhook", "https://host/hook", "--store", str(tmp_path)]) == 1
    assert SECRET_VARIABLE in capsys.readouterr().err
    assert read_receiver("https://host/hook", {SECRET_VARIABLE: SECRET}) == Receiver(
        "https://host/hook", SECRET
    )
    assert SECRET not in repr(Receiver("https://host/hook", SECRET))
