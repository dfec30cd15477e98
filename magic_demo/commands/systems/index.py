"""``python -m magic_demo index``: labelled cases become an index whose neighbours answer."""

from __future__ import annotations

import argparse
from pathlib import Path

from magic_demo.core.errors import FormatError
from magic_demo.files.encounters import read_answers, read_encounters
from magic_demo.models.answers.neighbours.case_index import build_index
from magic_demo.models.answers.neighbours.folder import write_index
from magic_demo.models.answers.neighbours.text_encoder import ENCODER, FolderEncoder, copy_encoder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``python -m magic_demo index``."""
    parser.add_argument(
        "data", type=Path, metavar="DATA", help="folder with <split>.json and <split>_cvqa.json"
    )
    parser.add_argument("--split", default="train", help="the split to index, no other (default: train)")
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="INDEX",
        help="new folder; `--answers INDEX` answers with it",
    )
    parser.add_argument(
        "--encoder",
        metavar="FOLDER_OR_HUB_ID",
        help="a sentence-transformers model that compares the words (default: cues and hashed words)",
    )
    parser.add_argument(
        "--present-from",
        default="",
        metavar="ID",
        help="first encounter of the present labelling: in the challenge's train split ENC00302, before which "
        "colour and texture were labelled otherwise and count less",
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the index; returns 0."""
    out: Path = arguments.out
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FormatError("{out}: is not empty; choose another --out", out=out)
    files = sorted(arguments.data.rglob(f"{arguments.split}_cvqa.json")) if arguments.data.is_dir() else []
    if len(files) != 1:
        raise FormatError(
            "{data}: {count} files named {split}_cvqa.json are below it, one is expected",
            data=arguments.data,
            count=len(files),
            split=arguments.split,
        )
    answers = read_answers(files[0])
    found = read_encounters(arguments.data, arguments.split).encounters
    cases = sorted(
        (case for case in found if case.encounter_id in answers), key=lambda case: case.encounter_id
    )
    if not cases:
        raise FormatError("{data}: no encounter of {split} has answers", data=files[0], split=arguments.split)
    encoder = None
    if arguments.encoder is not None:
        copy_encoder(arguments.encoder, out / ENCODER)
        encoder = FolderEncoder.load(out / ENCODER)
    given = [answers[case.encounter_id] for case in cases]
    index = build_index(
        [case.encounter_id for case in cases],
        [case.narrative for case in cases],
        given,
        present_from=arguments.present_from,
        encoder=encoder,
    )
    write_index(out, index, arguments.split, given)
    print(f"{len(cases)} encounters of {arguments.split} indexed, written to {out}")
    return 0
