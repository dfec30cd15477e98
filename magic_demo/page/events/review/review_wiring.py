"""Which event of the list, of the bar and of the readings calls which handler, and what the page answers
beside its events."""

from __future__ import annotations

from typing import Any

from starlette.routing import Route

from magic_demo.page.events.event_settings import ANALYSIS, CHANGES, MODELS, NEWEST, QUIET
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


def wire_review(page: Handlers, review: ReviewState) -> None:
    """Wire the events of reviews and of keeping a case."""
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
    arrived = panel.queue.arrive(queue.arrive, inputs, opened, queue=False, **QUIET)
    of_arrived = arrived.then(queue.analyse, typed, answered, **ANALYSIS)
    chosen = panel.queue.open(queue.open, inputs, opened, **NEWEST)
    of_chosen = chosen.then(queue.analyse, typed, answered, **ANALYSIS)
    panel.queue.arrange(queue.arrange, None, [panel.queue, parts.status], **CHANGES)
    panel.queue.assign(queue.assign, None, [panel.queue, parts.status], **CHANGES)
    kept_now = parts.form.keep(keeping.keep, typed, opened, queue=False, **QUIET)
    of_kept = kept_now.then(queue.analyse, typed, answered, **ANALYSIS)
    parts.form.erase(
        Erasing(review).erase,
        {parts.case},
        [*case, panel.narrative, panel.prompt, panel.queue],
        **CHANGES,
    )
    parts.form.note(reading.note, None, saved, **CHANGES)
    parts.form.again(reading.send_again, None, saved, **CHANGES)
    parts.form.restore(reading.restore, None, [*case, panel.queue], **CHANGES)
    parts.form.finish(reading.finish, None, saved, **CHANGES)
    parts.form.reopen(reading.reopen, None, saved, **CHANGES)
    revealed = parts.form.reveal(reading.reveal, typed, answered, trigger_mode="always_last", **MODELS)
    parts.form.compare(side.compare, None, [parts.readings, parts.viewer, parts.status], **NEWEST)
    parts.readings.leave(side.close, None, [parts.readings, parts.viewer], queue=False, **QUIET)
    parts.readings.build(side.build, None, [*case, panel.queue], queue=False, **QUIET)
    versions = Versions(review)
    parts.form.back(versions.take_back, None, saved, **CHANGES)
    parts.form.look(versions.look, None, [parts.form, parts.status], **NEWEST)
    page.refuse_when_full(of_arrived, of_chosen, of_kept, revealed, **QUIET)


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
