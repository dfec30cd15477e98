"""Segmentation models that a prompt can steer: the photo and the prompt are encoded apart."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Protocol, Self, cast, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from magic_demo.core.errors import CheckpointError, ModelError
from magic_demo.core.types import Pixels, Probability, PromptKind
from magic_demo.models.backends.backend import Backend
from magic_demo.models.backends.encoder import Encoder
from magic_demo.models.feature_cache import FeatureCache
from magic_demo.models.interfaces import Guidance, Segmenter, average_views
from magic_demo.models.loading.checkpoints import Checkpoint
from magic_demo.models.loading.preprocessing import Preprocessing
from magic_demo.models.segmentation.clipseg import PromptedCLIPSeg
from magic_demo.models.segmentation.compact import CompactSegmenter, PhotoFeatures
from magic_demo.models.segmentation.guidance_maps import draw_guidance

MAP = 3
"""Which of the compact model's maps answerers read: stride 16."""
PROMPT_BYTES = 2**16
"""Bytes of prompts' vectors that are kept: some twenty, so that every photo of a case shares one."""


class PromptedModel(Protocol):
    """What a network offers: the photo and the prompt are encoded apart, and meet in ``decode``."""

    @property
    def photo_encoder(self) -> torch.nn.Module:
        """Return the module that holds all weights that ``encode_photo`` reads, and none that another method
        does."""

    @property
    def blank_ids(self) -> Sequence[int]:
        """Return the token ids that stand for no prompt, without asking a tokenizer."""

    def encode_photo(self, pixel_values: Tensor, *, mirrored: bool = False) -> PhotoFeatures:
        """Return the features of (B, 3, h, w). mirrored: the second half are mirror images of the first."""

    def encode_prompt(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return the vectors (B, P) of token ids (B, L)."""

    def decode(self, features: PhotoFeatures, prompt: Tensor) -> Tensor:
        """Return logits (B, h, w)."""


def name_encoder(model: Any, preprocessing: Preprocessing, mirrored: bool) -> tuple[str, str]:
    """Return the model type and a digest of the photo encoder's weights, as float16: what heads on its
    features depend on."""
    digest = hashlib.sha256(repr((preprocessing, mirrored)).encode())
    encoder = getattr(model, "encoder", None)
    for name, values in sorted(encoder.state_dict().items()) if isinstance(encoder, torch.nn.Module) else ():
        if values.is_floating_point():
            digest.update(name.encode() + values.detach().to(torch.float16).contiguous().numpy().tobytes())
    return str(model.config.model_type), digest.hexdigest()[:16]


NETWORKS = {"clipseg": PromptedCLIPSeg, "compact_segmenter": CompactSegmenter}
"""``model_type`` -> class. Not through transformers' own list: there a CLIPSeg of a host program would become ours."""


def load_network(checkpoint: Checkpoint) -> Any:
    """Load the network of a checkpoint, in float32 for inference. Raises CheckpointError with one line."""
    return checkpoint.load_model(NETWORKS[checkpoint.read_config()["model_type"]])


def _check_kind(kind: object, checkpoint: Checkpoint) -> PromptKind:
    if kind not in get_args(PromptKind):
        raise CheckpointError(
            "{folder}: config.json's 'prompt_kind' is {came}; one of {known} is expected",
            folder=checkpoint.folder,
            came=repr(kind)[:60],
            known=list(get_args(PromptKind)),
        )
    return cast(PromptKind, kind)


class PromptedSegmenter(Segmenter):
    """CLIPSeg or the compact model: a photo is encoded once, every prompt costs a decoder pass only.

    tokenizer: None for a checkpoint without one, which then reads no prompt. mirrored: whether the photo's
    mirror image is asked as well and the two answers are averaged. encoder_name: what ``name_encoder`` gives.
    backend: what the photo encoder runs on.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: PreTrainedTokenizerBase | None,
        preprocessing: Preprocessing,
        *,
        model_id: str,
        threshold: float = 0.5,
        mirrored: bool = False,
        prompt_kind: PromptKind = "narrative",
        backend: Backend = Backend(),  # noqa: B008  (frozen)
    ) -> None:
        self.model = cast(PromptedModel, model)
        self.tokenizer = tokenizer
        self.reads_prompt = tokenizer is not None and bool(getattr(model.config, "reads_prompt", True))
        self.reads_guidance = bool(getattr(model.config, "guided", False))
        self.preprocessing = preprocessing
        self.model_id = model_id
        self.threshold = threshold
        self.mirrored = mirrored
        self.prompt_kind = prompt_kind
        self.backend = backend
        self.encoder_name = name_encoder(model, preprocessing, mirrored)
        self._encode = backend.prepare(self._describe_encoder())
        self._prompts = FeatureCache(PROMPT_BYTES)

    @classmethod
    def load(cls, checkpoint: Checkpoint) -> Self:
        """Load for inference. Raises CheckpointError with one line when a part is missing or broken."""
        model = load_network(checkpoint)
        return cls(
            model,
            checkpoint.read_tokenizer(),
            checkpoint.read_preprocessing(),
            model_id=checkpoint.model_id,
            threshold=float(getattr(model.config, "threshold", 0.5)),
            mirrored=bool(getattr(model.config, "mirrored", False)),
            prompt_kind=_check_kind(getattr(model.config, "prompt_kind", "narrative"), checkpoint),
            backend=checkpoint.backend,
        )

    @torch.inference_mode()
    def look(self, pixels: Pixels) -> PhotoFeatures:
        """Encode a photo, (H, W, 3) uint8 RGB of any size."""
        photo = torch.from_numpy(self.preprocessing.apply(pixels))[None]
        return self._encode(torch.cat([photo, photo.flip(-1)]) if self.mirrored else photo)

    def segment(
        self,
        features: PhotoFeatures,
        prompt: str = "",
        guidance: Guidance | None = None,
    ) -> Probability:
        """Return the lesion probability (h, w) at the model's size.

        Guidance without a step before begins with what the model finds without any. Raises ModelError when the model gives values that are no numbers.
        """
        vector = self._vector(prompt)
        if guidance is None or not self.reads_guidance or not (guidance.clicks or guidance.box):
            return self.decode(features, vector)
        before = guidance.previous if guidance.previous is not None else self.decode(features, vector)
        return self.decode(features, vector, draw_guidance(guidance, before, self.preprocessing.size))

    def segment_views(self, features: PhotoFeatures, prompt: str = "") -> tuple[Probability, ...]:
        """Return the map (h, w) of the photo, and of its mirror image where that is asked as well."""
        return self.decode_views(features, self._vector(prompt))

    def _vector(self, prompt: str) -> Tensor:
        # by digest: a patient's words do not outlive their case here
        key = hashlib.sha256(prompt.encode("utf-8", "surrogatepass")).digest()
        return self._prompts.get(key, lambda: self.encode_prompt(prompt))

    @torch.inference_mode()
    def encode_prompt(self, text: str) -> Tensor:
        """Encode a prompt, cut at what the model reads, into a vector (1, P); an empty text is no prompt."""
        ids = self.model.blank_ids
        if self.tokenizer is not None and self.reads_prompt:
            words = " ".join(text.split())
            ids = self.tokenizer(words, truncation=True, max_length=self.most_tokens())["input_ids"]
        input_ids = torch.tensor([list(ids)], dtype=torch.long)
        return self.model.encode_prompt(input_ids, torch.ones_like(input_ids))

    def feature_map(self, features: PhotoFeatures) -> Tensor | None:
        """Return the stride-16 map (C, h / 16, w / 16), None where the model has no such map."""
        if len(features) <= MAP or features[MAP].ndim != 4:
            return None
        maps = features[MAP]
        return (maps[0] + maps[1].flip(-1)) / 2 if self.mirrored else maps[0]

    def decode(
        self, features: PhotoFeatures, prompt: Tensor, guidance: NDArray[np.float32] | None = None
    ) -> Probability:
        """Return the lesion probability (h, w) for a prompt's vector (1, P), the mean of ``decode_views``."""
        return average_views(self.decode_views(features, prompt, guidance))[0]

    @torch.inference_mode()
    def decode_views(
        self, features: PhotoFeatures, prompt: Tensor, guidance: NDArray[np.float32] | None = None
    ) -> tuple[Probability, ...]:
        """Return the lesion probability (h, w) of every view for a prompt's vector (1, P).

        guidance: maps (GUIDANCE_MAPS, h, w) of ``draw_guidance``. Raises ModelError when the model gives
        values that are no numbers.
        """
        vectors = prompt.expand(2 if self.mirrored else 1, -1)
        if guidance is None:
            logits = self.model.decode(features, vectors)
        else:
            maps = torch.from_numpy(guidance)[None]
            maps = torch.cat([maps, maps.flip(-1)]) if self.mirrored else maps
            logits = cast(Any, self.model).decode_guided(features, vectors, maps)
        answers = logits.float().sigmoid()
        views = (answers[0], answers[1].flip(-1)) if self.mirrored else (answers[0],)
        found = tuple(np.asarray(view.numpy(), dtype=np.float32) for view in views)
        if not all(np.isfinite(view).all() for view in found):
            raise ModelError(
                "the segmentation model gave values that are not numbers; fetch or train the checkpoint again"
            )
        return found

    def _describe_encoder(self) -> Encoder:
        return Encoder(
            lambda pixel_values: self.model.encode_photo(pixel_values, mirrored=self.mirrored),
            self.model.photo_encoder,
            (torch.zeros(1, 3, *self.preprocessing.size),),
            key=f"{self.model_id} photo {self.preprocessing}" if "@" in self.model_id else "",
        )

    def most_tokens(self) -> int:
        """Return how many tokens of a prompt are read; only where there is a tokenizer."""
        config = cast(Any, self.model).config
        longest = (
            config.prompt_length
            if hasattr(config, "prompt_length")
            else config.text_config.max_position_embeddings
        )
        return min(int(longest), int(cast(Any, self.tokenizer).model_max_length))
