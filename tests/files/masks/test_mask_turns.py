"""Masks lie as the upright or as the stored photo, and the reference masks of the data say which."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from magic_demo.core.types import Mask
from magic_demo.files.masks.mask_files import find_reference_masks, read_mask_size, write_mask
from magic_demo.files.masks.turns import TurnedPhotos, find_turned
from magic_demo.files.photos.heads import PhotoHead, read_head
from magic_demo.imaging.turning import turn_back
from magic_demo.synthetic.encounters import encode_photo

PHOTOS = Path(__file__).resolve().parents[2] / "data" / "corpus" / "photos"
UPRIGHT = np.zeros((60, 40), np.bool_)
UPRIGHT[5:20, 4:12] = True
"""A lesion on top on the left."""


def _write(folder: Path, turns: dict[str, int], masks: dict[str, Mask]) -> TurnedPhotos:
    for name, orientation in turns.items():
        pixels = np.full((60, 40, 3), 180, np.uint8)
        (folder / f"{name}.jpg").write_bytes(encode_photo(pixels, orientation=orientation))
    for name, mask in masks.items():
        write_mask(folder / f"{name}_mask_ann1.tiff", mask)
    return find_turned([(name, folder / f"{name}.jpg") for name in turns], find_reference_masks(folder))


def test_a_header_gives_the_stored_size_and_the_turn_even_of_a_photo_that_is_cut_short(
    tmp_path: Path,
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (60, 40, 3), dtype=np.uint8)
    photo = encode_photo(noise, orientation=6)
    (tmp_path / "a.jpg").write_bytes(photo[: len(photo) - 200])
    head = read_head(tmp_path / "a.jpg")
    assert head == PhotoHead((40, 60), 6) and head.upright == (60, 40)


@pytest.mark.parametrize("name", ["text.jpg", "empty.jpg", "vector.png", "archive.png", "bomb.png"])
def test_what_is_no_photo_or_too_large_has_no_header(name: str) -> None:
    assert read_head(PHOTOS / name) is None


def test_reference_masks_of_the_stored_size_say_that_masks_lie_as_stored(tmp_path: Path) -> None:
    turned = _write(
        tmp_path, {"a": 6, "b": 3, "c": 1}, {"a": turn_back(UPRIGHT, 6), "b": UPRIGHT, "c": UPRIGHT}
    )
    assert (turned.lie, turned.settled, turned.stored) == ("stored", True, ("a",))
    assert set(turned.heads) == {"a", "b"} and turned.same_size == ("b",)


def test_reference_masks_of_the_upright_size_say_that_masks_lie_upright(tmp_path: Path) -> None:
    turned = _write(tmp_path, {"a": 8, "b": 3}, {"a": UPRIGHT, "b": UPRIGHT})
    assert (turned.lie, turned.settled, turned.upright) == ("upright", True, ("a",))


def test_without_a_mask_that_tells_masks_lie_upright_and_that_is_said(tmp_path: Path) -> None:
    turned = _write(tmp_path, {"a": 3, "b": 6}, {"a": UPRIGHT})
    assert (turned.lie, turned.settled) == ("upright", False)
    assert turned.describe_reference() == "no reference mask says how masks lie"


def test_photos_turned_by_180_degrees_are_named(tmp_path: Path) -> None:
    turned = _write(tmp_path, {"a": 3, "b": 6, "c": 1}, {})
    assert "2 of 3 photos are turned" in turned.describe(
        3
    ) and "without a change of size: a)" in turned.describe(3)


@pytest.mark.parametrize("orientation", [6, 8])
def test_a_mask_of_the_stored_size_is_turned_with_its_photo(tmp_path: Path, orientation: int) -> None:
    turned = _write(tmp_path, {"a": orientation}, {})
    assert np.array_equal(turned.turn_mask("a", turn_back(UPRIGHT, orientation)), UPRIGHT)
    assert np.array_equal(turned.turn_mask("a", UPRIGHT), UPRIGHT)
    assert np.array_equal(turned.turn_mask("b", UPRIGHT), UPRIGHT)


def test_a_mask_turned_by_180_degrees_is_turned_as_the_others_of_the_data_are(tmp_path: Path) -> None:
    stored = _write(tmp_path, {"a": 6, "b": 3}, {"a": turn_back(UPRIGHT, 6)})
    assert np.array_equal(stored.turn_mask("b", turn_back(UPRIGHT, 3)), UPRIGHT)
    upright = TurnedPhotos(stored.heads, upright=("a",))
    assert np.array_equal(upright.turn_mask("b", UPRIGHT), UPRIGHT)


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_an_upright_mask_is_laid_as_the_file_stores_the_photo(tmp_path: Path, orientation: int) -> None:
    turned = _write(tmp_path, {"a": orientation}, {})
    assert np.array_equal(turned.lay_mask("a", UPRIGHT, "stored"), turn_back(UPRIGHT, orientation))
    assert turned.lay_mask("a", UPRIGHT, "upright") is UPRIGHT


def test_a_masks_size_is_read_from_its_header(tmp_path: Path) -> None:
    write_mask(tmp_path / "m.tiff", UPRIGHT)
    (tmp_path / "broken.tiff").write_text("no mask", encoding="utf-8")
    assert read_mask_size(tmp_path / "m.tiff") == (60, 40)
    assert read_mask_size(tmp_path / "broken.tiff") is None
