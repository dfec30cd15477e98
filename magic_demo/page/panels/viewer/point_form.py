"""What a reader has pointed at as it comes from the page, and the outline that the page waits for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from magic_demo.core.errors import FormError, MagicDemoError
from magic_demo.core.review_content import read_mark
from magic_demo.core.review_types import Mark
from magic_demo.core.types import Mask, Photo
from magic_demo.imaging.local_change import DOT, change_locally, find_pixel, is_followed
from magic_demo.imaging.overlay import lesion_mask
from magic_demo.imaging.run_lengths import row_lengths
from magic_demo.page.panels.viewer.close_look import CloseLooks, Island, Refine, find_island, is_small
from magic_demo.page.panels.viewer.mask_form import read_working_mask, working_size

MOST_MARKS = 200
"""Clicks and boxes that one outline may be made from."""

MOST_CLOSE = 8
"""Clicks that one answer looks at closely anew. Each takes a second or two of a busy processor, and the page waits for 20."""


@dataclass(frozen=True, eq=False)
class Pointed:
    """What the page asks for: the marks on a photo, the newest last, and the outline that they change, (H, W)
    bool at the photo's working size."""

    photo: Photo
    marks: tuple[Mark, ...]
    before: Mask


@dataclass(frozen=True)
class Unfinished:
    """An answer for which ``left`` clicks have to be looked at closely still, after as many as one may take."""

    left: int


def answer_points(
    payload: object, photos: Sequence[Photo], refine: Refine, looks: CloseLooks | None = None
) -> dict[str, Any]:
    """Return the viewer's ``point_reply`` to a ``point`` event: photo, request, and one of four.

    width, height and runs of the outline; ``nothing``, where it cannot follow the newest mark; ``left``, a number
    of clicks to look at: the page asks again, and ``looks`` has what was found so far; or ``problem``, one line.

    looks: of the open case; where there is none, an answer looks at every click anew.
    """
    asked = payload if isinstance(payload, Mapping) else {}
    reply: dict[str, Any] = {"photo": asked.get("photo"), "request": asked.get("request")}
    try:
        outline = follow_points(read_pointed(asked, photos), refine, looks or CloseLooks())
    except MagicDemoError as error:
        return {**reply, "problem": str(error)}
    if outline is None:
        return {**reply, "nothing": True}
    if isinstance(outline, Unfinished):
        return {**reply, "left": outline.left}
    height, width = outline.shape
    return {**reply, "width": width, "height": height, "runs": row_lengths(outline).tolist()}


def follow_points(pointed: Pointed, refine: Refine, looks: CloseLooks) -> Mask | Unfinished | None:
    """Return the outline that the marks ask for, at the size of the one before; None where it cannot follow
    the newest; Unfinished where more than MOST_CLOSE clicks have to be looked at closely anew. Raises ModelError.

    A click on the lesion of which the map shows nothing but the click itself is looked at closely. A small lesion
    that was found for a click, so or by the map, stands for it from then on, whatever else is clicked; the map is
    asked of the other marks alone.
    """
    photo, before, marks = pointed.photo, pointed.before, pointed.marks
    size = (before.shape[0], before.shape[1])
    islands = _recall_islands(pointed, looks)
    others = _leave_out(marks, islands, size)
    found, outline = _ask_map(pointed, others, refine)
    added = [mark for mark in others if _adds(mark, before)]
    lost = [mark for mark in added if not is_followed(outline, mark, DOT)]
    unseen = list(dict.fromkeys(mark for mark in lost if not looks.was_looked_at(photo, mark)))
    new = {mark: looks.look(photo, mark, size, refine) for mark in unseen[:MOST_CLOSE]}
    if len(unseen) > MOST_CLOSE:
        return Unfinished(len(unseen) - MOST_CLOSE)
    new |= {mark: looks.find(photo, mark) for mark in lost if mark not in new}
    for mark, island in _find_small(found, [mark for mark in added if mark not in lost], marks).items():
        looks.keep_shown(photo, mark, island)
        new[mark] = island
    newest = marks[-1]
    if newest in new and new[newest] is None:
        return None
    if new:  # what the map shows at these clicks, their dots too, must not stay
        islands |= {mark: island for mark, island in new.items() if island is not None}
        others = _leave_out([mark for mark in others if mark not in new], islands, size)
        _, outline = _ask_map(pointed, others, refine)
    _put_islands(outline, islands, marks)
    return outline if newest not in others or is_followed(outline, newest) else None


def _recall_islands(pointed: Pointed, looks: CloseLooks) -> dict[Mark, Island]:
    """Return what is kept of the clicks on the lesion; not what a map has shown of one where a click on skin lies on it,
    which asks for another map."""
    clicks = [mark for mark in pointed.marks if mark.kind == "lesion"]
    skin = [find_pixel(mark, pointed.before.shape) for mark in pointed.marks if mark.kind == "skin"]
    islands = {}
    for click in clicks:
        shown = looks.find_shown(pointed.photo, click)
        if shown is not None and any(map(shown.holds, skin)):
            shown = None
        island = looks.find(pointed.photo, click) or shown
        if island is not None:
            islands[click] = island
    return islands


def _find_small(found: Mask, clicks: Sequence[Mark], marks: Sequence[Mark]) -> dict[Mark, Island]:
    """Return the small islands of a map's mask (H, W) at clicks on the lesion; none that a box cuts or a click on skin
    lies on."""
    if any(mark.kind == "box" for mark in marks):
        return {}
    size = (found.shape[0], found.shape[1])
    skin = [find_pixel(mark, size) for mark in marks if mark.kind == "skin"]
    islands = {click: find_island(found, find_pixel(click, size)) for click in clicks}
    return {
        click: island
        for click, island in islands.items()
        if is_small(island, size) and not any(map(island.holds, skin))
    }


def _leave_out(marks: Sequence[Mark], islands: Mapping[Mark, Island], size: tuple[int, int]) -> list[Mark]:
    """Return the marks that islands do not answer: their own clicks, and clicks on skin that lie on them."""
    return [
        mark
        for mark in marks
        if mark not in islands
        and not (mark.kind == "skin" and any(one.holds(find_pixel(mark, size)) for one in islands.values()))
    ]


def _ask_map(pointed: Pointed, marks: Sequence[Mark], refine: Refine) -> tuple[Mask, Mask]:
    """Return what the map shows for some of the marks, and the outline that it makes of the one before, both (H, W);
    that one twice for none."""
    before = pointed.before
    if not marks:
        return before, before.copy()
    probability, threshold = refine(pointed.photo, marks, choose_beginning(pointed))
    found = lesion_mask(probability, (before.shape[0], before.shape[1]), threshold)
    return found, change_locally(before, found, marks)


def _put_islands(outline: Mask, islands: Mapping[Mark, Island], marks: Sequence[Mark]) -> None:
    """Put islands into an outline (H, W), each without what clicks on skin take of it."""
    clicks = {
        kind: [find_pixel(mark, outline.shape) for mark in marks if mark.kind == kind]
        for kind in ("lesion", "skin")
    }
    parts = []
    for island in islands.values():
        lesion, skin = (
            [pixel for pixel in clicks[kind] if island.holds(pixel)] for kind in ("lesion", "skin")
        )
        part = island.divide(lesion, skin)
        outline[island.slices] &= ~(island.pixels & ~part)
        parts.append((island.slices, part))
    for where, part in parts:
        outline[where] |= part


def _adds(mark: Mark, before: Mask) -> bool:
    """Tell whether a mark is a click on a lesion that an outline (H, W) does not hold."""
    return mark.kind == "lesion" and not before[find_pixel(mark, before.shape)]


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
