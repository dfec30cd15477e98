"""The photo answers' numbers as Markdown, and where the model card holds them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from magic_demo.core.disk.user_files import LARGEST_CONFIG, read_user_text
from magic_demo.questions.families import load_families
from training.answers.photo.kinds import KindReport
from training.cues.calibration import summarise

START, END = "<!-- written by python -m training photo-answerer -->", "<!-- end of what is written -->"

Table = Mapping[str, Mapping[str, float]]


def format_report(
    weights: Table,
    tables: Mapping[str, Table],
    rules: Table,
    segmenter: str,
    kinds: KindReport | None = None,
) -> str:
    """Return the weights, one table a set of cases, and how often the rules are right, as Markdown.

    tables: set of cases -> way of answering -> family, or "all" -> official accuracy. rules: set of cases ->
    what -> share that is right.
    """
    families = [family.family_id for family in load_families()]
    lines = [
        f"Made for the features of `{segmenter}`.",
        "",
        "Weight beside the cue model, which has the rest:",
        "",
    ]
    listed = {name: table for name, table in weights.items() if name not in ("text_only", "kinds")}
    lines += _rows(families, {**(kinds.weights if kinds is not None else {}), **listed})
    if kinds is not None:
        lines += _describe_kinds(families, kinds)
    for title, table in tables.items():
        known = [family for family in families if any(family in way for way in table.values())]
        lines += ["", f"**{title}**", "", *_rows([*known, "all"], table)]
    lines += [
        "",
        "Right without any learning, by the rules of `magic_demo/imaging/measure.py` on the predicted masks:",
        "",
    ]
    lines += [
        f"- {title}: " + ", ".join(f"{name} {share:.3f}" for name, share in parts.items())
        for title, parts in rules.items()
    ]
    return "\n".join(lines)


def _describe_kinds(families: list[str], kinds: KindReport) -> list[str]:
    lines = []
    for title, table in kinds.tables.items():
        known = [family for family in families if any(family in way for way in table.values())]
        lines += ["", f"**{title}**", "", *_rows([*known, "all"], table)]
    errors = {}
    for kind, judged in kinds.judged.items():
        summary = summarise(judged, 0.0)
        errors[kind] = {
            family: row["error after"] or 0.0 for family, row in summary.items() if family != "all"
        }
    title = "Expected calibration error of the percents, each fold at the temperatures of the others:"
    return [*lines, "", title, "", *_rows(families, errors)]


def update_card(folder: Path, report: str) -> bool:
    """Replace what stands between START and END in the folder's model card; returns whether there is such a
    place."""
    card = folder / "README.md"
    text = read_user_text(card, LARGEST_CONFIG) if card.is_file() else ""
    before, start, rest = text.partition(START)
    _, end, after = rest.partition(END)
    if not (start and end):
        return False
    card.write_text(f"{before}{START}\n\n{report}\n\n{END}{after}", encoding="utf-8")
    return True


def _rows(columns: list[str], table: Table) -> list[str]:
    head = ["| | " + " | ".join(columns) + " |", "| --- |" + " ---: |" * len(columns)]
    return head + [
        f"| {name} | "
        + " | ".join(f"{row[column]:.3f}" if column in row else "" for column in columns)
        + " |"
        for name, row in table.items()
    ]
