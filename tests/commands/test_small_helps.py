"""What spares a user a look into the docs: the command that was meant, --store where it is expected, completion,
and how many cases a study needs."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from magic_demo.__main__ import COMMANDS, main
from magic_demo.commands.sample_size import of_icc, of_kappa, of_share


def test_a_command_that_is_none_is_answered_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    for asked, said in (("exprot", "did you mean export?"), ("zzz", "--help lists them: serve, predict")):
        with pytest.raises(SystemExit) as ended:
            main([asked])
        assert ended.value.code == 2 and said in capsys.readouterr().err


@pytest.mark.parametrize("command", ["readers", "queues"])
def test_the_store_may_be_named_before_or_after_the_action(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert (
        main(
            [
                "readers",
                "add",
                "Bo",
                "--password-file",
                str(_password(tmp_path)),
                "--store",
                str(tmp_path / "a"),
            ]
        )
        == 0
    )
    capsys.readouterr()
    for words in (["--store", str(tmp_path / "a"), "list"], ["list", "--store", str(tmp_path / "a")]):
        assert main([command, *words]) == 0
        assert ("Bo" if command == "readers" else "no queue yet") in capsys.readouterr().out


def _password(folder: Path) -> Path:
    path = folder / "password"
    path.write_text("a long password of the test\n", encoding="utf-8")
    return path


def test_the_shell_completes_commands_and_their_options(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["completion", "bash"]) == 0
    script = capsys.readouterr().out
    for name in COMMANDS:
        assert f"    {name}) words='" in script
    bash = shutil.which("bash")
    assert bash is not None
    asks = {
        "exp": "export",
        "export --for": "--format",
        "export --format par": "parquet",
        "queues ass": "assign",
    }
    for typed, expected in asks.items():
        words = ["magic-demo", *typed.split()]
        call = f"COMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}; _magic_demo; echo ${{COMPREPLY[@]}}"
        said = subprocess.run([bash, "-c", f"{script}\n{call}"], check=True, capture_output=True, text=True)
        assert expected in said.stdout.split()


def test_how_many_cases_is_what_the_published_formulas_say(capsys: pytest.CaptureFixture[str]) -> None:
    assert of_share(0.5, 0.2) == 97  # the textbook's 96.04, rounded up
    assert of_icc(0.8, 2, 0.2) == 51  # 1 + 8 z^2 (0.2)^2 (1.8)^2 / (2 * 0.04)
    assert of_kappa(0.0, 0.5, 0.2) == 385  # no agreement but by chance: variance 1
    assert of_icc(0.8, 4, 0.2) < of_icc(0.8, 2, 0.2) and of_kappa(0.8, 0.5, 0.2) < of_kappa(0.6, 0.5, 0.2)
    assert main(["sample-size", "--width", "0.2", "--same", "0.8", "--icc", "0.8", "--readers", "3"]) == 0
    assert "answers alike 0.8 with a 95% interval of width 0.2: about 62 cases" in capsys.readouterr().out
    for words in (["--same", "1.5"], [], ["--icc", "0.5", "--readers", "1"]):
        assert main(["sample-size", "--width", "0.2", *words]) == 1
