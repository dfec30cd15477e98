"""Nothing that a photo's file says beside its pixels is in anything that the program writes: planted words
are looked for in every output."""

from __future__ import annotations

import base64
import io
import json
import re
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest
import tifffile
from PIL import Image, ImageCms, PngImagePlugin

from magic_demo.challenge.batch import predict_folder
from magic_demo.core.messages import Message
from magic_demo.core.review_types import Review
from magic_demo.core.types import EncounterFiles, Prediction
from magic_demo.files.bundles import list_predictions, read_prediction
from magic_demo.files.encounters import read_encounters
from magic_demo.files.photos.reading import decode_photo, read_photo
from magic_demo.imaging.run_lengths import encode_mask
from magic_demo.page.texts.i18n import line_in_both
from magic_demo.reviews.backups import write_backup
from magic_demo.reviews.exports import FORMATS, Format, write_export
from magic_demo.reviews.reports import write_disagreements
from magic_demo.reviews.store import NewCase, Store
from tests.support.stand_ins import draw_photo, stand_in_predictor
from tests.support.store.reviewed_cases import answer, draw_mask, save_all

MARKER = "plantedtrace"
SIZE = (48, 64)
SCENE = Image.fromarray(draw_photo(*SIZE))


def _exif() -> Image.Exif:
    exif = Image.Exif()
    exif[0x010F] = exif[0x0110] = f"{MARKER} camera"
    exif[0x0132] = f"{MARKER} 2026:11:21"
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 8.0, 0.0), 29: f"{MARKER} gps"})
    exif.get_ifd(0x8769).update({0x9286: f"{MARKER} comment".encode(), 0xA431: f"{MARKER} serial"})
    return exif


def _profile() -> bytes:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile + MARKER.encode()


XMP = f"<x:xmpmeta xmlns:x='adobe:ns:meta/'><dc:creator>{MARKER}</dc:creator></x:xmpmeta>".encode()


def _jpeg(**options: object) -> bytes:
    buffer = io.BytesIO()
    thumbnail = io.BytesIO()
    SCENE.resize((16, 12)).save(thumbnail, "JPEG", comment=f"{MARKER} thumbnail".encode())
    SCENE.save(
        buffer,
        "JPEG",
        exif=_exif(),
        icc_profile=_profile(),
        xmp=XMP,
        comment=f"{MARKER} comment".encode(),
        **options,
    )
    data = buffer.getvalue()
    app13 = b"Photoshop 3.0\x00" + thumbnail.getvalue()
    segment = b"\xff\xed" + (len(app13) + 2).to_bytes(2, "big") + app13
    return data[:2] + segment + data[2:] + f"{MARKER} after the end".encode()


def _png() -> bytes:
    buffer, info = io.BytesIO(), PngImagePlugin.PngInfo()
    info.add_text("Author", MARKER)
    info.add_itxt("XML:com.adobe.xmp", XMP.decode())
    info.add(b"teSt", MARKER.encode())
    SCENE.save(buffer, "PNG", exif=_exif(), icc_profile=_profile(), pnginfo=info)
    return buffer.getvalue() + MARKER.encode()


def _webp() -> bytes:
    buffer = io.BytesIO()
    SCENE.save(buffer, "WEBP", lossless=True, exif=_exif(), icc_profile=_profile(), xmp=XMP)
    return buffer.getvalue() + MARKER.encode()


def _tiff() -> bytes:
    buffer = io.BytesIO()
    tags = [
        (700, 1, len(XMP), XMP, True),
        (315, 2, 0, MARKER, True),
        (34675, 7, len(_profile()), _profile(), True),
    ]
    tifffile.imwrite(
        buffer,
        np.asarray(SCENE),
        photometric="rgb",
        description=MARKER,
        software=MARKER,
        extratags=tags,
        metadata=None,
    )
    return buffer.getvalue() + MARKER.encode()


PHOTOS: dict[str, Callable[[], bytes]] = {
    "a.jpg": _jpeg,
    "b.png": _png,
    "c.webp": _webp,
    "d.tiff": _tiff,
    "e.jpeg": lambda: _jpeg(progressive=True),
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a case with a photo of every kind, each full of planted words."""
    folder = tmp_path_factory.mktemp("traces") / "train"
    folder.mkdir()
    for name, make in PHOTOS.items():
        content = make()
        assert content.count(MARKER.encode()) >= 4, name
        (folder / name).write_bytes(content)
    entries = [
        {
            "encounter_id": f"E{number}",
            "author_id": f"A{number}",
            "image_ids": [name],
            "query_content_en": "It itches.",
        }
        for number, name in enumerate(PHOTOS)
    ]
    (folder / "train.json").write_text(json.dumps(entries), encoding="utf-8")
    return folder


def _reviews(cases: tuple[EncounterFiles, ...]) -> list[Review]:
    masks = {
        files.encounter_id: {photo.photo_id: encode_mask(draw_mask(SIZE, 1)) for photo in files.photo_files}
        for files in cases
    }
    return [
        Review(
            files.encounter_id,
            reader,
            "assisted",
            "done",
            answer(choice),
            masks=masks[files.encounter_id],
            models={"segmentation": "x"},
        )
        for files in cases
        for choice, reader in enumerate(("Li", "Wang"))
    ]


def _unpacked(path: Path) -> list[bytes]:
    """Return a file's bytes as they are and as they are unpacked: zip entries, Parquet
    columns, base64 in HTML."""
    data = path.read_bytes()
    views = [data]
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            views += [archive.read(name) for name in archive.namelist()]
    if path.suffix == ".parquet":
        views.append(str(pyarrow.parquet.read_table(path).to_pydict()).encode())
    if path.suffix == ".html":
        views += [base64.b64decode(code) for code in re.findall(rb"base64,([A-Za-z0-9+/=]+)", data)]
    return views


def _assert_no_trace(folder: Path) -> int:
    files = [path for path in folder.rglob("*") if path.is_file()]
    for path in files:
        for view in _unpacked(path):
            for coding in ("utf-8", "utf-16-le", "utf-16-be"):
                assert MARKER.encode(coding) not in view, path
        if path.suffix in (".png", ".jpg", ".jpeg"):
            with Image.open(path) as image:
                assert not image.getexif() and not set(image.info) - {
                    "jfif",
                    "jfif_version",
                    "jfif_unit",
                    "jfif_density",
                    "dpi",
                }, path
    return len(files)


@pytest.mark.parametrize("name", sorted(PHOTOS))
def test_a_photo_in_memory_holds_its_pixels_alone(data: Path, name: str) -> None:
    photo = read_photo(data / name)
    assert MARKER not in repr(photo.notes) and set(vars(photo)) == {"photo_id", "pixels", "notes"}
    assert photo.size == SIZE


def test_the_metadata_are_said_to_be_removed(data: Path) -> None:
    common, end = (
        "GPS position, device, time, EXIF metadata, colour profile, XMP metadata",
        "data after the picture's end",
    )
    for name, more in (
        ("a.jpg", "comments, Photoshop data, "),
        ("e.jpeg", "comments, Photoshop data, "),
        ("b.png", "comments, "),
        ("c.webp", ""),
    ):
        assert read_photo(data / name).notes == (f"removed: {common}, {more}{end}",)
    assert read_photo(data / "d.tiff").notes == ("removed: colour profile, XMP metadata",)


def test_a_thumbnail_is_said_and_a_plain_photo_says_nothing() -> None:
    plain, buffer = io.BytesIO(), io.BytesIO()
    SCENE.save(plain, "JPEG")
    assert decode_photo(plain.getvalue(), photo_id="plain").notes == ()
    assert decode_photo(plain.getvalue() + bytes(500), photo_id="padded").notes == ()
    first = struct.pack("<HHHIII", 1, 0x0128, 3, 1, 2, 26)  # one tag, and where the next folder is
    small = struct.pack("<HHHIII", 1, 0x0103, 3, 1, 6, 0)
    SCENE.save(buffer, "JPEG", exif=b"Exif\x00\x00II*\x00" + struct.pack("<I", 8) + first + small)
    assert decode_photo(buffer.getvalue(), photo_id="small").notes == ("removed: thumbnail, EXIF metadata",)


def test_what_was_removed_is_said_in_chinese_too() -> None:
    kinds = [Message("GPS position"), Message("time"), Message("data after the picture's end")]
    note = Message("{photo}: {note}", photo="left arm", note=Message("removed: {kinds}", kinds=kinds))
    assert line_in_both(note)["zh"] == "left arm：已清除：GPS 位置、时间、图像末尾之后的数据"


def test_predictions_pictures_and_bundles_hold_no_trace(data: Path, tmp_path: Path) -> None:
    report = predict_folder(
        data, tmp_path / "out", stand_in_predictor(), pictures=True, bundle=True, quiet=True
    )
    assert report.problems == () and report.masks == len(PHOTOS)
    assert _assert_no_trace(tmp_path / "out") >= 4 * len(PHOTOS)


@pytest.mark.parametrize("format", FORMATS, ids=lambda format: format.name)
def test_exports_hold_no_trace(data: Path, tmp_path: Path, format: Format) -> None:
    cases = read_encounters(data).encounters
    report = write_export(save_all(_reviews(cases)), cases, format, tmp_path / "out")
    assert report.readings == 2 * len(PHOTOS) and _assert_no_trace(tmp_path / "out") >= 2


def test_a_training_sets_photos_have_the_pixels_that_readers_saw(data: Path, tmp_path: Path) -> None:
    cases = read_encounters(data).encounters
    write_export(save_all(_reviews(cases)), cases, "training-set", tmp_path / "out")
    written = {path.stem: path for path in (tmp_path / "out").rglob("*.png")}
    assert set(written) == {Path(name).stem for name in PHOTOS}
    for name in PHOTOS:
        assert np.array_equal(read_photo(written[Path(name).stem]).pixels, read_photo(data / name).pixels)
    again = read_encounters(tmp_path / "out", "train").encounters
    assert all(photo.path is not None for files in again for photo in files.photo_files)


def test_the_report_holds_no_trace(data: Path, tmp_path: Path, without_browser: None) -> None:
    cases = read_encounters(data).encounters
    predict_folder(data, tmp_path / "predicted", stand_in_predictor(), bundle=True, quiet=True)
    bundle = tmp_path / "predicted" / "bundle"
    predictions: dict[str, Prediction] = {
        name: read_prediction(bundle, name) for name in list_predictions(bundle)
    }
    write_disagreements(save_all(_reviews(cases)), cases, predictions, tmp_path / "out")
    assert _assert_no_trace(tmp_path / "out") == 3


def test_the_store_and_its_backup_hold_no_trace_of_a_queues_photos(data: Path, tmp_path: Path) -> None:
    cases = read_encounters(data).encounters
    with Store.open(tmp_path / "store") as store:
        store.add_cases("q", [NewCase(files.encounter_id, str(data)) for files in cases])
        for name in ("Li", "Wang"):
            store.add_reader(name)
        for review in _reviews(cases):
            store.save(Review(**{**review.__dict__, "queue": "q"}))
        write_backup(store, tmp_path / "store" / "backup.zip")
    assert _assert_no_trace(tmp_path / "store") >= 2
