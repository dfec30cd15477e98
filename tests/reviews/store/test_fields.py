"""A field of a review that another version has: older rows are read without it, newer rows keep it. On SQLite
and on PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from magic_demo.core.review_types import CaseKey, Review
from magic_demo.reviews.exports.readings import select_readings
from magic_demo.reviews.store import NewCase, Store
from magic_demo.reviews.store.digests import digest_of
from magic_demo.reviews.store.tables import ReviewRow
from tests.support.store.reviewed_cases import answer

KEY = CaseKey("q", "ENC1")
REVIEW = Review("ENC1", "local", "assisted", "done", answer(1), queue="q", comment="red", difficulty="hard")


def _save(store: Store, review: Review = REVIEW) -> int:
    store.add_cases("q", [NewCase("ENC1")])
    return store.save(review, client_key="first").number


def _change_content(store: Store, number: int, without: str = "", **added: object) -> None:
    """Make a row as another version would have written it."""
    with store._database.writing() as session:
        row = session.get_one(ReviewRow, number)
        content = {name: value for name, value in json.loads(row.content).items() if name != without}
        row.content = json.dumps({**content, **added}, sort_keys=True)
        row.digest = digest_of(f"{row.kind} {row.state} {row.content}")


def _read_content(store: Store, number: int) -> Mapping[str, Any]:
    with store._database.reading() as session:
        content = session.scalar(sa.select(ReviewRow.content).where(ReviewRow.number == number))
    read: Mapping[str, Any] = json.loads(str(content))
    return read


def test_a_row_without_a_field_is_read_with_its_default(store: Store) -> None:
    number = _save(store)
    _change_content(store, number, without="difficulty")
    saved = store.latest(KEY, "local")
    assert saved is not None and saved.review.difficulty is None and saved.review.comment == "red"
    assert store.damaged_reviews() == []


def test_a_field_of_a_newer_version_stays_in_the_store_and_is_named_where_it_cannot_go(store: Store) -> None:
    number = _save(store)
    _change_content(store, number, tone="IV")
    saved = store.latest(KEY, "local")
    assert saved is not None and saved.review.unknown == {"tone": "IV"}
    again = store.take_back(number, "local")
    assert again.number == number, "it says the same"
    store.save(REVIEW)
    again = store.take_back(number, "local")
    assert again.number > number and _read_content(store, again.number)["tone"] == "IV"
    selection = select_readings(store.all_reviews(), ())
    assert selection.left_out.lines() == (
        "field of a newer version, which this one cannot export (1): ENC1 [tone]",
    )


def test_the_same_review_sent_again_after_an_update_adds_no_row(store: Store) -> None:
    number = _save(store)
    first = {
        "answers", "specified", "masks", "unusable", "comment", "flagged", "difficulty", "models", "disagreements",
    }  # fmt: skip
    assert _read_content(store, number).keys() == first, "what the first version wrote, and no field more"
    assert store.save(REVIEW, client_key="first").number == number
    assert store.save(REVIEW).number == number
