"""The head by which photos add to the scores."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from magic_demo.models.answers.photo_head import PhotoHead, lay_out_places
from tests.support.source.rounding import assert_same_but_for_rounding, measure_rounding

pytestmark = pytest.mark.numeric


def make_head() -> PhotoHead:
    """Make a small head of random weights, the same each time."""
    torch.manual_seed(0)
    return PhotoHead(channels=6, width=8, heads=2, size=10, dropout=0.0).eval()


def score(maps: Tensor, photo_mask: Tensor, head: PhotoHead | None = None) -> Tensor:
    """Score five options, the same each time."""
    options = draw(1, 5, 8)
    added: Tensor = (head or make_head())(options, *lay_out_places(maps, photo_mask))
    return added.detach()


def draw(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_a_case_without_photos_gets_nothing_added_beside_one_with_photos() -> None:
    added = score(draw(2, 1, 6, 3, 3), torch.tensor([[True], [False]]))
    assert bool((added[1] == 0).all()) and bool((added[0] != 0).any())


def test_neither_the_order_of_photos_nor_empty_places_beside_them_change_what_is_added() -> None:
    maps = draw(2, 2, 6, 2, 4)
    shown, head = torch.tensor([[True, True]]), make_head()
    both = score(maps, shown)
    rounding = measure_rounding(head, lambda: score(maps, shown, head).numpy())
    assert_same_but_for_rounding(score(maps.flip(0), shown), both, rounding)
    assert_same_but_for_rounding(score(maps, torch.tensor([[True, False, True]])), both, rounding)
    assert not torch.allclose(score(maps[:1], torch.tensor([[True]])), both, atol=1e-4)


def test_maps_and_sequences_of_the_same_places_are_laid_out_alike() -> None:
    maps, mask = draw(2, 2, 6, 2, 4), torch.tensor([[True, False], [True, False]])
    for one, other in zip(
        lay_out_places(maps, mask), lay_out_places(maps.flatten(2).transpose(1, 2), mask), strict=True
    ):
        assert torch.equal(one, other)


def test_one_place_of_many_can_change_what_is_added() -> None:
    maps = torch.zeros(1, 6, 4, 4)
    changed = maps.clone()
    changed[0, 2, 1, 3] = 5.0
    assert not torch.allclose(
        score(maps, torch.tensor([[True]])), score(changed, torch.tensor([[True]])), atol=1e-3
    )
