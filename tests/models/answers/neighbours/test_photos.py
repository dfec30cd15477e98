"""Cases without words are compared by their photos, as the segmentation model that the index names sees them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from PIL import Image

from magic_demo.__main__ import main
from magic_demo.core.errors import CheckpointError
from magic_demo.core.types import Encounter, Narrative
from magic_demo.files.photos.reading import read_photo
from magic_demo.models.answers.neighbours.answerer import NeighbourAnswerer
from magic_demo.models.answers.neighbours.case_index import CaseIndex, VoteSettings, build_index
from magic_demo.models.answers.neighbours.photo_features import PhotoVectors, SeenBy, normalise
from magic_demo.models.interfaces import Segmenter
from magic_demo.models.loading.predictors import load_predictor
from magic_demo.questions.families import load_challenge

ITCH = "CQID025-001"
SEEN_BY = SeenBy("seer@1", ("compact_segmenter", "1"))
UP, RIGHT, DOWN = (np.array(point, np.float32) for point in ((0, 1), (1, 0), (0, -1)))


def _answers(itch: int) -> dict[str, int]:
    return {question.qid: 0 for question in load_challenge().questions} | {ITCH: itch}


def _vectors(*features: list[np.ndarray]) -> PhotoVectors:
    """Return vectors that are the features themselves."""
    found = PhotoVectors.of(features, SEEN_BY)
    plain = replace(found, mean=np.zeros(2, np.float32), scale=np.ones(2, np.float32))
    table = np.stack([photo for of_case in features for photo in of_case])
    return replace(plain, vectors=normalise(table, plain.mean, plain.scale))


def _index(share: float = 0.0) -> CaseIndex:
    """Return three cases: one that looks up, one right and down, one without photos."""
    narratives = [
        Narrative(en="a red patch on the arm"),
        Narrative(en="a mole on the back"),
        Narrative(en="a wart"),
    ]
    return build_index(
        ["UP", "RIGHT", "BARE"],
        narratives,
        [_answers(0), _answers(1), _answers(2)],
        settings=VoteSettings(photo_share=share),
        photos=_vectors([UP], [RIGHT, DOWN], []),
    )


def test_a_case_is_as_similar_as_its_most_similar_photo_on_average_over_the_photos_asked() -> None:
    similar = _vectors([UP], [RIGHT, DOWN], []).compare([RIGHT, UP])
    assert similar[:2] == pytest.approx([(0 + 1) / 2, (1 + 0) / 2]) and np.isnan(similar[2])
    slanted = np.array([1, 1], np.float32)
    assert _vectors([UP], [DOWN]).compare([slanted]) == pytest.approx([np.sqrt(0.5), -np.sqrt(0.5)])


def test_without_words_photos_alone_are_compared_and_cases_without_photos_are_far_from_all() -> None:
    asked = np.array([1, 0.2], np.float32)
    rows, similarities = _index().find(Narrative(), [asked])
    assert rows.tolist() == [1, 0] and similarities[0] == pytest.approx(1 / np.hypot(1, 0.2))
    assert _index().score(Narrative(), [asked])[ITCH].argmax() == 1
    assert _index().compare_by(Narrative(), [asked]) == "photos"


def test_beside_words_photos_count_as_far_as_the_index_says() -> None:
    asked, words = np.array([1, 0.2], np.float32), Narrative(en="red patch, arm")
    plain, _ = _index().find(words)
    assert _index().find(words, [asked])[0].tolist() == plain.tolist(), "nothing where nothing was measured"
    alone = dict(zip(*_index().find(words), strict=True))
    seen = dict(zip(*_index().find(Narrative(), [asked]), strict=True))
    both = dict(zip(*_index(0.25).find(words, [asked]), strict=True))
    assert both[0] == pytest.approx(0.75 * alone[0] + 0.25 * seen[0])
    assert both[2] == pytest.approx(alone[2]), "without photos the words say it alone"
    assert [_index(share).compare_by(words, [asked]) for share in (0, 0.25)] == ["words", "words and photos"]


def test_a_case_that_holds_the_photo_is_the_case_itself_whatever_its_words() -> None:
    for narrative in (Narrative(), Narrative(en="a mole on the back, changed")):
        assert 1 not in _index().find(narrative, [DOWN * 3])[0]


def test_another_segmentation_model_is_refused_and_none_leaves_words() -> None:
    answerer = NeighbourAnswerer(_index(), {}, "index@2")
    other = SimpleNamespace(model_id="other@3", encoder_name=("compact_segmenter", "3"))
    with pytest.raises(CheckpointError, match="seen by seer@1, not by other@3") as refused:
        answerer.explain_mismatch(cast(Segmenter, other))
    assert "\n" not in str(refused.value)
    assert "by their words alone" in str(answerer.explain_mismatch(None))
    own: Any = SimpleNamespace(model_id="seer@1", encoder_name=SEEN_BY.encoder_name)
    assert answerer.explain_mismatch(own) is None


def _write_data(folder: Path) -> Path:
    """Write train cases, one without a photo, and a valid case without words; dark spots and a pale field."""
    (folder / "images").mkdir(parents=True)
    rng = np.random.default_rng(3)
    for name, spot in (("t0", 60), ("t1", 200), ("v0", 62)):
        pixels = np.full((96, 128, 3), (214, 170, 150), np.uint8)
        pixels[30:70, 40:90] = (spot, spot // 2 + 30, 50)
        noisy = np.clip(pixels + rng.normal(0, 3, pixels.shape), 0, 255).astype(np.uint8)
        Image.fromarray(noisy).save(folder / "images" / f"IMG_ENC{name}_00001.png")
    for split, cases in (("train", ("t0", "t1", "t2")), ("valid", ("v0",))):
        rows = [
            {
                "encounter_id": f"ENC{case}",
                "image_ids": [] if case == "t2" else [f"IMG_ENC{case}_00001.png"],
                "query_content_en": "" if split == "valid" else f"words of {case}",
            }
            for case in cases
        ]
        (folder / f"{split}.json").write_text(json.dumps(rows), encoding="utf-8")
        gold = [{"encounter_id": row["encounter_id"], **_answers(number)} for number, row in enumerate(rows)]
        (folder / f"{split}_cvqa.json").write_text(json.dumps(gold), encoding="utf-8")
    return folder


def test_an_index_of_photos_answers_a_case_without_words_and_shows_what_it_is_like(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, index, out = _write_data(tmp_path / "data"), tmp_path / "index", tmp_path / "out"
    assert main(["index", str(data), "--out", str(index), "--photos"]) == 0
    assert "3 encounters of train with 2 photos indexed" in capsys.readouterr().out
    command = [
        "predict",
        str(data),
        "--split",
        "valid",
        "--out",
        str(out),
        "--answers",
        str(index),
        "--task",
        "cvqa",
    ]
    assert main([*command, "--cues", "none", "--quiet"]) == 0
    assert json.loads((out / "data_cvqa_sys.json").read_text())[0][ITCH] == 0
    predictor = load_predictor(answers=index, cues=None)
    case = Encounter("ENCv0", Narrative(), (read_photo(data / "images" / "IMG_ENCv0_00001.png"),))
    prediction = predictor.predict(case)
    similar = predictor.explain(case, prediction, "CQID025", 0).similar
    assert [(one.case_id, one.alike) for one in similar] == [("ENCt0", "photos"), ("ENCt1", "photos")]
    blind = load_predictor(segmentation=None, answers=index)
    assert blind.models["cvqa"].startswith("index@"), "its words have a say without a segmentation model"
    assert any("by their words alone" in str(note) for note in blind.predict(case).notes)


def test_photos_that_are_not_there_are_said_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = _write_data(tmp_path / "data")
    for photo in (data / "images").iterdir():
        photo.unlink()
    assert main(["index", str(data), "--out", str(tmp_path / "index"), "--photos"]) == 1
    assert "no photo of these encounters can be read" in capsys.readouterr().err
    assert not (tmp_path / "index").exists()
    assert main(["index", str(data), "--out", str(tmp_path / "index"), "--photo-share", "0.5"]) == 1
