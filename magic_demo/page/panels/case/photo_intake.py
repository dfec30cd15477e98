"""How photos come in: the button, the consent, and the route that takes a file.

    POST /photos?name=NAME      the file's bytes, with the header CONSENT   -> {"photo": key}
    POST /photos?forget=KEYS    keys with commas between: these are not wanted any more

A file's bytes are in memory alone until it is opened, and gone then: nothing of an upload is ever written to
disk. The key is for whoever sent the file; the page hands it in with its ``photos`` event, and what came is
unpacked then, in a process of its own (``files/photos/processes``):

    photos   {"photos": [key], "lost": [name], "reasons": [line]}   files that were sent, and of each that
    could not be its name and what the server, or the browser, said of it
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable

import gradio as gr
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from magic_demo.core.limits import LIMITS
from magic_demo.core.messages import Message
from magic_demo.files.photos.kinds import PHOTO_SUFFIXES
from magic_demo.page.gradio_internals.scripts import load_script
from magic_demo.page.session.arrivals import Arrivals
from magic_demo.page.session.rate_limit import RateLimit
from magic_demo.page.texts.i18n import fill

CONSENT = "magic-demo-consent"
"""The header that says that the reader may use the photo. Another site's page cannot send one."""
LONGEST_NAME = 200
LONGEST_LIST = 4000
SENT_AT_ONCE = (20 * LIMITS.case_photos, LIMITS.case_photos / 4)
"""From one computer: how many at once, and how many a second for long. A room may share an address."""

NO_CONSENT = Message("say first that you may use these photos: tick the box under Add photos")
TOO_MANY = Message("too many photos at once; wait a moment and add the rest")
TOO_LARGE = Message(
    "the file has more than {limit:.0f} MB; save it smaller", limit=LIMITS.photo_bytes / 2**20
)
BUSY = Message("too many photos are being sent at this moment; add it again in a minute")

_ON_LOAD = load_script({"panels/case/photo_intake.mjs": "mountIntake"}, [], events=["photos"])
ACCEPTED = ",".join(("image/*", *PHOTO_SUFFIXES))
"""What the browser's file chooser offers."""
_BUTTON = f"""
<button type="button" id="add-photos" class="case-button">[[case.add]]</button>
<input type="file" id="photo-files" multiple accept="{ACCEPTED}" hidden tabindex="-1" [[aria-label case.add]]>
<label class="consent" id="consent"><input type="checkbox" id="consent-given"><span>[[case.consent]]</span></label>
<p class="consent-asked" id="consent-asked" role="alert" hidden>[[case.consent_first]]</p>
<p class="photos-coming" id="photos-coming" role="status" hidden>[[case.opening]] <b></b></p>
"""


def intake_component() -> gr.HTML:
    """Return the button with the consent; it has an event and no value."""
    return gr.HTML(
        html_template=fill(_BUTTON), js_on_load=_ON_LOAD, elem_id="photo-intake", apply_default_css=False
    )


def list_intake_routes(arrivals: Arrivals, *, clock: Callable[[], float] = time.monotonic) -> list[Route]:
    """Return the route that takes photos. clock: by which photos are counted as sent at once."""
    limit = RateLimit(*SENT_AT_ONCE, clock=clock)

    async def take(request: Request) -> Response:
        if "forget" in request.query_params:
            arrivals.forget(request.query_params["forget"][:LONGEST_LIST].split(","))
            return Response(status_code=204)
        if request.headers.get(CONSENT) != "given":
            return PlainTextResponse(NO_CONSENT, 403)
        source = request.client.host if request.client is not None else ""
        if not limit.allows(source):
            return PlainTextResponse(TOO_MANY, 429)
        data = bytearray()
        with arrivals.coming() as count:
            async for chunk in request.stream():
                data += chunk
                if len(data) > LIMITS.photo_bytes:
                    return PlainTextResponse(TOO_LARGE, 413)
                if not count(len(chunk)):
                    return PlainTextResponse(BUSY, 503)
        await run_in_threadpool(arrivals.workers.warm)
        name = request.query_params.get("name", "")[:LONGEST_NAME]
        whose = sender(request)
        return JSONResponse({"photo": arrivals.take(name, bytes(data), whose)})

    return [Route("/photos", take, methods=["POST"])]


def sender(request: Request) -> str:
    """Return whose photos a request's are: a browser's, by its cookies, of one computer.

    Never shown, and of no more use than to take turns.
    """
    host = request.client.host if request.client is not None else ""
    cookies = sorted(value for name, value in request.cookies.items() if name.startswith("magic-demo"))
    return hashlib.sha256("\n".join([host, *cookies]).encode("utf-8", "replace")).hexdigest()
