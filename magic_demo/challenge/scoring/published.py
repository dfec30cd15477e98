"""The published results of the challenge that this program implements a system of: ImageCLEF MEDIQA-MAGIC
2025."""

from __future__ import annotations

from dataclasses import dataclass

CAPTION = (
    "Published results: ImageCLEF MEDIQA-MAGIC 2025, measured by the organisers on the hidden test set. "
    "They stand beside yours for orientation: the numbers compare only where your files are that test set's."
)


@dataclass(frozen=True)
class Team:
    """One team's best published run: pooled Jaccard and Dice against the pixel majority vote, and
    accuracy_all; None where not entered."""

    name: str
    jaccard: float | None
    dice: float | None
    accuracy: float | None
    method: str


TEAMS: tuple[Team, ...] = (
    Team("Anastasia", 0.646, 0.785, None, "fine-tuning, every image transformation as augmentation"),
    Team(
        "IReL, IIT(BHU)",
        0.588,
        0.741,
        0.173,
        "CLIPSeg decoder; Bio_ClinicalBERT + Swin (the system implemented here)",
    ),
    Team("KLE1", 0.541, 0.702, 0.570, "MFSNet; encoders fused"),
    Team("H3N1", 0.515, 0.679, 0.758, "DermoSegDiff; captions, vision-language models, ensemble"),
    Team("DS@GT", None, None, 0.710, "Qwen and LLaMA fine-tuned, reasoning layer, retrieval"),
    Team("Kasukabe Defense Group", 0.187, 0.315, 0.537, "encoders fused"),
    Team("Oggy", None, None, 0.222, "encoders fused"),
)
