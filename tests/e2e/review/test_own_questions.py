"""Three questions of one's own in a browser, from their file to the table of agreement, beside a queue that asks the
challenge's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from magic_demo.core.review_types import CaseKey, Review
from magic_demo.questions.families import load_challenge, read_questions
from magic_demo.reviews.cases.queues import read_queue
from magic_demo.reviews.store import LOCAL_READER, NewCase, Store
from tests.e2e.review.steps import choose, chosen, finish, key_of, open_case, opened
from tests.e2e.review_server import ReviewServer
from tests.support.own_questions import THREE

ANNS = ({"ITCH-001": 2, "SIZE-001": 24}, {"ITCH-001": 0, "SIZE-001": 60})
SIGNS = {"SIGNS-001": 0, "SIGNS-002": 3}


class OwnServer(ReviewServer):
    """``app.py`` with a question file, and nobody who answers but the readers."""

    @property
    def questions(self) -> Path:
        """Return where the question file is."""
        return self.folder / "questions.yaml"

    def arguments(self) -> list[str]:
        """Return the places without the bundle, which answers other questions."""
        places = ["--queue", str(self.queue), "--store", str(self.store), "--segmentation", "none"]
        return [*places, "--questions", str(self.questions), "--mode", "unaided"]


@pytest.fixture(scope="module")
def server(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnServer]:
    """Start a page with three questions over two cases, which Ann has answered."""
    server = OwnServer(repository, tmp_path_factory.mktemp("own"), cases=2)
    server.questions.write_text(THREE, encoding="utf-8")
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
