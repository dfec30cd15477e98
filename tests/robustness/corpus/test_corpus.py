"""Every bad file of ``tests/data/corpus`` through the reader it is for: read with what is worth knowing, or
refused in one line that names it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from transformers import AutoModel

from magic_demo.commands.import_reviews import save_reviews
from magic_demo.core.errors import MagicDemoError
from magic_demo.files.answers import read_answers, write_answers
from magic_demo.files.bundles import read_prediction
from magic_demo.files.encounters import read_encounters
from magic_demo.files.masks.mask_files import read_loose_mask, read_mask
from magic_demo.files.photos.reading import read_photo
from magic_demo.models.loading.checkpoints import load_model
from magic_demo.models.loading.preprocessing import read_preprocessing
from magic_demo.questions.families import read_questions
from magic_demo.reviews.imports import read_reviews
from magic_demo.reviews.store import Store
from tests.robustness.corpus.make_corpus import CORPUS, Expected, make_corpus, read_expected
from training.runs.run import RunSettings, read_settings

LONGEST_LINE = 700
EXPECTED = read_expected()


def _read_photo(place: Path) -> tuple[str, ...]:
    photo = read_photo(place)
    assert photo.pixels.ndim == 3 and photo.pixels.shape[2] == 3 and photo.pixels.dtype.name == "uint8"
    return photo.notes


def _read_folder(place: Path) -> tuple[str, ...]:
    """Read a folder and then its photos, as a batch run does."""
    found = read_encounters(place)
    lines = list(found.problems)
    for file in (photo for files in found.encounters for photo in files.photo_files):
        try:
            assert file.path is not None
            read_photo(file.path, photo_id=file.photo_id)
        except MagicDemoError as error:
            lines.append(str(error))
    return tuple(lines)


def _read_export(place: Path) -> tuple[str, ...]:
    """Read an export back and into a store, as ``import-reviews`` does."""
    back = read_reviews(place, "q")
    with tempfile.TemporaryDirectory() as folder, Store.open(folder) as store:
        _, left_out = save_reviews(store, back.reviews)
    return (*back.left_out, *left_out)


def _open_store(place: Path) -> tuple[str, ...]:
    before = place.read_bytes()
    try:
        Store.open(place, wait_seconds=0.2).close()
    finally:
        assert place.read_bytes() == before
    return ()


def _answers(place: Path) -> tuple[str, ...]:
    with tempfile.TemporaryDirectory() as folder:  # what is read can be written again
        write_answers(Path(folder, "again.json"), read_answers(place))
    return ()


def _quietly(read: Callable[[Path], object]) -> Callable[[Path], tuple[str, ...]]:
    def run(place: Path) -> tuple[str, ...]:
        read(place)
        return ()

    return run


READERS: dict[str, Callable[[Path], tuple[str, ...]]] = {
    "photo": _read_photo,
    "mask": _quietly(read_mask),
    "loose mask": lambda place: read_loose_mask(place).repairs,
    "encounters": lambda place: read_encounters(place).problems,
    "folder": _read_folder,
    "answers": _answers,
    "questions": _quietly(read_questions),
    "label studio": _read_export,
    "export": _read_export,
    "bundle": _quietly(lambda place: read_prediction(place, "ENC00001")),
    "settings": _quietly(lambda place: read_settings(place, RunSettings)),
    "store": _open_store,
    "checkpoint": _quietly(lambda place: load_model(place, AutoModel)),
    "preprocessing": _quietly(read_preprocessing),
}


def _kinds(error: type[BaseException]) -> set[str]:
    return {kind.__name__ for kind in error.__mro__}


@pytest.mark.parametrize(
    "expected", EXPECTED, ids=lambda expected: expected.place.encode("ascii", "replace").decode()
)
def test_a_bad_file_is_read_with_a_note_or_refused_in_one_line_that_names_it(expected: Expected) -> None:
    place = CORPUS / expected.place
    try:
        said = " | ".join(READERS[expected.reader](place))
        came = ""
    except MagicDemoError as error:
        said, came = str(error), type(error).__name__
        assert expected.error in _kinds(type(error)), said
        assert place.name in said or place.stem in said, said
        assert "\n" not in said and len(said) <= LONGEST_LINE, said
    assert bool(came) == bool(expected.error), said
    for part in expected.says:
        assert part in said, said


def test_names_that_no_repository_should_hold_cost_themselves_alone(tmp_path: Path) -> None:
    """Colons and line ends are made here: some systems could not check the corpus out with them."""
    whole = (CORPUS / "photos" / "-rf photo.png").read_bytes()
    bad = [
        "a:b.png",
        "a\nb.png",
        "x\\y.png",
        "\x1b[31m.png",
        os.fsdecode(b"\xff\xfe.png"),
        "." + "n" * 60 + ".png",
        "n" * 240 + ".png",
    ]
    for name in [*bad, "ok 湿疹 🤔.png"]:
        (tmp_path / name).write_bytes(whole)
    found = read_encounters(tmp_path)
    assert [files.encounter_id for files in found.encounters] == ["ok 湿疹 🤔"]
    assert len(found.problems) == len(bad) - 1  # a hidden file is nobody's photo
    for line in found.problems:
        assert "rename" in line and line.isprintable()


def test_the_corpus_is_what_the_script_makes(tmp_path: Path) -> None:
    assert make_corpus(tmp_path / "one") == EXPECTED
    make_corpus(tmp_path / "two")
    names = [
        sorted(str(path.relative_to(top)) for path in top.rglob("*"))
        for top in (CORPUS, tmp_path / "one", tmp_path / "two")
    ]
    assert names[0] == names[1] == names[2]
    for path in (tmp_path / "one").rglob("*"):
        if path.is_file() and not path.is_symlink():
            assert (
                path.read_bytes() == (tmp_path / "two" / path.relative_to(tmp_path / "one")).read_bytes()
            ), path


def test_the_corpus_is_large_in_kinds_and_small_on_disk() -> None:
    assert len(EXPECTED) >= 60 and {expected.reader for expected in EXPECTED} == set(READERS)
    assert sum(path.stat().st_size for path in CORPUS.rglob("*") if path.is_file()) < 2**20
