"""``python -m magic_demo queues``: which queues a store holds, how far each reader is, and whose the cases
are."""

from __future__ import annotations

import argparse
from pathlib import Path

from magic_demo.commands.store.actor import find_actor
from magic_demo.commands.store_option import add_store_argument, add_store_to_actions
from magic_demo.core.errors import StoreError
from magic_demo.core.plural import count
from magic_demo.questions.families import QuestionSet, load_challenge, read_questions
from magic_demo.reviews.cases.second_readings import make_second_reading
from magic_demo.reviews.store import LOCAL_READER, Store


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``queues`` and its actions."""
    add_store_argument(parser)
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="list the queues, what they ask, and how far each reader is")
    ask = actions.add_parser("ask", help="give a queue questions of its own, which it keeps")
    ask.add_argument("queue", metavar="QUEUE")
    ask.add_argument("questions", metavar="FILE", type=Path, help="question file (docs/questions.md)")
    shuffle = actions.add_parser("shuffle", help="draw an order of the cases for each reader")
    shuffle.add_argument("queue", metavar="QUEUE")
    shuffle.add_argument(
        "--seed",
        required=True,
        metavar="WORD",
        help="the same one draws the same orders; 'none': one order for all",
    )
    again = actions.add_parser("again", help="make a queue of the same cases, to be read a second time")
    again.add_argument("queue", metavar="QUEUE")
    again.add_argument(
        "--days", type=float, required=True, help="wash-out: each case opens so long after its first reading"
    )
    again.add_argument("--as", dest="name", metavar="NAME", help="of the new queue (default: QUEUE again)")
    lesions = actions.add_parser(
        "lesions",
        help="ask readers for several lesions one by one, with a comment on each, or as one outline",
    )
    lesions.add_argument("queue", metavar="QUEUE")
    lesions.add_argument("how", choices=("apart", "together"))
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
        print(_ACTIONS[arguments.action](store, arguments))
    return 0


def _list(store: Store, _arguments: argparse.Namespace) -> str:
    lines = []
    for queue in store.queues():
        cases = count(len(store.list_cases(queue, LOCAL_READER, all_assigned=True)), "case", "cases")
        asked = f", {_name(store.questions_of(queue))}" if store.has_questions(queue) else ""
        apart = ", one object a lesion" if store.takes_lesions_apart(queue) else ""
        lines.append(f"{queue}: {cases}{asked}{apart}")
        progress = store.progress(queue)
        width = max(len(one.reader) for one in progress)
        for one in progress:
            left = one.cases - one.done - one.in_progress
            lines.append(
                f"  {one.reader:<{width}}  {one.done} done, {one.in_progress} in progress, {left} not started"
            )
    return "\n".join(lines) or "no queue yet; start the page with --queue FOLDER, or keep a case there"


def _ask(store: Store, arguments: argparse.Namespace) -> str:
    _check_queue(store, arguments.queue)
    asked = read_questions(arguments.questions)
    changed = store.ask(arguments.queue, asked, by=find_actor())
    return f"{arguments.queue} asks {_name(asked)}{'' if changed else ', as it did'}"


def _shuffle(store: Store, arguments: argparse.Namespace) -> str:
    _check_queue(store, arguments.queue)
    seed = None if arguments.seed == "none" else arguments.seed
    store.shuffle(arguments.queue, seed, by=find_actor())
    return f"{arguments.queue}: {'one order for all' if seed is None else f'an order for each reader, seed {seed}'}"


def _again(store: Store, arguments: argparse.Namespace) -> str:
    _check_queue(store, arguments.queue)
    name = arguments.name or f"{arguments.queue} again"
    cases = make_second_reading(store, arguments.queue, name, arguments.days, by=find_actor())
    return (
        f"{name}: {count(cases, 'case', 'cases')}, each open {arguments.days:g} days after its first reading"
    )


def _lesions(store: Store, arguments: argparse.Namespace) -> str:
    _check_queue(store, arguments.queue)
    apart = arguments.how == "apart"
    store.take_lesions_apart(arguments.queue, apart, by=find_actor())
    return f"{arguments.queue}: {'one object a lesion' if apart else 'one outline a photo'}"


def _name(asked: QuestionSet) -> str:
    if asked.digest == load_challenge().digest:
        return "the challenge's questions"
    return f"{count(len(asked.families), 'question', 'questions')} ({asked.digest})"


def _check_queue(store: Store, queue: str) -> None:
    if queue not in store.queues():
        raise StoreError(
            "there is no queue {queue!r}; its queues are: {known}",
            queue=queue,
            known=store.queues() or "none",
        )


def _assign(store: Store, arguments: argparse.Namespace) -> str:
    _check_queue(store, arguments.queue)
    case_ids = arguments.case or [
        case.key.case_id for case in store.list_cases(arguments.queue, LOCAL_READER, all_assigned=True)
    ]
    each = len(arguments.reader) if arguments.each is None else arguments.each
    store.share_out(arguments.queue, case_ids, arguments.reader, each=each)
    whose = f"each to {each} of {', '.join(arguments.reader)}" if arguments.reader else "everybody's"
    return f"{count(len(case_ids), 'case', 'cases')} of {arguments.queue}: {whose}"


_ACTIONS = {
    "list": _list,
    "ask": _ask,
    "shuffle": _shuffle,
    "again": _again,
    "lesions": _lesions,
    "assign": _assign,
}
