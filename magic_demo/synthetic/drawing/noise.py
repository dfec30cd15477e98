"""Random fields that synthetic photos are drawn with: smooth noise at any scale, and the network of fine skin
lines."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]
"""(H, W) float32."""


def smooth_noise(rng: np.random.Generator, size: tuple[int, int], cell: float) -> Field:
    """Return (H, W) noise of about zero mean and unit deviation whose bumps are about ``cell`` pixels
    wide."""
    height, width = size
    if cell < 1.5:
        return rng.standard_normal(size, dtype=np.float32)
    # wide bumps: a quarter of the pixels, then straight lines between them
    if cell >= 16 and min(size) >= 64:
        quarter = smooth_noise(rng, (-(-height // 4) + 1, -(-width // 4) + 1), cell / 4)
        wide = cv2.resize(
            quarter, (quarter.shape[1] * 4, quarter.shape[0] * 4), interpolation=cv2.INTER_LINEAR
        )
        return np.ascontiguousarray(wide[:height, :width])
    rows, columns = int(np.ceil(height / cell)) + 3, int(np.ceil(width / cell)) + 3
    grid = rng.standard_normal((rows, columns), dtype=np.float32)
    scaled = cv2.resize(
        grid,
        (max(width, round(columns * cell)), max(height, round(rows * cell))),
        interpolation=cv2.INTER_CUBIC,
    )
    top, left = (scaled.shape[0] - height) // 2, (scaled.shape[1] - width) // 2
    return np.ascontiguousarray(scaled[top : top + height, left : left + width]) * np.float32(1.4)


def layered_noise(
    rng: np.random.Generator, size: tuple[int, int], cell: float, octaves: int = 3, gain: float = 0.55
) -> Field:
    """Return noise of about unit deviation with ``octaves`` ever finer layers below ``cell`` pixels."""
    total = np.zeros(size, np.float32)
    weight, power = 1.0, 0.0
    for octave in range(octaves):
        total += np.float32(weight) * smooth_noise(rng, size, cell / 2**octave)
        power += weight**2
        weight *= gain
    return total / np.float32(np.sqrt(power))


def line_network(
    rng: np.random.Generator,
    size: tuple[int, int],
    period: float,
    angles: Sequence[float],
    spread: float = 0.35,
) -> Field:
    """Return the skin's furrows, 0 (none) to 1 (deepest): wavy lines about ``period`` pixels apart along each
    angle (radians).

    Lines are the zero crossings of noise that is filtered to a band of one direction; where two directions
    cross they leave the lozenges of the skin's relief. The field is drawn on a tile and repeated, with a slow
    warp that hides it.
    """
    height, width = size
    tile = 256 if period < 9 else 512
    frequency_y = np.fft.fftfreq(tile)[:, None].astype(np.float32)
    frequency_x = np.fft.rfftfreq(tile)[None, :].astype(np.float32)
    radius = np.hypot(frequency_y, frequency_x) + np.float32(1e-6)
    direction = np.arctan2(frequency_y, frequency_x)
    # two zero crossings a wave: lines half a wave apart
    band = np.exp(-0.5 * ((radius * 2 * period - 1) / 0.4) ** 2)
    lines = np.zeros((tile, tile), np.float32)
    for angle in angles:
        turn = np.angle(np.exp(2j * (direction - angle - np.pi / 2))) / 2
        spectrum = (
            np.fft.rfft2(rng.standard_normal((tile, tile), dtype=np.float32))
            * band
            * np.exp(-0.5 * (turn / spread) ** 2)
        )
        wave = np.fft.irfft2(spectrum, s=(tile, tile)).astype(np.float32)
        wave /= wave.std() + np.float32(1e-9)
        lines = np.maximum(lines, np.exp(-((wave / 0.33) ** 2)) * np.float32(rng.uniform(0.6, 1.0)))
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    warp = np.float32(period * 1.6)
    map_x = columns + warp * smooth_noise(rng, size, max(40.0, period * 9)) + np.float32(tile)
    map_y = rows + warp * smooth_noise(rng, size, max(40.0, period * 9)) + np.float32(tile)
    return np.asarray(
        cv2.remap(lines, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP), dtype=np.float32
    )


def smooth_step(low: float, high: float, values: Field) -> Field:
    """Return 0 below ``low``, 1 above ``high`` and a smooth rise between."""
    position = np.clip((values - np.float32(low)) / np.float32(high - low), 0, 1)
    return np.asarray(position * position * (np.float32(3) - np.float32(2) * position), dtype=np.float32)


def soften(values: Field, sigma: float) -> Field:
    """Blur (H, W) or (H, W, 3) by a Gaussian of ``sigma`` pixels; large ones are done on a smaller copy."""
    if sigma < 0.3:
        return values
    if sigma > 12:
        height, width = values.shape[:2]
        step = sigma / 5
        small = cv2.resize(
            values, (max(4, round(width / step)), max(4, round(height / step))), interpolation=cv2.INTER_AREA
        )
        small = cv2.GaussianBlur(small, (0, 0), 5.0, borderType=cv2.BORDER_REPLICATE)
        return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), dtype=np.float32)
    return np.asarray(
        cv2.GaussianBlur(values, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE), dtype=np.float32
    )
