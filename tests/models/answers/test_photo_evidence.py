"""The closed questions from what the segmenter saw: one pass a photo, what counts where, and what happens
beside another segmenter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from magic_demo.core.errors import CheckpointError
from magic_demo.core.types import Encounter, Narrative, OptionScores, Photo
from magic_demo.cues.cue_model import CueModel
from magic_demo.imaging.measure import LesionMeasures
from magic_demo.models.answers.photo_answerer import PhotoAnswerer, PhotoAnswererConfig, PhotoAnswererModel
from magic_demo.models.answers.photo_evidence import (
    MEASURE_COUNT,
    PhotoEvidence,
    describe_measures,
    look_at_photo,
    pool_places,
    weigh_places,
)
from magic_demo.models.interfaces import Segmenter
from magic_demo.models.loading.preprocessing import Preprocessing
from magic_demo.models.predictor import Predictor
from magic_demo.models.registry import load_answerer, load_segmenter
from magic_demo.models.segmentation.compact import CompactSegmenter, CompactSegmenterConfig, MobileNetEncoder
from magic_demo.models.segmentation.prompted import PromptedSegmenter
from magic_demo.questions.combining import Weights
from magic_demo.questions.decoding import decode_answers
from magic_demo.questions.families import load_challenge, load_families
from magic_demo.synthetic.cases import SyntheticCase, make_case
from magic_demo.synthetic.truth import draw_truth
from tests.models.segmentation.test_prompted import make_tokenizer
from tests.support.source.concrete_models import load_photo_answerer
from tests.support.source.rounding import assert_same_but_for_rounding, measure_rounding
from tests.support.stand_ins import draw_photo

pytestmark = pytest.mark.numeric

CHANNELS = 128
"""Of the stride-16 map of a segmenter with a stem of 8."""


def make_segmenter(seed: int = 1, *, mirrored: bool = False) -> PromptedSegmenter:
    """Return a compact segmenter of chance for photos of 64x64."""
    torch.manual_seed(seed)
    config = CompactSegmenterConfig(
        stem_channels=8, decoder_channels=[8, 8, 8, 16, 16], vocab_size=40, prompt_size=16, prompt_length=12
    )
    model = CompactSegmenter(config).eval()  # type: ignore[no-untyped-call]
    shape = Preprocessing((64, 64), (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    return PromptedSegmenter(
        model, make_tokenizer(), shape, model_id=f"tiny@{seed}", threshold=0.3, mirrored=mirrored
    )


def make_scorer(segmenter: Segmenter) -> PhotoAnswerer:
    """Return a scorer of chance for a segmenter's features."""
    torch.manual_seed(5)
    config = PhotoAnswererConfig(
        channels=CHANNELS, hidden=8, segmenter="tiny", encoder_digest=segmenter.encoder_name[1]
    )
    model = PhotoAnswererModel(config)
    with torch.no_grad():
        for weights in model.parameters():
            weights.normal_(0, 0.3)
        model.prior.copy_(torch.linspace(-1, 1, config.options))
    return PhotoAnswerer(model, model_id="lesions@1")


@pytest.fixture
def segmenter() -> PromptedSegmenter:
    return make_segmenter()


@pytest.fixture
def scorer(segmenter: Segmenter) -> PhotoAnswerer:
    return make_scorer(segmenter)


def make_encounter(count: int = 2) -> Encounter:
    """Return a case with words and photos of different sizes."""
    photos = tuple(
        Photo(str(number), draw_photo(48 + 8 * number, 64, spot=number % 2 == 0)) for number in range(count)
    )
    return Encounter("ENC1", Narrative("red for two weeks"), photos)


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Record the batch of every pass of the segmenter's photo encoder."""
    seen: list[int] = []
    real: Callable[..., tuple[Tensor, ...]] = MobileNetEncoder.forward

    def count(self: MobileNetEncoder, pixel_values: Tensor) -> tuple[Tensor, ...]:
        seen.append(len(pixel_values))
        return real(self, pixel_values)

    monkeypatch.setattr(MobileNetEncoder, "forward", count)
    return seen


def test_one_pass_a_photo_serves_both_tasks(
    segmenter: Segmenter, scorer: PhotoAnswerer, passes: list[int]
) -> None:
    prediction = Predictor(segmenter, scorer).predict(make_encounter(3))
    assert passes == [1, 1, 1]
    assert (
        len(prediction.photos) == 3
        and len(prediction.answers) == 27
        and prediction.notes == prediction.failures == ()
    )


def test_the_maps_are_those_of_the_segmenter_alone(segmenter: Segmenter, scorer: PhotoAnswerer) -> None:
    together, alone = (Predictor(segmenter, answers).predict(make_encounter()) for answers in (scorer, None))
    assert all(
        np.array_equal(one.probability, other.probability)
        for one, other in zip(together.photos, alone.photos, strict=True)
    )


def test_every_option_of_every_question_is_scored_and_siblings_alike(
    segmenter: Segmenter, scorer: PhotoAnswerer
) -> None:
    scores = scorer.score("", [look_at_photo(segmenter, draw_photo(), "")])
    assert {qid: len(values) for qid, values in scores.items()} == {
        question.qid: question.option_count for question in load_challenge().questions
    }
    assert np.array_equal(scores["CQID020-001"], scores["CQID020-009"])


def test_a_case_without_photos_scores_the_prior(scorer: PhotoAnswerer) -> None:
    values = scorer.score("", [])
    assert np.allclose(values["CQID010-001"], np.linspace(-1, 1, 54)[:4], atol=1e-6)


def test_the_order_of_the_photos_does_not_matter_and_the_photos_do(scorer: PhotoAnswerer) -> None:
    seen = [
        PhotoEvidence(
            np.ones((32, 32), np.float32),
            LesionMeasures(count, 0.1 * count),
            torch.full((CHANNELS, 4, 4), 0.3 * count),
        )
        for count in (0, 3)
    ]
    one, turned, first = (scorer.score("", photos)["CQID034-001"] for photos in (seen, seen[::-1], seen[:1]))
    rounding = measure_rounding(scorer.model, lambda: scorer.score("", seen)["CQID034-001"])
    assert_same_but_for_rounding(one, turned, rounding)
    assert not np.allclose(one, first, atol=100 * rounding)


def test_pooling_weighs_the_inside_and_the_surroundings_of_the_lesion() -> None:
    probability = np.zeros((96, 96), np.float32)
    probability[32:64, 32:64] = 1.0
    inside, around = weigh_places(probability, (12, 12))
    assert float(inside.sum()) == pytest.approx(1) and float(around.sum()) == pytest.approx(1)
    assert float(inside[4:8, 4:8].sum()) == pytest.approx(1) and float(around[4:8, 4:8].sum()) == 0
    features = torch.zeros(3, 12, 12)
    features[0, 4:8, 4:8], features[1] = 2.0, 1.0
    assert pool_places(features, probability).tolist() == pytest.approx([2, 1, 0, 0, 1, 0], abs=1e-5)


def test_without_a_lesion_the_whole_photo_is_pooled() -> None:
    inside, around = weigh_places(np.zeros((32, 32), np.float32), (4, 4))
    assert torch.allclose(inside, torch.full((4, 4), 1 / 16)) and torch.allclose(around, inside)


def test_a_mirrored_segmenter_s_features_are_the_mean_of_both_views() -> None:
    mirrored, plain = make_segmenter(mirrored=True), make_segmenter()
    photo = draw_photo(64, 64)
    photo[:, :20] = 30
    one, flipped = (
        look_at_photo(plain, np.ascontiguousarray(pixels), "").features for pixels in (photo, photo[:, ::-1])
    )
    both = look_at_photo(mirrored, photo, "").features
    assert one is not None and flipped is not None and both is not None

    def look() -> Tensor:
        features = look_at_photo(plain, photo, "").features
        assert features is not None
        return features

    rounding = measure_rounding(plain.model, look)
    assert_same_but_for_rounding(both, (one + flipped.flip(-1)) / 2, rounding)


def test_measures_are_finite_numbers_whatever_was_found() -> None:
    for measures in (LesionMeasures(0, 0.0), LesionMeasures(1, 1.0), LesionMeasures(400, 0.9, roughness=0.1)):
        values = describe_measures(measures)
        assert values.shape == (MEASURE_COUNT,) and np.isfinite(values).all() and np.abs(values).max() < 20


def test_attributions_lie_on_the_map_and_add_up_with_a_linear_head(
    segmenter: Segmenter, scorer: PhotoAnswerer
) -> None:
    with torch.no_grad():
        scorer.model.seen.case.weight.zero_()
    seen = [look_at_photo(segmenter, draw_photo(64, 64), "")]
    (places,) = scorer.attribute("", seen, "CQID034", 2)
    assert places.shape == (4, 4) and places.dtype == np.float32
    features = seen[0].features
    assert features is not None
    bare = [PhotoEvidence(seen[0].probability, seen[0].measures, torch.zeros_like(features))]
    scores = [scorer.score("", photos)["CQID034-001"][2] for photos in (seen, bare)]
    clamp = scorer.model.seen.scale  # ones: no feature of a network of chance lies five away from 0
    assert float(features.abs().max()) < 5 * float(clamp.min())
    assert float(places.sum()) == pytest.approx(float(scores[0] - scores[1]), rel=1e-3, abs=1e-4)


def test_attributions_need_features_and_a_known_family(segmenter: Segmenter, scorer: PhotoAnswerer) -> None:
    seen = look_at_photo(segmenter, draw_photo(), "")
    with pytest.raises(KeyError):
        scorer.attribute("", [seen], "CQID999", 0)
    assert scorer.attribute("", [PhotoEvidence(seen.probability, seen.measures, None)], "CQID010", 0) == []
    assert scorer.attribute("", [], "CQID010", 0) == []


def test_beside_another_segmenter_only_the_measures_count_and_the_reader_is_told(
    scorer: PhotoAnswerer,
) -> None:
    other = make_segmenter(2)
    weights = Weights({}, {"CQID034": 0.8}, {"CQID034": 0.2})
    predictor = Predictor(other, scorer, None, weights)
    case = make_encounter()
    prediction = predictor.predict(case)
    assert [note for note in prediction.notes if "not of tiny@2" in note] and "\n" not in prediction.notes[0]
    assert predictor.weights.of("CQID034", photos=True) == 0.2
    blind = [PhotoEvidence(photo.probability, photo.measures, None) for photo in predictor.look(case)]
    assert np.array_equal(prediction.scores["CQID034-001"], scorer.score("", blind)["CQID034-001"])


def test_without_a_segmenter_the_photos_do_not_count_and_the_reader_is_told(scorer: PhotoAnswerer) -> None:
    prediction = Predictor(None, scorer).predict(make_encounter())
    assert len(prediction.answers) == 27 and prediction.photos == ()
    assert np.array_equal(prediction.scores["CQID034-001"], scorer.score("", [])["CQID034-001"])
    assert len(prediction.notes) == 1 and "no segmentation model" in prediction.notes[0]


def test_a_change_of_one_weight_or_of_the_preprocessing_is_another_encoder(
    segmenter: PromptedSegmenter,
) -> None:
    before = segmenter.encoder_name
    assert before == make_segmenter().encoder_name != make_segmenter(2).encoder_name
    model: Any = segmenter.model
    with torch.no_grad():
        model.encoder.stem.convolution.weight[0, 0, 0, 0] += 0.1
    assert (
        PromptedSegmenter(
            model, segmenter.tokenizer, segmenter.preprocessing, model_id="changed"
        ).encoder_name
        != before
    )
    assert make_segmenter(mirrored=True).encoder_name != before


def test_config_decides_which_scorer_is_loaded(scorer: PhotoAnswerer, tmp_path: Path) -> None:
    scorer.model.save_pretrained(tmp_path)
    loaded = load_answerer(tmp_path)
    assert isinstance(loaded, PhotoAnswerer) and loaded.model_id.startswith(tmp_path.name)
    assert np.array_equal(loaded.score("", [])["CQID010-001"], scorer.score("", [])["CQID010-001"])


def test_a_model_of_another_kind_or_for_other_options_is_one_line(tmp_path: Path, repository: Path) -> None:
    with pytest.raises(CheckpointError, match="the questions have 54"):
        PhotoAnswerer(
            PhotoAnswererModel(PhotoAnswererConfig(options=7, channels=4, hidden=2)), model_id="other"
        )
    with pytest.raises(CheckpointError):
        load_answerer(repository / "checkpoints" / "segmentation-compact")


def test_cues_alone_answer_where_the_photos_weigh_nothing(
    segmenter: Segmenter, scorer: PhotoAnswerer, repository: Path
) -> None:
    cues = CueModel.load(repository / "checkpoints" / "cue-model")
    none = Weights(dict.fromkeys(FAMILIES, 0.0), dict.fromkeys(FAMILIES, 0.0))
    case = make_encounter()
    both, alone = (
        Predictor(segmenter, scorer, cues, none).predict(case),
        Predictor(None, None, cues).predict(case),
    )
    assert both.answers == alone.answers


@pytest.fixture(scope="module")
def shipped(repository: Path) -> tuple[Segmenter, PhotoAnswerer]:
    """Return the shipped segmenter and the shipped answers from what it sees."""
    folder = repository / "checkpoints"
    return load_segmenter(folder / "segmentation-compact"), load_photo_answerer(folder / "photo-answerer")


@pytest.fixture(scope="module")
def held_out(shipped: tuple[Segmenter, PhotoAnswerer]) -> list[tuple[SyntheticCase, OptionScores]]:
    """Return synthetic cases of one photo each that no training run drew, another seed, with what their photo
    scores."""
    segmenter, scorer = shipped
    truths = [replace(draw_truth(np.random.default_rng([77, number])), photos=1) for number in range(40)]
    cases = [make_case(77, number, truth=truth, longest=160) for number, truth in enumerate(truths)]
    return [(case, scorer.score("", [look_at_photo(segmenter, case.photos[0].pixels, "")])) for case in cases]


def test_the_shipped_checkpoint_is_small_and_made_for_the_shipped_segmenter(
    repository: Path, shipped: tuple[Segmenter, PhotoAnswerer]
) -> None:
    segmenter, scorer = shipped
    assert (
        sum(path.stat().st_size for path in (repository / "checkpoints" / "photo-answerer").iterdir()) < 1e6
    )
    assert scorer.explain_mismatch(segmenter) is None
    assert scorer.set_priors is not None and set(scorer.set_priors) == {"CQID011", "CQID012", "CQID020"}
    answers = decode_answers(scorer.score("", []), load_families(), scorer.set_priors)
    assert list(answers) == [question.qid for question in load_challenge().questions]


@pytest.mark.parametrize("qid", ["CQID010-001", "CQID034-001", "CQID035-001", "CQID036-001"])
def test_the_shipped_checkpoint_answers_from_photos_alone_better_than_the_best_constant(
    held_out: list[tuple[SyntheticCase, OptionScores]], qid: str
) -> None:
    right = [case.answers[qid] for case, _ in held_out]
    answered = [int(scores[qid].argmax()) for _, scores in held_out]
    constant = np.bincount(right).max() / len(right)  # the best one in hindsight
    assert np.mean(np.equal(right, answered)) > constant + 0.1


FAMILIES = tuple(dict.fromkeys(question.family for question in load_challenge().questions))
