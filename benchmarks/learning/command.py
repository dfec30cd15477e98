"""``python -m benchmarks learning --out DIR``: simulate, keep each run when it is done, and draw the curves."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

import torch

from benchmarks.learning.curves import draw_curves, format_report
from benchmarks.learning.forgetting import RESULTS, format_forgetting, read_results, run_forgetting
from benchmarks.learning.scenarios import (
    Scenario,
    SimulatedCase,
    draw_shifted,
    draw_usual,
    read_more_pad,
    read_pairs,
)
from benchmarks.learning.simulate import (
    ORDERS,
    SIZES,
    KeptPhoto,
    Models,
    Point,
    digest_settings,
    keep_photos,
    load_models,
    simulate,
)
from magic_demo.core.disk.whole_files import write_json, write_whole
from magic_demo.models.loading.predictors import DEFAULT_ANSWERS, DEFAULT_CUES, DEFAULT_SEGMENTATION

HELD_OUT = 50


def main(words: Sequence[str]) -> int:
    """Simulate what is not kept yet below --out, then write ``learning.md`` and ``learning.svg`` there."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks learning", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/learning"), help="folder of what is kept")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the real photos")
    parser.add_argument("--seeds", type=int, default=5, help="how many (default: 5)")
    parser.add_argument(
        "--most",
        type=int,
        default=max(SIZES),
        metavar="REVIEWS",
        help="stop after so many (default: %(default)s)",
    )
    parser.add_argument(
        "--quick", action="store_true", help="a few cases and sizes: shows that everything runs"
    )
    parser.add_argument("--report", action="store_true", help="run nothing, report what is kept")
    parser.add_argument(
        "--forgetting",
        action="store_true",
        help="compare ways of keeping old looks: two seeds, up to 50 reviews",
    )
    options = parser.parse_args(words)
    torch.set_num_threads(1)
    if options.forgetting:
        if not options.report:
            models = load_models(DEFAULT_SEGMENTATION, DEFAULT_ANSWERS, DEFAULT_CUES)
            run_forgetting(options.out, options.data, models)
        print(format_forgetting(read_results(options.out / RESULTS)))
        return 0
    if not options.report:
        run(options.out, options.data, options.seeds, options.most, quick=options.quick)
    points = read_points(options.out)
    write_whole(options.out / "learning.md", format_report(points))
    write_whole(options.out / "learning.svg", draw_curves(points))
    print(format_report(points))
    return 0


def run(out: Path, data: Path, seeds: int, most: int, *, quick: bool) -> None:
    """Simulate every scenario, seed and order that is not kept whole yet."""
    sizes = (2, 4) if quick else tuple(size for size in SIZES if size <= most)
    pool, held_out = (6, 3) if quick else (max(sizes) + max(sizes) // 5, HELD_OUT)
    models = load_models(DEFAULT_SEGMENTATION, DEFAULT_ANSWERS, DEFAULT_CUES)
    real = (data / "skin").is_dir()
    usual = draw_usual(4 if quick else 70)
    replay, old = list_before(data if real else None, usual, models, quick=quick)
    scenarios: dict[str, Callable[[], Scenario]] = {"shifted look": partial(draw_shifted, pool, held_out)}
    if (data / "pad-more").is_dir():
        scenarios["pad-more"] = partial(read_more_pad, data, pool, held_out)
    kept: dict[str, tuple[Scenario, list[KeptPhoto], list[KeptPhoto]]] = {}
    for seed in range(seeds):
        for name, load in scenarios.items():
            for order in ORDERS:
                path = (
                    out
                    / f"{name.replace(' ', '-')}-{seed}-{order}-{'quick' if quick else digest_settings()}.json"
                )
                if path.is_file() and json.loads(path.read_text(encoding="utf-8"))["whole"]:
                    continue
                if name not in kept:
                    scenario = load()
                    parts = (
                        keep_photos(scenario.pool, models.segmenter),
                        keep_photos(scenario.held_out, models.segmenter),
                    )
                    kept[name] = (scenario, *parts)
                begun = time.perf_counter()
                print(f"{name}, seed {seed}, {order}", file=sys.stderr, flush=True)
                points: list[Point] = []
                told = partial(
                    _keep_point, path, {"scenario": name, "seed": seed, "order": order}, points, len(sizes)
                )
                simulate(
                    kept[name][1], kept[name][2], replay, old, models, order, seed,
                    answers=name == "shifted look", sizes=sizes, told=told,
                )  # fmt: skip
                print(f"  {time.perf_counter() - begun:.0f} s", file=sys.stderr, flush=True)


def _keep_point(path: Path, head: dict[str, object], points: list[Point], sizes: int, point: Point) -> None:
    """Keep what was measured so far: a run that is stopped leaves its points, and begins anew."""
    print(f"  {point}", file=sys.stderr, flush=True)
    points.append(point)
    whole = len(points) == sizes + 1
    write_json(path, {**head, "whole": whole, "points": [asdict(one) for one in points]})


def list_before(
    data: Path | None, usual: Sequence[SimulatedCase], models: Models, *, quick: bool
) -> tuple[list[KeptPhoto], dict[str, list[KeptPhoto]]]:
    """Return what is replayed of the data of before, and the lists of before that are measured."""
    half = len(usual) * 6 // 10
    old = {"synthetic": list(usual[half:])}
    replay = list(usual[:half])
    if data is not None:
        counts = (4, 4, 3, 3) if quick else (120, 120, 45, 121)
        skin = data / "skin"
        replay += [*read_pairs(skin, "pad_train", counts[0]), *read_pairs(skin, "isic_train", counts[1])]
        old["pad_dev"] = read_pairs(skin, "pad_dev", counts[2])
        old["isic_dev"] = read_pairs(skin, "isic_dev", counts[3])
    segmenter = models.segmenter
    return keep_photos(replay, segmenter), {
        name: keep_photos(cases, segmenter) for name, cases in old.items()
    }


def read_points(out: Path) -> dict[tuple[str, str], dict[int, list[Point]]]:
    """Return (scenario, order) -> seed -> points of what is kept."""
    found: dict[tuple[str, str], dict[int, list[Point]]] = {}
    for path in sorted(out.glob("*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        points = [Point(**point) for point in content["points"]]
        found.setdefault((content["scenario"], content["order"]), {})[int(content["seed"])] = points
    return found
