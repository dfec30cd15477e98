"""A page over a queue, and tabs of readers that say what browsers say."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import gradio as gr
import numpy as np
from PIL import Image

from magic_demo.core.review_types import Review
from magic_demo.core.types import Mask
from magic_demo.page.build import Desk, PredictorSource, lay_out_page
from magic_demo.page.events.drafts.saving import Saver
from magic_demo.page.events.review.queue_handlers import QueueHandlers
from magic_demo.page.events.review.reading_handlers import ReadingHandlers
from magic_demo.page.events.review.review_handlers import ReviewHandlers
from magic_demo.page.events.review.review_state import ReviewState
from magic_demo.page.session.review import Drafts
from magic_demo.questions.families import load_families
from magic_demo.reviews.store import LOCAL_READER, NewCase, Reader, Store
from tests.support.stand_ins import stand_in_predictor

FAMILY = load_families()[0].family_id


class EverybodySignedIn:
    """Takes the cookie's word for who somebody is: passwords are slow to check, and are not what is tested
    here."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def find_reader(self, cookies: dict[str, str]) -> Reader:
        return self.store.reader(cookies["name"])


class Room:
    """A page over one queue, its events called as Gradio would."""

    def __init__(self, folder: Path, size: tuple[int, int], photos: int, *, drafts: int = 256) -> None:
        for number in range(photos):
            folder.joinpath("clinic").mkdir(exist_ok=True)
            Image.new("RGB", size[::-1], (200, 150, 130 + number)).save(
                folder / "clinic" / f"IMG_ENC00001_0000{number + 1}.png", compress_level=1
            )
        self.photos = folder / "clinic"
        self.store = Store.open(folder / "store")
        self.desk = Desk(self.store)
        self.store.add_cases("clinic", [NewCase("ENC00001", str(folder / "clinic"), photos_kept=True)])
        source = PredictorSource(stand_in_predictor)

        async def lay() -> Any:
            return lay_out_page(source, (), self.desk)[1]

        self.page = asyncio.run(lay())
        self.page.drafts = Drafts(max_stored=drafts)
        self.state = ReviewState(self.page, self.desk, Saver(self.desk, self.page.drafts, self.page.cases))
        self.queue, self.bar, self.review = (
            QueueHandlers(self.page, self.state),
            ReadingHandlers(self.state),
            ReviewHandlers(self.page, self.state),
        )
        self.keys = [case.key for case in self.store.list_cases("clinic", LOCAL_READER)]


class Tab:
    """A tab of a reader: what it was told last, and what it says with every change."""

    count = 0

    def __init__(self, room: Room, reader: str = LOCAL_READER, mode: str = "assisted") -> None:
        Tab.count += 1
        self.room, self.reader, self.mode, self.name = room, reader, mode, f"tab{Tab.count}"
        self.request = cast(gr.Request, SimpleNamespace(session_hash=self.name, cookies={"name": reader}))
        self.base = self.turn = 0
        self.case = ""
        self.key = room.keys[0]

    def open(self, number: int = 0) -> dict[Any, Any]:
        self.key = self.room.keys[number]
        told = {"open": self.key.case_id, "queue": self.key.queue, "order": "position", "mode": self.mode}
        inputs = {self.room.page.parts.case: None, self.room.page.parts.spoken: "en"}
        shown = self.room.queue.open(inputs, gr.EventData(None, told), self.request)
        form = shown[self.room.page.parts.form]
        self.case, self.base = form["case"], form["saved"]["number"]
        return shown

    def say(self, what: dict[str, Any]) -> dict[str, Any]:
        """Return what a change says beside itself."""
        self.turn += 1
        of = {
            "queue": self.key.queue,
            "id": self.key.case_id,
            "reader": self.reader,
            "mode": self.mode,
            "base": self.base,
        }
        return {"case": self.case, "of": of, "turn": f"{self.name}.{self.turn}", **what}

    def send(self, handler: Any, told: dict[str, Any], *, hears: bool = True) -> dict[Any, Any]:
        answer: dict[Any, Any] = handler(gr.EventData(None, told), self.request)
        if hears:
            self.base = max(self.base, self.saved(answer)["number"])
        return answer

    def saved(self, answer: dict[Any, Any]) -> dict[str, Any]:
        """Return what an answer says to be saved, which has to be a row of the store."""
        form = answer.get(self.room.page.parts.form)
        assert form is not None, answer[self.room.page.parts.status]
        saved: dict[str, Any] = form["saved"]
        assert self.room.store.review(saved["number"], self.key, self.reader) is not None
        return saved

    def answer(self, family: str, option: int, *, hears: bool = True) -> dict[Any, Any]:
        told = self.say({"answers": {family: [option]}, "specified": {}, "touched": [family]})
        return self.send(self.room.review.answer, told, hears=hears)

    def outline(self, photo: str, runs: dict[str, Any] | None, *, hears: bool = True) -> dict[Any, Any]:
        told = self.say({"photo": photo, **(runs or {"width": 0, "height": 0, "runs": None})})
        return self.send(self.room.review.outline, told, hears=hears)

    def comment(self, words: str, *, hears: bool = True) -> dict[Any, Any]:
        told = self.say(
            {"comment": words, "flagged": False, "difficulty": None, "unusable": [], "touched": ["comment"]}
        )
        return self.send(self.room.bar.note, told, hears=hears)

    def latest(self) -> Review:
        saved = self.room.store.latest(self.key, self.reader)
        assert saved is not None
        return saved.review


def disc(size: tuple[int, int], number: int) -> Mask:
    rows, columns = np.ogrid[: size[0], : size[1]]
    return np.asarray(
        (rows - size[0] / 2) ** 2 + (columns - size[1] / 3) ** 2 < (size[0] / (3 + number)) ** 2
    )
