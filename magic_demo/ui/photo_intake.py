"""How photos come in: the button, the consent, and the route that takes a file.

    POST /photos?name=NAME   the file's bytes, with the header CONSENT   -> {"photo": key}

A file's bytes are in memory alone until its pixels are read, and gone then: nothing of an upload is ever written to disk. The key is for whoever
sent the file; the page hands it in with its ``photos`` event, and what came is opened then:

    photos   {"photos": [key], "problems": [line]}   files that were sent, and a line for each that could not be
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import gradio as gr
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from magic_demo.errors import PhotoError
from magic_demo.limits import LIMITS
from magic_demo.photos import decode_photo
from magic_demo.types import Photo
from magic_demo.ui.i18n import fill
from magic_demo.ui.rate_limit import RateLimit

CONSENT = "magic-demo-consent"
"""The header that says that the reader may use the photo. Another site's page cannot send one."""
LONGEST_NAME = 200
READ_AT_ONCE = 2
"""Photos that are decoded side by side: each may take a few hundred MB while it is."""
SENT_AT_ONCE = (20 * LIMITS.case_photos, LIMITS.case_photos / 4)
"""From one computer: how many at once, and how many a second for long. A room may share an address."""

_ON_LOAD = """
import(new URL("page/photo_intake.mjs", document.baseURI)).then(({ mountIntake }) => mountIntake(element, { trigger }));
const events = ["photos"];  // named here, where Gradio looks for them
"""
_BUTTON = """
<button type="button" id="add-photos" class="case-button">[[case.add]]</button>
<input type="file" id="photo-files" multiple accept="image/*,.tif,.tiff" hidden tabindex="-1" [[aria-label case.add]]>
<label class="consent" id="consent"><input type="checkbox" id="consent-given"><span>[[case.consent]]</span></label>
<p class="consent-asked" id="consent-asked" role="alert" hidden>[[case.consent_first]]</p>
<p class="photos-coming" id="photos-coming" role="status" hidden>[[case.opening]] <b></b></p>
<div hidden><i data-word="lost" [[title case.not_sent]]></i></div>
"""


@dataclass(frozen=True, eq=False)
class Arrival:
    """A file that came: its photo, under the file's name, or the line that says why there is none."""

    name: str
    photo: Photo | None
    problem: str = ""


class Arrivals:
    """Photos that were sent and not opened yet: a bounded number, in memory, for ``seconds`` at most."""

    def __init__(self, most: int = 128, seconds: float = 300.0, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._seconds = seconds
        self._clock = clock
        self._waiting: OrderedDict[str, tuple[float, Arrival]] = OrderedDict()
        self._lock = threading.Lock()
        self._reading = threading.Semaphore(READ_AT_ONCE)

    def __len__(self) -> int:
        return len(self._waiting)

    def take(self, name: str, data: bytes) -> str:
        """Read a file, and return the key to fetch it by. The name is shown and never used as a path."""
        stem = PurePosixPath(name.replace("\\", "/")).stem or "photo"
        shown = PurePosixPath(name.replace("\\", "/")).name or "photo"
        with self._reading:
            try:
                arrival = Arrival(stem, decode_photo(data, photo_id=stem, name=shown))
            except PhotoError as error:
                arrival = Arrival(stem, None, str(error))
        key = secrets.token_urlsafe(24)
        with self._lock:
            self._forget()
            self._waiting[key] = (self._clock(), arrival)
        return key

    def fetch(self, keys: Sequence[object]) -> list[Arrival]:
        """Return what came under these keys and forget it; a key that is nobody's brings nothing."""
        with self._lock:
            found = [self._waiting.pop(key, None) for key in keys if isinstance(key, str)]
            self._forget()
        return [one[1] for one in found if one is not None]

    def _forget(self) -> None:
        oldest = self._clock() - self._seconds
        while self._waiting and (len(self._waiting) >= self._most or next(iter(self._waiting.values()))[0] < oldest):
            self._waiting.popitem(last=False)


def intake_component() -> gr.HTML:
    """Return the button with the consent; it has an event and no value."""
    return gr.HTML(html_template=fill(_BUTTON), js_on_load=_ON_LOAD, elem_id="photo-intake", apply_default_css=False)


def list_intake_routes(arrivals: Arrivals) -> list[Route]:
    """Return the route that takes photos."""
    limit = RateLimit(*SENT_AT_ONCE)

    async def take(request: Request) -> Response:
        if request.headers.get(CONSENT) != "given":
            return PlainTextResponse("say first that you may use these photos: tick the box under Add photos", 403)
        if not limit.allows(request.client.host if request.client is not None else ""):
            return PlainTextResponse("too many photos at once; wait a moment and add the rest", 429)
        data = bytearray()
        async for chunk in request.stream():
            data += chunk
            if len(data) > LIMITS.photo_bytes:
                return PlainTextResponse(f"the file has more than {LIMITS.photo_bytes / 2**20:.0f} MB; save it smaller", 413)
        name = request.query_params.get("name", "")[:LONGEST_NAME]
        return JSONResponse({"photo": await run_in_threadpool(arrivals.take, name, bytes(data))})

    return [Route("/photos", take, methods=["POST"])]
