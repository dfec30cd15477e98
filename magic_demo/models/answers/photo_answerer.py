"""The photo answerer: the closed questions from what the segmentation model saw, one pass a photo for both.

The segmenter's stride-16 map is pooled inside and around the lesion that it found; with the measures of
``measure.py`` that becomes a short vector a photo, and small heads turn the vectors of an encounter's photos
into what the photos add to every option's score. The model reads no words and has no photo encoder of its
own. Its heads are made for the features of one encoder, which the config names by a digest; beside another
segmenter it answers from the measures alone, with heads that were trained for that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Self

import numpy as np
import torch
from huggingface_hub.dataclasses import strict
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel

from magic_demo.core.errors import CheckpointError, ModelError
from magic_demo.core.messages import Message
from magic_demo.core.types import Family, OptionScores
from magic_demo.models.answers.familiar import FamiliarPhotos
from magic_demo.models.answers.photo_evidence import (
    MEASURE_COUNT,
    PhotoEvidence,
    describe_measures,
    describe_photo,
    pool_places,
)
from magic_demo.models.answers.text_photo_answerer import place_families
from magic_demo.models.interfaces import Answerer, SegmentedPhoto, Segmenter
from magic_demo.models.loading.checkpoints import Checkpoint
from magic_demo.questions.decoding import PRIORS_NAME, SetPriors, read_priors
from magic_demo.questions.families import load_families

COUNT_FAMILY, SINGLE = "CQID035", "single"


@strict
class PhotoAnswererConfig(PreTrainedConfig):  # type: ignore[no-untyped-call]
    """Sizes of the heads, and the encoder whose features they read.

    options: of all families, siblings once. channels: of the encoder's map. measures: numbers a photo.
    hidden: width of each head's hidden layer.
    segmenter, segmenter_type, encoder_digest: name, model type and digest of weights and preprocessing of the
    segmentation model. kinds: of photos that the heads were tested on; directions: in which each kind varies.
    """

    model_type = "photo_answerer"

    options: int = 54
    channels: int = 512
    measures: int = MEASURE_COUNT
    hidden: int = 64
    dropout: float = 0.3
    segmenter: str = ""
    segmenter_type: str = "compact_segmenter"
    encoder_digest: str = ""
    kinds: list[str] | None = None
    directions: int = 16


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


class PhotoAnswererModel(PreTrainedModel):  # type: ignore[no-untyped-call]
    """Two heads: ``seen`` reads features and measures, ``measured`` the measures alone.

    ``prior`` is what an option scores without photos. ``familiar`` tells which photos the heads were tested
    on.
    """

    config_class = PhotoAnswererConfig
    base_model_prefix = "photo_answerer"
    main_input_name = "vectors"
    prior: Tensor

    def __init__(self, config: PhotoAnswererConfig) -> None:
        super().__init__(config)
        self.seen = EvidenceHead(
            2 * config.channels + config.measures, config.hidden, config.options, config.dropout
        )
        self.measured = EvidenceHead(config.measures, config.hidden, config.options, config.dropout)
        # checkpoints of earlier versions name no kinds
        self.familiar = (
            FamiliarPhotos(len(config.kinds), 2 * config.channels, config.directions)
            if config.kinds
            else None
        )
        self.register_buffer("prior", torch.zeros(config.options))
        self.post_init()  # type: ignore[no-untyped-call]

    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)  # type: ignore[no-untyped-call]

    def forward(self, vectors: Tensor, shown: Tensor) -> Tensor:
        """Return what photos add, (B, O): of (B, P, 2C + M) by ``seen``, of (B, P, M) by ``measured``; (B, P)
        bool says which photos there are."""
        head = self.measured if vectors.shape[-1] == self.config.measures else self.seen
        return head(vectors, shown)  # type: ignore[no-any-return]


AutoConfig.register(PhotoAnswererConfig.model_type, PhotoAnswererConfig)
AutoModel.register(PhotoAnswererConfig, PhotoAnswererModel)


class PhotoAnswerer(Answerer):
    """A loaded photo answerer.

    Scores are log-probabilities for families of one slot and log-odds for the others, as the cue model's are.
    """

    reads_words = False
    reads_lesion = True

    def __init__(
        self,
        model: PhotoAnswererModel,
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
    def load(cls, checkpoint: Checkpoint) -> Self:
        """Load for inference. Raises CheckpointError with one line when anything is missing or broken."""
        priors = checkpoint.folder / PRIORS_NAME
        return cls(
            checkpoint.load_model(PhotoAnswererModel),
            model_id=checkpoint.model_id,
            set_priors=read_priors(priors) if priors.is_file() else None,
        )

    def explain_mismatch(self, segmenter: Segmenter | None) -> str | None:
        """Return one line saying what is lost beside this segmenter, None where its features are the ones
        that the heads were made for."""
        config = self.model.config
        if segmenter is None:
            return Message(
                "{model}: no segmentation model is loaded, so the closed questions are answered "
                "without the photos",
                model=self.model_id,
            )
        if segmenter.encoder_name == (config.segmenter_type, config.encoder_digest):
            return None
        if config.kinds:
            return Message(
                "{model}: made for the features of {expected}, not of {came}, so that no photo can be compared "
                "with those it was tested on",
                model=self.model_id,
                expected=config.segmenter,
                came=segmenter.model_id,
            )
        return Message(
            "{model}: made for the features of {expected}, not of {came}; of the photos only what is "
            "measured counts for the closed questions",
            model=self.model_id,
            expected=config.segmenter,
            came=segmenter.model_id,
        )

    def look(self, photo: SegmentedPhoto) -> PhotoEvidence:
        """Return what is read from a photo whose lesion was found; features of another encoder are left out."""
        config = self.model.config
        evidence = describe_photo(photo)
        if photo.encoder_name == (config.segmenter_type, config.encoder_digest):
            return evidence
        return replace(evidence, features=None)

    def recognise(self, look: PhotoEvidence) -> str | None:
        """Return the kind that a photo is like, None for one that is like none or has no features to compare;
        "" where the checkpoint names no kinds."""
        kinds = self.model.config.kinds or ()
        if not kinds:
            return ""
        distances = self._distances(look)
        if distances is None:
            return None
        nearest = int(distances.argmin())
        return kinds[nearest] if float(distances[nearest]) <= 1 else None

    def measure_distance(self, look: PhotoEvidence) -> float | None:
        """Return the distance from the nearest kind of the photos that the heads were tested on, in units of
        that kind's limit."""
        distances = self._distances(look)
        return float(distances.min()) if distances is not None else None

    def _distances(self, look: PhotoEvidence) -> Tensor | None:
        if look.features is None or self.model.familiar is None:
            return None
        with torch.inference_mode():
            return self.model.familiar(pool_places(look.features, look.probability)[None])[0]  # type: ignore[no-any-return]

    def shown_options(self, looks: Sequence[PhotoEvidence]) -> Mapping[str, frozenset[int]]:
        """Return that a lesion is single where every photo shows one piece of it.

        So are the close-ups' labels made that the heads learnt from; words that state more overrule it.
        """
        if not looks or any(look.measures.count != 1 for look in looks):
            return {}
        return {
            family.family_id: frozenset({family.options["en"].index(SINGLE)})
            for family in self.families
            if family.family_id == COUNT_FAMILY and SINGLE in family.options["en"]
        }

    def score(
        self,
        narrative: str,  # noqa: ARG002  (words are the cues' part)
        looks: Sequence[PhotoEvidence],
    ) -> OptionScores:
        """Score every option of every question by a case's photos, none or many: qid -> (O,) float32;
        siblings share their family's scores.

        Without features the measures alone count. Raises ModelError when scores are not finite.
        """
        with torch.inference_mode():
            scores = self.model.prior.float() + self._add_photos([self._describe(photo) for photo in looks])
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
        self,
        narrative: str,  # noqa: ARG002  (words are the cues' part)
        looks: Sequence[PhotoEvidence],
        family_id: str,
        option: int,
    ) -> list[NDArray[np.float32]]:
        """Return what each cell of each photo adds to an option's score beside a typical cell: (h, w)
        float32 a photo, of any sign; an empty list for photos without features.

        h, w: the map's grid, which spans the whole photo. Gradient times the distance from the training
        photos' mean features; what the measures add has no position and is left out. Raises KeyError for an
        unknown family.
        """
        columns = {family.family_id: columns for family, columns in place_families(self.families)}[family_id]
        # copies: features that were made for inference carry no gradient
        maps = [photo.features.clone().requires_grad_() for photo in looks if photo.features is not None]
        if not maps or len(maps) < len(looks):
            return []
        with torch.enable_grad():
            vectors = [
                torch.cat(
                    [
                        pool_places(places, photo.probability),
                        torch.from_numpy(describe_measures(photo.measures)),
                    ]
                )
                for places, photo in zip(maps, looks, strict=True)
            ]
            score = self._add_photos(vectors)[columns.start + option]
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

    def _describe(self, photo: PhotoEvidence) -> Tensor:
        measures = torch.from_numpy(describe_measures(photo.measures))
        if photo.features is None:
            return measures
        return torch.cat([pool_places(photo.features, photo.probability), measures])

    def _add_photos(self, vectors: Sequence[Tensor]) -> Tensor:
        if not vectors:
            return torch.zeros(self.model.config.options)
        # all of one kind, or the measures alone, which come last
        shortest = min(len(vector) for vector in vectors)
        stacked = torch.stack([vector[len(vector) - shortest :] for vector in vectors])[None]
        return self.model(stacked, torch.ones(1, len(vectors), dtype=torch.bool))[0].float()  # type: ignore[no-any-return]
