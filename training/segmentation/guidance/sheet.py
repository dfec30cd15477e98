"""A contact sheet of photos with a simulated reader's clicks and the outline that followed, to be looked at."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from magic_demo.core.types import Mask, Pixels
from magic_demo.imaging.overlay import draw_outline
from magic_demo.imaging.resize import resize_pixels
from magic_demo.models.interfaces import Click, Guidance, Segmenter
from magic_demo.questions.scoring import count_pixels, dice, vote
from training.segmentation.guidance.evaluate import follow_clicks
from training.segmentation.guidance.ways import OURS, list_ways
from training.segmentation.sources import Example

TILE, COLUMNS = 260, 6
REFERENCE_RGB, LESION_RGB, SKIN_RGB = (0, 220, 90), (255, 255, 255), (176, 32, 122)


def draw_clicked(
    examples: Sequence[Example], segmenter: Segmenter, *, clicks: int = 3, count: int = 24
) -> Pixels:
    """Return a sheet (H, W, 3), six a row, of ``count`` examples evenly taken: the reference in green, the outline
    after so many clicks in yellow, the clicks (white on the lesion, violet on skin), and Dice before and after."""
    step = max(1.0, len(examples) / count)
    chosen = [examples[int(place * step)] for place in range(min(count, len(examples)))]
    tiles = [_draw_tile(example, segmenter, clicks) for example in chosen]
    blank = np.full((TILE, TILE, 3), 255, np.uint8)
    tiles += [blank] * (-len(tiles) % COLUMNS)
    rows = [np.hstack(tiles[start : start + COLUMNS]) for start in range(0, len(tiles), COLUMNS)]
    return np.asarray(np.vstack(rows), dtype=np.uint8)


def _draw_tile(example: Example, segmenter: Segmenter, clicks: int) -> Pixels:
    pixels, masks = example.read()
    wanted, prompt = vote(masks), (example.prompts[0] if example.prompts else "")
    features = segmenter.look(pixels)
    way = list_ways(segmenter, pixels, features, prompt, box=False, baselines=False)[OURS]
    start = Guidance(previous=segmenter.segment(features, prompt))
    steps = [*follow_clicks(way, wanted, start, clicks=clicks, threshold=segmenter.threshold)]
    before, (found, made) = steps[0][0], steps[-1]
    drawn = draw_outline(draw_outline(pixels, wanted, REFERENCE_RGB), found)
    tile = resize_pixels(drawn, (TILE, TILE)).copy()
    for click in made:
        _draw_click(tile, click)
    line = f"{_dice(wanted, before):.2f} > {_dice(wanted, found):.2f} {example.photo_id}"[:34]
    for colour, width in (((0, 0, 0), 3), ((255, 255, 255), 1)):
        cv2.putText(tile, line, (5, 15), cv2.FONT_HERSHEY_SIMPLEX, 0.4, colour, width, cv2.LINE_AA)
    return tile


def _draw_click(tile: Pixels, click: Click) -> None:
    at = (round(click.x * TILE), round(click.y * TILE))
    for colour, radius in (((0, 0, 0), 6), (LESION_RGB if click.lesion else SKIN_RGB, 4)):
        cv2.circle(tile, at, radius, colour, -1, cv2.LINE_AA)


def _dice(wanted: Mask, found: Mask) -> float:
    return dice(count_pixels(wanted, found))
