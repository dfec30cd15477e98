"""How far a simulated reader gets with clicks and with a box: Dice after each click, clicks to a quality, and
photos that fail."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from magic_demo.core.disk.user_files import LARGEST_CONFIG, read_user_text
from magic_demo.core.types import Mask
from magic_demo.imaging.overlay import lesion_mask
from magic_demo.models.interfaces import Click, Guidance, Segmenter
from magic_demo.questions.scoring import count_photo, dice, jaccard, vote
from training.runs.run import SettingsError
from training.segmentation.guidance.simulate import click_on_error, draw_around
from training.segmentation.guidance.ways import FROM_NOTHING, Way, list_ways
from training.segmentation.sources import Example

MOST_CLICKS = 20
SHOWN_CLICKS = (0, 1, 2, 3, 5, 10, 20)
QUALITIES = (0.85, 0.90)
"""IoU that the clicks are counted to: NoC@85 and NoC@90."""
LARGER = (0.0, 0.06, 0.20)
"""How much too large the boxes are."""
FAILED = 0.5
"""Dice below which a box has failed."""

Table = dict[str, dict[str, list[NDArray[np.float64]]]]
"""Way -> source -> one array a photo."""


@dataclass
class GuidedEvaluation:
    """What was measured. dices, jaccards: after 0, 1, ... clicks, arrays (clicks + 1,); boxes: Dice for each of
    LARGER, arrays (3,). clicks: how many every photo got; 0 for none."""

    clicks: int = 0
    dices: Table = field(default_factory=dict)
    jaccards: Table = field(default_factory=dict)
    boxes: Table = field(default_factory=dict)


def evaluate_guided(
    segmenter: Segmenter, examples: Sequence[Example], *, clicks: int, boxes: bool, baselines: bool = True
) -> GuidedEvaluation:
    """Let a simulated reader click ``clicks`` times on each photo, and draw a box around its lesion.

    The reader wants the annotators' majority. A photo with several masks is scored by the best of them.
    """
    evaluation = GuidedEvaluation(clicks)
    for example in tqdm(examples, desc="photos, guided", leave=False):
        pixels, masks = example.read()
        features, prompt = segmenter.look(pixels), (example.prompts[0] if example.prompts else "")
        wanted = vote(masks)
        if clicks:
            ways = list_ways(segmenter, pixels, features, prompt, box=False, baselines=baselines)
            for name, way in ways.items():
                start = Guidance(
                    previous=None if name in FROM_NOTHING else segmenter.segment(features, prompt)
                )
                scores = click_through(way, masks, wanted, start, clicks, segmenter.threshold)
                for table, column in ((evaluation.dices, 0), (evaluation.jaccards, 1)):
                    table.setdefault(name, {}).setdefault(example.source, []).append(scores[:, column])
        if boxes and wanted.any():
            for name, way in list_ways(
                segmenter, pixels, features, prompt, box=True, baselines=baselines
            ).items():
                values = [
                    _score(masks, way(Guidance(box=draw_around(wanted, larger))), segmenter.threshold)[0]
                    for larger in LARGER
                ]
                evaluation.boxes.setdefault(name, {}).setdefault(example.source, []).append(np.array(values))
    return evaluation


def click_through(
    way: Way, masks: Sequence[Mask], wanted: Mask, start: Guidance, clicks: int, threshold: float
) -> NDArray[np.float64]:
    """Return Dice and Jaccard (clicks + 1, 2) after 0, 1, ... clicks."""
    return np.array(
        [
            _score_mask(masks, found)
            for found, _ in follow_clicks(way, wanted, start, clicks=clicks, threshold=threshold)
        ]
    )


def follow_clicks(
    way: Way, wanted: Mask, start: Guidance, *, clicks: int, threshold: float
) -> Iterator[tuple[Mask, tuple[Click, ...]]]:
    """Yield the mask after 0, 1, ... clicks with the clicks so far, each where the error is deepest; a photo that
    is right stays as it is."""
    size = (wanted.shape[0], wanted.shape[1])
    shown = start
    found = (
        lesion_mask(start.previous, size, threshold)
        if start.previous is not None
        else np.zeros(size, np.bool_)
    )
    yield found, shown.clicks
    for _ in range(clicks):
        click = click_on_error(wanted, found)
        if click is not None:
            shown = Guidance((*shown.clicks, click), shown.box, shown.previous)
            probability = way(shown)
            shown = Guidance(shown.clicks, shown.box, probability)
            found = lesion_mask(probability, size, threshold)
        yield found, shown.clicks


def count_clicks(jaccards: NDArray[np.float64], quality: float) -> int:
    """Return after how many clicks a photo's Jaccard (clicks + 1,) reaches ``quality``; as many as there were
    where it never does."""
    reached = np.flatnonzero(jaccards >= quality)
    return int(reached[0]) if len(reached) else len(jaccards) - 1


def format_guided(evaluation: GuidedEvaluation) -> str:
    """Return all numbers as Markdown tables."""
    lines: list[str] = []
    sources = list(next(iter((evaluation.dices or evaluation.boxes).values()), {}))
    for source in sources if evaluation.clicks else ():
        shown = [count for count in SHOWN_CLICKS if count <= evaluation.clicks]
        count = len(next(iter(evaluation.dices.values()))[source])
        head = [f"after {number}" for number in shown]
        head += [f"NoC@{quality * 100:.0f}" for quality in QUALITIES]
        head += [f"never {quality:.2f}" for quality in QUALITIES]
        lines += [
            "",
            f"Clicks, {source} ({count} photos): mean Dice, clicks to a Jaccard (at most "
            f"{evaluation.clicks}), share of photos that never reach it:",
            "",
        ]
        lines += _rows(
            head, [(name, _summarise(evaluation, name, source, shown)) for name in evaluation.dices]
        )
    if evaluation.boxes:
        lines += ["", f"Boxes: mean Dice, and share of photos below {FAILED}:", ""]
        for source in sources:
            rows = []
            for name, parts in evaluation.boxes.items():
                values = np.stack(parts[source])
                means = [f"{value:.3f}" for value in values.mean(axis=0)]
                failed = [f"{100 * share:.0f}%" for share in (values < FAILED).mean(axis=0)]
                rows.append((name, [f"{mean} ({part})" for mean, part in zip(means, failed, strict=True)]))
            lines += _rows([f"{source}: {_name_box(larger)}" for larger in LARGER], rows)
            lines.append("")
    return "\n".join(lines).strip()


def mean_curves(evaluation: GuidedEvaluation) -> Mapping[str, Mapping[str, list[float]]]:
    """Return source -> way -> mean Dice after 0, 1, ... clicks."""
    sources = dict.fromkeys(source for parts in evaluation.dices.values() for source in parts)
    return {
        source: {
            name: np.stack(parts[source]).mean(axis=0).tolist() for name, parts in evaluation.dices.items()
        }
        for source in sources
    }


def summarise_guided(evaluation: GuidedEvaluation) -> Mapping[str, object]:
    """Return the means of everything, for ``scores.json``."""
    return {
        name: {
            way: {source: np.mean(np.stack(rows), axis=0).round(4).tolist() for source, rows in parts.items()}
            for way, parts in table.items()
        }
        for name, table in (
            ("clicks_dice", evaluation.dices),
            ("clicks_jaccard", evaluation.jaccards),
            ("boxes_dice", evaluation.boxes),
        )
    }


def measure_people(path: Path) -> str:
    """Return a line that says how far two people's masks of the same photo agree, from the column "Dice with
    them" of a table of pairs; copies (1.000) are not counted. Raises SettingsError."""
    try:
        rows = list(csv.DictReader(read_user_text(path, LARGEST_CONFIG).splitlines()))
    except OSError as error:
        raise SettingsError(
            "{path}: cannot be read ({reason})", path=path, reason=error.strerror or error
        ) from error
    photos = [
        [float(value) for value in row.get("Dice with them", "").split() if float(value) < 1] for row in rows
    ]
    means = [float(np.mean(values)) for values in photos if values]
    if not means:
        raise SettingsError("{path}: no row has a number below 1 under 'Dice with them'", path=path)
    return (
        f"Two people's masks of the same close-up agree at a mean Dice of {np.mean(means):.2f} "
        f"(median {np.median(means):.2f}, {len(means)} photos)."
    )


def _summarise(evaluation: GuidedEvaluation, name: str, source: str, shown: Sequence[int]) -> list[str]:
    dices, jaccards = evaluation.dices[name][source], evaluation.jaccards[name][source]
    means = np.stack(dices).mean(axis=0)
    counts = [np.mean([count_clicks(row, quality) for row in jaccards]) for quality in QUALITIES]
    never = [np.mean([row.max() < quality for row in jaccards]) for quality in QUALITIES]
    return [
        *(f"{means[number]:.3f}" for number in shown),
        *(f"{count:.1f}" for count in counts),
        *(f"{100 * share:.0f}%" for share in never),
    ]


def _name_box(larger: float) -> str:
    return "exact" if larger == 0 else f"{100 * larger:.0f}% too large"


def _score(masks: Sequence[Mask], probability: NDArray[np.float32], threshold: float) -> tuple[float, float]:
    size = (masks[0].shape[0], masks[0].shape[1])
    return _score_mask(masks, lesion_mask(probability, size, threshold))


def _score_mask(masks: Sequence[Mask], found: Mask) -> tuple[float, float]:
    """Return Dice and Jaccard against the best of the annotators."""
    counts = count_photo(masks, found).annotators
    return max(dice(one) for one in counts), max(jaccard(one) for one in counts)


def _rows(columns: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]]) -> list[str]:
    head = ["| | " + " | ".join(columns) + " |", "| --- |" + " ---: |" * len(columns)]
    return head + [f"| {name} | " + " | ".join(values) + " |" for name, values in rows]
