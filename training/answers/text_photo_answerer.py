"""Train the closed questions' model: ``python -m training text-photo-answerer --config FILE [--data DIR] [--output DIR]
[--folds N] [--resume]``."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from magic_demo.core.types import Answers
from magic_demo.questions.decoding import SIBLINGS, Siblings
from training.answers.text_photo.checkpoint import (
    make_decoder,
    read_asked,
    read_start_priors,
    save_checkpoint,
    start_model,
)
from training.answers.text_photo.fitting import fit
from training.answers.text_photo.kept_features import (
    check_frozen,
)
from training.answers.text_photo.loss import LossSettings
from training.answers.text_photo.metrics import Decoder, score_cases
from training.answers.text_photo.settings import TextPhotoAnswererSettings
from training.cases.folds import split_folds
from training.cases.metrics import most_frequent, official_scores
from training.cases.sources import CaseSource, LearningCase
from training.cases.survey import CaseData, read_cases_as_kept, read_checked_cases
from training.runs.record import check_resumed, copy_record, keep_record
from training.runs.reports.card import write_card
from training.runs.reports.data_table import SourceTable, title_sources
from training.runs.run import (
    CACHED_OPTIONS,
    SettingsError,
    add_resume_argument,
    check_metric,
    make_parser,
    parse_command,
)
from training.runs.starts import name_starts
from training.runs.trainer import (
    check_start,
    choose_precision,
    is_first_process,
    prepare,
    training_arguments,
)


def main(arguments: list[str]) -> int:
    """Train and save the best model, or with --folds cross-validate the training sources; returns the exit
    code."""
    parser = make_parser("text-photo-answerer", __doc__, CACHED_OPTIONS)
    parser.add_argument(
        "--folds",
        type=int,
        default=0,
        help="cross-validate the sources that count for the priors, in so many folds by author",
    )
    parser.add_argument(
        "--score",
        action="store_true",
        help="train nothing: score the checkpoint on the evaluation's cases, with parts of them left out",
    )
    add_resume_argument(parser)
    settings, options = parse_command(parser, arguments, TextPhotoAnswererSettings, CACHED_OPTIONS)
    scores: Mapping[str, object]
    if options.score:
        scores = score_checkpoint(settings)
    elif options.folds:
        scores = cross_validate(settings, options.folds, resume=options.resume)
    else:
        folder, scores = run_training(settings, resume=options.resume)
        if is_first_process():
            print(f"model: {folder}")
    if is_first_process():
        print(json.dumps(scores, indent=2))
    return 0


def run_training(
    settings: TextPhotoAnswererSettings, *, resume: bool = False
) -> tuple[Path, dict[str, float]]:
    """Train as the settings say; returns the folder of the model and its evaluation."""
    check_settings(settings)
    check_start(settings.run, resume=resume)
    if resume:
        check_resumed(settings.run.output, settings)
    prepare(settings.run)
    training, evaluation = read_data(
        settings,
        "training",
        "evaluation",
        keep=lambda tables: _keep(settings, tables, resume=resume),
    )
    trained = fit(settings, training, evaluation, resume=resume)
    best, scores = settings.run.output / "best", dict(trained.scores)
    if trained.saves:  # one of the processes
        save_checkpoint(
            trained.model,
            trained.tokenizer,
            trained.preprocessing,
            trained.decoder,
            best,
            half=settings.run.half,
        )
        (best / "training.json").write_text(json.dumps(scores, indent=2) + "\n", encoding="utf-8")
        copy_record(settings.run.output, best)
        write_card(
            best,
            "text-photo-answerer",
            scores,
            start=settings.model.start,
            training=[source.name for source in settings.data.training],
            evaluation=[source.name for source in settings.data.evaluation],
        )
    return best, scores


def check_settings(settings: TextPhotoAnswererSettings) -> None:
    """Raise SettingsError, naming the key, where settings cannot be run together; nothing is loaded but the
    questions."""
    model, data = settings.model, settings.data
    names = dict.fromkeys(source.name for source in data.evaluation)
    known = ["f1", "accuracy_all", *(f"accuracy_{name}" for name in read_asked(settings).family_ids)]
    check_metric(settings.run, [*known, *(f"{name}_accuracy_all" for name in names)])
    choose_precision(settings.run)
    if data.cache is not None:
        check_frozen(settings)
    if model.start not in ("encoders", "compact"):
        return  # the design is the checkpoint's
    if model.option_texts == "question" and model.learn_sets:
        raise SettingsError(
            "model.option_texts 'question' scores one slot at a time; set model.learn_sets to false"
        )
    if data.draw == "question" and (model.learn_sets or settings.loss != LossSettings()):
        raise SettingsError(
            "data.draw 'question' shows one slot at a time; set model.learn_sets to false and leave out loss"
        )
    if model.attention_heads and model.projection_size % model.attention_heads:
        raise SettingsError(
            "model.projection_size: {size} is no multiple of model.attention_heads {heads}",
            size=model.projection_size,
            heads=model.attention_heads,
        )


def score_checkpoint(settings: TextPhotoAnswererSettings) -> dict[str, dict[str, float]]:
    """Score the model that the settings start from on each evaluation source: all of a case, its words alone,
    its photos alone, nothing."""
    model, tokenizer, preprocessing = start_model(settings, [])
    asked = read_asked(settings)
    decoder = Decoder(
        asked,
        read_start_priors(settings.model.start),
        model.config.option_texts,
        settings.decoding.siblings,
    )
    scores: dict[str, dict[str, float]] = {}
    (evaluation,) = read_data(settings, "evaluation")
    for name in dict.fromkeys(case.source.name for case in evaluation):
        cases = [case for case in evaluation if case.source.name == name]
        variants = {
            "everything": cases,
            "words": [replace(case, photos=()) for case in cases],
            "words in Chinese": [replace(case, photos=(), texts=("", case.texts[1])) for case in cases],
            "photos": [replace(case, texts=("", "")) for case in cases],
            "nothing": [replace(case, photos=(), texts=("", "")) for case in cases],
        }
        references = {case.case_id: case.answers for case in cases}
        for variant, seen in variants.items():
            logits = score_cases(model, tokenizer, preprocessing, seen, decoder.units)
            scores[f"{name}, {variant}"] = official_scores(
                references, dict(zip(references, decoder.decode(logits), strict=True)), asked
            )
    return scores


def _keep(settings: TextPhotoAnswererSettings, tables: Sequence[SourceTable], *, resume: bool) -> None:
    starts = name_starts(settings.model, settings.data.folder)
    keep_record(settings.run.output, settings, tables, starts=starts, resume=resume)


def cross_validate(
    settings: TextPhotoAnswererSettings, folds: int, *, resume: bool = False
) -> dict[str, float]:
    """Train once a fold on the other folds and the further sources, and score all held-out cases together by
    the official metric.

    The last weights of each run are used: choosing them by the held-out cases would flatter. All ways to answer
    siblings are scored, from the same logits. resume: a fold whose held-out logits are there is not trained
    again.
    """
    if folds < 2:
        raise SettingsError("--folds {folds}: at least 2 are needed", folds=folds)
    check_settings(settings)
    output = settings.run.output
    if resume:
        check_resumed(output, settings)
    output.mkdir(parents=True, exist_ok=True)
    (training,) = read_data(settings, "training", keep=lambda tables: _keep(settings, tables, resume=resume))
    asked = read_asked(settings)
    real = [case for case in training if case.source.priors]
    rest = [case for case in training if not case.source.priors]
    references: dict[str, Answers] = {}
    answers: dict[Siblings, dict[str, Answers]] = {how: {} for how in SIBLINGS}
    constant: dict[str, Answers] = {}
    for number, held in enumerate(split_folds(real, folds, settings.run.seed)):
        kept = [case for index, case in enumerate(real) if index not in set(held)]
        out = [real[index] for index in held]
        run = replace(settings.run, output=output / f"fold-{number + 1}", keep_last=True, patience=0)
        file = run.output / "held_out_logits.npy"
        if resume and file.is_file():
            logits = np.load(file)
            if len(logits) != len(out):
                raise SettingsError(
                    "{file}: of {came} cases, this fold has {expected}; resume with the same --folds",
                    file=file,
                    came=len(logits),
                    expected=len(out),
                )
            decoder = make_decoder(settings, kept + rest, settings.model.option_texts)
        else:
            trained = fit(replace(settings, run=run), kept + rest, out)
            decoder = trained.decoder
            logits = score_cases(trained.model, trained.tokenizer, trained.preprocessing, out, decoder.units)
            np.save(file, logits)
        references.update({case.case_id: case.answers for case in out})
        constant.update(
            {case.case_id: most_frequent([other.answers for other in kept], asked) for case in out}
        )
        for how in SIBLINGS:
            decoded = replace(decoder, siblings=how).decode(logits)
            answers[how].update({case.case_id: one for case, one in zip(out, decoded, strict=True)})
        by_siblings = {
            how: official_scores(references, given, asked)["accuracy_all"] for how, given in answers.items()
        }
        mine = official_scores(references, answers[decoder.siblings], asked)
        so_far = {"fold": number + 1, "cases so far": len(references), **mine, "siblings": by_siblings}
        of_constant = official_scores(references, constant, asked)
        if is_first_process():
            print(json.dumps({**so_far, "constant_accuracy_all": of_constant["accuracy_all"]}))
    scores = dict(mine)
    scores.update({f"constant_{name}": value for name, value in of_constant.items()})
    scores.update({f"siblings_{how}_accuracy_all": value for how, value in by_siblings.items()})
    (output / "cross_validation.json").write_text(json.dumps(scores, indent=2) + "\n", encoding="utf-8")
    return scores


def read_data(
    settings: TextPhotoAnswererSettings,
    *roles: Literal["training", "evaluation"],
    keep: Callable[[Sequence[SourceTable]], None] | None = None,
) -> list[list[LearningCase]]:
    """Read the cases of each role, checked, and print their table; of several processes the first does it,
    and draws the synthetic cases, while the others wait. keep: is given the tables."""
    sources: dict[str, CaseSource] = {}
    for role in roles:
        listed: Sequence[CaseSource] = getattr(settings.data, role)
        sources |= title_sources([f"{role} {source.name}" for source in listed], listed)
    data = CaseData(
        settings.data.folder,
        settings.run.output.parent / "cases",
        read_asked(settings),
        settings.data.least_found,
        settings.data.bad_files,
    )
    arguments = training_arguments(settings.run)
    with arguments.main_process_first(desc="cases"):
        if arguments.process_index == 0:
            cases = read_checked_cases(data, sources, keep=keep)
        else:
            cases = read_cases_as_kept(data, sources, settings.run.output)
    return [
        [case for title, listed in cases.items() if title.startswith(f"{role} ") for case in listed]
        for role in roles
    ]
