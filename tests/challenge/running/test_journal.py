"""What the journal of a run tells of a finished encounter without reading its entry again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from magic_demo.challenge.running import journal as module
from magic_demo.challenge.running.journal import Finished, Journal, JournalEntry
from tests.support.batch_runs import StopsAt, predict, write_data

SOURCE = "0123456789abcdef"
ENTRY = JournalEntry(
    "ENC1", SOURCE, {"CQID010-001": 2}, ["a_mask_sys.tiff", "b_mask_sys.tiff"], ["b_mask_sys.tiff"]
)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return where a journal may lie whose mask files are there."""
    for name in ENTRY.masks:
        (tmp_path / name).write_bytes(b"mask")
    return tmp_path / "journal.jsonl"


def _write(place: Path, **changes: object) -> Journal:
    place.write_text(json.dumps({**vars(ENTRY), **changes}) + "\n", encoding="utf-8")
    return Journal(place, place.parent)


def test_a_finished_encounter_is_told_by_its_source_and_its_counts(place: Path) -> None:
    with Journal(place, place.parent) as journal:
        journal.add(ENTRY)
        assert journal.find_finished("ENC1", SOURCE) == Finished(masks=2, empty=1)
    read = Journal(place, place.parent)
    assert read.find_finished("ENC1", SOURCE) == Finished(masks=2, empty=1)
    assert read.find_finished("ENC1", SOURCE.replace("a", "b")) is None
    assert read.find_finished("ENC2", SOURCE) is None
    assert dict(read["ENC1"].answers) == ENTRY.answers and read["ENC1"].empty == ENTRY.empty


def test_an_encounter_with_a_problem_is_not_finished(place: Path) -> None:
    assert _write(place, problems=["a photo is broken"]).find_finished("ENC1", SOURCE) is None


@pytest.mark.parametrize("source", ["", "0", "0" * 16, "F" * 16, "\u0661" * 16, SOURCE + "0"])
def test_what_is_no_digest_of_this_program_matches_none(place: Path, source: str) -> None:
    assert _write(place, source=source).find_finished("ENC1", source) is None


@pytest.mark.parametrize("changes", [{"source": 7}, {"empty": 7}, {"masks": [7]}, {"encounter_id": 7}])
def test_an_entry_of_other_kinds_of_values_does_not_count(place: Path, changes: dict[str, object]) -> None:
    assert len(_write(place, **changes)) == 0


def test_an_entry_without_the_lists_that_an_earlier_version_did_not_write_counts(place: Path) -> None:
    place.write_text(
        json.dumps({"encounter_id": "ENC1", "source": SOURCE, "masks": ["a_mask_sys.tiff"]}) + "\n"
    )
    assert Journal(place, place.parent).find_finished("ENC1", SOURCE) == Finished(masks=1, empty=0)


def test_a_resumed_run_reads_each_entry_once_before_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write_data(tmp_path / "data")
    with pytest.raises(KeyboardInterrupt):
        predict(data, tmp_path / "out", predictor=StopsAt("ENC00003"))
    read: list[bytes] = []
    parse = module._parse

    def parse_noted(line: bytes) -> JournalEntry | None:
        read.append(line)
        return parse(line)

    monkeypatch.setattr(module, "_parse", parse_noted)
    with pytest.raises(KeyboardInterrupt):
        predict(data, tmp_path / "out", predictor=StopsAt("ENC00003"))
    assert len(read) == 2


@pytest.mark.parametrize("words", ["half a character \ud83d", "a large number", "\u0661"])
def test_an_entry_that_only_the_standard_library_reads_counts(place: Path, words: str) -> None:
    journal = _write(place, answers={"CQID010-001": 2**70}, doubts=words)
    assert journal.find_finished("ENC1", SOURCE) == Finished(masks=2, empty=1)
    assert journal["ENC1"].answers == {"CQID010-001": 2**70} and journal["ENC1"].doubts == words


@pytest.mark.parametrize("damaged", [b"[" * 100_000, b'{"encounter_id": "ENC1"', b"\xff\x00", b"7"])
def test_a_line_of_any_bytes_does_not_count_and_the_next_one_does(place: Path, damaged: bytes) -> None:
    place.write_bytes(damaged + b"\n" + json.dumps(vars(ENTRY)).encode() + b"\n")
    assert list(Journal(place, place.parent)) == ["ENC1"]


def test_an_encounter_whose_newest_masks_are_gone_is_not_finished_by_an_older_entry(place: Path) -> None:
    newer = {**vars(ENTRY), "masks": ["gone_mask_sys.tiff"]}
    place.write_text("".join(json.dumps(entry) + "\n" for entry in (vars(ENTRY), newer)), encoding="utf-8")
    assert list(Journal(place, place.parent)) == []
