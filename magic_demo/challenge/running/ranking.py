"""A run's cases by what they are expected to teach, as the page's queue orders them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from magic_demo.challenge.run_folder import JOURNAL, MASKS, RANKING
from magic_demo.challenge.running.journal import Journal
from magic_demo.reviews.exports.tabular.csv_files import write_csv_table
from magic_demo.reviews.learning.gain import REASONS, Doubts, expect_gain, rank_cases, unpack_doubts

COLUMNS = ("rank", "encounter_id", "gain", "reason", "abstained", "variance", "distance")


def write_ranking(out: Path, encounter_ids: Collection[str] | None = None) -> Path:
    """Write RANKING below a run's folder: every finished encounter, the one that is expected to teach most first,
    and why. Returns the file.

    encounter_ids: those that count, as a journal keeps what the data have lost since; None for all. Raises FormatError
    where the journal cannot be read, OSError.
    """
    journal = Journal(out / JOURNAL, out / MASKS)
    known = None if encounter_ids is None else frozenset(encounter_ids)
    names = [name for name in journal if known is None or name in known]
    doubts = [_read(journal[name].doubts) for name in names]
    gains = [expect_gain(one) for one in doubts]

    def rows() -> Iterator[dict[str, Any]]:
        for rank, index in enumerate(rank_cases(gains), start=1):
            gain, one = gains[index], doubts[index]
            numbers = {name: getattr(one, name) for name in COLUMNS[4:]}
            yield {
                "rank": rank,
                "encounter_id": names[index],
                "gain": round(gain.value, 4),
                "reason": str(REASONS[gain.reason]) if gain.reason else "",
                **{name: "" if value is None else round(value, 4) for name, value in numbers.items()},
            }

    write_csv_table(out / RANKING, COLUMNS, rows())
    return out / RANKING


def _read(packed: str | None) -> Doubts:
    """Return an entry's doubts; none where a journal of an earlier version, or a damaged one, has none."""
    try:
        return unpack_doubts(packed)
    except (ValueError, TypeError):
        return Doubts()
