"""What covering does behind the page: the photo changes everywhere, the model is asked anew, and what cannot
be used changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest

from magic_demo.core.review_types import CaseKey
from magic_demo.files.photos.reading import read_photo
from magic_demo.page.build import Desk
from magic_demo.page.events.drafts.saving import Saver
from magic_demo.page.events.review.covering import Covering
from magic_demo.page.events.review.review_state import ReviewState
from magic_demo.page.panels.viewer.mask_form import write_runs
from magic_demo.page.session.review import Reading, ReviewDraft
from magic_demo.reviews.cases.covered_photos import write_photo
from magic_demo.reviews.store import LOCAL_READER, NewCase, Store
from magic_demo.synthetic.bundled import load_examples
from tests.support.fake_predictor import FakePredictor
from tests.support.written_page import REQUEST, Browser, lay_out


class Reader(Browser):
    """A browser whose reader covers things."""

    def __init__(self, predictor: FakePredictor, desk: Desk | None = None) -> None:
        super().__init__(lay_out(predictor, load_examples())[1])
        desk = desk or Desk()
        self.handlers.cases = desk.cases
        self.covering = Covering(
            ReviewState(self.handlers, desk, Saver(desk, self.handlers.drafts, self.handlers.cases))
        )

    @property
    def case(self) -> Any:
        return self.handlers.cases.get(self.values[self.parts.case])

    def cover(self, drawn: np.ndarray, **changes: object) -> dict[str, Any]:
        runs = write_runs(drawn)
        told = {
            "case": self.case.open_id,
            "photo": self.case.encounter.photos[0].photo_id,
            "request": 7,
            "area": runs.pop("runs"),
            **runs,
        }
        updates = self.covering.cover(gr.EventData(None, {**told, **changes}), REQUEST)  # type: ignore[arg-type]
        self.take(updates)
        return dict(updates[self.parts.viewer])

    def analyse_again(self) -> None:
        for updates in self.covering.analyse_again(self.values, REQUEST):  # type: ignore[arg-type]
            self.take(updates)


@pytest.fixture
def reader(predictor: FakePredictor) -> Reader:
    reader = Reader(predictor)
    reader.choose(0)
    return reader


def middle(reader: Reader) -> np.ndarray:
    area = np.zeros(reader.case.encounter.photos[0].size, bool)
    area[200:400, 300:500] = True
    return area


def test_the_pixels_go_from_the_open_case_and_the_model_sees_the_photo_as_it_is_now(
    reader: Reader, predictor: FakePredictor
) -> None:
    reader.analyse()
    before = reader.case.encounter.photos[0].pixels
    area = middle(reader)
    sent = reader.cover(area)
    assert sent["covered"] == {
        "photo": reader.case.encounter.photos[0].photo_id,
        "request": 7,
        "covered": True,
        "proposed": False,
    }
    assert sent["photos"][0]["levels"] is not None, "the model's map stays until there is a new one"
    after = reader.case.encounter.photos[0].pixels
    assert len(np.unique(after[area], axis=0)) <= 36 < len(np.unique(before[area], axis=0))
    assert reader.case.analysed.encounter.photos[0].pixels is after, "why is explained from the covered photo"
    assert load_examples()[0].encounter.photos[0].pixels is not after
    assert "areas were covered" in reader.values[reader.parts.panel.messages]
    reader.analyse_again()
    assert predictor.asked[-1][0].photos[0].pixels is after and not reader.case.analysed.stale


def test_what_was_not_analysed_is_not_analysed_by_covering(reader: Reader, predictor: FakePredictor) -> None:
    reader.cover(middle(reader))
    reader.analyse_again()
    assert predictor.asked == []


def test_a_stored_cases_photo_is_covered_where_it_is_kept(predictor: FakePredictor, tmp_path: Path) -> None:
    key = CaseKey("uploads", "E1")
    write_photo(tmp_path / "E1" / "arm.png", load_examples()[0].encounter.photos[0])
    with Store.open(tmp_path / "store") as store:
        store.add_cases(key.queue, [NewCase(key.case_id, str(tmp_path / "E1"), photos_kept=True)])
        desk = Desk(store)
        reader = Reader(predictor, desk)
        case = reader.handlers.cases.open(
            desk.read_case(store.case(key, LOCAL_READER)).encounter, queued=True
        )
        draft = ReviewDraft(case.open_id, reading=Reading(key, LOCAL_READER, "assisted", "assisted"))
        reader.handlers.drafts.begin(REQUEST.session_hash, draft)
        reader.values[reader.parts.case] = case.open_id
        assert reader.cover(middle(reader))["covered"]
        shown = reader.case.encounter.photos[0].pixels
        assert np.array_equal(
            Desk(store).read_case(store.case(key, LOCAL_READER)).encounter.photos[0].pixels, shown
        )
        assert np.array_equal(read_photo(tmp_path / "E1" / "arm.png").pixels, shown), (
            "the file that was kept is the covered one"
        )


def test_another_browser_that_has_the_case_open_gets_no_pixel_of_it_any_more(
    predictor: FakePredictor, tmp_path: Path
) -> None:
    key, photo = CaseKey("clinic", "E1"), load_examples()[0].encounter.photos[0]
    write_photo(tmp_path / "clinic" / "E1.png", photo)
    with Store.open(tmp_path / "store") as store:
        store.add_cases(key.queue, [NewCase(key.case_id, str(tmp_path / "clinic"))])
        desk = Desk(store)
        reader = Reader(predictor, desk)
        opened = {}
        for session in (REQUEST.session_hash, "theirs", "elsewhere"):
            case = reader.handlers.cases.open(
                desk.read_case(store.case(key, LOCAL_READER)).encounter, queued=True
            )
            reading = Reading(
                key if session != "elsewhere" else CaseKey("clinic", "E2"),
                LOCAL_READER,
                "assisted",
                "assisted",
            )
            reader.handlers.drafts.begin(session, ReviewDraft(case.open_id, reading=reading))
            opened[session] = case
        theirs = opened["theirs"].open_id
        reader.values[reader.parts.case] = opened[REQUEST.session_hash].open_id
        area = middle(reader)
        assert reader.cover(area)["covered"]
        # an analysis of theirs that began before ends now, with the photo as it was
        reader.handlers.cases.keep_analysis(
            theirs, opened["theirs"].encounter, predictor.predict(opened["theirs"].encounter)
        )
        other = reader.handlers.cases.get(theirs)
        assert other is not None and other.analysed is not None and other.analysed.stale
        for encounter in (other.encounter, other.analysed.encounter):
            assert np.array_equal(encounter.photos[0].pixels, reader.case.encounter.photos[0].pixels)
        elsewhere = reader.handlers.cases.get(opened["elsewhere"].open_id)
        assert elsewhere is not None and not elsewhere.encounter.photos[0].notes, "another case is as it was"


@pytest.mark.parametrize(
    "changes", [{"case": "another"}, {"photo": "another"}, {"area": "x"}, {"area": [1]}, {"width": 3}]
)
def test_what_cannot_be_used_changes_nothing_and_is_said(reader: Reader, changes: dict[str, object]) -> None:
    before = reader.case
    assert reader.cover(middle(reader), **changes)["cover_failed"]["request"] == 7
    assert reader.case is before
    assert 'data-state="failed"' in reader.values[reader.parts.status]


def test_an_empty_area_is_refused(reader: Reader) -> None:
    assert reader.cover(np.zeros_like(middle(reader)))["cover_failed"]["request"] == 7


def test_photos_of_ones_own_come_with_the_line_about_faces_and_tattoos_and_examples_do_not(
    reader: Reader,
) -> None:
    handlers, messages = reader.handlers, reader.parts.panel.messages
    assert "Faces and tattoos" not in reader.values[messages]
    own = handlers.cases.open(reader.case.encounter)
    assert "Faces and tattoos identify people" in handlers.show_case(own)[messages]
