"""How much is taken in: every limit with its default in one place; the environment sets another one
(docs/privacy.md lists them)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields

from magic_demo.core.errors import LimitError

PREFIX = "MAGIC_DEMO_LIMIT_"


@dataclass(frozen=True)
class Limits:
    """The limits; ``MAGIC_DEMO_LIMIT_PHOTO_PIXELS=20000000`` in the environment sets ``photo_pixels``.

    photo_bytes, photo_pixels, photo_side: largest file, most pixels and shortest side of a photo; masks have
    a photo's pixels.
    photo_seconds: how long unpacking a photo may take, by the clock for an upload. arrival_bytes: photos that
    were sent to the page and not opened yet, all together.
    case_photos: photos of a case on the page. encounter_photos: photos of an encounter in a file.
    text_characters: the patient's words, on the page and in a file. prompt_characters, comment_characters:
    what a reader types.
    request_bytes: what the page sends at once, photos aside. sign_in_minutes, sign_in_idle_minutes: how long
    somebody stays signed in, at all and without doing anything. sign_in_tries: wrong passwords of one name at
    once, before one a minute is looked at.
    json_bytes: a JSON file that is read. journal_bytes: the journal of a batch run. checkpoint_bytes: the weights of a model. cache_bytes: what the
    models made of an open case's photos and words.
    open_bytes: open cases' photos and what the models made of them, in memory, all together. open_drafts: how
    many pages' answers are held in memory.
    queue_cases: cases of one queue of the store. run_cases: encounters of one batch run. learn_cases: reviewed cases
    below which no model is learnt from them; learn_minutes, learn_steps: of learning the outline; learn_replay:
    synthetic cases that are learnt again.
    waiting: analyses and other slow requests that wait for their turn on the page.
    """

    photo_bytes: int = 64 * 2**20
    photo_pixels: int = 64_000_000
    photo_side: int = 16
    photo_seconds: int = 9
    arrival_bytes: int = 256 * 2**20
    case_photos: int = 24
    encounter_photos: int = 100
    text_characters: int = 10_000
    prompt_characters: int = 500
    comment_characters: int = 4000
    request_bytes: int = 32 * 2**20
    sign_in_minutes: int = 14 * 60
    sign_in_idle_minutes: int = 2 * 60
    sign_in_tries: int = 5
    json_bytes: int = 512 * 2**20
    journal_bytes: int = 16 * 2**30
    checkpoint_bytes: int = 16 * 2**30
    cache_bytes: int = 128 * 2**20
    open_bytes: int = 2**30
    open_drafts: int = 256
    queue_cases: int = 50_000
    run_cases: int = 2_000_000
    learn_cases: int = 20
    learn_minutes: int = 20
    learn_steps: int = 300
    learn_replay: int = 120
    waiting: int = 200


def read_limits(environment: Mapping[str, str]) -> Limits:
    """Read the limits from the environment's variables.

    Raises LimitError for an unknown one, or one that is no whole number above 0.
    """
    names = {f"{PREFIX}{field.name.upper()}": field.name for field in fields(Limits)}
    given: dict[str, int] = {}
    for variable, value in environment.items():
        if not variable.startswith(PREFIX):
            continue
        if variable not in names:
            raise LimitError(
                "{variable}: there is no such limit; expected one of {known}",
                variable=variable,
                known=sorted(names),
            )
        if not (value.isascii() and value.isdecimal() and len(value) <= 18 and int(value) > 0):
            raise LimitError(
                "{variable}={value!r}: expected a whole number above 0; unset it for the default",
                variable=variable,
                value=value[:40],
            )
        given[names[variable]] = int(value)
    return Limits(**given)


def check_limits() -> None:
    """Raise LimitError where the environment sets a limit wrongly; every way into the program asks this first."""
    read_limits(os.environ)


def _read_own() -> Limits:
    try:
        return read_limits(os.environ)
    except LimitError:  # importing must not end a host program; ``check_limits`` says it
        return Limits()


LIMITS = _read_own()
"""The limits of this process, read once; the defaults where the environment sets one wrongly."""
