"""docs/how-to/add-a-question-family.md, as it is written: a tenth family from its file to the agreement table."""

from __future__ import annotations

import argparse
import csv
import json
import shlex
from pathlib import Path

import pytest

from magic_demo.__main__ import main
from magic_demo.commands import serve
from magic_demo.core.review_types import Review
from magic_demo.files.answers import read_answers
from magic_demo.page.panels.cards.cards import cards_value
from magic_demo.questions.families import load_challenge, read_questions
from magic_demo.reviews.store import LOCAL_READER
from tests.support.fake_predictor import FakePredictor
from tests.support.source.documents import read_code, run_code
from tests.support.written_page import lay_out

HOW_TO = "how-to/add-a-question-family.md"


def _review_on_the_page(words: list[str]) -> None:
    """Do what ``serve`` does up to its server: open store and queue, show a case, and save an answer."""
    parser = argparse.ArgumentParser()
    serve.add_arguments(parser)
    desk = serve.open_desk(parser.parse_args(words))
    with desk.opened_store as store:
        components = lay_out(FakePredictor(), desk=desk)[0].get_config_file()["components"]
        (cards,) = (part["props"] for part in components if part["props"].get("elem_id") == "cards")
        assert 'data-family="PAIN"' in cards["html_template"]
        assert "When does it hurt?" in cards["html_template"]
        case = store.list_cases("data", LOCAL_READER)[0]
        prediction = desk.prediction(case.key)
        shown = cards_value(desk.questions.families, prediction)["families"]
        assert shown["PAIN"]["shares"] is None and shown["PAIN"]["chosen"] == []
        assert shown["CQID010"]["shares"] and shown["CQID010"]["chosen"]
        answers = {"PAIN-001": 2, "CQID010-001": 0}
        store.save(Review(case.key.case_id, LOCAL_READER, "assisted", "done", answers, queue="data"))


def test_the_how_to_takes_a_family_from_its_file_to_the_agreement_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (entry,) = read_code(HOW_TO, "json")
    Path("pain.json").write_text(entry, encoding="utf-8")
    (join,) = read_code(HOW_TO)
    run_code(join, HOW_TO, {})
    asked = read_questions(Path("questions.json"))
    assert asked.family_ids == (*load_challenge().family_ids, "PAIN")
    (lines,) = read_code(HOW_TO, "sh")
    done = []
    for line in lines.splitlines():
        python, option, program, command, *words = shlex.split(line)
        assert (python, option, program) == ("python", "-m", "magic_demo")
        if command == "serve":
            _review_on_the_page(words)
        else:
            small = ["--longest", "96"] if command == "cases" else []
            # what the models read is not what this is about, and photos take their time
            small += ["--task", "cvqa"] if command == "predict" else []
            # scoring names the masks that it was not given as findings; agreement has one reader alone
            assert main([command, *words, *small]) in (0, 3), capsys.readouterr().err
        done.append(command)
    assert done == ["cases", "predict", "score", "serve", "export", "agreement"]
    answers = read_answers(Path("out/data_cvqa_sys.json"), asked)
    assert all(chosen["PAIN-001"] == 0 for chosen in answers.values())
    manifest = json.loads(Path("out/manifest.json").read_text(encoding="utf-8"))
    assert any("PAIN" in line for line in manifest["results"]["unscored"])
    with Path("exported/answers.csv").open(encoding="utf-8-sig") as stream:
        kept = {row["qid"]: row["option_en"] for row in csv.DictReader(stream)}
    assert kept == {"PAIN-001": "at night", "CQID010-001": "single spot"}


def test_a_queue_keeps_its_questions_and_refuses_others_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("pain.json").write_text(read_code(HOW_TO, "json")[0], encoding="utf-8")
    assert main(["cases", "data", "--count", "1", "--longest", "96", "--questions", "pain.json"]) == 0
    parser = argparse.ArgumentParser()
    serve.add_arguments(parser)
    words = ["--queue", "data", "--store", "kept"]
    desk = serve.open_desk(parser.parse_args([*words, "--questions", "pain.json"]))
    with desk.opened_store as store:
        store.save(Review("ENC00001", LOCAL_READER, answers={"PAIN-001": 1}, queue="data"))
    again = serve.open_desk(parser.parse_args(words))
    with again.opened_store as store:
        assert store.questions_of("data").digest == desk.questions.digest != again.questions.digest
    capsys.readouterr()
    Path("other.yaml").write_text("- {id: PAIN, options: [no, a little]}", encoding="utf-8")
    assert main(["serve", *words, "--questions", "other.yaml"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert desk.questions.digest in line and "--questions" in line
