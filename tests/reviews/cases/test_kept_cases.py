"""An open case is kept: its photos and words lie beside the store, and come back as they were after any
restart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from magic_demo.core.errors import StoreError
from magic_demo.core.review_types import CaseKey
from magic_demo.core.types import Encounter, Narrative, Photo
from magic_demo.page.session.desk.desk import Desk
from magic_demo.reviews.backups import restore_backup, write_backup
from magic_demo.reviews.cases.deletion import delete_cases
from magic_demo.reviews.cases.kept_cases import EXAMPLES, UPLOADS, keep_example, keep_upload
from magic_demo.reviews.store import LOCAL_READER, Store
from magic_demo.synthetic.bundled import load_examples
from tests.support.stand_ins import draw_photo

WORDS = Narrative(en="Red & itchy for <5 weeks", zh="又红又痒")


def upload(*names: str) -> Encounter:
    photos = tuple(Photo(name, draw_photo(40 + number, 56)) for number, name in enumerate(names))
    return Encounter("CASE", WORDS, photos, ("eczema?",))


def read(store: Store, key: CaseKey, reader: str = LOCAL_READER) -> Encounter:
    """Read a case as a page does that was started anew."""
    return Desk(store).read_case(store.case(key, reader)).encounter


def test_what_is_kept_comes_back_pixel_by_pixel_after_a_restart(tmp_path: Path) -> None:
    before = upload("Jane Doe: left arm", "../../etc", ".hidden")
    with Store.open(tmp_path / "store") as store:
        kept = keep_upload(store, before, LOCAL_READER)
    with Store.open(tmp_path / "store") as store:
        assert store.queues() == [UPLOADS]
        after = read(store, kept.key)
    assert (after.encounter_id, after.narrative) == (kept.key.case_id, WORDS)
    assert [photo.photo_id for photo in after.photos] == [
        kept.names[photo.photo_id] for photo in before.photos
    ]
    assert all(
        np.array_equal(one.pixels, other.pixels)
        for one, other in zip(before.photos, after.photos, strict=True)
    )
    written = [path for path in tmp_path.rglob("*") if path.is_file() and "sqlite" not in path.name]
    assert len(written) == 4 and all("Doe" not in str(path) and "etc" not in path.name for path in written)


def test_two_cases_of_one_minute_share_no_name_not_even_a_photos(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        kept = [keep_upload(store, upload("arm", "leg"), LOCAL_READER) for _ in range(3)]
        photos = [photo.photo_id for one in kept for photo in read(store, one.key).photos]
    assert len({one.key for one in kept}) == 3 and len(set(photos)) == 6


def test_words_alone_are_a_case_too(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        kept = keep_upload(store, Encounter("CASE", WORDS), LOCAL_READER)
        assert (read(store, kept.key).narrative, read(store, kept.key).photos) == (WORDS, ())


def test_an_example_is_one_case_of_the_queue_that_says_what_it_is_whoever_keeps_it(tmp_path: Path) -> None:
    example = load_examples()[1].encounter
    with Store.open(tmp_path) as store:
        store.add_reader("ann")
        desk = Desk(store)
        first = desk.keep_case(example, LOCAL_READER, example=example)
        again = desk.keep_case(example, "ann", example=example)
        assert first.key == again.key == CaseKey(EXAMPLES, example.encounter_id) and "synthetic" in EXAMPLES
        other = desk.keep_case(replace(example, narrative=WORDS), "ann", example=example)
        assert other.key.queue == EXAMPLES and other.key != first.key, "with other words it is another case"
        assert (
            read(store, first.key).narrative == example.narrative
            and read(store, other.key).narrative == WORDS
        )
        assert store.case(first.key, "ann").assigned_to == ()


def test_an_upload_is_its_readers_until_it_is_assigned_and_the_local_readers_is_everybodys(
    tmp_path: Path,
) -> None:
    with Store.open(tmp_path) as store:
        store.add_reader("ann")
        assert store.case(keep_upload(store, upload("arm"), "ann").key, "ann").assigned_to == ("ann",)
        assert store.case(keep_upload(store, upload("arm"), LOCAL_READER).key, "ann").assigned_to == ()


def test_backups_hold_it_and_deleting_the_case_deletes_its_photos(tmp_path: Path) -> None:
    with Store.open(tmp_path / "store") as store, Store.open(tmp_path / "again") as again:
        key = keep_upload(store, upload("arm"), LOCAL_READER).key
        write_backup(store, tmp_path / "backup.zip")
        delete_cases(store, [key])
        assert list((tmp_path / "store").rglob("*.png")) == []
        restore_backup(tmp_path / "backup.zip", again)
        assert np.array_equal(read(again, key).photos[0].pixels, upload("arm").photos[0].pixels)


def test_a_case_that_cannot_be_written_leaves_nothing_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with Store.open(tmp_path / "store") as store:
        monkeypatch.setattr("magic_demo.reviews.cases.kept_cases.write_photo", refuse)
        with pytest.raises(StoreError, match=r"cannot be kept \(No space left on device\)"):
            keep_upload(store, upload("arm"), LOCAL_READER)
        with pytest.raises(StoreError, match="cannot be kept"):
            keep_example(store, load_examples()[0].encounter)
        assert (
            store.queues() == []
            and [path for path in tmp_path.rglob("*") if path.name.startswith(("ENC", "IMG", "20"))] == []
        )


def test_a_page_without_a_store_opens_one_with_the_first_case_and_not_before(tmp_path: Path) -> None:
    desk = Desk(store_location=str(tmp_path / "later"))
    assert desk.store is None and not (tmp_path / "later").exists()
    kept = desk.keep_case(upload("arm"), LOCAL_READER, example=None)
    assert desk.opened_store.queues() == [kept.key.queue]
    desk.opened_store.close()
    with pytest.raises(StoreError, match="keep a case first"):
        _ = Desk().opened_store


def test_a_store_that_readers_sign_in_to_is_not_opened_behind_their_backs(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.add_reader("ann", password="a long password")
    desk = Desk(store_location=str(tmp_path))
    with pytest.raises(StoreError, match="reload the page and sign in"):
        desk.keep_case(upload("arm"), LOCAL_READER, example=None)
    assert desk.opened_store.queues() == []
    desk.opened_store.close()


def test_only_a_throw_away_store_can_be_emptied(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        keep_upload(store, upload("arm"), LOCAL_READER)
        with pytest.raises(StoreError, match="no throw-away"):
            Desk(store).empty()
        Desk(store, throwaway=True).empty()
        assert store.queues() == [] and list(tmp_path.rglob("*.png")) == []
