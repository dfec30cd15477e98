"""What happens on the page's events, from opening a case to its analysis."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from magic_demo.core.errors import ModelError
from magic_demo.core.types import Language, Narrative
from magic_demo.page.events.handlers import Handlers
from magic_demo.page.panels.forms import MAX_PHOTOS
from magic_demo.page.panels.frame.status.status import render_source
from magic_demo.page.panels.viewer import EMPTY
from magic_demo.synthetic.bundled import Example, load_examples
from tests.support.fake_predictor import FakePredictor
from tests.support.stand_ins import stand_in_predictor
from tests.support.written_page import REQUEST, Browser, ask_why, lay_out, save_photo


def test_an_example_is_opened_and_analysed_with_both_its_narratives(
    browser: Browser, predictor: FakePredictor
) -> None:
    example: Example = load_examples()[1]
    browser.choose(1)
    assert browser.values[browser.parts.panel.narrative] == example.encounter.narrative.en
    assert all(photo["levels"] is None for photo in browser.values[browser.parts.viewer]["photos"])
    lines = browser.analyse()
    encounter, prompt, language = predictor.asked[0]
    assert len(predictor.asked) == 1 and prompt is None and language == "en"
    assert encounter.narrative == example.encounter.narrative and encounter.photos == example.encounter.photos
    assert all(photo["levels"] for photo in browser.values[browser.parts.viewer]["photos"])
    assert browser.values[browser.parts.cards]["state"] == "answered"
    assert any("Scoring the closed questions" in line for line in lines) and "Done in" in lines[-1]
    assert browser.run_enabled[-2:] == [False, True]
    assert browser.values[browser.parts.viewer]["synthetic"]


def test_maps_come_one_by_one_and_no_photo_is_sent_again(browser: Browser, predictor: FakePredictor) -> None:
    browser.choose(2)
    names = [photo["name"] for photo in browser.values[browser.parts.viewer]["photos"]]
    assert len(names) == 3
    sent = [photo["src"] for photo in browser.values[browser.parts.viewer]["photos"]]
    updates = []
    browser.handlers.ask(REQUEST)  # type: ignore[arg-type]
    for update in browser.handlers.analyse(browser.values, REQUEST):  # type: ignore[arg-type]
        browser.take(update)
        updates.append(update)
    assert browser.maps_seen == [[], names[:1], names[:2], names, names]
    assert "photo 2 of 3" in updates[1][browser.parts.status], (
        "the first map comes while the second photo is looked at"
    )
    assert browser.parts.cards in updates[4] and browser.parts.cards not in updates[3], (
        "the maps come before the answers"
    )
    assert not any(text in repr(update) for update in updates for text in sent)
    assert all(after.startswith(before) for before, after in pairwise(browser.found)), (
        "Gradio sends what was added only"
    )
    assert [photo["src"] for photo in browser.values[browser.parts.viewer]["photos"]] == sent


def test_what_the_models_made_of_a_case_is_kept_with_it_and_serves_the_reasons(
    browser: Browser, predictor: FakePredictor
) -> None:
    browser.choose(0)
    browser.values[browser.parts.panel.prompt] = "red patch"
    browser.analyse()
    case = browser.handlers.cases.get(browser.values[browser.parts.case])
    assert case is not None
    ask_why(browser)
    browser.analyse()
    assert predictor.caches == [case.cache] * 2 and predictor.explained == [("red patch", case.cache)]
    browser.choose(1)
    browser.analyse()
    assert predictor.caches[-1] is not case.cache


def test_an_analysis_that_a_newer_one_has_replaced_says_nothing_any_more(browser: Browser) -> None:
    browser.choose(1)
    older = browser.handlers.analyse(browser.values, REQUEST)  # type: ignore[arg-type]
    browser.take(next(older))
    browser.choose(0)
    before = browser.run_enabled.copy()
    for updates in older:
        browser.take(updates)
        assert updates[browser.parts.status] == gr.skip()
    assert browser.run_enabled == before, "the newer one can still be stopped"
    newer = list(browser.handlers.analyse(browser.values, REQUEST))  # type: ignore[arg-type]
    assert "Done in" in newer[-1][browser.parts.status]


def test_an_analysis_waits_for_its_turn_and_says_how_many_come_first(
    browser: Browser, predictor: FakePredictor
) -> None:
    browser.choose(0)
    browser.handlers.ask(REQUEST)  # type: ignore[arg-type]
    with browser.handlers.source.turns.take():
        analysis = browser.handlers.analyse(browser.values, REQUEST)  # type: ignore[arg-type]
        browser.take(next(analysis))
        assert "1 reader before you" in browser.values[browser.parts.status] and predictor.asked == []
        browser.handlers.stop(REQUEST)  # type: ignore[arg-type]
        for updates in analysis:
            browser.take(updates)
    assert (
        "Stopped" in browser.values[browser.parts.status]
        and predictor.asked == []
        and browser.run_enabled[-1]
    )


def test_changed_words_and_a_prompt_are_what_the_models_get(
    browser: Browser, predictor: FakePredictor
) -> None:
    browser.choose(0)
    browser.values[browser.parts.panel.narrative] = "又红又痒"
    browser.values[browser.parts.panel.prompt] = " red patch "
    browser.analyse()
    assert predictor.asked[0][0].narrative == Narrative(zh="又红又痒")
    assert predictor.asked[0][1] == "red patch"


@pytest.mark.parametrize("number", [-1, 99, "0", None, 1.5])
def test_an_example_that_does_not_exist_is_refused(browser: Browser, number: object) -> None:
    browser.choose(number)
    assert (
        "there is no such example" in str(browser.values[browser.parts.status])
        and browser.values[browser.parts.case] is None
    )


def test_photos_are_added_to_the_case_and_bad_ones_named(browser: Browser, tmp_path: Path) -> None:
    browser.upload(save_photo(tmp_path))
    bad = tmp_path / "bad.jpg"
    bad.write_text("no photo")
    browser.upload(bad, save_photo(tmp_path))
    assert [photo["name"] for photo in browser.values[browser.parts.viewer]["photos"]] == ["arm", "arm (2)"]
    assert "bad.jpg" in browser.values[browser.parts.panel.messages]
    assert "1 photo opened" in browser.values[browser.parts.status]
    assert len(browser.handlers.cases) == 1
    browser.upload(save_photo(tmp_path, "leg.png"))
    browser.analyse()
    assert "bad.jpg" in browser.values[browser.parts.panel.messages], "it stays as long as the case is open"
    assert "Faces and tattoos" in browser.values[browser.parts.panel.messages]
    browser.choose(0)
    assert "bad.jpg" not in browser.values[browser.parts.panel.messages]


def test_what_was_sent_is_opened_once_the_bad_and_the_many_too(browser: Browser, tmp_path: Path) -> None:
    bad = tmp_path / "bad.jpg"
    bad.write_text("no photo")
    arm = save_photo(tmp_path)
    browser.upload(arm, arm, bad, *(save_photo(tmp_path, f"{number}.png") for number in range(20)))
    assert len(browser.handlers.arrivals) == 0
    names = [photo["name"] for photo in browser.values[browser.parts.viewer]["photos"]]
    assert names[:2] == ["arm", "arm (2)"] and "bad.jpg" in browser.values[browser.parts.panel.messages]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_became_of_photos_that_were_sent_is_said_in_both_languages(
    handlers: Handlers, tmp_path: Path, language: Language
) -> None:
    browser = Browser(handlers, language)
    file = save_photo(tmp_path)
    keys = [handlers.arrivals.take(file.name, file.read_bytes()) for _ in range(MAX_PHOTOS + 1)]
    told = {
        "photos": [*keys, "gone", "gone too"],
        "lost": ["leg.png"],
        "reasons": ["it could not be sent; try again"],
    }
    browser.take(handlers.upload(browser.values, gr.EventData(None, told), browser.request))
    said = str(browser.values[browser.parts.panel.messages])
    assert f"{MAX_PHOTOS + 1} photos are too many" in said and f"共 {MAX_PHOTOS + 1} 张照片" in said
    assert "2 photos could not be held" in said and "有 2 张照片未能保留" in said
    assert "leg.png: it could not be sent" in said and "leg.png：无法发送" in said


def test_a_photo_of_ones_own_begins_a_case_of_ones_own(browser: Browser, tmp_path: Path) -> None:
    browser.choose(1)
    browser.upload(save_photo(tmp_path))
    assert [photo["name"] for photo in browser.values[browser.parts.viewer]["photos"]] == ["arm"]
    assert not browser.values[browser.parts.viewer]["synthetic"]
    assert browser.values[browser.parts.panel.narrative] == ""


def test_a_case_that_is_no_longer_open_is_said_to_be(browser: Browser, predictor: FakePredictor) -> None:
    browser.choose(0)
    browser.handlers.cases.close(browser.values[browser.parts.case])
    lines = browser.analyse()
    assert "no longer open" in lines[-1] and predictor.asked == []


def test_nothing_to_analyse_asks_no_model(browser: Browser, predictor: FakePredictor) -> None:
    assert "Add a photo" in browser.analyse()[-1]
    assert predictor.asked == [] and browser.run_enabled[-1]


def test_stopping_keeps_the_page_usable(browser: Browser, predictor: FakePredictor) -> None:
    browser.choose(0)
    predictor.before_first_step = lambda: browser.handlers.stop(REQUEST)  # type: ignore[arg-type]
    assert "Stopped" in browser.analyse()[-1]
    assert browser.run_enabled[-1] and browser.values[browser.parts.cards]["state"] == "waiting"


def test_a_new_case_does_not_get_the_result_of_the_old_one(
    browser: Browser, predictor: FakePredictor
) -> None:
    browser.choose(0)
    predictor.before_first_step = browser.clear
    browser.analyse()
    assert browser.values[browser.parts.status] == render_source(browser.handlers.source), (
        "what New case said is not written over"
    )
    assert (
        browser.run_enabled[-1]
        and browser.values[browser.parts.viewer] == EMPTY
        and browser.values[browser.parts.cards]["state"] == "waiting"
    )


def test_photos_added_during_an_analysis_are_not_hidden_by_its_result(
    browser: Browser, predictor: FakePredictor, tmp_path: Path
) -> None:
    browser.upload(save_photo(tmp_path))
    predictor.before_first_step = lambda: browser.upload(save_photo(tmp_path, "leg.png"))
    browser.analyse()
    assert "Stopped" not in browser.values[browser.parts.status] and browser.run_enabled[-1]
    assert [photo["name"] for photo in browser.values[browser.parts.viewer]["photos"]] == ["arm", "leg"]
    predictor.before_first_step = lambda: None
    assert "Done in" in browser.analyse()[-1]


def test_a_fault_of_the_program_leaves_the_page_usable_and_is_not_hidden(
    browser: Browser, predictor: FakePredictor
) -> None:
    def fault() -> None:
        raise ZeroDivisionError

    browser.choose(0)
    predictor.before_first_step = fault
    with pytest.raises(ZeroDivisionError):
        browser.analyse()
    assert "a fault of the program" in browser.values[browser.parts.status] and browser.run_enabled[-1]


def test_a_model_that_fails_is_one_line(browser: Browser, predictor: FakePredictor) -> None:
    def fail() -> None:
        raise ModelError("out of <memory>")

    browser.choose(0)
    predictor.before_first_step = fail
    last = browser.analyse()[-1]
    assert "out of &lt;memory&gt;" in last and 'data-state="failed"' in last and browser.run_enabled[-1]


def test_a_new_case_forgets_the_old_one(browser: Browser) -> None:
    browser.choose(0)
    browser.clear()
    assert len(browser.handlers.cases) == 0
    assert browser.values[browser.parts.case] is None and browser.values[browser.parts.panel.narrative] == ""


def test_nobody_sees_anothers_case(handlers: Handlers) -> None:
    mine, other = Browser(handlers), Browser(handlers, session="another")
    mine.choose(0)
    other.choose(1)
    assert mine.values[mine.parts.case] != other.values[other.parts.case]
    assert len(handlers.cases) == 2
    other.clear()
    assert handlers.cases.get(mine.values[mine.parts.case]) is not None


def test_a_language_that_is_not_known_is_english(browser: Browser) -> None:
    for said, meant in (("zh", "zh"), ("xx", "en"), (None, "en")):
        browser.take(browser.handlers.speak(gr.EventData(None, {"language": said}), browser.request))
        assert browser.values[browser.parts.spoken] == meant


def test_the_page_stops_asking_once_the_models_are_there(browser: Browser) -> None:
    updates = browser.handlers.look_for_models(browser.values)
    assert "Ready" in updates[browser.parts.status]["models"] and "fake" in updates[browser.parts.top.about]
    assert (
        "three &lt;cases&gt;" in updates[browser.parts.top.about]
        and "bfloat16" in updates[browser.parts.top.about]
    )


def test_what_was_done_while_the_models_loaded_stays_in_the_status_line(browser: Browser) -> None:
    browser.choose(0)
    browser.analyse()
    updates = browser.handlers.look_for_models(browser.values)
    assert "value" not in updates[browser.parts.status] and "fake" in updates[browser.parts.top.about]
    assert "Done in" in browser.values[browser.parts.status]


def test_the_prompts_field_is_there_only_where_the_model_reads_a_prompt(
    browser: Browser, predictor: FakePredictor
) -> None:
    prompt = browser.parts.panel.prompt
    assert prompt.visible == "hidden", "before the models are loaded"
    update = browser.handlers.look_for_models(browser.values)[prompt]
    assert update["visible"] is True and "red patch" in update["placeholder"]
    predictor.reads_prompt = False
    assert browser.handlers.look_for_models(browser.values)[prompt]["visible"] == "hidden"
    update = browser.handlers.speak(gr.EventData(None, {"language": "zh"}), browser.request)[prompt]
    assert update["visible"] == "hidden"


def test_why_an_analysis_failed_stays_with_the_case_until_one_comes_to_something(
    browser: Browser, predictor: FakePredictor
) -> None:
    def fail() -> None:
        raise ModelError("the model has run out of memory")

    browser.choose(0)
    predictor.before_first_step = fail
    browser.analyse()
    assert "out of memory" in browser.values[browser.parts.status]
    assert "out of memory" in browser.values[browser.parts.panel.messages], (
        "the next save has the status line for itself"
    )
    predictor.before_first_step = lambda: None
    browser.analyse()
    assert "out of memory" not in browser.values[browser.parts.panel.messages]


def test_an_analysis_writes_no_word_of_the_patients_and_no_files_name_to_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("INFO")
    planted = "plantedtrace"
    browser = Browser(lay_out(stand_in_predictor())[1])  # type: ignore[arg-type]
    black = tmp_path / f"{planted} black.png"
    Image.fromarray(np.zeros((48, 64, 3), np.uint8)).save(black)
    browser.upload(save_photo(tmp_path, f"{planted} arm.png"), black)  # the second one makes a model fail
    browser.values[browser.parts.panel.narrative] = f"{planted} itches for two weeks"
    browser.values[browser.parts.panel.prompt] = f"{planted} patch"
    assert (
        "not everything worked" in browser.analyse()[-1]
        and "nothing but black" in browser.values[browser.parts.panel.messages]
    )
    ask_why(browser)
    browser.values[browser.parts.panel.narrative] = "fail"  # now the other model does
    browser.analyse()
    written = capfd.readouterr()
    assert planted not in caplog.text + written.out + written.err
