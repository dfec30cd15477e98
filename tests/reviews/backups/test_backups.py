"""A store in one file and back, on both databases and across them, while others save, and whatever happens to
the file."""

from __future__ import annotations

import json
import stat
import threading
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from magic_demo.__main__ import main
from magic_demo.core.errors import MagicDemoError, StoreError
from magic_demo.core.review_types import CaseKey, Review
from magic_demo.core.types import Prediction
from magic_demo.imaging.run_lengths import encode_mask
from magic_demo.reviews.backups import ABOUT, ROWS, BackupError, restore_backup, write_backup
from magic_demo.reviews.store import NewCase, SignIn, Store
from magic_demo.reviews.store.copies import Row
from tests.support.store.reviewed_cases import answer, draw_mask

CASE = CaseKey("q 湿疹", "E1")


@pytest.fixture(autouse=True)
def _beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let photos that go with a server's database lie in the test's own folder."""
    monkeypatch.chdir(tmp_path)


def fill_store(store: Store, photos: Path) -> None:
    """Save reviews of two readers, an assignment, an upload with kept photos; delete the newest case and
    review, whose numbers are used up."""
    photos.mkdir(parents=True)
    (photos / "photo 1.png").write_bytes(b"a photo's bytes")
    (photos / "deeper").mkdir()
    (photos / "deeper" / "2.png").write_bytes(b"another's")
    store.add_reader("Li", password="a long password", role="adjudicator")
    store.add_reader("gone")
    store.remove_reader("gone")
    store.add_cases(
        CASE.queue,
        [
            NewCase("E1", str(photos), photos_kept=True, uncertainty=0.25),
            NewCase("E2", "/some/where"),
            NewCase("E3"),
        ],
    )
    store.assign(CaseKey(CASE.queue, "E2"), ["Li"])
    masks = {"photo 1": encode_mask(draw_mask((30, 40), 1))}
    for comment in ("first", "second, \u201cquoted\u201d 🤔"):
        store.save(
            Review(
                "E1",
                "Li",
                "assisted",
                "done",
                answer(1),
                {"CQID011-001": "手背"},
                masks,
                comment=comment,
                queue=CASE.queue,
            ),
            client_key=comment,
        )
    store.save(Review("E1", "local", "blind", "done", answer(2), queue=CASE.queue))
    store.note_shown(CASE, "Li", Prediction("E1", answers=answer(3), models={"cvqa": "m@1"}))
    store.note_seen([CASE], "Li", "others")
    store.save(Review("E3", "local", queue=CASE.queue, comment="goes"))
    store.delete_case(CaseKey(CASE.queue, "E3"))


def _contents(store: Store) -> tuple[list[Row], dict[str, int]]:
    with store.dump() as dump:
        return list(dump.rows), dict(dump.last_numbers)


@pytest.fixture
def filled(store: Store, tmp_path: Path) -> Store:
    fill_store(store, tmp_path / "uploads" / "E1")
    return store


def test_what_is_restored_is_what_was_backed_up(filled: Store, tmp_path: Path, empty_place: str) -> None:
    """``filled`` and ``empty_place`` take each database in turn: also from one kind to the other."""
    report = write_backup(filled, tmp_path / "backup.zip")
    assert (report.rows["cases"], report.rows["reviews"], report.photos, report.left_out) == (2, 3, 2, ())
    with Store.open(empty_place if "://" in empty_place else f"{empty_place} again") as again:
        restored = restore_backup(tmp_path / "backup.zip", again)
        assert {table: count for table, count in restored.rows.items() if count} == report.rows
        assert (
            again.check_password("Li", "a long password") is not None
            and again.check_password("Li", "another password") is None
        )
        assert again.history(CASE, "Li") == filled.history(CASE, "Li")
        assert again.progress(CASE.queue) == filled.progress(CASE.queue)
        shown = again.shown(CASE)
        assert shown is not None and shown.answers == answer(3) and again.was_shown(CASE, "Li")
        assert again.known(CASE, "Li") == {"model", "others"}
        folder = again.case(CASE, "local").folder
        assert folder is not None and Path(folder).parent == again.kept_root
        assert (Path(folder) / "photo 1.png").read_bytes() == b"a photo's bytes"
        assert (Path(folder) / "deeper" / "2.png").read_bytes() == b"another's"
        (rows, last), (rows_before, last_before) = _contents(again), _contents(filled)
        assert last == {**last_before, "audit_trail": last_before["audit_trail"] + 1}
        moved = [
            {**row, "folder": None} if row.get("photos_kept") else row
            for _, row in rows
            if row.get("what") != "restore"
        ]
        assert moved == [{**row, "folder": None} if row.get("photos_kept") else row for _, row in rows_before]
        saved = again.save(Review("E2", "local", queue=CASE.queue))
        assert saved.number == last_before["reviews"] + 1  # the deleted review's number is not used again
        again.add_cases("other", [NewCase("new")])


def test_a_backup_is_its_owners_alone_and_replaces_nothing(filled: Store, tmp_path: Path) -> None:
    file = tmp_path / "backup.zip"
    write_backup(filled, file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = file.read_bytes()
    with pytest.raises(BackupError, match="there already"):
        write_backup(filled, file)
    assert file.read_bytes() == before and [path.name for path in tmp_path.glob(".*")] == []


def test_a_store_that_is_not_empty_is_left_alone(filled: Store, tmp_path: Path) -> None:
    write_backup(filled, tmp_path / "backup.zip")
    before = _contents(filled)
    with pytest.raises(StoreError, match="not empty; restore into a new one"):
        restore_backup(tmp_path / "backup.zip", filled)
    assert _contents(filled) == before and not filled.kept_root.exists()


def test_a_backup_is_one_moment_while_others_save(store: Store, tmp_path: Path) -> None:
    """Every review names how many there were before it: a backup that holds the n-th holds all before it, and
    their masks."""
    store.add_cases("q", [NewCase("E1")])
    stop = threading.Event()

    def save() -> None:
        turn = 0
        while not stop.is_set():
            store.save(
                Review(
                    "E1",
                    "local",
                    queue="q",
                    comment=str(turn),
                    masks={"A": encode_mask(draw_mask((8, 8), turn))},
                )
            )
            turn += 1

    saving = threading.Thread(target=save)
    saving.start()
    try:
        for turn in range(4):
            write_backup(store, tmp_path / f"{turn}.zip")
    finally:
        stop.set()
        saving.join()
    counts = []
    for turn in range(4):
        with Store.open(tmp_path / f"store {turn}") as again:
            restore_backup(tmp_path / f"{turn}.zip", again)
            comments = [int(row.review.comment) for row in again.all_reviews()]
            assert comments == list(range(len(comments)))
            counts.append(len(comments))
    assert counts == sorted(counts)


def _rewrite(file: Path, change: Callable[[str, bytes], bytes | None]) -> None:
    with zipfile.ZipFile(file) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in contents.items():
            changed = change(name, data)
            if changed is not None:
                archive.writestr(name, changed)


def _about(**changes: object) -> Callable[[str, bytes], bytes]:
    return lambda name, data: json.dumps({**json.loads(data), **changes}).encode() if name == ABOUT else data


def _line(old: bytes, new: bytes) -> Callable[[str, bytes], bytes]:
    def change(name: str, data: bytes) -> bytes:
        assert name != ROWS or old in data
        return data.replace(old, new, 1) if name == ROWS else data

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_about(kind="something"), "no backup of this program"),
        (_about(version=2), "update Magic Demo"),
        (_about(rows=[1]), "cannot be"),
        (_about(last_numbers={"cases": "7"}), "cannot be"),
        (_about(photos=5), "photos are missing"),
        (lambda name, data: None if name == ABOUT else data, "no whole backup"),
        (lambda name, data: None if name == ROWS else data, "no whole backup"),
        (lambda name, data: data[: len(data) // 2] if name == ROWS else data, "no whole backup"),
        (lambda name, data: data[: data.rindex(b"\n", 0, -1) + 1] if name == ROWS else data, "were said and"),
        (_line(b'["cases"', b'["cheese"'), "'cheese'"),
        (_line(b'"queue"', b'"quality"'), "'quality'"),
        (_line(b'"position": 0', b'"position": "x"'), "position that cannot be"),
        (_line(b'"added_at": "', b'"added_at": "x'), "added_at that cannot be"),
        (_line(b'["readers", {', b'[3, {'), "a row that is none"),
        (_line(b'"folded": "local"', b'"folded": "lokal"'), "lack the local reader"),
    ],
)  # fmt: skip
def test_a_backup_that_is_not_whole_is_one_line_and_changes_nothing(
    tmp_path: Path, change: Callable[[str, bytes], bytes | None], said: str
) -> None:
    file = tmp_path / "backup.zip"
    with Store.open(tmp_path / "one") as store:
        fill_store(store, tmp_path / "uploads")
        write_backup(store, file)
    _rewrite(file, change)
    with Store.open(tmp_path / "two") as store:
        before = _contents(store)
        with pytest.raises(MagicDemoError, match=said) as caught:
            restore_backup(file, store)
        assert "\n" not in str(caught.value)
        assert _contents(store) == before


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x05\x06" + bytes(18)])
def test_a_file_that_is_no_backup_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "backup.zip").write_bytes(content)
    with (
        Store.open(tmp_path / "store") as store,
        pytest.raises(BackupError, match=r"backup\.zip: is no whole backup"),
    ):
        restore_backup(tmp_path / "backup.zip", store)


def test_every_damaged_byte_of_the_rows_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "backup.zip"
    with Store.open(tmp_path / "one") as store:
        fill_store(store, tmp_path / "uploads")
        write_backup(store, file)
    whole = file.read_bytes()
    with zipfile.ZipFile(file) as archive:
        info = archive.getinfo(ROWS)
    for place in range(100, info.compress_size, info.compress_size // 8):  # behind the entry's header
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        with Store.open(tmp_path / f"two {place}") as store, pytest.raises(StoreError):
            restore_backup(file, store)


@pytest.mark.parametrize(
    "name",
    ["photos/1/../../escape.png", "photos/../../escape.png", "photos/x/escape.png", "photos/1/a\\..\\b.png"],
)
def test_a_backup_writes_nothing_outside_its_folder(tmp_path: Path, name: str) -> None:
    file = tmp_path / "backup.zip"
    with Store.open(tmp_path / "one") as store:
        write_backup(store, file)
    _rewrite(file, _about(photos=1))
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(name, b"out")
    with Store.open(tmp_path / "two") as store, pytest.raises(BackupError, match="no photo's place"):
        restore_backup(file, store)
    assert not list(tmp_path.rglob("escape.png")) and not list(tmp_path.glob("two/*kept*"))


def test_the_commands_say_what_they_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Store.open(tmp_path / "one") as store:
        fill_store(store, tmp_path / "uploads")
    assert main(["backup", str(tmp_path / "b.zip"), "--store", str(tmp_path / "one")]) == 0
    assert capsys.readouterr().out == f"2 cases, 3 reviews, 2 photos kept, in {tmp_path / 'b.zip'}\n"
    assert main(["restore", str(tmp_path / "b.zip"), "--store", str(tmp_path / "two")]) == 0
    assert capsys.readouterr().out.startswith("2 cases, 3 reviews, 2 photos put back to ")
    assert sorted(path.name for path in (tmp_path / "two" / "reviews-kept").rglob("*.png")) == [
        "2.png",
        "photo 1.png",
    ]
    assert main(["restore", str(tmp_path / "none.zip"), "--store", str(tmp_path / "three")]) == 1
    assert "none.zip" in capsys.readouterr().err


@pytest.mark.parametrize("damage", ["predictions", "reviews"])
def test_what_a_reader_was_shown_is_known_after_a_restore_though_its_row_is_damaged(
    tmp_path: Path, damage: str
) -> None:
    with Store.open(tmp_path / "store") as store:
        fill_store(store, tmp_path / "store" / "photos")
        store.note_shown(CASE, "local", Prediction("E1", answers=answer(3), models={"cvqa": "m@1"}))
        with store._database.writing() as session:
            connection = session.connection()
            if damage == "reviews":  # Li's alone say that the model was seen
                connection.exec_driver_sql("DELETE FROM showings")
                connection.exec_driver_sql("DELETE FROM seen")
            connection.exec_driver_sql(f"UPDATE {damage} SET content = content || ' '")
        readers = ("Li", "local") if damage == "predictions" else ("Li",)
        write_backup(store, tmp_path / "backup.zip")
    with Store.open(tmp_path / "back") as back:
        restore_backup(tmp_path / "backup.zip", back)
        assert back.shown(CASE) is None
        for reader in readers:
            assert "model" in back.known(CASE, reader)
            saved = back.save(Review("E1", reader, "blind", "done", answer(1), queue=CASE.queue))
            assert saved.review.kind != "blind"


def test_what_opens_a_store_opens_no_copy_of_it_and_no_receiver_is_told_twice(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    with Store.open(tmp_path / "first") as store, Store.open(tmp_path / "second") as second:
        fill_store(store, tmp_path / "data")
        words, _ = store.make_token("Li", "a program")
        lasts = SignIn("Li", store.reader("Li").access, now.timestamp() + 1000, now.timestamp())
        store.add_sign_in("a digest", lasts, now.timestamp())
        store.fill_outbox("a receiver", now)
        store.save(Review("E2", "Li", "assisted", "done", answer(1), queue=CASE.queue))
        assert store.fill_outbox("a receiver", now) == 1
        assert store.find_token(words) and store.find_sign_in("a digest")
        write_backup(store, tmp_path / "b.zip")
        # what was made in the empty store before opens nothing of what comes
        second.make_token("local", "before")
        second.add_sign_in("before", replace(lasts, name="local"), now.timestamp())
        restore_backup(tmp_path / "b.zip", second)
        assert second.reader("Li").access == store.reader("Li").access
        assert second.find_token(words) is None and second.tokens(revoked=True) == []
        assert second.find_sign_in("a digest") is None and second.find_sign_in("before") is None
        assert second.list_due("a receiver", now) == []
    rows = zipfile.ZipFile(tmp_path / "b.zip").read(ROWS).decode()
    assert "a digest" not in rows and "a receiver" not in rows
