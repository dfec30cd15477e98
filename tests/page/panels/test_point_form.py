"""What a reader points at becomes the outline: it follows the newest mark, stays elsewhere, and one line is
said of everything that is no mark."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import pytest

from magic_demo.core.errors import ModelError
from magic_demo.core.review_types import Mark
from magic_demo.core.types import Mask, Photo, Probability
from magic_demo.models.feature_cache import FeatureCache
from magic_demo.models.interfaces import Click, Guidance
from magic_demo.models.segmentation.guidance_maps import draw_box, draw_clicks
from magic_demo.models.segmentation.guided import refine_map
from magic_demo.page.panels.viewer.close_look import CloseLooks, Refine
from magic_demo.page.panels.viewer.mask_form import (
    WORKING_SIDE,
    read_mask,
    read_working_mask,
    working_size,
    write_runs,
)
from magic_demo.page.panels.viewer.point_form import MOST_CLOSE, MOST_MARKS, answer_points
from magic_demo.page.session.inference.refining import write_guidance
from magic_demo.questions.scoring import count_pixels, dice

SIZE = (120, 160)


def make_photo(size: tuple[int, int] = SIZE) -> tuple[Photo, Mask, Mask]:
    """Return a photo of skin with a red spot on the left and a brown one on the right, and their masks."""
    pixels = np.full((*size, 3), (224, 180, 155), np.float64)
    down, across = np.mgrid[: size[0], : size[1]] / size[0]
    red, brown = ((across - x) ** 2 + (down - 0.5) ** 2 < 0.18**2 for x in (0.36, 0.97))
    pixels[red], pixels[brown] = (180, 70, 70), (110, 80, 60)
    noise = np.random.default_rng(1).normal(0, 3, pixels.shape)
    return Photo("one", np.clip(pixels + noise, 0, 255).astype(np.uint8)), red, brown


def cut(photo: Photo, marks: Sequence[Mark], outline: Mask | None) -> tuple[Probability, float]:
    return refine_map(None, photo.pixels, None, write_guidance(marks, outline)), 0.5


def ask(photo: Photo, clicks: list[Any], before: Mask | None = None) -> dict[str, Any]:
    payload = {"photo": "one", "request": 3, "clicks": clicks}
    if before is not None:
        runs = write_runs(before)
        payload |= {"width": runs["width"], "height": runs["height"], "before": runs["runs"]}
    return answer_points(payload, [photo], cut)


def overlap(reply: dict[str, Any], mask: Mask) -> float:
    return dice(count_pixels(mask, read_mask(reply, (mask.shape[0], mask.shape[1]))))


def test_a_click_is_answered_with_the_lesion_at_it() -> None:
    photo, red, _ = make_photo()
    reply = ask(photo, [["lesion", 0.27, 0.5]])
    assert (reply["photo"], reply["request"]) == ("one", 3) and overlap(reply, red) > 0.9


def test_a_box_is_answered_with_the_lesion_in_it() -> None:
    photo, _, brown = make_photo()
    assert overlap(ask(photo, [["box", 0.55, 0.2, 0.95, 0.8]]), brown) > 0.9


def test_marks_on_a_large_photo_are_answered_at_its_working_size() -> None:
    photo, red, _ = make_photo((1800, 2400))
    reply = ask(photo, [["box", 0.1, 0.2, 0.45, 0.8]])
    assert reply["width"] == WORKING_SIDE and overlap(reply, red) > 0.9


def test_what_is_outlined_elsewhere_stays_whatever_the_model_finds() -> None:
    photo, red, brown = make_photo()
    drawn = np.zeros(SIZE, dtype=np.bool_)
    drawn[5:15, 5:15] = True
    added = ask(photo, [["lesion", 0.73, 0.5]], red | drawn)
    assert overlap(added, red | drawn | brown) > 0.95 and read_mask(added, SIZE)[drawn].all()
    less = ask(photo, [["skin", 0.73, 0.5]], red | drawn | brown)
    mask = read_mask(less, SIZE)
    assert mask[drawn].all() and mask[red].all() and (mask & brown).sum() < 0.2 * brown.sum()


def test_a_click_on_skin_at_the_edge_does_not_take_a_drawn_outline_away() -> None:
    photo, red, _ = make_photo()
    wide = red.copy()
    wide[50:70, 10:25] = True  # a leak into skin
    mask = read_mask(ask(photo, [["skin", 12 / 160, 0.5]], wide), SIZE)
    assert not mask[60, 12] and (mask & red).sum() > 0.9 * red.sum()


def test_the_model_is_shown_the_outline_where_the_click_lies_in_it() -> None:
    photo, red, _ = make_photo()
    shown: list[Guidance] = []

    def note(photo: Photo, marks: Sequence[Mark], outline: Mask | None) -> tuple[Probability, float]:
        shown.append(write_guidance(marks, outline))
        return cut(photo, marks, outline)

    runs = write_runs(red)
    before = {"width": 160, "height": 120, "before": runs["runs"]}
    for clicks in ([["skin", 0.27, 0.5]], [["lesion", 0.73, 0.5]], [["box", 0.55, 0.2, 0.95, 0.8]]):
        answer_points({"photo": "one", "clicks": clicks, **before}, [photo], note)
    assert [guidance.previous is not None for guidance in shown] == [True, False, False]
    assert shown[2].box == (0.55, 0.2, 0.95, 0.8) and not shown[2].clicks
    assert not shown[0].clicks[0].lesion and (shown[1].clicks[0].x, shown[1].clicks[0].y) == (0.73, 0.5)


@pytest.mark.parametrize("clicks", [[["lesion", 0.5, 0.5]], [["box", 0.2, 0.2, 0.8, 0.8]]])
def test_marks_that_show_no_lesion_are_answered_with_nothing_to_write(clicks: list[Any]) -> None:
    uniform = Photo("one", np.full((90, 120, 3), (224, 180, 155), np.uint8))

    def find_nothing(photo: Photo, marks: Sequence[Mark], outline: Mask | None) -> tuple[Probability, float]:
        del photo, marks, outline
        return np.zeros((8, 8), np.float32), 0.5

    reply = answer_points({"photo": "one", "request": 1, "clicks": clicks}, [uniform], find_nothing)
    assert reply == {"photo": "one", "request": 1, "nothing": True}


@pytest.mark.parametrize(
    "payload",
    [
        None,
        {},
        {"photo": "another", "clicks": [["lesion", 0.5, 0.5]]},
        {"photo": "one"},
        {"photo": "one", "clicks": []},
        {"photo": "one", "clicks": "lesion"},
        {"photo": "one", "clicks": [["lesion", 0.5]]},
        {"photo": "one", "clicks": [["lesion", 0.5, True]]},
        {"photo": "one", "clicks": [["lesion", 0.5, 1.01]]},
        {"photo": "one", "clicks": [["lesion", float("nan"), 0.5]]},
        {"photo": "one", "clicks": [["lesion", 10**400, 0.5]]},
        {"photo": "one", "clicks": [["nose", 0.5, 0.5]]},
        {"photo": "one", "clicks": [[["lesion"], 0.5, 0.5]]},
        {"photo": "one", "clicks": [["box", 0.5, 0.5, 0.5, 0.6]]},
        {"photo": "one", "clicks": [["skin", 0.5, 0.5]] * (MOST_MARKS + 1)},
        {"photo": "one", "clicks": [["skin", 0.5, 0.5]], "before": [3, 4]},
        {"photo": "one", "clicks": [["skin", 0.5, 0.5]], "before": [3], "width": 160, "height": 120},
    ],
)
def test_what_is_no_mark_is_one_line(payload: Any) -> None:
    reply = answer_points(payload, [make_photo()[0]], cut)
    assert "\n" not in reply["problem"] and 10 < len(reply["problem"]) < 200 and "runs" not in reply


def test_a_model_that_fails_is_one_line() -> None:
    def fail(photo: Photo, marks: Sequence[Mark], outline: Mask | None) -> tuple[Probability, float]:
        raise ModelError("the segmentation model failed: out of memory")

    reply = answer_points({"photo": "one", "clicks": [["lesion", 0.5, 0.5]]}, [make_photo()[0]], fail)
    assert "out of memory" in reply["problem"]


SPOTS = ((0.25, 0.4), (0.7, 0.6))


def make_spots() -> tuple[Photo, list[Mask]]:
    """Return a photo of 12 megapixels with two red spots, of 0.02% of it each, and their masks at the working size."""
    size, masks = (3000, 4000), []
    pixels = np.full((*size, 3), (224, 180, 155), np.int16)
    pixels += np.random.default_rng(2).integers(-4, 5, (*size, 1), dtype=np.int16)
    small = working_size(size)
    for x, y in SPOTS:
        down, across = np.ogrid[: size[0], : size[1]]
        pixels[(across - x * size[1]) ** 2 + (down - y * size[0]) ** 2 < 28**2] = (170, 60, 60)
        down, across = np.ogrid[: small[0], : small[1]]
        radius = 28 * small[1] / size[1]
        masks.append((across - x * small[1]) ** 2 + (down - y * small[0]) ** 2 < radius**2)
    return Photo("one", pixels.astype(np.uint8)), masks


def show_the_click_alone(
    photo: Photo, marks: Sequence[Mark], outline: Mask | None
) -> tuple[Probability, float]:
    """Answer clicks with nothing but themselves, as a model does that sees no lesion so small, and boxes by colours."""
    if all(mark.kind == "box" for mark in marks):
        return cut(photo, marks, outline)
    probability = np.zeros((240, 320), np.float32)
    draw_clicks(probability, [Click(mark.at[0], mark.at[1], mark.kind == "lesion") for mark in marks])
    return probability, 0.5


def test_lesions_smaller_than_a_click_are_outlined_where_they_are_clicked() -> None:
    photo, (one, other) = make_spots()
    clicks = [["lesion", *place] for place in SPOTS]
    runs: dict[str, Any] = {}
    for number, wanted in ((1, one), (2, one | other)):  # the second stands on the outline of the first
        payload = {"photo": "one", "clicks": clicks[:number], **runs}
        reply = answer_points(payload, [photo], show_the_click_alone)
        mask = read_working_mask(reply, photo.size)
        assert dice(count_pixels(wanted, mask)) > 0.6
        runs = {"width": reply["width"], "height": reply["height"], "before": reply["runs"]}
    again = answer_points({"photo": "one", "clicks": clicks}, [photo], show_the_click_alone)  # one was moved
    assert dice(count_pixels(one | other, read_working_mask(again, photo.size))) > 0.6


def test_a_click_on_skin_that_says_lesion_is_not_outlined_by_the_box_around_it() -> None:
    photo, _ = make_spots()

    def fill_the_box(photo: Photo, marks: Sequence[Mark], outline: Mask | None) -> tuple[Probability, float]:
        if marks[0].kind == "box":
            return np.ones((240, 320), np.float32) * draw_box(marks[0].at, (240, 320)), 0.5  # type: ignore[arg-type]
        return show_the_click_alone(photo, marks, outline)

    payload = {"photo": "one", "request": 1, "clicks": [["lesion", 0.5, 0.5]]}
    assert answer_points(payload, [photo], fill_the_box)["nothing"]


def test_a_click_that_finds_nothing_leaves_nothing_behind_beside_one_that_does() -> None:
    photo, (one, _) = make_spots()
    clicks = [["lesion", 0.5, 0.5], ["lesion", *SPOTS[0]]]  # the first was moved onto skin
    reply = answer_points({"photo": "one", "clicks": clicks}, [photo], show_the_click_alone)
    assert dice(count_pixels(one, read_working_mask(reply, photo.size))) > 0.6


@pytest.mark.parametrize("count", [MOST_CLOSE, MOST_CLOSE + 1, MOST_MARKS])
def test_only_so_many_clicks_are_looked_at_closely_as_the_page_waits_for(count: int) -> None:
    photo, _ = make_spots()
    counted = Counted(show_the_click_alone)
    x, y = SPOTS[0]
    clicks = [["lesion", x + number * 1e-5, y] for number in range(count)]
    reply = answer_points({"photo": "one", "clicks": clicks}, [photo], counted)
    assert reply.get("left", 0) == max(0, count - MOST_CLOSE)
    assert ("runs" in reply) == (count <= MOST_CLOSE)
    assert counted.times <= 1 + 2 * MOST_CLOSE


def test_a_click_that_finds_nothing_in_a_box_leaves_no_dot_behind() -> None:
    photo, (one, _) = make_spots()
    clicks = [["box", 0.1, 0.2, 0.9, 0.8], ["lesion", 0.5, 0.5], ["lesion", *SPOTS[0]]]

    def find_in_small_boxes(
        photo: Photo, marks: Sequence[Mark], outline: Mask | None
    ) -> tuple[Probability, float]:
        small = [mark for mark in marks if mark.kind != "box" or mark.at[2] - mark.at[0] < 0.1]
        return (
            show_the_click_alone(photo, small, outline) if small else (np.zeros((240, 320), np.float32), 0.5)
        )

    reply = answer_points({"photo": "one", "clicks": clicks}, [photo], find_in_small_boxes)
    assert dice(count_pixels(one, read_working_mask(reply, photo.size))) > 0.6


@pytest.mark.parametrize("order", [1, -1])
def test_a_click_on_skin_takes_what_is_nearer_to_it_of_what_was_found_closely(order: int) -> None:
    photo, _ = make_spots()
    x, y = SPOTS[0]
    alone = read_working_mask(ask_looking([["lesion", x, y]], photo, CloseLooks()), photo.size)
    clicks = [["lesion", x, y], ["skin", x + 0.004, y]][::order]
    mask = read_working_mask(ask_looking(clicks, photo, CloseLooks()), photo.size)
    height, width = mask.shape
    assert mask[int(y * height), int(x * width)] and not mask[int(y * height), int((x + 0.004) * width)]
    assert not (mask & ~alone).any() and mask.sum() > alone.sum() / 2


class Counted:
    """Answers as another does, and counts how often."""

    def __init__(self, refine: Refine) -> None:
        self.refine = refine
        self.times = 0

    def __call__(
        self, photo: Photo, marks: Sequence[Mark], outline: Mask | None
    ) -> tuple[Probability, float]:
        self.times += 1
        return self.refine(photo, marks, outline)


def ask_looking(
    clicks: list[Any],
    photo: Photo,
    looks: CloseLooks,
    refine: Refine = show_the_click_alone,
    before: dict[str, Any] | None = None,
) -> dict[str, Any]:
    payload: dict[str, Any] = {"photo": "one", "clicks": clicks}
    if before is not None:
        payload |= {"width": before["width"], "height": before["height"], "before": before["runs"]}
    return answer_points(payload, [photo], refine, looks)


THIRTY = [((column + 0.5) / 6, (row + 0.5) / 5) for row in range(5) for column in range(6)]


@pytest.fixture(scope="module")
def rash() -> Photo:
    """Return a photo of 12 megapixels with thirty red spots, 1.5% of its longer side across."""
    pixels = np.full((3000, 4000, 3), (224, 180, 155), np.int16)
    pixels += np.random.default_rng(3).integers(-4, 5, (3000, 4000, 1), dtype=np.int16)
    for x, y in THIRTY:
        cv2.circle(pixels, (round(x * 4000), round(y * 3000)), 30, (170, 60, 60), -1)
    return Photo("one", pixels.astype(np.uint8))


def show_small_spots(photo: Photo, marks: Sequence[Mark], outline: Mask | None) -> tuple[Probability, float]:
    """Show spots of the map at clicks, which are the larger the more is clicked, as a model that sees all clicks."""
    del photo, outline
    probability = np.zeros((240, 320), np.float32)
    for mark in marks:
        centre = round(mark.at[0] * 320), round(mark.at[1] * 240)
        cv2.circle(probability, centre, 6 + len(marks) % 3, 1.0, -1)
    return probability, 0.5


@pytest.mark.parametrize("refine", [show_the_click_alone, show_small_spots])
def test_of_thirty_clicks_on_small_spots_each_changes_what_it_stands_for_alone(
    rash: Photo, refine: Refine
) -> None:
    looks, counted = CloseLooks(), Counted(refine)
    clicks: list[Any] = []
    reply: dict[str, Any] | None = None
    for x, y in THIRTY:  # one by one, as a reader sets them
        clicks.append(["lesion", x, y])
        before, reply = reply, ask_looking(clicks, rash, looks, counted, reply)
        whole = read_working_mask(reply, rash.size)
        if before is not None:
            assert_changed_near(read_working_mask(before, rash.size), whole, [(x, y)])
    asked = counted.times
    x, y = THIRTY[2]
    moved = [*clicks[:2], ["lesion", x + 0.002, y], *clicks[3:]]
    after = read_working_mask(ask_looking(moved, rash, looks, counted), rash.size)
    assert 1 <= counted.times - asked <= 3, "the moved one alone is asked of"
    assert_changed_near(whole, after, [THIRTY[2]], least=0)
    asked = counted.times
    removed = [*moved[:9], *moved[10:]]
    less = read_working_mask(ask_looking(removed, rash, looks, counted), rash.size)
    assert counted.times == asked, "nothing new is to be looked at"
    assert_changed_near(after, less, [THIRTY[9]])
    assert not less[int(THIRTY[9][1] * less.shape[0]), int(THIRTY[9][0] * less.shape[1])]
    back = read_working_mask(ask_looking(clicks, rash, looks, counted), rash.size)
    assert np.array_equal(back, whole) and counted.times == asked


def assert_changed_near(
    before: Mask, after: Mask, places: Sequence[tuple[float, float]], least: int = 1
) -> None:
    """Assert that an outline changed in ``least`` pixels or more, and only within 3% of the longer side of places."""
    changed = before ^ after
    assert np.count_nonzero(changed) >= least
    for x, y in places:
        row, column, reach = int(y * changed.shape[0]), int(x * changed.shape[1]), 0.03 * max(changed.shape)
        down, across = np.ogrid[: changed.shape[0], : changed.shape[1]]
        changed = changed & ((down - row) ** 2 + (across - column) ** 2 > reach**2)
    assert not changed.any()


def test_an_emptied_cache_answers_all_clicks_in_rounds_and_the_same(rash: Photo) -> None:
    cache = FeatureCache()
    looks, clicks = CloseLooks(cache), [["lesion", *place] for place in THIRTY]

    def ask_on() -> tuple[list[int], Mask]:
        left = []
        while "left" in (reply := ask_looking(clicks, rash, looks)):
            left.append(reply["left"])
        return left, read_working_mask(reply, rash.size)

    left, whole = ask_on()
    assert left == [22, 14, 6]
    assert ask_on()[0] == []
    cache.clear()
    assert np.array_equal(ask_on()[1], whole)


def test_a_cache_that_keeps_nothing_says_the_same_number_again(rash: Photo) -> None:
    clicks = [["lesion", *place] for place in THIRTY]
    looks = CloseLooks(FeatureCache(0))
    assert [ask_looking(clicks, rash, looks)["left"] for _ in range(2)] == [22, 22]


def test_what_was_found_is_of_one_photo_and_of_one_model(rash: Photo) -> None:
    cache, click = FeatureCache(), Mark("lesion", THIRTY[0])
    ask_looking([["lesion", *THIRTY[0]]], rash, CloseLooks(cache, "a model"))
    covered = Photo("one", np.zeros_like(rash.pixels))
    assert CloseLooks(cache, "a model").find(rash, click) is not None
    assert CloseLooks(cache, "a model").find(covered, click) is None
    assert CloseLooks(cache, None).find(rash, click) is None, (
        "whoever may not see the model gets nothing of it"
    )


def test_a_click_on_skin_in_what_a_map_has_shown_asks_for_another_map(rash: Photo) -> None:
    looks, shown = CloseLooks(), Counted(show_small_spots)
    lesion = [["lesion", *place] for place in THIRTY[:3]]
    ask_looking(lesion, rash, looks, shown)
    asked = shown.times
    x, y = THIRTY[0]
    ask_looking([*lesion, ["skin", x + 0.002, y]], rash, looks, shown)
    assert shown.times > asked
