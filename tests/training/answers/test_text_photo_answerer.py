"""Training of the closed questions' model, on a model and cases of the smallest kind."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import Tensor

from magic_demo.__main__ import main as run_command
from magic_demo.challenge.running.cases import read_encounter
from magic_demo.core.errors import MagicDemoError
from magic_demo.files.encounters import read_encounters
from magic_demo.models.answers.text_photo_model import TextPhotoAnswererModel
from magic_demo.models.loading.predictors import load_predictor
from magic_demo.questions.families import load_challenge
from tests.support.source.concrete_models import load_text_photo_answerer
from tests.training.answers.text_photo.test_learning_cases import FAMILIES
from training.answers import text_photo_answerer
from training.answers.text_photo.settings import TextPhotoAnswererSettings
from training.answers.text_photo_answerer import cross_validate, main, run_training
from training.runs.run import SettingsError, read_settings


@pytest.fixture(scope="module")
def trained(tiny: TextPhotoAnswererSettings) -> tuple[Path, dict[str, float]]:
    """Train the tiny model once."""
    return run_training(tiny)


@pytest.mark.numeric
def test_a_run_lowers_the_loss_and_leaves_a_checkpoint_that_scores(
    tiny: TextPhotoAnswererSettings, trained: tuple[Path, dict[str, float]]
) -> None:
    folder, scores = trained
    states = sorted(
        (tiny.run.output / "checkpoints").glob("checkpoint-*/trainer_state.json"),
        key=lambda path: path.stat().st_mtime,
    )
    history = json.loads(states[-1].read_text(encoding="utf-8"))["log_history"]
    losses = [entry["eval_loss"] for entry in history if "eval_loss" in entry]
    assert losses[-1] < losses[0]
    assert 0 <= scores["eval_accuracy_all"] <= 1
    scorer = load_text_photo_answerer(folder)
    assert scorer.set_priors is not None
    assert len(scorer.score("itchy for two weeks", [])) == len(load_challenge().questions)


@pytest.mark.long
@pytest.mark.numeric
def test_a_resumed_run_ends_with_the_weights_of_one_that_was_not_stopped(
    tiny: TextPhotoAnswererSettings,
) -> None:
    stopped = replace(
        tiny, run=replace(tiny.run, output=tiny.run.output.parent / "stopped", keep=10, keep_last=True)
    )
    folder, _ = run_training(stopped)
    whole = load_text_photo_answerer(folder).model.state_dict()
    folders = sorted(
        (stopped.run.output / "checkpoints").glob("checkpoint-*"),
        key=lambda path: int(path.name.partition("-")[2]),
    )
    for late in folders[2:]:  # as if the run had ended here
        shutil.rmtree(late)
    resumed = load_text_photo_answerer(run_training(stopped, resume=True)[0]).model.state_dict()
    assert all(torch.allclose(whole[name], resumed[name], atol=1e-5) for name in whole)


@pytest.mark.parametrize("name", ["text-photo-answerer", "text-photo-answerer-paper"])
def test_both_designs_run_on_pretrained_encoders_of_the_same_classes(
    repository: Path,
    tmp_path: Path,
    tiny: TextPhotoAnswererSettings,
    trained: tuple[Path, dict[str, float]],
    name: str,
) -> None:
    small = load_text_photo_answerer(trained[0])
    small.model.text_model.save_pretrained(tmp_path / "text")
    small.tokenizer.save_pretrained(tmp_path / "text")
    small.model.vision_model.save_pretrained(tmp_path / "photo")
    shutil.copy(trained[0] / "preprocessor_config.json", tmp_path / "photo")
    changes = {
        "model.text": str(tmp_path / "text"),
        "model.photo": str(tmp_path / "photo"),
        "run.output": str(tmp_path / "run"),
    }
    changes |= {"data.cache": str(tmp_path / "cache")} if name == "text-photo-answerer-paper" else {}
    settings = read_settings(
        repository / "training" / "configs" / f"{name}.yaml", TextPhotoAnswererSettings, changes
    )
    data = replace(
        settings.data, folder=tiny.data.folder, training=tiny.data.training, evaluation=tiny.data.evaluation
    )
    shutil.copytree(tiny.run.output.parent / "cases", tmp_path / "cases")
    run = replace(settings.run, epochs=1, batch_size=5 if name == "text-photo-answerer" else 45, threads=1)
    folder, scores = run_training(replace(settings, data=data, run=run))
    scorer = load_text_photo_answerer(folder)
    assert scorer.model.config.fusion == settings.model.fusion
    assert scorer.model.config.photo_head_size == settings.model.photo_head_size
    assert 0 <= scores["eval_accuracy_all"] <= 1
    frozen = settings.model.encoder_rate == 0
    before, after = (
        model.text_model.embeddings.word_embeddings.weight for model in (small.model, scorer.model)
    )
    assert torch.equal(before, after) == frozen


def test_a_trained_checkpoint_drops_in_by_its_path_alone_and_options_are_never_encoded_again(
    trained: tuple[Path, dict[str, float]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """BERT and Swin from the training's folder, in the page's and batch mode's Predictor and in
    ``predict``."""
    rows: list[int] = []
    read_tokens = TextPhotoAnswererModel.read_tokens

    def count(self: TextPhotoAnswererModel, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        rows.append(len(input_ids))
        return read_tokens(self, input_ids, attention_mask)

    monkeypatch.setattr(TextPhotoAnswererModel, "read_tokens", count)
    cases = sorted((trained[0].parent.parent / "cases").glob("synthetic-*"))[0]
    encounters = [read_encounter(files)[0] for files in read_encounters(cases, "valid").encounters]
    predictor = load_predictor(segmentation=None, answers=trained[0])
    options = sum(len(family.options["en"]) for family in FAMILIES)
    assert rows == [options]
    predictions = [predictor.predict(encounter) for encounter in encounters * 2]
    assert rows[1:] == [1] * sum(bool(encounter.narrative.text("en").strip()) for encounter in encounters * 2)
    assert all(len(prediction.answers) == len(load_challenge().questions) for prediction in predictions)
    run = trained[0].parent if trained[0].name == "best" else trained[0]
    assert predictor.models["cvqa"].startswith(f"{run.name}@"), "the run's name, not the folder's best/"

    out = tmp_path / "out"
    arguments = [
        "predict",
        str(cases),
        "--split",
        "valid",
        "--out",
        str(out),
        "--task",
        "cvqa",
        "--answers",
        str(trained[0]),
    ]
    assert run_command(arguments) == 0
    answers = {
        entry["encounter_id"]: entry
        for entry in json.loads((out / "data_cvqa_sys.json").read_text(encoding="utf-8"))
    }
    assert set(answers) == {encounter.encounter_id for encounter in encounters}
    for prediction in predictions:
        assert {qid: answers[prediction.encounter_id][qid] for qid in prediction.answers} == dict(
            prediction.answers
        )
    assert predictor.models["cvqa"] in (out / "manifest.json").read_text(encoding="utf-8")


def test_a_checkpoint_is_scored_with_parts_of_the_cases_left_out(
    repository: Path,
    tiny: TextPhotoAnswererSettings,
    trained: tuple[Path, dict[str, float]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = repository / "training" / "configs" / "text-photo-answerer-tiny.yaml"
    assert (
        main(
            ["--config", str(config), "--score", "--start", str(trained[0]), "--output", str(tiny.run.output)]
        )
        == 0
    )
    scores = json.loads(capsys.readouterr().out)
    assert set(scores) == {
        f"synthetic, {what}" for what in ("everything", "words", "words in Chinese", "photos", "nothing")
    }


def test_a_fresh_run_does_not_mix_with_an_old_one(
    tiny: TextPhotoAnswererSettings, trained: tuple[Path, dict[str, float]]
) -> None:
    assert trained[0].is_dir()
    with pytest.raises(MagicDemoError, match="--resume"):
        run_training(tiny)


def test_the_command_cross_validates_beside_the_constant_answer(
    repository: Path,
    tiny: TextPhotoAnswererSettings,
    trained: tuple[Path, dict[str, float]],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = yaml.safe_load(
        (repository / "training" / "configs" / "text-photo-answerer-tiny.yaml").read_text(encoding="utf-8")
    )
    # the cases beside it are already drawn
    config["run"] |= {"epochs": 1, "output": str(tiny.run.output.parent / "folds")}
    path = tiny.run.output.parent / "folds.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    assert main(["--config", str(path), "--folds", "2", "--start", str(trained[0])]) == 0
    scores = json.loads(
        (tiny.run.output.parent / "folds" / "cross_validation.json").read_text(encoding="utf-8")
    )
    assert {"accuracy_all", "constant_accuracy_all", "accuracy_CQID011"} <= set(scores)
    assert '"fold": 2' in capsys.readouterr().out
    by_siblings = {f"siblings_{how}_accuracy_all" for how in ("parent", "none", "majority", "consensus")}
    assert by_siblings <= set(scores) and scores["siblings_parent_accuracy_all"] == scores["accuracy_all"]
    with monkeypatch.context() as patch:  # what has held-out scores is not trained again
        patch.setattr(text_photo_answerer, "fit", lambda *_, **__: pytest.fail("a fold was trained again"))
        again = ["--config", str(path), "--folds", "2", "--start", str(trained[0]), "--resume"]
        assert main(again) == 0
        with pytest.raises(MagicDemoError, match=r"decoding\.weight was 1\.0 and is 2\.0"):
            main([*again, "--set", "decoding.weight=2"])
        with pytest.raises(MagicDemoError, match="resume with the same --folds"):
            main([*again, "--folds", "3"])
    assert scores == json.loads(
        (tiny.run.output.parent / "folds" / "cross_validation.json").read_text(encoding="utf-8")
    )


@pytest.mark.parametrize(
    "change",
    [
        {"model.start": "compac"},
        {"data.folder": "nowhere", "data.training": [{"name": "a", "kind": "challenge"}]},
    ],
)
def test_settings_that_lead_nowhere_are_one_line(
    repository: Path, tmp_path: Path, tiny: TextPhotoAnswererSettings, change: dict[str, Any]
) -> None:
    overrides = {"run.output": str(tiny.run.output.parent / tmp_path.name), **change}
    settings = read_settings(
        repository / "training" / "configs" / "text-photo-answerer-tiny.yaml",
        TextPhotoAnswererSettings,
        overrides,
    )
    with pytest.raises(MagicDemoError):
        run_training(settings)


def test_one_fold_is_refused(tiny: TextPhotoAnswererSettings) -> None:
    with pytest.raises(SettingsError, match="at least 2"):
        cross_validate(tiny, 1)


@pytest.mark.parametrize(
    "name",
    [
        "text-photo-answerer",
        "text-photo-answerer-paper",
        "text-photo-answerer-paper-small",
        "text-photo-answerer-tiny",
    ],
)
def test_every_settings_file_is_readable(repository: Path, name: str) -> None:
    assert read_settings(
        repository / "training" / "configs" / f"{name}.yaml", TextPhotoAnswererSettings
    ).data.training


def test_one_slot_at_a_time_teaches_no_sets(tiny: TextPhotoAnswererSettings) -> None:
    data = replace(tiny.data, draw="question")
    with pytest.raises(SettingsError, match="learn_sets to false"):
        run_training(replace(tiny, data=data, run=replace(tiny.run, output=tiny.run.output.parent / "slots")))
