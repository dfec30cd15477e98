"""A library's module is changed as soon as it is imported, and never imported for that."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

from magic_demo.core.process.after_import import after_import


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the name of a package with a module ``one``, which imports ``two``."""
    folder = tmp_path / "library_of_a_test"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "one.py").write_text(f"from {folder.name} import two\nvalue = 1\n")
    (folder / "two.py").write_text("value = 2\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    for name in [name for name in sys.modules if name.startswith(folder.name)]:
        monkeypatch.delitem(sys.modules, name)
    return folder.name


def test_each_module_is_told_of_once_when_it_is_whole(package: str) -> None:
    seen: list[tuple[str, int]] = []

    def note(module: ModuleType) -> None:
        seen.append((module.__name__, module.value))

    after_import([f"{package}.one", f"{package}.two"], note)
    assert not seen and f"{package}.one" not in sys.modules
    importlib.import_module(f"{package}.one")
    importlib.import_module(f"{package}.two")
    assert seen == [(f"{package}.two", 2), (f"{package}.one", 1)]


def test_of_a_module_that_is_imported_already_it_is_told_at_once(package: str) -> None:
    two = importlib.import_module(f"{package}.two")
    seen: list[ModuleType] = []
    after_import([f"{package}.two"], seen.append)
    assert seen == [two]


def test_two_that_wait_for_one_module_are_both_told(package: str) -> None:
    seen: list[str] = []
    after_import([f"{package}.two"], lambda _: seen.append("first"))
    after_import([f"{package}.two"], lambda _: seen.append("second"))
    importlib.import_module(f"{package}.two")
    assert sorted(seen) == ["first", "second"]
