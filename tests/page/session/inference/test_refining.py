"""Points that the model follows: what the page is told of the photo that had to be read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from magic_demo.core.review_types import Mark
from magic_demo.core.types import Encounter, Narrative, Photo, Pixels
from magic_demo.models.feature_cache import FeatureCache
from magic_demo.models.segmentation.guided import shrink
from magic_demo.page.panels.viewer.close_look import CloseLooks, Island
from magic_demo.page.session.inference.refining import Refiner, write_guidance
from magic_demo.page.session.inference.source import PredictorSource
from magic_demo.page.session.open_cases import OpenCase, OpenCases
from tests.support.fake_predictor import FakePredictor
from tests.support.stand_ins import draw_photo, stand_in_predictor


class ReadsOnce(FakePredictor):
    """Reads a photo at the first question, and has read it at all others."""

    has: bool = False

    def has_read(self, photo: Photo, cache: FeatureCache) -> bool:
        del photo, cache
        return self.has

    def refine(self, photo: Photo, *_: Any, **__: Any) -> Any:
        self.has = True
        return np.zeros(photo.size, np.float32)


def test_a_photo_that_was_read_for_the_first_look_was_read_for_the_closer_one_too() -> None:
    photo = Photo("one", np.zeros((8, 8, 3), np.uint8))
    source = PredictorSource(ReadsOnce)
    source.start()
    assert source.wait(60)
    case = OpenCase("open", Encounter("one", Narrative(), (photo,)))
    refiner = Refiner(source, case, shown=True)
    for _ in range(2):
        refiner.refine(photo, (Mark("lesion", (0.5, 0.5)),), None)
    assert refiner.read
    again = Refiner(source, case, shown=True)
    again.refine(photo, (Mark("lesion", (0.5, 0.5)),), None)
    assert not again.read


@pytest.mark.parametrize("shown", [True, False], ids=["model", "graph cut"])
def test_a_photo_is_made_small_once_for_all_clicks_in_it(
    shown: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    shrunk: list[Pixels] = []

    def note(pixels: Pixels) -> Pixels:
        shrunk.append(pixels)
        return shrink(pixels)

    for module in ("magic_demo.models.segmentation.guided", "magic_demo.models.predictor"):
        monkeypatch.setattr(f"{module}.shrink", note)
    photo = Photo("one", np.zeros((600, 800, 3), np.uint8))
    photo.pixels[200:300, 300:400] = 200
    source = PredictorSource(stand_in_predictor)
    source.start()
    assert source.wait(60)
    case = OpenCase("open", Encounter("one", Narrative(), (photo,)))
    for place in (0.4, 0.45, 0.5):
        Refiner(source, case, shown=shown).refine(photo, (Mark("lesion", (place, 0.4)),), None)
    assert len(shrunk) == 1


def test_what_the_model_finds_by_itself_is_found_once_for_all_boxes_in_a_photo(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    predictor, photo = stand_in_predictor(), Photo("one", draw_photo(60, 80))
    assert predictor.segmenter is not None
    cache, segment, model = FeatureCache(), predictor.segmenter.segment, predictor.segmenter.model_id
    alone: list[str] = []

    def note(features: Any, prompt: str, *shown: Any) -> Any:
        whole = features is cache.find(("features", model, photo))  # and no box's surroundings
        alone.extend([prompt] if whole and not shown else [])
        return segment(features, prompt, *shown)

    monkeypatch.setattr(predictor.segmenter, "segment", note)
    for prompt in ("the red one", "the red one", "the left one"):
        guidance = write_guidance([Mark("box", (0.2, 0.2, 0.8, 0.8))], None)
        predictor.refine(photo, guidance, prompt=prompt, cache=cache)
    assert alone == ["the red one", "the left one"]


def test_a_covered_photo_and_a_closed_case_forget_what_was_found_at_clicks() -> None:
    photo, click = Photo("one", np.zeros((8, 8, 3), np.uint8)), Mark("lesion", (0.5, 0.5))
    source, cases = PredictorSource(FakePredictor), OpenCases()
    case = cases.open(Encounter("one", Narrative(), (photo,)))

    def looks(case: OpenCase) -> CloseLooks:
        refiner = Refiner(source, case, shown=True)
        return CloseLooks(refiner.cache, refiner.by)

    looks(case).keep_shown(photo, click, Island(3, 3, np.ones((2, 2), np.bool_)))
    assert looks(case).find_shown(photo, click) is not None and case.cache.bytes > 0
    covered = Photo("one", np.ones((8, 8, 3), np.uint8))
    after = cases.put_photo(case.open_id, covered)
    assert after is not None and after.cache.bytes == 0
    assert looks(after).find_shown(photo, click) is looks(after).find_shown(covered, click) is None


def test_a_graph_cut_gets_nothing_of_what_a_model_has_found() -> None:
    photo, click = Photo("one", np.zeros((8, 8, 3), np.uint8)), Mark("lesion", (0.5, 0.5))
    source = PredictorSource(FakePredictor)
    source.start()
    assert source.wait(60)
    case = OpenCase("open", Encounter("one", Narrative(), (photo,)))
    model, cut = (Refiner(source, case, shown=shown) for shown in (True, False))
    CloseLooks(model.cache, model.by).keep_shown(photo, click, Island(3, 3, np.ones((2, 2), np.bool_)))
    assert CloseLooks(model.cache, model.by).find_shown(photo, click) is not None
    assert CloseLooks(cut.cache, cut.by).find_shown(photo, click) is None
