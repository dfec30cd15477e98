"""What the canvas is sent: the photo at its working size and the very levels that batch mode thresholds."""

from __future__ import annotations

import base64
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from magic_demo.core.review_types import Outline
from magic_demo.core.types import Photo, PhotoPrediction, Pixels, Prediction
from magic_demo.imaging.overlay import lesion_mask, level_of
from magic_demo.imaging.run_lengths import encode_mask
from magic_demo.page.panels.viewer import EMPTY, MAP_BYTES, encode_levels, encode_photo, viewer_value
from magic_demo.page.panels.viewer.mask_form import WORKING_SIDE, working_size
from tests.support.measures_fixture import FILE, write_file


def decode(address: str, kind: str) -> np.ndarray:
    head, data = address.split(",")
    assert head == f"data:image/{kind};base64"
    picture = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    return np.asarray(picture)


def make_map(size: tuple[int, int], seed: int = 0) -> np.ndarray:
    return cv2.GaussianBlur(np.random.default_rng(seed).random(size).astype(np.float32), (0, 0), 3)


@pytest.mark.parametrize("threshold", [0.02, 0.45, 0.5, 0.501, 0.98])
def test_the_levels_give_the_mask_that_batch_mode_writes(threshold: float) -> None:
    probability, size = make_map((44, 44)), (120, 90)
    levels = decode(encode_levels(probability, size), "png")
    assert levels.dtype == np.uint8 and levels.shape == size
    assert np.array_equal(levels >= level_of(threshold), lesion_mask(probability, size, threshold))


def test_the_mask_is_exact_at_every_step_of_the_slider_and_at_a_checkpoints_own_threshold() -> None:
    probability, size = make_map((44, 44)), (120, 90)
    stretched = np.clip((probability - 0.5) * 8 + 0.5, 0, 1).astype(np.float32)
    levels = decode(encode_levels(stretched, size, threshold=0.4567), "png")
    for threshold in (0.4567, *(step / 100 for step in range(2, 99))):
        assert np.array_equal(levels >= level_of(threshold), lesion_mask(stretched, size, threshold)), (
            threshold
        )
    assert len(np.unique(levels)) <= 102


@pytest.mark.parametrize("grain", [12, 40])
def test_a_map_of_a_12_megapixel_photo_that_is_faint_everywhere_takes_less_than_150_kb_and_half_stays_half(
    grain: int,
) -> None:
    size = (3000, 4000)
    noise = np.asarray(
        cv2.resize(np.random.default_rng(3).random((264 // grain, 352 // grain)), (352, 264)), np.float32
    )
    address = encode_levels(noise, size, threshold=0.37)
    assert len(base64.b64decode(address.split(",")[1])) <= MAP_BYTES
    levels = decode(address, "png")
    for threshold in (0.37, 0.5):
        assert np.array_equal(
            levels >= level_of(threshold), lesion_mask(noise, working_size(size), threshold)
        )


def test_colours_arrive_as_they_are() -> None:
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[:, :, 0] = 200
    blue, green, red = decode(encode_photo(pixels), "jpeg").reshape(-1, 3).mean(axis=0)
    assert red == pytest.approx(200, abs=3) and green < 4 and blue < 4


@given(st.integers(16, 9000), st.integers(16, 9000))
def test_the_working_size_keeps_the_aspect_and_never_enlarges(height: int, width: int) -> None:
    small = working_size((height, width))
    assert max(small) == min(WORKING_SIDE, max(height, width))
    scale = min(1.0, WORKING_SIDE / max(height, width))
    assert small == pytest.approx((height * scale, width * scale), abs=0.5) or min(small) == 1


def test_photos_that_have_no_map_are_sent_without_one() -> None:
    photos = [Photo(name, np.zeros((30, 40, 3), np.uint8)) for name in ("one", "two")]
    prediction = Prediction(
        "CASE", photos=(PhotoPrediction("two", make_map((8, 8)), (30, 40)),), threshold=0.4
    )
    value = viewer_value("secret", photos, prediction)
    assert [entry["name"] for entry in value["photos"]] == ["one", "two"]
    assert value["photos"][0]["levels"] is None and value["photos"][1]["levels"].startswith("data:image/png")
    assert value["threshold"] == 0.4 and not value["text_only"]
    assert viewer_value("text", [], prediction)["text_only"]


def test_a_photo_that_is_shown_again_is_not_encoded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    photo = Photo("IMG", np.full((30, 40, 3), 90, np.uint8))
    first = viewer_value("one", [photo])["photos"][0]["src"]
    monkeypatch.setattr("magic_demo.page.panels.viewer.encode_photo", lambda _pixels: "encoded again")
    assert viewer_value("two", [photo])["photos"][0]["src"] == first
    assert viewer_value("two", [Photo("IMG", photo.pixels)])["photos"][0]["src"] == "encoded again", (
        "a photo that was covered is another"
    )


def test_a_photo_that_many_readers_open_at_once_is_encoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    readers, photo = 20, Photo("IMG", np.full((30, 40, 3), 90, np.uint8))
    asking, times = threading.Barrier(readers), []

    def encode(_pixels: Pixels) -> str:
        times.append(1)
        time.sleep(0.01)  # the others are there by now; without them the test would still hold
        return "encoded"

    def show(number: int) -> str:
        asking.wait(20)
        return str(viewer_value(f"{number}", [photo])["photos"][0]["src"])

    monkeypatch.setattr("magic_demo.page.panels.viewer.encode_photo", encode)
    with ThreadPoolExecutor(readers) as pool:
        assert [*pool.map(show, range(readers))] == ["encoded"] * readers
    assert len(times) == 1


def test_masks_of_the_reader_and_of_others_are_sent_as_run_lengths() -> None:
    photos = [Photo("one", np.zeros((30, 40, 3), np.uint8))]
    mask = np.zeros((30, 40), np.bool_)
    mask[0, 2:5] = True
    value = viewer_value(
        "secret", photos, own={"one": Outline(encode_mask(mask))}, others={"Li": {"one": ~mask}}, restore=4
    )
    assert value["own"] == {"one": {"width": 40, "height": 30, "runs": [2, 3, 1195]}}
    assert value["others"] == [
        {"reader": "Li", "masks": {"one": {"width": 40, "height": 30, "runs": [0, 2, 3, 1195]}}}
    ]
    assert value["editable"] and value["restore"] == 4
    assert set(value) == set(EMPTY), "every case says all that the viewer knows of"
    json.dumps(value)


def test_the_photos_the_browser_is_tested_on_are_what_the_program_measures(tmp_path: Path) -> None:
    write_file(tmp_path / "measures.json")
    now, then = (json.loads(path.read_text(encoding="utf-8")) for path in (tmp_path / "measures.json", FILE))
    assert now[0] == then[0], (
        "definitions have changed: python -m tests.support.measures_fixture, and measures.mjs"
    )
    assert len(now) == len(then)
    for new, old in zip(now[1:], then[1:], strict=True):
        assert (new["name"], new["runs"], new["count"], new["colour"]) == (
            old["name"],
            old["runs"],
            old["count"],
            old["colour"],
        )
        assert (new["tone"] is None) == (old["tone"] is None)
        assert new["tone"] is None or new["tone"]["angle"] == pytest.approx(old["tone"]["angle"], abs=0.5)
