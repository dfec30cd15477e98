"""What happens on the page's events, with a predictor that writes down what it is asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from magic_demo.bundled import Example, load_examples
from magic_demo.decoding import decode_answers
from magic_demo.errors import ModelError
from magic_demo.feature_cache import FeatureCache
from magic_demo.mask_runs import decode_mask
from magic_demo.questions import load_families
from magic_demo.types import Encounter, Explanation, Language, MaskRuns, Narrative, PhotoPrediction, Prediction, Step, WordSpan
from magic_demo.ui import Desk, PredictorSource, launch_settings, lay_out_page
from magic_demo.ui.forms import MAX_PROMPT
from magic_demo.ui.handlers import Handlers
from magic_demo.ui.mask_form import write_runs
from magic_demo.ui.review_handlers import ReviewHandlers
from magic_demo.ui.review_state import ReviewState
from magic_demo.ui.saving import Saver
from magic_demo.ui.status import fixed_line, render_status
from magic_demo.ui.viewer import EMPTY
from magic_demo.ui.why import CLOSED

REQUEST = SimpleNamespace(session_hash="mine")


class WritingPredictor:
    """Finds a lesion everywhere, answers the same always, and keeps what it was asked."""

    models: Mapping[str, str] = {"segmentation": "written", "cvqa": "written"}
    backends: Mapping[str, str] = {"segmentation": "bfloat16"}
    calibrated_on: Mapping[str, str] = {"cvqa": "three <cases>"}

    def __init__(self) -> None:
        self.asked: list[tuple[Encounter, str | None, Language]] = []
        self.caches: list[FeatureCache | None] = []
        self.explained: list[tuple[str | None, FeatureCache | None]] = []
        self.on_step: Callable[[], None] = lambda: None

    def predict(self, encounter: Encounter) -> Prediction:
        *_, prediction = self.predict_steps(encounter)
        assert isinstance(prediction, Prediction)
        return prediction

    def predict_steps(
        self, encounter: Encounter, *, prompt: str | None = None, language: Language = "en", cache: FeatureCache | None = None
    ) -> Iterator[Step | Prediction]:
        self.asked.append((encounter, prompt, language))
        self.caches.append(cache)
        self.on_step()
        maps = tuple(PhotoPrediction(photo.photo_id, np.ones((4, 4), np.float32), photo.size) for photo in encounter.photos)
        for number in range(len(maps)):
            found = Prediction(encounter.encounter_id, maps[:number])
            yield Step(number / (len(maps) + 1), f"Finding the lesion in photo {number + 1} of {len(maps)}", found)
        yield Step(0.9, "Scoring the closed questions", Prediction(encounter.encounter_id, maps))
        questions = [question for family in load_families() for question in family.questions]
        scores = {question.qid: np.zeros(question.option_count, np.float32) for question in questions}
        yield Prediction(encounter.encounter_id, maps, scores, decode_answers(scores, load_families()), models=self.models)

    def explain(
        self,
        encounter: Encounter,
        prediction: Prediction,
        family_id: str,
        option: int,
        *,
        prompt: str | None = None,
        language: Language = "en",
        cache: FeatureCache | None = None,
    ) -> Explanation:
        self.explained.append((prompt, cache))
        regions = {photo.photo_id: np.ones((4, 4), np.float32) for photo in encounter.photos}
        return Explanation(family_id, option, language, (WordSpan(0, 4, 1.0),), regions)


def lay_out(predictor: WritingPredictor, examples: Sequence[Example] = ()) -> tuple[gr.Blocks, Handlers]:
    """Lay out the page inside a running event loop: outside of one Gradio makes loops that nobody closes."""
    source = PredictorSource(lambda: predictor)
    source.start()
    source.wait(10)

    async def lay() -> tuple[gr.Blocks, Handlers]:
        return lay_out_page(source, examples)

    return asyncio.run(lay())


def reviewing(handlers: Handlers) -> ReviewHandlers:
    """Return what answers cards and outlines on a page that keeps no reviews."""
    desk = Desk()
    return ReviewHandlers(handlers, ReviewState(handlers, desk, Saver(desk, handlers.drafts, handlers.cases)))


@pytest.fixture
def predictor() -> WritingPredictor:
    return WritingPredictor()


@pytest.fixture
def handlers(predictor: WritingPredictor) -> Handlers:
    return lay_out(predictor, load_examples())[1]


class Browser:
    """The values a browser would hold: what handlers send is kept, and comes back as inputs."""

    def __init__(self, handlers: Handlers, language: Language = "en") -> None:
        self.handlers, self.parts = handlers, handlers.parts
        panel = self.parts.panel
        self.values: dict[Any, Any] = {
            self.parts.case: None,
            self.parts.spoken: language,
            panel.narrative: "",
            panel.prompt: "",
        }
        self.run_enabled: list[bool] = []
        self.maps_seen: list[list[str]] = []
        self.found: list[str] = []

    def take(self, updates: dict[Any, Any]) -> None:
        for component, value in updates.items():
            if isinstance(value, dict) and value.get("__type__") == "update":
                if component is self.parts.panel.run and "interactive" in value:
                    self.run_enabled.append(value["interactive"])
                if component is self.parts.viewer and "found" in value:
                    self.show_maps(value["found"])
                continue
            self.values[component] = value

    def show_maps(self, lines: str) -> None:
        """Take the maps that have come, as the viewer does."""
        viewer = self.values[self.parts.viewer]
        found, *rest = (json.loads(line) for line in lines.splitlines())
        maps = {line["photo"]: line["levels"] for line in rest if "photo" in line}
        assert found["case"] == viewer["case"] and set(maps) <= {photo["name"] for photo in viewer["photos"]}
        photos = [{**photo, "levels": maps.get(photo["name"])} for photo in viewer["photos"]]
        self.values[self.parts.viewer] = {**viewer, "photos": photos}
        self.maps_seen.append(list(maps))
        self.found.append(lines)

    def choose(self, number: object) -> None:
        self.take(self.handlers.choose_example(self.values, gr.EventData(None, {"number": number}), REQUEST))  # type: ignore[arg-type]

    def upload(self, *files: Path) -> None:
        keys = [self.handlers.arrivals.take(file.name, file.read_bytes()) for file in files]
        event = gr.EventData(None, {"photos": keys, "problems": []})
        self.take(self.handlers.upload(self.values, event, REQUEST))  # type: ignore[arg-type]

    def clear(self) -> None:
        self.take(self.handlers.clear(self.values, REQUEST))  # type: ignore[arg-type]

    def analyse(self) -> list[str]:
        """Run to the end; return the status lines that came."""
        self.take(self.handlers.ask(REQUEST))  # type: ignore[arg-type]
        lines = [str(self.values[self.parts.status])]
        for updates in self.handlers.analyse(self.values, REQUEST):  # type: ignore[arg-type]
            self.take(updates)
            lines.append(str(updates.get(self.parts.status, "")))
        return lines


@pytest.fixture
def browser(handlers: Handlers) -> Browser:
    return Browser(handlers)


def save_photo(folder: Path, name: str = "arm.png") -> Path:
    path = folder / name
    Image.fromarray(np.full((40, 60, 3), 120, np.uint8)).save(path)
    return path


def test_an_example_is_opened_and_analysed_with_both_its_narratives(browser: Browser, predictor: WritingPredictor) -> None:
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


def test_maps_come_one_by_one_and_no_photo_is_sent_again(browser: Browser, predictor: WritingPredictor) -> None:
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
    assert "photo 2 of 3" in updates[1][browser.parts.status], "the first map comes while the second photo is looked at"
    assert browser.parts.cards in updates[4] and browser.parts.cards not in updates[3], "the maps come before the answers"
    assert not any(text in repr(update) for update in updates for text in sent)
    assert all(after.startswith(before) for before, after in pairwise(browser.found)), "Gradio sends what was added only"
    assert [photo["src"] for photo in browser.values[browser.parts.viewer]["photos"]] == sent


def test_what_the_models_made_of_a_case_is_kept_with_it_and_serves_the_reasons(browser: Browser, predictor: WritingPredictor) -> None:
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


def test_an_analysis_waits_for_its_turn_and_says_how_many_come_first(browser: Browser, predictor: WritingPredictor) -> None:
    browser.choose(0)
    browser.handlers.ask(REQUEST)  # type: ignore[arg-type]
    with browser.handlers.source.turns.take():
        analysis = browser.handlers.analyse(browser.values, REQUEST)  # type: ignore[arg-type]
        browser.take(next(analysis))
        assert "1 reader before you" in browser.values[browser.parts.status] and predictor.asked == []
        browser.handlers.stop(REQUEST)  # type: ignore[arg-type]
        for updates in analysis:
            browser.take(updates)
    assert "Stopped" in browser.values[browser.parts.status] and predictor.asked == [] and browser.run_enabled[-1]


def test_changed_words_and_a_prompt_are_what_the_models_get(browser: Browser, predictor: WritingPredictor) -> None:
    browser.choose(0)
    browser.values[browser.parts.panel.narrative] = "又红又痒"
    browser.values[browser.parts.panel.prompt] = " red patch "
    browser.analyse()
    assert predictor.asked[0][0].narrative == Narrative(zh="又红又痒")
    assert predictor.asked[0][1] == "red patch"


@pytest.mark.parametrize("number", [-1, 99, "0", None, 1.5])
def test_an_example_that_does_not_exist_is_refused(browser: Browser, number: object) -> None:
    with pytest.raises(gr.Error):
        browser.choose(number)


def test_photos_are_added_to_the_case_and_bad_ones_named(browser: Browser, tmp_path: Path) -> None:
    browser.upload(save_photo(tmp_path))
    bad = tmp_path / "bad.jpg"
    bad.write_text("no photo")
    browser.upload(bad, save_photo(tmp_path))
    assert [photo["name"] for photo in browser.values[browser.parts.viewer]["photos"]] == ["arm", "arm (2)"]
    assert "bad.jpg" in browser.values[browser.parts.panel.messages]
    assert len(browser.handlers.cases) == 1


def test_what_was_sent_is_opened_once_the_bad_and_the_many_too(browser: Browser, tmp_path: Path) -> None:
    bad = tmp_path / "bad.jpg"
    bad.write_text("no photo")
    arm = save_photo(tmp_path)
    browser.upload(arm, arm, bad, *(save_photo(tmp_path, f"{number}.png") for number in range(20)))
    assert len(browser.handlers.arrivals) == 0
    names = [photo["name"] for photo in browser.values[browser.parts.viewer]["photos"]]
    assert names[:2] == ["arm", "arm (2)"] and "bad.jpg" in browser.values[browser.parts.panel.messages]


def test_a_photo_of_ones_own_begins_a_case_of_ones_own(browser: Browser, tmp_path: Path) -> None:
    browser.choose(1)
    browser.upload(save_photo(tmp_path))
    assert [photo["name"] for photo in browser.values[browser.parts.viewer]["photos"]] == ["arm"]
    assert not browser.values[browser.parts.viewer]["synthetic"]
    assert browser.values[browser.parts.panel.narrative] == ""


def test_a_case_that_is_no_longer_open_is_said_to_be(browser: Browser, predictor: WritingPredictor) -> None:
    browser.choose(0)
    browser.handlers.cases.close(browser.values[browser.parts.case])
    lines = browser.analyse()
    assert "no longer open" in lines[-1] and predictor.asked == []


def test_nothing_to_analyse_asks_no_model(browser: Browser, predictor: WritingPredictor) -> None:
    assert "Add a photo" in browser.analyse()[-1]
    assert predictor.asked == [] and browser.run_enabled[-1]


def test_stopping_keeps_the_page_usable(browser: Browser, predictor: WritingPredictor) -> None:
    browser.choose(0)
    predictor.on_step = lambda: browser.handlers.stop(REQUEST)  # type: ignore[arg-type]
    assert "Stopped" in browser.analyse()[-1]
    assert browser.run_enabled[-1] and browser.values[browser.parts.cards]["state"] == "waiting"


def test_a_new_case_does_not_get_the_result_of_the_old_one(browser: Browser, predictor: WritingPredictor) -> None:
    browser.choose(0)
    predictor.on_step = browser.clear
    lines = browser.analyse()
    assert "Stopped" in lines[-1] and browser.run_enabled[-1]
    assert browser.values[browser.parts.viewer] == EMPTY and browser.values[browser.parts.cards]["state"] == "waiting"


def test_photos_added_during_an_analysis_are_not_hidden_by_its_result(
    browser: Browser, predictor: WritingPredictor, tmp_path: Path
) -> None:
    browser.upload(save_photo(tmp_path))
    predictor.on_step = lambda: browser.upload(save_photo(tmp_path, "leg.png"))
    assert "Stopped" in browser.analyse()[-1]
    assert [photo["name"] for photo in browser.values[browser.parts.viewer]["photos"]] == ["arm", "leg"]
    predictor.on_step = lambda: None
    assert "Done in" in browser.analyse()[-1]


def test_a_fault_of_the_program_leaves_the_page_usable_and_is_not_hidden(browser: Browser, predictor: WritingPredictor) -> None:
    def fault() -> None:
        raise ZeroDivisionError

    browser.choose(0)
    predictor.on_step = fault
    with pytest.raises(ZeroDivisionError):
        browser.analyse()
    assert "a fault of the program" in browser.values[browser.parts.status] and browser.run_enabled[-1]


def test_a_model_that_fails_is_one_line(browser: Browser, predictor: WritingPredictor) -> None:
    def fail() -> None:
        raise ModelError("out of <memory>")

    browser.choose(0)
    predictor.on_step = fail
    last = browser.analyse()[-1]
    assert "out of &lt;memory&gt;" in last and 'data-state="failed"' in last and browser.run_enabled[-1]


def test_a_new_case_forgets_the_old_one(browser: Browser) -> None:
    browser.choose(0)
    browser.clear()
    assert len(browser.handlers.cases) == 0
    assert browser.values[browser.parts.case] is None and browser.values[browser.parts.panel.narrative] == ""


def test_nobody_sees_anothers_case(handlers: Handlers) -> None:
    mine, other = Browser(handlers), Browser(handlers)
    mine.choose(0)
    other.choose(1)
    assert mine.values[mine.parts.case] != other.values[other.parts.case]
    assert len(handlers.cases) == 2
    other.clear()
    assert handlers.cases.get(mine.values[mine.parts.case]) is not None


def answer(browser: Browser, **told: object) -> dict[Any, Any]:
    event = gr.EventData(None, {"case": browser.values[browser.parts.case], **told})
    return reviewing(browser.handlers).answer(event, REQUEST)  # type: ignore[arg-type]


def ask_why(browser: Browser, **asked: object) -> dict[Any, Any]:
    told = {"case": browser.values[browser.parts.case], "family": "CQID025", "option": 0, "request": 1, "language": "en", **asked}
    return reviewing(browser.handlers).explain(browser.values, gr.EventData(None, told))


def test_answers_go_into_the_sessions_draft(browser: Browser) -> None:
    browser.choose(0)
    answer(browser, answers={"CQID025": [1], "CQID035": [1]}, specified={"CQID035": "about ten"})
    draft = browser.handlers.drafts.get("mine")
    assert draft is not None and draft.case == browser.values[browser.parts.case]
    assert draft.answers == {"CQID025-001": 1, "CQID035-001": 1} and draft.specified == {"CQID035-001": "about ten"}
    browser.analyse()
    assert browser.handlers.drafts.get("mine") == draft, "an analysis changes no answer"


def test_answers_that_cannot_be_are_one_line_and_change_nothing(browser: Browser) -> None:
    browser.choose(0)
    updates = answer(browser, answers={"CQID025": [9]})
    assert "CQID025: option 9" in updates[browser.parts.status]
    draft = browser.handlers.drafts.get("mine")
    assert draft is not None and draft.answers == {}


def test_answers_to_another_case_are_dropped(browser: Browser) -> None:
    browser.choose(0)
    answer(browser, case="another", answers={"CQID025": [1]})
    draft = browser.handlers.drafts.get("mine")
    assert draft is not None and draft.answers == {}
    browser.clear()
    answer(browser, answers={"CQID025": [1]})
    assert browser.handlers.drafts.get("mine") is None


def test_adding_a_photo_keeps_what_was_answered(browser: Browser, tmp_path: Path) -> None:
    browser.upload(save_photo(tmp_path))
    case = browser.values[browser.parts.case]
    answer(browser, answers={"CQID025": [1]})
    browser.upload(save_photo(tmp_path, "leg.png"))
    assert browser.values[browser.parts.case] == case == browser.values[browser.parts.cards]["case"]
    draft = browser.handlers.drafts.get("mine")
    assert draft is not None and draft.answers == {"CQID025-001": 1}


def test_words_alone_become_a_case_that_can_be_answered(browser: Browser) -> None:
    browser.values[browser.parts.panel.narrative] = "It itches"
    browser.analyse()
    case = browser.values[browser.parts.case]
    assert case is not None and browser.values[browser.parts.cards]["case"] == case
    answer(browser, answers={"CQID025": [0]})
    browser.analyse()
    assert browser.values[browser.parts.case] == case
    draft = browser.handlers.drafts.get("mine")
    assert draft is not None and draft.answers == {"CQID025-001": 0}


def test_an_outline_goes_into_the_draft_at_the_photos_own_size_and_can_be_taken_back(browser: Browser, tmp_path: Path) -> None:
    browser.upload(save_photo(tmp_path))
    mask = np.zeros((40, 60), np.bool_)
    mask[10:20, 5:30] = True
    told = {"case": browser.values[browser.parts.case], "photo": "arm", **write_runs(mask)}
    review = reviewing(browser.handlers)

    def drawn(**changed: object) -> Mapping[str, MaskRuns]:
        review.outline(browser.values, gr.EventData(None, {**told, **changed}), REQUEST)  # type: ignore[arg-type]
        draft = browser.handlers.drafts.get("mine")
        assert draft is not None
        return draft.masks

    assert np.array_equal(decode_mask(drawn()["arm"]), mask)
    assert set(drawn(photo="gone")) == set(drawn(case="another")) == {"arm"}
    updates = review.outline(browser.values, gr.EventData(None, {**told, "width": 7}), REQUEST)  # type: ignore[arg-type]
    assert "outline the photo again" in updates[browser.parts.status] and set(drawn(photo="gone")) == {"arm"}
    assert drawn(runs=None) == {}


def test_the_wand_answers_the_viewer(browser: Browser) -> None:
    browser.choose(0)
    photo = browser.values[browser.parts.viewer]["photos"][0]
    told = {"photo": photo["name"], "request": 3, "box": [0, 0, photo["width"], photo["height"]], "lesion": [], "skin": [], "radius": 5}
    reply = reviewing(browser.handlers).wand(browser.values, gr.EventData(None, told))[browser.parts.viewer]["wand_reply"]
    assert reply["request"] == 3 and (reply["width"], reply["height"]) == (photo["width"], photo["height"])


def test_why_is_said_of_what_was_analysed(browser: Browser) -> None:
    browser.choose(0)
    assert ask_why(browser)[browser.parts.why] == CLOSED, "nothing was analysed yet"
    browser.analyse()
    browser.values[browser.parts.panel.narrative] = "other words"
    why = ask_why(browser, option=1, request=5)[browser.parts.why]
    narrative = load_examples()[0].encounter.narrative.en
    assert (why["family"], why["option"], why["request"]) == ("CQID025", 1, 5)
    assert f">{narrative[:4]}</mark>" in why["html"]
    assert set(why["heat"]) == {photo.photo_id for photo in load_examples()[0].encounter.photos}
    assert "CQID025: option 9" in ask_why(browser, option=9)[browser.parts.status]
    assert ask_why(browser, case="another")[browser.parts.why] == CLOSED


def test_another_analysis_closes_the_pane(browser: Browser) -> None:
    browser.choose(0)
    browser.analyse()
    browser.values[browser.parts.why] = {"html": "<section>"}
    browser.analyse()
    assert browser.values[browser.parts.why] == CLOSED


def test_a_language_that_is_not_known_is_english(browser: Browser) -> None:
    for said, meant in (("zh", "zh"), ("xx", "en"), (None, "en")):
        browser.take(browser.handlers.speak(gr.EventData(None, {"language": said})))
        assert browser.values[browser.parts.spoken] == meant


def test_the_page_stops_asking_once_the_models_are_there(browser: Browser) -> None:
    loading = render_status("loading", fixed_line("status.loading"))
    updates = browser.handlers.look_for_models({browser.parts.status: loading})
    assert "Ready" in updates[browser.parts.status] and "written" in updates[browser.parts.top.about]
    assert "three &lt;cases&gt;" in updates[browser.parts.top.about] and "bfloat16" in updates[browser.parts.top.about]


def test_what_was_done_while_the_models_loaded_stays_in_the_status_line(browser: Browser) -> None:
    browser.choose(0)
    browser.analyse()
    updates = browser.handlers.look_for_models(browser.values)
    assert updates[browser.parts.status] == gr.skip() and "written" in updates[browser.parts.top.about]


def test_nothing_is_kept_in_the_browser_sent_away_or_shown_to_strangers() -> None:
    settings = launch_settings()
    assert settings["run_history"] is False and settings["enable_monitoring"] is False and settings["share"] is False
    assert settings["ssr_mode"] is False and settings["footer_links"] == []
    assert "http" not in settings["head"]
    app = lay_out(WritingPredictor())[0]
    assert app.analytics_enabled is False
    config = app.get_config_file()
    assert all(dependency["api_visibility"] == "private" for dependency in config["dependencies"])


def test_only_scripts_and_style_sheets_are_served() -> None:
    paths = [route.path for route in launch_settings()["app_kwargs"]["routes"]]
    assert "/page/viewer/viewer.js" in paths and "/page/theme.css" in paths
    assert all(path.endswith((".js", ".mjs", ".css")) for path in paths)


def test_the_prompts_control_takes_no_more_than_is_read() -> None:
    config = lay_out(WritingPredictor())[0].get_config_file()
    (prompt,) = (part["props"] for part in config["components"] if part["props"].get("elem_id") == "prompt")
    assert prompt["max_length"] == MAX_PROMPT


def test_every_control_has_an_id_of_its_own() -> None:
    config = lay_out(WritingPredictor(), load_examples())[0].get_config_file()
    shown = [part for part in config["components"] if part["type"] not in {"state", "timer", "form"}]
    ids = [part["props"].get("elem_id") for part in shown]
    assert all(ids) and len(set(ids)) == len(ids)
