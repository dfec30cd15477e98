"""``python -m tests.fuzz [COUNT]``: give at least COUNT generated inputs (100,000) to the readers, and print how many each one got."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.fuzzing import EXAMPLES_VARIABLE

REPORT = "MAGIC_DEMO_FUZZ_REPORT"


def main(total: int) -> int:
    """Run the targets, each with its share; returns pytest's exit code, or 1 when fewer inputs were tried than asked for."""
    from tests import test_fuzzing

    targets = [name for name in dir(test_fuzzing) if name.startswith("test_")]
    share = -(-total // len(targets))
    report = Path(os.environ.setdefault(REPORT, "build/fuzz.txt"))
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    environment = {**os.environ, EXAMPLES_VARIABLE: str(share)}
    code = subprocess.run([sys.executable, "-m", "pytest", "tests/test_fuzzing.py"], env=environment, check=False).returncode
    lines = report.read_text(encoding="utf-8").splitlines() if report.is_file() else []
    tried = sum(int(line.split()[-1]) for line in lines)
    print(*lines, f"{tried} generated inputs, {'no' if code == 0 else 'AN'} undocumented error", sep="\n")
    return code or int(tried < total)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
