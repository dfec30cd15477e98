"""Synthetic encounters on disk in the challenge's layout."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile

from magic_demo.core.disk.whole_files import write_json, write_whole
from magic_demo.core.errors import MagicDemoError
from magic_demo.core.types import Answers, Mask, Pixels
from magic_demo.files.masks.turns import Lie
from magic_demo.imaging.overlay import draw_outline
from magic_demo.imaging.turning import turn_back
from magic_demo.questions.coverage import Coverage, match_families
from magic_demo.questions.families import QuestionSet, load_challenge
from magic_demo.synthetic.bundled import Example, load_examples, write_examples
from magic_demo.synthetic.encounters import SyntheticCase, encode_photo, make_case, make_entry
from magic_demo.synthetic.truth import draw_truth

__all__ = ["Example", "SyntheticCase", "load_examples", "make_case", "write_cases", "write_examples"]

SPLITS: Mapping[str, float] = {"train": 0.7, "valid": 0.15, "test": 0.15}
MASKS_FOLDER = "dermavqa-segmentations"
NOTICE = """SYNTHETIC CASES - not real patients.

Every photo, mask, text and answer in this folder was drawn by a program (python -m magic_demo cases). The photos show no person, the texts were
written by no patient and the responses by no clinician. They are made to try the software and to test it; scores on them say nothing about
scores on real cases. Layout: that of the MEDIQA-MAGIC 2025 challenge (DermaVQA).
"""


class CasesError(MagicDemoError):
    """Synthetic cases cannot be written as asked: a folder that is not empty, a count of nothing."""


def write_cases(
    folder: Path,
    *,
    count: int | None = None,
    seed: int,
    photos: int | None = None,
    splits: Mapping[str, float] = SPLITS,
    longest: int | None = None,
    masks: Lie = "upright",
    asked: QuestionSet | None = None,
    progress: Callable[[SyntheticCase], None] | None = None,
) -> Path:
    """Write ``count`` cases, or as many as have ``photos`` photos, in the challenge's layout into a new or
    empty folder and return it.

    ``<split>/<split>.json``, ``<split>/<split>_cvqa.json``, ``<split>/images_<split>/*.jpg``,
    ``dermavqa-segmentations/<split>/*_mask_ann<k>.tiff`` (uint8, 0 and 1) and a README.txt that says the data
    is synthetic.
    splits: name -> share; which split a case falls into does not depend on ``count``. masks: whether masks lie
    as the upright photos or as the stored ones, of which every eighth or so is turned by its EXIF data. asked:
    the questions that are answered, the challenge's when None; see ``answer_asked``. progress: called with
    each written case. Raises CasesError when the folder is not empty or cannot be written, or the count or the
    shares make no sense.
    """
    if (count is None) == (photos is None):
        raise CasesError("give either a count of cases or a number of photos")
    if count is not None and count < 1:
        raise CasesError("{count} cases were asked for; at least 1 is expected", count=count)
    if photos is not None and photos < 1:
        raise CasesError("{count} photos were asked for; at least 1 is expected", count=photos)
    if not splits or min(splits.values()) < 0 or sum(splits.values()) <= 0:
        raise CasesError("the splits' shares must not be negative, and one must be more than 0")
    open_folder(folder)
    entries: dict[str, list[dict[str, Any]]] = {split: [] for split in splits}
    answers: dict[str, list[dict[str, Any]]] = {split: [] for split in splits}
    coverage = match_families(asked or load_challenge(), load_challenge().families)
    amount = f"--count {count}" if count is not None else f"--photos {photos}"
    write_whole(folder / "README.txt", NOTICE + f"\nMade with {amount} --seed {seed}.\n")
    made = _make_cases(seed, count, photos, longest)
    for case, split in zip(made, _assign_splits(splits), strict=False):
        _write_photos(folder, split, case, seed, masks)
        entries[split].append(make_entry(case))
        answers[split].append({"encounter_id": case.encounter_id, **answer_asked(case.answers, coverage)})
        if progress is not None:
            progress(case)
    for split in splits:
        write_json(folder / split / f"{split}_cvqa.json", answers[split])
        write_json(folder / split / f"{split}.json", entries[split])
    return folder


def answer_asked(answers: Answers, coverage: Coverage) -> dict[str, int]:
    """Return qid -> index of the questions asked, from a case's answers to the challenge's.

    What is drawn and told does not settle other families or options: those are answered "Not mentioned", or
    with the first option where there is no such option.
    """
    settled = coverage.translate_answers(answers)
    fallback = coverage.asked.answer({}).fallback
    return {
        question.qid: settled.get(question.qid, fallback[question.qid])
        for question in coverage.asked.questions
    }


def encode_mask(mask: Mask) -> bytes:
    """Return the bytes of a zlib TIFF of 0 and 1, uint8."""
    stream = io.BytesIO()
    tifffile.imwrite(stream, mask.astype(np.uint8), compression="zlib", metadata=None, software=None)
    return stream.getvalue()


def draw_contact_sheet(cases: list[SyntheticCase], *, tile: int = 300, columns: int = 5) -> Pixels:
    """Draw each case's first photo with its true outline and the word SYNTHETIC, ``columns`` a row, tiles of
    ``tile`` pixels."""
    rows = -(-len(cases) // columns)
    sheet = np.full((rows * tile, columns * tile, 3), 24, np.uint8)
    for index, case in enumerate(cases):
        photo = draw_outline(case.photos[0].pixels, case.masks[0])
        scale = (tile - 4) / max(photo.shape[:2])
        small = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        top, left = index // columns * tile + 2, index % columns * tile + 2
        sheet[top : top + small.shape[0], left : left + small.shape[1]] = small
        for colour, width in (((0, 0, 0), 3), ((255, 255, 255), 1)):
            cv2.putText(
                sheet,
                f"SYNTHETIC {case.encounter_id}",
                (left + 5, top + 16),
                cv2.FONT_HERSHEY_SIMPLEX,
                0.42,
                colour,
                width,
                cv2.LINE_AA,
            )
    return sheet


def open_folder(folder: Path) -> None:
    """Make a folder, or take an empty one. Raises CasesError for any other."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise CasesError("{folder}: the folder is not empty; name a new or an empty one", folder=folder)
    except (FileExistsError, NotADirectoryError) as error:
        raise CasesError(
            "{folder}: a file is in the way; name a new or an empty folder", folder=folder
        ) from error
    except OSError as error:
        raise CasesError(
            "{folder}: cannot be written ({reason}); name a folder that you may write to",
            folder=folder,
            reason=error.strerror or error,
        ) from error


def _make_cases(
    seed: int, count: int | None, photos: int | None, longest: int | None
) -> Iterator[SyntheticCase]:
    """Yield so many cases, or cases with so many photos: the last one has what is left."""
    left = photos
    for number in itertools.count(1):
        if left == 0 or (count is not None and number > count):
            return
        truth = draw_truth(np.random.default_rng([seed, number, 1]))
        if left is not None:
            truth = replace(truth, photos=min(truth.photos, left))
            left -= truth.photos
        yield make_case(seed, number, truth=truth, longest=longest)


def _assign_splits(splits: Mapping[str, float]) -> Iterator[str]:
    """Deal cases to splits, without end, so that after each one the shares are as near as they can be."""
    total = sum(splits.values())
    dealt = dict.fromkeys(splits, 0)
    for number in itertools.count(1):
        split = max(splits, key=lambda name: splits[name] / total * number - dealt[name])
        dealt[split] += 1
        yield split


def _write_photos(folder: Path, split: str, case: SyntheticCase, seed: int, lie: Lie) -> None:
    rng = np.random.default_rng([seed, int(case.encounter_id[3:]), 4])
    for photo, masks in zip(case.photos, case.annotators, strict=True):
        orientation = int(rng.choice([1, 3, 6, 8], p=[0.88, 0.03, 0.06, 0.03]))
        quality = int(rng.integers(78, 96))
        write_whole(
            folder / split / f"images_{split}" / f"{photo.photo_id}.jpg",
            encode_photo(photo.pixels, quality=quality, orientation=orientation),
        )
        who = sorted(int(index) for index in rng.permutation(4)[: len(masks)])
        for annotator, mask in zip(who, masks, strict=True):
            write_whole(
                folder / MASKS_FOLDER / split / f"{photo.photo_id}_mask_ann{annotator}.tiff",
                encode_mask(mask if lie == "upright" else turn_back(mask, orientation)),
            )
