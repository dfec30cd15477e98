"""Encoders as OpenVINO runs them: converted when a checkpoint is first loaded, then read from the user's
cache folder.

OpenVINO is optional (``requirements-openvino.lock``); nothing of it is imported before an encoder is loaded.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from magic_demo.core.disk.whole_files import whole_folder
from magic_demo.core.errors import BackendError, one_line
from magic_demo.core.messages import Message
from magic_demo.models.backends.encoder import Encode, Encoder

CACHE_VARIABLE = "MAGIC_DEMO_CACHE"
ISA_VARIABLES = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")
"""By which oneDNN's kernels are held to older instructions, torch's and OpenVINO's alike."""
GRAPH = "encoder.xml"


class _Traced(nn.Module):
    """An encoder as the module that OpenVINO converts: its weights must lie below it."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.run, self.weights = encoder.run, encoder.weights

    def forward(self, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        return self.run(*inputs)


def load_encoder(encoder: Encoder) -> Encode:
    """Return the encoder run by OpenVINO, with as many threads as torch has: float32 (or token) tensors in,
    float32 tensors out.

    Where the processor has instructions for bfloat16, products are taken in that. What is converted is kept
    where the encoder has a key. Raises BackendError when that cannot be written, or OpenVINO cannot run the
    encoder here.
    """
    openvino = import_openvino()
    core = openvino.Core()
    graph = _find_graph(openvino, core, encoder)
    settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": torch.get_num_threads()}
    try:
        request = core.compile_model(graph, "CPU", settings).create_infer_request()
    except RuntimeError as error:
        raise BackendError(
            "OpenVINO cannot run this model here{value}; take another --backend", value=_say_held()
        ) from error
    outputs, lock = range(len(graph.outputs)), threading.Lock()

    def encode(*inputs: Tensor) -> tuple[Tensor, ...]:
        with lock:  # the request's own memory is written anew by each call
            request.infer([values.numpy() for values in inputs])
            return tuple(torch.from_numpy(request.get_output_tensor(place).data.copy()) for place in outputs)

    return encode


def _say_held() -> str:
    """Return how the environment holds the processor down: OpenVINO plans for all that it has, and then finds
    no program for that."""
    held = next((f"{name}={os.environ[name]}" for name in ISA_VARIABLES if name in os.environ), None)
    return Message(" while {setting} is set", setting=held) if held else ""


def import_openvino() -> Any:
    """Import OpenVINO without the part that reports to its makers what is converted."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # as if it were not installed: a stub takes its place
    import openvino

    return openvino


def cache_folder() -> Path:
    """Return where converted encoders are kept: what ``MAGIC_DEMO_CACHE`` says, or the system's place for
    what can be made again."""
    if given := os.environ.get(CACHE_VARIABLE):
        return Path(given)
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "magic-demo"


def _find_graph(openvino: Any, core: Any, encoder: Encoder) -> Any:
    """Return the encoder as OpenVINO's graph: from the cache, or converted and kept there."""
    if not encoder.key:
        return _convert(openvino, encoder)
    said = repr(
        (
            encoder.key,
            [tuple(values.shape[encoder.free :]) for values in encoder.example],
            openvino.get_version(),
            torch.__version__,
        )
    )
    folder = cache_folder() / "openvino" / hashlib.sha256(said.encode()).hexdigest()[:24]
    if folder.is_dir():
        try:
            return core.read_model(folder / GRAPH)
        except RuntimeError:  # damaged on the disk: made again
            shutil.rmtree(folder, ignore_errors=True)
    graph = _convert(openvino, encoder)
    try:
        with whole_folder(folder) as part:
            openvino.save_model(graph, part / GRAPH, compress_to_fp16=False)
    except OSError as error:
        if not folder.is_dir():  # else another process has kept the same meanwhile
            raise BackendError(
                "{folder}: the converted model cannot be kept there ({reason}); set MAGIC_DEMO_CACHE "
                "to a folder that can be written",
                folder=folder,
                reason=one_line(error),
            ) from error
    return graph


def _convert(openvino: Any, encoder: Encoder) -> Any:
    shapes = [
        openvino.PartialShape([-1] * encoder.free + list(values.shape[encoder.free :]))
        for values in encoder.example
    ]
    with warnings.catch_warnings(), torch.no_grad():
        # tracing warns of each branch that is taken by shape; shapes are those of the example
        warnings.simplefilter("ignore")
        return openvino.convert_model(_Traced(encoder), example_input=encoder.example, input=shapes)
