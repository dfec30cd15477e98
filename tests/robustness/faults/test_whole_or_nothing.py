"""Killed at any step, each action is whole or nothing: it goes on when it is repeated, and the next start
sweeps what it left."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from magic_demo.core.disk.parts import (
    CLAIM,
    PREFIX,
    Claim,
    alone_at,
    new_part,
    new_part_folder,
    sweep_below,
    sweep_claims,
    sweep_once,
    sweep_parts,
    sweep_temporary,
)
from magic_demo.core.disk.whole_files import whole_folder, write_whole
from magic_demo.core.review_types import CaseKey, Review
from magic_demo.core.types import Encounter, Narrative, Photo
from magic_demo.reviews.backups import BackupError, restore_backup, write_backup
from magic_demo.reviews.cases.covered_photos import covered_beside
from magic_demo.reviews.cases.kept_cases import UPLOADS, keep_upload
from magic_demo.reviews.cases.leftovers import sweep_store
from magic_demo.reviews.exports import write_export
from magic_demo.reviews.exports.case_files import find_case_files
from magic_demo.reviews.store import LOCAL_READER, Store
from tests.robustness.faults.killer import Killer, run_killer
from tests.support.stand_ins import draw_photo
from tests.support.store.reviewed_cases import answer

KILLS = 10


@pytest.fixture(scope="module")
def killer(repository: Path) -> Iterator[Killer]:
    with run_killer(repository) as running:
        yield running


def upload() -> Encounter:
    return Encounter(
        "CASE",
        Narrative(en="It itches."),
        (Photo("arm", draw_photo(24, 32)), Photo("leg", draw_photo(24, 32))),
    )


def list_files(folder: Path) -> dict[str, bytes]:
    """Return what lies beside a store, the database's own files left out."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "sqlite3" not in path.name
    }


def check_cases(store: Store, cases: int) -> None:
    """Check that the store keeps so many uploads, each with its words and its two photos, and no file that is
    none of theirs."""
    found = store.list_cases(UPLOADS, LOCAL_READER, all_assigned=True) if store.queues() else []
    files = find_case_files(found, covered_beside(store.location))
    assert len(found) == len(files) == cases
    assert all(
        case.narrative.en and len([photo for photo in case.photo_files if photo.path]) == 2 for case in files
    )
    written = list_files(store.kept_root) if store.kept_root.is_dir() else {}
    assert len(written) == 3 * cases and not any(".part" in name for name in written)


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Give a folder with a store of two uploads that are read, one of them with a covered photo, and its
    backup and export."""
    with Store.open(tmp_path / "made" / "store") as store:
        for number in range(2):
            key = keep_upload(store, upload(), LOCAL_READER).key
            for turn in range(2):
                store.save(
                    Review(
                        key.case_id, LOCAL_READER, "assisted", "done", answer(number + turn), queue=key.queue
                    )
                )
        covered_beside(store.location).keep(key, Photo(f"IMG_{key.case_id}_00001", draw_photo(24, 32)))
        write_backup(store, tmp_path / "made" / "backup.zip")
        cases = find_case_files(store.list_cases(UPLOADS, LOCAL_READER), covered_beside(store.location))
        write_export(store.all_reviews(), cases, "label-studio", tmp_path / "made" / "export")
    (tmp_path / "made" / "tmp").mkdir()
    return tmp_path / "made"


@pytest.mark.long
def test_a_kept_case_is_whole_or_not_there(tmp_path: Path, killer: Killer) -> None:
    with Store.open(tmp_path / "empty") as store:
        store.add_reader("ann")

    def make(name: str) -> Path:
        shutil.copytree(tmp_path / "empty", tmp_path / name / "store")
        return tmp_path / name

    def check(folder: Path) -> None:
        with Store.open(folder / "store") as store:
            assert sweep_store(store) == ()
            cases = len(store.case_keys())
            assert cases < 2 and all(
                store.case(key, "ann").assigned_to == ("ann",) for key in store.case_keys()
            )
            check_cases(store, cases)
            keep_upload(store, upload(), "ann")
            check_cases(store, cases + 1)

    assert killer.kill_at_steps("keep", make, check, KILLS) == KILLS


@pytest.mark.long
def test_a_restored_store_is_whole_or_empty_and_the_same_command_goes_on(
    tmp_path: Path, kept: Path, killer: Killer
) -> None:
    def make(name: str) -> Path:
        shutil.copytree(kept, tmp_path / name)
        return tmp_path / name

    def check(folder: Path) -> None:
        with Store.open(folder / "again") as store:
            reviews = len(store.all_reviews())
            assert reviews in (0, 4)
        if reviews == 0:
            assert killer.ask("restore", folder, 600.0)["said"].endswith("\n0\n")
        with Store.open(folder / "again") as store, Store.open(folder / "store") as before:
            assert sweep_store(store) == ()
            assert store.all_reviews() == before.all_reviews()
            check_cases(store, 2)
            assert len(list_files(covered_beside(store.location).folder)) == 1

    killer.kill_at_steps("restore", make, check, KILLS)


@pytest.mark.long
def test_what_a_killed_restore_left_goes_at_the_next_start(
    tmp_path: Path, kept: Path, killer: Killer
) -> None:
    steps = int(killer.ask("restore", kept, step=0)["said"].splitlines()[-1])
    shutil.rmtree(kept / "again")
    for step in range(steps, 0, -1):
        killer.ask("restore", kept, step=step)
        with Store.open(kept / "again") as store:
            if not store.case_keys() and store.kept_root.is_dir() and list_files(store.kept_root):
                assert sweep_store(store) == ()
                assert list_files(store.kept_root) == {} == list_files(covered_beside(store.location).folder)
                return
        shutil.rmtree(kept / "again")
    raise AssertionError("no step at which photos lie there and no rows")


@pytest.mark.long
def test_an_import_brings_all_reviews_or_none_and_the_same_command_goes_on(
    tmp_path: Path, kept: Path, killer: Killer
) -> None:
    def make(name: str) -> Path:
        shutil.copytree(kept / "export", tmp_path / name / "export")
        return tmp_path / name

    def check(folder: Path) -> None:
        with Store.open(folder / "again") as store:
            reviews = len(store.all_reviews())
            assert reviews in (0, 2) and bool(reviews) == bool(store.case_keys())
        if reviews == 0:
            assert killer.ask("bring_in", folder, 600.0)["said"].splitlines()[-1] == "0"
        with Store.open(folder / "again") as store:
            assert len(store.all_reviews()) == 2

    killer.kill_at_steps("bring_in", make, check, KILLS)


def test_a_deleted_case_is_gone_or_whole(tmp_path: Path, kept: Path, killer: Killer) -> None:
    def make(name: str) -> Path:
        shutil.copytree(kept, tmp_path / name)
        return tmp_path / name

    def check(folder: Path) -> None:
        with Store.open(folder / "store") as store:
            assert sweep_store(store) == ()
            check_cases(store, len(store.case_keys()))
            for key in store.case_keys():
                assert len(store.history(key, LOCAL_READER)) == 2

    killer.kill_at_steps("delete", make, check, KILLS)


def test_an_export_from_the_page_leaves_nothing_among_temporary_files(
    tmp_path: Path, kept: Path, killer: Killer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(kept / "tmp"))

    def check(folder: Path) -> None:
        assert sweep_temporary() == () and list(folder.joinpath("tmp").iterdir()) == []

    killer.kill_at_steps("take_away", lambda _: kept, check, KILLS)


def test_a_killed_backup_is_swept_by_the_next_one_beside_it(kept: Path, killer: Killer) -> None:
    for instant in (0.0, 0.02, 0.05):
        killer.ask("backup", kept, instant)
    sweep_once.cache_clear()  # as a program that begins now
    with Store.open(kept / "store") as store:
        write_backup(store, kept / "after.zip")
    assert not list(kept.glob(f"{PREFIX}*"))


def test_what_a_living_program_writes_is_not_swept(tmp_path: Path) -> None:
    with Store.open(tmp_path / "store") as store:
        place = store.kept_root
        place.mkdir()
        file, first = new_part(place, private=True)
        part, second = new_part_folder(place, private=True)
        claim = Claim(place / "new", store.owns, store.label, new=True)
        assert sweep_store(store) == () and {file.name, part.name, "new"} == {
            path.name for path in place.iterdir()
        }
        for handle in (first, second, claim._handle):  # as if the program had been killed
            os.close(handle)
        assert sweep_store(store) == () and not any(place.iterdir())


def test_a_claim_of_another_store_in_the_same_place_is_let_be(tmp_path: Path) -> None:
    os.close(Claim(tmp_path / "new", lambda _: False, "postgresql://host/one", new=True)._handle)
    assert (
        sweep_claims(tmp_path, lambda _: False, "postgresql://host/two") == () and (tmp_path / "new").is_dir()
    )
    assert (
        sweep_claims(tmp_path, lambda _: False, "postgresql://host/one") == ()
        and not (tmp_path / "new").exists()
    )


def test_nothing_but_parts_is_swept_and_no_link_is_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    write_whole(outside / "photo.png", b"x")
    place = tmp_path / "place"
    write_whole(place / "a.part", b"somebody's download")
    write_whole(place / ".other.part", b"another program's")
    (place / f"{PREFIX}link.part").symlink_to(outside)
    (place / "linked").symlink_to(outside)
    (outside / CLAIM).touch()
    assert sweep_parts(place) == () == sweep_claims(place, lambda _: False, "")
    assert (outside / "photo.png").exists() and {"a.part", ".other.part"} <= {
        path.name for path in place.iterdir()
    }
    assert sweep_below(place) == () and (place / "a.part").exists() and not (place / ".other.part").exists()


def test_what_cannot_be_swept_is_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part, handle = new_part(tmp_path, private=True)
    os.close(handle)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "unlink", refuse)
    (line,) = sweep_parts(tmp_path)
    assert str(part) in line and "Read-only file system" in line


def test_a_killed_export_is_swept_by_the_next_one_into_the_same_folder(tmp_path: Path) -> None:
    part, handle = new_part_folder(tmp_path, private=False)
    write_whole(part / "photo.png", b"x")
    os.close(handle)
    with whole_folder(tmp_path / "out"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_two_restores_to_one_place_do_not_lose_each_others_photos(tmp_path: Path, kept: Path) -> None:
    with Store.open(tmp_path / "again") as store:
        with alone_at(store.kept_root.parent) as alone:
            assert alone
            with pytest.raises(BackupError, match="another program restores to this place"):
                restore_backup(kept / "backup.zip", store)
        restore_backup(kept / "backup.zip", store)
        check_cases(store, 2)
        with pytest.raises(Exception, match="not empty"):
            restore_backup(kept / "backup.zip", store)
        check_cases(store, 2)


def test_a_case_whose_rows_could_not_be_written_leaves_no_folder(tmp_path: Path) -> None:
    with Store.open(tmp_path / "store") as store:
        with pytest.raises(Exception, match="no reader"):
            keep_upload(store, upload(), "nobody")
        assert store.case_keys() == [] and not any(store.kept_root.iterdir())
        store.add_reader("ann")
        keep_upload(store, upload(), "ann")
        check_cases(store, 1)


def test_what_fails_within_a_whole_undoes_itself_alone_and_what_leaves_it_everything(store: Store) -> None:
    from magic_demo.core.errors import StoreError
    from magic_demo.reviews.store import NewCase

    with store.together():
        store.add_cases("q", [NewCase("E1")])
        with pytest.raises(StoreError):
            store.save(Review("E2", LOCAL_READER, queue="q"))
        store.save(Review("E1", LOCAL_READER, queue="q", comment="kept"))
    assert [saved.review.comment for saved in store.all_reviews()] == ["kept"]
    with pytest.raises(ZeroDivisionError), store.together():
        store.save(Review("E1", LOCAL_READER, queue="q", comment="undone"))
        raise ZeroDivisionError
    assert [saved.review.comment for saved in store.history(CaseKey("q", "E1"), LOCAL_READER)] == ["kept"]
