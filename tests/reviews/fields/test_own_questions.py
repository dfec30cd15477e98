"""Answers to questions of one's own are kept, backed up, exported and read back; a store never mixes two
sets of questions."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from magic_demo.__main__ import main
from magic_demo.core.errors import StoreError
from magic_demo.core.review_types import CaseKey, Review
from magic_demo.files.answers import read_answers
from magic_demo.imaging.run_lengths import encode_mask
from magic_demo.questions.families import (
    QuestionSet,
    load_challenge,
    pack_questions,
    read_questions,
    unpack_questions,
)
from magic_demo.reviews.backups import restore_backup, write_backup
from magic_demo.reviews.store import NewCase, Store
from tests.support.own_questions import THREE, ask_ten
from tests.support.store.reviewed_cases import answer, draw_mask

CASE = CaseKey("q", "ENC1")
ANSWERS = {**answer(1), "PAIN-001": 2}
MASKS = {"IMG_ENC1_1": encode_mask(draw_mask((30, 40), 1))}
DONE = Review("ENC1", "ann", "assisted", "done", ANSWERS, queue="q")


@pytest.fixture
def ten(tmp_path: Path) -> QuestionSet:
    """Return the challenge's families and a tenth."""
    return ask_ten(tmp_path)


def fill_store(store: Store, questions: QuestionSet | None = None) -> None:
    store.add_reader("ann")
    store.add_cases("q", [NewCase("ENC1", photos=())])
    if questions is not None:
        store.ask("q", questions)
    store.save(DONE)


def test_the_answers_come_back_and_the_tenth_family_can_be_left_open(
    store_place: str, ten: QuestionSet
) -> None:
    with Store.open(store_place, questions=ten) as store:
        fill_store(store)
        saved = store.latest(CASE, "ann")
        assert saved is not None and saved.review.answers == ANSWERS and saved.complete
        store.save(Review("ENC1", "ann", "assisted", "done", answer(1), queue="q"))
        left_open = store.latest(CASE, "ann")
        assert left_open is not None and left_open.review.missing == {"PAIN"}
    with Store.open(store_place, questions=ten) as again:
        assert [saved.review.answers for saved in again.history(CASE, "ann")] == [ANSWERS, answer(1)]


def test_answers_of_a_queue_without_its_own_questions_are_not_taken_for_answers_to_others(
    tmp_path: Path, ten: QuestionSet
) -> None:
    with Store.open(tmp_path / "own", questions=ten) as store:
        fill_store(store)
    with pytest.raises(StoreError, match=rf"questions {ten.digest}, not of the challenge"):
        Store.open(tmp_path / "own", questions=load_challenge())
    with Store.open(tmp_path / "own") as store, pytest.raises(StoreError, match="--questions"):
        store.save(Review("ENC1", "ann", answers=answer(2), queue="q"))
    with Store.open(tmp_path / "plain", questions=load_challenge()) as store:
        store.add_reader("ann")
        store.add_cases("q", [NewCase("ENC1")])
        store.save(Review("ENC1", "ann", answers=answer(2), queue="q"))
    with Store.open(tmp_path / "plain", questions=ten) as store:
        assert store.questions_of("q").digest == load_challenge().digest
        assert store.questions_of("new").digest == ten.digest
        with pytest.raises(StoreError, match=f"q answer the questions of the challenge, not {ten.digest}"):
            store.ask("q", ten)


def test_each_queue_keeps_its_own_questions_whatever_the_program_is_started_with(
    store_place: str, ten: QuestionSet, tmp_path: Path
) -> None:
    (tmp_path / "three.yaml").write_text(THREE.replace("scale: ordered", "keys: [o, m, s]"), encoding="utf-8")
    three = read_questions(tmp_path / "three.yaml")
    with Store.open(store_place) as store:
        fill_store(store, ten)
        store.add_cases("skin", [NewCase("ENC1", photos=())])
        assert store.ask("skin", three) and not store.ask("skin", three)
        store.save(Review("ENC1", "ann", "assisted", "done", {"ITCH-001": 2}, queue="skin"))
        left_open = store.latest(CaseKey("skin", "ENC1"), "ann")
        assert left_open is not None and left_open.review.missing == {"SIZE", "SIGNS"}
    for started_with in (None, load_challenge(), three):
        with Store.open(store_place, questions=started_with) as store:
            assert store.questions_of("q").digest == ten.digest
            kept = store.questions_of("skin")
            assert kept.digest == three.digest and kept.families[0].keys == ("o", "m", "s")
            assert kept.families[1].scale == three.families[1].scale
            with pytest.raises(
                StoreError, match=f"skin answer the questions {three.digest}, not {ten.digest}"
            ):
                store.ask("skin", ten)
            saved = store.save(Review("ENC1", "ann", "assisted", "done", ANSWERS, queue="q"))
            assert saved.complete


def test_other_words_for_the_same_questions_may_come_later(tmp_path: Path, ten: QuestionSet) -> None:
    with Store.open(tmp_path / "store") as store:
        fill_store(store, ten)
        entries = [{**entry, "question_en": "Again?"} for entry in json.loads(pack_questions(ten))]
        assert store.ask("q", unpack_questions(json.dumps(entries), "again"))
        assert store.questions_of("q").families[0].questions[0].text["en"] == "Again?"
        changes = [entry.detail for entry in store.trail(kinds=["questions"])]
        assert changes == [f"q, {ten.digest}"]


def test_commands_find_the_questions_of_a_queue_and_refuse_others(
    tmp_path: Path, ten: QuestionSet, capsys: pytest.CaptureFixture[str]
) -> None:
    with Store.open(tmp_path / "store") as store:
        fill_store(store, ten)
        store.add_cases("plain", [NewCase("ENC1", photos=())])
        store.save(Review("ENC1", "ann", "assisted", "done", answer(1), queue="plain"))
    given = ["--store", str(tmp_path / "store"), "--queue", "q"]
    assert main(["export", *given, "--to", str(tmp_path / "out"), "--format", "csv"]) == 0
    assert "at night" in (tmp_path / "out" / "answers.csv").read_text(encoding="utf-8-sig")
    assert main(["agreement", *given, "--family", "PAIN"]) == 0
    capsys.readouterr()
    assert main(["agreement", *given[:2]]) == 0
    assert "left out: the queue 'q' asks other questions" in capsys.readouterr().err
    (tmp_path / "three.yaml").write_text(THREE, encoding="utf-8")
    assert main(["agreement", *given, "--questions", str(tmp_path / "three.yaml")]) == 1
    assert "leave that option out" in capsys.readouterr().err
    back = ["import-reviews", str(tmp_path / "out"), *given, "--store", str(tmp_path / "back")]
    assert main([*back, "--questions", str(tmp_path / "ten families.json")]) == 0
    assert main(back) == 0
    with Store.open(tmp_path / "back") as store:
        assert store.questions_of("q").digest == ten.digest
        assert [saved.review.answers for saved in store.all_reviews()] == [ANSWERS]


def test_a_backup_brings_them_back(tmp_path: Path, ten: QuestionSet) -> None:
    with Store.open(tmp_path / "store", questions=ten) as store:
        fill_store(store)
        write_backup(store, tmp_path / "file.zip")
    with Store.open(tmp_path / "back") as restored:
        restore_backup(tmp_path / "file.zip", restored)
    with Store.open(tmp_path / "back", questions=ten) as restored:
        (saved,) = restored.all_reviews()
        assert saved.review == DONE


@pytest.mark.parametrize("format", ["challenge", "label-studio"])
def test_they_are_exported_and_read_back(
    tmp_path: Path, ten: QuestionSet, format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with Store.open(tmp_path / "store", questions=ten) as store:
        fill_store(store)
        store.save(Review("ENC1", "ann", "assisted", "done", ANSWERS, masks=MASKS, queue="q"))
    file = str(tmp_path / "ten families.json")
    words = ["export", "--store", str(tmp_path / "store"), "--to", str(tmp_path / "out"), "--format", format]
    assert main(words) == 1 and "(--questions" in capsys.readouterr().err
    assert main([*words, "--questions", file]) == 0
    assert json.loads((tmp_path / "out" / "export.json").read_text())["questions"] == ten.digest
    back = ["import-reviews", str(tmp_path / "out"), "--store", str(tmp_path / "back"), "--queue", "q"]
    assert main([*back, "--questions", file]) == 0
    with Store.open(tmp_path / "back", questions=ten) as store:
        (saved,) = store.all_reviews()
        assert saved.review.answers == ANSWERS
    if format == "challenge":
        assert read_answers(tmp_path / "out" / "answers.json", ten)["ENC1"]["PAIN-001"] == 2


def test_tables_and_agreement_know_the_tenth_family(
    tmp_path: Path, ten: QuestionSet, capsys: pytest.CaptureFixture[str]
) -> None:
    with Store.open(tmp_path / "store", questions=ten) as store:
        fill_store(store)
        store.add_reader("bo")
        store.save(Review("ENC1", "bo", "assisted", "done", {**ANSWERS, "PAIN-001": 0}, queue="q"))
    given = ["--store", str(tmp_path / "store"), "--questions", str(tmp_path / "ten families.json")]
    assert main(["export", *given, "--to", str(tmp_path / "out"), "--format", "csv"]) == 0
    with (tmp_path / "out" / "answers.csv").open(encoding="utf-8-sig") as stream:
        rows = [row for row in csv.DictReader(stream) if row["qid"] == "PAIN-001"]
    assert {(row["reader"], row["option_en"]) for row in rows} == {("ann", "at night"), ("bo", "never")}
    capsys.readouterr()
    assert main(["agreement", *given, "--family", "PAIN"]) == 0
    assert "PAIN Pain" in capsys.readouterr().out
    assert main(["agreement", *given, "--family", "CQID099"]) == 1
    assert "no family 'CQID099'" in capsys.readouterr().err
