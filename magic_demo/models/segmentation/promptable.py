"""The Segment Anything models of transformers (SAM, SAM 2) as a refining segmenter: a model that knows lesions finds
boxes, or a reader clicks, and SAM draws the outline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import cv2
import numpy as np
import torch
from transformers import Sam2Model, SamModel

from magic_demo.core.errors import CheckpointError, ModelError
from magic_demo.core.types import Pixels, Probability
from magic_demo.files.checkpoint_files import find_shipped, read_object
from magic_demo.models.interfaces import Guidance, Segmenter
from magic_demo.models.loading.checkpoints import Checkpoint
from magic_demo.models.segmentation.prompted import PromptedSegmenter

TYPES = {"sam": SamModel, "sam2": Sam2Model}
PROPOSER = "segmentation-compact"
"""The checkpoint that comes along, which says where SAM is to look."""
PREPROCESSOR = "preprocessor_config.json"
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
MOST_BOXES = 5
LEAST_SHARE = 0.1
"""Of the largest area: smaller ones get no box of their own."""
MARGIN = 0.05
"""What a box is grown by on each side, as a share of it."""

Box = tuple[float, float, float, float]
"""left, top, right, bottom as shares of the photo's width and height."""


@dataclass(frozen=True, eq=False)
class Looked:
    """What is kept of a photo of ``size`` (H, W): SAM's embeddings of it, and what the proposer made of it."""

    embeddings: Any
    size: tuple[int, int]
    proposed: Any


class PromptableSegmenter(Segmenter):
    """SAM behind a segmentation model that proposes where the lesion is.

    Without guidance each area that the proposer finds becomes a box, and the maps of all boxes together are the
    answer; with clicks or a box SAM follows those alone. Prompts and feature maps, which the photo answerer reads,
    are the proposer's.
    """

    reads_guidance = True

    def __init__(
        self,
        model: Any,
        proposer: Segmenter,
        *,
        model_id: str,
        mean: tuple[float, ...] = MEAN,
        std: tuple[float, ...] = STD,
        threshold: float = 0.5,
    ) -> None:
        self.model, self.proposer, self.model_id, self.threshold = model, proposer, model_id, threshold
        self.reads_prompt, self.prompt_kind = proposer.reads_prompt, proposer.prompt_kind
        self.encoder_name = proposer.encoder_name
        self.side = int(model.config.prompt_encoder_config.image_size)
        self.pads = isinstance(model, SamModel)  # SAM 2 squashes a photo into its square
        self._mean, self._std = (np.array(values, np.float32) for values in (mean, std))

    @classmethod
    def load(cls, checkpoint: Checkpoint) -> Self:
        """Load a folder that ``save_pretrained`` wrote, and the proposer that comes along. Raises CheckpointError with
        one line when a part is missing or broken."""
        config = checkpoint.read_config()
        path = checkpoint.folder / PREPROCESSOR
        said = read_object(path, "image_mean") if path.is_file() else {}
        mean, std = (
            tuple(said.get(name) or usual) for name, usual in (("image_mean", MEAN), ("image_std", STD))
        )
        if (
            not all(isinstance(value, int | float) for value in (*mean, *std))
            or len(mean) != 3
            or len(std) != 3
        ):
            raise CheckpointError("{path}: three numbers are expected as image_mean and image_std", path=path)
        return cls(
            checkpoint.load_model(TYPES[str(config["model_type"])]),
            PromptedSegmenter.load(Checkpoint.open(find_shipped() / PROPOSER)),
            model_id=checkpoint.model_id,
            mean=mean,
            std=std,
            threshold=float(config.get("threshold", 0.5)),
        )

    @torch.inference_mode()
    def look(self, pixels: Pixels) -> Looked:
        """Return what SAM and the proposer read of a photo (H, W, 3) uint8 RGB."""
        width, height = self._fit(pixels.shape[:2])
        small = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
        square = np.zeros((self.side, self.side, 3), np.float32)
        square[:height, :width] = (small / np.float32(255) - self._mean) / self._std
        photo = torch.from_numpy(np.ascontiguousarray(square.transpose(2, 0, 1)))[None]
        return Looked(
            self.model.get_image_embeddings(photo),
            (pixels.shape[0], pixels.shape[1]),
            self.proposer.look(pixels),
        )

    def segment(self, features: Looked, prompt: str = "", guidance: Guidance | None = None) -> Probability:
        """Return the lesion probability (h, w) float32 that spans the whole photo.

        Where the proposer finds nothing its map is the answer. Raises ModelError when a model gives no numbers.
        """
        if guidance is not None and (guidance.clicks or guidance.box is not None):
            return self._ask(features, guidance)
        found = self.proposer.segment(features.proposed, prompt)
        boxes = find_boxes(found, self.proposer.threshold)
        if not boxes:
            return found
        return np.asarray(
            np.max([self._ask(features, Guidance(box=box)) for box in boxes], axis=0), np.float32
        )

    def feature_map(self, features: Looked) -> torch.Tensor | None:
        """Return the proposer's feature map."""
        return self.proposer.feature_map(features.proposed)

    @torch.inference_mode()
    def _ask(self, features: Looked, guidance: Guidance) -> Probability:
        """Return SAM's map for one box, for clicks, or for both."""
        width, height = self._fit(features.size)
        asked: dict[str, torch.Tensor] = {}
        if guidance.clicks:
            points = [[click.x * width, click.y * height] for click in guidance.clicks]
            asked["input_points"] = torch.tensor([[points]], dtype=torch.float32)
            asked["input_labels"] = torch.tensor([[[int(click.lesion) for click in guidance.clicks]]])
        if guidance.box is not None:
            left, top, right, bottom = guidance.box
            corners = [left * width, top * height, right * width, bottom * height]
            asked["input_boxes"] = torch.tensor([[corners]], dtype=torch.float32)
        found = self.model(image_embeddings=features.embeddings, multimask_output=False, **asked)
        logits = torch.nn.functional.interpolate(
            found.pred_masks[0].float(), size=(self.side, self.side), mode="bilinear", align_corners=False
        )[0, 0, :height, :width]
        probability = np.asarray(logits.sigmoid().numpy(), np.float32)
        if not np.isfinite(probability).all():
            raise ModelError(
                "the segmentation model gave values that are not numbers; fetch or train the checkpoint again"
            )
        return probability

    def _fit(self, size: tuple[int, ...]) -> tuple[int, int]:
        """Return the width and height of a photo (H, W) in SAM's square."""
        if not self.pads:
            return self.side, self.side
        scale = self.side / max(size)
        return max(1, round(size[1] * scale)), max(1, round(size[0] * scale))


def find_boxes(probability: Probability, threshold: float) -> list[Box]:
    """Return a box around each area of a map (h, w), the largest first, a little larger than the area."""
    mask = (probability >= threshold).astype(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    areas = sorted(stats[1:].tolist(), key=lambda area: -area[cv2.CC_STAT_AREA])
    height, width = mask.shape
    boxes = []
    for left, top, across, down, area in areas[:MOST_BOXES]:
        if area < LEAST_SHARE * areas[0][cv2.CC_STAT_AREA]:
            break
        x, y = MARGIN * across, MARGIN * down
        boxes.append(
            (
                max(0.0, (left - x) / width),
                max(0.0, (top - y) / height),
                min(1.0, (left + across + x) / width),
                min(1.0, (top + down + y) / height),
            )
        )
    return boxes
