"""What was measured as text: Markdown tables for people, one row a photo for programs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from magic_demo.questions.scoring import dice
from magic_demo.reviews.exports.tabular.csv_files import write_csv_table
from training.segmentation.evaluation.measuring import PROMPTS, Evaluation, PhotoScore

PHOTO_COLUMNS = (
    "source",
    "photo_id",
    "dice",
    "jaccard",
    "dice_best_annotator",
    "dice_mean_annotator",
    "annotators",
    "true_positive",
    "false_positive",
    "false_negative",
    "reference_share",
    "system_share",
    "skin_tone",
    "lesion_size",
)


def format_table(evaluation: Evaluation) -> str:
    """Return all numbers as Markdown tables."""
    sources = list(evaluation.official)
    counts = {
        source: sum(photo.example.source == source for photo in evaluation.photos) for source in sources
    }
    lines = [
        f"Model {evaluation.model_id}, threshold {evaluation.threshold:.2f}; photos of encounters are asked "
        f"with {evaluation.prompt_kind}.",
        "",
        f"Mean per-photo Dice against the annotators' majority, a tie being {evaluation.ties}:",
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
    lines += ["", "The challenge's numbers (dice and jaccard pool all pixels, a tie is lesion):", ""]
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


def write_photos(path: Path, photos: Sequence[PhotoScore]) -> None:
    """Write one row a photo as CSV: its scores, pixel counts and groups."""
    rows = []
    for photo in photos:
        each = [dice(counts) for counts in photo.counts.annotators]
        values = (
            photo.example.source,
            photo.example.photo_id,
            *(f"{value:.6f}" for value in (photo.dice, photo.jaccard, max(each), np.mean(each))),
            len(each),
            photo.against.tp,
            photo.against.fp,
            photo.against.fn,
            f"{photo.reference_share:.6f}",
            f"{photo.system_share:.6f}",
            photo.tone,
            photo.size,
        )
        rows.append(dict(zip(PHOTO_COLUMNS, values, strict=True)))
    write_csv_table(path, PHOTO_COLUMNS, rows)
