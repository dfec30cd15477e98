"""The wheel holds what the program needs, and what is installed from it runs outside the checkout."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.request
import venv
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

import magic_demo

REPOSITORY = Path(__file__).resolve().parents[3]
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


class Installed:
    """The wheel in an empty environment outside the checkout; what it needs is taken from this one."""

    def __init__(self, folder: Path, wheel: Path) -> None:
        self.folder = folder
        venv.create(folder / "venv", with_pip=False)
        self.programs = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
        self._environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "MAGIC_DEMO"))
        }
        # an environment of its own for each of these tests: nothing is kept in the user's
        self._environment |= {"GRADIO_TEMP_DIR": str(folder / "uploads")}
        subprocess.run(
            [
                *(
                    sys.executable,
                    "-m",
                    "pip",
                    "--python",
                    str(self.programs / "python"),
                    "install",
                    "--quiet",
                ),
                *("--no-deps", "--no-index", "--no-compile", str(wheel)),
            ],
            check=True,
        )
        (self.packages,) = (folder / "venv").rglob("site-packages")
        (self.packages / "needed.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")

    def run(self, program: str, *words: str) -> str:
        """Run a program of the environment and return what it prints."""
        ended = subprocess.run(
            [self.programs / program, *words],
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def start(self, program: str, *words: str, output: Path) -> subprocess.Popen[bytes]:
        """Start a program of the environment, its output in a file."""
        with output.open("wb") as file:
            return subprocess.Popen(
                [self.programs / program, *words],
                cwd=self.folder,
                env=self._environment,
                stdout=file,
                stderr=subprocess.STDOUT,
            )


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed(tmp_path_factory.mktemp("elsewhere"), wheel)


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
    assert set(about.get_all("Provides-Extra", [])) == {
        "train",
        "postgres",
        "openvino",
        "dicom",
        "vlm",
        "ray",
    }
    commands = _read_about(wheel, "entry_points.txt").split()
    assert commands[0] == "[console_scripts]" and {"magic-demo", "magic-demo-train"} <= set(commands)


@pytest.mark.long
def test_the_installed_commands_say_their_version(installed: Installed) -> None:
    assert installed.run("magic-demo", "--version") == f"magic-demo {magic_demo.__version__}\n"
    assert installed.run("magic-demo-train", "--version") == f"magic-demo-train {magic_demo.__version__}\n"


@pytest.mark.long
def test_the_installed_package_predicts_a_bundled_example(installed: Installed) -> None:
    said = installed.run(
        "python",
        "-c",
        "from importlib.resources import files\n"
        "import magic_demo, magic_demo.files.library, sys\n"
        "assert not {'torch', 'gradio'} & sys.modules.keys()\n"
        "from magic_demo import load_predictor, read_encounters\n"
        "examples = files('magic_demo') / 'synthetic' / 'examples' / 'encounters.json'\n"
        "prediction = load_predictor().predict(next(read_encounters(examples)))\n"
        "assert not prediction.failures, prediction.failures\n"
        "print(magic_demo.__file__, prediction.encounter_id, len(prediction.photos), len(prediction.answers))\n",
    )
    home, *predicted = said.split()
    assert Path(home).is_relative_to(installed.folder.resolve()) and predicted == ["ENC00001", "1", "27"]


@pytest.mark.long
def test_what_the_page_about_python_shows_runs(installed: Installed) -> None:
    installed.run("magic-demo", "cases", "DATA", "--count", "6", "--seed", "1", "--longest", "200")
    page = (REPOSITORY / "docs" / "library.md").read_text(encoding="utf-8")
    script = re.findall(r"```python\n(.*?)```", page, re.DOTALL)[0]  # the next one is for transformers alone
    said = installed.run("python", "-c", script)
    assert "CQID010-001" in said and re.search(r"^IMG_\w+ \d+\.\d% of the photo$", said, re.MULTILINE)


@pytest.mark.long
def test_the_installed_command_opens_the_page(installed: Installed) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = installed.folder / "log.txt"
    server = installed.start("magic-demo", "serve", "--port", str(port), "--guide", output=log)
    address = f"http://127.0.0.1:{port}/"
    try:
        page = _wait_for_page(address, server, log)
        parts = re.findall(r'(?:href|src)=\\*"(page/[^"\\]+)', page)
        for part in parts:
            with urllib.request.urlopen(address + part) as answer:
                assert answer.status == 200 and answer.read(), part
    finally:
        server.terminate()
        code = server.wait()
    assert "Magic Demo" in page and {".css", ".mjs"} == {Path(part).suffix for part in parts}
    assert code == 0 and "Traceback" not in log.read_text(encoding="utf-8")


def _wait_for_page(address: str, server: subprocess.Popen[bytes], log: Path) -> str:
    """Return the page once the server answers; fail with what it printed where it has ended."""
    while server.poll() is None:
        try:
            with urllib.request.urlopen(address) as answer:
                return str(answer.read().decode())
        except OSError:
            time.sleep(0.3)
    pytest.fail(f"the page did not open:\n{log.read_text(encoding='utf-8')}")
