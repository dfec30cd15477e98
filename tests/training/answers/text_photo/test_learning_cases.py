"""What the text-and-photo answerer learns from: cases, folds, labels and draws; and how its answers are scored."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from magic_demo.core.types import Answers
from magic_demo.models.answers.text_photo_answerer import place_families
from magic_demo.models.loading.preprocessing import Preprocessing
from magic_demo.questions.families import load_challenge, load_families
from training.answers.text_photo.data import CaseDraws, PhotoShelf, drop_words, make_labels
from training.answers.text_photo.metrics import Decoder
from training.answers.text_photo.settings import TextPhotoAnswererSettings
from training.cases.folds import split_folds
from training.cases.metrics import most_frequent, official_scores, score_f1
from training.cases.sources import CaseSource, LearningCase, answer_from_cues, read_cases

FAMILIES = load_families()
SMALL = Preprocessing((32, 32), (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
SOURCE = CaseSource("made", "challenge", priors=True)


def make_learning_cases(groups: list[str]) -> list[LearningCase]:
    """Make cases without photos, one a group name given."""
    answers = {question.qid: 0 for question in load_challenge().questions}
    return [
        LearningCase(f"ENC{index:05d}", SOURCE, ("itchy arms", "手痒"), (), answers, group)
        for index, group in enumerate(groups)
    ]


def test_folds_keep_authors_together_and_hold_every_case_once() -> None:
    cases = make_learning_cases([f"author {index % 7}" for index in range(30)])
    folds = split_folds(cases, 3, seed=0)
    assert sorted(index for fold in folds for index in fold) == list(range(30))
    where = [{cases[index].group for index in fold} for fold in folds]
    assert not (where[0] & where[1] or where[0] & where[2] or where[1] & where[2])
    assert folds != split_folds(cases, 3, seed=1)


def test_labels_are_members_of_sets_or_shares_of_slots_and_unknown_where_no_answer_is() -> None:
    answers: Answers = {
        f"CQID012-{slot:03d}": value for slot, value in enumerate((0, 2, 3, 3, 3, 3), start=1)
    }
    places = {family.family_id: place for family, place in place_families(FAMILIES)}
    sets, shares = make_labels(answers, FAMILIES, sets=True), make_labels(answers, FAMILIES, sets=False)
    assert sets[places["CQID012"]].tolist() == [1, 0, 1, 1]
    assert shares[places["CQID012"]] == pytest.approx(np.array([1, 0, 1, 4]) / 6)
    assert np.isnan(sets[places["CQID010"]]).all()


def test_draws_do_not_depend_on_who_asks_when(tiny: TextPhotoAnswererSettings) -> None:
    cases = read_cases(Path(), tiny.data.training, tiny.run.output.parent / "cases")
    draws = [
        CaseDraws(cases, tiny.data, PhotoShelf(SMALL), units=FAMILIES, epochs=2, sets=True, seed=4)
        for _ in range(2)
    ]
    later = draws[1][len(cases) + 1]
    one = draws[0][len(cases) + 1]
    assert one["text"] == later["text"] and all(
        np.array_equal(a, b) for a, b in zip(one["photos"], later["photos"], strict=True)
    )
    assert len(draws[0]) == 2 * len(cases)


def test_photos_or_words_are_lost_by_chance_but_never_both(tiny: TextPhotoAnswererSettings) -> None:
    cases = [
        replace(case, photos=(Path("a.png"), Path("b.png")))
        for case in make_learning_cases([str(index) for index in range(40)])
    ]
    shelf = PhotoShelf(SMALL)
    for photo_dropout, text_dropout in ((0.3, 0.0), (0.0, 0.3), (0.5, 0.5)):
        settings = replace(tiny.data, photo_dropout=photo_dropout, text_dropout=text_dropout, most_photos=2)
        draws = CaseDraws(cases, settings, shelf, units=FAMILIES, epochs=10, sets=True, seed=0)
        chosen = [draws.choose(place) for place in range(len(draws))]
        assert np.mean([not draw.photos for draw in chosen]) == pytest.approx(photo_dropout, abs=0.08)
        assert np.mean([not draw.text for draw in chosen]) == pytest.approx(
            (1 - photo_dropout) * text_dropout, abs=0.08
        )
        assert all(draw.photos or draw.text for draw in chosen)


def test_words_and_characters_are_left_out_but_never_all() -> None:
    random = np.random.default_rng(0)
    assert drop_words("a b c", 1.0, random) == "a b c"
    assert set(drop_words("one two three four five six", 0.5, random).split()) < {
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
    }
    assert len(drop_words("皮疹三个月了很痒", 0.5, random)) < 8
    assert drop_words("", 0.5, random) == ""


def test_words_alone_teach_only_what_words_can_tell() -> None:
    cases = read_cases(Path(), [CaseSource("words", "narratives", count=5, seed=2)], Path())
    assert all(
        case.photos == () and {qid[:7] for qid in case.answers} == {"CQID011", "CQID015", "CQID025"}
        for case in cases
    )


def test_cues_answer_onset_itch_and_named_sites_and_nothing_else() -> None:
    answers = answer_from_cues(["Itchy rash on the arms for three weeks."], FAMILIES)
    names = {
        qid: FAMILIES[index].options["en"][answers[qid]]
        for index, qid in ((3, "CQID015-001"), (5, "CQID025-001"), (1, "CQID011-001"))
    }
    assert names == {"CQID015-001": "within weeks", "CQID025-001": "yes", "CQID011-001": "upper extremities"}
    assert {qid[:7] for qid in answers} == {"CQID011", "CQID015", "CQID025"}
    assert not any(qid.startswith("CQID011") for qid in answer_from_cues(["What is this?"], FAMILIES))


def test_the_constant_answer_reaches_on_the_real_answers_what_is_published(shared_data: Path) -> None:
    cases = read_cases(
        shared_data, [CaseSource("dermavqa", "challenge", folder="dermavqa", photos=False)], Path()
    )
    constant = most_frequent([case.answers for case in cases])
    scores = official_scores(
        {case.case_id: case.answers for case in cases}, {case.case_id: constant for case in cases}
    )
    assert len(cases) == 300
    assert scores["accuracy_all"] == pytest.approx(0.584, abs=0.006)


def test_f1_is_a_mean_over_options_then_families_and_ignores_the_order_of_slots() -> None:
    references = {str(index): {"CQID025-001": value} for index, value in enumerate((0, 0, 1, 2))}
    answers = {str(index): {"CQID025-001": value} for index, value in enumerate((0, 1, 1, 1))}
    assert score_f1(references, answers) == pytest.approx(np.mean([2 / 3, 2 / 4, 0.0]))
    slots = ("CQID011-001", "CQID011-002")
    turned = score_f1(
        {"a": dict(zip(slots, (0, 5), strict=True))}, {"a": dict(zip(slots, (5, 0), strict=True))}
    )
    assert turned == 1.0


def test_a_question_is_an_example_of_its_own_where_the_settings_say_so(
    tiny: TextPhotoAnswererSettings,
) -> None:
    answers: Answers = {question.qid: index % 2 for index, question in enumerate(load_challenge().questions)}
    cases = [replace(case, answers=answers) for case in make_learning_cases(["a", "b"])]
    settings = replace(tiny.data, draw="question", augment=None)
    draws = CaseDraws(cases, settings, PhotoShelf(SMALL), units=FAMILIES, epochs=2, sets=False, seed=0)
    assert draws.epoch_length == 2 * 27 and len(draws) == 4 * 27
    assert (
        sorted(draws.order[: 2 * 27])
        == sorted(draws.order[2 * 27 :])
        == [(case, qid) for case in range(2) for qid in sorted(answers)]
    )
    for place in range(27):
        labels, (_, qid) = draws[place]["labels"], draws.order[place]
        shown = next(
            span for family, span in place_families(FAMILIES) if family.family_id == qid.partition("-")[0]
        )
        assert labels[shown].sum() == 1.0 and labels[shown.start + answers[qid]] == 1.0
        assert np.isnan(np.delete(labels, range(shown.start, shown.stop))).all()


def test_perfect_scores_decode_to_the_reference() -> None:
    answers = {question.qid: question.option_count - 2 for question in load_challenge().questions}
    for family in FAMILIES:
        for question in family.questions[1:]:
            answers[question.qid] = family.padding
    row = (make_labels(answers, FAMILIES, sets=True) - 0.5) * 20
    decoded = Decoder(load_challenge(), {}).decode(row[None])
    assert official_scores({"a": answers}, {"a": decoded[0]})["accuracy_all"] == 1.0
