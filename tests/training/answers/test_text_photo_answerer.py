"""Training of the closed questions' model, on a model and cases of the smallest kind."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from torch import Tensor

from magic_demo.__main__ import main as run_command
from magic_demo.challenge.running.cases import read_encounter
from magic_demo.core.errors import MagicDemoError
from magic_demo.core.types import Answers
from magic_demo.files.encounters import read_encounters
from magic_demo.models.answers.text_photo_answerer import place_families
from magic_demo.models.answers.text_photo_model import TextPhotoAnswererModel
from magic_demo.models.loading.predictors import load_predictor
from magic_demo.models.loading.preprocessing import Preprocessing
from magic_demo.questions.families import load_challenge, load_families
from tests.support.source.concrete_models import load_text_photo_answerer
from training.answers import text_photo_answerer
from training.answers.text_photo.data import CaseDraws, PhotoShelf, drop_words, make_labels
from training.answers.text_photo.metrics import Decoder
from training.answers.text_photo.settings import TextPhotoAnswererSettings
from training.answers.text_photo_answerer import cross_validate, main, run_training
from training.cases.folds import split_folds
from training.cases.metrics import most_frequent, official_scores, score_f1
from training.cases.sources import CaseSource, LearningCase, answer_from_cues, read_cases
from training.runs.run import SettingsError, read_settings

FAMILIES = load_families()
SMALL = Preprocessing((32, 32), (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
SOURCE = CaseSource("made", "challenge", priors=True)


def make_learning_cases(groups: list[str]) -> list[LearningCase]:
    """Make cases without photos, one a group name given."""
    answers = {question.qid: 0 for question in load_challenge().questions}
    return [
        LearningCase(f"ENC{index:05d}", SOURCE, ("itchy arms", "手痒"), (), answers, group)
        for index, group in enumerate(groups)
    ]


@pytest.fixture(scope="module")
def tiny(
    repository: Path, tmp_path_factory: pytest.TempPathFactory, training_seed: int
) -> TextPhotoAnswererSettings:
    """Return the settings of the tiny run, its output in a new folder."""
    output = tmp_path_factory.mktemp("runs") / "tiny"
    return read_settings(
        repository / "training" / "configs" / "text-photo-answerer-tiny.yaml",
        TextPhotoAnswererSettings,
        {"run.output": str(output), "run.seed": training_seed},
    )


@pytest.fixture(scope="module")
def trained(tiny: TextPhotoAnswererSettings) -> tuple[Path, dict[str, float]]:
    """Train the tiny model once."""
    return run_training(tiny)


@pytest.mark.numeric
def test_a_run_lowers_the_loss_and_leaves_a_checkpoint_that_scores(
    tiny: TextPhotoAnswererSettings, trained: tuple[Path, dict[str, float]]
) -> None:
    folder, scores = trained
    states = sorted(
        (tiny.run.output / "checkpoints").glob("checkpoint-*/trainer_state.json"),
        key=lambda path: path.stat().st_mtime,
    )
    history = json.loads(states[-1].read_text(encoding="utf-8"))["log_history"]
    losses = [entry["eval_loss"] for entry in history if "eval_loss" in entry]
    assert losses[-1] < losses[0]
    assert 0 <= scores["eval_accuracy_all"] <= 1
    scorer = load_text_photo_answerer(folder)
    assert scorer.set_priors is not None
    assert len(scorer.score("itchy for two weeks", [])) == len(load_challenge().questions)


@pytest.mark.long
@pytest.mark.numeric
def test_a_resumed_run_ends_with_the_weights_of_one_that_was_not_stopped(
    tiny: TextPhotoAnswererSettings,
) -> None:
    stopped = replace(
        tiny, run=replace(tiny.run, output=tiny.run.output.parent / "stopped", keep=10, keep_last=True)
    )
    folder, _ = run_training(stopped)
    whole = load_text_photo_answerer(folder).model.state_dict()
    folders = sorted(
        (stopped.run.output / "checkpoints").glob("checkpoint-*"),
        key=lambda path: int(path.name.partition("-")[2]),
    )
    for late in folders[2:]:  # as if the run had ended here
        shutil.rmtree(late)
    resumed = load_text_photo_answerer(run_training(stopped, resume=True)[0]).model.state_dict()
    assert all(torch.allclose(whole[name], resumed[name], atol=1e-5) for name in whole)


@pytest.mark.parametrize("name", ["text-photo-answerer", "text-photo-answerer-paper"])
def test_both_designs_run_on_pretrained_encoders_of_the_same_classes(
    repository: Path,
    tmp_path: Path,
    tiny: TextPhotoAnswererSettings,
    trained: tuple[Path, dict[str, float]],
    name: str,
) -> None:
    small = load_text_photo_answerer(trained[0])
    small.model.text_model.save_pretrained(tmp_path / "text")
    small.tokenizer.save_pretrained(tmp_path / "text")
    small.model.vision_model.save_pretrained(tmp_path / "photo")
    shutil.copy(trained[0] / "preprocessor_config.json", tmp_path / "photo")
    changes = {
        "model.text": str(tmp_path / "text"),
        "model.photo": str(tmp_path / "photo"),
        "run.output": str(tmp_path / "run"),
    }
    changes |= {"data.cache": str(tmp_path / "cache")} if name == "text-photo-answerer-paper" else {}
    settings = read_settings(
        repository / "training" / "configs" / f"{name}.yaml", TextPhotoAnswererSettings, changes
    )
    data = replace(
        settings.data, folder=tiny.data.folder, training=tiny.data.training, evaluation=tiny.data.evaluation
    )
    shutil.copytree(tiny.run.output.parent / "cases", tmp_path / "cases")
    run = replace(settings.run, epochs=1, batch_size=5 if name == "text-photo-answerer" else 45, threads=1)
    folder, scores = run_training(replace(settings, data=data, run=run))
    scorer = load_text_photo_answerer(folder)
    assert scorer.model.config.fusion == settings.model.fusion
    assert scorer.model.config.photo_head_size == settings.model.photo_head_size
    assert 0 <= scores["eval_accuracy_all"] <= 1
    frozen = settings.model.encoder_rate == 0
    before, after = (
        model.text_model.embeddings.word_embeddings.weight for model in (small.model, scorer.model)
    )
    assert torch.equal(before, after) == frozen


def test_a_trained_checkpoint_drops_in_by_its_path_alone_and_options_are_never_encoded_again(
    trained: tuple[Path, dict[str, float]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """BERT and Swin from the training's folder, in the page's and batch mode's Predictor and in
    ``predict``."""
    rows: list[int] = []
    read_tokens = TextPhotoAnswererModel.read_tokens

    def count(self: TextPhotoAnswererModel, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        rows.append(len(input_ids))
        return read_tokens(self, input_ids, attention_mask)

    monkeypatch.setattr(TextPhotoAnswererModel, "read_tokens", count)
    cases = sorted((trained[0].parent.parent / "cases").glob("synthetic-*"))[0]
    encounters = [read_encounter(files)[0] for files in read_encounters(cases, "valid").encounters]
    predictor = load_predictor(segmentation=None, answers=trained[0])
    options = sum(len(family.options["en"]) for family in FAMILIES)
    assert rows == [options]
    predictions = [predictor.predict(encounter) for encounter in encounters * 2]
    assert rows[1:] == [1] * sum(bool(encounter.narrative.text("en").strip()) for encounter in encounters * 2)
    assert all(len(prediction.answers) == len(load_challenge().questions) for prediction in predictions)
    run = trained[0].parent if trained[0].name == "best" else trained[0]
    assert predictor.models["cvqa"].startswith(f"{run.name}@"), "the run's name, not the folder's best/"

    out = tmp_path / "out"
    arguments = [
        "predict",
        str(cases),
        "--split",
        "valid",
        "--out",
        str(out),
        "--task",
        "cvqa",
        "--answers",
        str(trained[0]),
    ]
    assert run_command(arguments) == 0
    answers = {
        entry["encounter_id"]: entry
        for entry in json.loads((out / "data_cvqa_sys.json").read_text(encoding="utf-8"))
    }
    assert set(answers) == {encounter.encounter_id for encounter in encounters}
    for prediction in predictions:
        assert {qid: answers[prediction.encounter_id][qid] for qid in prediction.answers} == dict(
            prediction.answers
        )
    assert predictor.models["cvqa"] in (out / "manifest.json").read_text(encoding="utf-8")


def test_a_checkpoint_is_scored_with_parts_of_the_cases_left_out(
    repository: Path,
    tiny: TextPhotoAnswererSettings,
    trained: tuple[Path, dict[str, float]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = repository / "training" / "configs" / "text-photo-answerer-tiny.yaml"
    assert (
        main(
            ["--config", str(config), "--score", "--start", str(trained[0]), "--output", str(tiny.run.output)]
        )
        == 0
    )
    scores = json.loads(capsys.readouterr().out)
    assert set(scores) == {
        f"synthetic, {what}" for what in ("everything", "words", "words in Chinese", "photos", "nothing")
    }


def test_a_fresh_run_does_not_mix_with_an_old_one(
    tiny: TextPhotoAnswererSettings, trained: tuple[Path, dict[str, float]]
) -> None:
    assert trained[0].is_dir()
    with pytest.raises(MagicDemoError, match="--resume"):
        run_training(tiny)


def test_the_command_cross_validates_beside_the_constant_answer(
    repository: Path,
    tiny: TextPhotoAnswererSettings,
    trained: tuple[Path, dict[str, float]],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = yaml.safe_load(
        (repository / "training" / "configs" / "text-photo-answerer-tiny.yaml").read_text(encoding="utf-8")
    )
    # the cases beside it are already drawn
    config["run"] |= {"epochs": 1, "output": str(tiny.run.output.parent / "folds")}
    path = tiny.run.output.parent / "folds.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    assert main(["--config", str(path), "--folds", "2", "--start", str(trained[0])]) == 0
    scores = json.loads(
        (tiny.run.output.parent / "folds" / "cross_validation.json").read_text(encoding="utf-8")
    )
    assert {"accuracy_all", "constant_accuracy_all", "accuracy_CQID011"} <= set(scores)
    assert '"fold": 2' in capsys.readouterr().out
    by_siblings = {f"siblings_{how}_accuracy_all" for how in ("parent", "none", "majority", "consensus")}
    assert by_siblings <= set(scores) and scores["siblings_parent_accuracy_all"] == scores["accuracy_all"]
    with monkeypatch.context() as patch:  # what has held-out scores is not trained again
        patch.setattr(text_photo_answerer, "fit", lambda *_, **__: pytest.fail("a fold was trained again"))
        again = ["--config", str(path), "--folds", "2", "--start", str(trained[0]), "--resume"]
        assert main(again) == 0
        with pytest.raises(MagicDemoError, match=r"decoding\.weight was 1\.0 and is 2\.0"):
            main([*again, "--set", "decoding.weight=2"])
        with pytest.raises(MagicDemoError, match="resume with the same --folds"):
            main([*again, "--folds", "3"])
    assert scores == json.loads(
        (tiny.run.output.parent / "folds" / "cross_validation.json").read_text(encoding="utf-8")
    )


@pytest.mark.parametrize(
    "change",
    [
        {"model.start": "compac"},
        {"data.folder": "nowhere", "data.training": [{"name": "a", "kind": "challenge"}]},
    ],
)
def test_settings_that_lead_nowhere_are_one_line(
    repository: Path, tmp_path: Path, tiny: TextPhotoAnswererSettings, change: dict[str, Any]
) -> None:
    overrides = {"run.output": str(tiny.run.output.parent / tmp_path.name), **change}
    settings = read_settings(
        repository / "training" / "configs" / "text-photo-answerer-tiny.yaml",
        TextPhotoAnswererSettings,
        overrides,
    )
    with pytest.raises(MagicDemoError):
        run_training(settings)


def test_one_fold_is_refused(tiny: TextPhotoAnswererSettings) -> None:
    with pytest.raises(SettingsError, match="at least 2"):
        cross_validate(tiny, 1)


@pytest.mark.parametrize(
    "name",
    [
        "text-photo-answerer",
        "text-photo-answerer-paper",
        "text-photo-answerer-paper-small",
        "text-photo-answerer-tiny",
    ],
)
def test_every_settings_file_is_readable(repository: Path, name: str) -> None:
    assert read_settings(
        repository / "training" / "configs" / f"{name}.yaml", TextPhotoAnswererSettings
    ).data.training


def test_folds_keep_authors_together_and_hold_every_case_once() -> None:
    cases = make_learning_cases([f"author {index % 7}" for index in range(30)])
    folds = split_folds(cases, 3, seed=0)
    assert sorted(index for fold in folds for index in fold) == list(range(30))
    where = [{cases[index].group for index in fold} for fold in folds]
    assert not (where[0] & where[1] or where[0] & where[2] or where[1] & where[2])
    assert folds != split_folds(cases, 3, seed=1)


def test_labels_are_members_of_sets_or_shares_of_slots_and_unknown_where_no_answer_is() -> None:
    answers: Answers = {
        f"CQID012-{slot:03d}": value for slot, value in enumerate((0, 2, 3, 3, 3, 3), start=1)
    }
    places = {family.family_id: place for family, place in place_families(FAMILIES)}
    sets, shares = make_labels(answers, FAMILIES, sets=True), make_labels(answers, FAMILIES, sets=False)
    assert sets[places["CQID012"]].tolist() == [1, 0, 1, 1]
    assert shares[places["CQID012"]] == pytest.approx(np.array([1, 0, 1, 4]) / 6)
    assert np.isnan(sets[places["CQID010"]]).all()


def test_draws_do_not_depend_on_who_asks_when(tiny: TextPhotoAnswererSettings) -> None:
    cases = read_cases(Path(), tiny.data.training, tiny.run.output.parent / "cases")
    draws = [
        CaseDraws(cases, tiny.data, PhotoShelf(SMALL), units=FAMILIES, epochs=2, sets=True, seed=4)
        for _ in range(2)
    ]
    later = draws[1][len(cases) + 1]
    one = draws[0][len(cases) + 1]
    assert one["text"] == later["text"] and all(
        np.array_equal(a, b) for a, b in zip(one["photos"], later["photos"], strict=True)
    )
    assert len(draws[0]) == 2 * len(cases)


def test_photos_or_words_are_lost_by_chance_but_never_both(tiny: TextPhotoAnswererSettings) -> None:
    cases = [
        replace(case, photos=(Path("a.png"), Path("b.png")))
        for case in make_learning_cases([str(index) for index in range(40)])
    ]
    shelf = PhotoShelf(SMALL)
    for photo_dropout, text_dropout in ((0.3, 0.0), (0.0, 0.3), (0.5, 0.5)):
        settings = replace(tiny.data, photo_dropout=photo_dropout, text_dropout=text_dropout, most_photos=2)
        draws = CaseDraws(cases, settings, shelf, units=FAMILIES, epochs=10, sets=True, seed=0)
        chosen = [draws.choose(place) for place in range(len(draws))]
        assert np.mean([not draw.photos for draw in chosen]) == pytest.approx(photo_dropout, abs=0.08)
        assert np.mean([not draw.text for draw in chosen]) == pytest.approx(
            (1 - photo_dropout) * text_dropout, abs=0.08
        )
        assert all(draw.photos or draw.text for draw in chosen)


def test_words_and_characters_are_left_out_but_never_all() -> None:
    random = np.random.default_rng(0)
    assert drop_words("a b c", 1.0, random) == "a b c"
    assert set(drop_words("one two three four five six", 0.5, random).split()) < {
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
    }
    assert len(drop_words("皮疹三个月了很痒", 0.5, random)) < 8
    assert drop_words("", 0.5, random) == ""


def test_words_alone_teach_only_what_words_can_tell() -> None:
    cases = read_cases(Path(), [CaseSource("words", "narratives", count=5, seed=2)], Path())
    assert all(
        case.photos == () and {qid[:7] for qid in case.answers} == {"CQID011", "CQID015", "CQID025"}
        for case in cases
    )


def test_cues_answer_onset_itch_and_named_sites_and_nothing_else() -> None:
    answers = answer_from_cues(["Itchy rash on the arms for three weeks."], FAMILIES)
    names = {
        qid: FAMILIES[index].options["en"][answers[qid]]
        for index, qid in ((3, "CQID015-001"), (5, "CQID025-001"), (1, "CQID011-001"))
    }
    assert names == {"CQID015-001": "within weeks", "CQID025-001": "yes", "CQID011-001": "upper extremities"}
    assert {qid[:7] for qid in answers} == {"CQID011", "CQID015", "CQID025"}
    assert not any(qid.startswith("CQID011") for qid in answer_from_cues(["What is this?"], FAMILIES))


def test_the_constant_answer_reaches_on_the_real_answers_what_is_published(shared_data: Path) -> None:
    cases = read_cases(
        shared_data, [CaseSource("dermavqa", "challenge", folder="dermavqa", photos=False)], Path()
    )
    constant = most_frequent([case.answers for case in cases])
    scores = official_scores(
        {case.case_id: case.answers for case in cases}, {case.case_id: constant for case in cases}
    )
    assert len(cases) == 300
    assert scores["accuracy_all"] == pytest.approx(0.584, abs=0.006)


def test_f1_is_a_mean_over_options_then_families_and_ignores_the_order_of_slots() -> None:
    references = {str(index): {"CQID025-001": value} for index, value in enumerate((0, 0, 1, 2))}
    answers = {str(index): {"CQID025-001": value} for index, value in enumerate((0, 1, 1, 1))}
    assert score_f1(references, answers) == pytest.approx(np.mean([2 / 3, 2 / 4, 0.0]))
    slots = ("CQID011-001", "CQID011-002")
    turned = score_f1(
        {"a": dict(zip(slots, (0, 5), strict=True))}, {"a": dict(zip(slots, (5, 0), strict=True))}
    )
    assert turned == 1.0


def test_a_question_is_an_example_of_its_own_where_the_settings_say_so(
    tiny: TextPhotoAnswererSettings,
) -> None:
    answers: Answers = {question.qid: index % 2 for index, question in enumerate(load_challenge().questions)}
    cases = [replace(case, answers=answers) for case in make_learning_cases(["a", "b"])]
    settings = replace(tiny.data, draw="question", augment=None)
    draws = CaseDraws(cases, settings, PhotoShelf(SMALL), units=FAMILIES, epochs=2, sets=False, seed=0)
    assert draws.epoch_length == 2 * 27 and len(draws) == 4 * 27
    assert (
        sorted(draws.order[: 2 * 27])
        == sorted(draws.order[2 * 27 :])
        == [(case, qid) for case in range(2) for qid in sorted(answers)]
    )
    for place in range(27):
        labels, (_, qid) = draws[place]["labels"], draws.order[place]
        shown = next(
            span for family, span in place_families(FAMILIES) if family.family_id == qid.partition("-")[0]
        )
        assert labels[shown].sum() == 1.0 and labels[shown.start + answers[qid]] == 1.0
        assert np.isnan(np.delete(labels, range(shown.start, shown.stop))).all()


def test_one_slot_at_a_time_teaches_no_sets(tiny: TextPhotoAnswererSettings) -> None:
    data = replace(tiny.data, draw="question")
    with pytest.raises(SettingsError, match="learn_sets to false"):
        run_training(replace(tiny, data=data, run=replace(tiny.run, output=tiny.run.output.parent / "slots")))


def test_perfect_scores_decode_to_the_reference() -> None:
    answers = {question.qid: question.option_count - 2 for question in load_challenge().questions}
    for family in FAMILIES:
        for question in family.questions[1:]:
            answers[question.qid] = family.padding
    row = (make_labels(answers, FAMILIES, sets=True) - 0.5) * 20
    decoded = Decoder(load_challenge(), {}).decode(row[None])
    assert official_scores({"a": answers}, {"a": decoded[0]})["accuracy_all"] == 1.0
