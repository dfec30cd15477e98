"""Numbers as words: shares, coefficients, intervals; a dash where there is none."""

from __future__ import annotations

from html import escape

from magic_demo.page.agreement.filters import Measure
from magic_demo.page.texts.i18n import both
from magic_demo.reviews.agreement import CONSENSUS, MODEL, Agreed, Measured

DASH = "–"


def say_value(measured: Measured | None, *, share: bool) -> str:
    """Return ``62%`` or ``0.62``, or a dash."""
    if measured is None:
        return DASH
    return f"{measured.value:.0%}" if share else f"{measured.value:.2f}"


def say_interval(measured: Measured | None, *, share: bool) -> str:
    """Return ``51–72%`` or ``0.51–0.72``, empty where there is no interval."""
    if measured is None or measured.low is None or measured.high is None:
        return ""
    return (
        f"{measured.low:.0%}–{measured.high:.0%}".replace("%–", "–")
        if share
        else f"{measured.low:.2f}–{measured.high:.2f}"
    )


def tell_interval(measured: Measured | None, *, share: bool) -> str:
    """Return HTML of an interval with its name, empty where there is none."""
    interval = say_interval(measured, share=share)
    return both("agreement.interval_of", interval=interval) if interval else ""


def say_whole(measured: Measured | None, *, share: bool) -> str:
    """Return ``0.62 (0.51–0.72)``, or a dash."""
    interval = say_interval(measured, share=share)
    return say_value(measured, share=share) + (f" ({interval})" if interval else "")


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
