"""Any semantic segmentation model of transformers (SegFormer, UPerNet, DPT, BEiT and others) that has a label for
the lesion, without a prompt."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import torch
from torch import Tensor
from transformers import AutoModelForSemanticSegmentation

from magic_demo.core.errors import CheckpointError, ModelError
from magic_demo.core.types import Pixels, Probability
from magic_demo.models.backends.backend import Backend
from magic_demo.models.backends.encoder import Encoder
from magic_demo.models.interfaces import Guidance, Segmenter
from magic_demo.models.loading.checkpoints import Checkpoint
from magic_demo.models.loading.preprocessing import Preprocessing

TYPES = ("segformer", "upernet", "dpt", "beit", "data2vec-vision", "mobilenet_v2")
"""``model_type`` of what is taken: classes of transformers itself that read photos as
``preprocessor_config.json`` says."""
LESION_NAMES = ("lesion", "skin lesion", "skin_lesion", "foreground")


class SemanticSegmenter(Segmenter):
    """A semantic segmentation model: the probability of its lesion label; a photo costs one pass, and nothing
    changes the map afterwards."""

    def __init__(
        self,
        model: Any,
        preprocessing: Preprocessing,
        lesion: int,
        *,
        model_id: str,
        threshold: float = 0.5,
        backend: Backend = Backend(),  # noqa: B008  (frozen)
    ) -> None:
        self.model, self.preprocessing, self.lesion = model, preprocessing, lesion
        self.model_id, self.threshold, self.backend = model_id, threshold, backend
        self._encode = backend.prepare(
            Encoder(
                lambda pixel_values: self.model(pixel_values=pixel_values).logits,
                model,
                (torch.zeros(1, 3, *preprocessing.size),),
                key=f"{model_id} semantic {preprocessing}" if "@" in model_id else "",
            )
        )

    @classmethod
    def load(cls, checkpoint: Checkpoint) -> Self:
        """Load for inference. Raises CheckpointError with one line when a part is missing or broken, would come
        from elsewhere, or no label is the lesion's."""
        config = checkpoint.read_config()
        model = load_semantic(checkpoint)
        return cls(
            model,
            checkpoint.read_preprocessing(),
            find_lesion(config, int(model.config.num_labels), checkpoint),
            model_id=checkpoint.model_id,
            threshold=float(config.get("threshold", 0.5)),
            backend=checkpoint.backend,
        )

    @torch.inference_mode()
    def look(self, pixels: Pixels) -> Probability:
        """Return the lesion probability (h, w) of a photo (H, W, 3) uint8 RGB, at the model's own size.

        Raises ModelError when the model gives values that are no numbers.
        """
        photo = torch.from_numpy(self.preprocessing.apply(pixels))[None]
        logits = self._encode(photo)[0].float()
        odds = read_lesion(logits.reshape(1, -1, *logits.shape[-2:]), self.lesion)[0]
        if not odds.isfinite().all():
            raise ModelError(
                "the segmentation model gave values that are not numbers; fetch or train the checkpoint again"
            )
        return np.asarray(odds.sigmoid().numpy(), np.float32)

    def segment(
        self,
        features: Probability,
        prompt: str = "",  # noqa: ARG002  (reads none)
        guidance: Guidance | None = None,  # noqa: ARG002
    ) -> Probability:
        """Return what ``look`` found."""
        return features


def load_semantic(checkpoint: Checkpoint) -> Any:
    """Load the model of a checkpoint, in float32 for inference.

    Raises CheckpointError with one line when it is broken, or a part would come from elsewhere.
    """
    config = checkpoint.read_config()
    if config.get("backbone") or config.get("use_timm_backbone"):
        raise CheckpointError(
            "{folder}: config.json names a backbone ({backbone}) that would be fetched from elsewhere; save "
            "the whole model with save_pretrained",
            folder=checkpoint.folder,
            backbone=str(config.get("backbone") or "timm")[:60],
        )
    return checkpoint.load_model(AutoModelForSemanticSegmentation)


def read_lesion(logits: Tensor, lesion: int) -> Tensor:
    """Return the lesion's log-odds (B, h, w) from the logits (B, L, h, w) of all labels."""
    if logits.shape[1] == 1:
        return logits[:, 0]
    others = torch.cat([logits[:, :lesion], logits[:, lesion + 1 :]], dim=1)
    return logits[:, lesion] - others.logsumexp(dim=1)


def name_lesion(config: dict[str, Any], labels: int) -> int | None:
    """Return the lesion's label: the only one, that of two that is not the background, the one named so, or
    ``lesion_label`` of ``config.json``; None where nothing says it."""
    said = config.get("lesion_label")
    if isinstance(said, int) and 0 <= said < labels:
        return said
    names = {str(name).lower(): int(label) for label, name in (config.get("id2label") or {}).items()}
    for name in LESION_NAMES:
        if 0 <= names.get(name, -1) < labels:
            return names[name]
    return labels - 1 if labels <= 2 else None


def find_lesion(config: dict[str, Any], labels: int, checkpoint: Checkpoint) -> int:
    """Return what ``name_lesion`` does. Raises CheckpointError where nothing says which label is the lesion's."""
    lesion = name_lesion(config, labels)
    if lesion is not None:
        return lesion
    raise CheckpointError(
        "{folder}: {count} labels, none of which is named 'lesion'; add 'lesion_label' with its number to "
        "config.json",
        folder=checkpoint.folder,
        count=labels,
    )
