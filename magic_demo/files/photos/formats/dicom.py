"""DICOM photos: the pixels of secondary captures and of visible light, and nothing else of the file."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from magic_demo.core.errors import PhotoError, one_line
from magic_demo.core.messages import Message
from magic_demo.files.photos.bounds import MakeRoom, PhotoLimits, check_size

INSTALL = "pip install pydicom"
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_VISIBLE_LIGHT = "1.2.840.10008.5.1.4.1.1.77.1"
_PLAIN = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2")
_JPEG = ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51")
_DEFLATED = b"1.2.840.10008.1.2.1.99"
_COLOURS = {"MONOCHROME1": 1, "MONOCHROME2": 1, "RGB": 3, "YBR_FULL": 3, "YBR_FULL_422": 3}
_ADOBE_RGB = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"
"""A JPEG marker that says: three colours as they are, not luminance and two differences."""


@dataclass(frozen=True, eq=False)
class DicomPhoto:
    """What was found: a JPEG, or values (H, W) or (H, W, 3) of so many bits, whose 0 is white where
    ``inverted``; and the notes."""

    jpeg: bytes = b""
    values: NDArray[Any] = field(default_factory=lambda: np.empty((0, 0), np.uint8))
    bits: int = 8
    inverted: bool = False
    notes: tuple[Message, ...] = ()


def read_dicom(data: bytes, limits: PhotoLimits, make_room: MakeRoom) -> DicomPhoto:
    """Read the first frame of a DICOM photo.

    Raises PhotoError (without a name) for what is none, or where pydicom is not installed.
    """
    try:
        import pydicom
        from pydicom.encaps import get_frame
    except ImportError as error:
        raise PhotoError(
            "this is a DICOM file, which needs pydicom; install it ({command}) or export it as JPEG or PNG",
            command=INSTALL,
        ) from error
    if _DEFLATED in data[:2048]:
        raise PhotoError(
            "the DICOM file is compressed as a whole, which is not read; export it as JPEG or PNG"
        )
    try:
        dataset = pydicom.dcmread(io.BytesIO(data))
        syntax, kind = str(dataset.file_meta.TransferSyntaxUID), str(dataset.get("SOPClassUID", ""))
        colours = str(dataset.get("PhotometricInterpretation", ""))
        height, width, samples = int(dataset.Rows), int(dataset.Columns), int(dataset.SamplesPerPixel)
        allocated, stored = int(dataset.BitsAllocated), int(dataset.get("BitsStored", dataset.BitsAllocated))
        frames, planar = (
            int(dataset.get("NumberOfFrames", 1) or 1),
            int(dataset.get("PlanarConfiguration", 0) or 0),
        )
        signed, content = int(dataset.get("PixelRepresentation", 0)), dataset.PixelData
    except Exception as error:
        # pydicom raises AttributeError, ValueError, KeyError, NotImplementedError, EOFError, ... on broken
        # files
        raise PhotoError(
            "the DICOM file is broken or holds no picture ({reason}); export it as JPEG or PNG",
            reason=one_line(error),
        ) from error
    if not (kind.startswith((f"{_VISIBLE_LIGHT}.", f"{_SECONDARY_CAPTURE}.")) or kind == _SECONDARY_CAPTURE):
        raise PhotoError(
            "the DICOM file is no photo (secondary capture or visible light are read); export it "
            "as JPEG or PNG"
        )
    check_size(width, height, limits)
    if _COLOURS.get(colours) != samples:
        raise PhotoError(
            "the DICOM file's colours ({colours}) are not read; export it as JPEG or PNG",
            colours=_shown(colours),
        )
    notes = [Message("removed: {kinds}", kinds=[Message("patient data of the DICOM file")])]
    if frames > 1:
        notes.append(Message("the first of {count} frames is used", count=frames))
    if syntax in _JPEG:
        try:
            jpeg = bytes(get_frame(content, 0, number_of_frames=frames))
        except Exception as error:  # as above
            raise PhotoError(
                "the DICOM file is broken or holds no picture ({reason}); export it as JPEG or PNG",
                reason=one_line(error),
            ) from error
        if colours == "RGB" and b"Adobe" not in jpeg[:512]:
            jpeg = jpeg[:2] + _ADOBE_RGB + jpeg[2:]
        return DicomPhoto(jpeg.rstrip(b"\0"), notes=tuple(notes))
    if syntax not in _PLAIN:
        raise PhotoError(
            "the DICOM file is compressed in a way that is not read (JPEG and none are); export "
            "it as JPEG or PNG"
        )
    if (
        allocated not in (8, 16)
        or not 1 <= stored <= allocated
        or signed
        or planar not in (0, 1)
        or colours == "YBR_FULL_422"
    ):
        raise PhotoError(
            "the DICOM file's values ({bits} bits, {colours}) are not read; export it as JPEG or PNG",
            bits=allocated,
            colours=_shown(colours),
        )
    make_room(width * height * (8 + 2 * samples * allocated // 8))
    count = width * height * samples * allocated // 8
    if len(content) < count:
        raise PhotoError(
            "the DICOM file is broken or holds no picture (it is cut short); export it as JPEG or PNG"
        )
    order = ">" if syntax == _PLAIN[2] else "<"
    values = np.frombuffer(content, f"{order}u{allocated // 8}", count * 8 // allocated)
    shape = (samples, height, width) if planar and samples == 3 else (height, width, samples)
    values = values.reshape(shape)
    values = np.moveaxis(values, 0, -1) if shape[0] == samples and planar and samples == 3 else values
    if stored > 8:
        notes.append(
            Message("{bits}-bit colours brought to 8 bits", bits=stored)
            if samples == 3
            else Message("{bits}-bit grey values brought to 8 bits", bits=stored)
        )
    if samples == 1:
        values = values[:, :, 0] & (2**stored - 1)
        notes += [] if stored > 8 else [Message("grey values converted to RGB")]
    elif colours == "YBR_FULL":
        values = _from_ycbcr(values)
        notes.append(Message("{mode} converted to RGB", mode="YCbCr"))
    return DicomPhoto(values=values, bits=stored, inverted=colours == "MONOCHROME1", notes=tuple(notes))


def _from_ycbcr(values: NDArray[Any]) -> NDArray[Any]:
    from PIL import Image

    return np.asarray(Image.fromarray(np.ascontiguousarray(values.astype(np.uint8)), "YCbCr").convert("RGB"))


def _shown(text: str) -> str:
    return "".join(letter for letter in text if letter.isalnum() or letter == "_")[:20] or "none"
