"""What happens when readings are compared, and when an adjudicator makes one of them: the table, the others'
outlines, the consensus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import gradio as gr

from magic_demo.core.errors import FormError, MagicDemoError, StoreError
from magic_demo.core.review_content import outlines_of, share_outlines, split_outline
from magic_demo.core.review_types import Outline, SavedReview
from magic_demo.core.ruler import Ruler
from magic_demo.core.types import Mask
from magic_demo.imaging.consensus import estimate_staple, take_majority
from magic_demo.imaging.run_lengths import decode_mask, encode_mask
from magic_demo.page.events.resolve import Resolved, Updates, answered
from magic_demo.page.events.review.review_state import ReviewEvents
from magic_demo.page.panels.frame.status.status import fixed_line, render_status
from magic_demo.page.panels.review.readings_panel import (
    CONSENSUS,
    choose_readings,
    find_ties,
    gather_words,
    render_readings,
)
from magic_demo.page.session.review import DraftName, Reading, ReviewDraft
from magic_demo.reviews.exports.readings import agree_answers


class Adjudication(ReviewEvents):
    """The events of the readings side by side."""

    def compare(self, event: gr.EventData, request: gr.Request) -> Updates:
        """Show the finished readings that this reader may see, in a table and as outlines in the viewer; or
        put them away."""
        about = self.resolve(event, request)
        if not about.payload.get("open"):
            return self.close(request)
        try:
            draft, reading, case = about.opened
            readings = choose_readings(self.review.store.visible_reviews(reading.key, reading.reader))
            self.review.desk.note_seen(reading.reader, reading.key, readings)
            prediction = self.review.saver.prediction(draft)
            table = render_readings(
                draft.open_id,
                readings,
                prediction.answers if prediction is not None else None,
                self.review.questions_of(draft),
                may_build=self._may_build(reading),
            )
        except MagicDemoError as error:
            return {**self.review.failed(error), self.parts.readings: ""}
        return {
            self.parts.readings: table,
            self.parts.viewer: self.review.viewer(draft, case, _outlines(readings, reading)),
            self.parts.status: gr.skip(),
        }

    def close(self, request: gr.Request) -> Updates:
        """Put the readings away."""
        try:
            draft, _reading, case = self.resolve(None, request).opened
        except MagicDemoError:  # the case they were of is closed already
            return {self.parts.readings: ""}
        return {self.parts.readings: "", self.parts.viewer: self.review.viewer(draft, case)}

    @answered
    def build(self, event: Resolved) -> Updates:
        """Begin a consensus from the readers' finished readings; the adjudicator goes on from there."""
        with self.review.saver.hold(event.session):  # a case that is opened meanwhile comes after it
            return self._build(event)

    def _build(self, event: Resolved) -> Updates:
        draft, reading, case = event.opened
        if not self._may_build(reading):
            raise StoreError(
                "{reader} is no adjudicator; readers role {reader} adjudicator changes that",
                reader=reading.reader,
            )
        visible = choose_readings(self.review.store.visible_reviews(reading.key, reading.reader))
        readings = [saved for saved in visible if saved.review.kind != CONSENSUS]
        if not readings:
            raise FormError(
                "no reader has finished this case; a consensus needs one finished reading or more"
            )
        self.review.desk.note_seen(reading.reader, reading.key, readings)
        answers, tied = agree_answers(readings, self.review.questions_of(draft))
        # which this one takes the place of
        before = self.review.store.latest(reading.key, reading.reader, kinds=(CONSENSUS,))
        begun = replace(reading, kind=CONSENSUS, state="in progress", seconds=0.0)
        content = ReviewDraft(
            draft.open_id,
            answers,
            gather_words(answers, readings),
            **share_outlines(merge_masks(readings, weighted=event.payload.get("how") == "staple")),
            rulers=choose_rulers(readings),
            reading=begun,
            ties=find_ties(readings, self.review.questions_of(draft)),
            synced=before,
        )
        updates = self.review.reopen(event.session, case, content)
        consensus = self.page.cases.get(updates[self.parts.case])
        if consensus is not None:
            updates[self.parts.viewer] = self.review.viewer(
                replace(content, open_id=consensus.open_id), consensus, _outlines(readings, reading)
            )
        line = fixed_line(
            "status.consensus_tied" if tied else "status.consensus", count=len(readings), tied=len(tied)
        )
        try:
            name = DraftName(event.session, updates[self.parts.case])
            saved = {
                **self.review.save(event, name=name).updates,
                self.parts.status: render_status("done", line),
            }
        except MagicDemoError as error:  # it is open and not saved
            saved = self.failed(error)
        return {
            **updates,
            **saved,
            self.parts.form: updates[self.parts.form],
            self.parts.readings: "",
        }

    def _may_build(self, reading: Reading) -> bool:
        return self.review.desk.may(reading.reader, "save a consensus")


def merge_masks(readings: Sequence[SavedReview], *, weighted: bool) -> dict[str, Outline]:
    """Return one outline a photo and label, by name, of those that anybody outlined and did not call unusable: by
    majority, or weighted by STAPLE.

    By majority a pixel is inside where more than half of the masks mark it: an even split is outside.
    """
    by_name: dict[str, list[Mask]] = {}
    for saved in readings:
        for name, outline in outlines_of(saved.review).items():
            if split_outline(name)[1] not in saved.review.unusable:
                by_name.setdefault(name, []).append(decode_mask(outline.runs))
    merged = {}
    for name, masks in by_name.items():
        same_size = [mask for mask in masks if mask.shape == masks[0].shape]
        merged[name] = Outline(
            encode_mask(
                estimate_staple(same_size).mask
                if weighted and len(same_size) > 1
                else take_majority(same_size)
            )
        )
    return merged


def choose_rulers(readings: Sequence[SavedReview]) -> dict[str, Ruler]:
    """Return one ruler a photo, of those that are calibrated: the one whose scale is the median, the lower of an
    even number."""
    by_photo: dict[str, list[tuple[float, Ruler]]] = {}
    for saved in readings:
        for photo_id, ruler in saved.review.rulers.items():
            if (scale := ruler.mm_per_pixel) is not None and photo_id not in saved.review.unusable:
                by_photo.setdefault(photo_id, []).append((scale, ruler))
    return {
        photo_id: sorted(rulers, key=lambda one: one[0])[(len(rulers) - 1) // 2][1]
        for photo_id, rulers in by_photo.items()
    }


def _outlines(readings: Sequence[SavedReview], reading: Reading) -> dict[str, dict[str, Mask]]:
    """Return everybody else's masks by reader and the outline's name."""
    return {
        saved.review.reader if saved.review.kind != CONSENSUS else CONSENSUS: {
            name: decode_mask(outline.runs) for name, outline in outlines_of(saved.review).items()
        }
        for saved in readings
        if saved.review.reader != reading.reader or saved.review.kind == CONSENSUS
    }
