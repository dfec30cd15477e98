"""File to lesion mask, by each backend that is there: ours against the library's CLIPSeg used plainly.

Plainly is with the library's image processor, the prompt padded, eager attention, everything anew each time.
Weights are random and the same on both sides, so that the differences say how far the answers move, not how
good they are. The mask is cut at the median of the plain answer.
"""

from __future__ import annotations

import copy
import io
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from PIL import Image
from torch.nn import functional
from transformers import CLIPSegConfig, CLIPSegForImageSegmentation, ViTImageProcessorPil

from benchmarks.timing import Row, take_times
from benchmarks.training_cache import make_model
from magic_demo.files.photos.reading import decode_photo
from magic_demo.imaging.overlay import lesion_mask
from magic_demo.models.backends.backend import Backend, explain_missing, has_bfloat16
from magic_demo.models.loading.predictors import DEFAULT_SEGMENTATION
from magic_demo.models.loading.preprocessing import Preprocessing
from magic_demo.models.registry import load_segmenter
from magic_demo.models.segmentation.clipseg import PromptedCLIPSeg
from magic_demo.models.segmentation.prompted import PromptedSegmenter
from magic_demo.synthetic.encounters import make_case

MEAN, STD = (0.481, 0.458, 0.408), (0.269, 0.261, 0.276)
LONGEST_PROMPT, WORDS = 77, 20
WANTED = {"bfloat16": 2.3, "openvino": 3.0}
"""How many times faster a backend's mask is to be, from the file on."""


def draw_file(size: tuple[int, int]) -> bytes:
    """Return a JPEG of a synthetic photo at ``size`` (height, width)."""
    photo = Image.fromarray(make_case(5, 1).photos[0].pixels).resize(
        (size[1], size[0]), Image.Resampling.BICUBIC
    )
    buffer = io.BytesIO()
    photo.save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


def make_tiny() -> PromptedCLIPSeg:
    """Return CLIPSeg of a few thousand weights, for a quick look that nothing is broken."""
    small: dict[str, Any] = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_attention_heads": 2,
        "num_hidden_layers": 4,
    }
    config = CLIPSegConfig(
        text_config=small, vision_config={**small, "patch_size": 16, "image_size": 64}, projection_dim=32, reduce_dim=16,
        extract_layers=[0, 1, 2], decoder_num_attention_heads=2, decoder_intermediate_size=32,
    )  # fmt: skip
    return PromptedCLIPSeg(config)


def list_backends(*, quick: bool = False) -> list[str]:
    """Return the backends to measure here: what is installed and what the processor has instructions for; no
    card."""
    names = [name for name in ("torch", "bfloat16", "openvino") if not explain_missing(name)]
    return [name for name in names if quick or name != "bfloat16" or has_bfloat16()]


def measure(rounds: int, *, quick: bool = False) -> list[Row]:
    """Return the stage's lines for the table."""
    torch.manual_seed(0)
    model = make_tiny() if quick else make_model()
    model.eval()  # type: ignore[no-untyped-call]
    side = 64 if quick else 352
    data = draw_file((300, 400) if quick else (3000, 4000))
    model.config._attn_implementation = "sdpa"
    plain = (
        cast(Any, CLIPSegForImageSegmentation)._from_config(model.config, attn_implementation="eager").eval()
    )
    plain.load_state_dict(model.state_dict())
    random = np.random.default_rng(0)
    ids = torch.tensor([[49406, *random.integers(1000, 40000, WORDS).tolist(), 49407]])
    padded = functional.pad(ids, (0, LONGEST_PROMPT - ids.shape[1]), value=49407)
    seen = functional.pad(torch.ones_like(ids), (0, LONGEST_PROMPT - ids.shape[1]))
    processor = ViTImageProcessorPil(
        size={"height": side, "width": side}, image_mean=MEAN, image_std=STD, resample=2
    )
    preprocessing = Preprocessing((side, side), MEAN, STD, "bilinear")
    with torch.inference_mode():
        vector = model.encode_prompt(ids, torch.ones_like(ids))
        other = model.encode_prompt(ids.flip(1).roll(1, 1), torch.ones_like(ids))

    @torch.inference_mode()
    def naive() -> tuple[Any, Any]:
        with Image.open(io.BytesIO(data)) as image:
            photo = image.convert("RGB")
        pixels = processor(photo, return_tensors="pt")["pixel_values"]
        logits = plain(input_ids=padded, attention_mask=seen, pixel_values=pixels).logits.reshape(
            1, 1, side, side
        )
        probability = logits.sigmoid()
        full = functional.interpolate(
            probability, size=(photo.height, photo.width), mode="bilinear", align_corners=False
        )[0, 0]
        return probability[0, 0].numpy(), full.numpy()

    naive_small, naive_full = naive()
    threshold = float(np.median(naive_full))
    kept: list[Any] = []

    def ours(segmenter: PromptedSegmenter) -> tuple[Any, Any]:
        photo = decode_photo(data, photo_id="photo")
        features = segmenter.look(photo.pixels)
        kept[:] = [features, photo.size]
        probability = segmenter.decode(features, vector)
        return probability, lesion_mask(probability, photo.size, threshold)

    segmenters = {
        name: PromptedSegmenter(
            copy.deepcopy(model),
            cast(Any, None),
            preprocessing,
            model_id="random",
            backend=Backend(name),
        )
        for name in list_backends(quick=quick)
    }

    def second() -> Any:
        return lesion_mask(segmenters["torch"].decode(kept[0], other), kept[1], threshold)

    ways: dict[str, Callable[[], Any]] = {
        name: partial(ours, segmenter) for name, segmenter in segmenters.items()
    }
    times = take_times({"naive": lambda: naive()[1] >= threshold, **ways, "second": second}, rounds)
    what = "CLIPSeg, random weights" + (", tiny" if quick else "")
    plainly = naive_full >= threshold
    rows = []
    for name, segmenter in segmenters.items():
        small, mask = ours(segmenter)
        overlap = int(np.count_nonzero(plainly & mask)) / max(1, int(np.count_nonzero(plainly | mask)))
        difference = (
            f"mask IoU {overlap:.4f}, largest probability difference {np.abs(small - naive_small).max():.4f}"
        )
        stage = f"{what}: {naive_full.size / 1e6:.1f}-megapixel JPEG to mask, {name}"
        rows.append(Row(stage, times["naive"], times[name], difference, WANTED.get(name, 0.0)))
    said = f"{what}: a second prompt on the photo, against the first, torch"
    rows.append(Row(said, times["torch"], times["second"], "the same features are read", 5))
    return [*rows, _measure_shipped(data, rounds)]


def _measure_shipped(data: bytes, rounds: int) -> Row:
    segmenter = load_segmenter(DEFAULT_SEGMENTATION)
    text = "a red itching spot on my arm for two weeks"
    photo = decode_photo(data, photo_id="photo")
    features = segmenter.look(photo.pixels)
    times = take_times(
        {
            "whole": lambda: segmenter.predict(decode_photo(data, photo_id="photo").pixels, text),
            "second": lambda: segmenter.segment(features, text),
        },
        rounds,
    )
    same = np.array_equal(segmenter.predict(photo.pixels, text), segmenter.segment(features, text))
    name = Path(DEFAULT_SEGMENTATION).name
    return Row(f"{name} as shipped: a second prompt on a photo, against the file anew", times["whole"], times["second"],
               "equal to the last bit" if same else "DIFFERS", 5)  # fmt: skip
