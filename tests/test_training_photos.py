"""The photo branch that a checkpoint gets, and the real photos it learns from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from magic_demo.questions import load_families
from tests.test_vqa import TEXT, make_model, make_photos, make_scorer
from training.pad import answer_from_record, read_pad
from training.photo_branch import CHANNELS, PhotoBranch, add_photo_branch, freeze_words, name_layers
from training.pretrained import read_imagenet
from training.run import SettingsError
from training.vqa_data import CaseDataSettings, CaseDraws
from training.vqa_sources import CaseSource, LearningCase

RECORD = {"diameter_1": "8.0", "diameter_2": "25", "elevation": "True", "region": "NOSE", "itch": "UNK"}


@pytest.fixture(scope="module")
def imagenet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write weights with the names and shapes of ImageNet's file, of chance."""
    torch.manual_seed(0)
    weights: dict[str, torch.Tensor] = {"conv1/kernel": torch.randn(3, 3, 3, 32) * 0.3, **_norm("conv1_bn", 32)}
    inputs = 32
    for block, outputs in enumerate(CHANNELS, start=1):
        weights[f"conv_dw_{block}/depthwise_kernel"] = torch.randn(3, 3, inputs, 1) * 0.3
        weights[f"conv_pw_{block}/kernel"] = torch.randn(1, 1, inputs, outputs) * 0.1
        weights |= _norm(f"conv_dw_{block}_bn", inputs) | _norm(f"conv_pw_{block}_bn", outputs)
        inputs = outputs
    folder = tmp_path_factory.mktemp("imagenet")
    save_file(weights, folder / "weights.safetensors")
    return folder


def _norm(name: str, channels: int) -> dict[str, torch.Tensor]:
    values = {"gamma": 1.0, "beta": 0.0, "moving_mean": 0.0, "moving_variance": 1.0}
    return {f"{name}/{part}": torch.full((channels,), value) for part, value in values.items()}


def make_branch(**settings: int) -> PhotoBranch:
    """Return settings of a small branch."""
    return PhotoBranch(Path("weights.safetensors"), **{"blocks": 3, "frozen_blocks": 1, "size": 32, "head_size": 8, **settings})


def test_a_new_photo_branch_leaves_what_words_alone_say_as_it_was(imagenet: Path) -> None:
    before = make_model()
    after = add_photo_branch(before, make_branch(), imagenet)
    one, other = make_scorer(before), make_scorer(after)
    words = one.score(TEXT, [])
    assert all(np.array_equal(values, other.score(TEXT, [])[qid]) for qid, values in words.items())
    assert any(not np.allclose(values, other.score(TEXT, make_photos((40, 40)))[qid]) for qid, values in words.items())
    assert add_photo_branch(after, make_branch(), imagenet) is after


def test_only_photos_learn_and_not_the_frozen_blocks(imagenet: Path) -> None:
    model = add_photo_branch(make_model(), make_branch(), imagenet)
    freeze_words(model)
    learning = {name for name, weight in model.named_parameters() if weight.requires_grad}
    assert {name.partition(".")[0] for name in learning} == {"vision_model", "photo_head"}
    assert not any(name.startswith(("vision_model.conv_stem", "vision_model.layer.0.", "vision_model.layer.1.")) for name in learning)
    assert any(name.startswith("vision_model.layer.2.") for name in learning)
    norms = [module for module in model.train().vision_model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert norms and not any(norm.training for norm in norms)


def test_imagenet_kernels_are_turned_and_every_kept_layer_is_filled(imagenet: Path) -> None:
    model = add_photo_branch(make_model(), make_branch(), imagenet)
    read = name_layers(read_imagenet(imagenet / "weights.safetensors", 3))
    state = model.vision_model.state_dict()
    assert {name for name in state if not name.endswith("num_batches_tracked")} == set(read)
    assert read["conv_stem.convolution.weight"].shape == (32, 3, 3, 3)
    assert all(torch.equal(state[name], value) for name, value in read.items())


def test_missing_weights_and_too_many_blocks_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="ImageNet"):
        add_photo_branch(make_model(), make_branch(), tmp_path)
    with pytest.raises(SettingsError, match="1 to 12"):
        add_photo_branch(make_model(), make_branch(blocks=13), tmp_path)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {"CQID012": "size of palm", "CQID020": "raised or bumpy", "CQID011": "head"}),
        ({"diameter_2": "20"}, {"CQID012": "size of thumb nail", "CQID020": "raised or bumpy", "CQID011": "head"}),
        ({"diameter_1": "", "diameter_2": "0.0", "elevation": "", "region": "", "itch": "False"}, {"CQID025": "no"}),
    ],
)
def test_records_answer_what_they_know(changes: Mapping[str, str], expected: Mapping[str, str]) -> None:
    assert answer_from_record({**RECORD, **changes}) == expected


def test_real_photos_come_with_answers_and_no_patient_is_on_both_sides(shared_data: Path) -> None:
    train, dev = (read_pad(shared_data / "skin", split) for split in ("pad_train", "pad_dev"))
    assert not {photo.patient for photo in train} & {photo.patient for photo in dev}
    known = {family.family_id for family in load_families() for photo in dev if family.questions[0].qid in photo.answers}
    assert known == {"CQID011", "CQID012", "CQID020", "CQID025", "CQID035"}
    assert all(photo.path.is_file() for photo in dev)
    with pytest.raises(SettingsError, match="PAD-UFES-20"):
        read_pad(shared_data / "skin", "nothing")


def test_a_draw_without_its_words_teaches_only_what_photos_tell() -> None:
    source = CaseSource("made", "cases")
    answers = {"CQID025-001": 0, "CQID034-001": 2}
    case = LearningCase("ENC00001", source, ("itchy", ""), (Path("a.jpg"),), answers, "made")
    settings = CaseDataSettings(Path(), (source,), (), text_dropout=1.0, photo_dropout=0.0, photo_families=("CQID034",), augment=None)

    class Shelf:
        size = (32, 32)

        def read(self, path: Path) -> np.ndarray:
            assert path.name == "a.jpg"
            return np.zeros((32, 32, 3), np.uint8)

    draw = CaseDraws([case], settings, Shelf(), epochs=1, sets=True, seed=0)[0]  # type: ignore[arg-type]
    assert draw["text"] == "" and len(draw["photos"]) == 1
    assert np.nansum(draw["labels"]) == 1.0
