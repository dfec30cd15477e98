"""setup fetches the small build of torch unless there is a card, says how much, and needs nothing installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from magic_demo.__main__ import main
from magic_demo.commands import setup
from magic_demo.commands.setup import CHECKOUT, CPU, CPU_INDEX, CUDA, Install, find_gpu, install

MOST_MEGABYTES = 500


def test_what_a_user_without_a_card_fetches_stays_below_the_bound() -> None:
    assert 200 < Install("requirements.lock", cuda=False).megabytes <= MOST_MEGABYTES
    assert Install("requirements.lock", cuda=True).megabytes > 2000


def test_every_lock_file_says_what_it_fetches() -> None:
    for lock in CHECKOUT.glob("requirements*.lock"):
        assert setup.MEGABYTES.search(lock.read_text(encoding="utf-8")), f"{lock.name}: run make lock"


def test_the_plan_states_megabytes_and_minutes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(setup, "find_gpu", lambda: False)
    monkeypatch.setattr(setup, "read_megabytes", {"requirements.lock": 234, CPU: 192, CUDA: 2730}.__getitem__)
    assert main(["setup", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(
        "Fetches about 426 MB, PyTorch for the processor included: 1 min at 100 Mbit/s, 6 min"
    )
    monkeypatch.setattr(setup, "find_gpu", lambda: True)
    assert main(["setup", "--dry-run"]) == 0
    assert "2964 MB, PyTorch for NVIDIA's cards" in capsys.readouterr().out
    assert main(["setup", "--dry-run", "--torch", "cpu"]) == 0
    assert "426 MB" in capsys.readouterr().out


def test_setup_starts_where_nothing_is_installed() -> None:
    ran = subprocess.run(
        [sys.executable, "-S", "-m", "magic_demo", "setup", "--dry-run", "--torch", "cpu"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0 and ran.stdout.startswith("Fetches about"), ran.stderr


def test_a_lock_file_that_is_not_there_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["setup", "--lock", "requirements-none.lock"]) == 1
    assert "requirements-none.lock: no such file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("listed", "found"),
    [
        ("echo 'GPU 0: NVIDIA H200'", True),
        ("exit 9", False),
        ("echo 'No devices found.'", False),
        (None, False),
    ],
)
def test_a_card_is_found_where_the_driver_lists_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listed: str | None, found: bool
) -> None:
    if listed:
        _write_script(tmp_path / "nvidia-smi", listed)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_gpu() is found


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere PyPI's builds are the small ones")
def test_the_small_torch_comes_first_and_the_large_one_only_where_there_is_no_other(tmp_path: Path) -> None:
    small = Install("requirements.lock", cuda=False)
    assert _install(tmp_path, small, "exit 0") == [
        f"install {CPU}",
        "install requirements.lock",
        "check",
        "check",
    ]
    lacks = f'case "$*" in *{CPU}*) exit 1;; *{CUDA}*) touch {tmp_path}/whole;; *check) test -e {tmp_path}/whole;; esac'
    assert _install(tmp_path, small, lacks) == [
        f"install {CPU}",
        f"install {CPU} from {CPU_INDEX}",
        "install requirements.lock",
        "check",
        f"install {CUDA}",
        "check",
    ]
    assert f"install {CPU}" not in _install(tmp_path, Install("requirements.lock", cuda=True), "exit 0")


def _install(folder: Path, plan: Install, does: str) -> list[str]:
    """Install with a stand-in of Python; returns what pip was asked, in order."""
    log = folder / "log"
    log.unlink(missing_ok=True)
    _write_script(folder / "python", f'echo "$*" >> {log}\n{does}')
    install(folder / "python", plan)
    return [_shorten(line) for line in log.read_text(encoding="utf-8").splitlines()]


def _shorten(line: str) -> str:
    words = line.split()
    if "check" in words:
        return "check"
    lock = Path(words[words.index("-r") + 1]).name
    return f"install {lock}" + (f" from {CPU_INDEX}" if CPU_INDEX in words else "")


def _write_script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
