"""Loading behind the page, an analysis that is followed and stopped, and the cases that are open."""

from __future__ import annotations

import threading
from collections.abc import Mapping

import numpy as np
import pytest

from magic_demo.errors import CheckpointError, ModelError
from magic_demo.types import Encounter, Explanation, Language, Photo, Prediction
from magic_demo.ui.analysis import Step, StoppedError, Stops, follow
from magic_demo.ui.open_cases import OpenCases
from magic_demo.ui.source import PredictorSource, Progress

DONE = Prediction("CASE")


class QuietPredictor:
    """Answers at once, with nothing."""

    models: Mapping[str, str] = {"segmentation": "quiet"}
    calibrated_on: Mapping[str, str] = {}

    def predict(
        self, encounter: Encounter, *, prompt: str | None = None, language: Language = "en", progress: Progress | None = None
    ) -> Prediction:
        del encounter, prompt, language, progress
        return DONE

    def explain(
        self, encounter: Encounter, prediction: Prediction, family_id: str, option: int, *, language: Language = "en"
    ) -> Explanation:
        del encounter, prediction
        return Explanation(family_id, option, language)


def make_case(bytes_: int) -> Encounter:
    return Encounter("CASE", photos=(Photo("arm", np.zeros((1, bytes_ // 3, 3), np.uint8)),))


def test_steps_come_in_order_and_the_prediction_last() -> None:
    def task(report: Progress) -> Prediction:
        report(0.5, "half")
        report(1.0, "all")
        return DONE

    assert list(follow(task, threading.Event())) == [Step(0.5, "half"), Step(1.0, "all"), DONE]


def test_what_the_task_raises_is_raised_where_it_is_followed() -> None:
    def task(_report: Progress) -> Prediction:
        raise ModelError("the model failed")

    with pytest.raises(ModelError, match="the model failed"):
        list(follow(task, threading.Event()))


def test_a_stopped_analysis_ends_at_its_next_step() -> None:
    stops = Stops()
    stops.renew("mine")
    sign = stops.sign("mine")
    went_on = threading.Event()

    def task(report: Progress) -> Prediction:
        report(0.1, "first")
        stops.stop("mine")
        report(0.2, "second")
        went_on.set()
        return DONE

    with pytest.raises(StoppedError):
        list(follow(task, sign))
    assert not went_on.is_set()


def test_a_new_analysis_stops_the_one_before_it_of_the_same_session_only() -> None:
    stops = Stops()
    stops.renew("mine")
    stops.renew("other")
    mine, other = stops.sign("mine"), stops.sign("other")
    stops.renew("mine")
    assert mine.is_set() and not other.is_set() and not stops.sign("mine").is_set()


def test_an_analysis_that_is_stopped_before_its_turn_never_begins() -> None:
    stops = Stops()
    stops.renew("mine")
    stops.stop("mine")
    asked = threading.Event()

    def task(report: Progress) -> Prediction:
        report(0.0, "first")
        asked.set()
        return DONE

    with pytest.raises(StoppedError):
        list(follow(task, stops.sign("mine")))
    assert not asked.is_set()


def test_signs_of_analyses_that_ended_are_taken_down() -> None:
    stops = Stops()
    stops.renew("mine")
    old = stops.sign("mine")
    stops.renew("mine")
    newer = stops.sign("mine")
    stops.forget("mine", old)
    assert stops.sign("mine") is newer
    stops.forget("mine", newer)
    assert stops.sign("mine") is not newer


def test_the_page_can_ask_while_models_load() -> None:
    go = threading.Event()

    def load() -> QuietPredictor:
        go.wait(10)
        return QuietPredictor()

    source = PredictorSource(load)
    source.start()
    states = [source.state]
    assert source.models == {} and not source.wait(0.01)
    go.set()
    assert source.get().predict(Encounter("CASE")) is DONE
    states.append(source.state)
    assert states == ["loading", "ready"]
    assert source.models == {"segmentation": "quiet"}


def test_a_checkpoint_that_is_missing_is_one_line() -> None:
    def load() -> QuietPredictor:
        raise CheckpointError("nowhere: no such folder")

    source = PredictorSource(load)
    source.start()
    with pytest.raises(CheckpointError, match="nowhere: no such folder"):
        source.get()
    assert source.state == "failed" and source.problem == "nowhere: no such folder"


def test_open_cases_are_found_by_their_secret_only() -> None:
    cases = OpenCases()
    one, two = cases.open(make_case(30)), cases.open(make_case(30), example=True)
    assert one.case_id != two.case_id and len(one.case_id) >= 16
    assert cases.get(one.case_id) is one
    assert cases.get(None) is None and cases.get("guess") is None
    cases.close(one.case_id)
    cases.close("guess")
    assert cases.get(one.case_id) is None and len(cases) == 1


def test_the_case_used_longest_ago_is_closed_when_there_are_too_many() -> None:
    cases = OpenCases(max_cases=2)
    first, second = cases.open(make_case(30)), cases.open(make_case(30))
    cases.get(first.case_id)
    cases.open(make_case(30))
    assert cases.get(second.case_id) is None and cases.get(first.case_id) is first


def test_memory_is_bounded_but_the_newest_case_stays() -> None:
    cases = OpenCases(max_bytes=3000)
    old = cases.open(make_case(2400))
    huge = cases.open(make_case(9000))
    assert cases.get(old.case_id) is None and cases.get(huge.case_id) is huge


def test_photos_are_added_to_an_open_case_and_its_analysis_is_no_longer_of_it() -> None:
    cases = OpenCases()
    case = cases.open(make_case(30))
    cases.keep_analysis(case.case_id, case.encounter, DONE)
    kept = cases.get(case.case_id)
    assert kept is not None and kept.analysed is not None and kept.analysed.prediction is DONE
    changed = cases.change(case.case_id, make_case(60))
    assert changed is not None and changed.analysed is None and changed.bytes == 60
    cases.close(case.case_id)
    cases.keep_analysis(case.case_id, case.encounter, DONE)
    assert cases.change(case.case_id, make_case(30)) is None and len(cases) == 0
