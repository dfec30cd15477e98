"""DICOM photos are read for their pixels and nothing else; what is no photo, or cannot be read right, is one
line."""

from __future__ import annotations

import builtins
import io
from typing import Any

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID

from magic_demo.core.errors import PhotoError
from magic_demo.files.photos.reading import decode_photo

SECONDARY, VISIBLE, SCAN = (
    "1.2.840.10008.5.1.4.1.1.7",
    "1.2.840.10008.5.1.4.1.1.77.1.4",
    "1.2.840.10008.5.1.4.1.1.2",
)
PLAIN, JPEG, JPEG_LS = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.80"
SCENE = np.asarray(
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (5, 7, 3), np.uint8)).resize(
        (56, 40), Image.Resampling.BICUBIC
    )
)
PATIENT = "Planted^Name"


def _jpeg(values: Any = SCENE) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def dicom(
    content: bytes,
    *,
    kind: str = VISIBLE,
    syntax: str = PLAIN,
    colours: str = "RGB",
    bits: int = 8,
    stored: int = 0,
    **more: Any,
) -> bytes:
    """Return a DICOM file of the scene's size with this pixel data."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = (
        UID(syntax),
        UID(kind),
        UID("1.2.3"),
    )
    dataset = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    dataset.SOPClassUID, dataset.SOPInstanceUID, dataset.PatientName, dataset.PatientID = (
        kind,
        "1.2.3",
        PATIENT,
        "P-77",
    )
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = 40, 56, 1 if colours.startswith("MONO") else 3
    dataset.PhotometricInterpretation, dataset.BitsAllocated, dataset.BitsStored = (
        colours,
        bits,
        stored or bits,
    )
    dataset.HighBit, dataset.PixelRepresentation, dataset.PlanarConfiguration = (stored or bits) - 1, 0, 0
    for name, value in more.items():
        setattr(dataset, name, value)
    dataset.PixelData = content
    dataset["PixelData"].VR = "OW" if bits > 8 else "OB"
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


def _decode(data: bytes) -> Any:
    return decode_photo(data, photo_id="a", name="a.dcm")


@pytest.mark.parametrize("kind", [SECONDARY, VISIBLE])
def test_plain_photos_are_their_pixels_and_the_patient_is_dropped(kind: str) -> None:
    photo = _decode(dicom(SCENE.tobytes(), kind=kind))
    assert np.array_equal(photo.pixels, SCENE)
    assert photo.notes == ("removed: patient data of the DICOM file",) and PATIENT not in repr(photo)


def test_planes_grey_inverted_and_deeper_values_are_read() -> None:
    planes = np.moveaxis(SCENE, -1, 0).tobytes()
    assert np.array_equal(_decode(dicom(planes, PlanarConfiguration=1)).pixels, SCENE)
    grey = SCENE[..., 1]
    assert np.array_equal(_decode(dicom(grey.tobytes(), colours="MONOCHROME2")).pixels[..., 0], grey)
    assert np.array_equal(_decode(dicom((255 - grey).tobytes(), colours="MONOCHROME1")).pixels[..., 0], grey)
    deep = np.rint(grey * (4095 / 255)).astype("<u2")
    photo = _decode(dicom(deep.tobytes(), colours="MONOCHROME2", bits=16, stored=12))
    assert (
        np.abs(photo.pixels[..., 0].astype(int) - grey).max() <= 1
        and "12-bit grey values brought to 8 bits" in photo.notes
    )
    mixed = np.asarray(Image.fromarray(SCENE).convert("YCbCr"))
    assert np.abs(_decode(dicom(mixed.tobytes(), colours="YBR_FULL")).pixels.astype(int) - SCENE).max() <= 3


@pytest.mark.parametrize("colours", ["YBR_FULL_422", "RGB"])
def test_jpeg_photos_are_read(colours: str) -> None:
    jpeg = _jpeg() if colours != "RGB" else _jpeg_of_rgb()
    photo = _decode(dicom(encapsulate([jpeg]), syntax=JPEG, colours=colours))
    assert (
        np.abs(photo.pixels.astype(int) - SCENE).mean() < 4
        and photo.notes[0] == "removed: patient data of the DICOM file"
    )


def _jpeg_of_rgb() -> bytes:
    """Return a JPEG whose three colours are red, green and blue, without the marker that would say so."""
    data = _jpeg(np.asarray(Image.fromarray(SCENE).convert("RGB")))
    # taken for luminance and differences: the values stay
    mixed = Image.merge("YCbCr", Image.fromarray(SCENE).split())
    buffer = io.BytesIO()
    mixed.save(buffer, "JPEG", quality=95, subsampling=0)
    data = buffer.getvalue()
    place = data.find(b"\xff\xe0")
    return data[:place] + data[place + 2 + int.from_bytes(data[place + 2 : place + 4], "big") :]


def test_of_several_frames_the_first_is_used_and_said() -> None:
    photo = _decode(
        dicom(
            encapsulate([_jpeg(), _jpeg(SCENE[::-1])]), syntax=JPEG, colours="YBR_FULL_422", NumberOfFrames=2
        )
    )
    assert (
        np.abs(photo.pixels.astype(int) - SCENE).mean() < 4 and "the first of 2 frames is used" in photo.notes
    )


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (dicom(SCENE.tobytes(), kind=SCAN), "no photo"),
        (dicom(encapsulate([b"\xff\xd8"]), syntax=JPEG_LS), "compressed in a way"),
        (dicom(SCENE.tobytes()[:-200]), "cut short"),
        (dicom(SCENE.tobytes(), colours="PALETTE COLOR"), "colours"),
        (dicom(SCENE.tobytes(), Rows=60_000, Columns=60_000), "megapixels"),
        (dicom(SCENE.tobytes())[:300], "broken"),
        (bytes(128) + b"DICM" + b"\xff" * 40, "broken"),
        (bytes(128) + b"DICM" + b"1.2.840.10008.1.2.1.99" + bytes(40), "compressed as a whole"),
    ],
)
def test_what_is_not_read_is_one_line(data: bytes, says: str) -> None:
    with pytest.raises(PhotoError, match=f"^a.dcm: .*{says}") as caught:
        _decode(data)
    assert "\n" not in str(caught.value) and PATIENT not in str(caught.value)


def test_without_pydicom_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *given: Any, **options: Any) -> Any:
        if name.partition(".")[0] == "pydicom":
            raise ImportError(name)
        return real(name, *given, **options)

    data = dicom(SCENE.tobytes())
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(PhotoError, match=r"needs pydicom; install it \(pip install pydicom\)"):
        _decode(data)
