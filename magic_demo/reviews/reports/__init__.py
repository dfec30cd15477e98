"""The disagreement report: two pages in English or Chinese, as HTML and PDF, ready to send."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from magic_demo.core.disk.whole_files import whole_folder, write_whole
from magic_demo.core.messages import Message
from magic_demo.core.review_types import SavedReview
from magic_demo.core.types import LANGUAGES, EncounterFiles, Language, Prediction
from magic_demo.questions.families import QuestionSet
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
from magic_demo.reviews.reports.flow import measure_flow, write_flow
from magic_demo.reviews.reports.html_page import render_html
from magic_demo.reviews.reports.printing import print_pdf
from magic_demo.reviews.reports.wording import say
from magic_demo.reviews.store import QueueCase

__all__ = ["DisagreementReport", "gather_report", "render_html", "write_disagreements"]


def write_disagreements(
    reviews: Iterable[SavedReview],
    cases: Iterable[EncounterFiles],
    predictions: Mapping[str, Prediction],
    folder: Path,
    *,
    languages: Sequence[Language] = LANGUAGES,
    readers: Collection[str] = (),
    consensus: bool = False,
    questions: QuestionSet | None = None,
    listed: Sequence[QueueCase] = (),
) -> tuple[DisagreementReport, tuple[str, ...]]:
    """Write ``disagreement_<language>.html`` and ``.pdf`` on a queue's finished readings to a new or empty
    folder, and the flow of its cases; returns the report and what it leaves out.

    reviews: rows of the store, of one queue. cases: where photos lie. predictions: case id -> what the model
    said, where it did. listed: the queue's cases, for the flow, which is left out without them. The rest as in ``exports.write_export``. Raises ExportError, one line, when there is
    nothing to report on or the folder is not empty.
    """
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise ExportError(
            "{folder}: is {what}; name a new or an empty folder for the report",
            folder=folder,
            what=Message("a file") if folder.is_file() else Message("not empty"),
        )
    rows = list(reviews)
    selection = select_readings(rows, cases, readers=readers, consensus=consensus, questions=questions)
    report = gather_report(selection, predictions, rows)
    with whole_folder(folder) as part:
        if listed:
            write_flow(part, measure_flow(listed, rows, readers), languages)
        for language in languages:
            write_whole(part / f"disagreement_{language}.html", render_html(report, language))
        lacking = _print_pages(part)
    return report, (*selection.left_out.lines(), *lacking)


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
        families=list_families(agreement, selection.questions),
        with_model=agreement.overall.with_model.same,
        among_readers=agreement.overall.among_readers.same,
        dice_with_model=agreement.masks.dice_with_model,
        dice_among_readers=agreement.masks.dice_among_readers,
        labels=tuple(
            (label.name, agreement.labels[label.label_id].dice_among_readers)
            for label in selection.questions.further_labels
            if label.label_id in agreement.labels
        ),
        names=tuple(words_of(MODEL_TAG if name == MODEL else name) for name in names),
        dice=dice,
        switched=measure_switched(history, selection.questions),
        differences=count_differences(selection, known),
        legend=legend,
        disputed=find_disputes(selection, known, legend),
        known=(agreement.blind, agreement.after_model, agreement.after_others),
        incomplete=agreement.incomplete,
    )


def _print_pages(folder: Path) -> tuple[str, ...]:
    """Print each HTML file to a PDF beside it. Where no browser does that, ``no_pdf.txt`` says what to do, and
    so does the line that is returned."""
    pages = sorted(folder.glob("*.html"))
    try:
        for page in pages:
            print_pdf(page, page.with_suffix(".pdf"))
    except ExportError as error:
        write_whole(folder / "no_pdf.txt", "".join(f"{say('no_pdf', language)}\n" for language in LANGUAGES))
        return (f"the PDF: {error}; open {pages[0].name} in a browser and print it",)
    return ()
