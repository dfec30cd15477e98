"""CLIPSeg of the library, its forward split into photo, prompt and decoder."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor
from transformers import CLIPSegConfig, CLIPSegForImageSegmentation
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
from transformers.models.clipseg.modeling_clipseg import CLIPSegImageSegmentationOutput

from magic_demo.models.segmentation.compact import PhotoFeatures


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

    @property
    def blank_ids(self) -> tuple[int, int]:
        """Return CLIP's marks of a text's beginning and end, the last two of its vocabulary."""
        size = cast(Any, self.config).text_config.vocab_size
        return size - 2, size - 1

    def encode_photo(self, pixel_values: Tensor, *, mirrored: bool = False) -> PhotoFeatures:  # noqa: ARG002
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
