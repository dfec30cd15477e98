"""A photo's file becomes a picture: the kind by its first bytes, bounds before anything is unpacked, what is
dropped and done as notes."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from magic_demo.core.errors import PhotoError, one_line
from magic_demo.core.messages import Message
from magic_demo.core.types import Pixels
from magic_demo.files.photos.bounds import (
    MakeRoom,
    PhotoLimits,
    check_bytes,
    check_scans,
    check_size,
    count_gif_frames,
    no_room,
    read_webp_size,
)
from magic_demo.files.photos.formats.coded_colours import read_avif_codes, read_heif_codes, read_png_codes
from magic_demo.files.photos.formats.jpeg_scans import END, read_scans
from magic_demo.files.photos.formats.png_chunks import thin_png
from magic_demo.files.photos.formats.tiff import open_tiff
from magic_demo.files.photos.kinds import EXPECTED, PHOTO_KINDS, sniff_kind
from magic_demo.files.photos.metadata import find_orientation, has_broken_exif, list_metadata
from magic_demo.files.photos.pictures import (
    Picture,
    Profile,
    picture_of_image,
    picture_of_rgb,
    picture_of_values,
)

NOT_A_PHOTO = Message("this is not a photo that can be read; {expected} is expected", expected=EXPECTED)
BYTES_A_PIXEL = {"JPEG": 5, "PNG": 8, "BMP": 8, "GIF": 6, "WEBP": 20, "AVIF": 20, "HEIF": 20}
"""What unpacking takes at most, the picture itself (4) counted; a library's frames beside it."""
PROGRESSIVE = 12
THREADS = 2
LOST_SHARE = 50
"""Of a JPEG that is cut short one row in so many may be missing."""


def open_picture(data: bytes, name: str, limits: PhotoLimits, make_room: MakeRoom = no_room) -> Picture:
    """Open a photo's file, decoded. Raises PhotoError with one line that begins with ``name``.

    make_room: told how many bytes unpacking takes, once the size is known and before a pixel is unpacked.
    """
    with named(name):
        check_bytes(len(data), limits)
        kind = sniff_kind(data[:132])
        notes: list[Message] = []
        if kind == "TIFF":
            return open_tiff(data, limits, notes, lambda image: list_metadata(image, data), make_room)
        if kind == "DICOM":
            return _open_dicom(data, limits, make_room)
        if kind not in PHOTO_KINDS:
            raise PhotoError(NOT_A_PHOTO)
        return _open_image(data, kind, limits, notes, make_room)


@contextmanager
def named(name: str) -> Iterator[None]:
    """Put the file's name before what is wrong with it, whatever a library says in whatever way."""
    try:
        yield
    except PhotoError as error:
        if str(error).startswith(f"{name}: "):
            raise
        raise PhotoError("{name}: {problem}", name=name, problem=error) from error
    except UnidentifiedImageError as error:
        raise PhotoError("{name}: {problem}", name=name, problem=NOT_A_PHOTO) from error
    except MemoryError as error:
        raise PhotoError(
            "{name}: unpacking it takes more memory than a photo of its size needs; save it as JPEG or PNG",
            name=name,
        ) from error
    except Exception as error:
        # Pillow's plugins raise OSError, SyntaxError, ValueError, struct.error and more on broken files
        raise PhotoError(
            "{name}: the photo is broken or cut short ({reason}); export or copy it again",
            name=name,
            reason=one_line(error),
        ) from error


def _open_image(
    data: bytes, kind: str, limits: PhotoLimits, notes: list[Message], make_room: MakeRoom
) -> Picture:
    scans = read_scans(data) if kind == "JPEG" else None
    cut = scans is not None and scans.end is None and scans.complete
    if kind == "WEBP" and len(data) >= 30:  # else its reader says what is wrong
        width, height = read_webp_size(data)
        check_size(width, height, limits)
        make_room(width * height * BYTES_A_PIXEL[kind])
    if kind == "HEIF":
        know_heif()
    packed = data + END if cut else data
    if kind == "PNG":
        packed, thinned = thin_png(data)
        notes += thinned
    with Image.open(io.BytesIO(packed), formats=(kind,)) as image:
        check_size(*image.size, limits)
        if scans is not None:
            check_scans(scans, *image.size)
        progressive = scans is not None and scans.progressive
        make_room(image.width * image.height * (PROGRESSIVE if progressive else BYTES_A_PIXEL[kind]))
        decoded = _decode_heif(data) if kind == "HEIF" and image.mode == "RGB" else image
        # before its metadata are asked for: a PNG's may lie behind the picture, and what is broken is said
        # here
        decoded.load()
        removed = list_metadata(image, data)
        if removed:
            notes.append(Message("removed: {kinds}", kinds=removed))
        if has_broken_exif(image):
            notes.append(Message("its EXIF data cannot be read"))
        orientation, source = find_orientation(image)
        if orientation != 1:
            notes.append(Message("turned upright as its {source} says", source=source))
        # what EXIF says; the library obeys the header
        if kind == "HEIF" and image.info.get("original_orientation") not in (None, 1):
            turned = b"irot" in data or b"imir" in data
            notes.append(
                Message("turned upright as its {source} says", source=Message("HEIF header"))
                if turned
                else Message("not turned: its EXIF data asks for it, its HEIF header does not")
            )
        frames = count_gif_frames(data) if kind == "GIF" else getattr(image, "n_frames", 1)
        if frames > 1:
            notes.append(Message("the first of {count} frames is used", count=frames))
        if cut:
            _check_cut(image)
            notes.append(Message("cut short at its end; the last pixels may be grey"))
        profile = _find_profile(image, kind, packed, notes)
        if decoded is not image and orientation == 1:
            return picture_of_rgb(_read_values(decoded), notes, owner=decoded, profile=profile)
        return picture_of_image(image, notes, orientation=orientation, profile=profile)


def _find_profile(image: Image.Image, kind: str, data: bytes, notes: list[Message]) -> Profile:
    """Return what tells what the photo's colours mean, the one that counts where there are several; numbers
    that cannot be used are noted."""
    profile: bytes | None = image.info.get("icc_profile")
    coded: Profile = None
    note, first = None, False
    if kind == "PNG":
        coded, note, first = read_png_codes(data, image.info)
    elif kind == "AVIF":
        coded, note = read_avif_codes(data)
    elif kind == "HEIF":
        coded, note = read_heif_codes(image.info)
    if profile and (note or not first):
        return profile
    notes.extend([note] if note else [])
    return coded


def _open_dicom(data: bytes, limits: PhotoLimits, make_room: MakeRoom) -> Picture:
    """Open a DICOM photo: the file that it wraps, or its values."""
    # here, as few photos need it and it takes a while to load
    from magic_demo.files.photos.formats.dicom import read_dicom

    found = read_dicom(data, limits, make_room)
    picture = (
        _open_image(found.jpeg, "JPEG", limits, [], make_room)
        if found.jpeg
        else picture_of_values(found.values, [], inverted=found.inverted, bits=found.bits)
    )
    return replace(picture, notes=[*found.notes, *picture.notes])


@cache
def know_heif() -> None:
    """Teach Pillow to read HEIC and HEIF, once; the library turns them itself."""
    import pi_heif  # here, as it takes a while to load

    pi_heif.register_heif_opener(thumbnails=False, decode_threads=THREADS)


def _decode_heif(data: bytes) -> Any:
    """Return a HEIC photo as its library has it, which Pillow would copy into four bytes a pixel."""
    import pi_heif  # as above

    opened = pi_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=True)
    return opened[opened.primary_index]


def _read_values(decoded: Any) -> Pixels:
    """Return the pixels (H, W, 3) of what ``_decode_heif`` returned, in its memory; a row there may be longer
    than the photo is wide."""
    width, height = decoded.size
    return np.asarray(decoded)[:height, :width]


def limit_threads() -> None:
    """Let no decoder of this process start more than a few threads: each takes memory that a limit counts."""
    from PIL import AvifImagePlugin  # here, as it makes Pillow know another kind of file

    AvifImagePlugin.DEFAULT_MAX_THREADS = THREADS


def _check_cut(image: Image.Image) -> None:
    """Raise PhotoError where more than the last rows of a JPEG are missing: its reader fills them with one
    grey."""
    height = image.height
    tail = np.asarray(image.crop((0, height - height // LOST_SHARE - 1, image.width, height)))
    if (tail == tail[-1, -1]).all():
        raise PhotoError(
            "the photo is broken or cut short (its lower part is missing); export or copy it again"
        )
