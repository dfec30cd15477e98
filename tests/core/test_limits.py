"""Every limit holds where something comes in, is set by the environment, and is named when it is met."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from importlib.util import module_from_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from magic_demo.challenge import batch
from magic_demo.core import limits
from magic_demo.core.errors import FormatError, LimitError, MagicDemoError, PhotoError, StoreError
from magic_demo.core.limits import LIMITS, PREFIX, Limits, read_limits
from magic_demo.core.review_types import MaskRuns
from magic_demo.files import bundles, entries, json_files
from magic_demo.files.encounters import read_encounters
from magic_demo.files.masks import decoding
from magic_demo.files.masks.mask_files import read_loose_mask, read_mask, write_mask
from magic_demo.files.photos.reading import PhotoLimits, decode_photo, read_photo
from magic_demo.imaging import run_lengths as mask_runs
from magic_demo.imaging.run_lengths import decode_mask
from magic_demo.page.panels import forms
from magic_demo.page.panels.review import review_form
from magic_demo.reviews.store import NewCase, Store
from magic_demo.reviews.store.rows import cases as stored_cases
from tests.support.stand_ins import draw_photo, stand_in_predictor

SetLimit = Callable[..., None]


@pytest.fixture
def set_limits(monkeypatch: pytest.MonkeyPatch) -> SetLimit:
    """Give a function that sets limits for one test."""

    def change(**values: int) -> None:
        for module in (batch, bundles, entries, json_files, decoding, mask_runs, stored_cases):
            monkeypatch.setattr(module, "LIMITS", replace(limits.LIMITS, **values))

    return change


def _encounters(folder: Path, count: int) -> Path:
    entries = [
        {"encounter_id": f"ENC{number}", "image_ids": [], "query_content_en": "It itches."}
        for number in range(count)
    ]
    (folder / "valid.json").write_text(json.dumps(entries), encoding="utf-8")
    return folder


def test_without_settings_the_defaults_hold() -> None:
    assert read_limits({"PATH": "x", "MAGIC_DEMO_STORE": "y"}) == Limits()


@pytest.mark.parametrize("name", [field.name for field in fields(Limits)])
def test_the_environment_sets_each_limit(name: str) -> None:
    assert read_limits({f"{PREFIX}{name.upper()}": "77"}) == replace(Limits(), **{name: 77})


@pytest.mark.parametrize("value", ["", "0", "-1", "1e6", "64 MB", "٣", "9" * 19, "1.5"])
def test_a_limit_that_is_no_whole_number_above_0_is_refused(value: str) -> None:
    with pytest.raises(LimitError, match=f"{PREFIX}PHOTO_BYTES=.*whole number above 0"):
        read_limits({f"{PREFIX}PHOTO_BYTES": value})


def test_a_limit_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(LimitError, match=f"{PREFIX}SPEED: .*{PREFIX}PHOTO_PIXELS"):
        read_limits({f"{PREFIX}SPEED": "1"})


@pytest.mark.parametrize(
    "words", [["app.py"], ["-m", "magic_demo", "readers", "list"], ["-m", "training", "evaluate-answers"]]
)
def test_the_page_and_every_command_say_it_in_one_line(repository: Path, words: list[str]) -> None:
    environment = {**os.environ, f"{PREFIX}QUEUE_CASES": "many"}
    ended = subprocess.run(
        [sys.executable, *words], cwd=repository, env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert re.fullmatch(rf"error: {PREFIX}QUEUE_CASES='many': [^\n]*\n", ended.stderr), ended.stderr


def test_photos_have_a_limit_of_bytes_pixels_and_side(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    Image.fromarray(draw_photo(48, 64)).save(path)
    size = path.stat().st_size
    assert read_photo(path, limits=PhotoLimits(max_bytes=size, max_pixels=48 * 64, min_side=48)).size == (
        48,
        64,
    )
    for tight, said in (
        (PhotoLimits(max_bytes=size - 1), "photo.png: .*MB, the limit is .*save it smaller"),
        (PhotoLimits(max_pixels=48 * 64 - 1), "photo.png: 64x48 .*the limit is .*make it smaller"),
        (PhotoLimits(min_side=49), "photo.png: 64x48 pixels is too small, at least 49"),
    ):
        with pytest.raises(PhotoError, match=said):
            read_photo(path, limits=tight)
        with pytest.raises(PhotoError, match=said):
            decode_photo(path.read_bytes(), photo_id="photo", name="photo.png", limits=tight)


def test_masks_have_a_photos_pixels(tmp_path: Path, set_limits: SetLimit) -> None:
    path = tmp_path / "a_mask_sys.tiff"
    write_mask(path, np.ones((20, 20), np.bool_))
    set_limits(photo_pixels=100)  # of four values: a mask's file may hold channels
    assert read_mask(path).shape == (20, 20)
    set_limits(photo_pixels=99)
    for read in (read_mask, read_loose_mask):
        with pytest.raises(FormatError, match=r"a_mask_sys\.tiff: a mask of 400 values; the limit is 99"):
            read(path)
    with pytest.raises(FormatError, match="10x10 pixels; the limit is 99"):
        decode_mask(MaskRuns((10, 10), "T3"))


def test_an_encounters_text_and_photos_are_limited_and_the_others_go_on(
    tmp_path: Path, set_limits: SetLimit
) -> None:
    long = {"encounter_id": "LONG", "query_content_en": "a" * 51}
    many = {"encounter_id": "MANY", "image_ids": ["1.jpg", "2.jpg", "3.jpg"]}
    fine = {"encounter_id": "FINE", "query_content_en": "a" * 50, "image_ids": ["1.jpg", "2.jpg"]}
    (tmp_path / "valid.json").write_text(json.dumps([long, many, fine]), encoding="utf-8")
    set_limits(text_characters=50, encounter_photos=2)
    found = read_encounters(tmp_path)
    assert [files.encounter_id for files in found.encounters] == ["FINE"]
    assert "LONG: a text of 51 characters, the limit is 50" in found.problems[0]
    assert "MANY: 3 photos, the limit is 2" in found.problems[1]


def test_a_json_file_has_a_limit(tmp_path: Path, set_limits: SetLimit) -> None:
    _encounters(tmp_path, 2)
    size = (tmp_path / "valid.json").stat().st_size
    set_limits(json_bytes=size)
    assert len(read_encounters(tmp_path).encounters) == 2
    set_limits(json_bytes=size - 1)
    with pytest.raises(FormatError, match=r"valid\.json: .*the limit is .*split"):
        read_encounters(tmp_path)


def test_a_run_has_a_limit_that_is_said_before_anything_is_written(
    tmp_path: Path, set_limits: SetLimit
) -> None:
    (tmp_path / "data").mkdir()
    data = _encounters(tmp_path / "data", 3)
    set_limits(run_cases=2)
    with pytest.raises(FormatError, match="3 encounters, the limit of one run is 2; split"):
        batch.predict_folder(data, tmp_path / "out", stand_in_predictor(), quiet=True)
    assert not (tmp_path / "out").exists()
    set_limits(run_cases=3)
    assert batch.predict_folder(data, tmp_path / "out", stand_in_predictor(), quiet=True).encounters == 3


def test_a_queue_has_a_limit_and_keeps_what_it_has(store: Store, set_limits: SetLimit) -> None:
    set_limits(queue_cases=3)
    store.add_cases("q", [NewCase("E1"), NewCase("E2"), NewCase("E3")])
    store.add_cases("q", [NewCase("E2", uncertainty=0.5)])  # one that is there is no new one
    with pytest.raises(StoreError, match=r"queue .q. .* 4 cases, the limit is 3; .*another queue"):
        store.add_cases("q", [NewCase("E4")])
    assert len(store.list_cases("q", "local")) == 3
    assert store.add_cases("other", [NewCase("E4")]) == 1


def _import_anew(module: ModuleType) -> Any:
    """Return a second copy of a module, made by the limits that are set now."""
    spec = module.__spec__
    assert spec is not None and spec.loader is not None
    copy = module_from_spec(spec)
    spec.loader.exec_module(copy)
    return copy


def test_what_the_page_takes_follows_the_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("CASE_PHOTOS", "TEXT_CHARACTERS", "PROMPT_CHARACTERS", "COMMENT_CHARACTERS")
    monkeypatch.setattr(limits, "LIMITS", read_limits({f"{PREFIX}{name}": "3" for name in names}))
    taken, noted = _import_anew(forms), _import_anew(review_form)
    assert (taken.MAX_PHOTOS, taken.MAX_CHARACTERS, taken.MAX_PROMPT, noted.MAX_COMMENT) == (3, 3, 3, 3)
    assert taken.read_prompt("abcdef") == "abc"
    assert noted.read_note({"comment": "abcdef"}, ()).comment == "abc"


def test_every_limit_is_documented_with_its_default(repository: Path) -> None:
    text = (repository / "docs" / "privacy.md").read_text(encoding="utf-8")
    for field in fields(Limits):
        assert re.search(rf"`{field.name.upper()}` \| {getattr(Limits(), field.name):,} \|", text), field.name


def test_a_limit_is_an_error_that_is_shown_as_one_line() -> None:
    assert issubclass(LimitError, MagicDemoError)
    assert LIMITS.photo_pixels >= 48_000_000  # a phone's photo of 48 megapixels comes in


@pytest.mark.long
def test_every_field_takes_as_much_as_the_environment_says() -> None:
    set_to = {"TEXT_CHARACTERS": "301", "PROMPT_CHARACTERS": "302", "COMMENT_CHARACTERS": "103"}
    code = """if True:
        import json, re
        from magic_demo.reviews.store.rows.readers import LONGEST_READER_NAME
        from magic_demo.page.server.sign_in import sign_in
        from tests.support.fake_predictor import FakePredictor
        from tests.support.written_page import lay_out
        parts = lay_out(FakePredictor())[0].get_config_file()["components"]
        fields = {part["props"].get("elem_id"): part["props"] for part in parts}
        lengths = lambda html: sorted(set(map(int, re.findall('maxlength="([^"]*)"', html))))
        print(json.dumps({
            "narrative": fields["narrative"]["max_length"],
            "prompt": fields["prompt"]["max_length"],
            "comment": lengths(fields["review-form"]["html_template"]),
            "specified": lengths(json.dumps(fields["cards"]).replace('\\\\"', '"')),
            "name": [length == LONGEST_READER_NAME for length in lengths(sign_in._fill_page(""))],
        }))
    """
    settings = {**os.environ, **{f"{PREFIX}{name}": value for name, value in set_to.items()}}
    ran = subprocess.run(
        [sys.executable, "-c", code], env=settings, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == {
        "narrative": 301,
        "prompt": 302,
        "comment": [103],
        "specified": [103],
        "name": [True, False],
    }
