"""``python -m tests.robustness.fuzzed.hostile_uploads ADDRESS SECONDS NAME...``: readers who send photos that cost,
one every so many seconds, until the input ends.

Prints a line once everybody has signed in; in the end, as JSON, how often each answer came, and the longest
time to one in milliseconds.
"""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from collections import Counter

import httpx

from magic_demo.page.panels.case.photo_intake import CONSENT
from tests.robustness.load.server import PASSWORD
from tests.support.hostile.hostile_photos import many_scans, one_colour, strip_bomb
from tests.support.page_client import PageClient

STATE = re.compile(r'data-state="(\w+)"')
SLOWEST = "slowest_ms"


def list_photos() -> dict[str, bytes]:
    """Return the photos by name."""
    return {
        "scans.jpg": many_scans(100, 8000),
        "some scans.jpg": many_scans(20, 3000),
        "lzma.tif": strip_bomb(packed_by_lzma=True),
        "deflate.tif": strip_bomb(packed_by_lzma=False),
        "large.png": one_colour(8000),
    }


def send_photos(
    page: PageClient,
    turn: int,
    photos: dict[str, bytes],
    told: Counter[str],
    stopping: threading.Event,
    seconds: float,
) -> None:
    """Send one photo after another, each into a new case, until it is to stop."""
    while not stopping.wait(seconds):
        turn += 1
        file = list(photos)[turn % len(photos)]
        began = time.perf_counter()
        try:
            answer = page.http.post(
                "/photos", params={"name": file}, content=photos[file], headers={CONSENT: "given"}
            )
            if answer.status_code == 200:
                shown = page.send(
                    "photo-intake", "photos", {"photos": [answer.json()["photo"]], "lost": [], "reasons": []}
                )
                state = STATE.search(str(shown.get("status")))
                told[f"{file}: {state[1] if state else 'no answer'}"] += 1
                page.send("new-case", "click", {})
            else:
                told[f"{file}: {answer.status_code}"] += 1
        except httpx.HTTPError as error:
            if not stopping.is_set():
                told[f"{file}: {type(error).__name__}"] += 1
        told[SLOWEST] = max(told[SLOWEST], round(1000 * (time.perf_counter() - began)))


def main(address: str, seconds: float, names: list[str]) -> None:
    """Send until the input ends."""
    photos, told, stopping = list_photos(), Counter[str](), threading.Event()
    pages = [PageClient(address, name, PASSWORD) for name in names]
    print("all have signed in", flush=True)
    for turn, page in enumerate(pages):
        threading.Thread(
            target=send_photos, args=(page, turn, photos, told, stopping, seconds), daemon=True
        ).start()
    sys.stdin.read()
    stopping.set()
    print(json.dumps(dict(sorted(told.items()))), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), sys.argv[3:])
