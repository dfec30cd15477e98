"""Train the closed questions' model: ``python -m training vqa --config FILE [--data DIR] [--output DIR] [--folds N] [--resume]``."""

from __future__ import annotations

import argparse
import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import nn
from transformers import AutoModel, AutoTokenizer, BertConfig, PreTrainedTokenizerBase, SwinConfig

from magic_demo.checkpoints import Preprocessing, find_checkpoint, load_model, load_tokenizer, read_preprocessing
from magic_demo.decoding import PRIORS_NAME, SetPriors, count_priors, read_priors, write_priors
from magic_demo.formats import read_encounters
from magic_demo.questions import load_families
from magic_demo.types import Answers
from magic_demo.vqa import CaseAnswerer, CaseAnswererConfig, list_option_texts
from training.averaging import AveragingTrainer
from training.photo_branch import PhotoBranch, add_photo_branch, freeze_words
from training.run import RunSettings, SettingsError, prepare, read_settings, train, training_arguments
from training.tokenizer import train_tokenizer
from training.vqa_data import CaseDataSettings, CaseDraws, EvaluationCases, PhotoShelf, make_collator, split_folds
from training.vqa_metrics import decode_rows, make_metrics, most_frequent, official_scores, score_cases
from training.vqa_sources import LearningCase, read_cases

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class EncoderSizes:
    """The encoders of a new compact model: a BERT and a Swin, from nothing. size: side of its photos, pixels."""

    vocabulary: int = 4000
    text_width: int = 64
    text_layers: int = 1
    text_heads: int = 4
    size: int = 128
    window: int = 4
    photo_width: int = 24
    photo_depths: tuple[int, ...] = (1, 1, 2, 1)
    photo_heads: tuple[int, ...] = (1, 2, 4, 8)


@dataclass(frozen=True)
class AnswererSettings:
    """Where the model starts, how it is built and which of it learns.

    start: a checkpoint of this model, ``encoders`` for a new head on the pretrained ``text`` and ``photo`` encoders (folders or Hub ids),
    or ``compact`` for a new model of ``sizes``, whose tokenizer is learnt from the training texts and the narratives of ``narratives``.
    fusion to max_text_tokens: as in the model's config; they count for new models. encoder_rate: the encoders' learning rate
    as a share of the head's, 0 freezes them. average: decay of the running average of the weights, 0 for none.
    photo_branch: gives a checkpoint a new photo branch and trains that alone, so that what words alone say stays as it is.
    """

    start: str
    text: str = "emilyalsentzer/Bio_ClinicalBERT"
    photo: str = "microsoft/swin-tiny-patch4-window7-224"
    sizes: EncoderSizes = EncoderSizes()
    narratives: tuple[Path, ...] = ()
    fusion: Literal["product", "concatenation"] = "product"
    text_pooling: Literal["cls", "mean", "max"] = "cls"
    narrative_input: bool = True
    attention_heads: int = 4
    learn_sets: bool = True
    projection_size: int = 256
    head_size: int = 256
    dropout: float = 0.1
    max_text_tokens: int = 256
    encoder_rate: float = 1.0
    average: float = 0.0
    photo_branch: PhotoBranch | None = None


@dataclass(frozen=True)
class DecodingSettings:
    """What the checkpoint's decoding trusts, see ``magic_demo.decoding``: references' worth of smoothing, weight of the scores."""

    smoothing: float = 10.0
    weight: float = 1.0


@dataclass(frozen=True)
class CaseRunSettings(RunSettings):
    """A run; keep_last: ship the last weights in place of the evaluation's best, for runs whose length was chosen beforehand.

    half: whether the best model is written as float16.
    """

    keep_last: bool = False
    half: bool = False


@dataclass(frozen=True)
class VqaSettings:
    """A settings file of this command."""

    model: AnswererSettings
    data: CaseDataSettings
    run: CaseRunSettings
    decoding: DecodingSettings = DecodingSettings()


def main(arguments: list[str]) -> int:
    """Train and save the best model, or with --folds cross-validate the training sources; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m training vqa", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="a settings file, see training/configs")
    parser.add_argument("--data", help="folder of the data, instead of the settings' data.folder")
    parser.add_argument("--output", help="folder to write to, instead of the settings' run.output")
    parser.add_argument("--start", help="checkpoint to start from, instead of the settings' model.start")
    parser.add_argument(
        "--folds", type=int, default=0, help="cross-validate the sources that count for the priors, in so many folds by author"
    )
    parser.add_argument(
        "--score", action="store_true", help="train nothing: score the checkpoint on the evaluation's cases, with parts of them left out"
    )
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint in the output folder")
    options = parser.parse_args(arguments)
    overrides = {"data.folder": options.data, "run.output": options.output, "model.start": options.start}
    settings = read_settings(options.config, VqaSettings, overrides)
    scores: Mapping[str, object]
    if options.score:
        scores = score_checkpoint(settings)
    elif options.folds:
        scores = cross_validate(settings, options.folds)
    else:
        folder, scores = run_training(settings, resume=options.resume)
        print(f"model: {folder}")
    print(json.dumps(scores, indent=2))
    return 0


def run_training(settings: VqaSettings, *, resume: bool = False) -> tuple[Path, dict[str, float]]:
    """Train as the settings say; returns the folder of the model and its evaluation."""
    training, evaluation = (_read(settings, kind) for kind in ("training", "evaluation"))
    model, tokenizer, preprocessing, priors, scores = _fit(settings, training, evaluation, resume=resume)
    best = settings.run.output / "best"
    save_checkpoint(model, tokenizer, preprocessing, priors, best, half=settings.run.half)
    (best / "training.json").write_text(json.dumps(dict(scores), indent=2) + "\n", encoding="utf-8")
    return best, dict(scores)


def score_checkpoint(settings: VqaSettings) -> dict[str, dict[str, float]]:
    """Score the model that the settings start from on each evaluation source: all of a case, its words alone, its photos alone, nothing."""
    model, tokenizer, preprocessing = start_model(settings, [])
    priors = _read_priors(settings.model.start)
    scores: dict[str, dict[str, float]] = {}
    evaluation = _read(settings, "evaluation")
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
            answers = decode_rows(score_cases(model, tokenizer, preprocessing, seen), priors)
            scores[f"{name}, {variant}"] = official_scores(references, dict(zip(references, answers, strict=True)))
    return scores


def cross_validate(settings: VqaSettings, folds: int) -> dict[str, float]:
    """Train once a fold on the other folds and the further sources, and score all held-out cases together by the official metric.

    The last weights of each run are used: choosing them by the held-out cases would flatter.
    """
    if folds < 2:
        raise SettingsError(f"--folds {folds}: at least 2 are needed")
    training = _read(settings, "training")
    real = [case for case in training if case.source.priors]
    rest = [case for case in training if not case.source.priors]
    references: dict[str, Answers] = {}
    answers: dict[str, Answers] = {}
    constant: dict[str, Answers] = {}
    for number, held in enumerate(split_folds(real, folds, settings.run.seed)):
        kept = [case for index, case in enumerate(real) if index not in set(held)]
        out = [real[index] for index in held]
        run = replace(settings.run, output=settings.run.output / f"fold-{number + 1}", keep_last=True, patience=0)
        model, tokenizer, preprocessing, priors, _ = _fit(replace(settings, run=run), kept + rest, out)
        logits = score_cases(model, tokenizer, preprocessing, out)
        np.save(run.output / "held_out_logits.npy", logits)
        for case, decoded in zip(out, decode_rows(logits, priors), strict=True):
            references[case.case_id], answers[case.case_id] = case.answers, decoded
            constant[case.case_id] = most_frequent([other.answers for other in kept])
        print(json.dumps({"fold": number + 1, "cases so far": len(answers), **official_scores(references, answers)}))
    scores = official_scores(references, answers)
    scores.update({f"constant_{name}": value for name, value in official_scores(references, constant).items()})
    (settings.run.output / "cross_validation.json").write_text(json.dumps(scores, indent=2) + "\n", encoding="utf-8")
    return scores


def start_model(
    settings: VqaSettings, cases: Sequence[LearningCase], *, resume: bool = False
) -> tuple[CaseAnswerer, PreTrainedTokenizerBase, Preprocessing]:
    """Return the model to train, its tokenizer and its preprocessing: a checkpoint's, pretrained encoders', or new ones.

    A new tokenizer is kept in the output folder: learnt again, it would number its pieces anew, and a resumed run would read nonsense.
    """
    wanted = settings.model
    names = (
        "fusion",
        "text_pooling",
        "narrative_input",
        "attention_heads",
        "learn_sets",
        "projection_size",
        "head_size",
        "dropout",
        "max_text_tokens",
    )
    design = {name: getattr(wanted, name) for name in names}
    if wanted.start == "encoders":
        model = CaseAnswerer.from_encoders(wanted.text, wanted.photo, **design)
        return model, load_tokenizer(wanted.text), read_preprocessing(wanted.photo)
    if wanted.start != "compact":
        loaded = load_model(wanted.start, AutoModel)
        if not isinstance(loaded, CaseAnswerer):
            raise SettingsError(
                f"{wanted.start}: a {loaded.config.model_type} model; a checkpoint of this command, 'encoders' or 'compact' is expected"
            )
        tokenizer = load_tokenizer(wanted.start)
        if wanted.photo_branch is None:
            return loaded, tokenizer, read_preprocessing(wanted.start)
        side = wanted.photo_branch.size
        renewed = add_photo_branch(loaded, wanted.photo_branch, settings.data.folder)
        return renewed, tokenizer, Preprocessing((side, side), (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    sizes, kept = wanted.sizes, settings.run.output / "tokenizer"
    if resume:
        tokenizer = AutoTokenizer.from_pretrained(kept, local_files_only=True)
    else:
        tokenizer = _learn_tokenizer(settings, cases)
        tokenizer.save_pretrained(kept)
    text = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=sizes.text_width,
        num_hidden_layers=sizes.text_layers,
        num_attention_heads=sizes.text_heads,
        intermediate_size=2 * sizes.text_width,
        max_position_embeddings=wanted.max_text_tokens,
    )
    photo = SwinConfig(
        image_size=sizes.size,
        patch_size=4,
        embed_dim=sizes.photo_width,
        depths=list(sizes.photo_depths),
        num_heads=list(sizes.photo_heads),
        window_size=sizes.window,
    )
    model = CaseAnswerer(CaseAnswererConfig(text_config=text, vision_config=photo, **design))
    return model, tokenizer, Preprocessing((sizes.size, sizes.size), IMAGENET_MEAN, IMAGENET_STD)


def _learn_tokenizer(settings: VqaSettings, cases: Sequence[LearningCase]) -> PreTrainedTokenizerBase:
    texts = [text for case in cases for text in case.texts if text] + list_option_texts(load_families(), "en")
    for path in settings.model.narratives:
        for encounter in read_encounters(settings.data.folder / path).encounters:
            texts.extend(text for text in (encounter.narrative.en, encounter.narrative.zh) if text)
    return train_tokenizer(texts, vocabulary=settings.model.sizes.vocabulary, most_tokens=settings.model.max_text_tokens)


def save_checkpoint(
    model: CaseAnswerer,
    tokenizer: PreTrainedTokenizerBase,
    preprocessing: Preprocessing,
    priors: SetPriors,
    folder: Path,
    *,
    half: bool = False,
) -> None:
    """Write what ``OptionScorer.load`` reads: weights, config, tokenizer, preprocessing, decoding."""
    (copy.deepcopy(model).half() if half else model).save_pretrained(folder)  # type: ignore[no-untyped-call]
    tokenizer.save_pretrained(folder)
    height, width = preprocessing.size
    photo = {"size": {"height": height, "width": width}, "image_mean": list(preprocessing.mean), "image_std": list(preprocessing.std)}
    (folder / "preprocessor_config.json").write_text(json.dumps(photo, indent=2) + "\n", encoding="utf-8")
    if priors:
        write_priors(folder / PRIORS_NAME, priors)


def _read_priors(start: str) -> SetPriors:
    file = find_checkpoint(start) / PRIORS_NAME
    return read_priors(file) if file.is_file() else {}


def _read(settings: VqaSettings, kind: Literal["training", "evaluation"]) -> list[LearningCase]:
    return read_cases(settings.data.folder, getattr(settings.data, kind), settings.run.output.parent / "cases")


def _fit(
    settings: VqaSettings, training: Sequence[LearningCase], evaluation: Sequence[LearningCase], *, resume: bool = False
) -> tuple[CaseAnswerer, PreTrainedTokenizerBase, Preprocessing, SetPriors, dict[str, float]]:
    run = settings.run
    if not training or not evaluation:
        raise SettingsError("the data holds no case to train on" if not training else "the data holds no case to evaluate on")
    prepare(run)
    model, tokenizer, preprocessing = start_model(settings, training, resume=resume)
    counted = [case.answers for case in training if case.source.priors]
    trust = settings.decoding
    priors = count_priors(counted, load_families(), smoothing=trust.smoothing, weight=trust.weight) if counted else {}
    if settings.model.photo_branch is not None:
        freeze_words(model)
        priors = priors or _read_priors(settings.model.start)
    shelf, sets = PhotoShelf(preprocessing), bool(model.config.learn_sets)
    draws = CaseDraws(training, settings.data, shelf, epochs=run.epochs, sets=sets, seed=run.seed)
    every = run.evaluate_every or -(-draws.epoch_length // run.batch_size)
    kept = {"load_best_model_at_end": False, "metric_for_best_model": None} if run.keep_last else {}
    trainer = AveragingTrainer(
        model=model,
        # The draws are listed for the whole run, so that a resumed run sees what it would have seen: one long epoch, in order.
        args=training_arguments(
            run,
            **{
                "num_train_epochs": 1,
                "train_sampling_strategy": "sequential",
                "eval_strategy": "steps",
                "save_strategy": "steps",
                "eval_steps": every,
                "save_steps": every,
                **kept,
            },
        ),
        train_dataset=draws,
        eval_dataset=EvaluationCases(evaluation, shelf, sets=sets),
        data_collator=make_collator(tokenizer, preprocessing, most_tokens=model.config.max_text_tokens, language=model.config.language),
        compute_metrics=make_metrics(evaluation, priors),
        optimizers=(make_optimizer(model, settings), None),
        decay=settings.model.average,
    )
    scores = train(trainer, replace(run, patience=0) if run.keep_last else run, resume=resume)
    if trainer.average is not None:
        model.load_state_dict(trainer.average)
    return model, tokenizer, preprocessing, priors, dict(scores)


def make_optimizer(model: CaseAnswerer, settings: VqaSettings) -> torch.optim.Optimizer:
    """Return AdamW: encoders at their own rate, no decay for biases, norms and the vectors of what is missing; rate 0 freezes encoders."""
    run, share = settings.run, settings.model.encoder_rate
    encoders: tuple[nn.Module, ...] = (model.text_model, model.vision_model)
    inside = {id(weight) for encoder in encoders for weight in encoder.parameters()}
    if share == 0:
        for encoder in encoders:
            encoder.requires_grad_(False)
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for weight in model.parameters():
        if weight.requires_grad:
            groups.setdefault((id(weight) in inside, weight.ndim > 1), []).append(weight)
    return torch.optim.AdamW(
        [
            {"params": weights, "lr": run.learning_rate * (share if encoder else 1.0), "weight_decay": run.weight_decay if decays else 0.0}
            for (encoder, decays), weights in groups.items()
        ],
        lr=run.learning_rate,
        betas=(0.9, 0.999),
    )
