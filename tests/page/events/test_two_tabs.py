"""Changes of two tabs, and changes that come late, twice or in another order, are merged or told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from magic_demo.core.errors import StoreError
from magic_demo.core.review_types import CaseKey
from magic_demo.page.panels.viewer.mask_form import write_runs
from magic_demo.questions.families import load_families
from magic_demo.reviews.store import LOCAL_READER, NewCase
from tests.support.open_tabs import FAMILY, Room, Tab, disc


def test_what_two_tabs_answer_differently_is_merged_family_by_family(room: Room) -> None:
    one, other = Tab(room), Tab(room)
    one.open(), other.open()
    first, second = load_families()[0].family_id, load_families()[1].family_id
    one.answer(first, 1)
    merged = other.saved(other.answer(second, 1))
    assert merged["merged"]["answers"] == {first: [1]} and "conflicts" not in merged
    assert {qid.partition("-")[0] for qid in one.latest().answers} == {first, second}
    one.comment("seen here")
    other.outline(room.page.cases.get(other.case).encounter.photos[0].photo_id, write_runs(disc((40, 60), 0)))
    last = one.latest()
    assert (
        last.comment == "seen here"
        and len(last.masks) == 1
        and len({qid.partition("-")[0] for qid in last.answers}) == 2
    )


def test_what_two_tabs_answer_differently_in_one_family_is_told_with_both_and_a_choice_holds(
    room: Room,
) -> None:
    one, other = Tab(room), Tab(room)
    one.open(), other.open()
    one.answer(FAMILY, 1)
    answer = other.answer(FAMILY, 2)
    assert 'data-state="failed"' in answer[room.page.parts.status]
    saved = other.saved(answer)
    assert saved["conflicts"] == [
        {"part": "answers", "name": FAMILY, "number": 1, "mine": [[2], ""], "theirs": [[1], ""]}
    ]
    assert saved["merged"]["answers"] == {FAMILY: [1]} and set(one.latest().answers.values()) == {1}
    assert "conflicts" not in other.saved(other.answer(FAMILY, 2)), (
        "once it knows the other's answer, its own is a choice"
    )
    assert set(one.latest().answers.values()) == {2}


def test_a_tab_that_was_forgotten_meanwhile_merges_as_one_that_was_not(room: Room) -> None:
    one, other = Tab(room), Tab(room)
    one.open(), other.open()
    first, second = load_families()[0].family_id, load_families()[1].family_id
    one.answer(first, 1)
    room.page.drafts.close(other.name)
    room.page.cases.close(other.case)
    saved = other.saved(other.answer(first, 2))
    assert [conflict["name"] for conflict in saved["conflicts"]] == [first] and set(
        one.latest().answers.values()
    ) == {1}
    room.page.drafts.close(other.name)
    assert "conflicts" not in other.saved(other.answer(second, 1))


def test_changes_that_are_sent_before_an_earlier_answer_came_are_no_conflict_with_each_other(
    room: Room,
) -> None:
    tab = Tab(room)
    tab.open()
    for option in (1, 2, 1):
        assert "conflicts" not in tab.saved(tab.answer(FAMILY, option, hears=False))
    assert set(tab.latest().answers.values()) == {1}


def test_a_change_that_is_overtaken_or_sent_again_does_not_undo_a_later_one(room: Room) -> None:
    tab = Tab(room)
    tab.open()
    early = tab.say({"answers": {FAMILY: [1]}, "specified": {}, "touched": [FAMILY]})
    tab.answer(FAMILY, 2)
    saved = tab.saved(tab.send(room.review.answer, early))
    assert "conflicts" not in saved and saved["stored"]["answers"] == f"{tab.name}.{tab.turn}"
    assert set(tab.latest().answers.values()) == {2}


def test_what_is_late_of_a_case_before_is_saved_to_that_case(room: Room) -> None:
    tab = Tab(room)
    room.store.add_cases(
        "clinic", [NewCase("ENC00002", room.store.case(room.keys[0], LOCAL_READER).folder, photos_kept=True)]
    )
    tab.open()
    late = tab.say({"answers": {FAMILY: [1]}, "specified": {}, "touched": [FAMILY]})
    draft = room.page.drafts.get_open(tab.name)
    room.page.drafts.begin(
        tab.name,
        replace(
            draft, open_id="another-case", reading=replace(draft.reading, key=CaseKey("clinic", "ENC00002"))
        ),
    )
    tab.send(room.review.answer, late)
    assert (
        set(tab.latest().answers.values()) == {1}
        and room.page.drafts.get_open(tab.name).open_id == "another-case"
    )


def _reopened(room: Room) -> tuple[Tab, dict[str, Any]]:
    """Return a tab that has opened a case once more, and an answer of before that is still on its way."""
    tab = Tab(room)
    tab.open()
    late = tab.say({"answers": {FAMILY: [1]}, "specified": {}, "touched": [FAMILY]})
    tab.open()
    return tab, late


@pytest.mark.parametrize("option", [2, None], ids=["answered otherwise", "taken back"])
@pytest.mark.parametrize("order", ["late first", "late last", "late twice", "late and taken in"])
def test_a_tab_that_opens_a_case_once_more_is_in_no_conflict_with_what_it_still_sends_of_before(
    room: Room, order: str, option: int | None
) -> None:
    tab, late = _reopened(room)
    given = [option] if option is not None else []
    now = tab.say({"answers": {FAMILY: given}, "specified": {}, "touched": [FAMILY]})
    again = {**now, "parts": []}
    events = {
        "late first": [late, now],
        "late last": [now, late],
        "late twice": [late, now, late],
        "late and taken in": [late, again, now],
    }[order]
    for told in events:
        answer = tab.send(room.bar.send_again if told is again else room.review.answer, told, hears=False)
        assert "conflicts" not in answer[room.page.parts.form]["saved"]
    caught_up = tab.send(room.bar.send_again, tab.say({"parts": []}), hears=False)
    assert "conflicts" not in caught_up.get(room.page.parts.form, {}).get("saved", {})
    assert set(tab.latest().answers.values()) == set(given)
    draft = room.page.drafts.get_open(tab.name)
    assert draft is not None and set(draft.answers.values()) == set(given)


def test_what_is_late_of_before_and_was_not_said_anew_is_taken_though_its_part_was_sent_since(
    room: Room,
) -> None:
    tab, late = _reopened(room)
    other = load_families()[1].family_id
    tab.answer(other, 1, hears=False)
    restored = {**late, "case": tab.case}
    tab.send(room.bar.send_again, tab.say({"parts": [restored]}), hears=False)
    assert {qid.partition("-")[0] for qid in tab.latest().answers} == {FAMILY, other}


def test_another_tabs_answer_in_between_is_a_conflict_though_the_tab_had_said_the_same_before(
    room: Room,
) -> None:
    tab, other = Tab(room), Tab(room)
    tab.open(), other.open()
    tab.answer(FAMILY, 1), tab.answer(FAMILY, 2)
    other.send(room.bar.send_again, other.say({"parts": []}))
    other.answer(FAMILY, 1)
    mine = tab.saved(tab.answer(FAMILY, 3))
    assert [conflict["theirs"] for conflict in mine["conflicts"]] == [[[1], ""]]
    assert set(tab.latest().answers.values()) == {1}


def test_an_older_change_that_could_not_be_saved_in_time_gives_way_to_the_newer_one(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    tab, late = _reopened(room)
    with monkeypatch.context() as failing:
        failing.setattr(room.store, "save", lambda *_told, **_more: (_ for _ in ()).throw(StoreError("full")))
        assert room.page.parts.form not in tab.send(room.review.answer, late, hears=False)
    tab.answer(FAMILY, 2, hears=False)
    saved = tab.send(room.bar.send_again, {**late, "parts": []}, hears=False)[room.page.parts.form]["saved"]
    assert "conflicts" not in saved and set(tab.latest().answers.values()) == {2}


def test_a_change_that_comes_twice_is_no_conflict_with_what_another_tab_made_of_it_since(room: Room) -> None:
    tab, other = Tab(room), Tab(room)
    tab.open()
    told = tab.say({"answers": {FAMILY: [1]}, "specified": {}, "touched": [FAMILY]})
    tab.send(room.review.answer, told, hears=False)
    other.open()
    other.answer(FAMILY, 2)
    tab.send(room.bar.send_again, tab.say({"parts": []}), hears=False)
    saved = tab.saved(tab.send(room.review.answer, told, hears=False))
    assert "conflicts" not in saved and set(tab.latest().answers.values()) == {2}
