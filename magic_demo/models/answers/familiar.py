"""Which photos the photo answerer may speak on: those like the ones that its say was tested on."""

from __future__ import annotations

import torch
from torch import Tensor, nn

LIMIT_SHARE = 0.95
"""Of held-out photos of a kind, those that count as like it."""


class FamiliarPhotos(nn.Module):
    """What photos of each kind look like, as the segmentation model's pooled features say.

    A photo's distance from a kind is taken along the kind's main directions, in standard deviations, and
    beside them, where it is compared with what held-out photos of that kind have there. ``limit`` is the
    distance that ``LIMIT_SHARE`` of those stay below.
    """

    mean: Tensor
    scale: Tensor
    directions: Tensor
    spread: Tensor
    beside: Tensor
    limit: Tensor

    def __init__(self, kinds: int, inputs: int, directions: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(kinds, inputs))
        self.register_buffer("scale", torch.ones(kinds, inputs))
        self.register_buffer("directions", torch.zeros(kinds, directions, inputs))
        self.register_buffer("spread", torch.ones(kinds, directions))
        self.register_buffer("beside", torch.ones(kinds))
        self.register_buffer("limit", torch.ones(kinds))

    def forward(self, pooled: Tensor) -> Tensor:
        """Return (N, K) distances of pooled features (N, inputs) in units of each kind's limit: up to 1 is
        like it."""
        normal = (pooled[:, None] - self.mean) / self.scale
        along = torch.einsum("nki,kdi->nkd", normal, self.directions)
        beside = (normal.square().sum(dim=-1) - along.square().sum(dim=-1)).clamp(min=0)
        distance = ((along / self.spread).square().mean(dim=-1) + beside / self.beside).sqrt()
        return distance / self.limit

    def learn(self, kind: int, pooled: Tensor, held: Tensor) -> None:
        """Learn a kind from its photos' pooled features (N, inputs), and its limit from held-out ones (M,
        inputs)."""
        self.mean[kind] = pooled.mean(dim=0)
        self.scale[kind] = pooled.std(dim=0) + 1e-3
        normal = (pooled - self.mean[kind]) / self.scale[kind]
        _, sizes, directions = torch.linalg.svd(normal, full_matrices=False)
        count = min(len(sizes), self.directions.shape[1])
        self.directions[kind, :count] = directions[:count]
        self.spread[kind, :count] = sizes[:count] / len(pooled) ** 0.5
        self.limit[kind] = 1.0
        normal = (held - self.mean[kind]) / self.scale[kind]
        along = normal @ self.directions[kind].T
        self.beside[kind] = (normal.square().sum(dim=1) - along.square().sum(dim=1)).mean()
        self.limit[kind] = torch.quantile(self(held)[:, kind], LIMIT_SHARE)
