"""What the machine can do at most: one large matrix product, in float32 and bfloat16; what it has for that,
and what the models reach of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import answerer_cache, questions, segmentation, training_cache
from benchmarks.timing import take_times
from magic_demo.models.loading.checkpoints import Checkpoint
from magic_demo.models.loading.predictors import DEFAULT_SEGMENTATION
from magic_demo.models.segmentation.prompted import PromptedSegmenter

FEATURES = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@dataclass(frozen=True)
class Reached:
    """One line of the second table: what a part of a model does in a second, in GFLOP, and the share of the
    ceiling in its dtype that is."""

    part: str
    dtype: str
    operations: float
    speed: float
    share: float


def measure_ceiling(side: int = 2048, rounds: int = 5) -> dict[str, float]:
    """Return dtype -> GFLOP/s of a product of two square matrices, with as many threads as torch is set
    to."""
    ways = {}
    for name, dtype in DTYPES.items():
        one, other = (torch.randn(side, side, dtype=dtype) for _ in range(2))
        ways[name] = lambda one=one, other=other: one @ other
    return {name: 2 * side**3 / took / 1e6 for name, took in take_times(ways, rounds).items()}


def measure_reached(ceiling: Mapping[str, float], *, quick: bool = False) -> list[Reached]:
    """Return what the photo encoders reach of the ceiling; each reads one photo."""
    torch.manual_seed(0)
    clipseg = segmentation.make_tiny() if quick else training_cache.make_model()
    half = segmentation.make_tiny() if quick else training_cache.make_model()
    answerer = questions.make_tiny() if quick else answerer_cache.make_model()
    compact = PromptedSegmenter.load(Checkpoint.open(DEFAULT_SEGMENTATION))
    side = 64 if quick else training_cache.SIDE
    for model in (clipseg, half, answerer):
        model.eval()  # type: ignore[no-untyped-call]
    square = torch.zeros(1, 3, side, side)
    passes: list[tuple[str, str, Callable[[], object]]] = [
        ("CLIPSeg, vision tower", "float32", partial(clipseg.encode_photo, square)),
        ("CLIPSeg, vision tower", "bfloat16", partial(half.bfloat16().encode_photo, square.bfloat16())),
        (
            "Swin-tiny",
            "float32",
            partial(answerer.read_photos, torch.zeros(1, 3, answerer_cache.SIDE, answerer_cache.SIDE)),
        ),
        (
            "segmentation-compact, photo encoder",
            "float32",
            partial(compact.model.encode_photo, torch.zeros(1, 3, *compact.preprocessing.size)),
        ),
    ]
    with torch.inference_mode():
        times = take_times({index: encode for index, (_, _, encode) in enumerate(passes)}, 1 if quick else 3)
        reached = []
        for index, (part, dtype, encode) in enumerate(passes):
            with FlopCounterMode(display=False) as counter:
                encode()
            operations = counter.get_total_flops() / 1e9
            speed = operations / times[index] * 1000
            reached.append(Reached(part, dtype, operations, speed, speed / ceiling[dtype]))
    return reached


def list_features() -> list[str]:
    """Return the instructions, of those that matter here, that the processor says it has; none where the
    system does not tell."""
    path = Path("/proc/cpuinfo")
    flags = set(path.read_text(encoding="utf-8").split()) if path.is_file() else set()
    return [name for name in FEATURES if name in flags]
