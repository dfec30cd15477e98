"""A page over readings of three readers and three systems, for the browser tests."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from magic_demo.files.bundles import list_predictions, read_prediction, write_prediction
from tests.e2e.review_server import ReviewServer
from tests.support.store.agreeing_readers import write_rounds
from tests.support.store.reviewed_cases import answer


class RoundsServer(ReviewServer):
    """``app.py`` over the synthetic readings of three readers."""

    def write_cases(self, count: int) -> None:
        """Write the readings; the store is theirs, and the page has no queue of its own."""
        rounds = write_rounds(self.folder, cases=2 * count)
        self.queue, self.bundle, self.store = self.folder / "data", rounds.bundle, rounds.store
        for name in list_predictions(self.bundle):
            said = read_prediction(self.bundle, name)
            for system, choice, level in (("second", 1, 0.0), ("third", 2, 1.0)):
                photos = tuple(
                    replace(photo, probability=np.full_like(photo.probability, level))
                    for photo in said.photos
                )
                write_prediction(
                    self.folder / system,
                    replace(said, photos=photos, answers=answer(choice), models={"cvqa": system}),
                )

    def arguments(self) -> list[str]:
        """Return the places, with two more systems to switch to."""
        more = [word for system in ("second", "third") for word in ("--bundle", str(self.folder / system))]
        return [*super().arguments(), *more]
