"""``python -m magic_demo import-reviews``: reviews that were exported, or made with other programs, come into a store or
become a model's predictions."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from magic_demo.commands.asked import add_questions_argument, read_asked
from magic_demo.commands.store.actor import find_actor
from magic_demo.commands.store_option import add_store_argument
from magic_demo.core.errors import StoreError
from magic_demo.core.review_types import DEFAULT_QUEUE, Review
from magic_demo.files.bundles import write_prediction
from magic_demo.files.encounters import read_encounters
from magic_demo.files.findings import Findings
from magic_demo.questions.families import QuestionSet
from magic_demo.reviews.imports import SOURCES, SourceError, make_predictions, read_reviews
from magic_demo.reviews.store import LOCAL_READER, NewCase, Store, is_store_there
from magic_demo.reviews.store.names import is_name
from magic_demo.reviews.store.rules import WITHOUT_MODEL

EXIT_DONE, EXIT_WITH_PROBLEMS = 0, 3
ORDER = {kind: place for place, kind in enumerate(("blind", "compared", "revealed", "assisted", "consensus"))}
"""A blind reading is saved before those of the same reader that saw the model: the store takes it in no other
order."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``python -m magic_demo import-reviews``."""
    parser.add_argument(
        "source",
        type=Path,
        metavar="SOURCE",
        help="a folder or a file: what `export` wrote, or what others made with another program",
    )
    parser.add_argument(
        "--format",
        choices=[source.name for source in SOURCES],
        help="what SOURCE is (default: found out). "
        + "; ".join(f"{source.name}: {source.contents}" for source in SOURCES),
    )
    parser.add_argument(
        "--reader",
        default="imported",
        metavar="NAME",
        help="whose masks they are where SOURCE does not say (default: %(default)s)",
    )
    parser.add_argument(
        "--as-model",
        metavar="NAME",
        help="write a prediction bundle of a model of this name to --bundle, in place of reviews to a store",
    )
    parser.add_argument("--bundle", type=Path, metavar="DIR", help="new or empty folder for --as-model")
    parser.add_argument(
        "--annotator", metavar="NAME", help="for --as-model: whose masks, where there are several's"
    )
    add_store_argument(parser)
    parser.add_argument(
        "--queue",
        default=DEFAULT_QUEUE,
        help="queue that the reviews are to belong to (default: %(default)s)",
    )
    parser.add_argument(
        "--data",
        type=Path,
        help="folder of the cases: says which case a photo is of, and where new cases lie",
    )
    add_questions_argument(parser)
    parser.add_argument("--split", help="train, valid or test of --data, where there are several")


def run(arguments: argparse.Namespace) -> int:
    """Save what can be read, each review as a row of its own; returns 0, or 3 when something was left out
    (each named)."""
    cases = read_encounters(arguments.data, arguments.split).encounters if arguments.data else ()
    questions = _find_questions(arguments)
    back = read_reviews(
        arguments.source,
        arguments.queue,
        cases,
        questions,
        format=arguments.format,
        reader=arguments.reader,
    )
    if (arguments.as_model is None) != (arguments.bundle is None):
        raise SourceError("--as-model NAME and --bundle DIR belong together; give both or none")
    if arguments.as_model is not None:
        count = _write_bundle(arguments, back.reviews)
        print(f"{count} predictions of {arguments.as_model} written to {arguments.bundle}")
        return _say(back.notes, back.left_out)
    photos = {case.encounter_id: tuple(photo.photo_id for photo in case.photo_files) for case in cases}
    with Store.open(arguments.store, questions=questions) as store:
        if arguments.questions is not None or not store.has_questions(arguments.queue):
            store.ask(arguments.queue, questions, by=find_actor())
        notes = Findings()
        saved, left_out = save_reviews(store, back.reviews, folder=arguments.data, photos=photos, notes=notes)
    print(f"{saved} of {len(back.reviews)} reviews saved to the queue {arguments.queue} in {arguments.store}")
    return _say((*back.notes, *notes.lines()), (*back.left_out, *left_out))


def _find_questions(arguments: argparse.Namespace) -> QuestionSet:
    """Return what the answers answer: the questions that are named, or those of the queue that they go into."""
    asked = read_asked(arguments)
    if (
        arguments.questions is not None
        or arguments.as_model is not None
        or not is_store_there(arguments.store)
    ):
        return asked
    with Store.open(arguments.store, questions=asked) as store:
        return store.questions_of(arguments.queue)


def _say(notes: Sequence[str], left_out: Sequence[str]) -> int:
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
    for line in left_out:
        print(f"left out: {line}", file=sys.stderr)
    return EXIT_WITH_PROBLEMS if left_out else EXIT_DONE


def _write_bundle(arguments: argparse.Namespace, reviews: Sequence[Review]) -> int:
    folder: Path = arguments.bundle
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SourceError("{folder}: is not empty; choose another --bundle", folder=folder)
    count = 0
    for prediction in make_predictions(reviews, arguments.as_model, arguments.annotator):
        write_prediction(folder, prediction)
        count += 1
    return count


def save_reviews(
    store: Store,
    reviews: Sequence[Review],
    *,
    folder: Path | None = None,
    photos: Mapping[str, tuple[str, ...]] | None = None,
    notes: Findings | None = None,
) -> tuple[int, tuple[str, ...]]:
    """Save reviews, with the cases and readers that the store does not know yet; returns how many, and a line
    for each kind of those that it refused.

    They come in together or, when the program is killed, not at all. What a reader said before is not said again, also
    where more was said since. photos: case id -> the ids of its photos, where they are known. notes: takes what was
    there before, and what is kept as another kind, as its reader had seen more by then. A new reader has no password: ``readers password`` gives one. Whoever wrote
    a consensus must be known as an adjudicator. A revealed reading whose complete blind one is not there is
    saved as assisted: the model was shown.
    """
    left_out = Findings()
    with store.together():
        saved = _save_together(
            store, reviews, folder, photos or {}, left_out, notes if notes is not None else Findings()
        )
        store.note("import", find_actor(), detail=f"{saved} reviews")
    return saved, left_out.lines()


def _save_together(
    store: Store,
    reviews: Sequence[Review],
    folder: Path | None,
    photos: Mapping[str, tuple[str, ...]],
    left_out: Findings,
    notes: Findings,
) -> int:
    for queue in sorted({review.queue for review in reviews}):
        known = {case.key.case_id for case in store.list_cases(queue, LOCAL_READER, all_assigned=True)}
        new = dict.fromkeys(
            review.case_id
            for review in reviews
            if review.queue == queue and review.case_id not in known and is_name(review.case_id)
        )
        where = str(folder.resolve()) if folder else None
        store.add_cases(queue, [NewCase(case_id, where, photos=photos.get(case_id)) for case_id in new])
    names = {reader.name.casefold() for reader in store.readers(removed=True)}
    saved = 0
    for review in sorted(reviews, key=lambda review: (review.case_id, review.reader, ORDER[review.kind])):
        try:
            if review.reader.casefold() not in names and review.kind != "consensus":
                store.add_reader(review.reader, by=find_actor())
                names.add(review.reader.casefold())
            if review.kind == "revealed" and not any(
                row.review.kind == "revealed" or (row.review.kind in WITHOUT_MODEL and row.complete)
                for row in store.history(review.case, review.reader)
            ):
                left_out.add(
                    "revealed reading without its blind one, saved as assisted", review.case_id, review.reader
                )
                review = replace(review, kind="assisted")
            if store.holds(review):
                notes.add("review that was there before", review.case_id, review.reader)
                continue
            kind = store.save(review).review.kind
        except StoreError as error:
            left_out.add("review that the store refuses", review.case_id, str(error))
            continue
        saved += 1
        if kind != review.kind:
            what = f"{review.kind} review kept as {kind}, as its reader had seen more"
            notes.add(what, review.case_id, review.reader)
    return saved
