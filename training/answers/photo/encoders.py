"""Compare what heads for the closed questions can read from photos: ``python -m training photo-features --config
FILE --encoder DINOV2``.

The same heads, cases and folds by patient, once on the segmentation model's stride-16 map and once on the patches
of a DINOv2 model; both are pooled inside and around the lesion that the segmentation model finds.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor
from transformers import Dinov2Model

from magic_demo.core.types import Pixels, Probability
from magic_demo.cues.cue_model import CueModel
from magic_demo.models.backends.backend import has_bfloat16
from magic_demo.models.interfaces import Guidance
from magic_demo.models.loading.checkpoints import Checkpoint
from magic_demo.models.loading.finding import name_model
from magic_demo.models.loading.preprocessing import Preprocessing
from magic_demo.models.registry import SEGMENTERS
from magic_demo.models.segmentation.prompted import PromptedSegmenter
from magic_demo.questions.combining import Weights
from magic_demo.questions.families import load_families
from training.answers.combine import ScoredCase, score_constant, score_weights
from training.answers.photo.heads import fit_heads, is_close_up, measure_prior, see_taught
from training.answers.photo.settings import PhotoAnswererSettings
from training.answers.photo.weighing import score_folds
from training.cases.folds import split_folds
from training.cases.survey import list_checked_cases
from training.runs.run import read_settings

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SIDE = 224
DRAWS = 2000
OURS = "the segmentation model's map"
PHOTOS_ALONE = Weights({}, {family.family_id: 1.0 for family in load_families()})


def main(arguments: list[str]) -> int:
    """Print a table by family, and how far the two differ; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m training photo-features", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="settings of photo-answerer")
    parser.add_argument("--encoder", type=Path, required=True, help="folder of a DINOv2 model")
    parser.add_argument(
        "--close-ups-alone",
        action="store_true",
        help="learn from real close-ups alone, which takes half the time",
    )
    parser.add_argument("--data", type=Path, help="folder of the data (default: what the settings say)")
    options = parser.parse_args(arguments)
    settings = read_settings(options.config, PhotoAnswererSettings)
    if options.data is not None:
        settings = replace(settings, folder=options.data)
    if options.close_ups_alone:
        real = tuple(source for source in settings.training if source.kind == "pad")
        settings = replace(settings, training=real, tiled=0)
    torch.set_num_threads(settings.threads)
    inner = PromptedSegmenter.load(
        Checkpoint.open(settings.segmentation, types=SEGMENTERS.types_of(PromptedSegmenter))
    )
    cues = CueModel.load(settings.cues)
    rows: dict[str, dict[str, float]] = {}
    right: list[dict[str, float]] = []
    for title, segmenter in (("DINOv2", PatchFeatures(inner, options.encoder)), (OURS, inner)):
        cases, groups = score_close_ups(settings, segmenter)
        rows[title] = score_weights(cases["features"], cues, PHOTOS_ALONE)
        right.append(sum_by_group(cases["features"], groups, cues))
    rows["measures alone"] = score_weights(cases["measures"], cues, PHOTOS_ALONE)
    rows["most frequent answers"] = score_constant([case.answers for case in cases["features"]])
    print(format_rows(rows))
    low, middle, high = compare_groups(right[1], right[0])
    print(f"\nDINOv2 less {OURS}, all: {middle:+.3f} (95% by patients: {low:+.3f} to {high:+.3f})")
    return 0


def score_close_ups(
    settings: PhotoAnswererSettings, segmenter: PromptedSegmenter
) -> tuple[dict[str, list[ScoredCase]], list[str]]:
    """Return the real close-ups scored by heads trained without their patients, and the patient of each."""
    cases = list_checked_cases(settings.folder, settings.training, settings.drawn)
    listed = list_checked_cases(settings.folder, [settings.reference], settings.drawn)
    taught = see_taught(settings, cases, segmenter)
    model = fit_heads(taught, settings, measure_prior(settings, [case.answers for case in listed]), segmenter)
    scored, _ = score_folds(taught, settings, model, segmenter)
    real = [one.case for one in taught if is_close_up(one)]
    folds = split_folds(real, settings.folds, settings.head.seed)
    return scored, [real[index].group for held in folds for index in held]


def sum_by_group(cases: Sequence[ScoredCase], groups: Sequence[str], cues: CueModel) -> dict[str, float]:
    """Return group -> the sum of its cases' official accuracies by photos alone, over all families."""
    sums: dict[str, float] = dict.fromkeys(groups, 0.0)
    for case, group in zip(cases, groups, strict=True):
        sums[group] += score_weights([case], cues, PHOTOS_ALONE)["all"] / len(cases)
    return sums


def compare_groups(one: Mapping[str, float], other: Mapping[str, float]) -> tuple[float, float, float]:
    """Return the 2.5th percentile, the value and the 97.5th percentile of the difference of two sums over groups,
    the groups drawn anew DRAWS times."""
    differences = np.array([other[group] - one[group] for group in one])
    random = np.random.default_rng(0)
    drawn = [float(random.choice(differences, len(differences)).sum()) for _ in range(DRAWS)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(differences.sum()), float(high)


def format_rows(rows: Mapping[str, Mapping[str, float]]) -> str:
    """Return the accuracies as a Markdown table."""
    families = [family.family_id for family in load_families()]
    known = [*(name for name in families if any(name in row for row in rows.values())), "all"]
    lines = ["| | " + " | ".join(known) + " |", "| --- |" + " ---: |" * len(known)]
    return "\n".join(
        [
            *lines,
            *(
                f"| {name} | " + " | ".join(f"{row[k]:.3f}" for k in known) + " |"
                for name, row in rows.items()
            ),
        ]
    )


class PatchFeatures(PromptedSegmenter):
    """A segmentation model whose map for answerers is the patches of a DINOv2 model, (C, 16, 16)."""

    def __init__(self, inner: PromptedSegmenter, encoder: Path) -> None:
        vars(self).update(vars(inner))
        self.vision = Dinov2Model.from_pretrained(encoder, dtype=torch.float32)
        self.vision.requires_grad_(False).train(False)
        self.patches = Preprocessing((SIDE, SIDE), MEAN, STD)
        self.encoder_name = ("dinov2", f"{name_model(str(encoder))} {inner.encoder_name[1]}")

    @classmethod
    def load(cls, checkpoint: Checkpoint) -> Self:
        """Refuse: it is put around a model that is loaded."""
        raise NotImplementedError(f"{checkpoint.folder}: patches are read beside a model that is loaded")

    @torch.inference_mode()
    def look(self, pixels: Pixels) -> Any:
        """Return what the segmentation model sees, and the patches."""
        photo = torch.from_numpy(self.patches.apply(pixels))[None]
        with torch.autocast("cpu", torch.bfloat16, enabled=has_bfloat16()):
            tokens = self.vision(photo).last_hidden_state[0, 1:].float()
        side = round(len(tokens) ** 0.5)
        return super().look(pixels), tokens.T.reshape(-1, side, side)

    def segment(self, features: Any, prompt: str = "", guidance: Guidance | None = None) -> Probability:
        """Return the segmentation model's map."""
        return super().segment(features[0], prompt, guidance)

    def segment_views(self, features: Any, prompt: str = "") -> tuple[Probability, ...]:
        """Return the segmentation model's maps."""
        return super().segment_views(features[0], prompt)

    def feature_map(self, features: Any) -> Tensor | None:
        """Return the patches."""
        patches: Tensor = features[1]
        return patches
