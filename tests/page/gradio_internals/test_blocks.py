"""What the page sends after an event: what Gradio itself would, without building again what has not
changed."""

from __future__ import annotations

import asyncio
from copy import deepcopy
from typing import Any

import gradio as gr
import pytest
from gradio.state_holder import SessionState

from magic_demo.page.gradio_internals.blocks import QuickBlocks


class Page:
    """A page with a part of each kind, as ``kind`` of Blocks has it; ``send`` says what a browser is sent
    after an event."""

    def __init__(self, kind: type[gr.Blocks]) -> None:
        with kind(analytics_enabled=False) as self.blocks:
            self.drawn = gr.HTML("", js_on_load="", elem_id="drawn", saved=None)
            self.other = gr.HTML("", js_on_load=None)
            self.words, self.button, self.state = gr.Textbox(), gr.Button(), gr.State(None)
            self.parts = [self.drawn, self.other, self.words, self.button, self.state]
            self.button.click(lambda: None, None, self.parts)
        (self.event,) = self.blocks.fns.values()

    def send(self, updates: Any) -> list[Any]:
        """Send ``updates``, by the part's place on the page, to a new session."""
        self.session = SessionState(self.blocks)
        told = deepcopy(updates)  # Gradio takes out of it what it has read
        named = (
            {self.parts[place]: value for place, value in told.items()} if isinstance(told, dict) else told
        )
        return asyncio.run(self.blocks.postprocess_data(self.event, named, self.session))


@pytest.fixture(scope="module")
def pages() -> tuple[Page, Page]:
    async def lay_out() -> tuple[Page, Page]:
        return Page(QuickBlocks), Page(gr.Blocks)

    return asyncio.run(lay_out())


UPDATES: dict[str, Any] = {
    "nothing": {0: gr.skip()},
    "a property of the scripts": {0: gr.update(saved={"case": "one", "changes": None})},
    "a property that is none": {0: gr.update(saved=None)},
    "a value for the scripts": {0: {"case": "one", "photos": [1, 2]}, 1: "<p>a line</p>"},
    "a setting of Gradio's own": {0: gr.update(visible=False), 1: gr.update(value="<p>x</p>")},
    "everything at once": {
        0: gr.update(saved=1),
        1: "<p>x</p>",
        2: "words",
        3: gr.update(interactive=False),
        4: "secret",
    },
    "a setting of words": {2: gr.update(placeholder="here", value="words")},
    "values in order": [gr.skip(), "<p>x</p>", "words", gr.skip(), "secret"],
}


@pytest.mark.parametrize("updates", UPDATES.values(), ids=UPDATES.keys())
def test_a_browser_is_sent_what_gradio_would_send(pages: tuple[Page, Page], updates: Any) -> None:
    ours, theirs = (page.send(updates) for page in pages)
    assert [_tidy(one) for one in ours] == [_tidy(one) for one in theirs]
    assert [page.session[page.state._id] for page in pages] == ["secret" if len(updates) == 5 else None] * 2


def _tidy(sent: Any) -> Any:
    """Take out the sign of an update that Gradio puts among a component's properties, too."""
    if not isinstance(sent, dict) or "props" not in sent:
        return sent
    props = {name: value for name, value in sent["props"].items() if name != "__type__"}
    return (
        {**sent, "props": props}
        if props
        else {name: value for name, value in sent.items() if name != "props"}
    )


def test_what_is_not_named_is_not_built_again_and_no_value_stays_with_the_session(
    pages: tuple[Page, Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = pages[0]
    monkeypatch.setattr(gr.HTML, "__init__", lambda *_, **__: pytest.fail("a component was built"))
    page.send({0: gr.update(saved={"row": 1}), 1: "a patient's photo"})
    assert "a patient's photo" not in repr(page.session.config_values)


def test_a_part_that_the_event_does_not_have_is_an_error(pages: tuple[Page, Page]) -> None:
    for page in pages:
        with pytest.raises(ValueError, match="not specified as output"):
            asyncio.run(page.blocks.postprocess_data(page.event, {gr.HTML(render=False): ""}, None))


def test_a_page_is_made_into_an_application_once_it_is_served_and_not_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = []
    monkeypatch.setattr(
        "gradio.blocks.App.create_app", lambda blocks, **_named: made.append(type(blocks).__name__)
    )

    async def lay_out() -> None:  # outside of a running loop Gradio makes loops that nobody closes
        for kind in (gr.Blocks, QuickBlocks):
            with kind(analytics_enabled=False) as page:
                gr.Button()
            with page.route("Second", "/second"):
                gr.Button()
            page.queue()

    asyncio.run(lay_out())
    assert made == ["Blocks"] * 4, (
        "Gradio makes one where it begins, after each of its pages and for its queue"
    )
