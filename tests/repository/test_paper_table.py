"""docs/paper.md names settings that hold and code that exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = (REPOSITORY / "docs" / "paper.md").read_text(encoding="utf-8")
SECTION = re.compile(r"^## [^\n]*`(training/configs/[^`]+)`\n(.*?)(?=^## )", re.MULTILINE | re.DOTALL)
SETTING = re.compile(r"`([a-z_]+(?:\.[a-z0-9_]+)+): ([^`]+)`")
SYMBOL = re.compile(r"`((?:training|magic_demo)/[^`]+\.py)` `(\w+)`")


def _list_rows() -> list[tuple[str, str]]:
    """Return the settings file and the line of every row of the paper's two tables."""
    return [
        (name, line)
        for name, text in SECTION.findall(PAGE)
        for line in text.splitlines()
        if line.startswith("| ") and not line.startswith(("| the paper", "| ---"))
    ]


def _find(content: Any, key: str) -> Any:
    for part in key.split("."):
        content = content[int(part)] if isinstance(content, list) else content[part]
    return content


def test_both_tables_are_found() -> None:
    assert len({name for name, _ in _list_rows()}) == 2 and len(_list_rows()) >= 25


@pytest.mark.parametrize(("name", "line"), _list_rows())
def test_a_statement_stands_beside_a_setting_that_holds_and_code_that_exists(name: str, line: str) -> None:
    content = yaml.safe_load((REPOSITORY / name).read_text(encoding="utf-8"))
    settings, symbols = SETTING.findall(line), SYMBOL.findall(line)
    assert settings and symbols, line
    for key, value in settings:
        assert _find(content, key) == yaml.safe_load(value), key
    for path, symbol in symbols:
        tree = ast.parse((REPOSITORY / path).read_text(encoding="utf-8"))
        assert symbol in {getattr(node, "name", None) for node in ast.walk(tree)}, f"{path} has no {symbol}"
