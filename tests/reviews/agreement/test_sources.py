"""What a store's readings are compared with, and what a reader may know of."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from magic_demo.core.review_types import CaseKey, Review
from magic_demo.core.types import PhotoPrediction, Prediction
from magic_demo.imaging.run_lengths import encode_mask
from magic_demo.questions.families import read_questions
from magic_demo.reviews.agreement.sources import AgreementChoice, AgreementSource, Comparison
from magic_demo.reviews.store import NewCase, Store
from tests.reviews.agreement.readings import ITCH, itch
from tests.support.own_questions import THREE

WHOLE = encode_mask(np.ones((8, 8), np.bool_))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "store") as opened:
        for name in ("Ann", "Bo", "Dan"):
            opened.add_reader(name)
        opened.add_reader("Chen", role="adjudicator")
        opened.add_cases("q", [NewCase(f"C{number}", photos=("P", "Q")) for number in range(2)])
        yield opened


def _save(store: Store, case: str, reader: str, option: int, *photos: str, queue: str = "q") -> None:
    masks = dict.fromkeys(photos, WHOLE)
    unusable = frozenset({"P", "Q"} - set(photos))
    answers = {question.qid: 0 for question in store.questions_of(queue).questions}
    if queue == "q" or queue.startswith("q "):
        answers |= itch(option)
    store.save(Review(case, reader, "assisted", "done", answers, masks=masks, unusable=unusable, queue=queue))


def _say(option: int, share: float = 1.0) -> Prediction:
    photos = tuple(PhotoPrediction(name, np.full((4, 4), share, np.float32), (8, 8)) for name in "PQ")
    return Prediction("C0", photos, answers=itch(option), threshold=0.5, models={"cvqa": f"m@{option}"})


def _alike(found: Comparison) -> float | None:
    found_one = next((each for each in found.agreement.families if each.family_id == ITCH.family_id), None)
    same = found_one.with_model.same if found_one is not None else None
    return same.value if same is not None else None


def test_a_queue_that_asks_other_questions_is_named_and_in_no_number(store: Store, tmp_path: Path) -> None:
    (tmp_path / "q.yaml").write_text(THREE, encoding="utf-8")
    store.add_cases("other", [NewCase("C0", photos=("P", "Q"))])
    store.ask("other", read_questions(tmp_path / "q.yaml"))
    _save(store, "C0", "Ann", 0, "P")
    _save(store, "C0", "Ann", 0, "P", queue="other")
    source = AgreementSource(store, lambda _: None)
    found = source.measure(AgreementChoice(), None)
    assert (found.agreement.cases, found.agreement.readings) == (1, 1)
    assert ["other" in str(line) for line in found.left_out] == [True]
    assert source.measure(AgreementChoice(queue="other"), None).left_out == ()


def test_only_cases_that_a_model_has_been_shown_of_are_asked_for_where_no_others_are_known(
    store: Store,
) -> None:
    for case in ("C0", "C1"):
        _save(store, case, "Ann", 0)
    store.note_shown(CaseKey("q", "C0"), "Ann", _say(0))
    for all_known, expected in ((False, {"C0"}), (True, {"C0", "C1"})):
        asked: list[CaseKey] = []
        source = AgreementSource(store, lambda case, asked=asked: asked.append(case), all_known=all_known)  # type: ignore[misc]
        source.measure(AgreementChoice(), None)
        assert {case.case_id for case in asked} == expected


def test_what_the_model_says_is_read_anew_where_it_was_shown_another_answer_or_another_photo_counts(
    store: Store,
) -> None:
    key, said = CaseKey("q", "C0"), [_say(0)]
    source = AgreementSource(store, lambda _: said[0])
    _save(store, "C0", "Ann", 0, "P")
    store.note_shown(key, "Ann", said[0])
    first = source.measure(AgreementChoice(), None)
    assert _alike(first) == 1 and first.agreement.masks.photos[0, 0] == 1
    _save(store, "C0", "Bo", 0, "P", "Q")
    more = source.measure(AgreementChoice(), None)
    assert more.agreement.masks.photos[0, 0] == 2, "a photo that a second reader outlined"
    said[0] = _say(1, 0.0)
    assert _alike(source.measure(AgreementChoice(), None)) == 1, "nobody was shown the new answer"
    store.note_shown(key, "Ann", said[0])
    found = source.measure(AgreementChoice(), None)
    assert _alike(found) == 0 and found.agreement.masks.dice_with_model is not None
    assert found.agreement.masks.dice_with_model.value == 0


def test_each_system_is_compared_by_its_own_answers(store: Store) -> None:
    _save(store, "C0", "Ann", 0)
    source = AgreementSource(
        store, lambda _: None, systems={"one": lambda _: _say(0), "two": lambda _: _say(1)}
    )
    for _ in range(2):  # read, then remembered
        for chosen, alike in (("one", 1), ("two", 0), (None, 1), ("gone", 1)):
            found = source.measure(AgreementChoice(family=ITCH.family_id, system=chosen), None)
            assert [(each.name, each.alike, each.different) for each in found.systems] == [
                ("one", 1, 0),
                ("two", 0, 1),
            ]
            assert _alike(found) == alike


def test_a_damaged_review_is_named_to_its_reader_and_to_who_sees_all(store: Store, tmp_path: Path) -> None:
    for name in ("Ann", "Bo"):
        _save(store, "C0", name, 0)
    with closing(sqlite3.connect(tmp_path / "store" / "reviews.sqlite3")) as connection, connection:
        connection.execute("UPDATE reviews SET content = '{}' WHERE number = 1")
    with Store.open(tmp_path / "store") as again:
        source = AgreementSource(again, lambda _: None)
        named = {
            viewer: len(source.measure(AgreementChoice(), viewer).left_out)
            for viewer in ("Ann", "Bo", "Chen", None)
        }
    assert named == {"Ann": 1, "Bo": 0, "Chen": 1, None: 1}


def test_second_readings_are_compared_with_first_ones_that_the_viewer_may_see(store: Store) -> None:
    """Dan has read the second queue alone: others' first readings are not his to see."""
    store.repeat("q", "q again", 0)
    for queue in ("q", "q again"):
        _save(store, "C0", "Ann", 0, queue=queue)
    _save(store, "C0", "Dan", 0, queue="q again")
    source = AgreementSource(store, lambda _: None)
    choice = AgreementChoice(queue="q again")
    assert {viewer: len(source.measure(choice, viewer).again) for viewer in ("Ann", "Chen", "Dan", None)} == {
        "Ann": 1,
        "Chen": 1,
        "Dan": 0,
        None: 1,
    }


def test_unfinished_second_and_first_readings_are_compared_where_unfinished_ones_count(store: Store) -> None:
    store.repeat("q", "q again", 0)
    for queue in ("q", "q again"):
        store.save(Review("C0", "Ann", "assisted", "in progress", itch(0), queue=queue))
    source = AgreementSource(store, lambda _: None)
    for done_only, expected in ((True, []), (False, ["Ann"])):
        again = source.measure(AgreementChoice(queue="q again", done_only=done_only), None).again
        assert [one.reader for one in again] == expected
