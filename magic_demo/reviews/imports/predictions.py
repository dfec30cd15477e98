"""Reviews of one annotator as what a model said: any program's masks and answers become the model on the page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from magic_demo.core.review_types import Review
from magic_demo.core.types import PhotoPrediction, Prediction
from magic_demo.imaging.run_lengths import decode_mask
from magic_demo.reviews.imports.gathering import SourceError


def make_predictions(
    reviews: Iterable[Review], name: str, annotator: str | None = None
) -> Iterator[Prediction]:
    """Yield one prediction a case, its maps 1 where a mask is lesion, by the model ``name``.

    annotator: whose reviews, where there are several's. Raises SourceError where that is not one.
    """
    rows = [review for review in reviews if annotator is None or review.reader == annotator]
    names = sorted({review.reader for review in rows})
    if len(names) != 1:
        raise SourceError(
            "masks and answers of {names} came; a model is one of them, name it with --annotator",
            names=names or ["nobody"],
        )
    newest = {review.case_id: review for review in rows}
    for case_id, review in newest.items():
        photos = tuple(
            PhotoPrediction(photo_id, decode_mask(runs).astype(np.float32), runs.size)
            for photo_id, runs in review.masks.items()
        )
        tasks = (["segmentation"] if photos else []) + (["answers"] if review.answers else [])
        yield Prediction(case_id, photos, answers=review.answers, models=dict.fromkeys(tasks, name))
