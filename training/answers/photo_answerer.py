"""Train the heads that answer the closed questions from what the segmentation model saw: ``python -m training
photo-answerer --config FILE``."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path

import torch

from magic_demo.core.disk.whole_files import write_json
from magic_demo.cues.cue_model import CueModel
from magic_demo.models.answers.photo_answerer import PhotoAnswererConfig, PhotoAnswererModel
from magic_demo.models.loading.checkpoints import Checkpoint
from magic_demo.models.registry import SEGMENTERS
from magic_demo.models.segmentation.prompted import PromptedSegmenter
from magic_demo.questions.calibration import Calibration, digest_of, read_calibration, write_calibration
from magic_demo.questions.combining import WEIGHTS_NAME
from magic_demo.questions.decoding import PRIORS_NAME, SetPriors, count_priors, write_priors
from magic_demo.questions.families import load_families
from training.answers.photo.evidence import see_cases
from training.answers.photo.heads import fit_heads, is_close_up, measure_prior, see_taught
from training.answers.photo.kinds import (
    KindReport,
    judge_kinds,
    learn_kinds,
    score_words,
    share_familiar,
)
from training.answers.photo.report import format_report, update_card
from training.answers.photo.settings import PhotoAnswererSettings
from training.answers.photo.weighing import choose_weights, judge_rules, score_folds, score_seen
from training.cases.sources import CaseSource
from training.cases.survey import list_checked_cases
from training.runs.record import keep_record
from training.runs.reports.data_table import SourceTable
from training.runs.run import SettingsError, run_command


def main(arguments: list[str]) -> int:
    """Train the heads, choose their weights beside the cues, write the checkpoint and print what was
    measured; returns the exit code."""
    options = {
        "data": ("folder", "folder of the data"),
        "segmentation": ("segmentation", "the segmentation checkpoint"),
        "output": ("output", "folder of the checkpoint to write"),
    }
    return run_command(arguments, "photo-answerer", PhotoAnswererSettings, __doc__, options, train_answers)


def train_answers(settings: PhotoAnswererSettings) -> dict[str, object]:
    """Do what the command says; returns the report, which also goes to ``photo-answerer.json`` below ``kept`` and
    into the checkpoint's model card."""
    torch.set_num_threads(settings.threads)
    segmenter = load_segmenter(settings.segmentation)
    if segmenter.encoder_name[0] != PhotoAnswererConfig.segmenter_type:
        raise SettingsError(
            "{segmentation}: a {expected} checkpoint is expected, whose features can be pooled",
            segmentation=settings.segmentation,
            expected=PhotoAnswererConfig.segmenter_type,
        )
    cues = CueModel.load(settings.cues)
    surveyed: list[SourceTable] = []
    cases = list_checked_cases(settings.folder, settings.training, settings.drawn, keep=surveyed.extend)
    looks = settings.kept / "seen"
    taught = see_taught(settings, cases, segmenter)
    held = {
        source.name: see_cases(
            list_checked_cases(settings.folder, [source], settings.drawn, keep=surveyed.extend),
            segmenter,
            looks,
            most_photos=settings.most_photos,
        )
        for source in _judges(settings)
    }
    listed = list_checked_cases(settings.folder, [settings.reference], settings.drawn, keep=surveyed.extend)
    references = [case.answers for case in listed]
    keep_record(settings.output, settings, surveyed, resume=False)
    priors = count_priors(references, load_families())
    model = fit_heads(taught, settings, measure_prior(settings, references), segmenter)
    own, folds = score_folds(taught, settings, model, segmenter)
    scored = {name: score_seen(cases, model, cues) for name, cases in held.items()}
    chosen, tables = choose_weights(settings, cues, scored, own)
    close_ups = [one for one in taught if is_close_up(one)]
    drawings = [one for one in taught if one.case.source.kind != "pad"]
    report: dict[str, object] = {"weights": chosen, **tables}
    kinds: KindReport | None = None
    if own["features"]:
        learn_kinds(model, close_ups, drawings, held[settings.weighing.name], settings.head.seed)
        kinds = judge_kinds(
            cues,
            own["features"],
            folds,
            scored[settings.unseen.name]["features"],
            score_words(settings.words),
            settings.weights,
            real_families=settings.real_families,
            drawn_families=settings.synthetic_families,
            tolerance=settings.tolerance,
        )
        chosen["kinds"] = kinds.weights  # type: ignore[assignment]
        report["familiar"] = {name: share_familiar(model, cases) for name, cases in held.items()}
        report["kinds"] = kinds.tables
    save_answers(model, priors, chosen, settings.output)
    if kinds is not None:
        save_calibration(settings, kinds)
    rules = {name: judge_rules(cases) for name, cases in held.items()}
    report["rules"] = rules
    update_card(settings.output, format_report(chosen, tables, rules, segmenter.model_id, kinds))
    write_json(settings.kept / "photo-answerer.json", report)
    return report


def save_calibration(settings: PhotoAnswererSettings, kinds: KindReport) -> None:
    """Write what makes the scores of each kind of photos probabilities, where the cues are calibrated."""
    words = read_calibration(settings.cues)
    if words is not None:
        answerer = digest_of(Checkpoint.open(settings.output).model_id)
        write_calibration(
            settings.output,
            Calibration(
                words.cues, answerer, words.margin, fitted_on=kinds.fitted_on, kinds=kinds.calibrations
            ),
        )


def load_segmenter(source: Path) -> PromptedSegmenter:
    """Load the segmentation model whose features the heads are made for."""
    return PromptedSegmenter.load(Checkpoint.open(source, types=SEGMENTERS.types_of(PromptedSegmenter)))


def save_answers(
    model: PhotoAnswererModel, priors: SetPriors, weights: Mapping[str, Mapping[str, float]], folder: Path
) -> None:
    """Write what ``load_answerer`` and ``read_weights`` read; the model as float16."""
    copy.deepcopy(model).half().save_pretrained(folder)  # type: ignore[no-untyped-call]
    write_priors(folder / PRIORS_NAME, priors)
    write_json(folder / WEIGHTS_NAME, weights)


def _judges(settings: PhotoAnswererSettings) -> tuple[CaseSource, ...]:
    return settings.weighing, settings.real, settings.unseen
