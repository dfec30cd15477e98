"""``python -m magic_demo agreement``: how far readers agree with the model and with each other, on the
terminal or as JSON."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from magic_demo.commands.agreement_again import again_as_json, list_again_lines
from magic_demo.commands.asked import add_questions_argument, find_asked, read_asked
from magic_demo.commands.store_option import add_store_argument
from magic_demo.core.errors import MagicDemoError
from magic_demo.core.plural import count
from magic_demo.core.review_types import CaseKey
from magic_demo.core.types import Answers, Prediction
from magic_demo.files.answers import read_answers
from magic_demo.files.bundles import has_prediction, list_predictions, read_prediction
from magic_demo.questions.families import QuestionSet
from magic_demo.reviews.agreement import (
    CONSENSUS,
    MODEL,
    Agreed,
    Agreement,
    FamilyNumbers,
    MaskNumbers,
    Measured,
    Switches,
)
from magic_demo.reviews.agreement.sources import (
    AgreementChoice,
    AgreementSource,
    Comparison,
    Predictions,
    References,
)
from magic_demo.reviews.store import Store

MOST_CASES = 10
"""Cases that differ that are printed; the JSON has all."""


class AgreementError(MagicDemoError):
    """Agreement cannot be measured as asked: a queue, family or reader that there is not."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``python -m magic_demo agreement``."""
    add_store_argument(parser)
    parser.add_argument("--queue", help="this queue alone (default: all)")
    parser.add_argument(
        "--reader",
        action="append",
        default=[],
        metavar="NAME",
        help="this reader alone; can be given again (default: all)",
    )
    parser.add_argument(
        "--family",
        metavar="CQID",
        help="this family of questions alone (default: all)",
    )
    add_questions_argument(parser)
    parser.add_argument(
        "--predictions",
        type=Path,
        metavar="DIR",
        help="the bundle folder that `predict --bundle` wrote, to compare with that model (default: what "
        "readers were shown)",
    )
    parser.add_argument(
        "--reference",
        type=Path,
        metavar="FILE",
        help="answers that are right, in the organisers' layout (default: consensuses)",
    )
    parser.add_argument(
        "--blind",
        action="store_true",
        help="compare the readings made before the model and others' readings were shown, not the newest "
        "ones",
    )
    parser.add_argument(
        "--unfinished", action="store_true", help="take readings that are not finished, or not complete, too"
    )
    parser.add_argument("--json", action="store_true", help="print everything as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Measure and print; returns 0."""
    with Store.open(arguments.store, questions=read_asked(arguments)) as store:
        if arguments.queue is not None and arguments.queue not in store.queues():
            raise AgreementError(
                "{place}: has no queue {queue!r}; its queues are: {known}",
                place=store.location,
                queue=arguments.queue,
                known=store.queues() or "none",
            )
        questions = find_asked(arguments, store, arguments.queue)
        if arguments.family not in (None, *questions.family_ids):
            raise AgreementError(
                "there is no family {family!r}; the families are: {families}",
                family=arguments.family,
                families=", ".join(questions.family_ids),
            )
        choice = AgreementChoice(
            queue=arguments.queue,
            readers=frozenset(store.reader(name).name for name in arguments.reader),
            family=arguments.family,
            reading="blind" if arguments.blind else "latest",
            done_only=not arguments.unfinished,
        )
        folder = arguments.predictions
        said, references = (
            store.shown if folder is None else bundle_predictions(folder, questions),
            file_references(arguments.reference, questions),
        )
        source = AgreementSource(store, said, references, all_known=folder is not None)
        found = source.measure(choice, viewer=None)
    print(
        json.dumps({**as_json(found), "again": again_as_json(found.again)}, ensure_ascii=False, indent=1)
        if arguments.json
        else "\n".join([*list_lines(found, questions), *list_again_lines(found.again, questions, _say)])
    )
    for line in found.left_out:
        print(f"left out: {line}", file=sys.stderr)
    return 0


def bundle_predictions(folder: Path, questions: QuestionSet) -> Predictions:
    """Return how predictions are read from a bundle, by the case's id in any queue.

    Raises BundleError where the folder is not there.
    """
    list_predictions(folder)

    def read(case: CaseKey) -> Prediction | None:
        if not has_prediction(folder, case.case_id):
            return None
        return read_prediction(folder, case.case_id, questions)

    return read


def file_references(path: Path | None, questions: QuestionSet) -> References:
    """Return how references are read from a file of answers.

    Raises FormatError for one that cannot be read.
    """
    answers: dict[str, dict[str, int]] = read_answers(path, questions) if path is not None else {}

    def read(case: CaseKey) -> Answers | None:
        return answers.get(case.case_id)

    return read


def _masks_json(numbers: MaskNumbers) -> dict[str, Any]:
    masks = asdict(numbers)
    for name in ("dice", "jaccard"):
        masks[name] = [
            [None if math.isnan(value) else round(value, 6) for value in row] for row in masks[name].tolist()
        ]
    masks["photos"] = numbers.photos.tolist()
    masks["names"] = ["consensus" if name == CONSENSUS else name or None for name in numbers.names]
    return masks


def as_json(found: Comparison) -> dict[str, Any]:
    """Return everything as JSON knows it: the model's name is null, no NaN."""
    agreement = found.agreement
    return {
        "queue": found.choice.queue,
        "reading": found.choice.reading,
        "done_only": found.choice.done_only,
        "cases": agreement.cases,
        "readings": agreement.readings,
        "readers": list(agreement.readers),
        "model_cases": agreement.model_cases,
        "known": {
            "nothing": agreement.blind,
            "model": agreement.after_model,
            "others": agreement.after_others,
        },
        "incomplete": agreement.incomplete,
        "overall": _family_json(agreement.overall),
        "families": [_family_json(family) for family in agreement.families],
        "masks": _masks_json(agreement.masks),
        "labels": {label: _masks_json(masks) for label, masks in agreement.labels.items()},
        "switches": {**asdict(agreement.switches), "judged": agreement.switches.judged},
        "differing": [
            {
                "queue": case.case.queue,
                "case": case.case.case_id,
                "dispute": case.dispute,
                "families": [
                    {
                        "family": family.family_id,
                        "said": [
                            {"voice": voice or None, "options": sorted(labels)}
                            for voice, labels in family.labels_by_voice
                        ],
                    }
                    for family in case.families
                ],
                "photo": case.photo_id,
                "dice": [[one or None, other or None, value] for one, other, value in case.dice],
            }
            for case in agreement.differing
        ],
        "note": "Research use only. Not a medical device.",
    }


def _family_json(numbers: FamilyNumbers) -> dict[str, Any]:
    pairs = [
        {"voices": [pair.first or None, pair.second or None], **asdict(pair.agreed)} for pair in numbers.pairs
    ]
    return {**asdict(numbers), "family_id": numbers.family_id or None, "pairs": pairs}


def list_lines(found: Comparison, questions: QuestionSet) -> list[str]:
    """Return the lines of the table."""
    agreement = found.agreement
    if not agreement.readings:
        return ["no reading to compare; finish a case on the page, or ask for --unfinished ones"]
    lines = [
        f"{agreement.cases} cases, {agreement.readings} readings by {', '.join(agreement.readers)}; "
        f"the model spoke of {agreement.model_cases}"
        + (" (readings before the model or others were shown)" if found.choice.reading == "blind" else "")
    ]
    lines += _known_lines(agreement)
    lines += (
        _answer_lines(agreement.overall, agreement.families, questions)
        + _mask_lines(agreement.masks)
        + _label_lines(agreement.labels)
        + _switch_lines(agreement.switches)
    )
    if agreement.differing:
        lines += ["", "cases that differ most"]
        for case in agreement.differing[:MOST_CASES]:
            worst = (
                f", least Dice {case.dice[0][2]:.2f} ({_name(case.dice[0][0])}, {_name(case.dice[0][1])})"
                if case.dice
                else ""
            )
            lines.append(
                f"  {case.dispute:5.2f}  {case.case.case_id} ({case.case.queue}): {len(case.families)} "
                f"families differ{worst}"
            )
    return lines


def _known_lines(agreement: Agreement) -> list[str]:
    lines = [
        f"{agreement.blind} blind to model and others, {agreement.after_model} after the model, "
        f"{agreement.after_others} after others' readings"
    ]
    if agreement.incomplete:
        lines.append(
            f"{count(agreement.incomplete, 'reading', 'readings')} finished with something left open, not "
            "counted"
        )
    return lines


def _answer_lines(
    overall: FamilyNumbers, families: Sequence[FamilyNumbers], questions: QuestionSet
) -> list[str]:
    if not families:
        return [
            "nobody can be compared on answers: a second reader or the model (--predictions DIR) is needed"
        ]
    heads = (
        "family",
        "readers with the model: same",
        "kappa",
        "readers with each other: same",
        "kappa",
        "alpha",
        *(("ICC",) if (with_icc := any(numbers.icc is not None for numbers in families)) else ()),
    )
    rows: list[tuple[str, ...]] = [heads]
    titles = {family.family_id: family.title["en"] for family in questions.families}
    for numbers in (*families, overall):
        name = f"{numbers.family_id} {titles[numbers.family_id]}" if numbers.family_id else "all"
        cells = (*_say_agreed(numbers.with_model), *_say_agreed(numbers.among_readers), _say(numbers.alpha))
        rows.append((name, *cells, *((_say(numbers.icc),) if with_icc else ())))
    widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
    return [
        "",
        *(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ),
    ]


def _mask_lines(masks: MaskNumbers) -> list[str]:
    if len(masks.names) < 2:
        return []
    lines = [
        "",
        f"Dice: readers with the model {_say(masks.dice_with_model)}, with each other "
        f"{_say(masks.dice_among_readers)}",
    ]
    lines.append(
        f"Jaccard: readers with the model {_say(masks.jaccard_with_model)}, with each other "
        f"{_say(masks.jaccard_among_readers)}"
    )
    names = [_name(name) for name in masks.names]
    width = max(5, *(len(name) for name in names))
    lines.append(" " * (width + 2) + "  ".join(name.ljust(width) for name in names).rstrip())
    for name, row in zip(names, masks.dice.tolist(), strict=True):
        cells = "  ".join(("-" if math.isnan(value) else f"{value:.2f}").ljust(width) for value in row)
        lines.append(f"{name.ljust(width)}  {cells}".rstrip())
    return lines


def _label_lines(labels: Mapping[str, MaskNumbers]) -> list[str]:
    return [
        f"{label}: Dice, readers with each other {_say(masks.dice_among_readers)}, Jaccard "
        f"{_say(masks.jaccard_among_readers)}"
        for label, masks in labels.items()
    ]


def _switch_lines(switches: Switches) -> list[str]:
    if not switches.answers:
        return []
    lines = [
        "",
        f"after the reveal, of {switches.answers} answers in {switches.readings} readings, changed: "
        f"{_say(switches.changed, share=True)}",
    ]
    lines.append(
        f"  towards the model {switches.towards}, away from it {switches.away}, neither {switches.beside}"
    )
    if switches.judged:
        lines.append(
            f"  of {switches.judged} with a reference: wrong to right {switches.wrong_right}, right to "
            f"wrong {switches.right_wrong},"
            f" right all along {switches.right_right}, wrong all along {switches.wrong_wrong}"
        )
    if switches.dice_before is not None:
        lines.append(
            f"  Dice with the model's outlines before {_say(switches.dice_before)}, after "
            f"{_say(switches.dice_after)}"
        )
    return lines


def _say_agreed(agreed: Agreed) -> tuple[str, str]:
    return _say(agreed.same, share=True), _say(agreed.kappa)


def _say(measured: Measured | None, *, share: bool = False) -> str:
    if measured is None:
        return "-"
    form = "{:.0%}" if share else "{:.2f}"
    interval = (
        ""
        if measured.low is None or measured.high is None
        else f" ({form.format(measured.low)} to {form.format(measured.high)})"
    )
    return form.format(measured.value) + interval


def _name(voice: str) -> str:
    return {MODEL: "model", CONSENSUS: "consensus"}.get(voice, voice)
