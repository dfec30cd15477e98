"""The small pictures in the list of cases: of each case's first photo, as its reader may see it."""

from __future__ import annotations

import asyncio
import threading
from base64 import b64decode
from collections import OrderedDict

import cv2
import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from magic_demo.core.errors import MagicDemoError
from magic_demo.core.review_types import CaseKey
from magic_demo.core.types import Pixels
from magic_demo.imaging.resize import resize_pixels
from magic_demo.page.session.desk.desk import Desk
from magic_demo.page.session.open_cases import FileStates

SIDE = 64
AT_ONCE = 4
"""Pictures that are asked for in a thread; browsers want dozens at once, and other requests need threads too."""
MOST_KEPT = 4096
"""Pictures, of about 2 KB each."""
NOTHING = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
"""An empty picture, for a case without a photo that can be shown."""


class Thumbnails:
    """Draws the pictures, one at a time, as opening a case comes first; those drawn are kept until the case
    is deleted or a photo of it covered."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._kept: OrderedDict[tuple[CaseKey, str], tuple[FileStates, bytes]] = OrderedDict()
        self._forgotten = 0
        self._lock, self._drawing = threading.Lock(), threading.Lock()
        desk.on_gone.append(self.forget)

    def draw(self, key: CaseKey, reader: str) -> bytes | None:
        """Return a JPEG, None where there is no photo. Raises StoreError, also for a case of others, PhotoError."""
        case = self._desk.opened_store.case(key, reader)
        self._desk.check_assigned(case, reader)
        with self._drawing:
            hidden = bool(self._desk.opened_store.proposed_covers(key, reader))  # changes with the decision
            with self._lock:
                kept, forgotten = self._kept.get((key, reader)), self._forgotten
            states = self._desk.list_states(case)  # another program of the store may have covered it
            if kept is not None and kept[0] == states and not hidden:
                return kept[1]
            photo = self._desk.read_first_photo(case, reader)
            picture = draw_thumbnail(photo.pixels) if photo is not None else None
            with self._lock:
                if picture is not None and not hidden and self._forgotten == forgotten:
                    self._kept[key, reader] = states, picture
                while len(self._kept) > MOST_KEPT:
                    self._kept.popitem(last=False)
            return picture

    def forget(self, key: CaseKey) -> None:
        """Forget the pictures of a case."""
        with self._lock:
            self._forgotten += 1  # what is being drawn may be of before
            for kept in [kept for kept in self._kept if kept[0] == key]:
                del self._kept[kept]


def draw_thumbnail(pixels: Pixels) -> bytes:
    """Return the square middle of a photo (H, W, 3) uint8 RGB as a small JPEG."""
    height, width = pixels.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    small = resize_pixels(pixels[top : top + side, left : left + side], (SIDE, SIDE))
    drawn, encoded = cv2.imencode(
        ".jpg", np.ascontiguousarray(small[:, :, ::-1]), [cv2.IMWRITE_JPEG_QUALITY, 80]
    )
    assert drawn
    return encoded.tobytes()


def list_thumbnail_routes(desk: Desk) -> list[Route]:
    """Return the route of the pictures, ``/thumbnail?queue=NAME&case=ID``; what cannot be shown is an empty
    picture."""
    thumbnails, places = Thumbnails(desk), asyncio.Semaphore(AT_ONCE)

    def draw(key: CaseKey, cookies: dict[str, str]) -> bytes | None:
        return thumbnails.draw(key, desk.reader(cookies))

    async def send(request: Request) -> Response:
        key = CaseKey(request.query_params.get("queue", ""), request.query_params.get("case", ""))
        try:
            async with places:
                picture = await run_in_threadpool(draw, key, request.cookies)
        except MagicDemoError:
            picture = None
        return Response(
            picture or NOTHING,
            media_type="image/jpeg" if picture else "image/gif",
            headers={"Cache-Control": "no-store"},
        )

    return [Route("/thumbnail", send)]
