"""Challenge files, as this program exports them or after others worked on them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from magic_demo.core.errors import FormatError
from magic_demo.core.messages import Message
from magic_demo.core.review_types import Knowledge, Review, ReviewKind
from magic_demo.files.answers import read_answers
from magic_demo.files.json_files import read_json
from magic_demo.files.masks.mask_files import annotator_of, find_reference_masks, read_loose_mask
from magic_demo.reviews.exports.readings import CONSENSUS
from magic_demo.reviews.exports.training_sets.data_set import MANIFEST
from magic_demo.reviews.imports.formats.mask_folder import list_pictures, says_mask
from magic_demo.reviews.imports.gathering import Gathering, SourceError, read_kind, read_known, read_names

_ANSWERS = re.compile(r"answers_(ann\d+)\.json")
Provenance = tuple[ReviewKind, frozenset[Knowledge], frozenset[str]]
"""How a reading came about: its kind, what was known, and what was left open."""


def find_challenge(path: Path) -> bool:
    """Tell whether a folder holds answers of numbered annotators, or masks of theirs and no mask of another name, which
    this format would not read."""
    if not path.is_dir():
        return False
    masks = {mask for paths in find_reference_masks(path).values() for mask in paths}
    others = (file for file in list_pictures(path) if file not in masks and says_mask(file.stem))
    return bool(_list_answers(path)) or (bool(masks) and next(others, None) is None)


def read_challenge(folder: Path, gathering: Gathering) -> None:
    """Read masks ``..._ann<k>.tiff`` and ``answers_ann<k>.json``: one done review a case and annotator, named
    as ``export.json`` says or ``ann<k>``."""
    masks, answers = find_reference_masks(folder), _list_answers(folder)
    if not masks and not answers:
        raise SourceError(
            "{folder}: holds neither masks named <image id>_mask_ann<k>.tiff nor "
            "answers_ann<k>.json; name a challenge export",
            folder=folder,
        )
    review_of = name_reviews(folder, gathering)
    read_masks(masks, gathering, review_of)
    for annotator, path in answers.items():
        for case_id, chosen in read_answers(path, gathering.questions).items():
            gathering.keep(replace(review_of(case_id, annotator), answers=chosen))


def name_reviews(folder: Path, gathering: Gathering) -> Callable[[str, str], Review]:
    """Return what finds the review of a case and annotator ``ann<k>``, by name and kind as ``export.json`` says."""
    names, provenance = _read_manifest(folder)

    def review_of(case_id: str, annotator: str) -> Review:
        name = names.get(annotator, annotator)
        kind, known, missing = provenance.get(
            (case_id, annotator),
            ("consensus" if name == CONSENSUS else "assisted", frozenset(), frozenset()),
        )
        return replace(gathering.review(case_id, name, kind), known=known, missing=missing)

    return review_of


def read_masks(
    masks: Mapping[str, Sequence[Path]],
    gathering: Gathering,
    review_of: Callable[[str, str], Review],
    label: str = "",
) -> None:
    """Read masks of a label, "" for the first. masks: a photo's name -> files named ``..._ann<k>.tiff``."""
    for name, paths in masks.items():
        photo_id = gathering.find_photo(name) or name
        case_id = gathering.name_case(photo_id)
        for path in paths:
            try:
                loose = read_loose_mask(path)
                gathering.add_mask(review_of(case_id, annotator_of(path)), photo_id, loose.mask, label)
            except FormatError as error:
                gathering.left_out.add("mask that cannot be read", path.name, str(error))
                continue
            for repair in loose.repairs:
                gathering.notes.add(f"mask {repair}", path.name)


def _list_answers(folder: Path) -> dict[str, Path]:
    return {match[1]: path for path in sorted(folder.iterdir()) if (match := _ANSWERS.fullmatch(path.name))}


def _read_manifest(folder: Path) -> tuple[Mapping[str, str], Mapping[tuple[str, str], Provenance]]:
    """Return what ``export.json`` says: ann<k> -> name, and (case id, ann<k>) -> how the reading came about.

    A revealed one comes without its blind one, as assisted.
    """
    path = folder / MANIFEST
    manifest = read_json(path, Message("what an export wrote")) if path.is_file() else {}
    manifest = manifest if isinstance(manifest, dict) else {}
    names = manifest.get("annotators", {})
    entries = manifest.get("provenance")
    found: dict[tuple[str, str], Provenance] = {}
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict):
            kind = read_kind(entry.get("kind"))
            found[str(entry.get("case_id")), str(entry.get("annotator"))] = (
                "assisted" if kind == "revealed" else kind,
                read_known(entry.get("known")),
                read_names(entry.get("missing")),
            )
    return (
        {str(key): str(value) for key, value in names.items()} if isinstance(names, dict) else {},
        found,
    )
