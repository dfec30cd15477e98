"""What comes out of the page's controls: photos, words and language, with one clear line for everything that
cannot be used."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from magic_demo.core.errors import FormError
from magic_demo.core.messages import Message
from magic_demo.core.types import Encounter, Narrative, Photo
from magic_demo.page.panels.cards.cards import MAX_SPECIFIED
from magic_demo.page.panels.forms import (
    MAX_CHARACTERS,
    MAX_PHOTOS,
    MAX_PROBLEM,
    MAX_PROMPT,
    REASONS,
    name_uploads,
    read_answers,
    read_encounter,
    read_keys,
    read_language,
    read_narrative,
    read_problems,
    read_prompt,
    read_why,
)
from magic_demo.page.session.arrivals import Arrival, Arrivals
from magic_demo.page.session.open_cases import OpenCase
from magic_demo.page.texts.i18n import line_in_both, say
from magic_demo.questions.decoding import read_slots
from magic_demo.questions.families import load_families

FAMILIES = load_families()
EXAMPLE = OpenCase("secret", Encounter("ENC00001", Narrative("It itches.", "很痒。")), example=True)


def encode_photo(kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.full((40, 60, 3), 120, np.uint8)).save(buffer, kind)
    return buffer.getvalue()


PHOTO = encode_photo()


def arrive(*files: tuple[str, bytes]) -> list[Arrival]:
    arrivals = Arrivals()
    return arrivals.fetch([arrivals.take(name, content) for name, content in files])


def test_every_bad_file_costs_one_line_and_the_others_go_on() -> None:
    heic = b"\x00\x00\x00\x18ftypheic" + bytes(64)
    came = arrive(
        ("notes.jpg", b"no photo"),
        ("good.png", encode_photo()),
        ("phone.heic", heic),
        ("cut.jpg", encode_photo("JPEG")[:300]),
    )
    read = name_uploads(came, [])
    assert [photo.photo_id for photo in read.photos] == ["good"]
    assert [problem.split(":")[0] for problem in read.problems] == ["notes.jpg", "phone.heic", "cut.jpg"]
    assert all("\n" not in problem for problem in read.problems)
    assert "not a photo that can be read" in read.problems[1]


def test_photos_of_the_same_name_get_names_of_their_own() -> None:
    came = arrive(("arm.png", encode_photo()), ("other/arm.png", encode_photo()))
    assert [photo.photo_id for photo in name_uploads(came, ["arm"]).photos] == ["arm (2)", "arm (3)"]


def test_no_more_photos_are_taken_than_a_case_holds() -> None:
    came = arrive(*((f"{number}.png", encode_photo()) for number in range(3)))
    read = name_uploads(came, [f"old {number}" for number in range(MAX_PHOTOS - 1)])
    assert len(read.photos) == 1
    assert len(read.problems) == 1 and str(MAX_PHOTOS + 2) in read.problems[0]
    assert "只取前" in line_in_both(read.problems[0])["zh"]


def test_what_the_browser_says_of_its_photos_is_bounded_whatever_it_is() -> None:
    assert name_uploads([], []).photos == ()
    assert read_keys({}) == read_keys({"photos": "abc"}) == read_problems({"lost": 3, "reasons": []}) == []
    assert (
        len(read_keys({"photos": ["x"] * 1000}))
        == len(read_problems({"lost": ["x"] * 1000, "reasons": ["y"] * 1000}))
        == 2 * MAX_PHOTOS
    )
    told = {"lost": ["a\n\u202eb", None], "reasons": ["c" * 9999, "{name}"]}
    assert read_problems(told) == ["ab: " + "c" * MAX_PROBLEM, "None: {name}"]


@pytest.mark.parametrize("reason", [*REASONS.values(), Message("something that nobody knows")])
def test_why_a_photo_was_not_taken_is_said_in_both_languages_where_it_is_known(reason: Message) -> None:
    said = line_in_both(*read_problems({"lost": ["arm: 1.jpg"], "reasons": [str(reason)]}))
    assert said["en"] == f"arm: 1.jpg: {reason}"
    assert said["zh"] == f"arm: 1.jpg：{say(reason, 'zh')}"
    assert (say(reason, "zh") != reason) == (reason in REASONS)


def test_words_are_kept_in_the_language_they_are_written_in() -> None:
    assert read_narrative(" It hurts. ", None) == Narrative(en="It hurts.")
    assert read_narrative("手臂很痒 3 天", None) == Narrative(zh="手臂很痒 3 天")
    assert read_narrative(None, None) == Narrative()


def test_an_examples_words_stay_bilingual_until_they_are_changed() -> None:
    assert read_narrative("很痒。", EXAMPLE) == EXAMPLE.encounter.narrative
    assert read_narrative("It itches. A lot.", EXAMPLE) == Narrative(en="It itches. A lot.")


def test_too_many_words_are_refused_with_the_numbers() -> None:
    with pytest.raises(FormError, match=f"{MAX_CHARACTERS + 1}.*{MAX_CHARACTERS}"):
        read_narrative("a" * (MAX_CHARACTERS + 1), None)
    assert len(read_narrative("痒" * MAX_CHARACTERS, None).zh) == MAX_CHARACTERS


@pytest.mark.parametrize(
    ("words", "english", "chinese"),
    [("  ", "Add a photo", "请先添加照片"), ("a" * (MAX_CHARACTERS + 1), "characters long", "个字符")],
)
def test_what_is_refused_is_said_in_both_languages(words: str, english: str, chinese: str) -> None:
    with pytest.raises(FormError) as refused:
        read_encounter(words, None)
    said = line_in_both(refused.value.message)
    assert english in said["en"] and chinese in said["zh"]


def test_photos_without_words_and_words_without_photos_are_cases() -> None:
    photo = Photo("arm", np.zeros((20, 20, 3), np.uint8))
    pictured = read_encounter("", OpenCase("secret", Encounter("CASE", photos=(photo,))))
    assert pictured.photos == (photo,) and pictured.narrative == Narrative()
    assert read_encounter("It itches", None).photos == ()


@given(st.one_of(st.none(), st.text(max_size=700)))
def test_a_prompt_is_short_or_none(value: str | None) -> None:
    prompt = read_prompt(value)
    assert prompt is None or (0 < len(prompt) <= 500 and prompt == prompt.strip())


def test_a_prompt_that_is_too_long_is_cut_and_has_no_loose_ends() -> None:
    assert read_prompt("a" * (MAX_PROMPT + 1)) == "a" * MAX_PROMPT
    assert read_prompt("a" * (MAX_PROMPT - 1) + " b") == "a" * (MAX_PROMPT - 1)


@pytest.mark.parametrize(
    ("said", "meant"), [("zh", "zh"), ("en", "en"), ("fr", "en"), (None, "en"), (3, "en")]
)
def test_an_unknown_language_is_english(said: object, meant: str) -> None:
    assert read_language(said) == meant


@given(
    st.one_of(
        st.text(max_size=80),
        st.sampled_from(["../../etc/passwd", "C:\\x\\y.png", "/", "..", "\x00.png", "a\u202egnp.exe"]),
    )
)
def test_any_file_name_is_only_a_name(name: str) -> None:
    read = name_uploads(arrive((name, PHOTO), (name, b"no photo")), [])
    assert len(read.photos) == len(read.problems) == 1
    assert 0 < len(read.photos[0].photo_id) <= 60 and not set("/\\\x00\u202e\n") & set(
        read.photos[0].photo_id
    )


def test_answers_fill_every_slot_of_a_family_and_leave_the_others_out() -> None:
    read = read_answers({"answers": {"CQID011": [4, 2], "CQID025": [0], "CQID034": []}}, FAMILIES)
    assert dict(read.answers) == {
        **{f"CQID011-{slot:03d}": option for slot, option in enumerate([2, 4, 7, 7, 7, 7], start=1)},
        "CQID025-001": 0,
    }
    assert read_answers({}, FAMILIES).answers == {}


@given(st.data())
def test_whatever_the_cards_can_say_comes_back_as_it_was_chosen(data: st.DataObject) -> None:
    told = {}
    for family in FAMILIES:
        labels = [option for option in range(len(family.options["en"])) if option != family.not_mentioned]
        chosen = data.draw(st.lists(st.sampled_from(labels), unique=True, max_size=len(family.questions)))
        told[family.family_id] = chosen or data.draw(st.sampled_from([[], [family.not_mentioned]]))
    answers = read_answers({"answers": told}, FAMILIES).answers
    for family in FAMILIES:
        held = told[family.family_id]
        assert read_slots(answers, family) == set(held)
        assert sum(question.qid in answers for question in family.questions) == (
            len(family.questions) if held else 0
        )


def test_words_of_ones_own_are_kept_with_the_slot_of_their_option() -> None:
    told = {
        "answers": {"CQID011": [2, 6], "CQID034": [0], "CQID035": [1]},
        "specified": {"CQID011": " the \x00scalp\u202e ", "CQID034": "pink and blue", "CQID035": "a" * 999},
    }
    specified = read_answers(told, FAMILIES).specified
    assert specified == {"CQID011-002": "the scalp", "CQID035-001": "a" * MAX_SPECIFIED}


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ({"CQID999": [0]}, "CQID999.*no such family"),
        ({"CQID015": [7]}, "CQID015: option 7 came, 0 to 6"),
        ({"CQID015": [-1]}, "option -1"),
        ({"CQID015": [True]}, "option True"),
        ({"CQID015": ["2"]}, "option '2'"),
        ({"CQID015": 2}, "int came, a list"),
        ({"CQID015": [1, 2]}, "2 options came for 1 slots"),
        ({"CQID011": [0, 1, 2, 3, 4, 5, 6]}, "7 options came for 6 slots"),
        ({"CQID011": [2, 2]}, "twice"),
        ({"CQID011": [2, 7]}, "stands alone"),
        ([1], "answers: list came"),
    ],
)
def test_answers_that_no_card_can_give_are_refused_in_one_line(answers: object, says: str) -> None:
    with pytest.raises(FormError, match=says) as raised:
        read_answers({"answers": answers}, FAMILIES)
    assert "\n" not in str(raised.value)


def test_a_question_why_names_a_family_and_an_option_that_there_are() -> None:
    asked = read_why({"family": "CQID015", "option": 3, "request": 4, "language": "zh"}, FAMILIES)
    assert (asked.family.family_id, asked.option, asked.request, asked.language) == ("CQID015", 3, 4, "zh")
    for bad in (
        {"family": "CQID999", "option": 0},
        {"family": "CQID015", "option": 7},
        {"family": "CQID015"},
        {},
    ):
        with pytest.raises(FormError):
            read_why(bad, FAMILIES)
