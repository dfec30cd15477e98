"""OpenVINO gives what torch gives, within what rounding explains; what it converts is kept and survives
damage."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import torch

from magic_demo.core.errors import BackendError
from magic_demo.models.backends.backend import Backend
from magic_demo.models.backends.openvino_encoder import (
    CACHE_VARIABLE,
    ISA_VARIABLES,
    cache_folder,
    import_openvino,
)
from tests.models.answers.test_text_photo_answerer import (
    TEXT,
    join_scores,
    make_model,
    make_photos,
    save_checkpoint,
)
from tests.models.backends.test_backend import make_encoder, measure_products
from tests.models.segmentation.test_prompted import write_clipseg
from tests.support.source.concrete_models import load_prompted, load_text_photo_answerer, score_photos
from tests.support.source.rounding import assert_same_but_for_rounding, measure_rounding

pytestmark = pytest.mark.numeric

openvino = import_openvino()
VALUES = torch.randn(5, 8, generator=torch.Generator().manual_seed(1))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep what is converted in a folder of the test's own."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(autouse=True)
def free_instructions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold torch alone to the instructions that the environment names: OpenVINO cannot run a model with less
    than the processor has."""
    # torch's kernels read the environment once, at their first use
    torch.nn.Conv2d(16, 16, 3)(torch.rand(1, 16, 64, 64))
    for name in ISA_VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def conversions(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    """Give a list that grows with each conversion."""
    done: list[object] = []
    convert = openvino.convert_model

    def count(model: object, **more: object) -> object:
        done.append(model)
        return convert(model, **more)

    monkeypatch.setattr(openvino, "convert_model", count)
    yield done


def test_masks_and_scores_are_near_those_of_torch(tmp_path: Path, conversions: list[object]) -> None:
    photo, wide = make_photos((50, 60), (40, 90))
    folder = write_clipseg(tmp_path / "clipseg")
    exact, near = (load_prompted(folder, backend=name) for name in ("torch", "openvino"))
    for segmenter in (exact, near):
        segmenter.mirrored = True  # a batch of two
    # to which OpenVINO may round
    rounding = measure_rounding(exact.model, lambda: exact.predict(photo, "red rash"), torch.bfloat16)
    assert_same_but_for_rounding(near.predict(photo, "red rash"), exact.predict(photo, "red rash"), rounding)
    folder = save_checkpoint(tmp_path / "answerer", make_model())
    scorer, other = (load_text_photo_answerer(folder, backend=name) for name in ("torch", "openvino"))
    assert len(conversions) == 3, "photos of the one, photos and narratives of the other"
    for text in (TEXT, "red", ""):
        scores, close = (join_scores(score_photos(one, text, [photo, wide])) for one in (scorer, other))
        rounding = measure_rounding(
            scorer.model,
            partial(lambda text: join_scores(score_photos(scorer, text, [photo, wide])), text),
            torch.bfloat16,
        )
        assert_same_but_for_rounding(close, scores, rounding)
    assert sys.modules["openvino_telemetry"] is None, "nothing is reported to anybody"


def test_an_encoder_with_a_name_is_converted_once(cache: Path, conversions: list[object]) -> None:
    encoders = [make_encoder(key=key) for key in ("model@1", "model@1", "model@2", "", "")]
    (expected,) = Backend().prepare(make_encoder())(VALUES)
    for encoder in encoders:
        (got,) = Backend("openvino").prepare(encoder)(VALUES)
        assert_same_but_for_rounding(got, expected, measure_products(torch.bfloat16))
    assert len(conversions) == 4, "what has no name cannot be found again"
    assert len(list((cache / "openvino").iterdir())) == 2


@pytest.mark.parametrize("damage", ["missing", "cut", "garbage"])
def test_what_is_damaged_on_the_disk_is_made_again(
    cache: Path, conversions: list[object], damage: str
) -> None:
    Backend("openvino").prepare(make_encoder(key="model@1"))
    (folder,) = (cache / "openvino").iterdir()
    if damage == "missing":
        (folder / "encoder.xml").unlink()
    elif damage == "cut":
        (folder / "encoder.bin").write_bytes(b"")
    else:
        (folder / "encoder.xml").write_text("<net", encoding="utf-8")
    (got,) = Backend("openvino").prepare(make_encoder(key="model@1"))(VALUES)
    (expected,) = Backend().prepare(make_encoder())(VALUES)
    assert_same_but_for_rounding(got, expected, measure_products(torch.bfloat16))
    assert len(conversions) == 2
    Backend("openvino").prepare(make_encoder(key="model@1"))
    assert len(conversions) == 2, "and kept again"


def test_a_cache_that_cannot_be_written_is_one_line_that_says_how_to_choose_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("not a folder", encoding="utf-8")
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "file"))
    with pytest.raises(BackendError, match=CACHE_VARIABLE):
        Backend("openvino").prepare(make_encoder(key="model@1"))


def test_another_process_that_was_faster_is_no_error(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Backend("openvino").prepare(make_encoder(key="model@1"))
    (folder,) = (cache / "openvino").iterdir()
    kept = cache / "kept"
    folder.rename(kept)
    save = openvino.save_model

    def save_late(graph: object, path: Path, **more: object) -> None:
        save(graph, path, **more)
        shutil.copytree(kept, folder)

    monkeypatch.setattr(openvino, "save_model", save_late)
    (got,) = Backend("openvino").prepare(make_encoder(key="model@1"))(VALUES)
    assert got.shape == (5, 4)
    assert [path.name for path in (cache / "openvino").iterdir()] == [folder.name], (
        "nothing half-written is left"
    )


def test_the_cache_lies_where_the_system_keeps_what_can_be_made_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert cache_folder() == tmp_path / "cache"
    monkeypatch.delenv(CACHE_VARIABLE)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "magic-demo"
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert cache_folder() == tmp_path / "local" / "magic-demo"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert cache_folder() == Path.home() / "Library" / "Caches" / "magic-demo"


def test_nothing_is_reported_to_openvinos_makers() -> None:
    assert sys.modules.get("openvino_telemetry", "not shut out") is None


def test_a_model_that_openvino_cannot_run_here_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_words: object) -> None:
        raise RuntimeError("Exception from core.cpp:117:\nSupported primitive descriptors list is empty")

    monkeypatch.setattr(openvino.Core, "compile_model", fail)
    monkeypatch.setenv(ISA_VARIABLES[0], "AVX2")
    with pytest.raises(
        BackendError,
        match=r"^OpenVINO cannot run this model here while ONEDNN_MAX_CPU_ISA=AVX2 is set; take another "
        r"--backend$",
    ):
        Backend("openvino").prepare(make_encoder())
