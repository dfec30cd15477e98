"""``python -m magic_demo backends`` lists what is there, compares with float32, and notes what came near
enough."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from magic_demo.__main__ import main
from magic_demo.commands.backends import Comparison, find_overlap, write_checked
from magic_demo.models.backends.backend import CHECKED_NAME, read_checked
from magic_demo.models.loading.finding import name_model
from tests.models.answers.test_text_photo_answerer import make_model, make_photos, save_checkpoint
from tests.models.segmentation.test_prompted import write_clipseg


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Write three photos."""
    (tmp_path / "photos").mkdir()
    for number, pixels in enumerate(make_photos((50, 60), (64, 48), (40, 40))):
        Image.fromarray(pixels).save(tmp_path / "photos" / f"photo{number}.png")
    return tmp_path / "photos"


def test_without_data_it_lists_every_backend_and_what_to_do_for_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "magic_demo.commands.backends.explain_missing", lambda name: "get one" if name == "cuda" else ""
    )
    assert main(["backends"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == [
        "torch",
        "bfloat16",
        "cuda",
        "openvino",
    ]
    assert lines[1].endswith("; ready") and lines[3].endswith("; get one")


def test_masks_and_answers_are_compared_and_what_is_near_is_noted(
    tmp_path: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clipseg, answerer = (
        write_clipseg(tmp_path / "clipseg"),
        save_checkpoint(tmp_path / "answerer", make_model()),
    )
    words = [
        "backends",
        str(photos),
        "--only",
        "bfloat16",
        "--cases",
        "2",
        "--segmentation",
        str(clipseg),
        "--answers",
        str(answerer),
        "--write",
    ]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "mask IoU" in said and "2 photos" in said and "of 18 answers the same" in said
    for folder in (clipseg, answerer):
        assert str(folder / CHECKED_NAME) in said
        assert all(line in said for line in read_checked(folder, name_model(folder)).values())


def test_what_is_too_far_off_is_not_noted_and_what_was_is_taken_back(tmp_path: Path) -> None:
    (tmp_path / CHECKED_NAME).write_text(
        json.dumps({"model": "1", "checked": {"bfloat16": "near once", "openvino": "near"}}), encoding="utf-8"
    )
    write_checked(
        tmp_path,
        "model@1",
        [Comparison("bfloat16", 0.97, "far", 2.0), Comparison("cuda", 0.99, "near", 4.0)],
    )
    assert read_checked(tmp_path, "model@1") == {"openvino": "near", "cuda": "near"}
    write_checked(tmp_path, "model@2", [Comparison("bfloat16", 0.99, "near", 2.0)])
    assert read_checked(tmp_path, "model@2") == {"bfloat16": "near"}, "the other model's are gone"


def test_a_model_that_reads_the_segmenters_features_has_nothing_to_compare(
    photos: Path, repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        main(
            [
                "backends",
                str(photos),
                "--only",
                "bfloat16",
                "--answers",
                str(repository / "checkpoints" / "photo-answerer"),
            ]
        )
        == 1
    )
    assert "leave out --answers" in capsys.readouterr().err


def test_data_without_photos_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["backends", str(tmp_path)]) == 1
    assert "photo" in capsys.readouterr().err


def test_two_empty_masks_are_the_same() -> None:
    empty, full = np.zeros((4, 4), np.bool_), np.ones((4, 4), np.bool_)
    half = empty.copy()
    half[:2] = True
    assert (find_overlap(empty, empty), find_overlap(empty, full), find_overlap(half, full)) == (
        1.0,
        0.0,
        0.5,
    )
