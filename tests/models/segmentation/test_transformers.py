"""transformers loads the shipped segmentation model by its own classes: with Magic Demo imported, and in a process
that cannot import it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoImageProcessor, AutoModelForImageSegmentation, Dinov2Config

from magic_demo.files.checkpoint_files import read_config
from magic_demo.imaging.overlay import lesion_mask
from magic_demo.imaging.resize import resize_pixels
from magic_demo.models.loading.finding import name_model
from magic_demo.models.loading.preprocessing import read_preprocessing
from magic_demo.models.registry import load_segmenter
from magic_demo.models.segmentation.compact import CompactSegmenter, CompactSegmenterConfig
from magic_demo.models.segmentation.image_processing import CompactImageProcessor
from magic_demo.models.segmentation.registered import add_code
from training.segmentation.patches import PATCH_FIELDS

REPOSITORY = Path(__file__).resolve().parents[3]
SHIPPED = REPOSITORY / "checkpoints" / "segmentation-compact"
PHOTO = REPOSITORY / "magic_demo" / "synthetic" / "examples" / "IMG_ENC00001_00001.jpg"


def test_the_code_beside_the_shipped_checkpoint_is_todays(tmp_path: Path) -> None:
    folder = tmp_path / "segmentation-compact"
    shutil.copytree(SHIPPED, folder)
    add_code(folder)
    for path in SHIPPED.iterdir():
        assert path.read_bytes() == (folder / path.name).read_bytes(), (
            f"{path.name}: run python -m training add-code checkpoints/segmentation-compact"
        )


def test_a_model_that_transformers_saves_has_all_its_code_beside_it(tmp_path: Path) -> None:
    _make_patched().save_pretrained(tmp_path)
    saved = {path.name: path.read_bytes() for path in tmp_path.glob("*.py")}
    shipped = {path.name: path.read_bytes() for path in SHIPPED.glob("*.py")}
    assert saved == {name: code for name, code in shipped.items() if name != "image_processing.py"}


def test_a_model_has_the_same_name_with_its_code_and_without(tmp_path: Path) -> None:
    folder = tmp_path / "segmentation-compact"
    shutil.copytree(SHIPPED, folder)
    config = read_config(folder)
    assert config.pop("auto_map")["AutoConfig"] == "compact.CompactSegmenterConfig"
    written = json.dumps(config, indent=2, sort_keys=True) + "\n"  # as transformers does
    (folder / "config.json").write_text(written, encoding="utf-8")
    assert name_model(folder) == name_model(SHIPPED)
    (folder / "config.json").write_text(written.replace("0.45", "0.5"), encoding="utf-8")
    assert name_model(folder) != name_model(SHIPPED)


def test_a_photo_is_resized_for_transformers_as_it_is_here() -> None:
    processor = CompactImageProcessor.from_pretrained(SHIPPED)
    pixels = np.asarray(Image.open(PHOTO, formats=["JPEG"]).convert("RGB"))
    ours = read_preprocessing(SHIPPED)
    for photo in (pixels, pixels[:, :500], pixels[:150, :150]):
        resized = processor._resize(photo)
        assert np.abs(resized - resize_pixels(photo, ours.size)).max() <= 1
    values = processor.preprocess([pixels, Image.fromarray(pixels)])["pixel_values"]
    assert values.shape == (2, 3, 192, 192) and values[0].equal(values[1])
    assert np.abs(values[0].numpy() - ours.apply(pixels)).max() < 0.01


def test_transformers_finds_the_model_where_magic_demo_is_imported() -> None:
    model = AutoModelForImageSegmentation.from_pretrained(SHIPPED)
    processor = AutoImageProcessor.from_pretrained(SHIPPED)  # type: ignore[no-untyped-call]
    assert type(model).__module__ == "magic_demo.models.segmentation.compact"
    assert type(processor) is CompactImageProcessor and processor.threshold == model.config.threshold == 0.45
    assert model.config.id2label == {0: "skin", 1: "lesion"}
    pixels = np.asarray(Image.open(PHOTO, formats=["JPEG"]).convert("RGB"))
    found = processor.post_process_semantic_segmentation(
        model.float().eval()(**processor(pixels)), target_sizes=[pixels.shape[:2]]
    )[0].numpy()
    segmenter = load_segmenter(SHIPPED)
    ours = lesion_mask(segmenter.predict(pixels), (pixels.shape[0], pixels.shape[1]), segmenter.threshold)
    assert found.shape == ours.shape and set(np.unique(found)) == {0, 1}
    assert 2 * np.count_nonzero(found.astype(bool) & ours) / (found.sum() + ours.sum()) > 0.9


IMPORTED = """
import sys
sys.path.insert(0, {repository!r})
import magic_demo
assert "torch" not in sys.modules and "transformers" not in sys.modules
from transformers import AutoImageProcessor
print(type(AutoImageProcessor.from_pretrained({folder!r})).__module__)
from transformers import AutoModelForImageSegmentation
print(type(AutoModelForImageSegmentation.from_pretrained({folder!r})).__module__)
"""
STRANGER = """
import importlib.util
assert importlib.util.find_spec("magic_demo") is None
import numpy as np
from transformers import AutoImageProcessor, AutoModelForImageSegmentation, pipeline
model = AutoModelForImageSegmentation.from_pretrained({folder!r}, trust_remote_code=True)
processor = AutoImageProcessor.from_pretrained({folder!r}, trust_remote_code=True)
segment = pipeline("image-segmentation", model={folder!r}, trust_remote_code=True)
print(type(model).__name__, type(processor).__name__)
print({{part["label"]: [part["mask"].size, bool(np.any(part["mask"]))] for part in segment({photo!r})}})
"""


PATCHED = """
import importlib.util
assert importlib.util.find_spec("magic_demo") is None
import torch
from transformers import AutoModelForImageSegmentation
model = AutoModelForImageSegmentation.from_pretrained({folder!r}, trust_remote_code=True).eval()
with torch.inference_mode():
    print(model(torch.linspace(-1, 1, 3 * 64 * 64).view(1, 3, 64, 64)).logits.sum().item())
"""


def _make_patched() -> CompactSegmenter:
    """Return a tiny model whose decoder reads patches."""
    torch.manual_seed(0)
    vision = Dinov2Config(hidden_size=12, num_hidden_layers=2, num_attention_heads=2, image_size=28)
    config = CompactSegmenterConfig(
        stem_channels=8,
        decoder_channels=[8, 8, 16, 16, 24],
        patches={name: getattr(vision, name) for name in PATCH_FIELDS},
        patch_side=28,
        patch_block=1,
    )
    model = CompactSegmenter(config)
    model.train(False)
    return model


def _run(script: str, folder: Path) -> str:
    """Run a script with its packages, and none of ours, in a folder of its own; returns what it prints."""
    ran = subprocess.run(
        [sys.executable, "-c", script],
        cwd=folder,
        env={
            **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            "HF_HUB_OFFLINE": "1",
            "HF_HOME": str(folder / "home"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.mark.long
def test_import_magic_demo_is_enough_and_imports_nothing_large(tmp_path: Path) -> None:
    said = _run(IMPORTED.format(repository=str(REPOSITORY), folder=str(SHIPPED)), tmp_path)
    assert said.split() == [
        "magic_demo.models.segmentation.image_processing",
        "magic_demo.models.segmentation.compact",
    ]


@pytest.mark.long
def test_a_process_without_magic_demo_loads_the_model_and_its_pipeline(tmp_path: Path) -> None:
    said = _run(STRANGER.format(folder=str(SHIPPED), photo=str(PHOTO)), tmp_path).splitlines()
    assert said == [
        "CompactSegmenter CompactImageProcessor",
        "{'skin': [(768, 1024), True], 'lesion': [(768, 1024), True]}",
    ]


@pytest.mark.long
def test_a_process_without_magic_demo_loads_a_model_that_reads_patches(tmp_path: Path) -> None:
    model = _make_patched()
    model.save_pretrained(tmp_path / "patched")
    with torch.inference_mode():
        here = model(torch.linspace(-1, 1, 3 * 64 * 64).view(1, 3, 64, 64)).logits.sum().item()
    there = float(_run(PATCHED.format(folder=str(tmp_path / "patched")), tmp_path))
    assert there == pytest.approx(here, rel=1e-3)
