"""Measure a segmentation model photo by photo: its outline, the baselines' and what other prompts give, against
the annotators' majority."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import get_args

import numpy as np
from tqdm import tqdm

from magic_demo.core.types import Mask, Pixels, PromptKind
from magic_demo.imaging.consensus import take_majority
from magic_demo.imaging.measure import TONES, measure_tone
from magic_demo.imaging.overlay import lesion_mask
from magic_demo.models.interfaces import Segmenter
from magic_demo.questions.scoring import (
    Counts,
    PhotoCounts,
    count_photo,
    count_pixels,
    dice,
    jaccard,
    segmentation_values,
    vote,
)
from training.segmentation.evaluation.baselines import BASELINES
from training.segmentation.sources import Example

PROMPT_KINDS: dict[str, PromptKind] = {kind.replace(" ", "-"): kind for kind in get_args(PromptKind)}
OURS = "this checkpoint"
PROMPTS = ("right prompt", "no prompt", "another's prompt")
SIZES = ((0.30, "more than 30%"), (0.10, "10 to 30%"), (0.02, "2 to 10%"), (0.0, "less than 2%"))


@dataclass(frozen=True, eq=False)
class PhotoScore:
    """One photo's result: the organisers' counts, the counts against the reference (the annotators' majority),
    the groups it belongs to, and the lesion's share of the photo in reference and system."""

    example: Example
    counts: PhotoCounts
    against: Counts
    tone: str
    size: str
    reference_share: float
    system_share: float

    @property
    def dice(self) -> float:
        """Return the photo's Dice."""
        return dice(self.against)

    @property
    def jaccard(self) -> float:
        """Return the photo's Jaccard."""
        return jaccard(self.against)


@dataclass
class Evaluation:
    """All that was measured. table: way of outlining -> source -> mean per-photo Dice; prompts: the same by
    prompt, where there are prompts."""

    model_id: str
    threshold: float
    prompt_kind: PromptKind = "narrative"
    ties: str = "lesion"
    table: dict[str, dict[str, float]] = field(default_factory=dict)
    official: dict[str, Mapping[str, float | int | None]] = field(default_factory=dict)
    prompts: dict[str, dict[str, float]] = field(default_factory=dict)
    groups: dict[str, dict[str, tuple[int, float]]] = field(default_factory=dict)
    photos: list[PhotoScore] = field(default_factory=list)


def evaluate(
    segmenter: Segmenter,
    examples: Sequence[Example],
    *,
    baselines: bool = True,
    kind: PromptKind = "narrative",
    ties: str = "lesion",
) -> Evaluation:
    """Outline every photo as the product does, without a prompt where it has none, and score it against the
    majority vote.

    kind: of the prompt of encounters' photos. ties: what pixels are that half of the annotators marked; the
    challenge's own numbers always count them as lesion.
    """
    evaluation = Evaluation(segmenter.model_id, segmenter.threshold, kind, ties)
    sums: dict[str, dict[str, list[float]]] = {}
    by_prompt: dict[str, dict[str, list[float]]] = {name: {} for name in (*PROMPTS, *PROMPT_KINDS.values())}
    texts = [
        example.by_kind.get(kind) or (example.prompts[0] if example.prompts else "") for example in examples
    ]
    for number, example in enumerate(tqdm(examples, desc="photos", leave=False)):
        pixels, masks = example.read()
        reference, features = vote_by(masks, ties), segmenter.look(pixels)

        def outline(text: str, pixels: Pixels = pixels, features: object = features) -> Mask:
            probability = segmenter.segment(features, text)
            return lesion_mask(probability, (pixels.shape[0], pixels.shape[1]), segmenter.threshold)

        def score(system: Mask, reference: Mask = reference) -> float:
            return dice(count_pixels(reference, system))

        system = outline(texts[number])
        photo = PhotoScore(
            example,
            count_photo(masks, system),
            count_pixels(reference, system),
            name_tone(pixels, reference),
            name_size(reference),
            float(reference.mean()),
            float(system.mean()),
        )
        evaluation.photos.append(photo)
        sums.setdefault(OURS, {}).setdefault(example.source, []).append(photo.dice)
        if baselines:
            for name, draw in BASELINES.items():
                sums.setdefault(name, {}).setdefault(example.source, []).append(score(draw(pixels)))
        if texts[number] and segmenter.reads_prompt:
            others = [text for text in texts if text and text != texts[number]]
            asked = (texts[number], "", others[number % len(others)] if others else "")
            for name, text in (*zip(PROMPTS, asked, strict=True), *example.by_kind.items()):
                by_prompt[name].setdefault(example.source, []).append(score(outline(text)))
    evaluation.table = {name: _average(parts) for name, parts in sums.items()}
    evaluation.prompts = {name: _average(parts) for name, parts in by_prompt.items() if parts}
    for source in dict.fromkeys(example.source for example in examples):
        chosen = [photo.counts for photo in evaluation.photos if photo.example.source == source]
        evaluation.official[source] = segmentation_values(chosen)
    for title, of, order in (
        ("skin tone (ITA)", "tone", TONES),
        ("lesion's share of the photo", "size", SIZES),
    ):
        values = {
            group: [photo.dice for photo in evaluation.photos if getattr(photo, of) == group]
            for _, group in order
        }
        evaluation.groups[title] = {
            group: (len(dices), float(np.mean(dices))) for group, dices in values.items() if dices
        }
    return evaluation


def vote_by(masks: Sequence[Mask], ties: str) -> Mask:
    """Return the annotators' majority (H, W); ties: what half of them make a pixel, "lesion" or "skin"."""
    return vote(masks) if ties == "lesion" else take_majority(masks)


def name_tone(pixels: Pixels, reference: Mask) -> str:
    """Return the group of the individual typology angle of the skin outside the lesion: its median colour in
    Lab."""
    return measure_tone(pixels, ~reference).group


def name_size(reference: Mask) -> str:
    """Return the group of the lesion's share of the photo."""
    share = float(reference.mean())
    return next(name for lowest, name in SIZES if share >= lowest)


def _average(parts: Mapping[str, Sequence[float]]) -> dict[str, float]:
    return {source: float(np.mean(values)) for source, values in parts.items()}
