"""Fine-tune the photo answerer on reviewed cases, let it know their photos, and weigh it beside the cues there."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from magic_demo.cues.cue_model import CueModel
from magic_demo.models.answers.familiar import FamiliarPhotos
from magic_demo.models.answers.photo_answerer import PhotoAnswererModel
from magic_demo.questions.combining import WITHOUT_WORDS, Weights
from magic_demo.questions.families import load_families
from training.answers.combine import ScoredCase, choose_weight, score_weights
from training.answers.photo.evidence import SeenCase, make_targets
from training.answers.photo.heads import score_answers
from training.answers.photo.weighing import score_seen
from training.cases.folds import split_folds
from training.runs.ranges import Count, CountOrNone, Folds, NotNegative, Positive, Share

REVIEWED = "reviewed"
"""The kind of photos that the heads learnt from reviews."""
LEAST_PHOTOS = 8
"""Photos below which nothing can be said of how a kind varies."""


@dataclass(frozen=True)
class HeadsSettings:
    """How the heads go on. steps: of optimizer. replay: share of a batch that comes from the data of before. folds:
    in which reviewed cases are held out in turn, by patient, to choose ``weights`` beside the cues; a smaller
    weight is preferred when it loses no more than ``tolerance``."""

    steps: CountOrNone = 200
    batch_size: Count = 32
    learning_rate: Positive = 5e-4
    decay: NotNegative = 0.1
    replay: Share = 0.5
    folds: Folds = 3
    weights: tuple[Share, ...] = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
    tolerance: NotNegative = 0.01
    seed: CountOrNone = 0


@dataclass(frozen=True, eq=False)
class TaughtHeads:
    """The heads as they are now, and how far they count beside the cues on photos like those reviewed: family id ->
    weight."""

    model: PhotoAnswererModel
    weights: Mapping[str, float]

    def weigh(self, before: Weights) -> Weights:
        """Return the weights with those of reviewed photos."""
        if REVIEWED not in (self.model.config.kinds or ()):
            return before
        kinds = {**before.kinds, REVIEWED: self.weights, REVIEWED + WITHOUT_WORDS: self.weights}
        return replace(before, kinds=kinds)


def teach_heads(
    model: PhotoAnswererModel,
    reviewed: Sequence[SeenCase],
    replay: Sequence[SeenCase],
    cues: CueModel,
    settings: HeadsSettings,
) -> TaughtHeads:
    """Return heads that went on learning from reviewed cases beside those of before; ``model`` stays as it is.

    The weights come from reviewed cases that heads had not seen. Cases without photos are passed over.
    """
    reviewed, replay = ([one for one in cases if len(one.vectors)] for cases in (reviewed, replay))
    if not reviewed:
        return TaughtHeads(copy.deepcopy(model), {})
    held: list[ScoredCase] = []
    folds = min(settings.folds, len({one.case.group for one in reviewed}))
    for fold in split_folds([one.case for one in reviewed], folds, settings.seed) if folds > 1 else ():
        kept = [one for index, one in enumerate(reviewed) if index not in set(fold)]
        fitted = _fit(model, kept, replay, settings)
        held += score_seen([reviewed[index] for index in fold], fitted, cues)["features"]
    taught = _fit(model, reviewed, replay, settings)
    _recognise(taught, reviewed, settings.seed)
    return TaughtHeads(taught, _choose(held, cues, settings))


def _choose(held: Sequence[ScoredCase], cues: CueModel, settings: HeadsSettings) -> dict[str, float]:
    names = [family.family_id for family in load_families()]
    if not held:
        return dict.fromkeys(names, 0.0)
    tables = {
        weight: score_weights(held, cues, Weights({}, dict.fromkeys(names, weight)))
        for weight in settings.weights
    }
    of = {name: {weight: table.get(name) for weight, table in tables.items()} for name in names}
    return {
        name: choose_weight(of[name], of[name], most_unchecked=0.0, tolerance=settings.tolerance)
        for name in names
    }


def _fit(
    before: PhotoAnswererModel,
    reviewed: Sequence[SeenCase],
    replay: Sequence[SeenCase],
    settings: HeadsSettings,
) -> PhotoAnswererModel:
    model: PhotoAnswererModel = copy.deepcopy(before).float()  # type: ignore[no-untyped-call]
    torch.manual_seed(settings.seed)
    random = np.random.default_rng(settings.seed)
    new, old = _stack(reviewed), _stack(replay)
    of_old = round(settings.batch_size * settings.replay) if replay else 0
    parameters = [*model.seen.parameters(), *model.measured.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=settings.learning_rate, weight_decay=settings.decay)
    model.train()
    for _ in range(settings.steps):
        batch = [_draw(new, settings.batch_size - of_old, random)]
        if of_old:
            batch.append(_draw(old, of_old, random))
        loss = sum(
            score_answers(model(part, shown) + model.prior, targets) * (len(part) / settings.batch_size)
            for vectors, shown, targets in batch
            for part in (vectors, vectors[:, :, -model.config.measures :])
        )
        optimizer.zero_grad()
        loss.backward()  # type: ignore[union-attr]
        optimizer.step()
    model.eval()  # type: ignore[no-untyped-call]
    return model


def _stack(seen: Sequence[SeenCase]) -> tuple[Tensor, Tensor, Tensor]:
    """Return vectors (N, P, F), which are photos (N, P) bool, and targets (N, O), NaN where unknown."""
    if not seen:
        return torch.zeros(0, 1, 1), torch.zeros(0, 1, dtype=torch.bool), torch.zeros(0, 1)
    most = max(len(one.vectors) for one in seen)
    vectors = torch.zeros(len(seen), most, seen[0].vectors.shape[1])
    shown = torch.zeros(len(seen), most, dtype=torch.bool)
    names = [family.family_id for family in load_families()]
    for row, one in enumerate(seen):
        vectors[row, : len(one.vectors)] = torch.from_numpy(one.vectors)
        shown[row, : len(one.vectors)] = True
    targets = np.stack([make_targets(one.case, names) for one in seen])
    return vectors, shown, torch.from_numpy(targets)


def _draw(
    cases: tuple[Tensor, Tensor, Tensor], count: int, random: np.random.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    rows = torch.from_numpy(random.integers(len(cases[0]), size=count))
    return cases[0][rows], cases[1][rows], cases[2][rows]


def _recognise(model: PhotoAnswererModel, reviewed: Sequence[SeenCase], seed: int) -> None:
    """Let the model know reviewed photos as a kind of their own; a kind learnt before is learnt anew."""
    kinds = list(model.config.kinds or ())
    if model.familiar is None or sum(len(one.vectors) for one in reviewed) < LEAST_PHOTOS:
        return
    if REVIEWED not in kinds:
        grown = FamiliarPhotos(len(kinds) + 1, 2 * model.config.channels, model.config.directions)
        for name, values in grown.state_dict().items():
            values[: len(kinds)] = model.familiar.state_dict()[name]
        model.familiar = grown
        model.config.kinds = [*kinds, REVIEWED]
    held = set(split_folds([one.case for one in reviewed], 2, seed)[0])
    known, limiting = (
        [one for index, one in enumerate(reviewed) if (index in held) == out] for out in (False, True)
    )
    pooled, others = (
        torch.from_numpy(np.concatenate([one.vectors for one in part or reviewed]))[
            :, : 2 * model.config.channels
        ]
        for part in (known, limiting)
    )
    if len(pooled) > 1:
        model.familiar.learn(model.config.kinds.index(REVIEWED), pooled, others)
