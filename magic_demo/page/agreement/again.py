"""Each reader beside themselves: a second reading after a wash-out, and the readers with each other for comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from magic_demo.page.agreement.filters import Measure
from magic_demo.page.agreement.wording import DASH, pick, say_value, tell_basis
from magic_demo.page.texts.i18n import both, both_of
from magic_demo.questions.families import QuestionSet
from magic_demo.reviews.agreement import Agreement, FamilyNumbers, Measured
from magic_demo.reviews.agreement.again import ReadAgain

_TITLES = {"same": "agreement.tile_same", "kappa": "agreement.measure_kappa"}


def render_again(
    found: Sequence[ReadAgain], agreement: Agreement, measure: Measure, questions: QuestionSet
) -> str:
    """Return a table with a row for each reader who read cases twice; empty for a queue that is no second reading."""
    if not found:
        return ""
    asked = {numbers.family_id for one in found for numbers in one.families if numbers.icc is not None}
    # of several questions for numbers there is no common ICC: each has its own in the reader's list
    icc = next(iter(asked)) if len(asked) == 1 else None
    keys = ["agreement.filter_reader", "agreement.system_cases", "agreement.again_days", _TITLES[measure]]
    keys += [*(["agreement.icc"] if icc is not None else []), "agreement.tile_dice"]
    heads = "".join(f'<th scope="col">{both(key)}</th>' for key in keys)
    titles = {family.family_id: both_of(family.title) for family in questions.families}
    rows = "".join(_render_reader(one, measure, titles, icc=icc) for one in found)
    others = (
        f'<tr class="agree-total"><th scope="row">{both("agreement.again_others")}</th>'
        f'<td class="agree-number">{agreement.shared_cases}</td><td></td>'
        f"{_number(pick(agreement.overall.among_readers, measure), share=measure == 'same')}"
        f"{_render_icc(agreement.families, icc)}{_number(agreement.masks.dice_among_readers)}</tr>"
    )
    return (
        '<section class="agree-panel" aria-labelledby="agree-again"><h2 '
        f'id="agree-again">{both("agreement.again")}</h2><div class="agree-scroll" tabindex="0" role="group" '
        f'aria-labelledby="agree-again"><table class="agree-families agree-systems"><thead><tr>{heads}</tr></thead>'
        f'<tbody>{rows}{others}</tbody></table></div><p class="agree-small">{both("agreement.again_note")}</p></section>'
    )


def _render_icc(families: Sequence[FamilyNumbers], family_id: str | None) -> str:
    """Return the cell with a family's ICC; nothing where the table has no such column."""
    if family_id is None:
        return ""
    return _number(next((numbers.icc for numbers in families if numbers.family_id == family_id), None))


def _render_reader(one: ReadAgain, measure: Measure, titles: Mapping[str, str], *, icc: str | None) -> str:
    families = "".join(
        f"<li>{titles[numbers.family_id]}: {_say(numbers, measure)}</li>" for numbers in one.families
    )
    first, last = (f"{days:.0f}" for days in one.days)
    return (
        f'<tr data-reader="{escape(one.reader, quote=True)}"><th scope="row"><details><summary>{escape(one.reader)}</summary>'
        f'<ul class="agree-small">{families}</ul></details></th><td class="agree-number">{one.cases}</td>'
        f'<td class="agree-number">{first if first == last else f"{first}{DASH}{last}"}</td>'
        f"{_number(pick(one.overall.among_readers, measure), share=measure == 'same')}"
        f"{_render_icc(one.families, icc)}{_number(one.dice)}</tr>"
    )


def _say(numbers: FamilyNumbers, measure: Measure) -> str:
    value = say_value(pick(numbers.among_readers, measure), share=measure == "same")
    return f"{value}, ICC {say_value(numbers.icc, share=False)}" if numbers.icc is not None else value


def _number(measured: Measured | None, *, share: bool = False) -> str:
    basis = tell_basis(measured, share=share)
    return f'<td class="agree-number"><b>{say_value(measured, share=share)}</b>{f" <small>{basis}</small>" if basis else ""}</td>'
