"""``python -m tests.robustness.fuzzed.fuzz [COUNT] [--go-on]``: give at least COUNT generated inputs (100,000) to
the readers, and say how many each one got.

``--go-on`` adds to the run before, so that a long run can be made of short ones.
``build/reliability/fuzz.json`` keeps the counts for ``python -m tests.robustness.reliability``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.robustness.fuzzed.fuzzing import EXAMPLES_VARIABLE, REPORT_VARIABLE
from tests.robustness.load.results import read_result, write_result

NAME = "fuzz"


def main(total: int, *, go_on: bool) -> int:
    """Run the targets, each with its share; returns pytest's exit code, or 1 when fewer inputs were tried
    than asked for."""
    from tests.robustness.fuzzed import test_fuzzing, test_fuzzing_page

    modules = (test_fuzzing, test_fuzzing_page)
    targets = [name for module in modules for name in dir(module) if name.startswith("test_")]
    before = read_result(NAME) if go_on else None
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "tried.json")
        environment = {
            **os.environ,
            EXAMPLES_VARIABLE: str(-(-total // len(targets))),
            REPORT_VARIABLE: str(report),
        }
        code = subprocess.run(
            [sys.executable, "-m", "pytest", *(str(module.__file__) for module in modules)],
            env=environment,
            check=False,
        ).returncode
        tried: Counter[str] = Counter(json.loads(report.read_bytes()) if report.is_file() else {})
    count = tried.total()
    tried.update((before or {}).get("tried", {}))
    write_result(
        NAME,
        {
            "tried": dict(sorted(tried.items())),
            "failed_runs": (before or {}).get("failed_runs", 0) + (code != 0),
        },
    )
    print(*(f"{name:<24} {number:>7}" for name, number in sorted(tried.items())), sep="\n")
    print(
        f"{count} generated inputs in this run, {tried.total()} in all, {'no' if code == 0 else 'AN'} "
        "undocumented error"
    )
    return code or int(count < total)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Give generated inputs to every reader.")
    parser.add_argument("count", type=int, nargs="?", default=100_000)
    parser.add_argument("--go-on", action="store_true", help="add to the counts of the run before")
    arguments = parser.parse_args()
    sys.exit(main(arguments.count, go_on=arguments.go_on))
