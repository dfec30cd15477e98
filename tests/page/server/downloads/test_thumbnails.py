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
from magic_demo.imaging.run_lengths import encode_mask
from magic_demo.page.server.downloads import thumbnails as module
from magic_demo.page.server.downloads.thumbnails import (
    NOTHING,
    SIDE,
    Thumbnails,
    draw_thumbnail,
    list_thumbnail_routes,
)
from magic_demo.page.session.desk.desk import Desk
from magic_demo.page.session.desk.photos import cover_photo_area
from magic_demo.reviews.store import LOCAL_READER, Actor, Store
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


@pytest.mark.parametrize("drawn_before", [False, True])
def test_what_another_program_of_the_store_covers_or_the_reader_proposed_to_cover_is_not_shown(
    desk: Desk, drawn_before: bool
) -> None:
    key, store = first_case(desk), desk.opened_store
    thumbnails, before = Thumbnails(desk), read(Thumbnails(desk).draw(key, "ann"))
    store.add_reader("bo")
    if drawn_before:
        assert thumbnails.draw(key, "ann") and thumbnails.draw(key, "bo")
    with Store.open(Path(store.location).parent) as opened:
        another = Desk(opened)
        case = opened.case(key, LOCAL_READER)
        photo = another.read_first_photo(case, LOCAL_READER)
        assert photo is not None
        everything = np.ones(photo.size, np.bool_)
        number = opened.propose_cover(key, photo.photo_id, encode_mask(everything), Actor("ann"))
        assert (read(thumbnails.draw(key, "ann")) != before).any(), "hidden from who has proposed it"
        assert (read(thumbnails.draw(key, "bo")) == before).all()
        opened.end_proposal(number, Actor("chen"), confirmed=False)
        assert (read(thumbnails.draw(key, "ann")) == before).all(), "it was refused"
        another.keep_covered(case, cover_photo_area(photo, everything))
    for reader in ("ann", "bo"):
        assert (read(thumbnails.draw(key, reader)) != before).any()


def test_what_is_covered_while_a_picture_is_drawn_is_not_kept_uncovered(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, thumbnails = first_case(desk), Thumbnails(desk)
    drawn: list[Pixels] = []

    def draw(pixels: Pixels) -> bytes:
        if not drawn:
            desk._tell_gone(key)
        drawn.append(pixels)
        return draw_thumbnail(pixels)

    monkeypatch.setattr(module, "draw_thumbnail", draw)
    for _ in range(3):
        thumbnails.draw(key, "ann")
    assert len(drawn) == 2, "the first was not kept, the second was"
