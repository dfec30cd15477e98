"""What photos add to the scores of the closed questions' options: each option looks with attention for its
evidence in them."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class PhotoHead(nn.Module):
    """Score options by photos.

    It is added to what the words alone say, so that a case without photos scores as if there were no such
    head.

    channels: of the photo encoder's map. width: of the option vectors, a multiple of heads. size: of the
    hidden layer.
    """

    def __init__(self, channels: int, width: int, heads: int, size: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.normalization = nn.LayerNorm(channels)
        self.keys = nn.Linear(channels, width)
        self.values = nn.Linear(channels, width)
        self.queries = nn.Linear(width, width)
        self.whole = nn.Linear(2 * channels, width)
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.Sequential(
            nn.Linear(3 * width, size), nn.GELU(), nn.Dropout(dropout), nn.Linear(size, 1)
        )

    def forward(self, options: Tensor, places: Tensor, visible: Tensor) -> Tensor:
        """Score (O, D) options by (B, N, C) places of all photos of a case, those that (B, N) bool counts:
        (B, O), 0 without photos."""
        places = self.normalization(places)
        shown = visible[..., None]
        count = shown.sum(dim=1).clamp(min=1)
        highest = places.masked_fill(~shown, torch.finfo(places.dtype).min).amax(dim=1) * shown.any(dim=1)
        whole = self.whole(torch.cat([(places * shown).sum(dim=1) / count, highest], dim=-1))[:, None, :]
        split = (self.heads, -1)
        keys, values, queries = (
            self.keys(places).unflatten(-1, split),
            self.values(places).unflatten(-1, split),
            self.queries(options),
        )
        scores = torch.einsum("ohd,bnhd->bhon", queries.unflatten(-1, split), keys) / keys.shape[-1] ** 0.5
        shares = scores.masked_fill(~visible[:, None, None, :], torch.finfo(scores.dtype).min).softmax(dim=-1)
        found = torch.einsum("bhon,bnhd->bohd", shares, values).flatten(2)
        parts = [options.expand_as(found), options * self.dropout(found), options * self.dropout(whole)]
        return self.layers(torch.cat(parts, dim=-1)).squeeze(-1) * visible.any(dim=1)[:, None]  # type: ignore[no-any-return]


def lay_out_places(maps: Tensor, photo_mask: Tensor) -> tuple[Tensor, Tensor]:
    """Lay the maps of the F photos that (B, P) bool counts, (F, N, C) or (F, C, h, w), beside each other a
    case.

    Returns (B, P * N, C), zeros where no photo is, and (B, P * N) bool, True where one is.
    """
    places = maps.flatten(2).transpose(1, 2) if maps.ndim == 4 else maps
    laid = places.new_zeros(*photo_mask.shape, *places.shape[1:])
    laid[photo_mask] = places
    return laid.flatten(1, 2), photo_mask.repeat_interleave(places.shape[1], dim=1)
