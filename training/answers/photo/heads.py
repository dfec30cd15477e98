"""The photo answerer's heads: what they learn from, their loss, and how frequent the options are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from magic_demo.models.answers.photo_answerer import PhotoAnswererConfig, PhotoAnswererModel
from magic_demo.models.answers.text_photo_answerer import place_families
from magic_demo.models.segmentation.prompted import PromptedSegmenter
from magic_demo.questions.families import load_families
from training.answers.photo.evidence import SeenCase, make_targets, see_cases, tile_cases
from training.answers.photo.kinds import (
    KINDS,
)
from training.answers.photo.settings import PhotoAnswererSettings
from training.cases.sources import LearningCase

SMOOTHING = 0.5


def is_close_up(one: SeenCase) -> bool:
    """Return whether a case is a real photo as it was taken."""
    return one.case.source.kind == "pad" and "tiled" not in one.case.source.name


@dataclass(frozen=True, eq=False)
class Lesson:
    """Cases as tensors. vectors: (N, P, F) float32, zeros where no photo is. shown: (N, P) bool. targets: (N,
    O), NaN where unknown."""

    vectors: Tensor
    shown: Tensor
    targets: Tensor


def see_taught(
    settings: PhotoAnswererSettings, cases: Sequence[LearningCase], segmenter: PromptedSegmenter
) -> list[SeenCase]:
    """Look at what the heads learn from: drawings, real photos as they are, and some of them tiled."""
    real = [case for case in cases if case.source.kind == "pad"]
    drawn = [case for case in cases if case.source.kind != "pad"]
    tiled = tile_cases(real[: settings.tiled], settings.kept / "tiled")
    looks = settings.kept / "seen"
    return [
        *see_cases(drawn, segmenter, looks, most_photos=settings.most_photos, views=settings.views),
        *see_cases(real, segmenter, looks),
        *see_cases(tiled, segmenter, looks, views=settings.views),
    ]


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
                score_answers(model(part, shown) + offset, targets)
                for part in (vectors, vectors[:, :, -measures:])
            )
            optimizer.zero_grad()
            loss.backward()  # type: ignore[union-attr]
            optimizer.step()
            schedule.step()
    model.eval()  # type: ignore[no-untyped-call]
    model.prior.copy_(prior)
    return model


def measure_prior(settings: PhotoAnswererSettings, references: Sequence[Mapping[str, int]]) -> Tensor:
    """Return (O,) how frequent options are among the reference answers, in the scores' units."""
    families = tuple(family.family_id for family in load_families())
    cases = [
        LearningCase(str(number), settings.reference, ("", ""), (), answers, "")
        for number, answers in enumerate(references)
    ]
    return _log_shares(torch.from_numpy(np.stack([make_targets(case, families) for case in cases])))


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


def score_answers(scores: Tensor, targets: Tensor) -> Tensor:
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
