"""The disagreement report as a browser prints it: two pages in either language, with text that can be read."""

from __future__ import annotations

from pathlib import Path

import pypdfium2
import pytest
from playwright.sync_api import Browser

from magic_demo.core.types import LANGUAGES, Language
from magic_demo.reviews.reports import render_html
from magic_demo.reviews.reports.contents import DisagreementReport
from magic_demo.reviews.reports.printing import print_pdf
from magic_demo.reviews.reports.wording import load_texts
from tests.reviews.reports.test_reports import make_report
from tests.support.store.reviewed_cases import ReadQueue, make_queue


@pytest.fixture(scope="module")
def queue(tmp_path_factory: pytest.TempPathFactory) -> ReadQueue:
    return make_queue(tmp_path_factory.mktemp("queue"))


def _read_pages(
    document: pypdfium2.PdfDocument, report: DisagreementReport, language: Language
) -> list[pypdfium2.PdfTextPage]:
    """Return the text of the two pages; fails where a part of the report is not there."""
    pages = [page.get_textpage() for page in document]
    first, second = (page.get_text_bounded() for page in pages)
    texts = load_texts()
    assert all(text[language] in first for text in (texts["title"], texts["masks_note"], report.notes[0]))
    assert all(family.title[language] in first for family in report.families)
    assert texts["disputed"][language] in second and report.disputed
    assert all(case.case_id in second for case in report.disputed)
    assert all(texts["research"][language][:12] in text for text in (first, second))
    return pages


def _top_of(page: pypdfium2.PdfTextPage, text: str) -> float:
    """Return how far above the page's lower edge a text begins, in points."""
    found = page.search(text).get_next()
    assert found is not None, text
    return float(page.get_charbox(found[0])[3])


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("readers", [2, 12])
def test_the_report_prints_on_two_pages_and_nothing_is_cut_off(
    queue: ReadQueue, browser: Browser, language: Language, readers: int
) -> None:
    report = make_report(queue, readers=readers)
    page = browser.new_page()
    page.set_content(render_html(report, language))
    document = pypdfium2.PdfDocument(page.pdf(prefer_css_page_size=True))
    page.close()
    first, _ = _read_pages(document, report, language)
    assert _top_of(first, report.notes[0][language]) > _top_of(first, load_texts()["research"][language][:12])
    heads = [load_texts()[key][language] for key in ("with_model", "among_readers", "dice_among_readers")]
    tops = [_top_of(first, head) for head in heads]
    assert max(tops) - min(tops) < 4, "the numbers stand beside each other"


def test_a_browser_prints_the_html_file(queue: ReadQueue, tmp_path: Path) -> None:
    report = make_report(queue)
    page, document = tmp_path / "a report.html", tmp_path / "a report.pdf"
    page.write_text(render_html(report, "zh"), encoding="utf-8")
    print_pdf(page, document)
    _read_pages(pypdfium2.PdfDocument(document), report, "zh")
