"""Every error and line that may reach the page has both languages, found by its template."""

from __future__ import annotations

import ast
import re
from string import Formatter

from magic_demo.core.messages import list_fields
from magic_demo.page.texts.i18n import load_messages
from tests.support.source.templates import Said, list_classes, list_said, list_sources

SHOWN = ("core", "imaging", "questions", "files", "cues", "synthetic", "reviews", "models", "page")
"""Packages that the page is or imports. The commands, batch mode and training speak English alone."""
CHINESE = re.compile(r"[\u4e00-\u9fff]")
PATTERNS = ("compile", "search", "match", "fullmatch", "sub", "findall", "finditer", "split")
WITHOUT_CHINESE = re.compile(r"[^a-z]*(\{\w+[^}]*\}[^a-z]*)+|Photoshop.*")
"""Templates that hold no words of their own."""


def _shown() -> list[Said]:
    return [said for package in SHOWN for said in list_said(f"magic_demo/{package}")]


def _everywhere() -> list[Said]:
    return [said for package in ("magic_demo", "training") for said in list_said(package)]


def test_errors_and_lines_are_found() -> None:
    assert {"StoreError", "PhotoError", "BoardError", "Message", "SettingsError"} <= list_classes()
    assert len(_shown()) > 500


def test_every_template_that_may_reach_the_page_has_a_chinese_sentence() -> None:
    missing = {
        said.template: said.place for said in _shown() if said.template not in {*load_messages(), None}
    }
    assert not missing, "add to magic_demo/page/texts/messages.json"


def test_the_catalogue_holds_nothing_that_is_not_said() -> None:
    said = {said.template for said in _shown()}
    assert not [template for template in load_messages() if template not in said]


def test_both_languages_show_the_same_values() -> None:
    for english, chinese in load_messages().items():
        assert list_fields(english) == list_fields(chinese), english
        # a value that a file brings may be a text where a number is meant: no format that English lacks
        assert _formats(chinese) <= _formats(english), english


def _formats(template: str) -> set[tuple[str, str]]:
    return {(field, spec) for _, field, spec, _ in Formatter().parse(template) if field and spec}


def test_the_chinese_is_chinese_and_in_the_order_of_the_english() -> None:
    catalogue = load_messages()
    assert list(catalogue) == sorted(catalogue)
    assert not [
        english
        for english, chinese in catalogue.items()
        if not CHINESE.search(chinese) and not WITHOUT_CHINESE.fullmatch(english)
    ]


def test_a_template_has_exactly_the_values_that_it_shows() -> None:
    for said in _everywhere():
        if said.template is not None and not said.finished:
            assert list_fields(said.template) == said.names, said.place


def test_a_template_is_written_out_where_it_gets_values() -> None:
    """A text that came from somewhere is never read as a template."""
    for said in _everywhere():
        own = said.place.startswith(("magic_demo/core/messages.py", "magic_demo/core/errors.py"))
        assert said.template is not None or said.finished or own, said


def test_no_error_is_made_of_an_english_sentence_that_is_put_together() -> None:
    made = (ast.JoinedStr, ast.BinOp)
    for said in _everywhere():
        expression = ast.parse(said.source, mode="eval").body
        assert not any(isinstance(node, made) for node in ast.walk(expression)), said


def test_no_regular_expression_reads_an_english_sentence() -> None:
    """Three words in a row, in a pattern that is written out, are a sentence."""
    for path in list_sources("magic_demo/page"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {f"re.{name}" for name in PATTERNS}:
                assert path.parent.name != "texts" or isinstance(node.args[0], ast.Constant), path
                pattern = node.args[0].value if isinstance(node.args[0], ast.Constant) else ""
                assert not re.search(r"[a-z]{2,} [a-z]{2,} [a-z]{2,}", str(pattern)), path
