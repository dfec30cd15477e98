"""Covered is gone: from the pixels, and from everything that is read of the case afterwards, exports,
reports, backup and deletion included."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from magic_demo.core.errors import StoreError
from magic_demo.core.review_types import CaseKey
from magic_demo.core.types import Photo
from magic_demo.files.photos.reading import read_photo
from magic_demo.page.session.desk.desk import Desk
from magic_demo.reviews.backups import BackupError, restore_backup, write_backup
from magic_demo.reviews.cases.covered_photos import BLOCKS, CoveredPhotos, cover_area, covered_beside
from magic_demo.reviews.cases.deletion import delete_cases
from magic_demo.reviews.cases.second_readings import make_second_reading
from magic_demo.reviews.exports.case_files import find_case_files
from magic_demo.reviews.store import LOCAL_READER, NewCase, Store

KEY = CaseKey("clinic 湿疹", "ENC/../1")
SIZE = (60, 80)
FACE = np.s_[10:40, 20:60]


def noisy(seed: int = 1) -> Photo:
    return Photo("arm", np.random.default_rng(seed).integers(0, 256, (*SIZE, 3), dtype=np.uint8))


def face() -> np.ndarray:
    area = np.zeros(SIZE, bool)
    area[FACE] = True
    return area


def test_an_area_becomes_a_few_flat_blocks_and_the_rest_stays() -> None:
    photo, area = noisy(), face()
    covered = cover_area(photo.pixels, area)
    assert np.array_equal(covered[~area], photo.pixels[~area])
    assert len(np.unique(covered[area], axis=0)) <= BLOCKS**2
    assert np.abs(covered[area].mean(axis=0) - photo.pixels[area].mean(axis=0)).max() < 1


@given(
    area=st.lists(
        st.tuples(st.integers(0, 59), st.integers(0, 79), st.integers(1, 40), st.integers(1, 40)), max_size=4
    )
)
def test_what_remains_says_no_more_than_the_blocks_means(area: list[tuple[int, int, int, int]]) -> None:
    mask = np.zeros(SIZE, bool)
    for top, left, height, width in area:
        mask[top : top + height, left : left + width] = True
    one = cover_area(noisy().pixels, mask)
    assert np.array_equal(one[~mask], noisy().pixels[~mask])
    assert len(np.unique(one[mask], axis=0)) <= len(area) * BLOCKS**2
    surroundings = noisy().pixels.copy()
    surroundings[~mask] = 0
    assert np.array_equal(cover_area(surroundings, mask)[mask], one[mask]), (
        "no colour of what is beside it comes in"
    )


@pytest.fixture
def clinic(tmp_path: Path) -> Path:
    folder = tmp_path / "clinic"
    folder.mkdir()
    Image.fromarray(noisy().pixels).save(folder / "arm.png")
    return folder


def cover(desk: Desk, key: CaseKey) -> Photo:
    case = desk.opened_store.case(key, LOCAL_READER)
    # by another page: this one may have just kept the case
    photo = Desk(desk.opened_store).read_case(case).encounter.photos[0]
    covered = replace(photo, pixels=cover_area(photo.pixels, face()))
    desk.keep_covered(case, covered)
    return covered


def test_a_folders_photo_stays_and_everything_reads_the_covered_copy(clinic: Path, tmp_path: Path) -> None:
    before = (clinic / "arm.png").read_bytes()
    with Store.open(tmp_path / "store") as store:
        desk = Desk(store)
        desk.add_queue(clinic)
        covered = cover(desk, CaseKey("clinic", "arm"))
        for again in (desk, Desk(store)):  # the same page, and one started later
            again.add_queue(clinic)
            read = again.read_case(store.case(CaseKey("clinic", "arm"), LOCAL_READER)).encounter.photos[0]
            assert np.array_equal(read.pixels, covered.pixels) and any(
                "covered" in note for note in read.notes
            )
        (files,) = find_case_files(store.list_cases("clinic", LOCAL_READER), covered_beside(store.location))
        assert files.photo_files[0].path is not None
        assert np.array_equal(read_photo(files.photo_files[0].path).pixels, covered.pixels)
    assert (clinic / "arm.png").read_bytes() == before


def test_the_programs_own_copy_of_an_upload_is_overwritten(clinic: Path, tmp_path: Path) -> None:
    Image.fromarray(noisy().pixels).save(clinic / "arm.jpg", quality=95)
    (clinic / "arm.png").unlink()
    with Store.open(tmp_path / "store") as store:
        store.add_cases("uploads", [NewCase("E1", str(clinic), photos_kept=True)])
        covered = cover(Desk(store), CaseKey("uploads", "E1"))
    kept = [
        path
        for path in [*clinic.rglob("*"), *(tmp_path / "store").rglob("*")]
        if path.is_file() and path.suffix not in (".sqlite3",)
    ]
    pictures = [
        np.asarray(Image.open(path).convert("RGB")).astype(int)
        for path in kept
        if not path.name.startswith("reviews")
    ]
    assert len(pictures) == 2
    for picture in pictures:
        assert (
            np.abs(picture[FACE] - covered.pixels[FACE]).mean()
            < 6
            < np.abs(picture[FACE] - noisy().pixels[FACE]).mean()
        )


def test_names_never_become_paths_and_each_covering_is_a_new_turn(tmp_path: Path) -> None:
    copies = CoveredPhotos(tmp_path / "covered")
    assert copies.turn(KEY) == 0
    copies.keep(KEY, replace(noisy(), photo_id="../../x"))
    turn = copies.turn(KEY)
    assert turn
    assert [path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*") if path.is_file()] == [
        "covered"
    ]
    copies.keep(KEY, replace(noisy(2), photo_id="../../x"))
    assert copies.turn(KEY) > turn and not copies.folder_of(CaseKey(KEY.queue, "other")).exists()


def test_covered_copies_are_in_the_backup_come_back_and_go_with_their_case(
    clinic: Path, tmp_path: Path
) -> None:
    with Store.open(tmp_path / "store") as store:
        desk = Desk(store)
        desk.add_queue(clinic)
        covered = cover(desk, CaseKey("clinic", "arm"))
        assert write_backup(store, tmp_path / "backup.zip").photos == 1
        delete_cases(store, [CaseKey("clinic", "arm")])
        assert not [path for path in covered_beside(store.location).folder.rglob("*") if path.is_file()]
    with Store.open(tmp_path / "other") as store:
        restore_backup(tmp_path / "backup.zip", store)
        photo = Desk(store).read_case(store.case(CaseKey("clinic", "arm"), LOCAL_READER)).encounter.photos[0]
        assert np.array_equal(photo.pixels, covered.pixels)
        (tmp_path / "backup2.zip").write_bytes((tmp_path / "backup.zip").read_bytes())
        with pytest.raises(StoreError, match="not empty"):
            restore_backup(tmp_path / "backup2.zip", store)
        assert covered_beside(store.location).folder.exists(), "a store that is not empty loses nothing"


@pytest.mark.parametrize(
    "name", ["covered/../x", "covered/abc/def", "covered/" + "0" * 32 + "/../" + "0" * 32]
)
def test_a_backup_with_a_covered_photo_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    with Store.open(tmp_path / "store") as store:
        write_backup(store, tmp_path / "good.zip")
    with zipfile.ZipFile(tmp_path / "good.zip") as good, zipfile.ZipFile(tmp_path / "bad.zip", "w") as bad:
        for entry in good.namelist():
            content = good.read(entry)
            bad.writestr(
                entry, content.replace(b'"photos": 0', b'"photos": 1') if entry == "backup.json" else content
            )
        picture = io.BytesIO()
        Image.fromarray(noisy().pixels).save(picture, "PNG")
        bad.writestr(name, picture.getvalue())
    with Store.open(tmp_path / "new") as store, pytest.raises(BackupError, match="no photo's place"):
        restore_backup(tmp_path / "bad.zip", store)


def test_a_second_reading_has_the_photos_covered_and_its_copies_go_with_it(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # what goes with a server's database lies here
    photos = tmp_path / "photos"
    photos.mkdir()
    for name in ("arm", "leg"):
        Image.fromarray(noisy().pixels).save(photos / f"{name}.png")
    store.add_cases("q", [NewCase(name, str(photos)) for name in ("arm", "leg")])
    covered = covered_beside(store.location)
    shown = replace(noisy(), pixels=cover_area(noisy().pixels, face()))
    covered.keep(CaseKey("q", "arm"), shown)
    assert make_second_reading(store, "q", "q again", 28) == 2
    files = find_case_files(store.list_cases("q again", LOCAL_READER, all_assigned=True), covered)
    seen = {case.encounter_id: read_photo(Path(str(case.photo_files[0].place))) for case in files}
    assert np.array_equal(seen["arm"].pixels, shown.pixels)
    assert np.array_equal(seen["leg"].pixels, noisy().pixels)
    covered.keep(CaseKey("q again", "arm"), replace(shown, pixels=shown.pixels * 0))
    with pytest.raises(StoreError, match="there is a queue 'q again' already"):
        make_second_reading(store, "q", "q again", 28)
    with pytest.raises(StoreError, match="a wash-out of -1 days"):
        make_second_reading(store, "q", "third", -1)
    kept = read_photo(Path(str(covered.put_in_place("q again", files[0]).photo_files[0].place)))
    assert not kept.pixels.any(), "what was covered there since stays"
    assert not covered.folder_of(CaseKey("third", "arm")).exists()
    delete_cases(store, [CaseKey("q again", "arm")])
    assert not covered.folder_of(CaseKey("q again", "arm")).exists()
    assert covered.folder_of(CaseKey("q", "arm")).is_dir()
