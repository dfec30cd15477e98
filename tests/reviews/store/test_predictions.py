"""What readers were shown is kept beside the case, once, and known by whom it was seen.

On SQLite and on PostgreSQL.
"""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
import sqlalchemy as sa

from magic_demo.core.errors import StoreError
from magic_demo.core.review_types import CaseKey, Review
from magic_demo.core.types import PhotoPrediction, Prediction
from magic_demo.reviews.store import LOCAL_READER, NewCase, Store
from magic_demo.reviews.store.rows.predictions import MOST_UNPACKED, UnpackedPredictions
from magic_demo.reviews.store.tables import PredictionRow, ShowingRow
from tests.support.store.reviewed_cases import answer

KEY = CaseKey("q", "E1")


@pytest.fixture
def queue(store: Store) -> Store:
    """Return a store with a reader and two cases."""
    store.add_reader("ann")
    store.add_cases("q", [NewCase("E1"), NewCase("E2")])
    return store


def say(option: int, level: float = 0.5) -> Prediction:
    probability = np.full((3, 4), level, np.float32)
    return Prediction(
        "E1",
        (PhotoPrediction("P", probability, (30, 40)),),
        answers={"CQID010-001": option},
        models={"cvqa": "m@1"},
    )


def count(store: Store, table: type[PredictionRow] | type[ShowingRow]) -> int:
    with store._database.reading() as session:
        return session.scalar(sa.select(sa.func.count()).select_from(table)) or 0


def test_what_was_shown_last_comes_back_as_it_was(queue: Store) -> None:
    assert queue.shown(KEY) is None and queue.shown_digests() == {}
    queue.note_shown(KEY, "ann", say(0))
    queue.note_shown(KEY, LOCAL_READER, say(1, level=0.25))
    shown = queue.shown(KEY)
    assert shown is not None and shown.answers == {"CQID010-001": 1} and shown.models == {"cvqa": "m@1"}
    assert shown.photos[0].size == (30, 40) and np.abs(shown.photos[0].probability - 0.25).max() <= 1 / 255
    assert queue.shown(CaseKey("q", "E2")) is None and set(queue.shown_digests("q")) == {KEY}


def test_the_same_again_adds_nothing_and_an_older_one_shown_again_speaks(queue: Store) -> None:
    for option in (0, 0, 1, 1, 0):
        queue.note_shown(KEY, "ann", say(option))
    assert (count(queue, PredictionRow), count(queue, ShowingRow)) == (2, 3)
    shown = queue.shown(KEY)
    assert shown is not None and shown.answers == {"CQID010-001": 0}


def test_who_has_seen_it_is_known(queue: Store) -> None:
    queue.note_shown(KEY, "ann", say(0))
    assert (
        queue.was_shown(KEY, "ann")
        and not queue.was_shown(KEY, LOCAL_READER)
        and not queue.was_shown(CaseKey("q", "E2"), "ann")
    )
    queue.note_shown(KEY, LOCAL_READER, say(0))
    assert queue.was_shown(KEY, LOCAL_READER), "what somebody else was shown before"
    assert queue.save(Review("E1", LOCAL_READER, "blind", queue="q")).review.kind == "assisted"
    assert (count(queue, PredictionRow), count(queue, ShowingRow)) == (1, 2)


def test_a_case_begun_blind_is_unrevealed_until_the_model_was_seen(queue: Store) -> None:
    queue.save(Review("E1", "ann", "blind", "in progress", queue="q"))
    queue.save(Review("E2", "ann", "assisted", "done", queue="q"))
    assert queue.unrevealed("ann") == {KEY} and queue.unrevealed(LOCAL_READER) == set()
    queue.save(Review("E1", "ann", "blind", "done", answer(0), queue="q"))
    assert queue.unrevealed("ann") == {KEY}
    queue.save(Review("E1", "ann", "revealed", "in progress", queue="q"))
    assert queue.unrevealed("ann") == set()


def test_a_case_begun_after_others_were_seen_hides_the_model_as_well(queue: Store) -> None:
    queue.note_seen([KEY], "ann", "others")
    assert queue.save(Review("E1", "ann", "blind", queue="q")).review.kind == "compared"
    assert queue.unrevealed("ann") == {KEY}


def test_predictions_go_with_their_case(queue: Store) -> None:
    queue.note_shown(KEY, "ann", say(0))
    queue.delete_case(KEY)
    assert (count(queue, PredictionRow), count(queue, ShowingRow)) == (0, 0)
    with pytest.raises(StoreError, match="no case 'E1'"):
        queue.note_shown(KEY, "ann", say(0))


def test_a_prediction_that_is_damaged_is_one_line(queue: Store) -> None:
    queue.note_shown(KEY, "ann", say(0))
    with queue._database.writing() as session:
        session.execute(sa.update(PredictionRow).values(content='{"encounter_id": "E1", "maps": {}}'))
    with pytest.raises(
        StoreError, match=r"what the model said of E1 is not what was saved .*restore a backup"
    ):
        queue.shown(KEY)


def test_a_prediction_is_unpacked_once_for_as_many_saves_and_a_newer_one_takes_its_place(
    queue: Store,
) -> None:
    queue.note_shown(KEY, "ann", say(0))
    first = queue.shown(KEY, "ann")
    assert first is not None and queue.shown(KEY, "ann") is first and queue.shown(KEY) is first
    queue.add_reader("bo")
    queue.note_shown(KEY, "bo", say(1))
    assert queue.shown(KEY, "ann") is first, "what she was shown"
    newest = queue.shown(KEY)
    assert newest is not None and newest is not first and newest is queue.shown(KEY, "bo")


def test_of_a_deleted_case_no_prediction_stays_in_memory(queue: Store) -> None:
    queue.note_shown(KEY, "ann", say(0))
    prediction = queue.shown(KEY)
    assert prediction is not None
    shown = weakref.ref(prediction)
    del prediction
    assert queue.shown(KEY) is shown(), "remembered"
    queue.delete_case(KEY)
    gc.collect()
    assert shown() is None


def test_of_many_predictions_those_asked_for_last_stay_unpacked() -> None:
    unpacked = UnpackedPredictions()
    for number in range(MOST_UNPACKED):
        unpacked.add(str(number), say(0))
    assert unpacked.get("0") is not None
    unpacked.add("another", say(0))
    assert unpacked.get("1") is None and unpacked.get("0") is not None and unpacked.get("another") is not None
