"""How far learning is, for whoever waits: a bar on a terminal, lines in a log, and a small file that the page reads."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

from tqdm import tqdm

from magic_demo.core.disk.whole_files import write_json
from magic_demo.reviews.learning.learnt import PROGRESS, Progress

SECONDS = 0.5
"""The file is written no more often."""
PARTS = {"reviews": 0.05, "before": 0.2, "outline": 0.4, "answers": 0.15, "after": 0.2}
"""Stage -> about how much of the whole it is."""

Item = TypeVar("Item")


class Teller:
    """Tells how far learning is. folder: where the file goes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._stage, self._told = "", 0.0

    def begin(self, stage: str, line: str) -> None:
        """Say that a stage begins."""
        self._stage = stage
        print(line, flush=True)
        self._write(0.0, line, now=True)

    def tell(self, share: float, line: str) -> None:
        """Say how far the stage is, 0..1."""
        self._write(share, line, now=share >= 1)

    def follow(self, items: Iterable[Item], count: int, line: str) -> Iterator[Item]:
        """Yield the items, telling before each, with a bar where somebody watches a terminal."""
        bar = tqdm(items, total=count, desc=line, leave=False, disable=not sys.stderr.isatty())
        for number, item in enumerate(bar):
            self.tell(number / max(1, count), f"{line} {number + 1}/{count}")
            yield item

    def _write(self, share: float, line: str, *, now: bool) -> None:
        if not now and time.monotonic() - self._told < SECONDS:
            return
        self._told = time.monotonic()
        before = sum(part for stage, part in PARTS.items() if _comes_before(stage, self._stage))
        whole = before + PARTS.get(self._stage, 0.0) * min(1.0, max(0.0, share))
        write_json(self.folder / PROGRESS, asdict(Progress(round(whole, 4), line)), private=True)


def _comes_before(stage: str, other: str) -> bool:
    stages = list(PARTS)
    return other in stages and stages.index(stage) < stages.index(other)
