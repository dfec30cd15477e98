"""Why encoders are rounded, photos are shrunk and threads wait the way they do: each way beside the others.

``python -m benchmarks.backend_choices``.

CLIPSeg of the published size with random weights, a synthetic photo of 12 megapixels, one thread, processor
time. The mask is cut at the median of the float32 answer.
"""

from __future__ import annotations

import copy
import io
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image

from benchmarks.segmentation import MEAN, STD, WORDS, draw_file
from benchmarks.timing import take_times
from benchmarks.training_cache import SIDE, make_model
from magic_demo.commands.backends import find_overlap
from magic_demo.files.photos.reading import decode_photo
from magic_demo.models.backends import Backend
from magic_demo.models.checkpoints import Preprocessing
from magic_demo.models.encoder import Encode, Encoder

HALF = torch.bfloat16
WAITING = """
import {first}
import statistics, time
from magic_demo.synthetic.bundled import load_examples
from magic_demo.models.loading import DEFAULT_SEGMENTATION
from magic_demo.models.interfaces import Segmenter
photo, segmenter = load_examples()[0].encounter.photos[0].pixels, load_segmenter(DEFAULT_SEGMENTATION)
waits, begun = [], time.process_time()
for _ in range({rounds}):
    start = time.perf_counter()
    segmenter.predict(photo)
    waits.append((time.perf_counter() - start) * 1000)
print(f"{{statistics.median(waits):8.1f}} ms by the clock, {{(time.process_time() - begun) * 1000 / {rounds}:.0f}} of processor time")
"""
"""Masks of the compact model. OpenMP reads how threads wait when torch is imported, which magic_demo has said
before."""


def measure_encoders(pixels: torch.Tensor, rounds: int) -> None:
    """Print what each way of rounding the vision tower, and of rounding the decoder too, takes and moves."""
    torch.manual_seed(0)
    model = make_model().eval()  # type: ignore[no-untyped-call]
    whole, kept = copy.deepcopy(model), copy.deepcopy(model)
    whole.photo_encoder.to(HALF)
    rounded: Encode = Backend("bfloat16").prepare(Encoder(kept.encode_photo, kept.photo_encoder, (pixels,)))

    def autocast(act: Callable[[], Any]) -> Any:
        with torch.autocast("cpu", HALF):
            return act()

    ways: dict[str, Callable[[], Any]] = {
        "float32": partial(model.encode_photo, pixels),
        "the whole tower cast": lambda: whole.encode_photo(pixels.to(HALF)),
        "products kept rounded, autocast (ours)": partial(rounded, pixels),
        "autocast alone": lambda: autocast(partial(model.encode_photo, pixels)),
    }
    ids = torch.tensor([[49406, *np.random.default_rng(0).integers(1000, 40000, WORDS).tolist(), 49407]])
    with torch.inference_mode():
        prompt = model.encode_prompt(ids, torch.ones_like(ids))
        times = take_times(ways, rounds)
        features = {name: tuple(values.float() for values in way()) for name, way in ways.items()}
        answers = {name: model.decode(read, prompt) for name, read in features.items()}
        decoders: dict[str, Callable[[], Any]] = {
            "decoder in float32": lambda: model.decode(features["float32"], prompt),
            "decoder under autocast": lambda: autocast(lambda: model.decode(features["float32"], prompt)),
        }
        times |= take_times(decoders, rounds)
        answers |= {name: decode().float() for name, decode in decoders.items()}
    threshold = float(answers["float32"].median())
    exact = answers["float32"].numpy() >= threshold
    for name, answer in answers.items():
        print(
            f"{name:40} {times[name]:8.1f} ms   mask IoU "
            f"{find_overlap(exact, answer.numpy() >= threshold):.4f}"
        )


def measure_photos(data: bytes, rounds: int) -> None:
    """Print what decoding and each way of shrinking a photo take, and how far they lie from Pillow's in
    levels of 255."""
    photo = decode_photo(data, photo_id="photo").pixels
    image, size = Image.fromarray(photo), (SIDE, SIDE)

    def draft(share: int) -> Any:
        with Image.open(io.BytesIO(data)) as file:
            file.draft("RGB", (photo.shape[1] // share, photo.shape[0] // share))
            return np.asarray(file.convert("RGB"))

    ways: dict[str, Callable[[], Any]] = {
        "shrinking: Pillow, bilinear": lambda: np.asarray(image.resize(size, Image.Resampling.BILINEAR)),
        "shrinking: torch, bilinear (ours)": lambda: Preprocessing(size, MEAN, STD, "bilinear").shrink(photo),
        "shrinking: OpenCV, by area": lambda: cv2.resize(photo, size, interpolation=cv2.INTER_AREA),
        "decoding (ours)": lambda: decode_photo(data, photo_id="photo").pixels,
        "decoding: draft at a half": lambda: draft(2),
        "decoding: draft at a quarter": lambda: draft(4),
    }
    times = take_times(ways, rounds)
    exact = ways["shrinking: Pillow, bilinear"]().astype(int)
    for name, way in ways.items():
        small = (
            way()
            if name.startswith("shrinking")
            else np.asarray(Image.fromarray(way()).resize(size, Image.Resampling.BILINEAR))
        )
        print(
            f"{name:40} {times[name]:8.1f} ms   {np.abs(small.astype(int) - exact).max()} levels of 255 "
            "off at most"
        )


def measure_waiting(rounds: int) -> None:
    """Print what a mask takes with threads that wait by their own choice and by ours, two of them, beside two
    programs that never rest."""
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)]
    try:
        for what, first in (
            ("threads that wait by their own choice", "torch"),
            ("threads that sleep while they wait (ours)", "magic_demo"),
        ):
            environment = {
                **{name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"},
                "OMP_NUM_THREADS": "2",
            }
            command = [sys.executable, "-c", WAITING.format(first=first, rounds=rounds)]
            said = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
            print(f"{what:40} {said.strip()}")
    finally:
        for other in others:
            other.kill()
            other.wait()


def main() -> None:
    """Measure and print."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    measure_waiting(15)
    data = draw_file((3000, 4000))
    measure_photos(data, 5)
    shrunk = Preprocessing((SIDE, SIDE), MEAN, STD, "bilinear").apply(
        decode_photo(data, photo_id="photo").pixels
    )
    measure_encoders(torch.from_numpy(shrunk)[None], 5)


if __name__ == "__main__":
    main()
