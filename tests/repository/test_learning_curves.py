"""What the simulation of learning reports: numbers that were measured, and the aims missed as well as reached."""

from __future__ import annotations

import numpy as np

from benchmarks.learning.curves import draw_curves, find_needed, format_report, judge_aims
from benchmarks.learning.forgetting import format_forgetting
from benchmarks.learning.scenarios import shift_look
from benchmarks.learning.simulate import Point


def curve(*values: float, at: tuple[int, ...] = (0, 10, 50, 100), old: float = 0.8) -> list[Point]:
    return [
        Point(size, value, 0.5, {"pad_dev": old if size else 0.8})
        for size, value in zip(at, values, strict=False)
    ]


def test_what_was_not_measured_is_said_to_be_so() -> None:
    runs = {"random": {0: curve(0.5, 0.6)}, "active": {}}
    assert find_needed(runs) is None
    assert all("not measured" in line for line in judge_aims(runs))


def test_the_reviews_that_the_active_order_needs_lie_on_its_curve() -> None:
    random = curve(0.5, 0.52, 0.58, 0.6)
    assert find_needed({"random": {0: random}, "active": {0: curve(0.5, 0.55, 0.65, 0.7)}}) == "30"
    assert find_needed({"random": {0: random}, "active": {0: curve(0.5, 0.5, 0.5, 0.5)}}) == "more than 100"


def test_gains_and_losses_are_the_means_of_all_runs() -> None:
    runs = {
        "random": {0: curve(0.5, 0.52, 0.6, 0.6, old=0.79)},
        "active": {0: curve(0.5, 0.5, 0.54, 0.6, old=0.77)},
    }
    said = "\n".join(judge_aims(runs))
    assert "Dice +0.070" in said and "pad_dev -0.020" in said


def test_the_drawing_and_the_table_hold_every_order_and_size() -> None:
    kept = {("shifted look", order): {0: curve(0.5, 0.52, 0.6, 0.62)} for order in ("random", "active")}
    drawn, table = draw_curves(kept), format_report(kept)
    assert drawn.startswith("<svg") and drawn.count("<polyline") == 4 and ">100<" in drawn
    assert "| 50 | 0.600 | 0.600 | 0.500 | 0.500 |" in table and "Seeds: random 1, active 1." in table


def test_the_table_of_forgetting_is_of_differences_from_the_model_before_and_means_over_seeds() -> None:
    rows = [
        {"key": "s", "scenario": "s", "dice": 0.5, "lists": {"pad_dev": 0.8}},
        {
            "key": "",
            "scenario": "s",
            "way": "w",
            "seed": 0,
            "old": 0.5,
            "dice": 0.6,
            "lists": {"pad_dev": 0.78},
        },
        {
            "key": "",
            "scenario": "s",
            "way": "w",
            "seed": 1,
            "old": 0.5,
            "dice": 0.54,
            "lists": {"pad_dev": 0.8},
        },
    ]
    assert format_forgetting(rows).splitlines()[-1] == "| s | w | 0.5 | 2 | +0.070 | -0.010 |"


def test_the_shifted_look_is_another_look_of_the_same_photo() -> None:
    photo = np.full((40, 60, 3), 180, np.uint8)
    one, other = (shift_look(photo, np.random.default_rng(seed)) for seed in (1, 1))
    assert (one == other).all() and one.shape == photo.shape and one.mean() < photo.mean()
