"""A language model answers twice: the second pass has its first answers and those of similar cases in sight, and what it
changes comes with a reason that is kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest

from magic_demo.__main__ import main
from magic_demo.core.types import Encounter, Narrative, OptionScores
from magic_demo.models.answers.language.answerer import LanguageAnswerer
from magic_demo.models.answers.language.prompts import AskedCase
from magic_demo.models.answers.language.reasoning import SecondPass
from magic_demo.models.interfaces import Answerer, SegmentedPhoto
from magic_demo.models.predictor import Predictor
from magic_demo.models.registry import load_answerer
from magic_demo.questions.families import load_families
from tests.support.batch_runs import write_data
from tests.support.tiny_language import write_llama

WORDS = "An itchy red rash."


class Neighbours(Answerer):
    """Always says that it itches, sure to three quarters."""

    model_id, backend, families = "neighbours", None, load_families()

    @classmethod
    def load(cls, checkpoint: Any) -> Self:
        raise NotImplementedError

    def look(self, photo: SegmentedPhoto) -> None:
        raise NotImplementedError

    def score(self, narrative: str, looks: Sequence[Any]) -> OptionScores:
        return {"CQID025-001": np.log(np.array([0.75, 0.15, 0.1], np.float32))}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a tiny language model's folder."""
    return write_llama(tmp_path_factory.mktemp("llama"))


@pytest.fixture
def first(folder: Path) -> LanguageAnswerer:
    """Return the model as it answers once."""
    found = load_answerer(folder)
    assert isinstance(found, LanguageAnswerer)
    return found


def _listen(first: LanguageAnswerer) -> tuple[list[str], list[str]]:
    """Keep what stands before the questions, and the questions."""
    cases: list[str] = []
    asked: list[str] = []
    rate = first.rate_options

    def listen(case: AskedCase) -> Any:
        cases.append(case.found)
        asked.extend(case.hints.values())
        return rate(case)

    first.rate_options = listen  # type: ignore[method-assign]
    return cases, asked


def test_the_second_pass_reads_the_answers_of_all_families_and_the_scores_are_both_passes(
    first: LanguageAnswerer,
) -> None:
    once = first.score(WORDS, [])
    cases, _ = _listen(first)
    twice = SecondPass(first).score(WORDS, [])
    assert cases[0] == "" and len(cases) == 2
    for family in load_families():
        line = next(line for line in cases[1].splitlines() if family.questions[0].text["en"] in line)
        assert any(option.strip() in line for option in family.options["en"])
    assert twice.keys() == once.keys()
    assert max(np.abs(twice[qid] - once[qid]).max() for qid in once) > 1e-3


def test_what_similar_cases_were_answered_stands_before_the_question(first: LanguageAnswerer) -> None:
    _, hints = _listen(first)
    SecondPass(first, Neighbours()).score(WORDS, [])
    assert len(hints) == 1 and "yes (75%); no (15%); Not mentioned (10%)" in hints[0]


def test_an_answer_that_changes_has_a_reason_which_is_kept_and_one_that_stays_has_none(
    first: LanguageAnswerer, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_scores, passes = first.as_scores, iter(([0, 1, 0], [9, 0, 0]))

    def change_itch(likely: Any, case: AskedCase) -> Any:
        flat = {qid: np.zeros_like(values) for qid, values in as_scores(likely, case).items()}
        return {**flat, "CQID025-001": np.array(next(passes), np.float32)}

    monkeypatch.setattr(first, "as_scores", change_itch)
    shown = Predictor(None, SecondPass(first)).predict(Encounter("CASE", Narrative(en=WORDS)))
    assert shown.answers["CQID025-001"] == 0
    assert shown.reasons.keys() == {"CQID025"}
    assert shown.reasons["CQID025"].startswith("Changed from “no”: ")


def test_two_passes_are_another_model_than_one(first: LanguageAnswerer) -> None:
    ids = {first.model_id, SecondPass(first).model_id, SecondPass(first, Neighbours()).model_id}
    assert len(ids) == 3 and all("@" in model_id for model_id in ids)


def test_predict_runs_both_passes_and_refuses_a_second_one_of_what_reads_nothing(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_data(tmp_path / "data")
    where = ["predict", str(data), "--split", "valid", "--task", "cvqa", "--cues", "none", "--second-pass"]
    assert main([*where, "--answers", str(folder), "--out", str(tmp_path / "out"), "--quiet"]) == 0
    assert "-twice@" in capsys.readouterr().out
    assert main([*where, "--out", str(tmp_path / "none")]) == 1
    assert "a second pass needs a language model" in capsys.readouterr().err
