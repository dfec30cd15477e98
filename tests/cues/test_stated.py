"""What the words state outright: the options that agree, in either language; no guess, nothing denied, nothing
that contradicts itself."""

from __future__ import annotations

import pytest

from magic_demo.core.types import Narrative
from magic_demo.cues.stated import find_stated, stated_options
from magic_demo.questions.families import load_families
from magic_demo.synthetic.bundled import load_examples

OPTIONS = {family.family_id: family.options["en"] for family in load_families()}


def _stated(english: str = "", chinese: str = "") -> dict[str, set[str]]:
    found = stated_options(Narrative(english, chinese))
    return {
        family_id: {OPTIONS[family_id][option].partition(" (")[0] for option in options}
        for family_id, options in found.items()
    }


@pytest.mark.parametrize(
    ("text", "family_id", "options"),
    [
        ("An ulcer on the ankle.", "CQID020", {"skin loss or sunken"}),
        ("There is a bump on my arm.", "CQID020", {"raised or bumpy"}),
        ("The colour is brown.", "CQID034", {"brown"}),
        ("What are these pink patches?", "CQID034", {"pink"}),
        ("White spots on her chest.", "CQID034", {"white", "hypopigmentation"}),
        ("It is one spot.", "CQID035", {"single"}),
        ("It is one spot.", "CQID010", {"single spot"}),
        ("6 in all.", "CQID035", {"multiple"}),
        ("Five small bumps on the leg", "CQID035", {"multiple"}),
        ("It is the size of a thumbnail.", "CQID012", {"size of thumb nail"}),
        ("Larger than a palm", "CQID012", {"larger area"}),
        ("The surface is rough", "CQID036", {"rough"}),
        ("Spots on the neck and on both shins", "CQID011", {"neck", "lower extremities"}),
        ("It does not itch", "CQID025", {"no"}),
        ("It began two weeks ago", "CQID015", {"within weeks"}),
        ("小腿溃疡", "CQID020", {"skin loss or sunken"}),
        ("颜色发棕色", "CQID034", {"brown"}),
        ("只有一个", "CQID035", {"single"}),
        ("一共6个", "CQID035", {"multiple"}),
        ("指甲大小", "CQID012", {"size of thumb nail"}),
        ("表面光滑", "CQID036", {"smooth"}),
    ],
)
def test_what_is_stated_outright_names_its_option(text: str, family_id: str, options: set[str]) -> None:
    chinese = "\u4e00" <= text[0] <= "\u9fff"
    assert (_stated(chinese=text) if chinese else _stated(text)).get(family_id) == options


@pytest.mark.parametrize(
    ("english", "chinese", "family_id"),
    [
        ("Is it an ulcer?", "", "CQID020"),
        ("A wart?", "", "CQID020"),
        ("The doctor suspects warts.", "", "CQID020"),
        ("怀疑是疣", "", "CQID020"),
        ("No ulcers, no discharge.", "", "CQID020"),
        ("Red and brown spots", "", "CQID034"),
        ("The white blood cells are high.", "", "CQID034"),
        ("Red-brown spots", "", "CQID034"),
        ("The red colour is gone", "皮损不红，没有红斑", "CQID034"),
        ("One spot at first, now many spots", "", "CQID035"),
        ("It is roughly a week old", "", "CQID036"),
        ("See the picture", "看图", "CQID011"),
    ],
)
def test_a_guess_a_denial_and_a_contradiction_state_nothing(
    english: str, chinese: str, family_id: str
) -> None:
    assert family_id not in _stated(english, chinese)


def test_what_one_text_denies_is_not_stated_by_the_other() -> None:
    assert "CQID020" in _stated("There is exudation.", "有渗出。")
    assert "CQID020" not in _stated("There is exudation.", "没有渗出。")


def test_statements_point_at_their_words() -> None:
    narrative = Narrative("The colour is brown.", "是褐色的。")
    words = {
        (narrative.en if stated.field == "en" else narrative.zh)[stated.start : stated.end]
        for stated in find_stated(narrative)
    }
    assert words == {"brown", "褐色"}


def test_both_languages_of_the_examples_state_the_same() -> None:
    for example in load_examples():
        narrative = example.encounter.narrative
        english, chinese = (
            stated_options(Narrative(en=narrative.en)),
            stated_options(Narrative(zh=narrative.zh)),
        )
        assert english == chinese, example.encounter.encounter_id


def test_nothing_is_stated_without_words() -> None:
    assert stated_options(Narrative()) == {}
