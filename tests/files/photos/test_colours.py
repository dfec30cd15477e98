"""A photo's colours are those that its profile means: they become sRGB before the profile is dropped, and
that is said."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from magic_demo.core.types import Photo
from magic_demo.files.photos.reading import decode_photo, read_photo

REPORTED = Path(__file__).resolve().parents[2] / "data" / "reported"
with Image.open(REPORTED / "spot_display_p3.png") as _P3:
    DISPLAY_P3: bytes = _P3.info["icc_profile"]
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
SCENE = Image.fromarray(np.random.default_rng(3).integers(0, 256, (5, 7, 3), np.uint8)).resize(
    (70, 50), Image.Resampling.BICUBIC
)


def _difference(photo: Photo) -> Any:
    with Image.open(REPORTED / "spot_srgb_expected.png") as image:
        expected = np.asarray(image.convert("RGB")).astype(int)
    return np.abs(photo.pixels.astype(int) - expected)


@pytest.mark.parametrize("name", ["spot_display_p3.png", "spot_prophoto.png"])
def test_a_profile_is_applied_and_said(name: str) -> None:
    photo = read_photo(REPORTED / name)
    assert (_difference(photo) <= 2).mean() > 0.999  # eight bits of so wide a space are coarse
    assert "removed: colour profile" in photo.notes and any(
        "colours converted" in note and "sRGB" in note for note in photo.notes
    )


def test_a_jpegs_profile_is_applied() -> None:
    photo = read_photo(REPORTED / "spot_display_p3.jpg")
    assert _difference(photo).mean() < 2 and any("colours converted" in note for note in photo.notes)


def _encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _meant(image: Image.Image, profile: bytes) -> Any:
    opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    meant = ImageCms.profileToProfile(
        image, opened, ImageCms.createProfile("sRGB"), ImageCms.Intent.RELATIVE_COLORIMETRIC, "RGB"
    )
    assert meant is not None
    return np.asarray(meant).astype(int)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_kind_is_converted_and_turned_once(kind: str, orientation: int) -> None:
    # what undoes the turn that the orientation asks for
    turns = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
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
    """Return a profile of four inks: a table of 2 by 2 by 2 by 2 inks to Lab, as lcms reads it (ICC.1,
    lut8Type)."""
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
    white = (
        b"XYZ " + bytes(4) + b"".join(int(one * 65536).to_bytes(4, "big") for one in (0.9642, 1.0, 0.8249))
    )
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
    photo = decode_photo(
        _encoded(inks, kind, icc_profile=profile, **({"quality": 100} if kind == "JPEG" else {})),
        photo_id="a",
    )
    meant = _meant(inks, profile)
    assert (
        np.abs(photo.pixels - meant).mean()
        < 3
        < np.abs(np.asarray(inks.convert("RGB")).astype(int) - meant).mean()
    )
    assert any("CMYK" in note for note in photo.notes) and any(
        "colours converted" in note for note in photo.notes
    )


@pytest.mark.parametrize(
    "profile", [b"no profile at all" * 20, DISPLAY_P3[:200], DISPLAY_P3[:128] + bytes(300), bytes(5)]
)
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_a_broken_profile_costs_a_note_and_not_the_photo(kind: str, profile: bytes) -> None:
    options: dict[str, Any] = (
        {"lossless": True} if kind == "WEBP" else {"quality": 95} if kind == "JPEG" else {}
    )
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
    named = (
        DISPLAY_P3.replace(b"uP3", b"Li!")
        if start >= 0
        else DISPLAY_P3.replace("uP3".encode("utf-16-be"), "Li!".encode("utf-16-be"))
    )
    assert named != DISPLAY_P3
    photo = decode_photo(_encoded(SCENE, "PNG", icc_profile=named), photo_id="a")
    assert any("colours converted" in note for note in photo.notes) and "Li!" not in repr(photo.notes)


def _coded(data: bytes, primaries: int, transfer: int = 13) -> bytes:
    """Return a HEIC or AVIF photo whose nclx box holds other codes."""
    place = data.index(b"colrnclx") + 8
    return data[:place] + struct.pack(">HH", primaries, transfer) + data[place + 4 :]


def _chunked(image: Image.Image, *chunks: tuple[bytes, bytes]) -> bytes:
    """Return a PNG with chunks before its pixels."""
    data = _encoded(image, "PNG")
    added = b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
    return data[:33] + added + data[33:]


NAMES = {12: "Display P3", 9: "BT.2020", 11: "DCI-P3", 5: "BT.601", 6: "BT.601"}
AVIF = _encoded(SCENE, "AVIF", quality=90)
HEIC = (Path(__file__).resolve().parents[2] / "data" / "heic" / "deep.heic").read_bytes()
P3_POINTS = (0.3127, 0.3290, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060)
"""White, red, green, blue, as cHRM has them."""


def _points(*numbers: float) -> bytes:
    return b"".join(struct.pack(">I", round(number * 100_000)) for number in numbers)


@pytest.mark.parametrize("data", [AVIF, HEIC], ids=["AVIF", "HEIC"])
def test_display_p3_told_by_numbers_is_what_its_profile_is(data: bytes) -> None:
    stored = decode_photo(data, photo_id="a")
    photo = decode_photo(_coded(data, 12), photo_id="a")
    meant = _meant(Image.fromarray(stored.pixels), DISPLAY_P3)
    assert (
        np.abs(photo.pixels.astype(int) - meant).max() <= 1 < np.abs(stored.pixels.astype(int) - meant).max()
    )
    assert set(photo.notes) - set(stored.notes) == {"colours converted from Display P3 to sRGB"}


@pytest.mark.parametrize("primaries", NAMES)
@pytest.mark.parametrize("kind", ["AVIF", "HEIC", "PNG"])
def test_primaries_that_are_not_srgbs_are_converted_and_named(kind: str, primaries: int) -> None:
    if kind == "PNG":
        plain, data = _encoded(SCENE, "PNG"), _chunked(SCENE, (b"cICP", bytes([primaries, 13, 0, 1])))
    else:
        plain = {"AVIF": AVIF, "HEIC": HEIC}[kind]
        data = _coded(plain, primaries)
    photo, stored = decode_photo(data, photo_id="a"), decode_photo(plain, photo_id="a")
    assert not np.array_equal(photo.pixels, stored.pixels)
    assert f"colours converted from {NAMES[primaries]} to sRGB" in photo.notes


def test_wide_colours_become_brighter_ones_and_white_stays_white() -> None:
    image = Image.new("RGB", (32, 32), (255, 255, 255))
    image.paste((200, 100, 100), (0, 0, 16, 32))
    for primaries in (9, 11, 12):
        pixels = decode_photo(_chunked(image, (b"cICP", bytes([primaries, 13, 0, 1]))), photo_id="a").pixels
        assert (pixels[:, 16:] >= 254).all()
        red, green, _ = pixels[0, 0].tolist()
        assert red > 200 and green < 100, "the same numbers mean a stronger red in a wide space"


@pytest.mark.parametrize("transfer", [1, 2, 6, 13, 14, 15])
@pytest.mark.parametrize("primaries", [1, 2])
def test_srgb_told_by_numbers_is_let_be(primaries: int, transfer: int) -> None:
    for plain, data in (
        (AVIF, _coded(AVIF, primaries, transfer)),
        (HEIC, _coded(HEIC, primaries, transfer)),
        (_encoded(SCENE, "PNG"), _chunked(SCENE, (b"cICP", bytes([primaries, transfer, 0, 1])))),
    ):
        stored, photo = decode_photo(plain, photo_id="a"), decode_photo(data, photo_id="a")
        assert np.array_equal(photo.pixels, stored.pixels) and photo.notes == stored.notes


@pytest.mark.parametrize(
    ("codes", "says"),
    [
        ((9, 16), "high dynamic range"),
        ((9, 18), "high dynamic range"),
        ((77, 13), "not known"),
        ((12, 99), "not known"),
    ],
)
def test_numbers_that_cannot_be_converted_are_said(codes: tuple[int, int], says: str) -> None:
    for plain, data in (
        (AVIF, _coded(AVIF, *codes)),
        # its library refuses codes that H.273 does not have
        (HEIC, _coded(HEIC, *(codes if codes in ((9, 16), (9, 18)) else (22, 13)))),
        (_encoded(SCENE, "PNG"), _chunked(SCENE, (b"cICP", bytes([*codes, 0, 1])))),
    ):
        photo = decode_photo(data, photo_id="a")
        assert np.array_equal(photo.pixels, decode_photo(plain, photo_id="a").pixels)
        assert any(says in note and "taken as sRGB" in note for note in photo.notes)


def test_which_counts_where_a_png_tells_its_colours_more_than_once() -> None:
    icc = b"P\0\0" + zlib.compress(DISPLAY_P3)
    chrm_gama = ((b"gAMA", struct.pack(">I", 100_000)), (b"cHRM", _points(*P3_POINTS)))
    for chunks, says in (
        (((b"cICP", bytes([9, 13, 0, 1])), (b"iCCP", icc)), "BT.2020"),  # cICP before all
        (((b"cICP", bytes([9, 16, 0, 1])), (b"iCCP", icc)), "its colour profile"),  # unless it cannot be used
        (((b"iCCP", icc), *chrm_gama), "its colour profile"),
        (((b"sRGB", b"\0"), *chrm_gama), ""),
        (((b"cICP", bytes([1, 13, 0, 1])), (b"iCCP", icc)), ""),
    ):
        converted = [
            note for note in decode_photo(_chunked(SCENE, *chunks), photo_id="a").notes if "converted" in note
        ]
        assert len(converted) == bool(says) and all(says in note for note in converted)


def test_a_profile_counts_more_than_the_numbers_of_an_avif() -> None:
    data = _coded(_encoded(SCENE, "AVIF", quality=90, icc_profile=SRGB), 12)
    assert not any("converted" in note for note in decode_photo(data, photo_id="a").notes)


def test_a_pngs_gamma_and_primaries_are_applied() -> None:
    usual = struct.pack(">I", 45_455)
    photo = decode_photo(_chunked(SCENE, (b"gAMA", usual), (b"cHRM", _points(*P3_POINTS))), photo_id="a")
    assert np.abs(photo.pixels.astype(int) - _meant(SCENE, DISPLAY_P3)).max() <= 1
    assert photo.notes == ("colours converted from primaries of its own to sRGB",)
    plain = decode_photo(
        _chunked(
            SCENE, (b"gAMA", usual), (b"cHRM", _points(0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06))
        ),
        photo_id="a",
    )
    assert np.array_equal(plain.pixels, np.asarray(SCENE)) and plain.notes == ()


@pytest.mark.parametrize("mode", ["RGB", "L", "I;16"])
def test_linear_light_becomes_srgbs_curve(mode: str) -> None:
    grey = np.full((20, 20), 55, np.uint8)  # 0.2157 of the light, which sRGB writes as 128
    image = (
        Image.fromarray(grey.astype(np.uint16) * 257)
        if mode == "I;16"
        else Image.fromarray(grey).convert(mode)
    )
    photo = decode_photo(_chunked(image, (b"gAMA", struct.pack(">I", 100_000))), photo_id="a")
    assert (
        np.abs(photo.pixels.astype(int) - 128).max() <= 1
        and "colours converted from gamma 1 to sRGB" in photo.notes
    )


@pytest.mark.parametrize(
    "points", [(0,) * 8, (1,) * 8, (0.3, 0.3) * 4, (0.3, 0, 0.6, 0.3, 0.3, 0.6, 0.1, 0.1), (20_000,) * 8]
)
@pytest.mark.parametrize("gamma", [0, 1, 45_455, 2**31 - 1, 2**32 - 1])
def test_absurd_numbers_cost_a_note_at_most(points: tuple[float, ...], gamma: int) -> None:
    photo = decode_photo(
        _chunked(SCENE, (b"gAMA", struct.pack(">I", gamma)), (b"cHRM", _points(*points))), photo_id="a"
    )
    assert np.array_equal(photo.pixels, np.asarray(SCENE)), photo.notes
    assert set(photo.notes) <= {"its colours are told by numbers that are not known; they are taken as sRGB"}
