"""Photos that users of such tools reported (tests/data/reported), and the line that refuses one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from magic_demo.core.errors import PhotoError
from magic_demo.files.photos.reading import decode_photo

REPORTED = Path(__file__).resolve().parents[1] / "data" / "reported"
with Image.open(REPORTED / "small_expected.png") as _small:
    SMALL: Any = np.asarray(_small.convert("RGB"))
"""(H, W, 3) uint8 RGB: what every kind of the small picture has to become."""


def refusal(data: bytes) -> str:
    with pytest.raises(PhotoError) as caught:
        decode_photo(data, photo_id="a", name="a.tif")
    said = str(caught.value)
    assert said.startswith("a.tif: ") and "\n" not in said
    return said
