"""Drafts become saved reviews: after every change, one after another for each session, and only what is newest."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import replace
from typing import Any
from weakref import WeakValueDictionary

from magic_demo.disagreements import find_disagreements
from magic_demo.types import Prediction, Review, SavedReview
from magic_demo.ui.desk import Desk
from magic_demo.ui.open_cases import OpenCases
from magic_demo.ui.review import Drafts, Part, Reading, ReviewDraft

HEARD_SECONDS = 5.0
"""How long a save waits for changes that the browser has sent and that are still on their way."""

LOCKS = 64
"""Sessions share as many locks: one session's saves follow each other, and hardly ever wait for another's."""


class Saver:
    """Saves the drafts of all sessions, and counts the changes that were heard of each open case."""

    def __init__(self, desk: Desk, drafts: Drafts, cases: OpenCases, max_cases: int = 512) -> None:
        self._desk = desk
        self._drafts = drafts
        self._cases = cases
        self._max_cases = max_cases
        self._heard: OrderedDict[str, int] = OrderedDict()
        self._noted: WeakValueDictionary[str, Prediction] = WeakValueDictionary()  # its maps are large, and go with the open case
        self._change = threading.Condition()
        self._saving = [threading.Lock() for _ in range(LOCKS)]

    def heard(self, case_id: object) -> None:
        """Count a change of a case that came from the browser, whether it could be used or not."""
        with self._change:
            name = str(case_id)
            self._heard[name] = self._heard.get(name, 0) + 1
            self._heard.move_to_end(name)
            while len(self._heard) > self._max_cases:
                self._heard.popitem(last=False)
            self._change.notify_all()

    def count_heard(self, case_id: str) -> int:
        """Return how many changes of a case were heard; what was saved since then holds them all."""
        with self._change:
            return self._heard.get(case_id, 0)

    def wait(self, case_id: object, count: object) -> None:
        """Wait until so many changes of a case were heard, at most HEARD_SECONDS: requests of one browser may overtake each other."""
        if not isinstance(count, int):
            return
        end = time.monotonic() + HEARD_SECONDS
        with self._change:
            while self._heard.get(str(case_id), 0) < count and (left := end - time.monotonic()) > 0:
                self._change.wait(left)

    def save(self, session: str) -> SavedReview | None:
        """Save the session's draft as it is now; None where it is of no stored case. Raises StoreError."""
        with self._saving[hash(session) % LOCKS]:  # the draft is read within: an older one never lands after a newer one
            draft = self._drafts.get(session)
            if draft is None or draft.reading is None:
                return None
            self.note_shown(draft)
            return self._desk.opened_store.save(write_review(draft, draft.reading, self.prediction(draft)))

    def note_shown(self, draft: ReviewDraft) -> None:
        """Keep what the models said of the draft's case, where it is of a store and they are shown. Raises StoreError."""
        prediction, reading = self.prediction(draft), draft.reading
        if prediction is None or reading is None or self._noted.get(draft.case) is prediction:
            return
        self._desk.note_shown(reading.reader, reading.key, prediction)
        with self._change:
            self._noted[draft.case] = prediction

    def change(self, session: str, part: Part, value: Any) -> None:
        """Put a part that the reader has changed into the session's draft; a finished reading that changes goes on."""
        before = self._drafts.get(session)
        draft = self._drafts.draft_changed(session, part, value)
        if before is not None and getattr(before, part) != value and draft.reading is not None and draft.reading.state == "done":
            self._drafts.draft_changed(session, "reading", replace(draft.reading, state="in progress"))

    def prediction(self, draft: ReviewDraft) -> Prediction | None:
        """Return what the models said of the draft's case, None where that is not shown."""
        case = self._cases.get(draft.case)
        return case.analysed.prediction if case is not None and case.analysed is not None and not draft.hides_model else None


def write_review(draft: ReviewDraft, reading: Reading, prediction: Prediction | None) -> Review:
    """Return the review that a draft is now. Where the model is hidden nothing of the review depends on it."""
    return Review(
        case_id=reading.key.case_id,
        reader=reading.reader,
        kind=reading.kind,
        state=reading.state,
        answers=draft.answers,
        specified=draft.specified,
        masks=draft.masks,
        unusable=draft.unusable,
        comment=draft.comment,
        flagged=draft.flagged,
        difficulty=draft.difficulty,
        models=prediction.models if prediction is not None else {},
        seconds=reading.seconds,
        queue=reading.key.queue,
        disagreements=find_disagreements(draft.answers, draft.masks, prediction) if prediction is not None else None,
    )
