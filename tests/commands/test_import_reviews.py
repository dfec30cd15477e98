"""``python -m magic_demo import-reviews``: what was exported comes back into a store as it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from magic_demo.__main__ import main
from magic_demo.commands.import_reviews import save_reviews
from magic_demo.core.review_types import Review
from magic_demo.reviews.exports import write_export
from magic_demo.reviews.store import LOCAL_READER, Store
from tests.support.store.reviewed_cases import QUEUE, ReadQueue, make_queue

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def queue(tmp_path: Path) -> ReadQueue:
    return make_queue(tmp_path / "data")


@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    def run(*words: str) -> tuple[int, str, str]:
        code = main(["import-reviews", "--store", str(tmp_path / "store"), *words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def _saved(place: Path) -> dict[tuple[str, str], Review]:
    with Store.open(place) as store:
        return {(saved.review.case_id, saved.review.reader): saved.review for saved in store.all_reviews()}


def test_label_studios_tasks_come_back_as_the_same_reviews(
    queue: ReadQueue, command: Command, tmp_path: Path
) -> None:
    li = [saved for saved in queue.reviews if saved.review.reader == "Li"]
    write_export(li, queue.cases, "label-studio", tmp_path / "out")
    code, said, errors = command(str(tmp_path / "out"), "--queue", QUEUE)
    assert (code, errors) == (0, "") and said.startswith("3 of 3 reviews saved to the queue lesson")
    assert _saved(tmp_path / "store") == {
        (saved.review.case_id, "Li"): saved.review for saved in li if saved.review.state == "done"
    }


def test_importing_twice_adds_nothing(queue: ReadQueue, command: Command, tmp_path: Path) -> None:
    write_export(queue.reviews[:1], queue.cases, "challenge", tmp_path / "out")
    for _ in range(2):
        assert command(str(tmp_path / "out"))[0] == 0
    with Store.open(tmp_path / "store") as store:
        assert len(store.all_reviews()) == 1


def test_new_cases_know_where_they_lie_and_known_ones_keep_their_place(
    queue: ReadQueue, command: Command, tmp_path: Path
) -> None:
    write_export(queue.reviews, queue.cases, "challenge", tmp_path / "out")
    command(str(tmp_path / "out"), "--queue", QUEUE, "--data", str(queue.folder))
    command(str(tmp_path / "out"), "--queue", QUEUE)
    with Store.open(tmp_path / "store") as store:
        folders = {case.key.case_id: case.folder for case in store.list_cases(QUEUE, LOCAL_READER)}
    assert folders == dict.fromkeys(("ENC00001", "ENC00002", "ENC00003"), str(queue.folder.resolve()))


def test_a_revealed_reading_alone_is_saved_as_assisted_and_that_is_said(
    queue: ReadQueue, command: Command, tmp_path: Path
) -> None:
    write_export(queue.reviews, queue.cases, "label-studio", tmp_path / "out")
    code, _, errors = command(str(tmp_path / "out"), "--queue", QUEUE)
    assert (
        code == 3
        and "left out: revealed reading without its blind one, saved as assisted (1): ENC00001 [Wang]"
        in errors
    )
    wang = _saved(tmp_path / "store")["ENC00001", "Wang"]
    assert wang == replace(queue.reviews[2].review, kind="assisted")


def test_blind_and_revealed_readings_come_in_their_order(queue: ReadQueue, tmp_path: Path) -> None:
    revealed, blind = queue.reviews[2].review, queue.reviews[1].review
    with Store.open(tmp_path / "store") as store:
        assert save_reviews(store, [revealed, blind]) == (2, ())
        assert [saved.review for saved in store.all_reviews()] == [blind, revealed]


@pytest.mark.parametrize("format", ["csv", "label-studio"])
def test_importing_an_export_of_several_readings_twice_or_after_more_was_said_adds_nothing(
    queue: ReadQueue, command: Command, tmp_path: Path, format: str
) -> None:
    rows = [saved for saved in queue.reviews if saved.review.kind != "consensus"]
    write_export(rows, queue.cases, format, tmp_path / "out")
    words = (str(tmp_path / "out"), "--queue", QUEUE)
    command(*words)
    with Store.open(tmp_path / "store") as store:
        first = store.all_reviews()
        later = store.save(replace(first[0].review, comment="said since"))
    code, said, errors = command(*words)
    assert said.startswith(f"0 of {len(first)} reviews saved")
    assert f"note: review that was there before ({len({one.review.case_id for one in first})}): " in errors
    assert code == (3 if "saved as assisted" in errors else 0)
    with Store.open(tmp_path / "store") as store:
        assert store.all_reviews() == [*first, later]


def test_a_blind_reading_of_a_case_that_was_revealed_here_is_kept_as_revealed_and_that_is_said(
    queue: ReadQueue, command: Command, tmp_path: Path
) -> None:
    blind, revealed = queue.reviews[1], queue.reviews[2]
    with Store.open(tmp_path / "store") as store:
        save_reviews(store, [replace(blind.review, comment="of here"), revealed.review])
    write_export([blind], queue.cases, "csv", tmp_path / "out")
    code, said, errors = command(str(tmp_path / "out"), "--queue", QUEUE)
    assert code == 0 and said.startswith("1 of 1 reviews saved")
    assert "note: blind review kept as revealed, as its reader had seen more (1): ENC00001 [Wang]" in errors


def test_a_consensus_needs_an_adjudicator(queue: ReadQueue, tmp_path: Path) -> None:
    consensus = queue.reviews[3].review
    with Store.open(tmp_path / "store") as store:
        saved, left_out = save_reviews(store, [consensus])
        assert (
            saved == 0
            and len(left_out) == 1
            and left_out[0].startswith("review that the store refuses (1): ENC00001")
        )
        store.add_reader("Wang", role="adjudicator")
        assert save_reviews(store, [consensus]) == (1, ())


def test_what_is_no_export_is_one_line(command: Command, tmp_path: Path) -> None:
    code, _, errors = command(str(tmp_path / "nowhere"))
    assert code == 1 and "nowhere: no such file or folder" in errors and errors.count("\n") == 1
