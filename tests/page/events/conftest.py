"""The page's handlers over a predictor without models, and a browser that sends them what a reader does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from magic_demo.page.events.handlers import Handlers
from magic_demo.synthetic.bundled import load_examples
from tests.support.fake_predictor import FakePredictor
from tests.support.open_tabs import Room
from tests.support.written_page import Browser, lay_out


@pytest.fixture
def predictor() -> FakePredictor:
    return FakePredictor()


@pytest.fixture
def handlers(predictor: FakePredictor) -> Handlers:
    return lay_out(predictor, load_examples())[1]


@pytest.fixture
def browser(handlers: Handlers) -> Browser:
    return Browser(handlers)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    room = Room(tmp_path, (40, 60), 2)
    yield room
    room.store.close()
