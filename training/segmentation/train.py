"""Train a segmentation model: ``python -m training segmentation --config FILE [--data DIR] [--output DIR]
[--resume]``."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import Dataset
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from magic_demo.models.loading.checkpoints import read_tokenizer
from magic_demo.models.loading.finding import name_model
from magic_demo.models.loading.preprocessing import Preprocessing
from magic_demo.models.segmentation.compact import CompactSegmenter, CompactSegmenterConfig, score_masks
from magic_demo.models.segmentation.registered import add_code
from training.runs.averaging import MeanLossTrainer
from training.runs.pretrained import load_imagenet
from training.runs.ranges import Count, CountOrNone, Decay, NotNegative
from training.runs.record import check_resumed, copy_record, keep_record
from training.runs.reports.card import write_card
from training.runs.run import (
    CACHED_OPTIONS,
    RunSettings,
    SettingsError,
    add_resume_argument,
    check_metric,
    make_parser,
    parse_command,
)
from training.runs.starts import name_starts
from training.runs.tokenizer import train_tokenizer
from training.runs.trainer import (
    check_start,
    choose_precision,
    is_first_process,
    one_long_epoch,
    prepare,
    train,
    training_arguments,
)
from training.segmentation.data import (
    DataSettings,
    EvaluationPhotos,
    TrainingDraws,
    check_transformations,
    make_collator,
)
from training.segmentation.evaluation.pictures import PicturesAfterEvaluation, PictureSettings
from training.segmentation.features import (
    CachedDraws,
    CachedPhotos,
    FeatureCache,
    check_cacheable,
    check_frozen_views,
    collate_features,
)
from training.segmentation.metrics import keep_probability, make_metrics
from training.segmentation.networks import ReadLogits, choose_reading, count_tokens, load_start
from training.segmentation.patches import STYLES, Learnt, add_patches, find_styles, learn_part, learn_patches
from training.segmentation.sources import read_narratives
from training.segmentation.survey import read_training_data


@dataclass(frozen=True)
class ModelSettings:
    """Where the model starts and which of it learns.

    start: a folder or Hub id of CLIPSeg, a compact model or a semantic model of transformers (which reads no
    prompt), or ``compact`` for a new compact model.
    encoder: ImageNet weights of a new compact model's encoder. narratives: encounters whose words its
    tokenizer is learnt from.
    encoder_rate: the encoders' learning rate as a share of the decoder's; 0 freezes them.
    patches: folder of a DINOv2 model below ``data.folder``, whose patches a compact model's decoder then reads too.
    patch_blocks: so many of the DINOv2 model's last blocks learn too, at ``patch_rate`` of the learning rate.
    learns: all of the model; what sees the photo, its encoder and its decoder; or the decoder alone. The last two
    learn with what reads the patches and the styles of masks that sources name; the decoder that is there already
    learns at ``decoder_rate`` of the learning rate.
    frozen_blocks: of a compact model, the first convolution and so many blocks stay as they are; 0 freezes
    none.
    average: decay of the running average of the weights, 0 for none.
    loss: cross-entropy alone, or with soft Dice. half: the best model is written as float16.
    mirrored: the best model is written so that ``Segmenter`` asks the photo's mirror image as well (half a
    point of Dice, twice the time).
    """

    start: str
    encoder: Path | None = None
    narratives: Path | None = None
    vocabulary: Count = 6000
    stem_channels: Count = 32
    decoder_channels: tuple[Count, ...] = (16, 48, 96, 128, 192)
    encoder_rate: NotNegative = 0.3
    patches: Path | None = None
    patch_blocks: CountOrNone = 0
    patch_rate: NotNegative = 0.05
    learns: Learnt = "all"
    decoder_rate: NotNegative = 0.4
    frozen_blocks: CountOrNone = 0
    average: Decay = 0.0
    loss: Literal["bce", "bce+dice"] = "bce+dice"
    half: bool = False
    mirrored: bool = False


@dataclass(frozen=True)
class SegmentationSettings:
    """A settings file of this command."""

    model: ModelSettings
    data: DataSettings
    run: RunSettings
    pictures: PictureSettings = field(default_factory=PictureSettings)


class SegmentationTrainer(MeanLossTrainer):
    """The loss of the settings on any model of whose logits ``read`` makes the lesion's, (B, h, w)."""

    def __init__(self, *args: Any, read: ReadLogits, loss: str = "bce+dice", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.read = read
        self.loss = loss

    def measure_batch(self, model: nn.Module, inputs: dict[str, Any]) -> tuple[Tensor, Tensor]:
        """Return the mean loss of a batch, and the logits."""
        styles = find_styles(self.live)
        if styles is not None:
            styles.shown = inputs.get("styles")
        outputs = model(**{name: value for name, value in inputs.items() if name not in ("labels", "styles")})
        labels = inputs["labels"]
        logits = self.read(outputs.logits, (labels.shape[-2], labels.shape[-1]))
        if self.loss == "bce":
            return functional.binary_cross_entropy_with_logits(logits.float(), labels), logits
        return score_masks(logits, labels), logits


def main(arguments: list[str]) -> int:
    """Train, choose the threshold on the evaluation photos, save the best model; returns the exit code."""
    parser = make_parser("segmentation", __doc__, CACHED_OPTIONS)
    add_resume_argument(parser)
    settings, options = parse_command(parser, arguments, SegmentationSettings, CACHED_OPTIONS)
    folder, scores = run_training(settings, resume=options.resume)
    if is_first_process():
        print(f"best model: {folder}")
        print(json.dumps(scores, indent=2))
    return 0


def check_settings(settings: SegmentationSettings) -> None:
    """Raise SettingsError, naming the key, where settings cannot be run together; nothing is loaded."""
    data, run = settings.data, settings.run
    kinds = dict.fromkeys(
        source.prompt for source in (*data.training, *data.evaluation) if source.kind == "challenge"
    )
    if len(kinds) > 1:
        raise SettingsError(
            "data.training, data.evaluation: sources ask with prompts of several kinds, {kinds}; the checkpoint "
            "keeps one, give all the same",
            kinds=list(kinds),
        )
    names = dict.fromkeys(source.name for source in data.evaluation)
    check_metric(run, ["dice", "best_dice", *(f"dice_{name}" for name in names)])
    choose_precision(run)
    if data.cache_side < data.size:
        raise SettingsError(
            "data.cache_side: photos kept at {kept} pixels are enlarged to data.size {size}; raise it to at least that",
            kept=data.cache_side,
            size=data.size,
        )
    check_transformations(data)
    if data.cache is not None:
        check_frozen_views(data, settings.model.encoder_rate)
    if settings.model.start == "compact" and (settings.model.narratives is None or data.size == 0):
        raise SettingsError(
            "a new compact model needs model.narratives, to learn its tokenizer from, and data.size"
        )
    model = settings.model
    if model.learns == "all" and (model.patches or model.patch_blocks or any(s.style for s in data.training)):
        raise SettingsError(
            "model.patches, model.patch_blocks and data.training's styles are for a compact model's encoder and decoder; "
            "set model.learns to photo or decoder"
        )


def run_training(settings: SegmentationSettings, *, resume: bool = False) -> tuple[Path, dict[str, float]]:
    """Train as the settings say; returns the folder of the best model and its evaluation."""
    run = settings.run
    check_settings(settings)
    check_start(run, resume=resume)
    if resume:
        check_resumed(run.output, settings)
    prepare(run)
    arguments = training_arguments(run)
    first = arguments.process_index == 0
    with arguments.main_process_first(desc="data"):
        training, evaluation = read_training_data(
            settings.data,
            first=first,
            output=run.output,
            keep=lambda tables: keep_record(
                run.output,
                settings,
                tables,
                starts=name_starts(settings.model, settings.data.folder),
                resume=resume,
            ),
        )
    model, tokenizer, preprocessing = start_model(settings)
    styles = [source.style for source in settings.data.training if source.style]
    if settings.model.learns != "all":
        learn_part(model, settings.model.learns, list(dict.fromkeys(styles)))
        learn_patches(model, settings.model.patch_blocks)
    freeze_blocks = getattr(model, "freeze_blocks", None)  # the compact model's
    if settings.model.frozen_blocks and freeze_blocks is not None:
        freeze_blocks(settings.model.frozen_blocks)
    order_channels_last(model)
    borrowed = (
        read_narratives(settings.data.folder / settings.data.borrowed_prompts)
        if settings.data.borrowed_prompts
        else []
    )
    most_tokens, read = count_tokens(model, tokenizer), choose_reading(model)
    draws = TrainingDraws(
        settings.data, training, preprocessing, epochs=run.epochs, seed=run.seed, borrowed=borrowed
    )
    if len(draws) > 1 and len(draws) % run.batch_size == 1:
        draws.length -= 1  # a last photo alone: UPerNet normalises each photo's mean over the batch
    arguments = one_long_epoch(run, draws.epoch_length)
    photos = EvaluationPhotos(settings.data, evaluation, preprocessing)
    train_dataset: Dataset[dict[str, Any]] = draws
    eval_dataset: Dataset[dict[str, Any]] = photos
    collate = make_collator(tokenizer, most_tokens=most_tokens, styles=find_styles(model))
    if settings.data.cache is not None:
        nn.Module.to(model, arguments.device)
        cacheable, words = check_cacheable(model), tokenizer
        assert words is not None  # CLIPSeg's
        cache = FeatureCache(
            settings.data.cache,
            cacheable,
            name_model(settings.model.start),
            lambda text: words(text, truncation=True, max_length=most_tokens)["input_ids"],
        )
        with arguments.main_process_first(desc="frozen encoders"):
            train_dataset, eval_dataset = CachedDraws(draws, cache), CachedPhotos(photos, cache)
        collate = collate_features
    trainer = SegmentationTrainer(
        model=model,
        args=arguments,
        train_dataset=train_dataset,
        eval_dataset=eval_dataset,
        processing_class=tokenizer,
        data_collator=collate,
        callbacks=[
            PicturesAfterEvaluation(
                settings.pictures,
                run.output / "pictures",
                evaluation,
                eval_dataset,
                collate,
                target=settings.data.target,
                read=read,
            )
        ],
        compute_metrics=make_metrics([example.source for example in evaluation]),
        preprocess_logits_for_metrics=keep_probability,
        optimizers=(make_optimizer(model, settings), None),
        decay=settings.model.average,
        loss=settings.model.loss,
        read=read,
    )
    scores = train(trainer, run, resume=resume)
    model.config.threshold = scores["eval_threshold"]
    if tokenizer is not None:
        keep_prompts(model, settings)
    best = run.output / "best"
    if arguments.should_save:  # one of the processes
        save_checkpoint(model, tokenizer, preprocessing, best, half=settings.model.half)
        (best / "training.json").write_text(json.dumps(dict(scores), indent=2) + "\n", encoding="utf-8")
        copy_record(run.output, best)
        write_card(
            best,
            "segmentation",
            scores,
            start=settings.model.start,
            training=[source.name for source in settings.data.training],
            transformations=settings.data.list_each(),
            evaluation=[source.name for source in settings.data.evaluation],
        )
    return best, dict(scores)


def start_model(
    settings: SegmentationSettings,
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase | None, Preprocessing]:
    """Return the model to train, its tokenizer, None where it reads no prompt, and its preprocessing: a
    checkpoint's, or a new compact one."""
    wanted, side = settings.model, settings.data.size
    if wanted.start != "compact":
        model, tokenizer, preprocessing = load_start(wanted.start, settings.data, wanted)
        if wanted.patches is not None:
            model = add_patches(model, settings.data.folder / wanted.patches)
        return model, tokenizer, preprocessing
    assert wanted.narratives is not None  # check_settings
    config = CompactSegmenterConfig(
        stem_channels=wanted.stem_channels, decoder_channels=list(wanted.decoder_channels)
    )
    tokenizer = _keep_tokenizer(settings, wanted.narratives, config.prompt_length)
    config.vocab_size = len(tokenizer)
    model = CompactSegmenter(config)
    if wanted.encoder is not None:
        load_imagenet(model, settings.data.folder / wanted.encoder)
    half = (0.5, 0.5, 0.5)
    return model, tokenizer, Preprocessing((side, side), half, half)


def keep_prompts(model: PreTrainedModel, settings: SegmentationSettings) -> None:
    """Write into the config of a model that reads prompts how it is to be asked."""
    model.config.mirrored = settings.model.mirrored
    if isinstance(model.config, CompactSegmenterConfig):
        model.config.reads_prompt = True  # whether words change anything, the evaluation will show
    sources = (*settings.data.training, *settings.data.evaluation)
    model.config.prompt_kind = next(
        (source.prompt for source in sources if source.kind == "challenge"), "narrative"
    )


def make_optimizer(model: PreTrainedModel, settings: SegmentationSettings) -> torch.optim.AdamW:
    """Return AdamW: the photo encoder at its own rate or frozen, no decay on norms, biases and vectors."""
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
    wanted = settings.model
    old = wanted.decoder_rate if wanted.learns != "all" else 1.0
    for name, parameter in model.named_parameters():
        encoder = name.startswith(("encoder.", "backbone.", f"{model.base_model_prefix}."))
        if encoder and wanted.encoder_rate == 0:
            parameter.requires_grad_(False)
        if not parameter.requires_grad:
            continue
        rate = wanted.encoder_rate if encoder else 1.0
        rate = {"decoder": old, "patches": wanted.patch_rate}.get(name.split(".")[0], rate)
        groups.setdefault((rate, parameter.ndim > 1), []).append(parameter)
    run = settings.run
    return torch.optim.AdamW(_group(groups, run.learning_rate, run.weight_decay), lr=run.learning_rate)


def order_channels_last(model: nn.Module) -> None:
    """Lay convolution weights out with channels last, so that activations are too: about twice as fast on the
    processor."""
    for parameter in model.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)


def save_checkpoint(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase | None,
    preprocessing: Preprocessing,
    folder: Path,
    *,
    half: bool = False,
) -> None:
    """Write a folder that ``load_segmenter`` reads: weights (float16 with ``half``), config with the
    threshold, tokenizer if there is one, preprocessing, and of the compact model the code for programs without ours."""
    kept = copy.deepcopy(model)
    if find_styles(kept) is not None:
        delattr(kept, STYLES)
    for parameter in kept.parameters():
        parameter.data = parameter.data.contiguous()
    (nn.Module.half(kept) if half else kept).save_pretrained(folder)
    if tokenizer is not None:
        tokenizer.save_pretrained(folder)
    preprocessing.save(folder)
    if isinstance(model.config, CompactSegmenterConfig):
        add_code(folder)


def _keep_tokenizer(
    settings: SegmentationSettings, narratives: Path, most_tokens: int
) -> PreTrainedTokenizerBase:
    """Learn the tokenizer once a run: learning it anew breaks ties otherwise, and a resumed run must read
    words as it did before."""
    folder = settings.run.output / "tokenizer"
    if (folder / "tokenizer.json").is_file():
        return read_tokenizer(folder)
    texts = read_narratives(settings.data.folder / narratives)
    tokenizer = train_tokenizer(texts, vocabulary=settings.model.vocabulary, most_tokens=most_tokens)
    tokenizer.save_pretrained(folder)
    return tokenizer


def _group(
    groups: dict[tuple[float, bool], list[nn.Parameter]], rate: float, decay: float
) -> Iterable[dict[str, Any]]:
    return [
        {"params": parameters, "lr": rate * share, "weight_decay": decay if decays else 0.0}
        for (share, decays), parameters in groups.items()
    ]
