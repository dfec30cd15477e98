"""Synthetic photos of skin: a body's shape, the skin on it, lesions, light, and the camera that takes the
photo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from magic_demo.core.types import Mask, Pixels
from magic_demo.synthetic.drawing.lesions.drawing import draw_lesion
from magic_demo.synthetic.drawing.lesions.layers import Layers, Lesion
from magic_demo.synthetic.drawing.noise import (
    Field,
    layered_noise,
    line_network,
    smooth_noise,
    smooth_step,
    soften,
)

FORMS = ("plain", "side", "limb", "dermoscopy")

TONES: dict[int, tuple[tuple[float, float], tuple[float, float], tuple[float, float]]] = {
    1: ((68, 75), (7, 12), (11, 16)),
    2: ((64, 70), (8, 13), (13, 18)),
    3: ((57, 65), (9, 14), (16, 21)),
    4: ((48, 57), (10, 14), (17, 22)),
    5: ((38, 47), (10, 14), (16, 21)),
    6: ((27, 37), (8, 12), (10, 17)),
}
"""Lab ranges (L, a, b) for the Fitzpatrick types: ours, chosen so that the individual typology angle, atan((L
- 50) / b), falls roughly into the classes of Chardon et al. (1991), from very light to dark."""

ABSORBS: dict[str, tuple[float, float, float]] = {
    "melanin": (0.52, 0.86, 1.18),
    "blood": (0.13, 0.92, 0.72),
    "dusk": (0.62, 1.02, 0.55),
    "blue": (1.05, 0.72, 0.36),
    "bile": (0.08, 0.10, 0.62),
    "dark": (1.0, 1.05, 1.08),
}
"""How much optical density a layer adds to red, green and blue: what lies in the skin multiplies with it, as
paint would not."""

COVERS: dict[str, tuple[float, float, float]] = {
    "flake": (0.66, 0.60, 0.55),
    "slough": (0.47, 0.33, 0.15),
    "honey": (0.40, 0.215, 0.062),
    "scab": (0.085, 0.032, 0.022),
}
"""Linear RGB of what lies on top of the skin and hides it."""

Colour = NDArray[np.float32]


@dataclass(frozen=True)
class View:
    """How a photo is taken: (height, width) in pixels, the body's form, pixels a millimetre, the skin's
    Fitzpatrick type.

    shade: where in the type's Lab range the skin lies, 0..1 each. hair: 0 (none) to 1 (dense).
    """

    size: tuple[int, int]
    form: str
    scale: float
    tone: int
    shade: tuple[float, float, float] = (0.5, 0.5, 0.5)
    hair: float = 0.3


@dataclass(frozen=True, eq=False)
class Body:
    """What of the body is in the photo.

    depth: (H, W) pixels inside the body's outline, negative outside. room: where lesions may lie, 0..1.
    slope_x, slope_y: how the surface falls away from the camera. axis: the limb's direction in radians.
    """

    depth: Field
    room: Field
    slope_x: Field
    slope_y: Field
    axis: float


def shape_body(view: View, rng: np.random.Generator) -> Body:
    """Draw the body's outline and large curves for a view."""
    height, width = view.size
    short = min(height, width)
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    across, down = columns - width / 2, rows - height / 2
    axis = float(rng.uniform(-0.5, 0.5) + (0 if width > height else np.pi / 2))
    bulge = smooth_noise(rng, view.size, short * 0.8) * np.float32(short * 0.06)
    slope_y, slope_x = np.gradient(bulge)
    if view.form == "dermoscopy":
        flat = np.zeros(view.size, np.float32)
        far = np.full(view.size, short, np.float32)
        return Body(far, np.ones(view.size, np.float32), flat, flat, axis)
    along = across * np.cos(axis) + down * np.sin(axis)
    over = down * np.cos(axis) - across * np.sin(axis)
    if view.form == "plain":
        dome = rng.uniform(0.5, 1.6) / short
        lean = rng.normal(0, 0.25, 2)
        slope_x, slope_y = (
            slope_x + across * dome * 0.5 + lean[0],
            slope_y + over * 0 + down * dome * 0.5 + lean[1],
        )
        depth = np.full(view.size, short, np.float32)
        return Body(depth, np.ones(view.size, np.float32), _float(slope_x), _float(slope_y), axis)
    if view.form == "side":
        radius = short * rng.uniform(0.75, 1.1)
        middle = over + np.float32(rng.choice([-1, 1]) * short * rng.uniform(0.3, 0.55))
    else:
        radius = short * rng.uniform(0.3, 0.46)
        middle = over + np.float32(short * rng.uniform(-0.08, 0.08))
    bend = rng.uniform(-0.25, 0.25) / max(height, width)
    taper = rng.uniform(-0.18, 0.18)
    middle = (
        middle + bend * along * along + np.float32(0.02 * short) * smooth_noise(rng, view.size, short * 0.5)
    )
    reach = radius * (
        1 + taper * along / max(height, width) + np.float32(0.02) * smooth_noise(rng, view.size, short * 0.35)
    )
    position = middle / reach
    depth = (1 - np.abs(position)) * reach
    fall = np.clip(position, -0.985, 0.985)
    steep = fall / np.sqrt(1 - fall * fall)
    slope_x = slope_x - steep * np.float32(np.sin(axis))
    slope_y = slope_y + steep * np.float32(np.cos(axis))
    room = smooth_step(0.12, 0.3, _float(1 - np.abs(position)))
    return Body(_float(depth), room, _float(slope_x), _float(slope_y), axis)


def draw_photo(
    view: View, body: Body, lesions: Sequence[Lesion], rng: np.random.Generator
) -> tuple[Pixels, Mask]:
    """Draw a photo: (H, W, 3) uint8 RGB and the (H, W) bool mask of what is lesion in it."""
    layers = Layers.empty(view.size)
    for lesion in lesions:
        draw_lesion(layers, lesion, view.scale)
    mask = layers.mask & (body.depth > 0)
    if view.form == "dermoscopy":
        mask &= _port(view.size) < 1
    _grow_skin(view, body, layers, rng)
    hairs = _draw_hairs(view, body, rng)
    albedo = _colour_skin(view, layers, rng)
    albedo *= np.exp(-hairs[:, :, None] * np.array([1.5, 1.7, 1.9], np.float32))
    light = _light(view, body, layers, albedo, rng)
    if view.form in ("side", "limb"):
        light = _lay_on_background(view, body, light, rng)
    return _take_photo(view, light, rng), mask


def _float(values: NDArray[np.generic]) -> Field:
    return np.asarray(values, dtype=np.float32)


def _grow_skin(view: View, body: Body, layers: Layers, rng: np.random.Generator) -> None:
    """Add what bare skin has: furrows, pores, mottling, freckles, veins, the odd spot that is no lesion."""
    size, scale, fields = view.size, view.scale, layers.fields
    calm = 1 - 0.5 * layers.mask.astype(np.float32)
    period = float(np.clip(rng.uniform(0.55, 1.0) * scale, 3.2, 26.0))
    visible = float(np.clip(scale / 3.0, 0.15, 1.0)) * (0.5 if view.form == "dermoscopy" else 1.0)
    angles = [body.axis + rng.uniform(*limits) for limits in ((0.5, 0.9), (-0.9, -0.5), (1.3, 1.8))]
    furrows = line_network(rng, size, period, angles[: 2 + int(rng.random() < 0.6)])
    uneven = np.clip(1 + np.float32(0.35) * smooth_noise(rng, size, period * 12), 0.3, 2)
    deep = furrows * uneven * calm
    fields["height"] -= deep * np.float32(0.075 * period * visible * rng.uniform(0.5, 1.3))
    fields["height"] += smooth_noise(rng, size, max(2.0, period * 0.5)) * np.float32(0.022 * period * visible)
    fields["melanin"] += deep * np.float32(0.05 * visible)
    pores = smooth_step(2.1, 3.2, smooth_noise(rng, size, max(2.0, 0.45 * scale))) * np.float32(visible)
    fields["height"] -= pores * np.float32(min(1.2, 0.12 * scale))
    fields["melanin"] += pores * np.float32(0.12)
    for cell, weight in ((1.5 * scale, 0.022), (6 * scale, 0.026), (25 * scale, 0.04)):
        cell = float(np.clip(cell, 2.5, max(size)))
        fields["blood"] += layered_noise(rng, size, cell, 2) * np.float32(weight * rng.uniform(0.6, 1.5))
        fields["melanin"] += layered_noise(rng, size, cell, 2) * np.float32(
            0.8 * weight * rng.uniform(0.5, 1.5)
        )
    if rng.random() < 0.35 and view.tone <= 4:
        freckles = smooth_step(1.7, 2.6, smooth_noise(rng, size, max(3.0, rng.uniform(1.2, 2.4) * scale)))
        fields["melanin"] += freckles * np.float32(rng.uniform(0.06, 0.22))
    if rng.random() < 0.3 and view.tone <= 4 and view.form in ("limb", "side"):
        veins = np.exp(-np.square(smooth_noise(rng, size, 28 * scale) / np.float32(0.16)))
        fields["blue"] += soften(veins, scale) * np.float32(rng.uniform(0.03, 0.08))


def _colour_skin(view: View, layers: Layers, rng: np.random.Generator) -> Colour:
    """Turn layers into reflectance, (H, W, 3) float32 linear RGB."""
    lab = [
        low + share * (high - low) + rng.normal(0, 0.4)
        for share, (low, high) in zip(view.shade, TONES[view.tone], strict=True)
    ]
    base = cv2.cvtColor(np.array([[lab]], np.float32), cv2.COLOR_Lab2RGB)[0, 0]
    bare = _linear(base)
    white = _linear(
        cv2.cvtColor(np.array([[(min(81.0, lab[0] + 38.0), 6.0, 10.0)]], np.float32), cv2.COLOR_Lab2RGB)[0, 0]
    )
    fields = layers.fields
    # pigment shows less on dark skin: what is drawn there is what stands out
    more = 1.0 + 0.12 * max(0, view.tone - 3)
    absorbs = np.array([ABSORBS[name] for name in ABSORBS], np.float32).T * np.float32(more)
    density = cv2.transform(cv2.merge([fields[name] for name in ABSORBS]), absorbs)
    pale = np.clip(fields["pale"], 0, 1)
    lift = cv2.transform(pale[:, :, None], np.log(white / bare)[:, None].astype(np.float32))
    albedo = cv2.exp(lift - density + np.log(bare).astype(np.float32))
    for name, colour in COVERS.items():
        if fields[name].any():
            amount = np.clip(fields[name], 0, 1)[:, :, None] * np.float32(
                1.0 if name != "flake" else 1.06 - 0.06 * view.tone
            )
            albedo = albedo * (1 - amount) + np.asarray(colour, np.float32) * amount
    return np.asarray(albedo, dtype=np.float32)


def _draw_hairs(view: View, body: Body, rng: np.random.Generator) -> Field:
    """Draw hairs as curved strokes, mostly one way; returns their density 0..1."""
    height, width = view.size
    hairs = np.zeros(view.size, np.uint8)
    if view.hair <= 0:
        return np.zeros(view.size, np.float32)
    area = height * width / view.scale**2  # square millimetres
    count = int(min(260, area * 0.02 * view.hair**2 + rng.integers(0, 6)))
    way = body.axis + rng.normal(0, 0.5)
    length = rng.uniform(5, 14) * view.scale
    thickness = 0.07 * view.scale * rng.uniform(0.8, 1.6)
    for _ in range(count):
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        if body.depth[int(y), int(x)] < 3:
            continue
        turn, heading = rng.normal(0, 0.09), way + rng.normal(0, 0.35)
        steps = length * rng.uniform(0.5, 1.3) / 10
        angles = heading + turn * np.arange(11)
        points = np.stack(
            [x + np.cumsum(np.cos(angles)) * steps, y + np.cumsum(np.sin(angles)) * steps], axis=1
        )
        cv2.polylines(
            hairs,
            [np.rint(points * 16).astype(np.int32)],
            False,
            int(rng.uniform(110, 255)),
            max(1, round(thickness)),
            cv2.LINE_AA,
            4,
        )
    dark = hairs.astype(np.float32) * np.float32(min(1.0, max(0.25, thickness)) * rng.uniform(0.4, 1.0) / 255)
    return soften(dark, 0.6)


def _light(view: View, body: Body, layers: Layers, albedo: Colour, rng: np.random.Generator) -> Colour:
    """Light the surface from one side with soft light around; returns (H, W, 3) float32 linear radiance."""
    height = soften(layers.fields["height"], 0.5)
    slope_x = cv2.Sobel(height, cv2.CV_32F, 1, 0, ksize=3, scale=1 / 8) + body.slope_x
    slope_y = cv2.Sobel(height, cv2.CV_32F, 0, 1, ksize=3, scale=1 / 8) + body.slope_y
    upright = 1 / np.sqrt(1 + slope_x * slope_x + slope_y * slope_y)
    angle, tilt = rng.uniform(0, 2 * np.pi), rng.uniform(0.35, 0.85)
    if view.form == "dermoscopy":
        tilt = 0.15
    lamp = np.array([np.cos(angle) * tilt, np.sin(angle) * tilt, 1.0])
    lamp /= np.linalg.norm(lamp)
    facing = (lamp[2] - slope_x * lamp[0] - slope_y * lamp[1]) * upright
    ambient = rng.uniform(0.3, 0.5)
    shade = np.empty((*view.size, 3), np.float32)
    for channel, wrap in enumerate((0.32, 0.2, 0.16)):  # red light travels furthest under the skin
        lit = np.clip((facing + wrap) / (1 + wrap), 0, None)
        shade[:, :, channel] = ambient * (0.55 + 0.45 * upright) + (1 - ambient) * lit / (
            (lamp[2] + wrap) / (1 + wrap)
        )
    reach = 0.012 * min(view.size) + 1.5
    # little sky is seen beside what stands out
    hollow = np.clip((soften(height, reach) - height) / np.float32(reach), 0, 0.7)
    shade *= (1 - np.float32(0.55) * hollow)[:, :, None]
    half = lamp + np.array([0.0, 0.0, 1.0])
    half /= np.linalg.norm(half)
    mirror = _float(np.clip((half[2] - slope_x * half[0] - slope_y * half[1]) * upright, 0, 1))
    oily = np.clip(1 + np.float32(0.22) * layered_noise(rng, view.size, 5 * view.scale + 8, 3, 0.7), 0, None)
    wet = np.clip(layers.fields["wet"], 0, 1)
    dry = 1 - 0.8 * np.clip(layers.fields["flake"], 0, 1)
    sheen = rng.uniform(0.02, 0.13) * (1.1 - 0.1 * view.tone) * oily * dry * cv2.pow(
        mirror, rng.uniform(14, 40)
    ) + 0.75 * wet * cv2.pow(mirror, 90)
    colour = np.array([1.0, 0.98, 0.95], np.float32)
    return np.asarray(albedo * shade + _float(sheen)[:, :, None] * colour, dtype=np.float32)


def _lay_on_background(view: View, body: Body, light: Colour, rng: np.random.Generator) -> Colour:
    """Put the body before something out of focus: a sheet, a table, clothes, a wall."""
    height, width = view.size
    short = min(height, width)
    paints = [
        (0.75, 0.74, 0.72),
        (0.12, 0.2, 0.35),
        (0.25, 0.42, 0.4),
        (0.03, 0.03, 0.035),
        (0.3, 0.19, 0.11),
        (0.45, 0.45, 0.46),
        (0.22, 0.06, 0.07),
    ]
    back = np.empty((*view.size, 3), np.float32)
    back[:] = np.asarray(paints[int(rng.integers(len(paints)))], np.float32) * np.float32(
        rng.uniform(0.7, 1.15)
    )
    folds = layered_noise(rng, view.size, short * rng.uniform(0.12, 0.4), 3, 0.5)
    back *= np.exp(np.float32(rng.uniform(0.05, 0.3)) * folds)[:, :, None]
    if rng.random() < 0.5:
        for _ in range(int(rng.integers(1, 4))):
            paint = tuple(
                float(value)
                for value in np.asarray(paints[int(rng.integers(len(paints)))]) * rng.uniform(0.4, 1.0)
            )
            x, y = int(rng.integers(0, width)), int(rng.integers(0, height))
            box = cv2.boxPoints(
                (
                    (x, y),
                    (float(rng.uniform(0.2, 0.9) * width), float(rng.uniform(0.1, 0.4) * height)),
                    float(rng.uniform(0, 180)),
                )
            )
            cv2.fillPoly(back, [np.rint(box).astype(np.int32)], paint)
    back = soften(back, short * rng.uniform(0.012, 0.04))
    shadow = np.exp(np.minimum(body.depth, 0) / np.float32(0.06 * short))
    back *= (1 - np.float32(rng.uniform(0.2, 0.6)) * shadow)[:, :, None]
    edge = rng.uniform(0.8, 3.0)
    body_share = smooth_step(-edge, edge, body.depth)[:, :, None]
    return np.asarray(light * body_share + back * (1 - body_share), dtype=np.float32)


def _take_photo(view: View, light: Colour, rng: np.random.Generator) -> Pixels:
    """Expose, focus, balance, quantise: what a phone makes of the light."""
    height, width = view.size
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    far = np.square(columns / width - np.float32(rng.uniform(0.4, 0.6))) + np.square(
        rows / height - np.float32(rng.uniform(0.4, 0.6))
    )
    light = light * (1 - np.float32(rng.uniform(0.15, 0.75)) * far)[:, :, None]
    balance = np.exp(rng.normal(0, 1, 3) * np.array([0.07, 0.025, 0.1])).astype(np.float32)
    target = {1: 0.42, 2: 0.37, 3: 0.31, 4: 0.235, 5: 0.165, 6: 0.1}[view.tone] * float(
        np.exp(rng.normal(0, 0.2))
    )
    level = float(np.median(light[height // 5 : -height // 5, width // 5 : -width // 5, 1]))
    light = light * (balance * np.float32(0.5 + 0.5 * target / max(level, 0.02)))
    light = soften(light, float(rng.choice([0.35, 0.5, 0.7, 1.2]) * max(height, width) / 900))
    grain = float(np.exp(rng.uniform(np.log(0.003), np.log(0.014))))
    noise = rng.standard_normal((height, width), dtype=np.float32)[:, :, None] * np.float32(grain)
    chroma = cv2.resize(
        rng.standard_normal((height // 3 + 1, width // 3 + 1, 3), dtype=np.float32),
        (width, height),
        interpolation=cv2.INTER_LINEAR,
    )
    light = light + np.sqrt(np.clip(light, 0.01, None)) * (noise + chroma * np.float32(0.7 * grain))
    values = _screen(np.clip(light, 0, None))
    contrast = np.float32(rng.uniform(0.0, 0.35))
    values = values * (1 - contrast) + contrast * values * values * (3 - 2 * values)
    sharpen = np.float32(rng.uniform(0.0, 0.7))
    values = values + sharpen * (values - soften(values, 1.0 * max(height, width) / 900 + 0.3))
    if view.form == "dermoscopy":
        port = _port(view.size)
        values = values * (1 - smooth_step(0.985, 1.02, port))[:, :, None]
    return np.asarray(np.rint(np.clip(values, 0, 1) * 255), dtype=np.uint8)


def _port(size: tuple[int, int]) -> Field:
    """Return the distance from the middle, 1 at the rim of a dermoscope's round window (the corners lie
    outside it)."""
    height, width = size
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    return np.asarray(
        np.hypot(columns - width / 2, rows - height / 2) / (0.54 * max(height, width)), dtype=np.float32
    )


def _linear(values: NDArray[np.float32]) -> NDArray[np.float32]:
    low = values / 12.92
    high = ((np.clip(values, 0, 1) + 0.055) / 1.055) ** 2.4
    return np.asarray(np.where(values <= 0.04045, low, high), dtype=np.float32)


def _screen(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bring linear light to sRGB, rolling off above white as cameras do."""
    over = np.maximum(values - np.float32(0.7), 0)
    rolled = np.minimum(values, np.float32(0.7)) + np.float32(0.3) * (
        1 - cv2.exp(over * np.float32(-1 / 0.3))
    )
    return np.asarray(
        np.maximum(np.float32(1.055) * cv2.pow(rolled, 1 / 2.4) - np.float32(0.055), 0), dtype=np.float32
    )
