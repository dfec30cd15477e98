"""Heat is shown where it lies on the lesion, and not beside it."""

from __future__ import annotations

import numpy as np
import pytest

from magic_demo import load_predictor
from magic_demo.models.influence.explanation import lies_on
from magic_demo.synthetic.bundled import load_examples

LESION = np.zeros((40, 60), np.bool_)
LESION[:10, :15] = True  # one cell of (4, 4)


@pytest.mark.parametrize(("on", "beside", "shown"), [(1.0, 0.0, True), (1.0, 1.0, True), (1.0, 1.2, False)])
def test_at_least_half_of_it_lies_in_cells_that_hold_lesion(on: float, beside: float, shown: bool) -> None:
    heat = np.zeros((4, 4), np.float32)
    heat[0, 0], heat[3, 3] = on, beside
    assert lies_on(heat, LESION) is shown


def test_of_a_photo_without_a_lesion_none_is_shown() -> None:
    assert not lies_on(np.ones((4, 4), np.float32), np.zeros((40, 60), np.bool_))


def test_what_is_shown_of_the_examples_lies_on_their_lesions() -> None:
    predictor, shown = load_predictor(), 0
    for example in load_examples()[:3]:
        prediction = predictor.predict(example.encounter)
        lesions = {photo.photo_id: photo.probability >= prediction.threshold for photo in prediction.photos}
        for family in ("CQID020", "CQID034", "CQID036"):
            regions = predictor.explain(example.encounter, prediction, family, 0).regions
            shown += len(regions)
            assert all(lies_on(heat, lesions[name]) for name, heat in regions.items())
    assert shown
