"""What other programs begin with: ``from magic_demo import load_predictor, read_encounters``."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import magic_demo
from magic_demo import load_predictor, read_encounters
from magic_demo.core.errors import CheckpointError, FormatError, LimitError
from tests.support.stand_ins import draw_photo


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a split of two encounters: one whole, one with a broken photo and one that is not there."""
    Image.fromarray(draw_photo(48, 64)).save(tmp_path / "arm.png")
    (tmp_path / "broken.png").write_bytes(b"no photo")
    entries = [
        {"encounter_id": "WHOLE", "image_ids": ["arm.png"], "query_content_en": "It itches."},
        {"encounter_id": "PARTS", "image_ids": ["broken.png", "gone.png"], "query_content_en": "It burns."},
        {"encounter_id": ["no id"]},
    ]
    (tmp_path / "valid.json").write_text(json.dumps(entries), encoding="utf-8")
    return tmp_path


def test_encounters_come_with_their_photos_and_a_warning_for_what_is_left_out(
    data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "magic_demo"):
        whole, parts = read_encounters(str(data), "valid")
    assert whole.encounter_id == "WHOLE" and whole.narrative.text("en") == "It itches."
    assert [photo.size for photo in whole.photos] == [(48, 64)]
    assert parts.encounter_id == "PARTS" and parts.photos == () and parts.narrative.text("en") == "It burns."
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 3 and all("\n" not in line for line in lines)
    assert (
        "entry 3" in lines[0]
        and "PARTS: broken.png" in lines[1]
        and "gone is named but not found" in lines[2]
    )


def test_what_cannot_be_read_is_said_before_the_first_encounter(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no such file or folder"):
        read_encounters(tmp_path / "gone")


def test_a_wrong_limit_and_a_missing_checkpoint_are_raised(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CheckpointError, match="no such folder"):
        load_predictor(segmentation=str(data / "gone"))
    monkeypatch.setenv("MAGIC_DEMO_LIMIT_PHOTO_BYTES", "many")
    for begin in (load_predictor, lambda: read_encounters(data)):
        with pytest.raises(LimitError, match="MAGIC_DEMO_LIMIT_PHOTO_BYTES"):
            begin()


def test_the_package_is_imported_without_torch_and_gradio(repository: Path) -> None:
    script = (
        "import sys, magic_demo; from magic_demo import read_encounters; "
        "print(sorted({'torch', 'transformers', 'gradio'} & sys.modules.keys()))"
    )
    said = subprocess.run(
        [sys.executable, "-c", script], cwd=repository, check=True, capture_output=True, text=True
    )
    assert said.stdout == "[]\n"


def test_a_name_that_the_package_does_not_have_is_missing_as_usual() -> None:
    with pytest.raises(AttributeError, match="module 'magic_demo' has no attribute 'load_model'"):
        magic_demo.load_model  # type: ignore[attr-defined]  # noqa: B018
    assert {"load_predictor", "open_store", "read_encounters", "__version__"} == set(magic_demo.__all__)
