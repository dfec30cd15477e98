"""What happens when a reader covers a face or a tattoo: the pixels go from every copy of the photo here, and
the models are asked anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import cv2
import gradio as gr
import numpy as np

from magic_demo.core.errors import FormError, MagicDemoError, StoreError
from magic_demo.core.review_types import CaseKey
from magic_demo.core.types import Mask, Photo
from magic_demo.imaging.run_lengths import encode_mask
from magic_demo.page.events.resolve import Resolved, Updates
from magic_demo.page.events.review.review_state import ReviewEvents
from magic_demo.page.panels.case.messages import render_case_messages
from magic_demo.page.panels.frame.status.status import fixed_line, render_status
from magic_demo.page.panels.viewer.mask_form import read_mask, working_size
from magic_demo.page.session.desk.photos import cover_photo_area
from magic_demo.page.session.open_cases import OpenCase
from magic_demo.page.session.review import NotOpenError, ReviewDraft
from magic_demo.reviews.cases.covered_photos import PROPOSED_NOTE, cover_area


class Covering(ReviewEvents):
    """The events of covering, over the page and its reviews."""

    def cover(self, event: gr.EventData, request: gr.Request) -> Updates:
        """Cover an area of a photo for good: in memory, and in what is kept of it.

        The viewer gets the photo anew, or why not.
        """
        about = self.resolve(event, request)
        reply = {"photo": about.payload.get("photo"), "request": about.payload.get("request")}
        try:
            about.check_reader()
            draft, case, proposed = self._change(about)
            # within: the case may be deleted as soon as it is covered
            value = self.review.viewer(draft, case, covered={**reply, "covered": True, "proposed": proposed})
            messages = render_case_messages(case, self.review.saver.prediction(draft))
        except (MagicDemoError, OSError) as error:
            failure = (
                error
                if isinstance(error, MagicDemoError)
                else StoreError("the covered photo cannot be kept ({reason})", reason=error.strerror or error)
            )
            return {
                self.parts.viewer: gr.update(cover_failed=reply),
                **self.review.failed(failure),
            }
        return {
            self.parts.viewer: value,
            self.parts.readings: "",
            self.parts.panel.messages: messages,
            self.parts.status: render_status(
                "done", fixed_line("status.cover_proposed" if proposed else "status.covered")
            ),
        }

    def analyse_again(self, inputs: Updates, request: gr.Request) -> Iterator[Updates]:
        """Ask the models about the photo as it is now, where they have spoken of the case and are at hand."""
        case, draft = (
            self.page.cases.get(self.page.open_id(inputs, request)),
            self.page.drafts.get_open(str(request.session_hash)),
        )
        stale = case is not None and case.analysed is not None and case.analysed.stale
        if (
            not stale
            or draft is None
            or draft.hides_model
            or self.page.source.state != "ready"
            or self.review.desk.systems
        ):
            yield {self.parts.status: gr.skip()}  # a generator that yields nothing empties every output
            return
        yield self.page.ask(request)
        yield from self.page.analyse(inputs, request)

    def _change(self, event: Resolved) -> tuple[ReviewDraft, OpenCase, bool]:
        """Cover an area, then let the photo take the original's place in the open case; returns the draft, the
        case, and whether it is proposed alone.

        What is covered for good is so in every browser that has the case open; what is proposed is hidden in
        those of its reader alone. Nothing that the draft and the case are is taken from before others' coverings.
        """
        desk, reading = self.review.desk, event.draft.reading
        if reading is None:
            # a case that is being kept has another id afterwards: then these photos are not open any more
            with self.review.saver.hold(event.session):
                draft, case = event.draft, event.case
                photo, area = read_area(event.payload, case)
                self.page.end_analysis(event.request)  # a model at work on the photo as it was
                return draft, self._put(case, cover_photo_area(photo, area)), False
        key, actor = reading.key, event.actor
        with desk.covered.hold():  # until all who have the case open were told
            draft, case = event.draft, event.case
            photo, area = read_area(event.payload, case)
            self.page.end_analysis(event.request)
            if desk.needs_adjudicator(key, actor.name, photo, area):
                desk.opened_store.propose_cover(key, photo.photo_id, encode_mask(area), actor)
                self._hide_elsewhere(case.open_id, key, actor.name, photo.photo_id, area)
                return draft, self._put(case, hide_area(photo, area)), True
            queued = desk.opened_store.case(key, reading.reader)
            stored = desk.read_stored(queued, photo.photo_id, photo.size)
            desk.opened_store.note("cover", actor, case=key)
            for covered, shown in desk.cover(queued, stored, area, actor):
                here = {case.open_id: actor.name} if covered.key == key else {}
                desk.show_covered(covered, shown, {**self._list_readers(covered.key), **here})
            return draft, self._find_open(case.open_id), False

    def _hide_elsewhere(self, here: str, key: CaseKey, reader: str, photo_id: str, area: Mask) -> None:
        """Hide an area of a photo in the other places where its reader has the case open."""
        cases = self.page.cases
        for open_id in [
            open_id
            for open_id, owner in self._list_readers(key).items()
            if owner == reader and open_id != here
        ]:
            case = cases.get(open_id)
            photo = (
                next((shown for shown in case.encounter.photos if shown.photo_id == photo_id), None)
                if case is not None
                else None
            )
            if photo is not None and photo.size == area.shape:
                cases.put_photo(open_id, hide_area(photo, area))

    def _list_readers(self, key: CaseKey) -> dict[str, str | None]:
        return {**self.page.cases.list_open(key), **self.page.drafts.list_open(key)}

    def _put(self, case: OpenCase, photo: Photo) -> OpenCase:
        self.page.cases.put_photo(case.open_id, photo)
        return self._find_open(case.open_id)

    def _find_open(self, open_id: str) -> OpenCase:
        case = self.page.cases.get(open_id)
        if case is None:
            raise NotOpenError
        return case


def read_area(payload: Mapping[str, Any], case: OpenCase) -> tuple[Photo, Mask]:
    """Return the photo that a ``cover`` event names and the area of it, a working pixel around what was drawn
    included.

    Raises FormError for a photo that is not open, for an area that cannot be read or is empty.
    """
    photo = next((photo for photo in case.encounter.photos if photo.photo_id == payload.get("photo")), None)
    if photo is None:
        raise NotOpenError
    area = read_mask({**payload, "runs": payload.get("area")}, photo.size)
    if not area.any():
        raise FormError("the area to cover is empty; draw around what is to be covered")
    border = 2 * -(-max(photo.size) // max(working_size(photo.size))) + 1
    return photo, cv2.dilate(area.astype(np.uint8), np.ones((border, border), np.uint8)) > 0


def hide_area(photo: Photo, area: Mask) -> Photo:
    """Return a photo with an area hidden that is not gone."""
    notes = photo.notes if PROPOSED_NOTE in photo.notes else (*photo.notes, PROPOSED_NOTE)
    return replace(photo, pixels=cover_area(photo.pixels, area), notes=notes)
