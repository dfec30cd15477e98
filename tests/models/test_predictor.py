"""A Prediction holds what each model says, and what is missing or fails costs only itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from magic_demo.core.types import Encounter, Narrative, OptionScores, Photo, Prediction, Step
from magic_demo.models.loading.predictors import load_predictor
from magic_demo.models.predictor import Predictor
from magic_demo.questions.families import load_challenge
from tests.support.stand_ins import WordScorer, draw_photo, stand_in_predictor


def _case(**changes: object) -> Encounter:
    fields = {
        "encounter_id": "ENC1",
        "narrative": Narrative("red for two weeks", "红了两周"),
        "photos": (Photo("a", draw_photo()), Photo("b", draw_photo(64, 40))),
        **changes,
    }
    return Encounter(**fields)  # type: ignore[arg-type]


def test_a_case_gets_a_map_a_photo_and_an_answer_a_question() -> None:
    prediction = stand_in_predictor().predict(_case())
    assert [(photo.photo_id, photo.size) for photo in prediction.photos] == [("a", (48, 64)), ("b", (64, 40))]
    assert (
        set(prediction.answers)
        == set(prediction.scores)
        == {question.qid for question in load_challenge().questions}
    )
    assert prediction.models == {"segmentation": "red-finder@0", "cvqa": "word-scorer@0"}
    assert prediction.notes == () and prediction.failures == ()


def test_a_case_without_photos_is_answered_from_text_and_says_so() -> None:
    prediction = stand_in_predictor().predict(_case(photos=()))
    assert prediction.photos == () and len(prediction.answers) == 27
    assert "from the text alone" in prediction.notes[0]


def test_a_photo_without_text_still_gets_a_mask_and_says_so() -> None:
    prediction = stand_in_predictor().predict(_case(narrative=Narrative()))
    assert len(prediction.photos) == 2 and "from the photos alone" in prediction.notes[0]


def test_the_prompt_is_the_narrative_unless_another_is_given() -> None:
    predictor = stand_in_predictor()
    predictor.predict(_case(), language="zh")
    predictor.predict(_case(), prompt="the ulcer")
    predictor.predict(_case(), prompt="")
    assert predictor.segmenter.prompts == 2 * ["红了两周"] + 2 * ["the ulcer"] + 2 * [""]  # type: ignore[union-attr]


def test_the_other_languages_text_is_used_where_one_is_missing() -> None:
    predictor = stand_in_predictor()
    predictor.predict(_case(narrative=Narrative(zh="红了")), language="en")
    assert predictor.answerer.narratives == ["红了"]  # type: ignore[union-attr]


def test_a_photo_that_the_model_fails_on_costs_that_photo_alone() -> None:
    black = Photo("black", np.zeros((40, 40, 3), np.uint8))
    prediction = stand_in_predictor().predict(_case(photos=(Photo("a", draw_photo()), black)))
    assert [photo.photo_id for photo in prediction.photos] == ["a"]
    assert len(prediction.answers) == 27
    assert prediction.failures == ("black: no mask (nothing but black)",)


def test_a_scorer_that_fails_leaves_the_masks() -> None:
    prediction = stand_in_predictor().predict(_case(narrative=Narrative("fail")))
    assert len(prediction.photos) == 2 and not prediction.answers and not prediction.scores
    assert prediction.failures == ("no answers (asked to fail)",)


def test_a_task_that_is_left_out_is_not_predicted() -> None:
    assert not stand_in_predictor(cvqa=False).predict(_case()).answers
    assert not stand_in_predictor(segmentation=False).predict(_case()).photos


def test_the_steps_say_what_is_next_and_carry_what_was_found_until_then() -> None:
    *steps, prediction = stand_in_predictor().predict_steps(_case())
    told = [step for step in steps if isinstance(step, Step)]
    assert len(told) == len(steps) and isinstance(prediction, Prediction)
    assert [step.share for step in told] == [0, 1 / 3, 2 / 3] and "photo 2 of 2" in told[1].what
    assert [[photo.photo_id for photo in step.so_far.photos] for step in told] == [[], ["a"], ["a", "b"]]
    assert not told[-1].so_far.answers and len(prediction.answers) == 27
    assert told[-1].so_far.photos[0] is prediction.photos[0]


def test_who_stops_between_two_steps_runs_no_further_model() -> None:
    predictor = stand_in_predictor()
    steps = predictor.predict_steps(_case())
    next(steps)
    steps.close()  # type: ignore[attr-defined]
    assert predictor.segmenter.prompts == []  # type: ignore[union-attr]


def test_the_shipped_models_answer_from_text_with_cues_and_answerer_together() -> None:
    whole = load_predictor(segmentation=None)
    case = _case(photos=(), narrative=Narrative("Itchy red patches on both hands for three months."))
    alone = Predictor(None, None, whole.cues).predict(case)
    assert set(whole.models) == set(alone.models) == {"cues"}  # without lesions the photo answerer has no say
    assert len(whole.predict(case).answers) == len(alone.answers) == 27
    assert alone.answers["CQID025-001"] == 0 and alone.answers["CQID015-001"] == 3


def test_a_model_that_runs_out_of_memory_costs_its_own_part() -> None:
    class OutOfMemory(WordScorer):
        def score(self, narrative: str, looks: Sequence[NDArray[np.float32]]) -> OptionScores:
            raise RuntimeError("not enough memory:\n you tried to allocate 9 GB")

    predictor = stand_in_predictor()
    predictor.answerer = OutOfMemory()
    prediction = predictor.predict(_case())
    assert len(prediction.photos) == 2 and not prediction.answers
    assert "not enough memory: you tried" in prediction.failures[0]
