"""A save waits for nothing that other readers wait for: neither for cases that open, nor for pictures and other slow
answers that hold every thread they may have."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from gradio.routes import App
from PIL import Image
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from magic_demo.core.review_types import CaseKey
from magic_demo.core.types import Photo
from magic_demo.files.photos.processes.workers import read_photo_apart
from magic_demo.page.build import Desk, PredictorSource, build_app, launch_settings, list_gates, list_routes
from magic_demo.page.server.downloads import thumbnails
from magic_demo.page.session.desk import photos
from magic_demo.page.session.sign_in.sign_ins import COOKIE, SignIns
from magic_demo.reviews.store import LOCAL_READER, Store
from tests.support.stand_ins import stand_in_predictor

SECONDS = 60.0
THREADS = 40
"""What everything but events and the gate share."""
MANY = THREADS + 20
PASSWORD = "a long password"


class Held:
    """Holds whoever comes until it is let go."""

    def __init__(self) -> None:
        self.inside, self.go = threading.Semaphore(0), threading.Event()

    def wait(self) -> None:
        self.inside.release()
        assert self.go.wait(SECONDS)

    def wait_until_inside(self, count: int) -> None:
        for _ in range(count):
            assert self.inside.acquire(timeout=SECONDS)

    @contextmanager
    def letting_go(self) -> Iterator[None]:
        try:
            yield
        finally:
            self.go.set()


def test_whoever_saves_comes_in_while_slow_answers_hold_every_thread(tmp_path: Path) -> None:
    held = Held()

    def send_slowly(_request: Request) -> Response:
        held.wait()
        return PlainTextResponse("late")

    async def save(_request: Request) -> Response:
        return PlainTextResponse("saved")

    routes = [
        Route("/take-away/csv", send_slowly),
        Route("/gradio_api/queue/join", save, methods=["POST"]),
    ]
    with Store.open(tmp_path) as store:
        store.add_reader("Ann", password=PASSWORD)
        sign_ins = SignIns(store)
        app = Starlette(routes=routes, middleware=list_gates(sign_ins, "127.0.0.1"))
        cookies = {COOKIE: str(sign_ins.enter("Ann", PASSWORD))}
        with (
            ThreadPoolExecutor(MANY) as pool,
            TestClient(app, base_url="http://127.0.0.1:7860", cookies=cookies) as client,
            held.letting_go(),
        ):
            late = [pool.submit(client.get, "/take-away/csv") for _ in range(MANY)]
            held.wait_until_inside(THREADS)
            body = {"session_hash": "abc123", "data": []}
            assert client.post("/gradio_api/queue/join", json=body).text == "saved"
            assert not any(answer.done() for answer in late)
            held.go.set()
            assert {answer.result(SECONDS).text for answer in late} == {"late"}


def test_pictures_of_the_list_leave_threads_to_everything_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held()

    def draw_late(self: thumbnails.Thumbnails, *_asked: object) -> None:
        held.wait()

    def answer(_request: Request) -> Response:
        return PlainTextResponse("at once")

    monkeypatch.setattr(thumbnails.Thumbnails, "draw", draw_late)
    with Store.open(tmp_path) as store:
        routes = [*thumbnails.list_thumbnail_routes(Desk(store)), Route("/other", answer)]
        with (
            ThreadPoolExecutor(MANY) as pool,
            TestClient(Starlette(routes=routes)) as client,
            held.letting_go(),
        ):
            late = [pool.submit(client.get, "/thumbnail") for _ in range(MANY)]
            held.wait_until_inside(thumbnails.AT_ONCE)
            assert client.get("/other").text == "at once" and not any(one.done() for one in late)
            held.go.set()
            assert {one.result(SECONDS).content for one in late} == {thumbnails.NOTHING}


class Page:
    """The whole page over two cases of a photo each, without a socket; nobody signs in."""

    def __init__(self, folder: Path, store: Store) -> None:
        (folder / "clinic").mkdir()
        for number in (1, 2):
            photo = folder / "clinic" / f"IMG_ENC0000{number}_00001.png"
            Image.new("RGB", (64, 48), (200, 140, 130)).save(photo)
        desk, source = Desk(store), PredictorSource(stand_in_predictor)
        desk.add_queue(folder / "clinic")
        settings = launch_settings(list_routes(source, (), desk), list_gates(None, "127.0.0.1"))

        async def build() -> tuple[gr.Blocks, App]:
            blocks = build_app(source, (), desk)
            blocks.share, blocks.max_file_size, blocks.run_history = False, None, False
            blocks.max_threads = settings["max_threads"]
            blocks.create_limiter()  # type: ignore[no-untyped-call]
            return blocks, App.create_app(blocks, app_kwargs=settings["app_kwargs"])

        self.blocks, self.app = asyncio.run(build())
        self.client = TestClient(self.app, base_url="http://127.0.0.1:7860")

    def send(self, element: str, name: str, told: dict[str, Any], session: str) -> dict[str, Any]:
        """Send an event, and return what each element is told."""
        number, target = next(
            (number, target)
            for number, event in self.blocks.fns.items()
            for target, kind in event.targets
            if kind == name and target is not None and self.blocks.blocks[target].elem_id == element
        )
        event = self.blocks.fns[number]
        body = {
            "data": [None] * len(event.inputs),
            "event_data": told,
            "fn_index": number,
            "trigger_id": target,
            "session_hash": session,
        }
        answer = self.client.post("/gradio_api/run/predict", json=body)
        assert answer.status_code == 200, answer.text
        told_each = zip(event.outputs, answer.json()["data"], strict=True)
        return {str(part.elem_id): said for part, said in told_each}

    def open_case(self, case_id: str, session: str) -> dict[str, Any]:
        told = {"queue": "clinic", "order": "position", "mode": "assisted", "open": case_id}
        return self.send("queue-panel", "open", told, session)


def test_a_save_is_answered_while_a_hundred_readers_wait_for_a_case_to_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, readers = Held(), 100

    def read_late(path: Path, *, photo_id: str) -> Photo:
        if "ENC00002" in path.name:
            held.wait()
        return read_photo_apart(path, photo_id=photo_id)

    monkeypatch.setattr(photos, "read_photo_apart", read_late)
    with Store.open(tmp_path / "store") as store, ThreadPoolExecutor(readers) as pool:
        page = Page(tmp_path, store)
        first, second = (case.key.case_id for case in store.list_cases("clinic", LOCAL_READER))
        with page.client, held.letting_go():
            shown = page.open_case(first, "mine")
            case, form = shown["queue-panel"]["props"]["row"]["case"], shown["review-form"]
            of = {**form["stored"], "mode": "assisted", "base": form["saved"]["number"]}
            opening = [pool.submit(page.open_case, second, f"other{number}") for number in range(readers)]
            held.wait_until_inside(1)
            note = {"case": case, "of": of, "turn": f"{case}.1", "comment": "it itches"}
            said = page.send("review-form", "note", {**note, "touched": ["comment"]}, "mine")
            assert 'data-state="done"' in said["status"] and not any(one.done() for one in opening)
            held.go.set()
            assert all(len(one.result(SECONDS)["viewer"]["photos"]) == 1 for one in opening)
        saved = store.latest(CaseKey("clinic", first), LOCAL_READER)
        assert saved is not None and saved.review.comment == "it itches"
