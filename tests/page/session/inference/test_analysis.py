"""Loading behind the page, an analysis that is followed and stopped, and the cases that are open."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest

from magic_demo.core.errors import CheckpointError, ModelError
from magic_demo.core.messages import Message
from magic_demo.core.types import Encounter, Photo, Prediction, Step
from magic_demo.page.session.inference.analysis import Queued, Stops, follow
from magic_demo.page.session.inference.source import PredictorSource
from magic_demo.page.session.inference.turns import StoppedError, Turns
from magic_demo.page.session.open_cases import OpenCases
from tests.support.fake_predictor import FakePredictor

DONE = Prediction("CASE")
NOTHING = Prediction("CASE")
HALF, ALL = Step(0.5, Message("half"), NOTHING), Step(1.0, Message("all"), NOTHING)


def make_case(bytes_: int) -> Encounter:
    return Encounter("CASE", photos=(Photo("arm", np.zeros((1, bytes_ // 3, 3), np.uint8)),))


def test_steps_come_in_order_and_the_prediction_last() -> None:
    assert list(follow(Turns(), lambda: iter([HALF, ALL, DONE]), threading.Event())) == [HALF, ALL, DONE]


def test_what_predicting_raises_is_raised_where_it_is_followed() -> None:
    def predict() -> Iterator[Step | Prediction]:
        yield HALF
        raise ModelError("the model failed")

    turns = Turns()
    with pytest.raises(ModelError, match="the model failed"):
        list(follow(turns, predict, threading.Event()))
    wait_until_empty(turns)


def wait_until_empty(turns: Turns) -> None:
    """Take a turn: nobody holds it any more, or the test fails."""
    with turns.take(stop=timer(10)):
        assert len(turns) == 1


def timer(seconds: float) -> threading.Event:
    """Return an event that is set after so long: an end to a wait that would have none."""
    event = threading.Event()
    late = threading.Timer(seconds, event.set)
    late.daemon = True
    late.start()
    return event


def test_a_stopped_analysis_ends_at_its_next_step() -> None:
    stops = Stops()
    stops.renew("mine")
    sign = stops.sign("mine")
    went_on = threading.Event()

    def predict() -> Iterator[Step | Prediction]:
        yield HALF
        stops.stop("mine", by_reader=True)
        yield ALL
        went_on.set()
        yield DONE

    with pytest.raises(StoppedError):
        list(follow(Turns(), predict, sign))
    assert not went_on.is_set()


def test_who_follows_no_longer_has_stopped_it() -> None:
    turns, sign, seen = Turns(), threading.Event(), threading.Event()
    went_on = threading.Event()

    def predict() -> Iterator[Step | Prediction]:
        yield HALF
        seen.wait(10)
        yield ALL
        went_on.set()
        yield DONE

    events = follow(turns, predict, sign)
    assert next(events) == HALF
    events.close()  # type: ignore[attr-defined]
    seen.set()
    wait_until_empty(turns)
    assert sign.is_set() and not went_on.is_set()


def test_one_inference_runs_at_a_time_and_the_others_are_told_how_many_come_first() -> None:
    turns, go = Turns(), threading.Event()
    running: list[int] = []

    def predict(number: int) -> Iterator[Step | Prediction]:
        running.append(number)
        yield HALF
        go.wait(10)
        yield DONE

    first = follow(turns, lambda: predict(1), threading.Event())
    assert next(first) == HALF
    second = follow(turns, lambda: predict(2), threading.Event())
    assert next(second) == Queued(1)
    third = follow(turns, lambda: predict(3), threading.Event())
    assert next(third) == Queued(2)
    assert running == [1]
    go.set()
    assert list(first) == [DONE]
    assert list(second) == [HALF, DONE]
    told = list(third)
    assert told[-2:] == [HALF, DONE] and set(told[:-2]) <= {Queued(1)}
    assert running == [1, 2, 3]


def test_who_waits_can_stop_and_leaves_the_line() -> None:
    turns, stop = Turns(), threading.Event()
    with turns.take():
        waiting = follow(turns, lambda: iter([DONE]), stop)
        assert next(waiting) == Queued(1)
        stop.set()
        with pytest.raises(StoppedError):
            list(waiting)
    wait_until_empty(turns)


def test_an_analysis_that_is_stopped_before_its_turn_never_begins() -> None:
    stops = Stops()
    stops.renew("mine")
    stops.stop("mine", by_reader=True)
    asked = threading.Event()

    def predict() -> Iterator[Step | Prediction]:
        yield HALF
        asked.set()
        yield DONE

    with pytest.raises(StoppedError):
        list(follow(Turns(), predict, stops.sign("mine")))
    assert not asked.is_set()


def test_a_new_analysis_stops_the_one_before_it_of_the_same_session_only() -> None:
    stops = Stops()
    stops.renew("mine")
    stops.renew("other")
    mine, other = stops.sign("mine"), stops.sign("other")
    stops.renew("mine")
    assert mine.is_set() and not other.is_set() and not stops.sign("mine").is_set()


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

    def load() -> FakePredictor:
        go.wait(10)
        return FakePredictor()

    source = PredictorSource(load)
    source.start()
    states = [source.state]
    assert source.models == {} and not source.wait(0.01)
    go.set()
    assert source.get().predict(Encounter("CASE")).encounter_id == "CASE"
    states.append(source.state)
    assert states == ["loading", "ready"]
    assert source.models == FakePredictor.models


def test_who_waits_for_models_can_stop() -> None:
    source = PredictorSource(FakePredictor)
    with pytest.raises(StoppedError):
        source.get(timer(0.01))


def test_a_checkpoint_that_is_missing_is_one_line() -> None:
    def load() -> FakePredictor:
        raise CheckpointError("nowhere: no such folder")

    source = PredictorSource(load)
    source.start()
    with pytest.raises(CheckpointError, match="nowhere: no such folder"):
        source.get()
    assert source.state == "failed" and source.problem == "nowhere: no such folder"


def test_open_cases_are_found_by_their_secret_only() -> None:
    cases = OpenCases()
    one, two = cases.open(make_case(30)), cases.open(make_case(30), example=True)
    assert one.open_id != two.open_id and len(one.open_id) >= 16
    assert cases.get(one.open_id) is one
    assert cases.get(None) is None and cases.get("guess") is None
    cases.close(one.open_id)
    cases.close("guess")
    assert cases.get(one.open_id) is None and len(cases) == 1


def test_the_case_used_longest_ago_is_closed_when_there_are_too_many() -> None:
    cases = OpenCases(max_cases=2)
    first, second = cases.open(make_case(30)), cases.open(make_case(30))
    cases.get(first.open_id)
    cases.open(make_case(30))
    assert cases.get(second.open_id) is None and cases.get(first.open_id) is first


def test_memory_is_bounded_but_the_newest_case_stays() -> None:
    cases = OpenCases(max_bytes=3000)
    old = cases.open(make_case(2400))
    huge = cases.open(make_case(9000))
    assert cases.get(old.open_id) is None and cases.get(huge.open_id) is huge


def test_a_photo_that_many_readers_look_at_counts_once_and_goes_with_the_last_of_them() -> None:
    cases = OpenCases(max_bytes=20_000)
    shared = make_case(9000)
    many = [cases.open(shared, queued=True) for _ in range(100)]
    assert len(cases) == 100
    cases.open(make_case(9000), queued=True)
    assert len(cases) == 101, "two photos of 9000 bytes fit"
    newest = cases.open(make_case(9000), queued=True)
    assert all(cases.get(case.open_id) is None for case in many), (
        "room for the third comes with the last of them"
    )
    assert len(cases) == 2 and cases.get(newest.open_id) is newest


def test_what_was_made_of_the_photos_counts_and_goes_before_a_case_does() -> None:
    cases = OpenCases(max_bytes=30_000)
    old, new = cases.open(make_case(2400)), cases.open(make_case(2400))
    for case in (old, new):
        case.cache.get("features", lambda: np.zeros(20_000, np.uint8))
        cases.keep_analysis(case.open_id, case.encounter, DONE)
    assert cases.get(old.open_id) is not None and old.cache.bytes == 0
    assert new.cache.bytes > 20_000 and 20_000 < new.bytes < 30_000


def test_what_was_made_of_the_photos_stays_when_one_is_added_and_goes_with_the_case() -> None:
    cases = OpenCases()
    case = cases.open(make_case(30))
    case.cache.get("features", lambda: np.zeros(9, np.uint8))
    changed = cases.add_photos(case.open_id, make_case(60).photos)
    assert changed is not None and changed.cache is case.cache
    cases.close(case.open_id)
    again = cases.open(make_case(30))
    assert again.cache.bytes == 0


def test_a_photo_that_was_changed_leaves_nothing_of_the_one_before() -> None:
    cases = OpenCases()
    case = cases.open(make_case(30))
    case.cache.get(("features", case.encounter.photos[0]), lambda: np.zeros(9, np.uint8))
    changed = cases.put_photo(case.open_id, Photo("arm", np.ones((1, 10, 3), np.uint8)))
    assert changed is not None and changed.cache is not case.cache and changed.cache.bytes == 0


def test_photos_are_added_to_an_open_case_and_its_analysis_is_no_longer_of_it() -> None:
    cases = OpenCases()
    case = cases.open(make_case(30))
    cases.keep_analysis(case.open_id, case.encounter, DONE)
    kept = cases.get(case.open_id)
    assert kept is not None and kept.analysed is not None and kept.analysed.prediction is DONE
    changed = cases.add_photos(case.open_id, make_case(30).photos)
    assert changed is not None and changed.analysed is None and changed.bytes == 60
    cases.close(case.open_id)
    cases.keep_analysis(case.open_id, case.encounter, DONE)
    assert cases.add_photos(case.open_id, make_case(30).photos) is None and len(cases) == 0
