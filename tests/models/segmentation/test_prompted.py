"""The segmenter: one path for CLIPSeg and for the compact model, photo and prompt encoded apart."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from torch import Tensor
from transformers import CLIPSegConfig, CLIPSegForImageSegmentation, PreTrainedTokenizerFast

from magic_demo.core.errors import CheckpointError, ModelError
from magic_demo.core.types import Pixels
from magic_demo.models.segmentation.clipseg import PromptedCLIPSeg
from tests.support.source.concrete_models import load_prompted
from tests.support.source.rounding import assert_same_but_for_rounding, measure_rounding

pytestmark = pytest.mark.numeric

WORDS = ["<pad>", "<start>", "<end>", "?", "red", "rash", "on", "the", "arm"]
SIDE = 32


def make_tokenizer() -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.WordLevel({word: index for index, word in enumerate(WORDS)}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<start> $A <end>", special_tokens=[("<start>", 1), ("<end>", 2)]
    )
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        unk_token="?",
        bos_token="<start>",
        eos_token="<end>",
        model_max_length=12,
    )


def write_clipseg(folder: Path, *, seed: int = 0) -> Path:
    torch.manual_seed(3 + seed)
    tower = {"hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 24}
    config = CLIPSegConfig(
        text_config={
            **tower,
            "num_hidden_layers": 2,
            "vocab_size": len(WORDS),
            "max_position_embeddings": 12,
            "eos_token_id": WORDS.index("<end>"),
            "bos_token_id": WORDS.index("<start>"),
            "pad_token_id": 0,
        },
        vision_config={**tower, "num_hidden_layers": 6, "image_size": SIDE, "patch_size": 8},
        projection_dim=8,
        reduce_dim=8,
        extract_layers=[1, 2, 3],
        decoder_num_attention_heads=2,
        decoder_intermediate_size=16,
    )
    CLIPSegForImageSegmentation(config).save_pretrained(folder)
    make_tokenizer().save_pretrained(folder)
    settings = {"size": SIDE, "image_mean": [0.48, 0.46, 0.41], "image_std": [0.27, 0.26, 0.28]}
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    return folder


@pytest.fixture(scope="module")
def clipseg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clipseg(tmp_path_factory.mktemp("clipseg"))


@pytest.fixture
def pixels() -> Pixels:
    return np.random.default_rng(0).integers(0, 256, (48, 60, 3), dtype=np.uint8)


def test_the_split_path_gives_what_the_library_gives_for_clipseg(clipseg: Path, pixels: Pixels) -> None:
    segmenter = load_prompted(clipseg)
    # from_pretrained gives it ready for inference
    library = CLIPSegForImageSegmentation.from_pretrained(clipseg)
    words = make_tokenizer()("red rash on the arm", return_tensors="pt")

    def ask_library() -> Tensor:
        with torch.inference_mode():
            logits = library(
                pixel_values=torch.from_numpy(segmenter.preprocessing.apply(pixels))[None],
                input_ids=words["input_ids"],
                attention_mask=words["attention_mask"],
            ).logits
        return torch.sigmoid(logits[0])

    assert_same_but_for_rounding(
        segmenter.predict(pixels, "red rash on the arm"),
        ask_library(),
        measure_rounding(library, ask_library),
    )


def test_the_class_comes_from_the_config(clipseg: Path) -> None:
    assert type(load_prompted(clipseg).model) is PromptedCLIPSeg


def test_a_photo_is_encoded_once_and_the_prompt_changes_the_map(clipseg: Path, pixels: Pixels) -> None:
    segmenter = load_prompted(clipseg)
    features = segmenter.look(pixels)
    red, arm = (segmenter.segment(features, text) for text in ("red red rash", "arm"))
    assert not np.allclose(red, arm)
    np.testing.assert_array_equal(arm, segmenter.predict(pixels, "arm"))


@pytest.mark.parametrize(
    "written_by", [CLIPSegForImageSegmentation, PromptedCLIPSeg], ids=["the library", "training"]
)
def test_layers_that_no_one_reads_are_not_run_and_a_photo_passes_them_once_for_three_prompts(
    clipseg: Path, tmp_path: Path, pixels: Pixels, written_by: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    written_by.from_pretrained(clipseg).save_pretrained(tmp_path)
    make_tokenizer().save_pretrained(tmp_path)
    shutil.copy(clipseg / "preprocessor_config.json", tmp_path)
    segmenter = load_prompted(tmp_path)
    vision = segmenter.model.clip.vision_model  # type: ignore[attr-defined]
    assert max(segmenter.model.extract_layers) == 3 and len(vision.encoder.layers) == 6  # type: ignore[attr-defined]
    runs: Counter[str] = Counter()
    for place, layer in enumerate(vision.encoder.layers):
        layer.register_forward_hook(lambda *_, place=place: runs.update([f"layer {place}"]))
    vision.embeddings.register_forward_hook(lambda *_: runs.update(["embeddings"]))
    segmenter.model.decoder.register_forward_hook(lambda *_: runs.update(["decoder"]))  # type: ignore[attr-defined]
    enlarged: list[object] = []
    monkeypatch.setattr(torch.nn.functional, "interpolate", lambda *given, **more: enlarged.append(given))
    features = segmenter.look(pixels)
    maps = [segmenter.segment(features, text) for text in ("red", "rash", "arm")]
    assert not np.allclose(maps[0], maps[1])
    assert runs == {"embeddings": 1, **{f"layer {place}": 1 for place in range(4)}, "decoder": 3}
    assert enlarged == [], "neither the input nor the map is brought to another size by the model"


def test_the_published_sizes_leave_two_of_twelve_layers_out() -> None:
    config: Any = CLIPSegConfig()
    assert max(config.extract_layers) + 1 == 10 and config.vision_config.num_hidden_layers == 12


def test_the_map_is_a_probability_at_the_models_size(clipseg: Path, pixels: Pixels) -> None:
    probability = load_prompted(clipseg).predict(pixels)
    assert probability.shape == (SIDE, SIDE)
    assert probability.dtype == np.float32
    assert 0 <= probability.min() <= probability.max() <= 1


@pytest.mark.parametrize("text", ["", "   ", "red " * 10_000, "皮疹 🙂 \n\t ?"])
def test_any_text_is_a_prompt(clipseg: Path, pixels: Pixels, text: str) -> None:
    assert np.isfinite(load_prompted(clipseg).predict(pixels, text)).all()


def test_a_prompt_is_cut_at_what_the_model_reads(clipseg: Path) -> None:
    segmenter = load_prompted(clipseg)
    long, longer = (segmenter.encode_prompt("red rash " * times) for times in (20, 40))
    assert torch.equal(long, longer)  # the same tokens


def test_the_threshold_comes_with_the_checkpoint(clipseg: Path, tmp_path: Path) -> None:
    assert load_prompted(clipseg).threshold == 0.5
    copy = write_clipseg(tmp_path)
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, "threshold": 0.35}))
    assert load_prompted(copy).threshold == 0.35


def test_with_the_mirror_image_a_mirrored_photo_gets_the_mirrored_map(clipseg: Path, pixels: Pixels) -> None:
    segmenter = load_prompted(clipseg)
    square, mirrored = pixels[:48, :48], np.ascontiguousarray(pixels[:48, 47::-1])
    assert not np.allclose(
        segmenter.predict(mirrored, "rash"), segmenter.predict(square, "rash")[:, ::-1], atol=1e-3
    )
    segmenter.mirrored = True
    rounding = measure_rounding(segmenter.model, lambda: segmenter.predict(square, "rash"))
    assert_same_but_for_rounding(
        segmenter.predict(mirrored, "rash"), segmenter.predict(square, "rash")[:, ::-1], rounding
    )


def test_values_that_are_no_numbers_are_an_error_and_not_a_mask(tmp_path: Path, pixels: Pixels) -> None:
    folder = write_clipseg(tmp_path)
    weights = load_file(folder / "model.safetensors")
    weights["decoder.film_mul.bias"] = torch.full_like(weights["decoder.film_mul.bias"], float("nan"))
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match="not numbers"):
        load_prompted(folder).predict(pixels)


def test_weights_that_are_missing_are_named(tmp_path: Path) -> None:
    folder = write_clipseg(tmp_path)
    weights = load_file(folder / "model.safetensors")
    del weights["decoder.film_mul.bias"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(CheckpointError, match=r"decoder\.film_mul\.bias"):
        load_prompted(folder)
