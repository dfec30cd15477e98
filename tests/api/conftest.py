"""One server with the doors open for the tests that change nothing of each other's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.api.doors import Doors, open_doors


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    """Serve the API over a store of its own."""
    with open_doors(tmp_path_factory.mktemp("api")) as opened:
        yield opened
