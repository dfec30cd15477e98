"""The small pictures in the list of cases: of what a reader may open and as the reader may see it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from magic_demo.core.errors import StoreError
from magic_demo.core.review_types import CaseKey
from magic_demo.core.types import Pixels
from magic_demo.page.server.downloads.thumbnails import (
    NOTHING,
    SIDE,
    Thumbnails,
    draw_thumbnail,
    list_thumbnail_routes,
)
from magic_demo.page.session.desk.desk import Desk
from magic_demo.page.session.desk.photos import cover_photo_area
from magic_demo.reviews.store import LOCAL_READER, Store
from magic_demo.synthetic.cases import write_cases


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    write_cases(tmp_path / "clinic", count=2, seed=5, longest=120)
    with Store.open(tmp_path / "store") as store:
        store.add_reader("ann")
        desk = Desk(store)
        assert desk.add_queue(tmp_path / "clinic") == []
        yield desk


def read(picture: bytes | None) -> Pixels:
    assert picture is not None
    return np.asarray(cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR), np.uint8)


def first_case(desk: Desk) -> CaseKey:
    return desk.opened_store.list_cases("clinic", LOCAL_READER)[0].key


def test_a_thumbnail_is_the_middle_of_the_first_photo() -> None:
    pixels = np.zeros((60, 200, 3), np.uint8)
    pixels[:, 70:130] = (200, 40, 40)
    drawn = read(draw_thumbnail(pixels))
    assert drawn.shape == (SIDE, SIDE, 3) and drawn[..., 2].mean() > 190 and drawn[..., 0].mean() < 60


def test_the_route_sends_pictures_and_nothing_of_what_is_not_there(desk: Desk) -> None:
    key = first_case(desk)
    with TestClient(Starlette(routes=list_thumbnail_routes(desk))) as client:
        found = client.get("/thumbnail", params={"queue": key.queue, "case": key.case_id})
        missing = client.get("/thumbnail", params={"queue": key.queue, "case": "gone"})
    assert found.headers["content-type"] == "image/jpeg" and read(found.content).shape == (SIDE, SIDE, 3)
    assert found.headers["cache-control"] == "no-store"
    assert (missing.status_code, missing.content) == (200, NOTHING)


def test_a_case_of_others_has_no_picture(desk: Desk) -> None:
    key = first_case(desk)
    desk.opened_store.add_reader("bo")
    desk.opened_store.share_out(key.queue, [key.case_id], ["ann"], each=1)
    thumbnails = Thumbnails(desk)
    assert thumbnails.draw(key, "ann") is not None
    with pytest.raises(StoreError, match="assigned to others"):
        thumbnails.draw(key, "bo")


def test_what_was_covered_is_covered_in_the_picture(desk: Desk) -> None:
    key = first_case(desk)
    thumbnails = Thumbnails(desk)
    before = read(thumbnails.draw(key, LOCAL_READER))
    case = desk.opened_store.case(key, LOCAL_READER)
    photo = desk.read_first_photo(case, LOCAL_READER)
    assert photo is not None
    desk.keep_covered(case, cover_photo_area(photo, np.ones(photo.size, np.bool_)))
    after = read(thumbnails.draw(key, LOCAL_READER)).astype(float)
    assert (after != before).any() and after.std() < before.std()
