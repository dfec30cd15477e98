"""Which places move a score: attributions add up to what the photo changes, for every design."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from magic_demo.core.errors import ModelError
from magic_demo.models.answers.attribution import GREY, attribute_places, lay_out_grid
from tests.models.answers.test_text_photo_answerer import make_model, make_photos, make_scorer
from tests.support.source.concrete_models import score_photos

pytestmark = pytest.mark.numeric

DESIGNS: tuple[dict[str, Any], ...] = (
    {},
    {"photo_head_size": 8},
    {"fusion": "concatenation", "narrative_input": False, "learn_sets": False, "attention_heads": 0},
)


def test_a_score_that_reads_one_place_is_attributed_to_it() -> None:
    def score(maps: Tensor) -> Tensor:
        return 3 * maps[:, 0, 1, 0] - maps[:, 1, 2, 1]

    shown = torch.rand(2, 4, 3, generator=torch.Generator().manual_seed(0))
    added = attribute_places(score, shown, torch.zeros(1, 4, 3))
    assert added[0, 1, 0] == pytest.approx(3 * float(shown[0, 1, 0]), rel=1e-5)
    assert added[1, 2, 1] == pytest.approx(-float(shown[1, 2, 1]), rel=1e-5)
    assert int((added != 0).sum()) == 2


def test_places_are_laid_out_row_by_row() -> None:
    assert lay_out_grid(torch.arange(6.0)[:, None], (2, 3)).tolist() == [[0, 1, 2], [3, 4, 5]]
    assert lay_out_grid(torch.ones(5, 2, 3), (64, 96)).tolist() == [[5, 5, 5], [5, 5, 5]]
    with pytest.raises(ModelError, match="no grid"):
        lay_out_grid(torch.ones(50, 4), (224, 224))


@pytest.mark.parametrize("design", DESIGNS, ids=["ours", "photo head", "paper"])
@pytest.mark.parametrize("narrative", ["red for two weeks", ""])
def test_attributions_add_up_to_what_the_photo_changes(design: dict[str, Any], narrative: str) -> None:
    scorer = make_scorer(make_model(**design))
    (photo,) = make_photos((40, 48))
    grey = np.full((8, 8, 3), GREY, np.uint8)
    with_photo, with_grey = (
        score_photos(scorer, narrative, [pixels])["CQID034-001"][2] for pixels in (photo, grey)
    )
    (added,) = scorer.attribute(narrative, [scorer.encode_photo(photo)], "CQID034", 2)
    assert added.dtype == np.float32 and with_photo != with_grey
    assert float(added.sum()) == pytest.approx(float(with_photo - with_grey), rel=0.1, abs=1e-3)


def test_every_photo_has_a_map_and_no_photo_none() -> None:
    scorer = make_scorer(make_model())
    looks = [scorer.encode_photo(pixels) for pixels in make_photos((32, 32), (64, 48), (20, 90))]
    shapes = [added.shape for added in scorer.attribute("", looks, "CQID035", 0)]
    assert shapes == [(4, 4)] * 3
    assert scorer.attribute("itchy", [], "CQID035", 0) == []
    with pytest.raises(KeyError):
        scorer.attribute("", [], "CQID999", 0)
