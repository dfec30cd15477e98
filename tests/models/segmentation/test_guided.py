"""Clicks and boxes change the outline of any model, and are respected."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from magic_demo.core.types import Mask, Photo, Pixels, Probability
from magic_demo.models.feature_cache import FeatureCache
from magic_demo.models.interfaces import Click, Guidance
from magic_demo.models.predictor import Predictor
from magic_demo.models.segmentation.guidance_maps import to_pixel
from magic_demo.models.segmentation.guided import refine_map
from magic_demo.questions.scoring import count_pixels, dice
from tests.support.stand_ins import RedFinder

pytestmark = pytest.mark.numeric


def draw_two_spots() -> tuple[Pixels, Mask, Mask]:
    """Return skin with a red and a brown spot, and the mask of each."""
    random = np.random.default_rng(1)
    pixels = np.full((120, 160, 3), (224, 180, 160), np.float64)
    down, across = np.mgrid[:120, :160]
    red, brown = ((across - x) ** 2 + (down - 60) ** 2 < 22**2 for x in (45, 115))
    pixels[red], pixels[brown] = (190, 60, 60), (110, 80, 60)
    noisy = np.clip(pixels + random.normal(0, 4, pixels.shape), 0, 255)
    return noisy.astype(np.uint8), red, brown


def outline(pixels: Pixels, guidance: Guidance) -> Mask:
    segmenter = RedFinder()
    refined = refine_map(segmenter, pixels, segmenter.look(pixels), guidance)
    assert refined.shape == (120, 160) and refined.dtype == np.float32
    assert 0 <= refined.min() <= refined.max() <= 1
    return refined >= segmenter.threshold


def test_a_click_on_a_lesion_that_the_model_missed_adds_it() -> None:
    pixels, red, brown = draw_two_spots()
    before = outline(pixels, Guidance())
    after = outline(pixels, Guidance((Click(115 / 160, 0.5),)))
    assert dice(count_pixels(red | brown, before)) < 0.75
    assert dice(count_pixels(red | brown, after)) > 0.9


def test_a_click_on_skin_takes_what_it_lies_on_away() -> None:
    pixels, red, _ = draw_two_spots()
    left = outline(pixels, Guidance((Click(45 / 160, 0.5, lesion=False),)))
    assert (left & red).sum() < 0.2 * red.sum()


def test_nothing_outside_a_box_is_lesion() -> None:
    pixels, red, brown = draw_two_spots()
    inside = outline(pixels, Guidance(box=(90 / 160, 30 / 120, 140 / 160, 90 / 120)))
    assert not (inside & red).any() and dice(count_pixels(brown, inside)) > 0.85


@pytest.mark.parametrize("lesion", [True, False])
def test_a_clicks_pixel_is_what_the_click_says_even_in_the_corners(lesion: bool) -> None:
    pixels, *_ = draw_two_spots()
    for x, y in [(0, 0), (1, 1), (0.3, 0.5), (0.72, 0.5), (0.5, 0.02)]:
        click = Click(x, y, lesion)
        across, down = to_pixel(click, (120, 160))
        assert outline(pixels, Guidance((click,)))[down, across] == lesion


def test_the_later_of_two_contradicting_clicks_counts() -> None:
    pixels, *_ = draw_two_spots()
    clicks = Click(0.5, 0.5), Click(0.5, 0.5, lesion=False)
    assert not outline(pixels, Guidance(clicks))[60, 80]
    assert outline(pixels, Guidance(clicks[::-1]))[60, 80]


def test_the_step_before_is_where_the_next_begins() -> None:
    pixels, _, brown = draw_two_spots()
    shown = Guidance((Click(115 / 160, 0.5),), previous=brown.astype(np.float32))
    assert dice(count_pixels(brown, outline(pixels, shown))) > 0.95


def test_without_a_model_the_cut_alone_follows_the_clicks() -> None:
    pixels, _, brown = draw_two_spots()
    box = (90 / 160, 30 / 120, 140 / 160, 90 / 120)
    alone = refine_map(None, pixels, None, Guidance(box=box)) >= 0.5
    assert dice(count_pixels(brown, alone)) > 0.85
    photo = Photo("a", pixels)
    np.testing.assert_array_equal(Predictor(None, None).refine(photo, Guidance(box=box)) >= 0.5, alone)


def test_the_photo_is_encoded_once_for_all_its_clicks() -> None:
    class Counting(RedFinder):
        looks = 0

        def look(self, pixels: Pixels) -> object:  # type: ignore[override]
            self.looks += 1
            return super().look(pixels)

    pixels, *_ = draw_two_spots()
    segmenter, cache, photo = Counting(), FeatureCache(), Photo("a", pixels)
    predictor = Predictor(segmenter, None)
    for x in (0.2, 0.3, 0.4):
        predictor.refine(photo, Guidance((Click(x, 0.5),)), cache=cache)
    assert segmenter.looks == 1


def test_a_lesion_in_a_box_of_which_the_model_knows_next_to_nothing_is_cut_out() -> None:
    class Blind(RedFinder):
        def segment(
            self, features: object, prompt: str = "", guidance: Guidance | None = None
        ) -> Probability:
            return np.full((32, 32), 0.3, np.float32)

    pixels, _, brown = draw_two_spots()
    box = (90 / 160, 30 / 120, 140 / 160, 90 / 120)
    found = refine_map(Blind(), pixels, Blind().look(pixels), Guidance(box=box)) >= 0.5
    assert dice(count_pixels(brown, found)) > 0.85


def test_a_model_that_reads_guidance_is_asked_and_corrected_where_it_disobeys() -> None:
    class Reading(RedFinder):
        reads_guidance = True

        def segment(
            self, features: object, prompt: str = "", guidance: Guidance | None = None
        ) -> Probability:
            asked.append(guidance)
            return np.full((32, 32), 0.9 if guidance is not None else 0.1, np.float32)

    asked: list[Guidance | None] = []
    pixels, *_ = draw_two_spots()
    segmenter = Reading()
    guidance = Guidance((Click(0.1, 0.1, lesion=False),), previous=np.zeros((4, 4), np.float32))
    refined = refine_map(segmenter, pixels, segmenter.look(pixels), guidance)
    assert asked == [guidance]
    assert refined[12, 16] < 0.5 < refined[60, 115]


def test_in_a_photo_or_a_box_of_one_colour_nothing_is_found_whatever_the_model_says() -> None:
    class SeesLesionsEverywhere(RedFinder):
        def segment(self, features: Any, prompt: str = "", guidance: Guidance | None = None) -> Probability:
            return np.ones((30, 40), np.float32)

    pixels = np.full((300, 400, 3), (222, 180, 156), np.uint8)
    model = SeesLesionsEverywhere()
    box = (0.2, 0.2, 0.6, 0.6)
    assert not (refine_map(model, pixels, None, Guidance(box=box)) >= 0.5).any()
    pixels[:30, :40] = 0  # elsewhere
    assert not (refine_map(model, pixels, None, Guidance(box=box)) >= 0.5).any()
    pixels[150:160, 150:160] = 0
    assert (refine_map(model, pixels, None, Guidance(box=box)) >= 0.5).any()
