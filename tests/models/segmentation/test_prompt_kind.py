"""What a segmentation model was trained to be asked with is kept in its checkpoint and obeyed, as in the paper
with the clinicians' responses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from magic_demo.core.errors import CheckpointError
from magic_demo.core.types import Encounter, Narrative, Photo, PromptKind, join_prompt
from magic_demo.models.predictor import Predictor
from tests.models.segmentation.test_prompted import write_clipseg
from tests.support.source.concrete_models import load_prompted

BOTH: PromptKind = "narrative and responses"


def write_asked(folder: Path, kind: str) -> Path:
    """Write a tiny CLIPSeg whose config says what it was asked with."""
    write_clipseg(folder)
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "prompt_kind": kind}))
    return folder


def test_responses_follow_the_english_words() -> None:
    words = Narrative("itchy arms", "手痒")
    assert join_prompt(words, ("Tinea.", "See a doctor."), "zh", BOTH) == "itchy arms Tinea. See a doctor."
    assert join_prompt(words, (), "zh", BOTH) == "手痒"
    assert join_prompt(words, ("Tinea.",), "en", "narrative") == "itchy arms"


@pytest.mark.parametrize("kind", ["narrative", BOTH])
def test_the_product_asks_as_the_checkpoint_was_trained(
    tmp_path: Path, kind: PromptKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    segmenter = load_prompted(write_asked(tmp_path, kind))
    assert segmenter.prompt_kind == kind
    asked: list[str] = []
    segment = segmenter.segment_views

    def ask(features: Any, prompt: str = "") -> Any:
        asked.append(prompt)
        return segment(features, prompt)

    monkeypatch.setattr(segmenter, "segment_views", ask)
    photo = Photo("IMG1", np.zeros((40, 50, 3), np.uint8))
    encounter = Encounter("ENC1", Narrative("itchy arms"), (photo,), ("Tinea corporis",))
    predictor = Predictor(segmenter, None)
    predictor.predict(encounter)
    assert asked == ["itchy arms" if kind == "narrative" else "itchy arms Tinea corporis"]
    predictor.prompt_kind = "narrative"  # what predict --prompt sets
    predictor.predict(encounter)
    assert asked[-1] == "itchy arms"


def test_a_kind_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="'prompt_kind' is 'poem'"):
        load_prompted(write_asked(tmp_path, "poem"))
