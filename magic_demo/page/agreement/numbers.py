"""Answers: the big numbers at the top, and a row a family with the human ceiling beside the model."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from magic_demo.page.agreement.filters import Measure, View
from magic_demo.page.agreement.wording import pick, say_number, say_value, tell_basis
from magic_demo.page.texts.i18n import both, both_of
from magic_demo.questions.families import QuestionSet
from magic_demo.reviews.agreement import Agreement, FamilyNumbers, Measured, Switches
from magic_demo.reviews.agreement.sources import SystemAgreement

HATCH = (
    '<svg width="0" height="0" aria-hidden="true" class="agree-defs"><defs><pattern id="hatch" '
    'width="7" height="7" patternUnits="userSpaceOnUse" '
    'patternTransform="rotate(45)"><rect width="7" height="7" class="hatch-ground"/><rect width="3" '
    'height="7" class="hatch-line"/></pattern></defs></svg>'
)
"""The readers' bars are hatched, the model's are full: the two are told apart without colour."""


_SYSTEM_HEADS = (
    "agreement.system",
    "agreement.system_cases",
    "agreement.system_alike",
    "agreement.system_different",
    "agreement.measure_kappa",
    "agreement.tile_dice",
)
_TILES = {"same": "agreement.tile_same", "kappa": "agreement.tile_kappa"}
_FAMILIES = {"same": "agreement.families_same", "kappa": "agreement.families_kappa"}
_NOTES = {"same": "agreement.families_note_same", "kappa": "agreement.families_note_kappa"}


def render_headline(agreement: Agreement, view: View) -> str:
    """Return the three big comparisons: answers, masks, switches."""
    measure = view.measure
    share = measure == "same"
    overall, masks = agreement.overall, agreement.masks
    answers = _versus(pick(overall.with_model, measure), pick(overall.among_readers, measure), share=share)
    parts = [_tile(both(_TILES[measure]), answers)]
    if masks.dice_with_model or masks.dice_among_readers:
        parts.append(
            _tile(
                both("agreement.tile_dice"),
                _versus(masks.dice_with_model, masks.dice_among_readers, share=False),
            )
        )
    if agreement.switches.answers:
        parts.append(_tile(both("agreement.tile_switches"), _switched(agreement.switches)))
    count = both(
        "agreement.count", cases=agreement.cases, readings=agreement.readings, readers=len(agreement.readers)
    )
    notes = (
        f'<p class="agree-count">{count}</p><p class="agree-small agree-known">{_say_known(agreement)}</p>'
    )
    if agreement.model_cases == 0:
        notes += f'<p class="agree-note">{both("agreement.no_model")}</p>'
    if len(agreement.readers) == 1:
        notes += f'<p class="agree-note">{both("agreement.one_reader")}</p>'
    leaning = (
        f'<p class="agree-small">{both("agreement.leaning")}</p>'
        if agreement.model_cases and view.choice.reading == "latest" and _lean(agreement)
        else ""
    )
    return f'{HATCH}{notes}<div class="agree-tiles">{"".join(parts)}</div>{leaning}'


def _lean(agreement: Agreement) -> bool:
    """Return whether most of the readings were made after the model had been shown."""
    return 2 * agreement.after_model > agreement.readings


def _say_known(agreement: Agreement) -> str:
    """Return what the readings' readers had been shown before."""
    known = both(
        "agreement.known", blind=agreement.blind, model=agreement.after_model, others=agreement.after_others
    )
    return known + (
        " " + both("agreement.incomplete", count=agreement.incomplete) if agreement.incomplete else ""
    )


def render_families(agreement: Agreement, measure: Measure, questions: QuestionSet) -> str:
    """Return the table of families with its bars; empty where nobody can be compared."""
    if not agreement.families:
        return ""
    titles = {family.family_id: both_of(family.title) for family in questions.families}
    icc = any(numbers.icc is not None for numbers in agreement.families)
    rows = "".join(
        _row(titles[numbers.family_id], numbers, measure, icc=icc) for numbers in agreement.families
    )
    total = (
        _row(both("agreement.together"), agreement.overall, measure, "agree-total", icc=icc)
        if len(agreement.families) > 1
        else ""
    )
    ticks = "".join(
        f'<span style="left:{value}%">{_tick(value, measure)}</span>' for value in (0, 25, 50, 75, 100)
    )
    icc_head = f'<th scope="col">{both("agreement.icc")}</th>' if icc else ""
    return (
        '<section class="agree-panel" aria-labelledby="agree-families"><h2 '
        f'id="agree-families">{both(_FAMILIES[measure])}</h2>{_legend()}'
        '<div class="agree-scroll" tabindex="0" role="group" aria-labelledby="agree-families"><table '
        'class="agree-families"><thead><tr>'
        f'<th scope="col">{both("agreement.family")}</th><th scope="col" class="agree-axis"><span '
        f'class="unseen">{both("agreement.plot")}</span>'
        f'<div class="agree-ticks" aria-hidden="true">{ticks}</div></th><th '
        f'scope="col">{both("agreement.with_model_short")}</th>'
        f'<th scope="col">{both("agreement.ceiling_short")}</th><th '
        f'scope="col">{both("agreement.alpha")}</th>{icc_head}</tr></thead><tbody>{rows}{total}</tbody></table></div>'
        f'<p class="agree-small">{both(_NOTES[measure])}</p></section>'
    )


def render_systems(systems: Sequence[SystemAgreement], chosen: str | None) -> str:
    """Return a table with a row for each system, the one that the page compares with marked; empty for one
    alone."""
    if len(systems) < 2:
        return ""
    heads = "".join(f'<th scope="col">{both(head)}</th>' for head in _SYSTEM_HEADS)
    rows = "".join(_render_system(system, system.name == (chosen or systems[0].name)) for system in systems)
    return (
        '<section class="agree-panel" aria-labelledby="agree-systems"><h2 '
        f'id="agree-systems">{both("agreement.systems")}</h2><div class="agree-scroll" tabindex="0" role="group" '
        f'aria-labelledby="agree-systems"><table class="agree-families agree-systems"><thead><tr>{heads}</tr></thead>'
        f'<tbody>{rows}</tbody></table></div><p class="agree-small">{both("agreement.systems_note")}</p></section>'
    )


def _render_system(system: SystemAgreement, chosen: bool) -> str:
    compared = system.alike + system.different
    share = f" <small>{system.alike / compared:.0%}</small>" if compared else ""
    sign = '<span class="voice-tag">M</span> ' if chosen else ""
    kind = "is-chosen" if chosen else ""
    return (
        f'<tr data-system="{escape(system.name, quote=True)}" class="{kind}"><th '
        f'scope="row">{sign}{escape(system.name)}</th><td class="agree-number">{system.cases}</td>'
        f'<td class="agree-number"><b>{system.alike}</b>{share}</td>'
        f'<td class="agree-number"><b>{system.different}</b></td>'
        f"{say_number(system.kappa, share=False)}{say_number(system.dice, share=False)}</tr>"
    )


def draw_bars(model: Measured | None, readers: Measured | None) -> str:
    """Return two bars from 0 to 1 with their intervals as SVG: the model's full, the readers' hatched.

    Values below 0 have no length.
    """
    grid = "".join(
        f'<line class="bar-grid" x1="{at}%" x2="{at}%" y1="0" y2="46"/>' for at in (0, 25, 50, 75, 100)
    )
    return (
        '<svg class="bars" width="100%" height="46" '
        f'aria-hidden="true">{grid}{_bar(model, 4, "bar-model")}{_bar(readers, 25, "bar-readers")}</svg>'
    )


def _bar(measured: Measured | None, top: int, kind: str) -> str:
    if measured is None:
        return f'<line class="bar-none" x1="0" x2="14" y1="{top + 9}" y2="{top + 9}"/>'
    drawn = f'<rect class="{kind}" x="0" y="{top}" width="{_percent(measured.value)}" height="17" rx="2"/>'
    if measured.low is not None and measured.high is not None:
        low, high, middle = _percent(measured.low), _percent(measured.high), top + 8.5
        ends = "".join(f'<line x1="{at}" x2="{at}" y1="{top + 3}" y2="{top + 14}"/>' for at in (low, high))
        whisker = f'<line x1="{low}" x2="{high}" y1="{middle}" y2="{middle}"/>{ends}'
        drawn += f'<g class="whisker-halo">{whisker}</g><g class="whisker">{whisker}</g>'
    return drawn


def _percent(value: float) -> str:
    return f"{100 * min(1.0, max(0.0, value)):.1f}%"


def _tick(value: int, measure: Measure) -> str:
    return f"{value}%" if measure == "same" else f"{value / 100:g}"


def _row(title: str, numbers: FamilyNumbers, measure: Measure, kind: str = "", *, icc: bool) -> str:
    share = measure == "same"
    model, readers = pick(numbers.with_model, measure), pick(numbers.among_readers, measure)
    return (
        f'<tr class="{kind}"><th scope="row">{title}</th><td '
        f'class="agree-plot">{draw_bars(model, readers)}</td>'
        f"{say_number(model, share=share)}{say_number(readers, share=share)}{say_number(numbers.alpha, share=False)}"
        f"{say_number(numbers.icc, share=False) if icc else ''}</tr>"
    )


def _legend() -> str:
    keys = "".join(
        f'<span><svg width="34" height="16" aria-hidden="true"><rect class="{kind}" width="34" '
        f'height="16" rx="2"/></svg>{both(key)}</span>'
        for kind, key in (("bar-model", "agreement.with_model"), ("bar-readers", "agreement.ceiling"))
    )
    return (
        f'<p class="agree-legend">{keys}<span><svg width="34" height="16" aria-hidden="true"><g '
        'class="whisker"><path d="M3 8H31M3 3V13M31 '
        f'3V13"/></g></svg>{both("agreement.interval")}</span></p>'
    )


def _tile(title: str, body: str) -> str:
    return f'<section class="agree-tile"><h2>{title}</h2>{body}</section>'


def _versus(model: Measured | None, readers: Measured | None, *, share: bool) -> str:
    lines = "".join(
        f'<div class="versus-{kind}"><b>{say_value(measured, share=share)}</b><span '
        f'class="versus-name">{both(key)}'
        f"<small>{tell_basis(measured, share=share, named=True)}</small></span></div>"
        for kind, key, measured in (
            ("model", "agreement.with_model", model),
            ("readers", "agreement.ceiling", readers),
        )
    )
    return f'<div class="versus">{lines}</div>{draw_bars(model, readers)}'


def _switched(switches: Switches) -> str:
    changed = switches.changed
    sentences = [both("agreement.moved", towards=switches.towards, away=switches.away)]
    if switches.judged:
        sentences.append(both("agreement.judged", better=switches.wrong_right, worse=switches.right_wrong))
    lines = "".join(f"<p>{line}</p>" for line in sentences)
    return (
        f'<div class="versus"><div class="versus-switch"><b>{say_value(changed, share=True)}</b><span '
        'class="versus-name">'
        f"{both('agreement.changed', count=switches.answers)}<small>{tell_basis(changed, share=True, named=True)}</small></span></div></div>{lines}"
    )
