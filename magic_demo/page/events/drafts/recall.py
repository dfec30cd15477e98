"""The draft and the open case that an event is about.

Memory holds some of both; what it does not hold any more is made anew from the store.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from magic_demo.core.errors import StoreError
from magic_demo.core.review_content import parts_of
from magic_demo.core.review_types import SavedReview
from magic_demo.page.events.drafts.changes import Sizes, StoredCase, read_stored_case
from magic_demo.page.panels.review.readings_panel import find_ties
from magic_demo.page.session.desk.desk import Desk
from magic_demo.page.session.merging import differing, spread
from magic_demo.page.session.open_cases import OpenCase, OpenCases
from magic_demo.page.session.review import DraftName, Drafts, Mode, NotOpenError, Reading, ReviewDraft
from magic_demo.reviews.cases.kept_cases import EXAMPLES
from magic_demo.reviews.store import QueueCase
from magic_demo.reviews.store.rules import OWN_READINGS

_OPEN_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")


@dataclass(frozen=True)
class Recall:
    """Finds drafts and open cases, in memory or in the store."""

    desk: Desk
    drafts: Drafts
    cases: OpenCases

    def find_draft(
        self, session: str, payload: Mapping[str, Any], reader: str
    ) -> tuple[DraftName, ReviewDraft]:
        """Return the draft that an event of a session is about, with its name, made anew where it was forgotten: of the case that
        the payload names, whatever is open in the session by now.

        Raises FormError where the case is in no store and not open any more, StoreError where it is
        not the reader's or not in the store any more.
        """
        open_id = payload.get("case")
        name = DraftName(session, str(open_id))
        draft = self.drafts.get(name)
        if draft is not None:
            if draft.reading is not None and draft.reading.reader != reader:
                raise StoreError("somebody else has signed in since this case was opened; reload the page")
            return name, draft
        stored = read_stored_case(payload)
        if stored is None or not isinstance(open_id, str) or not _OPEN_ID.fullmatch(open_id):
            raise NotOpenError
        if stored.reader != reader:
            raise StoreError("somebody else has signed in since this case was opened; reload the page")
        return self.drafts.recall(session, self._make_anew(open_id, stored))

    def make_again(self, forgotten: ReviewDraft, reader: str) -> ReviewDraft:
        """Return the draft of a case that a session had open last, as the store has it; it is not held.

        Raises StoreError where it is not the reader's.
        """
        reading = forgotten.reading
        if reading is None or reading.reader != reader:
            raise StoreError("somebody else has signed in since this case was opened; reload the page")
        return self._make_anew(forgotten.open_id, StoredCase(reading.key, reader, reading.mode, 0))

    def find_case(self, draft: ReviewDraft) -> OpenCase:
        """Return the open case of a draft; the photos of a stored one are read again where they are not in
        memory. Raises FormError, StoreError."""
        case = self.cases.get(draft.open_id)
        if case is not None:
            return self.desk.put_newest(case)
        if draft.reading is None:
            raise NotOpenError
        key = draft.reading.key
        queued = self.desk.opened_store.case(key, draft.reading.reader)
        read = self.desk.read_case(queued, draft.reading.reader)
        case = self.cases.open(
            read.encounter,
            example=key.queue == EXAMPLES,
            queued=True,
            key=key,
            reader=draft.reading.reader,
            open_id=draft.open_id,
            states=read.states,
        )
        case = self.desk.put_newest(case)
        case = self.cases.note_problems(case.open_id, read.problems, stored=True) or case
        prediction = None if draft.hides_model else self.desk.recall_prediction(key, draft.reading.reader)
        if prediction is not None:
            self.cases.keep_analysis(case.open_id, case.encounter, prediction)
        return self.cases.get(draft.open_id) or case

    def find_sizes(self, draft: ReviewDraft) -> Sizes:
        """Return the size of every photo of a draft's case: what an outline of it needs.

        Raises FormError, StoreError.
        """
        case = self.cases.get(draft.open_id)
        if case is not None:
            return {photo.photo_id: photo.size for photo in case.encounter.photos}
        if draft.reading is None:
            raise NotOpenError
        return self.desk.measure_photos(self.desk.opened_store.case(draft.reading.key, draft.reading.reader))

    def find_photos(self, draft: ReviewDraft) -> tuple[str, ...]:
        """Return the ids of a draft's case's photos, those whose file is missing last: they can be called
        unusable, too. Raises StoreError."""
        case = self.cases.get(draft.open_id)
        shown = tuple(photo.photo_id for photo in case.encounter.photos) if case is not None else ()
        if case is not None and not case.missing:
            return shown
        known = (
            self.desk.opened_store.case(draft.reading.key, draft.reading.reader).photos
            if draft.reading is not None
            else None
        )
        return tuple(dict.fromkeys((*shown, *(known or ()))))

    def _make_anew(self, open_id: str, stored: StoredCase) -> ReviewDraft:
        queued = self.desk.opened_store.case(stored.key, stored.reader)
        history = self.desk.opened_store.history(stored.key, stored.reader)
        if not history:
            self.desk.check_assigned(queued, stored.reader)
        draft = self.begin_draft(open_id, queued, history, stored.mode or self.desk.mode, stored.reader)
        known = next((saved for saved in history if saved.number == stored.base), None)
        changed = differing(draft.base, spread(known.review) if known is not None else {})
        foreign = dict.fromkeys(changed, draft.number) if draft.number != stored.base else {}
        return replace(draft, foreign=foreign)

    def begin_draft(
        self, open_id: str, queued: QueueCase, history: Sequence[SavedReview], mode: Mode, reader: str
    ) -> ReviewDraft:
        """Return the draft of a case that a reader opens: what is newest of all they saved of it, and how the
        reading goes on."""
        store = self.desk.opened_store
        adjudicates = self.desk.may(reader, "save a consensus")  # and goes on with it
        latest = next(
            (saved for saved in reversed(history) if adjudicates or saved.review.kind in OWN_READINGS), None
        )
        kind = self.desk.choose_kind(mode, reader, queued.key, history)
        if latest is not None and latest.review.kind == "consensus":
            kind = "consensus"
        shown = kind == "revealed" or (kind in ("assisted", "consensus") and mode != "unaided")
        if latest is None:
            return ReviewDraft(open_id, reading=Reading(queued.key, reader, mode, kind, model_shown=shown))
        last = latest.review
        reading = Reading(queued.key, reader, mode, kind, last.state, shown, last.seconds)
        ties = (
            find_ties(store.visible_reviews(queued.key, reader), self.desk.questions_of(queued.key))
            if kind == "consensus"
            else {}
        )
        return ReviewDraft(open_id, **parts_of(last), reading=reading, ties=ties, synced=latest)
