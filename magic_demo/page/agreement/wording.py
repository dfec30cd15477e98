"""Numbers as words: shares, coefficients, intervals; a dash where there is none."""

from __future__ import annotations

from html import escape

from magic_demo.core.messages import Message
from magic_demo.page.agreement.filters import Measure
from magic_demo.page.texts.i18n import both, both_of, line_in_both
from magic_demo.reviews.agreement import CONSENSUS, MODEL, Agreed, Measured

DASH = "–"


def say_value(measured: Measured | None, *, share: bool) -> str:
    """Return ``62%`` or ``0.62``, or a dash."""
    if measured is None:
        return DASH
    return f"{measured.value:.0%}" if share else f"{measured.value:.2f}"


def say_interval(measured: Measured | None, *, share: bool) -> Message | None:
    """Return ``51% to 72%`` or ``-0.51 to 0.72``, None where there is no interval."""
    if measured is None or measured.low is None or measured.high is None:
        return None
    low, high = (f"{end:.0%}" if share else f"{end:.2f}" for end in (measured.low, measured.high))
    return Message("{low} to {high}", low=low, high=high)


def tell_basis(measured: Measured | None, *, share: bool, named: bool = False) -> str:
    """Return HTML of a number's interval and of how many comparisons it was computed from; named: the interval
    is said to be one."""
    if measured is None:
        return ""
    interval = say_interval(measured, share=share)
    parts = [both("agreement.compared", count=measured.count)]
    if interval is not None:
        said = both("agreement.interval_of", interval=interval) if named else both_of(line_in_both(interval))
        parts.insert(0, said)
    return " · ".join(parts)


def say_number(measured: Measured | None, *, share: bool) -> str:
    """Return a table's cell with a number and what it rests on."""
    return (
        f'<td class="agree-number"><b>{say_value(measured, share=share)}</b> '
        f"<small>{tell_basis(measured, share=share)}</small></td>"
    )


def say_whole(measured: Measured | None, *, share: bool) -> str:
    """Return ``0.62 (0.51 to 0.72; n = 34)``, or a dash."""
    if measured is None:
        return DASH
    interval, value = say_interval(measured, share=share), say_value(measured, share=share)
    if interval is None:
        return Message("{value} (n = {count})", value=value, count=measured.count)
    return Message("{value} ({interval}; n = {count})", value=value, interval=interval, count=measured.count)


def pick(agreed: Agreed, measure: Measure) -> Measured | None:
    """Return the number that the page is set to."""
    return agreed.same if measure == "same" else agreed.kappa


def tag_of(voice: str, readers: tuple[str, ...]) -> str:
    """Return the sign of a voice in pictures and tables: M for the model, C for the consensus, 1, 2, ... for
    readers."""
    signs = {MODEL: "M", CONSENSUS: "C"}
    return signs[voice] if voice in signs else str(readers.index(voice) + 1) if voice in readers else "?"


def name_of(voice: str) -> str:
    """Return HTML of a voice's name."""
    named = {MODEL: "agreement.model", CONSENSUS: "agreement.consensus"}
    return both(named[voice]) if voice in named else f"<span>{escape(voice)}</span>"
