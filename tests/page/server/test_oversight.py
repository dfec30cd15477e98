"""Covering for good what is others', too, or most of a photo, is an adjudicator's to decide; until then it is
hidden from who proposed it alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from magic_demo.core.review_types import CaseKey
from magic_demo.core.types import Pixels
from magic_demo.files.photos.reading import read_photo
from magic_demo.imaging.run_lengths import encode_mask
from magic_demo.page.build import Desk
from magic_demo.page.events.drafts.saving import Saver
from magic_demo.page.events.review.covering import Covering
from magic_demo.page.events.review.review_state import ReviewState
from magic_demo.page.panels.viewer.mask_form import write_runs
from magic_demo.page.server.oversight.oversight import list_oversight_routes
from magic_demo.page.session.desk import coverings
from magic_demo.page.session.desk.photos import cover_photo_area
from magic_demo.page.session.open_cases import OpenCase
from magic_demo.page.session.review import Reading, ReviewDraft
from magic_demo.page.session.sign_in.sign_ins import COOKIE, SignIns
from magic_demo.reviews.cases import covered_photos
from magic_demo.reviews.cases.covered_photos import write_photo
from magic_demo.reviews.store import Actor, NewCase, Store
from magic_demo.synthetic.bundled import load_examples
from tests.support.fake_predictor import FakePredictor
from tests.support.written_page import lay_out

KEY = CaseKey("uploads", "E1")
PHOTO = load_examples()[0].encounter.photos[0]
PASSWORD = "long enough"


class Room:
    """A store in which ann and bo read and ada adjudicates; a case that is ann's alone unless a test says
    otherwise."""

    def __init__(self, store: Store, folder: Path, *, photos_kept: bool = True) -> None:
        # in a folder of the reader's own a photo is a case of its name
        self.original = folder / "E1" / ("arm.png" if photos_kept else "E1.png")
        write_photo(self.original, PHOTO)
        for name in ("ann", "bo"):
            store.add_reader(name, password=PASSWORD)
        store.add_reader("ada", password=PASSWORD, role="adjudicator")
        store.add_cases(KEY.queue, [NewCase(KEY.case_id, str(folder / "E1"), photos_kept=photos_kept)])
        store.assign(KEY, ["ann"])
        self.store = store
        sign_ins = SignIns(store)
        self.keys = {name: str(sign_ins.enter(name, PASSWORD, name)) for name in ("ann", "bo", "ada")}
        self.lay_out(Desk(store, sign_ins=sign_ins))

    def lay_out(self, desk: Desk) -> None:
        """Lay out a page of a desk of the store."""
        self.desk = desk
        self.handlers = lay_out(FakePredictor(), load_examples())[1]
        self.handlers.cases = self.desk.cases
        self.covering = Covering(
            ReviewState(self.handlers, self.desk, Saver(self.desk, self.handlers.drafts, self.handlers.cases))
        )

    def seen_by(self, reader: str) -> Pixels:
        return self.desk.read_case(self.store.case(KEY, reader), reader).encounter.photos[0].pixels

    def open(self, reader: str, key: CaseKey = KEY) -> OpenCase:
        case = self.handlers.cases.open(
            self.desk.read_case(self.store.case(key, reader), reader).encounter,
            queued=True,
            key=key,
            reader=reader,
        )
        self.handlers.drafts.begin(
            reader, ReviewDraft(case.open_id, reading=Reading(key, reader, "assisted", "assisted"))
        )
        return case

    def cover(self, reader: str, area: np.ndarray) -> dict[str, Any]:
        return self.send(reader, self.open(reader), area)

    def send(self, reader: str, case: OpenCase, area: np.ndarray) -> dict[str, Any]:
        runs = write_runs(area)
        told = {
            "case": case.open_id,
            "photo": case.encounter.photos[0].photo_id,
            "request": 1,
            "area": runs.pop("runs"),
            **runs,
        }
        request = SimpleNamespace(
            session_hash=reader, cookies={COOKIE: self.keys[reader]}, client=SimpleNamespace(host="10.0.0.1")
        )
        updates = self.covering.cover(gr.EventData(None, told), request)  # type: ignore[arg-type]
        sent = dict(updates[self.covering.parts.viewer])
        return dict(sent.get("covered") or {**sent["cover_failed"], "covered": False})

    def recall(self, draft: ReviewDraft) -> OpenCase:
        return self.covering.review.recall.find_case(draft)

    def page(self, reader: str) -> TestClient:
        return TestClient(
            Starlette(routes=list_oversight_routes(self.desk)), cookies={COOKIE: self.keys[reader]}
        )

    def kinds(self) -> list[str]:
        return [entry.what for entry in reversed(self.store.trail()) if entry.what.startswith("cover")]


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    with Store.open(tmp_path / "store") as store:
        yield Room(store, tmp_path)


def area(share: float) -> np.ndarray:
    marked = np.zeros(PHOTO.size, bool)
    marked[: round(PHOTO.size[0] * share)] = True
    return marked


def test_a_small_area_of_an_own_case_goes_at_once_and_leaves_a_row(room: Room) -> None:
    assert room.cover("ann", area(0.1)) == {"photo": "arm", "request": 1, "covered": True, "proposed": False}
    assert not np.array_equal(room.seen_by("bo"), PHOTO.pixels) and room.kinds() == ["cover"]
    assert room.cover("ann", area(0.1))["proposed"], "bit by bit would take the whole photo, too"


@pytest.mark.parametrize(
    "why", ["most of the photo", "assigned to others, too", "for everybody", "reviewed by others"]
)
def test_what_is_large_or_others_too_is_hidden_for_its_proposer_alone(room: Room, why: str) -> None:
    from magic_demo.core.review_types import Review

    if why == "assigned to others, too":
        room.store.assign(KEY, ["ann", "bo"])
    elif why == "for everybody":
        room.store.assign(KEY, [])
    elif why == "reviewed by others":
        room.store.save(Review(KEY.case_id, "bo", queue=KEY.queue))
    marked = area(0.5 if why == "most of the photo" else 0.05)
    assert room.cover("ann", marked)["proposed"]
    assert np.array_equal(room.seen_by("bo"), PHOTO.pixels) and np.array_equal(
        room.seen_by("ada"), PHOTO.pixels
    )
    hidden = room.seen_by("ann")
    assert len(np.unique(hidden[marked], axis=0)) <= 36 and room.kinds() == ["cover proposed"]
    assert not np.array_equal(hidden, PHOTO.pixels)


def test_a_proposal_hides_the_area_in_its_readers_other_tabs_and_in_nobody_elses(room: Room) -> None:
    room.store.assign(KEY, ["ann", "bo"])
    opened = {}
    for tab, reader in (("second tab", "ann"), ("bo's", "bo"), ("long ago", "ann")):
        read = room.desk.read_case(room.store.case(KEY, reader), reader).encounter
        opened[tab] = room.handlers.cases.open(read, queued=True, key=KEY, reader=reader)
        if tab != "long ago":  # which was not heard of for so long that its draft was forgotten
            draft = ReviewDraft(opened[tab].open_id, reading=Reading(KEY, reader, "assisted", "assisted"))
            room.handlers.drafts.begin(tab, draft)
    room.handlers.cases.keep_analysis(opened["second tab"].open_id, read, FakePredictor().predict(read))
    marked = area(0.3)
    assert room.cover("ann", marked)["proposed"]

    def seen(tab: str) -> Any:
        return room.handlers.cases.get(opened[tab].open_id)

    second = seen("second tab")
    assert np.array_equal(second.encounter.photos[0].pixels, room.seen_by("ann"))
    assert second.analysed.encounter.photos[0] is second.encounter.photos[0] and second.analysed.stale, (
        "why is explained from what is seen"
    )
    assert np.array_equal(seen("bo's").encounter.photos[0].pixels, PHOTO.pixels)
    assert np.array_equal(seen("long ago").encounter.photos[0].pixels, room.seen_by("ann"))


@pytest.mark.parametrize("decided", [False, True], ids=["it waits", "it was refused"])
def test_covering_a_little_for_good_takes_nothing_along_that_was_only_proposed(
    room: Room, decided: bool
) -> None:
    assert room.cover("ann", area(0.9))["proposed"]
    open_id = room.handlers.drafts.get_open("ann").open_id  # type: ignore[union-attr]
    if decided:
        (proposed,) = room.store.proposed_covers()
        room.store.end_proposal(proposed.number, Actor("ada", "page"), confirmed=False)
    case = room.handlers.cases.get(open_id)
    assert case is not None
    assert not room.send("ann", case, area(0.1))["proposed"]
    stored = room.seen_by("bo")
    assert len(np.unique(stored[area(0.1)], axis=0)) <= 36
    assert np.array_equal(stored[~area(0.15)], PHOTO.pixels[~area(0.15)]), "it is the adjudicator's to decide"
    changed = room.handlers.cases.get(open_id)
    assert changed is not None and np.array_equal(changed.encounter.photos[0].pixels, room.seen_by("ann")), (
        "and hidden while it waits"
    )


def test_an_adjudicator_covers_at_once(room: Room) -> None:
    room.store.assign(KEY, [])
    assert not room.cover("ada", area(0.5))["proposed"] and room.kinds() == ["cover"]


def test_an_adjudicator_sees_a_picture_and_confirms_or_refuses_and_nobody_else_can(room: Room) -> None:
    room.cover("ann", area(0.5))
    room.cover("ann", area(0.6))
    first, second = (one.number for one in room.store.proposed_covers())
    with room.page("bo") as bo:
        assert bo.get("/oversight").status_code == 403
        assert bo.post("/oversight", data={"proposal": first, "decision": "confirm"}).status_code == 403
    with room.page("ada") as ada:
        shown = ada.get("/oversight").text
        assert shown.count("data:image/jpeg;base64,") == 2 and f'id="proposal-{first}"' in shown
        for bad in (
            {},
            {"proposal": "x", "decision": "confirm"},
            {"proposal": str(first), "decision": "maybe"},
            {"proposal": "²", "decision": "confirm"},
        ):
            assert ada.post("/oversight", data=bad).status_code == 400
        assert (
            ada.post(
                "/oversight", data={"proposal": first, "decision": "refuse"}, follow_redirects=False
            ).status_code
            == 303
        )
        assert np.array_equal(room.seen_by("bo"), PHOTO.pixels), "refused, nothing changes"
        assert (
            ada.post(
                "/oversight", data={"proposal": second, "decision": "confirm"}, follow_redirects=False
            ).status_code
            == 303
        )
        gone = ada.post("/oversight", data={"proposal": second, "decision": "confirm"})
        assert gone.status_code == 409 and "waits no more" in gone.text
        assert "uploads / E1" in ada.get("/oversight?kind=cover+confirmed&who=ada").text
        assert "uploads / E1" not in ada.get("/oversight?kind=cover+refused&who=ann").text
    everybody = room.seen_by("bo")
    assert len(np.unique(everybody[area(0.6)], axis=0)) <= 36 and np.array_equal(
        everybody[~area(0.65)], PHOTO.pixels[~area(0.65)]
    )
    assert room.kinds() == ["cover proposed", "cover proposed", "cover refused", "cover confirmed"]
    assert all(
        np.array_equal(case.encounter.photos[0].pixels, everybody)
        for open_id in room.desk.cases.list_open(KEY)
        if (case := room.desk.cases.get(open_id))
    )


def test_what_others_have_proposed_stays_hidden_from_them_when_something_else_is_covered(room: Room) -> None:
    room.store.assign(KEY, ["ann", "bo"])
    room.cover("bo", area(0.3)[::-1])
    room.cover("ann", area(0.3))
    bos = room.handlers.drafts.get_open("bo").open_id  # type: ignore[union-attr]
    first, second = (one.number for one in room.store.proposed_covers())

    def seen() -> Pixels:
        return room.handlers.cases.get(bos).encounter.photos[0].pixels  # type: ignore[union-attr]

    room.desk.confirm_cover(second, Actor("ada", "page"))
    assert np.array_equal(seen(), room.seen_by("bo")) and not np.array_equal(seen(), room.seen_by("ada"))
    assert not room.cover("ada", area(0.35))["proposed"]
    assert np.array_equal(seen(), room.seen_by("bo")) and not np.array_equal(seen(), room.seen_by("ada"))
    room.desk.confirm_cover(first, Actor("ada", "page"))
    assert np.array_equal(seen(), room.seen_by("ada"))


def test_a_role_counts_as_soon_as_it_is_changed(room: Room) -> None:
    with room.page("ada") as ada, room.page("bo") as bo:
        assert (ada.get("/oversight").status_code, bo.get("/oversight").status_code) == (200, 403)
        room.store.set_role("bo", "adjudicator")
        room.store.set_role("ada", "reader")
        assert (ada.get("/oversight").status_code, bo.get("/oversight").status_code) == (403, 200)


def test_a_proposal_goes_with_its_case_and_its_photo_may_be_gone(room: Room) -> None:
    room.cover("ann", area(0.5))
    (proposed,) = room.store.proposed_covers()
    room.original.unlink()
    with room.page("ada") as ada:
        shown = ada.get("/oversight")
        assert (
            shown.status_code == 200
            and "cannot be read" in shown.text
            and 'value="confirm"' not in shown.text
        )
        assert (
            ada.post("/oversight", data={"proposal": proposed.number, "decision": "confirm"}).status_code
            == 409
        )
    room.store.delete_case(KEY)
    assert room.store.proposed_covers() == []


def test_names_and_words_of_a_row_are_escaped(room: Room) -> None:
    room.store.note("export", Actor("<b>PROPOSALS</b>", "<i>"), detail="<script>")
    with room.page("ada") as ada:
        shown = ada.get("/oversight").text
    assert "<script>" not in shown and "<b>PROPOSALS" not in shown and "&lt;script&gt;" in shown


def test_a_photo_is_covered_or_not_whenever_the_program_is_killed(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twice: the second time there is a covered copy already."""
    case, covered = room.store.case(KEY, "ann"), room.desk.covered

    class KilledError(BaseException):
        """What ends the program here."""

    for share in (0.1, 0.3):
        before = room.seen_by("bo")
        after = cover_photo_area(replace(PHOTO, photo_id="arm", pixels=before), area(share))
        for steps in range(3):
            left = [steps]

            def write(path: Path, photo: Any, left: list[int] = left) -> None:
                if left[0] == 0:
                    raise KilledError
                left[0] -= 1
                covered_photos.write_photo(path, photo)

            with monkeypatch.context() as patch:
                patch.setattr(coverings, "write_photo", write)
                patch.setattr(
                    type(covered),
                    "keep",
                    lambda self, key, photo: write(self._path(key, photo.photo_id), photo),
                )
                try:
                    room.desk.keep_covered(case, after)
                except KilledError:
                    assert steps < 2
            seen = Desk(room.store).read_case(case).encounter.photos[0].pixels
            assert np.array_equal(seen, before if steps == 0 else after.pixels), (
                "the photo is the old one or the new one, in every copy"
            )
            assert steps == 0 or np.array_equal(read_photo(room.original).pixels, after.pixels)


def test_a_proposal_is_an_area_of_a_photo_and_a_reader_has_so_many(room: Room) -> None:
    from magic_demo.core.errors import MagicDemoError
    from magic_demo.core.review_types import MaskRuns
    from magic_demo.reviews.store.rows import proposals

    with pytest.raises(MagicDemoError):
        room.store.propose_cover(KEY, "arm", MaskRuns((4, 4), "\x01"), Actor("ann"))
    for _ in range(proposals.MOST):
        room.store.propose_cover(KEY, "arm", encode_mask(area(0.5)), Actor("ann"))
    with pytest.raises(MagicDemoError, match="wait for an adjudicator already"):
        room.store.propose_cover(KEY, "arm", encode_mask(area(0.5)), Actor("ann"))


def test_the_gate_lets_a_decision_and_a_cleared_outline_through(room: Room) -> None:
    from starlette.middleware import Middleware

    from magic_demo.page.server.gate.gate import Gate
    from magic_demo.page.server.requests.payloads import PAYLOADS

    room.cover("ann", area(0.5))
    (proposed,) = room.store.proposed_covers()
    app = Starlette(
        routes=list_oversight_routes(room.desk), middleware=[Middleware(Gate, sign_ins=room.desk.sign_ins)]
    )
    with TestClient(app, cookies={COOKIE: room.keys["ada"]}) as ada:
        assert ada.get("/oversight?kind=cover+proposed").status_code == 200
        form = {"proposal": str(proposed.number), "decision": "refuse"}
        assert ada.post("/oversight", data=form, follow_redirects=False).status_code == 303
    assert room.store.proposed_covers() == []
    assert PAYLOADS["viewer", "mask"].fields["cleared"](True)
