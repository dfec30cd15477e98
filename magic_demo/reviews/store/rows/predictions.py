"""What models said of the cases that readers were shown, and who has seen it: rows that are only added."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from magic_demo.core.errors import StoreError
from magic_demo.core.review_types import CaseKey
from magic_demo.core.types import Prediction
from magic_demo.files.bundles import BundleError, unpack_prediction
from magic_demo.questions.families import QuestionSet
from magic_demo.reviews.store.digests import digest_of
from magic_demo.reviews.store.rows.cases import find_case
from magic_demo.reviews.store.rows.readers import find_present_row, find_row
from magic_demo.reviews.store.rows.seen import find_known
from magic_demo.reviews.store.rules import MODEL_SEEN, WITHOUT_MODEL
from magic_demo.reviews.store.tables import CaseRow, PredictionRow, ReviewRow, ShowingRow

MOST_UNPACKED = 64
"""Predictions that stay unpacked, those asked for last."""


class UnpackedPredictions:
    """What was unpacked a short while ago, by its digest: maps take long, and every save of a review asks."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Prediction] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, digest: str) -> Prediction | None:
        """Return the prediction of this digest, None where it is not known."""
        with self._lock:
            if digest in self._known:
                self._known.move_to_end(digest)
            return self._known.get(digest)

    def add(self, digest: str, prediction: Prediction) -> None:
        """Remember a prediction in place of the one that was not asked for longest."""
        with self._lock:
            self._known[digest] = prediction
            while len(self._known) > MOST_UNPACKED:
                self._known.popitem(last=False)

    def clear(self) -> None:
        """Forget them all: of a case that is deleted nothing stays in memory."""
        with self._lock:
            self._known.clear()


def add_showing(session: Session, key: CaseKey, reader: str, content: str) -> None:
    """Keep that a reader was shown a packed prediction, and that; nothing is added when it is what this
    reader was shown last."""
    case, row = find_case(session, key), find_present_row(session, reader)
    digest = digest_of(content)
    last = sa.select(ShowingRow.digest).where(
        ShowingRow.case_number == case.number, ShowingRow.reader_id == row.id
    )
    if session.scalar(last.order_by(ShowingRow.shown_at.desc()).limit(1)) == digest:
        return
    if session.get(PredictionRow, (case.number, digest)) is None:
        session.add(PredictionRow(case_number=case.number, digest=digest, content=content))
        session.flush()
    before = session.scalar(
        sa.select(sa.func.max(ShowingRow.shown_at)).where(ShowingRow.case_number == case.number)
    )
    now = datetime.now(UTC)  # a clock that was set back must not make what was shown last look older
    shown_at = now if before is None else max(now, before + timedelta(microseconds=1))
    session.add(ShowingRow(case_number=case.number, reader_id=row.id, shown_at=shown_at, digest=digest))


def read_shown(
    session: Session, key: CaseKey, reader: str | None, questions: QuestionSet, unpacked: UnpackedPredictions
) -> Prediction | None:
    """Return the prediction of a case that anybody, or this reader, was shown last, None where there is
    none; the same object as long as it stays ``unpacked``."""
    case = find_case(session, key)
    shown = sa.select(ShowingRow.digest).where(ShowingRow.case_number == case.number)
    if reader is not None:
        shown = shown.where(ShowingRow.reader_id == find_row(session, reader).id)
    digest = session.scalar(shown.order_by(ShowingRow.shown_at.desc()).limit(1))
    if digest is None:
        return None
    known = unpacked.get(digest)
    if known is not None:
        return known
    content = session.get_one(PredictionRow, (case.number, digest)).content
    if digest_of(content) != digest:
        raise StoreError(
            "what the model said of {case} is not what was saved (its bytes changed); restore a "
            "backup, or analyse the case again",
            case=key.case_id,
        )
    try:
        prediction = unpack_prediction(content, f"the prediction of {key.case_id}", questions)
    except BundleError as error:
        raise StoreError(str(error)) from error
    unpacked.add(digest, prediction)
    return prediction


def list_shown(session: Session, queue: str | None) -> dict[CaseKey, str]:
    """Return the digest of what anybody was shown last, of every case of a queue, or of all, that a model has
    spoken of."""
    rows = (
        sa.select(CaseRow.queue, CaseRow.case_id, ShowingRow.digest)
        .join(CaseRow, CaseRow.number == ShowingRow.case_number)
        .where(*([] if queue is None else [CaseRow.queue == queue]))
        .order_by(ShowingRow.shown_at)
    )
    # the last one of a case stays
    return {CaseKey(row.queue, row.case_id): row.digest for row in session.execute(rows)}


def was_shown(session: Session, key: CaseKey, reader: str) -> bool:
    """Return whether a reader was ever shown what models say of a case."""
    case, row = find_case(session, key), find_row(session, reader)
    return "model" in find_known(session, case.number, row.id)


def list_unrevealed(session: Session, reader: str) -> Collection[CaseKey]:
    """Return the cases that a reader has begun blind and not seen the model's answer of."""
    row = find_row(session, reader)
    own = sa.select(ReviewRow.case_number).where(ReviewRow.reader_id == row.id)
    blind = own.where(ReviewRow.kind.in_(WITHOUT_MODEL))
    seen = own.where(ReviewRow.kind.in_(MODEL_SEEN))
    found = sa.select(CaseRow.queue, CaseRow.case_id).where(
        CaseRow.number.in_(blind), CaseRow.number.not_in(seen)
    )
    return frozenset(CaseKey(queue, case_id) for queue, case_id in session.execute(found))


def delete_predictions(session: Session, case: CaseRow) -> None:
    """Delete what models said of a case, and to whom it was shown."""
    session.execute(sa.delete(ShowingRow).where(ShowingRow.case_number == case.number))
    session.execute(sa.delete(PredictionRow).where(PredictionRow.case_number == case.number))
