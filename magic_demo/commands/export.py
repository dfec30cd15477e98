"""``python -m magic_demo export``: reviews leave the store as data."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from magic_demo.commands.asked import add_questions_argument, find_asked, read_asked
from magic_demo.commands.store.actor import find_actor
from magic_demo.commands.store_option import add_store_argument
from magic_demo.core.plural import count
from magic_demo.core.review_types import SavedReview
from magic_demo.core.types import LANGUAGES, EncounterFiles, Prediction
from magic_demo.files.bundles import list_predictions, read_prediction
from magic_demo.files.encounters import read_encounters
from magic_demo.questions.families import QuestionSet
from magic_demo.reviews.cases.covered_photos import covered_beside
from magic_demo.reviews.exports import (
    FORMATS,
    LABEL_STUDIO,
    PLAIN_CSV,
    REPORT,
    ExportError,
    Format,
    Offer,
    find_format,
    write_export,
)
from magic_demo.reviews.exports.case_files import choose_queue, find_queue_files
from magic_demo.reviews.exports.label_studio.tasks import write_label_studio
from magic_demo.reviews.reports import write_disagreements
from magic_demo.reviews.store import LOCAL_READER, QueueCase, Store

APART = ("coco", "csv", "parquet")
"""The formats that can hold each lesion of a mask by itself."""


def add_arguments(parser: argparse.ArgumentParser, offers: Sequence[Offer] = (*FORMATS, REPORT)) -> None:
    """Add the arguments of ``python -m magic_demo export``. offers: what can be exported."""
    parser.add_argument(
        "--to", type=Path, required=True, metavar="DIR", help="new or empty folder to write to"
    )
    parser.add_argument(
        "--format",
        required=True,
        choices=[offer.name for offer in offers],
        help="; ".join(f"{offer.name}: {offer.contents}" for offer in offers),
    )
    add_store_argument(parser)
    parser.add_argument("--queue", help="needed where the store holds several")
    parser.add_argument(
        "--reader",
        action="append",
        default=[],
        metavar="NAME",
        help="this reader alone; can be given again (default: all)",
    )
    parser.add_argument(
        "--consensus",
        action="store_true",
        help="where a case has a consensus, export it in place of its readers' readings",
    )
    parser.add_argument(
        "--data", type=Path, help="folder of the cases, where it is another one than the queue names"
    )
    parser.add_argument("--split", help="train, valid or test of --data, where there are several")
    add_questions_argument(parser)
    parser.add_argument(
        "--predictions",
        type=Path,
        metavar="DIR",
        help="for the report and label-studio: the bundle folder that `predict --bundle` wrote (default: what readers were "
        "shown)",
    )
    parser.add_argument(
        "--photo-prefix",
        metavar="PATH_OR_URL",
        help="for label-studio: the local storage's folder below Label Studio's document root, or the address "
        "below which it finds the photos (default: the name of the folder that holds them all)",
    )
    parser.add_argument(
        "--one-object-a-lesion",
        action="store_true",
        help="for coco, csv and parquet: an annotation, or a row, for each part of a mask that touches no other (default: "
        "where the queue asks for it, see `queues lesions`)",
    )
    parser.add_argument(
        "--plain-cells",
        action="store_true",
        help="csv for programs: no apostrophe before texts that a spreadsheet would run as formulas",
    )
    parser.add_argument(
        "--language",
        choices=LANGUAGES,
        action="append",
        help="of the report; can be given again (default: both)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Export and say what was written and what was left out; returns 0."""
    if arguments.plain_cells and arguments.format != PLAIN_CSV.name:
        raise ExportError(
            "--plain-cells is for --format {name}; {format} holds every text as it is",
            name=PLAIN_CSV.name,
            format=arguments.format,
        )
    if arguments.photo_prefix is not None and arguments.format != LABEL_STUDIO.name:
        raise ExportError(
            "--photo-prefix is for --format {name}; {format} does not say where photos lie",
            name=LABEL_STUDIO.name,
            format=arguments.format,
        )
    if arguments.one_object_a_lesion and arguments.format not in APART:
        raise ExportError(
            "--one-object-a-lesion is for --format {known}; {format} has one mask",
            known=", ".join(APART),
            format=arguments.format,
        )
    with Store.open(arguments.store, questions=read_asked(arguments)) as store:
        queue = choose_queue(store, arguments.queue)
        questions = find_asked(arguments, store, queue)
        readers = {store.reader(name).name for name in arguments.reader}
        reviews = store.all_reviews(queue)
        damaged = store.damaged_reviews(queue)
        cases = gather_cases(store, queue, arguments.data, arguments.split)
        shown = (
            {key.case_id: store.shown(key) for key in store.shown_digests(queue)}
            if arguments.format == REPORT.name or find_format(arguments.format).predictions
            else {}
        )
        listed = store.list_cases(queue, LOCAL_READER, all_assigned=True)
        arguments.one_object_a_lesion |= store.takes_lesions_apart(queue)
        said, left_out = _write(arguments, reviews, cases, readers, shown, damaged, questions, listed)
        noted = store.note(
            "export", find_actor(), detail=f"{arguments.format}, {said.partition(' written')[0]}"
        )
    print(said)
    for line in left_out:
        print(f"left out: {line}")
    for line in noted:
        print(line, file=sys.stderr)
    return 0


def _write(
    arguments: argparse.Namespace,
    reviews: Iterable[SavedReview],
    cases: Iterable[EncounterFiles],
    readers: Collection[str],
    shown: Mapping[str, Prediction | None],
    damaged: Sequence[str],
    questions: QuestionSet,
    listed: Sequence[QueueCase],
) -> tuple[str, tuple[str, ...]]:
    predictions = _read_predictions(arguments, shown, questions)
    if arguments.format == REPORT.name:
        said, left_out = _write_report(arguments, reviews, cases, readers, predictions, questions, listed)
        return said, (*damaged, *left_out)
    report = write_export(
        reviews,
        cases,
        _find_format(arguments),
        arguments.to,
        readers=readers,
        consensus=arguments.consensus,
        damaged=damaged,
        questions=questions,
        predictions=predictions,
        apart=arguments.one_object_a_lesion,
    )
    held = (
        count(report.cases, "case", "cases"),
        count(report.readings, "reading", "readings"),
        count(report.masks, "mask", "masks"),
    )
    return f"{', '.join(held)} written to {arguments.to} ({report.format})", report.left_out


def _find_format(arguments: argparse.Namespace) -> Format:
    if arguments.plain_cells:
        return PLAIN_CSV
    if arguments.photo_prefix is not None:
        return replace(LABEL_STUDIO, write=partial(write_label_studio, photo_prefix=arguments.photo_prefix))
    return find_format(arguments.format)


def _read_predictions(
    arguments: argparse.Namespace, shown: Mapping[str, Prediction | None], questions: QuestionSet
) -> dict[str, Prediction]:
    """Return what the models said: of the bundle that was named, else what readers were shown."""
    bundle = arguments.predictions
    if bundle is not None:
        return {name: read_prediction(bundle, name, questions) for name in list_predictions(bundle)}
    return {name: prediction for name, prediction in shown.items() if prediction is not None}


def gather_cases(
    store: Store, queue: str, data: Path | None, split: str | None
) -> tuple[EncounterFiles, ...]:
    """Return where the queue's photos and words lie: below ``data``, or where the queue says; covered photos
    in their copies. Raises FormatError for data that cannot be read."""
    if data is None:
        return find_queue_files(store, queue)
    covered = covered_beside(store.location)
    return tuple(covered.put_in_place(queue, files) for files in read_encounters(data, split).encounters)


def _write_report(
    arguments: argparse.Namespace,
    reviews: Iterable[SavedReview],
    cases: Iterable[EncounterFiles],
    readers: Collection[str],
    predictions: Mapping[str, Prediction],
    questions: QuestionSet,
    listed: Sequence[QueueCase],
) -> tuple[str, tuple[str, ...]]:
    languages = arguments.language or LANGUAGES
    report, left_out = write_disagreements(
        reviews,
        cases,
        predictions,
        arguments.to,
        languages=languages,
        readers=readers,
        consensus=arguments.consensus,
        questions=questions,
        listed=listed,
    )
    if not report.models:
        left_out = (*left_out, "the model: no predictions of these cases (--predictions DIR)")
    on = f"{count(report.cases, 'case', 'cases')} and {count(report.readings, 'reading', 'readings')}"
    return f"report on {on} written to {arguments.to}", left_out
