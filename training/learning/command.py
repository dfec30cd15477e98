"""Learn from reviews: ``python -m training learn --store PLACE [--queue Q] [--from CHECKPOINT]``, or a training set
that ``export --format training-set`` wrote."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from magic_demo.core.limits import LIMITS
from magic_demo.core.process.niceness import give_way
from magic_demo.models.loading.predictors import DEFAULT_ANSWERS, DEFAULT_SEGMENTATION
from magic_demo.reviews.learning.learnt import LearntError, choose_folder, models_beside
from magic_demo.reviews.store import Store, default_location
from training.learning.card import format_rows
from training.learning.gathering import RULES
from training.learning.run import learn
from training.learning.settings import LearnSettings
from training.learning.start import find_start

NICENESS = 19
"""Readers come first."""


def main(arguments: list[str]) -> int:
    """Learn, and print the numbers before and after; returns the exit code."""
    give_way(NICENESS)
    out, rows = learn(read_arguments(arguments))
    print("\n".join(format_rows(rows)))
    print(f"The new models are in {out}; those they began from are as they were.", flush=True)
    return 0


def make_parser() -> argparse.ArgumentParser:
    """Return the command's parser."""
    parser = argparse.ArgumentParser(prog="python -m training learn", description=__doc__)
    parser.add_argument(
        "set", nargs="?", type=Path, metavar="SET", help="a folder that export --format training-set wrote"
    )
    parser.add_argument(
        "--store", metavar="PLACE", help=f"store of the reviews (default: {default_location()})"
    )
    parser.add_argument("--queue", metavar="NAME", help="whose reviews, where the store has several queues")
    parser.add_argument(
        "--from",
        dest="start",
        type=Path,
        metavar="CHECKPOINT",
        help="begin from it: a model learnt before, or a segmentation checkpoint (default: the shipped one)",
    )
    parser.add_argument(
        "--answers",
        metavar="CHECKPOINT",
        help="photo answerer to begin from (default: the one that goes with --from)",
    )
    parser.add_argument(
        "--rule",
        choices=RULES,
        default="consensus",
        help="how several readers become one: consensus where a case has one and majority else, majority, or STAPLE "
        "for the outlines (default: %(default)s)",
    )
    parser.add_argument("--reader", metavar="NAME", help="learn from this reader's reviews alone")
    parser.add_argument(
        "--out", type=Path, help="folder of the new model (default: a new one beside the store)"
    )
    parser.add_argument(
        "--data",
        type=Path,
        help="folder of the photos of before, for replay and the dev lists (see docs/learning.md)",
    )
    parser.add_argument(
        "--minutes",
        type=float,
        default=float(LIMITS.learn_minutes),
        help="for the outline at most (default: %(default)s)",
    )
    parser.add_argument(
        "--steps", type=int, default=LIMITS.learn_steps, help="of the outline at most (default: %(default)s)"
    )
    parser.add_argument(
        "--least",
        type=int,
        default=LIMITS.learn_cases,
        help="refuse with fewer reviewed cases (default: %(default)s)",
    )
    parser.add_argument(
        "--replay",
        type=int,
        default=LIMITS.learn_replay,
        help="synthetic cases that are learnt again (default: %(default)s)",
    )
    parser.add_argument("--threads", type=int, default=1, help="of torch (default: %(default)s)")
    return parser


def read_arguments(arguments: list[str]) -> LearnSettings:
    """Read the command line. Raises LearntError, one line, for what does not go together."""
    given = make_parser().parse_args(arguments)
    if given.set is not None and (given.store is not None or given.queue is not None):
        raise LearntError("a training set and a store were named; give one of them")
    if given.set is not None and given.out is None:
        raise LearntError("where the new model goes is not said; name a new folder with --out")
    for name in ("steps", "least", "replay", "threads"):
        if getattr(given, name) < 1:
            raise LearntError(
                "--{name} is {came}; 1 or more is expected", name=name, came=getattr(given, name)
            )
    if not given.minutes > 0:
        raise LearntError("--minutes is {came}; more than 0 is expected", came=given.minutes)
    segmentation, answers, known = str(DEFAULT_SEGMENTATION), str(DEFAULT_ANSWERS), None
    if given.start is not None:
        segmentation, own, known = find_start(given.start)
        answers = own or answers
    answers = given.answers or answers
    store = None if given.set is not None else (given.store or default_location())
    settings = LearnSettings(
        out=given.out or choose_out(str(store)),
        store=store,
        queue=given.queue,
        data_set=given.set,
        rule=given.rule,
        reader=given.reader,
        segmentation=segmentation,
        answers=answers,
        known=known,
        data=given.data,
        least=given.least,
        minutes=given.minutes,
        replay=given.replay,
        threads=given.threads,
    )
    return with_steps(settings, given.steps)


def with_steps(settings: LearnSettings, steps: int) -> LearnSettings:
    """Return the settings with so many steps of the decoder."""
    return replace(settings, decoder=replace(settings.decoder, steps=steps))


def choose_out(store: str) -> Path:
    """Return a new folder beside a store; one that was stopped is gone on with."""
    with Store.open(store) as opened:
        return choose_folder(models_beside(opened.location))
