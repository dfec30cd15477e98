"""What a photo's file holds beside the picture, in words, to be said when it is removed. What is not found here goes all the same."""

from __future__ import annotations

from PIL import Image

EXIF_PHOTO = 0x8769
EXIF_GPS = 0x8825
EXIF_THUMBNAIL = -1
"""The EXIF folders of the shot, of the place, and of the small picture, by the numbers that Pillow gives them."""
DEVICE = frozenset({0x010F, 0x0110, 0xA430, 0xA431, 0xA433, 0xA434, 0xA435})
"""Tags that name camera, lens, their serial numbers and their owner."""
TIME = frozenset({0x0132, 0x9003, 0x9004, 0x9010, 0x9011, 0x9012})
OTHER_METADATA = {
    "colour profile": {"icc_profile"},
    "XMP metadata": {"xmp", "XML:com.adobe.xmp"},
    "comments": {"comment", "Comment", "Author", "Description", "Title", "Copyright", "Software", "Source", "Creation Time"},
    "Photoshop data": {"photoshop"},
}
"""The rest that Pillow finds, by the keys under which it does."""


def list_metadata(image: Image.Image, data: bytes) -> list[str]:
    """Return what was found beside the picture, most telling first. data: the whole file."""
    exif = image.getexif()
    shot = exif.get_ifd(EXIF_PHOTO)
    tags = {*exif, *shot}
    found = ["GPS position"] if exif.get_ifd(EXIF_GPS) else []
    found += [what for what, its_tags in (("device", DEVICE), ("time", TIME)) if tags & its_tags]
    if _has_thumbnail(image):
        found.append("thumbnail")
    if exif and (image.format != "TIFF" or shot):  # a TIFF's own tags (size, depth) look like EXIF
        found.append("EXIF metadata")
    found += [what for what, keys in OTHER_METADATA.items() if keys & image.info.keys()]
    if _find_end(data) is not None:
        found.append("data after the picture's end")
    return found


def _has_thumbnail(image: Image.Image) -> bool:
    apart = Image.Exif()  # of its own: with this folder read, Pillow cannot write the photo's EXIF again when it turns the photo
    apart.load(image.info.get("exif") or b"")
    return bool(apart.get_ifd(EXIF_THUMBNAIL))


def _find_end(data: bytes) -> int | None:
    """Return where a JPEG, PNG, WebP or BMP ends, None where nothing but padding follows or it cannot be told."""
    end = 0
    if data.startswith(b"\xff\xd8"):
        end = _find_jpeg_end(data)
    elif data.startswith(b"\x89PNG"):
        end = data.find(b"IEND\xaeB`\x82") + 8
    elif data.startswith(b"RIFF"):
        end = int.from_bytes(data[4:8], "little") + 8
    elif data.startswith(b"BM"):
        end = int.from_bytes(data[2:6], "little")
    return end if end > 8 and data[end:].strip(b"\0") else None


def _find_jpeg_end(data: bytes) -> int:
    place = 2
    while data[place : place + 1] == b"\xff" and data[place + 1 : place + 2] != b"\xda":  # a segment: marker and length
        place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return data.find(b"\xff\xd9", place) + 2  # inside the picture's own data the marker cannot occur
