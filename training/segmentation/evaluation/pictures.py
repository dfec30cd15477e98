"""Pictures of the run: evaluation photos with the reference's outline and the model's, in a file and in
TensorBoard."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import Dataset
from torch.utils.tensorboard import SummaryWriter
from transformers import TrainerCallback

from magic_demo.core.types import Mask, Pixels
from magic_demo.imaging.overlay import draw_outline, lesion_mask
from magic_demo.imaging.resize import resize_pixels
from training.runs.ranges import Count, CountOrNone, Side
from training.segmentation.data import Target, merge_masks
from training.segmentation.sources import Example

REFERENCE_RGB = (0, 200, 255)


@dataclass(frozen=True)
class PictureSettings:
    """Pictures during a run. every: so many evaluations, 0 for never. count: photos, spread evenly over the
    list. side: longest, pixels."""

    every: CountOrNone = 4
    count: Count = 8
    side: Side = 320


class PicturesAfterEvaluation(TrainerCallback):
    """Writes ``FOLDER/step-N.jpg`` and TensorBoard's image ``outlines``: the reference in blue, the model at
    its best threshold in yellow."""

    def __init__(
        self,
        settings: PictureSettings,
        folder: Path,
        examples: Sequence[Example],
        dataset: Dataset[dict[str, Any]],
        collate: Callable[[Iterable[dict[str, Any]]], dict[str, Tensor]],
        *,
        target: Target,
        read: Callable[[Tensor, tuple[int, int]], Tensor],
    ) -> None:
        self.settings = settings
        self.folder = folder
        self.examples = examples
        self.dataset = dataset
        self.collate = collate
        self.target = target
        self.read = read
        self.evaluations = 0
        self._photos: list[tuple[int, Pixels, Mask]] = []

    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ARG002
        """Draw at the first evaluation and then every so many."""
        due = self.settings.every > 0 and self.evaluations % self.settings.every == 0
        self.evaluations += 1
        if not due or not state.is_world_process_zero:
            return
        threshold = float((kwargs.get("metrics") or {}).get("eval_threshold", 0.5))
        sheet = self.draw(kwargs["model"], threshold)
        self.folder.mkdir(parents=True, exist_ok=True)
        stream = io.BytesIO()
        Image.fromarray(sheet).save(stream, format="JPEG", quality=88)
        (self.folder / f"step-{state.global_step:06d}.jpg").write_bytes(stream.getvalue())
        with SummaryWriter(str(self.folder)) as writer:
            writer.add_image("outlines", sheet, state.global_step, dataformats="HWC")

    @torch.no_grad()
    def draw(self, model: nn.Module, threshold: float) -> NDArray[np.uint8]:
        """Return one sheet (H, W, 3) of the chosen photos; the model is left in the mode it was in."""
        training = model.training
        model.eval()
        tiles = []
        try:
            for index, pixels, reference in self._read_photos():
                batch = self.collate([self.dataset[index]])
                device = next(model.parameters()).device
                inputs = {name: value.to(device) for name, value in batch.items() if name != "labels"}
                size = (pixels.shape[0], pixels.shape[1])
                logits = self.read(model(**inputs).logits, size)[0]
                system = lesion_mask(logits.float().sigmoid().cpu().numpy(), size, threshold)
                tiles.append(draw_outline(draw_outline(pixels, reference, REFERENCE_RGB), system))
        finally:
            model.train(training)
        return _lay_out(tiles, self.settings.side)

    def _read_photos(self) -> list[tuple[int, Pixels, Mask]]:
        if not self._photos:
            count = min(self.settings.count, len(self.examples))
            for index in np.unique(
                np.linspace(0, len(self.examples) - 1, count).round().astype(int)
            ).tolist():
                pixels, masks = self.examples[index].read()
                scale = min(1.0, self.settings.side / max(pixels.shape[:2]))
                size = max(1, round(pixels.shape[0] * scale)), max(1, round(pixels.shape[1] * scale))
                merged = merge_masks(masks, "majority" if self.target == "mean" else self.target).astype(
                    np.uint8
                )
                reference = cv2.resize(merged, (size[1], size[0]), interpolation=cv2.INTER_NEAREST) > 0
                self._photos.append((index, resize_pixels(pixels, size), np.asarray(reference)))
        return self._photos


def _lay_out(tiles: Sequence[Pixels], side: int, columns: int = 4) -> NDArray[np.uint8]:
    rows = -(-len(tiles) // columns)
    sheet = np.full((rows * side, min(columns, len(tiles)) * side, 3), 24, np.uint8)
    for number, tile in enumerate(tiles):
        top, left = number // columns * side, number % columns * side
        sheet[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    return sheet
