"""A JSON list that is read one item at a time, or written so, is the one that is read or written at once."""

from __future__ import annotations

import io
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from magic_demo.core.disk import json_items
from magic_demo.core.disk.json_items import decode_items
from magic_demo.core.disk.whole_files import write_json, write_json_list
from magic_demo.core.disk.whole_text import mend_json

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


def decode(data: bytes) -> list[Any]:
    """Read a few letters at a time, so that every item lies across several pieces."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_items, "_PIECE", 3)
        return list(decode_items(io.BytesIO(data)))


@given(st.lists(VALUES, max_size=5), st.sampled_from([None, 1]), st.booleans())
def test_the_items_are_those_of_the_list(items: list[Any], indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(items, indent=indent, ensure_ascii=ascii_only)
    assert decode(text.encode()) == items
    assert decode(f"\ufeff\n {text} \n".encode()) == items


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[", "[1", "[1,", "[1,]", "[,]", "[1 2]", "[1]]", "[1] x", '["a]', "[tru]", "7", '[{"a": }]'],
)
def test_what_is_no_list_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode(text.encode())


def test_half_characters_are_mended_as_in_a_whole_file() -> None:
    text = r'[{"a": "\ud83d x"}, "\ud83d\ude00", "\\ud83d", "\uDE00\ud83d"]'
    assert decode(text.encode()) == json.loads(mend_json(text))


@given(st.lists(VALUES, max_size=5))
def test_a_list_that_is_written_one_item_at_a_time_has_the_same_bytes(items: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write_json(Path(folder, "whole.json"), items)
        write_json_list(Path(folder, "apart.json"), iter(items))
        assert Path(folder, "apart.json").read_bytes() == Path(folder, "whole.json").read_bytes()
