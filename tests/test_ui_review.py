"""What a session holds of a review: every change lands in its own draft, and nobody else's."""

from __future__ import annotations

import pytest

from magic_demo.ui.review import Drafts, ReviewDraft


def test_a_change_replaces_one_part_and_keeps_the_others() -> None:
    drafts = Drafts()
    drafts.begin("mine", ReviewDraft("case", comment="look again"))
    drafts.draft_changed("mine", "answers", {"CQID025-001": 0})
    changed = drafts.draft_changed("mine", "flagged", True)
    assert changed == drafts.get("mine") == ReviewDraft("case", {"CQID025-001": 0}, comment="look again", flagged=True)


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


def test_the_session_heard_of_longest_ago_is_forgotten_first() -> None:
    drafts = Drafts(max_sessions=2)
    drafts.begin("first", ReviewDraft("1"))
    drafts.begin("second", ReviewDraft("2"))
    drafts.draft_changed("first", "comment", "still here")
    drafts.begin("third", ReviewDraft("3"))
    assert len(drafts) == 2 and drafts.get("second") is None and drafts.get("first") is not None
