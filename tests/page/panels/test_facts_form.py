"""What a browser that cannot read back its canvas is told: the server's outline and numbers, the reader's own
first, and nothing that is hidden."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from magic_demo.core.types import Photo, PhotoPrediction, Prediction
from magic_demo.imaging.measure import measure_photo
from magic_demo.imaging.overlay import lesion_mask
from magic_demo.page.panels.viewer.facts_form import answer_facts
from magic_demo.page.panels.viewer.mask_form import read_mask

SIZE = (300, 400)


def make_photo() -> Photo:
    pixels = np.full((*SIZE, 3), (222, 180, 156), np.uint8)
    cv2.ellipse(pixels, (200, 150), (70, 50), 0, 0, 360, (190, 70, 60), -1)
    return Photo("arm", pixels)


def make_prediction() -> Prediction:
    probability = np.zeros((30, 40), np.float32)
    probability[10:20, 13:27] = 0.9
    return Prediction("CASE", (PhotoPrediction("arm", probability, SIZE),), {}, {}, threshold=0.5)


def test_the_models_outline_and_numbers_are_those_at_the_checkpoints_threshold() -> None:
    prediction = make_prediction()
    reply = answer_facts({"case": "c", "photos": ["arm", "another"]}, [make_photo()], prediction, {})
    (entry,) = reply["photos"]
    mask = lesion_mask(prediction.photos[0].probability, SIZE, 0.5)
    assert reply["case"] == "c" and entry["photo"] == "arm"
    assert np.array_equal(read_mask({"width": 400, "height": 300, "runs": entry["runs"]}, SIZE), mask)
    assert entry["share"] == pytest.approx(mask.mean()) and entry["count"] == 1
    assert entry["colour"] == measure_photo(make_photo().pixels, mask).dominant_colour
    assert set(entry["tone"]) == {"angle", "group"}


def test_the_readers_own_outline_is_measured_where_there_is_one_beside_the_models() -> None:
    own = np.zeros(SIZE, np.bool_)
    own[20:60, 20:60] = own[200:240, 300:340] = True
    (entry,) = answer_facts(
        {"case": "c", "photos": ["arm"]}, [make_photo()], make_prediction(), {"arm": own}
    )["photos"]
    assert (entry["count"], entry["share"]) == (2, pytest.approx(own.mean())) and sum(entry["runs"][1::2]) > 0


def test_of_a_model_that_is_hidden_nothing_is_told() -> None:
    (entry,) = answer_facts({"case": "c", "photos": ["arm"]}, [make_photo()], None, {})["photos"]
    assert entry == {"photo": "arm", "runs": None}


@pytest.mark.parametrize("payload", [None, {}, {"photos": "arm"}, {"photos": [["arm"]]}, {"photos": [1]}])
def test_what_names_no_photo_is_told_of_none(payload: object) -> None:
    assert answer_facts(payload, [make_photo()], make_prediction(), {})["photos"] == []
