"""A vision-language model describes each photo once; its words join the patient's for the model that answers, and are
kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest

from magic_demo.__main__ import main
from magic_demo.core.errors import CheckpointError
from magic_demo.core.types import Encounter, Language, Narrative, Photo, Pixels
from magic_demo.files.bundles import read_prediction
from magic_demo.models.answers.captions import Captioner
from magic_demo.models.feature_cache import FeatureCache
from magic_demo.models.predictor import Predictor
from magic_demo.models.registry import load_captioner
from tests.support.batch_runs import IDS, write_data
from tests.support.stand_ins import WordScorer, draw_photo
from tests.support.tiny_language import write_llama, write_llava, write_qwen

PHOTOS = tuple(Photo(name, draw_photo(40, 52)) for name in ("arm", "leg"))
CASE = Encounter("CASE", Narrative(en="It itches."), PHOTOS)


class Describer(Captioner):
    """Says how bright a photo is, and fails on one that it is told of."""

    model_id = "describer"

    @classmethod
    def load(cls, checkpoint: Any) -> Self:
        raise NotImplementedError

    def __init__(self, fails: int = -1) -> None:
        self.asked: list[Language] = []
        self.fails = fails

    def describe(self, pixels: Pixels, language: Language) -> str:
        self.asked.append(language)
        if len(self.asked) - 1 == self.fails:
            raise RuntimeError("out of memory")
        return f" A spot,\n number {len(self.asked)}. "


def _predictor(describer: Describer) -> tuple[Predictor, WordScorer]:
    listener = WordScorer()
    return Predictor(None, listener, captioner=describer), listener


def test_captions_follow_the_patients_words_for_the_answerer_and_are_kept() -> None:
    predictor, listener = _predictor(Describer())
    prediction = predictor.predict(CASE)
    assert prediction.captions == {"arm": "A spot, number 1.", "leg": "A spot, number 2."}
    assert listener.narratives == ["It itches.\n\nPhoto 1: A spot, number 1.\nPhoto 2: A spot, number 2."]
    assert prediction.models == {"cvqa": "word-scorer@0", "captions": "describer"}


def test_a_photo_is_described_once_however_often_its_case_is_analysed() -> None:
    describer = Describer()
    predictor, _ = _predictor(describer)
    cache = FeatureCache(1 << 20)
    first = predictor.predict(CASE, cache=cache)
    assert predictor.predict(CASE, cache=cache).captions == first.captions
    assert len(describer.asked) == 2


def test_a_case_in_chinese_is_described_in_chinese() -> None:
    describer = Describer()
    predictor, listener = _predictor(describer)
    predictor.predict(Encounter("CASE", Narrative(zh="手臂很痒。"), PHOTOS))
    assert describer.asked == ["zh", "zh"] and "照片2：" in listener.narratives[0]


def test_a_photo_that_cannot_be_described_is_named_and_costs_its_caption_alone() -> None:
    predictor, listener = _predictor(Describer(fails=0))
    prediction = predictor.predict(CASE)
    assert [str(line) for line in prediction.failures] == ["arm: no caption (out of memory)"]
    assert prediction.captions.keys() == {"leg"} and prediction.answers
    assert listener.narratives == ["It itches.\n\nPhoto 1: A spot, number 2."]


@pytest.mark.parametrize("write", [write_llava, write_qwen])
def test_a_vision_language_model_writes_the_same_of_the_same_photo(write: Any, tmp_path: Path) -> None:
    captioner = load_captioner(write(tmp_path))
    bright, dark = np.full((40, 60, 3), 240, np.uint8), np.zeros((40, 60, 3), np.uint8)
    said = captioner.describe(bright, "en")
    assert said.isprintable()
    assert said and captioner.describe(bright, "en") == said
    assert captioner.describe(dark, "en") and captioner.describe(bright, "zh") != said


def test_a_model_that_sees_no_photo_is_refused_as_one_that_describes_them(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="any vision-language model of transformers"):
        load_captioner(write_llama(tmp_path))


def test_predict_keeps_the_captions_of_a_run_in_its_bundle(tmp_path: Path) -> None:
    data = write_data(tmp_path / "data")
    folder, llama = str(write_llava(tmp_path / "llava")), str(write_llama(tmp_path / "llama"))
    options = ["--segmentation", "none", "--answers", llama, "--cues", "none", "--captions", folder]
    where = [str(data), "--split", "valid", "--out", str(tmp_path / "out"), "--bundle", "--quiet"]
    assert main(["predict", *where, "--task", "cvqa", *options]) == 0
    read = read_prediction(tmp_path / "out" / "bundle", IDS[0])
    assert read.captions and all(read.captions.values()) and "captions" in read.models
