"""Inputs that ``make fuzz`` has found to end in something else than a documented error, each as it was
found."""

from __future__ import annotations

import io
import json
import re
import zipfile
from pathlib import Path

import pytest

from magic_demo.core.errors import CheckpointError, FormError, StoreError
from magic_demo.core.messages import LONGEST
from magic_demo.models.loading.preprocessing import read_preprocessing
from magic_demo.page.panels import forms
from magic_demo.page.panels.review import review_form
from magic_demo.page.panels.viewer import point_form
from magic_demo.questions.families import load_families
from magic_demo.reviews.backups import BackupError, restore_backup, write_backup
from magic_demo.reviews.store import NewCase, Store
from training.runs.run import RunSettings, SettingsError, read_settings

LONG = "x" * 5000


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    with Store.open(tmp_path / "from") as store:
        store.add_cases("q", [NewCase("E1")])
        write_backup(store, tmp_path / "whole.zip")
    return tmp_path / "whole.zip"


def change(backup: Path, name: str, content: bytes) -> Path:
    """Write a backup anew with one of its files changed."""
    with zipfile.ZipFile(backup) as archive:
        files = {one: archive.read(one) for one in archive.namelist()}
    changed = io.BytesIO()
    with zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as archive:
        for one, whole in {**files, name: content}.items():
            archive.writestr(one, whole)
    backup.write_bytes(changed.getvalue())
    return backup


def test_a_case_whose_number_in_a_backup_is_a_list(backup: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(backup) as archive:
        rows = [json.loads(line) for line in archive.read("rows.jsonl").splitlines()]
    next(values for table, values in rows if table == "cases")["number"] = []
    changed = change(backup, "rows.jsonl", "\n".join(map(json.dumps, rows)).encode())
    with (
        Store.open(tmp_path / "to") as store,
        pytest.raises(Exception, match="a row of cases with a number that cannot be"),
    ):
        restore_backup(changed, store)


def test_a_backup_that_is_a_zip_bomb(backup: Path, tmp_path: Path) -> None:
    changed = change(backup, "backup.json", b'{"kind": "magic-demo backup"' + b" " * 20_000_000 + b"}")
    with (
        Store.open(tmp_path / "to") as store,
        pytest.raises(BackupError, match="says more of itself than a backup does"),
    ):
        restore_backup(changed, store)


@pytest.mark.parametrize(
    ("kept", "changed"),
    [
        (b'"position": 0', b'"position": 99999999999999999999'),
        (b'"uncertainty": null', b'"uncertainty": 1' + b"0" * 400),
    ],
    ids=["whole", "float"],
)
def test_a_backup_with_a_number_beyond_any_databases(
    backup: Path, tmp_path: Path, kept: bytes, changed: bytes
) -> None:
    with zipfile.ZipFile(backup) as archive:
        rows = archive.read("rows.jsonl")
    assert rows.count(kept) == 1
    with Store.open(tmp_path / "to") as store, pytest.raises(StoreError, match="that cannot be"):
        restore_backup(change(backup, "rows.jsonl", rows.replace(kept, changed)), store)


def test_a_backup_with_a_time_after_the_last_year(backup: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(backup) as archive:
        rows = re.sub(
            rb'"added_at": "[^"]+"', b'"added_at": "9999-12-31T23:30:00-01:00"', archive.read("rows.jsonl")
        )
    with Store.open(tmp_path / "to") as store, pytest.raises(StoreError, match="a added_at that cannot be"):
        restore_backup(change(backup, "rows.jsonl", rows), store)


def test_unusable_photos_that_are_lists() -> None:
    assert review_form.read_note({"unusable": [[], {}, "A"]}, ["A"]).unusable == {"A"}


def test_a_family_with_a_name_of_thousands_of_characters() -> None:
    for read in (
        lambda: forms.read_answers({"answers": {LONG: [0]}}, load_families()),
        lambda: forms.read_why({"family": LONG}, load_families()),
    ):
        with pytest.raises(
            FormError, match=r"xxx \.\.\. xxx.*there is no such family of questions; reload the page"
        ) as caught:
            read()
        assert len(str(caught.value)) <= LONGEST


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (f"? {LONG}\n: 1", "no setting 'xxx"),
        (f"clip: 1{'0' * 400}", r"run\.yaml: clip: float is expected, not 1000"),
    ],
)
def test_settings_with_a_key_or_a_number_of_hundreds_of_characters(
    tmp_path: Path, written: str, said: str
) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(f"output: x\nmetric: y\nepochs: 1\n{written}\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=said) as caught:
        read_settings(path, RunSettings)
    assert len(str(caught.value)) <= LONGEST


@pytest.mark.parametrize("std", [[0, 1, 1], [float("nan"), 1, 1], [1, -1, 1]])
def test_a_checkpoint_whose_photos_would_become_no_numbers(tmp_path: Path, std: list[float]) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "x"}', encoding="utf-8")
    content = {"size": 8, "image_mean": [0, 0, 0], "image_std": std}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(CheckpointError, match="finite numbers are expected"):
        read_preprocessing(tmp_path)


def test_a_point_that_is_no_float_of_any_size() -> None:
    with pytest.raises(FormError, match="set them again"):
        point_form.read_marks([["lesion", 0.5, 10**400]])
