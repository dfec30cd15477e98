"""JPEG, HEIC, AVIF and pictures of several frames: their right pixels, or one line that says what it is."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from magic_demo.files.photos.reading import decode_photo, read_photo
from tests.support.hostile.hostile_photos import many_scans
from tests.support.reported_photos import REPORTED, SMALL, refusal


def test_a_header_of_exif_that_is_broken_refuses_no_photo() -> None:
    photo = read_photo(REPORTED / "exif_bad_header.jpg")
    assert photo.size == (240, 320) and photo.notes == (
        "removed: EXIF metadata",
        "its EXIF data cannot be read",
    )


def test_an_orientation_that_is_none_turns_nothing_and_says_nothing() -> None:
    photo = read_photo(REPORTED / "orientation_9.jpg")
    assert photo.size == (240, 320) and not any("upright" in note for note in photo.notes)


def test_an_orientation_as_a_byte_counts() -> None:
    upright, turned = (
        read_photo(REPORTED / "orientation_9.jpg"),
        read_photo(REPORTED / "orientation_6_as_byte.jpg"),
    )
    assert turned.size == (240, 320) and "turned upright as its EXIF data says" in turned.notes
    assert np.abs(turned.pixels.astype(int) - upright.pixels).mean() < 3


def test_the_source_of_an_orientation_is_named() -> None:
    photo = read_photo(REPORTED / "xmp_orientation_only.jpg")
    assert photo.notes == (
        "removed: XMP metadata",
        "turned upright as its XMP metadata says",
    ) and photo.size == (160, 120)


def test_a_jpeg_without_its_last_bytes_is_read_and_said() -> None:
    photo = read_photo(REPORTED / "jpeg_last_3_bytes_missing.jpg")
    with Image.open(REPORTED / "spot_srgb_expected.png") as whole:
        assert np.abs(photo.pixels.astype(int) - np.asarray(whole.convert("RGB"))).mean() < 3
    assert photo.notes == ("cut short at its end; the last pixels may be grey",)


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_without_its_lower_part_is_refused(progressive: bool) -> None:
    buffer = io.BytesIO()
    Image.fromarray(SMALL).save(buffer, "JPEG", quality=90, progressive=progressive)
    data = buffer.getvalue()
    assert "broken or cut short" in refusal(data[: len(data) * (3 if progressive else 6) // 10])
    assert "cut short at its end" in repr(decode_photo(data[:-3], photo_id="a").notes)


def test_a_phone_photo_with_a_gain_map_is_its_base_image() -> None:
    photo = read_photo(REPORTED / "mpo_gain_map.jpg")
    with Image.open(REPORTED / "mpo_gain_map.jpg", formats=("JPEG",)) as base:
        assert np.array_equal(photo.pixels, np.asarray(base.convert("RGB")))
    assert "the first of 2 frames is used" in photo.notes


def test_scans_are_bounded_by_the_pixels_that_they_go_over() -> None:
    assert "scans" in refusal(many_scans(100, 8000))
    assert decode_photo(many_scans(100, 64), photo_id="a").size == (64, 64)


HEIC = Path(__file__).resolve().parents[2] / "data" / "heic"
"""Made once from the reported spot, 80x60, by pillow-heif, whose encoder is not among what the program
needs."""


def _spot() -> Any:
    with Image.open(REPORTED / "spot_srgb_expected.png") as image:
        return np.asarray(image.convert("RGB").resize((80, 60), Image.Resampling.LANCZOS)).astype(int)


@pytest.mark.parametrize("name", ["p3.heic", "turned.heic"])
def test_heic_is_turned_once_and_its_profile_applied(name: str) -> None:
    photo = read_photo(HEIC / name)
    assert photo.size == (60, 80) and np.abs(photo.pixels - _spot()).mean() < 4
    assert any("colours converted" in note for note in photo.notes)
    assert any("upright" in note for note in photo.notes) == (name == "turned.heic")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("alpha.heic", "transparency laid on white"),
        ("first.heic", "the first of 2 frames is used"),
        ("deep.heic", ""),
    ],
)
def test_other_heic_photos_are_read_and_what_is_done_is_said(name: str, says: str) -> None:
    photo = read_photo(HEIC / name)
    assert photo.size == (60, 80) and (not says or says in photo.notes)


def test_the_header_of_a_heic_photo_counts_and_its_exif_is_said() -> None:
    photo = read_photo(HEIC / "exif_only.heic")
    assert photo.size == (80, 60) and any(note.startswith("not turned") for note in photo.notes)


@pytest.mark.parametrize("cut", [3, 40, 400, 1500])
def test_heic_that_is_cut_short_is_refused(cut: int) -> None:
    assert "photo" in refusal((HEIC / "p3.heic").read_bytes()[:-cut])


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_avif_is_turned_once_and_its_profile_applied(orientation: int) -> None:
    turns = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
    with Image.open(REPORTED / "spot_display_p3.png") as image:
        small, profile = (
            image.convert("RGB").resize((80, 60), Image.Resampling.LANCZOS),
            image.info["icc_profile"],
        )
    exif, buffer = Image.Exif(), io.BytesIO()
    exif[0x0112] = orientation
    stored = small.transpose(turns[orientation]) if orientation in turns else small
    stored.save(buffer, "AVIF", quality=90, speed=9, exif=exif, icc_profile=profile)
    photo = decode_photo(buffer.getvalue(), photo_id="a")
    assert photo.size == (60, 80) and np.abs(photo.pixels - _spot()).mean() < 4
    assert [note for note in photo.notes if "upright" in note] == [
        "turned upright as its AVIF header says"
    ] * (orientation != 1)


@pytest.mark.parametrize(("ending", "kind"), [(".jfif", "JPEG"), (".jpe", "JPEG"), (".gif", "GIF")])
def test_endings_are_what_the_content_says(tmp_path: Path, ending: str, kind: str) -> None:
    path = tmp_path / f"a{ending}"
    Image.fromarray(SMALL).save(path, kind)
    assert read_photo(path).size == (120, 160)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_of_thousands_of_frames_the_first_alone_is_unpacked(kind: str) -> None:
    stream = io.BytesIO()
    frames = [Image.new("L", (40, 40), number % 251) for number in range(2000)]
    frames[0].save(stream, kind, save_all=True, append_images=frames[1:])
    photo = decode_photo(stream.getvalue(), photo_id="x", name="x")
    assert photo.size == (40, 40) and not photo.pixels.any()
    assert any("the first of" in note for note in photo.notes)
