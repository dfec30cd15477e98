"""The database goes away and comes back, the clock is set back: what was answered is there, what was not is
said and saved by the next try."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from magic_demo.core.errors import StoreError
from magic_demo.core.review_types import CaseKey, Review
from magic_demo.core.types import Encounter, Prediction
from magic_demo.page.events.drafts.saving import Saver
from magic_demo.page.session.desk.desk import Desk
from magic_demo.page.session.open_cases import OpenCases
from magic_demo.page.session.review import Drafts, Reading, ReviewDraft
from magic_demo.reviews.store import LOCAL_READER, NewCase, Store
from magic_demo.reviews.store.rows import predictions as stored_predictions
from magic_demo.reviews.store.rows import reviews as stored_reviews
from tests.support.changes import change_open, name_open
from tests.support.store.postgresql import PostgresServer

KEY = CaseKey("q", "E1")
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
"""pg8000 leaves a socket whose server has gone to the garbage collector."""


@pytest.fixture
def crashing(postgres_server: PostgresServer, postgres_store: str) -> Iterator[str]:
    """Give the URL of a store on PostgreSQL that holds one case, on the server that a test may end and
    start."""
    with Store.open(postgres_store) as store:
        store.add_cases("q", [NewCase("E1")])
    yield postgres_store
    postgres_server.execute(
        "TRUNCATE tokens, outbox, receivers, audit_trail, proposed_covers, save_keys, seen, showings, predictions, masks, "
        "reviews, assignments, cases",
        database="store",
    )


def test_a_page_whose_database_is_gone_says_so_and_saves_all_once_it_is_back(
    crashing: str, postgres_server: PostgresServer
) -> None:
    with Store.open(crashing, wait_seconds=2) as store:
        drafts, cases = Drafts(), OpenCases()
        saver = Saver(Desk(store), drafts, cases)
        case = cases.open(Encounter("E1"), queued=True)
        drafts.begin(
            "mine",
            ReviewDraft(
                case.open_id, reading=Reading(KEY, LOCAL_READER, "assisted", "assisted", model_shown=True)
            ),
        )
        change_open(saver, drafts, "mine", "comment", "before")
        saver.save(name_open(drafts, "mine"))
        postgres_server.crash()
        try:
            change_open(saver, drafts, "mine", "comment", "while it was gone")
            change_open(saver, drafts, "mine", "answers", {"CQID010-001": 1})
            for _ in range(2):
                with pytest.raises(StoreError, match=r"the server does not answer.*check that it runs"):
                    saver.save(name_open(drafts, "mine"))
        finally:
            postgres_server.start()
        saved = saver.save(name_open(drafts, "mine"))
        assert (
            saved is not None
            and saved.review.comment == "while it was gone"
            and saved.review.answers == {"CQID010-001": 1}
        )
        assert [row.review.comment for row in store.history(KEY, LOCAL_READER)] == [
            "before",
            "while it was gone",
        ]


def test_saves_under_way_when_the_database_crashes_are_answered_and_kept_or_neither(
    crashing: str, postgres_server: PostgresServer
) -> None:
    answered: list[str] = []
    refused: list[str] = []
    with Store.open(crashing, wait_seconds=2) as store:
        enough, back = threading.Event(), threading.Event()

        def save() -> None:
            after = 0
            while after < 5:
                comment = str(len(answered) + len(refused))
                try:
                    store.save(Review("E1", LOCAL_READER, queue="q", comment=comment), client_key=comment)
                except StoreError as error:
                    refused.append(comment)
                    assert "\n" not in str(error)
                    back.wait(30)
                    continue
                answered.append(comment)
                enough.set() if len(answered) == 10 else None
                after += back.is_set()

        saving = threading.Thread(target=save)
        saving.start()
        assert enough.wait(30)
        postgres_server.crash()
        postgres_server.start()
        back.set()
        saving.join(60)
        kept = [row.review.comment for row in store.history(KEY, LOCAL_READER)]
        assert not saving.is_alive() and len(answered) >= 15
        assert set(answered) <= set(kept) <= {*answered, *refused}
        for comment in set(refused) - set(kept):  # sent again with the same key, each is there once
            store.save(Review("E1", LOCAL_READER, queue="q", comment=comment), client_key=comment)
        again = [row.review.comment for row in store.history(KEY, LOCAL_READER)]
        assert sorted(again) == sorted({*answered, *refused})


def test_a_clock_that_is_set_back_changes_no_order(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Readings follow each other by their rows, and so does what was shown last."""
    now = datetime(2026, 3, 29, 3, 0, tzinfo=UTC)

    class Clock(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return now

    for module in (stored_reviews, stored_predictions):
        monkeypatch.setattr(module, "datetime", Clock)
    store.add_cases("q", [NewCase("E1"), NewCase("E2")])
    for turn in range(4):
        store.save(Review("E2", LOCAL_READER, queue="q", comment=str(turn)))
        store.save(Review("E1", LOCAL_READER, queue="q", comment=str(turn)))
        store.note_shown(
            KEY, LOCAL_READER, Prediction("E1", answers={"CQID010-001": turn % 3}, models={"cvqa": str(turn)})
        )
        now -= timedelta(hours=1)
    assert [row.review.comment for row in store.history(KEY, LOCAL_READER)] == ["0", "1", "2", "3"]
    latest, shown = store.latest(KEY, LOCAL_READER), store.shown(KEY)
    assert latest is not None and latest.review.comment == "3"
    assert shown is not None and shown.models == {"cvqa": "3"}
    assert max(store.list_cases("q", LOCAL_READER), key=lambda case: case.number).key == KEY, "worked on last"
    kept = store.save(Review("E1", LOCAL_READER, "blind", queue="q"))
    assert kept.review.kind == "assisted", "the model was shown before, whatever the clock says"
