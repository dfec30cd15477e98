"""``python -m magic_demo audit-trail``: who did what with a store."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from magic_demo.commands.store_option import add_store_argument
from magic_demo.reviews.store import TRAIL_KINDS, Store, TrailEntry


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``audit-trail``."""
    parser.epilog = (
        "A deleted case is named by the store's number of it alone. Of a command, the computer's account "
        "is who gave it."
    )
    parser.add_argument(
        "--kind",
        action="append",
        default=[],
        choices=TRAIL_KINDS,
        help="this kind alone; can be given again (default: all)",
    )
    parser.add_argument("--who", metavar="NAME", help="what this reader or account did (default: everybody)")
    parser.add_argument(
        "--most",
        type=int,
        default=500,
        metavar="ROWS",
        help="how many of the newest rows (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print the rows as JSON")
    add_store_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the newest rows first; returns 0."""
    with Store.open(arguments.store) as store:
        entries = store.trail(kinds=arguments.kind, who=arguments.who, most=max(1, arguments.most))
    if arguments.json:
        print(
            json.dumps(
                [{**asdict(entry), "at": entry.at.isoformat()} for entry in entries],
                ensure_ascii=False,
                indent=1,
            )
        )
        return 0
    for entry in entries:
        words = (
            entry.at.isoformat(sep=" ", timespec="seconds"),
            entry.who or "-",
            entry.what,
            name_case(entry),
            entry.detail,
            entry.origin,
        )
        print("  ".join(word for word in words if word))
    if not entries:
        print("the audit trail holds no such row")
    return 0


def name_case(entry: TrailEntry) -> str:
    """Return what a row says of its case: queue and case, or the number of one that is deleted; empty where
    it is of none."""
    if entry.case is not None:
        return f"{entry.case.queue}/{entry.case.case_id}"
    return "" if entry.case_number is None else f"case {entry.case_number} (deleted)"
