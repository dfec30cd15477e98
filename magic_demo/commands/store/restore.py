"""``python -m magic_demo restore``: a backup becomes a store again."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from magic_demo.commands.store.actor import find_actor
from magic_demo.reviews.backups import restore_backup
from magic_demo.reviews.store import Store, default_location


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``restore``."""
    parser.add_argument("file", type=Path, metavar="FILE", help="what `backup` wrote")
    parser.add_argument(
        "--store",
        default=default_location(),
        metavar="PLACE",
        help="folder or empty postgresql:// database to restore to (default: %(default)s)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Restore into an empty store and say what came back; returns 0."""
    with Store.open(arguments.store) as store:
        report = restore_backup(arguments.file, store, by=find_actor())
        place = store.location
    print(
        f"{report.rows.get('cases', 0)} cases, {report.rows.get('reviews', 0)} reviews, {report.photos} "
        f"photos put back to {place}"
    )
    for line in report.left_out:
        print(line, file=sys.stderr)
    return 0
