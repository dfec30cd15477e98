"""A large photo from close by: the file's own pixels, for who has the case open and may see it, with what is
covered for them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from magic_demo.core.errors import FormError, StoreError
from magic_demo.core.review_types import CaseKey
from magic_demo.core.types import Encounter, Narrative, Photo
from magic_demo.page.server.downloads.photo_parts import (
    MOST_SIDE,
    cut_part,
    find_photo,
    list_photo_part_routes,
)
from magic_demo.page.session.desk.desk import Desk
from magic_demo.page.session.open_cases import OpenCase
from magic_demo.page.session.sign_in.sign_ins import SignIns
from magic_demo.reviews.store import NewCase, Store

PASSWORD = "correct horse battery"
KEY = CaseKey("clinic", "ENC00001")


def drawn(height: int, width: int) -> Photo:
    """Return a photo whose colours say which pixel is which."""
    rows, columns = np.mgrid[:height, :width]
    pixels = np.stack([rows * 255 / height, columns * 255 / width, np.full((height, width), 90)], axis=2)
    return Photo("arm", pixels.astype(np.uint8))


def sides(left: object, top: object, right: object, bottom: object) -> dict[str, Any]:
    return {"left": left, "top": top, "right": right, "bottom": bottom}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Return a desk with a queue's case and two readers who sign in."""
    with Store.open(tmp_path / "reviews") as store:
        for name in ("ann", "bo"):
            store.add_reader(name, password=PASSWORD)
        store.add_cases(KEY.queue, [NewCase(KEY.case_id, None)])
        yield Desk(store, sign_ins=SignIns(store))


def open_case(desk: Desk, photo: Photo, reader: str | None = "ann", key: CaseKey | None = KEY) -> OpenCase:
    return desk.cases.open(Encounter("ENC00001", Narrative(), (photo,)), key=key, reader=reader)


def cookies(desk: Desk, reader: str) -> dict[str, str]:
    assert desk.sign_ins is not None
    return {"magic-demo-reader": str(desk.sign_ins.enter(reader, PASSWORD))}


def test_a_part_is_the_files_own_pixels_and_never_larger_than_it_may_be() -> None:
    photo = drawn(300, 400)
    assert np.array_equal(cut_part(photo, sides(10, 20, 110, 70)), photo.pixels[20:70, 10:110])
    wide = replace(photo, pixels=np.zeros((10, MOST_SIDE * 2, 3), np.uint8))
    assert cut_part(wide, sides(0, 0, MOST_SIDE * 2, 10)).shape == (5, MOST_SIDE, 3)


@pytest.mark.parametrize(
    "wrong",
    [
        sides(-1, 0, 5, 5),
        sides(0, 0, 401, 5),
        sides(5, 5, 5, 9),
        sides(0, 0, 9, "9"),
        sides(0, 0, True, 9),
        sides(0, 0, 1.5, 9),
        {},
    ],
)
def test_what_is_not_in_the_photo_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(FormError, match="400 x 300"):
        cut_part(drawn(300, 400), wrong)


def test_only_the_reader_who_has_the_case_open_gets_its_photo(desk: Desk) -> None:
    photo = drawn(30, 40)
    case = open_case(desk, photo)
    signed_in = {name: cookies(desk, name) for name in ("ann", "bo")}
    assert find_photo(desk, signed_in["ann"], case.open_id, "arm") is photo
    for reader, open_id, photo_id in (
        ("bo", case.open_id, "arm"),
        ("ann", "thought-up", "arm"),
        ("ann", None, "arm"),
        ("ann", case.open_id, "leg"),
    ):
        with pytest.raises(FormError):
            find_photo(desk, signed_in[reader], open_id, photo_id)
    with pytest.raises(StoreError):
        find_photo(desk, {}, case.open_id, "arm")


def test_a_case_that_was_assigned_to_others_or_deleted_since_is_shown_no_more(desk: Desk) -> None:
    case, signed_in = open_case(desk, drawn(30, 40)), cookies(desk, "ann")
    desk.opened_store.assign(KEY, ["bo"])
    with pytest.raises(StoreError, match="assigned to others"):
        find_photo(desk, signed_in, case.open_id, "arm")
    gone = open_case(desk, drawn(30, 40), key=CaseKey("clinic", "ENC00002"))
    with pytest.raises(StoreError):
        find_photo(desk, signed_in, gone.open_id, "arm")


def test_the_route_sends_what_is_covered_as_covered_and_keeps_no_copy(desk: Desk) -> None:
    case = open_case(desk, drawn(300, 400))
    desk.cases.put_photo(case.open_id, Photo("arm", np.full((300, 400, 3), (9, 9, 9), np.uint8)))
    with TestClient(Starlette(routes=list_photo_part_routes(desk)), cookies=cookies(desk, "ann")) as client:
        answer = client.post(
            "/photo-part", json={"case": case.open_id, "photo": "arm", **sides(0, 0, 50, 40)}
        )
        pixels = np.asarray(Image.open(io.BytesIO(answer.content)))
        assert answer.headers["cache-control"] == "no-store" and pixels.shape == (40, 50, 3)
        assert pixels.max() < 30
        refused = client.post("/photo-part", json={"case": "other", "photo": "arm", **sides(0, 0, 50, 40)})
        assert refused.status_code == 409 and set(refused.json()) == {"en", "zh"}
        assert client.get("/photo-part").status_code == 405
