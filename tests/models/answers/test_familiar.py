"""Which photos have a say: those like the ones that the photo answerer was tested on, or all where a reader
asks; and never against plain words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from magic_demo.core.types import Encounter, Narrative, Photo
from magic_demo.cues.cue_model import CueModel
from magic_demo.cues.stated import stated_options
from magic_demo.files.photos.reading import read_photo
from magic_demo.imaging.measure import LesionMeasures
from magic_demo.models.answers.familiar import LIMIT_SHARE, FamiliarPhotos
from magic_demo.models.answers.photo_answerer import PhotoAnswerer, PhotoAnswererConfig, PhotoAnswererModel
from magic_demo.models.answers.photo_evidence import PhotoEvidence
from magic_demo.models.feature_cache import FeatureCache
from magic_demo.models.interfaces import Segmenter
from magic_demo.models.loading.predictors import load_predictor
from magic_demo.models.predictor import Predictor
from magic_demo.page.workshop.workshop import GUIDED_EXAMPLE
from magic_demo.questions.calibration import Calibration, FamilyCalibration, digest_of
from magic_demo.questions.combining import WITHOUT_WORDS, Weights
from magic_demo.questions.decoding import decode_answers, read_slots
from magic_demo.questions.families import load_families
from magic_demo.synthetic.bundled import load_examples, make_example
from tests.models.answers.test_photo_evidence import CHANNELS, make_segmenter
from tests.support.stand_ins import draw_photo
from training.cases.metrics import official_scores
from training.cases.sources import CaseSource, read_cases

pytestmark = pytest.mark.numeric

FAMILIES = {family.family_id: family for family in load_families()}
WORDS = Narrative("I have had this rash on my arm for two weeks")


def test_photos_of_a_kind_are_like_it_and_others_are_not() -> None:
    random = torch.Generator().manual_seed(0)
    basis = torch.randn(4, 40, generator=random)
    own, held, tested = (
        torch.randn(count, 4, generator=random) @ basis + 0.1 * torch.randn(count, 40, generator=random)
        for count in (300, 200, 200)
    )
    familiar = FamiliarPhotos(1, 40, 4)
    familiar.learn(0, own, held)
    assert float((familiar(held) <= 1).float().mean()) == pytest.approx(LIMIT_SHARE, abs=0.01)
    assert float((familiar(tested) <= 1).float().mean()) > 0.85
    beside = tested + 2 * torch.randn(200, 40, generator=random)
    assert not bool((familiar(beside) <= 1).any()) and not bool((familiar(5 * tested.abs() + 5) <= 1).any())


class Showing(PhotoAnswerer):
    """An answerer to which photos show nothing plainly but what ``shown`` says."""

    shown: Mapping[str, frozenset[int]] = {}

    def shown_options(self, looks: Sequence[PhotoEvidence]) -> Mapping[str, frozenset[int]]:
        return self.shown if looks else {}


def make_answerer(segmenter: Segmenter, limits: Sequence[float]) -> PhotoAnswerer:
    """Return an answerer of chance whose kinds reach as far as their limits say."""
    torch.manual_seed(5)
    config = PhotoAnswererConfig(
        channels=CHANNELS,
        hidden=8,
        segmenter="tiny",
        encoder_digest=segmenter.encoder_name[1],
        kinds=["close-ups", "drawings"][: len(limits)],
    )
    model = PhotoAnswererModel(config)
    with torch.no_grad():
        for weights in model.parameters():
            weights.normal_(0, 0.3)
    assert model.familiar is not None
    model.familiar.mean.fill_(1.0)
    model.familiar.limit.copy_(torch.tensor(limits))
    return Showing(model, model_id="lesions@1")


@pytest.fixture(scope="module")
def cues(repository: Path) -> CueModel:
    return CueModel.load(repository / "checkpoints" / "cue-model")


def make_predictor(cues: CueModel, limit: float) -> Predictor:
    """Return a predictor to which photos are like close-ups where ``limit`` is large."""
    segmenter = make_segmenter()
    answerer, all_of = make_answerer(segmenter, [limit]), dict.fromkeys(FAMILIES, 1.0)
    none = dict.fromkeys(FAMILIES, 0.0)
    weights = Weights(none, all_of, all_of, {"close-ups": all_of, "close-ups" + WITHOUT_WORDS: all_of})
    fitted = {"close-ups": {family: FamilyCalibration(1.0, 0.5, 1.0) for family in FAMILIES}}
    calibration = Calibration(digest_of(cues.model_id), "1", 0.0, kinds=fitted)
    return Predictor(segmenter, answerer, cues, weights, [calibration])


def make_case(words: Narrative = WORDS, photos: int = 2) -> Encounter:
    return Encounter("E1", words, tuple(Photo(str(number), draw_photo()) for number in range(photos)))


def test_photos_unlike_those_tested_on_have_no_say_and_the_reader_is_told(cues: CueModel) -> None:
    prediction = make_predictor(cues, 1e-6).predict(make_case())
    alone = Predictor(None, None, cues).predict(make_case())
    assert prediction.answers == alone.answers and prediction.unlike == 2 and len(prediction.photos) == 2
    (line,) = [note for note in prediction.notes if "Unlike the photos this was tested on" in note]
    assert "2 of 2 photos have no say" in line


def test_without_words_and_with_unlike_photos_nothing_is_said_to_be_answered_from_the_photos(
    cues: CueModel,
) -> None:
    wordless = make_case(Narrative("", ""))
    unlike = make_predictor(cues, 1e-6).predict(wordless)
    assert any("only what is most frequent" in note for note in unlike.notes)
    assert not any("from the photos alone" in note for note in unlike.notes)
    like = make_predictor(cues, 1e6).predict(wordless)
    assert any("from the photos alone" in note for note in like.notes)


def test_a_reader_who_asks_gets_the_photos_say_without_percent(cues: CueModel) -> None:
    predictor = make_predictor(cues, 1e-6)
    asked = predictor.predict(make_case(), all_photos=True)
    like = make_predictor(cues, 1e6).predict(make_case())
    unstated = set(FAMILIES) - set(stated_options(WORDS))
    for family in unstated:
        assert np.allclose(asked.scores[f"{family}-001"], like.scores[f"{family}-001"])
        assert family in like.chances and family not in asked.chances
    assert asked.unlike == 0 and any("only because you asked" in note for note in asked.notes)
    assert not [note for note in like.notes if "Unlike" in note]


def test_what_the_words_state_no_photo_overrules(cues: CueModel) -> None:
    prediction = make_predictor(cues, 1e6).predict(make_case())
    alone = cues.score(WORDS)
    assert {"CQID011", "CQID015"} <= set(stated_options(WORDS))
    for family, options in stated_options(WORDS).items():
        assert options <= read_slots(prediction.answers, FAMILIES[family])
        assert family not in prediction.chances
    unstated = set(FAMILIES) - set(stated_options(WORDS))
    assert not any(np.allclose(prediction.scores[f"{name}-001"], alone[f"{name}-001"]) for name in unstated)


def test_what_the_words_state_wins_over_what_is_frequent(cues: CueModel) -> None:
    words = Narrative("There is one spot on my arm, the colour is brown")
    stated, colours = stated_options(words)["CQID034"], FAMILIES["CQID034"].options["en"]
    prediction = make_predictor(cues, 1e6).predict(make_case(words))
    assert stated == {colours.index("brown")} == {prediction.answers["CQID034-001"]}


def test_photos_that_show_one_lesion_settle_how_many_unless_the_words_state_it(cues: CueModel) -> None:
    predictor = make_predictor(cues, 1e6)
    before = predictor.predict(make_case())
    assert isinstance(predictor.answerer, Showing)
    predictor.answerer.shown = {"CQID035": frozenset({0})}
    shown = predictor.predict(make_case())
    assert (before.answers["CQID035-001"], shown.answers["CQID035-001"]) == (1, 0)
    assert "CQID035" in before.chances and "CQID035" not in shown.chances, "moved, so that no percent holds"
    assert {qid: option for qid, option in shown.answers.items() if qid != "CQID035-001"} == {
        qid: option for qid, option in before.answers.items() if qid != "CQID035-001"
    }
    words = Narrative("I have had several spots on my arm for two weeks")
    assert predictor.predict(make_case(words)).answers["CQID035-001"] == 1
    assert predictor.predict(make_case(photos=0)).answers["CQID035-001"] == 1


def test_cases_without_words_have_weights_of_their_own(cues: CueModel) -> None:
    predictor = make_predictor(cues, 1e6)
    kinds = {
        "close-ups": dict.fromkeys(FAMILIES, 0.0),
        "close-ups" + WITHOUT_WORDS: dict.fromkeys(FAMILIES, 1.0),
    }
    predictor.weights = Weights({}, {}, {}, kinds)
    wordless, worded = (predictor.rate_options(make_case(words))[1] for words in (Narrative(), WORDS))
    assert wordless.weigh(predictor.weights, "CQID034") == 1.0
    assert worded.weigh(predictor.weights, "CQID034") == 0.0


def test_an_explanation_points_at_photos_only_where_they_had_a_say(cues: CueModel) -> None:
    case = make_case()
    for limit, heard in ((1e-6, False), (1e6, True)):
        predictor = make_predictor(cues, limit)
        explained = predictor.explain(case, predictor.predict(case), "CQID034", 2)
        assert bool(explained.regions) <= heard
        asked = predictor.predict(case, all_photos=True)
        assert predictor.explain(case, asked, "CQID034", 2).regions.keys() <= {"0", "1"}


@pytest.fixture(scope="module")
def shipped() -> Predictor:
    return load_predictor()


def test_photos_of_anything_but_skin_change_no_answer(shipped: Predictor) -> None:
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[:200, :260]
    noise = random.integers(0, 256, (200, 260, 3), dtype=np.uint8)
    stripes = np.repeat(((columns // 9 + rows // 13) % 2 * 200)[..., None], 3, axis=2).astype(np.uint8)
    sky = np.stack([90 + rows // 3, 140 + rows // 4, 255 - rows // 5], axis=2).astype(np.uint8)
    for pixels in (noise, stripes, sky):
        case = Encounter("E1", WORDS, (Photo("p", pixels),))
        prediction = shipped.predict(case)
        assert prediction.unlike == 1
        assert prediction.answers == shipped.predict(Encounter("E1", WORDS)).answers


@pytest.mark.long
def test_somebody_elses_close_ups_cost_hardly_any_official_accuracy(
    shipped: Predictor, shared_data: Path
) -> None:
    skin = shared_data / "skin"
    names = [
        name
        for split in ("pad_dev", "isic_dev")
        for name in (skin / "splits" / f"{split}.txt").read_text(encoding="utf-8").split()[:20]
    ]
    looks, cache = [], FeatureCache(0)
    for name in names:
        photo = read_photo(skin / "images" / f"{name}.jpg")
        looks += shipped.look(Encounter(name, Narrative(), (photo,)), cache=cache)
    source = CaseSource("train", "challenge", folder="dermavqa", photos=False)
    references, with_photos, alone = {}, {}, {}
    for number, case in enumerate(read_cases(shared_data, [source], Path())):
        narrative = Narrative(*case.texts)
        stranger = Encounter(case.case_id, narrative)
        scores, _ = shipped.rate_options(stranger, looks=[looks[number % len(looks)]])
        references[case.case_id] = case.answers
        with_photos[case.case_id] = decode_answers(scores, load_families(), shipped.set_priors)
        alone[case.case_id] = shipped.predict(stranger).answers
    accuracy, before = (
        official_scores(references, answers)["accuracy_all"] for answers in (with_photos, alone)
    )
    assert accuracy > before - 0.01


def test_one_piece_in_every_photo_is_one_lesion(shipped: Predictor) -> None:
    answerer = shipped.answerer
    assert isinstance(answerer, PhotoAnswerer)
    one, several = (
        PhotoEvidence(np.zeros((2, 2), np.float32), LesionMeasures(count, 0.1), None) for count in (1, 3)
    )
    assert answerer.shown_options([one, one]) == {"CQID035": frozenset({0})}
    assert answerer.shown_options([one, several]) == answerer.shown_options([]) == {}


def test_every_answer_to_the_guided_example_is_right(shipped: Predictor) -> None:
    prediction = shipped.predict(load_examples()[GUIDED_EXAMPLE].encounter)
    assert prediction.answers == make_example(GUIDED_EXAMPLE + 1).answers


def test_the_eight_examples_agree_with_their_own_text(shipped: Predictor) -> None:
    for example in load_examples():
        answers = shipped.predict(example.encounter).answers
        for family, options in stated_options(example.encounter.narrative).items():
            assert read_slots(answers, FAMILIES[family]) & options, (example.title["en"], family)
