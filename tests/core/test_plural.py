"""Numbers within texts."""

from __future__ import annotations

import pytest

from magic_demo.core.plural import count, fill_places


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 cases"), (1, "1 case"), (2, "2 cases"), (1000, "1000 cases")]
)
def test_a_number_chooses_its_word(number: int, said: str) -> None:
    assert (
        fill_places("{number} {number:case|cases}", {"number": number})
        == count(number, "case", "cases")
        == said
    )


def test_other_values_and_formats_are_left_alone() -> None:
    assert (
        fill_places("{share:.0%} of {name}, {count:>4}", {"share": 0.5, "name": "a|b", "count": 1})
        == "50% of a|b,    1"
    )


def test_a_place_without_a_value_is_an_error() -> None:
    with pytest.raises(KeyError):
        fill_places("{number}", {})
