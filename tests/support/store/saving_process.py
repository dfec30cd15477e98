"""A process of its own that saves reviews in a loop: ``python -m tests.support.store.saving_process PLACE READER
FIRST COUNT`` prints each number that was answered."""

from __future__ import annotations

import sys

import numpy as np

from magic_demo.core.review_types import Review
from magic_demo.imaging.run_lengths import encode_mask
from magic_demo.reviews.store import Store


def main(place: str, reader: str, first: int, count: int) -> None:
    """Save ``count`` reviews of case E1 in queue q, no two alike; a line is written only when the store has
    answered."""
    with Store.open(place, wait_seconds=60) as store:
        print("open", flush=True)
        for turn in range(first, first + count):
            mask = np.zeros((1000, 1000), np.bool_)
            mask.flat[turn] = True
            saved = store.save(
                Review("E1", reader, queue="q", comment=str(turn), masks={"IMG1": encode_mask(mask)}),
                client_key=f"{reader} {turn}",
            )
            print(saved.number, turn, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
