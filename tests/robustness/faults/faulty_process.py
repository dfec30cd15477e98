"""A process whose children do one thing on and on until they are killed: ``python -m
tests.robustness.faults.faulty_process``.

For every line of JSON on the standard input (``what`` of WORKS, ``folder``, ``instant``, ``turns``) a child
is forked, killed so many seconds after it began, once it has said so many lines, or at its ``step``-th touch
of a file or the database, and answered with a line of JSON: ``said``, a line for each finished turn,
``killed``, whether it was still at work, and ``seconds``, how long it was. Where steps are counted, what is
said ends with their number. What a work needs is imported before the first fork for it and kept for all later
ones. Stand-in models.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import sqlalchemy as sa

from magic_demo.reviews.store import LOCAL_READER, Store

Work = Callable[[Path], None]


@cache
def predict() -> Work:
    """Predict the cases of ``folder/data`` into ``folder/out``, pictures and bundle as well; once."""
    from magic_demo.challenge.batch import predict_folder
    from tests.support.stand_ins import stand_in_predictor

    def work(folder: Path) -> None:
        report = predict_folder(
            folder / "data", folder / "out", stand_in_predictor(), pictures=True, bundle=True, quiet=True
        )
        print(report.encounters, flush=True)

    return work


@cache
def train() -> Work:
    """Train the tiny model of ``tests.support.tiny_training`` in ``folder/run``, from the last whole
    checkpoint on; once."""
    from tests.support.tiny_training import train_tiny

    return lambda folder: print(json.dumps(train_tiny(folder / "run")), flush=True)


@cache
def export() -> Work:
    """Export the store as a training set into ``folder/export <turn>``."""
    from magic_demo.reviews.cases.covered_photos import covered_beside
    from magic_demo.reviews.exports import write_export
    from magic_demo.reviews.exports.case_files import find_case_files

    def work(folder: Path) -> None:
        with Store.open(folder / "store") as store:
            reviews = store.all_reviews("q")
            cases = find_case_files(store.list_cases("q", LOCAL_READER), covered_beside(store.location))
        for turn in itertools.count():
            write_export(reviews, cases, "training-set", folder / f"export {turn}")
            print(turn, flush=True)

    return work


@cache
def backup() -> Work:
    """Back the store up to ``folder/backup <turn>.zip``."""
    from magic_demo.reviews.backups import write_backup

    def work(folder: Path) -> None:
        with Store.open(folder / "store") as store:
            for turn in itertools.count():
                write_backup(store, folder / f"backup {turn}.zip")
                print(turn, flush=True)

    return work


@cache
def save() -> Work:
    """Save reviews of case E1 of queue q, no two processes' alike."""
    from tests.support.store.saving_process import main as save_reviews

    return lambda folder: save_reviews(
        str(folder / "store"), LOCAL_READER, (os.getpid() % 9) * 100_000, 90_000
    )


@cache
def keep() -> Work:
    """Keep an upload of two photos for the reader ann; once."""
    from magic_demo.core.types import Encounter, Narrative, Photo
    from magic_demo.reviews.cases.kept_cases import keep_upload
    from tests.support.stand_ins import draw_photo

    upload = Encounter(
        "CASE",
        Narrative(en="It itches."),
        (Photo("arm", draw_photo(24, 32)), Photo("leg", draw_photo(24, 32))),
    )

    def work(folder: Path) -> None:
        with Store.open(folder / "store") as store:
            print(keep_upload(store, upload, "ann").key.case_id, flush=True)

    return work


@cache
def restore() -> Work:
    """Restore ``folder/backup.zip`` to ``folder/again``; once."""
    from magic_demo.__main__ import main
    from magic_demo.commands.store import restore as restore_command  # noqa: F401 - imported here, not in every child anew

    return lambda folder: print(
        main(["restore", str(folder / "backup.zip"), "--store", str(folder / "again")]), flush=True
    )


@cache
def bring_in() -> Work:
    """Import the reviews of ``folder/export`` into ``folder/again``; once."""
    from magic_demo.__main__ import main
    from magic_demo.commands import import_reviews as import_command  # noqa: F401 - as above

    words = ["import-reviews", "--queue", "q", "--store"]
    return lambda folder: print(main([*words, str(folder / "again"), str(folder / "export")]), flush=True)


@cache
def delete() -> Work:
    """Delete every case of the store; once."""
    from magic_demo.reviews.cases.deletion import delete_cases

    def work(folder: Path) -> None:
        with Store.open(folder / "store") as store:
            print(delete_cases(store, store.case_keys()).cases, flush=True)

    return work


@cache
def take_away() -> Work:
    """Export the store into a temporary folder, as the page does, with ``folder/tmp`` for temporary files;
    once."""
    from magic_demo.core.disk.parts import temporary_folder
    from magic_demo.reviews.cases.covered_photos import covered_beside
    from magic_demo.reviews.exports import write_export
    from magic_demo.reviews.exports.case_files import find_case_files

    def work(folder: Path) -> None:
        tempfile.tempdir = str(folder / "tmp")
        with Store.open(folder / "store") as store, temporary_folder() as place:
            cases = find_case_files(
                store.list_cases("uploads", LOCAL_READER, all_assigned=True), covered_beside(store.location)
            )
            write_export(store.all_reviews("uploads"), cases, "training-set", place / "readings")
            print("packed", flush=True)

    return work


WORKS = {
    work.__name__: work
    for work in (save, predict, export, backup, train, keep, restore, bring_in, delete, take_away)
}


TOUCHES = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "sqlite3.connect")
"""What a process is killed at, as Python's audit hooks name it; statements to the database are counted as
well."""


def kill_at(step: int) -> Callable[[], int]:
    """Let this process kill itself right before its ``step``-th touch of a file or the database from now on;
    returns what tells how many there were."""
    touched = 0

    def count(*_: object) -> None:
        nonlocal touched
        touched += 1
        if touched == step:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(lambda event, _: count() if event in TOUCHES else None)
    sa.event.listen(sa.Engine, "before_cursor_execute", count)
    sa.event.listen(sa.Engine, "commit", count)
    return lambda: touched


def kill_child(
    work: Work, folder: Path, instant: float, turns: int | None, step: int | None
) -> dict[str, object]:
    """Fork a child that works, kill it ``instant`` seconds after it began, when it has said ``turns`` lines
    or at a step, and return what became of it."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.dup2(writing, 1)
            print("began", flush=True)
            touched = kill_at(step) if step is not None else None
            work(folder)
            if touched is not None:
                print(touched(), flush=True)
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as said:
        said.readline()
        began = time.monotonic()
        first = said.read() if step is not None else "".join(said.readline() for _ in range(turns or 0))
        ended = _wait(child, 600 if step is not None else 0 if turns else instant)
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
    with tempfile.TemporaryDirectory() as warm, Store.open(warm):
        pass  # what opening a store imports is not imported in every child anew
    for line in sys.stdin:
        asked = json.loads(line)
        print(
            json.dumps(
                kill_child(
                    WORKS[asked["what"]](),
                    Path(asked["folder"]),
                    asked["instant"],
                    asked["turns"],
                    asked["step"],
                )
            ),
            flush=True,
        )
