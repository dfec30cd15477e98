"""The benchmarks run, and what they compare gives the same results; how fast it is no test says."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmarks import segmentation
from benchmarks.__main__ import Failure, format_document, main, measure_stage
from benchmarks.ceiling import Reached
from benchmarks.memory import find_peak, find_resident_peak
from benchmarks.points import measure_rash, measure_readers
from benchmarks.scorer import draw_masks, score_plainly
from benchmarks.timing import Reading, Row, describe_waits, take_times
from magic_demo.challenge.scoring.mask_scoring import score_mask_folders


@pytest.mark.long
def test_a_quick_run_writes_a_line_for_every_stage(repository: Path, tmp_path: Path) -> None:
    before = (repository / "docs" / "performance.md").read_bytes()
    assert main(["--quick", "--out", str(tmp_path / "table.md")]) == 0
    text = (tmp_path / "table.md").read_text(encoding="utf-8")
    stages = [
        line.split("|")[1]
        for line in text.splitlines()
        if line.startswith("| ") and not line.startswith(("| stage", "| ---"))
    ]
    for stage in (
        "JPEG to mask",
        "second prompt",
        "closed questions",
        "scoring",
        "one process against two",
        "batch",
        "why an option",
        "over that of its slowest stage",
        "a map of a 12-megapixel photo",
    ):
        assert any(stage in said for said in stages), stage
    assert "These numbers say nothing" in text and "DIFFER" not in text and "FAILED" not in text
    assert "0 of 54 options change rank" in text
    assert (repository / "docs" / "performance.md").read_bytes() == before


def test_what_is_not_installed_is_left_out_of_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        segmentation, "explain_missing", lambda name: "not there" if name.startswith("openvino") else ""
    )
    assert segmentation.list_backends(quick=True) == ["torch", "bfloat16"]
    monkeypatch.setattr(segmentation, "has_bfloat16", lambda: False)
    assert segmentation.list_backends() == ["torch"]


def test_the_plain_scorer_gives_our_numbers_to_the_last_bit(tmp_path: Path) -> None:
    for name in ("reference", "system"):
        (tmp_path / name).mkdir()
    draw_masks(tmp_path / "reference", tmp_path / "system", 6, (120, 160))
    plain = score_plainly(tmp_path / "reference", tmp_path / "system")
    ours = score_mask_folders(tmp_path / "reference", tmp_path / "system")
    assert ours.findings == ()
    assert {name: ours.values[name] for name in plain} == plain
    assert 0 < plain["jaccard"] < 1


def test_ways_are_taken_by_turns_and_the_first_round_is_not_counted() -> None:
    calls: list[str] = []
    times = take_times({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, 2)
    assert calls == ["a", "b"] * 3
    assert set(times) == {"a", "b"} and min(times.values()) >= 0


def test_the_first_round_counts_where_nothing_is_warmed_up() -> None:
    calls: list[str] = []
    take_times({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, 1, warm=False)
    assert calls == ["a", "b"]


def test_a_line_says_times_ratio_and_what_the_speed_costs() -> None:
    row, reached = (
        Row("stage", 1500.0, 100.0, "equal", target=10),
        Reached("tower", "float32", 70.0, 50.0, 0.5),
    )
    text = format_document([row], {"float32": 100.0, "bfloat16": 200.0}, [reached], quick=False)
    assert "| stage | 1,500.0 | 100.0 | 15.0 | 10 | equal |" in text
    assert "| tower | float32 | 70.0 | 50 | 50% |" in text
    assert "say nothing" not in text


def test_what_is_no_ratio_stands_apart_with_what_it_may_be_at_most() -> None:
    waits = describe_waits("a stroke", [9.0, 3.0, 5.0], 16, "the first 9")
    text = format_document(
        [waits, Reading("requests", 0, "", 0), Reading("a map", 74.5, "kB")], {}, [], quick=False
    )
    assert "| a stroke | 5.0 ms | at most 16 ms | 95% within 5, n 3; the first 9 |" in text
    assert "| requests | 0  | 0  |  |" in text and "| a map | 74.5 kB |  |  |" in text
    with pytest.raises(RuntimeError, match="a stroke: nothing was seen"):
        describe_waits("a stroke", [])


def test_a_stage_that_fails_is_named_and_what_it_had_measured_is_kept(
    capsys: pytest.CaptureFixture[str],
) -> None:
    row = Row("first", 2.0, 1.0, "equal")

    def break_down() -> Iterator[Row]:
        yield row
        raise RuntimeError("out of\nmemory")

    lines = measure_stage("scoring", break_down)
    assert lines == [row, Failure("scoring", "RuntimeError: out of memory")]
    assert "| scoring | | | | | **FAILED**: RuntimeError: out of memory |" in format_document(
        lines, {}, [], quick=False
    )
    assert "Traceback" in capsys.readouterr().err


def test_a_programs_memory_is_its_own_and_not_that_of_whoever_starts_it() -> None:
    held = np.ones(2**26, np.uint8)
    small = find_resident_peak([sys.executable, "-c", "pass"])
    large = find_resident_peak([sys.executable, "-c", "held = b'x' * 2**26"])
    assert small < held.nbytes / 1e6 < large
    assert find_peak(lambda: np.ones(10**6, np.uint8)) >= 1.0


@pytest.mark.long
def test_every_click_of_readers_who_click_at_once_is_answered() -> None:
    took, each = measure_readers(readers=3, clicks=2, pause=0.0)
    assert len(took) == 6 and took == sorted(took) and each > 0


@pytest.mark.long
@pytest.mark.parametrize(("shown", "radius"), [(True, 30), (True, 60), (False, 60)])
def test_a_point_of_thirty_on_a_rash_changes_its_own_spot_alone(shown: bool, radius: int) -> None:
    rash = measure_rash(shown, radius)
    assert len(rash.clicks) == 30 and rash.elsewhere == 0
