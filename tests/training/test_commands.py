"""``python -m training`` says what it is and what it lacks, before anything is imported that takes long."""

from __future__ import annotations

import importlib.util
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import magic_demo
from training.__main__ import COMMANDS, NEEDED, main


def test_it_says_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"magic-demo-train {magic_demo.__version__}\n"


@pytest.mark.parametrize(
    ("program", "shown"),
    [("/somewhere/bin/magic-demo-train", "magic-demo-train"), ("x.py", "python -m training")],
)
def test_its_help_shows_the_command_that_was_typed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], program: str, shown: str
) -> None:
    monkeypatch.setattr(sys, "argv", [program])
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"usage: {shown} COMMAND") and all(f"  {name} " in said for name in COMMANDS)


def test_without_what_training_needs_one_line_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr("training.__main__.find_spec", lambda name: None if name == "sklearn" else find(name))
    assert main(["cue-model", "--config", "nowhere.yaml"]) == 1
    assert capsys.readouterr().err == (
        "error: training needs scikit-learn, which is not installed; run: pip install scikit-learn\n"
    )


def test_what_it_looks_for_is_what_the_extra_installs(repository: Path) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extra = {canonicalize_name(Requirement(line).name) for line in project["optional-dependencies"]["train"]}
    packages = packages_distributions()
    assert {canonicalize_name(packages[name][0]) for name in NEEDED} == extra
