"""The compact model among transformers' own: its Auto classes find it, and every checkpoint carries its code."""

from __future__ import annotations

import shutil
from pathlib import Path

from transformers import AutoConfig, AutoImageProcessor, AutoModelForImageSegmentation

from magic_demo.core.disk.whole_files import write_whole
from magic_demo.files.checkpoint_files import CONFIG, format_config, read_config, read_object
from magic_demo.models.loading.preprocessing import PREPROCESSING
from magic_demo.models.segmentation import compact, dinov2_patches, image_processing, prompt_encoder
from magic_demo.models.segmentation.compact import CompactSegmenter, CompactSegmenterConfig
from magic_demo.models.segmentation.image_processing import CompactImageProcessor

CODE = (compact, dinov2_patches, prompt_encoder, image_processing)
"""Modules that lie beside a checkpoint as they are: of ours they import, relatively, each other alone."""


def add_code(folder: Path) -> None:
    """Put what transformers needs into a compact model's folder, for programs without Magic Demo: the code,
    ``auto_map`` in ``config.json``, and in ``preprocessor_config.json`` the processor and the threshold.

    The model's name stays: it says nothing of ``auto_map``. Raises CheckpointError where a file is broken.
    """
    config, settings = read_config(folder), read_object(folder / PREPROCESSING, "image_mean")
    config["auto_map"] = {
        "AutoConfig": f"compact.{CompactSegmenterConfig.__name__}",
        "AutoModelForImageSegmentation": f"compact.{CompactSegmenter.__name__}",
    }
    processor = CompactImageProcessor.__name__
    settings |= {
        "auto_map": {"AutoImageProcessor": f"image_processing.{processor}"},
        "image_processor_type": processor,
        "threshold": config.get("threshold", 0.5),
    }
    for module in CODE:
        assert module.__file__ is not None
        shutil.copyfile(module.__file__, folder / Path(module.__file__).name)
    write_whole(folder / CONFIG, format_config(config))
    write_whole(folder / PREPROCESSING, format_config(settings))


AutoConfig.register(CompactSegmenterConfig.model_type, CompactSegmenterConfig)
AutoModelForImageSegmentation.register(CompactSegmenterConfig, CompactSegmenter)
AutoImageProcessor.register(CompactSegmenterConfig, image_processor_classes={"pil": CompactImageProcessor})
CompactSegmenterConfig.register_for_auto_class()  # type: ignore[no-untyped-call]
CompactSegmenter.register_for_auto_class("AutoModelForImageSegmentation")  # type: ignore[no-untyped-call]
CompactImageProcessor.register_for_auto_class()  # type: ignore[no-untyped-call]
