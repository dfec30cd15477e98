"""From reviews to a new model: what is learnt from, what is refused, and what nobody may lose."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from magic_demo.core.review_types import CaseKey, Review
from magic_demo.core.types import Photo
from magic_demo.files.encounters import read_encounters
from magic_demo.files.photos.reading import read_photo
from magic_demo.imaging.run_lengths import encode_mask
from magic_demo.models.loading.finding import name_model
from magic_demo.models.loading.predictors import load_predictor
from magic_demo.questions.families import load_challenge, read_questions
from magic_demo.reviews.cases.covered_photos import covered_beside
from magic_demo.reviews.cases.deletion import delete_cases
from magic_demo.reviews.exports import write_export
from magic_demo.reviews.exports.case_files import find_queue_files
from magic_demo.reviews.learning.learnt import (
    ANSWERS,
    COMPARISON,
    LEARNT,
    SEGMENTATION,
    LearntError,
    find_withdrawn,
    models_beside,
    read_learnt,
    read_progress,
    work_of,
)
from magic_demo.reviews.store import Actor, NewCase, Store
from tests.support.own_questions import THREE
from tests.support.store.reviewed_store import QUEUE, READER, write_models, write_reviewed
from training.learning.command import read_arguments
from training.learning.fine_tuning.decoder import DecoderRun, DecoderSettings
from training.learning.fine_tuning.heads import HeadsSettings
from training.learning.fine_tuning.lessons import read_lessons
from training.learning.gathering import gather_reviews
from training.learning.run import learn
from training.learning.settings import LearnSettings

pytestmark = pytest.mark.numeric


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """A store of six reviewed cases, and tiny models."""
    folder = tmp_path_factory.mktemp("reviewed")
    return write_reviewed(folder), *write_models(folder)


@pytest.fixture
def settings(written: tuple[Path, Path, Path], tmp_path: Path) -> LearnSettings:
    """Settings of a few steps, over a store of one's own."""
    template, segmentation, answers = written
    store = shutil.copytree(template, tmp_path / "store")
    with Store.open(store) as opened:
        out = models_beside(opened.location) / "first"
    return LearnSettings(
        out=out,
        store=str(store),
        segmentation=str(segmentation),
        answers=str(answers),
        least=5,
        replay=2,
        photos=1,
        decoder=DecoderSettings(steps=3, batch_size=4),
        heads=HeadsSettings(steps=3, folds=2),
    )


def list_bytes(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_new_checkpoints_are_written_beside_each_other_and_the_old_ones_stay_as_they_are(
    settings: LearnSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert settings.answers is not None
    before = {name: list_bytes(Path(name)) for name in (settings.segmentation, settings.answers)}
    out, rows = learn(settings)
    assert {name: list_bytes(Path(name)) for name in before} == before
    assert name_model(out / SEGMENTATION) != name_model(settings.segmentation)
    predictor = load_predictor(segmentation=out / SEGMENTATION, answers=out / ANSWERS)
    assert predictor.mismatch is None, "the encoder is the one that the answerer was made for"
    assert rows[0].name == "held-out cases, Dice" and rows[-1].name == "synthetic cases, Dice"
    assert not work_of(out).exists()
    _card_names_reviews_and_nobody(settings, out)
    _cases_are_held_out_whole(out)
    with pytest.raises(LearntError, match="is there already and stays as it is"):
        learn(settings)
    assert "Learning the outline" in capsys.readouterr().out
    _what_was_learnt_goes_with_a_case(settings, out)


def _card_names_reviews_and_nobody(settings: LearnSettings, out: Path) -> None:
    learnt = read_learnt(out)
    for name in (SEGMENTATION, ANSWERS):
        card = (out / name / "README.md").read_text(encoding="utf-8")
        assert (
            "6 readings (6 blind) of 6 cases" in card
            and "Numbers of the reviews in their store: 1-6." in card
        )
        assert learnt.version in card and name_model(settings.segmentation) in card
        assert "| held-out cases, Dice |" in card and "2 synthetic cases of seed 40250" in card
        assert READER not in card and "ENC0" not in card
    assert "ENC0" not in (out / LEARNT).read_text() + (out / COMPARISON).read_text()


def _cases_are_held_out_whole(out: Path) -> None:
    learnt = read_learnt(out)
    held = set(json.loads((out / COMPARISON).read_text(encoding="utf-8")))
    assert held and held.isdisjoint(learnt.taught) and held | set(learnt.taught) == set(learnt.cases)


def _what_was_learnt_goes_with_a_case(settings: LearnSettings, out: Path) -> None:
    """A covered photo makes the model unusable; a deleted case takes it along."""
    learnt = read_learnt(out)
    with Store.open(str(settings.store)) as store:
        files = find_queue_files(store, QUEUE)
        assert find_withdrawn(learnt, files) == 0
        key = CaseKey(QUEUE, files[0].encounter_id)
        first = files[0].photo_files[0]
        assert first.path is not None
        covered_beside(store.location).keep(
            key, Photo(first.photo_id, read_photo(first.path).pixels[:, ::-1])
        )
        assert find_withdrawn(learnt, find_queue_files(store, QUEUE)) == 1
        assert find_withdrawn(learnt, files[1:]) == 1, "a case that is gone"
        delete_cases(store, [key])
    assert not out.exists()


def test_learning_is_refused_in_one_line_with_too_few_cases(settings: LearnSettings) -> None:
    with pytest.raises(
        LearntError, match=r"6 cases have a finished reading with an outline or an answer.*at least 7"
    ) as raised:
        learn(replace(settings, least=7))
    assert "\n" not in str(raised.value)
    assert not settings.out.exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["somewhere", "--store", "there"], "a training set and a store were named"),
        (["somewhere"], "name a new folder with --out"),
        (["--steps", "0"], "--steps is 0; 1 or more is expected"),
        (["--minutes", "0"], "--minutes is 0.0; more than 0 is expected"),
    ],
)
def test_what_does_not_go_together_is_refused_in_one_line(words: list[str], said: str) -> None:
    with pytest.raises(LearntError, match=said):
        read_arguments(words)


def test_a_run_that_was_stopped_goes_on_and_nothing_half_written_can_be_used(
    settings: LearnSettings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    steps: list[int] = []
    learn_step = DecoderRun.learn

    def stop_once(self: DecoderRun, batch: Any, share: float) -> float:
        if len(steps) == 2:
            steps.append(-1)
            self.keep()
            raise KeyboardInterrupt
        steps.append(self.step)
        return learn_step(self, batch, share)

    monkeypatch.setattr(DecoderRun, "learn", stop_once)
    with pytest.raises(KeyboardInterrupt):
        learn(settings)
    assert not settings.out.exists()
    work = work_of(settings.out)
    progress = read_progress(work)
    assert progress is not None and 0 < progress.share < 1 and "outline" in progress.line
    left = {path.name for path in work.iterdir()}
    assert "set" not in left, "no photo outlives the run"
    learn(settings)
    assert steps == [0, 1, -1, 2] and (settings.out / LEARNT).is_file()
    assert "Going on from where it was stopped" in capsys.readouterr().out


def test_a_case_that_is_deleted_meanwhile_is_learnt_from_by_nobody(
    settings: LearnSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    learn_step = DecoderRun.learn

    def delete_one(self: DecoderRun, batch: Any, share: float) -> float:
        if self.step == 1:
            with Store.open(str(settings.store)) as store:
                delete_cases(store, [CaseKey(QUEUE, "ENC00002")])
        return learn_step(self, batch, share)

    monkeypatch.setattr(DecoderRun, "learn", delete_one)
    with pytest.raises(LearntError, match="a case was deleted or covered while"):
        learn(settings)
    assert not settings.out.exists()
    assert not [path for path in settings.out.parent.rglob("*") if path.name in (LEARNT, SEGMENTATION)]


def test_covered_pixels_are_learnt_from_and_undecided_coverings_leave_a_case_out(
    settings: LearnSettings,
) -> None:
    folder = settings.out.parent / "set"
    with Store.open(str(settings.store)) as store:
        files = find_queue_files(store, QUEUE)
        covered, undecided = files[0], files[1]
        photo = covered.photo_files[0]
        assert photo.path is not None
        white = np.full_like(read_photo(photo.path).pixels, 255)
        covered_beside(store.location).keep(
            CaseKey(QUEUE, covered.encounter_id), Photo(photo.photo_id, white)
        )
        size = read_photo(undecided.photo_files[0].path or Path()).size
        store.propose_cover(
            CaseKey(QUEUE, undecided.encounter_id),
            undecided.photo_files[0].photo_id,
            encode_mask(np.ones(size, np.bool_)),
            Actor(READER, "test"),
        )
        found = gather_reviews(store, None, folder)
    lessons = read_lessons(found.version, "consensus")
    listed = {one.case_id: one for one in (*lessons.taught, *lessons.held_out)}
    assert undecided.encounter_id not in listed and len(listed) == 5
    (example, *_) = listed[covered.encounter_id].list_examples()
    assert (example.read()[0] == 255).all()


def test_what_is_learnt_from_answers_the_questions_of_its_queue(
    settings: LearnSettings, tmp_path: Path
) -> None:
    (tmp_path / "q.yaml").write_text(THREE, encoding="utf-8")
    asked = read_questions(tmp_path / "q.yaml")
    with Store.open(str(settings.store)) as store:
        case = store.list_cases(QUEUE, READER)[0]
        store.add_cases("own", [NewCase(case.key.case_id, case.folder)])
        store.ask("own", asked)
        store.save(Review(case.key.case_id, READER, "blind", "done", {"ITCH-001": 2}, queue="own"))
        found = gather_reviews(store, "own", tmp_path / "set")
        assert found.version.questions == asked.digest
        assert gather_reviews(store, QUEUE, tmp_path / "usual").version.questions == load_challenge().digest


def test_a_training_set_is_learnt_from_without_its_store(settings: LearnSettings, tmp_path: Path) -> None:
    with Store.open(str(settings.store)) as store:
        files = find_queue_files(store, QUEUE)
        write_export(store.all_reviews(QUEUE), files, "training-set", tmp_path / "set")
    out, _ = learn(replace(settings, store=None, data_set=tmp_path / "set", out=tmp_path / "elsewhere"))
    assert read_learnt(out).cases == {} and len(read_learnt(out).taught) + 1 <= 6
    assert read_encounters(tmp_path / "set", "train").encounters, "the set stays"


def test_cases_that_the_model_to_begin_with_has_learnt_from_are_not_held_out(settings: LearnSettings) -> None:
    with Store.open(str(settings.store)) as store:
        found = gather_reviews(store, QUEUE, settings.out.parent / "set")
    lessons = read_lessons(found.version, "consensus")
    known = lessons.held_out[0].case_id
    again = read_lessons(found.version, "consensus", was_taught=lambda case_id: case_id == known)
    assert known in {one.case_id for one in again.taught}
    assert {one.group for one in again.taught}.isdisjoint(one.group for one in again.held_out)
