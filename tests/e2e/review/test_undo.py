"""Undo in a real browser: one history over cards, outlines, covers and the bar, and each step back is saved
like any change."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from magic_demo.core.review_types import CaseKey
from magic_demo.core.ruler import length
from magic_demo.reviews.exports import write_export
from magic_demo.reviews.exports.tabular.csv_files import read_csv_table
from magic_demo.reviews.store import LOCAL_READER, Store
from tests.e2e.review.steps import (
    choose,
    chosen,
    draw_cover,
    finish,
    open_case,
    opened,
    own_mask,
    paint,
    saved_of,
    until,
)
from tests.e2e.review_server import ReviewServer, write_bundle

UNKNOWN = frozenset({"CQID034", "CQID035", "CQID036"})
"""Families on which the written model abstains."""


@pytest.fixture(scope="module")
def server(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReviewServer]:
    """Start a page of its own, whose memory holds one page's case: what is newest in the store is compared,
    whatever other tests have saved."""
    server = ReviewServer(repository, tmp_path_factory.mktemp("undo"), cases=4, open_bytes=1, open_drafts=1)
    write_bundle(server.queue, server.bundle, unsure=UNKNOWN)
    server.start()
    yield server
    assert "Traceback" not in server.stop()


def newest(server: ReviewServer, case_id: str) -> dict[str, Any]:
    """Return what the newest saved review says, without the time spent on it."""
    saved = saved_of(server, case_id)
    if not saved:
        return {"answers": {}, "masks": {}, "state": "in progress", "flagged": False}
    last = saved[-1].review
    return {
        "answers": dict(last.answers),
        "masks": dict(last.masks),
        "state": last.state,
        "flagged": last.flagged,
    }


def wait_saved(page: Page, server: ReviewServer, case_id: str, **what: object) -> None:
    until(page, lambda: {**newest(server, case_id), **what} == newest(server, case_id))


def open_answered(page: Page, number: int) -> str:
    case_id = open_case(page, number)
    page.wait_for_selector('.cards[data-state="answered"]')
    return case_id


def test_answers_outlines_and_flag_are_taken_back_in_their_order_and_saved(
    browser: Browser, server: ReviewServer
) -> None:
    with opened(browser, server) as (_context, page):
        case_id = open_answered(page, 0)
        choose(page, "cqid010", 2)
        wait_saved(page, server, case_id, answers={"CQID010-001": 2})
        states = [newest(server, case_id)]
        paint(page)
        until(page, lambda: bool(newest(server, case_id)["masks"]))
        states.append(newest(server, case_id))
        choose(page, "cqid010", 1)
        wait_saved(page, server, case_id, answers={"CQID010-001": 1})
        states.append(newest(server, case_id))
        page.keyboard.press("Shift+F")
        wait_saved(page, server, case_id, flagged=True)
        last = newest(server, case_id)
        for state in reversed(states):
            page.keyboard.press("z")
            wait_saved(page, server, case_id, **state)
        assert own_mask(page) is None and chosen(page, "cqid010") == [2]
        page.keyboard.press("Control+z")
        wait_saved(page, server, case_id, answers={})
        page.keyboard.press("z")
        assert chosen(page, "cqid010") == [] and page.get_attribute("#viewer-undo", "aria-disabled") == "true"
        for key in ("y", "Shift+Z", "Control+y", "Control+Shift+Z"):
            page.keyboard.press(key)
        until(page, lambda: newest(server, case_id) == last)


@pytest.mark.long
def test_a_page_whose_case_has_gone_from_the_servers_memory_goes_on_and_loses_nothing(
    browser: Browser, server: ReviewServer
) -> None:
    with opened(browser, server) as (_context, page):
        case_id = open_answered(page, 3)
        choose(page, "cqid010", 2)
        paint(page)
        until(
            page,
            lambda: (
                bool(newest(server, case_id)["masks"])
                and newest(server, case_id)["answers"] == {"CQID010-001": 2}
            ),
        )
        before = newest(server, case_id)
        with opened(browser, server) as (_other, elsewhere):
            open_answered(elsewhere, 1)
        choose(page, "cqid015", 3)
        wait_saved(
            page, server, case_id, answers={**before["answers"], "CQID015-001": 3}, masks=before["masks"]
        )
        expect(page.locator(".status-line")).to_contain_text("Saved")
        page.keyboard.press("z")
        page.keyboard.press("z")
        wait_saved(page, server, case_id, answers=before["answers"], masks={})
        page.keyboard.press("y")
        wait_saved(page, server, case_id, masks=before["masks"])
        page.wait_for_function("() => !sessionStorage.getItem('magic-demo-unsaved')")
        assert saved_of(server, case_id)[-1].review.models, (
            "the model was shown, which every later review says"
        )
        assert (
            page.get_attribute(".status", "data-state") == "done"
            and page.locator("#messages .is-problem").count() == 0
        )


def test_agreeing_with_the_rest_leaves_what_the_model_does_not_know_and_is_one_step(
    browser: Browser, server: ReviewServer
) -> None:
    with opened(browser, server) as (_context, page):
        case_id = open_answered(page, 1)
        choose(page, "cqid015", 3)
        wait_saved(page, server, case_id, answers={"CQID015-001": 3})
        before = newest(server, case_id)
        page.keyboard.press("a")
        expect(page.locator("#cards-agreed")).to_have_text(
            "5 agreed; 3 left open: the model abstains", use_inner_text=True
        )
        assert [chosen(page, family.lower()) for family in sorted(UNKNOWN)] == [[], [], []]
        until(page, lambda: len(newest(server, case_id)["answers"]) > 8)
        page.keyboard.press("z")
        until(page, lambda: newest(server, case_id) == before)
        assert page.locator("#cards-agreed").is_hidden()


def test_done_is_taken_back_and_done_again(browser: Browser, server: ReviewServer) -> None:
    with opened(browser, server) as (_context, page):
        case_id = open_answered(page, 1)
        choose(page, "cqid010", 0)
        paint(page)
        page.keyboard.press("a")
        finish(page, anyway=True)
        done = newest(server, case_id)
        page.keyboard.press("z")
        expect(page.locator(".status-line")).to_contain_text("open again")
        page.wait_for_selector('#review[data-state="in progress"]')
        assert newest(server, case_id) == {**done, "state": "in progress"}
        page.keyboard.press("y")
        page.wait_for_selector('#review[data-state="done"]')
        assert newest(server, case_id) == done
        # a change opens the case by itself: taking it and Done back is two steps, the second already done
        choose(page, "cqid010", 1)
        page.wait_for_selector('#review[data-state="in progress"]')
        page.keyboard.press("z")
        until(page, lambda: newest(server, case_id) == {**done, "state": "in progress"})


def test_undo_stops_at_what_the_case_was_opened_with_and_leaves_fields_alone(
    browser: Browser, server: ReviewServer
) -> None:
    with opened(browser, server) as (_context, page):
        case_id = open_answered(page, 2)
        choose(page, "cqid010", 2)
        wait_saved(page, server, case_id, answers={"CQID010-001": 2})
        open_answered(page, 0)
        open_answered(page, 2)
        page.keyboard.press("z")
        assert chosen(page, "cqid010") == [2]
        choose(page, "cqid010", 1)
        page.keyboard.press("Shift+C")
        page.keyboard.type("scaly")
        page.keyboard.press("Control+z")
        assert chosen(page, "cqid010") == [1] and page.input_value("#review-comment") != "scaly"
        page.keyboard.press("Escape")
        page.keyboard.press("z")
        assert chosen(page, "cqid010") == [2]


def test_a_cover_that_is_not_confirmed_is_taken_back_and_a_confirmed_one_is_not(
    browser: Browser, server: ReviewServer
) -> None:
    with opened(browser, server) as (_context, page):
        open_answered(page, 0)
        covers = "() => document.querySelector('#viewer-stage').viewer.state.photos[0].covers?.length ?? 0"
        choose(page, "cqid011", 1)
        before = chosen(page, "cqid011")
        draw_cover(page, reach=40)
        assert page.evaluate(covers) == 1
        page.keyboard.press("v")  # another tool gives the cover up
        assert page.evaluate(covers) == 0
        page.keyboard.press("z")
        assert page.evaluate(covers) == 1 and page.get_attribute(".viewer", "data-tool") == "cover"
        page.keyboard.press("z")
        assert page.evaluate(covers) == 0
        page.keyboard.press("y")
        page.click("#viewer-cover-confirm")
        page.wait_for_function(
            "() => document.querySelector('.viewer').hasAttribute('data-cutting') === false"
        )
        page.wait_for_function(f"() => ({covers})() === 0")
        page.keyboard.press("y")
        assert page.evaluate(covers) == 0
        page.keyboard.press("z")
        assert chosen(page, "cqid011") == [one for one in before if one != 1], "the step before the cover"


@pytest.mark.long
def test_an_earlier_version_is_looked_at_and_brought_back_and_that_is_taken_back(
    browser: Browser, server: ReviewServer
) -> None:
    with opened(browser, server) as (_context, page):
        case_id = open_answered(page, 2)
        page.click("#review-notes")
        page.click('[data-choice="photo_quality"][data-value="poor"]')
        page.click("#review-notes")
        until(page, lambda: [one.review.photo_quality for one in saved_of(server, case_id)][-1:] == ["poor"])
        choose(page, "cqid015", 4)
        wait_saved(page, server, case_id, answers={**newest(server, case_id)["answers"], "CQID015-001": 4})
        early, rows = saved_of(server, case_id)[-1], len(saved_of(server, case_id))
        choose(page, "cqid015", 2)
        paint(page)
        until(page, lambda: newest(server, case_id)["masks"] != dict(early.review.masks))
        wait_saved(page, server, case_id, answers={**dict(early.review.answers), "CQID015-001": 2})
        late, drawn = newest(server, case_id), own_mask(page)
        page.keyboard.press("Shift+C")
        page.keyboard.press("Escape")
        page.click("#review-notes")
        page.locator("#review-history").evaluate("(list) => { list.open = true; }")
        page.click(f'[data-look="{early.number}"]')
        expect(page.locator("#version-which")).to_contain_text(f"Version {rows} of")
        assert "not the newest" in page.inner_text("#version-bar") and chosen(page, "cqid015") == [4]
        assert "Poor" in page.inner_text("#version-says")
        for key in ("a", "z", "Shift+D", "b"):
            page.keyboard.press(key)
        choose(page, "cqid015", 1)
        assert chosen(page, "cqid015") == [4] and page.get_attribute(".viewer", "data-tool") == "view"
        page.click("#version-close")
        assert chosen(page, "cqid015") == [2] and newest(server, case_id) == late, "looking changes nothing"
        page.click(f'[data-look="{early.number}"]')
        page.click("#version-back")
        expect(page.locator(".status-line")).to_contain_text("reading restored")
        page.wait_for_function(
            "() => document.querySelector('#card-cqid015 .row[data-option=\"4\"]').ariaChecked === 'true'"
        )
        assert saved_of(server, case_id)[-1].taken_back_from == early.number
        page.keyboard.press("z")
        wait_saved(page, server, case_id, answers=late["answers"], masks=late["masks"])
        kept = own_mask(page)
        assert (
            chosen(page, "cqid015") == [2]
            and kept is not None
            and drawn is not None
            and (kept == drawn).all()
        )


def test_a_photo_is_calibrated_and_measured_by_mouse_and_keys_and_that_is_kept_and_exported(
    browser: Browser, server: ReviewServer, tmp_path: Path
) -> None:
    with opened(browser, server) as (_, page):
        case_id = open_case(page, 3)
        said = page.locator("#viewer-rulers text")
        page.keyboard.press('"')
        page.wait_for_selector('.viewer[data-tool="ruler"][data-calibrates]')
        for x, y in ((20, 20), (120, 20)):
            page.mouse.click(*on_photo(page, x, y))
        expect(said).to_have_text(["= 10.0 mm"])
        page.keyboard.type("40")  # the second click leads to the length, and no digit to the cards
        page.keyboard.press("Enter")
        expect(said).to_have_text(["= 40.0 mm"])
        expect(page.locator("#viewer-stage")).to_be_focused()
        expect(page.locator("#cards-panel :focus")).to_have_count(0)
        page.mouse.click(*on_photo(page, 20, 60))
        page.keyboard.press(">")  # a turn changes nothing
        page.mouse.click(*on_photo(page, 20, 110))
        expect(said).to_have_text(["= 40.0 mm", "20.0 mm"])
        page.select_option("#viewer-ruler-common", "20")
        expect(said).to_have_text(["= 20.0 mm", "10.0 mm"])
        expect(page.locator("#viewer-size-mm")).to_contain_text("mm²")
        page.focus("#viewer-stage")
        page.keyboard.press("ArrowRight")  # the crosshair, in the middle of the photo
        page.keyboard.press("Enter")
        for _ in range(3):
            page.keyboard.press("Shift+ArrowUp")
        page.keyboard.press(" ")
        expect(said).to_have_count(3)
        page.mouse.click(*on_photo(page, 20, 80))  # on a line it takes it away
        expect(said).to_have_count(2)
        page.keyboard.press("z")
        expect(said).to_have_count(3)
        page.keyboard.press("Backspace")
        expect(said).to_have_text(["= 20.0 mm", "10.0 mm"])
        finish(page, anyway=True)
        page.reload()
        page.wait_for_selector(
            f'.queue-case[data-case="{case_id}"][aria-current]'
        )  # the address says which case
        expect(said).to_have_text(["= 20.0 mm", "10.0 mm"])
        (ruler,) = saved_of(server, case_id)[-1].review.rulers.values()
        assert (ruler.mm, len(ruler.lines)) == (20.0, 1)
        assert ruler.measure(length(ruler.lines[0])) == pytest.approx(10, abs=0.2)
    with Store.open(server.store) as store:
        write_export(store.history(CaseKey("clinic", case_id), LOCAL_READER), (), "csv", tmp_path / "csv")
    rows = read_csv_table(tmp_path / "csv" / "lengths.csv")
    assert [row["line"] for row in rows] == ["0", "1"] and float(rows[0]["mm"]) == 20


@pytest.mark.long
@pytest.mark.parametrize(("width", "height"), [(820, 1180), (390, 844)])
def test_a_photo_is_calibrated_and_measured_by_touch(
    browser: Browser, server: ReviewServer, width: int, height: int
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": height}, has_touch=True, is_mobile=True, locale="en-US"
    )
    page = context.new_page()
    page.goto(server.address)
    row = page.locator(".queue-case").nth(1 if width < 500 else 2)
    case_id = row.get_attribute("data-case")
    row.evaluate("(row) => row.click()")
    page.locator(f'.queue-case[data-case="{case_id}"][aria-current]').wait_for(state="attached")
    page.wait_for_selector('.viewer[data-state="photo"][data-editable]')
    page.locator("#viewer-tool-ruler").evaluate("(tool) => tool.click()")
    page.wait_for_selector('.viewer[data-tool="ruler"][data-calibrates]')
    said = page.locator("#viewer-rulers text")

    def tap(*shares: tuple[float, float]) -> None:
        stage = page.locator("#viewer-stage")
        for x, y in shares:
            box = stage.bounding_box()
            assert box is not None
            stage.tap(position={"x": x * box["width"], "y": y * box["height"]})

    # the length of the photo before, where the page had opened a calibrated case before the click
    offered = float(page.locator("#viewer-ruler-mm").input_value())
    tap((0.3, 0.4), (0.6, 0.4))
    expect(said).to_have_text([f"= {offered:.1f} mm"])
    expect(
        page.locator("#viewer-ruler-mm")
    ).to_be_focused()  # the tap's own press does not take it to the photo
    page.keyboard.type("20")
    page.keyboard.press("Enter")
    expect(said).to_have_text(["= 20.0 mm"])
    tap((0.3, 0.7), (0.6, 0.7))
    expect(said).to_have_count(2)
    line = page.locator("#viewer-rulers .measured .line")
    box = line.bounding_box()  # of strokes across its ends too
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.touchscreen.tap(x, y + 14)  # beside the line it begins the next one
    tap((0.45, 0.9))
    expect(said).to_have_count(3)
    page.touchscreen.tap(x - 20, y)  # on a line it takes it away
    expect(said).to_have_count(2)
    box = line.bounding_box()
    assert box is not None
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(said).to_have_text(["= 20.0 mm"])
    context.close()


def on_photo(page: Page, x: float, y: float) -> tuple[float, float]:
    """Return where on the page a point of the photo is drawn."""
    box = page.locator("#viewer-stage").bounding_box()
    at = page.evaluate(
        "(at) => document.querySelector('#viewer-stage').viewer.toWindow(at)", {"x": x, "y": y}
    )
    assert box is not None
    return box["x"] + at["x"], box["y"] + at["y"]
