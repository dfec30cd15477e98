"""How far explanations can be trusted: how often a score falls without the words, or with the region covered,
that are said to raise it.

``python -m benchmarks.explanations --data DATA`` with DATA holding ``dermavqa/``; prints what
docs/explanations.md states. The words are those of the labelled train encounters, which the shipped cues were
fitted on; the photos are synthetic cases (seed 77).
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.timing import Row, take_times
from magic_demo.core.types import LANGUAGES, Encounter, Language, Narrative, Photo, Pixels, WordSpan
from magic_demo.cues.cue_model import CueModel
from magic_demo.cues.explanation import explain_words
from magic_demo.files.answers import read_answers
from magic_demo.files.encounters import read_encounters
from magic_demo.imaging.resize import resize_pixels
from magic_demo.models.answers.attribution import GREY
from magic_demo.models.loading.predictors import DEFAULT_CUES, load_predictor
from magic_demo.models.predictor import Predictor
from magic_demo.questions.decoding import decode_answers
from magic_demo.questions.families import load_families
from magic_demo.synthetic.encounters import make_case

VISIBLE = ("CQID010", "CQID012", "CQID020", "CQID034", "CQID035", "CQID036")
PLACES = (12, 12)
"""Places of a photo that are greyed out in turn, the grid of the shipped model's own heat."""


def remove_words(text: str, words: tuple[WordSpan, ...]) -> str:
    """Return the text with a blank in place of each span that speaks for the option."""
    for span in reversed([span for span in words if span.weight > 0]):
        text = f"{text[: span.start]} {text[span.end :]}"
    return text


def try_words(cues: CueModel, text: str, language: Language) -> dict[str, bool]:
    """Return family id -> whether the chosen option's score falls without its words; families without such
    words are left out."""
    families = load_families()
    narrative = Narrative(**{language: text})
    scores = cues.score(narrative)
    answers = decode_answers(scores, families, cues.set_priors)
    falls = {}
    for family in families:
        qid = family.questions[0].qid
        words = explain_words(cues, narrative, family.family_id, answers[qid], language)
        if any(span.weight > 0 for span in words):
            left = cues.score(Narrative(**{language: remove_words(text, words)}))
            falls[family.family_id] = bool(left[qid][answers[qid]] < scores[qid][answers[qid]])
    return falls


def cover(photo: Pixels, cells: NDArray[np.bool_]) -> Pixels:
    """Return the photo with the places that (h, w) marks greyed out."""
    covered = photo.copy()
    (height, width), (rows, columns) = photo.shape[:2], cells.shape
    for row, column in np.argwhere(cells):
        covered[
            row * height // rows : (row + 1) * height // rows,
            column * width // columns : (column + 1) * width // columns,
        ] = GREY
    return covered


def try_regions(
    predictor: Predictor, photo: Pixels, rng: np.random.Generator
) -> dict[str, tuple[bool, bool]]:
    """Return family id -> whether the best option's score falls with its region covered, and with the same
    shape elsewhere covered.

    The region is the eighth of the photo that raises the score most. Families in which the photo raises
    nothing are left out.
    """
    case = Encounter("E", photos=(Photo("a", photo),))
    prediction = predictor.predict(case)
    falls = {}
    for family in load_families():
        if family.family_id not in VISIBLE:
            continue
        qid = family.questions[0].qid
        values = prediction.scores[qid].copy()
        if len(family.questions) > 1:
            values[family.not_mentioned] = -np.inf
        option = int(values.argmax())
        heat = predictor.explain(case, prediction, family.family_id, option).regions.get("a")
        if heat is None:
            continue
        best = np.zeros(heat.shape, np.bool_)
        best.ravel()[np.argsort(-heat.ravel())[: heat.size // 8]] = True
        other = np.roll(
            best, (int(rng.integers(1, heat.shape[0])), int(rng.integers(1, heat.shape[1]))), (0, 1)
        )
        lower = []
        for region in (best, other):
            scores = predictor.score_options(Encounter("E", photos=(Photo("a", cover(photo, region)),)))
            lower.append(bool(scores[qid][option] < prediction.scores[qid][option]))
        falls[family.family_id] = (lower[0], lower[1])
    return falls


def cover_each_place(
    predictor: Predictor, photo: Pixels, qid: str, option: int, places: tuple[int, int]
) -> NDArray[np.float64]:
    """Return how far an option's score falls with each of (h, w) places greyed out, the plain way to a heat
    map: a prediction a place."""
    whole = predictor.score_options(Encounter("E", photos=(Photo("a", photo),)))[qid][option]
    falls = np.zeros(places)
    for place in np.ndindex(*places):
        marked = np.zeros(places, np.bool_)
        marked[place] = True
        falls[place] = (
            whole
            - predictor.score_options(Encounter("E", photos=(Photo("a", cover(photo, marked)),)))[qid][option]
        )
    return falls


def measure(*, quick: bool = False) -> list[Row]:
    """Return the stage's line for the table: a photo's heat for one option, and how far it can be trusted on
    a few synthetic photos."""
    predictor, rng = load_predictor(), np.random.default_rng(0)
    photos = [draw_photo(number) for number in range(1, 2 if quick else 7)]
    case = Encounter("E", photos=(Photo("a", photos[0]),))
    prediction = predictor.predict(case)
    family = next(family for family in load_families() if family.family_id == "CQID034")
    option = prediction.answers[family.questions[0].qid]
    places = (2, 2) if quick else PLACES
    ways: dict[str, Callable[[], object]] = {
        "naive": lambda: cover_each_place(predictor, photos[0], family.questions[0].qid, option, places),
        "ours": lambda: predictor.explain(case, prediction, family.family_id, option),
    }
    times = take_times(ways, 1, warm=False)
    falls = [fell for photo in photos for fell in try_regions(predictor, photo, rng).values()]
    shares = np.mean(falls, axis=0) if falls else np.zeros(2)
    said = (
        f"of {len(falls)} answers {shares[0]:.0%} score lower with the eighth of highest heat greyed out, "
        f"{shares[1]:.0%} with as much elsewhere"
    )
    stage = (
        f"why an option, the photo's heat: each of {places[0]} by {places[1]} places greyed out in turn, "
        "against gradients"
    )
    return [Row(stage, times["naive"], times["ours"], said)]


def draw_photo(number: int) -> Pixels:
    """Return a photo (288, 384, 3) of a synthetic case."""
    return resize_pixels(make_case(77, number).photos[0].pixels, (288, 384))


def main() -> None:
    """Print the shares, a family a line."""
    parser = argparse.ArgumentParser(description="How far explanations can be trusted.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cases", type=int, default=60, help="synthetic photos (default: 60)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    data = options.data / "dermavqa"
    labelled = read_answers(next(data.rglob("train_cvqa.json")))
    encounters = [
        entry for entry in read_encounters(data, "train").encounters if entry.encounter_id in labelled
    ]
    cues = CueModel.load(DEFAULT_CUES)
    for language in LANGUAGES:
        by_family: dict[str, list[bool]] = defaultdict(list)
        for entry in encounters:
            for family_id, fell in try_words(cues, getattr(entry.narrative, language), language).items():
                by_family[family_id].append(fell)
        _print(f"words, {language}", {family_id: [fell] for family_id, fell in by_family.items()})
    predictor, rng = load_predictor(), np.random.default_rng(0)
    highlighted: dict[str, list[bool]] = defaultdict(list)
    elsewhere: dict[str, list[bool]] = defaultdict(list)
    for number in range(1, options.cases + 1):
        for family_id, (one, other) in try_regions(predictor, draw_photo(number), rng).items():
            highlighted[family_id].append(one)
            elsewhere[family_id].append(other)
    _print(
        "region covered / elsewhere covered",
        {family_id: [fell, elsewhere[family_id]] for family_id, fell in highlighted.items()},
    )


def _print(title: str, table: dict[str, list[list[bool]]]) -> None:
    print(title)
    for family_id in sorted(table):
        shares = "  ".join(f"{np.mean(falls):.3f}" for falls in table[family_id])
        print(f"  {family_id}  {len(table[family_id][0]):4}  {shares}")
    columns = zip(*table.values(), strict=True)
    print(
        f"  all      {sum(len(falls[0]) for falls in table.values()):5}  "
        f"{'  '.join(f'{np.mean(np.concatenate(c)):.3f}' for c in columns)}"
    )


if __name__ == "__main__":
    main()
