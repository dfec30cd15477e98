"""A photo's colours are those that its profile means: they become sRGB before the profile is dropped, and that is said."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from magic_demo.photos import decode_photo, read_photo
from magic_demo.types import Photo

REPORTED = Path(__file__).parent / "reported"
with Image.open(REPORTED / "spot_display_p3.png") as _P3:
    DISPLAY_P3: bytes = _P3.info["icc_profile"]
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
SCENE = Image.fromarray(np.random.default_rng(3).integers(0, 256, (5, 7, 3), np.uint8)).resize((70, 50), Image.Resampling.BICUBIC)


def _difference(photo: Photo) -> Any:
    with Image.open(REPORTED / "spot_srgb_expected.png") as image:
        expected = np.asarray(image.convert("RGB")).astype(int)
    return np.abs(photo.pixels.astype(int) - expected)


@pytest.mark.parametrize("name", ["spot_display_p3.png", "spot_prophoto.png"])
def test_a_profile_is_applied_and_said(name: str) -> None:
    photo = read_photo(REPORTED / name)
    assert (_difference(photo) <= 2).mean() > 0.999  # eight bits of so wide a space are coarse
    assert "removed: colour profile" in photo.notes and any("colours converted" in note and "sRGB" in note for note in photo.notes)


def test_a_jpegs_profile_is_applied() -> None:
    photo = read_photo(REPORTED / "spot_display_p3.jpg")
    assert _difference(photo).mean() < 2 and any("colours converted" in note for note in photo.notes)


def _encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _meant(image: Image.Image, profile: bytes) -> Any:
    opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    meant = ImageCms.profileToProfile(image, opened, ImageCms.createProfile("sRGB"), ImageCms.Intent.RELATIVE_COLORIMETRIC, "RGB")
    assert meant is not None
    return np.asarray(meant).astype(int)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_kind_is_converted_and_turned_once(kind: str, orientation: int) -> None:
    turns = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # what undoes the turn that the orientation asks for
    turn = turns[orientation]
    stored = SCENE if turn is None else SCENE.transpose(Image.Transpose(turn))
    exif = Image.Exif()
    exif[0x0112] = orientation
    options: dict[str, Any] = {"lossless": True} if kind == "WEBP" else {}
    photo = decode_photo(_encoded(stored, kind, icc_profile=DISPLAY_P3, exif=exif, **options), photo_id="a")
    assert np.array_equal(photo.pixels, _meant(SCENE, DISPLAY_P3))
    assert sum("upright" in note for note in photo.notes) == (orientation != 1)


def test_transparency_is_laid_on_white_after_the_colours_are_converted() -> None:
    image = SCENE.copy()
    image.putalpha(Image.new("L", SCENE.size, 255))
    image.paste((0, 0, 0, 0), (0, 0, 20, 20))
    photo = decode_photo(_encoded(image, "PNG", icc_profile=DISPLAY_P3), photo_id="a")
    assert (photo.pixels[:20, :20] == 255).all()
    assert np.array_equal(photo.pixels[20:], _meant(SCENE, DISPLAY_P3)[20:])


def test_palette_and_16_bit_photos_have_their_profile_applied_too() -> None:
    palette = SCENE.quantize(16)
    photo = decode_photo(_encoded(palette, "PNG", icc_profile=DISPLAY_P3), photo_id="a")
    assert np.array_equal(photo.pixels, _meant(palette.convert("RGB"), DISPLAY_P3))


def _cmyk_profile() -> bytes:
    """Return a profile of four inks: a table of 2 by 2 by 2 by 2 inks to Lab, as lcms reads it (ICC.1, lut8Type)."""
    table = bytearray()
    for cyan in (0, 1):
        for magenta in (0, 1):
            for yellow in (0, 1):
                for black in (0, 1):
                    light = 255 * (1 - 0.25 * (cyan + magenta) - 0.1 * yellow) * (1 - 0.9 * black)
                    table += bytes([int(light), 128 + 40 * (magenta - cyan), 128 + 40 * (yellow - cyan)])
    identity = bytes(range(256))
    matrix = b"".join(int(one * 65536).to_bytes(4, "big") for one in (1, 0, 0, 0, 1, 0, 0, 0, 1))
    lut = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + matrix + identity * 4 + bytes(table) + identity * 3
    lut += bytes(-len(lut) % 4)
    white = b"XYZ " + bytes(4) + b"".join(int(one * 65536).to_bytes(4, "big") for one in (0.9642, 1.0, 0.8249))
    words = b"desc" + bytes(4) + (5).to_bytes(4, "big") + b"inks\0" + bytes(78)
    words += bytes(-len(words) % 4)
    tags, content, place = b"", b"", 128 + 4 + 12 * 3
    for name, body in ((b"A2B0", lut), (b"wtpt", white), (b"desc", words)):
        tags += name + place.to_bytes(4, "big") + len(body).to_bytes(4, "big")
        content += body
        place += len(body)
    head = bytearray(128)
    head[0:4], head[8:12], head[12:24] = place.to_bytes(4, "big"), b"\x02\x10\0\0", b"prtrCMYKLab "
    head[36:40], head[68:80] = b"acsp", white[8:20]
    return bytes(head) + (3).to_bytes(4, "big") + tags + content


@pytest.mark.parametrize("kind", ["TIFF", "JPEG"])
def test_inks_are_converted_as_their_profile_says(kind: str) -> None:
    inks, profile = SCENE.convert("CMYK"), _cmyk_profile()
    photo = decode_photo(_encoded(inks, kind, icc_profile=profile, **({"quality": 100} if kind == "JPEG" else {})), photo_id="a")
    meant = _meant(inks, profile)
    assert np.abs(photo.pixels - meant).mean() < 3 < np.abs(np.asarray(inks.convert("RGB")).astype(int) - meant).mean()
    assert any("CMYK" in note for note in photo.notes) and any("colours converted" in note for note in photo.notes)


@pytest.mark.parametrize("profile", [b"no profile at all" * 20, DISPLAY_P3[:200], DISPLAY_P3[:128] + bytes(300), bytes(5)])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_a_broken_profile_costs_a_note_and_not_the_photo(kind: str, profile: bytes) -> None:
    options: dict[str, Any] = {"lossless": True} if kind == "WEBP" else {"quality": 95} if kind == "JPEG" else {}
    photo = decode_photo(_encoded(SCENE, kind, icc_profile=profile, **options), photo_id="a")
    assert "its colour profile cannot be read; the colours are taken as sRGB" in photo.notes
    plain = decode_photo(_encoded(SCENE, kind, **options), photo_id="a")
    assert np.array_equal(photo.pixels, plain.pixels)


def test_a_profile_of_other_colours_is_not_applied_and_said() -> None:
    photo = decode_photo(_encoded(SCENE.convert("L"), "PNG", icc_profile=DISPLAY_P3), photo_id="a")
    assert any("not applied" in note for note in photo.notes)


def test_srgb_says_nothing_but_that_the_profile_is_gone() -> None:
    photo = decode_photo(_encoded(SCENE, "PNG", icc_profile=SRGB), photo_id="a")
    assert photo.notes == ("removed: colour profile",) and np.array_equal(photo.pixels, np.asarray(SCENE))


def test_no_text_of_a_profile_is_repeated() -> None:
    start = DISPLAY_P3.find(b"uP3")
    named = DISPLAY_P3.replace(b"uP3", b"Li!") if start >= 0 else DISPLAY_P3.replace("uP3".encode("utf-16-be"), "Li!".encode("utf-16-be"))
    assert named != DISPLAY_P3
    photo = decode_photo(_encoded(SCENE, "PNG", icc_profile=named), photo_id="a")
    assert any("colours converted" in note for note in photo.notes) and "Li!" not in repr(photo.notes)
