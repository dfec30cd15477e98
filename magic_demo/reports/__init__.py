"""The disagreement report: two pages in English or Chinese, as HTML and PDF, ready to send."""

from __future__ import annotations

from pathlib import Path

from magic_demo.reports.contents import DisagreementReport
from magic_demo.reports.html_page import render_html
from magic_demo.reports.pdf_pages import render_pdf
from magic_demo.types import Language
from magic_demo.whole_files import write_whole

__all__ = ["DisagreementReport", "render_html", "render_pdf", "write_report"]


def write_report(folder: Path, report: DisagreementReport, language: Language) -> tuple[Path, Path]:
    """Write ``disagreement_<language>.html`` and ``.pdf`` and return where they are."""
    page, document = (folder / f"disagreement_{language}.{ending}" for ending in ("html", "pdf"))
    write_whole(page, render_html(report, language))
    write_whole(document, render_pdf(report, language))
    return page, document
