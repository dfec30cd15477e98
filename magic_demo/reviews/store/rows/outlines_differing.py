"""How far readers' outlines of a case differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import combinations
from statistics import fmean
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from magic_demo.core.errors import FormatError
from magic_demo.core.review_types import CaseKey, MaskRuns
from magic_demo.imaging.run_lengths import area, overlap
from magic_demo.reviews.store.rows.cases import AT_ONCE
from magic_demo.reviews.store.tables import CaseRow, MaskRow

Contents = Mapping[CaseKey, Sequence[Mapping[str, Any]]]
"""Case -> what the newest finished review of each of its readers says, as its row holds it."""


def measure_outlines(session: Session, contents: Contents) -> dict[CaseKey, float]:
    """Return 1 less the mean Dice of two readers' outlines of the same photo, 0..1, of the cases that have such
    a photo; two that say "no lesion here" agree."""
    pairs = {key: [*_pair(readings)] for key, readings in contents.items()}
    wanted = {digest for found in pairs.values() for pair in found if pair[0] != pair[1] for digest in pair}
    masks = _read_masks(session, sorted(wanted))
    differ = {}
    for key, found in pairs.items():
        values = []
        for pair in found:
            with suppress(KeyError, FormatError):  # a damaged mask is named where it is read
                values.append(
                    0.0 if pair[0] == pair[1] else _differ(*(masks[key, digest] for digest in pair))
                )
        if values:
            differ[key] = fmean(values)
    return differ


def _pair(readings: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield the digests of every two outlines of a photo that both readers could use."""
    for first, second in combinations(readings, 2):
        unusable = {*first.get("unusable", ()), *second.get("unusable", ())}
        for photo_id in first["masks"].keys() & second["masks"].keys() - unusable:
            yield first["masks"][photo_id], second["masks"][photo_id]


def _read_masks(session: Session, digests: Sequence[str]) -> dict[tuple[CaseKey, str], MaskRuns]:
    query = sa.select(
        CaseRow.queue, CaseRow.case_id, MaskRow.digest, MaskRow.height, MaskRow.width, MaskRow.counts
    ).join(CaseRow, CaseRow.number == MaskRow.case_number)
    return {
        (CaseKey(row.queue, row.case_id), row.digest): MaskRuns((row.height, row.width), row.counts)
        for start in range(0, len(digests), AT_ONCE)
        for row in session.execute(query.where(MaskRow.digest.in_(digests[start : start + AT_ONCE])))
    }


def _differ(first: MaskRuns, second: MaskRuns) -> float:
    size = area(first) + area(second)
    return 1 - 2 * overlap(first, second) / size if size else 0.0
