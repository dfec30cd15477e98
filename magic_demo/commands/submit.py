"""``python -m magic_demo submit``: the zip to hand in of a finished run, and a check of any team's zip."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from magic_demo.challenge.run_folder import ANSWERS, MASKS
from magic_demo.challenge.submitting.submission import Submission, read_hand_in, write_submission
from magic_demo.challenge.submitting.submission_check import check_submission, expect_of
from magic_demo.core.errors import FormatError
from magic_demo.files.encounters import read_encounters

EXIT_READY, EXIT_FINDINGS = 0, 3
DEFAULT = "submission.zip"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``python -m magic_demo submit``."""
    parser.epilog = (
        "Exit codes: 0 ready to hand in; 1 nothing could be written or checked, one line says why; 2 wrong "
        "options; 3 written or checked, with findings: each line names what the organisers' script stops at or "
        "scores wrong."
    )
    parser.add_argument(
        "out", type=Path, nargs="?", metavar="OUT", help="the --out of a finished run of predict"
    )
    parser.add_argument(
        "--submission",
        type=Path,
        metavar="FILE.zip",
        help=f"where the zip of {MASKS}/ and {ANSWERS} goes (default: OUT/{DEFAULT})",
    )
    parser.add_argument(
        "--check",
        type=Path,
        metavar="FILE.zip",
        help="do the organisers' own steps with a zip, anybody's, instead of writing one",
    )
    parser.add_argument(
        "--data", type=Path, help="with --check: the challenge's data, which says what must be in the zip"
    )
    parser.add_argument("--split", help="with --data: train, valid or test")


def run(arguments: argparse.Namespace) -> int:
    """Run ``submit``; returns 0, or 3 when the organisers' script would stop or misread something."""
    if (arguments.out is None) == (arguments.check is None):
        raise FormatError("give either the folder OUT of a run, or --check FILE.zip")
    if arguments.check is not None:
        if arguments.submission is not None:
            raise FormatError("--submission says where a zip is written; --check writes none")
        return _check(arguments.check, arguments.data, arguments.split)
    if arguments.data is not None or arguments.split is not None:
        raise FormatError("--data and --split say what --check expects; a run knows its own")
    file = arguments.submission or arguments.out / DEFAULT
    return report_submission(file, write_submission(file, arguments.out, read_hand_in(arguments.out)))


def report_submission(file: Path, submission: Submission) -> int:
    """Print what a zip holds and what it lacks; returns 0 or 3."""
    print(f"{file}: {submission.counts}")
    for problem in submission.problems:
        print(f"problem: {problem}", file=sys.stderr)
    return EXIT_FINDINGS if submission.problems else EXIT_READY


def _check(file: Path, data: Path | None, split: str | None) -> int:
    expected = None
    if data is not None:
        found = read_encounters(data, split)
        for problem in found.problems:
            print(f"problem: {problem}", file=sys.stderr)
        expected = expect_of(found, data if data.is_dir() else data.parent)
    check = check_submission(file, expected)
    print(f"{file}: {check.counts}")
    for title, lines in (("Findings", check.findings), ("Notes", check.notes)):
        if lines:
            print("\n".join([f"\n{title}:", *(f"- {line}" for line in lines)]))
    if not check.findings:
        against = (
            "" if expected is not None else "; with --data DATA --split SPLIT ids and sizes are checked too"
        )
        print(f"ready to hand in{against}")
    return EXIT_FINDINGS if check.findings else EXIT_READY
