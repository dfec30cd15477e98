"""Whatever is fed to a reader, it reads it or raises the errors that it documents, in one line; nothing else
comes out."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydicom.encaps import encapsulate

from magic_demo.commands.import_reviews import save_reviews
from magic_demo.core.limits import PREFIX, read_limits
from magic_demo.core.review_types import MaskRuns
from magic_demo.files.answers import read_answers
from magic_demo.files.bundles import read_prediction
from magic_demo.files.encounters import read_encounters
from magic_demo.files.entries import clean_text
from magic_demo.files.masks.mask_files import read_loose_mask, read_loose_packed, read_mask
from magic_demo.files.photos.processes.workers import shared_workers
from magic_demo.files.photos.reading import PhotoLimits, decode_photo
from magic_demo.imaging.run_lengths import decode_mask, encode_mask
from magic_demo.models.loading.preprocessing import read_preprocessing
from magic_demo.questions.families import read_questions
from magic_demo.reviews.backups import restore_backup
from magic_demo.reviews.exports.label_studio.brush_code import decode_brush, encode_brush
from magic_demo.reviews.imports import read_reviews
from magic_demo.reviews.store import Store
from tests.files.photos.test_dicom import JPEG, SCENE, dicom
from tests.robustness.corpus.corpus_files import (
    answers,
    encode,
    encounter,
    questions,
)
from tests.robustness.fuzzed.fuzzing import FUZZ
from tests.robustness.fuzzed.inputs import (
    WHOLE_HEIC,
    WHOLE_MASKS,
    WHOLE_PHOTOS,
    altered,
    as_bytes,
    check,
    damaged,
    file_of,
    numbers,
    texts,
    values,
    whole_backup,
    whole_bundle,
    whole_tasks,
)
from training.runs.run import RunSettings, read_settings

SMALL = PhotoLimits(max_bytes=2**20, max_pixels=500_000, min_side=4)


@FUZZ
@given(damaged([data for data in WHOLE_PHOTOS if len(data) < 20_000]) | st.binary(max_size=64))
def test_photos(data: bytes) -> None:
    def read() -> None:
        pixels = decode_photo(data, photo_id="a", limits=SMALL).pixels
        assert pixels.ndim == 3 and pixels.shape[2] == 3 and pixels.dtype == np.uint8

    check("photos", read)


def apart(target: str, data: bytes) -> None:
    """Read a photo in a process of its own: what ends a library there is a line here."""

    def read() -> None:
        pixels = shared_workers().decode(data, photo_id="a", limits=SMALL).pixels
        assert pixels.ndim == 3 and pixels.shape[2] == 3 and pixels.dtype == np.uint8

    check(target, read)


@FUZZ
@given(damaged(WHOLE_HEIC))
def test_heic_photos(data: bytes) -> None:
    apart("heic photos", data)


WHOLE_DICOM = [
    dicom(SCENE.tobytes()),
    dicom(SCENE[..., 0].astype("<u2").tobytes(), colours="MONOCHROME1", bits=16, stored=12),
    dicom(encapsulate([encode(Image.fromarray(SCENE), "JPEG")]), syntax=JPEG, colours="YBR_FULL_422"),
]


@FUZZ
@given(damaged(WHOLE_DICOM))
def test_dicom_photos(data: bytes) -> None:
    apart("dicom photos", data)


@FUZZ
@given(
    damaged([data for data in WHOLE_MASKS if len(data) < 20_000]),
    st.sampled_from(["a_mask_sys.tiff", "a.png", "a"]),
    st.sampled_from(
        [read_mask, read_loose_mask, partial(read_loose_mask, as_numbers=True), read_loose_packed]
    ),
)
def test_mask_files(data: bytes, name: str, read: Callable[[Path], object]) -> None:
    with file_of(data, name) as path:
        check("mask files", lambda: read(path))


@FUZZ
@given(
    st.tuples(numbers, numbers) | st.tuples(st.integers(1, 9), st.integers(1, 9)),
    st.text(st.characters(min_codepoint=40, max_codepoint=125), max_size=20) | texts,
)
def test_run_lengths(size: tuple[Any, Any], counts: str) -> None:
    whole = tuple(int(side) if isinstance(side, int) else 3 for side in size)
    check("run lengths", lambda: encode_mask(decode_mask(MaskRuns((whole[0], whole[1]), counts))))


@FUZZ
@given(
    st.lists(st.integers(0, 255), max_size=60)
    | damaged([bytes(encode_brush(np.eye(7, dtype=np.bool_)))]).map(list)
    | st.lists(numbers, max_size=9)
)
def test_brush_code(code: list[Any]) -> None:
    check("brush code", lambda: decode_brush(code, (7, 7)))


ENCOUNTERS = [
    encounter(image_ids=["a.jpg", "b.png"], responses=[{"content_en": "eczema"}], author_id="U1"),
    encounter(encounter_id="ENC2"),
]


@FUZZ
@given(altered(ENCOUNTERS).map(as_bytes) | damaged([as_bytes(ENCOUNTERS)]))
def test_encounters(data: bytes) -> None:
    def read() -> None:
        for files in read_encounters(path).encounters:
            # all of it can be written again
            files.encounter_id.encode(), files.narrative.en.encode(), files.narrative.zh.encode()

    with file_of(data, "valid.json") as path:
        check("encounters", read)


@FUZZ
@given(altered([answers(), answers(encounter_id="ENC2")]).map(as_bytes) | damaged([as_bytes([answers()])]))
def test_answers(data: bytes) -> None:
    with file_of(data, "answers.json") as path:
        check("answers", lambda: read_answers(path))


@FUZZ
@given(altered([questions()]).map(as_bytes) | damaged([as_bytes([questions()])]))
def test_questions(data: bytes) -> None:
    with file_of(data, "questions.json") as path:
        check("questions", lambda: read_questions(path))


@FUZZ
@given(st.text() | texts)
def test_words(text: str) -> None:
    check("words", lambda: clean_text(text).encode())


@FUZZ
@given(st.data())
def test_bundles(data: st.DataObject) -> None:
    entry, map_ = whole_bundle()
    with file_of(data.draw(altered(entry).map(as_bytes) | damaged([as_bytes(entry)])), "ENC1.json") as path:
        (path.parent / "ENC1").mkdir()
        (path.parent / "ENC1" / "A.png").write_bytes(data.draw(damaged([map_]) | st.just(map_)))
        check("bundles", lambda: read_prediction(path.parent, "ENC1"))


@pytest.fixture(scope="module")
def one_store() -> Iterator[Store]:
    """Give one store that all imported reviews go into."""
    with tempfile.TemporaryDirectory() as folder, Store.open(folder) as store:
        yield store


@FUZZ
@given(data=st.data())
def test_label_studio(one_store: Store, data: st.DataObject) -> None:
    content = data.draw(altered(whole_tasks()).map(as_bytes) | damaged([as_bytes(whole_tasks())]))
    save = data.draw(st.integers(0, 9)) == 0  # a tenth goes into a store as well: each row waits for the disk

    def read() -> None:
        reviews = read_reviews(path, "q", format="label-studio").reviews
        if save:
            save_reviews(one_store, reviews)

    with file_of(content, "tasks.json") as path:
        check("label studio", read)


@FUZZ
@given(
    altered({"annotators": {"ann0": "Li"}}).map(as_bytes),
    altered([answers()]).map(as_bytes),
    damaged(WHOLE_MASKS[-1:]),
    texts,
)
def test_challenge_exports(manifest: bytes, said: bytes, mask: bytes, stem: str) -> None:
    with file_of(manifest, "export.json") as path:
        (path.parent / "answers_ann0.json").write_bytes(said)
        name = stem if stem.isprintable() and 0 < len(stem.encode()) < 200 and "/" not in stem else "A"
        (path.parent / f"{name}_mask_ann0.tiff").write_bytes(mask)
        check("challenge exports", lambda: read_reviews(path.parent, "q"))


@FUZZ
@given(data=st.data())
def test_backups(empty_store: Store, data: st.DataObject) -> None:
    about, rows = whole_backup()
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("backup.json", as_bytes(data.draw(altered(about) | st.just(about))))
        archive.writestr("rows.jsonl", b"\n".join(as_bytes(row) for row in data.draw(altered(rows))))
    packed = data.draw(damaged([content.getvalue()]) | st.just(content.getvalue()))

    def read() -> None:
        restore_backup(path, empty_store)
        assert empty_store.reader("local") is not None
        with empty_store._database.writing() as session:  # what came back goes, for the next one
            for table in (
                "save_keys",
                "seen",
                "showings",
                "predictions",
                "masks",
                "reviews",
                "assignments",
                "cases",
            ):
                session.connection().exec_driver_sql(f"DELETE FROM {table}")
            session.connection().exec_driver_sql("DELETE FROM readers WHERE folded <> 'local'")

    with file_of(packed, "b.zip") as path:
        check("backups", read)


@pytest.fixture(scope="module")
def empty_store() -> Iterator[Store]:
    """Give a store that is emptied after every restore that came through."""
    with tempfile.TemporaryDirectory() as folder, Store.open(folder) as store:
        yield store


@FUZZ
@given(
    altered({"output": "x", "metric": "y", "epochs": 3, "seed": 1}).map(as_bytes)
    | st.text().map(lambda text: text.encode("utf-8", "replace"))
    | values.map(lambda value: yaml.safe_dump(value).encode("utf-8", "replace"))
)
def test_settings(data: bytes) -> None:
    with file_of(data, "settings.yaml") as path:
        check("settings", lambda: read_settings(path, RunSettings))


PREPROCESSING = {"size": {"height": 8, "width": 8}, "image_mean": [0.5, 0.5, 0.5], "image_std": [1, 1, 1]}


@FUZZ
@given(altered(PREPROCESSING).map(as_bytes) | damaged([as_bytes(PREPROCESSING)]))
def test_checkpoints(data: bytes) -> None:
    with file_of(data, "preprocessor_config.json") as path:
        (path.parent / "config.json").write_text('{"model_type": "x"}', encoding="utf-8")
        check("checkpoints", lambda: read_preprocessing(path.parent))


@FUZZ
@given(
    st.dictionaries(
        st.sampled_from([f"{PREFIX}PHOTO_BYTES", f"{PREFIX}RUN_CASES", f"{PREFIX}X", "PATH"]),
        texts | numbers.map(str),
    )
)
def test_limits(environment: dict[str, str]) -> None:
    check("limits", lambda: read_limits(environment))
