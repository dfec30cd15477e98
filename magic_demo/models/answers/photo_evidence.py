"""The closed questions answered from what the segmentation model already saw: one pass a photo serves both
tasks.

The segmenter's stride-16 map is pooled inside and around the lesion that it found; with the measures of
``measure.py`` that becomes a short vector a photo, and small heads turn the vectors of an encounter's photos
into what the photos add to every option's score. The model reads no words and has no photo encoder of its
own. Its heads are made for the features of one encoder, which the config names by a digest; beside another
segmenter it answers from the measures alone, with heads that were trained for that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from huggingface_hub.dataclasses import strict
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel

from magic_demo.core.errors import CheckpointError, ModelError
from magic_demo.core.messages import Message
from magic_demo.core.types import Family, OptionScores, Pixels, Probability
from magic_demo.imaging.measure import COLOURS, LONGEST_SIDE, LesionMeasures, measure_photo
from magic_demo.imaging.overlay import lesion_mask
from magic_demo.imaging.resize import resize_pixels
from magic_demo.models.answers.text_and_photos import place_families
from magic_demo.models.checkpoints import find_checkpoint, load_model, name_model
from magic_demo.models.segmentation.segmenter import PhotoFeatures, Segmenter
from magic_demo.questions.decoding import PRIORS_NAME, SetPriors, read_priors
from magic_demo.questions.families import load_families

MAP = 3
"""Which of the compact segmenter's maps is pooled: stride 16."""
REACH = 5
"""Places of the map, a square's side, from which the surroundings of a lesion are taken."""


@dataclass(frozen=True, eq=False)
class PhotoEvidence:
    """What one pass over a photo leaves for the closed questions.

    probability: (h, w) of the lesion. measures: of the mask at the segmenter's threshold. features: (C, h /
    16, w / 16) float32, None where the segmenter has no such map.
    """

    probability: Probability
    measures: LesionMeasures
    features: Tensor | None


def look_at_photo(segmenter: Segmenter, pixels: Pixels, prompt: str) -> PhotoEvidence:
    """Encode a photo (H, W, 3) uint8 RGB once and return all that is read from it, the lesion under
    ``prompt`` included."""
    encoded = segmenter.encode_photo(pixels)
    return describe_photo(
        segmenter, pixels, encoded, segmenter.decode(encoded, segmenter.encode_prompt(prompt))
    )


def describe_photo(
    segmenter: Segmenter, pixels: Pixels, encoded: PhotoFeatures, probability: Probability
) -> PhotoEvidence:
    """Return what is read from a photo that was encoded and whose lesion was found."""
    features = None
    if len(encoded) > MAP and encoded[MAP].ndim == 4:
        maps = encoded[MAP]
        features = (maps[0] + maps[1].flip(-1)) / 2 if segmenter.mirrored else maps[0]
    scale = min(1.0, LONGEST_SIDE / max(pixels.shape[:2]))
    size = (max(1, round(pixels.shape[0] * scale)), max(1, round(pixels.shape[1] * scale)))
    measures = measure_photo(resize_pixels(pixels, size), lesion_mask(probability, size, segmenter.threshold))
    return PhotoEvidence(probability, measures, features)


def pool_places(features: Tensor, probability: Probability) -> Tensor:
    """Pool a map (C, h, w) inside and around the lesion (H, W) into (2C,): means weighted by how much lesion,
    or nearness to it, a place has.

    Without a lesion both are means over the whole photo. Differentiable in ``features``.
    """
    inside, around = weigh_places(probability, (int(features.shape[1]), int(features.shape[2])))
    return torch.cat([torch.einsum("chw,hw->c", features, shares) for shares in (inside, around)])


def weigh_places(probability: Probability, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Return the weights (h, w) of the places inside and around a lesion (H, W) on a grid of ``size``, each
    adding up to 1."""
    lesion = functional.adaptive_avg_pool2d(
        torch.from_numpy(np.asarray(probability, np.float32))[None, None], size
    )
    near = functional.max_pool2d(lesion, REACH, stride=1, padding=REACH // 2) - lesion
    flat = torch.full_like(lesion, 1.0 / lesion.numel())
    inside, around = (part / part.sum() if float(part.sum()) > 0.05 else flat for part in (lesion, near))
    return inside[0, 0], around[0, 0]


def describe_measures(measures: LesionMeasures) -> NDArray[np.float32]:
    """Return a photo's measures as numbers of about one size, (M,) float32; M is MEASURE_COUNT."""
    shares = dict.fromkeys(COLOURS, 0.0)
    difference = np.zeros(3)
    for colour in measures.colours:
        shares[colour.name] += colour.share
        difference += colour.share * np.asarray(colour.difference)
    count, area = measures.count, measures.area_share
    values = [
        float(measures.found),
        float(count == 1),
        *(float(count >= least) for least in (2, 4, 8, 16)),
        float(np.log1p(count)),
        float(np.sqrt(area)),
        float(np.log(area + 1e-3)),
        float(np.log(area / max(count, 1) + 1e-3)),
        measures.largest_share,
        measures.irregularity,
        measures.sharpness,
        float(np.log(measures.roughness)),
        float(measures.touches_rim),
        measures.contrast / 20,
        *(difference / 20),
        float(len(measures.colours)),
        *shares.values(),
        measures.tone.angle / 60 if measures.tone is not None else 0.0,
    ]
    return np.asarray(values, np.float32)


MEASURE_COUNT = len(describe_measures(LesionMeasures(0, 0.0)))


@strict
class LesionAnswererConfig(PreTrainedConfig):  # type: ignore[no-untyped-call]
    """Sizes of the heads, and the encoder whose features they read.

    options: of all families, siblings once. channels: of the encoder's map. measures: numbers a photo.
    hidden: width of each head's hidden layer.
    segmenter, segmenter_type, encoder_digest: name, model type and digest of weights and preprocessing of the
    segmentation model.
    """

    model_type = "lesion_answerer"

    options: int = 54
    channels: int = 512
    measures: int = MEASURE_COUNT
    hidden: int = 64
    dropout: float = 0.3
    segmenter: str = ""
    segmenter_type: str = "compact_segmenter"
    encoder_digest: str = ""


class EvidenceHead(nn.Module):
    """Vectors of a case's photos -> what they add to the options' scores; what holds on average and what one
    photo shows both count."""

    mean: Tensor
    scale: Tensor

    def __init__(self, inputs: int, hidden: int, options: int, dropout: float) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(inputs))
        self.register_buffer("scale", torch.ones(inputs))
        self.dropout = nn.Dropout(dropout)
        self.photo = nn.Linear(inputs, hidden)
        self.case = nn.Linear(2 * hidden, options)
        self.direct = nn.Linear(inputs, options)

    def forward(self, vectors: Tensor, shown: Tensor) -> Tensor:
        """Return (B, O) of (B, P, inputs), of which (B, P) bool counts; 0 for a case without photos."""
        normal = self.dropout(((vectors - self.mean) / self.scale).clamp(-5, 5))
        hidden = functional.gelu(self.photo(normal))
        visible = shown[..., None]
        count = visible.sum(dim=1).clamp(min=1)
        mean = (hidden * visible).sum(dim=1) / count
        highest = hidden.masked_fill(~visible, torch.finfo(hidden.dtype).min).amax(dim=1)
        # such a number, times a weight, would be infinite
        highest = torch.where(shown.any(dim=1)[:, None], highest, 0.0)
        direct = (self.direct(normal) * visible).sum(dim=1) / count
        added = self.case(self.dropout(torch.cat([mean, highest], dim=-1))) + direct
        return torch.where(shown.any(dim=1)[:, None], added, 0.0)


class LesionAnswerer(PreTrainedModel):  # type: ignore[no-untyped-call]
    """Two heads: ``seen`` reads features and measures, ``measured`` the measures alone.

    ``prior`` is what an option scores without photos.
    """

    config_class = LesionAnswererConfig
    base_model_prefix = "lesion_answerer"
    main_input_name = "vectors"
    prior: Tensor

    def __init__(self, config: LesionAnswererConfig) -> None:
        super().__init__(config)
        self.seen = EvidenceHead(
            2 * config.channels + config.measures, config.hidden, config.options, config.dropout
        )
        self.measured = EvidenceHead(config.measures, config.hidden, config.options, config.dropout)
        self.register_buffer("prior", torch.zeros(config.options))
        self.post_init()  # type: ignore[no-untyped-call]

    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)  # type: ignore[no-untyped-call]

    def forward(self, vectors: Tensor, shown: Tensor) -> Tensor:
        """Return what photos add, (B, O): of (B, P, 2C + M) by ``seen``, of (B, P, M) by ``measured``; (B, P)
        bool says which photos there are."""
        head = self.measured if vectors.shape[-1] == self.config.measures else self.seen
        return head(vectors, shown)  # type: ignore[no-any-return]


AutoConfig.register(LesionAnswererConfig.model_type, LesionAnswererConfig)
AutoModel.register(LesionAnswererConfig, LesionAnswerer)


class LesionScorer:
    """A loaded lesion answerer.

    Scores are log-probabilities for families of one slot and log-odds for the others, as the text cues' are.
    """

    def __init__(
        self,
        model: LesionAnswerer,
        *,
        model_id: str = "",
        set_priors: SetPriors | None = None,
        families: Sequence[Family] | None = None,
    ) -> None:
        self.model = model
        self.model.eval()  # type: ignore[no-untyped-call]
        self.model_id = model_id
        self.set_priors = set_priors
        self.families = tuple(families if families is not None else load_families())
        options = sum(len(family.options["en"]) for family in self.families)
        if options != model.config.options:
            raise CheckpointError(
                "{model}: made for {known} options, the questions have {options}; train it on these "
                "questions",
                model=model_id,
                known=model.config.options,
                options=options,
            )

    @classmethod
    def load(cls, source: str | Path, *, revision: str | None = None) -> LesionScorer:
        """Load from a folder or a Hub id.

        Raises CheckpointError with one line when anything is missing or broken.
        """
        model = load_model(source, AutoModel, revision=revision)
        if not isinstance(model, LesionAnswerer):
            raise CheckpointError(
                "{source}: a {came} model came, {expected} is expected; give a checkpoint written by "
                "'python -m training photos'",
                source=source,
                came=model.config.model_type,
                expected=LesionAnswererConfig.model_type,
            )
        priors = find_checkpoint(source, revision=revision) / PRIORS_NAME
        return cls(
            model,
            model_id=name_model(source, revision=revision),
            set_priors=read_priors(priors) if priors.is_file() else None,
        )

    def explain_mismatch(self, segmenter: Segmenter | None) -> str | None:
        """Return one line saying what is lost beside this segmenter, None where its features are the ones
        that the heads were made for."""
        config = self.model.config
        if segmenter is None:
            return (
                f"{self.model_id}: no segmentation model is loaded, so the closed questions are answered "
                "without the photos"
            )
        if segmenter.encoder_name == (config.segmenter_type, config.encoder_digest):
            return None
        return (
            f"{self.model_id}: made for the features of {config.segmenter}, not of {segmenter.model_id}; "
            "of the photos only what is measured counts for the closed questions"
        )

    def score_evidence(self, evidence: Sequence[PhotoEvidence], *, features: bool = True) -> OptionScores:
        """Score every option of every question by a case's photos, none or many: qid -> (O,) float32;
        siblings share their family's scores.

        features: whether the encoder's features are used; without them the measures alone count. Raises
        ModelError when scores are not finite.
        """
        with torch.inference_mode():
            scores = self.model.prior.float() + self._add_photos(
                [self._describe(photo, features) for photo in evidence]
            )
        if not bool(torch.isfinite(scores).all()):
            raise ModelError(
                "{model}: scores that are not finite came out for this case; fetch or train it again",
                model=self.model_id or Message("the model"),
            )
        values = scores.numpy()
        return {
            question.qid: values[place].copy()
            for family, place in place_families(self.families)
            for question in family.questions
        }

    def attribute(
        self, evidence: Sequence[PhotoEvidence], family_id: str, option: int
    ) -> list[NDArray[np.float32]]:
        """Return what each place of each photo adds to an option's score beside a typical place: (h, w)
        float32 a photo, of any sign.

        h, w: the map's grid, which spans the whole photo. Gradient times the distance from the training
        photos' mean features; what the measures add has no place and is left out. Raises KeyError for a
        family there is not, ModelError for evidence without features.
        """
        place = {family.family_id: where for family, where in place_families(self.families)}[family_id]
        maps = []
        for photo in evidence:
            if photo.features is None:
                raise ModelError(
                    "the segmentation model gave no features for this photo, so no place can be shown"
                )
            # a copy: features that were made for inference carry no gradient
            maps.append(photo.features.clone().requires_grad_())
        if not maps:
            return []
        with torch.enable_grad():
            vectors = [
                torch.cat(
                    [
                        pool_places(places, photo.probability),
                        torch.from_numpy(describe_measures(photo.measures)),
                    ]
                )
                for places, photo in zip(maps, evidence, strict=True)
            ]
            score = self._add_photos(vectors)[place.start + option]
            gradients = torch.autograd.grad(score, maps)
        typical = (
            self.model.seen.mean[: 2 * self.model.config.channels]
            .view(2, -1)
            .mean(dim=0)
            .float()[:, None, None]
        )
        return [
            np.asarray((gradient * (places.detach() - typical)).sum(dim=0).numpy(), np.float32)
            for gradient, places in zip(gradients, maps, strict=True)
        ]

    def _describe(self, photo: PhotoEvidence, features: bool) -> Tensor:
        measures = torch.from_numpy(describe_measures(photo.measures))
        if not features or photo.features is None:
            return measures
        return torch.cat([pool_places(photo.features, photo.probability), measures])

    def _add_photos(self, vectors: Sequence[Tensor]) -> Tensor:
        if not vectors:
            return torch.zeros(self.model.config.options)
        # all of one kind, or the measures alone, which come last
        shortest = min(len(vector) for vector in vectors)
        stacked = torch.stack([vector[len(vector) - shortest :] for vector in vectors])[None]
        return self.model(stacked, torch.ones(1, len(vectors), dtype=torch.bool))[0].float()  # type: ignore[no-any-return]
