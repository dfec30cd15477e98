"""Which backend runs is decided in one place: by name, by the machine, and by what the checkpoint was checked
with."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from magic_demo.core.errors import BackendError, CheckpointError
from magic_demo.models.backends import backend
from magic_demo.models.backends.backend import (
    CHECKED_NAME,
    Backend,
    choose_backend,
    count_cores,
    read_checked,
)
from magic_demo.models.backends.encoder import Encoder
from magic_demo.models.backends.names import AUTO, BACKENDS
from magic_demo.models.loading.finding import name_model
from magic_demo.models.loading.predictors import load_predictor
from magic_demo.questions.calibration import digest_of
from tests.models.answers.test_text_photo_answerer import (
    TEXT,
    join_scores,
    make_model,
    make_photos,
    save_checkpoint,
)
from tests.models.segmentation.test_prompted import write_clipseg
from tests.support.source.concrete_models import load_prompted, load_text_photo_answerer, score_photos
from tests.support.source.rounding import assert_same_but_for_rounding, measure_rounding

pytestmark = pytest.mark.numeric

CHECKED = {"bfloat16": "mask IoU 0.996 on average to float32, 10 photos"}


def set_machine(patch: pytest.MonkeyPatch, *, card: bool = False, bfloat16: bool = False) -> None:
    patch.setattr(torch.cuda, "is_available", lambda: card)
    patch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": bfloat16})


def make_encoder(**more: Any) -> Encoder:
    """Make an encoder of two layers with a norm between, the same each time."""
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(8, 32), nn.LayerNorm(32), nn.Linear(32, 4)).eval()
    return Encoder(lambda values: module(values), module, (torch.zeros(1, 8),), **more)


def measure_products(kind: torch.dtype) -> float:
    """Return how far the numbers of ``make_encoder``'s products move when its weights are rounded to ``kind``
    another way."""
    encoder = make_encoder()
    (prepared, values) = (
        Backend().prepare(encoder),
        torch.randn(5, 8, generator=torch.Generator().manual_seed(1)),
    )
    return measure_rounding(encoder.weights, lambda: prepared(values)[0].detach(), kind)


@pytest.mark.parametrize(
    ("card", "bfloat16", "checked", "expected"),
    [
        (False, False, CHECKED, "torch"),
        (False, True, {}, "torch"),
        (False, True, {"openvino": "checked"}, "torch"),
        (False, True, CHECKED, "bfloat16"),
        (True, True, {}, "cuda float32"),
        (True, False, CHECKED, "cuda"),
    ],
)
def test_auto_rounds_only_what_was_checked_and_takes_a_graphics_card_first(
    monkeypatch: pytest.MonkeyPatch, card: bool, bfloat16: bool, checked: dict[str, str], expected: str
) -> None:
    set_machine(monkeypatch, card=card, bfloat16=bfloat16)
    assert str(choose_backend(AUTO, checked)) == expected


def test_a_backend_that_is_named_runs_unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    set_machine(monkeypatch, card=True)
    assert [str(choose_backend(name)) for name in BACKENDS] == list(BACKENDS)


@pytest.mark.parametrize(
    ("name", "lacks", "words"),
    [
        ("gpu", "", "one of auto, torch, bfloat16, cuda, openvino"),
        ("cuda", "", "no graphics card"),
        ("openvino", "openvino", "openvino not installed; pip install openvino"),
    ],
)
def test_what_is_not_there_is_one_line_that_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, repository: Path, name: str, lacks: str, words: str
) -> None:
    set_machine(monkeypatch)
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda package: None if package == lacks else find(package)
    )
    with pytest.raises(BackendError, match=words) as caught:
        choose_backend(name)
    assert "\n" not in str(caught.value)


def test_only_products_are_rounded_and_what_comes_out_is_float32() -> None:
    exact, rounded = make_encoder(), make_encoder()
    values = torch.randn(5, 8, generator=torch.Generator().manual_seed(1))
    (expected,), (got,) = (
        Backend(name).prepare(encoder)(values) for name, encoder in (("torch", exact), ("bfloat16", rounded))
    )
    assert [parameter.dtype for parameter in rounded.weights.parameters()] == [torch.bfloat16] * 2 + [
        torch.float32
    ] * 2 + [torch.bfloat16] * 2
    assert got.dtype == torch.float32 and not torch.equal(got, expected)
    assert_same_but_for_rounding(got, expected, measure_products(torch.bfloat16))


def test_a_graphics_card_gets_the_weights_and_rounds_unless_it_is_to_be_exact(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No card is to be had: the processor stands in for it, and what is asked of the card is noted."""
    moved: list[object] = []
    rounded_on: list[tuple[object, ...]] = []
    autocast, device = torch.autocast, torch.device

    class Card:
        type = "cuda"

    def move(module: nn.Module, where: object) -> nn.Module:
        moved.append(where)
        return module

    def round_on(kind: str, dtype: torch.dtype, *, enabled: bool) -> Any:
        rounded_on.append((kind, dtype, enabled))
        return autocast("cpu", dtype, enabled=enabled)

    monkeypatch.setattr(nn.Module, "to", move)
    monkeypatch.setattr(torch, "device", lambda kind: Card() if kind == "cuda" else device(kind))
    monkeypatch.setattr(torch, "autocast", round_on)
    take = Tensor.to
    monkeypatch.setattr(
        Tensor,
        "to",
        lambda values, where, *more, **named: (
            values if isinstance(where, Card) else take(values, where, *more, **named)
        ),
    )
    values = torch.randn(5, 8, generator=torch.Generator().manual_seed(1))
    (expected,) = Backend().prepare(make_encoder())(values)
    (exact,), (rounded,) = (
        Backend("cuda", exact=exact).prepare(make_encoder())(values) for exact in (True, False)
    )
    assert moved == ["cuda", "cuda"] and rounded_on == [
        ("cuda", torch.bfloat16, False),
        ("cuda", torch.bfloat16, True),
    ]
    assert torch.equal(exact, expected)
    assert not torch.equal(rounded, expected) and rounded.dtype == torch.float32


def test_a_checkpoint_says_what_it_was_checked_with_and_auto_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_machine(monkeypatch, bfloat16=True)
    folder = write_clipseg(tmp_path / "clipseg")
    name = name_model(folder)
    assert read_checked(folder, name) == {} and str(load_prompted(folder, backend=AUTO).backend) == "torch"
    (folder / CHECKED_NAME).write_text(
        json.dumps({"model": digest_of(name), "checked": CHECKED}), encoding="utf-8"
    )
    assert (
        read_checked(folder, name) == CHECKED
        and str(load_prompted(folder, backend=AUTO).backend) == "bfloat16"
    )
    assert str(load_prompted(folder).backend) == "torch", (
        "training and tests keep to the reference unless they name another"
    )
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps({**config, "threshold": 0.4}), encoding="utf-8")
    assert read_checked(folder, name_model(folder)) == {}, "what was checked is not what is there now"


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"checked": {}}',
        '{"model": "x", "checked": ["bfloat16"]}',
        '{"model": "x", "checked": {"cuda": 1}}',
    ],
)
def test_a_check_that_cannot_be_read_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / CHECKED_NAME).write_text(content, encoding="utf-8")
    with pytest.raises(CheckpointError, match=CHECKED_NAME):
        read_checked(tmp_path, "tiny@x")


def test_a_check_of_a_backend_that_is_no_more_says_nothing_of_the_others(tmp_path: Path) -> None:
    checked = {"openvino-int8": "near once", "bfloat16": "near"}
    (tmp_path / CHECKED_NAME).write_text(
        json.dumps({"model": digest_of("tiny@x"), "checked": checked}), encoding="utf-8"
    )
    assert read_checked(tmp_path, "tiny@x") == {"bfloat16": "near"}


def test_masks_and_scores_in_bfloat16_are_near_those_in_float32(tmp_path: Path) -> None:
    (photo,) = make_photos((50, 60))
    folder = write_clipseg(tmp_path / "clipseg")
    segmenters = [load_prompted(folder, backend=name) for name in ("torch", "bfloat16")]
    exact, rounded = (segmenter.predict(photo, "red rash") for segmenter in segmenters)
    assert not np.array_equal(exact, rounded)
    rounding = measure_rounding(
        segmenters[0].model, lambda: segmenters[0].predict(photo, "red rash"), torch.bfloat16
    )
    assert_same_but_for_rounding(rounded, exact, rounding)
    folder = save_checkpoint(tmp_path / "answerer", make_model())
    scorers = [load_text_photo_answerer(folder, backend=name) for name in ("torch", "bfloat16")]
    scores, near = (join_scores(score_photos(scorer, TEXT, [photo])) for scorer in scorers)
    assert not np.array_equal(scores, near)
    assert_same_but_for_rounding(
        near,
        scores,
        measure_rounding(
            scorers[0].model, lambda: join_scores(score_photos(scorers[0], TEXT, [photo])), torch.bfloat16
        ),
    )
    places, about = (
        scorer.attribute(TEXT, [scorer.encode_photo(photo)], "CQID034", 1)[0] for scorer in scorers
    )
    assert_same_but_for_rounding(
        about,
        places,
        measure_rounding(
            scorers[0].model,
            lambda: scorers[0].attribute(TEXT, [scorers[0].encode_photo(photo)], "CQID034", 1)[0],
            torch.bfloat16,
        ),
    )


def test_the_shipped_models_run_rounded_when_asked_and_read_each_other_all_the_same() -> None:
    predictor = load_predictor(backend="bfloat16", cues=None)
    assert predictor.backends == {"segmentation": "bfloat16"}, (
        "what reads its features has no encoder of its own"
    )
    assert predictor.mismatch is None
    assert load_predictor(segmentation=None, answers=None, backend="bfloat16").backends == {}


@pytest.mark.parametrize(
    ("content", "cores"),
    [
        ("200000 100000\n", 2),
        ("150000 100000\n", 2),
        ("50000 100000", 1),
        ("max 100000\n", 8),
        ("broken", 8),
        (None, 8),
    ],
)
def test_cores_are_those_that_the_process_may_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None, cores: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: set(range(8)), raising=False)
    quota = tmp_path / "cpu.max"
    if content is not None:
        quota.write_text(content, encoding="ascii")
    assert count_cores(quota) == cores


def test_a_number_of_threads_that_the_environment_sets_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    set_to: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", set_to.append)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 16)
    monkeypatch.setattr(backend, "count_cores", lambda: 2)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    backend.use_cores()
    assert set_to == []
    monkeypatch.delenv("OMP_NUM_THREADS")
    backend.use_cores()
    assert set_to == [2]


def test_encoders_are_called_as_the_model_has_them() -> None:
    encoder = Encoder(lambda one, other: (one + other, one), nn.Identity(), (torch.zeros(1), torch.zeros(1)))
    one, other = torch.ones(3), torch.full((3,), 2.0)
    total: tuple[Tensor, ...] = Backend().prepare(encoder)(one, other)
    assert torch.equal(total[0], torch.full((3,), 3.0)) and torch.equal(total[1], one)
