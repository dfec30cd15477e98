"""Put beside a compact segmentation model what transformers needs to load it in a program without Magic Demo: its code,
copied from magic_demo/models/segmentation, and where its config names it."""

from __future__ import annotations

import argparse
from pathlib import Path

from magic_demo.models.loading.finding import name_model
from magic_demo.models.segmentation.registered import add_code


def main(arguments: list[str]) -> int:
    """Write the files and say the model's name, which stays; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m training add-code", description=__doc__)
    parser.add_argument(
        "checkpoint", type=Path, help="folder of the model, such as checkpoints/segmentation-compact"
    )
    folder = parser.parse_args(arguments).checkpoint
    add_code(folder)
    print(f"{name_model(folder)}: code added")
    return 0
