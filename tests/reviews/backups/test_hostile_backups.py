"""A backup from somebody else: what cannot be is refused before anything is kept, and no deletion ever leaves
the store's own folder."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from magic_demo.core.disk.parts import OWNER
from magic_demo.core.errors import MagicDemoError, StoreError
from magic_demo.core.review_types import CaseKey, Review
from magic_demo.core.types import Encounter, Photo, Prediction
from magic_demo.imaging.run_lengths import encode_mask
from magic_demo.reviews.backups import ABOUT, ROWS, BackupError, restore_backup, write_backup
from magic_demo.reviews.cases.covered_photos import covered_beside
from magic_demo.reviews.cases.deletion import delete_cases
from magic_demo.reviews.cases.kept_cases import keep_upload
from magic_demo.reviews.cases.leftovers import sweep_store
from magic_demo.reviews.exports import FORMATS, write_export
from magic_demo.reviews.store import LOCAL_READER, NewCase, Store
from tests.support.stand_ins import draw_photo
from tests.support.store.reviewed_cases import answer, draw_mask

Change = Callable[[dict[str, Any]], None]


def fill(store: Store) -> CaseKey:
    """Keep a case, read it, and show a model's answer of it."""
    key = keep_upload(store, Encounter("CASE", photos=(Photo("arm", draw_photo(24, 32)),)), LOCAL_READER).key
    photo = f"IMG_{key.case_id}_00001"
    masks = {photo: encode_mask(draw_mask((24, 32), 1))}
    store.note_shown(key, LOCAL_READER, Prediction(key.case_id, answers=answer(3)))
    review = Review(
        key.case_id,
        LOCAL_READER,
        "assisted",
        "done",
        answer(1),
        masks=masks,
        models={"cvqa": "m@1"},
        queue=key.queue,
    )
    store.save(review, client_key="once")
    store.note_seen([key], LOCAL_READER, "others")
    return key


@pytest.fixture(scope="module")
def backup(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("backup")
    with Store.open(folder / "store") as store:
        fill(store)
        write_backup(store, folder / "b.zip")
    return folder / "b.zip"


def change_rows(source: Path, target: Path, table: str, change: Change) -> None:
    """Write a backup anew with the rows of a table changed."""
    with zipfile.ZipFile(source) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    rows = [json.loads(line) for line in contents[ROWS].splitlines()]
    for name, values in rows:
        if name == table:
            change(values)
    contents[ROWS] = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in contents.items():
            archive.writestr(name, data)


def column(name: str, value: object) -> Change:
    return lambda values: values.update({name: value})


def content(**changes: object) -> Change:
    """Change what a review says, and its digest so that it fits."""

    def change(values: dict[str, Any]) -> None:
        values["content"] = json.dumps({**json.loads(values["content"]), **changes}, sort_keys=True)
        values["digest"] = hashlib.sha256(
            f"{values['kind']} {values['state']} {values['content']}".encode()
        ).hexdigest()

    return change


def mask(counts: str) -> Change:
    def change(values: dict[str, Any]) -> None:
        values["counts"] = counts

    return change


HOSTILE: list[tuple[str, Change, str]] = [
    ("readers", column("role", "emperor"), "emperor"),
    ("readers", column("name", "a\nb"), "reader 1"),
    ("readers", column("password", "open sesame"), "no hash"),
    ("cases", column("case_id", "a\nb"), "case 1"),
    ("cases", column("queue", ""), "case 1"),
    ("cases", column("uncertainty", float("inf")), "case 1"),
    ("reviews", column("content", "no JSON"), "not what was saved"),
    ("reviews", column("flagged", True), "flagged"),
    ("reviews", lambda values: values.update(content="[]", digest=hashlib.sha256(b"assisted done []").hexdigest()), "review 1"),
    ("reviews", content(answers={"CQID011-001": 99}), "CQID011-001"),
    ("reviews", content(answers={"../../x": 0}), "x"),
    ("reviews", content(answers={"CQID011-001": True}), "CQID011-001"),
    ("reviews", content(answers=[1]), "review 1"),
    ("reviews", content(specified={"CQID011-001": 3}), "text"),
    ("reviews", content(models={"cvqa": {}}), "text"),
    ("reviews", content(comment=7), "text"),
    ("reviews", content(difficulty="impossible"), "difficulty"),
    ("reviews", content(unusable=["../../x"]), "no file name"),
    ("reviews", content(masks={"IMG": "0" * 64}), "mask that is not there"),
    ("reviews", lambda values: content(masks={"../../x": next(iter(json.loads(values["content"])["masks"].values()))})(values), "no file name"),
    ("reviews", column("seconds", -1.0), "seconds"),
    ("reviews", column("kind", "gossip"), "gossip"),
    ("reviews", column("case_number", 77), "speaks of another"),
    ("reviews", column("reader_id", 77), "speaks of another"),
    ("reviews", column("known", "everything"), "everything"),
    ("reviews", column("missing", "[3]"), "text"),
    ("reviews", column("missing", "no JSON"), "review 1"),
    ("cases", column("photos", '["../../x"]'), "no file name"),
    ("seen", column("what", "the answer"), "the answer"),
    ("masks", column("height", 10**9), "photo's"),
    ("masks", mask("not runs"), "digest"),
    ("save_keys", column("client_key", "a\nb"), "save"),
    ("predictions", column("content", "{}"), "digest"),
    ("showings", column("digest", "0" * 64), "not there"),
]  # fmt: skip


@pytest.mark.parametrize(("table", "change", "said"), HOSTILE)
def test_rows_that_cannot_be_are_one_line_and_nothing_is_kept(
    backup: Path, tmp_path: Path, table: str, change: Change, said: str
) -> None:
    change_rows(backup, tmp_path / "b.zip", table, change)
    with Store.open(tmp_path / "store") as store:
        with pytest.raises(MagicDemoError, match=said) as caught:
            restore_backup(tmp_path / "b.zip", store)
        assert "\n" not in str(caught.value)
        assert store.is_empty() and not any(store.kept_root.rglob("*"))
        restore_backup(backup, store)  # the place can be used


def test_rows_of_an_older_version_are_checked_before_they_are_brought_up_to_date(
    backup: Path, tmp_path: Path
) -> None:
    def age(values: dict[str, Any]) -> None:
        for name in ("complete", "missing", "known"):
            del values[name]
        content(answers=[1])(values)

    change_rows(backup, tmp_path / "b.zip", "reviews", age)
    with Store.open(tmp_path / "store") as store, pytest.raises(StoreError, match="review 1 cannot be"):
        restore_backup(tmp_path / "b.zip", store)


def test_a_restored_store_opens_exports_and_deletes(backup: Path, tmp_path: Path) -> None:
    with Store.open(tmp_path / "store") as store:
        restore_backup(backup, store)
        (key,) = store.case_keys()
        assert len(store.history(key, LOCAL_READER)) == 1 and store.shown(key) is not None
        for format in FORMATS:
            if format.name != "training-set":
                write_export(store.all_reviews(), (), format, tmp_path / format.name)
        assert delete_cases(store, [key]).folders == 1 and not any(store.kept_root.iterdir())


@pytest.mark.parametrize("folder", ["../../outside", "/tmp", "..", "", "1/../../outside", "outside"])
def test_a_folder_that_points_elsewhere_comes_out_of_no_backup(
    backup: Path, tmp_path: Path, folder: str
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious.png").write_bytes(b"x")
    change_rows(backup, tmp_path / "b.zip", "cases", column("folder", folder))
    with Store.open(tmp_path / "store") as store:
        restore_backup(tmp_path / "b.zip", store)
        (key,) = store.case_keys()
        assert store.kept_folder(key) == store.kept_root / "1"
        delete_cases(store, [key])
    assert (outside / "precious.png").exists()


def test_photos_that_are_packed_are_refused_before_they_are_unpacked(backup: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(backup) as archive, zipfile.ZipFile(tmp_path / "b.zip", "w") as packed:
        for name in archive.namelist():
            packed.writestr(
                name,
                archive.read(name),
                zipfile.ZIP_DEFLATED if name.startswith("photos/") else zipfile.ZIP_STORED,
            )
    with Store.open(tmp_path / "store") as store, pytest.raises(BackupError, match="packed"):
        restore_backup(tmp_path / "b.zip", store)


def test_two_restores_at_once_end_with_one_whole_store(backup: Path, tmp_path: Path) -> None:
    said: list[str] = []

    def restore() -> None:
        with Store.open(tmp_path / "store") as store:
            try:
                said.append(f"{restore_backup(backup, store).photos}")
            except StoreError as error:
                said.append(str(error))

    threads = [threading.Thread(target=restore) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(line for line in said if line.isdigit()) == ["2"]
    assert all("not empty" in line or "restores to this place" in line for line in said if not line.isdigit())
    with Store.open(tmp_path / "store") as store:
        assert sweep_store(store) == ()
        assert len([path for path in store.kept_root.rglob("*") if path.is_file()]) == 2


def old_row(store: Store, folder: Path) -> None:
    """Let the row of the kept case hold a whole path, as older versions wrote it."""
    with store._database.writing() as session:
        session.connection().exec_driver_sql("UPDATE cases SET folder = ?", (str(folder),))


def test_a_copy_made_by_hand_has_photos_of_its_own(tmp_path: Path) -> None:
    with Store.open(tmp_path / "one") as store:
        key = fill(store)
        photos = store.kept_folder(key)
        assert photos is not None
        old_row(store, photos)
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    with Store.open(tmp_path / "two") as copy:
        assert copy.case(key, LOCAL_READER).folder == str(copy.kept_root / key.case_id)
        assert delete_cases(copy, [key]).folders == 1
    assert len(list(photos.rglob("*.png"))) == 1


def test_a_copy_without_photos_refuses_to_delete_those_of_the_original(tmp_path: Path) -> None:
    with Store.open(tmp_path / "one") as store:
        key = fill(store)
        photos = store.kept_folder(key)
        assert photos is not None
        old_row(store, photos)
    (tmp_path / "two").mkdir()
    shutil.copy(tmp_path / "one" / "reviews.sqlite3", tmp_path / "two")
    with Store.open(tmp_path / "two") as copy:
        with pytest.raises(
            StoreError, match="outside of this store, which was copied or moved; nothing was deleted"
        ):
            delete_cases(copy, [key])
        assert copy.case_keys() == [key] and len(list(photos.rglob("*.png"))) == 1
        photos.rename(copy.kept_root)  # as the line says
        copy.kept_root.rename(copy.kept_root.with_name("moved"))
        copy.kept_root.mkdir()
        copy.kept_root.with_name("moved").rename(copy.kept_root / key.case_id)
        assert delete_cases(copy, [key]).folders == 1


def test_rows_of_older_versions_get_names_at_the_next_start(tmp_path: Path) -> None:
    with Store.open(tmp_path / "one") as store:
        key = fill(store)
        old_row(store, store.kept_root / key.case_id)
        sweep_store(store)
        with store.dump() as dump:
            assert [row["folder"] for table, row in dump.rows if table == "cases"] == [key.case_id]


def test_a_link_in_place_of_a_folder_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious.png").write_bytes(b"x")
    with Store.open(tmp_path / "store") as store:
        key = fill(store)
        folder = store.kept_folder(key)
        assert folder is not None
        shutil.rmtree(folder)
        folder.symlink_to(outside)
        with pytest.raises(StoreError, match="no folder that this store made; nothing was deleted"):
            delete_cases(store, [key])
        folder.unlink()
        folder.mkdir()
        (folder / "link").symlink_to(outside)
        covered_beside(store.location).folder_of(key).mkdir(parents=True)
        assert delete_cases(store, [key]).folders == 2
    assert [path.name for path in outside.iterdir()] == ["precious.png"]


def test_photos_of_another_servers_database_are_not_deleted(tmp_path: Path) -> None:
    with Store.open(tmp_path / "store") as store:
        key = fill(store)
        folder = store.kept_folder(key)
        assert folder is not None
        (folder / OWNER).write_text("postgresql://host/other")
        with pytest.raises(StoreError, match="belong to postgresql://host/other; nothing was deleted"):
            delete_cases(store, [key])
        assert folder.is_dir() and store.case_keys() == [key]


def test_a_review_speaks_of_photos_by_names_that_files_can_have(store: Store) -> None:
    """A mask of ``../../x`` would be exported to a place of its own choice."""
    store.add_cases("q", [NewCase("E1")])
    for review in (
        Review("E1", LOCAL_READER, queue="q", masks={"../../x": encode_mask(draw_mask((8, 8), 1))}),
        Review("E1", LOCAL_READER, queue="q", unusable=frozenset({"/etc/x"})),
    ):
        with pytest.raises(StoreError, match="no file name"):
            store.save(review)


def test_a_backup_says_what_it_is(backup: Path) -> None:
    with zipfile.ZipFile(backup) as archive:
        assert json.loads(archive.read(ABOUT))["photos"] == 2
