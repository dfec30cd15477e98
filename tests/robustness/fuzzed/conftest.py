"""How many inputs the targets got."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.robustness.fuzzed.fuzzing import REPORT_VARIABLE, tried


@pytest.fixture(scope="module", autouse=True)
def counted() -> Iterator[None]:
    """Write how many inputs each test gave, where ``make fuzz`` wants to know."""
    yield
    if REPORT_VARIABLE in os.environ:
        Path(os.environ[REPORT_VARIABLE]).write_text(json.dumps(tried), encoding="utf-8")
