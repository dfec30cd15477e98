"""Three questions of one's own in a browser, from their file to the table of agreement, beside a queue that asks the
challenge's and the lesions one by one."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from pycocotools.coco import COCO

from magic_demo.core.review_types import CaseKey, Outline, Review
from magic_demo.core.types import EncounterFiles
from magic_demo.files.photos.reading import read_photo
from magic_demo.imaging.run_lengths import decode_mask, encode_mask
from magic_demo.questions.families import load_challenge, read_questions
from magic_demo.reviews.cases.queues import read_queue
from magic_demo.reviews.exports import write_export
from magic_demo.reviews.exports.coco import INSTANCES
from magic_demo.reviews.store import LOCAL_READER, NewCase, Store
from tests.e2e.conftest import WINDOW
from tests.e2e.review.steps import choose, chosen, finish, key_of, open_case, opened, paint, until
from tests.e2e.review_server import ReviewServer
from tests.support.own_questions import THREE

ANNS = ({"ITCH-001": 2, "SIZE-001": 24}, {"ITCH-001": 0, "SIZE-001": 60})
LABELS = """
labels: [lesion, {id: ulcer, zh: 溃疡, required: true}, scar]
questions: [{id: ITCH, text: "Does it itch?", options: ["no", "yes"]}]
"""
BURNS = {"Ann": {"lesion": (0.1, 0.1), "ulcer": (0.6, 0.1)}, "Bo": {"ulcer": (0.6, 0.6)}}
"""Reader -> label -> where a rectangle begins, in shares across and down."""
READER_LINES = ((255, 138, 216), (255, 170, 90))
"""The colours of the first two other readers' lines."""
SIGNS = {"SIGNS-001": 0, "SIGNS-002": 3}


class OwnServer(ReviewServer):
    """``app.py`` with a question file, and nobody who answers but the readers."""

    @property
    def questions(self) -> Path:
        """Return where the question file is."""
        return self.folder / "questions.yaml"

    @property
    def labels(self) -> Path:
        """Return where the file of the queue with labels is."""
        return self.folder / "labels.yaml"

    def arguments(self) -> list[str]:
        """Return the places without the bundle, which answers other questions."""
        places = ["--queue", str(self.queue), "--store", str(self.store), "--segmentation", "none"]
        return [*places, "--questions", str(self.questions), "--mode", "unaided"]


def _outline_burns(store: Store, case: EncounterFiles) -> None:
    """Save what Ann and Bo outline of a photo, the others being unusable: Ann a lesion and an ulcer, Bo an ulcer alone."""
    photo, *others = case.photo_files
    assert photo.path is not None
    size = read_photo(photo.path).size
    for reader, labels in BURNS.items():
        masks = {}
        for label, (across, down) in labels.items():
            mask = np.zeros(size, np.bool_)
            mask[_part(down, size[0]), _part(across, size[1])] = True
            masks[label] = encode_mask(mask)
        store.save(
            Review(
                case.encounter_id,
                reader,
                "assisted",
                "done",
                {"ITCH-001": 1},
                masks={photo.photo_id: masks["lesion"]} if "lesion" in masks else {},
                label_masks={"ulcer": {photo.photo_id: Outline(masks["ulcer"])}},
                unusable=frozenset(other.photo_id for other in others),
                queue="burns",
            )
        )


def _part(share: float, side: int) -> slice:
    """Return a quarter of a side that begins at a share of it."""
    return slice(int(share * side), int((share + 0.25) * side))


@pytest.fixture(scope="module")
def server(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnServer]:
    """Start a page with three questions over two cases, which Ann has answered."""
    server = OwnServer(repository, tmp_path_factory.mktemp("own"), cases=2)
    server.questions.write_text(THREE, encoding="utf-8")
    server.labels.write_text(LABELS, encoding="utf-8")
    cases = read_queue(server.queue).encounters
    with Store.open(server.store, questions=read_questions(server.questions)) as store:
        store.add_reader("Ann")
        store.add_cases("clinic", [NewCase(case.encounter_id, str(server.queue)) for case in cases])
        for case, answers in zip(cases, ANNS, strict=True):
            unusable = frozenset(photo.photo_id for photo in case.photo_files)
            store.save(
                Review(
                    case.encounter_id,
                    "Ann",
                    "blind",
                    "done",
                    {**answers, **SIGNS},
                    unusable=unusable,
                    queue="clinic",
                )
            )
        store.add_cases("plain", [NewCase(cases[0].encounter_id, str(server.queue))])
        store.ask("plain", load_challenge())
        store.take_lesions_apart("plain", True)
        store.add_cases("wounds", [NewCase(cases[0].encounter_id, str(server.queue))])
        store.ask("wounds", read_questions(server.labels))
        store.add_cases("burns", [NewCase(cases[1].encounter_id, str(server.queue))])
        store.ask("burns", read_questions(server.labels))
        store.add_reader("Bo")
        _outline_burns(store, cases[1])
    server.start()
    yield server
    assert "Traceback" not in server.stop()


def _type_size(page: Page, text: str) -> None:
    page.keyboard.press("2")
    page.keyboard.press("Control+a")
    page.keyboard.type(text)


def _call_photos_unusable(page: Page) -> None:
    page.evaluate(
        "() => [...document.querySelectorAll('#review-photos input')].forEach((box) => box.checked || box.click())"
    )


def _call_others_unusable(page: Page, photo: str) -> None:
    page.evaluate(
        "(photo) => [...document.querySelectorAll('#review-photos input')].filter((box) => box.dataset.photo !== photo)"
        ".forEach((box) => box.checked || box.click())",
        photo,
    )


@pytest.mark.long
def test_three_questions_go_from_their_file_to_the_table_of_agreement(
    browser: Browser, server: OwnServer
) -> None:
    with opened(browser, server) as (_context, page):
        case_ids = []
        for number, (itch, size) in enumerate(((1, "12.5"), (0, "30"))):
            case_ids.append(open_case(page, number))
            assert page.locator(".card").count() == 3 and "mm" in page.inner_text("#card-size")
            choose(page, "itch", itch)
            _type_size(page, "12.3")
            assert page.get_attribute("#card-size input", "aria-invalid") == "true"
            assert page.get_attribute("#card-size", "data-standing") == "open"
            _type_size(page, size)
            assert page.get_attribute("#card-size", "data-standing") == "own"
            page.keyboard.press("Escape")
            choose(page, "signs", 0)
            _call_photos_unusable(page)
            finish(page)
        page.select_option("#queue-name", "plain")
        page.locator(".queue-case[aria-current]").wait_for()  # its next case to do opens by itself
        expect(page.locator(".card")).to_have_count(9)
        choose(page, "cqid034", 2)
        page.locator('#card-cqid034[data-standing="own"]').wait_for()
        page.select_option("#queue-name", "clinic")
        page.locator("#queue-all", has_text="2").wait_for()
        open_case(page, 0)
        expect(page.locator(".card")).to_have_count(3)
        assert page.locator('#card-itch[data-standing="own"]').count() == 1
        page.keyboard.press("1")
        page.keyboard.press(key_of(page, 1, 2))
        assert chosen(page, "itch") == [2]
        page.keyboard.press("Control+z")
        assert chosen(page, "itch") == [1]
        page.goto(f"{server.address}/agreement")
        table = page.locator("#agreement-families table")
        table.wait_for()
        assert "ICC" in table.locator("thead").inner_text()
        rows = table.locator("tbody tr").all_inner_texts()
        assert [row.split("\t")[0].split("\n")[0] for row in rows][:1] == ["How much does it itch?"]
        assert len(rows) == 4 and "100%" in rows[2]
        assert "the queue 'plain' asks other questions" in page.inner_text("#agreement-headline")
    with Store.open(server.store, questions=read_questions(server.questions)) as store:
        saved = [store.latest(CaseKey("clinic", case_id), LOCAL_READER) for case_id in case_ids]
        plain = store.all_reviews("plain")[-1]
        assert plain.review.answers == {"CQID034-001": 2}
    assert [(one.review.answers["SIZE-001"], one.review.answers["ITCH-001"]) for one in saved if one] == [
        (25, 1),
        (60, 0),
    ]


def _stroke(page: Page, *points: tuple[float, float]) -> None:
    """Paint along points, given in shares of the stage."""
    box = page.locator("#viewer-stage").bounding_box()
    assert box is not None
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place)
    page.mouse.up()


def test_a_queue_that_asks_for_it_gets_a_line_and_a_comment_a_lesion_which_follow_the_outline(
    browser: Browser, server: OwnServer
) -> None:
    with opened(browser, server) as (_context, page):
        open_case(page, 0)
        expect(page.locator("#viewer-pieces")).to_be_hidden()  # nobody asks for it here
        page.select_option("#queue-name", "plain")
        expect(page.locator("#viewer-pieces")).to_be_visible()
        expect(page.locator("#viewer-one-by-one")).to_be_hidden()  # the queue has decided
        page.wait_for_selector('.viewer[data-state="photo"][data-editable]')
        lines, numbers = page.locator("#viewer-pieces-list li"), page.locator("#viewer-piece-numbers text")
        comments = page.locator("#viewer-pieces-list input")
        page.keyboard.press("b")
        _stroke(page, (0.35, 0.5), (0.37, 0.5))
        _stroke(page, (0.6, 0.5), (0.66, 0.5))
        expect(lines).to_have_count(2)
        expect(numbers).to_have_text(["1", "2"])
        expect(lines.first).to_contain_text("px")
        for number, words in enumerate(("old scar", "new, itches")):
            comments.nth(number).fill(words)
            comments.nth(number).press("Enter")
        page.focus("#viewer-stage")
        page.keyboard.press("v")
        box = page.locator("#viewer-stage").bounding_box()
        assert box is not None
        page.mouse.click(box["x"] + 0.63 * box["width"], box["y"] + 0.5 * box["height"])
        expect(lines.nth(1)).to_have_attribute("data-chosen", "")
        lines.first.locator("button").click()
        expect(page.locator("#viewer-piece-numbers .is-chosen text")).to_have_text("1")
        page.focus("#viewer-stage")
        page.keyboard.press("b")
        _stroke(page, (0.36, 0.5), (0.64, 0.5))  # they join: both comments stay
        expect(lines).to_have_count(1)
        expect(page.locator("#viewer-note")).to_contain_text("have joined")
        assert [field.input_value() for field in comments.all()] == ["old scar", "new, itches"]
        page.keyboard.press("z")
        expect(lines).to_have_count(2)
        page.keyboard.press("v")
        page.click("#viewer-clear")
        expect(lines).to_have_text(["On no area now", "On no area now"])
        page.focus("#viewer-stage")
        page.keyboard.press("z")
        expect(numbers).to_have_text(["1", "2"])
        until(page, lambda: _remarks(server) == ["old scar", "new, itches"])
        page.reload()
        expect(numbers).to_have_text(["1", "2"])
        assert [field.input_value() for field in comments.all()] == ["old scar", "new, itches"]
        comments.nth(1).press("Control+a")
        page.keyboard.type("new")
        for language in ("zh", "en"):  # drawn anew while somebody types
            page.evaluate("(language) => document.querySelector(`#language-${language}`).click()", language)
        comments.nth(1).press("Enter")
        assert [field.input_value() for field in comments.all()] == ["old scar", "new"]
        page.focus("#viewer-stage")
        page.keyboard.press("z")
        expect(comments.nth(1)).to_have_value("new, itches")
        page.keyboard.press("z")  # nothing of this opening is left to take back
        until(page, lambda: _remarks(server) == ["old scar", "new, itches"])


def _remarks(server: OwnServer) -> list[str]:
    with Store.open(server.store, questions=read_questions(server.questions)) as store:
        saved = store.all_reviews("plain")
    return [remark.comment for one in saved[-1:] for said in one.review.remarks.values() for remark in said]


def _newest(server: OwnServer, case_id: str) -> Review:
    with Store.open(server.store, questions=read_questions(server.questions)) as store:
        saved = store.latest(CaseKey("wounds", case_id), LOCAL_READER)
    return saved.review if saved is not None else Review(case_id, LOCAL_READER)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_each_label_of_a_study_is_drawn_kept_and_exported_as_itself(
    browser: Browser, server: OwnServer, tmp_path: Path
) -> None:
    with opened(browser, server) as (_context, page):
        page.select_option("#queue-name", "wounds")
        page.locator("#queue-all", has_text="1").wait_for()
        case_id = open_case(page, 0)
        expect(page.locator("#viewer-labels button")).to_have_count(3)
        page.wait_for_selector('.viewer[data-state="photo"][data-editable]')
        page.set_viewport_size({"width": 390, "height": 844})
        for button in page.locator("#viewer-labels button").all():
            expect(button).to_be_in_viewport(ratio=1)
        page.set_viewport_size(WINDOW)
        photo = str(page.inner_text("#viewer-name"))
        paint(page)
        expect(page.locator("#viewer-label-first")).to_have_attribute("data-stands", "outlined")
        page.locator("#viewer-label-ulcer").click()
        expect(page.locator("#viewer-label-ulcer")).to_have_attribute("aria-checked", "true")
        page.focus("#viewer-stage")
        for key in ("b", "ArrowRight", *["ArrowDown"] * 6, "Space", "ArrowRight"):
            page.keyboard.press(key)
        expect(page.locator("#viewer-label-ulcer")).to_have_attribute("data-stands", "outlined")
        page.keyboard.press("s")
        expect(page.locator("#viewer-label-scar")).to_have_attribute("aria-checked", "true")
        page.locator("#viewer-clear").click()
        expect(page.locator("#viewer-label-scar")).to_have_attribute("data-stands", "none")
        until(page, lambda: _newest(server, case_id).label_masks.keys() == {"ulcer", "scar"})
        page.keyboard.press("z")
        until(page, lambda: not _newest(server, case_id).label_masks.get("scar"))
        page.keyboard.press("y")
        until(page, lambda: bool(_newest(server, case_id).label_masks.get("scar")))
        drawn = _newest(server, case_id)
        page.reload()
        page.select_option("#queue-name", "wounds")
        open_case(page, 0)
        for label, stands in (("first", "outlined"), ("ulcer", "outlined"), ("scar", "none")):
            page.locator(f"#viewer-label-{label}[data-stands={stands}]").wait_for()
        choose(page, "itch", 1)
        _call_others_unusable(page, photo)
        finish(page)
    last = _newest(server, case_id)
    assert last.complete and (last.masks, last.label_masks) == (drawn.masks, drawn.label_masks)
    ulcer = decode_mask(last.label_masks["ulcer"][photo].runs)
    assert ulcer.any() and (ulcer != decode_mask(last.masks[photo])).any()
    assert not decode_mask(last.label_masks["scar"][photo].runs).any()
    folder, asked = tmp_path / "coco", read_questions(server.labels)
    with Store.open(server.store, questions=asked) as store:
        report = write_export(
            store.all_reviews("wounds"), read_queue(server.queue).encounters, "coco", folder, questions=asked
        )
    assert report.masks == 3
    coco = COCO(str(folder / INSTANCES))
    by_name = {
        coco.cats[one["category_id"]]["name"]: coco.annToMask(one).astype(bool) for one in coco.anns.values()
    }
    np.testing.assert_array_equal(by_name["ulcer"], ulcer)
    assert by_name.keys() == {"lesion", "ulcer", "scar"}


def _lines(page: Page) -> list[set[str]]:
    """Return of each other reader in which quarters of the photo the canvas has their line."""
    address = page.evaluate(
        """() => { document.querySelector("#viewer-stage").viewer.drawNow();
        return document.querySelector("#viewer-canvas").toDataURL("image/png"); }"""
    )
    drawn = np.asarray(Image.open(io.BytesIO(base64.b64decode(address.split(",")[1]))).convert("RGB"))
    rows, columns = page.evaluate(
        """() => { const { viewer, clientWidth, clientHeight } = document.querySelector("#viewer-stage");
        const { width, height } = viewer.state.photos[0]; const middle = viewer.toWindow({ x: width / 2, y: height / 2 });
        return [middle.y / clientHeight, middle.x / clientWidth]; }"""
    )
    middle = int(rows * drawn.shape[0]), int(columns * drawn.shape[1])
    found = []
    for colour in READER_LINES:
        near = np.abs(drawn.astype(int) - colour).max(axis=2) < 12
        parts = {
            f"{down} {across}": near[high, wide].sum()
            for down, high in (("top", slice(middle[0])), ("bottom", slice(middle[0], None)))
            for across, wide in (("left", slice(middle[1])), ("right", slice(middle[1], None)))
        }
        found.append({name for name, pixels in parts.items() if pixels > 10})
    return found


def test_while_readings_are_compared_others_outlines_are_of_the_label_in_hand(
    browser: Browser, server: OwnServer
) -> None:
    with opened(browser, server) as (_context, page):
        page.select_option("#queue-name", "burns")
        page.locator("#queue-all", has_text="1").wait_for()
        open_case(page, 0)
        expect(page.locator("#viewer-labels button")).to_have_count(3)
        page.locator("#viewer-clear").click()  # no lesion: no line of one's own lies over another
        page.locator("#viewer-label-ulcer").click()
        page.locator("#viewer-clear").click()
        page.locator("#viewer-label-first").click()
        choose(page, "itch", 1)
        _call_others_unusable(page, str(page.inner_text("#viewer-name")))
        finish(page)
        assert _lines(page) == [set(), set()]
        page.click("#review-readings")
        expect(page.locator(".readings thead")).to_contain_text("Bo")
        ann, bo = page.locator("#viewer-layer-reader-0"), page.locator("#viewer-layer-reader-1")
        expect(ann).to_have_text("Ann")
        expect(bo).to_have_count(0)
        assert _lines(page) == [{"top left"}, set()]
        page.locator("#viewer-label-ulcer").click()
        expect(bo).to_have_text("Bo")
        expect(ann).to_have_text("Ann")
        assert _lines(page) == [{"top right"}, {"bottom right"}]
        page.locator("#viewer-label-scar").click()
        expect(ann).to_have_count(0)
        expect(bo).to_have_count(0)
        assert _lines(page) == [set(), set()]
