"""The report's words and numbers as text."""

from __future__ import annotations

import json
import math
from functools import lru_cache
from importlib import resources

from magic_demo.core.plural import fill_places
from magic_demo.core.types import Language
from magic_demo.reviews.agreement import Measured
from magic_demo.reviews.reports.contents import (
    CaseDispute,
    CommonDifference,
    DisagreementReport,
    FamilyDispute,
)

MOST_FAMILIES = 4
"""Differing families of one case that are told; of the others the number."""

MOST_NAMES = 8
"""Rows of the Dice matrix: a page is this wide and this long."""


@lru_cache(maxsize=1)
def load_texts() -> dict[str, dict[str, str]]:
    """Return the texts of ``texts.json``: key -> language -> text."""
    text = resources.files("magic_demo.reviews.reports").joinpath("texts.json").read_text(encoding="utf-8")
    loaded: dict[str, dict[str, str]] = json.loads(text)
    return loaded


def say(key: str, language: Language, **values: object) -> str:
    """Return a text of ``texts.json`` in a language, with its places filled."""
    return fill_places(load_texts()[key][language], values)


def say_share(measured: Measured | None, language: Language) -> str:
    """Return ``62%``, or a dash."""
    return f"{measured.value:.0%}" if measured is not None else say("none", language)


def say_number(measured: Measured | None, language: Language) -> str:
    """Return ``0.62``, or a dash."""
    return f"{measured.value:.2f}" if measured is not None else say("none", language)


def say_interval(measured: Measured | None, language: Language, *, share: bool = False) -> str:
    """Return ``(0.41 to 0.80)``, empty where there is no interval."""
    if measured is None or measured.low is None or measured.high is None:
        return ""
    low, high = (f"{end:.0%}" if share else f"{end:.2f}" for end in (measured.low, measured.high))
    return say("interval", language, low=low, high=high)


def say_cell(value: float, language: Language) -> str:
    """Return a cell of the Dice matrix."""
    return say("none", language) if math.isnan(value) else f"{value:.2f}"


def subtitle(report: DisagreementReport, language: Language) -> str:
    """Return the line below the title."""
    readers = ("、" if language == "zh" else ", ").join(report.readers)
    date = report.made_at.strftime("%Y-%m-%d")
    return say(
        "subtitle",
        language,
        queue=report.queue,
        cases=report.cases,
        readings=report.readings,
        readers=readers,
        date=date,
    )


def tiles(report: DisagreementReport, language: Language) -> list[tuple[str, str, str]]:
    """Return the four numbers at the top: number, what it is, interval or remark."""

    def ceiling(measured: Measured | None, *, share: bool = False) -> str:
        return f"{say('ceiling', language)} {say_interval(measured, language, share=share)}".rstrip()

    return [
        (
            say_share(report.with_model, language),
            say("with_model", language),
            say_interval(report.with_model, language, share=True),
        ),
        (
            say_share(report.among_readers, language),
            say("among_readers", language),
            ceiling(report.among_readers, share=True),
        ),
        (
            say_number(report.dice_with_model, language),
            say("dice_with_model", language),
            say_interval(report.dice_with_model, language),
        ),
        (
            say_number(report.dice_among_readers, language),
            say("dice_among_readers", language),
            ceiling(report.dice_among_readers),
        ),
    ]


def has_coefficients(report: DisagreementReport) -> bool:
    """Tell whether there is any kappa or alpha to show."""
    return any(family.kappa or family.alpha for family in report.families)


def family_note(report: DisagreementReport, language: Language) -> str:
    """Return what stands below the table of families."""
    keys = ["families_note"]
    keys += ["kappa_note"] if has_coefficients(report) else []
    keys += ["icc_note"] if any(family.icc for family in report.families) else []
    return ("" if language == "zh" else " ").join(say(key, language) for key in keys)


def common_differences(report: DisagreementReport) -> tuple[CommonDifference, ...]:
    """Return those of the commonest differences that fit on the page below the Dice matrix."""
    return report.differences[: 6 - max(0, min(len(report.names), MOST_NAMES) - 5)]


def remarks(report: DisagreementReport, language: Language) -> list[str]:
    """Return the lines at the end of page one: what was switched, the models, notes."""
    lines = []
    if report.switched is not None:
        lines.append(
            say("switched", language, share=f"{report.switched.value:.0%}", count=report.switched.count)
        )
    blind, model, others = report.known
    lines.append(say("known", language, blind=blind, model=model, others=others))
    if report.incomplete:
        lines.append(say("incomplete", language, count=report.incomplete))
    lines += [
        say(
            "label_dice",
            language,
            label=name[language],
            dice=say_number(dice, language),
            more=say_interval(dice, language),
        ).rstrip()
        for name, dice in report.labels
    ]
    if report.models:
        lines.append(
            say(
                "models",
                language,
                models=", ".join(f"{task} {model}" for task, model in report.models.items()),
            )
        )
    return lines + [note[language] for note in report.notes]


def dispute_lines(case: CaseDispute, language: Language) -> list[tuple[str, str]]:
    """Return what a case differs in: family and who said what; the last line, without family, sums up the
    rest."""
    lines = [(family.title[language], _answers(family, language)) for family in case.families[:MOST_FAMILIES]]
    rest = len(case.families) - MOST_FAMILIES
    ends = [say("more", language, count=rest)] if rest > 0 else []
    ends += [say("agreed", language, count=case.agreed)] if case.agreed else []
    if ends:
        lines.append(("", ("；" if language == "zh" else ", ").join(ends)))
    return lines


def dice_line(case: CaseDispute, language: Language) -> str:
    """Return a case's Dice of each reader with the model, empty where there is none."""
    values = " · ".join(f"{tag}: {value:.2f}" for tag, value in case.dice)
    return say("dice_of", language, values=values) if values else ""


def _answers(family: FamilyDispute, language: Language) -> str:
    """Return ``M: red · 1, 2: brown``: who said the same stands together."""
    by_answer: dict[str, list[str]] = {}
    for tagged in family.answers:
        by_answer.setdefault(tagged.answer[language], []).append(tagged.tag)
    return " · ".join(f"{','.join(tags)}: {answer}" for answer, tags in by_answer.items())
