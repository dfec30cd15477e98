"""What CONTRIBUTING.md and the forge's files say is what the repository has."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
CONTRIBUTING = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
FORGE_FILES = sorted(
    [*(REPOSITORY / ".github").rglob("*.yml"), REPOSITORY / ".pre-commit-config.yaml"],
    key=lambda path: path.name,
)


def _read(name: str) -> Any:
    return yaml.safe_load((REPOSITORY / name).read_text(encoding="utf-8"))


def test_every_how_to_is_linked() -> None:
    pages = {f"docs/how-to/{path.name}" for path in (REPOSITORY / "docs" / "how-to").glob("*.md")}
    linked = set(re.findall(r"\]\((docs/how-to/[^)#]+)\)", CONTRIBUTING))
    assert pages and pages == linked, "CONTRIBUTING.md, Find your way: link each page of docs/how-to"


@pytest.mark.parametrize("path", FORGE_FILES, ids=lambda path: path.name)
def test_a_forge_can_read_its_files(path: Path) -> None:
    assert isinstance(yaml.safe_load(path.read_text(encoding="utf-8")), dict)


def test_ci_tests_every_python_that_the_package_names() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = [found[1] for one in project["classifiers"] if (found := re.search(r"Python :: (3\.\d+)$", one))]
    assert _read(".github/workflows/ci.yml")["jobs"]["test"]["strategy"]["matrix"]["python"] == named
    assert project["requires-python"] == f">={named[0]}"
    assert f"Python {named[0]} to {named[-1]}" in CONTRIBUTING


def test_ci_runs_targets_and_commands_that_exist() -> None:
    targets = set(
        re.findall(r"^([a-z]+):", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    )
    jobs = _read(".github/workflows/ci.yml")["jobs"].values()
    scripts = "\n".join(step["run"] for job in jobs for step in job["steps"] if "run" in step)
    assert {"check", "test"} <= set(re.findall(r"make (\w+)", scripts)) <= targets
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(re.findall(r"bin/(magic-demo[\w-]*)", scripts)) <= project["scripts"].keys()


def test_a_commit_is_checked_with_the_pinned_tools() -> None:
    pins = (REPOSITORY / "requirements-dev.txt").read_text(encoding="utf-8")
    (local,) = _read(".pre-commit-config.yaml")["repos"]
    tools = {re.match(r"\.venv/bin/(\w+)", hook["entry"]) for hook in local["hooks"]}
    assert local["repo"] == "local" and None not in tools
    assert {tool[1] for tool in tools if tool} == {"ruff", "mypy"}
    assert all(f"\n{tool[1]}==" in pins for tool in tools if tool)


def test_issue_forms_ask_for_no_photo_of_a_patient() -> None:
    form = _read(".github/ISSUE_TEMPLATE/bug.yml")
    assert any("no photos of patients" in part["attributes"].get("value", "") for part in form["body"])
    assert all(part["type"] in ("markdown", "textarea", "input") for part in form["body"])
