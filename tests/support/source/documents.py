"""The code of a document, so that a test can run what the document tells a reader to write."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parents[3] / "docs"


def read_code(name: str, language: str = "python") -> list[str]:
    """Return a document's blocks of code in one language, in order. name: below ``docs``."""
    text = (DOCS / name).read_text(encoding="utf-8")
    found = re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert found, f"docs/{name} holds no {language}"
    return found


def run_code(code: str, name: str, names: dict[str, Any]) -> dict[str, Any]:
    """Run a block of a document's code and return the names that it leaves. names: those that it starts
    with."""
    exec(compile(code, f"docs/{name}", "exec"), names)
    return names
