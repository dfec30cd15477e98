"""The nine cards as a reader uses them: by keys alone, agreeing with what is left, asking why, in another
language halfway."""

from __future__ import annotations

from typing import Any

import numpy as np
from playwright.sync_api import expect

from magic_demo.questions.families import load_families
from magic_demo.synthetic.bundled import load_examples
from tests.e2e.conftest import Watched
from tests.e2e.driving import analyse, canvas_pixels, open_example, wait_for_numbers

FAMILIES = load_families()
SITE = FAMILIES[1]


def answers(watched: Watched) -> dict[str, list[int]]:
    """Return what the reader has answered, as the page shows it."""
    found: dict[str, list[int]] = watched.page.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll(".card")].map((card) => [card.dataset.family,
        [...card.querySelectorAll('[aria-checked="true"]')].map((row) => Number(row.dataset.option))]))"""
    )
    return found


def model(watched: Watched) -> dict[str, list[int]]:
    """Return what the model has answered, as the page shows it."""
    found: dict[str, list[int]] = watched.page.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll(".card")].map((card) => [card.dataset.family,
        [...card.querySelectorAll(".row.is-model")].map((row) => Number(row.dataset.option))]))"""
    )
    return found


def counts(watched: Watched) -> dict[str, int]:
    found: dict[str, int] = watched.page.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll("#cards-summary [data-count]")].map((one) =>
        [one.dataset.count, Number(one.textContent)]))"""
    )
    return found


def standing(watched: Watched, family_id: str) -> str | None:
    return watched.page.get_attribute(f"#card-{family_id.lower()}", "data-standing")


def focused(watched: Watched) -> tuple[str, int]:
    """Return the family and the option that the keyboard is on."""
    found: list[Any] = watched.page.evaluate(
        """() => [document.activeElement.closest(".card")?.dataset.family, Number(document.activeElement.dataset.option)]"""
    )
    return str(found[0]), int(found[1])


def test_all_nine_are_answered_by_keys_alone_and_no_key_calls_a_model(emptied: Watched) -> None:
    open_example(emptied, 1)
    page = emptied.page
    page.wait_for_timeout(300)
    before = len(emptied.calls())
    says = model(emptied)
    assert counts(emptied) == {"agree": 0, "differ": 0, "own": 0, "open": 9}

    page.keyboard.press("1")
    assert focused(emptied) == ("CQID010", says["CQID010"][0]), "the keyboard goes to the model's answer"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    assert answers(emptied)["CQID010"] == [(says["CQID010"][0] + 1) % 4]
    assert standing(emptied, "CQID010") == "differ"

    page.keyboard.press("2")
    for letter in "hl":
        page.keyboard.press(letter)
    assert answers(emptied)["CQID011"] == [0, 3], "head and lower extremities"
    page.keyboard.press("h")
    assert answers(emptied)["CQID011"] == [3], "the same letter takes it away again"
    page.keyboard.press("Backspace")
    assert standing(emptied, "CQID011") == "open"
    page.keyboard.press(".")
    assert answers(emptied)["CQID011"] == [SITE.not_mentioned]

    page.keyboard.press("n")
    seen = set()
    for _ in range(7):
        family, _option = focused(emptied)
        seen.add(family)
        page.keyboard.press("Enter")
    assert seen == {family.family_id for family in FAMILIES} - {"CQID010", "CQID011"}
    held = answers(emptied)
    assert all(held.values()) and all(held[family] == says[family] for family in seen), (
        "Enter takes the model's set"
    )
    assert counts(emptied) == {"agree": 7, "differ": 2, "own": 0, "open": 0}
    page.wait_for_timeout(600)
    assert not [url for url in emptied.calls()[before:] if "/photos?" in url]
    assert page.locator('.status[data-state="failed"]').count() == 0


PLACES = """() => { const grid = document.querySelector(".cards-grid").getBoundingClientRect();
return [...document.querySelectorAll(".card .row")].map((row) => { const box = row.getBoundingClientRect();
return [row.title, Math.round(box.x - grid.x), Math.round(box.y - grid.y), Math.round(box.width), Math.round(box.height)]; }); }"""


def test_options_stay_at_their_places_from_case_to_case_and_show_their_keys(emptied: Watched) -> None:
    page = emptied.page
    before = page.evaluate(PLACES)
    assert len(before) == sum(len(family.options["en"]) for family in FAMILIES), "no option is folded away"
    for example in (1, 3):
        open_example(emptied, example)
        now = page.evaluate(PLACES)
        assert [place for place in now if place not in before] == []
    columns = page.evaluate(
        """() => ["cqid020", "cqid034"].map((name) => new Set([...document.querySelectorAll(`#card-${name} .row`)].map((row) =>
        Math.round(row.getBoundingClientRect().x))).size)"""
    )
    assert columns == [2, 2], "ten and twelve options stand in two columns"
    shown = page.locator("#card-cqid034 .row-box").nth(2)
    assert shown.evaluate("(box) => getComputedStyle(box, '::before').content") == '"R"', "red has its key"
    page.click('#card-cqid034 [data-option="2"]')
    page.keyboard.press("b")
    assert answers(emptied)["CQID034"] == [2] and page.get_attribute(".viewer", "data-tool") == "brush"
    page.keyboard.press("v")
    page.click('#card-cqid035 [data-option="0"]')
    wait_for_numbers(emptied)  # what is measured of this photo takes the place of what is said here
    page.evaluate(
        """document.dispatchEvent(new CustomEvent("magic-measured", { detail: { count: 5, colour: "brown" } }))"""
    )
    said = [page.locator(f"#card-{name} .card-measured").inner_text() for name in ("cqid034", "cqid035")]
    assert said[0] == "measured on this photo: brown" and "5 areas" in said[1], "one single red lesion"


def test_agreeing_with_the_rest_leaves_what_was_answered(emptied: Watched) -> None:
    open_example(emptied, 1)
    page, says = emptied.page, model(emptied)
    other = next(option for option in range(3) if [option] != says["CQID025"])
    page.click(f'#card-cqid025 [data-option="{other}"]')
    page.click("#card-cqid010 .card-agree")
    assert counts(emptied) == {"agree": 1, "differ": 1, "own": 0, "open": 7}
    page.keyboard.press("a")
    held = answers(emptied)
    unsure = page.locator(".card.is-unsure").evaluate_all(
        "(cards) => cards.map((card) => card.dataset.family)"
    )
    left = [family for family in unsure if family not in ("CQID010", "CQID025")]
    assert held["CQID025"] == [other] and {**held, "CQID025": says["CQID025"]} == {
        **says,
        **{family: [] for family in left},
    }
    assert page.locator("#card-cqid025 .card-sign.is-differ").is_visible(), (
        "a word and a sign, not colour alone"
    )
    assert counts(emptied) == {"agree": 8 - len(left), "differ": 1, "own": 0, "open": len(left)}, (
        "what the model abstains on is left open"
    )
    assert page.is_disabled("#agree-all")


def test_the_slots_of_a_family_are_its_limit_and_it_is_said_there(emptied: Watched) -> None:
    open_example(emptied, 1)
    page = emptied.page
    labels = [option for option in range(len(SITE.options["en"])) if option != SITE.not_mentioned]
    slots = len(SITE.questions)
    page.keyboard.press("2")
    for option in labels[:slots]:
        page.click(f'#card-cqid011 [data-option="{option}"]')
    assert answers(emptied)["CQID011"] == labels[:slots]
    limit = page.locator("#card-cqid011 .card-limit")
    assert not limit.is_visible()
    page.click(f'#card-cqid011 [data-option="{labels[slots]}"]')
    assert limit.is_visible() and str(slots) in limit.inner_text()
    assert answers(emptied)["CQID011"] == labels[:slots]
    page.click(f'#card-cqid011 [data-option="{labels[0]}"]')
    assert not limit.is_visible()
    page.click(f'#card-cqid011 [data-option="{labels[slots]}"]')
    assert answers(emptied)["CQID011"] == labels[1:]
    field = page.locator("#card-cqid011 .card-specify input")
    assert field.is_visible() and focused(emptied) == ("CQID011", labels[slots]), "the keys stay the card's"
    page.keyboard.press("Tab")
    page.keyboard.type("scalp")
    assert page.input_value("#card-cqid011 .card-specify input") == "scalp", (
        "the option that asks for words gets them after Tab"
    )
    page.keyboard.press("Enter")
    assert focused(emptied)[0] != "CQID011", "and Enter goes on"


def test_switching_the_language_halfway_loses_nothing(emptied: Watched) -> None:
    open_example(emptied, 1)
    page = emptied.page
    page.click('#card-cqid025 [data-option="1"]')
    page.click('#card-cqid035 [data-option="1"]')
    page.fill("#card-cqid035 .card-specify input", "about ten")
    page.click("#card-cqid015 .card-why")
    page.wait_for_selector('.why[aria-labelledby="why-title"]')
    assert page.locator("#why-title").inner_text() == "Why · Onset"
    page.evaluate("document.querySelector('#cards-panel').scrollTop = 40")
    scrolled = page.evaluate("document.querySelector('#cards-panel').scrollTop")
    held = answers(emptied)
    page.click("#language-zh")
    page.wait_for_function("document.querySelector('#why-title')?.innerText.includes('起病时间')")
    assert answers(emptied) == held
    assert page.input_value("#card-cqid035 .card-specify input") == "about ten"
    assert page.evaluate("document.querySelector('#cards-panel').scrollTop") == scrolled
    assert load_examples()[1].encounter.narrative.zh[:8] in page.locator("#why-words").inner_text()
    assert page.locator("#card-cqid025 h3").inner_text() == "瘙痒"
    page.click("#language-en")
    page.wait_for_function("document.querySelector('#why-title')?.innerText.includes('Onset')")
    assert answers(emptied) == held


def test_why_shows_the_words_and_the_heat_and_closes_without_a_trace(emptied: Watched) -> None:
    open_example(emptied, 1)
    page = emptied.page
    plain = canvas_pixels(emptied)
    page.keyboard.press("4")
    page.keyboard.press("i")
    page.wait_for_selector(".why")
    assert "months" in " ".join(page.locator("#why-words mark").all_inner_texts())
    here, there = (one.strip() for one in page.locator(".why-words").all_inner_texts())
    assert here == page.input_value("#narrative textarea").strip()
    assert there == load_examples()[1].encounter.narrative.zh.strip(), "the model read both"
    page.evaluate("() => { document.querySelector('#other-words').open = true; }")
    assert page.inner_text("#other-words p") == there, "the left column shows both too"
    assert page.get_attribute("#card-cqid015 .card-why", "aria-pressed") == "true"

    page.keyboard.press("7")
    page.keyboard.press("i")
    page.wait_for_function("document.querySelector('#why-title')?.innerText.includes('colour')")
    regions = int(page.get_attribute("#why-regions", "data-count") or 0)
    if regions:
        page.wait_for_function("document.querySelector('#viewer-stage').viewer.heat()")
        assert (canvas_pixels(emptied) != plain).any()
    page.select_option("#why-option", "0")
    page.wait_for_function("document.querySelector('.why-place').getAttribute('aria-busy') === null")
    assert page.input_value("#why-option") == "0"
    page.keyboard.press("Escape")
    assert page.locator(".why").count() == 0
    assert np.array_equal(canvas_pixels(emptied), plain)
    page.fill("#narrative textarea", "it itches")
    expect(page.locator("#other-words")).to_be_hidden()  # words of one's own are read alone


def test_cards_that_the_model_does_not_know_come_first(emptied: Watched) -> None:
    open_example(emptied, 1)
    page = emptied.page
    unsure = page.evaluate(
        "() => [...document.querySelectorAll('.card.is-unsure')].map((card) => card.dataset.family)"
    )
    page.keyboard.press("n")
    for family in unsure:
        assert (
            focused(emptied)[0] == family
            and "No better than the usual answer"
            in page.locator(f"#card-{family.lower()} .card-unsure").inner_text()
        )
        page.keyboard.press("Enter")


def test_keys_belong_to_a_text_field_while_one_is_typed_in(emptied: Watched) -> None:
    open_example(emptied, 1)
    page = emptied.page
    page.focus("#narrative textarea")
    page.keyboard.type("a1nj?")
    assert counts(emptied)["open"] == 9 and page.input_value("#narrative textarea").endswith("a1nj?")
    assert not page.locator("#keys-sheet").is_visible()


def test_another_case_begins_with_no_answers_and_an_analysis_keeps_them(emptied: Watched) -> None:
    open_example(emptied, 1)
    page = emptied.page
    page.keyboard.press("a")
    page.click('#card-cqid025 [data-option="1"]')
    held = answers(emptied)
    analyse(emptied)
    assert answers(emptied) == held
    open_example(emptied, 3)
    page.wait_for_function("document.querySelector('[data-count=open]').textContent === '9'")


def test_a_question_mark_opens_the_sheet_of_keys_in_both_languages(emptied: Watched) -> None:
    page = emptied.page
    page.keyboard.press("?")
    sheet = page.locator("#keys-sheet")
    assert sheet.is_visible() and "agree with all" in sheet.inner_text()
    page.keyboard.press("Escape")
    assert not sheet.is_visible()
    page.click("#language-zh")
    page.click("#keys-open")
    assert "卡片" in sheet.inner_text() and "agree" not in sheet.inner_text()
    page.click("#keys-close")
    assert not sheet.is_visible()


def test_what_the_last_card_says_of_the_outline_is_in_sight_and_why_leaves_the_column_as_it_was(
    emptied: Watched,
) -> None:
    page = emptied.page
    before = page.viewport_size
    page.set_viewport_size({"width": 1366, "height": 768})
    open_example(emptied, 1)
    column = "document.querySelector('#cards-panel').scrollTop"
    page.evaluate(f"{column} = 0")
    wait_for_numbers(emptied)  # what is measured of this photo takes the place of what is said here
    page.locator('#card-cqid035 .row[data-option="0"]').evaluate("(row) => row.click()")
    page.evaluate(
        "document.dispatchEvent(new CustomEvent('magic-measured', { detail: { count: 4, colour: null } }))"
    )
    said = page.locator("#card-cqid035 .card-measured")
    expect(said).to_contain_text("4")
    assert said.evaluate(
        """(line) => { const { left, bottom } = line.getBoundingClientRect();
        return document.elementFromPoint(left + 20, bottom - 3) === line; }"""
    )
    page.locator("#card-cqid036 .card-why").evaluate("(button) => button.click()")
    page.wait_for_selector(".why-body")
    page.wait_for_function(f"{column} > 0")
    page.keyboard.press("Escape")
    page.wait_for_function(f"{column} === 0")
    if before is not None:
        page.set_viewport_size(before)
