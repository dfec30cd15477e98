"""Colours as a photo's profile means them become sRGB, before the profile is dropped."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image, ImageCms

from magic_demo.core.messages import Message
from magic_demo.files.photos.formats.coded_colours import UNKNOWN, CodedColours

LARGEST_PROFILE = 4 * 2**20
NEAR = 1
"""Levels that a profile may move a colour and still count as sRGB: rounding alone moves it so far."""
KNOWN = (
    ("display p3", "Display P3"),
    ("adobe rgb", "Adobe RGB"),
    ("prophoto", "ProPhoto RGB"),
    ("romm", "ProPhoto RGB"),
)
"""Names of profiles that are said; any other text in a profile is of the file's maker, and dropped."""
BROKEN = Message("its colour profile cannot be read; the colours are taken as sRGB")
_SPACES = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK"}


@dataclass(frozen=True)
class Colours:
    """How a photo's colours become sRGB: ``transform`` is None where they are already, or cannot be told;
    ``note`` says what is done."""

    transform: Any = None
    note: Message | None = None

    def apply(self, band: Image.Image) -> Image.Image:
        """Return a band of the photo in sRGB; its mode is the one that the transform was made for."""
        converted = ImageCms.applyTransform(band, self.transform)
        # None where it was done in place, which is not asked for
        return band if converted is None else converted


@lru_cache(maxsize=8)
def read_colours(profile: bytes | CodedColours | None, mode: str) -> Colours:
    """Return how a photo of Pillow's ``mode`` (RGB, L or CMYK) with this ICC profile, or these numbers, comes
    to sRGB, relative colorimetric."""
    if isinstance(profile, CodedColours):
        return _read_coded(profile, mode)
    if not profile:
        return Colours()
    if len(profile) > LARGEST_PROFILE:
        return Colours(note=BROKEN)
    try:
        opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        space = _SPACES.get(opened.profile.xcolor_space)
        if space != mode:
            return Colours(note=Message("its colour profile is of another kind of colours and not applied"))
        transform = ImageCms.buildTransform(
            opened,
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        )
        if _changes_little(transform, mode):
            return Colours()
        name = (opened.profile.profile_description or "").lower()
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError, SyntaxError):
        return Colours(note=BROKEN)
    known = next((label for part, label in KNOWN if part in name), "")
    return Colours(
        transform,
        Message("colours converted from {name} to sRGB", name=known)
        if known
        else Message("colours converted to sRGB as its colour profile says"),
    )


def _read_coded(coded: CodedColours, mode: str) -> Colours:
    if mode not in ("RGB", "L"):
        return Colours()
    try:
        meant = read_colours(coded.profile(mode), mode)
    except ValueError:
        return Colours(note=UNKNOWN)
    return (
        replace(meant, note=Message("colours converted from {name} to sRGB", name=coded.name))
        if meant.transform is not None
        else meant
    )


def _changes_little(transform: Any, mode: str) -> bool:
    if mode == "CMYK":
        return False
    levels = np.arange(0, 256, 17, dtype=np.uint8)
    colours = (
        np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(16, -1, 3)
        if mode == "RGB"
        else levels[None, :]
    )
    after = np.asarray(
        ImageCms.applyTransform(Image.fromarray(np.ascontiguousarray(colours)), transform)
    ).astype(int)
    before = colours.astype(int) if mode == "RGB" else colours.astype(int)[:, :, None]
    return bool(np.abs(after - before).max() <= NEAR)
