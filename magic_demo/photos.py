"""The one way a photo comes in: limits, decoding, EXIF rotation, metadata dropped, and what a model's input is made of."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from magic_demo.errors import PhotoError, one_line
from magic_demo.limits import LIMITS
from magic_demo.photo_metadata import list_metadata
from magic_demo.types import Photo, Pixels

PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp")
PHOTO_KINDS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF")
"""What Pillow may take a file for, whatever its name: others of its readers start programs (EPS) or are hardly ever used."""
HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"avif")
EXIF_ORIENTATION = 0x0112
TIFF_BITS_PER_SAMPLE = 258
BAND = 128
"""Rows of a photo that are copied at once."""

Image.MAX_IMAGE_PIXELS = None  # the limit is ours (PhotoLimits), checked before a pixel is decoded
warnings.filterwarnings("ignore", module=r"PIL\..*")  # about tags that are dropped; what a reader needs to know is in the notes


@dataclass(frozen=True)
class PhotoLimits:
    """What is accepted: bytes of the file, pixels of the photo, and its shortest side in pixels."""

    max_bytes: int = LIMITS.photo_bytes
    max_pixels: int = LIMITS.photo_pixels
    min_side: int = LIMITS.photo_side


DEFAULT_LIMITS = PhotoLimits()


def read_photo(path: Path, *, photo_id: str | None = None, limits: PhotoLimits = DEFAULT_LIMITS) -> Photo:
    """Read a photo file; the id is the file's name without ending unless given. Raises PhotoError with one line."""
    name = path.name
    try:
        size = path.stat().st_size
        if size > limits.max_bytes:
            raise PhotoError(_too_heavy(name, size, limits))
        data = path.read_bytes()
    except OSError as error:
        raise PhotoError(f"{name}: cannot be read ({error.strerror or error}); check that the file exists and is readable") from error
    return decode_photo(data, photo_id=photo_id or path.stem, name=name, limits=limits)


def decode_photo(data: bytes, *, photo_id: str, name: str = "", limits: PhotoLimits = DEFAULT_LIMITS) -> Photo:
    """Rebuild a photo from its pixels: upright, 8-bit RGB, nothing else of the file kept.

    JPEG, PNG, WebP, TIFF and BMP; CMYK, palette, grey and 16-bit photos are converted, transparency is laid on white,
    of several frames the first is taken, and each of these is noted. Raises PhotoError with one line otherwise.
    """
    name = name or photo_id
    if len(data) > limits.max_bytes:
        raise PhotoError(_too_heavy(name, len(data), limits))
    if data[4:8] == b"ftyp" and data[8:12] in HEIC_BRANDS:
        raise PhotoError(
            f"{name}: HEIC and AVIF photos are not supported; save it as JPEG or PNG (on an iPhone: 'Most Compatible') and try again"
        )
    notes: list[str] = []
    try:
        with Image.open(io.BytesIO(data), formats=PHOTO_KINDS) as image:
            _check_size(name, *image.size, limits)
            notes.extend(_metadata_notes(image, data))
            rgb = _to_rgb(image, notes)
    except UnidentifiedImageError as error:
        rgb = _read_tiff(data, name, limits, notes, error)
    except PhotoError:
        raise
    except Exception as error:  # Pillow's plugins raise OSError, SyntaxError, ValueError, struct.error and more on broken files
        raise PhotoError(f"{name}: the photo is broken or cut short ({one_line(error)}); export or copy it again") from error
    return Photo(photo_id=photo_id, pixels=np.ascontiguousarray(rgb), notes=tuple(notes))


def resize_pixels(pixels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Resize (H, W, 3) or (H, W) uint8 to ``size`` (height, width) without aliasing: by area down, bilinear up."""
    height, width = size
    if pixels.shape[:2] == (height, width):
        return pixels
    shrinks = pixels.shape[0] > height or pixels.shape[1] > width
    resized = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return np.asarray(resized, dtype=np.uint8)


def _check_size(name: str, width: int, height: int, limits: PhotoLimits) -> None:
    if width * height > limits.max_pixels:
        raise PhotoError(
            f"{name}: {width}x{height} is {width * height / 1e6:.0f} megapixels, the limit is {limits.max_pixels / 1e6:.0f}; make it smaller"
        )
    if min(width, height) < limits.min_side:
        raise PhotoError(f"{name}: {width}x{height} pixels is too small, at least {limits.min_side} a side are needed")


def _metadata_notes(image: Image.Image, data: bytes) -> list[str]:
    notes = []
    found = list_metadata(image, data)
    if found:
        notes.append(f"removed: {', '.join(found)}")
    exif = image.getexif()
    if exif.get(EXIF_ORIENTATION, 1) not in (0, 1):
        notes.append("turned upright as its EXIF data says")
    bits = max(getattr(image, "tag_v2", {}).get(TIFF_BITS_PER_SAMPLE, (8,)))
    if image.mode == "RGB" and bits > 8:
        notes.append(f"{bits}-bit colours brought to 8 bits")
    if getattr(image, "n_frames", 1) > 1:
        notes.append(f"the first of {getattr(image, 'n_frames', 1)} frames is used")
    return notes


def _to_rgb(image: Image.Image, notes: list[str]) -> Pixels:
    image.load()
    ImageOps.exif_transpose(image, in_place=True)
    upright, mode = image, image.mode
    if mode.startswith("I") or mode == "F":
        notes.append(f"{'16-bit' if mode.startswith('I') else 'floating point'} grey values brought to 8 bits")
        return _grey_to_rgb(np.asarray(upright))
    if mode == "P" or "transparency" in upright.info:
        notes.append("palette colours converted to RGB" if mode == "P" else "transparency laid on white")
        upright = upright.convert("RGBA")
    if upright.mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        if mode == upright.mode:  # else it was said above
            notes.append("transparency laid on white")
        upright = upright.convert("RGBA")
        white = Image.new("RGBA", upright.size, (255, 255, 255, 255))
        upright = Image.alpha_composite(white, upright)
    elif mode not in ("RGB", "P"):
        notes.append(f"{'grey values' if mode in ('L', '1') else mode} converted to RGB")
    return _copy_pixels(upright if upright.mode == "RGB" else upright.convert("RGB"))


def _copy_pixels(image: Image.Image) -> Pixels:
    """Return an RGB image's pixels, band by band: Pillow hands out a whole photo by way of a second copy of it."""
    pixels = np.empty((image.height, image.width, 3), np.uint8)
    for top in range(0, image.height, BAND):
        bottom = min(top + BAND, image.height)
        pixels[top:bottom] = np.asarray(image.crop((0, top, image.width, bottom)))
    return pixels


def _grey_to_rgb(values: NDArray[np.generic]) -> Pixels:
    """Bring (H, W) or (H, W, 3) values of more than 8 bits to uint8 RGB; float values are taken as 0..1 or 0..255."""
    numbers = np.nan_to_num(values.astype(np.float64))
    top = float(numbers.max(initial=0.0))
    full = 1.0 if values.dtype.kind == "f" and top <= 1.0 else 255.0 if top <= 255.0 else 65535.0 if top <= 65535.0 else top
    eight_bit = np.clip(np.rint(numbers * (255.0 / full)), 0, 255).astype(np.uint8)
    if eight_bit.ndim == 2:
        eight_bit = np.repeat(eight_bit[:, :, None], 3, axis=2)
    return eight_bit[:, :, :3]


def _read_tiff(data: bytes, name: str, limits: PhotoLimits, notes: list[str], cause: Exception) -> Pixels:
    """Read what Pillow cannot: TIFFs of 16 bits a colour."""
    not_a_photo = PhotoError(f"{name}: this is not a photo that can be read; JPEG, PNG, WebP or TIFF is expected")
    if data[:4] not in (b"II*\x00", b"MM\x00*"):
        raise not_a_photo from cause
    try:
        with tifffile.TiffFile(io.BytesIO(data)) as tiff:
            page = tiff.pages.first
            _check_size(name, page.imagewidth, page.imagelength, limits)
            values = page.asarray()
    except PhotoError:
        raise
    except Exception as error:  # tifffile raises many kinds on broken files
        raise PhotoError(
            f"{name}: the TIFF is broken or of a kind that cannot be read ({one_line(error)}); save it as JPEG or PNG"
        ) from error
    if values.ndim not in (2, 3) or (values.ndim == 3 and values.shape[2] not in (3, 4)):
        raise not_a_photo from cause
    notes.append(f"{values.dtype.itemsize * 8}-bit colours brought to 8 bits")
    return _grey_to_rgb(values)


def _too_heavy(name: str, size: int, limits: PhotoLimits) -> str:
    return f"{name}: {size / 2**20:.0f} MB, the limit is {limits.max_bytes / 2**20:.0f} MB; save it smaller"
