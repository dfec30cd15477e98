"""The backends by name, for command lines that are read before torch is imported."""

from __future__ import annotations

import argparse

BACKENDS = {
    "torch": "float32 on the processor, the reference",
    "bfloat16": "half the bits, on the processor: fast where it has instructions for that",
    "cuda": "a graphics card, with autocast to bfloat16",
    "openvino": "OpenVINO on the processor, in bfloat16 where it has instructions for that",
}
AUTO = "auto"


def add_backend_argument(parser: argparse.ArgumentParser) -> None:
    """Add ``--backend``."""
    parser.add_argument(
        "--backend",
        choices=(AUTO, *BACKENDS),
        default=AUTO,
        help="what the models run on; auto takes a graphics card where there is one, and rounds only what "
        "was checked (default: %(default)s; "
        "'python -m magic_demo backends' lists what is there)",
    )
