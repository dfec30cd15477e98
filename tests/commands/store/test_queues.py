"""``python -m magic_demo queues``: how far everybody is, and whose the cases are."""

from __future__ import annotations

from pathlib import Path

import pytest

from magic_demo.__main__ import main
from magic_demo.core.review_types import Review
from magic_demo.reviews.store import NewCase, Store


@pytest.fixture
def place(tmp_path: Path) -> Path:
    with Store.open(tmp_path) as store:
        for name in ("ann", "bo"):
            store.add_reader(name)
        store.add_cases("clinic", [NewCase(f"E{number}") for number in range(4)])
        store.save(Review("E0", "ann", state="done", queue="clinic"))
        store.save(Review("E1", "ann", queue="clinic"))
    return tmp_path


def assigned(place: Path) -> list[tuple[str, ...]]:
    with Store.open(place) as store:
        return [case.assigned_to for case in store.list_cases("clinic", "ann", all_assigned=True)]


def test_how_far_everybody_is_is_listed(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["queues", "--store", str(place), "list"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "clinic: 4 cases"
    assert (
        "  ann    1 done, 1 in progress, 2 not started" in said
        and "  bo     0 done, 0 in progress, 4 not started" in said
    )


def test_cases_are_assigned_shared_out_and_everybodys_again(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["queues", "--store", str(place), "assign", "clinic"]
    assert main([*command, "--reader", "ann", "--reader", "bo", "--each", "1"]) == 0
    assert assigned(place) == [("ann",), ("bo",), ("ann",), ("bo",)]
    assert main([*command, "--reader", "ann", "--reader", "bo", "--case", "E1"]) == 0
    assert assigned(place)[:3] == [("ann",), ("ann", "bo"), ("ann",)]
    assert main(command) == 0
    assert assigned(place) == [()] * 4
    assert "4 cases of clinic: everybody's" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["other"], "no queue 'other'; its queues are: clinic"),
        (["clinic", "--reader", "nobody"], "no reader 'nobody'"),
        (["clinic", "--reader", "ann", "--each", "2"], "each case to 2 of 1 readers"),
        (["clinic", "--reader", "ann", "--case", "E9"], "no case 'E9'"),
    ],
)
def test_what_cannot_be_assigned_is_one_line(
    place: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert main(["queues", "--store", str(place), "assign", *words]) == 1
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
    assert assigned(place) == [()] * 4


def test_a_store_without_queues_says_how_to_begin(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["queues", "--store", str(tmp_path), "list"]) == 0
    assert "--queue FOLDER" in capsys.readouterr().out
