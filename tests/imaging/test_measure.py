"""Measures say what is drawn: hand-made shapes for each number, synthetic cases with their truth for all
together."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from magic_demo.core.types import Mask, Pixels
from magic_demo.files.masks.mask_files import read_loose_mask
from magic_demo.files.photos.reading import read_photo
from magic_demo.imaging.measure import (
    COLOURS,
    COMBINATION,
    REFERENCE_SKIN,
    SHADES,
    MeasureError,
    count_pieces,
    measure_photo,
    measure_tone,
)
from magic_demo.questions.families import load_families
from magic_demo.synthetic.cases import SyntheticCase, make_case
from magic_demo.synthetic.truth import CONDITIONS, draw_truth

SKIN = (66.0, 11.0, 17.0)


def paint(lab: tuple[float, float, float]) -> tuple[int, int, int]:
    """Return the RGB of a Lab colour."""
    rgb = cv2.cvtColor(np.array([[lab]], np.float32), cv2.COLOR_Lab2RGB)[0, 0]
    red, green, blue = (int(value) for value in np.clip(np.rint(rgb * 255), 0, 255))
    return red, green, blue


def linear(levels: Sequence[int] | Pixels) -> NDArray[np.float64]:
    """Return sRGB levels as shares of white light."""
    part = np.asarray(levels, np.float64) / 255
    return np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)


def encode(light: NDArray[np.float64]) -> Pixels:
    """Return shares of white light as sRGB levels."""
    bounded = np.clip(light, 0, 1)
    part = np.where(
        bounded <= 0.0031308, 12.92 * bounded, 1.055 * np.maximum(bounded, 1e-9) ** (1 / 2.4) - 0.055
    )
    return np.asarray(np.rint(part * 255), np.uint8)


def shift(difference: tuple[float, float, float], skin: Sequence[int] | None = None) -> tuple[int, int, int]:
    """Return the RGB of a colour that differs from a skin's as one ``difference`` away differs from
    REFERENCE_SKIN."""
    lab = cv2.cvtColor(np.array([[REFERENCE_SKIN]], np.float32) / 255, cv2.COLOR_RGB2Lab)[0, 0]
    ratio = linear(paint(tuple(lab + np.asarray(difference, np.float32)))) / linear(REFERENCE_SKIN)
    red, green, blue = (int(level) for level in encode(linear(skin or paint(SKIN)) * ratio))
    return red, green, blue


def draw_discs(
    *discs: tuple[int, int, int],
    size: tuple[int, int] = (240, 320),
    colour: tuple[float, float, float] = COLOURS["red"],
    blur: float = 0.0,
) -> tuple[Pixels, Mask]:
    """Draw discs (x, y, radius) on skin; returns photo and mask."""
    mask = np.zeros(size, np.uint8)
    for x, y, radius in discs:
        cv2.circle(mask, (x, y), radius, 255, -1)
    cover = (cv2.GaussianBlur(mask, (0, 0), blur) if blur else mask).astype(np.float32)[:, :, None] / 255
    pixels = cover * np.array(shift(colour), np.float32) + (1 - cover) * np.array(paint(SKIN), np.float32)
    return np.rint(pixels).astype(np.uint8), mask > 0


def test_parts_are_counted_and_specks_are_not() -> None:
    pixels, mask = draw_discs((60, 60, 25), (200, 80, 20), (120, 180, 15), (300, 230, 2))
    measures = measure_photo(pixels, mask)
    assert measures.count == 3 and measures.found
    assert measures.area_share == pytest.approx(np.pi * (25**2 + 20**2 + 15**2) / mask.size, rel=0.05)
    assert measures.largest_share == pytest.approx(25**2 / (25**2 + 20**2 + 15**2), abs=0.02)


def test_a_photo_without_lesion_is_measured_as_such() -> None:
    pixels, _ = draw_discs()
    measures = measure_photo(pixels, np.zeros(pixels.shape[:2], np.bool_))
    assert (measures.count, measures.area_share, measures.found, measures.dominant_colour) == (
        0,
        0.0,
        False,
        None,
    )
    assert measures.tone is not None


def test_a_photo_that_is_all_lesion_has_no_skin_to_compare_with() -> None:
    pixels, _ = draw_discs()
    measures = measure_photo(pixels, np.ones(pixels.shape[:2], np.bool_))
    assert (measures.count, measures.area_share, measures.tone, measures.colours) == (1, 1.0, None, ())
    assert measures.touches_rim


def test_the_skin_tone_is_of_skin_alone_and_none_where_too_little_of_it_is_in_view() -> None:
    pixels, mask = draw_discs((160, 120, 60))
    bare = measure_photo(pixels, mask)
    assert bare.skin_tone is not None and bare.skin_tone == bare.tone
    for background in ((255, 255, 255), (60, 120, 170), (10, 10, 10), (60, 140, 70)):
        beside = pixels.copy()
        beside[:, :140][~mask[:, :140]] = background
        found = measure_photo(beside, mask)
        assert found.skin_tone is not None
        assert found.skin_tone.angle == pytest.approx(bare.skin_tone.angle, abs=1.0), (
            "the background is left out"
        )
        beside[~mask] = background
        assert measure_photo(beside, mask).skin_tone is None


@pytest.mark.parametrize(
    "skin", [(245, 222, 210), (222, 180, 156), (180, 132, 102), (120, 80, 60), (60, 40, 32)]
)
def test_every_skin_has_a_tone(skin: tuple[int, int, int]) -> None:
    mask = np.zeros((240, 320), np.bool_)
    mask[100:140, 140:180] = True
    pixels = np.full((240, 320, 3), skin, np.uint8)
    found = measure_photo(pixels, mask)
    assert found.skin_tone is not None and found.skin_tone == found.tone


def test_pieces_and_specks_are_told_apart() -> None:
    _, mask = draw_discs((60, 60, 25), (200, 80, 20), (120, 180, 15), (300, 230, 2))
    assert count_pieces(mask) == (3, 1)
    assert count_pieces(np.zeros((20, 30), np.bool_)) == (0, 0)


@pytest.mark.parametrize("name", list(COLOURS))
def test_a_colour_gets_its_name_on_any_skin(name: str) -> None:
    pixels, mask = draw_discs((160, 120, 60), colour=COLOURS[name])
    measures = measure_photo(pixels, mask)
    assert measures.dominant_colour == name
    assert measures.colours[0].share > 0.95


def test_every_name_is_an_option_of_the_colour_question() -> None:
    family = next(family for family in load_families() if family.family_id == "CQID034")
    assert {*COLOURS, COMBINATION} <= {option.strip() for option in family.options["en"]}


def test_colours_of_different_shades_are_a_combination_and_each_is_told() -> None:
    pixels, mask = draw_discs((160, 120, 60))
    for start, name in ((100, "black"), (140, "red"), (180, "white")):
        columns = np.zeros_like(mask)
        columns[:, start : start + 40] = True
        pixels[mask & columns] = shift(COLOURS[name])
    measures = measure_photo(pixels, mask)
    assert {colour.name for colour in measures.colours} == {"black", "red", "white"}
    assert sum(colour.share for colour in measures.colours) == pytest.approx(1.0, abs=0.1)
    assert max(colour.share for colour in measures.colours) < 0.5 and measures.dominant_colour == COMBINATION


def test_a_combination_needs_two_shades_of_a_fifth_each() -> None:
    def paint_columns(names: Sequence[tuple[str, int]]) -> str | None:
        pixels, mask = draw_discs((160, 120, 60))
        pixels[95:145][mask[95:145]] = paint(SKIN)
        mask = np.zeros_like(mask)
        mask[95:145, 60:260] = True
        start = 60
        for name, width in names:
            pixels[95:145, start : start + width] = shift(COLOURS[name])
            start += width
        return measure_photo(pixels, mask).dominant_colour

    assert paint_columns([("black", 90), ("red", 90), ("white", 20)]) == COMBINATION
    assert paint_columns([("red", 170), ("white", 30)]) == "red"
    assert paint_columns([("red", 120), ("white", 80)]) == "red"  # one of them prevails


def light(kelvin: float) -> NDArray[np.float64]:
    """Return what light of a colour temperature, beside daylight of 6500 K, does to red, green and blue: the
    Planckian locus by Kang et al., 2002."""
    t = 1e3 / kelvin
    x = (
        -0.2661239 * t**3 - 0.2343589 * t**2 + 0.8776956 * t + 0.179910
        if kelvin < 4000
        else -3.0258469 * t**3 + 2.1070379 * t**2 + 0.2226347 * t + 0.240390
    )
    y = (
        -0.9549476 * x**3 - 1.37418593 * x**2 + 2.09137015 * x - 0.16748867
        if kelvin < 4000
        else 3.0817580 * x**3 - 5.87338670 * x**2 + 3.75112997 * x - 0.37001483
    )
    to_xyz = np.array(
        [[0.412453, 0.35758, 0.180423], [0.212671, 0.71516, 0.072169], [0.019334, 0.119193, 0.950227]]
    )
    return np.asarray(np.linalg.solve(to_xyz, np.array([x / y, 1.0, (1 - x - y) / y])))


def relight(pixels: Pixels, kelvin: float) -> Pixels:
    """Return the photo under other light, none of it overexposed."""
    gains = light(kelvin) / light(6500)
    return encode(linear(pixels) * gains / gains.max())


def read_close_ups(data: Path, count: int) -> list[tuple[Pixels, Mask]]:
    """Read close-ups of ``pad_dev`` with their masks."""
    folder = data / "skin"
    names = (folder / "splits" / "pad_dev.txt").read_text(encoding="utf-8").split()[:count]
    return [
        (
            read_photo(folder / "images" / f"{name}.jpg").pixels,
            read_loose_mask(folder / "masks" / f"{name}.png").mask,
        )
        for name in names
    ]


def test_a_close_up_keeps_its_colour_in_any_light(shared_data: Path) -> None:
    kept, near = [], []
    for pixels, mask in read_close_ups(shared_data, 30):
        name = measure_photo(pixels, mask).dominant_colour
        for kelvin in (3000, 4000, 5000, 7000):
            other = measure_photo(relight(pixels, kelvin), mask).dominant_colour
            kept.append(name == other)
            near.append(name == other or any({name, other} <= set(shade) for shade in SHADES))
    # without a balance on the skin, 0.73 and 0.78: the few that change lie between two names
    assert np.mean(kept) >= 0.9 and np.mean(near) >= 0.92


@pytest.mark.parametrize("name", [name for name in COLOURS if name not in ("white", "hypopigmentation")])
def test_a_close_up_recoloured_by_a_known_amount_gets_that_colour_s_name(
    shared_data: Path, name: str
) -> None:
    right = []
    for pixels, mask in read_close_ups(shared_data, 12):
        skin = [int(level) for level in np.median(pixels[~mask], axis=0)]
        recoloured = pixels.copy()
        recoloured[mask] = shift(COLOURS[name], skin)
        right.append(measure_photo(recoloured, mask).dominant_colour == name)
    assert np.mean(right) >= 0.8  # the skin next to a lesion may differ from the rest


def test_a_border_that_fades_is_less_sharp_than_one_that_is_cut() -> None:
    sharp, faded = (measure_photo(*draw_discs((160, 120, 60), blur=blur)) for blur in (0.0, 14.0))
    assert sharp.sharpness > 0.9 > 0.6 > faded.sharpness


def test_a_notched_outline_is_more_irregular_than_a_disc() -> None:
    pixels, mask = draw_discs((160, 120, 80))
    star = np.zeros(mask.shape, np.uint8)
    angles = np.linspace(0, 2 * np.pi, 21)[:-1]
    radii = np.where(np.arange(20) % 2, 35, 90)
    cv2.fillPoly(
        star, [np.stack([160 + radii * np.cos(angles), 120 + radii * np.sin(angles)], 1).astype(np.int32)], 1
    )
    assert (
        measure_photo(pixels, mask).irregularity < 0.05 < 0.3 < measure_photo(pixels, star > 0).irregularity
    )


def test_a_rough_surface_has_more_detail_than_the_skin_around() -> None:
    pixels, mask = draw_discs((160, 120, 60))
    noise = np.random.default_rng(0).normal(0, 4, pixels.shape)
    grainy = np.clip(pixels + noise * np.where(mask, 6, 1)[:, :, None], 0, 255).astype(np.uint8)
    even = np.clip(pixels + noise, 0, 255).astype(np.uint8)
    assert measure_photo(grainy, mask).roughness > 2 > 1.3 > measure_photo(even, mask).roughness


@pytest.mark.parametrize(
    ("lab", "group"),
    [((75.0, 8.0, 12.0), "very light"), ((60.0, 11.0, 18.0), "intermediate"), ((35.0, 10.0, 14.0), "dark")],
)
def test_the_tone_is_that_of_the_skin_and_not_of_the_lesion(
    lab: tuple[float, float, float], group: str
) -> None:
    pixels, mask = draw_discs((160, 120, 60))
    pixels[~mask] = paint(lab)
    tone = measure_photo(pixels, mask).tone
    assert tone is not None and tone.group == group and "light" in tone.warning
    assert tone.angle == pytest.approx(np.degrees(np.arctan2(lab[0] - 50, lab[2])), abs=2)
    assert measure_tone(pixels, ~mask).group == group


def test_a_mask_of_another_size_is_one_line() -> None:
    pixels, _ = draw_discs()
    with pytest.raises(MeasureError, match="bring the mask"):
        measure_photo(pixels, np.zeros((10, 10), np.bool_))


@settings(max_examples=12)
@given(st.sampled_from([1.5, 2.0, 3.0]), st.booleans())
def test_size_and_mirroring_of_the_photo_hardly_change_the_measures(factor: float, mirrored: bool) -> None:
    pixels, mask = draw_discs((90, 120, 50), (250, 120, 30))
    large: Pixels = np.asarray(
        cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_NEAREST), np.uint8
    )
    cover = cv2.resize(mask.astype(np.uint8), None, fx=factor, fy=factor, interpolation=cv2.INTER_NEAREST) > 0
    if mirrored:
        large, cover = np.ascontiguousarray(large[:, ::-1]), np.ascontiguousarray(cover[:, ::-1])
    one, other = measure_photo(pixels, mask), measure_photo(large, cover)
    assert (one.count, one.dominant_colour) == (other.count, other.dominant_colour)
    assert other.area_share == pytest.approx(one.area_share, rel=0.05)
    assert other.contrast == pytest.approx(one.contrast, abs=1.5)


@pytest.fixture(scope="module")
def drawn() -> list[SyntheticCase]:
    """Draw two cases of each condition, of a seed that the colours' reference values do not come from."""
    cases = []
    for number, condition in enumerate([*CONDITIONS, *CONDITIONS], start=1):
        truth = draw_truth(np.random.default_rng([9107, number, 1]), condition)
        cases.append(make_case(9107, number, truth=truth, longest=192))
    return cases


def test_single_lesions_and_many_are_told_apart_on_true_masks(drawn: list[SyntheticCase]) -> None:
    right = [
        (measure_photo(photo.pixels, mask).count == 1) == (case.truth.count == 1)
        for case in drawn
        for photo, mask in zip(case.photos, case.masks, strict=True)
    ]
    assert np.mean(right) > 0.9


def test_area_is_the_true_mask_s(drawn: list[SyntheticCase]) -> None:
    for case in drawn:
        measures = measure_photo(case.photos[0].pixels, case.masks[0])
        assert measures.area_share == pytest.approx(float(case.masks[0].mean()), rel=0.1, abs=0.002)


def test_the_named_colour_is_the_drawn_one_far_more_often_than_the_most_frequent(
    drawn: list[SyntheticCase],
) -> None:
    named = [
        (case.truth.colour, measure_photo(case.photos[0].pixels, case.masks[0]).dominant_colour)
        for case in drawn
    ]
    truths = [truth for truth, _ in named]
    constant = max(truths.count(name) for name in truths) / len(truths)
    assert np.mean([truth == name for truth, name in named]) > constant + 0.15


def test_lighter_skin_is_measured_as_lighter(drawn: list[SyntheticCase]) -> None:
    tones = [case.truth.tone for case in drawn]
    angles = [measure_photo(case.photos[0].pixels, case.masks[0]).tone for case in drawn]
    measured = [tone.angle if tone is not None else 0.0 for tone in angles]
    assert np.corrcoef(tones, measured)[0, 1] < -0.7


def test_a_photo_is_measured_quickly() -> None:
    pixels, mask = draw_discs((160, 120, 60), (400, 300, 50), size=(384, 512))
    spent = []
    for _ in range(5):
        start = time.process_time()
        measure_photo(pixels, mask)
        spent.append(time.process_time() - start)
    assert min(spent) < 0.04  # about 0.010 s on the slowest of our machines; the rest is room for others


@pytest.mark.parametrize("pixels", [1, 2, 35, 36])
def test_the_skins_colour_is_the_median_to_the_last_bit(pixels: int) -> None:
    photo = np.random.default_rng(pixels).integers(0, 256, (1, pixels, 3), dtype=np.uint8)
    lab = cv2.cvtColor(photo.astype(np.float32) * np.float32(1 / 255), cv2.COLOR_RGB2Lab)[0]
    assert measure_tone(photo, np.ones((1, pixels), np.bool_)).lab == tuple(np.median(lab, axis=0).tolist())
