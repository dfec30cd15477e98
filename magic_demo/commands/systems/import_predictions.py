"""``python -m magic_demo import-predictions``: any system's files become a bundle that the page shows as the
model's."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from magic_demo.challenge.data_masks import DataMasks, find_data_masks
from magic_demo.challenge.systems.reading import read_system
from magic_demo.commands.asked import add_questions_argument, read_asked
from magic_demo.core.errors import FormatError
from magic_demo.files.bundles import write_prediction
from magic_demo.files.encounters import read_encounters

EXIT_DONE, EXIT_WITH_FINDINGS = 0, 3


def add_data_arguments(parser: argparse.ArgumentParser, what: str) -> None:
    """Add ``--data`` and ``--split``. what: what they say to the command."""
    parser.add_argument("--data", type=Path, help=f"folder of the cases: {what}")
    parser.add_argument("--split", help="train, valid or test of --data, where there are several")


def read_data(arguments: argparse.Namespace) -> DataMasks | None:
    """Return the cases of ``--data``; None without. Raises FormatError where they cannot be read."""
    if arguments.data is None:
        if arguments.split is not None:
            raise FormatError("--split says which part of --data; name --data as well")
        return None
    return find_data_masks(read_encounters(arguments.data, arguments.split), arguments.data, None)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``python -m magic_demo import-predictions``."""
    parser.epilog = "Exit codes: 0 done; 1 nothing could be read, one line says why; 3 done, with findings."
    parser.add_argument(
        "source",
        type=Path,
        metavar="OUT",
        help="a folder of challenge files (masks_preds, data_cvqa_sys.json), or a JSON file of answers or of "
        "scores (docs/systems.md)",
    )
    parser.add_argument(
        "--bundle", type=Path, required=True, help="folder to write; `serve --bundle` shows it as the model"
    )
    parser.add_argument(
        "--name", help="of the system, as the page shows it (default: the folder's or file's)"
    )
    add_data_arguments(parser, "says which case a photo is of, and how it is turned")
    add_questions_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write the bundle; returns 0, or 3 when something had to be put right (each named)."""
    bundle: Path = arguments.bundle
    if bundle.exists() and (not bundle.is_dir() or any(bundle.iterdir())):
        raise FormatError("{bundle}: is not empty; choose another --bundle", bundle=bundle)
    data = read_data(arguments)
    system = read_system(arguments.source, read_asked(arguments), data, arguments.name)
    masks = answered = 0
    for encounter_id in system.encounter_ids:
        prediction = system.read(encounter_id)
        write_prediction(bundle, prediction)
        masks += len(prediction.photos)
        answered += bool(prediction.answers)
    print(
        f"{system.name}: {len(system.encounter_ids)} encounters, {answered} with answers, {masks} masks, written "
        f"to {bundle}"
    )
    lines = list(system.findings.lines())
    if data is not None:
        known = {files.encounter_id for files in data.found.encounters}
        strange = [case for case in system.encounter_ids if case not in known]
        lines += (
            [f"{len(strange)} encounters that the data does not list: {strange[0]} ..."] if strange else []
        )
        missing = sorted(known - set(system.encounter_ids))
        lines += [f"{len(missing)} listed encounters have no prediction: {missing[0]} ..."] if missing else []
    for line in lines:
        print(f"finding: {line}", file=sys.stderr)
    return EXIT_WITH_FINDINGS if lines else EXIT_DONE
