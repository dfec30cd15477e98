"""How an evaluation becomes one HTML page that needs no network: layout, tables, diagrams as SVG."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:1560px;margin:2rem auto;padding:0 1rem;color:#1c2429;background:#fff}
h2{margin-top:2.4rem;border-bottom:2px solid #2b7a9b}h3{margin-bottom:.3rem}
table{border-collapse:collapse;margin:.6rem 0}td,th{padding:.2rem .8rem;border-bottom:1px solid #ccc;text-align:right;font-variant-numeric:tabular-nums}
td:first-child,th:first-child{text-align:left}th{font-weight:600}img{max-width:100%}.wide{overflow-x:auto}
.tiles{display:flex;flex-wrap:wrap;gap:1.2rem}.tiles figure{margin:0}figcaption{font-size:13px}
.note{color:#555;max-width:70rem}.case{border-left:3px solid #2b7a9b;padding:.2rem 1rem;margin:1rem 0;max-width:80rem}
mark{background:#ffe08a;padding:0 .1em}mark.against{background:#d5dbe0}.grid td+td{text-align:center;min-width:2.2rem}
"""


def write_page(path: Path, title: str, body: str) -> None:
    """Write the page; ``body`` is HTML, ``title`` plain text."""
    text = (
        "<!doctype html><html lang='en'><meta charset='utf-8'><meta name='viewport' "
        "content='width=device-width'>"
        f"<title>{html.escape(title)}</title><style>{STYLE}</style><h1>{html.escape(title)}</h1>{body}</html>\n"
    )
    path.write_text(text, encoding="utf-8")


def draw_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], *, shades: Sequence[Sequence[float]] = ()
) -> str:
    """Return a table of plain text. shades: for each row, 0..1 for each cell after the first, drawn as depth
    of colour."""
    head = "".join(f"<th>{html.escape(name)}</th>" for name in columns)
    lines = []
    for number, row in enumerate(rows):
        shade = [0.0, *shades[number]] if shades else [0.0] * len(row)
        styles = [f" style='background:rgba(43,122,155,{depth:.2f})'" if depth else "" for depth in shade]
        lines.append(
            "".join(f"<td{style}>{html.escape(cell)}</td>" for cell, style in zip(row, styles, strict=True))
        )
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    kind = " class='grid'" if shades else ""
    return f"<div class='wide'><table{kind}><tr>{head}</tr>{body}</table></div>"


def draw_reliability(
    title: str, curves: Sequence[tuple[str, str, Sequence[tuple[float, float, float]]]]
) -> str:
    """Return a reliability diagram as SVG: what was said (across) against what came true (up), the diagonal
    for perfect.

    curves: (name, colour, points), a point being (said, true, share of all), each 0..1; the larger the share,
    the larger the dot.
    """
    side, left, top = 200, 34, 8

    def x(value: float) -> float:
        return left + value * side

    def y(value: float) -> float:
        return top + (1 - value) * side

    parts = [
        f"<rect x='{left}' y='{top}' width='{side}' height='{side}' fill='none' stroke='#999'/>",
        f"<line x1='{x(0)}' y1='{y(0)}' x2='{x(1)}' y2='{y(1)}' stroke='#999' stroke-dasharray='4 4'/>",
    ]
    for tick in (0.0, 0.5, 1.0):
        parts.append(
            f"<text x='{x(tick)}' y='{y(0) + 15}' font-size='11' text-anchor='middle'>{tick:g}</text>"
        )
        parts.append(
            f"<text x='{left - 6}' y='{y(tick) + 4}' font-size='11' text-anchor='end'>{tick:g}</text>"
        )
    for name, colour, points in curves:
        line = " ".join(f"{x(said):.1f},{y(true):.1f}" for said, true, _ in points)
        parts.append(f"<polyline points='{line}' fill='none' stroke='{colour}' stroke-width='1.5'/>")
        parts += [
            f"<circle cx='{x(said):.1f}' cy='{y(true):.1f}' r='{2 + 8 * share**0.5:.1f}' "
            f"fill='{colour}' fill-opacity='.55'>"
            f"<title>{html.escape(name)}: said {said:.2f}, true {true:.2f}, share "
            f"{share:.2f}</title></circle>"
            for said, true, share in points
        ]
    label = html.escape(f"reliability diagram, {title}", quote=True)
    return (
        f"<svg width='{side + left + 12}' height='{side + top + 24}' role='img' "
        f"aria-label='{label}'>{''.join(parts)}</svg>"
    )


def mark_words(text: str, spans: Sequence[tuple[int, int, bool]]) -> str:
    """Return a text as HTML with spans marked: (start, end, speaks for the answer); where they overlap the
    first one counts."""
    parts, at = [], 0
    for start, end, speaks_for in sorted(spans):
        if start < at:
            continue
        kind = "" if speaks_for else " class='against'"
        parts.append(f"{html.escape(text[at:start])}<mark{kind}>{html.escape(text[start:end])}</mark>")
        at = end
    return "".join(parts) + html.escape(text[at:])
