"""Readings as a training set: the challenge's layout with photos, words, answers and masks, which ``python -m
training`` takes as it is."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from magic_demo.core.errors import PhotoError
from magic_demo.core.types import LANGUAGES, EncounterFiles, PhotoFile
from magic_demo.core.whole_files import write_json, write_whole
from magic_demo.files.encounters import write_answers
from magic_demo.files.mask_files import mask_file_name, write_mask
from magic_demo.files.photos.processes.workers import read_photo_apart
from magic_demo.imaging.run_lengths import decode_mask
from magic_demo.reviews.exports.challenge import merge_answers, walk_masks
from magic_demo.reviews.exports.readings import CaseReadings, Selection, annotator_of

VALID_SHARE = 0.2
MASKS = "segmentations"
PNG_LEVEL = 3  # of zlib: quick, and little larger than its best


def write_training_set(selection: Selection, folder: Path) -> int:
    """Write ``<split>/<split>.json``, ``<split>/<split>_cvqa.json``, ``<split>/images_<split>`` and
    ``segmentations/<split>``; returns how many masks.

    A fifth of the cases, chosen by a digest of who asked, is ``valid``, the others ``train``: cases of one
    author stay together, and a case stays where it is when others are added. Photos are written anew from
    their pixels, upright, as PNG: no metadata of the files they came from is left, and no pixel is changed. A
    photo that cannot be read, or a mask that does not fit its photo, would stop a training run and is left
    out.
    """
    answers = merge_answers(selection)
    splits = split_cases(selection)
    sizes: dict[str, tuple[int, int]] = {}
    split_of: dict[str, str] = {}
    for split, cases in splits.items():
        entries = []
        for case, files in cases:
            photos = [photo for photo in files.photo_files if _is_of_use(photo, case, selection)]
            names = {
                photo.photo_id: _write_photo(photo, folder / split / f"images_{split}", sizes, selection)
                for photo in photos
            }
            entries.append(_entry(files, [name for name in names.values() if name]))
            split_of[case.case_id] = split
        write_json(folder / split / f"{split}.json", entries)
        write_answers(
            folder / split / f"{split}_cvqa.json",
            {case.case_id: answers[case.case_id] for case, _ in cases if case.case_id in answers},
            selection.questions,
        )
    masks = 0
    for case, review, photo_id, runs in walk_masks(selection):
        if case.case_id not in split_of or photo_id not in sizes:
            continue
        if runs.size != sizes[photo_id]:
            selection.left_out.add("mask of another size than its photo", photo_id, annotator_of(review))
            continue
        write_mask(
            folder
            / MASKS
            / split_of[case.case_id]
            / mask_file_name(photo_id, f"ann{selection.number(review)}"),
            decode_mask(runs),
        )
        masks += 1
    return masks


def split_cases(selection: Selection) -> Mapping[str, Sequence[tuple[CaseReadings, EncounterFiles]]]:
    """Deal the cases whose files are at hand to train and valid; what is left out is noted.

    With two groups or more neither is empty.
    """
    usable = []
    for case in selection.cases:
        if case.files is None:
            selection.left_out.add("case whose photos and words are not at hand", case.case_id)
        else:
            usable.append((case, case.files))
    groups = sorted({_group(files) for _, files in usable}, key=_share)
    valid = {group for group in groups if _share(group) < VALID_SHARE}
    if len(groups) > 1:  # either split may have come out empty by chance
        valid = (valid or {groups[0]}) - ({groups[-1]} if len(valid) == len(groups) else set())
    elif groups:
        valid = set()
        selection.left_out.add(
            "valid split, since all cases are of one author", ", ".join(case.case_id for case, _ in usable)
        )
    return {
        "train": [pair for pair in usable if _group(pair[1]) not in valid],
        "valid": [pair for pair in usable if _group(pair[1]) in valid],
    }


def _group(files: EncounterFiles) -> str:
    return files.author_id or files.encounter_id


def _share(group: str) -> float:
    return int.from_bytes(hashlib.sha256(group.encode()).digest()[:4], "big") / 2**32


def _is_of_use(photo: PhotoFile, case: CaseReadings, selection: Selection) -> bool:
    if all(photo.photo_id in saved.review.unusable for saved in case.readings):
        selection.left_out.add("photo that all its readers called unusable", photo.photo_id)
        return False
    return True


def _write_photo(
    photo: PhotoFile, folder: Path, sizes: dict[str, tuple[int, int]], selection: Selection
) -> str | None:
    if photo.path is None:
        selection.left_out.add("photo whose file is not there", photo.photo_id)
        return None
    try:
        read = read_photo_apart(photo.path, photo_id=photo.photo_id)
    except PhotoError as error:
        selection.left_out.add("photo that cannot be read", photo.photo_id, str(error))
        return None
    sizes[photo.photo_id] = read.size
    name = f"{photo.photo_id}.png"
    buffer = io.BytesIO()
    Image.fromarray(read.pixels).save(buffer, "PNG", compress_level=PNG_LEVEL)
    write_whole(folder / name, buffer.getvalue())
    return name


def _entry(files: EncounterFiles, names: Sequence[str]) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "encounter_id": files.encounter_id,
        "author_id": files.author_id,
        "image_ids": list(names),
        "responses": [{"content_en": response} for response in files.responses],
    }
    for language in LANGUAGES:
        entry[f"query_title_{language}"] = ""
        entry[f"query_content_{language}"] = getattr(files.narrative, language)
    return entry
