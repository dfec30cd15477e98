"""``python -m magic_demo sample-size``: how many cases a reader study needs for an interval of a stated width."""

from __future__ import annotations

import argparse
import math

from magic_demo.core.errors import FormatError

Z = 1.959964
"""Of a 95% interval."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``python -m magic_demo sample-size``."""
    parser.epilog = (
        "A hint from large-sample formulas: of few cases, or values near 0 or 1, the interval that agreement measures "
        "by resampling may be wider."
    )
    parser.add_argument(
        "--width", type=float, required=True, metavar="W", help="of the 95%% interval, from end to end"
    )
    parser.add_argument(
        "--same", type=float, metavar="P", help="expected share of answers that two readers give alike"
    )
    parser.add_argument("--kappa", type=float, metavar="K", help="expected kappa; with --prevalence")
    parser.add_argument(
        "--prevalence",
        type=float,
        default=0.5,
        metavar="P",
        help="share of cases with the answer yes, for --kappa (default: %(default)s)",
    )
    parser.add_argument("--icc", type=float, metavar="R", help="expected ICC of a question for a number")
    parser.add_argument(
        "--readers", type=int, default=2, metavar="N", help="who read every case, for --icc (default: 2)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print one line for each number that was asked for; returns 0. Raises FormatError for one out of range."""
    width = _within("--width", arguments.width, 0, 2)
    lines = []
    if arguments.same is not None:
        lines.append(
            ("answers alike", arguments.same, of_share(_within("--same", arguments.same, 0, 1), width))
        )
    if arguments.kappa is not None:
        prevalence = _within("--prevalence", arguments.prevalence, 0, 1)
        count = of_kappa(_within("--kappa", arguments.kappa, -1, 1), prevalence, width)
        lines.append(("kappa", arguments.kappa, count))
    if arguments.icc is not None:
        if arguments.readers < 2:
            raise FormatError("--readers {count}: two or more are expected", count=arguments.readers)
        count = of_icc(_within("--icc", arguments.icc, 0, 1), arguments.readers, width)
        lines.append(("ICC", arguments.icc, count))
    if not lines:
        raise FormatError("nothing to plan for; give --same, --kappa or --icc")
    for name, value, cases in lines:
        print(f"{name} {value:g} with a 95% interval of width {width:g}: about {cases} cases")
    return 0


def of_share(share: float, width: float) -> int:
    """Return how many cases for a share, by the normal approximation."""
    return _round(4 * Z**2 * share * (1 - share) / width**2)


def of_kappa(kappa: float, prevalence: float, width: float) -> int:
    """Return how many cases for the kappa of two readers on yes or no, both with one prevalence.

    Donner and Eliasziw, Statistics in Medicine 11:1511-1519, 1992.
    """
    spread = 2 * prevalence * (1 - prevalence)
    variance = (1 - kappa) * ((1 - kappa) * (1 - 2 * kappa) + kappa * (2 - kappa) / spread)
    return _round(4 * Z**2 * variance / width**2)


def of_icc(icc: float, readers: int, width: float) -> int:
    """Return how many cases for an ICC. Bonett, Statistics in Medicine 21:1331-1335, 2002."""
    share = (1 - icc) ** 2 * (1 + (readers - 1) * icc) ** 2
    return _round(8 * Z**2 * share / (readers * (readers - 1) * width**2) + 1)


def _round(cases: float) -> int:
    return max(2, math.ceil(cases - 1e-9))


def _within(name: str, value: float, low: float, high: float) -> float:
    if not low < value < high:
        raise FormatError(
            "{name} {value}: a number between {low} and {high} is expected",
            name=name,
            value=value,
            low=low,
            high=high,
        )
    return value
