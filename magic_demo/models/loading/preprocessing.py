"""How a photo becomes a model's input, as the checkpoint says."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from magic_demo.core.errors import CheckpointError, one_line
from magic_demo.core.limits import LIMITS
from magic_demo.core.types import Pixels
from magic_demo.files.checkpoint_files import (
    read_object,
)
from magic_demo.imaging.resize import resize_pixels
from magic_demo.models.loading.finding import find_checkpoint

PREPROCESSING = "preprocessor_config.json"
Filter = Literal["area", "bilinear", "bicubic"]
RESAMPLING: dict[object, Filter] = {None: "area", 2: "bilinear", 3: "bicubic", 4: "area"}
"""What ``resample`` says, in Pillow's numbers: those that published processors have, and the box filter;
checkpoints without it were trained with the box filter here."""


@dataclass(frozen=True)
class Preprocessing:
    """How a photo becomes a model's input, as the checkpoint's ``preprocessor_config.json`` says.

    size: (height, width) in pixels; mean, std: a channel each, in units of 0..1. resample: the filter that
    resizes.
    """

    size: tuple[int, int]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    resample: Filter = "area"

    def __repr__(self) -> str:
        """Return all fields; the filter that our checkpoints were trained with goes unsaid, as digests in
        checkpoints are made of this."""
        resample = "" if self.resample == "area" else f", resample={self.resample!r}"
        return f"Preprocessing(size={self.size!r}, mean={self.mean!r}, std={self.std!r}{resample})"

    def shrink(self, pixels: Pixels) -> Pixels:
        """Resize (H, W, 3) uint8 to ``size`` without keeping the aspect, as the checkpoint's own image
        processor does (to one level of 255)."""
        if self.resample == "area" or pixels.shape[:2] == self.size:
            return resize_pixels(pixels, self.size)
        # torch warns of memory that is only to be read
        own = pixels if pixels.flags.writeable else pixels.copy()
        planes = torch.from_numpy(own).permute(2, 0, 1)[
            None
        ]  # uint8 with the channels last: torch then does just what Pillow does, 7 times faster
        small = functional.interpolate(
            planes, size=self.size, mode=self.resample, antialias=True, align_corners=False
        )
        return np.ascontiguousarray(small[0].permute(1, 2, 0).numpy())

    def apply(self, pixels: Pixels) -> NDArray[np.float32]:
        """Turn (H, W, 3) uint8 RGB into (3, h, w) float32, resized without keeping the aspect, and
        normalised."""
        small = self.shrink(pixels).astype(np.float32) / 255.0
        normal = (small - np.asarray(self.mean, np.float32)) / np.asarray(self.std, np.float32)
        return np.ascontiguousarray(normal.transpose(2, 0, 1))

    def save(self, folder: Path) -> None:
        """Write ``preprocessor_config.json``, from which ``read_preprocessing`` reads the same again."""
        height, width = self.size
        content: dict[str, Any] = {
            "size": {"height": height, "width": width},
            "image_mean": list(self.mean),
            "image_std": list(self.std),
        }
        if self.resample != "area":
            content["resample"] = next(number for number, name in RESAMPLING.items() if name == self.resample)
        (folder / PREPROCESSING).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def read_preprocessing(source: str | Path, *, revision: str | None = None) -> Preprocessing:
    """Read ``preprocessor_config.json``: size, mean, standard deviation, filter.

    Raises CheckpointError when it lacks one of the first three.
    """
    path = find_checkpoint(source, revision=revision) / PREPROCESSING
    settings = read_object(path, "image_mean")
    size = settings.get("size", settings.get("crop_size"))
    try:
        if isinstance(size, int):
            height = width = size
        elif isinstance(size, dict) and "height" in size:
            height, width = int(size["height"]), int(size["width"])
        elif isinstance(size, dict):
            height = width = int(size["shortest_edge"])
        else:
            raise KeyError("size")
        mean, std = (tuple(float(value) for value in settings[key]) for key in ("image_mean", "image_std"))
        if len(mean) != 3 or len(std) != 3 or height < 1 or width < 1:
            raise ValueError("three channels are expected")
        if not all(map(math.isfinite, (*mean, *std))) or min(std) <= 0:
            raise ValueError("finite numbers are expected, and none of 'image_std' 0 or less")
        if height * width > LIMITS.photo_pixels:
            raise ValueError(f"a size of more pixels than the limit of {LIMITS.photo_pixels}")
        resample = settings.get("resample")
        if resample not in RESAMPLING:
            raise ValueError(
                f"resample is {resample!r}, not one of "
                f"{', '.join(str(number) for number in RESAMPLING if number is not None)}"
            )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise CheckpointError(
            "{path}: 'size', 'image_mean' and 'image_std' are expected ({reason}); fetch the "
            "checkpoint again",
            path=path,
            reason=one_line(error, 120),
        ) from error
    return Preprocessing((height, width), mean, std, RESAMPLING[resample])
