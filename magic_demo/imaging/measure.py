"""What a lesion mask and its photo say by themselves, in numbers a reader can check: count, area, border,
colours, skin tone.

Nothing is learnt here. Lengths are shares of the photo's diagonal and areas shares of the photo, since a
photo has no scale. Colours are CIE Lab (D65), after a white balance on the skin around the lesion: gains a
channel that turn this skin into REFERENCE_SKIN. Light and camera move lesion and skin alike, so that what is
left is how the lesion differs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from magic_demo.core.errors import MagicDemoError
from magic_demo.core.types import Mask, Pixels

LONGEST_SIDE = 512
"""Photos are measured at this many pixels along the longest side at most."""
SPECK_OF_PHOTO, SPECK_OF_LARGEST = 0.0004, 0.02
"""A part of the mask smaller than this share of the photo, or of the mask's largest part, is a speck: neither
counted nor measured."""
BORDER_BAND = 0.015
"""Width of the bands on both sides of the border that are compared, and the gap left to the skin around, in
diagonals."""
RING = 0.09
"""How far from the lesion the skin around it reaches, in diagonals."""
MOST_SAMPLES = 1500
"""Colours of a region that are looked at, about."""
CLUSTERS = 3
LEAST_CLUSTER = 0.08
"""Smallest share of the lesion that a colour is named for."""
COMBINATION = "combination (please specify)"
COMBINED_BELOW, LEAST_COMBINED = 0.5, 0.2
"""Where no shade (one of SHADES) covers the first share of the lesion and at least two cover the second, its
colour is a combination."""
REFERENCE_SKIN = (200, 155, 130)
"""sRGB of the skin that every photo is balanced on."""

COLOURS: dict[str, tuple[float, float, float]] = {
    "normal skin color": (0.0, 0.0, 0.0),
    "pink": (-5.0, 7.0, -1.0),
    "red": (-10.0, 13.0, 0.0),
    "brown": (-23.0, 8.0, 5.0),
    "blue": (-23.0, -8.0, -16.0),
    "purple": (-21.0, 9.0, -13.0),
    "black": (-37.0, -5.0, -8.0),
    "white": (25.0, -6.0, -9.0),
    "hyperpigmentation": (-10.0, 2.0, 3.0),
    "hypopigmentation": (6.0, -3.0, -2.0),
}
"""Options of CQID034 -> how far they typically are from the skin around in Lab; a colour has the name of the
nearest.

The values are rounded medians over 400 synthetic photos with their true masks, so the names hold for real
photos only as far as those do."""
SHADES = (
    ("normal skin color",),
    ("pink", "red"),
    ("brown", "hyperpigmentation", "black"),
    ("blue",),
    ("purple",),
    ("white", "hypopigmentation"),
)
"""Colours that pass into each other: two of one shade are no combination."""
TONES = (
    (55.0, "very light"),
    (41.0, "light"),
    (28.0, "intermediate"),
    (10.0, "tan"),
    (-30.0, "brown"),
    (-1e9, "dark"),
)
"""Lowest individual typology angle of each group, degrees (Chardon et al., 1991; Del Bino et al., 2006)."""
SKIN_LIGHTNESS, SKIN_CHROMA, SKIN_HUE = (8.0, 95.0), (7.0, 60.0), (10.0, 85.0)
"""Lab lightness, chroma and hue (degrees) of a pixel that may be skin: wide enough for every skin in any usual
light, and without paper, cloth, gloves, rulers, ink and black backgrounds. Wood passes."""
LEAST_SKIN_AROUND, LEAST_SKIN_OF_PHOTO = 0.25, 0.01
"""Share of what lies around the lesion, and of the photo, that must be skin for a tone to be given."""
LIGHT_WARNING = "The light and the camera change this number: it describes the photo, not the person."

Lab = NDArray[np.float32]
"""Colours (N, 3)."""
_LEVELS = np.arange(256) / 255
_LINEAR = np.where(_LEVELS <= 0.04045, _LEVELS / 12.92, ((_LEVELS + 0.055) / 1.055) ** 2.4).astype(np.float32)
"""sRGB level -> share of white light."""
_REFERENCE = _LINEAR[list(REFERENCE_SKIN)]
_TO_XYZ = np.array(
    [
        [0.412453 / 0.950456, 0.35758 / 0.950456, 0.180423 / 0.950456],
        [0.212671, 0.71516, 0.072169],
        [0.019334 / 1.088754, 0.119193 / 1.088754, 0.950227 / 1.088754],
    ],
    np.float32,
)
"""Linear RGB -> XYZ as shares of the white point D65."""


class MeasureError(MagicDemoError):
    """A photo and a mask that do not belong together."""


@dataclass(frozen=True)
class ColourShare:
    """A colour found in the lesion: an option of CQID034, its share of the lesion 0..1, its balanced centre in
    Lab and how far that is from REFERENCE_SKIN."""

    name: str
    share: float
    lab: tuple[float, float, float]
    difference: tuple[float, float, float]


@dataclass(frozen=True)
class SkinTone:
    """The skin around the lesion. angle: individual typology angle in degrees. group: its usual name. lab:
    the median colour."""

    angle: float
    group: str
    lab: tuple[float, float, float]
    warning: str = LIGHT_WARNING


@dataclass(frozen=True)
class LesionMeasures:
    """What one photo's mask says.

    count: parts of the mask, specks left out. area_share: of the photo, 0..1. largest_share: the largest
    part's share of that area.
    irregularity: 0 for convex parts, towards 1 the more their outlines are notched. sharpness: share of the
    colour contrast that falls on the border itself, 0 (fades away) to about 1 (cut out). contrast: Lab
    distance of the lesion's median from the skin's.
    roughness: fine detail of the lightness inside, relative to the skin around (1 is alike). touches_rim:
    whether the lesion goes on beyond the photo.
    colours: the largest share first, empty without a lesion. tone: of all that lies around the lesion, None
    where nothing does: what the photo answerer reads. skin_tone: of the pixels among these that may be skin,
    None where there are too few: what a reader is told.
    """

    count: int
    area_share: float
    largest_share: float = 0.0
    irregularity: float = 0.0
    sharpness: float = 0.0
    contrast: float = 0.0
    roughness: float = 1.0
    touches_rim: bool = False
    colours: tuple[ColourShare, ...] = ()
    tone: SkinTone | None = None
    skin_tone: SkinTone | None = None

    @property
    def found(self) -> bool:
        """Return whether there is a lesion at all."""
        return self.count > 0

    @property
    def dominant_colour(self) -> str | None:
        """Return the option of CQID034 that covers most, COMBINATION where no shade prevails, None without a
        lesion or skin to compare with."""
        if not self.colours:
            return None
        shares = [sum(colour.share for colour in self.colours if colour.name in shade) for shade in SHADES]
        if max(shares) < COMBINED_BELOW and sorted(shares)[-2] >= LEAST_COMBINED:
            return COMBINATION
        shade = SHADES[int(np.argmax(shares))]
        return max(
            (colour for colour in self.colours if colour.name in shade), key=lambda colour: colour.share
        ).name


def measure_photo(pixels: Pixels, mask: Mask) -> LesionMeasures:
    """Measure a photo (H, W, 3) uint8 RGB under its lesion mask (H, W) bool.

    Raises MeasureError when their sizes differ.
    """
    if pixels.shape[:2] != mask.shape:
        raise MeasureError(
            "a mask of {mask} came for a photo of {photo}; bring the mask to the photo's size first",
            mask=str(mask.shape),
            photo=str(pixels.shape[:2]),
        )
    small, parts, areas = _keep_parts(*_shrink(pixels, mask))
    if not areas:
        everything = np.ones(parts.shape, np.bool_)
        return LesionMeasures(
            0, 0.0, tone=measure_tone(small, everything), skin_tone=_measure_skin(small, everything)
        )
    diagonal = float(np.hypot(*parts.shape))
    outside = cv2.distanceTransform((~parts).astype(np.uint8), cv2.DIST_L2, 3)
    inside = cv2.distanceTransform(parts.astype(np.uint8), cv2.DIST_L2, 3)
    band = max(2.0, BORDER_BAND * diagonal)
    around = (outside > band) & (outside <= max(6.0, RING * diagonal))
    if around.sum() < 64:
        around = outside > 0
    found: dict[str, float] = {"irregularity": _measure_irregularity(parts)}
    colours: tuple[ColourShare, ...] = ()
    tone: SkinTone | None = None
    skin_tone: SkinTone | None = None
    if around.any():
        skin_tone = _measure_skin(small, around)
        skin = _median(_sample(small, around))
        tone = _name_tone(skin)
        core = (inside > min(band, 0.5 * float(inside.max()))) & parts
        lesion = _sample(small, core)
        contrast = float(np.linalg.norm(_median(lesion) - skin))
        found |= {"contrast": contrast, "roughness": _compare_detail(small, core, around)}
        found["sharpness"] = _measure_sharpness(
            small, (inside > 0) & (inside <= band), (outside > 0) & (outside <= band), contrast
        )
        colours = _name_colours(balance_colours(_take(small, core), _take(small, around)))
    rim = np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]])
    return LesionMeasures(
        count=len(areas),
        area_share=float(parts.mean()),
        largest_share=max(areas) / sum(areas),
        touches_rim=bool(rim.mean() > 0.01),
        colours=colours,
        tone=tone,
        skin_tone=skin_tone,
        **found,
    )


def count_parts(mask: Mask) -> int:
    """Return how many parts a mask (H, W) bool has, specks left out."""
    return len(_keep_parts(np.empty((*mask.shape, 0), np.uint8), mask)[2])


def count_pieces(mask: Mask) -> tuple[int, int]:
    """Return how many parts a mask (H, W) bool has, and how many specks beside them."""
    kept = count_parts(mask)
    return kept, cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)[0] - 1 - kept


def measure_tone(pixels: Pixels, skin: Mask) -> SkinTone:
    """Return the tone of the pixels (H, W, 3) that ``skin`` (H, W) marks, of all of them where it marks none.

    The individual typology angle is atan((L - 50) / b) of their median colour in Lab (Chardon et al., 1991).
    """
    chosen = skin if skin.any() else np.ones(skin.shape, np.bool_)
    return _name_tone(_median(_sample(pixels, chosen)))


def _measure_skin(pixels: Pixels, around: Mask) -> SkinTone | None:
    """Return the tone of the pixels in a region that may be skin, None where there are too few."""
    colours = _sample(pixels, around)
    lightness, red, yellow = colours.T
    chroma, hue = np.hypot(red, yellow), np.degrees(np.arctan2(yellow, red))
    fits = np.ones(len(colours), np.bool_)
    for values, (low, high) in ((lightness, SKIN_LIGHTNESS), (chroma, SKIN_CHROMA), (hue, SKIN_HUE)):
        fits &= (values >= low) & (values <= high)
    share = float(fits.mean())
    if share < LEAST_SKIN_AROUND or share * float(around.mean()) < LEAST_SKIN_OF_PHOTO:
        return None
    return _name_tone(_median(colours[fits]))


def balance_colours(lesion: Pixels, skin: Pixels) -> Lab:
    """Return the Lab colours (N, 3) of lesion pixels (N, 3) uint8 under light in which the median of the skin
    pixels (M, 3) looks like REFERENCE_SKIN; highlights may be lighter than white."""
    dark = float(_LINEAR[1])  # black skin pixels say nothing of the light
    balanced = _LINEAR[lesion] * (
        _REFERENCE / np.maximum(_LINEAR[np.median(skin, axis=0).astype(np.uint8)], dark)
    )
    return _to_lab(balanced)


def name_colour(difference: Sequence[float] | Lab) -> str:
    """Return the name of a colour that lies ``difference`` (L, a, b) away from the skin around it."""
    return min(COLOURS, key=lambda name: float(np.linalg.norm(np.subtract(difference, COLOURS[name]))))


def _shrink(pixels: Pixels, mask: Mask) -> tuple[Pixels, Mask]:
    height, width = mask.shape
    scale = LONGEST_SIDE / max(height, width)
    if scale >= 1:
        return pixels, mask
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    share = cv2.resize(mask.astype(np.uint8) * 255, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8), np.asarray(
        share >= 128
    )


def _keep_parts(pixels: Pixels, mask: Mask) -> tuple[Pixels, Mask, list[int]]:
    """Leave specks out of the mask; returns the areas in pixels of the parts that are left."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    areas = stats[:, cv2.CC_STAT_AREA].astype(np.int64)
    areas[0] = 0
    large = (
        areas >= max(4.0, SPECK_OF_PHOTO * mask.size, SPECK_OF_LARGEST * float(areas.max(initial=0)))
    ) & (areas > 0)
    return pixels, np.asarray(large[labels]), [int(area) for area in areas[large]] if count > 1 else []


def _sample(pixels: Pixels, where: Mask) -> Lab:
    """Return about MOST_SAMPLES colours (N, 3) of a region in Lab, spread evenly over it: only those are
    converted, for speed."""
    chosen = _take(pixels, where)
    return np.asarray(
        cv2.cvtColor(chosen[None].astype(np.float32) * np.float32(1 / 255), cv2.COLOR_RGB2Lab)[0], np.float32
    )


def _take(pixels: Pixels, where: Mask) -> Pixels:
    """Return about MOST_SAMPLES pixels (N, 3) of a region, spread evenly over it."""
    indices = np.flatnonzero(where)
    return pixels.reshape(-1, 3)[indices[:: max(1, len(indices) // MOST_SAMPLES)]]


def _to_lab(linear: NDArray[np.float32]) -> Lab:
    """Return CIE Lab (D65) of linear RGB (..., 3), 1 being white; unlike OpenCV's this goes beyond white."""
    parts = linear @ _TO_XYZ.T
    bent = np.where(parts > 0.008856, np.cbrt(parts), 7.787 * parts + 16 / 116)
    lightness = np.where(parts[..., 1] > 0.008856, 116 * bent[..., 1] - 16, 903.3 * parts[..., 1])
    return np.stack(
        [lightness, 500 * (bent[..., 0] - bent[..., 1]), 200 * (bent[..., 1] - bent[..., 2])], axis=-1
    ).astype(np.float32)


def _median(colours: Lab) -> Lab:
    """Return the median (3,) of colours (N, 3), N from 1: numpy's own to the last bit, which takes four times
    as long for so few."""
    ordered = np.sort(colours.T, axis=1)
    middle = len(colours) // 2
    return (
        ordered[:, middle]
        if len(colours) % 2
        else (ordered[:, middle - 1] + ordered[:, middle]) / np.float32(2)
    )


def _name_tone(colour: Lab) -> SkinTone:
    lightness, red, yellow = (float(value) for value in colour)
    angle = float(np.degrees(np.arctan2(lightness - 50, max(yellow, 1e-3))))
    return SkinTone(angle, next(name for lowest, name in TONES if angle > lowest), (lightness, red, yellow))


def _measure_irregularity(parts: Mask) -> float:
    """Return 1 - area / area of the convex hull, averaged over the parts by area."""
    contours, _ = cv2.findContours(parts.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    areas = np.array([cv2.contourArea(contour) for contour in contours])
    hulls = np.array([cv2.contourArea(cv2.convexHull(contour)) for contour in contours])
    return float(np.clip(1 - areas.sum() / hulls.sum(), 0, 1)) if hulls.sum() > 0 else 0.0


def _measure_sharpness(pixels: Pixels, inner: Mask, outer: Mask, contrast: float) -> float:
    if not (inner.any() and outer.any()):
        return 0.0
    step = np.linalg.norm(_median(_sample(pixels, inner)) - _median(_sample(pixels, outer)))
    return float(np.clip(step / max(contrast, 3.0), 0.0, 1.5))


def _compare_detail(pixels: Pixels, inner: Mask, outer: Mask) -> float:
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    detail = cv2.absdiff(grey, cv2.GaussianBlur(grey, (0, 0), 2.0))
    inner_detail, outer_detail = (cv2.mean(detail, where.astype(np.uint8))[0] for where in (inner, outer))
    return float(np.clip((inner_detail + 0.25) / (outer_detail + 0.25), 0.1, 10.0))


def _name_colours(samples: Lab) -> tuple[ColourShare, ...]:
    """Gather the lesion's balanced colours in up to three clusters and name them; clusters of one name are
    joined."""
    skin = _to_lab(_REFERENCE)
    clusters = min(CLUSTERS, len(samples))
    # by lightness: the same for the same photo
    start = (samples[:, 0].argsort().argsort() * clusters // len(samples)).astype(np.int32)
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_MAX_ITER, 12, 0.5)
    _, labels, _ = cv2.kmeans(
        np.ascontiguousarray(samples), clusters, start[:, None], criteria, 1, cv2.KMEANS_USE_INITIAL_LABELS
    )
    members: dict[str, list[Lab]] = {}
    for cluster in range(clusters):
        colours = samples[labels[:, 0] == cluster]
        if len(colours) >= LEAST_CLUSTER * len(samples):
            members.setdefault(name_colour(_median(colours) - skin), []).append(colours)
    named = []
    for name, parts in members.items():
        together = np.concatenate(parts)
        centre = _median(together)
        named.append(ColourShare(name, len(together) / len(samples), _triple(centre), _triple(centre - skin)))
    return tuple(sorted(named, key=lambda colour: (-colour.share, colour.name)))


def _triple(values: NDArray[np.generic]) -> tuple[float, float, float]:
    first, second, third = (round(float(value), 2) for value in values)
    return first, second, third
