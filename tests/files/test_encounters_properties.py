"""What is written comes back the same, whatever it is."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from magic_demo.core.types import Mask
from magic_demo.files.answers import read_answers, write_answers
from magic_demo.files.encounters import read_encounters
from magic_demo.files.entries import clean_text
from magic_demo.files.masks.mask_files import read_loose_mask, read_mask, write_mask
from magic_demo.questions.families import load_challenge

QUICK = settings(max_examples=40)

encounter_ids = st.from_regex(r"ENC[A-Za-z0-9_-]{1,12}", fullmatch=True)
chosen = st.fixed_dictionaries(
    {question.qid: st.integers(0, question.option_count - 1) for question in load_challenge().questions}
)


@QUICK
@given(st.dictionaries(encounter_ids, chosen, max_size=4))
def test_answers_come_back(answers: Mapping[str, Mapping[str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "answers.json")
        write_answers(path, answers)
        assert read_answers(path) == answers
        assert [row["encounter_id"] for row in json.loads(path.read_text(encoding="utf-8"))] == list(answers)


@QUICK
@given(arrays.arrays(np.bool_, arrays.array_shapes(min_dims=2, max_dims=2, max_side=40)))
def test_masks_come_back_strictly_and_leniently(mask: Mask) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a_mask_sys.tiff")
        write_mask(path, mask)
        assert np.array_equal(read_mask(path), mask)
        loose = read_loose_mask(path)
        assert np.array_equal(loose.mask, mask)
        assert loose.repairs == ()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
KEYS = ("encounter_id", "image_ids", "query_title_en", "query_content_zh", "responses", "author_id")


@QUICK
@given(
    st.lists(
        json_values | st.dictionaries(st.sampled_from(KEYS), json_values | encounter_ids, max_size=4),
        max_size=5,
    )
)
def test_every_entry_becomes_an_encounter_or_one_line(entries: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "valid.json")
        path.write_text(json.dumps(entries), encoding="utf-8")
        read = read_encounters(path)
        assert len(read.encounters) + len(read.problems) == len(entries)
        assert all(len(problem.splitlines()) == 1 for problem in read.problems)
        assert len({encounter.encounter_id for encounter in read.encounters}) == len(read.encounters)
        assert all(
            "/" not in file.photo_id for encounter in read.encounters for file in encounter.photo_files
        )


@QUICK
@given(st.text(max_size=80))
def test_cleaned_text_has_single_spaces_and_can_be_written(text: str) -> None:
    clean = clean_text(text)
    assert clean == " ".join(clean.split())
    clean.encode("utf-8")
