"""Which case teaches most: one definition, and the reason that it gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from magic_demo.challenge.run_folder import JOURNAL, MASKS
from magic_demo.challenge.running.journal import Journal, JournalEntry
from magic_demo.challenge.running.ranking import write_ranking
from magic_demo.core.review_types import Review
from magic_demo.core.types import PhotoPrediction, Prediction
from magic_demo.imaging.run_lengths import encode_mask
from magic_demo.questions.families import load_challenge
from magic_demo.reviews.exports.tabular.csv_files import read_csv_table
from magic_demo.reviews.learning.gain import (
    REASONS,
    Doubts,
    Gain,
    expect_gain,
    measure_doubts,
    rank_cases,
    unpack_doubts,
)
from magic_demo.reviews.store import LOCAL_READER, NewCase, Store
from tests.support.store.reviewed_cases import answer


@pytest.mark.parametrize(
    ("doubts", "reason"),
    [
        (Doubts(disagreement=0.6, abstained=0.1, variance=0.03, distance=0.4), "disagreement"),
        (Doubts(disagreement=0.0, abstained=0.9, variance=0.03, distance=0.4), "abstained"),
        (Doubts(disagreement=0.0, abstained=0.1, variance=0.29, distance=0.4), "variance"),
        (Doubts(abstained=0.1, variance=0.03, distance=1.9), "distance"),
    ],
)
def test_the_reason_is_what_counts_most(doubts: Doubts, reason: str) -> None:
    gain = expect_gain(doubts)
    assert gain.reason == reason and reason in REASONS and 0 < gain.value <= 1


@pytest.mark.parametrize("part", ["disagreement", "outlines", "abstained", "variance", "distance"])
def test_more_doubt_of_any_kind_is_more_gain(part: str) -> None:
    def gain(value: float) -> float:
        values = {
            "disagreement": 0.2,
            "outlines": 0.1,
            "abstained": 0.2,
            "variance": 0.1,
            "distance": 0.5,
            part: value,
        }
        return expect_gain(Doubts(**values)).value

    assert gain(0.05) < gain(0.15) < gain(0.25)


def test_a_case_that_nobody_has_read_is_not_behind_one_on_which_readers_agree() -> None:
    unread, agreed = (expect_gain(Doubts(said, None, 0.5, 0.1, 1.0)) for said in (None, 0.0))
    assert unread.value > agreed.value


def test_without_any_doubt_there_is_no_gain_and_no_reason() -> None:
    assert expect_gain(Doubts()) == expect_gain(Doubts(0.0, 0.0, 0.0, 0.0, 0.0)) == Gain()


def test_cases_of_equal_gain_stay_in_their_order() -> None:
    assert rank_cases([Gain(0.2), Gain(0.7), Gain(0.2), Gain(0.0)]) == [1, 0, 2, 3]


def test_doubts_are_the_worst_photos_and_the_share_of_calibrated_families_that_abstain() -> None:
    maps = [PhotoPrediction(str(n), np.zeros((2, 2), np.float32), (2, 2), n / 10) for n in (1, 2)]
    chances = {name: np.array([0.5, 0.5]) for name in ("CQID015", "CQID025")}
    prediction = Prediction("a", tuple(maps), chances=chances, unsure=frozenset({"CQID025"}), distance=1.5)
    assert measure_doubts(prediction, load_challenge()) == Doubts(abstained=0.5, variance=0.2, distance=1.5)
    assert measure_doubts(Prediction("a"), load_challenge()) == Doubts()


def test_what_the_models_leave_open_comes_back_from_the_store() -> None:
    doubts = Doubts(abstained=0.5, variance=None, distance=1.25)
    assert unpack_doubts(doubts.pack()) == doubts
    assert unpack_doubts(None) == Doubts()


@pytest.mark.parametrize(
    "text", ["{}", "[1, 2]", '["a", null, null]', "[-1, null, null]", "[true, null, null]"]
)
def test_other_doubts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="three numbers of 0 or more"):
        unpack_doubts(text)


def test_the_queue_and_a_batch_run_rank_cases_alike(tmp_path: Path) -> None:
    """One definition: what a store lists first is what the table of a run has first, for the same reason."""
    doubts = {
        "a": Doubts(abstained=0.1, variance=0.03, distance=0.2),
        "b": Doubts(abstained=0.2, variance=0.28, distance=0.9),
        "c": Doubts(abstained=0.9, variance=0.1, distance=0.1),
    }
    (tmp_path / MASKS).mkdir()
    with Journal(tmp_path / JOURNAL, tmp_path / MASKS) as journal:
        journal.add(*(JournalEntry(name, doubts=one.pack()) for name, one in doubts.items()))
    rows = read_csv_table(write_ranking(tmp_path))
    with Store.open(tmp_path / "store") as store:
        store.add_cases("q", [NewCase(name, doubts=one) for name, one in doubts.items()])
        listed = store.list_cases("q", LOCAL_READER, order="teaches")
        assert (
            [case.key.case_id for case in listed] == [row["encounter_id"] for row in rows] == ["b", "c", "a"]
        )
        assert [str(REASONS[case.gain.reason]) for case in listed] == [row["reason"] for row in rows]
        store.add_cases("q", [NewCase("a")])  # a folder that is read again knows nothing of it
        assert store.list_cases("q", LOCAL_READER, order="teaches")[2].doubts == doubts["a"]


def test_readers_who_differ_bring_a_case_to_the_front(tmp_path: Path) -> None:
    with Store.open(tmp_path / "store") as store:
        store.add_cases("q", [NewCase(name) for name in ("a", "b")])
        for reader, choice in (("Ann", 0), ("Bo", 1)):
            store.add_reader(reader)
            store.save(Review("a", reader, "blind", "done", answer(0), queue="q"))
            store.save(Review("b", reader, "blind", "done", answer(choice), queue="q"))
        first, second = store.list_cases("q", LOCAL_READER, order="teaches")
    assert (first.key.case_id, first.gain.reason, second.gain.reason) == ("b", "disagreement", "")


def test_readers_whose_outlines_differ_bring_a_case_to_the_front(tmp_path: Path) -> None:
    masks = np.zeros((3, 8, 8), np.bool_)
    masks[0, :4], masks[1, 2:6] = True, True
    with Store.open(tmp_path / "store") as store:
        store.add_cases("q", [NewCase(name) for name in ("alike", "apart", "unusable")])
        for reader, other in (("Ann", 0), ("Bo", 1)):
            store.add_reader(reader)
            for name, mask in (("alike", masks[0]), ("apart", masks[other]), ("unusable", masks[2 * other])):
                unusable = frozenset({"p"} if name == "unusable" else ())
                drawn = Review(
                    name,
                    reader,
                    "blind",
                    "done",
                    masks={"p": encode_mask(mask)},
                    unusable=unusable,
                    queue="q",
                )
                store.save(drawn)
        first, *others = store.list_cases("q", LOCAL_READER, order="teaches")
    assert (first.key.case_id, first.gain.reason, first.gain.value) == ("apart", "outlines", 1.0)
    assert [case.gain for case in others] == [Gain(), Gain()]
