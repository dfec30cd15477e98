"""What the challenge's platform does with a zip, in few lines: unpack it, join masks and answers with the
references by name, and stop where one is missing."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray


def take_in(file: Path, folder: Path, references: Path, answers: Path) -> dict[str, Any]:
    """Unpack a submission into ``folder`` and join it with the references; return how many photos and
    encounters were joined.

    Raises what the platform's script raises: FileNotFoundError, KeyError, ValueError.
    """
    with zipfile.ZipFile(file) as archive:
        archive.extractall(folder)
    answered = json.loads((folder / "data_cvqa_sys.json").read_text(encoding="utf-8"))
    return {
        "photos": _join_masks(_find_masks(references), _find_masks(folder / "masks_preds")),
        "encounters": _join_answers(json.loads(answers.read_text(encoding="utf-8")), answered),
    }


def _find_masks(folder: Path) -> dict[str, dict[str, Path]]:
    found: dict[str, dict[str, Path]] = {}
    for path in folder.glob("*.tiff"):
        photo_id, *_, labeller = path.stem.split("_mask_")
        found.setdefault(labeller, {})[photo_id] = path
    return found


def _join_masks(references: Mapping[str, Mapping[str, Path]], found: Mapping[str, Mapping[str, Path]]) -> int:
    if not found:
        return 0
    photos = {photo_id for masks in references.values() for photo_id in masks}
    for photo_id in photos:
        system = _read(found["sys"][photo_id])
        for masks in references.values():
            if photo_id in masks:
                np.sum(_read(masks[photo_id]) == system)  # of another size: ValueError
                if _read(masks[photo_id]).shape != system.shape:
                    raise ValueError(f"{photo_id}: another shape")
    return len(photos)


def _read(path: Path) -> NDArray[np.uint8]:
    mask = tifffile.imread(path).astype(np.uint8)
    if not set(np.unique(mask)) <= {0, 1}:
        raise ValueError(f"{path.name}: other values than 0 and 1")
    return np.asarray(mask)


def _join_answers(references: list[dict[str, Any]], found: list[dict[str, Any]]) -> int:
    by_id = {row["encounter_id"]: row for row in found}
    if not by_id:
        return 0
    for row in references:
        for key in row:
            by_id[row["encounter_id"]][key]
    return len(references)
