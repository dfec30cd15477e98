"""How much is fuzzed: a fixed share in every test run, ``make fuzz`` the whole; counted over all targets."""

from __future__ import annotations

import os
from collections import Counter

from hypothesis import HealthCheck, settings

EXAMPLES_VARIABLE = "MAGIC_DEMO_FUZZ_EXAMPLES"
"""How many inputs one target gets; without it a small number, the same ones in every run."""
REPORT_VARIABLE = "MAGIC_DEMO_FUZZ_REPORT"
"""Where the counts are written to, as JSON, where somebody wants to know."""
EXAMPLES = int(os.environ.get(EXAMPLES_VARIABLE, "0"))

FUZZ = settings(
    max_examples=EXAMPLES or 25,
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
tried: Counter[str] = Counter()
"""Inputs that were given to each target."""
