"""``python -m magic_demo queues``: which queues a store holds, how far each reader is, and whose the cases
are."""

from __future__ import annotations

import argparse

from magic_demo.commands.store_option import add_store_argument, add_store_to_actions
from magic_demo.core.errors import StoreError
from magic_demo.core.plural import count
from magic_demo.reviews.store import LOCAL_READER, Store


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``queues`` and its actions."""
    add_store_argument(parser)
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="list the queues, and how far each reader is")
    assign = actions.add_parser(
        "assign", help="say whose cases these are; others do not get them in their list"
    )
    assign.add_argument("queue", metavar="QUEUE")
    assign.add_argument(
        "--reader",
        action="append",
        default=[],
        metavar="NAME",
        help="can be given again; none: the cases are everybody's",
    )
    assign.add_argument(
        "--case",
        action="append",
        default=[],
        metavar="ID",
        help="can be given again (default: every case of the queue)",
    )
    assign.add_argument(
        "--each",
        type=int,
        metavar="N",
        help="share the cases out: each to N of the readers (default: to all of them)",
    )
    add_store_to_actions(actions)


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked and say it; returns 0. Raises StoreError."""
    with Store.open(arguments.store) as store:
        print("\n".join(_list(store)) if arguments.action == "list" else _assign(store, arguments))
    return 0


def _list(store: Store) -> list[str]:
    lines = []
    for queue in store.queues():
        lines.append(
            f"{queue}: "
            f"{count(len(store.list_cases(queue, LOCAL_READER, all_assigned=True)), 'case', 'cases')}"
        )
        progress = store.progress(queue)
        width = max(len(one.reader) for one in progress)
        for one in progress:
            left = one.cases - one.done - one.in_progress
            lines.append(
                f"  {one.reader:<{width}}  {one.done} done, {one.in_progress} in progress, {left} not started"
            )
    return lines or ["no queue yet; start the page with --queue FOLDER, or keep a case there"]


def _assign(store: Store, arguments: argparse.Namespace) -> str:
    if arguments.queue not in store.queues():
        raise StoreError(
            "there is no queue {queue!r}; its queues are: {known}",
            queue=arguments.queue,
            known=store.queues() or "none",
        )
    case_ids = arguments.case or [
        case.key.case_id for case in store.list_cases(arguments.queue, LOCAL_READER, all_assigned=True)
    ]
    each = len(arguments.reader) if arguments.each is None else arguments.each
    store.share_out(arguments.queue, case_ids, arguments.reader, each=each)
    whose = f"each to {each} of {', '.join(arguments.reader)}" if arguments.reader else "everybody's"
    return f"{count(len(case_ids), 'case', 'cases')} of {arguments.queue}: {whose}"
