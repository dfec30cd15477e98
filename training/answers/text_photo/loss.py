"""What the closed questions' model learns by: each label of a family, and the family as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid

from magic_demo.core.types import Family
from magic_demo.models.answers.text_photo_answerer import option_layout
from magic_demo.models.answers.text_photo_model import TextPhotoAnswererOutput
from training.runs.averaging import MeanLossTrainer
from training.runs.ranges import NotNegative

CERTAIN = -1e-6
"""The largest log-probability that a family's labels give to "nothing is mentioned": its complement's
logarithm stays finite."""


@dataclass(frozen=True)
class LossSettings:
    """What is learnt beside a family's labels. With either weight above 0 the score of "Not mentioned" in a
    family of several slots learns whether the reference's set is empty; else it learns that a slot is free,
    which nearly always holds and which decoding does not read.

    parent: weight of the question above the labels, whether anything of the family is mentioned at all: asked
    of "Not mentioned" and of all labels together. siblings: weight of contradictions between slots, one of
    which would say "Not mentioned" of the family while others name labels.
    """

    parent: NotNegative = 0.0
    siblings: NotNegative = 0.0


class CaseLoss:
    """The loss of a batch, a mean over the families that its references answer.

    sets: whether families of several slots are learnt as sets of labels, see
    ``TextPhotoAnswererConfig.learn_sets``.
    """

    def __init__(self, settings: LossSettings, families: Sequence[Family], *, sets: bool) -> None:
        self.settings, self.sets = settings, sets
        layout = option_layout(families)
        self.members = layout["option_family"][None, :] == torch.arange(len(families))[:, None]
        self.slots = torch.tensor([len(family.questions) for family in families])
        self.several = layout["option_slots"] > 1
        starts = torch.cumsum(self.members.sum(dim=1), dim=0) - self.members.sum(dim=1)
        self.nothing = starts + torch.tensor([family.not_mentioned for family in families])

    def __call__(self, output: TextPhotoAnswererOutput, labels: Tensor) -> Tensor:
        """Return the scalar loss.

        labels: (B, O) in 0..1, NaN where the reference does not say: membership for families learnt as sets,
        else shares that add up to one a family.
        """
        logits, shares = output.logits.float(), output.log_shares.float()  # type: ignore[union-attr]
        members, several, nothing = (
            part.to(labels.device) for part in (self.members, self.several, self.nothing)
        )
        known, goal = ~labels.isnan(), labels.nan_to_num()
        losses = -goal * shares
        above = self.settings.parent > 0 or self.settings.siblings > 0
        if self.sets:
            losses = torch.where(
                several, binary_cross_entropy_with_logits(logits, goal, reduction="none"), losses
            )
            if above:
                losses[:, nothing[self.slots.to(labels.device) > 1]] = 0.0
        answered = (known[:, None, :] & members).any(dim=-1)
        total = torch.where(known, losses, 0.0).sum()
        if above:
            total = total + torch.where(answered, self._above(logits, shares, goal), 0.0).sum()
        return total / answered.sum().clamp(min=1)

    def _above(self, logits: Tensor, shares: Tensor, goal: Tensor) -> Tensor:
        """Return (B, F): what the families' whole adds."""
        members, nothing, slots = (
            part.to(logits.device) for part in (self.members, self.nothing, self.slots)
        )
        labels = members.clone()
        labels[torch.arange(len(nothing)), nothing] = False
        empty = 1.0 - ((goal[:, None, :] > 0) & labels).any(dim=-1).float()
        together = slots * shares[:, nothing]  # every slot says "Not mentioned"
        if self.sets:  # no label is in the set
            together = torch.where(slots > 1, logsigmoid(-logits) @ labels.float().T, together)
        together = together.clamp(max=CERTAIN)
        otherwise = torch.log(-torch.expm1(together))
        loss = self.settings.parent * -(empty * together + (1 - empty) * otherwise)
        if self.sets:
            said, odds = logits[:, nothing], together - otherwise
            own = binary_cross_entropy_with_logits(said, empty, reduction="none")
            # The two accounts' divergence, there and back: 0 when they agree, and each moves towards the
            # other.
            apart = (said.sigmoid() - odds.sigmoid()) * (said - odds)
            loss = loss + torch.where(
                slots > 1, self.settings.parent * own + self.settings.siblings * apart, 0.0
            )
        return loss


def spread_options(output: TextPhotoAnswererOutput, places: Tensor, count: int) -> TextPhotoAnswererOutput:
    """Return an output over o options as one over all ``count``, zeros elsewhere. places: (o,) int64."""

    def spread(values: Tensor) -> Tensor:
        return values.new_zeros(len(values), count).index_copy(1, places, values)

    return TextPhotoAnswererOutput(logits=spread(output.logits), log_shares=spread(output.log_shares))  # type: ignore[arg-type]


class CaseTrainer(MeanLossTrainer):
    """Trains by a ``CaseLoss``."""

    def __init__(self, *args: Any, loss: CaseLoss, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.loss = loss

    def measure_batch(self, model: nn.Module, inputs: dict[str, Any]) -> tuple[Tensor, Tensor]:
        """Return the mean loss of a batch, and the logits."""
        places = inputs.get("option_places")
        output = model(
            **{name: values for name, values in inputs.items() if name not in ("labels", "option_places")}
        )
        if places is not None:
            output = spread_options(output, places, inputs["labels"].shape[1])
        return self.loss(output, inputs["labels"]), output.logits
