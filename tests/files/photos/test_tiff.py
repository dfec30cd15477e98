"""TIFFs of every kind have their right pixels, or one line says what is not read; a bomb is never unpacked."""

from __future__ import annotations

import io
import lzma
import struct
import zlib
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from magic_demo.files.photos.formats.tiff_pages import MOST_PAGES, read_layout
from magic_demo.files.photos.reading import decode_photo
from tests.support.reported_photos import REPORTED, SMALL, refusal

GREY = SMALL[..., 1]
HALF = np.ascontiguousarray(SMALL[::2, ::2])


def _tiff(values: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    big, order = options.pop("bigtiff", False), options.pop("byteorder", "<")
    with tifffile.TiffWriter(buffer, bigtiff=big, byteorder=order) as writer:
        writer.write(values, metadata=None, **options)
    return buffer.getvalue()


def _deep(values: Any, kind: Any = np.uint16, factor: float = 257) -> Any:
    return (values.astype(np.float64) * factor).astype(kind)


ORIENTED = [(274, "H", 1, 6, True)]
TURNED = np.ascontiguousarray(np.rot90(HALF))
KINDS: dict[str, tuple[bytes, Any]] = {
    "planar 16 bits": (_tiff(_deep(np.moveaxis(SMALL, -1, 0)), photometric="rgb", planarconfig="separate"), SMALL),
    "planar 16 bits, deflate": (_tiff(_deep(np.moveaxis(SMALL, -1, 0)), photometric="rgb", planarconfig="separate", compression="zlib", predictor=True), SMALL),
    "planar 8 bits": (_tiff(np.moveaxis(SMALL, -1, 0), photometric="rgb", planarconfig="separate"), SMALL),
    "16 bits in tiles": (_tiff(_deep(SMALL), photometric="rgb", tile=(64, 64)), SMALL),
    "16 bits, deflate": (_tiff(_deep(SMALL), photometric="rgb", compression="zlib", predictor=True), SMALL),
    "32 bits, on its side": (_tiff(_deep(TURNED, np.uint32, (2**32 - 1) / 255), photometric="rgb", extratags=ORIENTED), HALF),
    "floats, on its side": (_tiff(_deep(TURNED, np.float32, 1 / 255), photometric="rgb", extratags=ORIENTED), HALF),
    "floats a little over 1": (_tiff(np.where(HALF > 240, np.float32(1.02), HALF.astype(np.float32) / 255), photometric="rgb"), np.where(HALF > 240, 255, HALF)),
    "floats of 0 to 255": (_tiff(HALF.astype(np.float32), photometric="rgb"), HALF),
    "12 bits in 16": (_tiff(_deep(GREY, np.uint16, 4095 / 255), photometric="minisblack"), GREY),
    "16 bits, white is 0": (_tiff(65535 - _deep(GREY), photometric="miniswhite"), GREY),
    "8 bits, white is 0": (_tiff(255 - GREY, photometric="miniswhite"), GREY),
    "white is 0, on its side": (_tiff(65535 - _deep(np.ascontiguousarray(np.rot90(GREY))), photometric="miniswhite", extratags=ORIENTED), GREY),
    "BigTIFF": (_tiff(SMALL, photometric="rgb", bigtiff=True), SMALL),
    "BigTIFF, big end first": (_tiff(SMALL, photometric="rgb", bigtiff=True, byteorder=">"), SMALL),
    "grey BigTIFF, big end first": (_tiff(GREY, photometric="minisblack", bigtiff=True, byteorder=">"), GREY),
    "16 bits, big end first": (_tiff(_deep(SMALL), photometric="rgb", byteorder=">"), SMALL),
    "YCbCr": (_tiff(np.asarray(Image.fromarray(SMALL).convert("YCbCr")), photometric="ycbcr", subsampling=(1, 1)), SMALL),
    "16 bits and alpha": (_tiff(np.dstack([_deep(SMALL), np.full(GREY.shape, 65535, np.uint16)]), photometric="rgb", extrasamples=["unassalpha"]), SMALL),
    "camera preview before the picture": ((REPORTED / "dng_like_preview_in_ifd0.dng").read_bytes(), SMALL),
}  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_a_tiff_of_any_kind_has_its_right_pixels(name: str) -> None:
    data, expected = KINDS[name]
    pixels = decode_photo(data, photo_id="a").pixels
    whole = expected if expected.ndim == 3 else np.repeat(expected[..., None], 3, axis=2)
    assert pixels.shape == whole.shape
    assert np.abs(pixels.astype(int) - whole).max() <= (3 if name == "YCbCr" else 1)


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"])
def test_packed_tiffs_are_read(compression: str) -> None:
    buffer = io.BytesIO()
    Image.fromarray(SMALL).save(buffer, "TIFF", compression=compression)
    assert np.abs(decode_photo(buffer.getvalue(), photo_id="a").pixels.astype(int) - SMALL).mean() < 4


def test_cielab_has_its_right_colours() -> None:
    from PIL import ImageCms

    lab = ImageCms.profileToProfile(
        Image.fromarray(SMALL),
        ImageCms.createProfile("sRGB"),
        ImageCms.createProfile("LAB"),
        outputMode="LAB",
    )
    assert lab is not None
    buffer = io.BytesIO()
    lab.save(buffer, "TIFF")
    assert np.abs(decode_photo(buffer.getvalue(), photo_id="a").pixels.astype(int) - SMALL).mean() < 3


def _lab_of_16_bits(**options: Any) -> bytes:
    """Return SMALL in 16-bit CIELab: lightness of 0 to 65535, a and b signed, in 256ths."""
    from PIL import ImageCms

    lab = ImageCms.profileToProfile(
        Image.fromarray(SMALL),
        ImageCms.createProfile("sRGB"),
        ImageCms.createProfile("LAB"),
        outputMode="LAB",
    )
    assert lab is not None
    signed = np.frombuffer(lab.tobytes(), np.uint8).reshape(SMALL.shape)
    deep = np.dstack(
        [
            signed[..., 0].astype(np.uint16) * 257,
            (signed[..., 1:].view(np.int8).astype(np.int16) * 256).view(np.uint16),
        ]
    )
    return _tiff(deep, photometric="cielab", **options)


INKS: Any = np.asarray(Image.fromarray(SMALL).convert("CMYK"))


@pytest.mark.parametrize(
    "options", [{}, {"compression": "zlib"}, {"byteorder": ">"}, {"bigtiff": True, "byteorder": ">"}], ids=str
)
def test_cielab_of_16_bits_has_its_right_colours(options: dict[str, Any]) -> None:
    photo = decode_photo(_lab_of_16_bits(**options), photo_id="a")
    assert (
        np.abs(photo.pixels.astype(int) - SMALL).mean() < 3
        and "16-bit colours brought to 8 bits" in photo.notes
    )


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compression": "zlib", "predictor": True},
        {"byteorder": ">"},
        {"bigtiff": True, "byteorder": ">"},
        {"planarconfig": "separate"},
    ],
    ids=str,
)
def test_inks_of_16_bits_have_their_right_colours(options: dict[str, Any]) -> None:
    deep = _deep(np.moveaxis(INKS, -1, 0) if "planarconfig" in options else INKS)
    photo = decode_photo(_tiff(deep, photometric="separated", **options), photo_id="a")
    expected = np.asarray(Image.fromarray(INKS, "CMYK").convert("RGB"))
    assert (
        np.abs(photo.pixels.astype(int) - expected).max() <= 1
        and "16-bit colours brought to 8 bits" in photo.notes
    )


def test_deep_inks_lie_as_their_orientation_says_and_lose_what_is_beyond_them() -> None:
    turned = np.ascontiguousarray(np.rot90(np.dstack([INKS, INKS[..., 0]])))
    photo = decode_photo(
        _tiff(_deep(turned), photometric="separated", extrasamples=["unspecified"], extratags=ORIENTED),
        photo_id="a",
    )
    assert (
        np.abs(photo.pixels.astype(int) - np.asarray(Image.fromarray(INKS, "CMYK").convert("RGB"))).max() <= 1
    )
    assert "values of each pixel beyond its colours are left out" in photo.notes


@pytest.mark.parametrize(
    ("photometric", "kind"),
    [("separated", np.uint32), ("separated", np.float32), ("cielab", np.float32), ("ycbcr", np.uint16)],
)
def test_deep_colours_that_are_not_read_are_one_line(photometric: str, kind: Any) -> None:
    values = np.zeros((20, 20, 4 if photometric == "separated" else 3), kind)
    options: dict[str, Any] = {"subsampling": (1, 1)} if photometric == "ycbcr" else {}
    said = refusal(_tiff(values, photometric=photometric, **options))
    assert "bits of colours other than RGB" in said and "save it as JPEG or PNG" in said


def test_deep_inks_that_are_packed_in_a_way_that_is_not_read_are_one_line() -> None:
    data = bytearray(_tiff(_deep(INKS), photometric="separated"))
    struct.pack_into("<H", data, data.index(struct.pack("<HHI", 259, 3, 1)) + 8, 5)  # LZW
    assert "packed in a way that is not read" in refusal(bytes(data))


def _pages(*pages: tuple[Any, int]) -> bytes:
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
        for values, subfile in pages:
            writer.write(values, photometric="rgb", metadata=None, subfiletype=subfile)
    return buffer.getvalue()


@pytest.mark.parametrize("subfile", [0, 1])
def test_a_preview_in_front_gives_way_to_the_full_picture(subfile: int) -> None:
    photo = decode_photo(_pages((HALF, subfile), (SMALL, 0)), photo_id="a")
    assert np.array_equal(photo.pixels, SMALL)
    assert photo.notes == ("the full picture of 160x120 is used; the first frame is a preview of it",)


def test_reduced_copies_behind_the_picture_change_nothing() -> None:
    photo = decode_photo(_pages((SMALL, 0), (HALF, 1)), photo_id="a")
    assert np.array_equal(photo.pixels, SMALL) and photo.notes == ("the first of 2 frames is used",)


def test_a_preview_alone_is_said_to_be_one() -> None:
    assert any("preview" in note for note in decode_photo(_pages((HALF, 1)), photo_id="a").notes)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (
            {
                "photometric": "minisblack",
                "planarconfig": "contig",
                "values": np.zeros((40, 40, 7), np.uint8),
            },
            "7 values a pixel",
        ),
        ({"photometric": "cfa", "values": np.zeros((40, 40), np.uint16)}, "raw file"),
        ({"photometric": "minisblack", "values": np.zeros((40, 40), np.int16)}, "signed"),
        ({"photometric": "icclab", "values": np.zeros((40, 40, 3), np.uint8)}, "ICCLab"),
    ],
)
def test_what_is_not_read_right_is_named(options: dict[str, Any], says: str) -> None:
    values = options.pop("values")
    assert says in refusal(_tiff(values, **options))


def _with_tags(pieces: list[bytes], **changes: int) -> bytes:
    """Return a 16x16 RGB TIFF in one strip, its tags changed (compression, samples, rows, width)."""
    strip = b"".join(pieces)
    samples = changes.get("samples", 3)
    tags = [
        (256, 4, 1, changes.get("width", 16)), (257, 4, 1, 16), (258, 3, 1, 8), (259, 3, 1, changes.get("compression", 1)), (262, 3, 1, changes.get("kind", 1)),
        (273, 4, 1, 8), (277, 3, 1, samples), (278, 4, 1, changes.get("rows", 16)), (279, 4, 1, len(strip)),
    ]  # fmt: skip
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags) + bytes(4)
    return b"II*\0" + struct.pack("<I", 8 + len(strip)) + strip + directory


def test_ycbcr_of_fewer_colours_than_pixels_is_named() -> None:
    assert "YCbCr" in refusal(_with_tags([bytes(768)], kind=6))


@pytest.mark.parametrize("compression", [8, 32946, 34925, 50000])
def test_a_strip_that_unpacks_to_more_than_the_picture_is_refused(compression: int) -> None:
    zeros = bytes(2**24)
    packed = lzma.compress(zeros) if compression == 34925 else zlib.compress(zeros)
    said = refusal(_with_tags([packed], compression=compression, samples=1))
    assert "more than the size" in said or "compressed in a way" in said


def test_the_reported_bomb_is_refused() -> None:
    assert "way that is not read (LZMA)" in refusal((REPORTED / "strip_bomb_lzma.tif").read_bytes())


@pytest.mark.parametrize("samples", [5, 400, 65_535])
def test_more_than_four_samples_a_pixel_are_refused(samples: int) -> None:
    assert f"{samples} values a pixel" in refusal(_with_tags([bytes(768)], samples=samples))


def test_a_chain_of_directories_is_walked_no_further_than_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = _with_tags([bytes(range(256))], samples=1)
    start = struct.unpack_from("<I", whole, 4)[0]
    directory = whole[start:-4]
    chain = bytearray(whole[:start])
    for _ in range(3000):
        chain += directory + struct.pack("<I", len(chain) + len(directory) + 4)
    chain[-4:] = struct.pack("<I", start)  # and round again
    layout = read_layout(bytes(chain))
    assert len(layout.pages) == MOST_PAGES and layout.more
    photo = decode_photo(bytes(chain), photo_id="a")
    assert photo.notes[0].startswith("the first of more than 100 frames")
    alone = layout.alone(bytes(chain), layout.choose())
    with tifffile.TiffFile(io.BytesIO(alone)) as tiff:
        assert len(tiff.pages) == 1, "no library sees the chain"


def test_a_directory_with_too_much_in_it_is_refused() -> None:
    assert "pieces" in refusal(
        _tiff(np.zeros((70_000, 16), np.uint8), photometric="minisblack", rowsperstrip=1)
    )
    heavy = _tiff(SMALL, photometric="rgb", extratags=[(65000, "B", 9 * 2**20, bytes(9 * 2**20), True)])
    assert "beside the picture" in refusal(heavy)


@pytest.mark.parametrize(("width", "rows"), [(2**31, 16), (16, 2**31)])
def test_sizes_that_cannot_be_are_refused(width: int, rows: int) -> None:
    data = _with_tags([bytes(256)], samples=1, width=width, rows=rows)
    if width > 16:
        assert "limit" in refusal(data)
    else:
        # rows of a strip past the picture's end count for nothing
        assert decode_photo(data, photo_id="a").size == (16, 16)
