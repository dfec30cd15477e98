"""Processes that do one thing on and on until they are killed: ``python -m tests.faulty_process WHAT FOLDER`` (save, predict, export, backup).

For every number on the standard input a child is forked, killed so many seconds after it began, and what it said is answered as a line of JSON:
``said``, a line for each finished turn, and ``killed``, whether it was still at work. Stand-in models; imported once for all children.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from magic_demo.backups import write_backup
from magic_demo.batch import predict_folder
from magic_demo.covered_photos import covered_beside
from magic_demo.exports import write_export
from magic_demo.exports.case_files import find_case_files
from magic_demo.store import LOCAL_READER, Store
from tests.saving_process import main as save_reviews
from tests.stand_ins import stand_in_predictor


def predict(folder: Path) -> None:
    """Predict the cases of ``folder/data`` into ``folder/out``, pictures and bundle as well; once."""
    report = predict_folder(folder / "data", folder / "out", stand_in_predictor(), pictures=True, bundle=True, quiet=True)
    print(report.encounters, flush=True)


def export(folder: Path) -> None:
    """Export the store as a training set into ``folder/export <turn>``."""
    with Store.open(folder / "store") as store:
        reviews = store.all_reviews("q")
        cases = find_case_files(store.list_cases("q", LOCAL_READER), covered_beside(store.place))
    for turn in itertools.count():
        write_export(reviews, cases, "training", folder / f"export {turn}")
        print(turn, flush=True)


def backup(folder: Path) -> None:
    """Back the store up to ``folder/backup <turn>.zip``."""
    with Store.open(folder / "store") as store:
        for turn in itertools.count():
            write_backup(store, folder / f"backup {turn}.zip")
            print(turn, flush=True)


def save(folder: Path) -> None:
    """Save reviews of case E1 of queue q, no two processes' alike."""
    save_reviews(str(folder / "store"), LOCAL_READER, (os.getpid() % 9) * 100_000, 90_000)


def kill_child(work: Callable[[Path], None], folder: Path, instant: float) -> dict[str, object]:
    """Fork a child that works, kill it ``instant`` seconds after it began, and return what it said and whether it was still at work."""
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
        time.sleep(instant)
        os.kill(child, signal.SIGKILL)
        text = said.read()
    _, status = os.waitpid(child, 0)
    return {"said": text[: text.rfind("\n") + 1], "killed": os.WIFSIGNALED(status)}


if __name__ == "__main__":
    kinds = {"save": save, "predict": predict, "export": export, "backup": backup}
    for line in sys.stdin:
        print(json.dumps(kill_child(kinds[sys.argv[1]], Path(sys.argv[2]), float(line))), flush=True)
