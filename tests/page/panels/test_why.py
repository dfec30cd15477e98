"""The pane that says why: the words marked where they stand, nothing of the narrative lost or turned into
markup."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from magic_demo.core.types import Encounter, Explanation, Narrative, Photo, Prediction, WordSpan
from magic_demo.page.panels.why.why import mark_words, render_why, why_value
from magic_demo.questions.families import load_families

ITCH = next(family for family in load_families() if family.family_id == "CQID025")
PREDICTION = Prediction("CASE", answers={"CQID025-001": 0})
PHOTO = Photo("arm", np.zeros((30, 40, 3), np.uint8))
ENCOUNTER = Encounter("CASE", Narrative("It <b>itches</b> badly.", "非常痒。"), (PHOTO,))


def test_words_are_marked_by_weight_and_by_side() -> None:
    html = mark_words("itchy, not dry", [WordSpan(0, 5, 2.0), WordSpan(7, 14, -1.0)])
    assert html == (
        '<mark class="is-for" style="--strength:1.00" title="+2.00">itchy</mark>, '
        '<mark class="is-against" style="--strength:0.50" title="-1.00">not dry</mark>'
    )


def test_weak_words_are_still_seen() -> None:
    strengths = re.findall(
        r"--strength:([0-9.]+)", mark_words("ab", [WordSpan(0, 1, 100.0), WordSpan(1, 2, 0.01)])
    )
    assert float(strengths[1]) == pytest.approx(0.25)


@given(st.text(max_size=60), st.lists(st.integers(0, 60), max_size=8, unique=True))
def test_marking_loses_no_character_and_lets_no_markup_in(words: str, places: list[int]) -> None:
    cuts = sorted(place for place in places if place <= len(words))
    spans = [WordSpan(start, end, 1.0) for start, end in zip(cuts[::2], cuts[1::2], strict=False)]
    html = mark_words(words, spans)
    assert unescape(re.sub(r"</?mark[^>]*>", "", html)) == unescape(words.replace("&", "&amp;"))
    assert set(re.findall(r"<(/?\w+)", html)) <= {"mark", "/mark"}
    assert [unescape(one) for one in re.findall(r"<mark[^>]*>(.*?)</mark>", html, re.DOTALL)] == [
        words[s.start : s.end] for s in spans
    ]


def test_the_pane_speaks_the_explanations_language_and_offers_every_option() -> None:
    why = Explanation("CQID025", 1, "zh", (WordSpan(2, 3, 1.0),), {}, ("数量：1",))
    html = render_why(ITCH, why, ENCOUNTER, PREDICTION)
    assert "瘙痒" in html and ">痒</mark>" in html and "<li>数量：1</li>" in html
    assert (
        html.count("<option ") == len(ITCH.options["zh"]) and '<option value="1" selected>否</option>' in html
    )
    assert "是 ◆</option>" in html, "the model's answer is marked"
    assert "&lt;b&gt;" in render_why(
        ITCH, replace(why, language="en", words=(WordSpan(0, 1, 1.0),)), ENCOUNTER, PREDICTION
    )


def test_both_texts_are_marked_side_by_side_where_the_model_read_both() -> None:
    why = Explanation("CQID025", 0, "zh", (WordSpan(2, 3, 1.0),), other_words=(WordSpan(6, 12, 1.0),))
    html = render_why(ITCH, why, ENCOUNTER, PREDICTION)
    texts = re.findall(r'<p class="why-words">(.*?)</p>', html)
    assert len(texts) == 2 and ">痒</mark>" in texts[0] and "itches</mark>" in texts[1]
    one = render_why(ITCH, Explanation("CQID025", 0, "zh", (WordSpan(2, 3, 1.0),)), ENCOUNTER, PREDICTION)
    assert one.count('class="why-words"') == 1


def test_what_did_not_move_the_score_is_said() -> None:
    html = render_why(ITCH, Explanation("CQID025", 0, "en"), ENCOUNTER, PREDICTION)
    assert (
        "No words move this score" in html
        and "Nothing on the lesion in the photos raised this score" in html
        and "Measured" not in html
    )
    assert "itches" not in html, "the patient's words stand beside the photos already"
    without = render_why(ITCH, Explanation("CQID025", 0, "en"), Encounter("CASE"), PREDICTION)
    assert "No words" not in without and "No photo" not in without


@pytest.mark.parametrize(
    ("unplaced", "said"),
    [("no_say", "had no say in this score"), ("cannot_tell", "cannot tell where it looks")],
)
def test_photos_without_heat_have_their_reason(unplaced: Literal["no_say", "cannot_tell"], said: str) -> None:
    html = render_why(ITCH, Explanation("CQID025", 0, "en", unplaced=unplaced), ENCOUNTER, PREDICTION)
    assert said in html and "Nothing on the lesion" not in html


def test_the_viewer_gets_a_heat_map_of_each_photo_that_has_one() -> None:
    why = Explanation(
        "CQID025", 0, "en", regions={"arm": np.ones((4, 4), np.float32), "gone": np.ones((4, 4), np.float32)}
    )
    value = why_value(7, ITCH, why, ENCOUNTER, PREDICTION)
    assert (
        value["request"] == 7
        and list(value["heat"]) == ["arm"]
        and value["heat"]["arm"].startswith("data:image/png")
    )
    assert 'data-count="2"' in value["html"] or 'data-count="1"' in value["html"]


def test_the_pane_shows_what_models_wrote_of_this_cases_photos_and_of_this_family() -> None:
    said = replace(
        PREDICTION,
        captions={"arm": "A <red> patch.", "gone": "another case's"},
        reasons={"CQID025": "Scratch marks.", "CQID010": "another family's"},
    )
    html = render_why(ITCH, Explanation("CQID025", 0, "en"), ENCOUNTER, said)
    assert "arm: A &lt;red&gt; patch." in html and "Scratch marks." in html
    assert "another" not in html
    assert "wrote" not in render_why(ITCH, Explanation("CQID025", 0, "en"), ENCOUNTER, PREDICTION)
