"""Photos over HTTP: who may send one, what is refused before it is read, and that nothing of it is written
anywhere."""

from __future__ import annotations

import io
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from magic_demo.core.limits import LIMITS
from magic_demo.page.panels.case.photo_intake import CONSENT, SENT_AT_ONCE, list_intake_routes
from magic_demo.page.server.gate.gate import list_gates
from magic_demo.page.session.arrivals import Arrivals

GIVEN = {CONSENT: "given"}


def encode() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.full((40, 60, 3), 120, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


PHOTO = encode()


@pytest.fixture
def arrivals() -> Arrivals:
    return Arrivals()


@pytest.fixture
def client(arrivals: Arrivals) -> Iterator[TestClient]:
    app = Starlette(routes=list_intake_routes(arrivals), middleware=list_gates(None, "127.0.0.1"))
    with TestClient(app, base_url="http://127.0.0.1:7860") as client:
        yield client


def test_a_photo_that_was_sent_is_fetched_once_by_its_key(client: TestClient, arrivals: Arrivals) -> None:
    answer = client.post("/photos?name=left%20arm.png", content=PHOTO, headers=GIVEN)
    assert answer.status_code == 200 and answer.headers["cache-control"] == "no-store"
    key = answer.json()["photo"]
    (arrival,) = arrivals.fetch([key, key, "thought up", 3, None])
    assert arrival.photo is not None and (arrival.name, arrival.photo.size) == ("left arm", (40, 60))
    assert arrivals.fetch([key]) == [] and len(arrivals) == 0


@pytest.mark.parametrize("headers", [{}, {CONSENT: ""}, {CONSENT: "no"}, {"Cookie": f"{CONSENT}=given"}])
def test_without_consent_nothing_is_taken(
    client: TestClient, arrivals: Arrivals, headers: dict[str, str]
) -> None:
    answer = client.post("/photos?name=arm.png", content=PHOTO, headers=headers)
    assert answer.status_code == 403 and "tick the box" in answer.text and len(arrivals) == 0


def test_what_is_too_heavy_is_refused_and_not_kept(client: TestClient, arrivals: Arrivals) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(LIMITS.photo_bytes // 2**20 + 2):
            yield bytes(2**20)

    answer = client.post("/photos?name=arm.png", content=endless(), headers=GIVEN)
    assert answer.status_code == 413 and "64 MB" in answer.text and len(arrivals) == 0


@pytest.mark.parametrize(
    "name",
    [
        "arm.png",
        "arm.exe",
        "",
        "..",
        "../../../../tmp/planted.png",
        "/etc/planted.png",
        "C:\\planted.png",
        "a" * 5000,
    ],
)
def test_what_a_file_is_says_its_content_and_its_name_is_no_path(
    client: TestClient, arrivals: Arrivals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    keys = [
        client.post("/photos", params={"name": name}, content=content, headers=GIVEN).json()["photo"]
        for content in (PHOTO, b"<svg onload=alert(1)>")
    ]
    good, bad = arrivals.fetch(keys)
    assert good.photo is not None and bad.photo is None and "not a photo that can be read" in str(bad.problem)
    assert not {"/", "\\"} & set(good.name) and len(good.name) <= 200
    assert list(tmp_path.iterdir()) == [], "nothing is written"


def test_too_many_from_one_computer_are_told_to_wait(arrivals: Arrivals) -> None:
    now, burst = [0.0], int(SENT_AT_ONCE[0])
    app = Starlette(
        routes=list_intake_routes(arrivals, clock=lambda: now[0]), middleware=list_gates(None, "127.0.0.1")
    )
    with TestClient(app, base_url="http://127.0.0.1:7860") as client:

        def send(count: int) -> list[int]:
            return [client.post("/photos", content=b"x", headers=GIVEN).status_code for _ in range(count)]

        assert send(burst + 2) == [200] * burst + [429] * 2
        now[0] += 1 / SENT_AT_ONCE[1]
        assert send(2) == [200, 429]


def test_what_nobody_opens_is_forgotten() -> None:
    now = [0.0]
    arrivals = Arrivals(most=3, seconds=10, clock=lambda: now[0])
    keys = [arrivals.take(f"{number}.png", PHOTO) for number in range(5)]
    assert [one.name for one in arrivals.fetch(keys[:3])] == ["2"]
    now[0] = 11
    arrivals.take("late.png", PHOTO)
    assert len(arrivals) == 1


def test_what_nobody_opens_is_forgotten_though_nobody_asks_for_anything_any_more() -> None:
    arrivals = Arrivals(seconds=0.05)
    arrivals.take("a.png", PHOTO)
    while len(arrivals):  # a timer's work: no call of ours
        threading.Event().wait(0.01)
    assert arrivals.held_bytes == 0


def test_bytes_are_kept_and_no_pixels() -> None:
    arrivals = Arrivals()
    huge = io.BytesIO()
    Image.new("L", (4000, 4000)).save(huge, "PNG")
    arrivals.take("huge.png", huge.getvalue())
    assert arrivals.held_bytes == len(huge.getvalue()) < 100_000


def test_the_sum_of_bytes_is_bounded_and_who_sent_most_loses_first() -> None:
    arrivals = Arrivals(most_bytes=1000)
    quiet = arrivals.take("mine.png", bytes(100), "quiet")
    loud = [arrivals.take(f"{number}.png", bytes(300), "loud") for number in range(9)]
    assert arrivals.held_bytes <= 1000
    assert [len(arrivals.fetch([key])) for key in (quiet, *loud)] == [1, 0, 0, 0, 0, 0, 0, 1, 1, 1]


def test_what_is_coming_in_counts_and_makes_room() -> None:
    arrivals = Arrivals(most_bytes=1000)
    arrivals.take("a.png", bytes(400), "a")
    arrivals.take("b.png", bytes(400), "b")
    with arrivals.coming() as count:
        assert count(500) and len(arrivals) == 1
        assert not count(501), "there is no room for it, whatever goes"
    assert arrivals.held_bytes == 400


def test_photos_go_with_the_page_that_sent_them(client: TestClient, arrivals: Arrivals) -> None:
    keys = [client.post("/photos?name=a.png", content=PHOTO, headers=GIVEN).json()["photo"] for _ in range(3)]
    assert client.post("/photos", params={"forget": ",".join([*keys[:2], "thought up"])}).status_code == 204
    assert len(arrivals) == 1 and len(arrivals.fetch(keys)) == 1
