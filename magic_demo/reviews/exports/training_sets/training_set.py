"""Readings as a training set: the challenge's layout with photos, words, answers and masks, which ``python -m
training`` takes as it is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from magic_demo.core.disk.whole_files import write_json, write_whole
from magic_demo.core.types import LANGUAGES, EncounterFiles, PhotoFile
from magic_demo.files.answers import write_answers
from magic_demo.files.masks.mask_files import mask_file_name, write_mask
from magic_demo.imaging.run_lengths import decode_mask
from magic_demo.reviews.exports.challenge import find_owners, merge_answers, walk_masks
from magic_demo.reviews.exports.images import list_own_photos, write_photo
from magic_demo.reviews.exports.readings import CaseReadings, Selection, annotator_of
from magic_demo.reviews.exports.training_sets.dataset_card import write_card

VALID_SHARE = 0.2
MASKS = "segmentations"
METADATA = "metadata.jsonl"
"""What the library ``datasets`` reads beside a folder's images."""
CONTENTS = """`load_dataset(FOLDER)` gives the photos with the patient's words, the readers' agreed answers (JSON, indices
into the options; empty where they do not agree) and, in `masks`, the paths of the readers' masks below this folder, one a
line: TIFF, 1 where the lesion is. `python -m training` takes the folder as it is."""


def write_training_set(selection: Selection, folder: Path) -> int:
    """Write ``<split>/<split>.json``, ``<split>/<split>_cvqa.json``, ``<split>/images_<split>`` and
    ``segmentations/<split>``; returns how many masks.

    A fifth of the cases, chosen by a digest of who asked, is ``valid``, the others ``train``: cases of one
    author stay together, and a case stays where it is when others are added. Photos are written anew from
    their pixels, upright, as PNG: no metadata of the files they came from is left, and no pixel is changed. A
    photo that cannot be read, or a mask that does not fit its photo, would stop a training run and is left
    out.
    """
    answers, owners = merge_answers(selection), find_owners(selection)
    splits = split_cases(selection)
    sizes: dict[str, tuple[int, int]] = {}
    split_of: dict[str, str] = {}
    rows: dict[str, dict[str, str]] = {}
    for split, cases in splits.items():
        entries = []
        for case, files in cases:
            own = list_own_photos(case, owners, selection)
            photos = [photo for photo in own if _is_of_use(photo, case, selection)]
            for photo in photos:
                size = write_photo(photo, folder / split / f"images_{split}", selection)
                if size is not None:
                    sizes[photo.photo_id] = size
            written = [photo.photo_id for photo in photos if photo.photo_id in sizes]
            entries.append(_entry(files, [f"{name}.png" for name in written]))
            for name in written:
                rows[name] = _row(name, files, answers.get(case.case_id))
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
        path = (
            f"{MASKS}/{split_of[case.case_id]}/{mask_file_name(photo_id, f'ann{selection.number(review)}')}"
        )
        write_mask(folder / path, decode_mask(runs))
        rows[photo_id]["masks"] = "\n".join(filter(None, (rows[photo_id]["masks"], path)))
        masks += 1
    _write_metadata(folder, selection, rows, split_of)
    return masks


def _write_metadata(
    folder: Path, selection: Selection, rows: Mapping[str, dict[str, str]], split_of: Mapping[str, str]
) -> None:
    """Write what ``datasets`` needs to load photos alone, each with its words, answers and the paths of its
    masks."""
    loaded: dict[str, str] = {}
    for split, name in (("train", "train"), ("valid", "validation")):
        lines = [row for row in rows.values() if split_of[row["encounter"]] == split]
        if lines:
            text = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in lines)
            write_whole(folder / split / f"images_{split}" / METADATA, text)
            loaded[name] = f"{split}/images_{split}/*"
    write_card(folder, selection, CONTENTS, {"default": loaded} if loaded else {})


def _row(photo_id: str, files: EncounterFiles, answers: Mapping[str, int] | None) -> dict[str, str]:
    """Return a photo's line. All values are texts: ``datasets`` refuses splits whose columns differ in kind, as a
    list without items does from one with some."""
    return {
        "file_name": f"{photo_id}.png",
        "encounter": files.encounter_id,
        "author": files.author_id,
        **{f"narrative_{language}": getattr(files.narrative, language) for language in LANGUAGES},
        "masks": "",
        "answers": json.dumps(answers) if answers is not None else "",
    }


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
