"""What long runs have measured, as JSON in ``build/reliability``: ``python -m tests.robustness.reliability``
makes a table of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from magic_demo.core.disk.whole_files import write_json
from tests.conftest import REPOSITORY

FOLDER = REPOSITORY / "build" / "reliability"


def write_result(name: str, result: dict[str, Any]) -> None:
    """Keep what a run has measured, with the day it was."""
    write_json(FOLDER / f"{name}.json", {"day": datetime.now(UTC).date().isoformat(), **result})


def read_result(name: str) -> dict[str, Any] | None:
    """Return what the last run of this name has measured, None where there was none."""
    path = FOLDER / f"{name}.json"
    if not path.is_file():
        return None
    read: dict[str, Any] = json.loads(path.read_bytes())
    return read
