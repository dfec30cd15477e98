"""What a run of the guided decoder sees: views of photos and composites, the wanted lesion, and the first
thing that a reader shows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from magic_demo.core.types import Mask, Probability
from magic_demo.models.interfaces import Click, Guidance
from training.runs.augment import augment_pair
from training.runs.ranges import Count, NotNegative, Share
from training.segmentation.data import TrainingDraws
from training.segmentation.drawing.pasting import paste_lesion, paste_thing
from training.segmentation.guidance.composites import choose_wanted, crop_near
from training.segmentation.guidance.simulate import click_anywhere, click_on_error, draw_around


@dataclass(frozen=True)
class GuidanceSettings:
    """What is shown, and how photos are put together. Chances are in 0..1.

    rounds: outlines a draw asks for; after each a click is added. box: chance that a draw begins with a box;
    box_and_click: that it has a click at once. first_clicks: chance of a draw that begins with some clicks
    anywhere. jitter: of a box's sides. larger: the most that a box is too large; a quarter of it is not exceeded by
    half of them. spoilt: chance that the first step before is broken.
    paste: chance of another photo's lesion beside; thing: of a shape that is no lesion, wanted half of the
    time; near: of a view around one lesion; several: that of several lesions only some are wanted.
    """

    rounds: Count = 3
    box: Share = 0.45
    box_and_click: Share = 0.2
    first_clicks: Share = 0.25
    jitter: Share = 0.04
    larger: NotNegative = 0.25
    spoilt: Share = 0.15
    paste: Share = 0.25
    thing: Share = 0.2
    near: Share = 0.35
    several: Share = 0.6


class GuidedDraws(TrainingDraws):
    """The draws of a run; of each the generator's seed for what is shown goes along."""

    guidance = GuidanceSettings()

    def __getitem__(self, draw: int) -> dict[str, Any]:
        index, _, random = self.choose(draw)
        settings = self.guidance
        pixels, share = self.cache.read(index)
        if random.random() < settings.paste:
            other = self.cache.read(int(random.integers(len(self.cache))))
            pixels, share = paste_lesion(pixels, share, *other, random)
        if random.random() < settings.thing:
            texture, _ = self.cache.read(int(random.integers(len(self.cache))))
            pixels, share = paste_thing(pixels, share, texture, random, wanted=random.random() < 0.5)
        if random.random() < settings.near:
            pixels, share = crop_near(pixels, share, random)
        assert self.settings.augment is not None
        view, share = augment_pair(pixels, share, self.preprocessing.size, random, self.settings.augment)
        return {
            "pixel_values": self.preprocessing.apply(view),
            "labels": choose_wanted(share, settings.several, random),
            "prompt": self.ask(index, random),
            "seed": int(random.integers(2**62)),
        }


def collate_guided(
    collate: Callable[[Iterable[dict[str, Any]]], dict[str, Tensor]],
) -> Callable[[Iterable[dict[str, Any]]], dict[str, Tensor]]:
    """Return a collator that adds seeds (B,) to what ``collate`` makes; photos to judge on have none."""

    def make(examples: Iterable[dict[str, Any]]) -> dict[str, Tensor]:
        listed = list(examples)
        seeds = torch.tensor([example.get("seed", 0) for example in listed], dtype=torch.long)
        return {**collate([{k: v for k, v in e.items() if k != "seed"} for e in listed]), "seeds": seeds}

    return make


def begin(
    wanted: Mask,
    found: Probability,
    threshold: float,
    settings: GuidanceSettings,
    random: np.random.Generator,
) -> Guidance:
    """Return what a reader shows first of a wanted mask (h, w), seeing the model's map (h, w)."""
    box = (
        draw_around(wanted, settings.larger * random.random() ** 2, random, jitter=settings.jitter)
        if random.random() < settings.box
        else None
    )
    previous = spoil(found, random) if random.random() < settings.spoilt else found
    clicks: list[Click] = []
    if random.random() < settings.first_clicks:
        clicks += _click_around(wanted, random)
    elif box is None or random.random() < settings.box_and_click:
        click = click_on_error(wanted, previous >= threshold, random)
        clicks += [click] if click is not None else []
    if box is None and not clicks and wanted.any():
        click = click_anywhere(wanted, random)
        clicks += [click] if click is not None else []
    return Guidance(tuple(clicks), box, previous)


def spoil(found: Probability, random: np.random.Generator) -> Probability:
    """Return a map (h, w) gone wrong: nothing at all, grown, shrunk or moved."""
    kind = int(random.integers(4))
    if kind == 0:
        return np.zeros_like(found)
    if kind == 3:
        return np.roll(found, random.integers(-30, 31, 2), axis=(0, 1))
    kernel = np.ones((int(random.integers(3, 16)),) * 2, np.uint8)
    changed: NDArray[Any] = (cv2.dilate if kind == 1 else cv2.erode)(found, kernel)
    return changed.astype(np.float32)


def _click_around(wanted: Mask, random: np.random.Generator) -> list[Click]:
    """Return up to four clicks inside and up to three just outside a wanted mask (h, w), in any order."""
    inside = [click_anywhere(wanted, random) for _ in range(int(random.integers(1, 5)))]
    ring = cv2.dilate(wanted.astype(np.uint8), np.ones((31, 31), np.uint8)) > 0
    ring &= cv2.dilate(wanted.astype(np.uint8), np.ones((9, 9), np.uint8)) == 0
    places = np.flatnonzero(ring)
    outside = [
        Click(
            (place % wanted.shape[1] + 0.5) / wanted.shape[1],
            (place // wanted.shape[1] + 0.5) / wanted.shape[0],
            False,
        )
        for place in (
            random.choice(places, min(len(places), int(random.integers(4)))).tolist() if len(places) else []
        )
    ]
    clicks = [click for click in (*inside, *outside) if click is not None]
    return [clicks[int(index)] for index in random.permutation(len(clicks))]
