"""Choosing how far the answerer counts beside the cue model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from magic_demo.cues.cue_model import CueModel
from magic_demo.questions.combining import Weights, read_weights
from magic_demo.questions.families import load_families
from tests.models.answers.test_text_photo_answerer import make_model, save_checkpoint
from training.__main__ import main
from training.answers.combine import (
    CombineSettings,
    ScoredCase,
    choose_weight,
    combine,
    score_constant,
    score_weights,
)
from training.cases.sources import CaseSource
from training.runs.run import SettingsError, read_settings


def test_the_smallest_weight_that_is_nearly_best_is_chosen() -> None:
    chosen_on = {0.0: 0.5, 0.3: 0.796, 0.6: 0.8, 0.8: 0.7}
    unknown = dict.fromkeys(chosen_on)
    assert choose_weight(chosen_on, unknown, most_unchecked=1.0, tolerance=0.01) == 0.3
    assert choose_weight(chosen_on, unknown, most_unchecked=1.0, tolerance=0.0) == 0.6
    assert choose_weight(chosen_on, unknown, most_unchecked=0.2, tolerance=0.0) == 0.0


def test_a_weight_that_loses_on_real_photos_is_not_chosen() -> None:
    chosen_on = {0.0: 0.5, 0.3: 0.6, 0.6: 0.9}
    assert (
        choose_weight(chosen_on, {0.0: 0.7, 0.3: 0.7, 0.6: 0.69}, most_unchecked=0.0, tolerance=0.01) == 0.3
    )
    assert choose_weight(chosen_on, {0.0: 0.7, 0.3: 0.6, 0.6: 0.6}, most_unchecked=1.0, tolerance=0.01) == 0.0


def test_a_case_is_answered_by_the_model_that_the_weights_name(repository: Path) -> None:
    cues = CueModel.load(repository / "checkpoints" / "cue-model")
    answers = {
        question.qid: 0
        for family in load_families()
        for question in family.questions[:1]
        if len(family.questions) == 1
    }
    scores = {
        q.qid: np.full(q.option_count, -5.0, np.float32)
        for family in load_families()
        for q in family.questions
    }
    wrong, right = ({qid: values.copy() for qid, values in scores.items()} for _ in range(2))
    for qid in scores:
        right[qid][0], wrong[qid][1] = 5.0, 5.0
    case = ScoredCase(answers, wrong, right)
    families = [family.family_id for family in load_families()]
    assert score_weights([case], cues, Weights({}, dict.fromkeys(families, 1.0)))["all"] == 1.0
    assert score_weights([case], cues, Weights({}, dict.fromkeys(families, 0.0)))["all"] == 0.0


def test_the_command_writes_weights_that_the_program_reads(
    repository: Path,
    tmp_path: Path,
    shared_data: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    checkpoint = save_checkpoint(tmp_path / "answerer", make_model())
    config = tmp_path / "combine.yaml"
    pad = tmp_path / "pad"
    pad.mkdir()
    for name in ("images", "masks", "pad_metadata.csv"):
        (pad / name).symlink_to((shared_data / "skin" / name).resolve())
    (pad / "splits").mkdir()
    names = (shared_data / "skin" / "splits" / "pad_dev.txt").read_text(encoding="utf-8").split()[:2]
    (pad / "splits" / "few.txt").write_text("\n".join(names), encoding="utf-8")
    settings = {
        "checkpoint": str(checkpoint),
        "cues": str(repository / "checkpoints" / "cue-model"),
        "folder": str(tmp_path),
        "drawn": str(tmp_path / "cases"),
        "chosen_on": {"name": "synthetic", "kind": "cases", "count": 8, "seed": 5, "split": "valid"},
        "not_worse_on": {"name": "pad", "kind": "pad", "folder": "pad", "split": "few"},
        "families": ["CQID034", "CQID035"],
        "weights": [0.0, 0.5],
    }
    config.write_text(json.dumps(settings), encoding="utf-8")  # JSON is YAML too
    assert main(["combine", "--config", str(config)]) == 0
    report = json.loads("{" + capsys.readouterr().out.partition("{")[2])
    weights = read_weights(checkpoint)
    assert weights.with_photos == report["with_photos"]
    assert (
        set(weights.text_only) == set(weights.with_photos) == {family.family_id for family in load_families()}
    )
    assert {family for family, weight in weights.with_photos.items() if weight} <= {"CQID034", "CQID035"}
    assert not any(weights.text_only.values())
    tables = json.loads((checkpoint / "combination-data.json").read_text())
    assert [table["counts"]["cases used"] for table in tables] == [1, 2]
    ways = {
        "all families weigh 0.0",
        "all families weigh 0.5",
        "as chosen",
        "answerer alone",
        "best constant",
    }
    assert set(report["pad, 2 cases"]) == ways


def test_the_shipped_settings_are_readable_and_wrong_ones_refused(repository: Path, tmp_path: Path) -> None:
    settings = read_settings(repository / "training" / "configs" / "combine.yaml", CombineSettings)
    assert settings.not_worse_on.kind == "pad"
    source = CaseSource("synthetic", "cases", count=1)
    with pytest.raises(SettingsError, match="CQID999"):
        combine(CombineSettings(tmp_path, tmp_path, tmp_path, tmp_path, source, source, ("CQID999",)))


def test_the_best_constant_is_the_most_frequent_known_answer() -> None:
    references = [{"CQID025-001": 0}, {"CQID025-001": 0, "CQID034-001": 2}, {"CQID025-001": 1}]
    assert score_constant(references) == {
        "CQID025": pytest.approx(2 / 3),
        "CQID034": 1.0,
        "all": pytest.approx(0.75),
    }
