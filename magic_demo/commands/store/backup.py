"""``python -m magic_demo backup``: a store in one file."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from magic_demo.commands.store.actor import find_actor
from magic_demo.commands.store_option import add_store_argument
from magic_demo.reviews.backups import write_backup
from magic_demo.reviews.cases.leftovers import sweep_store
from magic_demo.reviews.store import Store

EXIT_DONE, EXIT_WITH_PROBLEMS = 0, 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``backup``."""
    parser.epilog = (
        "The file holds everything: names, password hashes, comments, photos of uploads. Keep it as you "
        "keep the store."
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="new file to write, a zip")
    add_store_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write the backup and say what it holds; returns 0, or 3 when a photo or review could not be taken along
    (each named)."""
    with Store.open(arguments.store) as store:
        swept = sweep_store(store)
        report = write_backup(store, arguments.file)
        held = f"{report.rows.get('cases', 0)} cases, {report.rows.get('reviews', 0)} reviews"
        noted = store.note("backup", find_actor(), detail=held)
    print(
        f"{report.rows.get('cases', 0)} cases, {report.rows.get('reviews', 0)} reviews, {report.photos} "
        f"photos kept, in {arguments.file}"
    )
    for line in (*swept, *noted):
        print(line, file=sys.stderr)
    for line in report.left_out:
        print(f"left out: {line}", file=sys.stderr)
    return EXIT_WITH_PROBLEMS if report.left_out else EXIT_DONE
