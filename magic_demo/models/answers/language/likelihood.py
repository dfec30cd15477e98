"""How likely a language model finds short continuations of one long prefix: photos and words are read once, and what
attention keeps of them (keys and values) serves every question and option."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from magic_demo.core.errors import ModelError

ROWS = 16
"""Options that are read beside each other at most; each takes its own copy of what attention keeps."""


@dataclass(frozen=True, eq=False)
class Prefix:
    """A beginning that was read. cache: what the model's attention keeps of it, never changed. last: (V,)
    log-probabilities of the token that follows."""

    cache: Any
    last: Tensor


@torch.inference_mode()
def read_prefix(model: Any, inputs: Mapping[str, Tensor]) -> Prefix:
    """Read a beginning once. inputs: ``input_ids`` (1, T) and whatever else the model takes of photos.

    Raises ModelError where the model keeps nothing of what it has read.
    """
    for part in model.modules():
        if getattr(part, "rope_deltas", None) is not None:  # where the photos of the case before lay
            part.rope_deltas = None
    output = model(**inputs, use_cache=True, **_last_only(model))
    cache = getattr(output, "past_key_values", None)
    if cache is None or not hasattr(cache, "batch_repeat_interleave"):
        raise ModelError(
            "{model} keeps no keys and values of what it has read, which scoring options needs; choose another "
            "model",
            model=type(model).__name__,
        )
    return Prefix(cache, _log_probabilities(output.logits[0, -1]))


@torch.inference_mode()
def extend(model: Any, prefix: Prefix, tokens: Sequence[int]) -> Prefix:
    """Return the prefix with tokens behind it; ``prefix`` itself stays as it is."""
    cache = copy.deepcopy(prefix.cache)
    ids = torch.tensor([list(tokens)], device=prefix.last.device)
    output = model(input_ids=ids, past_key_values=cache, use_cache=True, **_last_only(model))
    return Prefix(output.past_key_values, _log_probabilities(output.logits[0, -1]))


@torch.inference_mode()
def score_continuations(model: Any, prefix: Prefix, options: Sequence[Sequence[int]]) -> list[float]:
    """Return the mean log-probability of each option's tokens behind the prefix: a longer option is not less
    likely for its length."""
    sums = [float(prefix.last[option[0]]) for option in options]
    longer = [index for index, option in enumerate(options) if len(option) > 1]
    for start in range(0, len(longer), ROWS):
        rows = longer[start : start + ROWS]
        added = _score_rows(model, prefix, [options[row] for row in rows])
        for row, value in zip(rows, added, strict=True):
            sums[row] += value
    return [total / len(option) for total, option in zip(sums, options, strict=True)]


def _score_rows(model: Any, prefix: Prefix, options: Sequence[Sequence[int]]) -> list[float]:
    """Return the sum of log-probabilities of each option's tokens after its first."""
    cache = copy.deepcopy(prefix.cache)
    cache.batch_repeat_interleave(len(options))
    # No mask: what follows an option's end has no part in it, and several models take positions from a mask
    ids = torch.zeros(len(options), max(map(len, options)) - 1, dtype=torch.long)
    for row, option in enumerate(options):
        ids[row, : len(option) - 1] = torch.tensor(list(option[:-1]))
    output = model(input_ids=ids.to(prefix.last.device), past_key_values=cache, use_cache=True)
    logs = _log_probabilities(output.logits)
    return [
        sum(float(logs[row, place, token]) for place, token in enumerate(option[1:]))
        for row, option in enumerate(options)
    ]


def _log_probabilities(logits: Tensor) -> Tensor:
    return logits.float().log_softmax(dim=-1)


def _last_only(model: Any) -> dict[str, int]:
    """Return what asks for the last token's scores alone: those of a long beginning would fill the memory."""
    return {"logits_to_keep": 1} if "logits_to_keep" in inspect.signature(model.forward).parameters else {}
