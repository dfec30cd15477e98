"""What numbers a setting may have, said where it is declared: ``epochs: Positive = 20.0``."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated


@dataclass(frozen=True)
class Range:
    """Finite numbers from ``least`` to ``most``. above, below: whether that end itself is left out."""

    least: float
    most: float = math.inf
    above: bool = False
    below: bool = False

    def holds(self, value: float) -> bool:
        """Tell whether a number lies in the range; one that is not finite never does."""
        low = value > self.least if self.above else value >= self.least
        return math.isfinite(value) and low and (value < self.most if self.below else value <= self.most)

    def __str__(self) -> str:
        """Return the range in words: "above 0", "0 to 1", "0 to below 1"."""
        if math.isinf(self.most):
            return f"above {self.least:g}" if self.above else f"{self.least:g} or more"
        low = f"above {self.least:g}" if self.above else f"{self.least:g}"
        return f"{low} to {'below ' if self.below else ''}{self.most:g}"


Positive = Annotated[float, Range(0, above=True)]
NotNegative = Annotated[float, Range(0)]
Share = Annotated[float, Range(0, 1)]
Decay = Annotated[float, Range(0, 1, below=True)]
AtLeastOne = Annotated[float, Range(1)]
Count = Annotated[int, Range(1)]
CountOrNone = Annotated[int, Range(0)]
Folds = Annotated[int, Range(2)]
Seed = Annotated[int, Range(0, 2**32 - 1)]
Side = Annotated[int, Range(16, 8192)]
"""A photo's, in pixels."""
