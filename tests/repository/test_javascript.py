"""The page's JavaScript has tests of its own, in tests/js, and a linter; both run here, so that one command
runs everything."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import playwright


def test_the_javascript_tests_pass(repository: Path) -> None:
    node = Path(playwright.__file__).parent / "driver" / "node"  # the one that drives the browser tests
    files = sorted((repository / "tests" / "js").rglob("*.test.mjs"))
    assert files
    result = subprocess.run(
        [str(node), "--test", *map(str, files)], capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-2000:]


def test_the_javascript_is_lint_free(repository: Path) -> None:
    linter = Path(sys.executable).parent / "oxlint"
    folders = ["magic_demo/page", "tests/js"]
    result = subprocess.run(
        [str(linter), "--deny-warnings", *folders],
        cwd=repository,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-2000:]
