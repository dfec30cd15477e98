"""What a reader has pointed at as it comes from the page, and the outline that the page waits for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from magic_demo.core.errors import FormError, MagicDemoError
from magic_demo.core.review_content import read_mark
from magic_demo.core.review_types import Mark
from magic_demo.core.types import Mask, Photo, Probability
from magic_demo.imaging.local_change import DOT, change_locally, find_pixel, is_followed
from magic_demo.imaging.overlay import lesion_mask
from magic_demo.imaging.run_lengths import row_lengths
from magic_demo.page.panels.viewer.mask_form import read_working_mask, working_size

MOST_MARKS = 200
"""Clicks and boxes that one outline may be made from."""

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
    the newest. Raises ModelError."""
    newest, size = pointed.marks[-1], (pointed.before.shape[0], pointed.before.shape[1])
    probability, threshold = refine(pointed.photo, pointed.marks, choose_beginning(pointed))
    outline = change_locally(pointed.before, lesion_mask(probability, size, threshold), pointed.marks)
    added = newest.kind == "lesion" and not pointed.before[find_pixel(newest, size)]
    return outline if is_followed(outline, newest, DOT if added else 0.0) else None


def choose_beginning(pointed: Pointed) -> Mask | None:
    """Return the outline that a model begins with, None where its own map is the better beginning: with a box,
    and with a click outside of the outline, which are about a lesion that the outline does not hold."""
    newest = pointed.marks[-1]
    new = newest.kind == "lesion" and not pointed.before[find_pixel(newest, pointed.before.shape)]
    boxed = any(mark.kind == "box" for mark in pointed.marks)
    return None if new or boxed or not pointed.before.any() else pointed.before


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
