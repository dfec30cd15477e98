"""What the agreement page keeps of what it has shown, and what is asked behind it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from magic_demo.core.errors import StoreError
from magic_demo.core.review_types import CaseKey, Review
from magic_demo.core.types import Prediction
from magic_demo.page.agreement.agreement_page import Seen
from magic_demo.page.agreement.background import MOST_QUESTIONS, Background
from magic_demo.page.agreement.cases import MOST_CASES
from magic_demo.page.agreement.filters import HeldView, View, read_filter
from magic_demo.page.session.desk.desk import Desk
from magic_demo.questions.families import load_challenge
from magic_demo.reviews.agreement.sources import AgreementChoice
from magic_demo.reviews.store import LOCAL_READER, NewCase, Store
from tests.page.agreement.test_agreement import REQUEST, lay_out
from tests.support.store.agreeing_readers import QUEUE
from tests.support.store.reviewed_cases import answer


def _keep(folder: Path, count: int) -> tuple[Store, list[CaseKey]]:
    store = Store.open(folder / "store")
    for name in ("Ann", "Bo"):
        store.add_reader(name)
    keys = [CaseKey(QUEUE, f"C{number:02}") for number in range(count)]
    store.add_cases(QUEUE, [NewCase(key.case_id) for key in keys])
    return store, keys


def test_every_case_that_is_listed_counts_as_seen_and_no_other(tmp_path: Path) -> None:
    store, keys = _keep(tmp_path, MOST_CASES + 2)
    with store:
        for key in keys:
            for option, name in enumerate(("Ann", "Bo")):
                store.save(Review(key.case_id, name, "assisted", "done", answer(option), queue=QUEUE))
        lay_out(Desk(store)).follow(HeldView(), Seen(), REQUEST)
        known = [store.known(key, LOCAL_READER) for key in keys]
    assert known == [{"others"}] * MOST_CASES + [frozenset()] * 2


def test_a_case_that_shows_own_answers_beside_the_models_shows_nothing_of_others(tmp_path: Path) -> None:
    store, (key,) = _keep(tmp_path, 1)
    with store:
        desk = Desk(store)
        desk.note_shown(LOCAL_READER, key, Prediction(key.case_id, answers=answer(1), models={"cvqa": "m@1"}))
        store.save(Review(key.case_id, LOCAL_READER, "assisted", "done", answer(0), queue=QUEUE))
        page = lay_out(desk)
        shown = page.follow(HeldView(), Seen(), REQUEST)
        assert key.case_id in shown[page.parts["cases"]] and store.known(key, LOCAL_READER) == {"model"}


def _measure(value: object) -> Any:
    def measure() -> Any:
        if isinstance(value, Exception):
            raise value
        return value

    return measure


def test_a_question_that_failed_says_so_once_and_keeps_its_last_answer() -> None:
    asked: Any = Background()
    assert asked.ask("q", 1, _measure("one"), 20) == (1, "one")
    asked._questions["q"].rest_until = 0
    with pytest.raises(StoreError):
        asked.ask("q", 2, _measure(StoreError("busy")), 20)
    asked._questions["q"].rest_until = float("inf")
    assert asked.ask("q", 2, _measure("never"), 20) == (1, "one")


def test_only_the_questions_asked_last_are_remembered() -> None:
    asked = Background()
    for number in range(MOST_QUESTIONS + 1):
        asked.ask(number, 1, _measure(number), 20)
        asked.ask(0, 1, _measure("again"), 20)
    assert list(asked._questions) == [*range(2, MOST_QUESTIONS + 1), 0]


def test_another_queue_begins_with_all_its_readers_and_families() -> None:
    view = View(AgreementChoice(queue="a", readers=frozenset({"Ann"}), family="CQID025", reading="blind"))
    found = read_filter(view, {"name": "queue", "value": "b"}, ["a", "b"], load_challenge())
    assert found.choice == AgreementChoice(queue="b", reading="blind")
