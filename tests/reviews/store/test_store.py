"""Reviews in the store: every save a row, none lost, none twice. On SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from magic_demo.core.errors import StoreError
from magic_demo.core.review_types import CaseKey, Difficulty, MaskRuns, Review, ReviewState, SavedReview
from magic_demo.files.entries import is_file_name
from magic_demo.imaging.run_lengths import encode_mask
from magic_demo.reviews.store import NewCase, Store
from tests.support.store.reviewed_cases import answer

CASE = CaseKey("q", "ENC1")
FULL = Review(
    case_id="ENC1",
    reader="ann",
    queue="q",
    state="done",
    answers=answer(2),
    specified={"CQID011-001": "左手 behind the ear"},
    masks={"IMG1": encode_mask(np.eye(7, 5, dtype=bool)), "IMG2": encode_mask(np.zeros((3, 4), bool))},
    unusable=frozenset({"IMG3"}),
    comment="two lines\nand a tab\t, 'quotes' \"too\", \0 and 湿疹",
    flagged=True,
    difficulty="hard",
    models={"segmentation": "segmentation-compact"},
    seconds=41.5,
    disagreements=frozenset({"CQID010", "IMG1"}),
    known=frozenset({"model"}),
)
PLAIN = Review(case_id="ENC1", reader="ann", queue="q")


@pytest.fixture
def queue(store: Store) -> Store:
    """Return a store with readers ann, bo and the adjudicator ada, and a queue of two cases."""
    for name in ("ann", "bo"):
        store.add_reader(name)
    store.add_reader("ada", role="adjudicator")
    store.add_cases("q", [NewCase("ENC1"), NewCase("ENC2")])
    return store


def test_a_review_comes_back_as_it_was_saved(queue: Store) -> None:
    before = datetime.now(UTC)
    saved = queue.save(FULL)
    assert saved.review == FULL and saved.taken_back_from is None
    assert saved.saved_at.utcoffset() == timedelta(0) and before <= saved.saved_at <= datetime.now(UTC)
    assert queue.latest(CASE, "ann") == saved


def test_every_save_is_a_row_and_older_rows_stay_as_they_are(queue: Store) -> None:
    saved = [queue.save(replace(PLAIN, comment=str(number))) for number in range(4)]
    assert queue.history(CASE, "ann") == saved
    assert [row.number for row in saved] == sorted({row.number for row in saved})
    assert queue.latest(CASE, "ann") == saved[-1]


def _as_sent(saved: SavedReview) -> Review:
    """Return a saved review without what the store has found out itself."""
    return replace(saved.review, missing=frozenset())


def test_a_store_without_reviews_says_so(queue: Store) -> None:
    assert queue.history(CASE, "ann") == [] and queue.latest(CASE, "ann") is None
    assert queue.all_reviews() == []


def test_the_same_said_again_adds_no_row_whatever_time_it_took(queue: Store) -> None:
    first = queue.save(FULL)
    assert queue.save(replace(FULL, seconds=99.0)) == first
    assert queue.history(CASE, "ann") == [first]


def test_what_was_said_before_something_else_is_a_new_row(queue: Store) -> None:
    rows = [queue.save(replace(PLAIN, comment=text)) for text in ("a", "b", "a")]
    assert len({row.number for row in rows}) == 3


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "assisted"},
        {"state": "in progress"},
        {"answers": {"CQID010-001": 1}},
        {"masks": {}},
        {"masks": {**FULL.masks, "IMG2": MaskRuns((4, 3), FULL.masks["IMG2"].counts)}},
        {"unusable": frozenset()},
        {"flagged": False},
        {"disagreements": None},
    ],
    ids=str,
)
def test_any_difference_is_a_new_row(queue: Store, change: dict[str, Any]) -> None:
    blind = replace(FULL, kind="blind", models={}, known=frozenset())
    changed = replace(blind, **change)
    assert queue.save(blind).number < queue.save(changed).number
    assert [_as_sent(row) for row in queue.history(CASE, "ann")] == [blind, changed]


def test_a_save_sent_again_leads_to_its_row_even_when_others_came_between(queue: Store) -> None:
    first = queue.save(PLAIN, client_key="k1")
    same = queue.save(PLAIN, client_key="k2")
    other = queue.save(replace(PLAIN, comment="later"), client_key="k3")
    assert same == first
    assert queue.save(PLAIN, client_key="k1") == first
    assert queue.save(PLAIN, client_key="k2") == first
    assert queue.history(CASE, "ann") == [first, other]


def test_a_key_is_one_readers_and_for_one_content(queue: Store) -> None:
    queue.save(PLAIN, client_key="k")
    assert queue.save(replace(PLAIN, reader="bo"), client_key="k").review.reader == "bo"
    for other in (replace(PLAIN, comment="other"), replace(PLAIN, case_id="ENC2")):
        with pytest.raises(StoreError, match="other content"):
            queue.save(other, client_key="k")
    assert len(queue.all_reviews()) == 2


def test_an_older_review_is_taken_back_by_a_new_row(queue: Store) -> None:
    older = queue.save(FULL)
    newer = queue.save(replace(FULL, answers={}, masks={}))
    back = queue.take_back(older.number, "ann")
    assert back.number > newer.number and back.taken_back_from == older.number
    assert back.review == older.review
    assert queue.history(CASE, "ann") == [older, newer, back]


def test_the_newest_review_need_not_be_taken_back(queue: Store) -> None:
    only = queue.save(PLAIN)
    assert queue.take_back(only.number, "ann") == only


def test_a_number_finds_a_review_of_its_own_case_and_reader_alone(queue: Store) -> None:
    saved = queue.save(PLAIN)
    queue.save(replace(PLAIN, reader="bo"))
    queue.save(replace(PLAIN, case_id="ENC2"))
    assert queue.review(saved.number, CASE, "ann") == saved
    other = CaseKey(CASE.queue, "ENC2")
    for number, case, reader in ((saved.number, CASE, "bo"), (saved.number, other, "ann"), (0, CASE, "ann")):
        assert queue.review(number, case, reader) is None


def test_only_ones_own_review_is_taken_back(queue: Store) -> None:
    saved = queue.save(PLAIN)
    for number, reader in ((saved.number, "bo"), (saved.number, "ada"), (saved.number + 1, "ann")):
        with pytest.raises(StoreError, match="only an own one"):
            queue.take_back(number, reader)


def test_the_newest_of_a_kind_or_state_is_found(queue: Store) -> None:
    blind = queue.save(replace(PLAIN, kind="blind", state="done", answers=answer(0)))
    revealed = queue.save(replace(PLAIN, kind="revealed", state="done"))
    again = queue.save(replace(PLAIN, kind="revealed", comment="once more"))
    assert queue.latest(CASE, "ann", kinds=["blind"]) == blind
    assert queue.latest(CASE, "ann", state="done") == revealed
    assert queue.latest(CASE, "ann") == again
    assert queue.latest(CASE, "ann", kinds=["assisted"]) is None


def test_queues_with_the_same_case_ids_are_kept_apart(queue: Store) -> None:
    queue.add_cases("other", [NewCase("ENC1")])
    here, there = queue.save(PLAIN), queue.save(replace(PLAIN, queue="other"))
    assert queue.history(CASE, "ann") == [here]
    assert queue.history(CaseKey("other", "ENC1"), "ann") == [there]
    assert queue.all_reviews("other") == [there] and queue.all_reviews() == [here, there]


def test_a_readers_name_is_found_in_any_case_and_kept_in_one(queue: Store) -> None:
    assert queue.save(replace(PLAIN, reader=" ANN")).review.reader == "ann"
    assert len(queue.history(CASE, "Ann")) == 1


@pytest.mark.parametrize(
    ("review", "reason"),
    [
        (replace(PLAIN, case_id="ENC9"), "no case"),
        (replace(PLAIN, queue="nowhere"), "no case"),
        (replace(PLAIN, case_id="\0"), "no case"),
        (replace(PLAIN, reader="zoe"), "no reader"),
        (replace(PLAIN, reader="\ud800"), "no reader"),
        (replace(PLAIN, kind="guess"), "guess"),  # type: ignore[arg-type]
        (replace(PLAIN, state="almost"), "almost"),  # type: ignore[arg-type]
        (replace(PLAIN, difficulty="so so"), "so so"),  # type: ignore[arg-type]
        (replace(PLAIN, seconds=float("nan")), "seconds"),
        (replace(PLAIN, answers={"CQID010-001": -1}), "CQID010-001"),
        (replace(PLAIN, answers={"CQID010-001": 1.0}), "CQID010-001"),  # type: ignore[dict-item]
        (replace(PLAIN, masks={"IMG1": MaskRuns((2, 2), "9")}), "damaged mask of IMG1"),
    ],
)
def test_what_cannot_be_kept_is_said_in_one_line_and_nothing_is_written(
    queue: Store, review: Review, reason: str
) -> None:
    with pytest.raises(StoreError, match=reason) as caught:
        queue.save(review)
    assert "\n" not in str(caught.value)
    assert queue.all_reviews() == []


def test_a_removed_reader_saves_nothing_more(queue: Store) -> None:
    queue.save(PLAIN)
    assert queue.remove_reader("ann") == 1
    with pytest.raises(StoreError, match="removed"):
        queue.save(replace(PLAIN, comment="late"))
    assert len(queue.history(CASE, "ann")) == 1


def test_an_unchanged_mask_is_kept_once(queue: Store) -> None:
    runs = encode_mask(np.random.default_rng(3).integers(0, 2, (30, 30)).astype(bool))
    for number in range(5):
        queue.save(replace(PLAIN, masks={f"IMG{number}": runs, "IMG": runs}, comment=str(number)))
    with queue._database.reading() as session:
        assert session.connection().exec_driver_sql(
            "SELECT sum(length(counts)) FROM masks"
        ).scalar_one() == len(runs.counts)


def test_a_deleted_case_goes_with_everything_of_it_and_nothing_else(queue: Store) -> None:
    queue.assign(CASE, ["ann", "bo"])
    queue.save(FULL, client_key="k")
    queue.save(replace(FULL, reader="bo", answers={}))
    stays = queue.save(replace(FULL, case_id="ENC2"))
    assert queue.delete_case(CASE) == 2
    assert queue.all_reviews() == [stays]
    with pytest.raises(StoreError, match="no case"):
        queue.save(FULL)  # an autosave that comes late does not bring the case back
    queue.add_cases("q", [NewCase("ENC1")])
    assert queue.history(CASE, "ann") == []
    assert queue.save(FULL, client_key="k").number > stays.number


@pytest.fixture(scope="module")
def one_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Give a store on SQLite that many examples share."""
    with Store.open(tmp_path_factory.mktemp("store")) as store:
        store.add_cases("q", [NewCase("ENC1")])
        yield store


_TEXTS = st.text(max_size=20)
_PHOTOS = st.text(
    st.characters(categories=("L", "N", "P"), exclude_characters="/\\:"), min_size=1, max_size=20
).filter(is_file_name)
_MASKS = arrays(np.bool_, (4, 6)).map(encode_mask)


@settings(max_examples=40)
@given(
    st.builds(
        Review,
        case_id=st.just("ENC1"),
        reader=st.just("local"),
        queue=st.just("q"),
        kind=st.just("assisted"),
        state=st.sampled_from(get_args(ReviewState)),
        answers=st.dictionaries(_TEXTS, st.integers(0, 11), max_size=4),
        specified=st.dictionaries(_TEXTS, _TEXTS, max_size=2),
        masks=st.dictionaries(_PHOTOS, _MASKS, max_size=2),
        unusable=st.frozensets(_PHOTOS, max_size=2),
        comment=st.text(),
        flagged=st.booleans(),
        difficulty=st.none() | st.sampled_from(get_args(Difficulty)),
        models=st.dictionaries(_TEXTS, _TEXTS, max_size=2),
        seconds=st.floats(0, 1e6),
        disagreements=st.none() | st.frozensets(_TEXTS, max_size=2),
    )
)
def test_whatever_a_reader_says_comes_back(one_store: Store, review: Review) -> None:
    saved = one_store.save(review)
    assert replace(_as_sent(saved), seconds=review.seconds, known=frozenset()) == review
    assert saved.complete == (saved.review.state == "done" and not saved.review.missing)
    assert one_store.latest(review.case, "local") == saved
