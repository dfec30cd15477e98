"""An outline changes at a mark and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from magic_demo.core.review_types import Mark
from magic_demo.core.types import Mask
from magic_demo.imaging.local_change import change_locally, is_followed


def row(text: str) -> Mask:
    return np.array([[one == "#" for one in text]])


@pytest.mark.parametrize(
    ("marks", "expected"),
    [
        ([], "##..##.....##"),
        ([Mark("lesion", (0.24, 0.5))], "######.....##"),
        ([Mark("lesion", (0.6, 0.5))], "##..##.##..##"),
        ([Mark("skin", (0.05, 0.5))], "....##.....##"),
        ([Mark("skin", (0.95, 0.5))], "##..##......."),
        ([Mark("skin", (0.4, 0.5))], "##..##.....##"),  # what was found stays lesion there
        ([Mark("lesion", (0.4, 0.5))], "##..##.....##"),  # what holds it already stays as it is
        ([Mark("lesion", (0.6, 0.5)), Mark("skin", (0.05, 0.5))], "....##.##..##"),
        ([Mark("box", (2 / 13, 0.0, 9 / 13, 1.0))], "######.##..##"),
        ([Mark("box", (10 / 13, 0.0, 1.0, 1.0))], "##..##......."),
    ],
)
def test_only_the_islands_of_a_change_at_a_mark_are_taken(marks: list[Mark], expected: str) -> None:
    before, found = row("##..##.....##"), row("..####.##....")
    assert "".join(".#"[int(one)] for one in change_locally(before, found, marks)[0]) == expected


def test_a_mark_on_the_photos_last_pixel_is_on_the_photo() -> None:
    before, found = row("......"), row("....##")
    assert change_locally(before, found, [Mark("lesion", (1.0, 1.0))]).sum() == 2


@pytest.mark.parametrize(("side", "followed"), [(2, False), (8, True)])
def test_a_speck_follows_no_mark(side: int, followed: bool) -> None:
    outline = np.zeros((200, 200), dtype=np.bool_)
    outline[50 : 50 + side, 50 : 50 + side] = True
    at = (51 / 200, 51 / 200)
    assert is_followed(outline, Mark("lesion", at)) is followed
    assert is_followed(outline, Mark("box", (0.2, 0.2, 0.4, 0.4))) is followed
    assert not is_followed(outline, Mark("lesion", at), dot=0.03), "a dot around a click is none either"
    assert not is_followed(outline, Mark("skin", at)) and is_followed(outline, Mark("skin", (0.9, 0.9)))
