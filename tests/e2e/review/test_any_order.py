"""Whatever a reader does on a slow link, in whatever order it reaches the server: what was said last of each thing is what is kept."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.e2e.review.steps import open_case, opened
from tests.e2e.review_server import ReviewServer

CASES = 4
STEPS = 120
SLOWEST = 900
"""Milliseconds for which a request waits at most, and its answer once more."""
UNSENT = 1000
"""Milliseconds after which the page has sent whatever it gathered of what was typed and chosen."""
SLOW_LINK = """
window.caseOf = {};  // which case each opening is of
const rest = () => new Promise((go) => setTimeout(go, (window.slowest ?? 0) * Math.random()));
const look = (value) => {
  if (typeof value === "string" && /^[[{]/.test(value)) { try { look(JSON.parse(value)); } catch { return; } }
  if (!value || typeof value !== "object") return;
  const id = typeof value.open === "string" ? value.open : value.open === true ? value.id : null;
  if (id && typeof value.case === "string") window.caseOf[value.case] = id;
  const photo = value.own && JSON.stringify([value.own, value.photos]).match(/IMG_(ENC[0-9]+)_/);
  if (photo && typeof value.case === "string") window.caseOf[value.case] = photo[1];  // opened once more: the list stays
  Object.values(value).forEach(look);
};
/** Look at each event of a stream as it comes. */
const follow = async (stream) => {
  let part = "";
  for await (const piece of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (part + piece).split("\\n");
    part = lines.pop();
    for (const line of lines) if (line.startsWith("data:")) look(line.slice(5).trim());
  }
};
const sent = window.fetch;
window.fetch = async (...what) => {
  await rest();
  const answer = await sent(...what);
  const type = answer.headers.get("content-type") ?? "";
  if (type.includes("json")) look(await answer.clone().text());
  if (type.includes("event-stream")) follow(answer.clone().body).catch(() => {});  // closed with the page
  await rest();
  return answer;
};
"""
"""A page's script: each request and each answer takes its own time, so that they overtake each other."""

READER = """
/** Which case the page shows, once each of its parts has come to it; null before. */
const caseShown = () => {
  const openId = document.querySelector(".cards")?.cards?.state.case;
  const { state } = document.querySelector("#viewer-stage").viewer;
  const photo = document.querySelector("#review-photos input")?.dataset.photo;
  if (!openId || state.openId !== openId || !state.photos.length || !photo || document.querySelector("#review").hidden) return null;
  const id = window.caseOf[openId];
  if (!id) throw new Error(`nothing said which case ${openId} is of`);
  return photo.includes(id) ? id : null;
};
window.shown = () => {
  const id = caseShown();
  if (!id) return null;
  const said = { case: id };
  for (const card of document.querySelectorAll(".card")) said[card.id] = [...card.querySelectorAll('.row[aria-checked="true"]')].map((row) => row.dataset.option).join(" ");
  said.comment = document.querySelector("#review-comment").value;
  said.flagged = document.querySelector("#review-flag").getAttribute("aria-pressed");
  for (const box of document.querySelectorAll("#review-photos input")) said[`unusable ${box.dataset.photo}`] = box.checked;
  const { state, own } = document.querySelector("#viewer-stage").viewer;
  said[`outline ${state.current}`] = own()?.data.reduce((sum, pixel) => sum + (pixel ? 1 : 0), 0) ?? null;
  return said;
};
const press = (what) => document.querySelector(what)?.click();
const DEEDS = {
  open: (number) => document.querySelectorAll(".queue-case")[number]?.click(),
  choose: (number) => { const rows = document.querySelectorAll(".card .row"); rows[number % rows.length]?.click(); },
  comment: (number) => {
    const field = document.querySelector("#review-comment");
    field.value = `said as number ${number}`;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  },
  flag: () => press("#review-flag"),
  unusable: (number) => { const boxes = document.querySelectorAll("#review-photos input"); boxes[number % boxes.length]?.click(); },
  outline: (number) => press(["#viewer-take", "#viewer-grow", "#viewer-shrink", "#viewer-clear"][number % 4]),
  photo: (number) => { const { state, show } = document.querySelector("#viewer-stage").viewer; show(number % state.photos.length); },
  undo: () => press("#viewer-undo"),
  redo: () => press("#viewer-redo"),
  done: () => { press("#review-finish"); press("#review-finish"); },
};
/** Do a thing where a case is shown whole, and return the case and what is seen to have changed by it. */
window.perform = ([name, number]) => {
  const before = window.shown();
  if (!before) return null;
  DEEDS[name](number);
  const after = window.shown();
  if (name === "photo") return null;
  return before.case === after?.case ? [after.case, Object.entries(after).filter(([field, value]) => before[field] !== value)] : null;
};
"""
"""A page's script: what a reader does and sees, each in one go."""

DEEDS = {
    "open": 5,
    "choose": 8,
    "comment": 3,
    "flag": 2,
    "unusable": 2,
    "outline": 4,
    "photo": 2,
    "undo": 4,
    "redo": 2,
    "done": 2,
}
"""How often a reader does each thing, as shares."""


@pytest.fixture(scope="module")
def server(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReviewServer]:
    server = ReviewServer(repository, tmp_path_factory.mktemp("order"), cases=CASES)
    server.start()
    yield server
    assert "Traceback" not in server.stop()


def _work(page: Page, chance: random.Random) -> dict[tuple[str, str], Any]:
    """Do things at random on a slow link, and return what was said last of each thing of each case."""
    said: dict[tuple[str, str], Any] = {}
    page.evaluate("(most) => { window.slowest = most; }", SLOWEST)
    for number in range(STEPS):
        name = chance.choices(list(DEEDS), list(DEEDS.values()))[0]
        which = chance.randrange(CASES) if name == "open" else chance.randrange(1000) + 1000 * number
        done = page.evaluate("(deed) => window.perform(deed)", [name, which])
        if done is not None:
            case_id, changes = done
            said.update({(case_id, field): value for field, value in changes})
        page.wait_for_timeout(chance.choice((0, 0, 50, 300, 900)))
    page.evaluate("() => { window.slowest = 0; }")
    page.wait_for_timeout(UNSENT)
    page.wait_for_function("() => !sessionStorage.getItem('magic-demo-unsaved')")
    return said


def _read(page: Page) -> dict[tuple[str, str], Any]:
    """Return what each case of the queue shows, all its photos' outlines included."""
    shown: dict[tuple[str, str], Any] = {}
    for number in range(CASES):
        case_id = open_case(page, number)
        page.wait_for_selector('.cards[data-state="answered"]')
        count = page.evaluate("document.querySelector('#viewer-stage').viewer.state.photos.length")
        for photo in range(count):
            page.evaluate("(photo) => document.querySelector('#viewer-stage').viewer.show(photo)", photo)
            found = page.wait_for_function("() => window.shown()").json_value()
            shown.update({(case_id, field): value for field, value in found.items()})
    return shown


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1, 5))
def test_what_was_said_last_of_each_thing_is_kept_in_whatever_order_it_arrives(
    browser: Browser, server: ReviewServer, seed: int
) -> None:
    with opened(browser, server) as (context, page):
        for script in (SLOW_LINK, READER):
            context.add_init_script(script)
        page.reload()
        open_case(page, 0)
        page.wait_for_selector('.cards[data-state="answered"]')
        said = _work(page, random.Random(seed))
    assert len({case_id for case_id, _ in said}) > 1, "more than one case was worked on"
    with opened(browser, server) as (context, page):
        for script in (SLOW_LINK, READER):
            context.add_init_script(script)
        page.reload()
        shown = _read(page)
    assert {name: shown[name] for name in said} == said
