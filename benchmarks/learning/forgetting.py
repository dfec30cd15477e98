"""What keeps old looks from being forgotten: more replay, smaller steps, or old weights averaged into new ones
(``python -m benchmarks learning --forgetting``)."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.learning.scenarios import draw_shifted, draw_usual, read_more_pad, read_pairs
from benchmarks.learning.simulate import (
    KeptPhoto,
    Models,
    blend,
    copy_segmenter,
    keep_photos,
    learn,
    measure,
)
from training.learning.fine_tuning.decoder import DecoderSettings

RESULTS = "forgetting.jsonl"
REVIEWS = (10, 25, 50)
POOL, HELD_OUT, SEEDS = 60, 50, 2
SHARES = (0.7, 0.5, 0.3, 0.0)
"""Of the old weights in what comes of learning; 0: the new weights alone."""


@dataclass(frozen=True)
class Way:
    """One way of learning: step size, photos replayed of each list of before, their share of a batch, and the old
    decoder's share in the mask that is wanted there."""

    rate: float
    photos: int
    share: float
    maps: float

    def __str__(self) -> str:
        """Return the way in words."""
        return f"lr {self.rate:g}, replay {self.photos}, share {self.share:g}, old maps {self.maps:g}"


WAYS = (
    Way(1e-3, 120, 0.75, 1.0), Way(1e-3, 120, 0.5, 1.0), Way(1e-3, 120, 0.5, 0.5), Way(1e-3, 120, 0.5, 0.0),
    Way(1e-3, 40, 0.5, 0.0),
)  # fmt: skip


def run_forgetting(out: Path, data: Path, models: Models) -> None:
    """Measure every way that is not kept yet below ``out``; what is stopped goes on at the way it was at."""
    path = out / RESULTS
    out.mkdir(parents=True, exist_ok=True)
    segmenter, usual, skin = models.segmenter, draw_usual(70), data / "skin"
    before = {
        name: keep_photos(read_pairs(skin, name, 120), segmenter) for name in ("pad_train", "isic_train")
    }
    before["synthetic"] = keep_photos(usual[:42], segmenter)
    old = {name: keep_photos(read_pairs(skin, name, 999), segmenter) for name in ("pad_dev", "isic_dev")}
    old["synthetic"] = keep_photos(usual[42:], segmenter)
    for name, load in (
        ("pad-more", partial(read_more_pad, data, POOL, HELD_OUT)),
        ("shifted look", partial(draw_shifted, POOL, HELD_OUT)),
    ):
        scenario = load()
        pool, held = (keep_photos(cases, segmenter) for cases in (scenario.pool, scenario.held_out))
        known = {row["key"] for row in read_results(path)}
        if name not in known:
            _keep(path, {"key": name, "scenario": name}, models, held, old)
        for way in WAYS:
            replay = [one for part in before.values() for one in _take(part, way.photos)]
            for seed in range(SEEDS):
                key = f"{name}, {way}, seed {seed}"
                if key in known:
                    continue
                print(key, file=sys.stderr, flush=True)
                taught = _teach(models, pool, replay, way, seed)
                for share in SHARES:
                    blended = blend(models, taught, share)
                    about = {"scenario": name, "way": str(way), "seed": seed, "old": share}
                    _keep(path, {"key": key if share == SHARES[-1] else "", **about}, blended, held, old)


def _take(photos: Sequence[KeptPhoto], count: int) -> Sequence[KeptPhoto]:
    return photos[:: max(1, len(photos) // count)][:count]


def _teach(
    models: Models, pool: Sequence[KeptPhoto], replay: Sequence[KeptPhoto], way: Way, seed: int
) -> Models:
    random = np.random.default_rng([seed, 1])
    waiting = [pool[index] for index in random.permutation(len(pool))]
    taught = replace(models, segmenter=copy_segmenter(models.segmenter))
    settings = DecoderSettings(learning_rate=way.rate, replay=way.share, old_maps=way.maps)
    for size in REVIEWS:
        taught = learn(taught, waiting[:size], replay, size, seed, models, settings=settings)
    return taught


def _keep(
    path: Path,
    about: Mapping[str, Any],
    models: Models,
    held: Sequence[KeptPhoto],
    old: Mapping[str, Sequence[KeptPhoto]],
) -> None:
    point = measure(models, held, old, 0, answers=False)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps({**about, "dice": point.dice, "lists": dict(point.old)}) + "\n")


def read_results(path: Path) -> list[dict[str, Any]]:
    """Return what is kept, one row a measurement."""
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def format_forgetting(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return a table of gains on the held-out cases and losses on the lists of before, means over seeds."""
    start = {row["scenario"]: row for row in rows if "way" not in row}
    found: dict[tuple[str, str, float], list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        if "way" in row:
            found[row["scenario"], row["way"], row["old"]].append(row)
    names = sorted({name for row in rows for name in row["lists"]})
    lines = [
        f"| scenario | way | old weights | runs | held out | {' | '.join(names)} |",
        "| --- | --- | ---: | ---: | ---: |" + " ---: |" * len(names),
    ]
    for (scenario, way, share), runs in found.items():
        first = start[scenario]
        gain = float(np.mean([row["dice"] for row in runs])) - first["dice"]
        losses = [
            float(np.mean([row["lists"][name] for row in runs])) - first["lists"][name] for name in names
        ]
        cells = " | ".join(f"{value:+.3f}" for value in (gain, *losses))
        lines.append(f"| {scenario} | {way} | {share:g} | {len(runs)} | {cells} |")
    return "\n".join(lines) + "\n"
