"""The words of synthetic cases: they tell what they should, in both languages, and nothing else."""

from __future__ import annotations

import re

import numpy as np
import pytest

from magic_demo.synthetic.narratives import Facts, load_phrases, write_narrative, write_responses

SEEDS = range(40)
UNITS = {
    "within hours": (r"hours?\b|half a day", r"小时|半天"),
    "within days": (r"days?\b", r"天|日"),
    "within weeks": (r"weeks?\b", r"周|星期"),
    "within months": (r"months?\b|half a year", r"月|半年"),
    "over a year": (r"year", r"一年|1年"),
    "multiple years": (r"years\b", r"年"),
}
TIME = re.compile(
    r"\b(hours?|days?|weeks?|months?|half a day|half a year|(\d+|several|many|one|a|over a|more than "
    r"a) years?)\b(?! old|-old)",
    re.I,
)


def write(facts: Facts, seed: int) -> tuple[str, str]:
    narrative = write_narrative(facts, np.random.default_rng(seed)).narrative
    return narrative.en, narrative.zh


@pytest.mark.parametrize("duration", UNITS)
def test_the_duration_is_told_in_its_own_unit_in_both_languages(duration: str) -> None:
    english, chinese = UNITS[duration]
    for seed in SEEDS:
        en, zh = write(Facts(duration=duration), seed)
        assert re.search(english, en), en
        assert re.search(chinese, zh), zh


def test_nobody_has_had_it_for_longer_than_they_live() -> None:
    for seed in range(150):
        en, _ = write(Facts(duration="multiple years"), seed)
        assert not re.search(r"\b(son|daughter)\b", en)
        ages = [int(age) for age in re.findall(r"(?:aged |an? |is |, )(\d\d)\b(?! years)", en)]
        years = [int(number) for number in re.findall(r"(\d+) years\b", en)]
        assert not ages or not years or max(years) < min(ages), en


def test_no_duration_is_named_when_none_is_told() -> None:
    for seed in range(120):
        en, zh = write(Facts(itch="no", site="back"), seed)
        assert not TIME.search(re.sub(r"\b(a \d+-year-old|an \d+-year-old)", "", en)), en
        assert not re.search(r"\d+(天|周|个月|年)|小时|星期|半年|好几年", zh), zh


@pytest.mark.parametrize("itch", ["yes", "no"])
def test_itch_is_told_and_denied_by_sentences_of_their_own(itch: str) -> None:
    phrases = load_phrases()
    for seed in SEEDS:
        en, zh = write(Facts(itch=itch), seed)
        assert any(english in en and chinese in zh for english, chinese in phrases[f"itch_{itch}"]), en
        other = "no" if itch == "yes" else "yes"
        assert not any(chinese in zh and english in en for english, chinese in phrases[f"itch_{other}"]), en


def test_itch_is_not_named_when_it_is_not_told() -> None:
    for seed in range(120):
        en, zh = write(Facts(duration="within days", site="head", arrangement="single"), seed)
        assert not re.search(r"itch|prur", en, re.I), en
        assert "痒" not in zh, zh


@pytest.mark.parametrize("site", [*load_phrases()["places"]])
def test_the_place_is_named_in_both_languages_and_belongs_to_the_site(site: str) -> None:
    places = load_phrases()["places"]
    for seed in SEEDS:
        en, zh = write(Facts(site=site), seed)
        assert any(english in en.lower() and chinese in zh for english, chinese in places[site]), (en, zh)


def test_no_place_is_named_when_none_is_told() -> None:
    names = [
        english
        for pairs in load_phrases()["places"].values()
        for english, _ in pairs
        if english not in ("back", "chest")
    ]
    for seed in range(120):
        en, _ = write(Facts(duration="within weeks", itch="yes"), seed)
        assert not any(re.search(rf"\b{name}\b", en) for name in names), en


def test_a_silent_case_has_no_words_and_others_have_no_open_slots() -> None:
    assert write(Facts(site="back", silent=True), 1) == ("", "")
    for seed in range(100):
        en, zh = write(Facts("back", "within months", "yes", "several", 4, "red", "rough"), seed)
        assert not re.search(r"[{}]", en + zh), en
        assert "a 8" not in en and "  " not in en
        assert not re.search(r"[A-Za-z]", zh), zh


def test_words_vary_by_seed_and_repeat_with_it() -> None:
    facts = Facts(site="neck", duration="within weeks")
    assert write(facts, 5) == write(facts, 5)
    assert len({write(facts, seed)[0] for seed in SEEDS}) > 35


@pytest.mark.parametrize("part", ["duration", "site", "history"])
def test_there_are_at_least_thirty_patterns_a_topic_all_in_two_languages(part: str) -> None:
    pairs = load_phrases()[part]
    assert len({english for english, _ in pairs}) >= 30 and len({chinese for _, chinese in pairs}) >= 30


def test_itch_and_count_have_at_least_thirty_patterns_together() -> None:
    phrases = load_phrases()
    assert len({english for key in ("itch_yes", "itch_no") for english, _ in phrases[key]}) >= 30
    assert len({english for pairs in phrases["count"].values() for english, _ in pairs}) >= 30


def test_responses_name_the_condition_in_both_languages() -> None:
    responses = write_responses(("a common wart", "寻常疣"), np.random.default_rng(0))
    assert 1 <= len(responses) <= 3
    assert all("common wart" in english and "寻常疣" in chinese for english, chinese in responses)
