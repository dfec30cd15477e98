"""Synthetic readings by three made-up readers, beside a made-up model, of synthetic cases: a store, photos
and a prediction bundle to look at.

``python -m tests.support.store.agreeing_readers FOLDER [CASES]`` writes them; FOLDER/reviews is the store,
FOLDER/bundle the predictions.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from magic_demo.core.review_types import MaskRuns, Review
from magic_demo.core.types import (
    Answers,
    Family,
    Mask,
    PhotoPrediction,
    Prediction,
)
from magic_demo.files.bundles import write_prediction
from magic_demo.imaging.run_lengths import encode_mask
from magic_demo.questions.decoding import fill_slots
from magic_demo.questions.families import load_families
from magic_demo.reviews.store import NewCase, Store
from magic_demo.synthetic.cases import write_cases
from magic_demo.synthetic.encounters import SyntheticCase

QUEUE = "rounds"
READERS = ("Ann", "Bo", "Chen")
MODELS = {"segmentation": "made-up@1", "cvqa": "made-up@1"}


@dataclass(frozen=True)
class ReadRounds:
    """Where everything lies, and how many cases there are."""

    store: Path
    bundle: Path
    cases: int


def write_rounds(folder: Path, *, cases: int = 12, seed: int = 5) -> ReadRounds:
    """Write photos, a bundle and a store whose readers read every case blind, then with the model; Chen is
    the adjudicator."""
    made: list[SyntheticCase] = []
    data = write_cases(
        folder / "data", count=cases, seed=seed, splits={"train": 1.0}, longest=360, progress=made.append
    )
    rounds = ReadRounds(folder / "reviews", folder / "bundle", cases)
    random = np.random.default_rng(seed)
    with Store.open(rounds.store) as store:
        for name in READERS:
            store.add_reader(name, role="adjudicator" if name == "Chen" else "reader")
        store.add_cases(QUEUE, [NewCase(case.encounter_id, str(data)) for case in made])
        for case in made:
            prediction = _predict(case, random)
            write_prediction(rounds.bundle, prediction)
            for name, slips in zip(READERS, (0.12, 0.2, 0.16), strict=True):
                _read(store, case, name, slips, prediction, random)
            if int(case.encounter_id[-1]) % 2:
                store.save(
                    Review(
                        case.encounter_id,
                        "Chen",
                        "consensus",
                        "done",
                        _whole(case.answers),
                        models=MODELS,
                        queue=QUEUE,
                    )
                )
    return rounds


def _read(
    store: Store,
    case: SyntheticCase,
    name: str,
    slips: float,
    prediction: Prediction,
    random: np.random.Generator,
) -> None:
    blind = _slip(_whole(case.answers), slips, random)
    masks = _outline(case, random, 0.14)
    store.save(Review(case.encounter_id, name, "blind", "done", blind, masks=masks, queue=QUEUE))
    revealed = dict(blind)
    for family in load_families():
        if _labels(blind, family) != _labels(prediction.answers, family) and random.random() < 0.35:
            revealed.update({question.qid: prediction.answers[question.qid] for question in family.questions})
    nearer = _outline(case, random, 0.08)
    differing = {
        f.family_id for f in load_families() if _labels(revealed, f) != _labels(prediction.answers, f)
    }
    store.save(
        Review(
            case.encounter_id,
            name,
            "revealed",
            "done",
            revealed,
            masks=nearer,
            models=MODELS,
            queue=QUEUE,
            disagreements=frozenset(differing),
        )
    )


def _predict(case: SyntheticCase, random: np.random.Generator) -> Prediction:
    photos = tuple(
        PhotoPrediction(photo.photo_id, _map(_change(masks[0], random, 0.18)), photo.size)
        for photo, masks in zip(case.photos, case.annotators, strict=True)
    )
    return Prediction(
        case.encounter_id, photos, answers=_slip(_whole(case.answers), 0.3, random), models=MODELS
    )


def _whole(answers: Answers) -> dict[str, int]:
    return dict(answers)


def _slip(answers: dict[str, int], share: float, random: np.random.Generator) -> dict[str, int]:
    """Answer some families otherwise: one label, any."""
    slipped = dict(answers)
    for family in load_families():
        if random.random() < share:
            slipped.update(
                fill_slots(
                    family,
                    frozenset({int(random.integers(len(family.options["en"])))} - {family.not_mentioned}),
                )
            )
            if len(family.questions) == 1:
                slipped[family.questions[0].qid] = int(random.integers(len(family.options["en"])))
    return slipped


def _labels(answers: Answers, family: Family) -> set[int]:
    return {answers[question.qid] for question in family.questions}


def _outline(case: SyntheticCase, random: np.random.Generator, amount: float) -> dict[str, MaskRuns]:
    return {
        photo.photo_id: encode_mask(_change(masks[0], random, amount))
        for photo, masks in zip(case.photos, case.annotators, strict=True)
    }


def _change(mask: Mask, random: np.random.Generator, amount: float) -> Mask:
    """Move a mask, and grow or shrink it, by about a share of its own size."""
    size = max(2.0, float(np.sqrt(mask.sum())))
    by = random.normal(0, amount * size / 2, 2)
    moved = cv2.warpAffine(mask.astype(np.uint8), np.array([[1, 0, by[0]], [0, 1, by[1]]]), mask.shape[::-1])
    width = max(1, round(abs(float(random.normal(0, amount * size / 2)))))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * width + 1, 2 * width + 1))
    return np.asarray((cv2.dilate if random.random() < 0.6 else cv2.erode)(moved, kernel) > 0)


def _map(mask: Mask) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    small = cv2.resize(mask.astype(np.float32), (96, 96), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(small, (5, 5), 1), np.float32)


if __name__ == "__main__":
    written = write_rounds(Path(sys.argv[1]), cases=int(sys.argv[2]) if len(sys.argv) > 2 else 24)
    print(f"{written.cases} synthetic cases: store {written.store}, predictions {written.bundle}")
