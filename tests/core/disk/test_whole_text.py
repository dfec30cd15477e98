"""Half characters become U+FFFD wherever text comes in, and a store that holds one from before opens and
exports."""

from __future__ import annotations

import asyncio
import json
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import orjson
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from magic_demo.__main__ import main
from magic_demo.core.disk.whole_text import mend_json, mend_text
from magic_demo.core.messages import Message
from magic_demo.core.review_types import CaseKey, Review
from magic_demo.core.types import Encounter, Photo, Prediction
from magic_demo.files.answers import read_answers
from magic_demo.files.bundles import write_prediction
from magic_demo.files.encounters import read_encounters
from magic_demo.page.build import Desk, PredictorSource, lay_out_page
from magic_demo.page.events.drafts.saving import Saver
from magic_demo.page.events.review.queue_handlers import QueueHandlers
from magic_demo.page.events.review.review_state import ReviewState
from magic_demo.page.server.gate.gate import list_gates
from magic_demo.questions.families import load_challenge, read_questions
from magic_demo.reviews.backups import ROWS, restore_backup, write_backup
from magic_demo.reviews.cases.kept_cases import keep_upload
from magic_demo.reviews.exports import FORMATS, write_export
from magic_demo.reviews.imports import read_reviews
from magic_demo.reviews.store import LOCAL_READER, NewCase, Store
from magic_demo.reviews.store.digests import digest_of
from magic_demo.reviews.store.tables import ReviewRow
from magic_demo.synthetic.bundled import load_examples
from tests.support.stand_ins import draw_photo, stand_in_predictor
from tests.support.store.reviewed_cases import answer, make_queue

HALF = Path(__file__).resolve().parents[2] / "data" / "reported" / "label_studio_half_emoji.json"
texts = st.text(st.sampled_from('a\\"u\ud83d\ude00\ud800\udfff痒dD8'), max_size=12)


@pytest.mark.parametrize(
    ("half", "whole"),
    [
        ("a\ud83d", "a�"),
        ("\ude00b", "�b"),
        ("\ud83d\ude00", "😀"),
        ("\ud83d\ud83d\ude00", "�😀"),
        ("\ufeff痒", "\ufeff痒"),
    ],
)
def test_a_half_becomes_one_mark_and_a_pair_its_character(half: str, whole: str) -> None:
    assert mend_text(half) == whole == mend_text(mend_text(half))


@given(
    st.recursive(
        texts,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
        max_leaves=6,
    ),
    st.booleans(),
)
def test_a_json_text_holds_afterwards_what_was_whole_and_marks(value: Any, escaped: bool) -> None:
    def mend(part: Any) -> Any:
        if isinstance(part, dict):
            return {mend_text(key): mend(inner) for key, inner in part.items()}
        return [mend(inner) for inner in part] if isinstance(part, list) else mend_text(part)

    mended = mend_json(json.dumps(value, ensure_ascii=escaped))
    mended.encode("utf-8")
    assert json.loads(mended) == mend(value)


def test_an_import_from_label_studio_keeps_the_words_and_marks_the_half(tmp_path: Path) -> None:
    assert main(["import-reviews", str(HALF), "--queue", "q", "--store", str(tmp_path / "store")]) == 0
    with Store.open(tmp_path / "store") as store:
        (saved,) = store.all_reviews("q")
        assert saved.review.comment == "half �"


def test_ids_of_answers_encounters_and_questions_are_read(tmp_path: Path) -> None:
    row = {"encounter_id": "ENC\ud83d", **{question.qid: 0 for question in load_challenge().questions}}
    (tmp_path / "a.json").write_text(json.dumps([row]))
    assert list(read_answers(tmp_path / "a.json")) == ["ENC�"]
    both = ["--answers-reference", str(tmp_path / "a.json"), "--answers-system", str(tmp_path / "a.json")]
    assert main(["score", *both, "--out", str(tmp_path / "scores.json")]) == 0
    (tmp_path / "scores.json").read_bytes().decode("utf-8")
    encounter = {
        "encounter_id": "E1",
        "image_ids": ["a\ud83d.jpg"],
        "author_id": "\ud83d",
        "query_content_en": "half \ude00",
    }
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases" / "valid.json").write_text(json.dumps([encounter]))
    (read,) = read_encounters(tmp_path / "cases").encounters
    assert (read.author_id, read.narrative.en, read.photo_files[0].photo_id) == ("�", "half �", "a�")
    question = {
        "qid": "CQID010-001",
        "question_en": "\ud83d",
        "question_zh": "痒",
        "options_en": ["\ud83d", "Not mentioned"],
        "options_zh": ["一", "二"],
    }
    (tmp_path / "q.json").write_text(json.dumps([question]))
    assert read_questions(tmp_path / "q.json").families[0].options["en"] == ("�", "Not mentioned")


def test_what_is_saved_and_shown_is_whole_from_now_on(store: Store, tmp_path: Path) -> None:
    store.add_cases("q", [NewCase("E1")])
    review = Review(
        "E1",
        LOCAL_READER,
        queue="q",
        comment="\ud83d",
        specified={"CQID011-001": "a\ude00"},
        models={"cvqa": "\ud83d"},
    )
    saved = store.save(review, client_key="once").review
    assert (saved.comment, saved.specified, saved.models) == ("�", {"CQID011-001": "a�"}, {"cvqa": "�"})
    assert store.save(review, client_key="once").review == saved, "sent again, it is the same save"
    store.note_shown(CaseKey("q", "E1"), LOCAL_READER, Prediction("E1", notes=(Message("half \ud83d"),)))
    shown = store.shown(CaseKey("q", "E1"))
    assert shown is not None and shown.notes == ("half �",)
    write_prediction(tmp_path, shown)


def test_a_backup_that_names_halves_is_restored(tmp_path: Path) -> None:
    with Store.open(tmp_path / "one") as store:
        store.add_cases("q", [NewCase("E1")])
        write_backup(store, tmp_path / "b.zip")
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    contents[ROWS] = contents[ROWS].replace(b'"case_id": "E1"', b'"case_id": "E\\ud83d"')
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        for name, data in contents.items():
            archive.writestr(name, data)
    with Store.open(tmp_path / "two") as store:
        restore_backup(tmp_path / "b.zip", store)
        assert [case.key.case_id for case in store.list_cases("q", LOCAL_READER)] == ["E�"]


def _break_rows(store: Store, words: str) -> None:
    """Put half a character into every review, as versions before this one did."""
    with store._database.writing() as session:
        for row in session.scalars(sa.select(ReviewRow)):
            row.content = row.content.replace(words, f"{words} \\ud83d")
            row.digest = digest_of(f"{row.kind} {row.state} {row.content}")


@pytest.fixture
def broken(tmp_path: Path) -> Store:
    """Give a store with a finished review in which a character is half."""
    store = Store.open(tmp_path / "store")
    key = keep_upload(store, Encounter("CASE", photos=(Photo("arm", draw_photo(40, 60)),)), LOCAL_READER).key
    store.save(
        Review(
            key.case_id,
            LOCAL_READER,
            "assisted",
            "done",
            answer(1),
            {"CQID011-001": "edge"},
            comment="edge",
            queue=key.queue,
        )
    )
    _break_rows(store, "edge")
    return store


def test_a_store_that_holds_a_half_lists_it_opens_its_case_and_sends_it_to_the_browser(broken: Store) -> None:
    with broken as store:
        (queue,) = store.queues()
        (case,) = store.list_cases(queue, LOCAL_READER, order="disputed")
        desk = Desk(store)

        async def lay() -> Any:
            return lay_out_page(PredictorSource(stand_in_predictor), load_examples(), desk)[1]

        handlers = asyncio.run(lay())
        queues = QueueHandlers(
            handlers, ReviewState(handlers, desk, Saver(desk, handlers.drafts, handlers.cases))
        )
        inputs = {handlers.parts.case: None, handlers.parts.spoken: "en"}
        event = gr.EventData(None, {"queue": queue, "open": case.key.case_id})
        updates = queues.open(inputs, event, SimpleNamespace(session_hash="mine", cookies={}))  # type: ignore[arg-type]
        form = updates[handlers.parts.form]
        assert form["comment"] == "edge �"
        orjson.dumps(form)
        orjson.dumps(updates[handlers.parts.cards])


@pytest.mark.parametrize("format", [format.name for format in FORMATS])
def test_a_store_that_holds_a_half_exports_in_every_format_and_comes_back(
    broken: Store, tmp_path: Path, format: Any
) -> None:
    with broken as store:
        reviews = store.all_reviews()
        (case,) = store.list_cases(store.queues()[0], LOCAL_READER)
        cases = read_encounters(Path(str(case.folder))).encounters
    write_export(reviews, cases, format, tmp_path / "out")
    if format == "label-studio":
        (back,) = read_reviews(tmp_path / "out", "q", cases).reviews
        assert back.comment == "edge �"


def test_the_report_of_a_store_that_holds_a_half_is_written(tmp_path: Path, without_browser: None) -> None:
    from magic_demo.reviews.reports import write_disagreements

    queue = make_queue(tmp_path / "cases")
    with Store.open(tmp_path / "store") as store:
        store.add_reader("Li")
        store.add_cases(
            "lesson", [NewCase("ENC00001", str(queue.folder)), NewCase("ENC00002", str(queue.folder))]
        )
        for case_id in ("ENC00001", "ENC00002"):
            for reader in ("Li", LOCAL_READER):
                store.save(
                    Review(
                        case_id,
                        reader,
                        "assisted",
                        "done",
                        answer(len(reader)),
                        comment="edge",
                        queue="lesson",
                    )
                )
        _break_rows(store, "edge")
        write_disagreements(store.all_reviews("lesson"), queue.cases, {}, tmp_path / "out")


def test_what_a_browser_cut_in_half_is_whole_behind_the_gate() -> None:
    heard: list[Any] = []

    async def join(request: Request) -> Response:
        heard.append(json.loads((await request.body()).decode("utf-8")))
        return Response()

    app = Starlette(
        routes=[Route("/gradio_api/queue/join", join, methods=["POST"])],
        middleware=list_gates(None, "127.0.0.1"),
    )
    client = TestClient(app, base_url="http://127.0.0.1:7860")
    escaped, raw = (
        b'{"data": ["half ' + half + b'"], "session_hash": "abc"}' for half in (b"\\ud83d", b"\xed\xa0\xbd")
    )
    answers = [
        client.post("/gradio_api/queue/join", content=body, headers={"content-type": "application/json"})
        for body in (escaped, raw)
    ]
    assert [answer.status_code for answer in answers] == [200, 400], (
        "bytes that are no UTF-8 come from no browser"
    )
    assert len(heard) == 1 and "half" not in answers[1].text
    assert heard[0]["data"][0].startswith("half �") and heard[0]["session_hash"] == "abc"
