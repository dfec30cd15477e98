"""Every kind of photo file comes in as upright 8-bit RGB without metadata, or is refused with one clear
line."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from magic_demo.core.errors import PhotoError
from magic_demo.files.photos.reading import PhotoLimits, decode_photo, read_photo
from magic_demo.imaging.resize import resize_pixels


def _scene(height: int = 40, width: int = 60) -> Image.Image:
    """Return a picture whose four quarters have four colours, so that any turn shows."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2] = (200, 40, 40)
    pixels[: height // 2, width // 2 :] = (40, 200, 40)
    pixels[height // 2 :, : width // 2] = (40, 40, 200)
    pixels[height // 2 :, width // 2 :] = (200, 200, 40)
    return Image.fromarray(pixels)


def _encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
def test_lossless_photos_keep_their_pixels(kind: str) -> None:
    photo = decode_photo(_encoded(_scene(), kind), photo_id="a")
    assert np.array_equal(photo.pixels, np.asarray(_scene()))
    assert photo.pixels.dtype == np.uint8 and photo.pixels.flags.c_contiguous
    assert photo.size == (40, 60)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_lossy_photos_stay_near_their_pixels(kind: str) -> None:
    photo = decode_photo(_encoded(_scene(), kind, quality=95), photo_id="a")
    assert np.abs(photo.pixels.astype(int) - np.asarray(_scene()).astype(int)).mean() < 6


def _turned_jpeg(orientation: int) -> bytes:
    """Store the scene so that a viewer who obeys ``orientation`` sees it upright, with a GPS position beside
    it."""
    stored = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[2] = (48.0, 51.0, 30.0)
    return _encoded(_scene().transpose(stored[orientation]), "JPEG", quality=95, exif=exif)


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_exif_rotation_is_applied_and_the_position_is_dropped(orientation: int) -> None:
    photo = decode_photo(_turned_jpeg(orientation), photo_id="a")
    assert photo.size == (40, 60)
    assert np.abs(photo.pixels.astype(int) - np.asarray(_scene()).astype(int)).mean() < 6
    assert any("GPS" in note and "removed" in note for note in photo.notes)
    assert any("upright" in note for note in photo.notes)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_a_plain_photo_has_no_notes(kind: str) -> None:
    assert decode_photo(_encoded(_scene(), kind), photo_id="a").notes == ()


def test_cmyk_is_converted_and_said() -> None:
    photo = decode_photo(_encoded(_scene().convert("CMYK"), "JPEG", quality=95), photo_id="a")
    assert np.abs(photo.pixels.astype(int) - np.asarray(_scene()).astype(int)).mean() < 12
    assert any("CMYK" in note for note in photo.notes)


def test_palette_is_converted_and_said() -> None:
    photo = decode_photo(
        _encoded(_scene().convert("P", palette=Image.Palette.ADAPTIVE, colors=8), "PNG"), photo_id="a"
    )
    assert np.abs(photo.pixels.astype(int) - np.asarray(_scene()).astype(int)).mean() < 6
    assert any("palette" in note for note in photo.notes)


def test_transparency_is_laid_on_white() -> None:
    image = _scene().convert("RGBA")
    image.putalpha(0)
    photo = decode_photo(_encoded(image, "PNG"), photo_id="a")
    assert (photo.pixels == 255).all()
    assert any("white" in note for note in photo.notes)


def test_a_transparent_colour_is_said_once() -> None:
    photo = decode_photo(_encoded(_scene(), "PNG", transparency=_scene().getpixel((0, 0))), photo_id="a")
    assert photo.notes == ("transparency laid on white",) and (photo.pixels[0, 0] == 255).all()


def test_grey_becomes_three_equal_channels() -> None:
    photo = decode_photo(_encoded(_scene().convert("L"), "PNG"), photo_id="a")
    assert np.array_equal(photo.pixels[..., 0], photo.pixels[..., 2])
    assert np.array_equal(photo.pixels[..., 0], np.asarray(_scene().convert("L")))


@pytest.mark.parametrize("channels", [1, 3])
def test_16_bit_tiff_is_brought_to_8_bits(channels: int) -> None:
    values = np.asarray(_scene()).astype(np.uint16) * 257
    buffer = io.BytesIO()
    tifffile.imwrite(
        buffer,
        values if channels == 3 else values[:, :, 0],
        photometric="rgb" if channels == 3 else "minisblack",
    )
    photo = decode_photo(buffer.getvalue(), photo_id="a")
    expected = np.asarray(_scene()) if channels == 3 else np.repeat(np.asarray(_scene())[:, :, :1], 3, axis=2)
    assert np.array_equal(photo.pixels, expected)
    assert any("8 bits" in note for note in photo.notes)


def test_of_several_frames_the_first_is_used_and_said() -> None:
    frames = [_scene(), Image.new("RGB", (60, 40), (9, 9, 9))]
    photo = decode_photo(_encoded(frames[0], "TIFF", save_all=True, append_images=frames[1:]), photo_id="a")
    assert np.array_equal(photo.pixels, np.asarray(_scene()))
    assert any("2 frames" in note for note in photo.notes)


def _refusal(data: bytes, **options: Any) -> str:
    with pytest.raises(PhotoError) as caught:
        decode_photo(data, photo_id="a", name="a.jpg", **options)
    message = str(caught.value)
    assert "\n" not in message and message.startswith("a.jpg: ")
    return message


def test_a_text_file_named_jpg_is_refused() -> None:
    assert "not a photo" in _refusal(b"hello, this is text\n" * 20)


def test_an_empty_file_is_refused() -> None:
    assert "not a photo" in _refusal(b"")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_photo_cut_short_is_refused(kind: str) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (80, 80, 3), np.uint8))
    data = _encoded(noise, kind)
    assert "broken" in _refusal(data[: len(data) // 2]) or kind == "TIFF"


def test_a_1x1_photo_is_refused() -> None:
    assert "1x1" in _refusal(_encoded(Image.new("RGB", (1, 1)), "PNG"))


def test_a_100_megapixel_photo_is_refused_without_decoding_it() -> None:
    assert "100 megapixels" in _refusal(_encoded(Image.new("1", (10_000, 10_000)), "PNG"))


def test_a_file_of_too_many_bytes_is_refused() -> None:
    assert "limit" in _refusal(_encoded(_scene(), "BMP"), limits=PhotoLimits(max_bytes=100))


@pytest.mark.parametrize("brand", [b"heic", b"avif"])
def test_a_head_of_heic_or_avif_alone_is_refused(brand: bytes) -> None:
    assert "photo" in _refusal(b"\x00\x00\x00\x18ftyp" + brand + b"\x00\x00\x00\x00mif1heic" + bytes(100))


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(PhotoError, match=r"gone\.jpg: cannot be read"):
        read_photo(tmp_path / "gone.jpg")


def test_the_file_name_gives_the_id(tmp_path: Path) -> None:
    path = tmp_path / "IMG_ENC00001_00001.PNG"
    path.write_bytes(_encoded(_scene(), "PNG"))
    assert read_photo(path).photo_id == "IMG_ENC00001_00001"


def test_shrinking_averages_instead_of_picking_pixels() -> None:
    stripes = np.tile(np.array([0, 255], np.uint8), (64, 32))
    small = resize_pixels(np.repeat(stripes[:, :, None], 3, axis=2), (16, 16))
    assert small.shape == (16, 16, 3)
    assert np.abs(small.astype(int) - 127).max() <= 1
