"""Lines that carry their template and values."""

from __future__ import annotations

import copy
import json
import pickle
from multiprocessing import get_context
from pathlib import Path

import pytest

from magic_demo.core.errors import (
    BoardError,
    MagicDemoError,
    PhotoError,
    StoreError,
    describe_system_error,
    one_line,
)
from magic_demo.core.messages import LONGEST, Message, chain, list_fields, pack_message, unpack_message

CATALOGUE = {
    "{name}: {problem}": "{name}：{problem}",
    "{count} {count:photo|photos} of {size:.1f} MB are too large": "{count} 张照片（{size:.1f} MB）过大",
    "one of {known} is expected": "需要 {known} 之一",
    "a mask": "掩膜",
}


def _nest(depth: int) -> dict[str, object]:
    """Return a message within so many others, as JSON has it."""
    return {"template": "{one}", "values": {"one": _nest(depth - 1) if depth else "x"}}


def _problem() -> PhotoError:
    return PhotoError("{count} {count:photo|photos} of {size:.1f} MB are too large", count=1, size=2)


def test_a_message_is_its_english_line_and_keeps_the_template_and_the_values() -> None:
    message = Message("{path}: {name!r} is no {count:.0%}", path=Path("a/b"), name="x", count=0.5)
    assert message == "a/b: 'x' is no 50%"
    assert message.template == "{path}: {name!r} is no {count:.0%}"
    assert message.values == {"path": "a/b", "name": "x", "count": 0.5}


def test_another_language_has_the_same_values_those_of_messages_within_too() -> None:
    error = PhotoError("{name}: {problem}", name="leg.png", problem=_problem())
    assert str(error) == "leg.png: 1 photo of 2.0 MB are too large"
    assert error.message.translate_with(CATALOGUE) == "leg.png：1 张照片（2.0 MB）过大"


def test_the_items_of_a_list_are_translated_and_joined_as_the_language_joins() -> None:
    message = Message("one of {known} is expected", known=[Message("a mask"), "PNG"])
    assert message == "one of a mask, PNG is expected"
    assert message.translate_with(CATALOGUE, "、") == "需要 掩膜、PNG 之一"


def test_a_line_that_a_catalogue_lacks_is_said_in_english() -> None:
    assert Message("{name}: unheard of", name="x").translate_with(CATALOGUE) == "x: unheard of"


def test_a_value_with_braces_is_never_a_template() -> None:
    hostile = "{name}{problem}{0}{name.__class__}"
    error = PhotoError("{name}: {problem}", name=hostile, problem=PhotoError(hostile))
    assert str(error) == f"{hostile}: {hostile}"
    assert error.message.translate_with(CATALOGUE) == f"{hostile}：{hostile}"


def test_an_error_too_long_loses_its_middle_and_keeps_all_in_its_message() -> None:
    error = PhotoError("{name}: {problem}", name="a" * LONGEST, problem="cured")
    assert len(str(error)) <= LONGEST < len(error.message)
    assert str(error).startswith("aaa") and str(error).endswith("a: cured")


def test_several_lines_become_one() -> None:
    assert chain(["a", Message("{name} b", name="x"), "c"]) == "a; x b; c"
    assert chain([_problem().message]).template == _problem().message.template


def test_a_message_within_many_others_is_said_once_for_each() -> None:
    message = Message("")
    for _ in range(30):
        message = Message("{same}{same}{same}{same}", same=message)
    assert message.translate_with({}) == ""


@pytest.mark.parametrize(
    "error", [_problem(), BoardError("gone", "{name}: {problem}", name="a", problem="b")]
)
def test_an_error_comes_whole_out_of_another_process(error: MagicDemoError) -> None:
    with get_context("spawn").Pool(1) as pool:
        for back in (pool.apply(copy.copy, [error]), pickle.loads(pickle.dumps(error)), copy.deepcopy(error)):
            assert type(back) is type(error) and str(back) == str(error)
            assert back.message.template == error.message.template
            assert back.message.values == error.message.values
            assert getattr(back, "reason", None) == getattr(error, "reason", None)


def test_an_error_keeps_the_message_of_another_one() -> None:
    problem = _problem()
    assert StoreError(str(problem)).message.template == problem.message.template
    short = one_line(problem)
    assert isinstance(short, Message) and short.template == problem.message.template


def test_a_message_comes_whole_out_of_json_and_a_finished_sentence_stays_as_it_is() -> None:
    message = Message("{name}: {problem}", name="leg.png", problem=_problem())
    listed = Message("one of {known} is expected", known=[Message("a mask"), "PNG"])
    for line in (message, listed, Message("a mask"), Message("{braces} without values")):
        back = unpack_message(json.loads(json.dumps(pack_message(line))))
        assert back == line and back.translate_with(CATALOGUE, "、") == line.translate_with(CATALOGUE, "、")
    assert unpack_message("an old line with {braces}") == "an old line with {braces}"


@pytest.mark.parametrize(
    "packed",
    [
        {"template": "{name.__class__}", "values": {"name": "x"}},
        {"template": "{0}", "values": {"0": "x"}},
        {"template": "{count:999999999d}", "values": {"count": 1}},
        {"template": "{count:{count}}", "values": {"count": 1}},
        {"template": "{name}", "values": {"path": "x"}},
        {"template": "{name", "values": {"name": "x"}},
        {"template": 7, "values": {}},
        {"template": "{size:.1f}", "values": {"size": "text"}},
        {"values": {}},
        {"template": "{one}" * 1000, "values": {"one": "x" * 1000}},
        _nest(200),
    ],
)
def test_a_message_from_a_file_cannot_do_more_than_fill_plain_fields(packed: object) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        unpack_message(packed)
    assert len(str(caught.value)) < LONGEST


def test_the_fields_of_a_template_are_its_names() -> None:
    assert list_fields("{count} {count:photo|photos} of {name!r}, {{not}} {size:.1f}") == {
        "count",
        "name",
        "size",
    }


@pytest.mark.parametrize("error", [MemoryError(), ValueError(""), OSError("  "), KeyError()])
def test_an_error_that_says_nothing_is_named_by_its_kind(error: Exception) -> None:
    assert Message("cannot be read ({reason})", reason=error) == f"cannot be read ({type(error).__name__})"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(28, "No space left on device", "a.tiff"), "a.tiff: No space left on device"),
        (OSError(28, "No space left on device"), "No space left on device"),
        (OSError(), "OSError"),
        (OSError("in words"), "in words"),
    ],
)
def test_what_the_system_says_is_one_line_that_begins_with_no_empty_name(error: OSError, line: str) -> None:
    assert describe_system_error(error) == f"{line}; check the path, the space and the permissions"
