"""In which order files of tests are begun."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import LONGEST, pytest_collection_modifyitems


@pytest.mark.parametrize("name", LONGEST)
def test_a_file_that_is_begun_early_exists(repository: Path, name: str) -> None:
    assert (repository / "tests" / name).is_file()


def test_the_longest_files_are_begun_first_and_every_file_in_its_own_order(
    request: pytest.FixtureRequest,
) -> None:
    class Item:
        def __init__(self, path: Path, number: int) -> None:
            self.path, self.number = path, number

        def get_closest_marker(self, _name: str) -> None:
            return None

    tests = request.config.rootpath / "tests"
    names = ["core/test_limits.py", LONGEST[1], "core/test_plural.py", LONGEST[0]]
    items = [Item(tests / name, number) for name in names for number in range(2)]
    pytest_collection_modifyitems(items)  # type: ignore[arg-type]
    assert [(item.path, item.number) for item in items] == [
        (tests / names[place], number) for place in (3, 1, 0, 2) for number in range(2)
    ]
