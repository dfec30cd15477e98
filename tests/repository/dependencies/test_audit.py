"""The audit of dependencies fails on a hole and where something could not be looked up; offline it passes,
and says of what nothing is known."""

from __future__ import annotations

import json

import pytest

from tests.repository.dependencies.audit import list_installed, report, report_offline

PINS = {"one": "1.0", "two": "2.0"}


def says(**vulns: list[dict[str, object]]) -> str:
    return json.dumps(
        {"dependencies": [{"name": name, "version": "1.0", "vulns": found} for name, found in vulns.items()]}
    )


def test_a_known_hole_fails_and_says_which_version_mends_it() -> None:
    code, lines = report(PINS, lambda pins: says(one=[{"id": "PYSEC-1", "fix_versions": ["1.1"]}], two=[]))
    assert code == 1 and lines == [
        "one 1.0: PYSEC-1, mended in 1.1",
        "audit: 2 of 2 packages looked up, 1 known holes",
    ]


def test_no_hole_passes_in_one_line() -> None:
    assert report(PINS, lambda pins: says(one=[], two=[])) == (
        0,
        ["audit: 2 of 2 packages looked up, 0 known holes"],
    )


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "no network",
        "[]",
        "{}",
        json.dumps({"dependencies": [{"name": "one", "skip_reason": "not found"}]}),
    ],
)
def test_a_service_that_does_not_answer_is_said_in_capitals_and_fails(answer: str) -> None:
    code, lines = report(PINS, lambda pins: answer)
    assert code == 2 and lines[0].startswith("AUDIT NOT DONE for all packages") and "one, two" in lines[0]
    assert lines[-1] == "audit: 0 of 2 packages looked up, 0 known holes"


def test_a_package_that_was_not_looked_up_fails_beside_others_that_were() -> None:
    code, lines = report(PINS, lambda pins: says(one=[]))
    assert code == 2 and lines[0].startswith("AUDIT NOT DONE for 1 of 2 packages") and "two" in lines[0]


def test_nothing_to_look_up_is_no_success() -> None:
    assert report({}, lambda pins: says())[0] == 2


def test_offline_passes_and_names_every_package_that_nothing_is_known_of() -> None:
    code, lines = report_offline(PINS)
    assert (
        code == 0
        and lines[0].startswith("AUDIT NOT DONE")
        and "one, two" in lines[0]
        and lines[-1] == "audit: 0 of 2 packages looked up"
    )


def test_a_package_that_was_not_looked_up_is_named() -> None:
    code, lines = report(PINS, lambda pins: says(one=[{"id": "PYSEC-1", "fix_versions": []}]))
    assert (
        code == 1
        and "no version yet" in lines[0]
        and lines[1].startswith("AUDIT NOT DONE for 1 of 2 packages")
        and "two" in lines[1]
    )


def test_what_is_looked_up_is_what_a_user_installs_with_all_that_it_brings() -> None:
    pins = list_installed()
    assert {"gradio", "torch", "pillow", "starlette", "jinja2"} <= set(pins) and not {
        "pytest",
        "ruff",
        "playwright",
    } & set(pins)
    assert all(version and "+" not in version for version in pins.values())
