"""Review cases in an order, learn after 10, 25, 50, ... of them as ``training learn`` does, and measure."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.learning.scenarios import SimulatedCase
from magic_demo.core.types import Encounter, Photo, Probability
from magic_demo.cues.cue_model import CueModel
from magic_demo.imaging.overlay import lesion_mask
from magic_demo.imaging.resize import resize_pixels
from magic_demo.models.answers.photo_answerer import PhotoAnswerer
from magic_demo.models.answers.photo_evidence import (
    PhotoEvidence,
    describe_measures,
    describe_photo,
    pool_places,
)
from magic_demo.models.interfaces import SegmentedPhoto, average_views
from magic_demo.models.predictor import Predictor
from magic_demo.models.segmentation.compact import PhotoFeatures
from magic_demo.models.segmentation.prompted import PromptedSegmenter
from magic_demo.questions.combining import Weights
from magic_demo.questions.decoding import decode_answers
from magic_demo.questions.families import load_challenge, load_families
from magic_demo.questions.scoring import Counts, dice
from magic_demo.reviews.learning.gain import Doubts, expect_gain, measure_doubts, rank_cases
from training.answers.photo.evidence import SeenCase
from training.cases.metrics import official_scores
from training.cases.sources import CaseSource, LearningCase
from training.learning.fine_tuning.decoder import (
    Batch,
    DecoderRun,
    DecoderSettings,
    blend_decoders,
    teach_decoder,
)
from training.learning.fine_tuning.heads import HeadsSettings, teach_heads

SIZES = (10, 25, 50, 100, 200)
STEPS = {10: 40, 25: 40, 50: 80, 100: 60, 200: 60}
"""Steps of the decoder at each size. The run goes on from the size before; the shipped weights are averaged into what
is measured."""
HEADS = HeadsSettings(steps=80, folds=2)
OLD_AT = (0, 50, 200)
"""Sizes after which the lists of before are measured too."""
ORDERS = ("random", "active")


@dataclass(frozen=True, eq=False)
class Models:
    """What learns. answers: whether the scenario's answers are measured."""

    segmenter: PromptedSegmenter
    answerer: PhotoAnswerer
    cues: CueModel
    weights: Weights

    def predictor(self) -> Predictor:
        """Return them beside each other."""
        return Predictor(self.segmenter, self.answerer, self.cues, self.weights)


@dataclass(frozen=True, eq=False)
class KeptPhoto:
    """A case's photo as the frozen encoder gives it: features of the photo and its mirror image, float16; the mask
    at the model's size, 0..1."""

    case: SimulatedCase
    features: PhotoFeatures
    label: Tensor

    def read(self, view: int) -> tuple[PhotoFeatures, Tensor]:
        """Return the features (1, C, h, w) and mask of a view, float32."""
        features = tuple(one[view : view + 1].float() for one in self.features)
        return features, self.label.flip(-1) if view else self.label


@dataclass(frozen=True)
class Point:
    """What was measured after so many reviews. old: mean Dice on each list of before, where measured."""

    reviews: int
    dice: float
    accuracy: float | None
    old: Mapping[str, float] = field(default_factory=dict)


def keep_photos(cases: Sequence[SimulatedCase], segmenter: PromptedSegmenter) -> list[KeptPhoto]:
    """Encode every case's photo once."""
    kept = []
    for case in cases:
        features = tuple(one.to(torch.float16) for one in segmenter.look(case.pixels))
        size = segmenter.preprocessing.size
        label = resize_pixels(case.mask.astype(np.uint8) * 255, size).astype(np.float32) / 255
        kept.append(KeptPhoto(case, features, torch.from_numpy(label)))
    return kept


def simulate(
    scenario: Sequence[KeptPhoto],
    held_out: Sequence[KeptPhoto],
    replay: Sequence[KeptPhoto],
    old: Mapping[str, Sequence[KeptPhoto]],
    models: Models,
    order: str,
    seed: int,
    *,
    answers: bool = True,
    sizes: Sequence[int] = SIZES,
    told: Callable[[Point], None] = lambda _point: None,
) -> list[Point]:
    """Return what is measured after each number of reviews, 0 first. seed: of the pool's order, of what learns by
    chance, and of which tenth of the pool is not there at all."""
    random = np.random.default_rng([seed, 1])
    waiting = [
        scenario[index] for index in random.permutation(len(scenario))[: max(sizes) + len(scenario) // 10]
    ]
    shipped, learning = models, replace(models, segmenter=copy_segmenter(models.segmenter))
    doubts = {one.case.name: _doubt(one, models) for one in waiting} if order == "active" else {}
    points = [measure(models, held_out, old, 0, answers=answers)]
    told(points[0])
    reviewed: list[KeptPhoto] = []
    for size in sizes:
        if order == "active":
            gains = [
                expect_gain(replace(doubts[one.case.name], variance=_variance(one, models)))
                for one in waiting
            ]
            waiting = [waiting[index] for index in rank_cases(gains)]
        wanted = size - len(reviewed)
        reviewed, waiting = [*reviewed, *waiting[:wanted]], waiting[wanted:]
        learning = learn(learning, reviewed, replay, size, seed, shipped)
        models = blend(shipped, learning, DecoderSettings().old_weights)
        if answers:
            models = learn_answers(models, reviewed, replay, size, seed)
        points.append(measure(models, held_out, old, size, answers=answers))
        told(points[-1])
    return points


def learn(
    models: Models,
    reviewed: Sequence[KeptPhoto],
    replay: Sequence[KeptPhoto],
    size: int,
    seed: int,
    shipped: Models,
    *,
    settings: DecoderSettings = DecoderSettings(),  # noqa: B008 (frozen)
) -> Models:
    """Return the models whose decoder went on learning, the shipped one's weights not averaged in. settings: without
    steps and seed."""
    settings = replace(settings, steps=STEPS.get(size, 40), seed=seed, old_weights=0.0)
    network: Any = shipped.segmenter.model
    run = DecoderRun(models.segmenter.model, settings, old=network)
    blank = models.segmenter.encode_prompt("").clone()

    def read_batch(step: int) -> Batch:
        random = np.random.default_rng([seed, size, step])
        of_old = round(settings.batch_size * settings.replay)
        drawn = [
            part[int(random.integers(len(part)))].read(int(random.integers(2)))
            for part, count in ((reviewed, settings.batch_size - of_old), (replay, of_old))
            for _ in range(count)
        ]
        features = tuple(
            torch.cat([one[0][level] for one in drawn]).contiguous(memory_format=torch.channels_last)
            for level in range(len(drawn[0][0]))
        )
        labels, replayed = torch.stack([one[1] for one in drawn]), torch.zeros(len(drawn), dtype=torch.bool)
        replayed[len(drawn) - of_old :] = True
        return Batch(features, blank.expand(len(drawn), -1), labels, replayed)

    teach_decoder(run, read_batch)
    return models


def blend(old: Models, new: Models, share: float) -> Models:
    """Return new models with so large a share of the old decoder's weights; ``new`` stays as it is."""
    blended = replace(new, segmenter=copy_segmenter(new.segmenter))
    network: Any = blended.segmenter.model
    before: Any = old.segmenter.model
    blend_decoders(network.decoder, before.decoder, share)
    return blended


def learn_answers(
    models: Models, reviewed: Sequence[KeptPhoto], replay: Sequence[KeptPhoto], size: int, seed: int
) -> Models:
    """Return the models whose heads went on learning."""
    seen = [see(one, models) for one in reviewed]
    before = [see(one, models) for one in replay if one.case.answers]
    taught = teach_heads(models.answerer.model, seen, before, models.cues, replace(HEADS, seed=seed))
    answerer = PhotoAnswerer(taught.model, model_id=f"learnt {size}", set_priors=models.answerer.set_priors)
    return replace(models, answerer=answerer, weights=taught.weigh(models.weights))


def measure(
    models: Models,
    held_out: Sequence[KeptPhoto],
    old: Mapping[str, Sequence[KeptPhoto]],
    reviews: int,
    *,
    answers: bool,
) -> Point:
    """Measure on the cases that are never reviewed, and on the lists of before."""
    maps = [find_map(one, models) for one in held_out]
    threshold = models.segmenter.threshold
    return Point(
        reviews,
        _mean_dice(held_out, maps, threshold),
        measure_answers(models, held_out, maps) if answers else None,
        {
            name: _mean_dice(photos, [find_map(one, models) for one in photos], threshold)
            for name, photos in old.items()
            if reviews in OLD_AT
        },
    )


def measure_answers(models: Models, photos: Sequence[KeptPhoto], maps: Sequence[Probability]) -> float:
    """Return the official accuracy of the closed questions, words and photos combined as the page does."""
    predictor, families = models.predictor(), load_families()
    references, given = {}, {}
    for one, probability in zip(photos, maps, strict=True):
        encounter = Encounter(one.case.name, one.case.narrative, (Photo(one.case.name, one.case.pixels),))
        scores = predictor.score_options(encounter, looks=[look(one, probability, models)])
        references[one.case.name] = one.case.answers
        given[one.case.name] = decode_answers(scores, families, predictor.set_priors)
    return official_scores(references, given)["accuracy_all"]


def find_map(one: KeptPhoto, models: Models) -> Probability:
    """Return the map of a photo, both views averaged."""
    return average_views(_views(one, models))[0]


def look(one: KeptPhoto, probability: Probability, models: Models) -> PhotoEvidence:
    """Return what the answerer reads of a photo."""
    features = tuple(level.float() for level in one.features)
    segmenter = models.segmenter
    return describe_photo(
        SegmentedPhoto(
            one.case.pixels,
            probability,
            segmenter.threshold,
            segmenter.feature_map(features),
            segmenter.encoder_name,
        )
    )


def see(one: KeptPhoto, models: Models) -> SeenCase:
    """Return a case as heads learn from it."""
    evidence = look(one, find_map(one, models), models)
    assert evidence.features is not None
    pooled = pool_places(evidence.features, evidence.probability).numpy()
    vector = np.concatenate([pooled, describe_measures(evidence.measures)]).astype(np.float32)
    narrative = one.case.narrative
    case = LearningCase(
        one.case.name,
        CaseSource("simulated", "challenge"),
        (narrative.en, narrative.zh),
        (),
        one.case.answers,
        one.case.group,
    )
    return SeenCase(case, vector[None], ("",), (evidence.measures.count,))


def digest_settings() -> str:
    """Return a digest of what a kept result depends on, so that older ones are not read."""
    return hashlib.sha256(repr((SIZES, STEPS, DecoderSettings(), HEADS, OLD_AT)).encode()).hexdigest()[:8]


def _views(one: KeptPhoto, models: Models) -> tuple[Probability, ...]:
    segmenter = models.segmenter
    return segmenter.segment_views(tuple(level.float() for level in one.features))


def _variance(one: KeptPhoto, models: Models) -> float | None:
    return average_views(_views(one, models))[1]


def _doubt(one: KeptPhoto, models: Models) -> Doubts:
    """Return what the models leave open before anything was learnt; the map's variance is measured anew."""
    encounter = Encounter(one.case.name, one.case.narrative, (Photo(one.case.name, one.case.pixels),))
    return measure_doubts(models.predictor().predict(encounter), load_challenge())


def _mean_dice(photos: Sequence[KeptPhoto], maps: Sequence[Probability], threshold: float) -> float:
    values = []
    for one, probability in zip(photos, maps, strict=True):
        found = lesion_mask(probability, one.case.mask.shape[:2], threshold)
        both = int((found & one.case.mask).sum())
        values.append(float(dice(Counts(both, int(found.sum()) - both, int(one.case.mask.sum()) - both))))
    return float(np.mean(values))


def copy_segmenter(segmenter: PromptedSegmenter) -> PromptedSegmenter:
    """Return a segmenter whose network is its own."""
    own: Any = copy.copy(segmenter)
    own.model = copy.deepcopy(segmenter.model)
    return own  # type: ignore[no-any-return]


def load_models(segmentation: Path, answers: Path, cues: Path) -> Models:
    """Load the three shipped models."""
    from magic_demo.models.loading.finding import find_checkpoint
    from magic_demo.models.registry import load_answerer, load_segmenter
    from magic_demo.questions.combining import read_weights

    segmenter, answerer = load_segmenter(segmentation), load_answerer(answers)
    assert isinstance(segmenter, PromptedSegmenter)
    assert isinstance(answerer, PhotoAnswerer)
    return Models(segmenter, answerer, CueModel.load(cues), read_weights(find_checkpoint(answers)))
