"""``python -m magic_demo agreement`` on a store, and what ``AgreementSource`` lets whom see."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from magic_demo.__main__ import main
from magic_demo.core.review_types import CaseKey, Review
from magic_demo.core.types import Prediction
from magic_demo.files.answers import write_answers
from magic_demo.files.bundles import read_prediction
from magic_demo.reviews.agreement import MODEL
from magic_demo.reviews.agreement.sources import AgreementChoice, AgreementSource
from magic_demo.reviews.store import LOCAL_READER, NewCase, Store
from tests.support.store.agreeing_readers import QUEUE, ReadRounds, write_rounds
from tests.support.store.reviewed_cases import answer


@pytest.fixture(scope="module")
def rounds(tmp_path_factory: pytest.TempPathFactory) -> ReadRounds:
    return write_rounds(tmp_path_factory.mktemp("rounds"), cases=6)


def run(capsys: pytest.CaptureFixture[str], rounds: ReadRounds, *words: str) -> str:
    assert main(["agreement", "--store", str(rounds.store), *words]) == 0
    return capsys.readouterr().out


def run_json(capsys: pytest.CaptureFixture[str], rounds: ReadRounds, *words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        run(capsys, rounds, "--predictions", str(rounds.bundle), "--json", *words)
    )
    return found


def test_the_table_names_every_family_reader_and_number(
    capsys: pytest.CaptureFixture[str], rounds: ReadRounds
) -> None:
    said = run(capsys, rounds, "--predictions", str(rounds.bundle))
    for words in (
        "6 cases, 18 readings by Ann, Bo, Chen",
        "CQID036 Texture",
        "alpha",
        "Dice: readers with the model",
        "towards the model",
    ):
        assert words in said
    assert said.splitlines()[-1].strip()[0].isdigit()


def test_json_holds_the_same_numbers_and_no_nan(
    capsys: pytest.CaptureFixture[str], rounds: ReadRounds
) -> None:
    found = run_json(capsys, rounds)
    with Store.open(rounds.store) as store:
        agreement = (
            AgreementSource(store, lambda case: read_prediction(rounds.bundle, case.case_id))
            .measure(AgreementChoice(), None)
            .agreement
        )
    assert agreement.overall.with_model.kappa is not None
    assert found["overall"]["with_model"]["kappa"]["value"] == agreement.overall.with_model.kappa.value
    assert found["masks"]["names"] == [None, "Ann", "Bo", "Chen"]
    assert len(found["families"]) == 9 and found["switches"]["readings"] == 18
    assert "NaN" not in json.dumps(found)


def test_without_predictions_readers_are_compared_with_each_other(
    capsys: pytest.CaptureFixture[str], rounds: ReadRounds
) -> None:
    found = json.loads(run(capsys, rounds, "--json"))
    assert found["model_cases"] == 0 and found["overall"]["with_model"]["same"] is None
    assert found["overall"]["among_readers"]["same"]["count"] == 6 * 3 * 9


def test_choices_narrow_what_is_compared(capsys: pytest.CaptureFixture[str], rounds: ReadRounds) -> None:
    found = run_json(
        capsys,
        rounds,
        "--queue",
        QUEUE,
        "--reader",
        "ann",
        "--reader",
        "Bo",
        "--family",
        "CQID025",
        "--blind",
    )
    assert found["readers"] == ["Ann", "Bo"] and found["reading"] == "blind"
    assert [family["family_id"] for family in found["families"]] == ["CQID025"]


def test_a_reference_file_judges_the_switches(
    capsys: pytest.CaptureFixture[str], rounds: ReadRounds, tmp_path: Path
) -> None:
    path = tmp_path / "answers.json"
    write_answers(path, {f"ENC{number:05}": answer(0) for number in range(1, 7)})
    found = run_json(capsys, rounds, "--reference", str(path))
    assert found["switches"]["judged"] == found["switches"]["answers"] == 18 * 9


def test_an_unknown_queue_is_one_line_that_names_those_there_are(
    capsys: pytest.CaptureFixture[str], rounds: ReadRounds
) -> None:
    assert main(["agreement", "--store", str(rounds.store), "--queue", "nonsense"]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "'nonsense'" in said and QUEUE in said


def test_a_store_without_readings_says_what_to_do(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["agreement", "--store", str(tmp_path / "reviews")]) == 0
    assert "finish a case" in capsys.readouterr().out


def test_a_reader_is_shown_others_only_where_the_store_shows_them(store: Store) -> None:
    """Ann has read C0, Bo both: of C1 Ann gets nothing; an adjudicator gets all; nobody else's eyes,
    everything."""
    for name, role in (("Ann", "reader"), ("Bo", "reader"), ("Chen", "adjudicator")):
        store.add_reader(name, role=role)  # type: ignore[arg-type]
    store.add_cases("q", [NewCase("C0"), NewCase("C1")])
    for name, case in (("Ann", "C0"), ("Bo", "C0"), ("Bo", "C1")):
        store.save(Review(case, name, "assisted", "done", answer(0), queue="q"))
    source = AgreementSource(store, lambda _: None)

    def seen(viewer: str | None) -> tuple[int, int]:
        agreement = source.measure(AgreementChoice(), viewer).agreement
        return agreement.cases, agreement.readings

    assert seen("Ann") == (1, 2)
    assert seen("Bo") == seen("Chen") == seen(None) == (2, 3)
    assert seen(LOCAL_READER) == (0, 0)


def test_predictions_are_read_once_and(rounds: ReadRounds) -> None:
    asked: list[CaseKey] = []

    def read(case: CaseKey) -> Prediction:
        asked.append(case)
        return read_prediction(rounds.bundle, case.case_id)

    with Store.open(rounds.store) as store:
        source = AgreementSource(store, read)
        first, again = (source.measure(AgreementChoice(), None) for _ in range(2))
    assert len(asked) == 6
    assert first.agreement.masks.names == again.agreement.masks.names == (MODEL, "Ann", "Bo", "Chen")
