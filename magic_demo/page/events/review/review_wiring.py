"""Which event of the list, of the bar and of the readings calls which handler, and what the page answers
beside its events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.routing import Route

from magic_demo.page.events.handlers import Handlers
from magic_demo.page.events.review.adjudication import Adjudication
from magic_demo.page.events.review.erasing import Erasing
from magic_demo.page.events.review.keeping import Keeping
from magic_demo.page.events.review.queue_handlers import QueueHandlers
from magic_demo.page.events.review.reading_handlers import ReadingHandlers
from magic_demo.page.events.review.review_state import ReviewState
from magic_demo.page.events.review.versions import Versions
from magic_demo.page.server.downloads.photo_parts import list_photo_part_routes
from magic_demo.page.server.downloads.take_away import list_take_away_routes
from magic_demo.page.server.downloads.thumbnails import list_thumbnail_routes
from magic_demo.page.server.oversight.oversight import list_oversight_routes
from magic_demo.page.server.sign_in.first_password import list_sign_in_doors
from magic_demo.page.server.throwaway import list_throwaway_routes
from magic_demo.page.session.desk.desk import Desk
from magic_demo.page.session.inference.turns import MOST_WAITING


def wire_review(page: Handlers, review: ReviewState, quiet: Mapping[str, Any]) -> None:
    """Wire the events of reviews and of keeping a case. quiet: settings of every event."""
    parts, panel = page.parts, page.parts.panel
    queue, reading, side = QueueHandlers(page, review), ReadingHandlers(review), Adjudication(review)
    keeping = Keeping(review, queue)
    inputs: set[Any] = {parts.case, parts.spoken}
    typed: set[Any] = {*inputs, panel.narrative, panel.prompt}
    case = [
        parts.case,
        parts.viewer,
        parts.cards,
        parts.why,
        parts.readings,
        parts.form,
        parts.status,
        panel.messages,
        panel.words,
    ]
    opened = [*case, panel.narrative, panel.prompt, panel.queue, panel.run]
    answered = [*case, panel.run, panel.cancel, panel.queue]
    saved = [parts.status, parts.form, panel.queue]
    models: dict[str, Any] = {**quiet, "concurrency_id": "models", "concurrency_limit": MOST_WAITING}
    analysis: dict[str, Any] = {
        **models,
        "trigger_mode": "multiple",
    }  # the one of the case before may not have stopped yet
    changes: dict[str, Any] = {**quiet, "queue": False, "trigger_mode": "multiple"}
    newest: dict[str, Any] = {**quiet, "queue": False, "trigger_mode": "always_last"}

    arrived = panel.queue.arrive(queue.arrive, inputs, opened, queue=False, **quiet)
    of_arrived = arrived.then(queue.analyse, typed, answered, **analysis)
    chosen = panel.queue.open(queue.open, inputs, opened, **newest)
    of_chosen = chosen.then(queue.analyse, typed, answered, **analysis)
    panel.queue.arrange(queue.arrange, None, [panel.queue, parts.status], **changes)
    panel.queue.assign(queue.assign, None, [panel.queue, parts.status], **changes)
    kept_now = parts.form.keep(keeping.keep, typed, opened, queue=False, **quiet)
    of_kept = kept_now.then(queue.analyse, typed, answered, **analysis)
    parts.form.erase(
        Erasing(review).erase,
        {parts.case},
        [*case, panel.narrative, panel.prompt, panel.queue],
        **changes,
    )
    parts.form.note(reading.note, None, saved, **changes)
    parts.form.again(reading.send_again, None, saved, **changes)
    parts.form.restore(reading.restore, None, [*case, panel.queue], **changes)
    parts.form.finish(reading.finish, None, saved, **changes)
    parts.form.reopen(reading.reopen, None, saved, **changes)
    revealed = parts.form.reveal(reading.reveal, typed, answered, trigger_mode="always_last", **models)
    parts.form.compare(side.compare, None, [parts.readings, parts.viewer, parts.status], **newest)
    parts.readings.leave(side.close, None, [parts.readings, parts.viewer], queue=False, **quiet)
    parts.readings.build(side.build, None, [*case, panel.queue], queue=False, **quiet)
    versions = Versions(review)
    parts.form.back(versions.take_back, None, saved, **changes)
    parts.form.look(versions.look, None, [parts.form, parts.status], **newest)
    page.refuse_when_full(of_arrived, of_chosen, of_kept, revealed, **quiet)


def list_review_routes(desk: Desk) -> list[Route]:
    """Return the routes of taking readings away, of photos from close by, of the list's small pictures, of signing in, and of emptying a
    throw-away store."""
    return [
        *([*list_take_away_routes(desk), *list_thumbnail_routes(desk)] if not desk.public else []),
        *list_photo_part_routes(desk),
        *list_oversight_routes(desk),
        *list_throwaway_routes(desk),
        *list_sign_in_doors(desk),
    ]
