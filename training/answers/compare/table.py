"""A comparison as text and as one HTML page, the published teams beside it."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from magic_demo.challenge.scoring.published import CAPTION, TEAMS
from magic_demo.challenge.systems.effort import UNMEASURED, Effort
from training.answers.compare.measuring import Difference
from training.runs.reports.report_page import draw_table, write_page

EXPLAINED = (
    "gain: in official accuracy, with a 95% interval, authors drawn anew. better, worse: answers of a family that "
    "only one of the two has wholly right; p: McNemar's exact test, which takes the answers to one case as "
    "independent. agreement: official credit of one's answers with the other's as reference. Of several dealings "
    "of the folds, better, worse, p and agreement are the first's."
)
MEASURED = (
    "seconds: a case, on this machine or the one that the run was made on: of calls, the sum of their waiting; of a "
    "run, the time of predicting; of folds, fitting and answering, what systems share counted for each; of an answerer that is run here, loading and answering. MB: the most "
    "that the process held at once, the program itself included (of a run with workers, its main process; Linux "
    "alone). cost: of all cases, as `ask --price` was told. Empty or left out: not measured."
)


@dataclass(frozen=True)
class Row:
    """One system: official accuracy with its interval, None where it answers nothing, by family; pooled Dice
    and Jaccard over so many photos."""

    name: str
    accuracy: float | None
    interval: tuple[float, float] | None
    families: Mapping[str, float]
    dice: float | None = None
    jaccard: float | None = None
    photos: int = 0
    effort: Effort = UNMEASURED


@dataclass(frozen=True)
class Comparison:
    """What was compared, each system, and "A - B" -> how A differs from B."""

    title: str
    rows: tuple[Row, ...]
    pairs: Mapping[str, Difference]


def print_comparison(comparison: Comparison) -> str:
    """Return the tables as text."""
    lines = [comparison.title, ""]
    for head, rows in _tables(comparison):
        widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
        lines += ["  ".join(_pad(row, widths)) for row in (head, *rows)]
        lines.append("")
    return "\n".join([*lines, EXPLAINED, MEASURED, CAPTION])


def write_comparison(path: Path, comparison: Comparison) -> None:
    """Write the page; it holds no words and no photos."""
    first, effort, second, third = (draw_table(head, rows) for head, rows in _tables(comparison))
    accuracies = [
        (row.name, row.interval[0], row.accuracy, row.interval[1])
        for row in comparison.rows
        if row.accuracy is not None and row.interval is not None
    ]
    gains = [(name, pair.low, pair.gain, pair.high) for name, pair in comparison.pairs.items()]
    body = (
        f"<p class='note'>{html.escape(comparison.title)}</p>{first}"
        f"{draw_intervals('accuracy with 95% intervals', accuracies)}"
        f"<h2>Time, memory, cost</h2><p class='note'>{html.escape(MEASURED)}</p>{effort}"
        f"<h2>Pair by pair</h2><p class='note'>{html.escape(EXPLAINED)}</p>{second}"
        f"{draw_intervals('gain with 95% intervals', gains)}"
        f"<h2>Published teams</h2><p class='note'>{html.escape(CAPTION)}</p>{third}"
    )
    write_page(path, "Systems compared", body)


def draw_intervals(title: str, marks: Sequence[tuple[str, float, float, float]]) -> str:
    """Return an SVG of numbers with their intervals, on a scale that just holds them. marks: name, low, number, high."""
    if not marks:
        return ""
    wide, left, step = 520, 230, 26
    low = math.floor(min(mark[1] for mark in marks) * 20) / 20
    high = max(math.ceil(max(mark[3] for mark in marks) * 20) / 20, low + 0.05)
    bottom, parts = 18 + len(marks) * step, []
    for tick in range(round(low * 20), round(high * 20) + 1):
        x = left + wide * (tick / 20 - low) / (high - low)
        colour = "#888" if tick == 0 else "#ddd"
        parts.append(f"<line x1='{x:.1f}' x2='{x:.1f}' y1='6' y2='{bottom - 8}' stroke='{colour}'/>")
        parts.append(
            f"<text x='{x:.1f}' y='{bottom + 8}' font-size='11' text-anchor='middle'>{tick / 20:g}</text>"
        )
    for number, (name, *values) in enumerate(marks):
        y = 18 + number * step
        start, at, end = (left + wide * (value - low) / (high - low) for value in values)
        parts.append(
            f"<text x='{left - 10}' y='{y + 4}' font-size='13' text-anchor='end'>{html.escape(name)}</text>"
            f"<line x1='{start:.1f}' x2='{end:.1f}' y1='{y}' y2='{y}' stroke='#2b7a9b' stroke-width='3'/>"
            f"<circle cx='{at:.1f}' cy='{y}' r='5' fill='#2b7a9b'><title>{values[1]:.3f}</title></circle>"
        )
    return (
        f"<svg width='{left + wide + 30}' height='{bottom + 16}' role='img' "
        f"aria-label='{html.escape(title)}'>{''.join(parts)}</svg>"
    )


def _tables(comparison: Comparison) -> list[tuple[list[str], list[list[str]]]]:
    families = list(comparison.rows[0].families)
    head = ["system", "accuracy", "95%", *(name.removeprefix("CQID") for name in families), "Dice", "Jaccard"]
    rows = [
        [
            row.name,
            _number(row.accuracy),
            f"{row.interval[0]:.3f}-{row.interval[1]:.3f}" if row.interval else "",
            *(_number(row.families[name] if row.accuracy is not None else None) for name in families),
            _number(row.dice) + (f" ({row.photos})" if row.photos else ""),
            _number(row.jaccard),
        ]
        for row in comparison.rows
    ]
    pairs = [
        [
            name,
            f"{pair.gain:+.4f}",
            f"{pair.low:+.4f} to {pair.high:+.4f}",
            str(pair.better),
            str(pair.worse),
            f"{pair.p:.3f}" if pair.p >= 0.0005 else "<0.001",
            f"{pair.agreement:.3f}",
        ]
        for name, pair in comparison.pairs.items()
    ]
    teams = [
        [team.name, _number(team.accuracy), _number(team.dice), _number(team.jaccard), team.method]
        for team in TEAMS
    ]
    efforts = [_list_effort(row) for row in comparison.rows]
    return [
        _leave_out_empty(head, rows),
        _leave_out_empty(["system", "seconds", "MB", "cost", "measured of"], efforts),
        (["pair", "gain", "95%", "better", "worse", "p", "agreement"], pairs),
        (["published", "accuracy", "Dice", "Jaccard", "how"], teams),
    ]


def _leave_out_empty(head: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[list[str], list[list[str]]]:
    """Return a table without the columns in which no row says anything."""
    kept = [column for column in range(len(head)) if any(row[column] for row in rows)]
    return [head[column] for column in kept], [[row[column] for column in kept] for row in rows]


def _list_effort(row: Row) -> list[str]:
    effort = row.effort
    return [
        row.name,
        f"{effort.seconds:.4f}" if effort.seconds is not None else "",
        f"{effort.memory_mb:.0f}" if effort.memory_mb is not None else "",
        f"{effort.cost:.2f}" if effort.cost is not None else "",
        effort.source,
    ]


def _number(value: float | None) -> str:
    return f"{value:.3f}" if value is not None else ""


def _pad(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [
        row[0].ljust(widths[0]),
        *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
    ]
