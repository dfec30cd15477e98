"""What made it fast, held by counting: a photo is encoded once for any number of prompts, what was asked
before runs no model, bytes are bounded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from magic_demo.core.types import Encounter, Narrative, Photo, Prediction
from magic_demo.models.answers.photo_answerer import PhotoAnswerer
from magic_demo.models.answers.text_photo_answerer import TextPhotoAnswerer
from magic_demo.models.feature_cache import FeatureCache, count_bytes
from magic_demo.models.predictor import Predictor
from magic_demo.models.segmentation.prompted import PromptedSegmenter
from tests.models.answers.test_photo_evidence import make_scorer as make_lesion_scorer
from tests.models.answers.test_photo_evidence import make_segmenter
from tests.models.answers.test_text_photo_answerer import make_model
from tests.models.answers.test_text_photo_answerer import make_scorer as make_option_scorer
from tests.support.stand_ins import draw_photo

pytestmark = pytest.mark.numeric

COUNTED: dict[type, tuple[str, ...]] = {
    PromptedSegmenter: ("look", "encode_prompt", "decode_views"),
    TextPhotoAnswerer: ("encode_photo", "score"),
    PhotoAnswerer: ("attribute",),
}


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count every call of a model's towers and decoder by "Class.method"."""
    counted: Counter[str] = Counter()

    def count(owner: type, name: str) -> None:
        real: Callable[..., Any] = getattr(owner, name)

        def counting(*arguments: Any, **more: Any) -> Any:
            counted[f"{owner.__name__}.{name}"] += 1
            return real(*arguments, **more)

        monkeypatch.setattr(owner, name, counting)

    for owner, names in COUNTED.items():
        for name in names:
            count(owner, name)
    return counted


@pytest.fixture
def case() -> Encounter:
    photos = tuple(Photo(str(number), draw_photo(48 + 8 * number, 64)) for number in range(2))
    return Encounter("ENC1", Narrative("red for two weeks"), photos)


def lesion_predictor() -> Predictor:
    segmenter = make_segmenter()
    return Predictor(segmenter, make_lesion_scorer(segmenter))


def option_predictor() -> Predictor:
    return Predictor(make_segmenter(), make_option_scorer(make_model()))


def same(one: Prediction, other: Prediction) -> bool:
    maps = zip(one.photos, other.photos, strict=True)
    return all(np.array_equal(a.probability, b.probability) for a, b in maps) and all(
        np.array_equal(values, other.scores[qid]) for qid, values in one.scores.items()
    )


@pytest.mark.parametrize("make", [lesion_predictor, option_predictor])
def test_three_prompts_cost_one_vision_pass_a_photo_and_a_decoder_pass_each(
    make: Callable[[], Predictor], case: Encounter, calls: Counter[str]
) -> None:
    predictor, cache = make(), FeatureCache()
    asked = [predictor.predict(case, prompt=prompt, cache=cache) for prompt in ("red", "spot", "scale")]
    assert calls["PromptedSegmenter.look"] == 2
    assert calls["PromptedSegmenter.encode_prompt"] == 3 and calls["PromptedSegmenter.decode_views"] == 6
    if isinstance(predictor.answerer, TextPhotoAnswerer):
        assert calls["TextPhotoAnswerer.encode_photo"] == 2 and calls["TextPhotoAnswerer.score"] == 1, (
            "words and photos stayed the same"
        )
    assert same(asked[1], predictor.predict(case, prompt="spot")), (
        "what was kept is what is computed without it"
    )


@pytest.mark.parametrize("make", [lesion_predictor, option_predictor])
def test_what_was_asked_before_runs_no_model(
    make: Callable[[], Predictor], case: Encounter, calls: Counter[str]
) -> None:
    predictor, cache = make(), FeatureCache()
    first = predictor.predict(case, cache=cache)
    before = dict(calls)
    again = predictor.predict(case, cache=cache)
    assert dict(calls) == before and same(first, again)


def test_photos_are_read_once_without_a_segmentation_model_too(case: Encounter, calls: Counter[str]) -> None:
    predictor, cache = Predictor(None, make_option_scorer(make_model())), FeatureCache()
    for _ in range(2):
        predictor.predict(case, cache=cache)
    assert dict(calls) == {"TextPhotoAnswerer.encode_photo": 2, "TextPhotoAnswerer.score": 1}


def test_other_words_read_no_photo_again(case: Encounter, calls: Counter[str]) -> None:
    predictor, cache = option_predictor(), FeatureCache()
    predictor.predict(case, prompt="red", cache=cache)
    before = dict(calls)
    predictor.predict(Encounter("ENC1", Narrative("other words"), case.photos), prompt="red", cache=cache)
    assert dict(calls) == {**before, "TextPhotoAnswerer.score": 2}


def test_option_texts_are_encoded_when_the_model_is_loaded_and_never_again(
    case: Encounter, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make_model()
    predictor = Predictor(make_segmenter(), make_option_scorer(model))
    texts: list[int] = []
    read = model.read_tokens

    def count(input_ids: Any, attention_mask: Any) -> Any:
        texts.append(len(input_ids))
        return read(input_ids, attention_mask)

    monkeypatch.setattr(model, "read_tokens", count)
    for prompt in ("red", "spot"):
        predictor.predict(case, prompt=prompt)
    assert texts == [1, 1], "the narrative alone"


def test_why_an_option_has_its_score_encodes_no_photo_again(case: Encounter, calls: Counter[str]) -> None:
    predictor, cache = lesion_predictor(), FeatureCache()
    prediction = predictor.predict(case, cache=cache)
    before = dict(calls)
    predictor.explain(case, prediction, "CQID034", 2, cache=cache)
    assert dict(calls) == {**before, "PhotoAnswerer.attribute": 1}


def test_the_bytes_kept_stay_below_the_limit_whatever_is_asked(case: Encounter) -> None:
    predictor = lesion_predictor()
    assert predictor.segmenter is not None
    one_photo = count_bytes(predictor.segmenter.look(case.photos[0].pixels))
    cache = FeatureCache(2 * one_photo)
    photos = tuple(Photo(str(number), draw_photo(64, 64 + 8 * number)) for number in range(6))
    most = 0
    for number in range(6):
        predictor.predict(
            Encounter("ENC1", Narrative("red"), photos[: number + 1]), prompt=f"prompt {number}", cache=cache
        )
        most = max(most, cache.bytes)
    assert one_photo < most <= 2 * one_photo


def test_without_a_cache_a_photos_features_are_not_kept_and_the_prompt_is_read_once(
    case: Encounter, calls: Counter[str]
) -> None:
    predictor = lesion_predictor()
    assert predictor.segmenter is not None
    predictor.predict(case)
    assert calls["PromptedSegmenter.look"] == 2 and calls["PromptedSegmenter.encode_prompt"] == 1
