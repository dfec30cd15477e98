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

All readers open their first case in the same moment, and all save in the same moment when the soak is over and the
server is about to be stopped. So many at once wait for each other, which is no reader's pace: what they waited is said
by itself (``first_open_p95_ms``, ``saved_in_one_moment_p95_ms``). None of these saves may be lost either.

Clients, page and models share the machine. The clients are threads of this one process; what it takes is
measured and said (``clients_cpu``, of one core), beside the server's share with the models in it
(``server_cpu``) and what other programs took meanwhile (``others_cpu``).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from magic_demo.core.review_types import CaseKey, Review
from magic_demo.reviews.store import Store
from tests.conftest import REPOSITORY
from tests.robustness.load.readers import (
    OUTLINES,
    SECONDS_TO_ENTER,
    Saved,
    Told,
    analyse,
    kept_runs,
    read_cases,
)
from tests.robustness.load.results import write_result
from tests.robustness.load.server import CASES, PASSWORD, START_SECONDS, TICKS, Server
from tests.support.page_client import PageClient

PACE = 3.0
"""Seconds from one save of a reader to the next, on average; each wait is between two and four thirds of
it."""
MOST_GROWTH = 0.05
MOST_SAVE_MS = 300.0
MOST_SAVE_MS_IN_A_FLOOD = 500.0
SEND_EVERY = 20.0
"""Seconds after which each of those who send photos that cost sends the next one."""


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
            _warm_up(server.address, names[0])
            for thread in at_work:
                thread.start()
            _wait_for_all(begin, everybody)
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
    saves, opens, first, last = (
        sorted(ms for one in everybody for ms in getattr(one, name))
        for name in ("save_ms", "open_ms", "first_ms", "last_ms")
    )
    errors = [line for one in everybody for line in one.errors]
    return {
        "readers": readers,
        "seconds": round(seconds),
        "pace": pace,
        "cores": os.cpu_count(),
        "opened": len(opens) + len(first),
        "open_median_ms": round(_share(opens, 0.5)),
        "open_p95_ms": round(_share(opens, 0.95)),
        "first_open_p95_ms": round(_share(first, 0.95)),
        "saved": sum(len(one.saved) for one in everybody),
        "saves_answered": len(saves) + len(last),
        "save_median_ms": round(_share(saves, 0.5)),
        "save_p95_ms": round(_share(saves, 0.95)),
        "saved_in_one_moment": len(last),
        "saved_in_one_moment_p95_ms": round(_share(last, 0.95)),
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


def _wait_for_all(begin: threading.Barrier, everybody: list[Told]) -> None:
    """Wait until all readers have signed in. Raises RuntimeError, with what kept the first from it."""
    try:
        begin.wait(START_SECONDS + SECONDS_TO_ENTER * len(everybody))
    except threading.BrokenBarrierError as error:
        came = sum(told.page is not None for told in everybody)
        errors = [line for told in everybody for line in told.errors if "BrokenBarrier" not in line]
        raise RuntimeError(f"{came} of {len(everybody)} readers came in: {errors[:3]}") from error


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
    analyse(page, told, threading.Event())
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
        yield from (("outline", photo, number) for number in range(OUTLINES) if runs == kept_runs(number))


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
