"""What a model's encoders run on and in which numbers: the one place that decides.

An encoder is the part of a model that takes the time: it sees a photo or reads a narrative, and nothing else.
Decoders, heads and the features between stay in float32 on the processor, whatever runs the encoders. torch
in float32 is the reference.
"""

from __future__ import annotations

import importlib.util
import json
import math
import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import torch
import transformers
from torch import Tensor, nn

from magic_demo.core.disk.user_files import LARGEST_CONFIG, read_user_text
from magic_demo.core.errors import BackendError, CheckpointError, one_line
from magic_demo.core.messages import Message
from magic_demo.models.backends.encoder import Encode, Encoder
from magic_demo.models.backends.names import AUTO, BACKENDS
from magic_demo.questions.calibration import digest_of

CHECKED_NAME = "backends.json"
"""In a checkpoint's folder: by which backends its results were compared with float32, and how near they
came."""


@dataclass(frozen=True)
class Backend:
    """What runs encoders. name: one of BACKENDS. exact: float32 all the same, on a graphics card."""

    name: str = "torch"
    exact: bool = False

    def __str__(self) -> str:
        return f"{self.name} float32" if self.exact else self.name

    def prepare(self, encoder: Encoder) -> Encode:
        """Return the encoder ready to run.

        Its weights may move or be rounded, so that it is then only to be run by what this returns.
        """
        if self.name == "torch":
            return lambda *inputs: _as_tuple(encoder.run(*inputs))
        if self.name == "bfloat16":
            for module in encoder.weights.modules():
                # norms, sums and biases of attention stay in float32
                if isinstance(module, nn.Linear | nn.Conv2d):
                    module.to(torch.bfloat16)
            return _run_rounded(encoder.run, torch.device("cpu"))
        if self.name == "cuda":
            encoder.weights.to("cuda")
            return _run_rounded(encoder.run, torch.device("cuda"), exact=self.exact)
        from magic_demo.models.backends.openvino_encoder import load_encoder  # OpenVINO is optional

        return load_encoder(encoder)


def choose_backend(wanted: str, checked: Collection[str] = ()) -> Backend:
    """Return the backend of that name; for "auto" the fastest whose results are known to be those of float32.

    checked: the backends that a checkpoint was checked with (``read_checked``). OpenVINO is only taken by
    name. Raises BackendError with one line that says what to install when this machine cannot run it.
    """
    if wanted == AUTO:
        if torch.cuda.is_available():
            return Backend("cuda", exact="bfloat16" not in checked)
        return Backend("bfloat16" if has_bfloat16() and "bfloat16" in checked else "torch")
    if wanted not in BACKENDS:
        raise BackendError(
            "there is no backend {name!r}; one of {known} is expected",
            name=wanted,
            known=[AUTO, *BACKENDS],
        )
    if problem := explain_missing(wanted):
        raise BackendError("backend {name}: {problem}", name=wanted, problem=problem)
    return Backend(wanted)


def explain_missing(name: str) -> str:
    """Return why this machine cannot run a backend and what to do, in one line; empty where it can."""
    if name == "cuda" and not torch.cuda.is_available():
        return Message(
            "torch finds no graphics card; install its driver and a CUDA build of torch "
            "(https://pytorch.org), or choose another backend"
        )
    if name == "openvino" and importlib.util.find_spec("openvino") is None:
        return Message("openvino not installed; pip install openvino, or choose another backend")
    return ""


def has_bfloat16() -> bool:
    """Return whether the processor has instructions for products in bfloat16."""
    held = torch.cpu.get_capabilities()
    return bool(held.get("amx_bf16") or held.get("avx512_bf16"))


def read_checked(folder: Path, model_id: str) -> dict[str, str]:
    """Read ``backends.json``: backend -> how near its results came to those of float32, in words; nothing
    where no such file is, or another model's.

    Raises CheckpointError for a file that does not hold that.
    """
    path = folder / CHECKED_NAME
    if not path.is_file():
        return {}
    try:
        content = json.loads(read_user_text(path, LARGEST_CONFIG))
        digest, checked = content["model"], content["checked"]
        if not isinstance(checked, dict) or not all(isinstance(said, str) for said in checked.values()):
            raise ValueError("'checked' maps backends to a line each")
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise CheckpointError(
            "{path}: cannot be read ({reason}); remove it, or run 'python -m magic_demo backends' again",
            path=path,
            reason=one_line(error, 160),
        ) from error
    if digest != digest_of(model_id):
        return {}
    return {name: said for name, said in checked.items() if name in BACKENDS}  # or one that there once was


def set_seed(seed: int) -> None:
    """Make what models draw by chance the same in every run."""
    torch.manual_seed(seed)


def list_versions() -> dict[str, str]:
    """Return the libraries that models run on, and their versions."""
    return {"torch": str(torch.__version__), "transformers": transformers.__version__}


def is_built_for_cards() -> bool:
    """Return whether this build of torch runs on graphics cards, whose drivers do not survive a fork."""
    return torch.version.cuda is not None or torch.version.hip is not None


def use_cores() -> None:
    """Let torch use the cores that this process may use, which in a container can be far fewer than the
    machine has; once, before models run.

    ``OMP_NUM_THREADS`` in the environment, which torch itself reads, goes before.
    """
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(min(torch.get_num_threads(), count_cores()))


def use_one_thread() -> None:
    """Let torch use one thread: of several processes that share the cores, and so that how many there are changes
    no rounding. ``OMP_NUM_THREADS`` in the environment goes before."""
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(1)


def count_cores(quota: Path = Path("/sys/fs/cgroup/cpu.max")) -> int:
    """Return how many cores this process may use: those it is bound to, or fewer where ``quota``, the
    container's, says so."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        share, period = quota.read_text(encoding="ascii").split()
        return max(1, min(cores, math.ceil(int(share) / int(period))))
    except (OSError, ValueError, ZeroDivisionError):  # no such file, or "max": no quota
        return cores


def _run_rounded(
    run: Callable[..., Tensor | tuple[Tensor, ...]], device: torch.device, *, exact: bool = False
) -> Encode:
    """Return an encoder whose products are taken in bfloat16 on a device; what comes out is float32 on the
    processor."""

    def encode(*inputs: Tensor) -> tuple[Tensor, ...]:
        with torch.autocast(device.type, torch.bfloat16, enabled=not exact):
            return tuple(
                values.float().cpu() for values in _as_tuple(run(*(values.to(device) for values in inputs)))
            )

    return encode


def _as_tuple(values: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return (values,) if isinstance(values, Tensor) else values
