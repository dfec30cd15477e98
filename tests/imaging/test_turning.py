"""Pixels are turned as a viewer of photos turns them, and back again."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageOps

from magic_demo.imaging.turning import turn_back, turn_size, turn_upright

STORED = np.arange(24, dtype=np.uint8).reshape(4, 6)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pixels_turn_upright_as_pillow_turns_them_and_back(orientation: int) -> None:
    image = Image.fromarray(STORED)
    image.getexif()[0x0112] = orientation
    upright = turn_upright(STORED, orientation)
    assert np.array_equal(upright, np.asarray(ImageOps.exif_transpose(image)))
    assert np.array_equal(turn_back(upright, orientation), STORED)
    assert upright.shape == turn_size((4, 6), orientation)


@pytest.mark.parametrize("orientation", [0, 9, -1])
def test_what_is_no_orientation_turns_nothing(orientation: int) -> None:
    assert np.array_equal(turn_upright(STORED, orientation), STORED)
