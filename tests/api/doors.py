"""The doors of other programs over a store with three readers and a read queue, with a stand-in for the models."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.testclient import TestClient

from magic_demo.api.jobs import Job
from magic_demo.api.routes import list_api_routes
from magic_demo.api.verbs import Verbs
from magic_demo.core.review_types import CaseKey
from magic_demo.page.server.gate.gate import list_gates
from magic_demo.page.server.gate.programs import API, Programs
from magic_demo.page.session.desk.desk import Desk
from magic_demo.page.session.inference.source import PredictorSource
from magic_demo.page.session.sign_in.sign_ins import SignIns
from magic_demo.reviews.store import NewCase, ReaderRole, Store
from tests.support.fake_predictor import FakePredictor
from tests.support.store.reviewed_cases import QUEUE, make_queue

READERS: dict[str, ReaderRole] = {"Li": "reader", "Wang": "adjudicator", "Bo": "reader", "Pat": "presenter"}
SECOND_CASE = CaseKey(QUEUE, "ENC00002")


@dataclass
class Doors:
    """A server with the doors open, and a token of each reader."""

    store: Store
    desk: Desk
    verbs: Verbs
    predictor: FakePredictor
    client: TestClient
    tokens: dict[str, str]
    numbers: dict[str, int] = field(default_factory=dict)

    def ask(self, who: str, method: str, path: str, **sent: Any) -> Any:
        """Ask as a reader's program; nobody has the name ""."""
        headers = {"Authorization": f"Bearer {self.tokens[who]}"} if who else {}
        return self.client.request(method, API + path, headers={**headers, **sent.pop("headers", {})}, **sent)

    def get(self, who: str, path: str, **query: Any) -> Any:
        """Return what an address answers that has to answer."""
        answer = self.ask(who, "GET", path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def begin(self, who: str, *photos: bytes, **fields: str) -> Any:
        """Send a case, and return what is answered."""
        files = [("photos", (f"arm{number}.png", content)) for number, content in enumerate(photos)]
        sent = {"consent": "given", **fields}
        if not files:  # a form in parts, without a file
            files = [(name, (None, value)) for name, value in sent.items()]  # type: ignore[misc]
            sent = {}
        return self.ask(who, "POST", "/predictions", data=sent, files=files)

    def finish(self, who: str, begun: Any) -> Any:
        """Wait for the end of a job that began, and return it."""
        assert begun.status_code == 202, begun.text
        job = begun.json()["job"]
        wait_for(self.verbs.jobs.find(job, self.numbers[who]))
        return self.get(who, f"/jobs/{job}")

    def export(self, who: str, format: str) -> Any:
        """Export the read queue, and return the job at its end."""
        asked = {"queue": QUEUE, "format": format}
        return self.finish(who, self.ask(who, "POST", "/exports", json=asked))


def wait_for(job: Job, seconds: float = 60) -> None:
    """Wait until a job has ended, one way or the other."""
    assert job.over.wait(seconds), f"the job is still {job.state}: {job.what}"


@contextmanager
def open_doors(
    folder: Path, predictor: FakePredictor | None = None, *, tools: bool = False
) -> Iterator[Doors]:
    """Serve the API, and nothing else of the page, behind its gate."""
    queue, predictor = make_queue(folder / QUEUE), predictor or FakePredictor()
    with Store.open(folder / "store") as store:
        for name, role in READERS.items():
            store.add_reader(name, role=role)
        desk = Desk(store, sign_ins=SignIns(store))
        desk.add_queue(queue.folder)
        for saved in queue.reviews:
            store.save(saved.review)
        store.add_cases("others", [NewCase("ENC00009")])
        store.assign(CaseKey("others", "ENC00009"), ["Bo"])
        source = PredictorSource(lambda: predictor)
        source.start()
        verbs = Verbs(desk, source)
        programs = Programs(store.find_token, tools=tools)
        app = Starlette(
            routes=list_api_routes(verbs, tools=tools),
            middleware=list_gates(desk.sign_ins, "127.0.0.1", programs=programs),
        )
        made = {name: store.make_token(name, "a test") for name in READERS}
        with TestClient(app, base_url="http://127.0.0.1:7860", raise_server_exceptions=False) as client:
            yield Doors(
                store,
                desk,
                verbs,
                predictor,
                client,
                {name: words for name, (words, _) in made.items()},
                {name: token.number for name, (_, token) in made.items()},
            )


def held_back() -> tuple[FakePredictor, threading.Event]:
    """Return a predictor that goes on when the event is set."""
    predictor, go = FakePredictor(), threading.Event()
    predictor.before_first_step = lambda: _wait(go)
    return predictor, go


def _wait(event: threading.Event) -> None:
    assert event.wait(60)


@contextmanager
def listening(doors: Doors) -> Iterator[str]:
    """Serve the doors on a port of this computer, and give its address."""
    config = uvicorn.Config(doors.client.app, host="127.0.0.1", port=0, log_level="warning", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        thread.join(0.02)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)
