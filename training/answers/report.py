"""The closed questions' evaluation as one HTML page: tables, calibration, what is not known, confusions, the
most confident mistakes."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from magic_demo.challenge.scoring.published import CAPTION, TEAMS
from magic_demo.core.types import Family, Language, Narrative
from magic_demo.cues.cue_model import CueModel
from magic_demo.questions.decoding import Labels
from magic_demo.questions.families import load_families
from training.cases.sources import LearningCase
from training.cues.calibration import (
    BINS,
    MOST_GAIN,
    JudgedFamily,
    calibration_error,
    divide,
    join,
    measure_reliability,
)
from training.runs.reports.report_page import draw_reliability, draw_table, mark_words, write_page

MOST_MISTAKES = 24
SHOWN_MARGINS = (0.0, 0.02, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2)
BEFORE, AFTER = "#9aa5ab", "#2b7a9b"


@dataclass(frozen=True, eq=False)
class Mistake:
    """A wrong answer: how sure the model was of it (expected credit, 0..1), what it earned, and the model
    that may say why."""

    case: LearningCase
    family: Family
    answer: Labels
    reference: Labels
    expected: float
    credit: float
    model: CueModel | None


@dataclass(frozen=True, eq=False)
class AnswersReport:
    """All that the page shows. tables: title -> row -> column -> official accuracy ("all", "low", "high",
    family ids).

    judged: families, each once for every dealing of the folds. ours: what stands beside the published teams,
    name -> accuracy.
    """

    intro: str
    tables: Mapping[str, Mapping[str, Mapping[str, float]]]
    ours: Mapping[str, float]
    judged: Sequence[JudgedFamily]
    margin: float
    mistakes: Sequence[Mistake]


def find_mistakes(
    cases: Sequence[LearningCase], judged: Sequence[JudgedFamily], models: Sequence[CueModel | None]
) -> list[Mistake]:
    """Return the wrong answers that the most credit was expected of; judged: each family's N cases in the
    order of ``cases``."""
    found = [
        Mistake(
            case,
            entry.family,
            entry.answers[row],
            entry.references[row],
            float(entry.expected[row]),
            float(earned),
            models[row],
        )
        for entry in judged
        for row, (case, earned) in enumerate(zip(cases, entry.credits, strict=True))
        if earned < 0.5 and entry.weights[row] >= 1.0
    ]
    return sorted(
        found, key=lambda mistake: (-mistake.expected, mistake.case.case_id, mistake.family.family_id)
    )[:MOST_MISTAKES]


def write_answers_report(path: Path, report: AnswersReport) -> None:
    """Write the page. It holds patients' words: keep it where the data may be kept."""
    families = [
        family
        for family in load_families()
        if any(entry.family.family_id == family.family_id for entry in report.judged)
    ]
    joined = [
        join([entry for entry in report.judged if entry.family.family_id == family.family_id])
        for family in families
    ]
    body = [
        f"<p class='note'>{html.escape(report.intro)}</p>",
        *(_accuracy_section(title, table) for title, table in report.tables.items()),
        _teams_section(report.ours),
        _reliability_section(joined),
        _knowing_section(joined, report.margin),
        _confusion_section(joined, max(1, len(report.judged) // max(1, len(joined)))),
        _mistakes_section(report.mistakes),
    ]
    write_page(path, "Closed questions report", "".join(body))


def _accuracy_section(title: str, table: Mapping[str, Mapping[str, float]]) -> str:
    columns = [name for name in next(iter(table.values())) if name not in ("low", "high")]
    best = {name: max(row[name] for row in table.values()) for name in columns}
    rows = [[row, *(_with_interval(values, name) for name in columns)] for row, values in table.items()]
    shades = [[0.3 if values[name] == best[name] else 0.0 for name in columns] for values in table.values()]
    return f"<h2>{html.escape(title)}</h2>" + draw_table(
        ["", *(_name(name) for name in columns)], rows, shades=shades
    )


def _with_interval(values: Mapping[str, float], name: str) -> str:
    text = f"{values[name]:.3f}"
    return (
        f"{text} ({values['low']:.3f} to {values['high']:.3f})" if name == "all" and "low" in values else text
    )


def _teams_section(ours: Mapping[str, float]) -> str:
    entries = [(team.name, team.accuracy, team.method) for team in TEAMS if team.accuracy is not None]
    entries += [(name, accuracy, "here; see above for the cases") for name, accuracy in ours.items()]
    rows = [
        [name, f"{accuracy:.3f}", method]
        for name, accuracy, method in sorted(entries, key=lambda entry: -entry[1])
    ]
    return f"<h2>Beside the published systems</h2><p class='note'>{html.escape(CAPTION)}</p>" + draw_table(
        ["", "accuracy", ""], rows
    )


def _reliability_section(judged: Sequence[JudgedFamily]) -> str:
    figures, rows = [], []
    for entry in judged:
        bins = {
            name: measure_reliability(chances, entry)
            for name, chances in (("before", entry.before), ("after", entry.after))
        }
        errors = [f"{calibration_error(of):.3f}" for of in bins.values()]
        curves = [
            (name, colour, [(b.said, b.true, b.share) for b in bins[name]])
            for name, colour in (("before", BEFORE), ("after", AFTER))
        ]
        title = _name(entry.family.family_id)
        caption = (
            f"<figcaption><b>{html.escape(title)}</b><br>error {errors[0]} &rarr; {errors[1]}</figcaption>"
        )
        figures.append(f"<figure>{draw_reliability(title, curves)}{caption}</figure>")
        rows.append([title, *errors])
    return (
        "<h2>Calibration</h2><p class='note'>What was said (across) against the share that came true (up), "
        f"in {BINS} bins; grey: before, at temperature 1; blue: calibrated. Families of one slot: the "
        "likeliest option; the others: every "
        "label. Expected calibration error below each.</p>"
        f"<div class='tiles'>{''.join(figures)}</div>"
    ) + draw_table(["expected calibration error", "before", "after"], rows)


def _knowing_section(judged: Sequence[JudgedFamily], margin: float) -> str:
    columns = [
        "",
        "does not know",
        "its accuracy there",
        "most frequent answer there",
        "accuracy elsewhere",
        "most frequent answer elsewhere",
    ]
    by_margin = [
        [f"margin {value:.2f}", *_numbers(judged, value)] for value in sorted({*SHOWN_MARGINS, margin})
    ]
    by_family = [[_name(entry.family.family_id), *_numbers([entry], margin)] for entry in judged]
    return (
        "<h2>What the model does not know</h2><p class='note'>An answer is unsure when its expected "
        "official credit does not exceed, by the "
        f"margin, what the most frequent answer earned. The margin in use, {margin:.2f}, is the "
        "largest at which unsure answers earn at most "
        f"{MOST_GAIN} more than the most frequent one, on held-out cases.</p>"
        + draw_table(columns, by_margin)
        + f"<h3>By family, margin {margin:.2f}</h3>"
        + draw_table(columns, by_family)
    )


def _numbers(judged: Sequence[JudgedFamily], margin: float) -> list[str]:
    known = divide(judged, margin)
    rest = (known.inside, known.inside_constant, known.outside, known.outside_constant)
    return [f"{known.unsure:.0%}", *("–" if np.isnan(value) else f"{value:.3f}" for value in rest)]


def _confusion_section(judged: Sequence[JudgedFamily], runs: int) -> str:
    parts = [
        "<h2>Confusions</h2><p class='note'>Families of one slot: reference (rows) against answer "
        "(columns). Families of several: how often "
        f"each label is in the reference, in the answer and in both. Cases, mean over {runs} "
        "dealing(s) of the folds.</p>"
    ]
    for entry in judged:
        parts.append(f"<h3>{html.escape(_name(entry.family.family_id))}</h3>")
        parts.append(
            _draw_matrix(entry, runs) if len(entry.family.questions) == 1 else _draw_labels(entry, runs)
        )
    return "".join(parts)


def _draw_matrix(entry: JudgedFamily, runs: int) -> str:
    names = entry.family.options["en"]
    counts: NDArray[np.float64] = np.zeros((len(names), len(names)))
    for reference, answer in zip(entry.references, entry.answers, strict=True):
        counts[next(iter(reference)), next(iter(answer))] += 1 / runs
    totals = np.maximum(counts.sum(axis=1, keepdims=True), 1e-9)
    rows = [
        [name, *(f"{count:.0f}" if count >= 0.5 else "" for count in row)]
        for name, row in zip(names, counts.tolist(), strict=True)
    ]
    return draw_table(["reference \\ answer", *names], rows, shades=(counts / totals * 0.7).tolist())


def _draw_labels(entry: JudgedFamily, runs: int) -> str:
    rows = []
    for label, name in enumerate(entry.family.options["en"]):
        pairs = [
            (label in reference, label in answer)
            for reference, answer in zip(entry.references, entry.answers, strict=True)
        ]
        held, given, both = (sum(pair) for pair in zip(*((r, a, r and a) for r, a in pairs), strict=True))
        shares = [f"{both / total:.2f}" if total else "–" for total in (given, held)]
        rows.append([name, *(f"{count / runs:.0f}" for count in (held, given, both)), *shares])
    return draw_table(["label", "in the reference", "in the answer", "in both", "precision", "recall"], rows)


def _mistakes_section(mistakes: Sequence[Mistake]) -> str:
    return (
        "<h2>The most confident mistakes</h2><p class='note'>Answers that earned less than half, those "
        "that the most was expected of first. "
        "Yellow: words that speak for the wrong answer; grey: against it. Wrong by the reference; a "
        "reader may see it otherwise.</p>" + "".join(_draw_mistake(mistake) for mistake in mistakes)
    )


def _draw_mistake(mistake: Mistake) -> str:
    def names(labels: Labels) -> str:
        shown = labels - {mistake.family.not_mentioned} or labels
        return ", ".join(mistake.family.options["en"][label] for label in sorted(shown))

    head = (
        f"<b>{html.escape(_name(mistake.family.family_id))}</b>, {html.escape(mistake.case.case_id)}: "
        "answered "
        f"<b>{html.escape(names(mistake.answer))}</b> (expected credit {mistake.expected:.2f}, earned "
        f"{mistake.credit:.2f}), "
        f"reference <b>{html.escape(names(mistake.reference))}</b>"
    )
    texts: tuple[tuple[Language, str], ...] = (("en", mistake.case.texts[0]), ("zh", mistake.case.texts[1]))
    spans: dict[Language, list[tuple[int, int, bool]]] = {"en": [], "zh": []}
    if mistake.model is not None:
        shown = mistake.answer - {mistake.family.not_mentioned} or mistake.answer
        for option in shown:
            qid = mistake.family.questions[0].qid
            for reason in mistake.model.explain(Narrative(*mistake.case.texts), qid, option).reasons[:8]:
                spans[reason.field] += [(start, end, reason.contribution > 0) for start, end in reason.spans]
    body = "".join(
        f"<p lang='{language}'>{mark_words(text, spans[language])}</p>" for language, text in texts if text
    )
    return f"<div class='case'><p>{head}</p>{body}</div>"


def _name(column: str) -> str:
    titles = {family.family_id: family.title["en"] for family in load_families()}
    return f"{column.removeprefix('CQID')} {titles[column].lower()}" if column in titles else column
