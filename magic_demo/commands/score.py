"""``python -m magic_demo score``: the official numbers of challenge files, in a table and as JSON."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from magic_demo.challenge.scoring.answer_scoring import score_answer_files
from magic_demo.challenge.scoring.mask_scoring import score_mask_folders
from magic_demo.challenge.scoring.published import CAPTION, TEAMS
from magic_demo.commands.asked import add_questions_argument, read_asked
from magic_demo.core.disk.whole_files import write_json
from magic_demo.core.errors import FormatError
from magic_demo.core.types import Family
from magic_demo.files.masks.mask_files import SYSTEM_NAME
from magic_demo.questions.families import QuestionSet, load_challenge
from magic_demo.questions.scoring import Scores, Values

EXIT_CLEAN = 0
EXIT_FINDINGS = 3

_EPILOG = (
    "Exit codes: 0 scored, nothing found; 1 input that cannot be scored; 2 wrong options; 3 scored, "
    "with findings: "
    "something in the files is wrong, each line says what and what was done. docs/scoring.md lists "
    "every rule."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``score``."""
    parser.epilog = _EPILOG
    parser.add_argument(
        "--masks-reference",
        type=Path,
        metavar="DIR",
        help="reference masks, <image id>_mask_ann<number>.tiff",
    )
    parser.add_argument(
        "--masks-system", type=Path, metavar="DIR", help="system masks, <image id>_mask_sys.tiff"
    )
    parser.add_argument("--answers-reference", type=Path, metavar="FILE", help="reference answers, JSON")
    parser.add_argument("--answers-system", type=Path, metavar="FILE", help="system answers, JSON")
    add_questions_argument(parser)
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="write the numbers there as JSON, by the organisers' keys"
    )
    parser.add_argument(
        "--system-name",
        default=SYSTEM_NAME,
        metavar="NAME",
        help="the last part of system masks' names (default: sys)",
    )
    parser.add_argument(
        "--processes",
        type=_count,
        default=1,
        metavar="N",
        help="score the masks of N photos side by side, with the same numbers (default: 1)",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def run(arguments: argparse.Namespace) -> int:
    """Score, print, write; returns 0, or 3 when something in the files was wrong.

    Raises FormatError when nothing can be scored.
    """
    pairs = {
        "masks": (arguments.masks_reference, arguments.masks_system),
        "answers": (arguments.answers_reference, arguments.answers_system),
    }
    for name, (reference, system) in pairs.items():
        if (reference is None) != (system is None):
            given, lacking = ("reference", "system") if system is None else ("system", "reference")
            raise FormatError(
                "--{name}-{given} came without --{name}-{lacking}; give both or neither",
                name=name,
                given=given,
                lacking=lacking,
            )
    asked = read_asked(arguments)
    parts: list[Scores] = []
    if arguments.masks_reference is not None:
        parts.append(
            score_mask_folders(
                arguments.masks_reference,
                arguments.masks_system,
                system_name=arguments.system_name,
                processes=arguments.processes,
                progress=not arguments.quiet,
            )
        )
    if arguments.answers_reference is not None:
        parts.append(score_answer_files(arguments.answers_reference, arguments.answers_system, asked))
    if not parts:
        raise FormatError(
            "nothing to score; give --masks-reference with --masks-system, --answers-reference with "
            "--answers-system, or all"
        )
    scores = _join(parts)
    out = (
        arguments.out / "scores.json"
        if arguments.out is not None and arguments.out.is_dir()
        else arguments.out
    )
    try:
        if out is not None:  # before the table is printed: whoever reads that may stop reading
            write_json(out, scores_as_json(scores))
    finally:
        print(format_scores(scores, asked))
    if out is not None:
        print(f"\nWritten to {out}")
    return EXIT_FINDINGS if scores.findings else EXIT_CLEAN


def scores_as_json(scores: Scores) -> dict[str, Any]:
    """Return the organisers' keys with their numbers, then ``findings`` and ``notes``, lists of lines."""
    return {**scores.values, "findings": list(scores.findings), "notes": list(scores.notes)}


def format_scores(scores: Scores, asked: QuestionSet | None = None) -> str:
    """Return the numbers as text: each task's own, the published teams beside, then every finding and note in
    full.

    asked: the questions that the answers are of, the challenge's when None.
    """
    blocks = [
        *_task_blocks(scores.values, (asked or load_challenge()).families),
        _published_block(scores.values),
    ]
    for title, lines in (("Findings", scores.findings), ("Notes", scores.notes)):
        if lines:
            blocks.append([f"{title}:", *(f"- {line}" for line in lines)])
    return "\n\n".join("\n".join(block) for block in blocks)


def _count(text: str) -> int:
    number = int(text) if text.isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text}: a whole number from 1 is expected")
    return number


def _task_blocks(values: Values, families: Sequence[Family]) -> list[list[str]]:
    blocks: list[list[str]] = []
    if "jaccard" in values:
        rows = [
            ["", "Jaccard", "Dice"],
            ["majority vote, all pixels pooled", _number(values["jaccard"]), _number(values["dice"])],
            [
                "best annotator, mean over photos",
                _number(values["jaccard_meanofmax"]),
                _number(values["dice_meanofmax"]),
            ],
            [
                "mean over annotators and photos",
                _number(values["jaccard_meanofmean"]),
                _number(values["dice_meanofmean"]),
            ],
        ]
        blocks.append([f"Lesion masks, {values['number_segmentation_instances']} photos", *_table(rows)])
    if "accuracy_all" in values:
        titles = {family.family_id: family.title["en"] for family in families}
        rows = [["", "", "accuracy"], ["all", "", _number(values["accuracy_all"])]]
        rows += [
            [family_id, title, _number(values.get(f"accuracy_{family_id}"))]
            for family_id, title in titles.items()
        ]
        blocks.append(
            [f"Closed questions, {values['number_cvqa_instances']} encounters", *_table(rows, texts=2)]
        )
    return blocks


def _published_block(values: Values) -> list[str]:
    rows = [["", "Jaccard", "Dice", "accuracy"]]
    rows.append(["these files", *(_number(values.get(key)) for key in ("jaccard", "dice", "accuracy_all"))])
    rows += [
        [team.name, *(_number(value, 3) for value in (team.jaccard, team.dice, team.accuracy))]
        for team in TEAMS
    ]
    return ["Beside the published teams", *_table(rows), CAPTION]


def _table(rows: Sequence[Sequence[str]], texts: int = 1) -> list[str]:
    """Align the first ``texts`` columns left, the others right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  "
        + "  ".join(
            cell.ljust(width) if column < texts else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]


def _number(value: float | int | None, digits: int = 4) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _join(parts: Sequence[Scores]) -> Scores:
    values: Values = {}
    for part in parts:
        values.update(part.values)
    return Scores(
        values,
        tuple(line for part in parts for line in part.findings),
        tuple(line for part in parts for line in part.notes),
    )
