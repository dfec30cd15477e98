"""Options with an order, and questions that ask for a number: each of its values is an option, so that answers are
indices here too."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from magic_demo.core.errors import FormatError
from magic_demo.core.types import Scale

ORDERED = "ordered"
MOST_VALUES = 1001
"""Of a number that is asked for: 0 to 100 in tenths."""
_DIGITS = 6


def read_scale(path: Path, qid: str, value: Any, options: int) -> Scale | None:
    """Return the scale of named options: none, or ``ordered``. Raises FormatError."""
    if value is None:
        return None
    if value != ORDERED:
        raise FormatError(
            "{path}: {question} has the scale {came!r}; 'ordered' is expected, or a number with min and max",
            path=path,
            question=qid,
            came=str(value)[:40],
        )
    return Scale(tuple(map(float, range(options))))


def read_number(path: Path, qid: str, value: Any) -> tuple[Scale, tuple[str, ...]]:
    """Return the scale of a number, ``{min, max, step, unit}``, and its options: every value with its unit.

    Raises FormatError for another one, and for more values than there may be.
    """
    try:
        unknown = value.keys() - {"min", "max", "step", "unit"}
        low, high, step = float(value["min"]), float(value["max"]), float(value.get("step", 1))
        steps = (high - low) / step
        whole = math.isfinite(steps) and abs(steps - round(steps)) < 1e-6 and 1 <= round(steps) < MOST_VALUES
    except (AttributeError, KeyError, TypeError, ValueError, ArithmeticError):
        unknown, whole = set(), False
    if unknown or not whole:
        raise FormatError(
            "{path}: {question} needs a number's min and max, a step that leads from one to the other (at most "
            "{limit} values) and, if it has one, its unit",
            path=path,
            question=qid,
            limit=MOST_VALUES,
        )
    values = tuple(round(low + place * step, _DIGITS) for place in range(round(steps) + 1))
    unit = str(value.get("unit") or "")
    return Scale(values, True, unit), tuple(f"{number:.10g} {unit}".strip() for number in values)


def write_scale(scale: Scale | None) -> dict[str, Any]:
    """Return what a question file says of a scale."""
    if scale is None:
        return {}
    if not scale.typed:
        return {"scale": ORDERED}
    step = round(scale.values[1] - scale.values[0], _DIGITS)
    return {"number": {"min": scale.values[0], "max": scale.values[-1], "step": step, "unit": scale.unit}}
