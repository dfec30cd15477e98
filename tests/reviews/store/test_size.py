"""Ten thousand cases are asked for with as many statements as ten: none is asked for by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from magic_demo.core.review_types import Review
from magic_demo.imaging.run_lengths import encode_mask
from magic_demo.reviews.agreement.sources import AgreementChoice, AgreementSource
from magic_demo.reviews.store import NewCase, Store
from tests.support.store.reviewed_cases import answer, draw_mask

FEW, MANY = 4, 40
QUESTIONS: dict[str, Callable[[Store], object]] = {
    "the list": lambda store: store.list_cases("q", "Li"),
    "the list, most disputed first": lambda store: store.list_cases("q", "Li", order="disputed"),
    "one case": lambda store: store.case(store.list_cases("q", "Li")[0].key, "Li"),
    "progress": lambda store: store.progress("q"),
    "newest reviews": lambda store: store.latest_reviews("q", viewer="Li"),
    "a case's new uncertainty": lambda store: store.add_cases("q", [NewCase("E1", uncertainty=0.5)]),
    "agreement": lambda store: AgreementSource(store, lambda _: None).measure(AgreementChoice(), None),
}


@contextmanager
def counted(store: Store) -> Iterator[list[str]]:
    """Give the statements that are sent within the block."""
    sent: list[str] = []
    engine = store._database.engine

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        sent.append(statement)

    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)


@pytest.mark.parametrize("what", QUESTIONS)
def test_more_cases_need_no_more_statements(store: Store, what: str) -> None:
    counts = []
    for reader in ("Li", "Wang"):
        store.add_reader(reader)
    for size in (FEW, MANY):
        store.add_cases("q", [NewCase(f"E{number}") for number in range(size)])
        for number in range(0 if size == FEW else FEW, size):
            for reader in ("Li", "Wang"):
                masks = {"A": encode_mask(draw_mask((9, 12), number))}
                store.save(
                    Review(f"E{number}", reader, "assisted", "done", answer(number), masks=masks, queue="q")
                )
        with counted(store) as sent:
            QUESTIONS[what](store)
        counts.append(len(sent))
    assert counts[0] == counts[1], sent


def test_masks_are_looked_up_and_not_searched_for(store: Store) -> None:
    store.add_cases("q", [NewCase("E1")])
    mask = encode_mask(draw_mask((9, 12), 1))
    store.save(Review("E1", "local", masks={"A": mask, "B": mask}, queue="q"))
    with counted(store) as sent:
        found = store.latest_reviews("q", viewer=None, state=None)
    assert found[0].review.masks == {"A": mask, "B": mask}
    statement = next(one for one in sent if "FROM wanted JOIN masks" in one)
    # PostgreSQL's plans follow its statistics, which a table this small does not have
    if store._database.sqlite:
        plan = [row[3] for row in _explain(store, statement, [1, "x", 1, "y"])]
        assert any("SEARCH masks USING" in step and "case_number=? AND digest=?" in step for step in plan), (
            plan
        )


def _explain(store: Store, statement: str, values: list[object]) -> list[tuple[str, ...]]:
    with store._database.engine.connect() as connection:
        wanted = values[: statement.count("?")]
        return [
            tuple(map(str, row))
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", tuple(wanted))
        ]
