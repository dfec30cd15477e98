"""What is to be said of the open case beside its photos: every step's lines together, for as long as the case
is open.

No step writes lines of its own to the page: each notes its lines in the open case, and all of them are shown
whenever one changes.
"""

from __future__ import annotations

from collections.abc import Sequence

from magic_demo.core.messages import Message
from magic_demo.core.types import Photo, Prediction
from magic_demo.page.panels.case.case_panel import render_messages
from magic_demo.page.session.open_cases import OpenCase
from magic_demo.reviews.cases.covered_photos import COVERED_NOTE

IDENTIFYING = Message("Faces and tattoos identify people: cover them (#) before you go on")
RESTORED = Message("What this browser could not save before has been put back and saved")


def render_case_messages(case: OpenCase, prediction: Prediction | None = None) -> str:
    """Return the HTML of a case's notes and problems. prediction: what the models said of it, where it is
    shown."""
    photos = case.encounter.photos
    covered = any(COVERED_NOTE in photo.notes for photo in photos)
    notes = [
        *([IDENTIFYING] if photos and not case.fixed and not covered else []),
        *case.notes,
        *list_photo_notes(photos),
        *(prediction.notes if prediction is not None else ()),
    ]
    problems = [
        *([say_missing(case)] if case.missing else []),
        *case.problems,
        *(prediction.failures if prediction is not None else ()),
        *([case.failure] if case.failure else []),
    ]
    return render_messages(list(dict.fromkeys(notes)), list(dict.fromkeys(problems)))


def say_missing(case: OpenCase) -> Message:
    """Return the line that says how many of a case's photos are there."""
    there = len(case.encounter.photos)
    return Message(
        "{shown} of {count} photos are shown; what happened to the others is said here",
        shown=there,
        count=there + case.missing,
    )


def say_not_held(photos: int) -> Message:
    """Return the line that says how many photos were sent and are not there to be opened."""
    return Message(
        "{count} {count:photo|photos} could not be held until the case was opened; add the missing ones again",
        count=photos,
    )


def list_photo_notes(photos: Sequence[Photo]) -> list[Message]:
    """Return one line for everything that was changed at the photos' intake, and since."""
    return [
        Message("{photo}: {note}", photo=photo.photo_id, note=note)
        for photo in photos
        for note in photo.notes
    ]
