"""What Gradio does when it is imported."""

from __future__ import annotations

import subprocess
import sys

REFUSED = """
import ast
def refuse(*_):
    raise AssertionError("Gradio parses its own source")
ast.get_source_segment = refuse
"""
PROGRAM = "from magic_demo.__main__ import main; main(['serve', '--help'])"


def run(lines: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", REFUSED + lines], capture_output=True, text=True, check=False
    )


def test_the_program_imports_gradio_without_the_type_stubs_that_it_writes() -> None:
    done = run(f"try: {PROGRAM}\nexcept SystemExit: import sys; assert 'gradio' in sys.modules")
    assert done.returncode == 0, done.stderr


def test_gradio_by_itself_still_writes_them() -> None:
    assert "Gradio parses its own source" in run("import gradio").stderr, "gradio_internals/stubs.py can go"
