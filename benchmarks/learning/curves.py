"""The simulation's numbers as Markdown and as a drawing (SVG)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from itertools import pairwise

import numpy as np

from benchmarks.learning.simulate import ORDERS, Point

Kept = Mapping[tuple[str, str], Mapping[int, Sequence[Point]]]
"""(scenario, order) -> seed -> points."""
COLOURS = {"random": "#6b7280", "active": "#b4456a"}
WIDTH, HEIGHT, MARGIN = 360, 260, 46


def format_report(kept: Kept) -> str:
    """Return a table a scenario, and what became of each aim."""
    lines = []
    for scenario in dict.fromkeys(name for name, _ in kept):
        runs = {order: kept.get((scenario, order), {}) for order in ORDERS}
        seeds = ", ".join(f"{order} {len(of_order)}" for order, of_order in runs.items())
        lines += [
            f"### {scenario}",
            "",
            f"Seeds: {seeds}.",
            "",
            "| reviews | random, Dice | active, Dice | random, accuracy | active, accuracy |",
        ]
        lines.append("| ---: | ---: | ---: | ---: | ---: |")
        sizes = sorted({point.reviews for of in runs.values() for points in of.values() for point in points})
        for size in sizes:
            cells = [
                _cell(runs[order], size, name)
                for name in ("dice", "accuracy")
                for order in ("random", "active")
            ]
            lines.append(f"| {size} | " + " | ".join(cells) + " |")
        lines += ["", *judge_aims(runs), ""]
    return "\n".join(lines) + "\n"


def judge_aims(runs: Mapping[str, Mapping[int, Sequence[Point]]]) -> list[str]:
    """Return a line for each aim: reached, missed or not measured."""
    gains = [
        points[50].dice - points[0].dice
        for of in runs.values()
        for seed in of
        if 50 in (points := {point.reviews: point for point in of[seed]})
    ]
    losses: dict[str, list[float]] = {}
    for of_order in runs.values():
        for listed in of_order.values():
            points = {point.reviews: point for point in listed}
            for name, value in points[50].old.items() if 50 in points else ():
                losses.setdefault(name, []).append(value - points[0].old[name])
    lines = []
    if gains:
        lines.append(f"- After 50 reviews: Dice {np.mean(gains):+.3f} (wanted: at least +0.050).")
        changes = ", ".join(f"{name} {np.mean(values):+.3f}" for name, values in losses.items())
        lines.append(f"- The lists of before, after 50 reviews: {changes} (wanted: at most -0.010 each).")
    else:
        lines.append("- 50 reviews: not measured.")
    needed = find_needed(runs)
    lines.append(
        "- Reviews that the active order takes to random's Dice after 100: "
        + ("not measured." if needed is None else f"{needed} (wanted: at most 60).")
    )
    return lines


def find_needed(runs: Mapping[str, Mapping[int, Sequence[Point]]]) -> str | None:
    """Return after how many reviews the active order's mean curve reaches what random has at 100, between the sizes
    on a straight line; None where either was not measured so far."""
    both = [sorted(set(runs["random"]) & set(runs["active"]))]
    seeds = [
        seed
        for seed in both[0]
        if all(any(point.reviews >= 100 for point in runs[order][seed]) for order in ORDERS)
    ]
    if not seeds:
        return None
    curve = mean_curve({seed: runs["active"][seed] for seed in seeds}, "dice")
    wanted = mean_curve({seed: runs["random"][seed] for seed in seeds}, "dice")[100]
    places = sorted(curve)
    for low, high in pairwise(places):
        if curve[low] >= wanted:
            return str(low)
        if curve[high] >= wanted:
            return str(round(low + (high - low) * (wanted - curve[low]) / (curve[high] - curve[low])))
    return f"more than {places[-1]}"


def mean_curve(runs: Mapping[int, Sequence[Point]], name: str) -> dict[int, float]:
    """Return reviews -> mean over the seeds that measured it."""
    found: dict[int, list[float]] = {}
    for points in runs.values():
        for point in points:
            value = getattr(point, name)
            if value is not None:
                found.setdefault(point.reviews, []).append(float(value))
    return {size: float(np.mean(values)) for size, values in sorted(found.items())}


def draw_curves(kept: Kept) -> str:
    """Return the drawing: a panel a scenario, Dice over reviews; thin lines are seeds, thick ones their mean."""
    scenarios = list(dict.fromkeys(name for name, _ in kept))
    width = WIDTH * max(1, len(scenarios))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}" font-family="sans-serif" font-size="11">',
        f'<rect width="{width}" height="{HEIGHT}" fill="#ffffff"/>',
    ]
    for number, scenario in enumerate(scenarios):
        parts.append(f'<g transform="translate({number * WIDTH} 0)">')
        parts += _draw_panel(scenario, {order: kept.get((scenario, order), {}) for order in ORDERS})
        parts.append("</g>")
    return "\n".join([*parts, "</svg>"]) + "\n"


def _draw_panel(title: str, runs: Mapping[str, Mapping[int, Sequence[Point]]]) -> list[str]:
    points = [point for of in runs.values() for listed in of.values() for point in listed]
    most = max(point.reviews for point in points)
    low, high = min(point.dice for point in points) - 0.01, max(point.dice for point in points) + 0.01

    def place(reviews: float, dice: float) -> str:
        x = MARGIN + (WIDTH - 2 * MARGIN) * reviews / max(1, most)
        y = HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * (dice - low) / (high - low)
        return f"{x:.1f},{y:.1f}"

    parts = [
        f'<text x="{WIDTH / 2}" y="20" text-anchor="middle" font-size="13">{escape(title)}: Dice</text>',
        f'<path d="M{MARGIN},{MARGIN} V{HEIGHT - MARGIN} H{WIDTH - MARGIN}" fill="none" stroke="#111827"/>',
    ]
    for size in sorted({point.reviews for point in points}):
        x = place(size, low).partition(",")[0]
        parts.append(f'<text x="{x}" y="{HEIGHT - MARGIN + 16}" text-anchor="middle">{size}</text>')
    for value in np.linspace(low, high, 4):
        y = place(0, float(value)).partition(",")[2]
        parts.append(f'<text x="{MARGIN - 5}" y="{y}" text-anchor="end">{value:.2f}</text>')
    parts.append(f'<text x="{WIDTH / 2}" y="{HEIGHT - 8}" text-anchor="middle">reviewed cases</text>')
    for row, order in enumerate(ORDERS):
        colour = COLOURS[order]
        for listed in runs[order].values():
            line = " ".join(place(point.reviews, point.dice) for point in listed)
            parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" opacity="0.3"/>')
        mean = mean_curve(runs[order], "dice")
        line = " ".join(place(size, value) for size, value in mean.items())
        dashes = ' stroke-dasharray="6 3"' if order == "random" else ""
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2.5"{dashes}/>')
        legend = HEIGHT - MARGIN - 30 + 15 * row
        parts.append(
            f'<text x="{WIDTH - MARGIN}" y="{legend}" text-anchor="end" fill="{colour}">{order} order</text>'
        )
    return parts


def _cell(runs: Mapping[int, Sequence[Point]], size: int, name: str) -> str:
    values = [
        float(value)
        for points in runs.values()
        for point in points
        if point.reviews == size and (value := getattr(point, name)) is not None
    ]
    if not values:
        return ""
    spread = f" ({min(values):.3f}-{max(values):.3f})" if len(values) > 1 else ""
    return f"{np.mean(values):.3f}{spread}"
