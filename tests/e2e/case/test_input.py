"""What comes from keyboards, input methods, the clipboard and drags of other kinds than those the page was
written on."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.e2e.conftest import Watched
from tests.e2e.driving import consent, open_example

CARRY = """([kind, selector, data, texts]) => {
  const transfer = new DataTransfer();
  if (data) transfer.items.add(new File([Uint8Array.from(atob(data), (one) => one.charCodeAt(0))], "image.png", { type: "image/png" }));
  for (const [type, text] of Object.entries(texts)) transfer.setData(type, text);
  const settings = { bubbles: true, cancelable: true };
  const event = kind === "paste" ? new ClipboardEvent(kind, { ...settings, clipboardData: transfer }) : new DragEvent(kind, { ...settings, dataTransfer: transfer });
  document.querySelector(selector).dispatchEvent(event);
  return event.defaultPrevented;
}"""
SHEET = {"text/plain": "1\t2", "text/html": "<table><tr><td>1</td><td>2</td></tr></table>"}


def carry(
    page: Page, kind: str, selector: str, picture: Path | None, texts: dict[str, str] | None = None
) -> bool:
    """Paste or drop a picture, with texts beside it, and return whether the page has taken it."""
    data = base64.b64encode(picture.read_bytes()).decode() if picture is not None else None
    taken: bool = page.evaluate(CARRY, [kind, selector, data, texts or {}])
    return taken


def press(page: Page, key: str, code: str, **held: Any) -> bool:
    """Press a key as another layout or an input method reports it; return whether the page has taken it."""
    taken: bool = page.evaluate(
        """([init]) => { const target = document.activeElement ?? document.body;
        const event = new KeyboardEvent("keydown", { bubbles: true, cancelable: true, ...init });
        target.dispatchEvent(event);
        target.dispatchEvent(new KeyboardEvent("keyup", { bubbles: true, ...init }));
        return event.defaultPrevented; }""",
        [{"key": key, "code": code, **held}],
    )
    return taken


def open_cards(page: Page) -> str:
    return page.locator("[data-count=open]").inner_text()


def test_the_picture_that_comes_with_text_is_no_photo_and_a_screenshot_is_one(
    emptied: Watched, screenshot: Path
) -> None:
    page = emptied.page
    consent(emptied)
    for kind in ("paste", "drop"):
        carry(page, kind, "#viewer-stage", screenshot, SHEET)
        carry(
            page,
            kind,
            "#viewer-stage",
            screenshot,
            {"text/uri-list": "http://127.0.0.1/a.png", "text/html": '<img src="a.png">'},
        )
    assert not carry(page, "paste", "#narrative textarea", screenshot), (
        "what is pasted into a field is the field's"
    )
    page.evaluate(
        "document.querySelector('#viewer-stage').dispatchEvent(new DragEvent('dragstart', { bubbles: true }))"
    )
    carry(page, "drop", "#viewer-stage", screenshot)
    assert carry(page, "paste", "#viewer-stage", screenshot)
    page.wait_for_selector("#photo-strip-list .thumb")
    assert (
        page.locator("#photo-strip-list .thumb").count()
        == len([url for url in emptied.calls() if "/photos?" in url])
        == 1
    )


def test_other_keyboards_reach_the_same_keys(emptied: Watched) -> None:
    open_example(emptied, 1)
    page = emptied.page
    for tool, key, code in (
        ("brush", "и", "KeyB"),
        ("eraser", "ε", "KeyE"),
        ("polygon", "Ｐ", "KeyP"),
        ("view", "м", "KeyV"),
    ):
        assert press(page, key, code)
        assert page.get_attribute(f"#viewer-tool-{tool}", "aria-pressed") == "true"
    assert press(page, "#", "Digit3", ctrlKey=True, altKey=True), "AltGr as Windows reports it"
    assert page.get_attribute("#viewer-tool-cover", "aria-pressed") == "true"
    press(page, "v", "KeyV")
    assert press(page, "？", "Slash", shiftKey=True)
    assert page.locator("#keys-sheet").is_visible()
    press(page, "？", "Slash", shiftKey=True)
    unsure = page.locator(".card.is-unsure").count()
    assert open_cards(page) != str(unsure) and press(page, "ф", "KeyA") and open_cards(page) == str(unsure)


def test_no_key_of_a_composition_is_a_shortcut(emptied: Watched) -> None:
    open_example(emptied, 1)
    page = emptied.page
    before = open_cards(page)
    for composing in ({"isComposing": True}, {"keyCode": 229}):
        for key, code in (
            ("a", "KeyA"),
            ("1", "Digit1"),
            ("b", "KeyB"),
            ("?", "Slash"),
            ("Escape", "Escape"),
            ("Enter", "Enter"),
        ):
            assert not press(page, key, code, **composing)
    assert open_cards(page) == before and not page.locator("#keys-sheet").is_visible()
    assert page.get_attribute("#viewer-tool-view", "aria-pressed") == "true"


def test_the_enter_that_confirms_chinese_stays_in_the_field(emptied: Watched) -> None:
    open_example(emptied, 1)
    page = emptied.page
    card = page.locator(".card:has(.card-specify)").first
    option = str(card.locator(".card-specify").get_attribute("data-options")).split()[0]
    card.locator(f'.row[data-option="{option}"]').evaluate("(row) => row.click()")
    field = card.locator(".card-specify input")
    field.focus()
    keys = page.context.new_cdp_session(page)
    keys.send("Input.imeSetComposition", {"text": "pi", "selectionStart": 2, "selectionEnd": 2})
    for key, code in (("Enter", "Enter"), ("Escape", "Escape")):
        for kind in ("rawKeyDown", "keyUp"):
            keys.send(
                "Input.dispatchKeyEvent",
                {"type": kind, "key": key, "code": code, "windowsVirtualKeyCode": 229},
            )
    assert field.evaluate("(field) => field === document.activeElement")
    keys.send("Input.insertText", {"text": "皮疹"})
    assert field.input_value() == "皮疹"
    page.keyboard.press("Enter")
    assert not field.evaluate("(field) => field === document.activeElement"), (
        "an Enter of its own goes on to the next card"
    )


@pytest.mark.parametrize("selector", ["#narrative textarea", "#prompt textarea, #prompt input"])
def test_what_a_field_holds_at_most_is_said_by_the_field(emptied: Watched, selector: str) -> None:
    assert int(emptied.page.locator(selector).first.get_attribute("maxlength") or 0) > 0


def test_a_pasted_text_that_is_cut_is_told_beside_the_field_until_it_is_changed(emptied: Watched) -> None:
    page = emptied.page
    field, told = page.locator("#narrative textarea"), page.locator("#paste-cut > span")
    most = int(field.get_attribute("maxlength") or 0)
    field.fill("a" * (most - 7))
    for key in ("Control+a", "Control+c", "End", "Control+v"):
        field.press(key)
    assert field.input_value() == "a" * most
    assert told.is_visible() and told.locator("b").inner_text() == "7"
    assert "was cut after" in str(told.text_content()) and "截断" in str(told.text_content())
    assert page.locator("#paste-cut").get_attribute("role") == "status"
    field.press("Backspace")
    assert told.is_hidden()
    for key in ("Control+a", "Control+v"):
        field.press(key)
    assert field.input_value() == "a" * (most - 7) and told.is_hidden(), (
        "it fits in place of what was selected"
    )


def test_the_line_of_a_cut_text_stays_within_the_window(emptied: Watched) -> None:
    page = emptied.page
    open_example(emptied, 1)
    card = page.locator(".card:has(.card-specify)").last
    option = str(card.locator(".card-specify").get_attribute("data-options")).split()[0]
    card.locator(f'.row[data-option="{option}"]').evaluate("(row) => row.click()")
    field, told = card.locator(".card-specify input"), page.locator("#paste-cut > span")
    field.fill("a" * 150)
    for key in ("Control+a", "Control+c", "End", "Control+v"):
        field.press(key)
    box = told.bounding_box()
    assert (
        box is not None
        and box["x"] >= 0
        and box["x"] + box["width"] <= page.evaluate("document.documentElement.clientWidth")
    )
    page.keyboard.press("Enter")
    assert told.is_hidden(), "the field was left"
