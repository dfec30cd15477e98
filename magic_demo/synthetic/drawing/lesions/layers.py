"""What one lesion is, and the layers of skin that it is drawn on."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from magic_demo.synthetic.drawing.noise import Field, layered_noise, smooth_noise

LAYERS = (
    "melanin",
    "blood",
    "dusk",
    "blue",
    "bile",
    "dark",
    "pale",
    "flake",
    "slough",
    "honey",
    "scab",
    "wet",
    "height",
)
PATCH = 160  # pixels of a lesion's own noise before it is laid on the photo


@dataclass(frozen=True)
class Lesion:
    """One lesion to draw: where and how big in pixels, how stretched, turned and irregular, what it looks
    like.

    ``colour`` is an option of CQID034 in English; ``strength`` about 1 scales how much it stands out.
    The same ``seed`` gives the same shape at any size and turn, so that two photos can show one lesion.
    """

    kind: str
    colour: str
    x: float
    y: float
    radius: float
    stretch: float = 1.0
    angle: float = 0.0
    irregular: float = 0.15
    strength: float = 1.0
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Layers:
    """What lies on the skin, each (H, W) float32 from 0 (nothing); ``height`` in pixels; ``mask`` what counts
    as lesion."""

    fields: dict[str, Field]
    mask: NDArray[np.bool_]

    @classmethod
    def empty(cls, size: tuple[int, int]) -> Layers:
        """Return layers of bare skin."""
        return cls({name: np.zeros(size, np.float32) for name in LAYERS}, np.zeros(size, np.bool_))


@dataclass(frozen=True, eq=False)
class Patch:
    """The part of the photo around one lesion while it is drawn.

    inside: how deep within the lesion, 1 at its centre, 0 at its border, negative outside, in units of its
    radius.
    cover: 0 outside to 1 inside, soft at the border. scale: pixels a millimetre. rng: the lesion's own.
    """

    lesion: Lesion
    inside: Field
    cover: Field
    scale: float
    rng: np.random.Generator
    fields: dict[str, Field]
    turn: NDArray[np.float32]

    def noise(self, cells: float, octaves: int = 1) -> Field:
        """Return noise fixed to the lesion with about ``cells`` bumps across its diameter."""
        values = layered_noise(self.rng, (PATCH, PATCH), PATCH / (2 * max(1.0, cells)), octaves)
        height, width = self.inside.shape
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return np.asarray(
            cv2.warpAffine(values, self.turn, (width, height), flags=flags, borderMode=cv2.BORDER_REFLECT),
            dtype=np.float32,
        )

    def grain(self, cell: float) -> Field:
        """Return noise with bumps ``cell`` pixels wide, at least one and a half."""
        return smooth_noise(self.rng, (self.inside.shape[0], self.inside.shape[1]), max(1.5, cell))

    def add(self, name: str, values: NDArray[np.floating]) -> None:
        """Lay ``values`` on a layer, which does not grow much where another lesion already is."""
        layer = self.fields[name]
        layer += values * (
            np.float32(1)
            / (np.float32(1) + np.maximum(layer, 0) * np.float32(0.7 if name != "height" else 0))
        )
