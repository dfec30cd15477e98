"""One training run of the text-and-photo answerer: its data, its optimizer, and the model that it leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn
from torch.utils.data import Dataset
from transformers import PreTrainedTokenizerBase

from magic_demo.models.answers.text_photo_model import TextPhotoAnswererModel
from magic_demo.models.loading.preprocessing import Preprocessing
from training.answers.text_photo.checkpoint import (
    make_decoder,
    start_model,
)
from training.answers.text_photo.data import CaseDraws, EvaluationCases, PhotoShelf, make_collator
from training.answers.text_photo.kept_features import (
    CaseFeatures,
    KeptCases,
    check_frozen,
    make_kept_collator,
)
from training.answers.text_photo.loss import CaseLoss, CaseTrainer, LossSettings
from training.answers.text_photo.metrics import Decoder, make_metrics
from training.answers.text_photo.settings import TextPhotoAnswererSettings
from training.cases.sources import LearningCase
from training.runs.run import (
    SettingsError,
)
from training.runs.trainer import (
    one_long_epoch,
    prepare,
    train,
    training_arguments,
)


@dataclass(frozen=True, eq=False)
class Trained:
    """What a run leaves; saves: whether this process is the one that writes files."""

    model: TextPhotoAnswererModel
    tokenizer: PreTrainedTokenizerBase
    preprocessing: Preprocessing
    decoder: Decoder
    scores: Mapping[str, float]
    saves: bool


def fit(
    settings: TextPhotoAnswererSettings,
    training: Sequence[LearningCase],
    evaluation: Sequence[LearningCase],
    *,
    resume: bool = False,
) -> Trained:
    """Train a model as the settings say on cases that were read. Raises SettingsError without cases, and for
    settings that contradict the model that is started from."""
    run = settings.run
    if not training or not evaluation:
        raise SettingsError(
            "the data holds no case to train on" if not training else "the data holds no case to evaluate on"
        )
    prepare(run)
    arguments = training_arguments(run)
    with arguments.main_process_first(desc="tokenizer"):
        model, tokenizer, preprocessing = start_model(
            settings, training, resume=resume or arguments.process_index > 0
        )
    sets = bool(model.config.learn_sets)
    if settings.data.draw == "question" and (sets or settings.loss != LossSettings()):
        raise SettingsError(
            "data.draw 'question' shows one slot at a time; set model.learn_sets to false and leave out loss"
        )
    decoder = make_decoder(settings, training, model.config.option_texts)
    units = decoder.units
    optimizer = make_optimizer(model, settings)
    shelf = PhotoShelf(preprocessing)
    draws = CaseDraws(
        training, settings.data, shelf, units=units, epochs=run.epochs, sets=sets, seed=run.seed
    )
    seen = EvaluationCases(evaluation, shelf, units=units, sets=sets)
    kept: dict[str, Any] = (
        {"load_best_model_at_end": False, "metric_for_best_model": None} if run.keep_last else {}
    )
    arguments = one_long_epoch(run, draws.epoch_length, **kept)
    datasets: list[Dataset[dict[str, Any]]] = [draws, seen]
    collate = make_collator(
        tokenizer,
        preprocessing,
        units=units,
        most_tokens=model.config.max_text_tokens,
        language=model.config.language,
    )
    if settings.data.cache is not None:
        text_id, photo_id = check_frozen(settings)
        nn.Module.to(model, arguments.device)
        features = CaseFeatures(
            settings.data.cache, model, tokenizer, preprocessing, text_id=text_id, photo_id=photo_id
        )
        with arguments.main_process_first(desc="frozen encoders"):
            datasets = [KeptCases(cases, features) for cases in (draws, seen)]
            collate = make_kept_collator(features, units)
    trainer = CaseTrainer(
        model=model,
        args=arguments,
        train_dataset=datasets[0],
        eval_dataset=datasets[1],
        data_collator=collate,
        compute_metrics=make_metrics(evaluation, decoder),
        optimizers=(optimizer, None),
        decay=settings.model.average,
        loss=CaseLoss(settings.loss, units, sets=sets),
    )
    scores = train(trainer, replace(run, patience=0) if run.keep_last else run, resume=resume)
    if trainer.average is not None:
        model.load_state_dict(trainer.average)
    return Trained(model, tokenizer, preprocessing, decoder, dict(scores), arguments.should_save)


def make_optimizer(
    model: TextPhotoAnswererModel, settings: TextPhotoAnswererSettings
) -> torch.optim.Optimizer:
    """Return AdamW: encoders at their own rate, no decay for biases, norms and the vectors of what is
    missing; rate 0 freezes encoders."""
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
            {
                "params": weights,
                "lr": run.learning_rate * (share if encoder else 1.0),
                "weight_decay": run.weight_decay if decays else 0.0,
            }
            for (encoder, decays), weights in groups.items()
        ],
        lr=run.learning_rate,
        betas=(0.9, 0.999),
    )
