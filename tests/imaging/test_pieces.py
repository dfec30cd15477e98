"""The lesions of a mask one by one: numbered from the top, specks last, measured as in the browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from magic_demo.core.types import Mask
from magic_demo.imaging.measure import count_pieces
from magic_demo.imaging.pieces import find_piece, measure_irregularity, split_pieces

CASES = json.loads((Path(__file__).parents[1] / "js" / "viewer" / "pieces.json").read_text(encoding="utf-8"))


def draw(rows: list[str]) -> Mask:
    return np.array([[one == "#" for one in row] for row in rows])


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_parts_are_numbered_and_measured_as_in_the_browser(case: dict[str, Any]) -> None:
    mask = draw(case["rows"])
    found = split_pieces(mask)
    assert len(found) == len(case["parts"])
    for piece, expected in zip(found, case["parts"], strict=True):
        assert (piece.number, piece.speck, piece.area, [*piece.at]) == (
            expected["number"],
            expected["speck"],
            expected["area"],
            expected["at"],
        )
        assert piece.diameter == pytest.approx(expected["diameter"])
        assert measure_irregularity(piece.part) == pytest.approx(expected["irregularity"], abs=1e-6)
    lesions = sum(not piece.speck for piece in found)
    assert count_pieces(mask) == (lesions, len(found) - lesions)
    together = np.zeros_like(mask)
    for piece in found:
        assert not (together & piece.draw(mask.shape)).any()
        together |= piece.draw(mask.shape)
    assert (together == mask).all()


def test_an_empty_mask_has_no_part() -> None:
    assert split_pieces(np.zeros((3, 4), np.bool_)) == []


def test_a_pixel_means_the_part_that_has_it_then_one_beside_it_and_else_none() -> None:
    mask = np.zeros((40, 40), np.bool_)
    mask[10:20, 10:20] = mask[10:20, 21:30] = True
    pieces = split_pieces(mask)
    assert [find_piece(pieces, at).number for at in ((19, 12), (21, 12))] == [1, 2]  # type: ignore[union-attr]
    assert find_piece(pieces, (8, 12)) is pieces[0] and find_piece(pieces, (0, 0)) is None
    assert find_piece([], (0, 0)) is None


def test_a_border_is_said_of_parts_that_are_large_enough() -> None:
    mask = np.zeros((60, 60), np.bool_)
    mask[5:25, 5:25] = True
    mask[30:50, 30:50] = True
    mask[38:42, 30:48] = False
    mask[55:57, 5:8] = True
    assert [piece.border for piece in split_pieces(mask)] == ["regular", "irregular", ""]
