"""Which event of the list, of the bar and of the readings calls which handler."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from magic_demo.ui.handlers import Handlers
from magic_demo.ui.queue_handlers import QueueHandlers
from magic_demo.ui.reading_handlers import ReadingHandlers
from magic_demo.ui.review_state import ReviewState


def wire_review(page: Handlers, review: ReviewState, quiet: Mapping[str, Any]) -> None:
    """Wire the events of a page that keeps reviews. quiet: settings of every event."""
    parts, panel = page.parts, page.parts.panel
    queue, reading = QueueHandlers(page, review), ReadingHandlers(review)
    inputs: set[Any] = {parts.case, parts.spoken}
    typed: set[Any] = {*inputs, panel.narrative, panel.prompt}
    case = [parts.case, parts.viewer, parts.cards, parts.why, parts.readings, parts.form, parts.status, panel.messages]
    opened = [*case, panel.narrative, panel.prompt, panel.queue, panel.run]
    answered = [*case, panel.run, panel.cancel, panel.queue]
    kept = [parts.status, parts.form, panel.queue]
    models = {**quiet, "concurrency_id": "models", "concurrency_limit": 1}

    arrived = panel.queue.arrive(queue.arrive, inputs, opened, queue=False, **quiet)
    arrived.then(queue.analyse, typed, answered, **models)
    chosen = panel.queue.open(queue.open, inputs, opened, queue=False, **quiet)
    chosen.then(queue.analyse, typed, answered, **models)
    panel.queue.arrange(queue.arrange, None, [panel.queue, parts.status], queue=False, **quiet)
    parts.form.note(reading.note, None, kept, queue=False, **quiet)
    parts.form.finish(reading.finish, None, kept, queue=False, **quiet)
    parts.form.reveal(reading.reveal, typed, answered, **models)
    parts.form.back(reading.take_back, None, [*case, panel.queue], queue=False, **quiet)
