"""Findings are grouped by kind and keep every name."""

from __future__ import annotations

from magic_demo.files.findings import Findings


def test_like_findings_are_one_line_in_the_order_in_which_their_kinds_came() -> None:
    findings = Findings()
    findings.add("mask is missing", "B")
    findings.add("mask is broken", "C", "cut short")
    findings.add("mask is missing", "A")
    assert findings.lines() == ("mask is missing (2): B, A", "mask is broken (1): C [cut short]")


def test_many_details_of_one_name_become_their_number_and_the_same_detail_counts_once() -> None:
    findings = Findings()
    for slot in (1, 2, 2, 3):
        findings.add("no index", "ENC1", f"CQID011-00{slot}")
    assert findings.lines() == ("no index (1): ENC1 [CQID011-001, CQID011-002, CQID011-003]",)
    findings.add("no index", "ENC1", "CQID011-004")
    assert findings.lines() == ("no index (1): ENC1 [4 places]",)


def test_parts_scored_apart_read_as_one_that_was_scored_whole() -> None:
    whole, joined = Findings(), Findings()
    for part in (
        (("late", "A", "1"), ("broken", "B", "")),
        (("broken", "C", ""), ("late", "A", "2"), ("new", "D", "")),
    ):
        apart = Findings()
        for kind, name, detail in part:
            whole.add(kind, name, detail)
            apart.add(kind, name, detail)
        joined.extend(apart)
    assert joined.lines() == whole.lines() == ("late (1): A [1, 2]", "broken (2): B, C", "new (1): D")


def test_nothing_found_is_no_line() -> None:
    assert Findings().lines() == ()
