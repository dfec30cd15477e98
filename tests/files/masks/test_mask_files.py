"""Mask TIFFs: written so that everyone reads them, read strictly by the program and leniently by the
scorer."""

from __future__ import annotations

import contextlib
import lzma
import os
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from magic_demo.core.errors import FormatError
from magic_demo.files.masks.mask_files import (
    annotator_of,
    find_reference_masks,
    mask_file_name,
    read_loose_mask,
    read_loose_packed,
    read_mask,
    write_mask,
)
from magic_demo.imaging.packed_masks import pack_mask

MASK = np.array([[0, 1, 1, 0], [1, 1, 0, 0], [0, 0, 0, 1]], dtype=bool)


def save(path: Path, values: Any, **options: Any) -> Path:
    tifffile.imwrite(path, np.asarray(values), **options)
    return path


class TestWriting:
    def test_plain_tifffile_reads_uint8_zeros_and_ones_back(self, tmp_path: Path) -> None:
        write_mask(tmp_path / "m.tiff", MASK)
        with tifffile.TiffFile(tmp_path / "m.tiff") as tiff:
            assert len(tiff.pages) == 1
            assert tiff.pages.first.compression == tifffile.COMPRESSION.ADOBE_DEFLATE
            values = tiff.asarray()
        assert values.dtype == np.uint8
        assert np.array_equal(values, MASK.astype(np.uint8))

    @pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1), (33, 17)])
    @pytest.mark.parametrize("fill", [False, True])
    def test_every_shape_and_both_constants_come_back(
        self, tmp_path: Path, shape: tuple[int, int], fill: bool
    ) -> None:
        write_mask(tmp_path / "m.tiff", np.full(shape, fill))
        read = read_mask(tmp_path / "m.tiff")
        assert read.shape == shape
        assert read.dtype == np.bool_
        assert bool(read.all()) is fill

    @pytest.mark.parametrize(
        "values", [np.zeros((3, 3), np.uint8), np.zeros((3, 3, 3), bool), np.zeros((0, 4), bool)]
    )
    def test_what_is_no_mask_is_not_written(self, tmp_path: Path, values: Any) -> None:
        with pytest.raises(FormatError, match="a mask to write is"):
            write_mask(tmp_path / "m.tiff", values)
        assert not (tmp_path / "m.tiff").exists()

    def test_the_name_is_the_organisers(self) -> None:
        assert mask_file_name("IMG_ENC00863_00009") == "IMG_ENC00863_00009_mask_sys.tiff"


class TestStrictReading:
    @pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.uint16, np.int32])
    def test_zeros_and_ones_of_any_whole_type_are_a_mask(self, tmp_path: Path, dtype: Any) -> None:
        assert np.array_equal(read_mask(save(tmp_path / "m.tiff", MASK.astype(dtype))), MASK)

    @pytest.mark.parametrize(
        ("values", "says"),
        [
            (MASK.astype(np.uint8) * 255, "holds 0 and 255 .* a mask holds 0 and 1"),
            (MASK.astype(np.int16) * -1, "negative values"),
            (MASK * np.float32(0.7), "holds fractions"),
            (np.zeros((4, 5, 3), np.uint8), "has colour channels"),
            (np.zeros((2, 4, 5), np.uint8), "not one page"),
        ],
    )
    def test_anything_else_is_refused_by_name_with_the_cure(
        self, tmp_path: Path, values: Any, says: str
    ) -> None:
        path = save(
            tmp_path / "odd_mask_sys.tiff",
            values,
            photometric="rgb" if values.shape[-1] == 3 else "minisblack",
        )
        with pytest.raises(FormatError, match=says) as caught:
            read_mask(path)
        assert "odd_mask_sys.tiff" in str(caught.value)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize("content", [b"", b"hello", b"II*\x00\x08\x00\x00\x00", b"\x89PNG\r\n\x1a\n"])
    def test_a_file_that_is_no_tiff_is_refused_by_name(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "m.tiff").write_bytes(content)
        for read in (read_mask, read_loose_mask, read_loose_packed):
            with pytest.raises(FormatError, match=r"m\.tiff"):
                read(tmp_path / "m.tiff")

    def test_a_truncated_mask_is_refused_by_name(self, tmp_path: Path) -> None:
        rng = np.random.default_rng(0)
        write_mask(tmp_path / "m.tiff", rng.random((200, 200)) > 0.5)
        (tmp_path / "m.tiff").write_bytes((tmp_path / "m.tiff").read_bytes()[:1000])
        for read in (read_mask, read_loose_mask, read_loose_packed):
            with pytest.raises(FormatError, match=r"m\.tiff"):
                read(tmp_path / "m.tiff")


class TestPlainPages:
    """Masks in bytes are read without tifffile's copies, and come out as it reads them."""

    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"compression": "zlib"},
            {"compression": "zlib", "rowsperstrip": 7},
            {"rowsperstrip": 1},
            {"compression": "zlib", "rowsperstrip": 500},
            {"compression": "zlib", "metadata": None, "bigtiff": True},
            {"byteorder": ">", "rowsperstrip": 64},
            {"compression": "zlib", "predictor": True},
            {"tile": (16, 16)},
            {"photometric": "miniswhite"},
        ],
    )
    @pytest.mark.parametrize("shape", [(1, 1), (64, 33), (130, 257)])
    def test_values_are_those_that_tifffile_reads(
        self, tmp_path: Path, shape: tuple[int, int], options: dict[str, Any]
    ) -> None:
        values = np.random.default_rng(1).integers(0, 2, shape).astype(np.uint8)
        try:
            path = save(tmp_path / "m.tiff", values, **options)
        except (ValueError, RuntimeError, ImportError):
            assert "predictor" in options  # writing one needs imagecodecs
            return
        assert np.array_equal(read_mask(path), tifffile.imread(path).astype(bool))
        assert np.array_equal(read_mask(path), values.astype(bool))

    def test_a_mask_of_our_own_is_read_without_tifffiles_decoder(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_mask(tmp_path / "m.tiff", MASK)
        monkeypatch.setattr(
            tifffile.TiffFile, "asarray", lambda *_given, **_options: pytest.fail("decoded by tifffile")
        )
        assert np.array_equal(read_mask(tmp_path / "m.tiff"), MASK)
        assert np.array_equal(read_loose_mask(tmp_path / "m.tiff").mask, MASK)

    @pytest.mark.parametrize("cut", [200, 2000, 9000])
    def test_a_strip_cut_short_is_refused_by_name(self, tmp_path: Path, cut: int) -> None:
        path = save(
            tmp_path / "m.tiff",
            np.random.default_rng(0).integers(0, 2, (100, 100)).astype(np.uint8),
            rowsperstrip=30,
        )
        path.write_bytes(path.read_bytes()[:-cut])
        for read in (read_mask, read_loose_mask, read_loose_packed):
            with pytest.raises(FormatError, match=r"m\.tiff"):
                read(path)


class TestLenientReading:
    def test_a_right_mask_needs_no_repair(self, tmp_path: Path) -> None:
        for values in (MASK, MASK.astype(np.uint8), MASK.astype(np.float64), MASK[None].astype(np.uint8)):
            loose = read_loose_mask(save(tmp_path / "m.tiff", values))
            assert loose.repairs == ()
            assert np.array_equal(loose.mask, MASK)

    @pytest.mark.parametrize(
        ("values", "says"),
        [
            (MASK.astype(np.uint8) * 255, "holds 0 and 255"),
            (MASK.astype(np.uint16) * 65535, "holds 0 and 65535"),
            (MASK.astype(np.float32) * 255, "holds 0 and 255"),
            (MASK * np.float32(0.5) + np.float32(0.25), "holds fractions"),
            (MASK.astype(np.uint8) * 150 + 60, "holds grey values up to 210"),
            (np.repeat(MASK[..., None].astype(np.uint8), 3, axis=2), "has colour channels"),
        ],
    )
    def test_what_has_one_reading_is_put_right_and_said(self, tmp_path: Path, values: Any, says: str) -> None:
        loose = read_loose_mask(
            save(tmp_path / "m.tiff", values, photometric="rgb" if values.ndim == 3 else "minisblack")
        )
        assert np.array_equal(loose.mask, MASK)
        assert len(loose.repairs) == 1
        assert says in loose.repairs[0]

    def test_a_packing_that_tifffile_cannot_read_is_read_and_said(self, tmp_path: Path) -> None:
        Image.fromarray(MASK.astype(np.uint8)).save(tmp_path / "m.tiff", compression="tiff_lzw")
        loose = read_loose_mask(tmp_path / "m.tiff")
        assert np.array_equal(loose.mask, MASK)
        assert "imagecodecs" in loose.repairs[0]
        with pytest.raises(FormatError, match="as uint8 with zlib"):
            read_mask(tmp_path / "m.tiff")

    @pytest.mark.parametrize(
        "values",
        [
            np.arange(60, dtype=np.uint8).reshape(4, 5, 3),
            np.zeros((2, 4, 5), np.uint8),
            -MASK.astype(np.int16),
            np.full((3, 4), np.nan, np.float32),
        ],
    )
    def test_what_has_no_reading_is_refused(self, tmp_path: Path, values: Any) -> None:
        path = save(tmp_path / "m.tiff", values, photometric="rgb" if values.shape[-1] == 3 else "minisblack")
        with pytest.raises(FormatError, match=r"m\.tiff"):
            read_loose_mask(path)


class TestPackedReading:
    """In bits a mask is what it is in bytes, and needs the same repairs."""

    @pytest.mark.parametrize(
        ("values", "options"),
        [
            (MASK.astype(np.uint8), {}),
            (MASK.astype(np.uint8), {"compression": "zlib", "rowsperstrip": 2}),
            (MASK, {}),
            (MASK.astype(np.float32), {}),
            (MASK.astype(np.uint8) * 255, {"compression": "zlib", "rowsperstrip": 1}),
            (np.repeat(MASK[..., None].astype(np.uint8), 3, axis=2), {"photometric": "rgb"}),
        ],
    )
    def test_bits_and_repairs_are_those_of_the_mask_in_bytes(
        self, tmp_path: Path, values: Any, options: dict[str, Any]
    ) -> None:
        path = save(tmp_path / "m.tiff", values, **options)
        packed, loose = read_loose_packed(path), read_loose_mask(path)
        assert packed.mask.shape == MASK.shape
        assert np.array_equal(packed.mask.bits, pack_mask(MASK).bits)
        assert packed.repairs == loose.repairs

    def test_what_only_pillow_reads_is_packed_too(self, tmp_path: Path) -> None:
        Image.fromarray(MASK.astype(np.uint8)).save(tmp_path / "m.tiff", compression="tiff_lzw")
        packed = read_loose_packed(tmp_path / "m.tiff")
        assert np.array_equal(packed.mask.bits, pack_mask(MASK).bits)
        assert "imagecodecs" in packed.repairs[0]

    def test_a_large_mask_is_never_held_in_bytes(self, tmp_path: Path) -> None:
        write_mask(tmp_path / "m.tiff", np.tri(3000, 2000, dtype=np.bool_))
        tracemalloc.start()
        packed = read_loose_packed(tmp_path / "m.tiff")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert np.array_equal(packed.mask.bits, pack_mask(np.tri(3000, 2000, dtype=np.bool_)).bits)
        assert peak < 3000 * 2000 / 2


class TestFinding:
    def test_reference_masks_are_found_in_subfolders_and_others_are_not(self, tmp_path: Path) -> None:
        names = [
            "a/IMG_ENC1_1_mask_ann3.tiff",
            "b/IMG_ENC1_1_mask_ann0.tiff",
            "IMG_ENC2_1_mask_ann1.tif",
            "IMG_ENC2_1_mask_sys.tiff",
            "IMG_ENC3_1_mask_ann1.png",
        ]
        for name in names:
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_bytes(b"")
        found = find_reference_masks(tmp_path)
        assert {photo_id: [path.name for path in paths] for photo_id, paths in found.items()} == {
            "IMG_ENC1_1": ["IMG_ENC1_1_mask_ann0.tiff", "IMG_ENC1_1_mask_ann3.tiff"],
            "IMG_ENC2_1": ["IMG_ENC2_1_mask_ann1.tif"],
        }

    def test_a_missing_folder_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(FormatError, match="absent: no such folder"):
            find_reference_masks(tmp_path / "absent")

    def test_an_annotator_is_read_off_the_name(self) -> None:
        assert annotator_of(Path("IMG_ENC00863_00009_mask_ann3.tiff")) == "ann3"
        with pytest.raises(FormatError, match="is named"):
            annotator_of(Path("IMG_ENC00863_00009_mask_sys.tiff"))


def test_a_mask_that_cannot_be_written_leaves_the_old_one_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "masks_preds" / "a_mask_sys.tiff"
    write_mask(path, np.eye(8, dtype=np.bool_))

    def no_space(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(OSError, match="No space left"):
        write_mask(path, np.zeros((8, 8), np.bool_))
    assert np.array_equal(read_mask(path), np.eye(8, dtype=np.bool_)) and list(path.parent.iterdir()) == [
        path
    ]


def _write_bomb(path: Path, compression: str, *, tiled: bool) -> None:
    """Write a mask of 64x64 pixels one strip or tile of which unpacks to 60 MB."""
    tile = (64, 64) if tiled else None
    tifffile.imwrite(path, np.zeros((64, 64), np.uint8), compression=compression, tile=tile, metadata=None)
    zeros = b"\0" * 60_000_000
    packed = zlib.compress(zeros, 9) if compression == "zlib" else lzma.compress(zeros)
    with tifffile.TiffFile(path, mode="r+") as tiff:
        page = tiff.pages.first
        place = path.stat().st_size
        page.tags["TileOffsets" if tiled else "StripOffsets"].overwrite(place)
        page.tags["TileByteCounts" if tiled else "StripByteCounts"].overwrite(len(packed))
    with path.open("ab") as file:
        file.write(packed)


@pytest.mark.parametrize(("compression", "tiled"), [("zlib", False), ("zlib", True), ("lzma", False)])
def test_a_strip_that_is_a_bomb_is_never_unpacked(tmp_path: Path, compression: str, tiled: bool) -> None:
    path = tmp_path / "a_mask_sys.tiff"
    _write_bomb(path, compression, tiled=tiled)
    tracemalloc.start()
    try:
        with pytest.raises(FormatError, match="save"):
            read_mask(path)
        with contextlib.suppress(FormatError):  # Pillow takes what belongs to the image, or says no
            assert read_loose_mask(path).mask.shape == (64, 64)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()
