"""Which places of the photos raise an option's score: integrated gradients over the photo encoder's map.

Between the map of a plain grey photo and that of the photo itself the score's gradient is averaged
(Sundararajan et al., 2017, "Axiomatic attribution for deep networks"), so that the places' attributions add
up to what the photos change in the score beside grey ones. The encoder runs once a photo; only the head is
differentiated.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from magic_demo.core.errors import ModelError

STEPS = 8
GREY = 128
"""Of the plain photo, in 0..255."""


def attribute_places(score: Callable[[Tensor], Tensor], shown: Tensor, plain: Tensor) -> Tensor:
    """Return what each place of P photos adds to a score, of the shape (P, ...) of ``shown``, in the score's
    units and of any sign.

    score: (N, P, ...) maps of N variants of the case -> (N,) scores. shown: the photos' maps. plain: (1,
    ...), a grey photo's.
    """
    way = (torch.arange(STEPS, dtype=shown.dtype) + 0.5) / STEPS
    path = (plain + way.view(-1, *[1] * shown.ndim) * (shown - plain)).requires_grad_()
    with torch.enable_grad():
        (gradient,) = torch.autograd.grad(score(path).sum(), path)
    return gradient.mean(dim=0) * (shown - plain)


def lay_out_grid(added: Tensor, size: tuple[int, int]) -> NDArray[np.float32]:
    """Sum a photo's (C, h, w), or (N, C) places row by row, over the channels into (h, w) float32.

    size: (height, width) that the photo had for the encoder. Raises ModelError when the places are no grid.
    """
    if added.ndim == 3:
        return np.ascontiguousarray(added.sum(dim=0).numpy(), np.float32)
    height = round(math.sqrt(len(added) * size[0] / size[1]))
    if not height or len(added) % height:
        raise ModelError(
            "the photo encoder's map of {count} places is no grid; what moved the score cannot "
            "be shown on the photo",
            count=len(added),
        )
    return np.ascontiguousarray(added.sum(dim=-1).reshape(height, -1).numpy(), np.float32)
