"""Train the heads that answer the closed questions from what the segmentation model saw: ``python -m training
photos --config FILE``."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from magic_demo.core.types import Narrative, OptionScores
from magic_demo.core.whole_files import write_json
from magic_demo.cues.cue_model import CueModel
from magic_demo.models.answers.photo_answerer import PhotoAnswererConfig, PhotoAnswererModel
from magic_demo.models.answers.text_photo_answerer import place_families
from magic_demo.models.checkpoints import Checkpoint
from magic_demo.models.registry import SEGMENTERS
from magic_demo.models.segmentation.prompted import PromptedSegmenter
from magic_demo.questions.calibration import Calibration, digest_of, read_calibration, write_calibration
from magic_demo.questions.combining import WEIGHTS_NAME, Weights
from magic_demo.questions.decoding import PRIORS_NAME, SetPriors, count_priors, write_priors
from magic_demo.questions.families import load_families
from training.answers.combine import ScoredCase, choose_weight, score_constant, score_weights
from training.answers.photo_evidence import SeenCase, Views, make_targets, see_cases, tile_cases
from training.answers.photo_kinds import (
    KINDS,
    KindReport,
    judge_kinds,
    learn_kinds,
    score_words,
    share_familiar,
)
from training.answers.photo_report import format_report, update_card
from training.cases.folds import split_folds
from training.cases.sources import CaseSource, LearningCase
from training.cases.survey import list_checked_cases
from training.runs.ranges import Count, CountOrNone, Decay, NotNegative, Seed
from training.runs.run import SettingsError, run_command

WAYS = ("features", "measures")
"""What a head reads: the encoder's features and the measures, or the measures alone."""
SMOOTHING = 0.5

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class HeadSettings:
    """How the heads are built and trained. epochs: of all cases. decay: AdamW's weight decay. real: how often
    an epoch holds a real photo."""

    hidden: Count = 64
    dropout: Decay = 0.3
    epochs: Count = 30
    batch_size: Count = 64
    learning_rate: NotNegative = 1e-3
    decay: NotNegative = 0.1
    real: CountOrNone = 2
    seed: Seed = 7


@dataclass(frozen=True)
class PhotoAnswererSettings:
    """A settings file of this command.

    segmentation, cues: checkpoints of the other two models. output: the checkpoint that is written. folder:
    of the data. drawn: where synthetic cases are drawn, kept: where what was seen in photos is kept.
    training: cases with photos. reference: whose answers say how frequent options and sets are.
    weighing: held-out synthetic cases, real: real photos with records, both for choosing the weights beside
    the cues; unseen: cases that nothing was chosen by. synthetic_families, real_families: what synthetic
    cases and real photos teach.
    most_photos: looked at in a case. tiled: how many real photos are also shown as several lesions. folds: in which real training photos are held out in turn, by patient.
    weights: that are tried. most_unchecked: the largest where no real photo can check it. most_without_words:
    the largest for a family that only real photos without any words can tell, as they cannot say what words
    would add.
    """

    segmentation: Path
    cues: Path
    output: Path
    folder: Path
    drawn: Path
    kept: Path
    training: tuple[CaseSource, ...]
    reference: CaseSource
    weighing: CaseSource
    real: CaseSource
    unseen: CaseSource
    synthetic_families: tuple[str, ...]
    real_families: tuple[str, ...]
    words: Path = Path("training/configs/cue-model.yaml")
    most_photos: int = 2
    tiled: int = 189
    views: Views = field(default_factory=Views)
    head: HeadSettings = field(default_factory=HeadSettings)
    folds: int = 3
    weights: tuple[float, ...] = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
    most_unchecked: float = 0.5
    most_without_words: float = 0.3
    tolerance: float = 0.01
    threads: int = 1


@dataclass(frozen=True, eq=False)
class Lesson:
    """Cases as tensors. vectors: (N, P, F) float32, zeros where no photo is. shown: (N, P) bool. targets: (N,
    O), NaN where unknown."""

    vectors: Tensor
    shown: Tensor
    targets: Tensor


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
    cases = list_checked_cases(settings.folder, settings.training, settings.drawn)
    real = [case for case in cases if case.source.kind == "pad"]
    tiled = tile_cases(real[: settings.tiled], settings.kept / "tiled")
    looks = settings.kept / "seen"
    synthetic = [case for case in cases if case.source.kind != "pad"]
    taught = [
        *see_cases(synthetic, segmenter, looks, most_photos=settings.most_photos, views=settings.views),
        *see_cases(real, segmenter, looks),
        *see_cases(tiled, segmenter, looks, views=settings.views),
    ]
    held = {
        source.name: see_cases(
            list_checked_cases(settings.folder, [source], settings.drawn),
            segmenter,
            looks,
            most_photos=settings.most_photos,
        )
        for source in _judges(settings)
    }
    references = [
        case.answers for case in list_checked_cases(settings.folder, [settings.reference], settings.drawn)
    ]
    priors = count_priors(references, load_families())
    model = fit_heads(taught, settings, _measure_prior(settings, references), segmenter)
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


def is_close_up(one: SeenCase) -> bool:
    """Return whether a case is a real photo as it was taken."""
    return one.case.source.kind == "pad" and "tiled" not in one.case.source.name


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


def fit_heads(
    taught: Sequence[SeenCase], settings: PhotoAnswererSettings, prior: Tensor, segmenter: PromptedSegmenter
) -> PhotoAnswererModel:
    """Train both heads on what was seen.

    What they learn is added to how frequent the options are among these cases (logit adjustment, Menon et
    al., 2021), so that what stays in the heads is what the photo says; ``prior`` then takes that place.
    """
    torch.manual_seed(settings.head.seed)
    lesson = _make_lesson(taught, settings)
    measures = PhotoAnswererConfig.measures
    config = PhotoAnswererConfig(
        options=lesson.targets.shape[1],
        channels=(lesson.vectors.shape[2] - measures) // 2,
        measures=measures,
        hidden=settings.head.hidden,
        dropout=settings.head.dropout,
        segmenter=segmenter.model_id,
        encoder_digest=segmenter.encoder_name[1],
        kinds=list(KINDS) if any(is_close_up(one) for one in taught) else None,
    )
    model = PhotoAnswererModel(config)
    for head, vectors in ((model.seen, lesson.vectors), (model.measured, lesson.vectors[:, :, -measures:])):
        photos = vectors[lesson.shown]
        head.mean.copy_(photos.mean(dim=0))
        head.scale.copy_(photos.std(dim=0).clamp(min=0.02))
    repeats = torch.tensor([settings.head.real if case.case.source.kind == "pad" else 1 for case in taught])
    order = torch.arange(len(taught)).repeat_interleave(repeats)
    offset = _log_shares(lesson.targets[order])
    steps = -(-len(order) // settings.head.batch_size) * settings.head.epochs
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=settings.head.learning_rate, weight_decay=settings.head.decay
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, settings.head.learning_rate, total_steps=steps)
    model.train()
    for _ in range(settings.head.epochs):
        for rows in order[torch.randperm(len(order))].split(settings.head.batch_size):  # type: ignore[no-untyped-call]
            vectors, shown, targets = lesson.vectors[rows], lesson.shown[rows], lesson.targets[rows]
            # a case may have fewer photos
            shown = shown & ((torch.rand(shown.shape) < 0.7) | (shown.sum(dim=1, keepdim=True) < 2))
            loss = sum(
                _loss(model(part, shown) + offset, targets) for part in (vectors, vectors[:, :, -measures:])
            )
            optimizer.zero_grad()
            loss.backward()  # type: ignore[union-attr]
            optimizer.step()
            schedule.step()
    model.eval()  # type: ignore[no-untyped-call]
    model.prior.copy_(prior)
    return model


def score_seen(
    seen: Sequence[SeenCase], model: PhotoAnswererModel, cues: CueModel
) -> dict[str, list[ScoredCase]]:
    """Score cases by words and by photos, with each of WAYS."""
    scored: dict[str, list[ScoredCase]] = {way: [] for way in WAYS}
    for one in seen:
        words = cues.score(Narrative(*one.case.texts))
        for way, vectors in zip(WAYS, (one.vectors, one.vectors[:, -model.config.measures :]), strict=True):
            with torch.inference_mode():
                added = model(
                    torch.from_numpy(np.ascontiguousarray(vectors))[None],
                    torch.ones(1, len(vectors), dtype=torch.bool),
                )[0]
            scored[way].append(
                ScoredCase(one.case.answers, words, _by_question((model.prior + added).numpy()))
            )
    return scored


def score_folds(
    taught: Sequence[SeenCase],
    settings: PhotoAnswererSettings,
    model: PhotoAnswererModel,
    segmenter: PromptedSegmenter,
) -> tuple[dict[str, list[ScoredCase]], list[int]]:
    """Score the real training photos by heads that were trained without their patients, and return the fold
    of each as well; no real photos or folds give nothing."""
    real = [one for one in taught if is_close_up(one)]
    numbers: list[int] = []
    scored: dict[str, list[ScoredCase]] = {way: [] for way in WAYS}
    cues = CueModel.load(settings.cues)
    for number, held in enumerate(
        split_folds([one.case for one in real], settings.folds, settings.head.seed)
        if real and settings.folds > 1
        else ()
    ):
        numbers += [number] * len(held)
        out = [real[index] for index in held]
        groups = {one.case.group for one in out}
        fitted = fit_heads(
            [one for one in taught if one.case.group not in groups], settings, model.prior, segmenter
        )
        for way, cases in score_seen(out, fitted, cues).items():
            scored[way].extend(cases)
    return scored, numbers


def choose_weights(
    settings: PhotoAnswererSettings,
    cues: CueModel,
    held: Mapping[str, Mapping[str, list[ScoredCase]]],
    own: Mapping[str, list[ScoredCase]],
) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, dict[str, float]]]]:
    """Choose each family's weight beside the cues, with features and with measures alone; returns them and
    what they were chosen by.

    Families that synthetic cases teach are weighed on ``weighing``, the others on the real training photos
    when held out; none so that ``real`` is answered worse than by the cues alone.
    """
    known = sorted(family.family_id for family in load_families())
    chosen: dict[str, dict[str, float]] = {"text_only": dict.fromkeys(known, 0.0)}
    report: dict[str, dict[str, dict[str, float]]] = {}
    for way, name in zip(WAYS, ("with_photos", "with_measures"), strict=True):
        tables = {
            title: {
                weight: score_weights(cases, cues, Weights({}, dict.fromkeys(known, weight)))
                for weight in settings.weights
            }
            for title, cases in (
                ("weighing", held[settings.weighing.name][way]),
                ("real", held[settings.real.name][way]),
                ("own", own[way]),
            )
            if cases
        }
        chosen[name] = {}
        for family in known:
            told_by = "weighing" if family in settings.synthetic_families else "own"
            if family not in (*settings.synthetic_families, *settings.real_families) or told_by not in tables:
                chosen[name][family] = 0.0
                continue
            table = {weight: scores.get(family) for weight, scores in tables[told_by].items()}
            if told_by == "own":
                table = {
                    weight: value for weight, value in table.items() if weight <= settings.most_without_words
                }
            real = {weight: scores.get(family) for weight, scores in tables["real"].items()}
            chosen[name][family] = choose_weight(
                table, real, most_unchecked=settings.most_unchecked, tolerance=settings.tolerance
            )
        weights = Weights({}, chosen[name])
        for title, cases in [
            *((source, of_way[way]) for source, of_way in held.items()),
            ("real training photos held out", own[way]),
        ]:
            if cases:
                report[f"{title}, {len(cases)} cases, {way}"] = compare(cases, cues, weights)
    return chosen, report


def compare(cases: Sequence[ScoredCase], cues: CueModel, weights: Weights) -> dict[str, dict[str, float]]:
    """Return way of answering -> family -> official accuracy: words alone, photos alone, both as weighed, the
    best constant answer."""
    known = [family.family_id for family in load_families()]
    alone, photos = (Weights({}, dict.fromkeys(known, weight)) for weight in (0.0, 1.0))
    return {
        "words alone": score_weights(cases, cues, alone),
        "photos alone": score_weights(cases, cues, photos),
        "both": score_weights(cases, cues, weights),
        "best constant": score_constant([case.answers for case in cases]),
    }


def judge_rules(seen: Sequence[SeenCase]) -> dict[str, float]:
    """Return how often the measures' own words are right, without any learning: the colour's name, and one
    lesion or several."""
    families = {family.family_id: family for family in load_families()}
    right: dict[str, list[float]] = {"colour named": [], "single or multiple": []}
    for one in seen:
        colour, count = (one.case.answers.get(f"{family}-001") for family in ("CQID034", "CQID035"))
        if colour is not None:
            names = [name for name in one.named if name]
            said = max(names, key=names.count) if names else ""
            right["colour named"].append(float(families["CQID034"].options["en"][colour].strip() == said))
        if count is not None:
            right["single or multiple"].append(float((max(one.counts, default=0) > 1) == (count == 1)))
    return {name: float(np.mean(values)) for name, values in right.items() if values}


def save_answers(
    model: PhotoAnswererModel, priors: SetPriors, weights: Mapping[str, Mapping[str, float]], folder: Path
) -> None:
    """Write what ``load_answerer`` and ``read_weights`` read; the model as float16."""
    copy.deepcopy(model).half().save_pretrained(folder)  # type: ignore[no-untyped-call]
    write_priors(folder / PRIORS_NAME, priors)
    write_json(folder / WEIGHTS_NAME, weights)


def _judges(settings: PhotoAnswererSettings) -> tuple[CaseSource, ...]:
    return settings.weighing, settings.real, settings.unseen


def _make_lesson(taught: Sequence[SeenCase], settings: PhotoAnswererSettings) -> Lesson:
    most = max(len(one.vectors) for one in taught)
    vectors = torch.zeros(len(taught), most, taught[0].vectors.shape[1])
    shown = torch.zeros(len(taught), most, dtype=torch.bool)
    targets = []
    for row, one in enumerate(taught):
        vectors[row, : len(one.vectors)] = torch.from_numpy(one.vectors)
        shown[row, : len(one.vectors)] = True
        families = settings.real_families if one.case.source.kind == "pad" else settings.synthetic_families
        targets.append(make_targets(one.case, families))
    return Lesson(vectors, shown, torch.from_numpy(np.stack(targets)))


def _log_shares(targets: Tensor) -> Tensor:
    """Return (O,) how frequent options are: log-probabilities for families of one slot, log-odds for the
    others, 0 where nothing is known."""
    offset = torch.zeros(targets.shape[1])
    for family, place in place_families(load_families()):
        known = ~targets[:, place].isnan()
        held, total = targets[:, place].nan_to_num().sum(dim=0) + SMOOTHING, known.sum(dim=0) + 2 * SMOOTHING
        if len(family.questions) == 1:
            offset[place] = (held / held.sum()).log()
        else:
            offset[place] = torch.where(
                known.any(dim=0), (held / (total - held).clamp(min=SMOOTHING)).log(), 0.0
            )
    return offset


def _loss(scores: Tensor, targets: Tensor) -> Tensor:
    """Return the mean over cases of the cross-entropies of the families that they know."""
    total = scores.new_zeros(())
    for family, place in place_families(load_families()):
        mine, goal = scores[:, place], targets[:, place]
        known = ~goal.isnan()
        if not bool(known.any()):
            continue
        if len(family.questions) == 1:
            rows = known.all(dim=1)
            total = total - (goal[rows] * mine[rows].log_softmax(dim=1)).sum()
        else:
            total = total + functional.binary_cross_entropy_with_logits(
                mine[known], goal[known], reduction="sum"
            )
    return total / len(scores)


def _measure_prior(settings: PhotoAnswererSettings, references: Sequence[Mapping[str, int]]) -> Tensor:
    """Return (O,) how frequent options are among the reference answers, in the scores' units."""
    families = tuple(family.family_id for family in load_families())
    cases = [
        LearningCase(str(number), settings.reference, ("", ""), (), answers, "")
        for number, answers in enumerate(references)
    ]
    return _log_shares(torch.from_numpy(np.stack([make_targets(case, families) for case in cases])))


def _by_question(values: NDArray[np.float32]) -> OptionScores:
    return {
        question.qid: values[place]
        for family, place in place_families(load_families())
        for question in family.questions
    }
