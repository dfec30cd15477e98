"""PAD-UFES-20's smartphone photos of single lesions, and the answers that its records give to the closed
questions."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from magic_demo.core.disk.user_files import LARGEST_CONFIG, read_user_lines, read_user_text
from magic_demo.core.types import Answers
from magic_demo.files.masks.mask_files import read_loose_mask
from magic_demo.imaging.measure import count_parts
from magic_demo.questions.families import load_families
from training.runs.run import SettingsError

SITES = {
    "head": ("FACE", "NOSE", "EAR", "LIP", "SCALP"),
    "neck": ("NECK",),
    "upper extremities": ("ARM", "FOREARM", "HAND"),
    "lower extremities": ("THIGH", "FOOT"),
    "chest/abdomen": ("CHEST", "ABDOMEN"),
    "back": ("BACK",),
}
"""Option of CQID011 -> regions of the records."""
LARGEST = (("size of thumb nail", 20.0), ("size of palm", 80.0))
"""Options of CQID012 with the largest diameter in millimetres, as synthetic cases have them; above is a
larger area."""


@dataclass(frozen=True)
class PadPhoto:
    """A photo with the answers that are known. patient: photos of one patient are never split apart."""

    name: str
    path: Path
    patient: str
    answers: Answers


def read_pad(folder: Path, split: str = "") -> list[PadPhoto]:
    """Read the photos of ``splits/<split>.txt``, or all without a split, their records in
    ``pad_metadata.csv`` and their masks.

    Raises SettingsError when a file or a record is missing.
    """
    try:
        names = (
            read_user_lines(folder / "splits" / f"{split}.txt", LARGEST_CONFIG)
            if split
            else sorted(path.stem for path in (folder / "images").glob("*.jpg"))
        )
        table = read_user_text(folder / "pad_metadata.csv", LARGEST_CONFIG).splitlines()
        records = {row["img_id"].removesuffix(".png"): row for row in csv.DictReader(table)}
        return [_read_photo(folder, name, records[name]) for name in names]
    except (OSError, KeyError, ValueError) as error:
        raise SettingsError(
            "{folder}: PAD-UFES-20's split lists, pad_metadata.csv, images and masks are expected ({reason})",
            folder=folder,
            reason=error,
        ) from error


def answer_from_record(record: Mapping[str, str]) -> dict[str, str]:
    """Return family -> option: size by the larger diameter, raised or flat, site by the region, itch; what is
    not recorded is left out."""
    known: dict[str, str] = {}
    across = max(float(record[name] or 0) for name in ("diameter_1", "diameter_2"))
    if across > 0:
        known["CQID012"] = next((option for option, largest in LARGEST if across <= largest), "larger area")
    if record["elevation"] in ("True", "False"):
        known["CQID020"] = "raised or bumpy" if record["elevation"] == "True" else "flat"
    sites = [site for site, regions in SITES.items() if record["region"] in regions]
    if sites:
        known["CQID011"] = sites[0]
    if record["itch"] in ("True", "False"):
        known["CQID025"] = "yes" if record["itch"] == "True" else "no"
    return known


def _read_photo(folder: Path, name: str, record: Mapping[str, str]) -> PadPhoto:
    mask = read_loose_mask(folder / "masks" / f"{name}.png").mask
    known = answer_from_record(record)
    known["CQID035"] = "single" if count_parts(mask) == 1 else "multiple (please specify)"
    answers = {}
    for family in load_families():
        if family.family_id in known:
            options = [option.strip() for option in family.options["en"]]
            answers.update({question.qid: family.padding for question in family.questions})
            answers[family.questions[0].qid] = options.index(known[family.family_id])
    return PadPhoto(name, folder / "images" / f"{name}.jpg", record["patient_id"], answers)
