"""Two runs never write into one folder at once; what a killed one left does not stop the next."""

from __future__ import annotations

from pathlib import Path

import pytest

from magic_demo.core.disk.parts import LOCK, alone_at
from magic_demo.core.errors import FormatError
from tests.support.batch_runs import predict, write_data


def test_a_second_run_into_the_same_folder_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    data, out = write_data(tmp_path / "data"), tmp_path / "out"
    predict(data, out)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    with alone_at(out):
        for restart in (False, True):
            with pytest.raises(FormatError, match="another run is writing there"):
                predict(data, out, restart=restart)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_the_lock_of_a_killed_run_is_no_lock(tmp_path: Path) -> None:
    data, out = write_data(tmp_path / "data"), tmp_path / "out"
    out.mkdir()
    (out / LOCK).touch()
    assert predict(data, out).encounters == 3
    assert not (out / LOCK).exists()
