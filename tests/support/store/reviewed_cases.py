"""A small queue that two readers and an adjudicator have read: photos and words on disk, reviews as a store
returns them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from PIL import Image

from magic_demo.core.remark import Remark
from magic_demo.core.review_types import Knowledge, Mark, MaskRuns, Review, SavedReview
from magic_demo.core.ruler import Ruler
from magic_demo.core.types import EncounterFiles, Mask
from magic_demo.files.encounters import read_encounters
from magic_demo.imaging.run_lengths import encode_mask
from magic_demo.questions.families import load_challenge, load_families
from magic_demo.reviews.store.rules import find_missing
from tests.support.stand_ins import draw_photo

QUEUE = "lesson"
SIZES = {
    "IMG_ENC00001_00001": (48, 64),
    "IMG_ENC00001_00002": (50, 40),
    "IMG_ENC00002_00001": (33, 47),
    "IMG_ENC00003_00001": (64, 48),
}


@dataclass(frozen=True)
class ReadQueue:
    """Where the cases lie, the cases, and every row that was saved of them."""

    folder: Path
    cases: tuple[EncounterFiles, ...]
    reviews: tuple[SavedReview, ...]


def make_queue(folder: Path) -> ReadQueue:
    """Write three cases and return them with eight rows.

    ENC00001: Li (assisted, done) and Wang (blind, then revealed; the second photo unusable), and Wang's
    consensus. ENC00002: Li, done and then changed and not finished; its mask is empty. ENC00003: Wang, only
    begun, and Li with two families.
    """
    photos = folder / "train" / "images_train"
    photos.mkdir(parents=True)
    entries = []
    for encounter_id in ("ENC00001", "ENC00002", "ENC00003"):
        names = [name for name in SIZES if encounter_id in name]
        for name in names:
            Image.fromarray(draw_photo(*SIZES[name])).save(photos / f"{name}.png")
        entries.append(
            {
                "encounter_id": encounter_id,
                "author_id": f"U{encounter_id[-1]}",
                "image_ids": [f"{name}.png" for name in names],
                "query_title_en": f"Red spots {encounter_id}",
                "query_content_en": "for <5 weeks",
                "query_content_zh": "数周，有点痒",
                "responses": [{"content_en": "eczema"}],
            }
        )
    (folder / "train" / "train.json").write_text(json.dumps(entries, ensure_ascii=False), encoding="utf-8")
    reviews = [
        Review("ENC00001", "Li", "assisted", "done", answer(0), {"CQID011-001": "手背"}, _masks("ENC00001", 1), seconds=12.5,
               comment="edge is =unclear\nsecond line, “quoted”", flagged=True, difficulty="hard", models={"segmentation": "compact@1"},
               disagreements=frozenset({"CQID011"})),
        Review("ENC00001", "Wang", "blind", "done", answer(1), masks=_masks("ENC00001", 2),
               clicks={"IMG_ENC00001_00001": (Mark("box", (0.1, 0.2, 0.5, 0.6)), Mark("skin", (0.25, 0.5)))},
               remarks={"IMG_ENC00001_00001": (Remark((3, 4), "=scaly"),)},
               rulers={"IMG_ENC00001_00001": Ruler((1.0, 2.0, 1.0, 22.5), 10.0, ((3.0, 4.0, 30.25, 4.0), (0.0, 0.0, 47.0, 33.0)))}),
        Review("ENC00001", "Wang", "revealed", "done", answer(2), masks=dict(list(_masks("ENC00001", 3).items())[:1]),
               unusable=frozenset({"IMG_ENC00001_00002"}), disagreements=frozenset()),
        Review("ENC00001", "Wang", "consensus", "done", answer(0), masks=_masks("ENC00001", 4)),
        Review("ENC00002", "Li", "assisted", "done", answer(3), masks={"IMG_ENC00002_00001": encode_mask(np.zeros((33, 47), np.bool_))}),
        Review("ENC00002", "Li", "assisted", "in progress", answer(4)),
        Review("ENC00003", "Wang", "assisted", "in progress", answer(1)),
        Review("ENC00003", "Li", "assisted", "done", {"CQID010-001": 1, "CQID025-001": 0}, masks=_masks("ENC00003", 5)),
    ]  # fmt: skip
    return ReadQueue(folder, read_encounters(folder, "train").encounters, save_all(reviews))


def save_all(reviews: Sequence[Review]) -> tuple[SavedReview, ...]:
    """Number reviews as a store does, one a minute, in one queue, with what was known and what a finished one
    left open."""
    start = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
    kept = [
        replace(review, queue=QUEUE, known=_know(review), missing=_leave_open(review)) for review in reviews
    ]
    return tuple(
        SavedReview(number, start + timedelta(minutes=number), review)
        for number, review in enumerate(kept, start=1)
    )


def _know(review: Review) -> frozenset[Knowledge]:
    return frozenset({"model"}) if review.models or review.kind == "revealed" else frozenset()


def _leave_open(review: Review) -> frozenset[str]:
    return frozenset(find_missing(review, (), load_challenge()) if review.state == "done" else ())


def answer(choice: int) -> dict[str, int]:
    """Answer every question: families of one slot with option ``choice``, the others with one or two labels,
    then "Not mentioned"."""
    answers: dict[str, int] = {}
    for family in load_families():
        count = len(family.options["en"])
        if len(family.questions) == 1:
            labels = [choice % count]
        else:
            labels = sorted(
                {(choice + 6) % (count - 1), (choice * 2 + 1) % (count - 1)},
                key=lambda label: (label != 6, label),
            )
        filled = [*labels, *[family.padding] * (len(family.questions) - len(labels))]
        answers.update(
            {question.qid: label for question, label in zip(family.questions, filled, strict=True)}
        )
    return answers


def draw_mask(size: tuple[int, int], seed: int) -> Mask:
    """Draw a mask with ragged borders and a hole, (H, W) bool, another for every seed."""
    height, width = size
    rows, columns = np.mgrid[:height, :width]
    distance = np.hypot(rows - height / 2, columns - width / 2) + np.random.default_rng(seed).random(size) * 4
    return np.asarray((distance < min(size) / 3) & (distance > 3 + seed % 2))


def _masks(encounter_id: str, seed: int) -> dict[str, MaskRuns]:
    return {name: encode_mask(draw_mask(size, seed)) for name, size in SIZES.items() if encounter_id in name}
