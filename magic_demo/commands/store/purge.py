"""``python -m magic_demo purge``: cases that nobody has touched for a time are deleted."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from magic_demo.commands.store.actor import find_actor
from magic_demo.commands.store_option import add_store_argument
from magic_demo.core.errors import StoreError
from magic_demo.core.review_types import CaseKey
from magic_demo.reviews.cases.deletion import delete_cases
from magic_demo.reviews.cases.leftovers import sweep_store
from magic_demo.reviews.store import Store

_AGE = re.compile(r"([1-9][0-9]{0,4})([hdw])")
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``purge``."""
    parser.epilog = (
        "A case's age counts from its newest review, or from when it was added where there is none. "
        "Deleted is deleted: make a backup first."
    )
    parser.add_argument(
        "--older-than", required=True, metavar="AGE", help="30d, 12h, 8w: days, hours or weeks"
    )
    parser.add_argument("--queue", help="this queue alone (default: all)")
    parser.add_argument("--dry-run", action="store_true", help="say what would go and delete nothing")
    add_store_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Delete the old cases, or name them; returns 0."""
    before = datetime.now(UTC) - read_age(arguments.older_than)
    with Store.open(arguments.store) as store:
        if arguments.queue is not None and arguments.queue not in store.queues():
            raise StoreError(
                "there is no queue {queue!r}; the queues are: {known}",
                queue=arguments.queue,
                known=store.queues() or "none",
            )
        old, undated = store.old_cases(before, arguments.queue)
        if arguments.dry_run:
            for key in old:
                print(f"{key.queue} {key.case_id}")
            print(f"{len(old)} cases would be deleted")
        else:
            for line in sweep_store(store):
                print(line, file=sys.stderr)
            gone = delete_cases(store, _look_again(store, old, before), by=find_actor(), what="purge")
            print(
                f"{gone.cases} cases deleted, with {gone.reviews} reviews and {gone.folders} folders of "
                "photos"
            )
    if undated:
        print(
            f"{undated} cases without a review or a date are left (added by an older version); delete-case "
            "removes them one by one"
        )
    return 0


def _look_again(store: Store, old: Sequence[CaseKey], before: datetime) -> Iterator[CaseKey]:
    """Yield the cases, when each one's turn has come, that nobody has touched since they were listed."""
    for key in old:
        if key in store.old_cases(before, key.queue)[0]:
            yield key


def read_age(text: str) -> timedelta:
    """Read ``30d``, ``12h`` or ``8w``. Raises StoreError."""
    match = _AGE.fullmatch(text)
    if match is None:
        raise StoreError(
            "--older-than {text!r}: expected a number of days, hours or weeks, such as 30d, 12h or 8w",
            text=text[:40],
        )
    return timedelta(**{_UNITS[match[2]]: int(match[1])})
