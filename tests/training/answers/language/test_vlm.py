"""A language model learns the answers: from the tokens of the right options alone, on every question once an epoch, and
what comes out is a whole model that ``--answers`` takes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from magic_demo.models.answers.language.answerer import LanguageAnswerer
from magic_demo.models.registry import load_answerer
from magic_demo.synthetic.cases import write_cases
from tests.support.tiny_language import write_llama, write_llava, write_qwen
from training.__main__ import main
from training.answers.language.command import load_start, run_training
from training.answers.language.examples import IGNORED, OptionDraws, collate
from training.answers.language.settings import LanguageSettings
from training.cases.sources import CaseSource, read_cases
from training.runs.run import SettingsError, read_settings

CONFIG = Path(__file__).resolve().parents[4] / "training" / "configs" / "vlm.yaml"
WRITERS: dict[str, Callable[[Path], Path]] = {
    "llama": write_llama,
    "llava": write_llava,
    "qwen2-vl": write_qwen,
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of six synthetic cases, four of them to train on."""
    folder = tmp_path_factory.mktemp("vlm")
    write_cases(folder / "data", count=6, seed=4, splits={"train": 0.67, "valid": 0.33}, longest=48)
    for name, write in WRITERS.items():
        write(folder / name)
    return folder


def _read(data: Path, output: Path, name: str = "llama", **more: object) -> LanguageSettings:
    overrides: dict[str, object] = {
        "model.start": str(data / name),
        "data.folder": str(data / "data"),
        "data.evaluation_cases": 1,
        "data.most_photos": 1,
        "run.output": str(output / "run"),
        "run.epochs": 0.7,
        "run.batch_size": 4,
        "run.evaluate_every": 3,
        "run.learning_rate": 1e-2,
        "run.patience": 0,
        "run.mixed_precision": "no",
        "run.threads": 1,
    }
    overrides.update({key.replace("__", "."): value for key, value in more.items()})
    return read_settings(CONFIG, LanguageSettings, overrides)


def _draw(data: Path, name: str, **more: Any) -> tuple[LanguageAnswerer, OptionDraws]:
    answerer = load_start(str(data / name))
    cases = read_cases(data / "data", [CaseSource("train", "challenge", split="train")], data / "drawn")
    settings = _read(data, data, name, **more).data
    return answerer, OptionDraws(cases, settings, answerer, epochs=2, seed=3)


@pytest.mark.parametrize("name", WRITERS)
def test_only_the_tokens_of_the_right_option_are_learnt(data: Path, name: str) -> None:
    answerer, draws = _draw(data, name)
    for index in range(3):
        draw, example = draws.order[index], draws[index]
        learnt = example["labels"][0][example["labels"][0] != IGNORED]
        family = answerer.families[draw.family]
        written = answerer.reader.tokenizer.decode(learnt.tolist())
        assert str(written).strip() == family.options["en"][draw.option].strip()
        answers = draws.cases[draw.case].answers
        assert draw.option in {answers[question.qid] for question in family.questions}


def test_an_epoch_asks_every_question_of_every_case_once_and_the_same_each_time(data: Path) -> None:
    answerer, draws = _draw(data, "llama")
    asked = {(draw.case, draw.family) for draw in draws.order[: draws.epoch_length]}
    assert len(asked) == draws.epoch_length == len(draws.cases) * len(answerer.families)
    assert len(draws) == 2 * draws.epoch_length
    assert draws.order == _draw(data, "llama")[1].order


def test_examples_in_chinese_are_asked_and_answered_in_chinese(data: Path) -> None:
    answerer, draws = _draw(data, "llama", data__chinese=1.0)
    draw, example = draws.order[0], draws[0]
    learnt = example["labels"][0][example["labels"][0] != IGNORED]
    option = answerer.families[draw.family].options["zh"][draw.option].strip()
    assert str(answerer.reader.tokenizer.decode(learnt.tolist())).strip() == option


@pytest.mark.numeric
@pytest.mark.parametrize("name", ["llama", "llava", "qwen2-vl"])
def test_a_batch_loses_what_its_examples_lose(data: Path, name: str) -> None:
    answerer, draws = _draw(data, name)
    model = answerer.reader.model
    examples = [draws[0], draws[1], draws[2]]
    pad = answerer.reader.tokenizer.pad_token_id
    assert isinstance(pad, int)
    batch = collate(pad, examples)
    with torch.no_grad():
        together = float(model(**batch).loss)
        counts = [int((example["labels"] != IGNORED).sum()) for example in examples]
        losses = [float(model(**collate(pad, [example])).loss) for example in examples]
    expected = sum(n * loss for n, loss in zip(counts, losses, strict=True)) / sum(counts)
    assert together == pytest.approx(expected, abs=1e-4)


def test_photos_of_different_sizes_want_a_batch_of_one() -> None:
    ids = torch.zeros(1, 4, dtype=torch.long)
    examples = [
        {"input_ids": ids, "labels": ids, "pixel_values": torch.zeros(1, 3, side, side)} for side in (8, 9)
    ]
    with pytest.raises(SettingsError, match=r"run\.batch_size"):
        collate(0, examples)


def test_a_run_saves_a_whole_model_and_goes_on_where_it_was_stopped(data: Path, tmp_path: Path) -> None:
    name = "llama"
    settings = _read(data, tmp_path, name)
    best, scores = run_training(settings)
    assert 0 <= scores["eval_accuracy_all"] <= 1
    before, after = load_answerer(data / name), load_answerer(best)
    assert isinstance(before, LanguageAnswerer) and isinstance(after, LanguageAnswerer)
    moved = {
        key.rsplit(".", 2)[-2]
        for key, values in after.reader.model.state_dict().items()
        if not torch.equal(values, before.reader.model.state_dict()[key])
    }
    assert moved and moved <= set(settings.model.layers)
    assert after.set_priors is not None and not (best / "adapter_config.json").exists()
    assert {"settings.yaml", "data.json", "starts.json", "README.md", "training.json"} <= {
        path.name for path in best.iterdir()
    }
    checkpoints = tmp_path / "run" / "checkpoints"
    last = max(checkpoints.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))
    shutil.rmtree(last)
    shutil.rmtree(best)
    assert (run_training(settings, resume=True)[0] / "model.safetensors").is_file() and last.is_dir()


def test_what_is_missing_to_train_is_said_before_anything_is_read(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "peft", None)
    folders = ["--start", str(data / "llama"), "--data", str(data), "--output", str(tmp_path / "run")]
    assert main(["vlm", "--config", str(CONFIG), *folders]) == 1
    assert "pip install peft" in capsys.readouterr().err
