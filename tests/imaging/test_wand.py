"""The wand on drawn cases: far better than the box that was dragged, the same every time, fast, and quiet
about empty hints."""

from __future__ import annotations

import time

import cv2
import numpy as np
import pytest

from magic_demo.core.types import Mask, Pixels
from magic_demo.imaging.wand import Hint, cut_lesion


def draw_case(
    size: tuple[int, int], seed: int, skin: tuple[int, int, int], lesion: tuple[int, int, int]
) -> tuple[Pixels, Mask]:
    """Return a photo of grainy skin under uneven light with one lesion of a lobed outline, and the lesion's
    mask."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float32)
    centre = size[1] * 0.5, size[0] * 0.48
    angle = np.arctan2(y - centre[1], x - centre[0])
    radius = min(size) * (0.2 + 0.05 * np.sin(3 * angle + seed) + 0.02 * np.sin(7 * angle))
    mask = np.hypot(x - centre[0], y - centre[1]) < radius
    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), min(size) / 150)[..., None]
    colours = np.asarray(skin, np.float32) * (1 - soft) + np.asarray(lesion, np.float32) * soft
    light = (0.9 + 0.15 * x / size[1])[..., None]
    grain = cv2.GaussianBlur(random.normal(0, 1, (*size, 3)).astype(np.float32), (0, 0), 2) * 25
    return np.clip(colours * light + grain, 0, 255).astype(np.uint8), mask


def dice(one: Mask, other: Mask) -> float:
    return 2 * float((one & other).sum()) / float(one.sum() + other.sum())


def box_around(mask: Mask, room: float) -> tuple[float, float, float, float]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    more = room * max(len(rows), len(columns))
    return columns[0] - more, rows[0] - more, columns[-1] + 1 + more, rows[-1] + 1 + more


KINDS = [
    ((224, 180, 155), (170, 90, 85)),
    ((150, 105, 80), (90, 55, 45)),
    ((90, 60, 48), (55, 34, 30)),
    ((205, 160, 135), (235, 215, 205)),
]


@pytest.mark.parametrize(("skin", "lesion"), KINDS)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_box_is_refined_to_the_lesion(
    seed: int, skin: tuple[int, int, int], lesion: tuple[int, int, int]
) -> None:
    pixels, truth = draw_case((300, 400), seed, skin, lesion)
    box = box_around(truth, 0.1)
    filled = np.zeros_like(truth)
    filled[int(max(0, box[1])) : int(box[3]), int(max(0, box[0])) : int(box[2])] = True
    found = cut_lesion(pixels, Hint(box=box))
    assert dice(found, truth) > 0.93 > dice(filled, truth) + 0.1
    assert not (found & ~filled).any(), "nothing outside the box is lesion"


def test_a_hint_drawn_on_a_small_copy_finds_in_the_large_photo_what_it_finds_in_the_copy() -> None:
    small, truth = draw_case((300, 400), 4, *KINDS[0])
    pixels = np.asarray(cv2.resize(small, (2000, 1500), interpolation=cv2.INTER_CUBIC), np.uint8)
    hint = Hint(box=(100.0, 50.0, 300.0, 260.0), skin=[[(115.0, 75.0), (120.0, 240.0)]])
    found = cut_lesion(pixels, hint, (300, 400))
    assert found.shape == (300, 400)
    assert dice(found, cut_lesion(small, hint)) > 0.98 and dice(found, truth) > 0.93


@pytest.mark.parametrize(("skin", "lesion"), KINDS)
def test_two_scribbles_find_the_lesion(skin: tuple[int, int, int], lesion: tuple[int, int, int]) -> None:
    pixels, truth = draw_case((300, 400), 3, skin, lesion)
    hint = Hint(
        lesion=[[(185.0, 140.0), (215.0, 150.0)]],
        skin=[[(90.0, 40.0), (90.0, 250.0)], [(310.0, 40.0), (310.0, 250.0)]],
        radius=5,
    )
    assert dice(cut_lesion(pixels, hint), truth) > 0.93


def test_one_scribble_is_enough_and_stays_with_its_lesion() -> None:
    pixels, truth = draw_case((300, 300), 4, *KINDS[0])
    pair, both = (
        np.concatenate([pixels, pixels], axis=1),
        np.concatenate([truth, np.zeros_like(truth)], axis=1),
    )
    found = cut_lesion(pair, Hint(lesion=[[(140.0, 140.0), (160.0, 150.0)]], radius=6))
    assert dice(found, both) > 0.9


def test_a_stroke_on_skin_takes_a_lesion_away() -> None:
    pixels, truth = draw_case((300, 300), 5, *KINDS[0])
    pair = np.concatenate([pixels, pixels], axis=1)
    second = np.concatenate([np.zeros_like(truth), truth], axis=1)
    box = (20.0, 20.0, 580.0, 280.0)
    with_both = cut_lesion(pair, Hint(box=box))
    without = cut_lesion(
        pair,
        Hint(
            box=box,
            skin=[[(430.0, 120.0), (470.0, 170.0)]],
            lesion=[[(140.0, 140.0), (155.0, 150.0)]],
            radius=4,
        ),
    )
    assert (with_both & second).sum() > 0.9 * second.sum()
    assert not without[120:170, 445:455].all(), "the stroke itself is skin"


def test_the_same_hint_gives_the_same_mask() -> None:
    pixels, truth = draw_case((200, 260), 6, *KINDS[1])
    hint = Hint(box=box_around(truth, 0.1))
    assert np.array_equal(cut_lesion(pixels, hint), cut_lesion(pixels, hint))


def test_a_cut_in_a_large_photo_ends_and_follows_the_lesion() -> None:
    pixels, truth = draw_case((1536, 2048), 7, *KINDS[0])
    began = time.process_time()
    found = cut_lesion(pixels, Hint(box=box_around(truth, 0.1)))
    assert time.process_time() - began < 20, (
        "about half a second; one that looks at the whole photo takes minutes"
    )
    assert dice(found, truth) > 0.95


@pytest.mark.parametrize(
    "hint",
    [
        Hint(),
        Hint(box=(50.0, 50.0, 50.0, 50.0)),
        Hint(box=(-300.0, -300.0, -200.0, -200.0)),
        Hint(lesion=[[]]),
        Hint(skin=[[(10.0, 10.0), (50.0, 50.0)]]),
        Hint(lesion=[[(1e4, 1e4)]]),
    ],
)
def test_a_hint_that_shows_nothing_finds_nothing(hint: Hint) -> None:
    pixels, _ = draw_case((80, 100), 8, *KINDS[0])
    found = cut_lesion(pixels, hint)
    assert found.shape == (80, 100) and not found.any()


def test_a_box_over_everything_and_a_photo_of_one_colour_still_answer() -> None:
    pixels, truth = draw_case((120, 160), 9, *KINDS[0])
    assert dice(cut_lesion(pixels, Hint(box=(0.0, 0.0, 160.0, 120.0))), truth) > 0.8
    plain = np.full((60, 60, 3), 128, np.uint8)
    assert cut_lesion(plain, Hint(box=(10.0, 10.0, 50.0, 50.0))).shape == (60, 60)
