"""The simulated reader clicks where the outline is most wrong; composites leave it to the guidance what is
wanted."""

from __future__ import annotations

import numpy as np
import pytest

from magic_demo.core.types import Mask, Pixels
from magic_demo.models.segmentation.guidance_maps import to_pixel
from training.segmentation.drawing.pasting import paste_lesion, paste_thing
from training.segmentation.guidance.composites import (
    choose_wanted,
    crop_near,
    list_composites,
    list_parts,
)
from training.segmentation.guidance.simulate import click_anywhere, click_on_error, draw_around
from training.segmentation.sources import Example

SIZE = (80, 100)


def draw_square(top: int, left: int, side: int) -> Mask:
    mask = np.zeros(SIZE, np.bool_)
    mask[top : top + side, left : left + side] = True
    return mask


def draw_skin(spot: Mask) -> Pixels:
    pixels = np.full((*SIZE, 3), (220, 180, 160), np.uint8)
    pixels[spot] = (120, 70, 60)
    return pixels


def test_the_click_lies_in_the_middle_of_the_largest_error_and_says_what_is_there() -> None:
    wanted = draw_square(20, 20, 31)
    click = click_on_error(wanted, draw_square(60, 80, 9))
    assert click is not None and click.lesion and to_pixel(click, SIZE) == (35, 35)
    click = click_on_error(wanted, wanted | draw_square(60, 80, 9))
    assert click is not None and not click.lesion and to_pixel(click, SIZE) == (84, 64)


def test_who_sees_what_is_wanted_does_not_click() -> None:
    assert click_on_error(draw_square(20, 20, 31), draw_square(20, 20, 31)) is None


@pytest.mark.parametrize("seed", range(5))
def test_a_human_click_is_elsewhere_in_the_same_error(seed: int) -> None:
    wanted, found = draw_square(20, 20, 31) | draw_square(60, 80, 9), np.zeros(SIZE, np.bool_)
    click = click_on_error(wanted, found, np.random.default_rng(seed))
    assert click is not None and click.lesion
    x, y = to_pixel(click, SIZE)
    assert draw_square(20, 20, 31)[y, x]


def test_an_error_at_the_photos_edge_is_not_clicked_at_the_edge() -> None:
    click = click_on_error(draw_square(0, 0, 21), np.zeros(SIZE, np.bool_))
    assert click is not None and to_pixel(click, SIZE) == (10, 10)


def test_a_click_anywhere_lies_inside_and_there_is_none_in_an_empty_mask() -> None:
    mask = draw_square(20, 20, 31)
    click = click_anywhere(mask, np.random.default_rng(0))
    assert click is not None
    x, y = to_pixel(click, SIZE)
    assert mask[y, x] and click_anywhere(np.zeros(SIZE, np.bool_), np.random.default_rng(0)) is None


def test_a_box_is_as_much_too_large_as_asked_and_stays_in_the_photo() -> None:
    mask = draw_square(20, 30, 40)
    assert draw_around(mask) == pytest.approx((0.3, 0.25, 0.7, 0.75))
    assert draw_around(mask, 0.2) == pytest.approx((0.26, 0.2, 0.74, 0.8))
    assert draw_around(draw_square(0, 0, 60), 0.5) == pytest.approx((0, 0, 0.75, 0.9375))
    assert draw_around(np.zeros(SIZE, np.bool_)) is None


def test_a_pasted_lesion_is_a_part_of_its_own_in_the_photo_and_in_the_mask() -> None:
    own = draw_square(10, 10, 24)
    laid, both = paste_lesion(
        draw_skin(own),
        own.astype(np.float32),
        draw_skin(draw_square(30, 40, 20)),
        draw_square(30, 40, 20).astype(np.float32),
        np.random.default_rng(3),
    )
    assert len(list_parts(both)) == 2
    added = (both >= 0.9) & ~own
    assert added.any() and laid[added].mean() < draw_skin(own)[added].mean() - 40


@pytest.mark.parametrize("wanted", [True, False])
def test_a_thing_that_is_no_lesion_is_outlined_only_where_it_is_wanted(wanted: bool) -> None:
    own = draw_square(10, 10, 24)
    skin = draw_skin(own)
    laid, marked = paste_thing(skin, own.astype(np.float32), skin, np.random.default_rng(5), wanted=wanted)
    assert (laid != skin).any()
    assert len(list_parts(marked)) == 1 + wanted


def test_of_several_lesions_some_are_wanted_and_never_none() -> None:
    share = (draw_square(5, 5, 20) | draw_square(50, 60, 20)).astype(np.float32)
    counts = {len(list_parts(choose_wanted(share, 0.5, np.random.default_rng(seed)))) for seed in range(20)}
    assert counts == {1, 2}
    one = draw_square(5, 5, 20).astype(np.float32)
    np.testing.assert_array_equal(choose_wanted(one, 1.0, np.random.default_rng(0)), one)


def test_a_view_around_a_lesion_holds_all_of_it() -> None:
    mask = draw_square(30, 40, 20)
    _, share = crop_near(draw_skin(mask), mask.astype(np.float32), np.random.default_rng(1))
    assert share.size < mask.size and share.sum() == mask.sum()


def test_of_two_lesions_in_a_composite_one_is_wanted_by_turns() -> None:
    masks = [draw_square(10, 10, 24), draw_square(30, 40, 20)]
    examples = [
        Example(str(number), "spots", lambda mask=mask: (draw_skin(mask), (mask,)))  # type: ignore[misc]
        for number, mask in enumerate(masks)
    ]
    composites = list_composites(examples, 4, seed=2)
    assert len(composites) == 4
    for number, composite in enumerate(composites):
        pixels, (wanted,) = composite.read()
        again, _ = composite.read()
        np.testing.assert_array_equal(pixels, again)
        own = masks[int(composite.photo_id.split()[0])]
        assert (wanted & own).any() == (number % 2 == 1)
