"""A file of option scores: what is read of it, and what is off."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from magic_demo.challenge.systems.scores_file import read_scores
from magic_demo.core.errors import FormatError

ITCH = "CQID025-001"


def _read(folder: Path, options: dict[str, Any], scale: str = "probabilities") -> np.ndarray[Any, Any]:
    place = folder / "scores.json"
    place.write_text(json.dumps({"scale": scale, "encounters": {"ENC1": {ITCH: options}}}))
    return np.exp(read_scores(place)["ENC1"][ITCH].astype(np.float64))


def test_probabilities_add_up_to_one_whatever_is_left_out(tmp_path: Path) -> None:
    shares = _read(tmp_path, {"yes": 0.2, "1": 0.6})
    assert shares.sum() == pytest.approx(1, abs=1e-5)
    assert sorted(np.round(shares, 3)) == pytest.approx([0, 0.25, 0.75], abs=1e-3)


def test_a_logit_that_is_left_out_is_the_least_of_the_question(tmp_path: Path) -> None:
    shares = _read(tmp_path, {"0": 2.0, "1": -1.0}, "logits")
    assert shares[2] == pytest.approx(shares[1]) and shares[0] / shares[1] == pytest.approx(
        np.exp(3), rel=1e-5
    )


@pytest.mark.parametrize("options", [{"0": 0.1, "yes": 0.9}, {"yes": 0.1, " YES": 0.9}], ids=str)
def test_an_option_that_is_scored_twice_is_refused(tmp_path: Path, options: dict[str, float]) -> None:
    with pytest.raises(FormatError, match=r"ENC1 CQID025-001 scores .* twice"):
        _read(tmp_path, options)


@pytest.mark.parametrize("value", [1.5, -0.1, None, True, "0.5", float("nan")], ids=str)
def test_what_is_no_probability_is_refused(tmp_path: Path, value: object) -> None:
    with pytest.raises(FormatError, match="from 0 to 1"):
        _read(tmp_path, {"0": value})


def test_a_family_has_the_mean_of_those_of_its_questions_that_are_scored(tmp_path: Path) -> None:
    slots = {f"CQID011-00{slot}": {"head": score, "neck": 1.0} for slot, score in ((1, 2.0), (4, 4.0))}
    place = tmp_path / "scores.json"
    place.write_text(json.dumps({"scale": "logits", "encounters": {"ENC1": slots}}))
    scores = read_scores(place)["ENC1"]
    assert sorted(scores) == [f"CQID011-00{slot}" for slot in range(1, 7)]
    assert all(values.tolist() == [3.0, *[1.0] * 7] for values in scores.values())
