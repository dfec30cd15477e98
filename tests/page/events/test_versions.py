"""Done is taken back, earlier versions of one's own review are looked at and brought back: what the store
holds then, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from magic_demo.core.review_types import CaseKey, SavedReview
from magic_demo.imaging.run_lengths import decode_mask
from magic_demo.page.build import Desk
from magic_demo.page.events.review.versions import Versions
from magic_demo.page.panels.viewer.mask_form import write_runs
from magic_demo.reviews.cases.kept_cases import UPLOADS
from magic_demo.reviews.store import LOCAL_READER
from tests.page.events.test_keeping import Page, square
from tests.support.changes import name_open


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    """Open a kept case with three versions: an answer, another one, and an outline beside it."""
    page = Page(Desk(store_location=str(tmp_path / "reviews")))
    page.upload("arm")
    page.keep()
    page.say(page.review.answer, answers={"CQID025": [1]})
    page.say(page.review.answer, answers={"CQID025": [0]})
    draft = page.handlers.drafts.get_open("mine")
    assert draft is not None and draft.reading is not None
    page.draw(f"IMG_{draft.reading.key.case_id}_00001", square())
    yield page
    page.desk.opened_store.close()


def history(page: Page) -> list[SavedReview]:
    (key,) = (case.key for case in page.desk.opened_store.list_cases(UPLOADS, LOCAL_READER))
    return page.desk.opened_store.history(key, LOCAL_READER)


def form(page: Page, updates: dict[Any, Any]) -> dict[str, Any]:
    told: dict[str, Any] = updates[page.parts.form]
    return told


def test_done_taken_back_opens_the_case_again_and_is_saved(page: Page) -> None:
    draft = page.handlers.drafts.get_open("mine")
    assert draft is not None
    page.say(page.reading.finish, anyway=list(page.state.find_missing(draft)))
    done = history(page)[-1].review
    updates = page.say(page.reading.reopen)
    last = history(page)[-1].review
    assert (done.state, last.state, last.answers) == ("done", "in progress", done.answers)
    assert (
        "open again" in updates[page.parts.status] and form(page, updates)["saved"]["state"] == "in progress"
    )


def test_photos_that_are_still_to_outline_are_counted_before_done(page: Page) -> None:
    draft = page.handlers.drafts.get_open("mine")
    assert draft is not None
    photos = page.state.recall.find_photos(draft)

    def told() -> int:
        open_ = form(page, page.say(page.review.answer, answers={"CQID025": [1]}))["saved"]["outlines"]
        now = page.handlers.drafts.get_open("mine")
        assert now is not None and open_ == sum(item in photos for item in page.state.find_missing(now))
        return int(open_)

    before = told()
    page.handlers.drafts.change(name_open(page.handlers.drafts, "mine"), partial(replace, masks={}))
    assert (before, told()) == (len(photos) - 1, len(photos))


def test_looking_at_a_version_shows_what_it_said_and_saves_nothing(page: Page) -> None:
    versions, saved = Versions(page.state), history(page)
    first = next(one for one in saved if one.review.answers == {"CQID025-001": 1})
    shown = form(page, page.say(versions.look, number=first.number))["version"]
    assert (shown["number"], shown["answers"]["CQID025"], shown["masks"]) == (first.number, [1], {})
    newest = form(page, page.say(versions.look, number=saved[-1].number))["version"]
    assert newest["answers"]["CQID025"] == [0] and list(newest["masks"].values()) == [write_runs(square())]
    draft = page.handlers.drafts.get_open("mine")
    assert history(page) == saved and draft is not None and draft.answers == {"CQID025-001": 0}


def test_a_version_brought_back_is_the_newest_under_the_same_open_case(page: Page) -> None:
    versions, open_id = Versions(page.state), page.open_id
    first = next(one for one in history(page) if one.review.answers == {"CQID025-001": 1})
    updates = page.say(versions.take_back, number=first.number)
    last = history(page)[-1]
    assert (
        last.taken_back_from == first.number
        and last.review.answers == first.review.answers
        and last.review.masks == {}
    )
    back = form(page, updates)["back"]
    assert (back["answers"]["CQID025"], back["masks"], back["of"], page.open_id) == (
        [1],
        {},
        first.number,
        open_id,
    )
    photo = f"IMG_{last.review.case_id}_00001"
    # the page undoes it by saying what was there before
    page.say(page.review.answer, answers={"CQID025": [0]})
    page.draw(photo, square())
    again = history(page)[-1].review
    assert again.answers == {"CQID025-001": 0} and np.array_equal(decode_mask(again.masks[photo]), square())


def test_another_readers_version_is_neither_shown_nor_brought_back(page: Page) -> None:
    store, versions = page.desk.opened_store, Versions(page.state)
    store.add_reader("ann", password="a long password")
    own = history(page)[-1]
    others = store.save(replace(own.review, reader="ann", answers={"CQID010-001": 3}))
    for handler in (versions.look, versions.take_back):
        for number in (others.number, "x", None):
            updates = page.say(handler, number=number)
            assert 'data-state="failed"' in updates[page.parts.status] and page.parts.form not in updates
    assert history(page)[-1] == own


def test_a_version_of_a_case_that_is_no_longer_open_is_refused(page: Page) -> None:
    number = history(page)[-1].number
    for handler in (Versions(page.state).look, Versions(page.state).take_back):
        updates = page.say(handler, number=number, case="another")
        assert "no longer open" in updates[page.parts.status]


def test_what_was_blind_comes_back_as_what_it_is_once_the_model_was_seen(page: Page) -> None:
    store = page.desk.opened_store
    key = CaseKey(UPLOADS, history(page)[-1].review.case_id)
    assert store.latest(key, LOCAL_READER) is not None
    page.upload("leg")
    page.keep(mode="blind")
    page.say(page.review.answer, answers={"CQID025": [1]})
    draft = page.handlers.drafts.get_open("mine")
    assert draft is not None and draft.reading is not None and draft.reading.kind == "blind"
    page.say(page.reading.finish)
    blind = store.history(draft.reading.key, LOCAL_READER)[-1]
    assisted = replace(draft.reading, kind="assisted", model_shown=True)
    page.handlers.drafts.change(name_open(page.handlers.drafts, "mine"), partial(replace, reading=assisted))
    page.say(page.review.answer, answers={"CQID025": [0]})
    page.say(Versions(page.state).take_back, number=blind.number)
    last = store.history(draft.reading.key, LOCAL_READER)[-1]
    assert (last.review.kind, last.review.answers) == ("assisted", {"CQID025-001": 1})
