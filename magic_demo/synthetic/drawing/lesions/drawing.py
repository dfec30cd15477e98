"""Draw one lesion on the layers of the skin."""

from __future__ import annotations

import numpy as np

from magic_demo.synthetic.drawing.lesions.kinds import EDGES, HALOED, KINDS
from magic_demo.synthetic.drawing.lesions.layers import PATCH, Layers, Lesion, Patch
from magic_demo.synthetic.drawing.noise import smooth_step


def draw_lesion(layers: Layers, lesion: Lesion, scale: float) -> None:
    """Add one lesion to the layers. ``scale``: pixels a millimetre."""
    reach = lesion.radius * (2.4 if lesion.kind in HALOED else 1.7) * max(lesion.stretch, 1.0) + 6
    height, width = layers.mask.shape
    left, right = max(0, int(lesion.x - reach)), min(width, int(lesion.x + reach) + 1)
    top, bottom = max(0, int(lesion.y - reach)), min(height, int(lesion.y + reach) + 1)
    if left >= right or top >= bottom:
        return
    rng = np.random.default_rng(lesion.seed)
    rows, columns = np.mgrid[top:bottom, left:right].astype(np.float32)
    cosine, sine = np.float32(np.cos(lesion.angle)), np.float32(np.sin(lesion.angle))
    across, down = columns - np.float32(lesion.x), rows - np.float32(lesion.y)
    u = (across * cosine + down * sine) / np.float32(lesion.radius * lesion.stretch)
    v = (down * cosine - across * sine) / np.float32(lesion.radius / lesion.stretch)
    half = PATCH / 4.8  # the patch spans 2.4 radii each way
    to_u = np.array([cosine, sine]) / (lesion.radius * lesion.stretch) * half
    to_v = np.array([-sine, cosine]) / (lesion.radius / lesion.stretch) * half
    offset = np.array([left - lesion.x, top - lesion.y])
    turn = np.array([[*to_u, to_u @ offset + PATCH / 2], [*to_v, to_v @ offset + PATCH / 2]], np.float32)
    fields = {name: field[top:bottom, left:right] for name, field in layers.fields.items()}
    blank = Patch(lesion, u, u, scale, rng, fields, turn)
    rough = np.float32(lesion.irregular)
    shape = (
        np.float32(1)
        - np.sqrt(u * u + v * v)
        + rough * blank.noise(2.2)
        + rough * np.float32(0.4) * blank.noise(7, 2)
    )
    edge = max(EDGES.get(lesion.kind, 0.1), 0.9 / max(lesion.radius, 1.0))
    cover = smooth_step(-edge, edge, shape)
    KINDS[lesion.kind](Patch(lesion, shape, cover, scale, rng, fields, turn))
    layers.mask[top:bottom, left:right] |= shape > 0
