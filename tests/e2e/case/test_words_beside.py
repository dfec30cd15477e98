"""The patient's words in the other language stand beside the field's own, in whatever order an answer brings the two."""

from __future__ import annotations

from playwright.sync_api import expect

from magic_demo.synthetic.bundled import load_examples
from tests.e2e.conftest import Watched
from tests.e2e.driving import open_example

WRITE = """(words) => { document.querySelector("#narrative textarea").value = words; }"""
"""As Gradio does, which tells nobody."""


def test_the_other_words_follow_the_field_however_late_it_gets_its_own(emptied: Watched) -> None:
    page, beside = emptied.page, emptied.page.locator("#other-words p")
    examples = [one.encounter.narrative for one in load_examples()]
    for number in (1, 2):
        open_example(emptied, number)
        expect(beside).to_have_text(examples[number].zh.strip())
    page.evaluate(WRITE, examples[1].en)  # the case before: the field has not got its words yet
    expect(page.locator("#other-words")).to_be_hidden()
    page.evaluate(WRITE, examples[2].en)
    expect(beside).to_have_text(examples[2].zh.strip())
    page.evaluate(WRITE, examples[2].zh)
    expect(beside).to_have_text(examples[2].en.strip())
    page.fill("#narrative textarea", "it itches")
    expect(page.locator("#other-words")).to_be_hidden()
    page.click("#new-case")
    open_example(emptied, 2)
    expect(beside).to_have_text(examples[2].zh.strip())
