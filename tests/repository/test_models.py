"""Whatever uses a model asks its interface, never which of our classes it is."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
ROOTS = {"PreTrainedModel", "CLIPSegForImageSegmentation", "Segmenter", "Answerer"}


@cache
def _read_modules() -> dict[Path, ast.Module]:
    """Return file -> syntax tree of each module that defines a model or asks for a class."""
    texts = {
        path: path.read_text(encoding="utf-8")
        for top in ("magic_demo", "training")
        for path in sorted((REPOSITORY / top).rglob("*.py"))
    }
    wanted = re.compile(rf"isinstance\(|issubclass\(|class .*({'|'.join(ROOTS)})")
    return {path: ast.parse(text) for path, text in texts.items() if wanted.search(text)}


def _names(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)} | {
        part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)
    }


def _find_models() -> dict[str, Path]:
    """Return each class of a model -> the file that defines it."""
    return {
        node.name: path
        for path, tree in _read_modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and ROOTS & {name for base in node.bases for name in _names(base)}
    } | {"CueModel": REPOSITORY / "magic_demo" / "cues" / "cue_model.py"}


def test_no_isinstance_of_a_model_stands_outside_its_own_module() -> None:
    models = _find_models()
    assert {"PromptedSegmenter", "PhotoAnswerer", "TextPhotoAnswerer", "CompactSegmenter"} <= models.keys()
    found = [
        f"{path.relative_to(REPOSITORY)}:{node.lineno}: {name}"
        for path, tree in _read_modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        if node.func.id in ("isinstance", "issubclass")
        for name in sorted(_names(node.args[1]) & models.keys())
        if models[name] != path
    ]
    assert found == []
