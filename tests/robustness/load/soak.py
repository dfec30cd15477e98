"""``python -m tests.robustness.load.soak [--minutes 10] [--readers 20] [--pace 3] [--flood 60] [--hostile 20]``:
readers who open, save and ask the models at once, and what became of it.

Every reader signs in, opens case after case of photos of 12 megapixels, asks the models about it with words
of its own, so that they always compute, and saves outlines, answers and comments meanwhile. Every comment
carries the reader's own mark: one that another session is sent is a leak, and after the server was stopped in
the middle of it every save that was answered must be in the store. Exit code 1 where anything was lost,
leaked, refused or too slow.

The pace is a very fast reader's: a save every 2 to 4 seconds (``--pace``: 3 on average), an outline, an
answer and a comment in turn, for as long as it lasts. At that pace the nine cards of a case are done in less
than half a minute, without a look at its photos; 20 such readers save about seven times a second.

Clients, page and models share the machine. The clients are threads of this one process; what it takes is
measured and said (``clients_cpu``, of one core), beside the server's share with the models in it
(``server_cpu``) and what other programs took meanwhile (``others_cpu``).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import secrets
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image

from magic_demo.core.types import CaseKey, MaskRuns, Review
from magic_demo.imaging.run_lengths import encode_mask
from magic_demo.page.panels.viewer.mask_form import read_mask, working_size, write_runs
from magic_demo.questions.families import load_families
from magic_demo.reviews.store import Store
from magic_demo.synthetic.cases import write_cases
from tests.conftest import REPOSITORY
from tests.robustness.load.results import write_result
from tests.support.page_client import PageClient

CASES = 12
PASSWORD = "a password of the soak"
PACE = 3.0
"""Seconds from one save of a reader to the next, on average; each wait is between two and four thirds of
it."""
START_SECONDS = 180
STOP_SECONDS = 30
MOST_GROWTH = 0.05
MOST_SAVE_MS = 300.0
MOST_SAVE_MS_IN_A_FLOOD = 500.0
SEND_EVERY = 20.0
"""Seconds after which each of those who send photos that cost sends the next one."""
TICKS = os.sysconf("SC_CLK_TCK")
MARK = re.compile(r"mark-([0-9a-f]{12})-")
PLACE = re.compile(r"(\d+) readers? before you")


LARGE = (3000, 4000)
"""(height, width) of the photos: 12 megapixels."""
OUTLINES = 4
"""Outlines that are drawn, of different sizes."""
Saved = tuple[str, str, int]
"""("comment", words, 0), ("answer", qid, option) or ("outline", photo, its number)."""


@dataclass
class Told:
    """What one reader did and was told. saved: (case, what) of every save that was answered, in order, each
    as the store has to hold it."""

    mark: str = field(default_factory=lambda: secrets.token_hex(6))
    saved: list[tuple[str, Saved]] = field(default_factory=list)
    save_ms: list[float] = field(default_factory=list)
    open_ms: list[float] = field(default_factory=list)
    analyses: int = 0
    places: Counter[int] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    leaks: int = 0
    page: PageClient | None = None


class Server:
    """``app.py`` over synthetic cases, with the models that come along and a reader with a password for
    everybody."""

    def __init__(self, folder: Path, readers: list[str], cases: int = CASES) -> None:
        self.store, self.log = folder / "store", folder / "log.txt"
        write_cases(folder / "clinic", count=cases, seed=3, longest=320, splits={"valid": 1.0})
        for photo in (folder / "clinic").rglob("IMG_*.jpg"):
            Image.open(photo).convert("RGB").resize(LARGE[::-1]).save(photo, quality=90)
        with Store.open(self.store) as store:
            for name in readers:
                store.add_reader(name, password=PASSWORD)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"http://127.0.0.1:{free.getsockname()[1]}"
        words = [
            "--port",
            self.address.rpartition(":")[2],
            "--queue",
            str(folder / "clinic"),
            "--store",
            str(self.store),
        ]
        settings = {
            **os.environ,
            "GRADIO_TEMP_DIR": str(folder / "uploads"),
            "PYTHONUNBUFFERED": "1",
            "OMP_NUM_THREADS": "1",
        }
        with self.log.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "app.py", *words], cwd=REPOSITORY, stdout=output, stderr=output, env=settings
            )
        end = time.monotonic() + START_SECONDS
        while "Magic Demo is at" not in self.log.read_text():
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"the page did not start:\n{self.log.read_text()}")
            time.sleep(0.2)

    def megabytes(self) -> float:
        """Return the memory that is the server's alone."""
        rollup = Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        return (
            sum(
                int(line.split()[1])
                for line in rollup.splitlines()
                if line.startswith(("Private_Clean", "Private_Dirty"))
            )
            / 1024
        )

    def cpu_seconds(self) -> float:
        """Return the processor time that the server has taken."""
        return (
            sum(
                map(int, Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[11:13])
            )
            / TICKS
        )

    def stop(self) -> tuple[int | None, float]:
        """Ask it to stop, and return its exit code (None: it had to be killed) and the seconds that it
        took."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_SECONDS), time.monotonic() - began
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return None, time.monotonic() - began


def read_cases(
    address: str, name: str, told: Told, begin: threading.Barrier, stopping: threading.Event, pace: float
) -> None:
    """Sign in, wait until everybody has, and be a reader until the server stops; everything that goes wrong
    before that is an error."""
    chance = random.Random(name)
    try:
        page = told.page = PageClient(address, name, PASSWORD)
        shown = page.send(
            "queue-panel", "arrive", {"queue": None, "order": "position", "mode": "assisted", "open": None}
        )
        cases = [one["id"] for one in shown["queue-panel"]["cases"]]
        queue = shown["queue-panel"]["queue"]
        begin.wait(START_SECONDS)
        while not stopping.is_set():
            _read_case(page, told, {"queue": queue, "open": chance.choice(cases)}, chance, stopping, pace)
            told.leaks += sum(mark != told.mark for text in page.heard for mark in MARK.findall(text))
            page.heard.clear()
    except (httpx.HTTPError, KeyError, ValueError, AssertionError, threading.BrokenBarrierError) as error:
        if not stopping.is_set():
            told.errors.append(f"{name}: {type(error).__name__}: {error}"[:300])


def _read_case(
    page: PageClient,
    told: Told,
    case: dict[str, Any],
    chance: random.Random,
    stopping: threading.Event,
    pace: float,
) -> None:
    began = time.perf_counter()
    shown = page.send(
        "queue-panel", "open", {"order": "position", "mode": "assisted", "from": None, "heard": 0, **case}
    )
    told.open_ms.append(1000 * (time.perf_counter() - began))
    tab = _Tab(page, told, case, shown)
    asked = threading.Thread(target=_analyse, args=(page, told, stopping), daemon=True)
    asked.start()
    turn = 0
    while not stopping.is_set() and (asked.is_alive() or turn < 3):
        stopping.wait(pace * chance.uniform(2 / 3, 4 / 3))
        turn += 1
        (tab.outline, tab.answer, tab.comment)[turn % 3](chance)
    asked.join(60)


class _Tab:
    """A reader's open case: what is sent of it says what the page's own scripts say."""

    def __init__(self, page: PageClient, told: Told, case: dict[str, Any], shown: dict[str, Any]) -> None:
        self.page, self.told, self.case = page, told, str(case["open"])
        self.secret = shown["queue-panel"]["props"]["row"]["case"]
        self.photos = shown["viewer"]["photos"]
        form = shown["review-form"]
        self.of = {**form["stored"], "mode": "assisted", "base": form["saved"]["number"]}
        self.turn = 0

    def outline(self, chance: random.Random) -> None:
        photo, number = chance.choice(self.photos), chance.randrange(OUTLINES)
        runs = draw_runs((photo["height"], photo["width"]), number)
        self._save("viewer", "mask", {"photo": photo["name"], **runs}, ("outline", photo["name"], number))

    def answer(self, chance: random.Random) -> None:
        family = chance.choice(load_families())
        option = chance.randrange(len(family.options["en"]))
        told = {"answers": {family.family_id: [option]}, "specified": {}, "touched": [family.family_id]}
        self._save("cards", "answers", told, ("answer", family.questions[0].qid, option))

    def comment(self, _chance: random.Random) -> None:
        words = f"mark-{self.told.mark}-{len(self.told.saved)}"
        self._save(
            "review-form",
            "note",
            {"comment": words, "seconds": self.turn, "touched": ["comment"]},
            ("comment", words, 0),
        )

    def _save(self, element: str, event: str, what: dict[str, Any], saved: Saved) -> None:
        self.turn += 1
        began = time.perf_counter()
        said = self.page.send(
            element, event, {"case": self.secret, "of": self.of, "turn": f"{self.secret}.{self.turn}", **what}
        )
        self.told.save_ms.append(1000 * (time.perf_counter() - began))
        if 'data-state="done"' not in str(said.get("status")):
            self.told.errors.append(f"a save was answered with {str(said.get('status'))[:300]}")
            return
        self.of["base"] = said["review-form"]["props"]["saved"]["number"]
        self.told.saved.append((self.case, saved))


@cache
def draw_runs(working: tuple[int, int], number: int) -> dict[str, Any]:
    """Return an outline as the page sends it, of a photo's working (height, width)."""
    rows, columns = np.ogrid[: working[0], : working[1]]
    return write_runs(
        np.asarray(
            (rows - working[0] / 2) ** 2 + (columns - working[1] / 3) ** 2
            < (min(working) / (3 + number)) ** 2
        )
    )


@cache
def _kept_runs(number: int) -> MaskRuns:
    """Return what the store holds of an outline."""
    return encode_mask(read_mask(draw_runs(working_size(LARGE), number), LARGE))


def _analyse(page: PageClient, told: Told, stopping: threading.Event) -> None:
    """Ask the models with a prompt of its own, so that something is computed; note the places in the line
    that were told."""
    try:
        for message in page.follow(
            "queue-panel", "open", prompt=f"spot {secrets.token_hex(2)}", narrative="A red spot."
        ):
            for place in PLACE.findall(json.dumps(message)):
                told.places[int(place)] += 1
            if message.get("msg") == "process_completed":
                told.analyses += bool(message.get("success"))
                if not message.get("success"):
                    told.errors.append(f"an analysis failed: {json.dumps(message)[:300]}")
    except (httpx.HTTPError, ValueError) as error:
        if not stopping.is_set():
            told.errors.append(f"an analysis: {type(error).__name__}: {error}"[:300])


def _have_worked(everybody: list[Told]) -> bool:
    """Tell whether something was saved and an analysis came to its end: a short run on a busy machine goes on
    until then."""
    return any(told.saved for told in everybody) and any(told.analyses for told in everybody)


def soak(
    readers: int, seconds: float, pace: float = PACE, *, cases: int = CASES, flood: int = 0, hostile: int = 0
) -> dict[str, Any]:
    """Let readers work for so long, stop the server while they do, and return what was measured.

    flood: connections that guess at passwords meanwhile; hostile: readers who send photos that cost
    meanwhile.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        names = [f"Reader {number}" for number in range(readers)]
        senders = [f"Sender {number}" for number in range(hostile)]
        server = Server(Path(folder), [*names, *senders], cases)
        begin, stopping, everybody = (
            threading.Barrier(readers + 1),
            threading.Event(),
            [Told() for _ in names],
        )
        at_work = [
            threading.Thread(
                target=read_cases, args=(server.address, name, told, begin, stopping, pace), daemon=True
            )
            for name, told in zip(names, everybody, strict=True)
        ]
        try:
            memory = []
            for thread in at_work:  # they sign in while the models are loaded
                thread.start()
            _warm_up(server.address, names[0])
            begin.wait(START_SECONDS)
            began, took = time.monotonic(), _measure_cpu(server)
            sending = start_sending(server.address, senders) if senders else None
            guessing = start_flood(server.address, flood, names) if flood else None
            while time.monotonic() < began + seconds or (
                time.monotonic() < began + START_SECONDS and not _have_worked(everybody)
            ):
                time.sleep(min(2.0, seconds / 8))
                memory.append(server.megabytes())
            lasted = time.monotonic() - began
            enter_ms = _enter_again(everybody[0].page, names[0]) if guessing is not None else 0.0
            guesses = end_program(guessing) if guessing is not None else {}
            uploads = end_program(sending) if sending is not None else {}
            cpu = {
                name: max(0.0, round((now - took[name]) / lasted, 2))
                for name, now in _measure_cpu(server).items()
            }
        finally:
            stopping.set()
            code, stop_seconds = server.stop()
        for thread in at_work:
            thread.join(70)
        for one in everybody:
            if one.page is not None:
                one.page.close()
        lost = _count_lost(server.store, names, everybody)
        told = server.log.read_text()
    third = max(1, len(memory) // 3)
    before, after = statistics.median(memory[third : 2 * third] or memory), statistics.median(memory[-third:])
    saves = sorted(ms for one in everybody for ms in one.save_ms)
    opens = sorted(ms for one in everybody for ms in one.open_ms)
    errors = [line for one in everybody for line in one.errors]
    return {
        "readers": readers,
        "seconds": round(seconds),
        "pace": pace,
        "cores": os.cpu_count(),
        "opened": len(opens),
        "open_p95_ms": round(_share(opens, 0.95)),
        "saved": sum(len(one.saved) for one in everybody),
        "saves_answered": len(saves),
        "save_median_ms": round(_share(saves, 0.5)),
        "save_p95_ms": round(_share(saves, 0.95)),
        "analyses": sum(one.analyses for one in everybody),
        "longest_line": max((place for one in everybody for place in one.places), default=0),
        "lost": lost,
        "leaks": sum(one.leaks for one in everybody),
        "errors": len(errors) + ("Traceback" in told),
        "first_errors": [*errors[:5], *told.splitlines()[-8:]] if errors or "Traceback" in told else [],
        **({"flood": flood, "guesses": guesses, "enter_ms": round(enter_ms)} if flood else {}),
        **({"hostile": hostile, "uploads": uploads} if hostile else {}),
        **cpu,
        "memory_after_warm_up_mb": round(before),
        "memory_at_the_end_mb": round(after),
        "growth": round(after / before - 1, 3),
        "stopped_with": code,
        "stop_seconds": round(stop_seconds, 1),
    }


def start_flood(address: str, connections: int, names: list[str]) -> subprocess.Popen[str]:
    """Let a process of its own guess at these readers' passwords, see ``sign_in_flood``."""
    words = [sys.executable, "-m", "tests.robustness.load.sign_in_flood", address, str(connections), *names]
    return subprocess.Popen(words, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def start_sending(address: str, senders: list[str]) -> subprocess.Popen[str]:
    """Let a process of its own send photos that cost as these readers, see ``hostile_uploads``."""
    words = [
        sys.executable,
        "-m",
        "tests.robustness.fuzzed.hostile_uploads",
        address,
        str(SEND_EVERY),
        *senders,
    ]
    sending = subprocess.Popen(
        words, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert sending.stdout is not None
    # before any guess at a password: a crowd of wrong ones lets in known browsers alone
    if not sending.stdout.readline():
        raise RuntimeError("the readers who send photos could not sign in")
    return sending


def end_program(program: subprocess.Popen[str]) -> dict[str, int]:
    """End a program that was started beside the readers, and return how often each answer came."""
    told, _ = program.communicate("")
    counts: dict[str, int] = json.loads(told)
    return counts


def _enter_again(page: PageClient | None, name: str) -> float:
    """Return the milliseconds that the right password takes, in the midst of a flood, in a browser where its
    reader has signed in before."""
    if page is None:
        return 0.0
    began = time.perf_counter()
    answer = page.http.post("/sign-in", data={"name": name, "password": PASSWORD}, follow_redirects=False)
    if answer.status_code != 303:
        raise RuntimeError(f"{name} is kept out by who guesses: {answer.status_code}")
    return 1000 * (time.perf_counter() - began)


def _measure_cpu(server: Server) -> dict[str, float]:
    """Return the processor time, in seconds of one core, that these clients, the server with its models and
    everything else have taken so far."""
    user, nice, system, _idle, _waiting, interrupts, soft, *_ = map(
        int, Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    )
    clients, page = time.process_time(), server.cpu_seconds()
    return {
        "clients_cpu": clients,
        "server_cpu": page,
        "others_cpu": (user + nice + system + interrupts + soft) / TICKS - clients - page,
    }


def _warm_up(address: str, name: str) -> None:
    """Have one case analysed: the models are loaded then."""
    page, told = PageClient(address, name, PASSWORD), Told()
    shown = page.send(
        "queue-panel", "arrive", {"queue": None, "order": "position", "mode": "assisted", "open": None}
    )["queue-panel"]
    page.send(
        "queue-panel",
        "open",
        {"queue": shown["queue"], "open": shown["cases"][0]["id"], "order": "position", "mode": "assisted"},
    )
    _analyse(page, told, threading.Event())
    page.close()
    if told.errors:
        raise RuntimeError(told.errors[0])


def _share(values: list[float], share: float) -> float:
    return values[min(len(values) - 1, int(share * len(values)))] if values else 0.0


def _count_lost(place: Path, names: list[str], everybody: list[Told]) -> int:
    """Count the answered saves that the store does not hold, and those that came back as another reader's."""
    lost = 0
    with Store.open(place) as store:
        queue = store.queues()[0]
        for name, told in zip(names, everybody, strict=True):
            for case in {case for case, _ in told.saved}:
                kept = {
                    what
                    for saved in store.history(CaseKey(queue, case), name)
                    for what in _list_saved(saved.review)
                }
                lost += len({what for other, what in told.saved if other == case} - kept)
    return lost


def _list_saved(review: Review) -> Iterator[Saved]:
    yield "comment", review.comment, 0
    for qid, option in review.answers.items():
        yield "answer", qid, option
    for photo, runs in review.masks.items():
        yield from (("outline", photo, number) for number in range(OUTLINES) if runs == _kept_runs(number))


def find_faults(result: dict[str, Any], *, short: bool = False) -> list[str]:
    """Return what a run must not show; a short one has no time to warm up, and shares the machine with other
    tests."""
    faults = [f"{name}: {result[name]}" for name in ("lost", "leaks", "errors") if result[name]]
    faults += [] if result["stopped_with"] == 0 else [f"stopping ended with {result['stopped_with']}"]
    faults += (
        []
        if result["saved"] and result["analyses"]
        else ["nothing was saved, or no analysis came to its end"]
    )
    if not short:
        faults += [f"memory grew by {result['growth']:.1%}"] if result["growth"] > MOST_GROWTH else []
        most = MOST_SAVE_MS_IN_A_FLOOD if result.get("flood") or result.get("hostile") else MOST_SAVE_MS
        faults += [f"p95 of a save: {result['save_p95_ms']} ms"] if result["save_p95_ms"] >= most else []
    return faults


def main() -> int:
    """Run as the command line says, print and keep what came out; returns 1 where there are faults."""
    parser = argparse.ArgumentParser(description="Readers at once, for minutes.")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--readers", type=int, default=20)
    parser.add_argument(
        "--pace",
        type=float,
        default=PACE,
        help="seconds between two saves of a reader, on average (default: %(default)s)",
    )
    parser.add_argument(
        "--flood",
        type=int,
        default=0,
        metavar="CONNECTIONS",
        help="connections that guess at passwords all the while",
    )
    parser.add_argument(
        "--hostile",
        type=int,
        default=0,
        metavar="READERS",
        help="readers who send photos that cost all the while",
    )
    arguments = parser.parse_args()
    result = soak(
        arguments.readers,
        arguments.minutes * 60,
        arguments.pace,
        flood=arguments.flood,
        hostile=arguments.hostile,
    )
    print(*(f"{name:<24} {value}" for name, value in result.items()), sep="\n")
    faults = find_faults(result)
    print(*faults or ["no fault"], sep="\n")
    write_result("soak", {**result, "faults": faults})
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
