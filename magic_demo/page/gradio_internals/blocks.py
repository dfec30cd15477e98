"""Gradio's page, less what it does for components that an event does not change.

For every output of every event, of those that stay as they are too, Gradio builds the component anew, asks it
for its settings and keeps its value with the session: some milliseconds of the one loop that answers
everybody, and patients' photos in memory for as long as a session lasts. The components of this page that are
drawn by scripts (``gr.HTML``) need none of it: what an update says goes to the browser as it is.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from types import SimpleNamespace
from typing import Any, Self

import gradio as gr
from gradio import blocks
from gradio.block_function import BlockFunction
from gradio.state_holder import SessionState

_OWN = frozenset(inspect.signature(gr.HTML.__init__).parameters)
"""What Gradio takes as settings of the component itself; whatever else an update names is a property of its
scripts."""


class QuickBlocks(gr.Blocks):
    """A page whose events cost what they change, whose steps are shown whole, and whose faults reach the log
    without what the reader sent.

    on_fault: hears of what an event raises; returns the line that the browser is sent.
    """

    on_fault: Callable[[Exception], str] = staticmethod(lambda _error: "there was a fault")

    def queue(self, *arguments: Any, **named: Any) -> Self:
        """Set how events wait."""
        with _without_application():
            super().queue(*arguments, **named)
        return self

    def __exit__(self, *fault: Any) -> None:
        """End laying out the page, or one of its pages."""
        with _without_application():
            super().__exit__(*fault)

    async def process_api(self, *arguments: Any, **named: Any) -> dict[str, Any]:
        """Answer an event.

        Gradio prints whatever an event raises, with its message; what is raised here is printed already.
        """
        try:
            return await super().process_api(*arguments, **named)
        except gr.Error as error:
            error.print_exception = False
            raise
        except Exception as error:
            raise gr.Error(self.on_fault(error), print_exception=False) from None

    def rest_when_idle(self, seconds: float) -> None:
        """Let the queue look for work this often; Gradio does every millisecond, and wakes a laptop for
        nothing.

        Gradio's own progress bars, which this page does not have, are looked for every second.
        """
        self._queue.sleep_when_free = seconds
        self._queue.progress_update_sleep_when_free = 1.0

    async def postprocess_data(
        self, block_fn: BlockFunction, predictions: list[Any] | dict[Any, Any], state: SessionState | None
    ) -> list[Any]:
        """Return what the browser is sent for each output of an event; what Gradio itself would send."""
        if (
            not isinstance(predictions, dict)
            or not predictions
            or not all(part in block_fn.outputs for part in predictions)
        ):
            # not by component; or a fault that Gradio has words for
            return await super().postprocess_data(block_fn, predictions, state)
        sent = {part: _write(value) for part, value in predictions.items() if _is_quick(part, value)}
        slow = {part: value for part, value in predictions.items() if part not in sent}
        if slow:
            event = copy(block_fn)
            event.outputs = list(slow)
            sent |= zip(slow, await super().postprocess_data(event, slow, state), strict=True)
        return [sent.get(part, None if part.stateful else gr.skip()) for part in block_fn.outputs]

    def handle_streaming_diffs(
        self,
        block_fn: BlockFunction,
        data: list[Any],
        session_hash: str | None,
        run: str | None,
        final: bool,
        simple_format: bool = False,
    ) -> list[Any]:
        """Return for each output what a step tells the browser: values of its first and last yield, else a
        list of changes (action, path, value).

        Gradio's client writes the changes into the objects of the yields before, which may still wait there
        to be shown: answers and maps of a step that is done at once then vanish unseen. So a value is sent
        whole, but for texts that have grown: the yields before then show more, never less.
        """
        runs = self.pending_diff_streams.get(session_hash, {}) if session_hash is not None else {}
        values, in_changes = list(data), run in runs and not final and not simple_format
        changed_outputs: list[Any] = super().handle_streaming_diffs(
            block_fn, data, session_hash, run, final, simple_format
        )
        return (
            [_keep_before(changes, value) for changes, value in zip(changed_outputs, values, strict=True)]
            if in_changes
            else changed_outputs
        )


@contextmanager
def _without_application() -> Iterator[None]:
    """Let Gradio make no application of a page that is still laid out. It makes one four times, a tenth of a
    second each, before ``launch`` makes the one that serves."""
    whole = blocks.App  # type: ignore[attr-defined]
    blocks.App = SimpleNamespace(create_app=lambda *_, **__: None)  # type: ignore[attr-defined, assignment]
    try:
        yield
    finally:
        blocks.App = whole  # type: ignore[attr-defined]


def _keep_before(changes: Any, value: Any) -> list[Any]:
    """Return changes that leave the value before as it was, but for texts in it that grow."""
    return (
        list(changes)
        if all(action == "append" for action, _path, _value in changes)
        else [("replace", [], value)]
    )


def _is_quick(part: object, value: object) -> bool:
    """Return whether Gradio has nothing to do here: nothing changes, or a value or properties that are the
    scripts' own."""
    changed = _read_update(value)
    if changed is not None and not changed:
        return not isinstance(part, gr.State)
    return isinstance(part, gr.HTML) and not _OWN & (changed or {}).keys()


def _write(value: object) -> object:
    changed = _read_update(value)
    if changed is None:
        return value
    props = {name: value for name, value in changed.items() if value is not None}
    return {"__type__": "update", "props": props} if props else gr.skip()


def _read_update(value: object) -> dict[str, Any] | None:
    """Return what a ``gr.update`` names, None where the value is a value."""
    if not isinstance(value, dict) or value.get("__type__") != "update":
        return None
    return {name: part for name, part in value.items() if name != "__type__"}
