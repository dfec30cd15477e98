"""Cases in queues: whose they are, how far each reader is, which comes next. On SQLite and on PostgreSQL."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from magic_demo.core.errors import StoreError
from magic_demo.core.review_types import CaseKey, Review, SavedReview
from magic_demo.imaging.run_lengths import encode_mask
from magic_demo.reviews.store import LOCAL_READER, Actor, NewCase, Progress, Store
from magic_demo.reviews.store.rows import proposals


@pytest.fixture
def queue(store: Store) -> Store:
    """Return a store with readers ann and bo, the adjudicator ada, and a queue of four cases."""
    for name in ("ann", "bo"):
        store.add_reader(name)
    store.add_reader("ada", role="adjudicator")
    store.add_cases(
        "q",
        [
            NewCase("E1", folder="/data"),
            NewCase("E2", photos_kept=True),
            NewCase("E3", uncertainty=0.2),
            NewCase("E4", uncertainty=0.7),
        ],
    )
    return store


def _save(queue: Store, case_id: str, reader: str = "ann", **said: Any) -> SavedReview:
    return queue.save(Review(case_id, reader, queue="q", **said))


def _ids(queue: Store, reader: str = "ann", **asked: Any) -> list[str]:
    return [case.key.case_id for case in queue.list_cases("q", reader, **asked)]


def test_cases_keep_the_order_and_the_facts_they_came_with(queue: Store) -> None:
    cases = queue.list_cases("q", "ann")
    assert [
        (case.key.case_id, case.position, case.folder, case.photos_kept, case.uncertainty) for case in cases
    ] == [
        ("E1", 0, "/data", False, None),
        ("E2", 1, None, True, None),
        ("E3", 2, None, False, 0.2),
        ("E4", 3, None, False, 0.7),
    ]
    assert all(
        case.state == "not started" and not case.flagged and not case.disagrees and case.saved_at is None
        for case in cases
    )


def test_cases_that_are_added_again_keep_place_and_reviews_and_follow_their_new_facts(queue: Store) -> None:
    saved = _save(queue, "E2")
    assert (
        queue.add_cases("q", [NewCase("E5"), NewCase("E2", folder="/moved"), NewCase("E5", uncertainty=0.1)])
        == 1
    )
    assert _ids(queue) == ["E1", "E2", "E3", "E4", "E5"]
    moved = queue.case(CaseKey("q", "E2"), "ann")
    assert (moved.folder, moved.photos_kept, moved.saved_at) == ("/moved", False, saved.saved_at)
    assert queue.case(CaseKey("q", "E5"), "ann").uncertainty == 0.1


def test_queues_are_named_while_they_hold_a_case(queue: Store) -> None:
    queue.add_cases("another", [NewCase("E1")])
    assert queue.queues() == ["another", "q"]
    queue.delete_case(CaseKey("another", "E1"))
    assert queue.queues() == ["q"]
    assert queue.list_cases("another", "ann") == []


@pytest.mark.parametrize(
    "case",
    [
        NewCase(""),
        NewCase("a\nb"),
        NewCase("x" * 201),
        NewCase("a\0"),
        NewCase("E", uncertainty=float("nan")),
        NewCase("E", folder="\ud800"),
    ],
)
def test_a_case_that_cannot_be_kept_is_refused_with_all_that_came_with_it(
    queue: Store, case: NewCase
) -> None:
    with pytest.raises(StoreError) as caught:
        queue.add_cases("q", [NewCase("good"), case])
    assert "\n" not in str(caught.value)
    assert "good" not in _ids(queue)


def test_a_state_is_each_readers_own_newest(queue: Store) -> None:
    _save(queue, "E1", state="done")
    _save(queue, "E2", comment="begun")
    _save(queue, "E3", state="done")
    _save(queue, "E3", comment="reopened", flagged=True)
    _save(queue, "E4", state="done", disagreements=frozenset({"CQID010"}))
    assert [case.state for case in queue.list_cases("q", "ann")] == [
        "done",
        "in progress",
        "in progress",
        "done",
    ]
    assert _ids(queue, only="not started") == []
    assert _ids(queue, only="in progress") == ["E2", "E3"]
    assert _ids(queue, only="done") == ["E1", "E4"]
    assert _ids(queue, only="flagged") == ["E3"]
    assert _ids(queue, only="disagreeing") == ["E4"]
    assert _ids(queue, "bo", only="not started") == ["E1", "E2", "E3", "E4"]


def test_a_consensus_is_nobodys_state(queue: Store) -> None:
    _save(queue, "E1", "ada", state="done")
    _save(queue, "E1", "ada", kind="consensus", flagged=True)
    case = queue.case(CaseKey("q", "E1"), "ada")
    assert (case.state, case.flagged, case.consensus) == ("done", False, False), "it is not finished"
    _save(queue, "E1", "ada", kind="consensus", state="done")
    assert [case.consensus for case in queue.list_cases("q", "ann")] == [True, False, False, False]


def test_an_assigned_case_is_those_readers_and_others_see_it_only_on_request(queue: Store) -> None:
    queue.assign(CaseKey("q", "E1"), ["BO", "ada"])
    assert queue.case(CaseKey("q", "E1"), "bo").assigned_to == ("ada", "bo")
    assert _ids(queue, "ann") == ["E2", "E3", "E4"]
    assert (
        _ids(queue, "ann", all_assigned=True)
        == _ids(queue, "bo")
        == _ids(queue, "ada")
        == ["E1", "E2", "E3", "E4"]
    )
    queue.assign(CaseKey("q", "E1"), ["ann"])
    assert _ids(queue, "bo") == ["E2", "E3", "E4"]
    assert "E1" in _ids(queue, "ada")
    queue.assign(CaseKey("q", "E1"), [])
    assert "E1" in _ids(queue, "bo")


def test_cases_are_shared_out_evenly_and_everybody_is_with_everybody(queue: Store) -> None:
    queue.add_cases("q", [NewCase(f"N{number}") for number in range(8)])
    ids = _ids(queue, "ada")
    queue.share_out("q", ids, ["ann", "bo", "ada"], each=2)
    assigned = [case.assigned_to for case in queue.list_cases("q", "ada")]
    assert all(len(names) == 2 for names in assigned)
    assert {name: sum(name in names for names in assigned) for name in ("ada", "ann", "bo")} == {
        "ada": 8,
        "ann": 8,
        "bo": 8,
    }
    assert {names: assigned.count(names) for names in set(assigned)} == {
        ("ada", "ann"): 4,
        ("ada", "bo"): 4,
        ("ann", "bo"): 4,
    }


def test_cases_are_shared_out_all_or_none(queue: Store) -> None:
    for case_ids, readers, each in (
        (["E1", "gone"], ["ann"], 1),
        (["E1"], ["nobody"], 1),
        (["E1"], ["ann", "ANN"], 2),
        (["E1"], ["ann"], 0),
    ):
        with pytest.raises(StoreError):
            queue.share_out("q", case_ids, readers, each=each)
    assert queue.case(CaseKey("q", "E1"), "ann").assigned_to == ()


def test_a_removed_readers_assignment_goes_with_them(queue: Store) -> None:
    queue.assign(CaseKey("q", "E1"), ["bo"])
    queue.remove_reader("bo")
    assert "E1" in _ids(queue, "ann")
    with pytest.raises(StoreError, match="removed"):
        queue.assign(CaseKey("q", "E1"), ["bo"])


def test_an_upload_of_a_removed_reader_is_nobody_elses_until_an_adjudicator_assigns_it(queue: Store) -> None:
    upload = CaseKey("q", "E2")  # its photos are kept
    queue.add_reader("cy")
    queue.assign(upload, ["bo", "cy"])
    queue.remove_reader("cy")
    assert queue.case(upload, "ann").assigned_to == ("bo",)
    queue.remove_reader("bo")
    assert "E2" not in _ids(queue, "ann") and "E2" not in _ids(queue, LOCAL_READER)
    assert "E2" in _ids(queue, "ada") and queue.case(upload, "ada").assigned_to == ("bo",)
    assert [one.cases for one in queue.progress("q") if one.reader in ("ann", "bo")] == [3]
    queue.assign(upload, ["ann"])
    assert queue.case(upload, "ada").assigned_to == ("ann",)
    queue.assign(upload, [])
    assert "E2" in _ids(queue, "ann")


def test_the_most_uncertain_case_comes_first(queue: Store) -> None:
    assert _ids(queue, order="uncertain") == ["E4", "E3", "E1", "E2"]


def test_the_most_disputed_case_comes_first(queue: Store) -> None:
    _save(queue, "E2", state="done", answers={"CQID010-001": 1, "CQID012-001": 0, "CQID012-002": 3})
    _save(
        queue,
        "E2",
        "bo",
        state="done",
        answers={"CQID010-001": 2, "CQID012-001": 3, "CQID012-002": 0, "CQID015-001": 1},
    )
    _save(queue, "E3", state="done", disagreements=frozenset({"CQID010", "IMG1", "IMG2"}))
    _save(queue, "E3", "bo", state="done", disagreements=frozenset({"CQID010"}))
    _save(queue, "E4", disagreements=frozenset("abcdefgh"))  # not done: it counts for nothing yet
    cases = queue.list_cases("q", "ann", order="disputed")
    assert [(case.key.case_id, case.dispute) for case in cases] == [
        ("E3", 2.0),
        ("E2", 1.0),
        ("E1", 0.0),
        ("E4", 0.0),
    ]


def test_progress_counts_what_is_each_readers(queue: Store) -> None:
    queue.assign(CaseKey("q", "E1"), ["ann"])
    _save(queue, "E1", state="done", flagged=True)
    _save(queue, "E2", comment="begun", disagreements=frozenset({"IMG1"}))
    _save(queue, "E2", "bo", state="done")
    _save(queue, "E1", "bo", comment="helped out")
    queue.add_reader("gone")
    queue.remove_reader("gone")
    queue.remove_reader("bo")
    queue.add_reader("stage", role="presenter")
    queue.add_reader("pipeline")
    queue.make_token("pipeline", "a program, of which nobody waits for a reading")
    assert queue.progress("q") == [
        Progress("local", cases=3, in_progress=0, done=0, flagged=0, disagreeing=0),
        Progress("ada", cases=3, in_progress=0, done=0, flagged=0, disagreeing=0),
        Progress("ann", cases=4, in_progress=1, done=1, flagged=1, disagreeing=1),
        Progress("bo", cases=2, in_progress=1, done=1, flagged=0, disagreeing=0),
    ]


def test_a_case_that_was_given_to_somebody_else_leaves_list_and_progress_alike(queue: Store) -> None:
    _save(queue, "E1", "bo", comment="begun")
    _save(queue, "E2", "bo", state="done")
    queue.assign(CaseKey("q", "E1"), ["ann"])
    listed = queue.list_cases("q", "bo")
    (told,) = [one for one in queue.progress("q") if one.reader == "bo"]
    assert (told.cases, told.in_progress, told.done) == (len(listed), 0, 1) == (3, 0, 1)
    queue.assign(CaseKey("q", "E1"), [])
    (told,) = [one for one in queue.progress("q") if one.reader == "bo"]
    assert (told.cases, told.in_progress) == (4, 1), "nothing of it was lost"


@pytest.mark.parametrize(
    "key", [CaseKey("q", "E9"), CaseKey("other", "E1"), CaseKey("q", "\0"), CaseKey("q", "\ud800")]
)
def test_a_case_that_is_not_there_is_named(queue: Store, key: CaseKey) -> None:
    for ask in (
        lambda: queue.case(key, "ann"),
        lambda: queue.delete_case(key),
        lambda: queue.assign(key, []),
        lambda: queue.history(key, "ann"),
    ):
        with pytest.raises(StoreError, match="no case"):
            ask()


def test_proposals_that_wait_leave_room_for_other_readers_and_cases(
    queue: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proposals, "MOST", 2)
    area = encode_mask(np.ones((4, 5), np.bool_))

    def propose(case_id: str, reader: str) -> int:
        return queue.propose_cover(CaseKey("q", case_id), "P", area, Actor(reader))

    first = propose("E1", "ann")
    propose("E1", "ann")
    with pytest.raises(StoreError, match="2 coverings of E1 wait"):
        propose("E1", "ann")
    assert propose("E1", LOCAL_READER) and propose("E2", "ann")
    queue.end_proposal(first, Actor("ada"), confirmed=False)
    assert propose("E1", "ann") and len(queue.proposed_covers(CaseKey("q", "E1"), "ann")) == 2
