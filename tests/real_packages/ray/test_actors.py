"""A real Ray on this machine does a run's cases: ``make interop``, in an environment that has the extra."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest

from magic_demo.challenge.batch import predict_folder
from magic_demo.challenge.running.engines import RayActors
from magic_demo.core.errors import BackendError, ModelError
from tests.challenge.running.test_processes import _refuse
from tests.support.batch_runs import IDS, EndsItsProcess, predict, read_files, write_data, write_photos
from tests.support.stand_ins import stand_in_predictor

pytestmark = pytest.mark.real_packages


def test_actors_write_the_files_of_one_process_and_go_on_with_a_stopped_run(tmp_path: Path) -> None:
    data = write_photos(tmp_path / "photos", 24)
    predict_folder(data, tmp_path / "whole", stand_in_predictor(), bundle=True, quiet=True)
    engine = RayActors("local", stand_in_predictor, 2)
    report = predict_folder(
        data, tmp_path / "out", stand_in_predictor(), bundle=True, quiet=True, engine=engine
    )
    assert (report.encounters, report.done_now, report.masks, report.problems) == (24, 24, 24, ())
    assert read_files(tmp_path / "out") == read_files(tmp_path / "whole")
    lines = (tmp_path / "out" / "journal.jsonl").read_text().splitlines()
    assert sorted(json.loads(line)["encounter_id"] for line in lines) == [f"P{n:03}" for n in range(24)]
    (tmp_path / "out" / "journal.jsonl").write_text("".join(f"{line}\n" for line in lines[:20]))
    again = predict_folder(
        data, tmp_path / "out", stand_in_predictor(), bundle=True, quiet=True, engine=engine
    )
    assert again.done_now == 4 and read_files(tmp_path / "out") == read_files(tmp_path / "whole")


def test_an_encounter_that_ends_every_actor_is_a_problem_and_the_others_are_done(tmp_path: Path) -> None:
    data = write_data(tmp_path / "data")
    report = predict(data, tmp_path / "out", engine=RayActors("local", partial(EndsItsProcess, IDS[1]), 1))
    assert (report.encounters, report.masks) == (3, 2)
    assert all(problem.startswith(f"{IDS[1]}: ") for problem in report.problems)
    assert "ended 3 times, with its Ray actor" in report.problems[0]


def test_actors_without_models_and_a_cluster_that_is_not_there_end_the_run_in_one_line(
    tmp_path: Path,
) -> None:
    data = write_data(tmp_path / "data")
    with pytest.raises(ModelError, match="cannot go on: no such checkpoint"):
        predict(data, tmp_path / "out", engine=RayActors("local", _refuse, 1))
    with pytest.raises(BackendError, match="no Ray cluster can be reached there"):
        predict(data, tmp_path / "out", engine=RayActors("127.0.0.1:1", stand_in_predictor, 1))
