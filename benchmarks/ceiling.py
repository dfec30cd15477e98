"""What the machine can do at most: one large matrix product, in float32 and bfloat16; and what it has for that."""

from __future__ import annotations

from pathlib import Path

import torch

from benchmarks.timing import take_times

FEATURES = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")


def measure_ceiling(side: int = 2048, rounds: int = 5) -> dict[str, float]:
    """Return dtype -> GFLOP/s of a product of two square matrices, with as many threads as torch is set to."""
    ways = {}
    for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        one, other = (torch.randn(side, side, dtype=dtype) for _ in range(2))
        ways[name] = lambda one=one, other=other: one @ other
    return {name: 2 * side**3 / took / 1e6 for name, took in take_times(ways, rounds).items()}


def list_features() -> list[str]:
    """Return the instructions, of those that matter here, that the processor says it has; none where the system does not tell."""
    path = Path("/proc/cpuinfo")
    flags = set(path.read_text(encoding="utf-8").split()) if path.is_file() else set()
    return [name for name in FEATURES if name in flags]
