"""How far the photo answerer counts beside the cues: cases scored by both, and the weights that they choose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from magic_demo.core.types import Narrative, OptionScores
from magic_demo.cues.cue_model import CueModel
from magic_demo.models.answers.photo_answerer import PhotoAnswererModel
from magic_demo.models.answers.text_photo_answerer import place_families
from magic_demo.models.segmentation.prompted import PromptedSegmenter
from magic_demo.questions.combining import Weights
from magic_demo.questions.families import load_families
from training.answers.combine import ScoredCase, choose_weight, score_constant, score_weights
from training.answers.photo.evidence import SeenCase
from training.answers.photo.heads import fit_heads, is_close_up
from training.answers.photo.settings import PhotoAnswererSettings
from training.cases.folds import split_folds

WAYS = ("features", "measures")
"""What a head reads: the encoder's features and the measures, or the measures alone."""


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


def _by_question(values: NDArray[np.float32]) -> OptionScores:
    return {
        question.qid: values[place]
        for family, place in place_families(load_families())
        for question in family.questions
    }
