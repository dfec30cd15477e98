"""A segmentation model that sees several views of each photo, turned and mirrored, and averages what it finds."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, Self, get_args

import cv2
import numpy as np
from torch import Tensor

from magic_demo.core.types import Pixels, Probability
from magic_demo.models.interfaces import Guidance, Segmenter, average_views
from magic_demo.models.loading.checkpoints import Checkpoint

Views = Literal["none", "mirror", "flips", "rotations"]
VIEWS: tuple[Views, ...] = get_args(Views)


class View(NamedTuple):
    """A photo as it is seen: turned by so many quarters counterclockwise, then mirrored left to right."""

    quarters: int = 0
    mirrored: bool = False

    def show(self, pixels: Pixels) -> Pixels:
        """Return the photo (H, W, 3) as the view has it."""
        turned = np.rot90(pixels, self.quarters)
        return np.ascontiguousarray(turned[:, ::-1] if self.mirrored else turned)

    def undo(self, probability: Probability) -> Probability:
        """Return a map (h, w) of the view as it lies on the photo."""
        straight = probability[:, ::-1] if self.mirrored else probability
        return np.ascontiguousarray(np.rot90(straight, -self.quarters))


AS_IT_IS, MIRRORED = View(), View(0, mirrored=True)
SEEN: dict[Views, tuple[View, ...]] = {
    "none": (AS_IT_IS,),
    "mirror": (AS_IT_IS, MIRRORED),
    # upside down is half a turn of the mirror image
    "flips": (AS_IT_IS, MIRRORED, View(2, mirrored=True), View(2)),
    "rotations": tuple(View(quarters) for quarters in range(4)),
}


class ViewedSegmenter(Segmenter):
    """Any segmentation model over several views of a photo; the mean of its maps counts.

    Answerers read the photo as it is; so does what a reader shows (guidance).
    """

    def __init__(self, inner: Segmenter, views: Views) -> None:
        self.inner, self.views = inner, SEEN[views]
        self.model_id = f"{inner.model_id}, {views}"
        self.threshold, self.prompt_kind, self.backend = inner.threshold, inner.prompt_kind, inner.backend
        self.reads_prompt, self.reads_guidance = inner.reads_prompt, inner.reads_guidance
        self.encoder_name = inner.encoder_name

    @classmethod
    def load(cls, checkpoint: Checkpoint) -> Self:
        """Refuse: a checkpoint is of the model inside."""
        raise NotImplementedError(f"{checkpoint.folder}: views are put around a model that is loaded")

    def look(self, pixels: Pixels) -> tuple[Any, ...]:
        """Return the inner model's features of each view, the photo as it is first."""
        return tuple(self.inner.look(view.show(pixels)) for view in self.views)

    def segment(
        self, features: Sequence[Any], prompt: str = "", guidance: Guidance | None = None
    ) -> Probability:
        """Return the mean map (h, w) of the views, of the first one's size."""
        if guidance is not None:
            return self.inner.segment(features[0], prompt, guidance)
        return average_views(self.segment_views(features, prompt))[0]

    def segment_views(self, features: Sequence[Any], prompt: str = "") -> tuple[Probability, ...]:
        """Return the map (h, w) of each view, laid back on the photo, all of the first one's size."""
        maps = [
            view.undo(self.inner.segment(found, prompt))
            for view, found in zip(self.views, features, strict=True)
        ]
        height, width = maps[0].shape
        return tuple(
            one if one.shape == (height, width) else np.asarray(cv2.resize(one, (width, height)), np.float32)
            for one in maps
        )

    def feature_map(self, features: Sequence[Any]) -> Tensor | None:
        """Return the inner model's map of the photo as it is."""
        return self.inner.feature_map(features[0])


def see_views(segmenter: Segmenter, views: Views) -> Segmenter:
    """Return a model over the views; the model itself for ``none``."""
    return segmenter if views == "none" else ViewedSegmenter(segmenter, views)


def describe_views(views: Views) -> str:
    """Return one line: what the views cost."""
    count = len(SEEN[views])
    return f"{count} views of each photo ({views}), averaged: finding the lesion takes about {count} times as long"


def add_views_argument(parser: argparse.ArgumentParser) -> None:
    """Add ``--tta``."""
    parser.add_argument(
        "--tta",
        choices=VIEWS,
        default="none",
        help="find the lesion in several views of each photo and average: its mirror image, mirrored both ways, "
        "or turned by quarters; 2 or 4 times the work (default: none)",
    )
