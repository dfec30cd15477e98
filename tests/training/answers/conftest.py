"""The smallest run of the text-and-photo answerer."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.answers.text_photo.settings import TextPhotoAnswererSettings
from training.runs.run import read_settings


@pytest.fixture(scope="module")
def tiny(
    repository: Path, tmp_path_factory: pytest.TempPathFactory, training_seed: int
) -> TextPhotoAnswererSettings:
    """Return the settings of the tiny run, its output in a new folder."""
    output = tmp_path_factory.mktemp("runs") / "tiny"
    return read_settings(
        repository / "training" / "configs" / "text-photo-answerer-tiny.yaml",
        TextPhotoAnswererSettings,
        {"run.output": str(output), "run.seed": training_seed},
    )
