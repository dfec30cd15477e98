"""How often site, texture, itch and duration go together, as SCIN's volunteers report them; the file names
source and licence."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

FILE = Path(__file__).with_name("scin_frequencies.json")
HEAD_OF_BOTH = 2 / 3
"""Share of "head or neck" that is the head, about as in the reference answers of DermaVQA's train split."""


class Finding(NamedTuple):
    """What a volunteer reports. site: an option of CQID011, or "head or neck". texture: fluid, rough, raised
    or flat. itch: yes or no. duration: an option of CQID015."""

    site: str
    texture: str
    itch: str
    duration: str


@lru_cache(maxsize=1)
def load_frequencies() -> tuple[tuple[Finding, float], ...]:
    """Return how many cases report each finding (``python -m training scin-table``)."""
    rows = json.loads(FILE.read_text(encoding="utf-8"))["rows"]
    return tuple((Finding(*finding), float(count)) for *finding, count in rows)


def draw_finding(rng: np.random.Generator) -> Finding:
    """Draw a finding as often as it is reported; its site is an option of CQID011."""
    table = load_frequencies()
    counts = np.array([count for _, count in table])
    finding = table[int(rng.choice(len(table), p=counts / counts.sum()))][0]
    if finding.site != "head or neck":
        return finding
    return finding._replace(site="head" if rng.random() < HEAD_OF_BOTH else "neck")
