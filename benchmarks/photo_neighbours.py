"""``python -m benchmarks photo-neighbours``: how well real close-ups without words are answered by the cases whose
photos are most similar, against the most frequent answers and against the photo answerer's heads."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from magic_demo.core.types import Answers, Family, Narrative
from magic_demo.cues.cue_model import CueModel
from magic_demo.models.answers.neighbours.case_index import CaseIndex, VoteSettings
from magic_demo.models.answers.neighbours.photo_features import PhotoVectors, SeenBy
from magic_demo.models.answers.photo_answerer import PhotoAnswererConfig
from magic_demo.models.segmentation.prompted import PromptedSegmenter
from magic_demo.questions.decoding import count_priors, decode_answers
from magic_demo.questions.families import load_families
from magic_demo.questions.scoring import credit
from training.answers.compare.measuring import draw_groups, interval
from training.answers.photo.evidence import SeenCase, see_cases
from training.answers.photo.heads import fit_heads, measure_prior
from training.answers.photo.settings import PhotoAnswererSettings
from training.answers.photo.weighing import score_seen
from training.answers.photo_answerer import load_segmenter
from training.cases.folds import split_folds
from training.cases.metrics import most_frequent
from training.cases.survey import list_checked_cases
from training.runs.run import read_settings

CONFIG = Path("training/configs/photo-answerer.yaml")
CONSTANT, NEIGHBOURS, HEADS = "most frequent answers", "neighbours by photos", "photo answerer's heads"
Rows = dict[str, NDArray[np.float64]]


def main(words: list[str]) -> int:
    """Measure on folds by patient and print a table; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks photo-neighbours", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds skin and pad-more")
    parser.add_argument(
        "--kept", type=Path, default=Path("runs/photo-answerer/seen"), help="what was seen of photos"
    )
    parser.add_argument("--neighbours", type=int, default=VoteSettings.neighbours)
    parser.add_argument("--warmth", type=float, default=VoteSettings.warmth)
    parser.add_argument("--dealings", type=int, default=3, help="of the folds (default: %(default)s)")
    options = parser.parse_args(words)
    torch.set_num_threads(1)
    settings = read_settings(CONFIG, PhotoAnswererSettings, {})
    sources = [source for source in settings.training if source.kind == "pad"]
    cases = list_checked_cases(options.data, sources, options.kept, keep=lambda _: None)
    segmenter = load_segmenter(settings.segmentation)
    seen = see_cases(cases, segmenter, options.kept)
    vote = VoteSettings(neighbours=options.neighbours, warmth=options.warmth)
    dealt = [answer_folds(seen, settings, segmenter, vote, seed) for seed in range(7, 7 + options.dealings)]
    rows = {way: np.mean([one[way] for one in dealt], axis=0) for way in (CONSTANT, NEIGHBOURS, HEADS)}
    print(format_table(rows, [one.case.group for one in seen], segmenter.model_id, options.dealings))
    return 0


def answer_folds(
    seen: Sequence[SeenCase],
    settings: PhotoAnswererSettings,
    segmenter: PromptedSegmenter,
    vote: VoteSettings,
    seed: int,
) -> Rows:
    """Return way -> (N, F) official credit of cases that are answered without their patients, NaN where nothing is
    known."""
    rows = {way: np.full((len(seen), len(load_families())), np.nan) for way in (CONSTANT, NEIGHBOURS, HEADS)}
    for held in split_folds([one.case for one in seen], settings.folds, seed):
        out = set(held)
        taught = [one for number, one in enumerate(seen) if number not in out]
        priors = count_priors([one.case.answers for one in taught], load_families(), smoothing=3.0)
        constant = most_frequent([one.case.answers for one in taught])
        index = index_photos(taught, vote, SeenBy.of(segmenter))
        prior = measure_prior(settings, [one.case.answers for one in taught])
        heads = fit_heads(taught, settings, prior, segmenter)
        scored = score_seen([seen[number] for number in held], heads, CueModel.load(settings.cues))[
            "features"
        ]
        for number, by_heads in zip(held, (one.answerer for one in scored), strict=True):
            by_photos = index.score(Narrative(), list_features(seen[number]))
            gold = seen[number].case.answers
            rows[CONSTANT][number] = give_credit(gold, constant)
            rows[NEIGHBOURS][number] = give_credit(gold, decode_answers(by_photos, load_families(), priors))
            rows[HEADS][number] = give_credit(gold, decode_answers(by_heads, load_families(), priors))
    return rows


def index_photos(taught: Sequence[SeenCase], vote: VoteSettings, seen_by: SeenBy) -> CaseIndex:
    """Index cases that have photos and no words; an answer that is not known has no vote."""
    labels: dict[str, NDArray[np.bool_]] = {}
    weights: dict[str, NDArray[np.float64]] = {}
    for family in load_families():
        table = np.zeros((len(taught), len(family.options["en"])), np.bool_)
        for row, one in enumerate(taught):
            table[row, list(_values(one.case.answers, family))] = True
        labels[family.family_id] = table
        weights[family.family_id] = np.asarray(table.any(axis=1), np.float64)
    return CaseIndex(
        tuple(one.case.case_id for one in taught),
        (frozenset[str](),) * len(taught),
        {},
        {},
        labels,
        weights,
        vote,
        photos=PhotoVectors.of([list_features(one) for one in taught], seen_by),
    )


def list_features(one: SeenCase) -> list[NDArray[np.float32]]:
    """Return the pooled features of a case's photos, (D,) each, without what is measured."""
    return list(one.vectors[:, : -PhotoAnswererConfig.measures])


def give_credit(gold: Answers, given: Mapping[str, int]) -> NDArray[np.float64]:
    """Return (F,) official credit, NaN for a family without a known answer."""
    return np.array(
        [
            credit(set(values), set(_values(given, family))) if (values := _values(gold, family)) else np.nan
            for family in load_families()
        ]
    )


def format_table(rows: Rows, groups: Sequence[str], segmenter: str, dealings: int) -> str:
    """Return the table as Markdown: means over what is known, 95% intervals with patients drawn anew."""
    known = ~np.isnan(rows[CONSTANT])
    columns = [number for number in range(known.shape[1]) if known[:, number].any()]
    names = [load_families()[number].family_id for number in columns]
    drawn = draw_groups(groups)
    lines = [
        f"{len(groups)} close-ups of {len(set(groups))} patients, seen by `{segmenter}`, {dealings} dealings of folds.",
        "",
        f"| | {' | '.join(names)} | all | 95% | gain over {CONSTANT} |",
        f"| --- |{' ---: |' * (len(names) + 3)}",
    ]
    for way, table in rows.items():
        low, high = interval(np.nanmean(table, axis=1), drawn)
        gains = np.nanmean(table - rows[CONSTANT], axis=1)
        less, more = interval(gains, drawn)
        gain = "" if way == CONSTANT else f"{gains.mean():+.3f} ({less:+.3f} to {more:+.3f})"
        shown = " | ".join(f"{np.nanmean(table[:, column]):.3f}" for column in columns)
        lines.append(
            f"| {way} | {shown} | {np.nanmean(table, axis=1).mean():.3f} | {low:.3f}-{high:.3f} | {gain} |"
        )
    return "\n".join(lines)


def _values(answers: Mapping[str, int], family: Family) -> frozenset[int]:
    return frozenset(answers[question.qid] for question in family.questions if question.qid in answers)
