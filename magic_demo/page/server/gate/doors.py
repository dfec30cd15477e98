"""WHO MAY ASK FOR WHAT: every address that the page answers stands here with who may ask for it; whatever
else there is, is not answered.

Gradio brings many more routes than the page uses (files by path, downloads of other addresses, monitoring,
deep links, code editing, a second API). They are answered as if they were not there, and so is any that a
later version adds.
"""

from __future__ import annotations

import re
from typing import Literal

from magic_demo.page.gradio_internals import addresses
from magic_demo.reviews.store.rules import Action

Who = Literal["anybody", "reader"] | Action
"""Everybody; who has signed in; who has signed in and may do this. Where nobody signs in, everybody is all of
them."""


DOORS: tuple[tuple[str, str, Who], ...] = (
    # the page's own files and Gradio's, the same for everybody
    ("GET HEAD", r"/page/.+", "anybody"),
    ("GET HEAD", addresses.FILES, "anybody"),
    ("GET HEAD", addresses.PAGE_FILES, "anybody"),
    ("GET HEAD POST", r"/sign-in", "anybody"),
    ("GET HEAD", r"/sign-out", "anybody"),
    ("GET HEAD", r"/healthz", "anybody"),
    # the audience: bundled synthetic cases alone, and answers of people without names
    ("GET HEAD", r"/join", "anybody"),
    ("GET HEAD", r"/board/photos/.+", "anybody"),
    ("POST", r"/board/(join|sit|answer)", "anybody"),
    ("GET HEAD", r"/board", "present"),
    ("GET HEAD", r"/board/join\.svg", "present"),
    ("POST", r"/board/(open|stand|turn|reveal|close)", "present"),
    # the page and what it does
    ("GET HEAD", r"/", "reader"),
    ("GET HEAD", r"/agreement", "reader"),
    ("GET HEAD", r"/take-away/[a-z-]+", "reader"),
    ("GET HEAD", r"/thumbnail", "reader"),
    ("GET HEAD POST", r"/oversight", "reader"),  # an adjudicator's, as the page itself says
    ("GET HEAD POST", r"/learning", "learn from reviews"),
    ("GET HEAD", r"/learning/state", "learn from reviews"),
    ("POST", r"/(photos|photo-part|start-afresh)", "reader"),
    ("POST", addresses.SEND_EVENT, "reader"),
    ("POST", addresses.CANCEL_EVENT, "reader"),
    ("GET", addresses.STREAM, "reader"),
    ("GET", addresses.HEARTBEAT, "reader"),
    ("GET", addresses.APP_ID, "reader"),
    ("GET", r"/alive", "reader"),
    ("GET", addresses.STARTUP, "anybody"),
)


_DOORS = tuple((frozenset(methods.split()), re.compile(path), who) for methods, path, who in DOORS)


STREAMS = re.compile(f"{addresses.HEARTBEAT}|{addresses.STREAM}")


Body = Literal["event", "cancel", "json", "form", "bytes"]


BODIES: tuple[tuple[str, Body], ...] = (
    (addresses.SEND_EVENT, "event"),
    (addresses.CANCEL_EVENT, "cancel"),
    (r"/board/[a-z]+|/start-afresh|/photo-part", "json"),
    (r"/sign-in|/oversight|/learning", "form"),
    (r"/photos", "bytes"),
)
"""What the body of each address that takes one is. Bytes alone go on unread."""


_BODIES = tuple((re.compile(path), body) for path, body in BODIES)


def find_door(method: str, path: str) -> Who | None:
    """Return who may ask for an address, None where nobody may."""
    return next(
        (who for methods, pattern, who in _DOORS if method in methods and pattern.fullmatch(path)), None
    )


def find_body(path: str) -> Body | None:
    """Return what is sent to an address, None where nothing is."""
    return next((body for pattern, body in _BODIES if pattern.fullmatch(path)), None)
