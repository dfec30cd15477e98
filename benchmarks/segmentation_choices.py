"""Why ``training/configs/segmentation.yaml`` is as it is: each of its choices changed alone, in short runs of
the compact model.

``python -m benchmarks.segmentation_choices --data DATA``, DATA holding ``skin/`` and ``pretrained/``. The
challenge's photos are not
needed: synthetic cases have several annotators and words, PAD photos are real. Printed is the mean per-photo
Dice against the annotators' majority over the seeds, each model at its own threshold, and the spread of the
seeds: a difference below it says nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from magic_demo.models.checkpoints import Checkpoint
from magic_demo.models.segmentation.prompted import PromptedSegmenter
from training.runs.run import RunSettings
from training.segmentation.data import DataSettings
from training.segmentation.evaluate import OURS, PROMPTS, evaluate
from training.segmentation.sources import SourceSettings, read_examples
from training.segmentation.train import ModelSettings, SegmentationSettings, run_training

CASES = 240
COLUMNS = ("PAD", "synthetic", "synthetic, no words")


@dataclass(frozen=True)
class Choice:
    """One line of the table: what is changed of the model's, the data's settings and of how the result is
    asked."""

    name: str
    model: dict[str, Any]
    data: dict[str, Any]
    mirrored: bool = False


CHOICES = (
    Choice("as in segmentation.yaml", {}, {}),
    Choice("target: majority", {}, {"target": "majority"}),
    Choice("target: union, as in the paper", {}, {"target": "union"}),
    Choice("loss: cross-entropy alone", {"loss": "bce"}, {}),
    Choice("no prompt dropout", {}, {"prompt_dropout": 0.0}),
    Choice("no augmentation", {}, {"augment": None}),
    Choice("no average of the weights", {"average": 0.0}, {}),
    Choice("mirror image asked too", {}, {}, mirrored=True),
)


def make_settings(data: Path, output: Path, steps: int, seed: int) -> SegmentationSettings:
    """Return the run that the choices are changed of: small, the encoder from ImageNet."""
    return SegmentationSettings(
        model=ModelSettings(
            "compact",
            Path("pretrained/mobilenet_v1_imagenet.safetensors"),
            Path("dermavqa/train.json"),
            average=0.99,
        ),
        data=DataSettings(
            data,
            training=(
                SourceSettings("pad", "pairs", folder="skin", split="pad_train", repeat=2),
                SourceSettings("synthetic", "cases", count=CASES, seed=610, side=192),
            ),
            evaluation=(SourceSettings("pad", "pairs", folder="skin", split="pad_dev"),),
            size=128,
            target="mean",
            prompt_dropout=0.3,
            cache_side=192,
        ),
        run=RunSettings(
            output,
            "dice",
            epochs=steps * 16 / (2 * 189 + CASES),
            batch_size=16,
            learning_rate=1.5e-3,
            evaluate_every=steps,
            threads=1,
            seed=seed,
        ),
    )


def score_choice(choice: Choice, data: Path, steps: int, seeds: Sequence[int]) -> list[list[float]]:
    """Train with one choice, once a seed; returns the columns' Dice of each."""
    rows = []
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            settings = make_settings(data, Path(folder), steps, seed)
            settings = replace(
                settings,
                model=replace(settings.model, **choice.model),
                data=replace(settings.data, **choice.data),
            )
            with contextlib.redirect_stdout(io.StringIO()):
                best, _ = run_training(settings)
            segmenter = PromptedSegmenter.load(Checkpoint.open(best))
        segmenter.mirrored = choice.mirrored
        sources = [
            *settings.data.evaluation,
            SourceSettings("synthetic", "cases", count=40, seed=77001, side=192),
        ]
        result = evaluate(
            segmenter,
            [
                example
                for source in sources
                for example in read_examples(data / source.folder, replace(source, folder="."))
            ],
            baselines=False,
        )
        rows.append(
            [
                result.table[OURS]["pad"],
                result.table[OURS]["synthetic"],
                result.prompts[PROMPTS[1]]["synthetic"],
            ]
        )
    return rows


def main() -> None:
    """Train every choice and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=200, help="of 16 photos each (default 200)")
    parser.add_argument("--seeds", type=int, default=2, help="runs a choice (default 2)")
    options = parser.parse_args()
    print("| | " + " | ".join(COLUMNS) + " |\n| --- |" + " ---: |" * len(COLUMNS), flush=True)
    for choice in CHOICES:
        rows = np.array(score_choice(choice, options.data, options.steps, range(options.seeds)))
        cells = [
            f"{mean:.3f} ± {spread:.3f}"
            for mean, spread in zip(rows.mean(axis=0), np.ptp(rows, axis=0) / 2, strict=True)
        ]
        print(f"| {choice.name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
