"""Done means complete, and blind means blind, whatever tab or program saves. On SQLite and on PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from magic_demo.core.errors import StoreError
from magic_demo.core.review_types import CaseKey, Knowledge, Review, SavedReview
from magic_demo.core.types import PhotoPrediction, Prediction
from magic_demo.imaging.run_lengths import encode_mask
from magic_demo.questions.families import load_families
from magic_demo.reviews.store import LOCAL_READER, NewCase, Store
from magic_demo.reviews.store.copies import Row
from magic_demo.reviews.store.tables import SeenRow
from tests.support.store.reviewed_cases import answer

KEY = CaseKey("q", "E1")
FAMILIES = frozenset(family.family_id for family in load_families())
OUTLINE, CLEARED = encode_mask(np.eye(4, 5, dtype=np.bool_)), encode_mask(np.zeros((4, 5), np.bool_))
BLIND = Review(
    "E1", "ann", "blind", "done", answer(1), masks={"P1": OUTLINE}, unusable=frozenset({"P2"}), queue="q"
)
SAID = Prediction(
    "E1", (PhotoPrediction("P1", np.full((3, 4), 0.5, np.float32), (4, 5)),), models={"cvqa": "m@1"}
)


@pytest.fixture
def queue(store: Store) -> Store:
    """Return a store with readers ann and bo, the adjudicator ada, and a case of two photos."""
    for name in ("ann", "bo"):
        store.add_reader(name)
    store.add_reader("ada", role="adjudicator")
    store.add_cases("q", [NewCase("E1", photos=("P1", "P2"))])
    return store


def _kept(saved: SavedReview) -> tuple[str, set[str]]:
    """Return the kind that a review is kept as, and what was known."""
    return saved.review.kind, set(saved.review.known)


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        ({}, set()),
        ({"masks": {"P1": CLEARED}}, set()),
        ({"unusable": frozenset()}, {"P2"}),
        ({"masks": {}, "unusable": frozenset({"P1", "P2"})}, set()),
        ({"answers": {}}, FAMILIES),
        ({"answers": {}, "masks": {}, "unusable": frozenset()}, FAMILIES | {"P1", "P2"}),
        (
            {"answers": {qid: option for qid, option in answer(1).items() if qid != "CQID020-009"}},
            {"CQID020"},
        ),
        ({"state": "in progress", "answers": {}}, set()),
    ],
    ids=[
        "whole",
        "cleared",
        "not outlined",
        "unusable",
        "no answers",
        "nothing",
        "one slot open",
        "not finished",
    ],
)
def test_a_finished_review_says_what_it_left_open(
    queue: Store, change: dict[str, Any], missing: set[str]
) -> None:
    review = replace(BLIND, **change)
    saved = queue.save(review)
    assert saved.review.missing == missing and saved.complete == (review.state == "done" and not missing)
    assert queue.history(KEY, "ann") == [saved] and queue.case(KEY, "ann").complete == saved.complete
    assert set(queue.find_missing(replace(review, state="in progress"))) == (
        missing if review.state == "done" else FAMILIES
    )


def test_an_incomplete_review_opens_neither_others_nor_the_model(queue: Store) -> None:
    theirs = queue.save(replace(BLIND, reader="bo"))
    own = queue.save(replace(BLIND, masks={}))
    assert queue.visible_reviews(KEY, "ann") == queue.latest_reviews("q", viewer="ann") == [own]
    with pytest.raises(StoreError, match="no blind one is complete"):
        queue.save(replace(BLIND, kind="revealed"))
    assert theirs in queue.visible_reviews(KEY, "ada")
    complete = queue.save(BLIND)
    assert queue.visible_reviews(KEY, "ann") == [theirs, complete]
    assert queue.save(replace(BLIND, kind="revealed")).review.kind == "revealed"


def test_finishing_again_once_the_photos_are_known_is_measured_again(queue: Store) -> None:
    assert queue.save(BLIND).complete
    queue.add_cases("q", [NewCase("E1", photos=("P1", "P2", "P3"))])
    assert queue.save(BLIND).review.missing == {"P3"}
    queue.add_cases("q", [NewCase("E1", uncertainty=0.5)])  # says nothing of photos
    assert queue.case(KEY, "ann").photos == ("P1", "P2", "P3")


@pytest.mark.parametrize("finished_before", [True, False])
def test_what_a_tab_believes_blind_is_kept_as_after_the_model_once_the_model_was_shown(
    queue: Store, finished_before: bool
) -> None:
    queue.save(BLIND if finished_before else replace(BLIND, state="in progress"))
    queue.note_shown(KEY, "ann", SAID)  # in another tab
    later = queue.save(replace(BLIND, answers=answer(2)))
    assert later.review.kind == ("revealed" if finished_before else "assisted") and later.review.known == {
        "model"
    }
    assert queue.save(replace(BLIND, answers=answer(2), comment="more")).review.known == {"model"}
    assert queue.save(replace(BLIND, reader="bo")).review.kind == "blind", (
        "what one reader saw another has not seen"
    )


def test_a_review_that_names_models_was_not_made_without_them(queue: Store) -> None:
    assert _kept(queue.save(replace(BLIND, models={"cvqa": "m@1"}))) == ("assisted", {"model"})


def test_what_is_said_after_others_were_shown_is_never_blind(queue: Store) -> None:
    queue.save(replace(BLIND, reader="bo"))
    first = queue.save(BLIND)
    assert first.review.known == frozenset()
    queue.note_seen([KEY], "ann", "others")
    assert queue.save(BLIND) == first, "nothing has changed"
    again = queue.save(replace(BLIND, answers=answer(3)))
    assert _kept(again) == ("compared", {"others"})
    revealed = queue.save(replace(BLIND, kind="revealed", models={"cvqa": "m@1"}))
    assert _kept(revealed) == ("revealed", {"model", "others"})
    assert [saved.review.kind for saved in queue.history(KEY, "ann")] == ["blind", "compared", "revealed"]


def test_a_save_sent_again_after_something_was_shown_is_the_row_that_it_made(queue: Store) -> None:
    first = queue.save(BLIND, client_key="k")
    queue.note_shown(KEY, "ann", SAID)
    assert queue.save(BLIND, client_key="k") == first


@pytest.mark.parametrize("what", ["model", "others"])
def test_what_was_shown_is_kept_once_for_a_reader_and_a_case(queue: Store, what: Knowledge) -> None:
    for _ in range(2):
        queue.note_seen([KEY], "ann", what)
    assert (
        queue.known(KEY, "ann") == {what}
        and queue.known(KEY, "bo") == queue.known(KEY, LOCAL_READER) == frozenset()
    )
    assert queue.was_shown(KEY, "ann") == (what == "model")
    with queue._database.reading() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(SeenRow)) == 1
    queue.delete_case(KEY)
    with queue._database.reading() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(SeenRow)) == 0


def test_a_taken_back_review_knows_what_was_shown_since(queue: Store) -> None:
    first = queue.save(BLIND)
    queue.save(replace(BLIND, answers=answer(2)))
    queue.note_seen([KEY], "ann", "others")
    back = queue.take_back(first.number, "ann")
    assert _kept(back) == ("compared", {"others"}) and back.review.answers == first.review.answers


def test_what_was_said_elsewhere_comes_in_with_what_was_known_and_left_open_there(queue: Store) -> None:
    """The store does not know the photos of this case: what its sender left open counts."""
    queue.add_cases("q", [NewCase("E2")])
    told = replace(
        BLIND, case_id="E2", kind="compared", known=frozenset({"others"}), missing=frozenset({"P9"})
    )
    saved = queue.save(told)
    assert _kept(saved) == ("compared", {"others"}) and saved.review.missing == {"P9"} and not saved.complete
    assert queue.save(replace(told, masks={"P9": CLEARED})).complete


def test_the_model_seen_and_left_as_it_was_is_as_finished_as_before(queue: Store) -> None:
    queue.save(BLIND)
    before = queue.progress("q"), queue.case(KEY, "ann").state
    queue.save(replace(BLIND, kind="revealed"))
    assert (queue.progress("q"), queue.case(KEY, "ann").state) == before


# -- stores and backups of versions that did not keep it


def fill_before(store: Store) -> None:
    """Save reviews of a case of two photos, of which an older version knew nothing but what its reviews and
    its model say."""
    for name in ("ann", "bo", "cy"):
        store.add_reader(name)
    store.add_cases("q", [NewCase("E1")])
    store.save(BLIND)
    store.save(replace(BLIND, kind="revealed", models={"cvqa": "m@1"}))
    store.save(replace(BLIND, reader="bo", unusable=frozenset()))
    store.note_shown(KEY, "bo", SAID)
    store.save(replace(BLIND, reader="bo", kind="assisted", unusable=frozenset(), comment="later"))
    store.save(replace(BLIND, reader="cy", answers={}, state="done"))
    store.save(replace(BLIND, reader="cy", kind="assisted", answers={}, state="in progress"))


def check_after(store: Store) -> None:
    """Check what an older version's reviews count as."""
    told = [
        (saved.review.reader, saved.complete, set(saved.review.missing), set(saved.review.known))
        for saved in store.all_reviews()
    ]
    assert told == [
        ("ann", True, set(), set()),
        ("ann", True, set(), {"model"}),
        ("bo", False, {"P2"}, set()),
        ("bo", False, {"P2"}, {"model"}),
        ("cy", False, set(FAMILIES), set()),
        ("cy", False, set(), set()),
    ]
    assert {saved.review.reader for saved in store.visible_reviews(KEY, "bo")} == {"bo"}
    assert {saved.review.reader for saved in store.visible_reviews(KEY, "ann")} == {"ann", "bo", "cy"}


def test_an_older_store_is_brought_up_to_date_with_sensible_values(empty_place: str) -> None:
    with Store.open(empty_place) as store:
        fill_before(store)
        with store._database.writing() as session:  # the schema before, with the rows that it held
            for statement in (
                *(
                    f"DROP TABLE {table}"
                    for table in (
                        "seen",
                        "audit_trail",
                        "proposed_covers",
                        "tokens",
                        "outbox",
                        "receivers",
                        "sign_ins",
                        "queues",
                    )
                ),
                *(f"ALTER TABLE cases DROP COLUMN {column}" for column in ("photos", "doubts")),
                *(f"ALTER TABLE reviews DROP COLUMN {column}" for column in ("complete", "missing", "known")),
                "UPDATE alembic_version SET version_num = '0003'",
            ):
                session.connection().exec_driver_sql(statement)
    with Store.open(empty_place) as store:
        check_after(store)
        assert store.save(replace(BLIND, reader="cy")).complete


def test_an_older_backup_comes_back_with_sensible_values(store: Store, empty_place: str) -> None:
    fill_before(store)
    with store.dump() as dump:
        rows: list[Row] = [(table, dict(row)) for table, row in dump.rows]
        last = dict(dump.last_numbers)
    for table, row in rows:
        for column in (
            ("complete", "missing", "known")
            if table == "reviews"
            else ("photos",)
            if table == "cases"
            else ()
        ):
            del row[column]
    counts = {table: sum(one == table for one, _ in rows) for table, _ in rows}
    with Store.open(empty_place if "://" in empty_place else f"{empty_place} again") as again:
        again.load(rows, last, counts)
        check_after(again)
