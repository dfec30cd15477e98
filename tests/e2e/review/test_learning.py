"""From five reviews to a model that readers see, on tiny checkpoints, in a browser."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from magic_demo.core.limits import PREFIX
from magic_demo.core.review_types import CaseKey
from magic_demo.reviews.store import Store
from tests.e2e.conftest import open_watched
from tests.e2e.page_server import PageServer
from tests.support.store.reviewed_store import QUEUE, write_models, write_reviewed

WAIT = 240_000
LIMITS = {"learn_cases": 5, "learn_steps": 4, "learn_replay": 4}


class LearningServer(PageServer):
    """``app.py`` over a store of five reviewed cases and one more, with tiny models."""

    def __init__(self, repository: Path, folder: Path) -> None:
        super().__init__(repository, folder)
        self.models = write_models(folder)
        self.store = write_reviewed(folder, cases=6, reviewed=5)

    def arguments(self) -> list[str]:
        segmentation, answers = self.models
        return [
            *("--store", str(self.store), "--segmentation", str(segmentation), "--answers", str(answers)),
        ]

    def settings(self) -> Mapping[str, str | None]:
        limits = {f"{PREFIX}{name.upper()}": str(value) for name, value in LIMITS.items()}
        return {**super().settings(), **limits}


@pytest.mark.long
def test_five_reviews_become_a_model_that_the_next_review_saw(
    browser: Browser, repository: Path, tmp_path: Path
) -> None:
    server = LearningServer(repository, tmp_path)
    server.start()
    try:
        watched = open_watched(browser, server.address)
        page = watched.page
        page.click("#queue-learning a")
        page.click("#learning-start")
        page.wait_for_selector("#learning-run[data-running] #learning-bar")
        page.wait_for_selector("#learning-run:not([data-running])", timeout=WAIT)
        page.click(".model[data-model] .button")
        assert page.locator(".compared").count() == 1
        page.click("#learning-back")
        page.click(".model[data-model] button[value=use]")
        page.wait_for_selector("#learning-undo", timeout=WAIT)
        watched.forget_leaving()
        page.goto(server.address)
        page.wait_for_selector('.status[data-state="ready"]', timeout=WAIT)
        page.click('#queue-list li:has-text("ENC00006") button')
        page.wait_for_selector('.cards[data-state="answered"], .status[data-state="done"]', timeout=WAIT)
        with Store.open(server.store) as store:
            shown = store.shown(CaseKey(QUEUE, "ENC00006"))
        assert shown is not None and shown.models["segmentation"].startswith("segmentation-learnt@")
        page.goto(f"{server.address}/learning")
        page.click("#learning-undo")
        page.wait_for_selector("#learning-own")
        page.context.close()
    finally:
        said = server.stop()
    assert "Traceback" not in said, said
