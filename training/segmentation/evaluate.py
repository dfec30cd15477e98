"""Score a segmentation checkpoint: ``python -m training evaluate-segmentation CHECKPOINT --data DIR [--out
DIR]``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

import cv2
import numpy as np
from tqdm import tqdm

from magic_demo.core.types import Mask, Pixels, PromptKind
from magic_demo.imaging.consensus import take_majority
from magic_demo.imaging.measure import TONES, measure_tone
from magic_demo.imaging.overlay import lesion_mask
from magic_demo.models.backends.names import add_backend_argument
from magic_demo.models.interfaces import Segmenter
from magic_demo.models.registry import load_segmenter
from magic_demo.models.segmentation.views import add_views_argument, see_views
from magic_demo.questions.scoring import (
    Counts,
    PhotoCounts,
    count_photo,
    count_pixels,
    dice,
    jaccard,
    segmentation_values,
    vote,
)
from magic_demo.reviews.exports.csv_files import write_csv_table
from training.runs.data_table import BadFiles, write_tables
from training.runs.ranges import Range
from training.runs.run import SettingsError
from training.segmentation.baselines import BASELINES
from training.segmentation.guidance.composites import list_composites
from training.segmentation.guidance.evaluate import (
    MOST_CLICKS,
    GuidedEvaluation,
    evaluate_guided,
    format_guided,
    mean_curves,
    measure_people,
    summarise_guided,
)
from training.segmentation.report import draw_curves, draw_worst, write_report
from training.segmentation.sources import Example, SourceSettings
from training.segmentation.survey import read_checked

EXIT_WITH_PROBLEMS = 3
PROMPT_KINDS: dict[str, PromptKind] = {kind.replace(" ", "-"): kind for kind in get_args(PromptKind)}
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
OURS = "this checkpoint"
PROMPTS = ("right prompt", "no prompt", "another's prompt")
SIZES = ((0.30, "more than 30%"), (0.10, "10 to 30%"), (0.02, "2 to 10%"), (0.0, "less than 2%"))


@dataclass(frozen=True, eq=False)
class PhotoScore:
    """One photo's result: the organisers' counts, the counts against the reference (the annotators' majority),
    the groups it belongs to, and the lesion's share of the photo in reference and system."""

    example: Example
    counts: PhotoCounts
    against: Counts
    tone: str
    size: str
    reference_share: float
    system_share: float

    @property
    def dice(self) -> float:
        """Return the photo's Dice."""
        return dice(self.against)

    @property
    def jaccard(self) -> float:
        """Return the photo's Jaccard."""
        return jaccard(self.against)


@dataclass
class Evaluation:
    """All that was measured. table: way of outlining -> source -> mean per-photo Dice; prompts: the same by
    prompt, where there are prompts."""

    model_id: str
    threshold: float
    prompt_kind: PromptKind = "narrative"
    ties: str = "lesion"
    table: dict[str, dict[str, float]] = field(default_factory=dict)
    official: dict[str, Mapping[str, float | int | None]] = field(default_factory=dict)
    prompts: dict[str, dict[str, float]] = field(default_factory=dict)
    groups: dict[str, dict[str, tuple[int, float]]] = field(default_factory=dict)
    photos: list[PhotoScore] = field(default_factory=list)


def main(arguments: list[str]) -> int:
    """Print the table, and with --out write scores.json, photos.csv, report.html and worst.jpg; returns the exit code, 3
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
        "--out",
        type=Path,
        help="folder for scores.json, photos.csv, data.json, report.html and worst.jpg (it holds photos)",
    )
    parser.add_argument(
        "--clicks", type=int, default=0, help=f"let a simulated reader click so often, at most {MOST_CLICKS}"
    )
    parser.add_argument(
        "--boxes", action="store_true", help="let a simulated reader draw a box, in three sizes"
    )
    parser.add_argument(
        "--composites",
        type=int,
        default=0,
        help="for clicks and boxes: so many photos with two lesions besides",
    )
    parser.add_argument(
        "--people", type=Path, help="a table of pairs that says how far two people's masks agree"
    )
    add_backend_argument(parser)
    add_views_argument(parser)
    _add_data_arguments(parser)
    options = parser.parse_args(arguments)
    if not 0 <= options.clicks <= MOST_CLICKS:
        raise SettingsError(
            "--clicks {count}: a number from 0 to {most} is expected", count=options.clicks, most=MOST_CLICKS
        )
    if not Range(0, 1).holds(options.least_found):
        raise SettingsError("--least-found {came}: a share from 0 to 1 is expected", came=options.least_found)
    checked = read_checked(
        options.data,
        {source.name: source for source in _choose_sources(options)},
        least_found=options.least_found,
        bad_files=options.bad_files,
    )
    for line in checked.empty:
        print(f"warning: {line}", file=sys.stderr)
    examples = [example for listed in checked.by_title.values() for example in listed]
    segmenter = see_views(load_segmenter(options.checkpoint, backend=options.backend), options.tta)
    kind: PromptKind = PROMPT_KINDS[options.prompt] if options.prompt else segmenter.prompt_kind
    evaluation = evaluate(
        segmenter, examples, baselines=not options.no_baselines, kind=kind, ties=options.ties
    )
    tables = [format_table(evaluation)]
    guided = GuidedEvaluation()
    if options.clicks or options.boxes:
        asked = [*examples, *list_composites(examples, options.composites)]
        guided = evaluate_guided(
            segmenter,
            asked,
            clicks=options.clicks,
            boxes=options.boxes,
            baselines=not options.no_baselines,
        )
        tables.append(format_guided(guided))
    if options.people is not None:
        tables.append(measure_people(options.people))
    tables_text = "\n\n".join(tables)
    print(tables_text)
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        worst = sorted(evaluation.photos, key=lambda photo: photo.dice)[:10]
        sheet = draw_worst([(photo.example, photo.dice) for photo in worst], segmenter)
        cv2.imwrite(str(options.out / "worst.jpg"), sheet[:, :, ::-1])
        write_report(
            options.out / "report.html",
            tables_text,
            [photo.jaccard for photo in evaluation.photos],
            sheet,
            draw_curves(mean_curves(guided)),
        )
        scores = {
            name: getattr(evaluation, name)
            for name in (
                "model_id",
                "threshold",
                "prompt_kind",
                "ties",
                "table",
                "official",
                "prompts",
                "groups",
            )
        }
        (options.out / "scores.json").write_text(
            json.dumps({**scores, **summarise_guided(guided)}, indent=2) + "\n", encoding="utf-8"
        )
        write_photos(options.out / "photos.csv", evaluation.photos)
        write_tables(options.out / "data.json", checked.tables)
        print(f"\nwritten: {options.out / 'report.html'}, scores.json, photos.csv, data.json, worst.jpg")
    return EXIT_WITH_PROBLEMS if checked.empty else 0


def _add_data_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--prompt",
        choices=PROMPT_KINDS,
        help="what photos of encounters are asked with (default: what the checkpoint was trained with)",
    )
    parser.add_argument(
        "--ties",
        choices=("lesion", "skin"),
        default="lesion",
        help="what a pixel is that half of the annotators marked: lesion, as the organisers score (default), or "
        "skin, as the readers' consensus has it",
    )
    parser.add_argument(
        "--least-found",
        type=float,
        default=0.95,
        help="refuse data of which a smaller share has files and masks (default: 0.95)",
    )
    parser.add_argument(
        "--bad-files",
        choices=get_args(BadFiles),
        default="refuse",
        help="what to do about photos and masks that cannot be read (default: refuse)",
    )


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


def evaluate(
    segmenter: Segmenter,
    examples: Sequence[Example],
    *,
    baselines: bool = True,
    kind: PromptKind = "narrative",
    ties: str = "lesion",
) -> Evaluation:
    """Outline every photo as the product does, without a prompt where it has none, and score it against the
    majority vote.

    kind: of the prompt of encounters' photos. ties: what pixels are that half of the annotators marked; the
    challenge's own numbers always count them as lesion.
    """
    evaluation = Evaluation(segmenter.model_id, segmenter.threshold, kind, ties)
    sums: dict[str, dict[str, list[float]]] = {}
    by_prompt: dict[str, dict[str, list[float]]] = {name: {} for name in (*PROMPTS, *PROMPT_KINDS.values())}
    texts = [
        example.by_kind.get(kind) or (example.prompts[0] if example.prompts else "") for example in examples
    ]
    for number, example in enumerate(tqdm(examples, desc="photos", leave=False)):
        pixels, masks = example.read()
        reference, features = vote_by(masks, ties), segmenter.look(pixels)

        def outline(text: str, pixels: Pixels = pixels, features: object = features) -> Mask:
            probability = segmenter.segment(features, text)
            return lesion_mask(probability, (pixels.shape[0], pixels.shape[1]), segmenter.threshold)

        def score(system: Mask, reference: Mask = reference) -> float:
            return dice(count_pixels(reference, system))

        system = outline(texts[number])
        photo = PhotoScore(
            example,
            count_photo(masks, system),
            count_pixels(reference, system),
            name_tone(pixels, reference),
            name_size(reference),
            float(reference.mean()),
            float(system.mean()),
        )
        evaluation.photos.append(photo)
        sums.setdefault(OURS, {}).setdefault(example.source, []).append(photo.dice)
        if baselines:
            for name, draw in BASELINES.items():
                sums.setdefault(name, {}).setdefault(example.source, []).append(score(draw(pixels)))
        if texts[number] and segmenter.reads_prompt:
            others = [text for text in texts if text and text != texts[number]]
            asked = (texts[number], "", others[number % len(others)] if others else "")
            for name, text in (*zip(PROMPTS, asked, strict=True), *example.by_kind.items()):
                by_prompt[name].setdefault(example.source, []).append(score(outline(text)))
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


def vote_by(masks: Sequence[Mask], ties: str) -> Mask:
    """Return the annotators' majority (H, W); ties: what half of them make a pixel, "lesion" or "skin"."""
    return vote(masks) if ties == "lesion" else take_majority(masks)


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
