"""What a reader does in the first minutes, in a real browser with the models that come along."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from magic_demo.core.types import Encounter, Narrative
from magic_demo.files.photos.reading import read_photo
from magic_demo.imaging.overlay import lesion_mask
from magic_demo.models.loading.predictors import load_predictor
from magic_demo.questions.families import load_families
from magic_demo.synthetic.bundled import load_examples
from tests.e2e.conftest import Watched
from tests.e2e.driving import (
    analyse,
    canvas_pixels,
    mask_on_canvas,
    open_example,
    page_mask,
    set_slider,
    upload,
    view,
)

STORY = "I have had an itchy red patch on my left forearm for three weeks."


@pytest.fixture(scope="module")
def photo_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a small photo file with a lesion, synthetic."""
    path = tmp_path_factory.mktemp("photos") / "left arm.png"
    small = Image.fromarray(load_examples()[0].encounter.photos[0].pixels)
    small.thumbnail((400, 400))
    small.save(path)
    return path


def test_a_photo_is_uploaded_and_analysed_and_the_page_shows_what_the_predictor_gives(
    watched: Watched, photo_file: Path
) -> None:
    upload(watched, photo_file)
    watched.page.wait_for_selector("#photo-strip-list .thumb")
    watched.page.fill("#narrative textarea", STORY)
    analyse(watched)
    assert [card.get_attribute("data-family") for card in watched.page.query_selector_all(".card")] == [
        family.family_id for family in load_families()
    ]
    assert watched.page.locator(".row.is-model").count() >= 9
    assert watched.page.locator("#viewer-name").inner_text() == "left arm"
    assert not watched.page.locator("#viewer-synthetic").is_visible()
    assert "%" in watched.page.locator("#viewer-area-value").inner_text()
    photo = read_photo(photo_file)
    prediction = load_predictor().predict(Encounter("CASE", Narrative(en=STORY), (photo,)))
    assert np.array_equal(
        page_mask(watched), lesion_mask(prediction.photos[0].probability, photo.size, prediction.threshold)
    )
    for family in load_families():
        held = {prediction.answers[question.qid] for question in family.questions}
        chosen = watched.page.locator(f"#card-{family.family_id.lower()} .row.is-model")
        shown = {int(row.get_attribute("data-option") or -1) for row in chosen.all()}
        assert shown == (held - {family.not_mentioned} or held)


def test_the_mask_is_drawn_inside_and_nowhere_else(emptied: Watched) -> None:
    open_example(emptied, 3)
    set_slider(emptied, "threshold", 0.3)
    mask = page_mask(emptied)
    assert mask.any(), "the example's lesion is found"
    emptied.page.click("#viewer-mode-none")
    bare = canvas_pixels(emptied)
    emptied.page.click("#viewer-mode-fill")
    filled = canvas_pixels(emptied)
    inside, outside = mask_on_canvas(emptied, mask, bare.shape[:2])
    changed = np.abs(filled - bare).max(axis=2)
    assert inside.sum() > 100
    assert (changed[inside] > 8).mean() > 0.99
    assert changed[outside].max() == 0
    emptied.page.click("#viewer-mode-outline")
    outlined = np.abs(canvas_pixels(emptied) - bare).max(axis=2)
    assert (outlined > 60).any(), "an outline is drawn as well: colour is not the only sign"
    emptied.page.click("#viewer-mode-heat")
    assert (np.abs(canvas_pixels(emptied) - bare).max(axis=2)[inside] > 8).mean() > 0.9


def test_a_browser_six_times_slower_shows_every_answer_and_the_outline_under_done(emptied: Watched) -> None:
    page = emptied.page
    processor = page.context.new_cdp_session(page)
    processor.send("Emulation.setCPUThrottlingRate", {"rate": 6})
    try:
        open_example(emptied, 3)
        page.wait_for_function("document.querySelectorAll('.card:has(.row.is-model)').length === 9")
        page.wait_for_function("document.querySelector('#viewer-stage').viewer.mask()?.data.includes(1)")
    finally:
        processor.send("Emulation.setCPUThrottlingRate", {"rate": 1})
        processor.detach()
    page.click("#viewer-mode-outline")
    outlined = canvas_pixels(emptied)
    page.click("#viewer-mode-none")
    assert (np.abs(canvas_pixels(emptied) - outlined).max(axis=2) > 60).any()
    page.click("#viewer-mode-outline")


def test_sliders_switching_and_zooming_never_call_the_server(emptied: Watched) -> None:
    open_example(emptied, 3)
    page = emptied.page
    page.wait_for_timeout(300)
    before = len(emptied.calls())
    areas = []
    for threshold in (0.1, 0.5, 0.9):
        set_slider(emptied, "threshold", threshold)
        areas.append(int(page_mask(emptied).sum()))
    assert areas[0] > areas[1] > areas[2] or areas[0] > areas[2]
    set_slider(emptied, "opacity", 0.8)
    for mode in ("both", "fill", "heat", "none", "outline"):
        page.click(f"#viewer-mode-{mode}")
    page.click("#viewer-zoom-in")
    page.click("#viewer-fit")
    page.wait_for_timeout(300)
    assert len(emptied.calls()) == before


def test_photos_of_a_case_are_switched_at_once_by_strip_and_by_key(emptied: Watched) -> None:
    open_example(emptied, 7)
    page = emptied.page
    count = len(load_examples()[7].encounter.photos)
    assert count > 1 and page.locator("#photo-strip-list .thumb").count() == count
    assert page.locator("#viewer-synthetic").is_visible()
    names = [page.locator("#viewer-name").inner_text()]
    before = len(emptied.calls())
    page.click('#photo-strip-list [data-photo="1"]')
    names.append(page.locator("#viewer-name").inner_text())
    page.keyboard.press("[")
    assert page.locator("#viewer-name").inner_text() == names[0] != names[1]
    page.keyboard.press("ArrowRight")
    assert page.locator("#viewer-name").inner_text() == names[1]
    assert page.get_attribute('#photo-strip-list [data-photo="1"]', "aria-pressed") == "true"
    assert len(emptied.calls()) == before


def test_wheel_zooms_to_the_pointer_drag_moves_and_double_click_fits(emptied: Watched) -> None:
    open_example(emptied, 0)
    page = emptied.page
    box = page.locator("#viewer-stage").bounding_box()
    assert box is not None
    fitted = view(emptied)
    point = (box["width"] * 0.55, box["height"] * 0.5)
    page.mouse.move(box["x"] + point[0], box["y"] + point[1])
    page.mouse.wheel(0, -400)
    page.wait_for_function(
        f"document.querySelector('#viewer-stage').viewer.state.view.scale > {fitted['scale'] * 1.2}"
    )
    zoomed = view(emptied)
    under = [
        ((point[i] - now[axis]) / now["scale"]) for now in (fitted, zoomed) for i, axis in enumerate("xy")
    ]
    assert under[:2] == pytest.approx(under[2:], abs=1.0)
    page.mouse.down()
    page.mouse.move(box["x"] + point[0] + 40, box["y"] + point[1] + 25)
    page.mouse.up()
    moved = view(emptied)
    assert (moved["x"] - zoomed["x"], moved["y"] - zoomed["y"]) == pytest.approx((40, 25), abs=1.5)
    page.mouse.dblclick(box["x"] + point[0], box["y"] + point[1])
    assert view(emptied)["scale"] == pytest.approx(fitted["scale"])


def test_holding_h_hides_everything_but_not_while_typing(emptied: Watched) -> None:
    open_example(emptied, 3)
    page = emptied.page
    set_slider(emptied, "threshold", 0.3)
    page.click("#viewer-mode-none")
    bare = canvas_pixels(emptied)
    page.click("#viewer-mode-outline")
    marked = canvas_pixels(emptied)
    assert (marked != bare).any()
    page.keyboard.down("h")
    assert (canvas_pixels(emptied) == bare).all()
    page.keyboard.up("h")
    assert (canvas_pixels(emptied) == marked).all()
    page.focus("#narrative textarea")
    page.keyboard.down("h")
    assert (canvas_pixels(emptied) == marked).all()
    page.keyboard.up("h")


def test_switching_the_language_keeps_photo_words_and_results(emptied: Watched) -> None:
    open_example(emptied, 1)
    page = emptied.page
    assert page.locator("#prompt").is_hidden(), "the shipped model reads no prompt"
    set_slider(emptied, "threshold", 0.37)
    words = page.input_value("#narrative textarea")
    chosen = page.locator(".row.is-model .row-score").all_inner_texts()
    mask = page_mask(emptied)
    page.click("#language-zh")
    page.wait_for_function("document.querySelector('#run').innerText.includes('分析')")
    assert page.locator("#card-cqid010 h3").inner_text() == "范围"
    assert "仅供研究使用" in page.locator("#status").inner_text()
    assert page.get_attribute("html", "lang") == "zh"
    assert page.input_value("#narrative textarea") == words
    assert page.locator(".row.is-model .row-score").all_inner_texts() == chosen
    assert page.input_value("#viewer-threshold") == "0.37"
    assert np.array_equal(page_mask(emptied), mask)
    page.click("#language-en")
    page.wait_for_function("document.querySelector('#run').innerText.includes('Analyse')")
    assert page.locator("#card-cqid010 h3").inner_text() == "Extent"


def test_a_chinese_page_offers_the_example_in_chinese(emptied: Watched) -> None:
    emptied.page.click("#language-zh")
    emptied.page.wait_for_function("document.querySelector('#run').innerText.includes('分析')")
    open_example(emptied, 0)
    assert emptied.page.input_value("#narrative textarea") == load_examples()[0].encounter.narrative.zh


def test_a_file_dropped_on_the_page_is_held_until_the_reader_says_that_it_may_be_used(
    watched: Watched, photo_file: Path
) -> None:
    watched.page.evaluate(
        """(data) => { const transfer = new DataTransfer();
        transfer.items.add(new File([Uint8Array.from(atob(data), (one) => one.charCodeAt(0))], "dropped.png", { type: "image/png" }));
        document.querySelector("#viewer-stage").dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true })); }""",
        base64.b64encode(photo_file.read_bytes()).decode(),
    )
    watched.page.wait_for_selector("#consent-asked")
    assert watched.page.evaluate("document.activeElement.id") == "consent-given"
    assert not [url for url in watched.calls() if "/photos" in url], (
        "nothing is sent before the reader says that it may be"
    )
    watched.page.keyboard.press("Space")
    watched.page.wait_for_selector("#photo-strip-list .thumb")
    assert watched.page.locator("#viewer-name").inner_text() == "dropped"
    assert (
        not watched.page.locator("#consent").is_visible()
        and watched.page.evaluate("document.activeElement.id") == "add-photos"
    )


def test_bad_files_are_one_line_each_and_the_good_one_goes_on(
    emptied: Watched, photo_file: Path, tmp_path: Path
) -> None:
    text_file = tmp_path / "notes.jpg"
    text_file.write_text("not a photo")
    heic = tmp_path / "phone.heic"
    heic.write_bytes(b"\x00\x00\x00\x18ftypheic" + bytes(64))
    script = tmp_path / "<img src=x onerror=alert(1)>.jpg"
    script.write_text("not a photo either")
    upload(emptied, text_file, photo_file, heic, script)
    emptied.page.wait_for_selector(".message.is-problem")
    problems = emptied.page.locator(".message.is-problem").all_inner_texts()
    assert len(problems) == 3
    assert "notes.jpg" in problems[0] and "JPEG, PNG, WebP, HEIC, AVIF, TIFF" in problems[0]
    assert "HEIC" in problems[1]
    assert emptied.page.locator("#messages img").count() == 0
    assert emptied.page.locator("#photo-strip-list .thumb").count() == 1


def test_a_case_without_photos_is_answered_from_words_and_says_so(emptied: Watched) -> None:
    emptied.page.fill("#narrative textarea", STORY)
    analyse(emptied)
    assert "No photos" in emptied.page.locator("#messages").inner_text()
    assert emptied.page.get_attribute(".viewer", "data-state") == "text"
    assert emptied.page.locator(".row.is-model").count() >= 9


def test_a_case_without_words_gets_a_mask(emptied: Watched, photo_file: Path) -> None:
    upload(emptied, photo_file)
    emptied.page.wait_for_selector("#photo-strip-list .thumb")
    analyse(emptied)
    assert page_mask(emptied).shape[0] > 0
    assert "No text" in emptied.page.locator("#messages").inner_text()


def test_nothing_to_analyse_is_one_friendly_line(watched: Watched) -> None:
    watched.page.click("#run")
    watched.page.wait_for_function("document.querySelector('#status').innerText.includes('Add a photo')")
    assert watched.page.is_enabled("#run")


def test_what_a_patient_typed_is_never_markup(emptied: Watched) -> None:
    emptied.page.fill("#narrative textarea", "<img src=x onerror=\"document.title='broken'\"> 😀 很痒")
    analyse(emptied)
    assert emptied.page.title() == "Magic Demo"


def test_a_new_case_is_empty(emptied: Watched) -> None:
    open_example(emptied, 0)
    emptied.page.click("#new-case")
    emptied.page.wait_for_selector('.viewer[data-state="empty"]')
    assert emptied.page.locator("#photo-strip-list .thumb").count() == 0
    assert emptied.page.input_value("#narrative textarea") == ""
    assert emptied.page.get_attribute(".cards", "data-state") == "waiting"


def test_two_readers_at_once_each_see_their_own_case(watched: Watched) -> None:
    other = watched.page.context.new_page()
    other.goto(watched.address)
    other.wait_for_selector('.status[data-state="ready"]')
    watched.page.click("#example-3")
    other.click("#example-5")
    for page in (watched.page, other):
        page.wait_for_selector('.status[data-state="done"]')
    names = [page.locator("#viewer-name").inner_text() for page in (watched.page, other)]
    assert names == [load_examples()[number].encounter.photos[0].photo_id for number in (3, 5)]
    other.close()


def test_the_page_says_what_it_is_not_and_which_models_run(emptied: Watched) -> None:
    assert emptied.page.locator(".status-disclaimer").is_visible()
    assert "not a medical device" in emptied.page.locator(".status-disclaimer").inner_text()
    emptied.page.click("#about-open")
    about = emptied.page.locator(".about-panel").inner_text()
    assert "still loading" not in about and "-compact" in about
    predictor = load_predictor()
    said = predictor.calibrated_on
    assert said and all(cases in about for cases in said.values()), (
        "what the percents were calibrated on is said"
    )
    assert f"runs on: {predictor.backends['segmentation']}" in about


def test_everything_fits_the_window_and_an_upright_tablet_has_the_photo_first(emptied: Watched) -> None:
    page = emptied.page
    open_example(emptied, 0)
    for width, height in ((1366, 768), (1920, 1080)):
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate("document.documentElement.scrollHeight") <= height
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for selector in (
            "#viewer-canvas",
            "#viewer-stage",
            "#run",
            "#status",
            "#card-cqid036",
            "#viewer-threshold",
            "#language-zh",
        ):
            box = page.locator(selector).bounding_box()
            assert box is not None and box["x"] >= 0 and box["y"] >= 0
            assert box["x"] + box["width"] <= width and box["y"] + box["height"] <= height, selector
    page.set_viewport_size({"width": 820, "height": 1180})
    for selector in ("#viewer-stage", "#run", "#language-zh"):
        box = page.locator(selector).bounding_box()
        assert (
            box is not None
            and box["y"] >= 0
            and box["y"] + box["height"] <= 1180
            and box["x"] + box["width"] <= 820
        ), selector
    boxes = [
        page.locator(selector).bounding_box()
        for selector in ("#viewer-canvas", "#case-panel", "#cards-panel")
    ]
    assert all(boxes)
    canvas, case, cards = (box for box in boxes if box)
    assert canvas["y"] < case["y"] and canvas["y"] < cards["y"] and canvas["width"] > 700
    assert page.evaluate("document.documentElement.scrollWidth") <= 820
    run, foot = (f"document.querySelector('{name}').getBoundingClientRect()" for name in ("#run", "#status"))
    assert page.evaluate(f"scrollTo(0, 1e6), {run}.bottom <= {foot}.top"), (
        "the status line covers the button at the end of the page"
    )


def test_every_control_can_be_reached_by_keyboard_and_has_a_name(watched: Watched) -> None:
    open_example(watched, 1)
    page = watched.page
    wanted = {
        "language-en",
        "about-open",
        "example-0",
        "add-photos",
        "consent-given",
        "new-case",
        "run",
        "viewer-mode-outline",
        "viewer-threshold",
        "viewer-stage",
        "viewer-hide",
        "viewer-fit",
        "card-cqid010-title",
    }
    reached = set()
    page.locator("body").press("Tab")
    for _ in range(100):
        reached.add(page.evaluate("document.activeElement.id"))
        page.keyboard.press("Tab")
    assert wanted - reached == set()
    nameless = page.evaluate(
        """() => [...document.querySelectorAll("button, input:not([type=file]), textarea, summary, [role=img]")].filter((one) =>
        one.offsetParent && !(one.innerText || one.getAttribute("aria-label") || one.title || one.labels?.length)).map((one) => one.outerHTML)"""
    )
    assert nameless == []
