"""Feet and hands are drawn with a lesion on them or without one."""

from __future__ import annotations

import numpy as np

from magic_demo.synthetic.drawing.skin import View
from training.segmentation.drawing.feet import draw_foot, draw_on, shape_foot

SIDE = 96


def test_a_foot_is_drawn_alike_by_the_same_chance_and_its_lesion_is_a_small_part_of_it() -> None:
    drawn = [draw_foot(np.random.default_rng([1, number]), SIDE) for number in range(12)]
    again, _ = draw_foot(np.random.default_rng([1, 3]), SIDE)
    np.testing.assert_array_equal(again, drawn[3][0])
    shares = [float(mask.mean()) for _, mask in drawn]
    assert all(
        pixels.shape == (SIDE, SIDE, 3) and share < 0.4
        for (pixels, _), share in zip(drawn, shares, strict=True)
    )
    assert 6 <= sum(share > 0 for share in shares) < 12, "some are bare, most are not"


def test_lesions_lie_on_the_foot_and_not_on_what_is_behind_it() -> None:
    found = 0
    for number in range(6):
        random = np.random.default_rng([2, number])
        outline, _ = shape_foot(random, SIDE)
        _, mask = draw_on(View((SIDE, SIDE), "limb", 1.0, 2), outline, random)
        assert not (mask & ~outline).any()
        found += bool(mask.any())
    assert found >= 3
