"""A comparison as text and as one HTML page, the published teams beside it."""

from __future__ import annotations

import html
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
    "alone). cost: of all cases, as `ask --price` was told. Empty: not measured."
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
    body = (
        f"<p class='note'>{html.escape(comparison.title)}</p>{first}{draw_intervals(comparison.rows)}"
        f"<h2>Time, memory, cost</h2><p class='note'>{html.escape(MEASURED)}</p>{effort}"
        f"<h2>Pair by pair</h2><p class='note'>{html.escape(EXPLAINED)}</p>{second}"
        f"<h2>Published teams</h2><p class='note'>{html.escape(CAPTION)}</p>{third}"
    )
    write_page(path, "Systems compared", body)


def draw_intervals(rows: Sequence[Row]) -> str:
    """Return an SVG of each system's accuracy with its interval, 0 to 1."""
    wide, left, step = 520, 190, 26
    shown = [row for row in rows if row.accuracy is not None and row.interval is not None]
    parts = []
    for number, row in enumerate(shown):
        assert row.accuracy is not None and row.interval is not None
        y = 18 + number * step
        low, at, high = (left + wide * value for value in (row.interval[0], row.accuracy, row.interval[1]))
        parts.append(
            f"<text x='{left - 10}' y='{y + 4}' font-size='13' text-anchor='end'>{html.escape(row.name)}</text>"
            f"<line x1='{low:.1f}' x2='{high:.1f}' y1='{y}' y2='{y}' stroke='#2b7a9b' stroke-width='3'/>"
            f"<circle cx='{at:.1f}' cy='{y}' r='5' fill='#2b7a9b'><title>{row.accuracy:.3f}</title></circle>"
        )
    bottom = 18 + len(shown) * step
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = left + wide * tick
        parts.append(f"<line x1='{x}' x2='{x}' y1='6' y2='{bottom - 8}' stroke='#ddd'/>")
        parts.append(f"<text x='{x}' y='{bottom + 8}' font-size='11' text-anchor='middle'>{tick:g}</text>")
    return (
        f"<svg width='{left + wide + 30}' height='{bottom + 16}' role='img' "
        f"aria-label='accuracy with 95% intervals'>{''.join(parts)}</svg>"
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
            f"{pair.p:.3f}",
            f"{pair.agreement:.3f}",
        ]
        for name, pair in comparison.pairs.items()
    ]
    teams = [
        [team.name, _number(team.accuracy), _number(team.dice), _number(team.jaccard), team.method]
        for team in TEAMS
    ]
    return [
        (head, rows),
        (["system", "seconds", "MB", "cost", "measured of"], [_list_effort(row) for row in comparison.rows]),
        (["pair", "gain", "95%", "better", "worse", "p", "agreement"], pairs),
        (["published", "accuracy", "Dice", "Jaccard", "how"], teams),
    ]


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
