"""Gradio's internals are touched in one folder, so that another version of Gradio changes that folder alone."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import gradio
import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = REPOSITORY / "magic_demo/page"
INTERNALS = PAGE / "gradio_internals"
SUBMODULES = {"themes"}
"""Public, though not among Gradio's own names: looks are set with them in its documentation."""
WIRE = re.compile(r"/gradio_api|session_hash|fn_index|event_data|trigger_id")
"""Addresses of Gradio's client, and the fields of what it sends."""
DRAWN = re.compile(r"gradio-container|gradio-app|\.toast-|\.nav-holder|textarea, #")
"""Elements that Gradio draws and gives no id of ours."""


def _find_private(source: str) -> Iterator[str]:
    """Yield what a module touches of Gradio beyond its public names, or of any object's private ones."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "gradio":
            yield f"from {node.module} import"
        elif isinstance(node, ast.Import):
            yield from (f"import {one.name}" for one in node.names if one.name.startswith("gradio."))
        elif isinstance(node, ast.Attribute):
            of = node.value.id if isinstance(node.value, ast.Name) else ""
            if of == "gr" and node.attr not in {*gradio.__all__, *SUBMODULES}:
                yield f"gr.{node.attr}"
            elif re.match(r"_[^_]", node.attr) and of not in ("self", "cls"):
                yield f"{of or '...'}.{node.attr}"
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and WIRE.search(node.value):
            yield repr(node.value[:60])


def _outside(*suffixes: str) -> list[Path]:
    return sorted(
        path for path in PAGE.rglob("*") if path.suffix in suffixes and not path.is_relative_to(INTERNALS)
    )


@pytest.mark.parametrize("path", _outside(".py"), ids=lambda path: str(path.relative_to(PAGE)))
def test_a_module_of_the_page_touches_gradio_by_its_public_names_alone(path: Path) -> None:
    assert list(_find_private(path.read_text(encoding="utf-8"))) == []


def test_scripts_and_style_sheets_leave_what_gradio_draws_to_one_folder() -> None:
    said = {
        str(path.relative_to(PAGE)): found.group()
        for path in _outside(".mjs", ".js", ".css")
        if (found := DRAWN.search(path.read_text(encoding="utf-8")))
    }
    assert said == {}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from gradio.routes import App", ["from gradio.routes import"]),
        ("import gradio.queueing", ["import gradio.queueing"]),
        ("import gradio as gr\ngr.blocks.Blocks", ["gr.blocks"]),
        ("app._queue.push()", ["app._queue"]),
        ("path = '/gradio_api/queue/join'", ["'/gradio_api/queue/join'"]),
        ("import gradio as gr\ngr.HTML(''); self._own; request.session_hash", []),
    ],
)
def test_what_reaches_behind_gradios_public_names_is_found(source: str, found: list[str]) -> None:
    assert list(_find_private(source)) == found
