"""Durations: numbers in digits, words and Chinese characters, units as written, and which of them is the time
since onset."""

from __future__ import annotations

import pytest

from magic_demo.cues.durations import BUCKETS, choose_onset, find_times


def _onset(text: str) -> str | None:
    onset = choose_onset(find_times(text.lower()).durations)
    return None if onset is None else BUCKETS[onset.bucket]


@pytest.mark.parametrize(
    ("text", "bucket"),
    [
        ("Rash for 20 days", "within days"),
        ("appeared 3 hours ago", "within hours"),
        ("for half a day", "within hours"),
        ("a few days ago", "within days"),
        ("two weeks", "within weeks"),
        ("over a week", "within weeks"),
        ("half a month", "within weeks"),
        ("for a month", "within months"),
        ("half a year", "within months"),
        ("six months", "within months"),
        ("a month and a half", "within months"),
        ("one or two months", "within months"),
        ("over a year", "over a year"),
        ("a year and a half", "over a year"),
        ("2 years", "multiple years"),
        ("4-5 years", "multiple years"),
        ("a 3-year history", "multiple years"),
        ("for several years", "multiple years"),
        ("more than ten years", "multiple years"),
        ("since childhood", "multiple years"),
        ("since last year", "over a year"),
        ("the spot is 6 days old", "within days"),
        ("病史20天", "within days"),
        ("3小时前出现", "within hours"),
        ("好几天了", "within days"),
        ("半个月", "within weeks"),
        ("一周余", "within weeks"),
        ("两个星期", "within weeks"),
        ("三个月", "within months"),
        ("半年", "within months"),
        ("1月余", "within months"),
        ("一两个月", "within months"),
        ("一年多", "over a year"),
        ("皮疹年余", "over a year"),
        ("1年半", "over a year"),
        ("两年", "multiple years"),
        ("十多年", "multiple years"),
        ("二十余年", "multiple years"),
        ("好几年", "multiple years"),
        ("数年", "multiple years"),
        ("4、5年", "multiple years"),
        ("自幼发病", "multiple years"),
        ("去年开始", "over a year"),
        ("昨天出现", "within days"),
        ("小儿8岁，4天前起小包", "within days"),
        ("二十年前因头部外伤后出现丘疹", "multiple years"),
        ("it remained the same after almost a month", "within months"),
        ("present for over a decade", "multiple years"),
        ("for two decades", "multiple years"),
        ("a fortnight", "within weeks"),
        ("it's been four weeks", "within weeks"),
        ("it came on yesterday evening", "within hours"),
        ("swollen since this afternoon", "within hours"),
        ("since this spring", "within months"),
        ("worse over the past year", "over a year"),
        ("dry heels for years", "multiple years"),
        ("in recent years every heel cracks", "multiple years"),
        ("he fell into nettles when he was a child", "multiple years"),
        ("as a child she had the same patch", "multiple years"),
        ("the eyebrow has disappeared for two months", "within months"),
        ("昨天晚上起了红点", "within hours"),
        ("昨日半夜发作", "within hours"),
        ("今天下午长出来", "within hours"),
        ("今夏开始脱皮", "within months"),
        ("今年春天出现", "within months"),
        ("工人 服装厂 红疹3年", "multiple years"),
        ("浑身不舒服，起疹5天", "within days"),
        ("the course of the disease was 4 months", "within months"),
    ],
)
def test_a_duration_is_read_in_its_unit(text: str, bucket: str) -> None:
    assert _onset(text) == bucket


@pytest.mark.parametrize(
    "text",
    [
        "A 35-year-old man",
        "The child is 2 years old",
        "my 3-month-old baby",
        "a girl of 2 years and 9 months old",
        "患者，男，35岁",
        "婴儿2月大",
        "孩子2岁9个月",
        "took the tablets for 7 days",
        "surgery 5 years ago",
        "diabetes for 5 years",
        "applied an ointment for two weeks",
        "disappears within a day",
        "口服一周无效",
        "用药5天",
        "糖尿病10年",
        "过3天后消失",
        "每天两次",
        "几天一次",
        "看图识病",
        "从小腿向上",
        "it flares up three times a year",
        "one capsule twice a day",
        "capsules for two weeks",
        "sprained an ankle 10 years ago",
        "two weeks after her birth",
        "六月大小儿",
        "三月大小孩",
        "一年发好几次",
        "几周来一次",
        "只治了3个月",
        "近两月来一直服中药",
        "又过两天好了",
        "吃药6小时候后好转",
        "一天天变大",
        "七个月宝宝",
        "宝宝今天刚好三个月",
        "",
    ],
)
def test_what_is_no_time_since_onset_is_left_out(text: str) -> None:
    assert _onset(text) is None


@pytest.mark.parametrize(
    ("text", "bucket"),
    [
        ("For two years; worse for 3 days", "multiple years"),
        ("糖尿病5年，5天前躯干出现红斑", "within days"),
        ("右足皮疹2年，用药一周无效", "multiple years"),
        ("A rash appeared 3 weeks ago, cream for 5 days did not help", "within weeks"),
        ("Six months of itching. Seen at a hospital where pills were given for 10 days", "within months"),
    ],
)
def test_the_onset_is_told_from_other_durations(text: str, bucket: str) -> None:
    assert _onset(text) == bucket


@pytest.mark.parametrize(
    ("text", "bucket"),
    [
        ("My six-week-old son was born with a red spot.", "within weeks"),
        ("A congenital patch; the girl is five months old.", "within months"),
        ("A congenital patch in a man of 40.", "multiple years"),
        ("患儿三个月，出生时背部有红斑", "within months"),
        ("宝宝才20天，天生一块黑斑", "within days"),
        ("出生就有，现在9岁", "multiple years"),
    ],
)
def test_what_is_there_from_birth_is_as_old_as_the_patient(text: str, bucket: str) -> None:
    assert _onset(text) == bucket


def test_spans_hold_number_and_unit() -> None:
    text = "rash for 3 months, 皮疹两年"
    assert [text[duration.start : duration.end] for duration in find_times(text).durations] == [
        "3 months",
        "两年",
    ]


@pytest.mark.parametrize(
    "text", ["one to two years", "4-5 years", "1 or 2 years", "一到两年", "1-2年", "1、2年"]
)
def test_a_range_is_one_duration_and_its_larger_end_counts(text: str) -> None:
    (duration,) = find_times(text).durations
    assert (text[duration.start : duration.end], BUCKETS[duration.bucket]) == (text, "multiple years")


def test_no_duration_is_no_onset() -> None:
    assert choose_onset(()) is None
