"""``python -m magic_demo setup``: make the environment of a checkout from its lock files, without ``make``.

It runs before anything is installed, so it may import nothing but the standard library and core.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

from magic_demo.core.errors import MagicDemoError

CHECKOUT = Path(__file__).resolve().parents[2]
CPU, CUDA = "requirements-cpu.lock", "requirements-cuda.lock"
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
"""Where PyTorch publishes its builds for processors, which PyPI does not have for Linux."""
MEGABYTES = re.compile(r"^# To fetch: (\d+) MB", re.MULTILINE)
QUICK, SLOW = 100, 10
"""Connections that the estimate is given for, in Mbit/s."""


@dataclass(frozen=True)
class Install:
    """What is to be installed. lock: the lock file's name. cuda: the build of torch for NVIDIA's cards."""

    lock: str
    cuda: bool

    @property
    def megabytes(self) -> int:
        """How much pip fetches where it keeps nothing yet, as counted for Linux on x86-64."""
        return read_megabytes(self.lock) + read_megabytes(CUDA if self.cuda else CPU)

    def describe(self) -> str:
        """Return what will be fetched and how long that takes, in one line."""
        build = "NVIDIA's cards" if self.cuda else "the processor"
        quick, slow = (max(1, round(self.megabytes * 8 / speed / 60)) for speed in (QUICK, SLOW))
        return (
            f"Fetches about {self.megabytes} MB, PyTorch for {build} included: {quick} min at {QUICK} Mbit/s, "
            f"{slow} min at {SLOW} Mbit/s. Then it unpacks for a minute or two."
        )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``python -m magic_demo setup``."""
    parser.add_argument(
        "--environment", type=Path, default=CHECKOUT / ".venv", help="where (default: .venv of the checkout)"
    )
    parser.add_argument(
        "--lock", default="requirements.lock", help="lock file to install (default: %(default)s)"
    )
    parser.add_argument(
        "--torch",
        choices=("auto", "cpu", "cuda"),
        default="auto",
        help="build of PyTorch on Linux: auto takes the small one for processors unless there is an NVIDIA card",
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be fetched, and stop")


def run(arguments: argparse.Namespace) -> int:
    """Run ``setup``; returns 0.

    Raises MagicDemoError where this is no checkout or pip fails.
    """
    if not (CHECKOUT / arguments.lock).is_file():
        raise MagicDemoError(
            "{lock}: no such file in {folder}; setup installs what a checkout's lock files name, and an "
            "installed package needs none",
            lock=arguments.lock,
            folder=CHECKOUT,
        )
    cuda = arguments.torch == "cuda" or (arguments.torch == "auto" and find_gpu())
    plan = Install(arguments.lock, cuda)
    print(plan.describe(), flush=True)
    if not arguments.dry_run:
        python = make_environment(arguments.environment)
        install(python, plan)
        print(f"Ready. Start the page: {python} app.py --guide")
    return 0


def read_megabytes(lock: str) -> int:
    """Return what a lock file says is fetched for it, torch left out except where torch is what it is for."""
    found = MEGABYTES.search((CHECKOUT / lock).read_text(encoding="utf-8"))
    return int(found[1]) if found else 0


def find_gpu() -> bool:
    """Return whether NVIDIA's driver lists a card here."""
    command = shutil.which("nvidia-smi")
    if command is None:
        return False
    listed = subprocess.run([command, "-L"], capture_output=True, text=True, check=False)
    return listed.returncode == 0 and "GPU" in listed.stdout


def make_environment(folder: Path) -> Path:
    """Make a virtual environment where there is none; returns its Python."""
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        venv.create(folder, with_pip=True, symlinks=os.name != "nt")
    return python


def install(python: Path, plan: Install) -> None:
    """Install what a plan says by its hashes, and check that everything fits together.

    Of torch the CPU build comes first: from where pip is told to look, else from PyTorch's own index. Where
    neither has it, as on macOS and Windows, whose builds on PyPI are small, PyPI's is taken; what that wants
    besides on Linux comes last.
    Raises MagicDemoError when pip fails.
    """
    if not plan.cuda and sys.platform == "linux" and not install_cpu_build(python):
        print("PyTorch's CPU build is not to be had here: PyPI's is taken, which is larger.", flush=True)
    _demand(python, *locked(plan.lock))
    if _run_pip(python, "check", quiet=True):
        _demand(python, *locked(CUDA))
    _demand(python, "check")


def install_cpu_build(python: Path) -> bool:
    """Install the CPU build of torch; returns whether it is there."""
    here = locked(CPU)
    elsewhere = [*here, "--timeout", "15", "--retries", "1", "--index-url", CPU_INDEX]
    return _run_pip(python, *here, quiet=True) == 0 or _run_pip(python, *elsewhere) == 0


def locked(lock: str) -> list[str]:
    """Return what pip is asked to install a lock file's packages by their hashes, and nothing else."""
    return ["install", "--no-compile", "--require-hashes", "--no-deps", "-r", str(CHECKOUT / lock)]


def _demand(python: Path, *words: str) -> None:
    if code := _run_pip(python, *words):
        raise MagicDemoError(
            "pip {what} ended with code {code}; its lines above say why", what=words[0], code=code
        )


def _run_pip(python: Path, *words: str, quiet: bool = False) -> int:
    """Run pip with its progress on a terminal and in few words elsewhere; returns its exit code."""
    few = [] if sys.stdout.isatty() or words[0] != "install" else ["--quiet"]
    output = subprocess.DEVNULL if quiet else None
    return subprocess.run(
        [str(python), "-m", "pip", *words, *few],
        env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        stdout=output,
        stderr=output,
        check=False,
    ).returncode
