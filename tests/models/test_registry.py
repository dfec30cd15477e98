"""Every checkpoint is loaded in one way, whichever version or package its type comes from."""

from __future__ import annotations

import json
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest

from magic_demo.core.errors import CheckpointError
from magic_demo.models.answers.text_photo_answerer import TextPhotoAnswerer
from magic_demo.models.loading.checkpoints import TOKENIZER_FILES
from magic_demo.models.registry import SEGMENTERS, load_answerer, load_segmenter
from tests.models.answers.test_text_photo_answerer import make_model, save_checkpoint
from tests.models.segmentation.test_prompted import write_clipseg
from tests.support.stand_ins import draw_photo


def _rename(folder: Path, model_type: str) -> Path:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps({**config, "model_type": model_type}), encoding="utf-8")
    return folder


def test_a_checkpoint_with_an_earlier_versions_model_type_still_loads(tmp_path: Path) -> None:
    folder = _rename(save_checkpoint(tmp_path, make_model()), "magic_case_answerer")
    assert type(load_answerer(folder)) is TextPhotoAnswerer


def test_a_model_without_a_tokenizer_is_a_model_without_a_prompt(tmp_path: Path) -> None:
    folder = write_clipseg(tmp_path)
    assert load_segmenter(folder).reads_prompt
    for name in (*TOKENIZER_FILES, "tokenizer_config.json"):
        (folder / name).unlink(missing_ok=True)
    segmenter = load_segmenter(folder)
    assert not segmenter.reads_prompt
    plain, prompted = (segmenter.predict(draw_photo(), prompt) for prompt in ("", "a red spot"))
    assert np.isfinite(plain).all() and np.array_equal(plain, prompted)


def test_a_package_that_cannot_be_imported_is_one_line_that_names_its_entry_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = EntryPoint("broken", "nowhere.at_all:Model", SEGMENTERS.group)
    monkeypatch.setattr("magic_demo.models.registry.entry_points", lambda group: [broken])
    with pytest.raises(
        CheckpointError, match=r"broken = nowhere\.at_all:Model .*cannot be imported"
    ) as caught:
        load_segmenter(_rename(write_clipseg(tmp_path), "broken"))
    assert "\n" not in str(caught.value)
