"""Synthetic skin photos: what is drawn, that it repeats, and that lesions show against the skin."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest

from magic_demo.core.types import Mask, Pixels
from magic_demo.synthetic.drawing.lesions.drawing import draw_lesion
from magic_demo.synthetic.drawing.lesions.kinds import KINDS, TINTS
from magic_demo.synthetic.drawing.lesions.layers import Layers, Lesion
from magic_demo.synthetic.drawing.noise import line_network, smooth_noise, smooth_step, soften
from magic_demo.synthetic.drawing.skin import FORMS, TONES, View, draw_photo, shape_body

SIZE = (150, 200)


def draw(
    kind: str = "plaque",
    colour: str = "red",
    *,
    form: str = "plain",
    tone: int = 2,
    seed: int = 3,
    radius: float = 32.0,
) -> tuple[Pixels, Mask]:
    rng = np.random.default_rng(seed)
    view = View(SIZE, form, 2.0, tone)
    lesion = Lesion(kind, colour, 100.0, 75.0, radius, seed=seed)
    return draw_photo(view, shape_body(view, rng), [lesion], rng)


def lab(pixels: Pixels, where: Mask) -> np.ndarray:
    values = cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)
    return np.asarray(np.median(values[where], axis=0))


def around(mask: Mask) -> Mask:
    near = cv2.dilate(mask.astype(np.uint8), np.ones((31, 31), np.uint8)) > 0
    close = cv2.dilate(mask.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    return near & ~close


def test_a_photo_is_upright_rgb_of_the_asked_size_and_repeats_by_seed() -> None:
    pixels, mask = draw()
    again, mask_again = draw()
    other, _ = draw(seed=4)
    assert pixels.shape == (*SIZE, 3) and pixels.dtype == np.uint8
    assert mask.shape == SIZE and mask.dtype == np.bool_
    assert np.array_equal(pixels, again) and np.array_equal(mask, mask_again)
    assert not np.array_equal(pixels, other)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_draws_a_lesion_near_where_it_was_put(form: str) -> None:
    _, mask = draw(form=form)
    rows, columns = np.nonzero(mask)
    assert abs(float(rows.mean()) - 75) < 15 and abs(float(columns.mean()) - 100) < 15
    assert 0.5 < mask.sum() / (np.pi * 32**2) < 1.6


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_changes_the_pixels_inside_its_mask_more_than_those_far_outside(kind: str) -> None:
    bare, none = draw_photo_without_lesion()
    # small: the exposure stays what it was
    with_lesion, mask = draw(kind, "brown" if kind in ("naevus", "macule") else "red", radius=16.0)
    assert not none.any() and mask.any()
    change = np.abs(with_lesion.astype(int) - bare.astype(int)).sum(axis=2)
    far = cv2.dilate(mask.astype(np.uint8), np.ones((75, 75), np.uint8)) == 0
    assert np.median(change[mask]) > 2 * np.median(change[far]) + 4


def draw_photo_without_lesion() -> tuple[Pixels, Mask]:
    rng = np.random.default_rng(3)
    view = View(SIZE, "plain", 2.0, 2)
    return draw_photo(view, shape_body(view, rng), [], rng)


@pytest.mark.parametrize("tone", [1, 3, 6])
def test_red_is_redder_brown_is_darker_and_white_is_lighter_than_the_skin_around(tone: int) -> None:
    for kind, colour, channel, sign in (
        ("plaque", "red", 1, 1),
        ("macule", "brown", 0, -1),
        ("patch", "white", 0, 1),
        ("nodule", "blue", 2, -1),
    ):
        if (colour, tone) == ("red", 6):
            continue  # redness shows as darkening on the darkest skin, as it does in life
        pixels, mask = draw(kind, colour, tone=tone)
        assert sign * (lab(pixels, mask)[channel] - lab(pixels, around(mask))[channel]) > 2, (
            kind,
            colour,
            tone,
        )


def test_skin_of_a_higher_type_is_drawn_darker() -> None:
    lightness = [lab(*_skin(tone))[0] for tone in sorted(TONES)]
    assert all(lighter > darker for lighter, darker in pairwise(lightness))


def _skin(tone: int) -> tuple[Pixels, Mask]:
    pixels, mask = draw(tone=tone)
    return pixels, ~mask


def test_every_colour_of_the_question_but_not_mentioned_can_be_drawn() -> None:
    from magic_demo.questions.families import load_families

    options = {
        option.strip()
        for family in load_families()
        if family.family_id == "CQID034"
        for option in family.options["en"]
    }
    assert options - {"Not mentioned"} == set(TINTS)


def test_a_lesion_off_the_photo_draws_nothing() -> None:
    layers = Layers.empty((40, 50))
    draw_lesion(layers, Lesion("plaque", "red", -500.0, 20.0, 15.0, seed=1), 3.0)
    assert not layers.mask.any() and not any(field.any() for field in layers.fields.values())


def test_the_same_seed_gives_the_same_shape_at_twice_the_size() -> None:
    masks = []
    for factor in (1, 2):
        layers = Layers.empty((120 * factor, 120 * factor))
        draw_lesion(
            layers,
            Lesion("plaque", "red", 60.0 * factor, 60.0 * factor, 30.0 * factor, irregular=0.2, seed=5),
            3.0 * factor,
        )
        masks.append(layers.mask)
    small = cv2.resize(masks[1].astype(np.uint8), (120, 120), interpolation=cv2.INTER_NEAREST) > 0
    assert 2 * (small & masks[0]).sum() / (small.sum() + masks[0].sum()) > 0.95


@pytest.mark.parametrize("cell", [1.0, 4.0, 30.0, 500.0])
def test_noise_has_the_asked_size_and_about_unit_deviation(cell: float) -> None:
    values = smooth_noise(np.random.default_rng(0), (131, 77), cell)
    assert values.shape == (131, 77) and values.dtype == np.float32
    assert np.isfinite(values).all()
    if cell < 10:
        assert 0.6 < float(values.std()) < 1.4


def test_furrows_lie_between_nothing_and_full_and_blurring_keeps_the_mean() -> None:
    lines = line_network(np.random.default_rng(1), (90, 120), 6.0, (0.5, -0.7))
    assert lines.min() >= 0 and lines.max() <= 1 and lines.std() > 0.1
    assert soften(lines, 20.0).shape == lines.shape
    assert abs(float(soften(lines, 3.0).mean()) - float(lines.mean())) < 0.02
    steps = smooth_step(0.0, 1.0, np.array([-1, 0, 0.5, 1, 2], np.float32))
    assert np.allclose(steps, [0, 0, 0.5, 1, 1])
