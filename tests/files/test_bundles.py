"""A prediction bundle gives back what was written, and says in one line what is wrong with a bad one."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from magic_demo.core.errors import MagicDemoError
from magic_demo.core.messages import Message
from magic_demo.core.types import Encounter, Narrative, Photo, PhotoPrediction, Prediction
from magic_demo.files.bundles import (
    BundleError,
    has_prediction,
    list_predictions,
    pack_prediction,
    read_prediction,
    remove_prediction,
    unpack_prediction,
    write_prediction,
)
from magic_demo.page.texts.i18n import line_in_both
from magic_demo.questions.families import load_families, read_questions
from tests.support.stand_ins import draw_photo, stand_in_predictor


def _predict(encounter_id: str = "ENC00001") -> Prediction:
    photos = tuple(
        Photo(f"IMG_{encounter_id}_{number:05d}", draw_photo(40 + number, 60)) for number in (1, 2)
    )
    said = stand_in_predictor().predict(Encounter(encounter_id, Narrative(en="red for weeks"), photos))
    chances = {
        family.family_id: np.full(len(family.options["en"]), 1 / len(family.options["en"]))
        for family in load_families()[:4]
    }
    unsure = frozenset({"CQID012", "CQID010"})
    kept = {field.name: getattr(said, field.name) for field in fields(said)}
    return Prediction(
        **{
            **kept,
            "chances": chances,
            "unsure": unsure,
            "notes": ("照片很暗",),
            "failures": ("one",),
            "threshold": 0.37,
            "captions": {"IMG_ENC00001_00001": "A red patch,\n一块红斑"},
            "reasons": {"CQID010": "It is said to be one spot."},
        }
    )


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    written = _predict()
    write_prediction(tmp_path, written)
    read = read_prediction(tmp_path, "ENC00001")
    for name in (
        "encounter_id",
        "answers",
        "unsure",
        "threshold",
        "models",
        "notes",
        "failures",
        "captions",
        "reasons",
    ):
        assert getattr(read, name) == getattr(written, name)
    assert [(photo.photo_id, photo.size) for photo in read.photos] == [
        (photo.photo_id, photo.size) for photo in written.photos
    ]
    assert read.scores.keys() == written.scores.keys() and read.chances.keys() == written.chances.keys()
    for qid, scores in written.scores.items():
        assert read.scores[qid].dtype == np.float32 and np.array_equal(read.scores[qid], scores)
    for family_id, chances in written.chances.items():
        assert read.chances[family_id].dtype == np.float64 and np.array_equal(
            read.chances[family_id], chances
        )
    for before, after in zip(written.photos, read.photos, strict=True):
        assert after.probability.dtype == np.float32 and after.probability.shape == before.probability.shape
        assert np.abs(after.probability - before.probability).max() <= 1 / 255


def test_lines_come_back_with_their_values_and_finished_sentences_as_they_are(tmp_path: Path) -> None:
    failure = Message("{photo}: no mask ({reason})", photo="arm {1}", reason=Message("not found"))
    old = Message("Jane's arm: no {mask} (too dark)")
    said = replace(_predict(), notes=(), failures=(failure, old))
    write_prediction(tmp_path, said)
    path = tmp_path / "ENC00001.json"
    entry = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**entry, "failures": [entry["failures"][0], str(old)]}), encoding="utf-8")
    for read in (read_prediction(tmp_path, "ENC00001"), unpack_prediction(pack_prediction(said), "here")):
        assert read.failures == (failure, old)
        assert line_in_both(read.failures[0])["zh"] == "arm {1}：无分割结果（未找到）"
        assert line_in_both(read.failures[1]) == {"en": old, "zh": old}


def test_a_line_that_asks_for_more_than_its_values_is_refused(tmp_path: Path) -> None:
    write_prediction(tmp_path, _predict())
    path = tmp_path / "ENC00001.json"
    entry = json.loads(path.read_text(encoding="utf-8"))
    entry["notes"] = [{"template": "{name.__class__}", "values": {"name": "x"}}]
    path.write_text(json.dumps(entry), encoding="utf-8")
    with pytest.raises(BundleError, match="is not whole"):
        read_prediction(tmp_path, "ENC00001")


def test_a_bundle_of_before_there_were_captions_is_read(tmp_path: Path) -> None:
    write_prediction(tmp_path, _predict())
    path = tmp_path / "ENC00001.json"
    entry = json.loads(path.read_text(encoding="utf-8"))
    del entry["captions"], entry["reasons"]
    path.write_text(json.dumps(entry), encoding="utf-8")
    assert read_prediction(tmp_path, "ENC00001").captions == {}


def test_a_prediction_of_other_questions_has_masks_and_no_answer(tmp_path: Path) -> None:
    said = _predict()
    write_prediction(tmp_path, said)
    (tmp_path / "q.yaml").write_text("- {id: PAIN, options: [yes, no]}", encoding="utf-8")
    found = read_prediction(tmp_path, said.encounter_id, read_questions(tmp_path / "q.yaml"))
    assert (found.scores, found.answers, found.chances, found.unsure) == ({}, {}, {}, frozenset())
    assert [photo.photo_id for photo in found.photos] == [photo.photo_id for photo in said.photos]


def test_every_field_that_a_prediction_has_is_written(tmp_path: Path) -> None:
    write_prediction(tmp_path, _predict())
    entry = json.loads((tmp_path / "ENC00001.json").read_text(encoding="utf-8"))
    assert entry.keys() == {field.name for field in fields(Prediction)} | {"kind", "version"}


@settings(max_examples=25)
@given(arrays(np.float32, (5, 7), elements=st.floats(0, 1, width=32)))
def test_probabilities_come_back_within_one_level(
    tmp_path_factory: pytest.TempPathFactory, probability: Any
) -> None:
    folder = tmp_path_factory.mktemp("bundle")
    write_prediction(folder, Prediction("A", (PhotoPrediction("P", probability, (50, 70)),)))
    assert np.abs(read_prediction(folder, "A").photos[0].probability - probability).max() <= 1 / 255


def test_a_prediction_without_masks_or_without_answers_comes_back(tmp_path: Path) -> None:
    write_prediction(tmp_path, Prediction("ENC00002"))
    read = read_prediction(tmp_path, "ENC00002")
    assert (read.photos, dict(read.scores), dict(read.answers)) == ((), {}, {})


def test_a_bundle_is_listed_and_an_encounter_removed_alone(tmp_path: Path) -> None:
    for name in ("ENC00002", "ENC00001"):
        write_prediction(tmp_path, _predict(name))
    assert list_predictions(tmp_path) == ("ENC00001", "ENC00002")
    remove_prediction(tmp_path, "ENC00001")
    assert list_predictions(tmp_path) == ("ENC00002",) and not has_prediction(tmp_path, "ENC00001")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ENC00002", "ENC00002.json"]


def _change(folder: Path, **changes: Any) -> None:
    path = folder / "ENC00001.json"
    entry = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**entry, **changes}), encoding="utf-8")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"kind": "another"}, "no prediction of this program"),
        ({"version": 99}, "version 99"),
        ({"encounter_id": "ENC00009"}, "is the prediction of 'ENC00009'"),
        ({"answers": {"CQID010-001": 4}}, "none of its options"),
        ({"answers": {"CQID010-001": True}}, "none of its options"),
        ({"answers": {"CQID099-001": 0}}, "none of its options"),
        ({"scores": {"CQID010-001": [1, 2]}}, "needs 4 finite numbers"),
        ({"scores": {"CQID099-001": [1, 2]}}, "no question"),
        ({"chances": {"CQID010": [None] * 4}}, "needs 4 finite numbers"),
        ({"photos": [{"photo_id": "../../secret", "size": [4, 4]}]}, "no name for a file"),
        ({"photos": [{"photo_id": "IMG_ENC00001_00001", "size": [0, 4]}]}, "not whole"),
        ({"photos": [{"photo_id": "gone", "size": [4, 4]}]}, "cannot be read"),
        ({"photos": 3}, "not whole"),
        ({"models": None}, "not whole"),
    ],
)
def test_a_bad_bundle_is_one_clear_line(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    write_prediction(tmp_path, _predict())
    _change(tmp_path, **changes)
    with pytest.raises(BundleError, match=said) as caught:
        read_prediction(tmp_path, "ENC00001")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "damage", [b"", b"not a picture", cv2.imencode(".png", np.zeros((4, 4, 3), np.uint8))[1].tobytes()]
)
def test_a_damaged_map_is_named(tmp_path: Path, damage: bytes) -> None:
    write_prediction(tmp_path, _predict())
    (tmp_path / "ENC00001" / "IMG_ENC00001_00002.png").write_bytes(damage)
    with pytest.raises(BundleError, match=r"IMG_ENC00001_00002\.png: is no 8-bit grey PNG"):
        read_prediction(tmp_path, "ENC00001")


def test_what_is_not_there_is_said_with_the_command_that_writes_it(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"no prediction of ENC00007.*--bundle"):
        read_prediction(tmp_path, "ENC00007")
    with pytest.raises(BundleError, match="no such folder"):
        list_predictions(tmp_path / "nowhere")
    (tmp_path / "ENC00008.json").write_text("{", encoding="utf-8")
    with pytest.raises(MagicDemoError, match="malformed JSON"):
        read_prediction(tmp_path, "ENC00008")


def test_ids_that_are_no_file_names_are_refused(tmp_path: Path) -> None:
    for bad in ("../up", "", ".hidden", "a/b"):
        with pytest.raises(BundleError, match="no name for a file"):
            write_prediction(tmp_path, Prediction(bad))
        with pytest.raises(BundleError, match="no name for a file"):
            read_prediction(tmp_path, bad)
