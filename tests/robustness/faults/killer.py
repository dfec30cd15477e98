"""Has children of one process do things, each killed: at a random instant, or at a step of its work."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SEED = 7


class Killer:
    """Asks the process that forks the children, ``tests.robustness.faults.faulty_process``."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def kill(self, what: str, folder: Path, turns: int, times: int, after: Callable[[str], None]) -> int:
        """Kill so many times within the time that so many lines take on this machine now, and check after
        each; returns how many were still at work."""
        chance = random.Random(f"{what} {SEED}")
        killed = 0
        first = self.ask(what, folder, turns=turns)
        after(first["said"])
        longest = first["seconds"]
        for _ in range(times):
            told = self.ask(what, folder, chance.uniform(0, longest))
            killed += told["killed"]
            after(told["said"])
        return killed

    def kill_at_steps(
        self, what: str, make: Callable[[str], Path], after: Callable[[Path], None], most: int
    ) -> int:
        """Kill at up to ``most`` of the steps that the work takes, in a folder of its own each time, and
        check after each; returns how many kills there were."""
        steps = int(self.ask(what, make("whole"), step=0)["said"].splitlines()[-1])
        chosen = sorted({1 + number * steps // most for number in range(most)})
        for step in chosen:
            folder = make(f"step {step}")
            told = self.ask(what, folder, step=step)
            assert told["killed"], f"{what} takes {steps} steps and was not killed at {step}"
            after(folder)
        return len(chosen)

    def ask(
        self,
        what: str,
        folder: Path,
        instant: float = 0.0,
        *,
        turns: int | None = None,
        step: int | None = None,
    ) -> dict[str, Any]:
        """Have one child do something for at most so many seconds, until it has said so many lines, or up to
        a step (0: to its end, steps counted)."""
        assert self._process.stdin is not None and self._process.stdout is not None
        asked = {"what": what, "folder": str(folder), "instant": instant, "turns": turns, "step": step}
        print(json.dumps(asked), file=self._process.stdin, flush=True)
        told: dict[str, Any] = json.loads(self._process.stdout.readline())
        return told


@contextmanager
def run_killer(repository: Path) -> Iterator[Killer]:
    """Run the one process whose children are killed: what they need is imported once."""
    words = [sys.executable, "-m", "tests.robustness.faults.faulty_process"]
    with subprocess.Popen(
        words, cwd=repository, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Killer(process)
        assert process.stdin is not None
        process.stdin.close()
