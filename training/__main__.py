"""``python -m training COMMAND ...``, or ``magic-demo-train`` where it is installed: hand the arguments to the module that trains or evaluates."""

from __future__ import annotations

import importlib
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

from magic_demo.core.errors import MagicDemoError, describe_system_error
from magic_demo.core.process.starting import prepare_program
from magic_demo.core.version import __version__

NEEDED = {
    "accelerate": "accelerate",
    "sklearn": "scikit-learn",
    "scipy": "scipy",
    "tensorboard": "tensorboard",
}
"""Modules of the extra ``train``."""

COMMANDS = {
    "segmentation": ("training.segmentation.train", "train a segmentation model"),
    "guidance": (
        "training.segmentation.guidance.train",
        "train the segmentation model's decoder that follows clicks and boxes",
    ),
    "box-weights": (
        "training.segmentation.guidance.box_weights",
        "fit how model, shape and graph cut count inside a reader's box",
    ),
    "add-code": (
        "training.segmentation.add_code",
        "put the code beside a compact segmentation model, for programs without this one",
    ),
    "average-checkpoints": (
        "training.runs.average_checkpoints",
        "average the weights of checkpoints of one architecture",
    ),
    "evaluate-segmentation": (
        "training.segmentation.evaluation.evaluate",
        "score a segmentation model on photos with masks",
    ),
    "text-photo-answerer": ("training.answers.text_photo_answerer", "train the text-and-photo answerer"),
    "vlm": (
        "training.answers.language.command",
        "fine-tune a language or vision-language model on the answers (LoRA)",
    ),
    "photo-answerer": (
        "training.answers.photo_answerer",
        "train the photo answerer on what the segmentation model sees",
    ),
    "photo-features": (
        "training.answers.photo.encoders",
        "compare the segmentation model's features with DINOv2's for the photo answerer",
    ),
    "combine": (
        "training.answers.combine",
        "choose how far an answerer counts beside the cue model",
    ),
    "learn": ("training.learning.command", "learn from a store's reviews, or from a training set"),
    "cue-model": ("training.cues.train", "fit the cue model"),
    "calibrate": ("training.answers.calibrate", "fit what makes the combined scores probabilities"),
    "scin-table": ("training.cases.scin", "count how often findings go together, for synthetic cases"),
    "compare": (
        "training.answers.compare.command",
        "set systems side by side on one labelled split",
    ),
    "evaluate-answers": (
        "training.answers.evaluate",
        "report how well the closed questions are answered on unseen cases",
    ),
}


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code. Errors that the user can mend are one line."""
    words = sys.argv[1:] if arguments is None else arguments
    if not words or words[0] in ("-h", "--help"):
        installed = Path(sys.argv[0]).stem == "magic-demo-train"
        print(
            f"usage: {'magic-demo-train' if installed else 'python -m training'} COMMAND --config FILE [...]\n"
        )
        for name, (_, what) in COMMANDS.items():
            print(f"  {name:24} {what}")
        return 0 if words else 2
    if words[0] == "--version":
        print(f"magic-demo-train {__version__}")
        return 0
    if words[0] not in COMMANDS:
        print(f"error: no command {words[0]!r}; one of {', '.join(COMMANDS)} is expected", file=sys.stderr)
        return 2
    missing = [package for module, package in NEEDED.items() if find_spec(module) is None]
    if missing:
        print(
            f"error: training needs {', '.join(missing)}, which is not installed; run: "
            f"pip install {' '.join(missing)}",
            file=sys.stderr,
        )
        return 1
    try:
        prepare_program()
        return int(importlib.import_module(COMMANDS[words[0]][0]).main(words[1:]))
    except MagicDemoError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {describe_system_error(error)}", file=sys.stderr)
        return 1


def run_program() -> NoReturn:
    """Run one command and end the program with its exit code."""
    sys.exit(main())


if __name__ == "__main__":
    run_program()
