"""Pictures and scalars of a run: what can be watched while it trains."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn

from tests.support.tiny_clipseg import read_paper, write_data
from training.segmentation.evaluation.pictures import REFERENCE_RGB, PicturesAfterEvaluation, PictureSettings
from training.segmentation.sources import Example
from training.segmentation.train import run_training


def read_events(folder: Path) -> tuple[set[str], set[str]]:
    """Return the tags of the scalars and of the images below a folder."""
    scalars: set[str] = set()
    images: set[str] = set()
    for path in folder.rglob("events.out.tfevents.*"):
        events = EventAccumulator(str(path)).Reload()
        scalars.update(events.Tags()["scalars"])
        images.update(events.Tags()["images"])
    return scalars, images


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory, training_seed: int) -> Path:
    """Return the folder of a run of twelve steps, evaluated four times."""
    folder = write_data(tmp_path_factory.mktemp("cases"), count=6, seed=training_seed)
    settings = read_paper(folder, folder / "out", run__epochs=8, run__evaluate_every=4)
    run_training(replace(settings, pictures=PictureSettings(every=2, count=2, side=64)))
    return settings.run.output


@pytest.mark.long
def test_every_so_many_evaluations_a_picture_is_written_and_shown_in_tensorboard(run_folder: Path) -> None:
    pictures = sorted((run_folder / "pictures").glob("step-*.jpg"))
    evaluations = len(list(run_folder.glob("pictures/events.out.tfevents.*")))
    assert [path.name for path in pictures[:2]] == ["step-000004.jpg", "step-000012.jpg"]
    assert evaluations == len(pictures)
    with Image.open(pictures[0]) as picture:
        assert picture.size in {(64, 64), (128, 64)}, "two dev photos, or the one that the draw has"
    assert read_events(run_folder)[1] == {"outlines"}


def test_tensorboard_holds_loss_and_dice(run_folder: Path) -> None:
    assert {"train/loss", "train/learning_rate", "eval/loss", "eval/dice"} <= read_events(run_folder)[0]


class Halves(nn.Module):
    """Finds the left half of any photo, and says with which mode it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.modes: list[bool] = []

    def forward(self, pixel_values: torch.Tensor) -> object:
        self.modes.append(self.training)
        logits = torch.full((1, 64, 64), -9.0)
        logits[:, :, :32] = 9.0
        return type("Output", (), {"logits": logits + self.weight})


def test_the_picture_shows_the_references_outline_and_the_models(tmp_path: Path) -> None:
    pixels = np.full((64, 64, 3), 128, np.uint8)
    mask = np.zeros((64, 64), bool)
    mask[40:] = True
    examples = [Example("photo", "source", lambda: (pixels, (mask,)))]
    dataset = [{"pixel_values": torch.zeros(3, 64, 64)}]
    callback = PicturesAfterEvaluation(
        PictureSettings(side=64),
        tmp_path,
        examples,
        dataset,  # type: ignore[arg-type]
        lambda listed: {"pixel_values": torch.stack([item["pixel_values"] for item in listed])},
        target="mean",
        read=lambda logits, _size: logits,
    )
    model = Halves().train()
    sheet = callback.draw(model, 0.5).astype(int)
    assert model.modes == [False]
    assert model.training
    blue = np.abs(sheet - REFERENCE_RGB).sum(axis=2) < 60
    yellow = np.abs(sheet - (255, 214, 10)).sum(axis=2) < 60
    assert blue[36:44, 40:60].any()
    assert not blue[:30, 40:60].any()
    assert yellow[5:30, 28:36].any()
    assert not yellow[5:30, 45:60].any()
    assert cv2.countNonZero((~blue & ~yellow).astype(np.uint8)) > 32 * 64
