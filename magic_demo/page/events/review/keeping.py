"""What happens when a reader keeps the open case, an upload or an example: it becomes a case of a queue, and
is saved from then on."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

import gradio as gr

from magic_demo.core.errors import MagicDemoError
from magic_demo.core.messages import Message, unpack_message
from magic_demo.core.types import Prediction
from magic_demo.page.events.resolve import Resolved, Updates
from magic_demo.page.events.review.queue_handlers import QueueHandlers
from magic_demo.page.events.review.review_state import ReviewEvents, ReviewState
from magic_demo.page.panels.forms import read_narrative
from magic_demo.page.panels.queue.queue_panel import Arrangement, read_arrangement
from magic_demo.page.panels.review.review_form import unkept_value
from magic_demo.page.session.open_cases import OpenCase
from magic_demo.page.session.review import DraftName, NotOpenError, ReviewDraft
from magic_demo.reviews.cases.kept_cases import KeptCase

T = TypeVar("T")


class Keeping(ReviewEvents):
    """The event of the bar under a case that is of no store."""

    def __init__(self, review: ReviewState, queue: QueueHandlers) -> None:
        super().__init__(review)
        self.queue = queue

    def keep(self, inputs: Updates, event: gr.EventData, request: gr.Request) -> Updates:
        """Keep the open case with its words, and the reader's answers and outlines as its first reading."""
        about = self.resolve(event, request)
        payload = about.payload
        self.review.saver.wait(payload.get("case"), payload.get("heard"))
        try:
            # a photo that is covered meanwhile would be kept as it was, and so would words that are saved
            with self.review.saver.hold(about.session):
                return self._keep(inputs, about)
        except MagicDemoError as error:
            draft = self.page.drafts.get_open(about.session)
            offer = (
                {**unkept_value(draft.open_id), "refused": secrets.token_hex(4)}
                if draft is not None
                else gr.skip()
            )
            return {**self.review.failed(error), self.parts.form: offer}

    def _keep(self, inputs: Updates, event: Resolved) -> Updates:
        request, reader = event.request, event.reader
        draft = self.page.drafts.get_open(event.session)
        case = self.page.cases.get(self.page.open_id(inputs, request))
        if (
            draft is None
            or case is None
            or case.queued
            or not event.payload.get("case") == draft.open_id == case.open_id
        ):
            raise NotOpenError
        self.page.end_analysis(request)
        words = read_narrative(inputs[self.parts.panel.narrative], case)
        example = case.encounter if case.example else None
        stored = self.review.desk.keep_case(replace(case.encounter, narrative=words), reader, example=example)
        return self._show(event, draft, _rename(case, stored), stored)

    def _show(
        self,
        event: Resolved,
        draft: ReviewDraft,
        case: OpenCase,
        stored: KeptCase,
    ) -> Updates:
        """Go on with the case as one of its queue; a reader who has said nothing of it yet finds what they
        saved of it before."""
        desk, store, reader = self.review.desk, self.review.store, event.reader
        if case.analysed is not None:
            desk.note_shown(reader, stored.key, case.analysed.prediction)
        elif draft.model_seen:
            store.note_seen([stored.key], reader, "model")
        seen = case.analysed is not None or draft.model_seen
        asked = read_arrangement(event.payload, desk.mode)
        arrangement = Arrangement(stored.key.queue, "position", "assisted" if seen else asked.mode)
        queued = store.case(stored.key, reader)
        saved = self.review.recall.begin_draft(
            case.open_id, queued, store.history(stored.key, reader), arrangement.mode, reader
        )
        if draft.answers or draft.masks or draft.label_masks or draft.rulers or draft.remarks:
            saved = replace(
                saved,
                answers=draft.answers,
                specified=draft.specified,
                masks=_rename_keys(draft.masks, stored),
                clicks=_rename_keys(draft.clicks, stored),
                label_masks={
                    label: _rename_keys(photos, stored) for label, photos in draft.label_masks.items()
                },
                rulers=_rename_keys(draft.rulers, stored),
                remarks=_rename_keys(draft.remarks, stored),
            )
            if saved.reading is not None:
                saved = replace(saved, reading=replace(saved.reading, state="in progress"))
        case = replace(case, states=desk.list_states(queued))
        updates = self.review.reopen(event.session, case, saved)
        open_id = updates[self.parts.case]
        row = self.review.saver.save(DraftName(event.session, open_id))
        now = self.page.drafts.get_open(event.session)
        return {
            **updates,
            self.parts.form: {**self.review.form(now), "kept": draft.open_id}
            if now is not None
            else gr.skip(),
            self.parts.panel.queue: self.queue.list_value(arrangement, reader, stored.key.case_id, open_id),
            self.parts.panel.run: gr.update(interactive=not saved.hides_model),
            self.parts.status: self.review.render_saved("status.kept", row) if row is not None else gr.skip(),
        }


def _rename_keys(of_photos: Mapping[str, T], stored: KeptCase) -> dict[str, T]:
    return {stored.names[name]: value for name, value in of_photos.items() if name in stored.names}


def _rename(case: OpenCase, stored: KeptCase) -> OpenCase:
    """Return the open case with the names that its photos have from now on, in what was analysed too."""
    analysed = case.analysed
    if analysed is not None:
        encounter = replace(stored.encounter, narrative=analysed.encounter.narrative)
        analysed = replace(
            analysed, encounter=encounter, prediction=_rename_prediction(analysed.prediction, stored)
        )
    return replace(case, encounter=stored.encounter, analysed=analysed)


def _rename_prediction(prediction: Prediction, stored: KeptCase) -> Prediction:
    """Return a prediction that speaks of photos by their new names, in its lines too: a file's name may say
    who is on the photo."""

    def reword(line: str) -> Message:
        message = unpack_message(line)
        photo = str(message.values.get("photo"))
        if photo in stored.names:
            return message.replace_values(photo=stored.names[photo])
        name, colon, rest = line.partition(": ")  # a finished sentence begins with the photo's name
        return unpack_message(f"{stored.names[name]}{colon}{rest}") if name in stored.names else message

    return replace(
        prediction,
        encounter_id=stored.key.case_id,
        photos=tuple(
            replace(photo, photo_id=stored.names.get(photo.photo_id, photo.photo_id))
            for photo in prediction.photos
        ),
        notes=tuple(reword(line) for line in prediction.notes),
        failures=tuple(reword(line) for line in prediction.failures),
    )
