"""What the simulation reviews: synthetic cases with a shifted look, and real close-ups that the segmentation model
never saw."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from magic_demo.core.types import Answers, Mask, Narrative, Pixels
from magic_demo.files.masks.mask_files import read_loose_mask
from magic_demo.files.photos.reading import read_photo
from magic_demo.imaging.resize import resize_pixels
from magic_demo.synthetic.encounters import make_case
from magic_demo.synthetic.truth import draw_truth
from training.cases.pad import read_pad
from training.segmentation.sources import list_pair_names

SIDE = 256
"""Longest side of the photos, pixels."""


@dataclass(frozen=True, eq=False)
class SimulatedCase:
    """One photo and everything that a careful reader would say of it. group: cases of one patient share it."""

    name: str
    group: str
    pixels: Pixels
    mask: Mask
    narrative: Narrative
    answers: Answers


@dataclass(frozen=True, eq=False)
class Scenario:
    """Cases to review, and cases that are never reviewed, of patients of their own."""

    name: str
    pool: list[SimulatedCase]
    held_out: list[SimulatedCase]


def shift_look(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """Return a photo as another camera would have taken it: a cold, dim light from one side, little contrast, blur
    and grain."""
    height, width = pixels.shape[:2]
    light = pixels.astype(np.float32) / 255
    across = np.linspace(-1, 1, width)[None, :, None] * random.uniform(-1, 1)
    down = np.linspace(-1, 1, height)[:, None, None] * random.uniform(-1, 1)
    cast = np.array([0.62, 0.86, 1.0], np.float32) * random.uniform(0.9, 1.05, 3).astype(np.float32)
    light = (0.5 + (light - 0.5) * random.uniform(0.35, 0.55)) ** random.uniform(1.2, 1.8)
    light = light * cast * (1 + 0.35 * (across + down))
    blurred = cv2.GaussianBlur(light.astype(np.float32), (0, 0), random.uniform(1.0, 2.2))
    grainy = np.asarray(blurred) + random.normal(0, 0.03, light.shape)
    return np.asarray(np.clip(grainy * 255, 0, 255), np.uint8)


def draw_shifted(pool: int, held_out: int, seed: int = 71) -> Scenario:
    """Draw synthetic cases in the shifted look."""

    def draw(number: int) -> SimulatedCase:
        truth = replace(draw_truth(np.random.default_rng([seed, number, 1])), photos=1)
        case = make_case(seed, number, truth=truth, longest=SIDE)
        pixels = shift_look(case.photos[0].pixels, np.random.default_rng([seed, number, 8]))
        return SimulatedCase(
            f"shifted-{number}", str(number), pixels, case.masks[0], case.narrative, case.answers
        )

    cases = [draw(number) for number in range(1, pool + held_out + 1)]
    return Scenario("shifted look", cases[:pool], cases[pool:])


def read_more_pad(data: Path, pool: int, held_out: int, seed: int = 72) -> Scenario:
    """Read real close-ups of patients whom the segmentation model was not trained on; patients of the held-out
    cases have none in the pool."""
    known = {name.split("_")[1] for name in list_pair_names(data / "skin", "pad_train")}
    listed = [photo for photo in read_pad(data / "pad-more") if photo.name.split("_")[1] not in known]
    patients = sorted({photo.patient for photo in listed})
    order = np.random.default_rng(seed).permutation(len(patients))
    place = {patients[index]: number for number, index in enumerate(order)}
    listed.sort(key=lambda photo: (place[photo.patient], photo.name))
    out = listed[:held_out]
    rest = [photo for photo in listed[held_out:] if photo.patient != out[-1].patient][:pool]

    def read(name: str, path: Path, patient: str, answers: Answers) -> SimulatedCase:
        pixels, mask = read_pair(path, data / "pad-more" / "masks" / f"{name}.png")
        return SimulatedCase(name, patient, pixels, mask, Narrative(), answers)

    made = [[read(one.name, one.path, one.patient, one.answers) for one in part] for part in (rest, out)]
    return Scenario("pad-more", made[0], made[1])


def read_pairs(folder: Path, split: str, count: int) -> list[SimulatedCase]:
    """Read up to ``count`` photos of a list, evenly chosen; no answers are known of them."""
    names = list_pair_names(folder, split)
    chosen = [names[index] for index in np.linspace(0, len(names) - 1, min(count, len(names))).astype(int)]
    pairs = {
        name: read_pair(folder / "images" / f"{name}.jpg", folder / "masks" / f"{name}.png")
        for name in chosen
    }
    return [SimulatedCase(name, name, *pair, Narrative(), {}) for name, pair in pairs.items()]


def read_pair(photo: Path, mask: Path) -> tuple[Pixels, Mask]:
    """Read a photo and its mask at the simulation's size."""
    pixels = read_photo(photo).pixels
    scale = min(1.0, SIDE / max(pixels.shape[:2]))
    size = (max(1, round(pixels.shape[0] * scale)), max(1, round(pixels.shape[1] * scale)))
    small = resize_pixels(read_loose_mask(mask).mask.astype(np.uint8) * 255, size)
    return resize_pixels(pixels, size), np.asarray(small >= 128)


def draw_usual(count: int, seed: int = 73) -> list[SimulatedCase]:
    """Draw synthetic cases in the usual look, which the shipped models were trained on."""
    cases = []
    for number in range(1, count + 1):
        truth = replace(draw_truth(np.random.default_rng([seed, number, 1])), photos=1)
        case = make_case(seed, number, truth=truth, longest=SIDE)
        cases.append(
            SimulatedCase(
                f"usual-{number}",
                str(number),
                case.photos[0].pixels,
                case.masks[0],
                case.narrative,
                case.answers,
            )
        )
    return cases
