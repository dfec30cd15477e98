"""The heads on what the segmenter saw: what is learnt from which cases, how the weights are chosen, and one
run from settings to answers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from magic_demo.core.types import Pixels
from magic_demo.cues.cue_model import CueModel
from magic_demo.models.answers.photo_evidence import MEASURE_COUNT, PhotoEvidence, look_at_photo
from magic_demo.models.answers.text_photo_answerer import place_families
from magic_demo.models.interfaces import Segmenter
from magic_demo.questions.combining import read_weights
from magic_demo.questions.decoding import decode_answers
from magic_demo.questions.families import load_families
from tests.models.answers.test_photo_evidence import make_segmenter
from tests.support.source.concrete_models import load_photo_answerer
from tests.support.stand_ins import draw_photo
from training.answers.photo.evidence import SeenCase, Views, make_targets, see_cases, tile_cases, tile_photo
from training.answers.photo.heads import fit_heads
from training.answers.photo.report import END, START
from training.answers.photo.settings import HeadSettings, PhotoAnswererSettings
from training.answers.photo.weighing import judge_rules, score_seen
from training.answers.photo_answerer import train_answers
from training.cases.sources import CaseSource, LearningCase
from training.runs.run import SettingsError, read_settings

PLACES = {family.family_id: place for family, place in place_families(load_families())}
MADE, REAL = CaseSource("made", "cases"), CaseSource("real", "pad")
RED, WHITE = 2, 7


def make_settings(folder: Path, seed: int = 0, **changes: object) -> PhotoAnswererSettings:
    """Return settings of a small run over drawn cases."""
    cases = replace(MADE, count=12, seed=3 + 10 * seed, longest=96)
    settings = PhotoAnswererSettings(
        segmentation=folder / "none",
        cues=Path("checkpoints/cue-model"),
        output=folder / "out",
        folder=folder,
        drawn=folder / "drawn",
        kept=folder / "kept",
        training=(cases,),
        reference=replace(cases, name="reference", photos=False),
        weighing=replace(cases, name="weighing", seed=4 + 10 * seed, split="valid"),
        real=replace(cases, name="real", seed=5 + 10 * seed, split="valid"),
        unseen=replace(cases, name="unseen", seed=6 + 10 * seed, split="valid"),
        synthetic_families=("CQID010", "CQID034", "CQID035"),
        real_families=("CQID011",),
        head=HeadSettings(hidden=8, epochs=40, batch_size=16, learning_rate=1e-2, dropout=0.0, seed=7 + seed),
    )
    return replace(settings, **changes)  # type: ignore[arg-type]


def make_seen(count: int, source: CaseSource = MADE, *, seed: int = 0) -> list[SeenCase]:
    """Make cases whose first feature says whether they are red or white, three red ones in four."""
    random = np.random.default_rng(seed)
    seen = []
    for number in range(count):
        red = number % 4 != 0
        vectors = random.normal(0, 0.3, (1 + number % 2, 6 + MEASURE_COUNT)).astype(np.float32)
        vectors[:, 0] += 2.0 if red else -2.0
        case = LearningCase(
            f"ENC{number}", source, ("", ""), (), {"CQID034-001": RED if red else WHITE}, str(number)
        )
        seen.append(SeenCase(case, vectors, ("red" if red else "white",) * len(vectors), (1,) * len(vectors)))
    return seen


@pytest.mark.numeric
def test_heads_learn_what_photos_tell_and_leave_frequencies_to_the_prior(
    tmp_path: Path, training_seed: int
) -> None:
    seen = make_seen(80, seed=training_seed)
    model = fit_heads(seen, make_settings(tmp_path, training_seed), torch.zeros(54), make_segmenter())
    place = PLACES["CQID034"]
    with torch.inference_mode():
        added = torch.stack(
            [
                model(torch.from_numpy(one.vectors)[None], torch.ones(1, len(one.vectors), dtype=torch.bool))[
                    0
                ]
                for one in seen
            ]
        )
    margin = (added[:, place][:, RED] - added[:, place][:, WHITE]).numpy()
    red = np.arange(80) % 4 != 0
    assert margin[red].min() > 0 > margin[~red].max()
    none = model(torch.zeros(1, 1, 6 + MEASURE_COUNT), torch.zeros(1, 1, dtype=torch.bool))
    assert not none.any()
    none.sum().backward()
    assert all(
        bool(weights.grad.isfinite().all()) for weights in model.seen.parameters() if weights.grad is not None
    )


@pytest.mark.numeric
def test_frequencies_of_the_training_cases_do_not_end_up_in_the_scores(
    tmp_path: Path, training_seed: int
) -> None:
    blind = [replace_vectors(one) for one in make_seen(80, seed=training_seed)]
    model = fit_heads(blind, make_settings(tmp_path, training_seed), torch.zeros(54), make_segmenter())
    with torch.inference_mode():
        added = model(torch.zeros(1, 1, 6 + MEASURE_COUNT), torch.ones(1, 1, dtype=torch.bool))[
            0, PLACES["CQID034"]
        ]
    assert abs(float(added[RED] - added[WHITE])) < 0.5  # three in four are red: log 3 is 1.1


def replace_vectors(one: SeenCase) -> SeenCase:
    """Return a case of whose photos nothing was seen."""
    return replace(one, vectors=np.zeros_like(one.vectors))


def test_a_case_teaches_only_families_that_it_is_meant_to_teach_and_knows() -> None:
    options = {family.family_id: list(family.options["en"]) for family in load_families()}
    raised, crust = options["CQID020"].index("raised or bumpy"), options["CQID020"].index("crust")
    answers = {f"CQID020-{slot:03d}": 9 for slot in range(1, 10)} | {"CQID020-001": raised}
    case = LearningCase("a", REAL, ("", ""), (), answers, "g")
    targets, place = make_targets(case, ["CQID020", "CQID034"]), PLACES["CQID020"]
    assert targets[place][raised] == 1 and targets[place][crust] == 0 and np.isnan(targets[place][9])
    assert np.isnan(np.delete(targets, range(place.start, place.stop))).all()
    assert np.isnan(make_targets(case, ["CQID010"])).all()


def test_tiles_are_several_lesions_on_skin_without_a_seam(tmp_path: Path) -> None:
    photo = draw_photo(120, 160)
    tiled = tile_photo(photo, 3)
    assert max(tiled.shape) <= 400
    red = (tiled[:, :, 0].astype(int) - tiled[:, :, 1] > 60).astype(np.uint8)
    assert cv2.connectedComponents(red)[0] == 10
    path = tmp_path / "a.jpg"
    cv2.imwrite(str(path), photo[:, :, ::-1])
    source = LearningCase("a", REAL, ("", ""), (path,), {"CQID035-001": 0}, "patient")
    (case,) = tile_cases([source], tmp_path / "tiled")
    assert case.answers["CQID035-001"] == 1 and case.answers["CQID010-001"] == 1 and case.group == "patient"
    assert case.source.kind == "pad" and case.photos[0].is_file()


def test_photos_are_looked_at_once_and_again_when_the_segmenter_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = []
    for number in range(3):
        paths.append(tmp_path / f"{number}.png")
        cv2.imwrite(str(paths[-1]), draw_photo(40 + number, 50)[:, :, ::-1])
    case = LearningCase("a", MADE, ("red", ""), tuple(paths), {}, "g")
    first = see_cases([case], make_segmenter(), tmp_path / "seen", most_photos=2, views=Views())
    assert first[0].vectors.shape[0] == 2 and len(first[0].named) == 2
    looked: list[int] = []

    def look(segmenter: Segmenter, pixels: Pixels, prompt: str) -> PhotoEvidence:
        looked.append(1)
        return look_at_photo(segmenter, pixels, prompt)

    monkeypatch.setattr("training.answers.photo.evidence.look_at_photo", look)
    again = see_cases([case], make_segmenter(), tmp_path / "seen", most_photos=2, views=Views())
    assert not looked and np.array_equal(first[0].vectors, again[0].vectors)
    see_cases([case], make_segmenter(2), tmp_path / "seen", most_photos=2, views=Views())
    assert len(looked) == 2


def test_the_rules_are_judged_on_what_was_named_and_counted() -> None:
    seen = [
        replace(one, case=replace(one.case, answers={**one.case.answers, "CQID035-001": 0}))
        for one in make_seen(8)
    ]
    wrong = replace(seen[1], named=("blue",) * len(seen[1].named), counts=(4,) * len(seen[1].counts))
    assert judge_rules([*seen[:1], wrong, *seen[2:]]) == {"colour named": 7 / 8, "single or multiple": 7 / 8}


def test_one_command_makes_a_checkpoint_that_answers(
    tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch, training_seed: int
) -> None:
    segmenter = make_segmenter()
    monkeypatch.setattr("training.answers.photo_answerer.load_segmenter", lambda _source: segmenter)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "README.md").write_text(f"before\n{START}\nold\n{END}\nafter\n")
    head = HeadSettings(hidden=4, epochs=2, seed=training_seed)
    settings = make_settings(
        tmp_path, training_seed, cues=repository / "checkpoints" / "cue-model", head=head, weights=(0.0, 0.5)
    )
    report = train_answers(settings)
    listed = json.loads((settings.output / "data.json").read_text(encoding="utf-8"))
    assert len(listed) == len(settings.training) + 4  # and the four that it is weighed and judged on
    scorer = load_photo_answerer(settings.output)
    assert scorer.explain_mismatch(segmenter) is None
    assert len(decode_answers(scorer.score("", []), load_families(), scorer.set_priors)) == 27
    weights = read_weights(settings.output)
    assert set(weights.with_photos) == set(weights.with_measures) == set(PLACES) and not any(
        weights.text_only.values()
    )
    assert weights.with_photos["CQID015"] == weights.with_photos["CQID011"] == 0.0
    assert json.loads((settings.kept / "photo-answerer.json").read_text())["weights"] == report["weights"]
    card = (settings.output / "README.md").read_text()
    assert (
        card.startswith("before\n")
        and card.endswith("after\n")
        and "old" not in card
        and "| both |" in card
        and "tiny@1" in card
    )
    real = report["real, 2 cases, features"]
    assert isinstance(real, dict) and all(
        real["both"][family] >= real["words alone"][family] for family in real["both"] if family != "all"
    )


def test_another_kind_of_segmenter_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    segmenter = make_segmenter()
    segmenter.encoder_name = ("clipseg", "")
    monkeypatch.setattr("training.answers.photo_answerer.load_segmenter", lambda _source: segmenter)
    with pytest.raises(SettingsError, match="compact_segmenter checkpoint is expected"):
        train_answers(make_settings(tmp_path))


def test_the_settings_file_is_read(repository: Path) -> None:
    settings = read_settings(
        repository / "training" / "configs" / "photo-answerer.yaml", PhotoAnswererSettings
    )
    assert {source.kind for source in settings.training} == {"cases", "pad"}
    assert settings.unseen.seed not in {
        settings.weighing.seed,
        *(source.seed for source in settings.training),
    }


@pytest.mark.numeric
def test_scores_of_cases_are_made_with_and_without_features(
    tmp_path: Path, repository: Path, training_seed: int
) -> None:
    seen = make_seen(6, seed=training_seed)
    model = fit_heads(seen, make_settings(tmp_path, training_seed), torch.zeros(54), make_segmenter())
    scored = score_seen(seen, model, CueModel.load(repository / "checkpoints" / "cue-model"))
    assert set(scored) == {"features", "measures"} and all(len(cases) == 6 for cases in scored.values())
    one, other = (scored[way][0].answerer["CQID034-001"] for way in ("features", "measures"))
    assert one.shape == other.shape == (12,) and not np.allclose(one, other)
