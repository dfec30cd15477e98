"""Score a segmentation checkpoint: ``python -m training evaluate-segmentation CHECKPOINT --data DIR [--out
DIR]``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from magic_demo.core.types import Mask, Pixels
from magic_demo.imaging.measure import TONES, measure_tone
from magic_demo.imaging.overlay import lesion_mask
from magic_demo.models.backend_names import add_backend_argument
from magic_demo.models.interfaces import Segmenter
from magic_demo.models.registry import load_segmenter
from magic_demo.questions.scoring import PhotoCounts, count_photo, dice, jaccard, segmentation_values, vote
from training.segmentation.baselines import BASELINES
from training.segmentation.report import draw_worst, write_report
from training.segmentation.sources import Example, SourceSettings, read_examples, warn_of_empty_masks

EXIT_WITH_PROBLEMS = 3
OURS = "this checkpoint"
PROMPTS = ("right prompt", "no prompt", "another's prompt")
SIZES = ((0.30, "more than 30%"), (0.10, "10 to 30%"), (0.02, "2 to 10%"), (0.0, "less than 2%"))


@dataclass(frozen=True, eq=False)
class PhotoScore:
    """One photo's result: Dice and Jaccard against the annotators' majority, 0..1, and the groups it belongs
    to."""

    example: Example
    counts: PhotoCounts
    tone: str
    size: str

    @property
    def dice(self) -> float:
        """Return the photo's Dice."""
        return dice(self.counts.majority)

    @property
    def jaccard(self) -> float:
        """Return the photo's Jaccard."""
        return jaccard(self.counts.majority)


@dataclass
class Evaluation:
    """All that was measured. table: way of outlining -> source -> mean per-photo Dice; prompts: the same by
    prompt, where there are prompts."""

    model_id: str
    threshold: float
    table: dict[str, dict[str, float]] = field(default_factory=dict)
    official: dict[str, Mapping[str, float | int | None]] = field(default_factory=dict)
    prompts: dict[str, dict[str, float]] = field(default_factory=dict)
    groups: dict[str, dict[str, tuple[int, float]]] = field(default_factory=dict)
    photos: list[PhotoScore] = field(default_factory=list)


def main(arguments: list[str]) -> int:
    """Print the table, and with --out write scores.json, report.html and worst.jpg; returns the exit code, 3
    where most masks of a source are empty."""
    parser = argparse.ArgumentParser(prog="python -m training evaluate-segmentation", description=__doc__)
    parser.add_argument("checkpoint", help="folder or Hub id")
    parser.add_argument(
        "--data",
        type=Path,
        required=True,
        help="a folder of pairs (images, masks, splits) or of the challenge",
    )
    parser.add_argument(
        "--split",
        action="append",
        help="lists of pairs (pad_dev and isic_dev), or the challenge's split (valid)",
    )
    parser.add_argument(
        "--cases", type=int, default=0, help="so many synthetic cases besides, never trained on"
    )
    parser.add_argument(
        "--no-baselines", action="store_true", help="leave out the outlines that need no training"
    )
    parser.add_argument(
        "--out", type=Path, help="folder for scores.json, report.html and worst.jpg (it holds photos)"
    )
    add_backend_argument(parser)
    options = parser.parse_args(arguments)
    segmenter = load_segmenter(options.checkpoint, backend=options.backend)
    examples = [
        example for source in _choose_sources(options) for example in read_examples(options.data, source)
    ]
    warnings = warn_of_empty_masks(examples)
    for line in warnings:
        print(f"warning: {line}", file=sys.stderr)
    evaluation = evaluate(segmenter, examples, baselines=not options.no_baselines)
    print(format_table(evaluation))
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        worst = sorted(evaluation.photos, key=lambda photo: photo.dice)[:10]
        sheet = draw_worst([(photo.example, photo.dice) for photo in worst], segmenter)
        cv2.imwrite(str(options.out / "worst.jpg"), sheet[:, :, ::-1])
        write_report(
            options.out / "report.html",
            format_table(evaluation),
            [photo.jaccard for photo in evaluation.photos],
            sheet,
        )
        scores = {
            name: getattr(evaluation, name)
            for name in ("model_id", "threshold", "table", "official", "prompts", "groups")
        }
        (options.out / "scores.json").write_text(json.dumps(scores, indent=2) + "\n", encoding="utf-8")
        print(f"\nwritten: {options.out / 'report.html'}, scores.json, worst.jpg")
    return EXIT_WITH_PROBLEMS if warnings else 0


def evaluate(segmenter: Segmenter, examples: Sequence[Example], *, baselines: bool = True) -> Evaluation:
    """Outline every photo as the product does, without a prompt where it has none, and score it against the
    majority vote."""
    evaluation = Evaluation(segmenter.model_id, segmenter.threshold)
    sums: dict[str, dict[str, list[float]]] = {}
    by_prompt: dict[str, dict[str, list[float]]] = {name: {} for name in PROMPTS}
    texts = [example.prompts[0] if example.prompts else "" for example in examples]
    for number, example in enumerate(tqdm(examples, desc="photos", leave=False)):
        pixels, masks = example.read()
        reference, features = vote(masks), segmenter.look(pixels)

        def outline(text: str, pixels: Pixels = pixels, features: object = features) -> Mask:
            probability = segmenter.segment(features, text)
            return lesion_mask(probability, (pixels.shape[0], pixels.shape[1]), segmenter.threshold)

        system = outline(texts[number])
        score = PhotoScore(
            example, count_photo(masks, system), name_tone(pixels, reference), name_size(reference)
        )
        evaluation.photos.append(score)
        sums.setdefault(OURS, {}).setdefault(example.source, []).append(score.dice)
        if baselines:
            for name, draw in BASELINES.items():
                sums.setdefault(name, {}).setdefault(example.source, []).append(
                    dice(count_photo(masks, draw(pixels)).majority)
                )
        if texts[number] and segmenter.reads_prompt:
            others = [text for text in texts if text and text != texts[number]]
            asked = (texts[number], "", others[number % len(others)] if others else "")
            for name, text in zip(PROMPTS, asked, strict=True):
                by_prompt[name].setdefault(example.source, []).append(
                    dice(count_photo(masks, outline(text)).majority)
                )
    evaluation.table = {name: _average(parts) for name, parts in sums.items()}
    evaluation.prompts = {name: _average(parts) for name, parts in by_prompt.items() if parts}
    for source in dict.fromkeys(example.source for example in examples):
        chosen = [photo.counts for photo in evaluation.photos if photo.example.source == source]
        evaluation.official[source] = segmentation_values(chosen)
    for title, of, order in (
        ("skin tone (ITA)", "tone", TONES),
        ("lesion's share of the photo", "size", SIZES),
    ):
        values = {
            group: [photo.dice for photo in evaluation.photos if getattr(photo, of) == group]
            for _, group in order
        }
        evaluation.groups[title] = {
            group: (len(dices), float(np.mean(dices))) for group, dices in values.items() if dices
        }
    return evaluation


def name_tone(pixels: Pixels, reference: Mask) -> str:
    """Return the group of the individual typology angle of the skin outside the lesion: its median colour in
    Lab."""
    return measure_tone(pixels, ~reference).group


def name_size(reference: Mask) -> str:
    """Return the group of the lesion's share of the photo."""
    share = float(reference.mean())
    return next(name for lowest, name in SIZES if share >= lowest)


def format_table(evaluation: Evaluation) -> str:
    """Return all numbers as Markdown tables."""
    sources = list(evaluation.official)
    counts = {
        source: sum(photo.example.source == source for photo in evaluation.photos) for source in sources
    }
    lines = [
        f"Model {evaluation.model_id}, threshold {evaluation.threshold:.2f}.",
        "",
        "Mean per-photo Dice:",
        "",
    ]
    lines += _rows(
        [f"{source} ({counts[source]} photos)" for source in sources],
        [(name, [f"{parts[source]:.3f}" for source in sources]) for name, parts in evaluation.table.items()],
    )
    names = [
        "dice",
        "jaccard",
        "dice_meanofmax",
        "dice_meanofmean",
        "jaccard_meanofmax",
        "jaccard_meanofmean",
    ]
    lines += ["", "The challenge's numbers (dice and jaccard pool all pixels):", ""]
    lines += _rows(
        sources,
        [(name, [f"{evaluation.official[source][name]:.3f}" for source in sources]) for name in names],
    )
    if evaluation.prompts:
        asked = [source for source in sources if source in evaluation.prompts[PROMPTS[0]]]
        lines += ["", "Mean per-photo Dice by prompt, photos that have one:", ""]
        lines += _rows(
            asked,
            [
                (name, [f"{parts[source]:.3f}" for source in asked])
                for name, parts in evaluation.prompts.items()
            ],
        )
    for title, parts in evaluation.groups.items():
        lines += ["", f"By {title}, all sources:", ""]
        lines += _rows(
            ["photos", "Dice"], [(name, [str(count), f"{mean:.3f}"]) for name, (count, mean) in parts.items()]
        )
    return "\n".join(lines)


def _rows(columns: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]]) -> list[str]:
    head = ["| | " + " | ".join(columns) + " |", "| --- |" + " ---: |" * len(columns)]
    return head + [f"| {name} | " + " | ".join(values) + " |" for name, values in rows]


def _average(parts: Mapping[str, Sequence[float]]) -> dict[str, float]:
    return {source: float(np.mean(values)) for source, values in parts.items()}


def _choose_sources(options: argparse.Namespace) -> list[SourceSettings]:
    pairs = (options.data / "splits").is_dir()
    splits = options.split or (["pad_dev", "isic_dev"] if pairs else ["valid"])
    sources = [
        SourceSettings(name=split, kind="pairs" if pairs else "challenge", split=split) for split in splits
    ]
    if options.cases:
        sources.append(SourceSettings(name="synthetic cases", kind="cases", count=options.cases, seed=77001))
    return sources
