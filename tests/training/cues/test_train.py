"""Fitting and judging the cue heads: on an invented data set whose truth the words tell, and a floor on the
real one."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from magic_demo.core.errors import FormatError, MagicDemoError
from magic_demo.core.types import Narrative
from magic_demo.cues.cue_model import CueModel
from magic_demo.questions.families import load_challenge, load_families
from training.__main__ import main
from training.answers.evaluate import evaluate, score_table
from training.cases.folds import split_folds
from training.cues.fitting import (
    CueSettings,
    FamilySettings,
    count_rarity,
    find_words,
    fit_cue_model,
    weigh_cases,
)
from training.cues.train import read_labelled
from training.cues.validation import (
    READINGS,
    choose_temperature,
    credit_cases,
    cross_validate,
    hold_out,
    judge_run,
    temper,
    to_probabilities,
)
from training.runs.run import SettingsError, read_settings

CASES = 40
SITES = [
    ("face", "面部", 0),
    ("right hand", "右手", 2),
    ("left calf", "左小腿", 3),
    ("upper back", "背部", 5),
]


def _answers(number: int) -> dict[str, int]:
    answers = {question.qid: family.padding for family in load_families() for question in family.questions}
    answers["CQID011-001"] = SITES[number % 4][2]
    answers["CQID025-001"] = number % 2
    answers["CQID015-001"] = (1, 3, 5)[number % 3]
    answers["CQID036-001"] = 2 if number < CASES // 2 else 1
    return answers


@pytest.fixture
def invented(tmp_path: Path) -> Path:
    """Write an invented data set in the challenge's layout: the words tell site, itch and duration."""
    folder = tmp_path / "data"
    folder.mkdir()
    encounters = []
    for number in range(CASES):
        english, chinese, _ = SITES[number % 4]
        itch = ("and it itches", "瘙痒") if number % 2 == 0 else ("no itching", "不痒")
        length = (("4 days", "四天"), ("2 months", "两个月"), ("6 years", "六年"))[number % 3]
        encounters.append(
            {
                "encounter_id": f"ENC{number:05d}",
                "author_id": f"U{number // 2:03d}",
                "image_ids": [],
                "query_title_en": "Please help",
                "query_content_en": f"A rash on the {english} for {length[0]}, {itch[0]}.",
                "query_title_zh": "求助",
                "query_content_zh": f"{chinese}皮疹{length[1]}，{itch[1]}。",
                "responses": [{"content_en": f"secretword{number % 2}"}],
            }
        )
    (folder / "train.json").write_text(json.dumps(encounters), encoding="utf-8")
    answers = [
        {"encounter_id": entry["encounter_id"], **_answers(number)} for number, entry in enumerate(encounters)
    ]
    (folder / "train_cvqa.json").write_text(json.dumps(answers), encoding="utf-8")
    return folder


@pytest.fixture
def settings(repository: Path, invented: Path, tmp_path: Path, training_seed: int) -> CueSettings:
    """Return the shipped settings for the invented data, one dealing of the folds."""
    overrides = {
        "data": str(invented),
        "output": str(tmp_path / "cues"),
        "present_from": "ENC00020",
        "repeats": 1,
        "seed": training_seed,
    }
    return read_settings(repository / "training" / "configs" / "cue-model.yaml", CueSettings, overrides)


def test_fitting_beats_the_constant_answer_where_the_words_tell(settings: CueSettings) -> None:
    cases = read_labelled(settings)
    (run,) = cross_validate(cases, find_words(cases), settings)
    families = [family.family_id for family in load_families()]
    constant = credit_cases(cases, run, None).mean(axis=0)
    for reading in READINGS:
        fitted = credit_cases(cases, run, reading).mean(axis=0)
        for family_id in ("CQID011", "CQID015", "CQID025"):
            place = families.index(family_id)
            assert fitted[place] > 0.95 > constant[place]


def test_authors_are_never_split_and_each_case_is_held_out_once(settings: CueSettings) -> None:
    cases = read_labelled(settings)
    (run,) = cross_validate(cases, find_words(cases), settings)
    assert (run.folds >= 0).all()
    folds_of: dict[str, set[int]] = {}
    for case, fold in zip(cases, run.folds.tolist(), strict=True):
        folds_of.setdefault(case.group, set()).add(fold)
    assert all(len(folds) == 1 for folds in folds_of.values())


def test_responses_are_no_input(settings: CueSettings) -> None:
    cases = read_labelled(settings)
    model = fit_cue_model(cases, find_words(cases), settings)
    assert not any("secretword" in term for head in model.heads.values() for term in head.terms)


def test_the_same_settings_give_the_same_model(settings: CueSettings) -> None:
    cases = read_labelled(settings)
    first, second = (fit_cue_model(cases, find_words(cases), settings) for _ in range(2))
    narrative = Narrative(en="A rash on the hand for two weeks")
    assert all(
        np.array_equal(first.score(narrative)[qid], second.score(narrative)[qid])
        for qid in first.score(narrative)
    )


def test_older_cases_count_less_where_the_labelling_changed(settings: CueSettings) -> None:
    cases = read_labelled(settings)
    changed = next(family for family in settings.families if family.family_id == "CQID036")
    weights = weigh_cases(cases, changed, settings.present_from)
    assert set(weights[: CASES // 2]) == {changed.older_weight} and set(weights[CASES // 2 :]) == {1.0}
    model = fit_cue_model(cases, find_words(cases), settings)
    assert model.score(Narrative(en="A rash on the face"))["CQID036-001"].argmax() == 1
    assert model.score(Narrative())["CQID036-001"].argmax() == 1


def test_training_writes_a_checkpoint_that_loads(
    repository: Path, invented: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = repository / "training" / "configs" / "cue-model.yaml"
    output = tmp_path / "out"
    assert main(["cue-model", "--config", str(config), "--data", str(invented), "--output", str(output)]) == 0
    printed = json.loads(capsys.readouterr().out)
    model = CueModel.load(output)
    assert printed["model"] == model.model_id
    assert printed["cases"] == CASES
    assert "least_cases: 3" in (output / "settings.yaml").read_text(encoding="utf-8")
    (table,) = json.loads((output / "data.json").read_text(encoding="utf-8"))
    assert table["counts"]["cases used"] == CASES
    assert set(model.score(Narrative(en="itchy"))) == {
        question.qid for question in load_challenge().questions
    }
    assert any(
        temperature != 1.0 for family in model.families for temperature in family.temperatures.values()
    )


def test_the_report_has_every_table(settings: CueSettings) -> None:
    cases = read_labelled(settings)
    runs = cross_validate(cases, find_words(cases), settings)
    judged = [judge_run(cases, run, settings, "both") for run in runs]
    report = evaluate(cases, settings, runs, judged)
    assert [title for title in report if "calibration" not in title] == [
        "1 x 5 folds by author, shipped weights",
        "1 x 5 folds by author, all labels alike",
        "1 x 5 folds by author, shipped weights, cases from ENC00020 on",
        "fitted on the first 27, tested on the last 13",
        "fitted on the first 33, tested on the last 7",
    ]
    for title, table in report.items():
        assert all(0 <= number <= 1 for columns in table.values() for number in columns.values()), title
    first = next(iter(report.values()))
    assert first["both"]["low"] <= first["both"]["all"] <= first["both"]["high"]


def test_the_temperature_undoes_overconfidence(training_seed: int) -> None:
    random = np.random.default_rng(training_seed)
    truth = random.normal(size=(4000, 3))
    labels = np.zeros((4000, 3), np.bool_)
    shares = to_probabilities(truth, True)
    labels[np.arange(4000), [random.choice(3, p=row) for row in shares]] = True
    assert choose_temperature(truth * 2, labels, True, np.ones(4000)) == pytest.approx(2.0, rel=0.15)
    assert choose_temperature(truth / 2, labels, True, np.ones(4000)) == pytest.approx(0.5, rel=0.15)


def test_a_fold_is_judged_without_its_own_answers(settings: CueSettings) -> None:
    cases = read_labelled(settings)
    (run,) = cross_validate(cases, find_words(cases), settings)
    fold = int(run.folds[0])
    changed = [
        dataclasses.replace(case, answers={**case.answers, "CQID025-001": 1 - case.answers["CQID025-001"]})
        if run.folds[index] == fold
        else case
        for index, case in enumerate(cases)
    ]
    place = [family.family_id for family in load_families()].index("CQID025")
    before, after = (judge_run(which, run, settings, "both")[place] for which in (cases, changed))
    mine = (
        np.concatenate([np.full((run.folds == number).sum(), number) for number in range(settings.folds)])
        == fold
    )
    assert (before.after[mine] == after.after[mine]).all() and (
        before.prior_credits[mine] == after.prior_credits[mine]
    ).all()
    assert before.references != after.references


def test_tempering_leaves_the_best_option_of_one_slot(settings: CueSettings) -> None:
    cases = read_labelled(settings)
    (run,) = cross_validate(cases, find_words(cases), settings)
    before, after = (
        score_table(cases, [entry], settings)["both"]["CQID025"]
        for entry in (run, temper(cases, run, settings))
    )
    assert before == after


def test_rare_names_are_left_out() -> None:
    names, rarity = count_rarity([["a", "b"], ["a"], ["a", "c", "c"]], 2)
    assert names == ["a"]
    assert rarity.tolist() == pytest.approx([1.0])


def test_answers_out_of_range_are_named(settings: CueSettings) -> None:
    path = settings.data / "train_cvqa.json"
    answers = json.loads(path.read_text(encoding="utf-8"))
    answers[3]["CQID025-001"] = 7
    path.write_text(json.dumps(answers), encoding="utf-8")
    with pytest.raises(FormatError, match=r"ENC00003.*CQID025-001"):
        read_labelled(settings)


def test_missing_data_is_one_line(
    settings: CueSettings, tmp_path: Path, capsys: pytest.CaptureFixture[str], repository: Path
) -> None:
    with pytest.raises(MagicDemoError):
        read_labelled(dataclasses.replace(settings, data=tmp_path / "nowhere"))
    config = repository / "training" / "configs" / "cue-model.yaml"
    assert main(["cue-model", "--config", str(config), "--data", str(tmp_path / "nowhere")]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_too_few_cases_are_refused(settings: CueSettings) -> None:
    with pytest.raises(SettingsError, match="at least 50"):
        read_labelled(dataclasses.replace(settings, folds=50))


@pytest.mark.parametrize("index", [12, -1, "1", None])
def test_an_answer_out_of_range_is_named_and_refused(
    settings: CueSettings, invented: Path, index: object
) -> None:
    path = invented / "train_cvqa.json"
    answers = json.loads(path.read_text(encoding="utf-8"))
    answers[7]["CQID034-001"] = index
    path.write_text(json.dumps(answers), encoding="utf-8")
    with pytest.raises(FormatError, match=r"ENC00007.*CQID034-001") as caught:
        read_labelled(settings)
    assert "\n" not in str(caught.value)


def test_settings_name_every_family(settings: CueSettings) -> None:
    assert [family.family_id for family in settings.families] == [
        family.family_id for family in load_families()
    ]
    assert all(isinstance(family, FamilySettings) and family.kinds for family in settings.families)


@pytest.mark.long
@pytest.mark.shared
def test_two_real_folds_stay_above_the_floor(shared_data: Path, repository: Path) -> None:
    """The reported figure is 0.72 to 0.73 over all folds and 0.58 for the constant answer; the floor leaves
    room for two folds' chance."""
    config = repository / "training" / "configs" / "cue-model.yaml"
    settings = read_settings(config, CueSettings, {"data": str(shared_data / "dermavqa"), "repeats": 1})
    alike = dataclasses.replace(
        settings,
        families=tuple(dataclasses.replace(family, older_weight=1.0) for family in settings.families),
    )
    cases = read_labelled(alike)
    found = find_words(cases)
    run = hold_out(cases, found, alike, split_folds(cases, alike.folds, alike.seed)[:2])
    table = score_table(cases, [run], alike)
    families = {family.family_id: table["both"][family.family_id] for family in load_families()}
    assert table["both"]["all"] > 0.67 > 0.62 > table["constant"]["all"]
    assert table["zh"]["all"] > 0.65
    assert families["CQID011"] > 0.70 and families["CQID015"] > 0.78 and families["CQID025"] > 0.87
