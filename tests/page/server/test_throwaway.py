"""A store to try things in is emptied from the page, by whom cases may be deleted by."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from magic_demo.page.server.throwaway import list_throwaway_routes
from magic_demo.page.session.desk.desk import Desk
from magic_demo.page.session.sign_in.sign_ins import COOKIE, SignIns
from magic_demo.reviews.store import LOCAL_READER, NewCase, ReaderRole, Store

PASSWORD = "a long password"


@pytest.mark.parametrize(
    ("role", "emptied"), [("adjudicator", True), ("reader", False), ("presenter", False), (None, True)]
)
def test_a_clean_start_is_for_whom_cases_may_be_deleted_by_and_says_who_it_was(
    tmp_path: Path, role: ReaderRole | None, emptied: bool
) -> None:
    with Store.open(tmp_path) as store:
        store.add_cases("q", [NewCase("E1")])
        desk = Desk(store, throwaway=True)
        cookies = {}
        if role is not None:
            store.add_reader("ann", role=role, password=PASSWORD)
            desk.sign_ins = SignIns(store)
            cookies = {COOKIE: str(desk.sign_ins.enter("ann", PASSWORD))}
        with TestClient(Starlette(routes=list_throwaway_routes(desk)), cookies=cookies) as client:
            answered = client.post("/start-afresh", json={})
        assert (answered.status_code, store.case_keys() == []) == ((200, True) if emptied else (409, False))
        assert [(row.who, row.origin) for row in store.trail(kinds=["purge"])] == (
            [("ann" if role is not None else LOCAL_READER, "page testclient")] if emptied else []
        )


def test_nobody_starts_afresh_where_somebody_has_to_sign_in_or_the_store_stays(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.add_cases("q", [NewCase("E1")])
        store.add_reader("ann", password=PASSWORD)
        desk = Desk(store, throwaway=True, sign_ins=SignIns(store))
        with TestClient(Starlette(routes=list_throwaway_routes(desk))) as client:
            assert client.post("/start-afresh", json={}).status_code == 409
        assert store.case_keys() and list_throwaway_routes(Desk(store)) == []
