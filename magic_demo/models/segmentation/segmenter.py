"""Photo and prompt to a lesion probability map: one way for every model, picked by the checkpoint's
``config.json``."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Protocol, cast, runtime_checkable

import numpy as np
import torch
from torch import Tensor
from transformers import (
    AutoModelForImageSegmentation,
    CLIPSegConfig,
    CLIPSegForImageSegmentation,
    PreTrainedTokenizerBase,
)
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
from transformers.models.clipseg.modeling_clipseg import CLIPSegImageSegmentationOutput

from magic_demo.core.errors import CheckpointError, ModelError
from magic_demo.core.types import Pixels, Probability
from magic_demo.models.backends import Backend, choose_backend, read_checked
from magic_demo.models.checkpoints import (
    Preprocessing,
    find_checkpoint,
    load_model,
    load_tokenizer,
    name_model,
    read_preprocessing,
)
from magic_demo.models.encoder import Encoder
from magic_demo.models.segmentation import compact as compact_segmentation

PhotoFeatures = compact_segmentation.PhotoFeatures
"""What a model keeps of a photo: a tuple of tensors, batch of one first; only the same model's ``decode`` can
read it."""


@runtime_checkable
class PromptedModel(Protocol):
    """What a segmentation model must offer: the photo and the prompt are encoded apart, and meet in
    ``decode``."""

    @property
    def photo_encoder(self) -> torch.nn.Module:
        """Return the module that holds all weights that ``encode_photo`` reads, and none that another method
        does."""

    def encode_photo(self, pixel_values: Tensor) -> PhotoFeatures:
        """Return the features of (B, 3, h, w)."""

    def encode_prompt(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return the vectors (B, P) of token ids (B, L)."""

    def decode(self, features: PhotoFeatures, prompt: Tensor) -> Tensor:
        """Return logits (B, h, w)."""


def attend_in_float32(
    module: torch.nn.Module,
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    attention_mask: Tensor | None,
    **more: Any,
) -> tuple[Tensor, Tensor | None]:
    """Attend as the library does, on a processor always in float32.

    The decoder's heads are 16 channels wide: there the processor's bfloat16 kernel takes twice the time of
    the float32 one.
    """
    attend = ALL_ATTENTION_FUNCTIONS["sdpa"]
    if queries.device.type != "cpu" or queries.dtype == torch.float32:
        return attend(module, queries, keys, values, attention_mask, **more)  # type: ignore[no-any-return]
    with torch.autocast("cpu", enabled=False):
        attended, weights = attend(
            module, queries.float(), keys.float(), values.float(), attention_mask, **more
        )
    return attended.to(queries.dtype), weights


ALL_ATTENTION_FUNCTIONS.register("sdpa_float32", attend_in_float32)


class PromptedCLIPSeg(CLIPSegForImageSegmentation):  # type: ignore[no-untyped-call]
    """CLIPSeg of the library, its forward split into photo, prompt and decoder."""

    def __init__(self, config: CLIPSegConfig) -> None:
        super().__init__(config)
        for layer in cast(Any, self.decoder).layers:
            layer.self_attn.config._attn_implementation = "sdpa_float32"

    def forward(
        self,
        pixel_values: Tensor | None = None,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        *,
        states: Tensor | None = None,
        prompt: Tensor | None = None,
    ) -> CLIPSegImageSegmentationOutput:
        """Return the logits (B, h, w) of photos under prompts, the towers without gradient as in the library.

        states (B, S, T, D), prompt (B, P): what ``encode_photo`` and ``encode_prompt`` gave before; the
        towers are then not run.
        """
        with torch.no_grad():
            if states is None or prompt is None:
                assert pixel_values is not None and input_ids is not None and attention_mask is not None
                features, vector = (
                    self.encode_photo(pixel_values),
                    self.encode_prompt(input_ids, attention_mask),
                )
            else:
                features, vector = states.to(self.dtype).unbind(1), prompt.to(self.dtype)
        return CLIPSegImageSegmentationOutput(logits=self.decode(features, vector))

    @property
    def photo_encoder(self) -> torch.nn.Module:
        """Return the vision tower."""
        return self.clip.vision_model  # type: ignore[no-any-return]

    def encode_photo(self, pixel_values: Tensor) -> PhotoFeatures:
        """Return the hidden states that the decoder reads; the vision tower's layers above the last of them
        are not run."""
        vision = self.clip.vision_model
        hidden = vision.pre_layrnorm(vision.embeddings(pixel_values, interpolate_pos_encoding=True))
        states = []
        for layer in vision.encoder.layers[: max(self.extract_layers) + 1]:
            hidden = layer(hidden, attention_mask=None)
            states.append(hidden)
        return tuple(states[index] for index in self.extract_layers)

    def encode_prompt(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return the text tower's projected vectors (B, P)."""
        return self.clip.get_text_features(input_ids, attention_mask=attention_mask).pooler_output  # type: ignore[no-any-return]

    def decode(self, features: PhotoFeatures, prompt: Tensor) -> Tensor:
        """Return logits (B, h, w) at the photo input's size."""
        return self.decoder(features, prompt).logits  # type: ignore[no-any-return]


AutoModelForImageSegmentation.register(CLIPSegConfig, PromptedCLIPSeg, exist_ok=True)


def name_encoder(model: Any, preprocessing: Preprocessing, mirrored: bool) -> tuple[str, str]:
    """Return the model type and a digest of the photo encoder's weights, as float16: what heads on its
    features depend on."""
    digest = hashlib.sha256(repr((preprocessing, mirrored)).encode())
    encoder = getattr(model, "encoder", None)
    for name, values in sorted(encoder.state_dict().items()) if isinstance(encoder, torch.nn.Module) else ():
        if values.is_floating_point():
            digest.update(name.encode() + values.detach().to(torch.float16).contiguous().numpy().tobytes())
    return str(model.config.model_type), digest.hexdigest()[:16]


class Segmenter:
    """A segmentation checkpoint ready to use: a photo is encoded once, every prompt costs a decoder pass
    only.

    model_id: name and digest of the checkpoint. encoder_name: what ``name_encoder`` gives. threshold:
    probability at and above which a pixel is lesion.
    mirrored: whether the photo's mirror image is asked as well and the two answers are averaged. backend:
    what the photo encoder runs on.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: PreTrainedTokenizerBase,
        preprocessing: Preprocessing,
        *,
        model_id: str,
        threshold: float = 0.5,
        mirrored: bool = False,
        backend: Backend = Backend(),  # noqa: B008  (frozen)
    ) -> None:
        self.model = cast(PromptedModel, model)
        self.tokenizer = tokenizer
        self.preprocessing = preprocessing
        self.model_id = model_id
        self.threshold = threshold
        self.mirrored = mirrored
        self.backend = backend
        self.encoder_name = name_encoder(model, preprocessing, mirrored)
        self._encode = backend.prepare(self._describe_encoder())

    @classmethod
    def load(
        cls,
        source: str | Path,
        *,
        revision: str | None = None,
        backend: str = "torch",
    ) -> Segmenter:
        """Load a folder or a Hub id for inference.

        Raises CheckpointError with one line when that fails or it is no such model.

        backend: a name that ``choose_backend`` takes; raises BackendError when this machine cannot run it.
        """
        model_id = name_model(source, revision=revision)
        chosen = choose_backend(backend, read_checked(find_checkpoint(source, revision=revision), model_id))
        model = load_model(source, AutoModelForImageSegmentation, revision=revision)
        if not isinstance(model, PromptedModel):
            raise CheckpointError(
                "{source}: {came} is no segmentation model with a prompt; CLIPSeg or ours is expected",
                source=source,
                came=type(model).__name__,
            )
        return cls(
            model,
            load_tokenizer(source, revision=revision),
            read_preprocessing(source, revision=revision),
            model_id=model_id,
            threshold=float(getattr(model.config, "threshold", 0.5)),
            mirrored=bool(getattr(model.config, "mirrored", False)),
            backend=chosen,
        )

    @torch.inference_mode()
    def encode_photo(self, pixels: Pixels) -> PhotoFeatures:
        """Encode a photo, (H, W, 3) uint8 RGB of any size."""
        photo = torch.from_numpy(self.preprocessing.apply(pixels))[None]
        return self._encode(torch.cat([photo, photo.flip(-1)]) if self.mirrored else photo)

    @torch.inference_mode()
    def encode_prompt(self, text: str) -> Tensor:
        """Encode a prompt, cut at what the model reads, into a vector (1, P); an empty text is no prompt."""
        ids = self.tokenizer(" ".join(text.split()), truncation=True, max_length=self._most_tokens())[
            "input_ids"
        ]
        input_ids = torch.tensor([ids], dtype=torch.long)
        return self.model.encode_prompt(input_ids, torch.ones_like(input_ids))

    @torch.inference_mode()
    def decode(self, features: PhotoFeatures, prompt: Tensor) -> Probability:
        """Return the lesion probability (h, w) at the model's size.

        Raises ModelError when the model gives values that are no numbers.
        """
        views = 2 if self.mirrored else 1
        answers = self.model.decode(features, prompt.expand(views, -1)).float().sigmoid()
        mean = (answers[0] + answers[1].flip(-1)) / 2 if self.mirrored else answers[0]
        probability = np.asarray(mean.numpy(), dtype=np.float32)
        if not np.isfinite(probability).all():
            raise ModelError(
                "the segmentation model gave values that are not numbers; fetch or train the checkpoint again"
            )
        return probability

    def predict(self, pixels: Pixels, prompt: str = "") -> Probability:
        """Return the lesion probability (h, w) of a photo (H, W, 3) under a prompt."""
        return self.decode(self.encode_photo(pixels), self.encode_prompt(prompt))

    def _describe_encoder(self) -> Encoder:
        return Encoder(
            lambda pixel_values: self.model.encode_photo(pixel_values),
            self.model.photo_encoder,
            (torch.zeros(1, 3, *self.preprocessing.size),),
            key=f"{self.model_id} photo {self.preprocessing}" if "@" in self.model_id else "",
        )

    def _most_tokens(self) -> int:
        config = cast(Any, self.model).config
        longest = (
            config.prompt_length
            if hasattr(config, "prompt_length")
            else config.text_config.max_position_embeddings
        )
        return min(int(longest), int(self.tokenizer.model_max_length))
