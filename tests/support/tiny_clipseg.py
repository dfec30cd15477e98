"""A CLIPSeg of a few thousand weights and a challenge folder of synthetic cases: for tests of training by the
paper's path."""

from __future__ import annotations

from pathlib import Path

from magic_demo.synthetic.cases import write_cases
from tests.models.segmentation.test_prompted import write_clipseg
from training.runs.run import read_settings
from training.segmentation.train import SegmentationSettings

CONFIG = Path(__file__).resolve().parents[2] / "training" / "configs" / "segmentation-paper.yaml"


def write_data(folder: Path, *, count: int = 8, seed: int = 0) -> Path:
    """Write so many synthetic cases, three quarters to train on, and a tiny CLIPSeg beside them in ``model``;
    ``read_paper`` takes the same seed."""
    write_cases(
        folder / "data", count=count, seed=4 + seed, splits={"train": 0.75, "valid": 0.25}, longest=96
    )
    write_clipseg(folder / "model", seed=seed)
    (folder / "seed").write_text(str(seed))
    return folder


def read_seed(folder: Path) -> int:
    """Return the seed that a folder was written with; 0 where nothing was written."""
    place = folder / "seed"
    return int(place.read_text()) if place.is_file() else 0


def read_paper(folder: Path, output: Path, **more: object) -> SegmentationSettings:
    """Return the paper's settings on the tiny model at its 32 pixels; ``more``: ``run__batch_size=4`` and so
    on."""
    overrides: dict[str, object] = {
        "model.start": str(folder / "model"),
        "data.folder": str(folder / "data"),
        "data.size": 32,
        "data.cache": str(output / "cache"),
        "run.output": str(output / "run"),
        "run.seed": read_seed(folder),
        "run.workers": 0,
        "run.epochs": 3,
        "run.batch_size": 4,
        "run.patience": 0,
        "run.mixed_precision": "no",
        "run.deterministic": False,
    }
    overrides.update({name.replace("__", "."): value for name, value in more.items()})
    return read_settings(CONFIG, SegmentationSettings, overrides)
