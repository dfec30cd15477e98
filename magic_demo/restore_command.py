"""``python -m magic_demo restore``: a backup becomes a store again."""

from __future__ import annotations

import argparse
from pathlib import Path

from magic_demo.backups import restore_backup
from magic_demo.store import Store, default_place, folder_beside


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``restore``."""
    parser.add_argument("file", type=Path, metavar="FILE", help="what `backup` wrote")
    parser.add_argument(
        "--store",
        default=default_place(),
        metavar="PLACE",
        help="folder or empty postgresql:// database to restore to (default: %(default)s)",
    )
    parser.add_argument("--photos", type=Path, metavar="DIR", help="where the photos that the store keeps go (default: beside the store)")


def run(arguments: argparse.Namespace) -> int:
    """Restore into an empty store and say what came back; returns 0."""
    with Store.open(arguments.store) as store:
        report = restore_backup(arguments.file, store, arguments.photos or folder_beside(store.place, "kept"))
        place = store.place
    print(f"{report.rows.get('cases', 0)} cases, {report.rows.get('reviews', 0)} reviews, {report.photos} photos put back to {place}")
    return 0
