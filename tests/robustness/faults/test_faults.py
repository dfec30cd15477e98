"""Killed at any instant, disk full, locked, read-only, damaged: nothing that was acknowledged is lost, no
half file, and the next try works."""

from __future__ import annotations

import json
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image
from safetensors.numpy import load_file

from magic_demo.__main__ import main
from magic_demo.challenge.batch import predict_folder
from magic_demo.core.errors import CheckpointError, StoreError
from magic_demo.core.review_types import CaseKey, Review
from magic_demo.files.answers import read_answers
from magic_demo.files.bundles import list_predictions, read_prediction
from magic_demo.files.encounters import read_encounters
from magic_demo.files.masks.mask_files import read_mask
from magic_demo.files.photos.reading import read_photo
from magic_demo.imaging.run_lengths import encode_mask
from magic_demo.models.loading.predictors import DEFAULT_SEGMENTATION
from magic_demo.models.registry import load_segmenter
from magic_demo.reviews.backups import restore_backup, write_backup
from magic_demo.reviews.store import LOCAL_READER, NewCase, Store
from tests.robustness.faults.killer import Killer, run_killer
from tests.support.stand_ins import draw_photo, stand_in_predictor
from tests.support.store.reviewed_cases import answer, draw_mask
from training.runs.trainer import find_whole_checkpoint

CASES = 12
KILLS = {"save": 12, "predict": 14, "export": 12, "backup": 12, "train": 10}
"""How often each is killed: 60 instants in all."""


def _write_data(folder: Path) -> Path:
    """Write cases with two photos each."""
    folder.mkdir(parents=True)
    entries = []
    for number in range(CASES):
        names = [f"IMG_E{number}_{photo}.png" for photo in (1, 2)]
        for name in names:
            Image.fromarray(draw_photo(40, 56)).save(folder / name)
        entries.append(
            {
                "encounter_id": f"E{number}",
                "author_id": f"A{number}",
                "image_ids": names,
                "query_content_en": "It itches.",
            }
        )
    (folder / "train.json").write_text(json.dumps(entries), encoding="utf-8")
    return folder


def _write_store(folder: Path, data: Path) -> None:
    """Save a finished review of every case."""
    with Store.open(folder) as store:
        store.add_cases("q", [NewCase(f"E{number}", str(data)) for number in range(CASES)])
        for number in range(CASES):
            masks = {f"IMG_E{number}_{photo}": encode_mask(draw_mask((40, 56), photo)) for photo in (1, 2)}
            store.save(
                Review(f"E{number}", LOCAL_READER, "assisted", "done", answer(number), masks=masks, queue="q")
            )


@pytest.fixture(scope="module")
def killer(repository: Path) -> Iterator[Killer]:
    """Give the one process whose children are killed: what they need is imported once."""
    with run_killer(repository) as running:
        yield running


def test_the_kills_are_fifty_and_more() -> None:
    assert sum(KILLS.values()) >= 50


def test_a_save_that_was_answered_survives_every_kill(tmp_path: Path, killer: Killer) -> None:
    place = tmp_path / "store"
    with Store.open(place) as store:
        store.add_cases("q", [NewCase("E1")])
    answered: dict[int, str] = {}

    def check(said: str) -> None:
        answered.update(
            {
                int(number): turn
                for number, _, turn in (line.partition(" ") for line in said.splitlines())
                if number != "open"
            }
        )
        with Store.open(place) as store:
            rows = {row.number: row.review for row in store.history(CaseKey("q", "E1"), LOCAL_READER)}
        assert {number: rows[number].comment for number in answered} == answered

    killer.kill("save", tmp_path, 20, KILLS["save"], check)
    assert len(answered) >= KILLS["save"]


@pytest.mark.long
def test_a_killed_run_leaves_no_half_file_and_goes_on(tmp_path: Path, killer: Killer) -> None:
    data, out = _write_data(tmp_path / "data"), tmp_path / "out"
    whole = predict_folder(
        data, tmp_path / "whole", stand_in_predictor(), pictures=True, bundle=True, quiet=True
    )
    done: list[int] = []

    def check(said: str) -> None:
        for path in out.rglob("*_mask_sys.tiff"):
            read_mask(path)
        for path in (out / "pictures").glob("[!.]*.jpg") if (out / "pictures").is_dir() else ():
            read_photo(path)
        for name in list_predictions(out / "bundle") if (out / "bundle").is_dir() else ():
            read_prediction(out / "bundle", name)
        done.append(len(list(out.glob("masks_preds/[!.]*.tiff"))))
        if said:  # it came to its end: the next one begins anew
            shutil.rmtree(out)
            done.append(0)

    killed = killer.kill("predict", tmp_path, 1, KILLS["predict"], check)
    report = predict_folder(data, out, stand_in_predictor(), pictures=True, bundle=True, quiet=True)
    assert killed >= 3 and max(done) > 0, done
    assert (report.encounters, report.masks, report.problems) == (whole.encounters, whole.masks, ())
    assert read_answers(out / "data_cvqa_sys.json") == read_answers(tmp_path / "whole" / "data_cvqa_sys.json")
    for path in (tmp_path / "whole" / "masks_preds").iterdir():
        assert (out / "masks_preds" / path.name).read_bytes() == path.read_bytes()


def test_a_run_that_was_killed_while_it_began_is_no_other_programs_folder(tmp_path: Path) -> None:
    data, out = _write_data(tmp_path / "data"), tmp_path / "out"
    out.mkdir()
    (out / ".manifest.json.x.part").write_text("{")
    assert predict_folder(data, out, stand_in_predictor(), quiet=True).encounters == CASES


@pytest.mark.long
def test_a_killed_export_is_there_whole_or_not_at_all(tmp_path: Path, killer: Killer) -> None:
    _write_store(tmp_path / "store", _write_data(tmp_path / "data"))
    seen = 0

    def check(said: str) -> None:
        nonlocal seen
        exports = list(tmp_path.glob("export *"))
        assert len(exports) >= len(said.splitlines())  # whatever was said to be written is there
        for folder in exports:
            assert json.loads((folder / "export.json").read_text())["readings"] == CASES
            found = [read_encounters(folder, split).encounters for split in ("train", "valid")]
            assert sum(map(len, found)) == CASES
            assert len(list((folder / "segmentations").rglob("*.tiff"))) == 2 * CASES
            shutil.rmtree(folder)
            seen += 1

    assert killer.kill("export", tmp_path, 2, KILLS["export"], check) == KILLS["export"]
    with Store.open(tmp_path / "store") as store:
        assert len(store.all_reviews("q")) == CASES


def test_a_killed_backup_is_there_whole_or_not_at_all(tmp_path: Path, killer: Killer) -> None:
    _write_store(tmp_path / "store", _write_data(tmp_path / "data"))
    seen = 0

    def check(said: str) -> None:
        nonlocal seen
        files = list(tmp_path.glob("backup *.zip"))
        assert len(files) >= len(said.splitlines())
        for number, file in enumerate(files):
            with zipfile.ZipFile(file) as archive:
                assert (
                    archive.testzip() is None
                    and json.loads(archive.read("backup.json"))["rows"]["reviews"] == CASES
                )
            if number == 0:
                with Store.open(tmp_path / f"again {seen}") as store:
                    restore_backup(file, store)
                    assert len(store.all_reviews("q")) == CASES
            file.unlink()
            seen += 1

    assert killer.kill("backup", tmp_path, 2, KILLS["backup"], check) == KILLS["backup"]
    with Store.open(tmp_path / "store") as store:
        assert len(store.all_reviews("q")) == CASES


@pytest.mark.long
def test_a_killed_training_run_goes_on_to_the_end_it_would_have_had(tmp_path: Path, killer: Killer) -> None:
    checkpoints = tmp_path / "run" / "checkpoints"
    whole = json.loads(killer.ask("train", tmp_path / "whole", 300.0)["said"].splitlines()[-1])
    reached = [0]

    def check(said: str) -> None:
        found = find_whole_checkpoint(checkpoints)
        if found is not None:
            load_file(found / "model.safetensors")
            reached.append(int(found.name.rpartition("-")[2]))
        # it came to its end: the next one begins anew
        if len(said.splitlines()) > 1 and said.splitlines()[-1].startswith('{"weights'):
            shutil.rmtree(checkpoints)
            reached.append(0)

    assert killer.kill("train", tmp_path, 20, KILLS["train"], check) >= 5
    assert max(reached) > 0
    assert json.loads(killer.ask("train", tmp_path, 300.0)["said"].splitlines()[-1]) == whole


def test_a_checkpoint_that_was_cut_short_is_passed_over(tmp_path: Path) -> None:
    for number, files in (
        (3, ("trainer_state.json", "model.safetensors", "optimizer.pt", "scheduler.pt")),
        (6, ("model.safetensors",)),
    ):
        folder = tmp_path / f"checkpoint-{number}"
        folder.mkdir()
        for name in files:
            (folder / name).write_text("{}")
    assert find_whole_checkpoint(tmp_path) == tmp_path / "checkpoint-3"
    (tmp_path / "checkpoint-3" / "trainer_state.json").write_text('{"epoch": 1')
    assert find_whole_checkpoint(tmp_path) is None


def _limited(repository: Path, code: str, size: int, *words: str) -> subprocess.CompletedProcess[str]:
    """Run code in a process none of whose files may grow beyond ``size`` bytes, as on a disk that is full."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    whole = f"import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n{code}"
    return subprocess.run(
        # -B: a module's bytecode that is cut off would stay in the checkout
        [sys.executable, "-B", "-c", whole, *words],
        cwd=repository,
        capture_output=True,
        text=True,
        preexec_fn=limit,
        check=False,
    )


COMMAND = "import sys; from magic_demo.__main__ import main; sys.exit(main(sys.argv[1:]))"
SAVE = """
import sys
from magic_demo.core.errors import StoreError
from magic_demo.reviews.store import Store
from magic_demo.core.review_types import Review
with Store.open(sys.argv[1]) as store:
    saved = 0
    try:
        for turn in range(1000):
            store.save(Review("E1", "local", queue="q", comment=f"{turn} " + "x" * 3000))
            saved += 1
    except StoreError as error:
        print(error)
    print(saved)
"""


def test_a_full_disk_costs_no_saved_review(tmp_path: Path, repository: Path) -> None:
    with Store.open(tmp_path) as store:
        store.add_cases("q", [NewCase("E1")])
    ended = _limited(repository, SAVE, 400_000, str(tmp_path))
    said, saved = ended.stdout.splitlines()
    assert ended.returncode == 0 and ("disk" in said), ended.stderr
    with Store.open(tmp_path) as store:
        kept = [row.review.comment.split()[0] for row in store.history(CaseKey("q", "E1"), LOCAL_READER)]
        assert kept == [str(turn) for turn in range(int(saved))] and 0 < len(kept) < 1000
        store.save(Review("E1", LOCAL_READER, queue="q"))  # with room again it goes on


def test_a_full_disk_leaves_no_half_backup_or_export(tmp_path: Path, repository: Path) -> None:
    _write_store(tmp_path / "store", _write_data(tmp_path / "data"))
    with Store.open(tmp_path / "store") as store:
        store.erase_traces()
    size = 3000
    for words in (
        ["backup", str(tmp_path / "b.zip")],
        ["export", "--to", str(tmp_path / "e"), "--format", "coco"],
    ):
        ended = _limited(repository, COMMAND, size, *words, "--store", str(tmp_path / "store"))
        assert (
            ended.returncode == 1 and len(ended.stderr.splitlines()) == 1 and "Traceback" not in ended.stderr
        ), ended.stderr
        assert not (tmp_path / "b.zip").exists() and not (tmp_path / "e").exists()
        assert not list(tmp_path.glob(".*.part"))


def test_a_folder_that_cannot_be_written_is_one_line(
    tmp_path: Path, repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As somebody who is not root, whom no permission stops."""
    _write_store(tmp_path / "store", _write_data(tmp_path / "data"))
    locked = tmp_path / "locked"
    locked.mkdir()
    locked.chmod(0o555)
    for words in (
        ["backup", str(locked / "b.zip")],
        ["export", "--to", str(locked / "e"), "--format", "coco"],
    ):
        if os.geteuid() == 0:
            blocked = tmp_path / "file"
            blocked.touch()
            words = [word.replace(str(locked), str(blocked)) for word in words]
        assert main([*words, "--store", str(tmp_path / "store")]) == 1
        said = capsys.readouterr().err.splitlines()
        assert len(said) == 1 and said[0].startswith("error: ") and "check" in said[0]


def test_a_locked_database_is_named_and_nothing_is_lost(tmp_path: Path) -> None:
    with Store.open(tmp_path, wait_seconds=0.1) as store:
        store.add_cases("q", [NewCase("E1")])
        store.save(Review("E1", LOCAL_READER, queue="q", comment="before"))
        with closing(sqlite3.connect(tmp_path / "reviews.sqlite3", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreError, match="another program holds the database"):
                store.save(Review("E1", LOCAL_READER, queue="q", comment="during"))
            assert write_backup(store, tmp_path / "b.zip").rows["reviews"] == 1  # reading goes on
        store.save(Review("E1", LOCAL_READER, queue="q", comment="after"))
        assert [row.review.comment for row in store.history(CaseKey("q", "E1"), LOCAL_READER)] == [
            "before",
            "after",
        ]


def test_a_damaged_database_is_refused_and_a_backup_brings_it_back(tmp_path: Path) -> None:
    _write_store(tmp_path / "store", _write_data(tmp_path / "data"))
    with Store.open(tmp_path / "store") as store:
        write_backup(store, tmp_path / "b.zip")
        store.erase_traces()
        before = store.all_reviews("q")
    file = tmp_path / "store" / "reviews.sqlite3"
    content = bytearray(file.read_bytes())
    start = len(content) // 2 // 4096 * 4096
    content[start : start + 4096] = b"\xa5" * 4096
    file.write_bytes(content)
    with pytest.raises(StoreError, match=r"damaged.*restore a backup"):
        Store.open(tmp_path / "store").close()
    with Store.open(tmp_path / "again") as store:
        restore_backup(tmp_path / "b.zip", store)
        assert store.all_reviews("q") == before


@pytest.mark.parametrize("damage", ["cut", "empty", "flipped header", "missing", "text"])
def test_a_damaged_checkpoint_is_refused_in_one_line(tmp_path: Path, damage: str) -> None:

    folder = tmp_path / "checkpoint"
    shutil.copytree(DEFAULT_SEGMENTATION, folder)
    weights = next(folder.glob("*.safetensors"))
    data = weights.read_bytes()
    if damage == "missing":
        weights.unlink()
    else:
        weights.write_bytes(
            {
                "cut": data[: len(data) // 2],
                "empty": b"",
                "flipped header": b"\xff" * 8 + data[8:],
                "text": b"weights",
            }[damage]
        )
    with pytest.raises(CheckpointError) as caught:
        load_segmenter(folder)
    assert "\n" not in str(caught.value) and "checkpoint" in str(caught.value)
