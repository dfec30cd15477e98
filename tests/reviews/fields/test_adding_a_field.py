"""The how-to of a new field of a review, followed word for word on a copy of the program."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.source.documents import read_code

PROGRAM = Path(__file__).resolve().parents[3] / "magic_demo"
HOW_TO = "how-to/add-a-review-field.md"


def test_the_how_to_adds_a_field_to_page_store_exports_and_import(tmp_path: Path) -> None:
    shutil.copytree(
        PROGRAM, tmp_path / "magic_demo", ignore=shutil.ignore_patterns("__pycache__", "*.ttf", "checkpoints")
    )
    (field,), (words,), (script,) = (read_code(HOW_TO, language) for language in ("python", "json", "script"))
    _add_after(tmp_path / "magic_demo/core/review_types.py", "    difficulty: ", field)
    _add_after(tmp_path / "magic_demo/page/panels/review/texts.json", '  "review.difficulty_hard"', words)
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def _add_after(path: Path, start: str, added: str) -> None:
    """Add lines to a file after the one line that begins so."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    (number,) = (number for number, line in enumerate(lines) if line.startswith(start))
    path.write_text("".join([*lines[: number + 1], added, *lines[number + 1 :]]), encoding="utf-8")
