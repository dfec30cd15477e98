"""A mask of any kind comes out as what it shows, and says what was put right; one that could be two masks is
an error that names the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps

from magic_demo.core.errors import FormatError
from magic_demo.core.types import Mask
from magic_demo.files.masks.mask_files import read_loose_mask, read_loose_packed
from magic_demo.imaging.packed_masks import pack_mask
from tests.files.masks.test_mask_files import MASK

REPORTED = Path(__file__).resolve().parents[2] / "data" / "reported"
WIDE = np.zeros((40, 60), np.bool_)
WIDE[5:20, 8:30] = True


def _shown(name: str) -> Mask:
    return np.asarray(np.asarray(Image.open(REPORTED / name).convert("RGB")).max(axis=-1) > 0)


@pytest.mark.parametrize("name", ["mask_0_1.png", "mask_palette_dark_red.png", "mask_0_255_expected.png"])
def test_reported_masks_of_pairs_are_all_the_expected_one(name: str) -> None:
    assert np.array_equal(read_loose_mask(REPORTED / name).mask, _shown("mask_0_255_expected.png"))


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("mask_labels_1_2_3.tiff", "labels up to 3"),
        ("mask_in_alpha_white_rgb.tiff", "transparency"),
        ("mask_orientation_3.tiff", "turned"),
    ],
)
def test_reported_masks_in_tiff_are_right_and_say_what_was_done(name: str, says: str) -> None:
    loose = read_loose_mask(REPORTED / name)
    expected = _shown(name) if "alpha" not in name else np.asarray(Image.open(REPORTED / name))[..., 3] > 0
    assert np.array_equal(loose.mask, expected)  # Pillow turns a TIFF by itself
    assert says in "; ".join(loose.repairs)
    packed = read_loose_packed(REPORTED / name)
    assert np.array_equal(packed.mask.bits, pack_mask(loose.mask).bits) and packed.repairs == loose.repairs


def test_one_bit_whose_zero_is_white_could_be_two_masks_and_is_said_in_scoring(tmp_path: Path) -> None:
    path = REPORTED / "mask_1bit_white_is_zero.tiff"
    with pytest.raises(FormatError, match=r"mask_1bit_white_is_zero\.tiff: one bit with zero as white"):
        read_loose_mask(path)
    packed = read_loose_packed(path)  # by its numbers, as the organisers' script reads it
    assert (
        np.array_equal(packed.mask.bits, pack_mask(tifffile.imread(path)).bits)
        and "zero as white" in packed.repairs[0]
    )
    tifffile.imwrite(tmp_path / "own.tiff", WIDE)  # how tifffile writes every bool mask: zero as white
    assert read_loose_mask(tmp_path / "own.tiff").repairs == () and np.array_equal(
        read_loose_mask(tmp_path / "own.tiff").mask, WIDE
    )


def test_bytes_whose_zero_is_white_are_turned_round(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "m.tiff", np.where(WIDE, 0, 255).astype(np.uint8), photometric="miniswhite")
    assert np.array_equal(read_loose_mask(tmp_path / "m.tiff").mask, WIDE)


def _save(path: Path, values: Any, mode: str | None = None, **options: Any) -> Path:
    (Image.fromarray(values) if mode is None else Image.fromarray(values).convert(mode)).save(path, **options)
    return path


BYTES = WIDE.astype(np.uint8)
BLACK = np.zeros((*WIDE.shape, 3), np.uint8)
RED = np.where(WIDE[..., None], np.array([200, 10, 10], np.uint8), np.uint8(0)).astype(np.uint8)
KINDS: dict[str, Any] = {
    "0 and 1": BYTES,
    "0 and 255": BYTES * 255,
    "bits": WIDE,
    "16 bits": BYTES.astype(np.uint16) * 65535,
    "16-bit labels": BYTES.astype(np.uint16) * 7,
    "red on black": RED,
    "white in three channels": np.dstack([BYTES * 255] * 3),
    "opaque": np.dstack([BYTES * 255] * 3 + [np.full_like(BYTES, 255)]),
    "black, seen where opaque": np.dstack([BLACK, BYTES * 255]),
    "red, seen where opaque": np.dstack([RED, BYTES * 255]),
    "grey with transparency": np.dstack([np.full_like(BYTES, 255), BYTES * 255]),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ending", ["png", "tiff"])
def test_every_kind_of_pixels_is_the_same_mask(tmp_path: Path, kind: str, ending: str) -> None:
    assert np.array_equal(read_loose_mask(_save(tmp_path / f"m.{ending}", KINDS[kind])).mask, WIDE)


@pytest.mark.parametrize("ending", ["png", "gif", "bmp", "tiff"])
@pytest.mark.parametrize(
    "palette", [[0, 0, 0, 128, 0, 0], [255, 255, 255, 0, 0, 0]], ids=["dark red", "white first"]
)
def test_of_a_palette_the_colours_count_and_not_their_order(
    tmp_path: Path, ending: str, palette: list[int]
) -> None:
    image = Image.fromarray(BYTES if palette[0] == 0 else 1 - BYTES, "P")
    image.putpalette(palette)
    image.save(tmp_path / f"m.{ending}")
    assert np.array_equal(read_loose_mask(tmp_path / f"m.{ending}").mask, WIDE)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("ending", ["png", "tiff"])
def test_an_orientation_turns_the_mask_as_it_turns_a_photo(
    tmp_path: Path, orientation: int, ending: str
) -> None:
    image = Image.fromarray(BYTES * 255)
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(tmp_path / f"m.{ending}", exif=exif)
    turned = Image.fromarray(BYTES * 255)
    turned.getexif()[0x0112] = orientation
    upright = np.asarray(ImageOps.exif_transpose(turned)) > 0
    assert np.array_equal(read_loose_mask(tmp_path / f"m.{ending}").mask, upright)
    if orientation > 4:
        assert upright.shape == WIDE.shape[::-1]


def test_smoothed_edges_and_jpeg_noise_are_no_labels(tmp_path: Path) -> None:
    soft = _save(
        tmp_path / "soft.png",
        np.asarray(Image.fromarray(BYTES * 255).resize((240, 160), Image.Resampling.BILINEAR)),
    )
    noisy = _save(tmp_path / "noisy.jpg", BYTES * 255, quality=60)
    assert abs(read_loose_mask(soft).mask.mean() - WIDE.mean()) < 0.01
    assert (read_loose_mask(noisy).mask != WIDE).mean() < 0.01


HALF = np.where(WIDE, 255, 0).astype(np.uint8)
HALF[5:20, 8:18] = 128
AMBIGUOUS: dict[str, Any] = {
    "128 and 255": HALF,
    "labels without 0": BYTES + 1,
    "colours without black": RED + np.uint8(20),
    "colour and transparency that differ": np.dstack([RED, np.flipud(BYTES * 255)]),
    "photo": np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8),
}


@pytest.mark.parametrize("kind", AMBIGUOUS)
def test_what_could_be_two_masks_is_an_error_that_names_the_file(tmp_path: Path, kind: str) -> None:
    with pytest.raises(FormatError, match=r"odd\.png"):
        read_loose_mask(_save(tmp_path / "odd.png", AMBIGUOUS[kind]))


def test_a_page_too_many_is_an_error(tmp_path: Path) -> None:
    frame = Image.fromarray(MASK.astype(np.uint8))
    frame.save(tmp_path / "two.tiff", save_all=True, append_images=[frame])
    with pytest.raises(FormatError, match=r"two\.tiff"):
        read_loose_mask(tmp_path / "two.tiff")
