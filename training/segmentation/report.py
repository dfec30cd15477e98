"""An evaluation as one HTML page: the tables, a histogram of the photos' Jaccard, the ten worst outlines."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from magic_demo.core.types import Pixels
from magic_demo.imaging.overlay import draw_outline, lesion_mask
from magic_demo.imaging.resize import resize_pixels
from magic_demo.models.interfaces import Segmenter
from magic_demo.questions.scoring import vote
from training.runs.report_page import draw_table, write_page
from training.segmentation.sources import Example

TILE = 300
REFERENCE_RGB = (0, 220, 90)


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


def write_report(path: Path, tables: str, jaccards: Sequence[float], sheet: Pixels) -> None:
    """Write the page; pictures are inside it, so it holds photos."""
    written, data = cv2.imencode(".jpg", sheet[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])
    picture = base64.b64encode(data.tobytes()).decode() if written else ""
    write_page(
        path,
        "Segmentation report",
        f"{_tables_to_html(tables)}<h2>Jaccard of each photo</h2>{draw_histogram(jaccards)}"
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
