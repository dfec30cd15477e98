"""Models, unpacked photos and checks of passwords give way to whoever saves or opens a case."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from magic_demo.core.process.niceness import MODELS, PASSWORDS
from magic_demo.core.types import Prediction, Step
from magic_demo.page.session.inference.analysis import follow
from magic_demo.page.session.inference.turns import Turns
from magic_demo.page.session.sign_in.password_pool import PasswordPool


def niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def of_a_model() -> int:
    seen = []

    def predict() -> Iterator[Step | Prediction]:
        seen.append(niceness())
        yield Prediction("a", ())

    list(follow(Turns(), predict, threading.Event()))
    return seen[0]


def of_a_check() -> int:
    return PasswordPool().add("anybody", niceness).result(10)


@pytest.mark.parametrize(("measure", "more"), [(of_a_model, MODELS), (of_a_check, PASSWORDS)])
def test_a_thread_gives_way_and_the_one_that_asked_does_not(measure: Callable[[], int], more: int) -> None:
    before = niceness()
    assert measure() == (max(before, more) if sys.platform == "linux" else before)
    assert niceness() == before
