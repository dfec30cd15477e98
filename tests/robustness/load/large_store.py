"""``python -m tests.robustness.load.large_store [--cases 10000]``: how long the queue and the agreement page take
to open over a store of that many encounters.

Every case is read by two readers, with a mask each; the store is made by loading rows, then opened as the
page opens it. Measured in the program, without a browser; ``build/reliability/large_store.json`` keeps the
numbers for ``python -m tests.robustness.reliability``.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from magic_demo.core.review_types import CaseKey, Review
from magic_demo.imaging.run_lengths import encode_mask
from magic_demo.page.agreement.agreement_page import Seen, add_agreement_page
from magic_demo.page.agreement.filters import View
from magic_demo.page.panels.queue.queue_panel import Arrangement, queue_value
from magic_demo.page.session.desk.desk import Desk
from magic_demo.reviews.store import LOCAL_READER, CaseOrder, NewCase, Store
from tests.robustness.load.results import write_result
from tests.support.store.reviewed_cases import answer, draw_mask

READERS = ("Ann", "Bo")
MOST_QUEUE_SECONDS, MOST_AGREEMENT_SECONDS = 1.0, 2.0
KINDS = 40
"""Different readings that are made by the store itself; the others repeat them under other numbers."""


def write_large_store(place: Path, cases: int) -> None:
    """Write a store with so many cases, each with a finished reading of every reader: few are saved, and
    their rows repeated for the others."""
    with tempfile.TemporaryDirectory() as folder, Store.open(folder) as small, Store.open(place) as large:
        for name in READERS:
            small.add_reader(name)
        small.add_cases("q", [NewCase(f"E{number}", folder) for number in range(KINDS)])
        for number in range(KINDS):
            for turn, name in enumerate(READERS):
                masks = {"A": encode_mask(draw_mask((240, 320), number + turn))}
                answers = answer(number + turn * (number % 3 == 0))
                small.save(
                    Review(
                        f"E{number}",
                        name,
                        "assisted",
                        "done",
                        answers,
                        masks=masks,
                        queue="q",
                        disagreements=frozenset(),
                    )
                )
        with small.dump() as dump:
            rows = list(dump.rows)
            last = dict(dump.last_numbers)
        made = list(_repeat(rows, -(-cases // KINDS)))
        counts = {table: sum(one == table for one, _ in made) for table, _ in made}
        large.load(made, {**last, "cases": 0, "reviews": 0}, counts)


def _repeat(rows: list[tuple[str, dict[str, Any]]], times: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the readers and the audit trail once, and cases, masks and reviews so many times with numbers and
    ids of their own, table by table."""
    reviews = sum(table == "reviews" for table, _ in rows)
    for wanted in dict.fromkeys(table for table, _ in rows):
        for time_ in range(1 if wanted in ("readers", "audit_trail") else times):
            for values in (dict(values) for table, values in rows if table == wanted):
                if wanted == "cases":
                    values |= {
                        "case_id": f"{values['case_id']}-{time_}",
                        "position": values["position"] + time_ * KINDS,
                    }
                if wanted in ("cases", "reviews"):
                    values["number"] += time_ * (KINDS if wanted == "cases" else reviews)
                if values.get("case_number") is not None:  # what the audit trail tells of readers has none
                    values["case_number"] += time_ * KINDS
                yield wanted, values


def measure(place: Path) -> dict[str, float]:
    """Return the seconds that each question takes the first time, by name."""
    import gradio as gr

    found: dict[str, float] = {}

    def timed(name: str, ask: Callable[[], object]) -> None:
        began = time.perf_counter()
        ask()
        found[name] = round(time.perf_counter() - began, 2)

    with Store.open(place) as store:
        page = add_agreement_page(gr.Blocks(), Desk(store), {})
        seen = [Seen()]

        def follow() -> None:
            """Ask as the page does, every time its clock ticks."""
            told = page.follow(View(), seen[0], SimpleNamespace(cookies={}))  # type: ignore[arg-type]
            seen[0] = told[page.seen] if isinstance(told[page.seen], Seen) else seen[0]

        def follow_until_drawn() -> None:
            while not isinstance(seen[0].version, tuple) or seen[0].version[0] != store.version():
                follow()

        def list_cases(order: CaseOrder) -> None:
            arrangement = Arrangement("q", order, "assisted")
            cases, progress = store.list_cases("q", LOCAL_READER, order=order), store.progress("q")
            json.dumps(
                queue_value(
                    arrangement,
                    ["q"],
                    cases,
                    reader=LOCAL_READER,
                    signed_in=True,
                    case_id=None,
                    open_id=None,
                    progress=progress,
                )
            )

        timed("queue page", lambda: list_cases("position"))
        timed("queue page, most disputed first", lambda: list_cases("disputed"))
        timed("one case", lambda: store.case(CaseKey("q", "E1-0"), LOCAL_READER))
        timed("a save", lambda: store.save(Review("E1-0", "Ann", "assisted", "done", answer(5), queue="q")))
        timed("agreement page", follow)
        timed("its numbers, the first time since the start", follow_until_drawn)
        timed("agreement page, later", lambda: page.follow(View(), Seen(), SimpleNamespace(cookies={})))  # type: ignore[arg-type]
        store.save(Review("E2-0", "Ann", "assisted", "done", answer(6), queue="q"))
        timed("its numbers after a save", follow_until_drawn)
    return found


def main() -> int:
    """Make the store, measure, print and keep; returns 1 where a page takes too long."""
    parser = argparse.ArgumentParser(description="How long pages take to open over a large store.")
    parser.add_argument("--cases", type=int, default=10_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write_large_store(Path(folder, "store"), arguments.cases)
        with Store.open(Path(folder, "store")) as store:
            cases, readings = len(store.list_cases("q", LOCAL_READER)), len(store.all_reviews())
        seconds = measure(Path(folder, "store"))
    print(
        f"{cases} cases, {readings} readings, {datetime.now(UTC).date()}",
        *(f"{name:<46} {took:.2f} s" for name, took in seconds.items()),
        sep="\n",
    )
    write_result("large_store", {"cases": cases, "readings": readings, "seconds": seconds})
    return int(
        seconds["queue page"] >= MOST_QUEUE_SECONDS or seconds["agreement page"] >= MOST_AGREEMENT_SECONDS
    )


if __name__ == "__main__":
    sys.exit(main())
