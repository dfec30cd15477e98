"""Score a segmentation checkpoint: ``python -m training evaluate-segmentation CHECKPOINT --data DIR [--out
DIR]``."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import get_args

import cv2

from magic_demo.core.types import PromptKind
from magic_demo.models.backends.names import add_backend_argument
from magic_demo.models.registry import load_segmenter
from magic_demo.models.segmentation.views import add_views_argument, see_views
from training.runs.ranges import Range
from training.runs.reports.data_table import BadFiles, write_tables
from training.runs.run import SettingsError
from training.segmentation.evaluation.measuring import PROMPT_KINDS, evaluate
from training.segmentation.evaluation.report import draw_curves, draw_worst, write_report
from training.segmentation.evaluation.tables import format_table, write_photos
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
from training.segmentation.guidance.sheet import draw_clicked
from training.segmentation.sources import SourceSettings
from training.segmentation.survey import read_checked

EXIT_WITH_PROBLEMS = 3


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
        "--names",
        type=Path,
        action="append",
        help="a file of the names of pairs, one a line, as one more list",
    )
    parser.add_argument(
        "--feet", type=int, default=0, help="so many drawn feet and hands besides, some with nothing to mark"
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
        pictures = "worst.jpg"
        if options.clicks:
            clicked = draw_clicked(examples, segmenter)
            cv2.imwrite(str(options.out / "clicked.jpg"), clicked[:, :, ::-1])
            pictures += ", clicked.jpg"
        print(f"\nwritten: {options.out / 'report.html'}, scores.json, photos.csv, data.json, {pictures}")
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


def _choose_sources(options: argparse.Namespace) -> list[SourceSettings]:
    pairs = (options.data / "splits").is_dir()
    names = options.names or []
    splits = options.split or ([] if names else ["pad_dev", "isic_dev"] if pairs else ["valid"])
    sources = [
        SourceSettings(name=split, kind="pairs" if pairs else "challenge", split=split) for split in splits
    ]
    sources += [SourceSettings(name=file.stem, kind="pairs", names=file) for file in names]
    if options.cases:
        sources.append(SourceSettings(name="synthetic cases", kind="cases", count=options.cases, seed=77001))
    if options.feet:
        sources.append(
            SourceSettings(name="drawn feet", kind="feet", split="", count=options.feet, seed=77002)
        )
    return sources
