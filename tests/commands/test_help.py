"""The help of every command says what it does, when it is wanted, and shows examples that the command takes."""

from __future__ import annotations

import argparse
import importlib
import shlex

import pytest

from magic_demo.__main__ import COMMANDS, main
from magic_demo.commands.examples import EXAMPLES


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_an_example_that_it_takes(command: str) -> None:
    when, lines = EXAMPLES[command]
    assert when.endswith(".") and lines
    module, what = COMMANDS[command]
    assert what
    parser = argparse.ArgumentParser(exit_on_error=False)
    importlib.import_module(module).add_arguments(parser)
    for line in lines:
        name, *words = shlex.split(line)
        assert name == command
        parser.parse_args(words)


def test_help_shows_what_when_and_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["predict", "--help"])
    said = capsys.readouterr().out
    assert "Turn a folder of encounters into challenge files." in said
    assert "magic_demo predict DATA --split test --out OUT --shard 3/8" in said
    assert "Exit codes: 0 all done" in said
    assert set(EXAMPLES) == set(COMMANDS)


def test_a_help_keeps_names_as_they_are_written(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["label-studio", "--help"])
    assert "Let Label Studio ask" in " ".join(capsys.readouterr().out.split())
