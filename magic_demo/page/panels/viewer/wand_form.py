"""The wand's hint as it comes from the page, and the answer the page waits for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from magic_demo.core.errors import FormError
from magic_demo.core.types import Photo
from magic_demo.imaging.wand import Hint, Point, cut_lesion, find_reach, is_speck
from magic_demo.page.panels.viewer.mask_form import working_size, write_runs

MAX_STROKES = 200
MAX_POINTS = 20_000


def answer_wand(payload: object, photos: Sequence[Photo]) -> dict[str, Any]:
    """Return the viewer's ``wand_reply`` to a ``wand`` event: photo, request, and one of three.

    width, height, runs of what was cut, and region (left, top, right, bottom), outside of which the reader's
    outline stays; ``nothing``, where that is a speck or less, for which nothing is written; or ``problem``,
    one line.
    """
    asked = payload if isinstance(payload, Mapping) else {}
    reply: dict[str, Any] = {"photo": asked.get("photo"), "request": asked.get("request")}
    try:
        photo = next((one for one in photos if one.photo_id == asked.get("photo")), None)
        if photo is None:
            raise FormError("the wand was used on a photo that is not open; open the case again")
        hint = read_hint(asked)
        size = working_size(photo.size)
        found = cut_lesion(photo.pixels, hint, size)
        return (
            {**reply, "nothing": True}
            if is_speck(found)
            else {**reply, **write_runs(found), "region": list(find_reach(hint, size))}
        )
    except FormError as error:
        return {**reply, "problem": str(error)}


def read_hint(payload: Mapping[str, Any]) -> Hint:
    """Return what the reader has shown the wand, in working pixels.

    Raises FormError, one line, where it cannot be read.
    """
    lesion, skin = _read_strokes(payload.get("lesion")), _read_strokes(payload.get("skin"))
    if sum(map(len, [*lesion, *skin])) > MAX_POINTS:
        raise FormError(
            "the wand's strokes have more than {limit} points; draw fewer or shorter ones", limit=MAX_POINTS
        )
    box = payload.get("box")
    corners = None if box is None else _read_numbers(box, 4)
    (radius,) = _read_numbers([payload.get("radius", 6.0)], 1)
    box = None if corners is None else (corners[0], corners[1], corners[2], corners[3])
    return Hint(box, lesion, skin, min(200.0, max(0.5, radius)))


def _read_strokes(strokes: object) -> list[list[Point]]:
    if strokes is None:
        return []
    if (
        not isinstance(strokes, list)
        or len(strokes) > MAX_STROKES
        or not all(isinstance(stroke, list) for stroke in strokes)
    ):
        raise FormError(
            "the wand's strokes must be at most {limit} lists of points; draw them again", limit=MAX_STROKES
        )
    return [[(x, y) for x, y in (_read_numbers(point, 2) for point in stroke)] for stroke in strokes]


def _read_numbers(values: object, count: int) -> list[float]:
    """Return ``count`` numbers, none so large that it could not be a place on a photo, nor NaN."""
    numbers = values if isinstance(values, list) and len(values) == count else []
    if not numbers or not all(type(one) in (int, float) and abs(one) < 1e6 for one in numbers):
        raise FormError("the wand's hint must be made of {count} numbers a place; draw it again", count=count)
    return [float(one) for one in numbers]
