"""Augmentation: one random view of a photo and its mask, moved together, the photo's colours and surface
changed as well; or a view under one transformation alone."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from magic_demo.core.types import Pixels
from training.runs.ranges import AtLeastOne, NotNegative
from training.runs.ranges import Share as Share_

Share = NDArray[np.float32]
"""How much of the annotators' agreement a pixel has: (H, W) float32 in 0..1; a mask when there is one
annotator."""


@dataclass(frozen=True)
class AugmentSettings:
    """How far a view may differ from the photo. Chances are in 0..1.

    calm: chance of a view that is only flipped, turned by right angles and hardly moved: what the model meets
    later.
    rotation: degrees to each side. zoom_in, zoom_out: largest factor of each. stretch: largest change of the
    aspect.
    shift: share of the side. perspective: share of the side that a corner may move.
    colour: strength of brightness, contrast, saturation and white balance, 1 is strong but natural.
    surface: chance of each of blur, noise, JPEG, hair, and ruler or pen marks.
    """

    calm: Share_ = 0.3
    rotation: NotNegative = 180.0
    zoom_in: AtLeastOne = 1.4
    zoom_out: AtLeastOne = 1.8
    stretch: AtLeastOne = 1.3
    shift: Share_ = 0.2
    perspective: Share_ = 0.08
    colour: NotNegative = 1.0
    surface: Share_ = 0.12


STILL = AugmentSettings(0, 0, 1, 1, 1, 0, 0, 0, 0)
"""Settings under which a view is the photo, only resized."""
MOVES = {
    "flip": (),
    "rotation": ("rotation",),
    "zoom": ("zoom_in", "zoom_out"),
    "stretch": ("stretch",),
    "shift": ("shift",),
    "perspective": ("perspective",),
}
"""Transformation that moves a photo -> the settings that say how far."""


def augment_pair(
    pixels: Pixels,
    share: Share,
    size: tuple[int, int],
    random: np.random.Generator,
    settings: AugmentSettings,
) -> tuple[Pixels, Share]:
    """Return a random view of ``size`` (height, width): photo and mask warped by the same map, then the
    photo's surface changed.

    What lies outside the photo is mirrored in both, so a view zoomed out shows the lesion several times, each
    outlined.
    """
    view, moved = warp_pair(pixels, share, size, draw_warp(pixels.shape[:2], size, random, settings))
    view = change_colours(view, random, settings.colour)
    return change_surface(view, random, settings.surface), moved


def list_transformations(settings: AugmentSettings) -> tuple[str, ...]:
    """Return the names of the transformations that settings leave on, for ``transform_pair``."""
    moves = [
        name
        for name, fields in MOVES.items()
        if not fields or any(getattr(settings, field) != getattr(STILL, field) for field in fields)
    ]
    return (*moves, *(["colour"] if settings.colour else []), *(SURFACES if settings.surface else []))


def transform_pair(
    name: str,
    pixels: Pixels,
    share: Share,
    size: tuple[int, int],
    random: np.random.Generator,
    settings: AugmentSettings,
) -> tuple[Pixels, Share]:
    """Return the view of ``size`` (height, width) under the one transformation ``name``, by an amount within
    the settings; photo and mask are moved alike."""
    alone = replace(STILL, **{field: getattr(settings, field) for field in MOVES.get(name, ())})
    warp = draw_warp(pixels.shape[:2], size, random, alone, flipped=name == "flip")
    view, moved = warp_pair(pixels, share, size, warp)
    if name == "colour":
        view = change_colours(view, random, settings.colour)
    elif name in SURFACES:
        view = SURFACES[name](view, random)
    return view, moved


def draw_warp(
    source: tuple[int, ...],
    target: tuple[int, int],
    random: np.random.Generator,
    settings: AugmentSettings,
    *,
    flipped: bool | None = None,
) -> NDArray[np.float64]:
    """Draw the homography (3, 3) from the photo's pixel coordinates to the view's. flipped: None leaves it to
    chance."""
    height, width = source[:2]
    rows, columns = target
    calm = random.random() < settings.calm
    if calm:
        settings = replace(settings, zoom_in=1.1, zoom_out=1.1, stretch=1.1, shift=0.03, perspective=0.02)
    # The view's corners, in units of half its side, are turned, stretched, shifted and bent on the photo.
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], dtype=np.float64)
    by_chance = random.random() < 0.5
    if by_chance if flipped is None else flipped:
        corners = corners * (-1, 1)
    turned = random.uniform(-settings.rotation, settings.rotation)
    angle = np.deg2rad(round(turned / 90) * 90 if calm else turned)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    larger = np.exp(random.uniform(-np.log(settings.zoom_in), np.log(settings.zoom_out)))
    longer = np.exp(random.uniform(-1, 1) * np.log(settings.stretch) / 2)
    corners = (corners * (larger * longer, larger / longer)) @ turn.T
    corners = corners + random.uniform(-settings.perspective, settings.perspective, size=(4, 2)) * 2
    corners = corners + random.uniform(-settings.shift, settings.shift, size=2) * 2
    on_photo = corners * (width / 2, height / 2) + ((width - 1) / 2, (height - 1) / 2)
    on_view = np.array([[0, 0], [columns - 1, 0], [columns - 1, rows - 1], [0, rows - 1]], dtype=np.float64)
    return np.asarray(
        cv2.getPerspectiveTransform(on_photo.astype(np.float32), on_view.astype(np.float32)), dtype=np.float64
    )


def warp_pair(
    pixels: Pixels, share: Share, size: tuple[int, int], warp: NDArray[np.float64]
) -> tuple[Pixels, Share]:
    """Move photo (H, W, 3) and mask (H, W) by the same homography onto ``size`` (height, width), mirrored
    outside."""
    target = (size[1], size[0])
    border = cv2.BORDER_REFLECT_101
    view = cv2.warpPerspective(pixels, warp, target, flags=cv2.INTER_LINEAR, borderMode=border)
    moved = cv2.warpPerspective(share, warp, target, flags=cv2.INTER_LINEAR, borderMode=border)
    return np.asarray(view, dtype=np.uint8), np.clip(np.asarray(moved, dtype=np.float32), 0, 1)


def change_colours(pixels: Pixels, random: np.random.Generator, strength: float) -> Pixels:
    """Change exposure, gamma, contrast, white balance, saturation and hue, as cameras and light do; a
    gradient of light at times."""
    if strength <= 0:
        return pixels
    x = pixels.astype(np.float32) / 255.0
    x = np.power(x, np.exp(random.uniform(-0.35, 0.35) * strength))
    x *= 1 + random.uniform(-0.2, 0.2) * strength
    mean = x.mean(axis=(0, 1), keepdims=True)
    x = (x - mean) * (1 + random.uniform(-0.25, 0.25) * strength) + mean
    x *= 1 + random.uniform(-0.1, 0.1, size=3).astype(np.float32) * strength
    grey = x @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    x = (x - grey[:, :, None]) * (1 + random.uniform(-0.35, 0.35) * strength) + grey[:, :, None]
    if random.random() < 0.25 * strength:
        height, width = pixels.shape[:2]
        across, down = random.uniform(-0.35, 0.35, size=2)
        light = 1 + np.linspace(-across, across, width)[None, :] + np.linspace(-down, down, height)[:, None]
        x *= np.clip(light, 0.3, 1.7).astype(np.float32)[:, :, None]
    x = np.clip(x, 0, 1) * 255.0
    changed = np.rint(x).astype(np.uint8)
    if random.random() < 0.3 * strength:
        hsv = cv2.cvtColor(changed, cv2.COLOR_RGB2HSV)
        hsv[:, :, 0] = (hsv[:, :, 0].astype(np.int16) + int(random.integers(-8, 9))) % 180
        return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), dtype=np.uint8)
    return np.asarray(changed, dtype=np.uint8)


def change_surface(pixels: Pixels, random: np.random.Generator, chance: float) -> Pixels:
    """Lay hair and marks over the skin, then blur, add noise and compress, each with ``chance``."""
    x = pixels
    if random.random() < chance:
        x = draw_hair(x, random)
    if random.random() < chance / 2:
        x = draw_marks(x, random)
    for change in (blur, add_noise, compress):
        if random.random() < chance:
            x = change(x, random)
    return x


def blur(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """Blur by half a pixel to two."""
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), random.uniform(0.5, 2.0)), dtype=np.uint8)


def add_noise(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """Add noise of 2 to 12 levels."""
    noise = random.normal(0, random.uniform(2, 12), size=pixels.shape).astype(np.float32)
    return np.asarray(np.clip(pixels + noise, 0, 255), dtype=np.uint8)


def compress(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """Write the photo as a JPEG of poor quality and read it again."""
    written, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, int(random.integers(25, 80))])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), dtype=np.uint8) if written else pixels


def draw_hair(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """Draw 3 to 25 curved hairs of one colour."""
    drawn = pixels.copy()
    height, width = pixels.shape[:2]
    colour = random.uniform(10, 70, size=3) if random.random() < 0.8 else random.uniform(120, 200, size=3)
    direction = random.uniform(0, 2 * np.pi)
    for _ in range(int(random.integers(3, 26))):
        start = random.uniform(0, 1, size=2) * (width, height)
        angle = direction + random.normal(0, 0.4)
        length = random.uniform(0.15, 0.7) * max(height, width)
        along = np.linspace(0, 1, 12)[:, None]
        bend = random.normal(0, 0.12) * length
        line = (
            start
            + along * length * (np.cos(angle), np.sin(angle))
            + np.sin(np.pi * along) * bend * (-np.sin(angle), np.cos(angle))
        )
        cv2.polylines(
            drawn,
            [np.rint(line * 8).astype(np.int32)],
            False,
            colour.tolist(),
            int(random.integers(1, 3)),
            cv2.LINE_AA,
            3,
        )
    return drawn


def draw_marks(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """Draw a ruler along one side, or a stroke or two of a skin pen."""
    if random.random() < 0.5:
        turns = int(random.integers(4))
        turned = np.rot90(pixels, turns).copy()
        height, width = turned.shape[:2]
        top, step = int(random.uniform(0.8, 0.95) * height), max(3, int(width * random.uniform(0.02, 0.06)))
        shade = int(random.integers(170, 250))
        cv2.rectangle(turned, (0, top), (width, height), (shade, shade, shade), -1)
        for count, x in enumerate(range(0, width, step)):
            cv2.line(turned, (x, top), (x, top + (8 if count % 5 == 0 else 4)), (20, 20, 20), 1, cv2.LINE_AA)
        return np.ascontiguousarray(np.rot90(turned, -turns))
    drawn = pixels.copy()
    height, width = pixels.shape[:2]
    colour = (int(random.integers(20, 90)), int(random.integers(20, 80)), int(random.integers(90, 200)))
    for _ in range(int(random.integers(1, 4))):
        points = np.rint(random.uniform(0, 1, size=(3, 2)) * (width, height)).astype(np.int32)
        cv2.polylines(drawn, [points], False, colour, int(random.integers(1, 4)), cv2.LINE_AA)
    return drawn


SURFACES = {"hair": draw_hair, "marks": draw_marks, "blur": blur, "noise": add_noise, "compression": compress}
"""Transformation of a photo's surface -> what changes it."""
