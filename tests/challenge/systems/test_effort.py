"""What a system's run has written down of its time, memory and cost is read; what it has not stays unknown."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from magic_demo.challenge.batch import predict_folder
from magic_demo.challenge.running.watching import watch
from magic_demo.challenge.systems.effort import UNMEASURED, Effort, read_effort
from tests.support.batch_runs import write_data
from tests.support.stand_ins import stand_in_predictor


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the peak is Linux's to say")
def test_the_peak_is_that_of_the_block() -> None:
    with watch() as large:
        np.ones(60 * 2**20, np.uint8).sum()
    with watch() as small:
        pass
    assert large.memory_mb is not None and small.memory_mb is not None
    assert large.memory_mb - small.memory_mb > 40 and large.seconds > 0


def test_a_run_says_what_it_took_in_its_manifest(tmp_path: Path) -> None:
    data = write_data(tmp_path / "data")
    predict_folder(data, tmp_path / "out", stand_in_predictor(), bundle=True, quiet=True)
    effort = read_effort(tmp_path / "out")
    assert effort.source == "run" and effort.seconds is not None and effort.seconds > 0
    assert (effort.memory_mb is not None) == sys.platform.startswith("linux")
    assert read_effort(tmp_path / "out" / "bundle") == effort, "a bundle's run lies around it"


def test_calls_say_what_they_cost(tmp_path: Path) -> None:
    costs = {"cases": 4, "seconds": 10.0, "cost": 0.5}
    (tmp_path / "costs.json").write_text(json.dumps(costs))
    assert read_effort(tmp_path) == Effort(2.5, None, 0.5, "calls")


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"results": {"done_now": {"encounters": 0, "seconds": 1}}}', '{"results": 1}'],
)
def test_what_says_nothing_is_unmeasured(tmp_path: Path, content: str) -> None:
    for name in ("manifest.json", "costs.json"):
        (tmp_path / name).write_text(content)
    assert read_effort(tmp_path) == UNMEASURED
