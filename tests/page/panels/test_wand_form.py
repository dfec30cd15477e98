"""The wand's hint from the page: read into working pixels, answered with run lengths, and one line for
everything that is not a hint."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from magic_demo.core.types import Photo
from magic_demo.page.panels.viewer.mask_form import WORKING_SIDE, read_mask
from magic_demo.page.panels.viewer.wand_form import MAX_POINTS, answer_wand


def make_photo(size: tuple[int, int]) -> Photo:
    pixels = np.full((*size, 3), (224, 180, 155), np.uint8)
    pixels[size[0] // 4 : size[0] // 2, size[1] // 4 : size[1] // 2] = (150, 70, 70)
    return Photo("one", pixels)


def test_a_box_is_answered_with_the_lesion_in_it() -> None:
    photo = make_photo((200, 240))
    reply = answer_wand(
        {"photo": "one", "request": 3, "box": [45, 35, 140, 120], "lesion": [], "skin": [], "radius": 4},
        [photo],
    )
    assert (reply["photo"], reply["request"]) == ("one", 3) and "problem" not in reply
    mask = read_mask(reply, photo.size)
    assert mask[55:95, 65:115].all() and mask.sum() == pytest.approx(50 * 60, rel=0.1)


def test_a_hint_on_a_large_photo_is_in_working_pixels() -> None:
    photo = make_photo((1500, 4096))
    reply = answer_wand(
        {"photo": "one", "request": 1, "box": [400, 150, 1150, 420], "lesion": [], "skin": [], "radius": 4},
        [photo],
    )
    assert reply["width"] == WORKING_SIDE
    mask = read_mask(reply, photo.size)
    truth = np.zeros_like(mask)
    truth[375:750, 1024:2048] = True
    assert cv2.countNonZero((mask ^ truth).astype(np.uint8)) < 0.05 * truth.sum()


@pytest.mark.parametrize(
    ("hint", "region"),
    [
        ({"box": [45.5, -3, 140, 300]}, [45, 0, 140, 200]),
        ({"box": [45.5, 35, 140, 120], "skin": [[[200, 190]]]}, [45, 35, 140, 120]),
        ({"lesion": [[[90, 75], [100, 75]]]}, [30, 15, 160, 135]),
    ],
)
def test_the_answer_says_outside_of_what_an_outline_stays(hint: dict[str, Any], region: list[int]) -> None:
    reply = answer_wand({"photo": "one", "request": 1, "radius": 4, **hint}, [make_photo((200, 240))])
    assert reply["region"] == region


@pytest.mark.parametrize(
    "payload",
    [
        None,
        {},
        {"photo": "another"},
        {"photo": "one", "box": "all"},
        {"photo": "one", "box": [1, 2, 3]},
        {"photo": "one", "box": [1, 2, 3, float("nan")]},
        {"photo": "one", "box": [1, 2, 3, 1e300]},
        {"photo": "one", "box": None, "lesion": [[[1, 2], [3]]]},
        {"photo": "one", "box": None, "lesion": "stroke"},
        {"photo": "one", "box": None, "lesion": [[[1, 2]] * (MAX_POINTS + 1)]},
        {"photo": "one", "box": None, "lesion": [[[1, True]]]},
        {"photo": "one", "box": None, "lesion": [], "radius": "thick"},
    ],
)
def test_what_is_not_a_hint_is_one_line(payload: Any) -> None:
    reply = answer_wand(payload, [make_photo((60, 60))])
    assert "\n" not in reply["problem"] and 10 < len(reply["problem"]) < 200 and "runs" not in reply


@pytest.mark.parametrize("box", [None, [10, 10, 50, 50]])
def test_a_hint_that_shows_no_lesion_is_answered_with_nothing_to_write(box: list[int] | None) -> None:
    uniform = Photo("one", np.full((60, 60, 3), (224, 180, 155), np.uint8))
    assert answer_wand({"photo": "one", "request": 1, "box": box, "lesion": [], "skin": []}, [uniform]) == {
        "photo": "one",
        "request": 1,
        "nothing": True,
    }


@pytest.mark.parametrize(("side", "written"), [(13, False), (40, True)])
def test_a_speck_is_nothing_to_write_and_a_small_lesion_is(side: int, written: bool) -> None:
    pixels = np.full((600, 800, 3), (224, 180, 155), np.uint8)
    pixels[300 : 300 + side, 400 : 400 + side] = (120, 40, 40)
    reply = answer_wand(
        {"photo": "one", "request": 1, "box": [390, 290, 450, 350], "lesion": [], "skin": []},
        [Photo("one", pixels)],
    )
    assert ("runs" in reply, reply.get("nothing", False)) == (written, not written)
