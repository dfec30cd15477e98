"""Parts of an open case's photos at the resolution of the file: what the viewer shows of a large photo from
close by."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from magic_demo.core.errors import FormError, MagicDemoError
from magic_demo.core.types import Photo, Pixels
from magic_demo.imaging.resize import resize_pixels
from magic_demo.page.session.desk.desk import Desk
from magic_demo.page.session.review import NotOpenError
from magic_demo.page.texts.i18n import line_in_both

MOST_SIDE = 4096
"""Longest side, in pixels, of a part as it is sent; a larger one comes smaller."""
JPEG_QUALITY = 92
SIDES = ("left", "top", "right", "bottom")


def list_photo_part_routes(desk: Desk) -> list[Route]:
    """Return the route of the parts, POST ``/photo-part`` with {case, photo, left, top, right, bottom} in the
    file's pixels.

    The answer is a JPEG. Whoever may not see the photo, or asks for what is not there, gets {"en", "zh"},
    status 409.
    """

    async def send(request: Request) -> Response:
        fields = json.loads(await request.body())
        try:
            content = await run_in_threadpool(_encode_part, desk, dict(request.cookies), fields)
        except MagicDemoError as error:
            return JSONResponse(line_in_both(error.message), 409)
        return Response(content, media_type="image/jpeg", headers={"Cache-Control": "no-store"})

    return [Route("/photo-part", send, methods=["POST"])]


def _encode_part(desk: Desk, cookies: Mapping[str, str], fields: Mapping[str, Any]) -> bytes:
    part = cut_part(find_photo(desk, cookies, fields.get("case"), fields.get("photo")), fields)
    done, data = cv2.imencode(
        ".jpg", np.ascontiguousarray(part[:, :, ::-1]), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    )
    if not done:
        raise RuntimeError(f"a part of shape {part.shape} could not be written as a JPEG")
    return data.tobytes()


def find_photo(desk: Desk, cookies: Mapping[str, str], open_id: object, photo_id: object) -> Photo:
    """Return a photo as it is shown to a reader, with what is covered for them.

    open_id: the secret of the page that has the case open. Raises FormError, StoreError for a case that is
    not open there, or that the reader may not see (any more).
    """
    case = desk.cases.get(open_id) if isinstance(open_id, str) else None
    if case is not None:
        reader = desk.reader(cookies if desk.sign_ins is not None else {})
        if case.reader is not None and case.reader != reader:
            case = None
        elif case.key is not None:
            # it may have been assigned to others since
            desk.check_assigned(desk.opened_store.case(case.key, reader), reader)
            case = desk.put_newest(case)
    photos = case.encounter.photos if case is not None else ()
    photo = next((one for one in photos if one.photo_id == photo_id), None)
    if photo is None:
        raise NotOpenError
    return photo


def cut_part(photo: Photo, sides: Mapping[str, Any]) -> Pixels:
    """Return the (h, w, 3) uint8 RGB part between sides, in pixels of the file. Raises FormError."""
    height, width = photo.size
    asked = [side for side in map(sides.get, SIDES) if type(side) is int]
    left, top, right, bottom = asked if len(asked) == len(SIDES) else (0, 0, 0, 0)
    if not (0 <= left < right <= width and 0 <= top < bottom <= height):
        raise FormError(
            "a part of a photo of {width} x {height} pixels was asked for that is not in it; reload the page",
            width=width,
            height=height,
        )
    part = photo.pixels[top:bottom, left:right]
    scale = min(1.0, MOST_SIDE / max(part.shape[:2]))
    if scale == 1.0:
        return part
    return resize_pixels(part, (max(1, round(part.shape[0] * scale)), max(1, round(part.shape[1] * scale))))
