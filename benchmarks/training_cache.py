"""An epoch of the paper's decoder training with the encoders' outputs kept on disk, against encoding every
photo again.

``python -m benchmarks.training_cache``: CLIPSeg ViT-B/16 at 352 pixels with random weights, random photos,
one thread. Steps of the three ways are taken by turns; printed are the medians a photo and their ratios
within the run: processor time of the process, which other programs disturb less than the clock. Entries are
read from the system's file cache; filling is printed apart.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from transformers import CLIPSegConfig
from transformers.models.clipseg import CLIPSegForImageSegmentation

from benchmarks.timing import take_times
from magic_demo.models.segmentation.clipseg import PromptedCLIPSeg
from training.segmentation.features import FeatureCache

SIDE = 352
TOKENS = 77


def make_model() -> PromptedCLIPSeg:
    """Return CLIPSeg as published in size (rd64-refined), its weights random, the towers frozen.

    The library's own start of the decoder gives logits in the hundreds, so it is started anew.
    """
    config = CLIPSegConfig(
        use_complex_transposed_convolution=True, vision_config={"patch_size": 16, "image_size": SIDE}
    )
    model = PromptedCLIPSeg(config)
    model.clip.requires_grad_(False)
    for name, parameter in model.decoder.named_parameters():
        if parameter.ndim > 1:
            torch.nn.init.kaiming_normal_(parameter)
        elif "norm" not in name:
            torch.nn.init.constant_(parameter, float(name == "film_mul.bias"))
    return model.train()  # type: ignore[no-any-return]


def measure(batch: int, rounds: int) -> dict[tuple[str, bool], float]:
    """Return (way, in bfloat16) -> median milliseconds a photo."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    torch.set_flush_denormal(True)  # as in training
    model = make_model()
    optimizer = torch.optim.AdamW(model.decoder.parameters(), lr=9e-4)
    random = np.random.default_rng(0)
    photos = random.normal(0, 1, (batch, 3, SIDE, SIDE)).astype(np.float32)
    labels = torch.from_numpy(random.integers(0, 2, (batch, SIDE, SIDE)).astype(np.float32))
    ids = [[49406, *random.integers(1000, 40000, TOKENS - 2).tolist(), 49407] for _ in range(batch)]
    input_ids = torch.tensor(ids)
    inputs = {
        "pixel_values": torch.from_numpy(photos),
        "input_ids": input_ids,
        "attention_mask": torch.ones_like(input_ids),
    }
    with tempfile.TemporaryDirectory() as folder:
        cache = FeatureCache(Path(folder), model, "random", lambda text: ids[int(text)])
        begun = time.process_time()
        cache.keep_photos({str(number): photo for number, photo in enumerate(photos)})
        for number in range(batch):
            cache.keep_prompt(str(number))
        print(f"filling the cache: {(time.process_time() - begun) / batch * 1000:.0f} ms a photo, once")

        def read() -> dict[str, Tensor]:
            states = np.stack([cache.photos.read(str(number)) for number in range(batch)])
            prompts = np.stack([cache.read_prompt(str(number)) for number in range(batch)])
            return {"states": torch.from_numpy(states), "prompt": torch.from_numpy(prompts)}

        def step(logits: Callable[[], Tensor], bfloat16: bool) -> None:
            optimizer.zero_grad()
            with torch.autocast("cpu", torch.bfloat16) if bfloat16 else nullcontext():
                loss = functional.binary_cross_entropy_with_logits(logits().float(), labels)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()

        def library() -> Tensor:
            logits: Tensor = CLIPSegForImageSegmentation.forward(model, **inputs).logits
            return logits

        ways: dict[str, Callable[[], Tensor]] = {
            "library's forward, twelve layers": library,
            "ten layers": lambda: model(**inputs).logits,
            "kept on disk": lambda: model(**read()).logits,
        }
        steps = {
            (name, half): partial(step, logits, half)
            for half in (False, True)
            for name, logits in ways.items()
        }
        times = take_times(steps, rounds)
    return {way: taken / batch for way, taken in times.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=4, help="photos of a step (default 4)")
    parser.add_argument("--rounds", type=int, default=5, help="steps of each way (default 5)")
    options = parser.parse_args()
    medians = measure(options.batch, options.rounds)
    naive = medians["library's forward, twelve layers", False]
    print(f"{'a step of ' + str(options.batch):44} {'ms a photo':>10} {'ratio':>7}")
    for half in (False, True):
        cached = medians["kept on disk", half]
        for name in [name for name, of_half in medians if of_half == half]:
            median = medians[name, half]
            print(
                f"{name + (', bfloat16' if half else ', float32'):44} {median:10.0f} {median / cached:7.1f}"
            )
    print(f"library's float32 forward against kept in bfloat16: {naive / cached:.1f}")


if __name__ == "__main__":
    main()
