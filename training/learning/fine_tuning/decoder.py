"""Fine-tune a segmentation model's decoder on reviewed photos; encoders stay as they are, so that whatever else was
trained on their features still fits."""

from __future__ import annotations

import copy
import io
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from magic_demo.core.disk.user_files import read_user_file
from magic_demo.core.disk.whole_files import write_whole
from magic_demo.core.limits import LIMITS
from magic_demo.models.segmentation.compact import PhotoFeatures, score_masks
from training.runs.ranges import Count, NotNegative, Positive, Share

DECODER = "decoder."
"""How the names of the weights that learn begin, of the compact model and of CLIPSeg alike."""


@dataclass(frozen=True)
class DecoderSettings:
    """How the decoder learns. steps: of optimizer, unless the time is over before. warmup: share of the run.

    So that old looks are not forgotten: replay: share of each batch that comes from the data of before; old_maps:
    share of the old decoder's own map in the mask that is wanted there; old_weights: share of the old decoder's
    weights in those that come of the run."""

    steps: Count = 300
    batch_size: Count = 8
    learning_rate: Positive = 1e-3
    weight_decay: NotNegative = 0.01
    replay: Share = 0.75
    old_maps: Share = 1.0
    old_weights: Share = 0.3
    warmup: Share = 0.1
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Batch:
    """What a step learns from: the photos' features, their prompts' vectors (B, P), the readers' masks (B, h, w) in
    0..1, and which of them (B) are replayed."""

    features: PhotoFeatures
    prompts: Tensor
    labels: Tensor
    replayed: Tensor


class DecoderRun:
    """A decoder that learns step by step; every ``keep`` makes the steps so far safe."""

    def __init__(
        self, network: Any, settings: DecoderSettings, kept: Path | None = None, *, old: Any = None
    ) -> None:
        """Begin, or go on from what ``kept`` holds. old: the network that is not to be forgotten, by default
        ``network`` as it comes."""
        self.network, self.settings, self.kept = network, settings, kept
        self.old = copy_decoder(network) if old is None else old
        self.decoder = cast(nn.Module, network.decoder)
        network.requires_grad_(False)
        self.decoder.requires_grad_(True)
        self.old.eval()
        network.eval()  # statistics of a few photos must not replace those of thousands
        self.decoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = torch.optim.AdamW(
            self.decoder.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        self.step, self.seconds = 0, 0.0
        if kept is not None and kept.is_file():
            stored = read_user_file(kept, LIMITS.checkpoint_bytes)
            state = torch.load(io.BytesIO(stored), weights_only=True)
            self.decoder.load_state_dict(state["decoder"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.step, self.seconds = int(state["step"]), float(state["seconds"])

    def learn(self, batch: Batch, share: float) -> float:
        """Take one step; returns its loss. share: how much of the run is over, 0..1, by steps or by time."""
        warm = self.settings.warmup
        rate = min(share / warm, 1.0) if share < warm else (1 + math.cos(math.pi * share)) / 2
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.learning_rate * max(rate, 0.01)
        loss = score_masks(self.network.decode(batch.features, batch.prompts), self.want_masks(batch))
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.decoder.parameters(), 1.0)
        self.optimizer.step()
        self.step += 1
        return float(loss.detach())

    @torch.no_grad()
    def want_masks(self, batch: Batch) -> Tensor:
        """Return the masks (B, h, w) that a step wants: on replayed photos what the old decoder finds, or a mean of
        that and the mask."""
        share, replayed = self.settings.old_maps, batch.replayed
        if share == 0 or not replayed.any():
            return batch.labels
        logits = self.old.decode(tuple(level[replayed] for level in batch.features), batch.prompts[replayed])
        wanted = batch.labels.clone()
        wanted[replayed] = wanted[replayed].lerp(logits.float().sigmoid().to(wanted.dtype), share)
        return wanted

    def keep(self) -> None:
        """Write what the run goes on from, whole or not at all."""
        if self.kept is None:
            return
        stream = io.BytesIO()
        state = {
            "decoder": self.decoder.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
        }
        torch.save(state, stream)
        write_whole(self.kept, stream.getvalue(), private=True)

    def blend(self) -> None:
        """Average the old weights into those that were learnt, once the run is over."""
        blend_decoders(self.decoder, self.old.decoder, self.settings.old_weights)


def copy_decoder(network: Any) -> Any:
    """Return a network with a decoder of its own that shares everything else."""
    shared = {id(part): part for name, part in network.named_children() if name != "decoder"}
    return copy.deepcopy(network, shared)


def blend_decoders(learnt: nn.Module, old: nn.Module, share: float) -> None:
    """Put so large a share of the old decoder's weights into the one that learnt."""
    before = old.state_dict()
    learnt.load_state_dict(
        {
            name: value.lerp(before[name], share) if value.is_floating_point() else value
            for name, value in learnt.state_dict().items()
        }
    )


@contextmanager
def without_denormals() -> Iterator[None]:
    """Round numbers below 1e-38 to 0 in this block: they add nothing and make the processor slow."""
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


def teach_decoder(
    run: DecoderRun,
    read_batch: Callable[[int], Batch],
    *,
    over: Callable[[DecoderRun], float] | None = None,
    told: Callable[[int, float], None] = lambda _step, _loss: None,
    keep_every: int = 25,
) -> None:
    """Take the steps that are left.

    read_batch: step -> its batch, the same however often a run is resumed. over: says how much of the run is
    over by time, 0..1. told: hears of each step and its loss.
    """
    steps = run.settings.steps
    with without_denormals():
        while run.step < steps:
            share = max(run.step / steps, over(run) if over is not None else 0.0)
            if share >= 1:
                break
            loss = run.learn(read_batch(run.step), share)
            told(run.step, loss)
            if run.step % keep_every == 0:
                run.keep()
    run.keep()
    run.blend()
    run.network.eval()
