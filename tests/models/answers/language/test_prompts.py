"""What a language model is asked comes from a file: ours, or that of the model's own folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from magic_demo.core.errors import CheckpointError
from magic_demo.models.answers.language.prompts import load_prompts, read_prompts, speak
from magic_demo.questions.families import load_families

COLOUR = next(family for family in load_families() if family.family_id == "CQID034")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_question_is_asked_with_every_option_in_its_language(language: str) -> None:
    asked = load_prompts()[language].write_question(COLOUR, language)  # type: ignore[index,arg-type]
    assert COLOUR.questions[0].text[language] in asked  # type: ignore[index]
    assert all(option.strip() in asked for option in COLOUR.options[language])  # type: ignore[index]


def test_words_with_braces_stay_as_they_are_and_none_are_said_to_be_none() -> None:
    templates = load_prompts()["en"]
    assert "an {itchy} spot" in templates.write_case(" an {itchy} spot ")
    assert templates.write_case(" \n") == templates.no_words


def test_captions_join_the_words_each_under_its_photos_number() -> None:
    captions = {"arm": "Red.", "leg": "", "back": "Brown."}
    assert load_prompts()["en"].write_captions("It itches. ", captions) == (
        "It itches.\n\nPhoto 1: Red.\nPhoto 3: Brown."
    )
    assert load_prompts()["zh"].write_captions("", {"arm": "红。"}) == "照片1：红。"


def test_a_case_is_asked_in_its_own_language() -> None:
    assert speak("手臂上有 red 斑") == "zh"
    assert speak("Itchy since March (瘙痒)") == speak("") == "en"


def test_a_folder_brings_some_templates_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "prompts.json").write_text(json.dumps({"en": {"reply": "It is"}}), encoding="utf-8")
    own = read_prompts(tmp_path)
    assert own["en"].reply == "It is" and own["en"].case == load_prompts()["en"].case
    assert own["zh"] == load_prompts()["zh"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[", "prompts.json"),
        ('{"fr": {}}', "'fr' is not one of en, zh"),
        ('{"en": {"answer": "x"}}', "'answer' is not one of"),
        ('{"en": {"case": 3}}', "no text"),
        ('{"en": {"case": "{words}"}}', r"the field {words}"),
        ('{"en": {"case": "{narrative.__class__}"}}', "narrative.__class__"),
        ('{"en": {"question": "{"}}', "prompts.json"),
    ],
)
def test_a_bad_template_is_one_clear_line(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "prompts.json").write_text(content, encoding="utf-8")
    with pytest.raises(CheckpointError, match=said) as caught:
        read_prompts(tmp_path)
    assert "\n" not in str(caught.value)
