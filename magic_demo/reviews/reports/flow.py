"""The flow of a study's cases: how many there were, which are in no comparison and why, what each reader did.

``flow.csv`` has a row for every case and reader, ``flow_<language>.svg`` is the picture for a paper's first figure,
in the manner of CONSORT.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, Literal, get_args

from magic_demo.core.disk.whole_files import write_whole
from magic_demo.core.review_types import SavedReview
from magic_demo.core.types import Language
from magic_demo.reviews.exports.tabular.csv_files import write_csv_table
from magic_demo.reviews.exports.tabular.tables import join_names
from magic_demo.reviews.reports.wording import say
from magic_demo.reviews.store import QueueCase
from magic_demo.reviews.store.rules import OWN_READINGS

Standing = Literal["not begun", "unfinished", "left open", "complete"]
STANDINGS: tuple[Standing, ...] = get_args(Standing)
"""How far a reader is with a case, from the least."""
COLUMNS = ("case", "reader", "standing", "left_open", "unusable_photos", "flagged")
MOST_READERS = 8
"""Boxes in the last row of the picture; the table has all readers."""
_WIDTH, _ROW, _PAD = 760, 19, 12


@dataclass(frozen=True)
class Step:
    """A reader's case: how far, what a finished reading left open, which photos it called unusable."""

    case_id: str
    reader: str
    standing: Standing
    left_open: tuple[str, ...] = ()
    unusable: tuple[str, ...] = ()
    flagged: bool = False


@dataclass(frozen=True)
class Flow:
    """A queue's cases. steps: of every case and reader whose it is, in the queue's order."""

    case_ids: tuple[str, ...]
    readers: tuple[str, ...]
    steps: tuple[Step, ...]

    @property
    def reached(self) -> Counter[Standing]:
        """Return how many cases came how far: as far as the reader who is furthest. All but "complete" are in no
        comparison."""
        furthest = dict.fromkeys(self.case_ids, STANDINGS[0])
        for step in self.steps:
            furthest[step.case_id] = max(furthest[step.case_id], step.standing, key=STANDINGS.index)
        return Counter(furthest.values())

    @property
    def shared(self) -> int:
        """Return how many cases two readers or more have completed."""
        counted = Counter(step.case_id for step in self.steps if step.standing == "complete")
        return sum(count > 1 for count in counted.values())

    def of_reader(self, reader: str) -> Counter[Standing]:
        """Return how many cases a reader has brought how far."""
        return Counter(step.standing for step in self.steps if step.reader == reader)


def measure_flow(
    cases: Sequence[QueueCase], reviews: Iterable[SavedReview], readers: Collection[str] = ()
) -> Flow:
    """Return the flow of a queue's cases. reviews: rows of that queue, each reader's newest is what counts; readers:
    these alone, where there are any.

    A case is a reader's where it is assigned to them or to nobody, or they have read it.
    """
    own = [
        saved
        for saved in sorted(reviews, key=lambda saved: saved.number)
        if saved.review.kind in OWN_READINGS and (not readers or saved.review.reader in readers)
    ]
    read = {(saved.review.case_id, saved.review.reader) for saved in own}
    newest = {(saved.review.case_id, saved.review.reader): saved for saved in own}
    newest |= {
        (saved.review.case_id, saved.review.reader): saved for saved in own if saved.review.state == "done"
    }
    names = sorted(
        {reader for _, reader in read}
        | {name for case in cases for name in case.assigned_to if not readers or name in readers}
    )
    steps = [
        _step(case.key.case_id, reader, newest.get((case.key.case_id, reader)))
        for case in cases
        for reader in names
        if not case.assigned_to or reader in case.assigned_to or (case.key.case_id, reader) in read
    ]
    return Flow(tuple(case.key.case_id for case in cases), tuple(names), tuple(steps))


def _step(case_id: str, reader: str, saved: SavedReview | None) -> Step:
    if saved is None:
        return Step(case_id, reader, "not begun")
    review = saved.review
    standing: Standing = (
        "unfinished" if review.state != "done" else "complete" if review.complete else "left open"
    )
    return Step(
        case_id,
        reader,
        standing,
        tuple(sorted(review.missing)),
        tuple(sorted(review.unusable)),
        review.flagged,
    )


def write_flow(folder: Path, flow: Flow, languages: Sequence[Language]) -> None:
    """Write the table and the picture in each language. Raises OSError."""
    rows: list[dict[str, Any]] = [
        {
            "case": step.case_id,
            "reader": step.reader,
            "standing": step.standing,
            "left_open": join_names(step.left_open),
            "unusable_photos": join_names(step.unusable),
            "flagged": int(step.flagged),
        }
        for step in flow.steps
    ]
    write_csv_table(folder / "flow.csv", COLUMNS, rows)
    for language in languages:
        write_whole(folder / f"flow_{language}.svg", draw_flow(flow, language))


def draw_flow(flow: Flow, language: Language) -> str:
    """Return the picture as SVG, black on white: all cases, those left out and why beside them, those compared, and
    a box for each reader."""
    reached = flow.reached
    lost = [(standing, reached[standing]) for standing in STANDINGS[:-1] if reached[standing]]
    left_out = sum(count for _, count in lost)
    top = _box(_WIDTH * 0.05, 10, _WIDTH * 0.4, [say("flow_cases", language, count=len(flow.case_ids))])
    beside = _box(
        _WIDTH * 0.55,
        10 + top.height + 14,
        _WIDTH * 0.42,
        [
            say("flow_left_out", language, count=left_out),
            *(f"{say(f'flow_{standing}', language)}: {count}" for standing, count in lost),
        ],
    )
    compared = _box(
        _WIDTH * 0.05,
        beside.bottom + 14,
        _WIDTH * 0.4,
        [
            say("flow_compared", language, count=reached["complete"]),
            say("flow_shared", language, count=flow.shared),
        ],
    )
    shown = flow.readers[:MOST_READERS]
    gap = 10
    width = (_WIDTH - 2 * gap - gap * (min(4, len(shown)) - 1)) / max(1, min(4, len(shown)))
    readers = []
    below = compared.bottom + 34
    for number, reader in enumerate(shown):
        counts = flow.of_reader(reader)
        lines = [
            f"{say(f'flow_{standing}', language)}: {counts[standing]}" for standing in reversed(STANDINGS)
        ]
        row, column = divmod(number, 4)
        height = (len(lines) + 1) * _ROW + _PAD
        readers.append(
            _box(gap + column * (width + gap), below + row * (height + gap), width, [reader, *lines])
        )
    bottom = max([compared.bottom, *(box.bottom for box in readers)]) + 10
    trunk = _WIDTH * 0.25
    arrows = [
        _arrow(trunk, top.bottom, trunk, compared.y),
        _arrow(trunk, beside.y + beside.height / 2, beside.x, beside.y + beside.height / 2),
    ]
    drawn = "".join(box.draw() for box in (top, beside, compared, *readers))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {bottom:g}" width="{_WIDTH}" '
        f'height="{bottom:g}" role="img" font-family="sans-serif" font-size="13"><title>'
        f"{escape(say('flow_title', language))}</title>"
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        '<path d="M0 0L8 4L0 8z"/></marker></defs>'
        f'<rect width="100%" height="100%" fill="#fff"/>{"".join(arrows)}{drawn}</svg>\n'
    )


@dataclass(frozen=True)
class _Box:
    x: float
    y: float
    width: float
    lines: tuple[str, ...]

    @property
    def height(self) -> float:
        return len(self.lines) * _ROW + _PAD

    @property
    def bottom(self) -> float:
        return self.y + self.height

    def draw(self) -> str:
        """Return the box with its lines; the first is bold, what is too long is squeezed into the box."""
        inside = self.width - 2 * _PAD
        texts = "".join(
            f'<text x="{self.x + _PAD:g}" y="{self.y + (number + 1) * _ROW:g}"'
            f' font-weight="{400 if number else 700}"{_squeeze(line, inside)}>{escape(line)}</text>'
            for number, line in enumerate(self.lines)
        )
        return (
            f'<rect x="{self.x:g}" y="{self.y:g}" width="{self.width:g}" height="{self.height:g}" fill="#fff" '
            f'stroke="#000"/>{texts}'
        )


def _squeeze(line: str, inside: float) -> str:
    # a Chinese character is about twice as wide as a Latin one; 7.2: of a bold one at 13 px
    long = sum(14 if ord(letter) > 0x2E80 else 7.2 for letter in line) > inside
    return f' textLength="{inside:g}" lengthAdjust="spacingAndGlyphs"' if long else ""


def _box(x: float, y: float, width: float, lines: Sequence[str]) -> _Box:
    return _Box(x, y, width, tuple(lines))


def _arrow(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<path d="M{x1:g} {y1:g}L{x2:g} {y2:g}" stroke="#000" fill="none" marker-end="url(#tip)"/>'
