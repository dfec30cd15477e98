"""What a reader has pointed at as it comes from the page, and the outline that the page waits for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from magic_demo.core.errors import FormError, MagicDemoError
from magic_demo.core.review_content import read_mark
from magic_demo.core.review_types import Mark
from magic_demo.core.types import Mask, Photo, Probability
from magic_demo.imaging.local_change import DOT, box_slices, change_locally, find_pixel, is_followed
from magic_demo.imaging.overlay import lesion_mask
from magic_demo.imaging.run_lengths import row_lengths
from magic_demo.page.panels.viewer.mask_form import read_working_mask, working_size

MOST_MARKS = 200
"""Clicks and boxes that one outline may be made from."""

CLOSE = (0.03, 0.06)
"""Sides of the squares that are looked at closely around a click, shares of the photo's longer side; the second
where the first is filled."""
MOST_CLOSE = 8
"""Clicks that one answer looks at closely. Each takes a second or two of a busy processor, and the page waits for 20."""
LEAST_FILLED, MOST_FILLED = 0.04, 0.5
"""How much of a square a small lesion fills: skin fills next to nothing of it, and what fills it may go on outside."""

Refine = Callable[[Photo, Sequence[Mark], Mask | None], tuple[Probability, float]]
"""A photo, the marks on it and the outline to begin with, if any -> a map (h, w) that spans the photo, and the
probability from which it is lesion."""


@dataclass(frozen=True, eq=False)
class Pointed:
    """What the page asks for: the marks on a photo, the newest last, and the outline that they change, (H, W)
    bool at the photo's working size."""

    photo: Photo
    marks: tuple[Mark, ...]
    before: Mask


def answer_points(payload: object, photos: Sequence[Photo], refine: Refine) -> dict[str, Any]:
    """Return the viewer's ``point_reply`` to a ``point`` event: photo, request, and one of three.

    width, height and runs of the outline; ``nothing``, where it cannot follow the newest mark; or
    ``problem``, one line.
    """
    asked = payload if isinstance(payload, Mapping) else {}
    reply: dict[str, Any] = {"photo": asked.get("photo"), "request": asked.get("request")}
    try:
        outline = follow_points(read_pointed(asked, photos), refine)
    except MagicDemoError as error:
        return {**reply, "problem": str(error)}
    if outline is None:
        return {**reply, "nothing": True}
    height, width = outline.shape
    return {**reply, "width": width, "height": height, "runs": row_lengths(outline).tolist()}


def follow_points(pointed: Pointed, refine: Refine) -> Mask | None:
    """Return the outline that the marks ask for, at the size of the one before; None where it cannot follow
    the newest. Raises ModelError, and FormError where more than MOST_CLOSE clicks have to be looked at closely.

    A click on the lesion of which the map shows nothing but the click itself is looked at closely.
    """
    before, marks = pointed.before, pointed.marks
    size = (before.shape[0], before.shape[1])
    probability, threshold = refine(pointed.photo, marks, choose_beginning(pointed))
    found = lesion_mask(probability, size, threshold)
    outline = change_locally(before, found, marks)
    lost = [mark for mark in marks if _adds(mark, before) and not is_followed(outline, mark, DOT)]
    if len(lost) > MOST_CLOSE:
        raise FormError(
            "{count} clicks show no lesion at first sight, at most {limit} are looked at closely in one go; undo, accept "
            "the outline and go on",
            count=len(lost),
            limit=MOST_CLOSE,
        )
    if lost:
        for mark in lost:  # a box takes in what is found, the click's own dot too
            if outline[pixel := find_pixel(mark, size)]:
                found &= before | ~_find_island(outline, pixel)
        outline = change_locally(before, found, [mark for mark in marks if mark not in lost])
    skin = [mark for mark in marks if mark.kind == "skin"]
    for mark in lost:
        island = look_closely(pointed.photo, mark, size, refine)
        if island is not None and any(island[find_pixel(one, size)] for one in skin):
            return None  # the two clicks contradict each other
        if island is not None:
            outline |= island
        elif mark == marks[-1]:
            return None
    newest = marks[-1]
    return outline if newest in lost or is_followed(outline, newest) else None


def look_closely(photo: Photo, click: Mark, size: tuple[int, int], refine: Refine) -> Mask | None:
    """Return the small lesion (h, w) bool of ``size`` that a click lies on, found in a box around it; None where there
    is none that stands out from the box. Raises ModelError."""
    pixel = find_pixel(click, size)
    for side in CLOSE:
        box = Mark("box", _surround(click, photo.size, side))
        probability, threshold = refine(photo, (box,), None)
        found = lesion_mask(probability, size, threshold)
        if not found[pixel]:
            return None
        island = _find_island(found, pixel)
        rows, columns = box_slices(box, size)
        filled = np.count_nonzero(island) / ((rows.stop - rows.start) * (columns.stop - columns.start))
        if filled <= MOST_FILLED:
            return island if filled >= LEAST_FILLED else None
    return None


def _find_island(mask: Mask, pixel: tuple[int, int]) -> Mask:
    """Return the island (H, W) of a mask that a pixel of it lies on."""
    _, labels = cv2.connectedComponents(mask.view(np.uint8), connectivity=8)
    return np.asarray(labels == labels[pixel], dtype=np.bool_)


def _adds(mark: Mark, before: Mask) -> bool:
    """Tell whether a mark is a click on a lesion that an outline (H, W) does not hold."""
    return mark.kind == "lesion" and not before[find_pixel(mark, before.shape)]


def _surround(click: Mark, size: tuple[int, int], side: float) -> tuple[float, ...]:
    """Return left, top, right, bottom, shares of a photo (height, width), of the square around a click whose side is a
    share of the longer of them."""
    x, y = click.at
    across, down = (side * max(size) / length / 2 for length in (size[1], size[0]))
    return max(0.0, x - across), max(0.0, y - down), min(1.0, x + across), min(1.0, y + down)


def choose_beginning(pointed: Pointed) -> Mask | None:
    """Return the outline that a model begins with, None where its own map is the better beginning: with a box,
    and with a click outside of the outline, which are about a lesion that the outline does not hold."""
    newest = pointed.marks[-1]
    boxed = any(mark.kind == "box" for mark in pointed.marks)
    return None if _adds(newest, pointed.before) or boxed or not pointed.before.any() else pointed.before


def read_pointed(payload: Mapping[str, Any], photos: Sequence[Photo]) -> Pointed:
    """Return what a ``point`` event asks for. Raises FormError, one line, where it cannot be read."""
    photo = next((one for one in photos if one.photo_id == payload.get("photo")), None)
    if photo is None:
        raise FormError("a point was set on a photo that is not open; open the case again")
    marks = read_marks(payload.get("clicks"))
    if not marks:
        raise FormError("no point came to follow; set one on the photo")
    if payload.get("before") is None:
        before = np.zeros(working_size(photo.size), dtype=np.bool_)
    else:
        before = read_working_mask({**payload, "runs": payload["before"]}, photo.size)
    return Pointed(photo, marks, before)


def read_marks(sent: object) -> tuple[Mark, ...]:
    """Return marks as the page sends them, none for None. Raises FormError, one line, for anything else."""
    try:
        marks = () if sent is None else tuple(map(read_mark, sent if isinstance(sent, list) else [None]))
    except (TypeError, ValueError) as error:
        raise FormError("points must be a list of kinds and shares of the photo; set them again") from error
    if len(marks) > MOST_MARKS:
        raise FormError(
            "{count} points came, at most {limit} are kept; accept the outline and go on",
            count=len(marks),
            limit=MOST_MARKS,
        )
    return marks
