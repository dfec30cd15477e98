"""Ray's actors read photos by address, each for itself: ``make interop``, in an environment that has the extra."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from magic_demo.__main__ import main
from magic_demo.challenge.running.engines import RayActors
from magic_demo.files.remote.addresses import read_place
from tests.support.batch_runs import IDS, predict, read_files, write_data
from tests.support.stand_ins import stand_in_predictor
from tests.support.web_folder import WebFolder, serve_folder

pytestmark = pytest.mark.real_packages
SECOND = f"IMG_{IDS[1]}_00001.png"


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """Serve the test's folder; give its address."""
    with serve_folder(tmp_path) as address:
        yield address


def test_the_command_shares_out_data_by_address_among_actors(web: str, tmp_path: Path) -> None:
    write_data(tmp_path / "data")
    words = ["--split", "valid", "--quiet", "--bundle", "--workers", "1", "--out"]
    assert main(["predict", str(tmp_path / "data"), *words, str(tmp_path / "here")]) == 0
    assert main(["predict", f"{web}/data", "--ray", "local", *words, str(tmp_path / "there")]) == 0
    photos = ["--photos", f"{web}/data/valid/images_valid"]
    assert (
        main(["predict", str(tmp_path / "data"), *photos, "--ray", "local", *words, str(tmp_path / "apart")])
        == 0
    )
    here = read_files(tmp_path / "here")
    assert read_files(tmp_path / "there") == here and read_files(tmp_path / "apart") == here


def test_a_connection_that_breaks_off_for_an_actor_costs_its_encounter_which_is_tried_again(
    web: str, tmp_path: Path
) -> None:
    data = write_data(tmp_path / "data")
    WebFolder.breaks.add(SECOND)
    engine = RayActors("local", stand_in_predictor, 2)
    (problem,) = predict(read_place(f"{web}/data"), tmp_path / "there", engine=engine).problems
    assert problem.startswith(f"{IDS[1]}: ") and SECOND in problem and "same command again" in problem
    WebFolder.breaks.clear()
    again = predict(read_place(f"{web}/data"), tmp_path / "there", engine=engine)
    assert (again.done_now, again.problems) == (1, ())
    predict(data, tmp_path / "here")
    assert read_files(tmp_path / "there") == read_files(tmp_path / "here")
