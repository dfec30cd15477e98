"""The option ``--store``: where the reviews are."""

from __future__ import annotations

import argparse

from magic_demo.reviews.store import default_location


def add_store_argument(parser: argparse.ArgumentParser) -> None:
    """Add ``--store PLACE``."""
    parser.add_argument(
        "--store",
        default=default_location(),
        metavar="PLACE",
        help="folder or postgresql:// URL of the reviews (default: %(default)s)",
    )


def add_store_to_actions(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Let ``--store PLACE`` stand after each action as well; where it does not, the one before it counts."""
    for action in actions.choices.values():
        action.add_argument("--store", default=argparse.SUPPRESS, metavar="PLACE", help=argparse.SUPPRESS)
