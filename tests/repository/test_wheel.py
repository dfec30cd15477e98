"""The wheel holds what the program needs, and what is installed from it runs outside the checkout."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

import magic_demo

REPOSITORY = Path(__file__).resolve().parents[2]
SOURCES = ("pyproject.toml", "setup.py", "README.md", "LICENSE", "magic_demo", "training", "checkpoints")
KINDS = {
    ".py",
    ".json",
    ".safetensors",
    ".css",
    ".html",
    ".js",
    ".mjs",
    ".jpg",
    ".yaml",
    ".md",
    ".typed",
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from a copy, so that the checkout gets no files and lends it none of an earlier one."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in SOURCES:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy)
    built = subprocess.run(
        [sys.executable, "-c", "from setuptools.build_meta import build_wheel; build_wheel('dist')"],
        cwd=copy,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    (found,) = (copy / "dist").glob("*.whl")
    return found


def _read_about(wheel: Path, name: str) -> str:
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(f"magic_demo-{magic_demo.__version__}.dist-info/{name}").decode()


def test_the_wheel_holds_every_file_of_the_program_and_no_other(wheel: Path) -> None:
    expected = {
        str(path.relative_to(REPOSITORY))
        for top in ("magic_demo", "training", "checkpoints")
        for path in (REPOSITORY / top).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    expected = {f"magic_demo/{name}" if name.startswith("checkpoints/") else name for name in expected}
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert held == expected
    assert {Path(name).suffix or Path(name).name for name in held} >= KINDS
    assert {"magic_demo/py.typed", "training/py.typed"} <= held


def test_the_wheel_says_its_version_its_commands_and_what_it_needs(wheel: Path) -> None:
    about: Message = Parser().parsestr(_read_about(wheel, "METADATA"))
    assert about["Version"] == magic_demo.__version__ and about["Requires-Python"] == ">=3.11"
    assert set(about.get_all("Provides-Extra", [])) == {"train", "postgres", "openvino", "dicom"}
    commands = _read_about(wheel, "entry_points.txt").split()
    assert commands[0] == "[console_scripts]" and {"magic-demo", "magic-demo-train"} <= set(commands)
