"""A photo on its way in, read a band of rows at a time: turned upright, in sRGB, 8 bits, on white.

The whole of it is held once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from magic_demo.core.messages import Message
from magic_demo.core.types import Pixels
from magic_demo.files.photos.colours import Colours, read_colours
from magic_demo.files.photos.formats.coded_colours import CodedColours
from magic_demo.imaging.turning import turn_upright

BAND = 128
"""Rows of a photo that are brought out at once."""
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_FROM_THE_END = (3, 4, 7, 8)
"""Orientations whose first row, or column, is stored last."""
_ALPHA = ("RGBA", "LA", "PA", "RGBa", "La")
Profile = bytes | CodedColours | None
"""How a file tells what its colours mean: an ICC profile, numbers, or not at all."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A photo that is open: its upright size, the notes so far, and how rows come out of it as (h, W, 3)
    uint8."""

    height: int
    width: int
    band: Callable[[int, int], Pixels]
    notes: list[Message] = field(default_factory=list)

    def bands(self) -> Iterator[Pixels]:
        """Yield the photo from top to bottom."""
        for top in range(0, self.height, BAND):
            yield self.band(top, min(top + BAND, self.height))

    def pixels(self) -> Pixels:
        """Return the whole photo, (H, W, 3) uint8 RGB."""
        whole = np.empty((self.height, self.width, 3), np.uint8)
        for number, band in enumerate(self.bands()):
            whole[number * BAND : number * BAND + band.shape[0]] = band
        return whole


def picture_of_image(
    image: Image.Image, notes: list[Message], *, orientation: int = 1, profile: Profile = None
) -> Picture:
    """Return an open Pillow image, decoded, as a picture; what is done to it is noted. orientation: as EXIF
    counts, 1 to 8."""
    image.load()
    mode = image.mode
    if mode.startswith("I") or mode == "F":
        values = np.asarray(image)
        bits = 8 * values.dtype.itemsize if values.dtype != np.int32 else 16
        notes.append(
            Message("{bits}-bit grey values brought to 8 bits", bits=bits)
            if mode.startswith("I")
            else Message("floating point grey values brought to 8 bits")
        )
        return picture_of_values(values, notes, orientation=orientation, profile=profile)
    has_alpha = mode in _ALPHA or "transparency" in image.info
    base = "L" if mode in ("L", "1", "LA", "La") else "CMYK" if mode == "CMYK" else "RGB"
    colours = read_colours(profile, base) if mode != "LAB" else Colours()
    if mode == "P":
        notes.append(Message("palette colours converted to RGB"))
    elif has_alpha:
        notes.append(Message("transparency laid on white"))
    elif mode not in ("RGB", "P"):
        notes.append(
            Message("grey values converted to RGB")
            if mode in ("L", "1")
            else Message("{mode} converted to RGB", mode=mode)
        )
    if colours.note:
        notes.append(colours.note)
    width, height = image.size if orientation < 5 else image.size[::-1]

    def band(top: int, bottom: int) -> Pixels:
        return np.asarray(
            _to_srgb(_cut(image, orientation, top, bottom), base, colours, has_alpha or mode == "P")
        )

    return Picture(height, width, band, notes)


def picture_of_rgb(
    values: Pixels, notes: list[Message], *, owner: object, profile: Profile = None
) -> Picture:
    """Return upright (H, W, 3) uint8 RGB as a picture: of a large photo Pillow would hold a third more.
    owner: whose memory it is, held as long."""
    colours = read_colours(profile, "RGB")
    if colours.note:
        notes.append(colours.note)

    def band(top: int, bottom: int, _owner: object = owner) -> Pixels:
        part = np.ascontiguousarray(values[top:bottom])
        return part if colours.transform is None else np.asarray(colours.apply(Image.fromarray(part)))

    return Picture(values.shape[0], values.shape[1], band, notes)


def _cut(image: Image.Image, orientation: int, top: int, bottom: int) -> Image.Image:
    """Return upright rows ``top`` to ``bottom``: rows or columns of the image as stored, turned."""
    length = image.height if orientation < 5 else image.width
    if orientation in _FROM_THE_END:
        top, bottom = length - bottom, length - top
    part = image.crop((0, top, image.width, bottom) if orientation < 5 else (top, 0, bottom, image.height))
    return part.transpose(_TURNS[orientation]) if orientation in _TURNS else part


def _to_srgb(part: Image.Image, base: str, colours: Colours, has_alpha: bool) -> Image.Image:
    alpha = None
    if has_alpha:
        part = part.convert("RGBA")
        alpha = part.getchannel("A")
    if colours.transform is not None:
        part = colours.apply(part if part.mode == base else part.convert(base))
    rgb = part if part.mode == "RGB" else part.convert("RGB")
    if alpha is None:
        return rgb
    white = Image.new("RGB", rgb.size, (255, 255, 255))
    white.paste(rgb, mask=alpha)
    return white


def picture_of_values(
    values: NDArray[Any],
    notes: list[Message],
    *,
    orientation: int = 1,
    bits: int | None = None,
    inverted: bool = False,
    alpha: str = "",
    profile: Profile = None,
) -> Picture:
    """Return (H, W) or (H, W, C) values of any depth as a picture.

    C: 1 or 3, one more with ``alpha`` ("straight" or "premultiplied"; "unknown": left out). bits: of a whole
    value, None where its values have to tell. inverted: 0 is white.
    """
    values = values[:, :, None] if values.ndim == 2 else values
    turned = turn_upright(values, orientation)
    colours_count = 1 if values.shape[2] < 3 else 3
    full = _find_full(values, bits, notes)
    base = "L" if colours_count == 1 else "RGB"
    colours = read_colours(profile, base)
    if colours.note:
        notes.append(colours.note)

    def band(top: int, bottom: int) -> Pixels:
        part = np.nan_to_num(turned[top:bottom].astype(np.float64), posinf=full) / full
        shown = part[:, :, :colours_count]
        shown = 1 - shown if inverted else shown
        if colours.transform is not None:
            image = Image.fromarray(
                np.ascontiguousarray(_to_8_bits(shown).squeeze(2) if base == "L" else _to_8_bits(shown))
            )
            shown = np.asarray(colours.apply(image)) / 255.0
        if alpha in ("straight", "premultiplied"):
            cover = np.clip(part[:, :, colours_count:], 0, 1)
            shown = (shown * cover if alpha == "straight" else shown) + 1 - cover
        rows = _to_8_bits(shown)
        return np.repeat(rows, 3, axis=2) if rows.shape[2] == 1 else rows

    return Picture(turned.shape[0], turned.shape[1], band, notes)


def _to_8_bits(shares: NDArray[np.float64]) -> NDArray[np.uint8]:
    return np.clip(np.rint(shares * 255.0), 0, 255).astype(np.uint8)


def _find_full(values: NDArray[Any], bits: int | None, notes: list[Message]) -> float:
    """Return which value is white: by the bits, or as the values suggest (0..1, 0..255, 12 bits in 16, all of
    the type)."""
    if values.dtype.kind == "f":
        finite = values[np.isfinite(values)]
        top = float(finite.max(initial=0.0)) if finite.size else 0.0
        if top <= 1.0:
            return 1.0
        # Some highlights a little over 1 do not make it a photo of 0 to 255.
        if float(np.percentile(finite[:: max(1, finite.size // 1_000_000)], 99)) <= 1.05:
            notes.append(Message("values over 1 are taken as white"))
            return 1.0
        return 255.0 if top <= 255.0 else 65535.0 if top <= 65535.0 else top
    top = float(values.max(initial=0))
    if bits is not None and bits < 8 * values.dtype.itemsize:
        return float(2**bits - 1)
    if top <= 255.0:
        return 255.0
    if top <= 4095.0 and values.dtype.itemsize == 2:
        notes.append(Message("its values end at 12 bits and are taken as such"))
        return 4095.0
    return 65535.0 if top <= 65535.0 else float(np.iinfo(values.dtype).max)
