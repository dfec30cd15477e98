"""A changed byte in a stored review is one line, everywhere it is read; everything else stays usable."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from magic_demo.__main__ import main
from magic_demo.core.review_types import CaseKey, Review
from magic_demo.imaging.run_lengths import encode_mask
from magic_demo.reviews.backups import restore_backup, write_backup
from magic_demo.reviews.store import NewCase, Store
from tests.support.store.reviewed_cases import answer, draw_mask

KEY, OTHER = CaseKey("q", "ENC1"), CaseKey("q", "ENC2")
FIRST = Review(
    "ENC1", "ann", "assisted", "done", answer(1), queue="q", comment="a zebra", models={"cvqa": "m"}
)
NEWEST = replace(FIRST, answers=answer(2), masks={"IMG1": encode_mask(draw_mask((24, 32), 1))})

CHANGES: dict[str, str] = {
    "a byte of the content": "UPDATE reviews SET content = replace(content, 'zebra', 'zebre') WHERE number = 2",
    "no JSON any more": "UPDATE reviews SET content = substr(content, 2) WHERE number = 2",
    "no text any more": "UPDATE reviews SET content = CAST(x'22c328' AS TEXT) WHERE number = 2",
    "another digest": "UPDATE reviews SET digest = 'x' || substr(digest, 2) WHERE number = 2",
    "no kind": "UPDATE reviews SET kind = 'assistee' WHERE number = 2",
    "no state": "UPDATE reviews SET state = 'dond' WHERE number = 2",
    "no time": "UPDATE reviews SET saved_at = 'x' || substr(saved_at, 2) WHERE number = 2",
    "no list of what is missing": "UPDATE reviews SET missing = '{' WHERE number = 2",
    "a byte of its mask": "UPDATE masks SET counts = '1' || substr(counts, 2)",
    "no mask": "DELETE FROM masks",
}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    with Store.open(tmp_path / "store") as store:
        store.add_reader("ann")
        store.add_reader("bo")
        store.add_reader("ada", role="adjudicator")
        store.add_cases("q", [NewCase("ENC1"), NewCase("ENC2")])
        store.save(FIRST)
        store.save(NEWEST, client_key="once")
        store.save(replace(FIRST, case_id="ENC2"))
    return tmp_path / "store"


@pytest.fixture(params=list(CHANGES.values()), ids=list(CHANGES))
def damaged(request: pytest.FixtureRequest, place: Path) -> Iterator[Path]:
    with closing(sqlite3.connect(place / "reviews.sqlite3")) as connection, connection:
        assert connection.execute(request.param).rowcount == 1
    yield place


def test_one_line_names_the_review_and_the_rest_is_read_saved_and_backed_up(
    damaged: Path, tmp_path: Path
) -> None:
    reads: tuple[Callable[[Store], object], ...] = (
        lambda store: [saved.number for saved in store.history(KEY, "ann")],
        lambda store: [saved.number for saved in store.visible_reviews(KEY, "ann")],
        lambda store: [getattr(store.latest(KEY, "ann"), "number", None)],
    )
    with Store.open(damaged) as store:
        for read in reads:
            assert read(store) == [1], "the one before counts"
        assert [saved.number for saved in store.latest_reviews("q", viewer=None)] == [1, 3]
        assert [saved.number for saved in store.all_reviews("q")] == [1, 3]
        assert store.review(2, KEY, "ann") is None
        (line,) = store.damaged_reviews()
        assert "review 2 of ENC1 by ann" in line and "Restore a backup" in line and "zebr" not in line
        assert [store.damaged_reviews(viewer=name) for name in ("ann", "bo", "ada")] == [[line], [], [line]]
        assert store.damaged_reviews("another") == [] == store.damaged_reviews(case=OTHER)
        assert [case.key for case in store.list_cases("q", "ann", order="disputed", all_assigned=True)]

        report = write_backup(store, tmp_path / "b.zip")
        assert report.left_out == (line,) and report.rows["reviews"] == 2
        with Store.open(tmp_path / "second") as second:
            restore_backup(tmp_path / "b.zip", second)
            assert [saved.number for saved in second.all_reviews("q")] == [
                1,
                3,
            ] and second.damaged_reviews() == []

        again = store.save(NEWEST, client_key="once", after=1)
        assert again.number == 4 and store.latest(KEY, "ann") == again, (
            "what is damaged is saved anew, by the same save sent again"
        )
        assert store.save(NEWEST, client_key="once").number == 4
        store.delete_case(KEY)
        assert store.damaged_reviews() == []


def test_exports_and_agreement_say_it_in_one_line_and_hold_the_rest(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(sqlite3.connect(place / "reviews.sqlite3")) as connection, connection:
        connection.execute(CHANGES["a byte of the content"])
    on = ["--store", str(place)]
    for words in (["export", *on, "--to", str(tmp_path / "out"), "--format", "csv"], ["agreement", *on]):
        assert main(words) == 0
        said = capsys.readouterr()
        assert [line for line in (said.out + said.err).splitlines() if "review 2 of ENC1 by ann" in line], (
            words
        )
        assert "Traceback" not in said.err
    assert "3" in (tmp_path / "out" / "readings.csv").read_text("utf-8-sig")
    assert main(["backup", str(tmp_path / "b.zip"), *on]) == 3
    assert "review 2 of ENC1 by ann" in capsys.readouterr().err
