"""Fit what a box says: ``python -m training box-weights CHECKPOINT --data DIR [--split NAME ...] [--count N]``.

Prints the weights that stand in ``magic_demo/models/segmentation/boxed.py``. A box must also find what the model
does not know, so of five photos three are as they are, one has another photo's lesion laid on it, and one a shape
that is no lesion.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from tqdm import tqdm

from magic_demo.core.types import Mask, Pixels
from magic_demo.models.interfaces import Segmenter
from magic_demo.models.registry import load_segmenter
from magic_demo.models.segmentation.boxed import describe_box, find_region
from magic_demo.models.segmentation.clicked import to_logit
from magic_demo.models.segmentation.guidance_maps import draw_box, resize_map
from training.segmentation.drawing.pasting import paste_lesion, paste_thing
from training.segmentation.guidance.composites import LEAST
from training.segmentation.guidance.simulate import draw_around
from training.segmentation.sources import Example, SourceSettings
from training.segmentation.survey import read_checked

LARGER = (0.0, 0.06, 0.06, 0.2)
JITTER = 0.02
PIXELS_A_PHOTO = 1500
LEAST_FOUND = 0.95
"""Of the photos and masks that the lists name."""


def main(arguments: list[str]) -> int:
    """Print the weights; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m training box-weights", description=__doc__)
    parser.add_argument("checkpoint", help="folder or Hub id")
    parser.add_argument("--data", type=Path, required=True, help="a folder of pairs")
    parser.add_argument("--split", action="append", help="lists of pairs (pad_train and isic_train)")
    parser.add_argument("--count", type=int, default=120, help="how many boxes are drawn")
    parser.add_argument("--seed", type=int, default=3)
    options = parser.parse_args(arguments)
    splits = options.split or ("pad_train", "isic_train")
    sources = {split: SourceSettings(name=split, kind="pairs", split=split) for split in splits}
    checked = read_checked(options.data, sources, least_found=LEAST_FOUND, bad_files="refuse")
    examples = [example for listed in checked.by_title.values() for example in listed]
    features, wanted = sample_boxes(
        load_segmenter(options.checkpoint), examples, options.count, np.random.default_rng(options.seed)
    )
    fitted = LogisticRegression(max_iter=300).fit(features, wanted)
    weights = (*fitted.coef_[0], fitted.intercept_[0])
    print(f"WEIGHTS = ({', '.join(f'{value:.2f}' for value in weights)})")
    return 0


def sample_boxes(
    segmenter: Segmenter, examples: Sequence[Example], count: int, random: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return the features (N, 4) of pixels inside boxes, and whether they are wanted (N,)."""
    features, answers = [], []
    for number in tqdm(range(count), desc="boxes", leave=False):
        pixels, wanted = _draw_scene(number, examples, random)
        box = draw_around(wanted, LARGER[number % len(LARGER)], random, jitter=JITTER)
        if box is None:
            continue
        (left, top, right, bottom), inner = find_region(box, pixels.shape)
        size = (pixels.shape[0], pixels.shape[1])
        known = to_logit(resize_map(segmenter.segment(segmenter.look(pixels)), size), segmenter.threshold)
        described = describe_box(
            segmenter,
            np.ascontiguousarray(pixels[top:bottom, left:right]),
            known[top:bottom, left:right],
            inner,
        )
        shape = (described.shape[0], described.shape[1])
        mask = resize_map(wanted[top:bottom, left:right].astype(np.float32), shape) >= 0.5
        inside = np.flatnonzero(draw_box(inner, shape))
        chosen = random.choice(inside, PIXELS_A_PHOTO)
        features.append(described.reshape(-1, described.shape[-1])[chosen])
        answers.append(mask.reshape(-1)[chosen])
    return np.concatenate(features), np.concatenate(answers)


def _draw_scene(number: int, examples: Sequence[Example], random: np.random.Generator) -> tuple[Pixels, Mask]:
    """Return a photo and the one lesion or thing on it that is wanted."""
    kind = number % 5
    while True:
        pixels, masks = examples[int(random.integers(len(examples)))].read()
        wanted = masks[0]
        if kind >= 3:
            donor, donor_masks = examples[int(random.integers(len(examples)))].read()
            own = wanted.astype(np.float32)
            if kind == 3:
                pixels, both = paste_lesion(pixels, own, donor, donor_masks[0].astype(np.float32), random)
            else:
                pixels, both = paste_thing(pixels, own, donor, random, wanted=True)
            wanted = np.asarray((both >= 0.5) & ~wanted, dtype=np.bool_)
        if wanted.mean() >= LEAST:
            return pixels, wanted
