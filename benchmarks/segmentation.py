"""File to lesion mask: ours against the library's CLIPSeg used plainly (Pillow, padded prompt, eager attention, everything anew each time).

Weights are random and the same on both sides, so that the differences say how far the answers move, not how good they are. The
mask is cut at the median of the plain answer.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from PIL import Image
from torch.nn import functional
from transformers import CLIPSegConfig, CLIPSegForImageSegmentation

from benchmarks.timing import Row, take_times
from benchmarks.training_cache import make_model
from magic_demo.checkpoints import Preprocessing
from magic_demo.overlay import lesion_mask
from magic_demo.photos import decode_photo
from magic_demo.predictor import DEFAULT_SEGMENTATION
from magic_demo.segmentation import PromptedCLIPSeg, Segmenter
from magic_demo.synthetic.encounters import make_case

MEAN, STD = (0.481, 0.458, 0.408), (0.269, 0.261, 0.276)
LONGEST_PROMPT, WORDS = 77, 20


def draw_file(size: tuple[int, int]) -> bytes:
    """Return a JPEG of a synthetic photo at ``size`` (height, width)."""
    photo = Image.fromarray(make_case(5, 1).photos[0].pixels).resize((size[1], size[0]), Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    photo.save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


def make_tiny() -> PromptedCLIPSeg:
    """Return CLIPSeg of a few thousand weights, for a quick look that nothing is broken."""
    small: dict[str, Any] = {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 2, "num_hidden_layers": 4}
    config = CLIPSegConfig(
        text_config=small, vision_config={**small, "patch_size": 16, "image_size": 64}, projection_dim=32, reduce_dim=16,
        extract_layers=[0, 1, 2], decoder_num_attention_heads=2, decoder_intermediate_size=32,
    )  # fmt: skip
    return PromptedCLIPSeg(config)


def measure(rounds: int, *, quick: bool = False) -> list[Row]:
    """Return the stage's lines for the table."""
    torch.manual_seed(0)
    model = make_tiny() if quick else make_model()
    model.eval()  # type: ignore[no-untyped-call]
    side = 64 if quick else 352
    data = draw_file((300, 400) if quick else (3000, 4000))
    model.config._attn_implementation = "sdpa"
    plain = cast(Any, CLIPSegForImageSegmentation)._from_config(model.config, attn_implementation="eager").eval()
    plain.load_state_dict(model.state_dict())
    random = np.random.default_rng(0)
    ids = torch.tensor([[49406, *random.integers(1000, 40000, WORDS).tolist(), 49407]])
    padded = functional.pad(ids, (0, LONGEST_PROMPT - ids.shape[1]), value=49407)
    seen = functional.pad(torch.ones_like(ids), (0, LONGEST_PROMPT - ids.shape[1]))
    segmenter = Segmenter(model, cast(Any, None), Preprocessing((side, side), MEAN, STD), model_id="random")
    with torch.inference_mode():
        vector = model.encode_prompt(ids, torch.ones_like(ids))
        other = model.encode_prompt(ids.flip(1).roll(1, 1), torch.ones_like(ids))

    @torch.inference_mode()
    def naive() -> tuple[Any, Any]:
        with Image.open(io.BytesIO(data)) as image:
            photo = image.convert("RGB")
        small = np.asarray(photo.resize((side, side), Image.Resampling.BILINEAR), np.float32) / 255
        pixels = torch.from_numpy(((small - MEAN) / STD).astype(np.float32).transpose(2, 0, 1))[None]
        logits = plain(input_ids=padded, attention_mask=seen, pixel_values=pixels).logits.reshape(1, 1, side, side)
        probability = logits.sigmoid()
        full = functional.interpolate(probability, size=(photo.height, photo.width), mode="bilinear", align_corners=False)[0, 0]
        return probability[0, 0].numpy(), full.numpy()

    naive_small, naive_full = naive()
    threshold = float(np.median(naive_full))
    kept: list[Any] = []

    def ours() -> tuple[Any, Any]:
        photo = decode_photo(data, photo_id="photo")
        features = segmenter.encode_photo(photo.pixels)
        kept[:] = [features, photo.size]
        probability = segmenter.decode(features, vector)
        return probability, lesion_mask(probability, photo.size, threshold)

    def second() -> Any:
        return lesion_mask(segmenter.decode(kept[0], other), kept[1], threshold)

    times = take_times({"naive": lambda: naive()[1] >= threshold, "ours": ours, "second": second}, rounds)
    small, mask = ours()
    plainly = naive_full >= threshold
    overlap = int(np.count_nonzero(plainly & mask)) / max(1, int(np.count_nonzero(plainly | mask)))
    difference = f"mask IoU {overlap:.4f}, largest probability difference {np.abs(small - naive_small).max():.4f}"
    what = "CLIPSeg, random weights" + (", tiny" if quick else "")
    megapixels = naive_full.size / 1e6
    rows = [
        Row(f"{what}: {megapixels:.1f}-megapixel JPEG to mask", times["naive"], times["ours"], difference),
        Row(f"{what}: a second prompt on the photo, against the first", times["ours"], times["second"], "the same features are read", 5),
    ]
    return [*rows, _measure_shipped(data, rounds)]


def _measure_shipped(data: bytes, rounds: int) -> Row:
    segmenter = Segmenter.load(DEFAULT_SEGMENTATION)
    text = "a red itching spot on my arm for two weeks"
    photo = decode_photo(data, photo_id="photo")
    features, prompt = segmenter.encode_photo(photo.pixels), segmenter.encode_prompt(text)
    times = take_times(
        {
            "whole": lambda: segmenter.predict(decode_photo(data, photo_id="photo").pixels, text),
            "second": lambda: segmenter.decode(features, prompt),
        },
        rounds,
    )
    same = np.array_equal(segmenter.predict(photo.pixels, text), segmenter.decode(features, prompt))
    name = Path(DEFAULT_SEGMENTATION).name
    return Row(f"{name} as shipped: a second prompt on a photo, against the file anew", times["whole"], times["second"],
               "equal to the last bit" if same else "DIFFERS", 5)  # fmt: skip
