"""The page on reliability speaks of tests that there are and of numbers that were measured."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.robustness.fuzzed import test_fuzzing, test_fuzzing_page
from tests.robustness.reliability import FAULTS, exists, find_tests, write_page

NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


@pytest.mark.parametrize(("file", "test"), list(find_tests()))
def test_every_test_that_the_table_names_is_there(file: str, test: str) -> None:
    assert exists(file, test)


def test_the_page_as_it_is_written_names_tests_that_are_there(repository: Path) -> None:
    named = NAMED.findall((repository / "docs" / "reliability.md").read_text(encoding="utf-8"))
    assert len(named) >= len(FAULTS)
    for file, test in named:
        assert exists(file, test), (file, test)
    for module in (test_fuzzing, test_fuzzing_page):
        file = f"{module.__name__.replace('.', '/')}.py"
        assert {test for found, test in named if found == file} <= {"", *dir(module)}


def test_what_was_not_run_or_failed_is_said_and_not_made_up() -> None:
    first, second, *_ = (test for _, test in FAULTS)
    page = write_page({first: (3, 1)})
    assert f"| 3 | 1 | `tests/{first}` |" in page
    assert f"| not run |  | `tests/{second}` |" in page
