"""A process whose children do one thing on and on until they are killed: ``python -m tests.faulty_process``.

For every line of JSON on the standard input (``what`` of WORKS, ``folder``, ``instant``, ``turns``) a child is forked, killed so many seconds after it
began, or once it has said so many lines, and answered with a line of JSON: ``said``, a line for each finished turn, ``killed``, whether it was still at
work, and ``seconds``, how long it was. What a work needs is imported before the first fork for it and kept for all later ones. Stand-in models.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

from magic_demo.store import LOCAL_READER, Store

Work = Callable[[Path], None]


@cache
def predict() -> Work:
    """Predict the cases of ``folder/data`` into ``folder/out``, pictures and bundle as well; once."""
    from magic_demo.batch import predict_folder
    from tests.stand_ins import stand_in_predictor

    def work(folder: Path) -> None:
        report = predict_folder(folder / "data", folder / "out", stand_in_predictor(), pictures=True, bundle=True, quiet=True)
        print(report.encounters, flush=True)

    return work


@cache
def train() -> Work:
    """Train the tiny model of ``tests.tiny_training`` in ``folder/run``, from the last whole checkpoint on; once."""
    from tests.tiny_training import train_tiny

    return lambda folder: print(json.dumps(train_tiny(folder / "run")), flush=True)


@cache
def export() -> Work:
    """Export the store as a training set into ``folder/export <turn>``."""
    from magic_demo.covered_photos import covered_beside
    from magic_demo.exports import write_export
    from magic_demo.exports.case_files import find_case_files

    def work(folder: Path) -> None:
        with Store.open(folder / "store") as store:
            reviews = store.all_reviews("q")
            cases = find_case_files(store.list_cases("q", LOCAL_READER), covered_beside(store.place))
        for turn in itertools.count():
            write_export(reviews, cases, "training", folder / f"export {turn}")
            print(turn, flush=True)

    return work


@cache
def backup() -> Work:
    """Back the store up to ``folder/backup <turn>.zip``."""
    from magic_demo.backups import write_backup

    def work(folder: Path) -> None:
        with Store.open(folder / "store") as store:
            for turn in itertools.count():
                write_backup(store, folder / f"backup {turn}.zip")
                print(turn, flush=True)

    return work


@cache
def save() -> Work:
    """Save reviews of case E1 of queue q, no two processes' alike."""
    from tests.saving_process import main as save_reviews

    return lambda folder: save_reviews(str(folder / "store"), LOCAL_READER, (os.getpid() % 9) * 100_000, 90_000)


WORKS = {work.__name__: work for work in (save, predict, export, backup, train)}


def kill_child(work: Work, folder: Path, instant: float, turns: int | None) -> dict[str, object]:
    """Fork a child that works, kill it ``instant`` seconds after it began or when it has said ``turns`` lines, and return what became of it."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.dup2(writing, 1)
            print("began", flush=True)
            work(folder)
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as said:
        said.readline()
        began = time.monotonic()
        first = "".join(said.readline() for _ in range(turns or 0))
        ended = _wait(child, 0 if turns else instant)
        seconds = time.monotonic() - began
        if ended is None:
            os.kill(child, signal.SIGKILL)
            _, ended = os.waitpid(child, 0)
        text = first + said.read()
    return {"said": text[: text.rfind("\n") + 1], "killed": os.WIFSIGNALED(ended), "seconds": seconds}


def _wait(child: int, seconds: float) -> int | None:
    """Return how a child ended, None where it is still at work after so many seconds."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status
        time.sleep(min(left, 0.02))
    return None


if __name__ == "__main__":
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(kill_child(WORKS[asked["what"]](), Path(asked["folder"]), asked["instant"], asked["turns"])), flush=True)
