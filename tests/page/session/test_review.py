"""What a session holds of a review: every change lands in its own draft, and nobody else's."""

from __future__ import annotations

import pytest

from magic_demo.core.review_types import CaseKey
from magic_demo.page.session.review import Drafts, Reading, ReviewDraft


def test_a_change_replaces_one_part_and_keeps_the_others() -> None:
    drafts = Drafts()
    drafts.begin("mine", ReviewDraft("case", comment="look again"))
    drafts.draft_changed("mine", "answers", {"CQID025-001": 0})
    changed = drafts.draft_changed("mine", "flagged", True)
    assert (
        changed
        == drafts.get("mine")
        == ReviewDraft("case", {"CQID025-001": 0}, comment="look again", flagged=True)
    )


def test_sessions_do_not_share_a_draft_and_another_case_begins_afresh() -> None:
    drafts = Drafts()
    drafts.begin("mine", ReviewDraft("case"))
    drafts.begin("other", ReviewDraft("other case"))
    drafts.draft_changed("mine", "comment", "scaly")
    assert drafts.get("other") == ReviewDraft("other case")
    drafts.begin("mine", ReviewDraft("next case"))
    assert drafts.get("mine") == ReviewDraft("next case")


def test_without_an_open_case_nothing_can_change() -> None:
    drafts = Drafts()
    with pytest.raises(KeyError):
        drafts.draft_changed("mine", "comment", "lost")
    drafts.begin("mine", ReviewDraft("case"))
    drafts.close("mine")
    drafts.close("mine")
    assert drafts.get("mine") is None


@pytest.mark.parametrize("reading", [None, Reading(CaseKey("clinic", "E1"), "ann", "assisted", "assisted")])
def test_the_session_heard_of_longest_ago_is_forgotten_first(reading: Reading | None) -> None:
    drafts = Drafts(max_sessions=2, max_unkept=2)
    drafts.begin("first", ReviewDraft("1", reading=reading))
    drafts.begin("second", ReviewDraft("2", reading=reading))
    drafts.draft_changed("first", "comment", "still here")
    drafts.begin("third", ReviewDraft("3", reading=reading))
    assert len(drafts) == 2 and drafts.get("second") is None and drafts.get("first") is not None


def test_drafts_of_stored_cases_never_push_out_one_that_is_nowhere_else() -> None:
    drafts = Drafts(max_sessions=2)
    drafts.begin("upload", ReviewDraft("0", {"CQID025-001": 0}))
    for number in range(300):
        drafts.begin(
            str(number),
            ReviewDraft(str(number), reading=Reading(CaseKey("clinic", "E1"), "ann", "assisted", "assisted")),
        )
    assert drafts.get("upload") is not None and len(drafts) == 3
