"""What rows from elsewhere must be, so that a store that was restored opens, exports and deletes: checked
before any of them is kept."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, get_args

import sqlalchemy as sa
from sqlalchemy.orm import Session

from magic_demo.core.errors import MagicDemoError, StoreError, one_line
from magic_demo.core.limits import LIMITS
from magic_demo.core.messages import Message
from magic_demo.core.review_content import CHOICES
from magic_demo.core.review_types import Knowledge, MaskRuns, Review
from magic_demo.files.bundles import MOST_OPTIONS, check_packed
from magic_demo.files.entries import is_file_name
from magic_demo.imaging.run_lengths import column_lengths
from magic_demo.questions.families import load_challenge
from magic_demo.reviews.learning.gain import unpack_doubts
from magic_demo.reviews.store.digests import digest_of, read_content
from magic_demo.reviews.store.names import LONGEST_NAME, check_name, fold_name, is_line
from magic_demo.reviews.store.records import LOCAL_READER, TRAIL_KINDS
from magic_demo.reviews.store.rows.readers import LONGEST_READER_NAME, check_role
from magic_demo.reviews.store.rows.review_rows import read_review
from magic_demo.reviews.store.rows.review_values import check_values, list_masks
from magic_demo.reviews.store.rows.seen import write_known
from magic_demo.reviews.store.tables import (
    CaseRow,
    MaskRow,
    PredictionRow,
    ProposedCoverRow,
    ReaderRow,
    ReviewRow,
    SaveKeyRow,
    SeenRow,
    ShowingRow,
    TrailRow,
)

AT_ONCE = 500
_DIGEST = re.compile(r"([0-9a-f]{12})?")


def check_rows(session: Session) -> None:
    """Read every row of a store as it will be read later.

    Raises StoreError, one line, at the first that cannot be.
    """
    for reader in session.scalars(sa.select(ReaderRow)):
        with _naming("reader", reader.id):
            _check_reader(reader)
    for case in _read(session, sa.select(CaseRow)):
        with _naming("case", case.number):
            _check_case(case)
    sizes: dict[tuple[int, str], MaskRuns] = {}
    for mask in _read(session, sa.select(MaskRow)):
        with _naming("mask of case", mask.case_number):
            sizes[mask.case_number, mask.digest] = _check_mask(mask)
    for review in _read(session, sa.select(ReviewRow)):
        with _naming("review", review.number):
            _check_review(review, sizes)
    for key in _read(session, sa.select(SaveKeyRow)):
        with _naming("save of review", key.number):
            check_name(key.client_key, Message("save"))
    predictions: set[tuple[int, str]] = set()
    for prediction in _read(session, sa.select(PredictionRow)):
        with _naming("prediction of case", prediction.case_number):
            _require(prediction.digest == digest_of(prediction.content), "its digest is another's")
            check_packed(prediction.content, "the prediction")
            predictions.add((prediction.case_number, prediction.digest))
    for showing in _read(session, sa.select(ShowingRow)):
        with _naming("showing of case", showing.case_number):
            _require((showing.case_number, showing.digest) in predictions, "what was shown is not there")
    for seen in _read(session, sa.select(SeenRow)):
        with _naming("what was seen of case", seen.case_number):
            _require(seen.what in get_args(Knowledge), f"{seen.what[:40]!r} is nothing that is seen")
    for entry in _read(session, sa.select(TrailRow)):
        with _naming("row of the audit trail", entry.number):
            _require(entry.what in TRAIL_KINDS, f"{entry.what[:40]!r} is nothing that it keeps")
            for text in (entry.who, entry.detail, entry.origin):
                _require(len(text) <= LONGEST_NAME and is_line(text), "a text of it is no line")
    for proposed in _read(session, sa.select(ProposedCoverRow)):
        with _naming("proposed covering", proposed.number):
            _require(is_file_name(proposed.photo_id), "its photo is no file name")
            check_area(MaskRuns((proposed.height, proposed.width), proposed.counts))


def _read(session: Session, query: sa.Select[Any]) -> Iterable[Any]:
    """Yield rows a few at a time, and forget each: a store may be larger than memory."""
    for row in session.scalars(query.execution_options(yield_per=AT_ONCE)):
        yield row
        session.expunge(row)


@contextmanager
def _naming(what: str, number: int) -> Iterator[None]:
    """Say of which row an error is."""
    try:
        yield
    except (
        MagicDemoError,
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
        RecursionError,
        OverflowError,
    ) as error:
        reason = (
            one_line(error, 200)
            if isinstance(error, MagicDemoError)
            else f"{type(error).__name__}: {one_line(error, 120)}"
        )
        raise StoreError(
            "{what} {number} cannot be ({reason}); take another backup",
            what=what,
            number=number,
            reason=reason,
        ) from error


def _require(fits: bool, otherwise: str) -> None:
    if not fits:
        raise StoreError(otherwise)


def _check_reader(reader: ReaderRow) -> None:
    check_name(reader.name, Message("reader"), LONGEST_READER_NAME)
    check_role(reader.role)
    _require(
        reader.folded == fold_name(reader.name), f"{reader.folded!r} is not how {reader.name!r} is found"
    )
    _require(reader.password is None or reader.password.startswith("$argon2"), "its password is no hash")
    if reader.folded == LOCAL_READER:
        _require(
            reader.password is None and reader.removed_at is None,
            "the local reader has no password and stays",
        )


def _check_case(case: CaseRow) -> None:
    check_name(case.queue, Message("queue"))
    check_name(case.case_id, Message("case"))
    _require(
        case.uncertainty is None or math.isfinite(case.uncertainty),
        f"the uncertainty {case.uncertainty} is no number",
    )
    unpack_doubts(case.doubts)
    photos = json.loads(case.photos or "[]")
    _require(
        isinstance(photos, list) and all(isinstance(photo, str) and is_file_name(photo) for photo in photos),
        "a photo of it is no file name",
    )
    if case.folder is not None:
        check_name(case.folder, Message("folder"), longest=4000)
        _require(
            not case.photos_kept or case.folder == str(case.number),
            f"{case.folder!r} is no folder of this store",
        )


def _check_mask(mask: MaskRow) -> MaskRuns:
    runs = MaskRuns((mask.height, mask.width), mask.counts)
    _check_size(runs)
    _require(mask.digest == digest_of(f"{runs.size} {runs.counts}"), "its digest is another's")
    column_lengths(runs)
    return MaskRuns(runs.size, "")


def check_area(runs: MaskRuns) -> None:
    """Raise StoreError or FormatError for run lengths that are no mask of a photo."""
    _check_size(runs)
    column_lengths(runs)


def _check_size(runs: MaskRuns) -> None:
    _require(
        min(runs.size) > 0 and runs.size[0] * runs.size[1] <= LIMITS.photo_pixels,
        f"its size {runs.size} is no photo's",
    )


def _check_review(row: ReviewRow, masks: dict[tuple[int, str], MaskRuns]) -> None:
    content = read_content(row)
    _require(
        all((row.case_number, digest) in masks for digest in list_masks(content)),
        "it holds a mask that is not there",
    )
    review = read_review(row, content, masks, case_id="its case", reader="its reader", queue="its queue")
    _check_types(review, content.get("questions", ""))
    check_values(review, with_masks=False)
    _require(write_known(review.known) == row.known, f"it knows {row.known[:40]!r}")
    _require(row.flagged == content["flagged"], "it is flagged in one place and not in another")


def _check_types(review: Review, questions: object) -> None:
    """questions: the digest of the questions that the review answers, empty for the challenge's."""
    _require(
        isinstance(questions, str) and _DIGEST.fullmatch(questions) is not None, "its questions are none"
    )
    counts = load_challenge().option_counts if not questions else None
    for qid, option in review.answers.items():
        count = MOST_OPTIONS if counts is None else counts.get(qid, 0)
        _require(
            type(option) is int and 0 <= option < count,
            f"it answers {qid[:40]!r} with {str(option)[:40]}",
        )
    _require(counts is None or set(review.specified) <= set(counts), "it specifies what is no question")
    for texts in (review.specified, review.models):
        _require(
            all(isinstance(text, str) for pair in texts.items() for text in pair), "a text of it is none"
        )
    listed = [*review.unusable, *review.missing, *(review.disagreements or ()), review.comment]
    _require(all(isinstance(text, str) for text in listed), "a text of it is none")
    for name in CHOICES:
        value = getattr(review, name)
        _require(value is None or isinstance(value, str), f"its {name} is none")
