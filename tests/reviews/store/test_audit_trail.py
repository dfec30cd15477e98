"""Who did what leaves a row, whichever way it was done; the rows say no more than that, and none is lost by a
backup or a flood."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from magic_demo.__main__ import main
from magic_demo.core.errors import StoreError
from magic_demo.core.review_types import CaseKey, Review
from magic_demo.core.types import Encounter, Narrative, Photo
from magic_demo.page.server.downloads.take_away import list_take_away_routes
from magic_demo.page.session.desk.desk import Desk
from magic_demo.page.session.sign_in.sign_ins import SignIns, TooManyTriesError
from magic_demo.reviews.backups import restore_backup, write_backup
from magic_demo.reviews.cases.kept_cases import keep_upload
from magic_demo.reviews.store import LOCAL_READER, TRAIL_KINDS, Actor, NewCase, Store
from magic_demo.reviews.store.rows import audit_trail
from tests.support.stand_ins import draw_photo
from tests.support.store.reviewed_cases import answer

ADA = Actor("ada", "page 10.0.0.7")
MARKER = "MARKER-zebra"


def kinds(store: Store) -> list[str]:
    return [entry.what for entry in reversed(store.trail())]


def test_what_changes_readers_or_deletes_leaves_a_row_each_with_who_and_from_where(store: Store) -> None:
    store.add_reader("bo", password="long enough", by=ADA)
    store.set_role("bo", "adjudicator", by=ADA)
    store.set_password("bo", "long enough too", by=ADA)
    store.remove_reader("bo", by=ADA)
    store.add_cases("q", [NewCase("ENC1"), NewCase("ENC2")])
    store.delete_case(CaseKey("q", "ENC1"), by=ADA)
    store.note("export", ADA, case=CaseKey("q", "ENC2"), detail="csv")
    found = list(reversed(store.trail()))
    assert [(entry.what, entry.detail) for entry in found] == [
        ("reader added", "bo, reader"), ("role changed", "bo, reader to adjudicator"), ("password changed", "bo"), ("reader removed", "bo"),
        ("delete", ""), ("export", "csv"),
    ]  # fmt: skip
    assert {(entry.who, entry.origin) for entry in found} == {("ada", "page 10.0.0.7")}
    assert found[4].case is None and found[4].case_number is not None, "a deleted case is its number alone"
    assert found[5].case == CaseKey("q", "ENC2")
    assert [entry.what for entry in store.trail(kinds=["delete", "export"], who="ada", most=1)] == ["export"]
    assert store.trail(who="bo") == [] and store.trail_names() == ["ada"]


def test_what_fails_leaves_no_row(store: Store) -> None:
    with pytest.raises(StoreError):
        store.set_role("nobody", "adjudicator", by=ADA)
    with pytest.raises(StoreError):
        store.delete_case(CaseKey("q", "no"), by=ADA)
    assert store.trail() == []


def test_a_row_that_cannot_be_written_undoes_what_it_is_about(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add_cases("q", [NewCase("ENC1")])

    def fail(*_: object, **__: object) -> None:
        raise StoreError("the disk is full; make room")

    monkeypatch.setattr(audit_trail, "add_entry", fail)
    for act in (
        lambda: store.delete_case(CaseKey("q", "ENC1")),
        lambda: store.add_reader("bo"),
        lambda: store.note("export", ADA),
    ):
        with pytest.raises(StoreError, match="disk is full"):
            act()
    assert store.case_keys() == [CaseKey("q", "ENC1")] and [reader.name for reader in store.readers()] == [
        LOCAL_READER
    ]


def test_a_flood_of_refused_tries_pushes_nothing_else_out(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_trail, "KEPT", 5)
    monkeypatch.setattr(audit_trail, "KEPT_OUTSIDE", 3)
    monkeypatch.setattr(audit_trail, "TRIMMED_EVERY", 1)
    for number in range(8):
        store.note("export", ADA, detail=str(number))
    for _ in range(12):
        store.note("sign-in refused", ADA)
    found = store.trail()
    assert [entry.detail for entry in found if entry.what == "export"] == ["7", "6", "5", "4", "3"]
    assert sum(entry.what == "sign-in refused" for entry in found) == 3


def test_signing_in_says_who_and_from_where_and_never_what_was_typed(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    store.add_reader("ada", password="long enough")
    now = [0.0]
    sign_ins = SignIns(store, clock=lambda: now[0])
    key = sign_ins.enter("ADA", "long enough", "10.0.0.7")
    assert sign_ins.enter("ada", "wrong", "10.0.0.8") is None
    assert sign_ins.enter(MARKER, MARKER, "10.0.0.8") is None
    sign_ins.leave({"magic-demo-reader": str(key)}, "10.0.0.7")
    sign_ins.leave({"magic-demo-reader": str(key)}, "10.0.0.7")
    stopped = 0
    for _ in range(60):
        try:
            sign_ins.enter("someone", "wrong", "10.0.0.9")
        except TooManyTriesError:
            stopped += 1
            sign_ins.note_stopped("someone", "10.0.0.9")
    rows = [
        (entry.what, entry.who, entry.origin)
        for entry in reversed(store.trail())
        if entry.what.startswith("sign")
    ]
    assert rows[:4] == [
        ("sign-in", "ada", "page 10.0.0.7"), ("sign-in refused", "ada", "page 10.0.0.8"), ("sign-in refused", "", "page 10.0.0.8"),
        ("sign-out", "ada", "page 10.0.0.7"),
    ]  # fmt: skip
    assert stopped > 1 and sum(row[0] == "sign-in stopped" for row in rows) == 1, (
        "a flood is one row in ten minutes"
    )
    assert MARKER not in str(store.trail())
    assert capsys.readouterr().err == ""


def test_a_sign_in_whose_row_cannot_be_kept_is_said_and_goes_on(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store.add_reader("ada", password="long enough")
    sign_ins = SignIns(store)

    def fail(*_: object, **__: object) -> None:
        raise StoreError("the disk is full; make room")

    monkeypatch.setattr(audit_trail, "add_entry", fail)
    assert sign_ins.enter("ada", "long enough", "10.0.0.7")
    (line,) = capsys.readouterr().err.splitlines()
    assert "disk is full" in line and "sign-in" in line and "long enough" not in line


def make_place(folder: Path) -> tuple[Path, CaseKey]:
    place = folder / "store"
    with Store.open(place) as store:
        photos = (Photo("arm", draw_photo(24, 32)),)
        key = keep_upload(store, Encounter(MARKER, Narrative(MARKER, MARKER), photos), LOCAL_READER).key
        store.save(
            Review(key.case_id, LOCAL_READER, "assisted", "done", answer(1), comment=MARKER, queue=key.queue)
        )
    return place, key


def test_every_command_leaves_its_row_and_the_command_shows_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place, key = make_place(tmp_path)
    password = tmp_path / "password"
    password.write_text("long enough")
    on = ["--store", str(place)]
    assert (
        main(["readers", *on, "add", "ada", "--role", "adjudicator", "--password-file", str(password)]) == 0
    )
    assert main(["readers", *on, "role", "ada", "reader"]) == 0
    assert main(["export", *on, "--to", str(tmp_path / "out"), "--format", "challenge"]) == 0
    assert main(["import-reviews", str(tmp_path / "out"), *on, "--queue", "again"]) == 0
    assert main(["backup", str(tmp_path / "b.zip"), *on]) == 0
    assert main(["delete-case", key.queue, key.case_id, *on]) == 0
    assert main(["restore", str(tmp_path / "b.zip"), "--store", str(tmp_path / "second")]) == 0
    with Store.open(place) as store, Store.open(tmp_path / "second") as second:
        expected = ["reader added", "role changed", "export", "import", "backup", "delete"]
        assert kinds(store) == expected
        assert kinds(second) == [*expected[:4], "restore"], "a backup holds what was done until then"
        assert {entry.origin for entry in store.trail()} == {"command"}
    capsys.readouterr()
    assert main(["audit-trail", *on, "--json"]) == 0
    said = capsys.readouterr().out
    assert [row["what"] for row in json.loads(said)] == expected[::-1]
    assert MARKER not in said and str(tmp_path) not in said, "no patient's words, no paths"
    assert main(["audit-trail", *on, "--kind", "export"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert "export" in line and "challenge, 1 case" in line


def test_restoring_over_an_emptied_store_keeps_what_was_done_there_and_nothing_twice(tmp_path: Path) -> None:
    with Store.open(tmp_path / "store") as store:
        store.add_cases("q", [NewCase("ENC1")])
        store.note("export", ADA, detail="csv")
        write_backup(store, tmp_path / "b.zip")
        store.delete_case(CaseKey("q", "ENC1"), by=ADA)
        restore_backup(tmp_path / "b.zip", store, by=ADA)
        found = list(reversed(store.trail()))
    assert sorted(entry.what for entry in found) == ["delete", "export", "restore"]
    deleted = next(entry for entry in found if entry.what == "delete")
    assert (
        deleted.case is None and deleted.case_number is None and "case 1 before the restore" in deleted.detail
    )


def test_a_page_s_export_leaves_a_row_before_anything_leaves_and_a_read_only_store_is_exported_with_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from starlette.applications import Starlette
    from starlette.testclient import TestClient

    place, key = make_place(tmp_path)
    address = f"/take-away/csv?queue={key.queue}"
    with (
        Store.open(place) as store,
        TestClient(Starlette(routes=list_take_away_routes(Desk(store)))) as client,
    ):
        assert client.get(address).status_code == 200
        assert [(entry.what, entry.who, entry.detail) for entry in store.trail()] == [
            ("export", LOCAL_READER, "csv")
        ]
        with monkeypatch.context() as patch:
            patch.setattr(
                audit_trail,
                "add_entry",
                lambda *_, **__: (_ for _ in ()).throw(StoreError("the disk is full; make room")),
            )
            assert client.get(address).status_code == 409, "what cannot be noted does not leave"
    access = os.access
    monkeypatch.setattr(
        os, "access", lambda path, mode: not (mode & os.W_OK and "store" in str(path)) and access(path, mode)
    )
    with (
        Store.open(place) as store,
        TestClient(Starlette(routes=list_take_away_routes(Desk(store)))) as client,
    ):
        assert store.read_only
        capsys.readouterr()
        assert client.get(address).status_code == 200
        (line,) = capsys.readouterr().err.splitlines()
        assert "audit trail does not say" in line
    assert main(["export", "--store", str(place), "--to", str(tmp_path / "out"), "--format", "csv"]) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert "audit trail does not say" in line


def test_every_kind_is_a_line_of_text() -> None:
    assert len(set(TRAIL_KINDS)) == len(TRAIL_KINDS) and all(kind.strip() == kind for kind in TRAIL_KINDS)
