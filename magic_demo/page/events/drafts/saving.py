"""Drafts become saved reviews: after every change, one after another for each session, and only what is
newest."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from weakref import WeakValueDictionary

from magic_demo.core.errors import StoreError
from magic_demo.core.review_content import parts_of
from magic_demo.core.review_types import Review, SavedReview
from magic_demo.core.types import Prediction
from magic_demo.page.events.drafts.changes import Change, is_older
from magic_demo.page.events.drafts.own_changes import OwnChanges
from magic_demo.page.session.desk.desk import Desk
from magic_demo.page.session.merging import Conflict, differing, merge, put, spread
from magic_demo.page.session.open_cases import OpenCases
from magic_demo.page.session.review import DraftName, Drafts, NotOpenError, Reading, ReviewDraft
from magic_demo.questions.families import QuestionSet
from magic_demo.reviews.disagreements import find_disagreements
from magic_demo.reviews.store import ReviewChangedError
from magic_demo.reviews.store.rules import kinds_of_voice

HEARD_SECONDS = 5.0
"""How long a save waits for changes that the browser has sent and that are still on their way."""

MERGES = 20
"""How often a save that another one has overtaken is merged with it and tried again."""

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
        # its maps are large, and go with the open case
        self._noted: WeakValueDictionary[str, Prediction] = WeakValueDictionary()
        self._own = OwnChanges()
        self._change = threading.Condition()
        self._saving = [threading.RLock() for _ in range(LOCKS)]

    def heard(self, open_id: object) -> None:
        """Count a change of a case that came from the browser, whether it could be used or not."""
        with self._change:
            name = str(open_id)
            self._heard[name] = self._heard.get(name, 0) + 1
            self._heard.move_to_end(name)
            while len(self._heard) > self._max_cases:
                self._heard.popitem(last=False)
            self._change.notify_all()

    def count_heard(self, open_id: str) -> int:
        """Return how many changes of a case were heard; what was saved since then holds them all."""
        with self._change:
            return self._heard.get(open_id, 0)

    def wait(self, open_id: object, count: object) -> None:
        """Wait until so many changes of a case were heard, at most HEARD_SECONDS: requests of one browser may
        overtake each other."""
        if not isinstance(count, int):
            return
        end = time.monotonic() + HEARD_SECONDS
        with self._change:
            while self._heard.get(str(open_id), 0) < count and (left := end - time.monotonic()) > 0:
                self._change.wait(left)

    @contextmanager
    def hold(self, session: str) -> Iterator[None]:
        """Let one change of a session's drafts, its save included, follow another: none is made of a draft
        that has changed meanwhile."""
        with self._saving[hash(session) % LOCKS]:
            yield

    def save(self, name: DraftName, known: QuestionSet | None = None) -> SavedReview | None:
        """Save a draft as it is now, merged with what was saved elsewhere; None where it is of no
        stored case. Raises StoreError.

        known: what is asked of its case, where that was read already.
        """
        with self.hold(name.session):  # the draft is read within: an older one never lands after a newer one
            for _ in range(MERGES):
                draft = self._drafts.get(name)
                if draft is None or draft.reading is None:
                    return None
                self.note_shown(draft)
                asked = known or self._desk.questions_of(draft.reading.key)
                try:
                    saved = self._desk.opened_store.save(
                        write_review(draft, draft.reading, self.prediction(draft), asked),
                        after=draft.number,
                    )
                except ReviewChangedError:
                    self._merge(name, draft, draft.reading)
                    continue
                with suppress(NotOpenError):  # the page was closed meanwhile; what it sent is saved
                    self._drafts.change(name, partial(replace, synced=saved))
                return saved
        raise StoreError("the case changes elsewhere faster than it can be saved here; try again")

    def is_behind(self, name: DraftName) -> bool:
        """Return whether the store has a newer review of a draft's case, as another tab or an earlier opening of the case has left it.
        Raises StoreError."""
        draft = self._drafts.get(name)
        if draft is None or draft.reading is None:
            return False
        newest = self._find_newest(draft.reading)
        return newest is not None and newest.number > draft.number

    def take(self, name: DraftName, change: Change) -> None:
        """Put what a part of the page says into a draft; a finished reading that changes goes on.

        Of what its tab has said something newer of since, or what came before, nothing is taken.

        A field that another tab or device has changed since ``change.base``, to another value, stays as it is
        there, and is a conflict. Raises NotOpenError where there is no such draft.
        """
        with self.hold(name.session):
            draft = self._drafts.get(name)
            if draft is None:
                raise NotOpenError
            now, conflicts, taken, own = spread(draft), list(draft.conflicts), {}, self._own
            for field, value in ((field, value or None) for field, value in change.fields.items()):
                if change.turn and own.is_late(name, draft, field, change.turn):
                    continue
                saved, number = now.get(field), draft.foreign.get(field, 0)
                heard = change.base is None or number <= change.base
                if saved == value:
                    pass
                elif heard or own.is_by(name, draft, field, change.turn, saved):
                    taken[field] = value
                else:
                    conflicts.append(Conflict(field, value, saved, number))
                own.note(name, draft, field, change.turn, value)
            newest = change.turn and not is_older(change.turn, draft.turns.get(change.part))
            turns = {**draft.turns, change.part: change.turn} if newest else draft.turns
            foreign = {field: number for field, number in draft.foreign.items() if field not in taken}
            reading = draft.reading
            if reading is not None:
                state = "in progress" if taken else reading.state
                reading = replace(reading, state=state, seconds=max(reading.seconds, change.seconds))
            changed = replace(
                draft, turns=turns, foreign=foreign, conflicts=tuple(conflicts), reading=reading
            )
            self._drafts.change(name, lambda _: changed.with_fields(put(now, taken)) if taken else changed)

    def list_conflicts(self, name: DraftName, base: int | None) -> tuple[Conflict, ...]:
        """Return what is in conflict, until the tab says that it has heard of it: ``base``, the newest review
        that it knows, is no older."""
        with self.hold(name.session):
            draft = self._drafts.get(name)
            if draft is None or not draft.conflicts:
                return ()
            open_ones = (
                draft.conflicts
                if base is None
                else tuple(conflict for conflict in draft.conflicts if conflict.number > base)
            )
            self._drafts.change(name, partial(replace, conflicts=() if base is None else open_ones))
            return open_ones

    def _merge(self, name: DraftName, draft: ReviewDraft, reading: Reading) -> None:
        """Take what was saved elsewhere since the draft was last in step into it."""
        newest = self._find_newest(reading)
        if newest is None:
            raise StoreError("{case} was deleted and added again; open it again", case=reading.key.case_id)
        now, theirs = spread(draft), spread(newest.review)
        fields, conflicts = merge(now, theirs, draft.base)
        kept = {
            field: now.get(field)
            for field in differing(theirs, now)
            if self._own.overtakes(name, draft, field, now.get(field), theirs.get(field))
        }
        fields = put(fields, kept)
        conflicts = [
            conflict
            for conflict in conflicts
            if conflict.field not in kept
            and not self._own.overtakes(name, draft, conflict.field, conflict.theirs, conflict.mine)
        ]
        foreign = {**draft.foreign, **dict.fromkeys(differing(theirs, draft.base), newest.number)}
        mine = differing(fields, theirs)
        merged = replace(
            draft.with_fields(fields),
            synced=newest,
            foreign={field: number for field, number in foreign.items() if field not in mine},
            conflicts=(
                *draft.conflicts,
                *(replace(conflict, number=newest.number) for conflict in conflicts),
            ),
            reading=_follow(reading, draft, newest, goes_on=bool(mine)),
        )
        self._drafts.change(name, lambda _: merged)

    def _find_newest(self, reading: Reading) -> SavedReview | None:
        kinds = kinds_of_voice(reading.kind)
        return self._desk.opened_store.latest(reading.key, reading.reader, kinds=kinds)

    def note_shown(self, draft: ReviewDraft) -> None:
        """Keep what the models said of the draft's case, where it is of a store and they are shown.

        Raises StoreError.
        """
        prediction, reading = self._open_prediction(draft), draft.reading
        if prediction is None or reading is None or self._noted.get(draft.open_id) is prediction:
            return
        self.note(draft, prediction)

    def note(self, draft: ReviewDraft, prediction: Prediction) -> None:
        """Keep what the models said of a draft's case, which its reader is shown, where it is of a store.

        Raises StoreError.
        """
        if draft.reading is not None:
            self._desk.note_shown(draft.reading.reader, draft.reading.key, prediction)
            with self._change:
                self._noted[draft.open_id] = prediction

    def prediction(self, draft: ReviewDraft) -> Prediction | None:
        """Return what the models said of the draft's case, None where that is not shown.

        Of a stored case that is not in memory, or not analysed since it was opened again, that is what its
        reader was shown last.
        """
        found = self._open_prediction(draft)
        if found is not None or draft.reading is None or draft.hides_model:
            return found
        return self._desk.opened_store.shown(draft.reading.key, draft.reading.reader)

    def _open_prediction(self, draft: ReviewDraft) -> Prediction | None:
        case = self._cases.get(draft.open_id)
        return (
            case.analysed.prediction
            if case is not None and case.analysed is not None and not draft.hides_model
            else None
        )


def _follow(reading: Reading, draft: ReviewDraft, newest: SavedReview, *, goes_on: bool) -> Reading:
    """Return a reading that goes on from what was saved elsewhere. goes_on: it says something else than
    that."""
    theirs, before = newest.review, draft.synced.review.state if draft.synced is not None else "in progress"
    state = reading.state if reading.state != before else "in progress" if goes_on else theirs.state
    return replace(reading, state=state, seconds=max(reading.seconds, theirs.seconds))


def write_review(
    draft: ReviewDraft, reading: Reading, prediction: Prediction | None, questions: QuestionSet
) -> Review:
    """Return the review that a draft is now.

    Where the model is hidden nothing of the review depends on it.
    """
    return Review(
        case_id=reading.key.case_id,
        reader=reading.reader,
        kind=reading.kind,
        state=reading.state,
        **parts_of(draft),
        models=prediction.models if prediction is not None else {},
        seconds=reading.seconds,
        queue=reading.key.queue,
        disagreements=find_disagreements(draft.answers, draft.masks, prediction, questions)
        if prediction is not None
        else None,
    )
