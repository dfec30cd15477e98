"""Serving and stopping: what collections go over, and what the console says when the page is told to stop."""

from __future__ import annotations

import gc
import threading
import weakref
from typing import Any

import pytest

from magic_demo.commands.serve import leave_quietly, start_models
from magic_demo.page.session.inference.source import PredictorSource
from tests.support.fake_predictor import FakePredictor


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


def test_collections_leave_out_what_lives_once_the_models_are_there_and_no_reader_waits_for_that() -> None:
    lives = [object()]
    source = PredictorSource(FakePredictor)
    start_models(source)
    try:
        assert source.wait(60) and source.state == "ready"
        assert gc.get_freeze_count() > 0 and not any(one is lives for one in gc.get_objects())
        later = [object()]
        assert any(one is later for one in gc.get_objects()), "what comes later is collected as ever"
    finally:
        gc.unfreeze()


class InACycle(FakePredictor):
    """Refers to itself, as models do: a collection alone lets go of it."""

    me: Any = None


def test_a_learnt_model_that_was_resumed_goes_from_memory_once_the_page_goes_back_to_its_own() -> None:
    source, alive = PredictorSource(FakePredictor), []

    def load() -> InACycle:
        learnt = InACycle()
        learnt.me = learnt
        alive.append(weakref.ref(learnt))
        return learnt

    source.resumes.append(lambda: source.switch("learnt", load))
    start_models(source)
    try:
        assert source.wait(60) and source.learnt == "learnt"
        source.go_back()
        gc.collect()
        assert alive[0]() is None
    finally:
        gc.unfreeze()
