"""Train the decoder that follows clicks and boxes: ``python -m training guidance --config FILE [--data DIR]
[--output DIR] [--start CHECKPOINT] [--resume]``.

Encoder, text encoder and the decoder without guidance stay as they are: their map without guidance, and
whatever else was trained on them, does not change.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from magic_demo.models.interfaces import Guidance
from magic_demo.models.loading.checkpoints import (
    Checkpoint,
    load_tokenizer,
)
from magic_demo.models.loading.preprocessing import Preprocessing, read_preprocessing
from magic_demo.models.registry import SEGMENTERS
from magic_demo.models.segmentation.compact import (
    CompactSegmenter,
    CompactSegmenterConfig,
    GuidedDecoder,
    PhotoFeatures,
    score_masks,
)
from magic_demo.models.segmentation.guidance_maps import draw_guidance
from magic_demo.models.segmentation.prompted import PromptedSegmenter, load_network
from training.runs.averaging import MeanLossTrainer
from training.runs.ranges import Decay
from training.runs.record import check_resumed, copy_record, keep_record
from training.runs.reports.card import write_card
from training.runs.run import (
    TRAINER_OPTIONS,
    RunSettings,
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
    one_long_epoch,
    prepare,
    train,
    training_arguments,
)
from training.segmentation.data import DataSettings, EvaluationPhotos, make_collator
from training.segmentation.guidance.draws import GuidanceSettings, GuidedDraws, begin, collate_guided
from training.segmentation.guidance.simulate import click_on_error, draw_around
from training.segmentation.metrics import measure_dice
from training.segmentation.sources import read_narratives
from training.segmentation.survey import read_training_data
from training.segmentation.train import order_channels_last, save_checkpoint

JUDGED = ("none", "box", "click_1", "click_2", "click_3")
"""What an evaluation shows of each photo: nothing, a box 6% too large, one to three clicks."""
JUDGED_BOX = 0.06


@dataclass(frozen=True)
class StartSettings:
    """The checkpoint whose encoder and decoder are kept. average: decay of the running average of the weights,
    0 for none. half: the best model is written as float16."""

    start: str
    average: Decay = 0.995
    half: bool = True


@dataclass(frozen=True)
class GuidanceRunSettings:
    """A settings file of this command."""

    model: StartSettings
    data: DataSettings
    run: RunSettings
    guidance: GuidanceSettings = field(default_factory=GuidanceSettings)


class GuidanceTrainer(MeanLossTrainer):
    """Shows what a reader would show, step by step, and sums the loss of all the steps."""

    guidance = GuidanceSettings()
    threshold = 0.5

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,  # noqa: ARG002
    ) -> Any:
        """Return the mean loss of a batch, and with ``return_outputs`` the logits (B, J, h, w) of what is
        JUDGED."""
        network = cast(CompactSegmenter, self.accelerator.unwrap_model(model))
        with torch.autocast(self.args.device.type, torch.bfloat16, enabled=bool(self.args.bf16)):
            with torch.no_grad():
                features = network.encode_photo(inputs["pixel_values"])
                vector = network.encode_prompt(inputs["input_ids"], inputs["attention_mask"])
                found = network.decode(features, vector).float()
            step = Steps(network, features, vector, inputs["labels"], self.threshold)
            if return_outputs:
                logits = step.judge(found)
                return score_masks(logits[:, -1], inputs["labels"]), {"loss": 0.0, "logits": logits}
            return step.train(found, inputs["seeds"].tolist(), self.guidance)

    def prediction_step(
        self,
        model: nn.Module,
        inputs: dict[str, Tensor | Any],
        prediction_loss_only: bool,
        ignore_keys: list[str] | None = None,  # noqa: ARG002
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        """Return the loss, the probabilities (B, J, h, w) in 1/255 and the labels of a batch."""
        inputs = self._prepare_inputs(inputs)
        with torch.no_grad():
            loss, outputs = self.compute_loss(model, inputs, return_outputs=True)
        if prediction_loss_only:
            return loss, None, None
        kept = (outputs["logits"].float().sigmoid() * 255).round().to(torch.uint8)
        return loss, kept, inputs["labels"]


@dataclass(frozen=True, eq=False)
class Steps:
    """The steps of a batch: photos' features and prompts' vectors, the wanted masks (B, h, w)."""

    network: CompactSegmenter
    features: PhotoFeatures
    vector: Tensor
    labels: Tensor
    threshold: float

    def decode(self, shown: Sequence[Guidance]) -> Tensor:
        """Return the logits (B, h, w) under one guidance a photo, each with a step before."""
        size = tuple(self.labels.shape[-2:])
        maps = [draw_guidance(one, cast(Any, one.previous), cast(Any, size)) for one in shown]
        guidance = torch.from_numpy(np.stack(maps)).to(self.labels.device)
        return self.network.decode_guided(self.features, self.vector, guidance).float()

    def train(self, found: Tensor, seeds: Sequence[int], settings: GuidanceSettings) -> Tensor:
        """Return the mean loss over the rounds, from the logits (B, h, w) without guidance on."""
        wanted = (self.labels >= 0.5).cpu().numpy()
        randoms = [np.random.default_rng(seed) for seed in seeds]
        maps = found.sigmoid().cpu().numpy()
        shown = [
            begin(mask, before, self.threshold, settings, random)
            for mask, before, random in zip(wanted, maps, randoms, strict=True)
        ]
        losses = []
        for _ in range(settings.rounds):
            logits = self.decode(shown)
            losses.append(score_masks(logits, self.labels))
            shown = self._click(shown, wanted, logits.detach(), randoms)
        return torch.stack(losses).mean()

    def judge(self, found: Tensor) -> Tensor:
        """Return the logits (B, J, h, w) of what is JUDGED, from those without guidance on."""
        wanted = (self.labels >= 0.5).cpu().numpy()
        maps = found.sigmoid().cpu().numpy()
        boxed = [
            Guidance(box=draw_around(mask, JUDGED_BOX), previous=before)
            for mask, before in zip(wanted, maps, strict=True)
        ]
        answers = [found, self.decode(boxed)]
        shown, last = [Guidance(previous=before) for before in maps], found
        for _ in range(len(JUDGED) - 2):
            shown = self._click(shown, wanted, last, None)
            last = self.decode(shown)
            answers.append(last)
        return torch.stack(answers, dim=1)

    def _click(
        self,
        shown: Sequence[Guidance],
        wanted: Any,
        logits: Tensor,
        randoms: Sequence[np.random.Generator] | None,
    ) -> list[Guidance]:
        """Return the guidance with one click more on each photo's error, and the map it was made on."""
        maps = logits.sigmoid().cpu().numpy()
        clicks = [
            click_on_error(mask, found >= self.threshold, randoms[row] if randoms else None)
            for row, (mask, found) in enumerate(zip(wanted, maps, strict=True))
        ]
        return [
            Guidance((*one.clicks, click) if click is not None else one.clicks, one.box, found)
            for one, click, found in zip(shown, clicks, maps, strict=True)
        ]


def main(arguments: list[str]) -> int:
    """Train and save the best model; returns the exit code."""
    parser = make_parser("guidance", __doc__, TRAINER_OPTIONS)
    add_resume_argument(parser)
    settings, options = parse_command(parser, arguments, GuidanceRunSettings, TRAINER_OPTIONS)
    folder, scores = run_training(settings, resume=options.resume)
    if is_first_process():
        print(f"best model: {folder}")
        print(json.dumps(scores, indent=2))
    return 0


def run_training(settings: GuidanceRunSettings, *, resume: bool = False) -> tuple[Path, dict[str, float]]:
    """Train as the settings say; returns the folder of the best model and its evaluation."""
    run, data = settings.run, settings.data
    if data.transformations or data.views:
        raise SettingsError(
            "data.transformations, data.views: guidance puts each photo together anew; leave both out"
        )
    check_metric(run, ["guided", *name_scores([source.name for source in data.evaluation])])
    choose_precision(run)
    check_start(run, resume=resume)
    if resume:
        check_resumed(run.output, settings)
    prepare(run)
    with training_arguments(run).main_process_first(desc="data"):
        training, evaluation = read_training_data(
            data,
            first=is_first_process(),
            output=run.output,
            keep=lambda tables: keep_record(
                run.output, settings, tables, starts=name_starts(settings.model, data.folder), resume=resume
            ),
        )
    model, tokenizer, preprocessing = start_guided(settings.model.start)
    if data.size:
        preprocessing = replace(preprocessing, size=(data.size, data.size))
    order_channels_last(model)
    borrowed = read_narratives(data.folder / data.borrowed_prompts) if data.borrowed_prompts else []
    draws = GuidedDraws(data, training, preprocessing, epochs=run.epochs, seed=run.seed, borrowed=borrowed)
    draws.guidance = settings.guidance
    arguments = one_long_epoch(run, draws.epoch_length)
    decoder = cast(nn.Module, model.guided)
    fixed = {
        name: value.clone() for name, value in model.state_dict().items() if not name.startswith("guided.")
    }
    trainer = GuidanceTrainer(
        model=model,
        args=arguments,
        train_dataset=draws,
        eval_dataset=EvaluationPhotos(data, evaluation, preprocessing),
        processing_class=tokenizer,
        data_collator=collate_guided(make_collator(tokenizer, most_tokens=model.config.prompt_length)),
        compute_metrics=make_guided_metrics(
            [example.source for example in evaluation], model.config.threshold
        ),
        optimizers=(torch.optim.AdamW(group_weights(decoder, run.weight_decay), lr=run.learning_rate), None),
        decay=settings.model.average,
    )
    trainer.guidance, trainer.threshold = settings.guidance, float(model.config.threshold)
    scores = train(trainer, run, resume=resume)
    # averaging turns the statistics' -0 into 0, and answerers know the encoder by its bytes
    model.load_state_dict(fixed, strict=False)
    best = run.output / "best"
    if arguments.should_save:
        save_checkpoint(model, tokenizer, preprocessing, best, half=settings.model.half)
        (best / "training.json").write_text(json.dumps(dict(scores), indent=2) + "\n", encoding="utf-8")
        copy_record(run.output, best)
        write_card(
            best,
            "guidance",
            scores,
            start=settings.model.start,
            training=[source.name for source in settings.data.training],
            evaluation=[source.name for source in settings.data.evaluation],
        )
    return best, dict(scores)


def start_guided(start: str) -> tuple[CompactSegmenter, PreTrainedTokenizerBase, Preprocessing]:
    """Return a checkpoint's compact model with a guided decoder, which is alone in learning; one that it
    brings along goes on."""
    checkpoint = Checkpoint.open(start, types=SEGMENTERS.types_of(PromptedSegmenter))
    model = load_network(checkpoint)
    if not isinstance(model.config, CompactSegmenterConfig):
        raise SettingsError("{start}: guidance needs a compact model", start=start)
    if model.guided is None:
        model.config.guided = True
        model.guided = GuidedDecoder(model.config)
        model.guided.apply(model._init_weights)
        model.guided.start_from(model.decoder)
    model.requires_grad_(False)
    model.guided.requires_grad_(True)
    return model, load_tokenizer(start), read_preprocessing(start)


def group_weights(module: nn.Module, decay: float) -> list[dict[str, Any]]:
    """Return the optimizer's groups: no decay on norms and biases."""
    parameters = list(module.parameters())
    return [
        {"params": [one for one in parameters if one.ndim > 1], "weight_decay": decay},
        {"params": [one for one in parameters if one.ndim <= 1], "weight_decay": 0.0},
    ]


def name_scores(sources: Iterable[str]) -> list[str]:
    """Return the names of what an evaluation measures, see ``make_guided_metrics``."""
    return [*JUDGED, *(f"{judged}_{name}" for judged in JUDGED for name in sources)]


def make_guided_metrics(sources: Sequence[str], threshold: float) -> Callable[[Any], dict[str, float]]:
    """Return the Trainer's ``compute_metrics``: mean per-photo Dice under each of JUDGED, over all sources
    (``click_1``) and of each (``click_1_NAME``); ``guided``: the mean of box, one and three clicks."""
    names = list(dict.fromkeys(sources))
    rows = {name: np.array([source == name for source in sources]) for name in names}

    def measure(evaluation: Any) -> dict[str, float]:
        scores: dict[str, float] = {}
        for number, judged in enumerate(JUDGED):
            dice = measure_dice(evaluation.predictions[:, number], evaluation.label_ids >= 0.5, threshold)
            each = {name: float(dice[chosen].mean()) for name, chosen in rows.items()}
            scores.update({f"{judged}_{name}": value for name, value in each.items()})
            scores[judged] = float(np.mean(list(each.values())))
        return {**scores, "guided": float(np.mean([scores[one] for one in ("box", "click_1", "click_3")]))}

    return measure
