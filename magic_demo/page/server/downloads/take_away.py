"""What a reader takes away from the page: finished readings in every export format, or the disagreement
report, as a zip file."""

from __future__ import annotations

import io
import sys
import zipfile
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from magic_demo.core.disk.parts import temporary_folder
from magic_demo.core.errors import MagicDemoError
from magic_demo.core.review_types import CaseKey, SavedReview
from magic_demo.core.types import LANGUAGES, Prediction
from magic_demo.page.session.desk.desk import Desk, page_actor
from magic_demo.page.texts.i18n import line_in_both
from magic_demo.reviews.cases.covered_photos import covered_beside
from magic_demo.reviews.exports import REPORT, ExportError, find_format, write_export
from magic_demo.reviews.exports.case_files import find_case_files
from magic_demo.reviews.reports import write_disagreements
from magic_demo.reviews.store import Actor


def list_take_away_routes(desk: Desk) -> list[Route]:
    """Return the route of the exports, ``/take-away/FORMAT?queue=NAME[&consensus=yes]``.

    What cannot be exported is said as {"en", "zh"}, status 409.
    """

    def send(request: Request) -> Response:  # in a thread: it asks the store who reads
        wanted, queue = str(request.path_params["format"]), request.query_params.get("queue", "")
        consensus = request.query_params.get("consensus") == "yes"
        try:
            actor = page_actor(
                desk.reader(request.cookies), request.client.host if request.client is not None else ""
            )
            content = take_readings(desk, wanted, queue, actor, consensus=consensus)
        except MagicDemoError as error:
            return JSONResponse(line_in_both(error.message), 409)
        name = "".join(char if char.isalnum() and char.isascii() else "-" for char in f"{queue}-{wanted}")
        return Response(
            content,
            media_type="application/zip",
            headers={"Content-Disposition": f'attachment; filename="{name}.zip"'},
        )

    return [Route("/take-away/{format}", send)]


def take_readings(desk: Desk, wanted: str, queue: str, actor: Actor, *, consensus: bool) -> bytes:
    """Pack readings and keep in the audit trail that they leave, before they do. Raises as ``pack_readings``."""
    content = pack_readings(desk, wanted, queue, actor.name, consensus=consensus)
    for line in desk.opened_store.note("export", actor, detail=wanted):
        print(line, file=sys.stderr, flush=True)
    return content


def pack_readings(desk: Desk, wanted: str, queue: str, reader: str, *, consensus: bool = False) -> bytes:
    """Return a zip of a queue's finished readings: an adjudicator's holds everybody's, a reader's own alone.

    consensus: a case that has one is exported with it alone, which an adjudicator's export alone can hold.
    Of a case that the reader reads blind and has not revealed, nothing leaves of the model: neither what it said nor
    where others' readings differ from it.
    The report compares what the reader may see: others' readings of cases with a done one of the reader's
    own. Raises ExportError, StoreError.
    """
    store = desk.opened_store
    if queue not in store.queues():
        raise ExportError("there is no queue {queue!r}; reload the page", queue=queue)
    everything = desk.may(reader, "export every review")
    cases = store.list_cases(queue, reader, all_assigned=True)
    files = find_case_files(cases, covered_beside(store.location))
    visible = _hide_model(store.latest_reviews(queue, viewer=reader), store.unrevealed(reader))
    # before it is handed over: what is said of these cases later is not blind
    if everything or wanted == REPORT.name:
        others = [saved.review for saved in visible if saved.review.reader != reader]
        store.note_seen({review.case for review in others}, reader, "others")
        if wanted != REPORT.name and find_format(wanted).differences:
            compared = {review.case for review in others if review.disagreements is not None}
            store.note_seen(compared, reader, "model")
    with temporary_folder() as workspace:
        folder = workspace / "readings"
        predictions: dict[str, Prediction] = {}
        if wanted == REPORT.name or find_format(wanted).predictions:
            spoken = desk.said_to(reader, [case.key for case in cases])
            predictions = {key.case_id: prediction for key, prediction in spoken.items()}
            store.note_seen({saved.review.case for saved in visible} & spoken.keys(), reader, "model")
        if wanted == REPORT.name:
            write_disagreements(
                visible,
                files,
                predictions,
                folder,
                languages=LANGUAGES,
                consensus=consensus,
                questions=store.questions_of(queue),
                listed=cases if everything else [],
            )
        else:
            unfinished = store.latest_reviews(queue, viewer=reader, state="in progress")  # to be named alone
            write_export(
                [saved for saved in (*visible, *unfinished) if everything or saved.review.reader == reader],
                files,
                find_format(wanted),
                folder,
                consensus=consensus,
                damaged=store.damaged_reviews(queue, viewer=reader),
                questions=store.questions_of(queue),
                predictions=predictions,
                apart=store.takes_lesions_apart(queue),
            )
        return _zip(folder)


def _hide_model(reviews: Sequence[SavedReview], hidden: Collection[CaseKey]) -> list[SavedReview]:
    """Return reviews without where they differ from the model, of cases whose reader has not revealed it."""
    return [
        replace(saved, review=replace(saved.review, disagreements=None))
        if saved.review.case in hidden
        else saved
        for saved in reviews
    ]


def _zip(folder: Path) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder).as_posix())
    return stream.getvalue()
