"""Imports point one way, so that a newcomer can read the program off the folders' names."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
TORCH = {"torch", "transformers", "accelerate"}
WITH_TORCH = ("magic_demo.models", "training")
WITH_GRADIO = ("magic_demo.page",)
WITHOUT_GRADIO = ("magic_demo.page.texts", "magic_demo.page.session")

# In order: a package imports only those before it. The narrowest name that fits says which package a module
# belongs to.
PACKAGES = (
    "magic_demo.core",
    "magic_demo.imaging",
    "magic_demo.questions",
    "magic_demo.files",
    "magic_demo.cues",
    "magic_demo.synthetic",
    "magic_demo.reviews",
    "magic_demo.models",
    "magic_demo.challenge",
    "magic_demo.page.session",
    "magic_demo.page.texts",
    "magic_demo.page.gradio_internals",
    "magic_demo.page.server",
    "magic_demo.page.panels",
    "magic_demo.page.events",
    "magic_demo.page.workshop",
    "magic_demo.page.agreement",
    "magic_demo.page",
    "magic_demo.api",
    "magic_demo.commands",
    "magic_demo.__main__",
    "training.runs",
    "training.cases",
    "training.segmentation",
    "training.cues",
    "training.answers",
    "training.learning",
    "training.__main__",
)
BESIDE_CHECKPOINTS = ("magic_demo.models.segmentation.compact",)
"""Modules that are copied beside checkpoints with those that they import: there transformers follows relative
imports alone."""


@cache
def _modules() -> dict[str, Path]:
    """Return name -> file of every module; a package has the name of its folder."""
    found = {}
    for top in ("magic_demo", "training"):
        for path in sorted((REPOSITORY / top).rglob("*.py")):
            name = ".".join(path.relative_to(REPOSITORY).with_suffix("").parts)
            found[name.removesuffix(".__init__")] = path
    return found


@cache
def _imports(module: str) -> frozenset[str]:
    """Return every name that a module imports anywhere, inside functions too: a module, or what is taken out
    of one."""
    path = _modules()[module]
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0 or (node.level == 1 and module in BESIDE_CHECKPOINTS), (
                f"{path}: imports are absolute"
            )
            parent = f"{module.rpartition('.')[0]}." if node.level else ""
            names.update(f"{parent}{node.module}.{alias.name}" for alias in node.names)
    return frozenset(names)


def _imported_modules(module: str) -> set[str]:
    """Return the program's own modules that a module imports."""
    found = set()
    for name in _imports(module):
        parent = name.rpartition(".")[0]
        found |= {name} & _modules().keys() or {parent} & _modules().keys()
    return found - {module}


def _package_of(module: str) -> str:
    """Return the package that a module belongs to; empty for those of the whole: ``magic_demo`` and
    ``training`` themselves."""
    return max(
        (package for package in PACKAGES if f"{module}.".startswith(f"{package}.")), key=len, default=""
    )


def _modules_of(package: str) -> list[str]:
    return [module for module in _modules() if _package_of(module) == package]


def _find_circles(graph: Mapping[str, set[str]]) -> list[set[str]]:
    """Return the sets of modules each of which imports, by way of others, every other of its set."""
    reached: dict[str, set[str]] = {}
    for module in graph:
        seen, waiting = set[str](), list(graph[module])
        while waiting:
            one = waiting.pop()
            if one not in seen:
                seen.add(one)
                waiting += graph[one]
        reached[module] = seen
    circles: list[set[str]] = []
    for module in graph:
        if module in reached[module] and not any(module in circle for circle in circles):
            circles.append({other for other in reached[module] if module in reached[other]})
    return circles


def _within(module: str, packages: tuple[str, ...]) -> bool:
    return any(f"{module}.".startswith(f"{package}.") for package in packages)


def test_every_module_belongs_to_a_package() -> None:
    assert [module for module in _modules() if not _package_of(module)] == ["magic_demo", "training"]


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_those_before_it(package: str) -> None:
    before = {"", *PACKAGES[: PACKAGES.index(package) + 1]}
    assert _modules_of(package), "no such package; take it out of the list"
    for module in _modules_of(package):
        back = {name for name in _imported_modules(module) if _package_of(name) not in before}
        assert not back, f"{module} imports {sorted(back)}, which come after {package}"
        others = {name for name in _imports(module) if name.split(".")[0] in ("app", "tests", "benchmarks")}
        assert not others, f"{module} imports {sorted(others)}"


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert _find_circles({module: _imported_modules(module) for module in _modules()}) == []


def test_a_circle_is_found_however_long_it_is() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set[str](), "e": {"a"}}
    assert _find_circles(graph) == [{"a", "b", "c"}]
    assert _find_circles({**graph, "c": {"d"}}) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_torch_stays_with_the_models_and_gradio_with_the_page(package: str) -> None:
    for module in _modules_of(package):
        tops = {name.split(".")[0] for name in _imports(module)}
        assert not tops & TORCH or _within(module, WITH_TORCH), module
        assert "gradio" not in tops or (
            _within(module, WITH_GRADIO) and not _within(module, WITHOUT_GRADIO)
        ), module


def test_training_imports_no_page() -> None:
    for module in _modules():
        if module.startswith("training"):
            assert not any(name.startswith("magic_demo.page") for name in _imported_modules(module)), module


def _folders() -> list[Path]:
    return sorted(
        {path.parent for top in ("magic_demo", "training") for path in (REPOSITORY / top).rglob("*.py")}
    )


@pytest.mark.parametrize("folder", _folders(), ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_a_folder_opens_with_what_it_is_and_a_package_with_what_it_may_import(folder: Path) -> None:
    opening = ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))) or ""
    assert opening, f"{folder}: __init__.py says nothing"
    package = ".".join(folder.relative_to(REPOSITORY).parts)
    if package not in PACKAGES:
        return
    line = re.search(r"^May import: ([^.\n](?:.|\n)+?)\.$", opening, re.MULTILINE)
    assert line is not None, f"{package}: 'May import: ...' is missing"
    top = package.split(".")[0]
    said = {name if name.startswith("magic_demo") else f"{top}.{name}" for name in re.split(r",\s+", line[1])}
    used = {_package_of(name) for module in _modules_of(package) for name in _imported_modules(module)} - {
        "",
        package,
    }
    assert used <= said, f"{package}: says nothing of {sorted(used - said)}"


def test_the_page_opens_without_what_it_does_not_show_at_once() -> None:
    late = ("torch", "transformers", "alembic")
    script = (
        f"import sys, magic_demo.commands.serve; print([name for name in {late!r} if name in sys.modules])"
    )
    said = subprocess.run(
        [sys.executable, "-c", script], cwd=REPOSITORY, check=True, capture_output=True, text=True
    )
    assert said.stdout.strip() == "[]"
