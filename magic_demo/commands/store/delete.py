"""``python -m magic_demo delete-case``: one case goes, with everything that was said of it."""

from __future__ import annotations

import argparse
import sys

from magic_demo.commands.store.actor import find_actor
from magic_demo.commands.store_option import add_store_argument
from magic_demo.core.review_types import CaseKey
from magic_demo.reviews.cases.deletion import delete_cases
from magic_demo.reviews.cases.leftovers import sweep_store
from magic_demo.reviews.store import Store


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``delete-case``."""
    parser.add_argument("queue", metavar="QUEUE")
    parser.add_argument("case", metavar="CASE", help="the encounter's id in that queue")
    add_store_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Delete the case and say what went; returns 0. Raises StoreError when there is no such case."""
    with Store.open(arguments.store) as store:
        for line in sweep_store(store):
            print(line, file=sys.stderr)
        gone = delete_cases(store, [CaseKey(arguments.queue, arguments.case)], by=find_actor())
    print(
        f"{arguments.case} of {arguments.queue} deleted, with {gone.reviews} reviews and {gone.folders} "
        "folders of photos"
    )
    return 0
