"""Open an export with the library that it is for, and say as JSON what that found.

``python open_export.py LIBRARY FOLDER``, run by the environment of ``make interop``: it has no Magic Demo.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

Found = dict[str, Any]


def _name(label: str, reader: str) -> str:
    """Return whose mask it is: the reader's name, with the label before it where that is not the lesion."""
    return reader if label == "lesion" else f"{label}, {reader}"


def open_with_pycocotools(folder: Path) -> Found:
    """Return image -> annotator -> pixels of the mask, and the clicks of each image."""
    from pycocotools.coco import COCO

    coco, points = (
        COCO(str(folder / "annotations" / f"{name}_default.json"))
        for name in ("instances", "person_keypoints")
    )
    masks: Found = {}
    for entry in coco.anns.values():
        name = coco.imgs[entry["image_id"]]["file_name"]
        pixels = int(coco.annToMask(entry).sum())
        label = coco.cats[entry["category_id"]]["name"]
        masks.setdefault(name, {})[_name(label, entry["attributes"]["annotator"])] = pixels
    clicks = [
        [points.imgs[entry["image_id"]]["file_name"], entry["keypoints"]] for entry in points.anns.values()
    ]
    return {"masks": masks, "clicks": clicks}


def open_with_datumaro(folder: Path) -> Found:
    """Return the kind of data that datumaro detects, the photos' sizes, and each mask's pixels and annotator."""
    from datumaro import AnnotationType, Dataset, Environment

    (kind,) = Environment().detect_dataset(str(folder))
    found: Found = {"kind": kind, "sizes": {}, "masks": {}, "points": 0}
    sources = ["coco_instances", "coco_person_keypoints"] if kind == "coco" else [kind]
    for source in sources:
        dataset = Dataset.import_from(str(folder), source)
        for item in dataset:
            found["sizes"][f"{item.id}.png"] = item.media.data.shape[:2]
            for entry in item.annotations:
                if entry.type.name == "mask":
                    own = found["masks"].setdefault(f"{item.id}.png", {})
                    label = dataset.categories()[AnnotationType.label][entry.label].name
                    own[_name(label, entry.attributes["annotator"])] = int(entry.image.sum())
                found["points"] += entry.type.name == "points"
    return found


def open_with_datasets(folder: Path) -> Found:
    """Return the rows of each table with the kind of its times; of a training set, the photos' sizes and masks."""
    from datasets import get_dataset_config_names, load_dataset

    found: Found = {}
    with tempfile.TemporaryDirectory() as cache:
        for name in get_dataset_config_names(str(folder)):
            for split, rows in load_dataset(str(folder), name, cache_dir=cache).items():
                if "image" in rows.features:
                    found[split] = [[row["image"].size, row["encounter"], row["masks"]] for row in rows]
                else:
                    found[name] = [rows.num_rows, str(rows.features["saved_at"].dtype)]
    return found


def open_with_label_studio(folder: Path) -> Found:
    """Return whether the interface takes every annotation and prediction, and the pixels of each brush that the
    converter unpacks."""
    import numpy as np
    from label_studio_sdk.converter import Converter, brush
    from label_studio_sdk.label_interface import LabelInterface

    config = (folder / "label_studio.xml").read_text(encoding="utf-8")
    tasks = json.loads((folder / "label_studio.json").read_text(encoding="utf-8"))
    interface = LabelInterface(config)
    annotations = [interface.validate_annotation(entry) for task in tasks for entry in task["annotations"]]
    predictions = [interface.validate_prediction(entry) for task in tasks for entry in task["predictions"]]
    pixels: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as out:
        converter = Converter(config, str(folder))
        for item in converter.iter_from_json_file(str(folder / "label_studio.json")):
            brush.convert_task(item, out, out_format="numpy")
        for path in Path(out).glob("*.npy"):
            pixels[path.stem] = int((np.load(path) > 0).sum())
    return {"annotations": annotations, "predictions": predictions, "brushes": pixels}


def convert_with_datumaro(folder: Path) -> Found:
    """Write a COCO export anew beside it in formats that datumaro writes itself; return where each lies."""
    from datumaro import Dataset

    places = {}
    # COCO as polygons would not be the same pixels; its CVAT leaves out who drew a mask
    for kind, options in (("datumaro", {}), ("coco_instances", {"segmentation_mode": "mask"})):
        places[kind] = str(folder.parent / f"written as {kind}")
        Dataset.import_from(str(folder), "coco_instances").export(
            places[kind], kind, save_media=False, **options
        )
    return places


def open_with_highdicom(folder: Path) -> Found:
    """Return the pixels of each reader's segment by photo and, where it is no lesion, label, and how many items each
    report holds."""
    import highdicom

    masks: dict[str, dict[str, int]] = {}
    for path in sorted((folder / "segmentations").glob("*.dcm")):
        made = highdicom.seg.segread(path)
        (source,) = made.get_source_image_uids()
        pixels = made.get_pixels_by_source_instance([source[2]])
        for number in made.segment_numbers:
            label, reader = made.get_segment_description(number).segment_label.split(", ")
            own = masks.setdefault(f"{path.stem}.png", {})
            own[_name(label, reader)] = int(pixels[..., number - 1].sum())
    reports = {
        path.stem: len(highdicom.sr.srread(path).ContentSequence)
        for path in sorted((folder / "answers").glob("*.dcm"))
    }
    return {"masks": masks, "reports": reports}


LIBRARIES: dict[str, Callable[[Path], Found]] = {
    "pycocotools": open_with_pycocotools,
    "datumaro": open_with_datumaro,
    "datumaro, writing": convert_with_datumaro,
    "datasets": open_with_datasets,
    "highdicom": open_with_highdicom,
    "label-studio-sdk": open_with_label_studio,
}

if __name__ == "__main__":
    print(json.dumps(LIBRARIES[sys.argv[1]](Path(sys.argv[2]))))
