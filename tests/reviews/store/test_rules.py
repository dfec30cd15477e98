"""Who sees which review, and what may be called blind. On SQLite and on PostgreSQL."""

from __future__ import annotations

from dataclasses import replace

import pytest

from magic_demo.core.errors import StoreError
from magic_demo.core.review_types import CaseKey, Review, ReviewKind, SavedReview
from magic_demo.reviews.store import NewCase, Store
from tests.support.store.reviewed_cases import answer

CASE, OTHER = CaseKey("q", "ENC1"), CaseKey("q", "ENC2")


@pytest.fixture
def queue(store: Store) -> Store:
    """Return a store with readers ann, bo, the presenter pat and the adjudicator ada, and a queue of two
    cases."""
    for name in ("ann", "bo"):
        store.add_reader(name)
    store.add_reader("pat", role="presenter")
    store.add_reader("ada", role="adjudicator")
    store.add_cases("q", [NewCase("ENC1"), NewCase("ENC2")])
    return store


def _done(
    queue: Store, reader: str, kind: ReviewKind = "assisted", case: CaseKey = CASE, comment: str = ""
) -> SavedReview:
    return queue.save(
        Review(case.case_id, reader, kind, "done", answer(1), queue=case.queue, comment=comment or reader)
    )


@pytest.mark.parametrize("viewer", ["ann", "pat", "local"])
def test_without_an_own_reading_nobody_elses_is_seen(queue: Store, viewer: str) -> None:
    _done(queue, "bo")
    assert queue.visible_reviews(CASE, viewer) == []
    assert queue.latest_reviews("q", viewer=viewer) == []


def test_an_own_reading_in_progress_opens_nothing(queue: Store) -> None:
    _done(queue, "bo")
    queue.save(Review("ENC1", "ann", queue="q"))
    assert queue.visible_reviews(CASE, "ann") == []
    assert [saved.review.reader for saved in queue.latest_reviews("q", viewer="ann", state=None)] == ["ann"]


@pytest.mark.parametrize("kind", ["assisted", "blind"])
def test_after_a_done_own_reading_all_of_that_case_are_seen_and_of_no_other(
    queue: Store, kind: ReviewKind
) -> None:
    theirs = _done(queue, "bo")
    _done(queue, "bo", case=OTHER)
    own = _done(queue, "ann", kind)
    assert queue.visible_reviews(CASE, "ann") == [theirs, own]
    assert queue.visible_reviews(OTHER, "ann") == []
    assert queue.latest_reviews("q", viewer="ann") == [theirs, own]


def test_what_was_opened_stays_open_when_the_reader_goes_on(queue: Store) -> None:
    theirs, own = _done(queue, "bo"), _done(queue, "ann")
    queue.save(Review("ENC1", "ann", queue="q", comment="on second thought"))
    assert queue.visible_reviews(CASE, "ann") == [theirs, own]


def test_an_adjudicator_sees_all_without_a_reading_and_a_consensus_is_none(queue: Store) -> None:
    readings = [_done(queue, "ann"), _done(queue, "bo"), _done(queue, "ada", "consensus")]
    assert queue.visible_reviews(CASE, "ada") == readings
    queue.set_role("ada", "reader")
    assert queue.visible_reviews(CASE, "ada") == readings[2:]


def test_others_are_seen_as_they_last_were_done_one_of_each_kind(queue: Store) -> None:
    _done(queue, "bo", "blind", comment="first")
    blind = _done(queue, "bo", "blind", comment="second")
    revealed = _done(queue, "bo", "revealed")
    queue.save(Review("ENC1", "bo", kind="revealed", queue="q", comment="not yet"))
    own = _done(queue, "ann")
    assert queue.visible_reviews(CASE, "ann") == [blind, revealed, own]


def test_the_program_itself_sees_all_of_the_kinds_it_asks_for(queue: Store) -> None:
    blind = _done(queue, "ann", "blind")
    revealed = _done(queue, "ann", "revealed")
    elsewhere = _done(queue, "bo", case=OTHER)
    assert queue.latest_reviews("q", viewer=None) == [blind, revealed, elsewhere]
    assert queue.latest_reviews("q", viewer=None, kinds=["revealed", "assisted"]) == [revealed, elsewhere]
    assert queue.latest_reviews(None, viewer=None, kinds=["blind"]) == [blind]
    assert queue.latest_reviews("nowhere", viewer=None) == []


def test_a_removed_or_unknown_viewer_sees_nothing(queue: Store) -> None:
    _done(queue, "ann")
    queue.remove_reader("ann")
    for viewer in ("ann", "zoe"):
        with pytest.raises(StoreError, match=viewer):
            queue.visible_reviews(CASE, viewer)


@pytest.mark.parametrize("reader", ["ann", "pat", "local"])
def test_only_an_adjudicator_saves_a_consensus(queue: Store, reader: str) -> None:
    with pytest.raises(StoreError, match="adjudicator"):
        _done(queue, reader, "consensus")
    assert _done(queue, "ada", "consensus").review.kind == "consensus"


def test_nothing_is_blind_after_the_model_was_shown(queue: Store) -> None:
    _done(queue, "ann")
    assert _done(queue, "ann", "blind", comment="again").review.kind == "assisted"
    assert _done(queue, "ann", "blind", case=OTHER).review.kind == "blind"
    assert _done(queue, "bo", "blind").review.kind == "blind"


def test_nothing_is_revealed_before_a_blind_reading_is_done(queue: Store) -> None:
    with pytest.raises(StoreError, match="cannot be revealed"):
        _done(queue, "ann", "revealed")
    # finished with all nine left open
    queue.save(Review("ENC1", "ann", kind="blind", state="done", queue="q"))
    with pytest.raises(StoreError, match="cannot be revealed"):
        _done(queue, "ann", "revealed")
    _done(queue, "ann", "blind")
    assert _done(queue, "ann", "revealed").review.kind == "revealed"


def test_a_blind_reading_taken_back_after_the_reveal_is_revealed(queue: Store) -> None:
    blind = _done(queue, "ann", "blind")
    _done(queue, "ann", "revealed", comment="changed")
    back = queue.take_back(blind.number, "ann")
    assert (
        back.review == replace(blind.review, kind="revealed", known=frozenset({"model"}))
        and back.taken_back_from == blind.number
    )
    assert queue.latest(CASE, "ann", kinds=["blind"]) == blind
