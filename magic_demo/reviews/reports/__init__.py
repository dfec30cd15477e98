"""The disagreement report: two pages in English or Chinese, as HTML and PDF, ready to send."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from magic_demo.core.messages import Message
from magic_demo.core.types import LANGUAGES, EncounterFiles, Language, Prediction, SavedReview
from magic_demo.core.whole_files import whole_folder, write_whole
from magic_demo.reviews.exports.readings import ExportError, Selection, select_readings
from magic_demo.reviews.reports.comparing import (
    MODEL,
    compare_masks,
    list_families,
    measure_selection,
    measure_switched,
)
from magic_demo.reviews.reports.contents import DisagreementReport
from magic_demo.reviews.reports.disputes import (
    MODEL_TAG,
    count_differences,
    find_disputes,
    list_legend,
    words_of,
)
from magic_demo.reviews.reports.html_page import render_html

__all__ = ["DisagreementReport", "gather_report", "render_html", "write_disagreements", "write_report"]


def write_disagreements(
    reviews: Iterable[SavedReview],
    cases: Iterable[EncounterFiles],
    predictions: Mapping[str, Prediction],
    folder: Path,
    *,
    languages: Sequence[Language] = LANGUAGES,
    readers: Collection[str] = (),
    consensus: bool = False,
) -> tuple[DisagreementReport, tuple[str, ...]]:
    """Write the report on a queue's finished readings to a new or empty folder; returns it and what it leaves
    out.

    reviews: rows of the store, of one queue. cases: where photos lie. predictions: case id -> what the model
    said, where it did. The rest as in ``exports.write_export``. Raises ExportError, one line, when there is
    nothing to report on or the folder is not empty.
    """
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise ExportError(
            "{folder}: is {what}; name a new or an empty folder for the report",
            folder=folder,
            what=Message("a file") if folder.is_file() else Message("not empty"),
        )
    rows = list(reviews)
    selection = select_readings(rows, cases, readers=readers, consensus=consensus)
    report = gather_report(selection, predictions, rows)
    with whole_folder(folder) as part:
        for language in languages:
            write_report(part, report, language)
    return report, selection.left_out.lines()


def gather_report(
    selection: Selection, predictions: Mapping[str, Prediction], history: Iterable[SavedReview] = ()
) -> DisagreementReport:
    """Compare what is selected and draw the cases that differ most. history: all rows, for what was changed
    after the model was revealed."""
    known = {
        case.case_id: predictions[case.case_id] for case in selection.cases if case.case_id in predictions
    }
    names, dice = compare_masks(selection, known)
    agreement = measure_selection(selection, known)
    legend = list_legend(selection, model=bool(known))
    return DisagreementReport(
        queue=selection.queue,
        made_at=datetime.now(UTC),
        cases=len(selection.cases),
        readings=sum(len(case.readings) for case in selection.cases),
        readers=selection.annotators,
        models=next(iter(known.values())).models if known else {},
        families=list_families(agreement),
        with_model=agreement.overall.with_model.same,
        among_readers=agreement.overall.among_readers.same,
        dice_with_model=agreement.masks.dice_with_model,
        dice_among_readers=agreement.masks.dice_among_readers,
        names=tuple(words_of(MODEL_TAG if name == MODEL else name) for name in names),
        dice=dice,
        switched=measure_switched(history),
        differences=count_differences(selection, known),
        legend=legend,
        disputed=find_disputes(selection, known, legend),
        known=(agreement.blind, agreement.after_model, agreement.after_others),
        incomplete=agreement.incomplete,
    )


def write_report(folder: Path, report: DisagreementReport, language: Language) -> tuple[Path, Path]:
    """Write ``disagreement_<language>.html`` and ``.pdf`` and return where they are."""
    # reportlab takes its time to import: the page does not wait for it
    from magic_demo.reviews.reports.pdf_pages import render_pdf

    page, document = (folder / f"disagreement_{language}.{ending}" for ending in ("html", "pdf"))
    write_whole(page, render_html(report, language))
    write_whole(document, render_pdf(report, language))
    return page, document
