"""What a photo's file holds beside the picture, in words, to be said when it is removed.

What is not found here goes all the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from PIL import Image

from magic_demo.core.messages import Message
from magic_demo.files.photos.formats.jpeg_scans import read_scans

EXIF_PHOTO = 0x8769
EXIF_GPS = 0x8825
EXIF_THUMBNAIL = -1
EXIF_ORIENTATION = 0x0112
"""The EXIF folders of the shot, of the place, and of the small picture, by the numbers that Pillow gives
them; and one tag."""
_XMP_ORIENTATION = re.compile(rb"tiff:Orientation(?:=[\"']|>)\s*([1-8])(?=\D)")
DEVICE = frozenset({0x010F, 0x0110, 0xA430, 0xA431, 0xA433, 0xA434, 0xA435})
"""Tags that name camera, lens, their serial numbers and their owner."""
TIME = frozenset({0x0132, 0x9003, 0x9004, 0x9010, 0x9011, 0x9012})
OTHER_METADATA = {
    Message("colour profile"): {"icc_profile"},
    Message("XMP metadata"): {"xmp", "XML:com.adobe.xmp"},
    Message("comments"): {
        "comment",
        "Comment",
        "Author",
        "Description",
        "Title",
        "Copyright",
        "Software",
        "Source",
        "Creation Time",
    },
    Message("Photoshop data"): {"photoshop"},
}
"""The rest that Pillow finds, by the keys under which it does."""


def list_metadata(image: Image.Image, data: bytes) -> list[Message]:
    """Return what was found beside the picture, most telling first. data: the whole file.

    What cannot be read is not named.
    """
    exif, shot, has_position = _read_exif(image)
    tags = {*exif, *shot}
    found = [Message("GPS position")] if has_position else []
    found += [
        what for what, its_tags in ((Message("device"), DEVICE), (Message("time"), TIME)) if tags & its_tags
    ]
    if _has_thumbnail(image):
        found.append(Message("thumbnail"))
    # a TIFF's own tags (size, depth) look like EXIF
    if (exif and (image.format != "TIFF" or shot)) or has_broken_exif(image):
        found.append(Message("EXIF metadata"))
    found += [what for what, keys in OTHER_METADATA.items() if keys & image.info.keys()]
    if _find_end(data) is not None:
        found.append(Message("data after the picture's end"))
    return found


def find_orientation(image: Image.Image) -> tuple[int, str]:
    """Return how a photo lies, 1 to 8 as EXIF counts, and what says so; 1 where nothing does, or nothing that
    there is."""
    try:
        value = _read_orientation(image.getexif().get(EXIF_ORIENTATION))
    except Exception:  # as below
        value = 1
    if image.format == "AVIF":  # whose own turn Pillow hands on as EXIF
        return value, Message("AVIF header")
    packet = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    match = _XMP_ORIENTATION.search(
        packet if isinstance(packet, bytes) else str(packet).encode("utf-8", "replace")
    )
    if match and EXIF_ORIENTATION not in _own_exif(image):  # Pillow takes XMP's where EXIF has none
        return int(match[1]), Message("XMP metadata")
    return value, Message("EXIF data")


def has_broken_exif(image: Image.Image) -> bool:
    """Return whether there is EXIF that cannot be read."""
    if image.format == "TIFF" or not image.info.get("exif"):
        return False
    try:
        Image.Exif().load(image.info["exif"])
    except Exception:
        # SyntaxError, struct.error, ValueError, KeyError, ...: Pillow raises what its parser stumbles over
        return True
    return False


def _read_exif(image: Image.Image) -> tuple[Mapping[int, Any], Mapping[int, Any], Mapping[int, Any]]:
    """Return the EXIF tags of the file, the shot and the place; a folder that cannot be read is empty."""
    folders: list[Mapping[int, Any]] = []
    for read in (
        image.getexif,
        lambda: image.getexif().get_ifd(EXIF_PHOTO),
        lambda: image.getexif().get_ifd(EXIF_GPS),
    ):
        try:
            folders.append(dict(read()))
        except Exception:  # as above
            folders.append({})
    if image.format != "TIFF" and set(folders[0]) == {EXIF_ORIENTATION} and not _own_exif(image):
        folders[0] = {}  # XMP's, which Pillow hands on as EXIF
    return folders[0], folders[1], folders[2]


def _own_exif(image: Image.Image) -> Image.Exif:
    """Return the EXIF of the EXIF block alone."""
    exif = Image.Exif()
    with suppress(Exception):  # as above
        exif.load(image.info.get("exif") or b"")
    return exif


def _read_orientation(value: object) -> int:
    """Return an orientation that was written as a number, or as a byte."""
    first = value[0] if isinstance(value, (bytes, tuple)) and len(value) == 1 else value
    return first if isinstance(first, int) and 1 <= first <= 8 else 1


def _has_thumbnail(image: Image.Image) -> bool:
    try:
        return bool(_own_exif(image).get_ifd(EXIF_THUMBNAIL))
    except Exception:  # as above
        return False


def _find_end(data: bytes) -> int | None:
    """Return where a JPEG, PNG, WebP or BMP ends, None where nothing but padding follows or it cannot be
    told."""
    end = 0
    if data.startswith(b"\xff\xd8"):
        end = read_scans(data).end or 0
    elif data.startswith(b"\x89PNG"):
        end = data.find(b"IEND\xaeB`\x82") + 8
    elif data.startswith(b"RIFF"):
        end = int.from_bytes(data[4:8], "little") + 8
    elif data.startswith(b"BM"):
        end = int.from_bytes(data[2:6], "little")
    return end if end > 8 and data[end:].strip(b"\0") else None
