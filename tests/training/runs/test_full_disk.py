"""A disk that is full at a checkpoint ends a run with one line, and the run goes on from there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from safetensors import SafetensorError
from transformers import Trainer

from tests.support.tiny_training import train_tiny
from training.__main__ import COMMANDS, main
from training.runs.run import SettingsError
from training.runs.trainer import find_whole_checkpoint


def _broken_stream() -> RuntimeError:
    """Return what torch raises when it cannot write an optimizer's state."""
    error = RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 576 vs 534")
    error.__context__ = RuntimeError("basic_ios::clear: iostream error")
    return error


FULL = [
    pytest.param(OSError(28, "No space left on device"), id="OSError", marks=pytest.mark.long),
    SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"),
    pytest.param(_broken_stream(), id="RuntimeError", marks=pytest.mark.long),
]
"""What the three writers of a checkpoint raised on a full file system."""


@pytest.mark.parametrize("error", FULL, ids=lambda error: type(error).__name__)
def test_a_full_disk_at_a_checkpoint_is_one_line_and_the_run_goes_on_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    save, saved = Trainer._save_checkpoint, []

    def fail_at_the_second(trainer: Trainer, *given: Any, **options: Any) -> None:
        saved.append(trainer.state.global_step)
        if len(saved) == 2:
            raise error
        save(trainer, *given, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_save_checkpoint", fail_at_the_second)
        with pytest.raises(
            SettingsError, match=r"the disk is full, a checkpoint could not be written.*--resume"
        ):
            train_tiny(tmp_path, epochs=3)
    assert find_whole_checkpoint(tmp_path / "checkpoints") is not None
    assert train_tiny(tmp_path, epochs=3)["steps"] == 9


def test_another_error_at_a_checkpoint_stays_what_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_given: object, **_options: object) -> None:
        raise RuntimeError("a fault of the program")

    monkeypatch.setattr(Trainer, "_save_checkpoint", fail)
    with pytest.raises(RuntimeError, match="a fault of the program"):
        train_tiny(tmp_path, epochs=1)


def test_a_file_that_cannot_be_written_is_one_line_of_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_words: list[str]) -> int:
        raise OSError(28, "No space left on device", "OUT/report.html")

    monkeypatch.setattr(f"{COMMANDS['cue-model'][0]}.main", fail)
    assert main(["cue-model"]) == 1
    assert capsys.readouterr().err.startswith("error: OUT/report.html: No space left on device; check")
