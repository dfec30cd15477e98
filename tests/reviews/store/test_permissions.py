"""Who may do what is decided in ``rules`` and nowhere else."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from magic_demo.reviews.store import READER_ROLES
from magic_demo.reviews.store.rules import ACTIONS, PERMISSIONS, WITHOUT_SIGN_IN, list_permitted, may
from tests.support.source.documents import read_code, run_code

PROGRAM = Path(__file__).resolve().parents[3] / "magic_demo"
RULES = PROGRAM / "reviews" / "store" / "rules.py"
NAMES = PROGRAM / "reviews" / "store" / "records.py"
"""Where the roles get their names."""
HOW_TO = "how-to/add-a-permission.md"


def _find_role_decisions(source: str) -> list[str]:
    """Return what of a module's code names a special role, or compares a role with a fixed name."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and node.value in set(READER_ROLES) - {"reader"}:
            found.append(f"line {node.lineno}: {node.value!r}")
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            fixed = any(isinstance(side, ast.Constant | ast.Tuple | ast.Set | ast.List) for side in sides)
            if fixed and any(re.search(r"\brole(_of\(.*\))?$", ast.unparse(side)) for side in sides):
                found.append(f"line {node.lineno}: {ast.unparse(node)}")
    return found


@pytest.mark.parametrize(
    "code",
    [
        "store.reader(name).role == 'adjudicator'",
        "role != 'reader'",
        "role_of(row) in ('reader',)",
        "allowed = {'presenter'}",
        "match role:\n    case 'adjudicator':\n        pass",
    ],
)
def test_a_decision_by_role_is_found_in_every_form(code: str) -> None:
    assert _find_role_decisions(code)


def test_no_other_module_decides_by_role() -> None:
    decisions = {
        path.relative_to(PROGRAM).as_posix(): found
        for path in sorted(PROGRAM.rglob("*.py"))
        if path not in (RULES, NAMES) and (found := _find_role_decisions(path.read_text(encoding="utf-8")))
    }
    assert decisions == {}, "ask rules.may(role, action)"


def test_no_script_of_the_page_decides_by_role() -> None:
    for path in [*PROGRAM.rglob("*.mjs"), *PROGRAM.rglob("*.js")]:
        assert not re.search(
            r"[\"'`]adjudicator[\"'`]|\.role\b\s*[!=]==", path.read_text(encoding="utf-8")
        ), path


def test_every_action_has_its_roles_and_is_asked_about() -> None:
    assert set(PERMISSIONS) == set(ACTIONS) and set(ACTIONS) >= WITHOUT_SIGN_IN
    program = "".join(
        path.read_text(encoding="utf-8") for path in PROGRAM.rglob("*") if path.suffix in (".py", ".mjs")
    )
    for action in ACTIONS:
        assert PERMISSIONS[action] <= set(READER_ROLES)
        # in the list of actions, in PERMISSIONS, and where it is asked about
        asked = program.count(f'"{action}"') - RULES.read_text(encoding="utf-8").count(f'"{action}"')
        assert asked or RULES.read_text(encoding="utf-8").count(f'may(role, "{action}")'), action


def test_a_reader_may_do_nothing_special_and_an_adjudicator_everything() -> None:
    assert list_permitted("reader") == []
    assert list_permitted("presenter") == ["present"]
    assert list_permitted("adjudicator") == list(ACTIONS)


def test_where_nobody_signs_in_everybody_owns_the_store_but_speaks_for_nobody_else() -> None:
    assert set(list_permitted("reader", signs_in=False)) == {
        "delete cases",
        "decide on coverings",
        "present",
        "learn from reviews",
    }
    assert not may("reader", "save a consensus", signs_in=False)


def test_the_how_to_adds_a_permission(monkeypatch: pytest.MonkeyPatch) -> None:
    add, ask = read_code(HOW_TO)
    names = run_code(add, HOW_TO, {})
    monkeypatch.setattr("magic_demo.reviews.store.rules.PERMISSIONS", names["PERMISSIONS"])
    answers = run_code(ask, HOW_TO, {**names, "role": "presenter"})
    assert answers["allowed"] is True
    assert run_code(ask, HOW_TO, {**names, "role": "reader"})["allowed"] is False
