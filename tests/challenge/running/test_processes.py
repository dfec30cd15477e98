"""Several processes write the files of one; a process that ends costs time alone, an encounter that ends them
costs itself."""

from __future__ import annotations

import json
import os
import signal
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from magic_demo.challenge.batch import predict_folder
from magic_demo.challenge.running.engines import Processes, RayActors
from magic_demo.challenge.running.journal import Journal
from magic_demo.core.errors import BackendError, CheckpointError, ModelError
from magic_demo.files.answers import read_answers
from magic_demo.models.backends.backend import is_built_for_cards
from magic_demo.models.predictor import Predictor
from tests.support.batch_runs import (
    IDS,
    EndsItsProcess,
    StopsAt,
    TakesItsTime,
    predict,
    read_files,
    write_data,
    write_photos,
)
from tests.support.stand_ins import stand_in_predictor


@pytest.mark.long
def test_two_processes_write_the_files_of_one_and_any_number_goes_on_with_them(tmp_path: Path) -> None:
    data, two = write_data(tmp_path / "data"), Processes(2, stand_in_predictor)
    options = {"pictures": True, "bundle": True}
    predict(data, tmp_path / "here", **options)
    report = predict(data, tmp_path / "two", engine=two, **options)
    assert (report.encounters, report.done_now, report.masks, report.problems) == (3, 3, 3, ())
    assert read_files(tmp_path / "two") == read_files(tmp_path / "here")
    assert report.busy.total > 0 < report.busy.work
    with pytest.raises(KeyboardInterrupt):
        predict(data, tmp_path / "stopped", predictor=StopsAt("ENC00002"), **options)
    again = predict(data, tmp_path / "stopped", engine=two, **options)
    assert again.done_now == 2 and read_files(tmp_path / "stopped") == read_files(tmp_path / "here")
    started: list[int] = []
    predict(data, tmp_path / "two", engine=Processes(2, stand_in_predictor, started.append), **options)
    assert not started, "nothing is left to do, no models are loaded for it"


@pytest.mark.long
def test_processes_that_are_killed_cost_time_alone(tmp_path: Path) -> None:
    data, count = write_photos(tmp_path / "photos", 24), 24
    predict_folder(data, tmp_path / "whole", stand_in_predictor(), quiet=True)
    kills = 0

    def kill_the_one_before(process: int) -> None:
        """Kill each process but the first when the next one is started, and that one by the journal's growth."""
        nonlocal kills
        if started and kills < 4:
            os.kill(started[-1], signal.SIGKILL)
            kills += 1
        started.append(process)

    started: list[int] = []
    report = predict_folder(
        data,
        tmp_path / "out",
        stand_in_predictor(),
        quiet=True,
        engine=Processes(2, TakesItsTime, kill_the_one_before),
    )
    assert kills == 4 and len(started) >= 5
    assert (report.encounters, report.done_now, report.masks, report.problems) == (count, count, count, ())
    assert read_files(tmp_path / "out") == read_files(tmp_path / "whole")
    lines = (tmp_path / "out" / "journal.jsonl").read_bytes().splitlines()
    assert sorted(json.loads(line)["encounter_id"] for line in lines) == [f"P{n:03}" for n in range(count)]


@pytest.mark.long
def test_an_encounter_that_ends_every_process_is_a_problem_and_the_others_are_done(tmp_path: Path) -> None:
    data = write_data(tmp_path / "data")
    report = predict(data, tmp_path / "out", engine=Processes(1, partial(EndsItsProcess, IDS[1])))
    assert (report.encounters, report.masks) == (3, 2)
    assert all(problem.startswith(f"{IDS[1]}: ") for problem in report.problems)
    assert "ended 3 times, signal 9" in report.problems[0]
    assert set(read_answers(tmp_path / "out" / "data_cvqa_sys.json")) == set(IDS)
    assert (tmp_path / "out" / "masks_preds" / f"IMG_{IDS[1]}_00001_mask_sys.tiff").is_file()
    assert predict(data, tmp_path / "out").done_now == 1, "it is tried again"


def _note_start(folder: Path) -> Predictor:
    """Load the stand-ins, and note who started this process and what it finds in its environment."""
    seen = {"parent": os.getppid(), "environment": os.environ.get("TOLD"), "cores": torch.get_num_threads()}
    (folder / str(os.getpid())).write_text(json.dumps(seen), encoding="utf-8")
    return stand_in_predictor()


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux" or is_built_for_cards(), reason="workers are not forked here")
def test_workers_are_forked_from_one_server_and_see_the_environment_of_their_own_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, parents = write_photos(tmp_path / "photos", 4), set()
    Processes(1, stand_in_predictor).warm_up()
    for word in ("first", "second"):
        monkeypatch.setenv("TOLD", word)
        notes = tmp_path / word
        notes.mkdir()
        engine = Processes(2, partial(_note_start, notes))
        report = predict_folder(
            data, tmp_path / f"out {word}", stand_in_predictor(), quiet=True, engine=engine
        )
        assert report.masks == 4
        starts = [json.loads(path.read_text(encoding="utf-8")) for path in notes.iterdir()]
        assert len(starts) == 2 and {start["environment"] for start in starts} == {word}
        assert {start["cores"] for start in starts} == {1}
        parents |= {start["parent"] for start in starts}
    assert len(parents) == 1 and parents != {os.getpid()}


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux" or is_built_for_cards(), reason="workers are not forked here")
def test_a_killed_server_costs_time_alone(tmp_path: Path) -> None:
    data, kills = write_photos(tmp_path / "photos", 12), 0
    predict_folder(data, tmp_path / "whole", stand_in_predictor(), quiet=True)

    def kill_the_server(process: int) -> None:
        nonlocal kills
        if kills < 2:
            kills += 1
            about = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2]
            os.kill(int(about.split()[1]), signal.SIGKILL)
            os.kill(process, signal.SIGKILL)

    engine = Processes(2, TakesItsTime, kill_the_server)
    report = predict_folder(data, tmp_path / "out", stand_in_predictor(), quiet=True, engine=engine)
    assert kills == 2 and (report.done_now, report.problems) == (12, ())
    assert read_files(tmp_path / "out") == read_files(tmp_path / "whole")


def _refuse() -> Predictor:
    raise CheckpointError("no such checkpoint")


def _end() -> Predictor:
    os._exit(7)


@pytest.mark.long
def test_processes_that_cannot_load_their_models_end_the_run_in_one_line(tmp_path: Path) -> None:
    data = write_data(tmp_path / "data")
    with pytest.raises(ModelError, match="cannot go on: no such checkpoint"):
        predict(data, tmp_path / "out", engine=Processes(1, _refuse))
    with pytest.raises(ModelError, match="while they load the models"):
        predict(data, tmp_path / "out", engine=Processes(1, _end))
    assert len(Journal(tmp_path / "out" / "journal.jsonl", tmp_path / "out")) == 0


def test_ray_that_is_not_installed_or_not_there_is_said_in_one_line_and_nothing_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, out = write_data(tmp_path / "data"), tmp_path / "out"
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(BackendError, match=r"pip install -r requirements-ray\.lock"):
        predict(data, out, engine=RayActors("local", stand_in_predictor))
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace())
    with pytest.raises(BackendError, match=r"127\.0\.0\.1:1: no Ray cluster can be reached there"):
        predict(data, out, engine=RayActors("127.0.0.1:1", stand_in_predictor))
    assert len(Journal(out / "journal.jsonl", out)) == 0
