"""The page without a browser: its handlers over a fake predictor, and the values that a browser would
hold."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from magic_demo.core.types import Language
from magic_demo.page.build import Desk, PredictorSource, lay_out_page
from magic_demo.page.events.drafts.saving import Saver
from magic_demo.page.events.handlers import Handlers
from magic_demo.page.events.review.review_handlers import ReviewHandlers
from magic_demo.page.events.review.review_state import ReviewState
from magic_demo.synthetic.bundled import Example
from tests.support.fake_predictor import FakePredictor

REQUEST = SimpleNamespace(session_hash="mine")


def lay_out(
    predictor: FakePredictor, examples: Sequence[Example] = (), desk: Desk | None = None
) -> tuple[gr.Blocks, Handlers]:
    """Lay out the page inside a running event loop: outside of one Gradio makes loops that nobody closes."""
    source = PredictorSource(lambda: predictor)
    source.start()
    source.wait(10)

    async def lay() -> tuple[gr.Blocks, Handlers]:
        return lay_out_page(source, examples, desk)

    return asyncio.run(lay())


def reviewing(handlers: Handlers) -> ReviewHandlers:
    """Return what answers cards and outlines on a page that keeps no reviews."""
    desk = Desk()
    return ReviewHandlers(handlers, ReviewState(handlers, desk, Saver(desk, handlers.drafts, handlers.cases)))


class Browser:
    """The values a browser would hold: what handlers send is kept, and comes back as inputs."""

    def __init__(self, handlers: Handlers, language: Language = "en", session: str = "mine") -> None:
        self.handlers, self.parts = handlers, handlers.parts
        self.request: Any = SimpleNamespace(session_hash=session)
        panel = self.parts.panel
        self.values: dict[Any, Any] = {
            self.parts.case: None,
            self.parts.spoken: language,
            panel.narrative: "",
            panel.prompt: "",
        }
        self.run_enabled: list[bool] = []
        self.maps_seen: list[list[str]] = []
        self.found: list[str] = []

    def take(self, updates: dict[Any, Any]) -> None:
        for component, value in updates.items():
            if isinstance(value, dict) and value.get("__type__") == "update":
                if component is self.parts.panel.run and "interactive" in value:
                    self.run_enabled.append(value["interactive"])
                if component is self.parts.viewer and "found" in value:
                    self.show_maps(value["found"])
                continue
            self.values[component] = value

    def show_maps(self, lines: str) -> None:
        """Take the maps that have come, as the viewer does."""
        viewer = self.values[self.parts.viewer]
        found, *rest = (json.loads(line) for line in lines.splitlines())
        maps = {line["photo"]: line["levels"] for line in rest if "photo" in line}
        assert found["case"] == viewer["case"] and set(maps) <= {photo["name"] for photo in viewer["photos"]}
        photos = [{**photo, "levels": maps.get(photo["name"])} for photo in viewer["photos"]]
        self.values[self.parts.viewer] = {**viewer, "photos": photos}
        self.maps_seen.append(list(maps))
        self.found.append(lines)

    def choose(self, number: object) -> None:
        self.take(
            self.handlers.choose_example(self.values, gr.EventData(None, {"number": number}), self.request)
        )

    def upload(self, *files: Path) -> None:
        keys = [self.handlers.arrivals.take(file.name, file.read_bytes()) for file in files]
        event = gr.EventData(None, {"photos": keys, "lost": [], "reasons": []})
        self.take(self.handlers.upload(self.values, event, self.request))

    def clear(self) -> None:
        self.take(self.handlers.clear(self.values, self.request))

    def analyse(self) -> list[str]:
        """Run to the end; return the status lines that came."""
        self.take(self.handlers.ask(self.request))
        lines = [str(self.values[self.parts.status])]
        for updates in self.handlers.analyse(self.values, self.request):
            self.take(updates)
            lines.append(str(updates.get(self.parts.status, "")))
        return lines


def save_photo(folder: Path, name: str = "arm.png") -> Path:
    path = folder / name
    Image.fromarray(np.full((40, 60, 3), 120, np.uint8)).save(path)
    return path


def ask_why(browser: Browser, **asked: object) -> dict[Any, Any]:
    """Return what comes when the open case's reader asks why an option has its score."""
    payload = {
        "case": browser.values[browser.parts.case],
        "family": "CQID025",
        "option": 0,
        "request": 1,
        "language": "en",
        **asked,
    }
    return reviewing(browser.handlers).explain(browser.values, gr.EventData(None, payload), REQUEST)  # type: ignore[arg-type]
