"""A page that reviews a small queue from a prediction bundle, for the browser tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from magic_demo.core.limits import PREFIX
from magic_demo.core.types import PhotoPrediction, Prediction
from magic_demo.files.bundles import write_prediction
from magic_demo.files.photos.reading import read_photo
from magic_demo.questions.decoding import decode_answers
from magic_demo.questions.families import load_families
from magic_demo.reviews.cases.queues import read_queue
from magic_demo.synthetic.cases import write_cases
from tests.e2e.page_server import PageServer

CHANCE = 0.7313
"""What the written model gives its answer to every question of one slot: a number to look for in what the
page is sent."""
MODEL = "written-model-of-the-test"


def write_bundle(queue: Path, folder: Path, unsure: frozenset[str] = frozenset()) -> None:
    """Write what a model might have said of each case of a queue: a disc on every photo, answers with CHANCE.
    unsure: families it does not know."""
    families = load_families()
    for files in read_queue(queue).encounters:
        photos = []
        for photo in files.photo_files:
            assert photo.path is not None
            rows, columns = np.mgrid[:64, :64]
            disc = ((rows - 32) ** 2 + (columns - 32) ** 2 < 14**2).astype(np.float32)
            photos.append(PhotoPrediction(photo.photo_id, disc, read_photo(photo.path).size))
        scores = {
            question.qid: np.linspace(1, 0, question.option_count).astype(np.float32)
            for family in families
            for question in family.questions
        }
        chances = {}
        for family in families:
            count = family.questions[0].option_count
            chances[family.family_id] = np.full(count, (1 - CHANCE) / (count - 1))
            chances[family.family_id][0] = CHANCE
        write_prediction(
            folder,
            Prediction(
                files.encounter_id,
                tuple(photos),
                scores,
                decode_answers(scores, families),
                chances,
                unsure=unsure,
                models={"cvqa": MODEL},
            ),
        )


class ReviewServer(PageServer):
    """``app.py`` over a queue of synthetic cases, a bundle and a store of its own; no model is loaded."""

    def __init__(self, repository: Path, folder: Path, *, cases: int = 3, **limits: int) -> None:
        """Write the cases and the bundle; ``start`` opens the page. limits: as ``Limits`` names them."""
        super().__init__(repository, folder)
        self.limits = {f"{PREFIX}{name.upper()}": str(value) for name, value in limits.items()}
        self.queue, self.bundle, self.store = folder / "clinic", folder / "bundle", folder / "store"
        self.write_cases(cases)

    def write_cases(self, count: int) -> None:
        """Write what the page is over."""
        write_cases(self.queue, count=count, seed=5, longest=160)
        write_bundle(self.queue, self.bundle)

    def arguments(self) -> list[str]:
        """Return the places, and a checkpoint that is none."""
        places = {
            "--queue": self.queue,
            "--bundle": self.bundle,
            "--store": self.store,
            "--segmentation": self.folder / "no-model",
        }
        return [word for name, place in places.items() for word in (name, str(place))]

    def settings(self) -> dict[str, str | None]:
        """Return the limits as well."""
        return {**super().settings(), **self.limits}
