"""What a session holds of a review: every change lands in its own draft, and nobody else's."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from magic_demo.core.review_types import CaseKey
from magic_demo.page.session.review import DraftName, Drafts, NotOpenError, Reading, ReviewDraft


def test_a_change_replaces_one_part_and_keeps_the_others() -> None:
    drafts = Drafts()
    name = drafts.begin("mine", ReviewDraft("case", comment="look again"))
    drafts.change(name, partial(replace, answers={"CQID025-001": 0}))
    changed = drafts.change(name, partial(replace, flagged=True))
    assert (
        changed
        == drafts.get_open("mine")
        == ReviewDraft("case", {"CQID025-001": 0}, comment="look again", flagged=True)
    )


def test_sessions_do_not_share_a_draft_and_another_case_begins_afresh() -> None:
    drafts = Drafts()
    name = drafts.begin("mine", ReviewDraft("case"))
    drafts.begin("other", ReviewDraft("other case"))
    drafts.change(name, partial(replace, comment="scaly"))
    assert drafts.get_open("other") == ReviewDraft("other case")
    drafts.begin("mine", ReviewDraft("next case"))
    assert drafts.get_open("mine") == ReviewDraft("next case")


def test_without_an_open_case_nothing_can_change() -> None:
    drafts = Drafts()
    with pytest.raises(NotOpenError):
        drafts.change(DraftName("mine", "case"), partial(replace, comment="lost"))
    drafts.begin("mine", ReviewDraft("case"))
    drafts.close("mine")
    drafts.close("mine")
    assert drafts.get_open("mine") is None


@pytest.mark.parametrize("reading", [None, Reading(CaseKey("clinic", "E1"), "ann", "assisted", "assisted")])
def test_the_session_heard_of_longest_ago_is_forgotten_first(reading: Reading | None) -> None:
    drafts = Drafts(max_stored=2, max_unkept=2)
    first = drafts.begin("first", ReviewDraft("1", reading=reading))
    drafts.begin("second", ReviewDraft("2", reading=reading))
    drafts.change(first, partial(replace, comment="still here"))
    drafts.begin("third", ReviewDraft("3", reading=reading))
    assert len(drafts) == 2 and drafts.get_open("second") is None and drafts.get_open("first") is not None


def test_a_case_that_was_left_is_forgotten_before_one_that_is_open() -> None:
    drafts, reading = Drafts(max_stored=2), Reading(CaseKey("clinic", "E1"), "ann", "assisted", "assisted")
    drafts.begin("idle", ReviewDraft("open for long", reading=reading))
    for number in range(5):
        drafts.begin("busy", ReviewDraft(str(number), reading=reading))
    assert drafts.get_open("idle") is not None and drafts.get_open("busy") is not None and len(drafts) == 2
    late, _ = drafts.recall("busy", ReviewDraft("0", reading=reading))
    assert drafts.get(late) is not None, "what came late is not forgotten before it is saved"


def test_drafts_of_stored_cases_never_push_out_one_that_is_nowhere_else() -> None:
    drafts = Drafts(max_stored=2)
    drafts.begin("upload", ReviewDraft("0", {"CQID025-001": 0}))
    for number in range(300):
        drafts.begin(
            str(number),
            ReviewDraft(str(number), reading=Reading(CaseKey("clinic", "E1"), "ann", "assisted", "assisted")),
        )
    assert drafts.get_open("upload") is not None and len(drafts) == 3


def test_a_change_of_the_case_before_lands_in_that_and_never_in_the_one_that_is_open_now() -> None:
    drafts, reading = Drafts(), Reading(CaseKey("clinic", "E1"), "ann", "assisted", "assisted")
    before = drafts.begin("mine", ReviewDraft("before", reading=reading))
    drafts.begin("mine", ReviewDraft("now", reading=reading))
    drafts.change(before, partial(replace, comment="late"))
    assert drafts.get_open("mine") == ReviewDraft("now", reading=reading)
    late = drafts.get(before)
    assert late is not None and late.comment == "late"


def test_what_comes_of_an_upload_that_was_left_lands_nowhere() -> None:
    drafts = Drafts()
    before = drafts.begin("mine", ReviewDraft("upload"))
    drafts.begin("mine", ReviewDraft("next upload"))
    with pytest.raises(NotOpenError, match="no longer open"):
        drafts.change(before, partial(replace, comment="late"))
    assert drafts.was_left("upload") and drafts.get_open("mine") == ReviewDraft("next upload")


def test_a_draft_that_is_recalled_twice_keeps_what_was_changed_meanwhile_and_opens_nothing() -> None:
    drafts, reading = Drafts(max_stored=2), Reading(CaseKey("clinic", "E1"), "ann", "assisted", "assisted")
    drafts.begin("mine", ReviewDraft("now", reading=reading))
    name, _ = drafts.recall("mine", ReviewDraft("before", reading=reading))
    drafts.change(name, partial(replace, comment="late"))
    _, again = drafts.recall("mine", ReviewDraft("before", reading=reading))
    opened = drafts.get_open("mine")
    assert again.comment == "late" and opened is not None and opened.open_id == "now"
    drafts.begin("other", ReviewDraft("a", reading=reading))  # the case that is open in "mine" is forgotten
    drafts.recall("mine", ReviewDraft("long before", reading=reading))
    forgotten = drafts.get_forgotten("mine")
    assert drafts.get_open("mine") is None and forgotten is not None and forgotten.open_id == "now"
    drafts.recall("mine", ReviewDraft("now", reading=reading))
    assert drafts.get_open("mine") == ReviewDraft("now", reading=reading)
