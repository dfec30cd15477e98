"""Texts and scores of their own for each of the 27 questions, as in the paper, beside texts that siblings share."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from magic_demo.core.types import Encounter, Narrative
from magic_demo.models.answers.text_photo_answerer import (
    QUESTIONS_NAME,
    gather_scores,
    list_option_texts,
    list_units,
)
from magic_demo.models.predictor import Predictor
from magic_demo.questions.families import QuestionSet, load_challenge, write_questions
from tests.models.answers.test_text_photo_answerer import (
    make_model,
    make_photos,
    make_scorer,
    save_checkpoint,
)
from tests.support.source.concrete_models import load_text_photo_answerer, score_photos

PAPER = {"fusion": "concatenation", "narrative_input": False, "learn_sets": False, "option_texts": "question"}
FAMILIES = load_challenge().families


def test_the_challenges_questions_have_54_shared_or_194_own_texts_no_two_alike() -> None:
    shared, own = (list_option_texts(list_units(FAMILIES, how), "en") for how in ("family", "question"))
    assert (len(shared), len(own)) == (54, 194)
    assert len(set(own)) == 194
    assert (
        own[4 + 8].startswith("2 ") and own[4] != own[4 + 8]
    )  # the second site, after four and eight options


def test_questions_that_are_worded_apart_keep_their_own_words() -> None:
    sites = FAMILIES[1]
    worded = replace(
        sites,
        questions=tuple(
            replace(question, text={"en": f"{number}. Where?", "zh": "?"})
            for number, question in enumerate(sites.questions, start=7)
        ),
    )
    assert [unit.questions[0].text["en"] for unit in list_units([worded], "question")][:2] == [
        "7. Where?",
        "8. Where?",
    ]


@pytest.mark.numeric
def test_each_question_has_chances_of_its_own_that_add_up_to_one() -> None:
    scores = score_photos(make_scorer(make_model(**PAPER, siblings="none")), "", make_photos((40, 50)))
    assert len(scores) == 27
    for values in scores.values():
        assert np.exp(values).sum() == pytest.approx(1, abs=1e-5)
    assert not np.allclose(scores["CQID011-001"], scores["CQID011-002"])


@pytest.mark.numeric
def test_asked_for_the_parent_siblings_share_the_odds_that_any_of_them_names_a_label() -> None:
    units = list_units(FAMILIES, "question")
    values = np.log(
        np.concatenate(
            [np.random.default_rng(0).dirichlet(np.ones(unit.questions[0].option_count)) for unit in units]
        )
    ).astype(np.float32)
    own = gather_scores(values, FAMILIES, units, "none")
    shared = gather_scores(values, FAMILIES, units, "parent")
    sites = [question.qid for question in FAMILIES[1].questions]
    named = 1 - np.prod([1 - np.exp(own[qid].astype(float)) for qid in sites], axis=0)
    for qid in sites:
        np.testing.assert_allclose(1 / (1 + np.exp(-shared[qid].astype(float))), named, atol=1e-4)
    assert (own["CQID025-001"] == shared["CQID025-001"]).all()


@pytest.mark.numeric
def test_the_product_answers_each_question_by_its_own_arg_max_as_the_paper_does() -> None:
    answerer = make_scorer(make_model(**PAPER, siblings="none"))
    prediction = Predictor(None, answerer).predict(Encounter("ENC1", Narrative("itchy")))
    assert len(prediction.answers) == 27
    for qid, values in prediction.scores.items():
        assert prediction.answers[qid] == int(np.argmax(values))


@pytest.mark.numeric
def test_an_option_of_a_family_with_own_texts_is_explained(tmp_path: Path) -> None:
    answerer = make_scorer(make_model(**PAPER))
    looks = [answerer.encode_photo(make_photos((40, 50))[0])]
    (added,) = answerer.attribute("", looks, "CQID011", 2)
    assert added.ndim == 2 and np.isfinite(added).all()
    with pytest.raises(KeyError):
        answerer.attribute("", looks, "CQID999", 0)


@pytest.mark.numeric
def test_a_checkpoint_brings_the_questions_that_it_was_trained_on(tmp_path: Path) -> None:
    asked = QuestionSet(FAMILIES[:2])
    folder = save_checkpoint(tmp_path / "answerer", make_model(**PAPER, siblings="none"))
    write_questions(folder / QUESTIONS_NAME, asked)
    loaded = load_text_photo_answerer(folder)
    assert [family.family_id for family in loaded.families] == ["CQID010", "CQID011"]
    assert loaded.siblings == "none"
    assert len(loaded.score("", [])) == 7


@pytest.mark.parametrize(
    "design", [{"option_texts": "both"}, {"siblings": "all"}, {"option_texts": "question"}]
)
def test_a_design_that_contradicts_itself_is_refused(design: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="option_texts"):
        make_model(**design)
