"""What the page is laid out and started with."""

from __future__ import annotations

import ast
from pathlib import Path

import magic_demo.page
from magic_demo.core.limits import LIMITS
from magic_demo.page.build import launch_settings
from magic_demo.page.panels.forms import MAX_PROMPT
from magic_demo.synthetic.bundled import load_examples
from tests.support.fake_predictor import FakePredictor
from tests.support.written_page import lay_out


def test_nothing_is_kept_in_the_browser_sent_away_or_shown_to_strangers() -> None:
    settings = launch_settings()
    assert (
        settings["run_history"] is False
        and settings["enable_monitoring"] is False
        and settings["share"] is False
    )
    assert settings["ssr_mode"] is False and settings["footer_links"] == []
    assert "http" not in settings["head"]
    app = lay_out(FakePredictor())[0]
    assert app.analytics_enabled is False
    config = app.get_config_file()
    assert all(dependency["api_visibility"] == "private" for dependency in config["dependencies"])


ONCE = {"click", "then", "failure", "tick", "load", "arrive", "keep", "leave", "build"}
"""What does no harm, or does it twice, where it comes again while it is on its way."""


def test_nothing_that_a_reader_does_is_dropped_while_an_answer_is_on_its_way() -> None:
    config = lay_out(FakePredictor())[0].get_config_file()
    modes = [
        (name, dependency["trigger_mode"])
        for dependency in config["dependencies"]
        for _, name in dependency["targets"]
    ]
    assert {name for name, mode in modes if mode == "once"} == ONCE
    newest = {name for name, mode in modes if mode == "always_last"}
    assert newest == {
        "open",
        "choose",
        "restore",
        "language",
        "system",
        "facts",
        "why",
        "reveal",
        "look",
        "compare",
    }


def test_what_belongs_together_comes_in_one_value() -> None:
    """Gradio brings a value and a prop of one update one after the other: who is told by the one sees the other as it
    was."""
    props = {
        name
        for block in lay_out(FakePredictor())[0].blocks.values()
        for name in getattr(block, "props", None) or ()
    }
    assert {"found", "cover_failed", "saved", "row", "models"} <= props
    apart = [
        f"{path.name}:{call.lineno}"
        for path in sorted(Path(magic_demo.page.__path__[0]).rglob("*.py"))
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "update"
        if (given := {word.arg for word in call.keywords}) & props and "value" in given
    ]
    assert apart == []


def test_only_scripts_and_style_sheets_are_served() -> None:
    paths = [route.path for route in launch_settings()["app_kwargs"]["routes"]]
    assert "/page/panels/viewer/viewer.js" in paths and "/page/panels/frame/theme/theme.css" in paths
    assert all(path.endswith((".js", ".mjs", ".css")) for path in paths)


def test_the_prompts_control_takes_no_more_than_is_read() -> None:
    config = lay_out(FakePredictor())[0].get_config_file()
    (prompt,) = (part["props"] for part in config["components"] if part["props"].get("elem_id") == "prompt")
    assert prompt["max_length"] == MAX_PROMPT


def test_every_control_has_an_id_of_its_own() -> None:
    config = lay_out(FakePredictor(), load_examples())[0].get_config_file()
    shown = [part for part in config["components"] if part["type"] not in {"state", "timer", "form"}]
    ids = [part["props"].get("elem_id") for part in shown]
    assert all(ids) and len(set(ids)) == len(ids)


def test_analyses_that_wait_for_their_turn_leave_threads_for_saves() -> None:
    assert launch_settings()["max_threads"] >= LIMITS.waiting + 50, "each of them holds one while it waits"
