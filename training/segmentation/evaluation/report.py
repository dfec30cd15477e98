"""An evaluation as one HTML page: the tables, a histogram of the photos' Jaccard, the ten worst outlines."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from magic_demo.core.types import Pixels
from magic_demo.imaging.overlay import draw_outline, lesion_mask
from magic_demo.imaging.resize import resize_pixels
from magic_demo.models.interfaces import Segmenter
from magic_demo.questions.scoring import vote
from training.runs.reports.report_page import draw_table, write_page
from training.segmentation.sources import Example

TILE = 300
REFERENCE_RGB = (0, 220, 90)
CURVE_COLOURS = ("#0b6e8a", "#c2571a", "#6a7b22", "#7a3f9d")


def draw_worst(photos: Sequence[tuple[Example, float]], segmenter: Segmenter) -> Pixels:
    """Return a sheet of photos, five a row, with the reference in green, the model's outline in yellow, and
    the Dice."""
    tiles = []
    for example, value in photos:
        pixels, masks = example.read()
        prompt = example.prompts[0] if example.prompts else ""
        system = lesion_mask(
            segmenter.predict(pixels, prompt), (pixels.shape[0], pixels.shape[1]), segmenter.threshold
        )
        drawn = draw_outline(draw_outline(pixels, vote(masks), REFERENCE_RGB), system)
        tile = resize_pixels(drawn, (TILE, TILE)).copy()
        for colour, width in (((0, 0, 0), 4), ((255, 255, 255), 1)):
            cv2.putText(
                tile,
                f"{value:.2f} {example.photo_id}"[:34],
                (6, 18),
                cv2.FONT_HERSHEY_SIMPLEX,
                0.45,
                colour,
                width,
                cv2.LINE_AA,
            )
        tiles.append(tile)
    while len(tiles) % 5:
        tiles.append(np.full((TILE, TILE, 3), 255, np.uint8))
    rows = [np.hstack(tiles[start : start + 5]) for start in range(0, len(tiles), 5)]
    return np.asarray(np.vstack(rows), dtype=np.uint8)


def write_report(path: Path, tables: str, jaccards: Sequence[float], sheet: Pixels, curves: str = "") -> None:
    """Write the page; pictures are inside it, so it holds photos. curves: of ``draw_curves``."""
    written, data = cv2.imencode(".jpg", sheet[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])
    picture = base64.b64encode(data.tobytes()).decode() if written else ""
    write_page(
        path,
        "Segmentation report",
        f"{_tables_to_html(tables)}{curves}<h2>Jaccard of each photo</h2>{draw_histogram(jaccards)}"
        "<h2>The ten worst</h2><p>Green: reference. Yellow: the model.</p>"
        f"<img alt='the ten worst outlines' src='data:image/jpeg;base64,{picture}'>",
    )


def draw_histogram(values: Sequence[float], bins: int = 20) -> str:
    """Return an SVG histogram of values in 0..1."""
    counts, _ = np.histogram(np.asarray(values), bins=bins, range=(0, 1))
    top = max(int(counts.max(initial=0)), 1)
    bars = "".join(
        f"<rect x='{40 + place * 30}' y='{220 - count / top * 200:.1f}' width='28' "
        f"height='{count / top * 200:.1f}' fill='#2b7a9b'>"
        f"<title>{place / bins:.2f} to {(place + 1) / bins:.2f}: {count}</title></rect>"
        f"<text x='{54 + place * 30}' y='{214 - count / top * 200:.1f}' font-size='11' "
        f"text-anchor='middle'>{count or ''}</text>"
        for place, count in enumerate(counts.tolist())
    )
    ticks = "".join(
        f"<text x='{40 + 30 * bins * tick / 10}' y='238' font-size='12' "
        f"text-anchor='middle'>{tick / 10}</text>"
        for tick in range(11)
    )
    return (
        f"<svg width='{60 + 30 * bins}' height='250' role='img' aria-label='histogram of "
        f"Jaccard'>{bars}{ticks}</svg>"
    )


def draw_curves(curves: Mapping[str, Mapping[str, Sequence[float]]]) -> str:
    """Return one SVG a source of mean Dice (up, 0.5 to 1) after each click (across), a line a way; "" without
    curves.

    curves: source -> way -> Dice after 0, 1, ... clicks.
    """
    width, height, left, top = 360, 220, 40, 24
    drawn = []
    for source, ways in curves.items():
        last = max(1, max(len(values) for values in ways.values()) - 1)
        parts = [f"<text x='{left}' y='14' font-size='13'>{html.escape(source)}</text>"]
        for tick in (0.5, 0.6, 0.7, 0.8, 0.9, 1.0):
            y = top + (1 - tick) * 2 * height
            parts.append(
                f"<line x1='{left}' y1='{y:.0f}' x2='{left + width}' y2='{y:.0f}' stroke='#ddd'/>"
                f"<text x='{left - 6}' y='{y + 4:.0f}' font-size='11' text-anchor='end'>{tick:.1f}</text>"
            )
        for number, (name, values) in enumerate(ways.items()):
            points = " ".join(
                f"{left + width * place / last:.1f},{top + (1 - max(0.5, value)) * 2 * height:.1f}"
                for place, value in enumerate(values)
            )
            colour = CURVE_COLOURS[number % len(CURVE_COLOURS)]
            parts.append(f"<polyline points='{points}' fill='none' stroke='{colour}' stroke-width='2'/>")
            parts.append(
                f"<text x='{left + width - 4}' y='{top + height - 8 - 15 * number}' font-size='12' "
                f"text-anchor='end' fill='{colour}'>{html.escape(name)}</text>"
            )
        parts += [
            f"<text x='{left + width * place / last:.0f}' y='{top + height + 16}' font-size='11' "
            f"text-anchor='middle'>{place}</text>"
            for place in range(0, last + 1, max(1, last // 10))
        ]
        drawn.append(
            f"<svg width='{width + left + 12}' height='{height + top + 24}' role='img' "
            f"aria-label='mean Dice after each click, {html.escape(source, quote=True)}'>{''.join(parts)}</svg>"
        )
    return f"<h2>Mean Dice after each click</h2>{''.join(drawn)}" if drawn else ""


def _tables_to_html(tables: str) -> str:
    parts: list[str] = []
    for block in tables.split("\n\n"):
        rows = [
            line.strip("| ").split(" | ")
            if not line.startswith("| |")
            else ["", *line[3:].strip("| ").split(" | ")]
            for line in block.splitlines()
        ]
        if not block.startswith("|"):
            parts.append(f"<p>{html.escape(block)}</p>")
            continue
        parts.append(draw_table(rows[0], rows[2:]))
    return "".join(parts)
