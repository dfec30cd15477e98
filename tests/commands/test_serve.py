"""Serving and stopping: what the console says when the page is told to stop."""

from __future__ import annotations

import threading

import pytest

from magic_demo.commands.serve import leave_quietly


def fail() -> None:
    raise RuntimeError("can't register atexit after shutdown")


def run_in_a_thread() -> None:
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_threads_that_fail_because_the_page_was_stopped_print_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(threading, "excepthook", threading.__excepthook__)
    run_in_a_thread()
    assert "Traceback" in capsys.readouterr().err, "a fault of a running page is heard"
    leave_quietly()
    run_in_a_thread()
    assert capsys.readouterr().err == ""
