"""``python -m training COMMAND ...``: hand the arguments to the module that trains or evaluates."""

from __future__ import annotations

import importlib
import sys

from magic_demo.core.errors import MagicDemoError

COMMANDS = {
    "segmentation": ("training.segmentation.train", "train a segmentation model"),
    "evaluate-segmentation": (
        "training.segmentation.evaluate",
        "score a segmentation model on photos with masks",
    ),
    "vqa": ("training.answers.train", "train the text and photo model for the closed questions"),
    "photos": (
        "training.answers.train_photo_heads",
        "train the closed questions' answers from what the segmentation model saw",
    ),
    "combine": (
        "training.answers.combine",
        "choose how the text cues and the text and photo model are combined",
    ),
    "cues": ("training.cues.train", "fit the text cues for the closed questions"),
    "calibrate": ("training.answers.calibrate", "fit what makes the combined scores probabilities"),
    "evaluate-vqa": (
        "training.answers.evaluate",
        "report how well the closed questions are answered on unseen cases",
    ),
}


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code. Errors that the user can mend are one line."""
    words = sys.argv[1:] if arguments is None else arguments
    if not words or words[0] in ("-h", "--help"):
        print("usage: python -m training COMMAND --config FILE [...]\n")
        for name, (_, what) in COMMANDS.items():
            print(f"  {name:24} {what}")
        return 0 if words else 2
    if words[0] not in COMMANDS:
        print(f"error: no command {words[0]!r}; one of {', '.join(COMMANDS)} is expected", file=sys.stderr)
        return 2
    module = importlib.import_module(COMMANDS[words[0]][0])
    try:
        return int(module.main(words[1:]))
    except MagicDemoError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
