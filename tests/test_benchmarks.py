"""The benchmarks run, and what they compare gives the same results; how fast it is no test says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.__main__ import format_document
from benchmarks.scorer import draw_masks, score_plainly
from benchmarks.timing import Row, take_times
from magic_demo.mask_scoring import score_mask_folders


def test_a_quick_run_writes_a_line_for_every_stage(repository: Path, tmp_path: Path) -> None:
    before = (repository / "docs" / "performance.md").read_bytes()
    command = [sys.executable, "-m", "benchmarks", "--quick", "--out", str(tmp_path / "table.md")]
    subprocess.run(command, cwd=repository, check=True, capture_output=True, timeout=300)
    text = (tmp_path / "table.md").read_text(encoding="utf-8")
    stages = [line.split("|")[1] for line in text.splitlines() if line.startswith("| ") and not line.startswith(("| stage", "| ---"))]
    for stage in ("JPEG to mask", "second prompt", "closed questions", "scoring", "batch"):
        assert any(stage in said for said in stages), stage
    assert "These numbers say nothing" in text and "DIFFER" not in text
    assert "0 of 54 options change rank" in text
    assert (repository / "docs" / "performance.md").read_bytes() == before


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


def test_a_line_says_times_ratio_and_what_the_speed_costs() -> None:
    text = format_document([Row("stage", 1500.0, 100.0, "equal", target=10)], {"float32": 100.0, "bfloat16": 200.0}, 50.0, quick=False)
    assert "| stage | 1,500.0 | 100.0 | 15.0 | 10 | equal |" in text
    assert "50% of that ceiling" in text
    assert "say nothing" not in text
