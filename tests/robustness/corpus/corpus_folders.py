"""The bad folders of the corpus: photos' folders, bundles, exports, checkpoints."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.robustness.corpus.corpus_files import answers, encode, png, scene, square, tiff


@dataclass(frozen=True)
class BadFolder:
    """A folder: where it lies, who reads it, what is written into it, the error class expected (empty: it is
    read), and what is said."""

    place: str
    reader: str
    write: Callable[[Path], object]
    error: str = ""
    says: tuple[str, ...] = ()


def write_files(**files: bytes | str) -> Callable[[Path], object]:
    """Return a writer of files; in their names ``__`` is a slash and ``_dot_`` a dot."""

    def write(folder: Path) -> None:
        for name, content in files.items():
            path = folder / name.replace("__", "/").replace("_dot_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    return write


def bundle(**changes: Any) -> str:
    """Return a bundle's JSON of ENC00001 with one photo, changed; None takes a key out."""
    entry: dict[str, Any] = {
        "kind": "magic-demo prediction",
        "version": 1,
        "encounter_id": "ENC00001",
        "threshold": 0.5,
        "models": {},
        "photos": [{"photo_id": "A", "size": [32, 40]}],
        "answers": {},
        "scores": {},
        "chances": {},
        "unsure": [],
        "notes": [],
        "failures": [],
    }
    return json.dumps({key: value for key, value in {**entry, **changes}.items() if value is not None})


def _linked(folder: Path) -> None:
    (folder / "inside.png").write_bytes(encode(scene(), "PNG"))
    (folder / "outside.png").symlink_to("../../make_corpus.py")
    (folder / "gone.png").symlink_to("nowhere.png")


_MAP = encode(Image.fromarray(np.zeros((8, 8), np.uint8)), "PNG")
_PHOTO = encode(scene(), "PNG")
_CONFIG = '{"model_type": "x", "image_mean": [0, 0, 0], "image_std": [1, 1, 1], '

FOLDERS = [
    BadFolder("folders/like.jpg", "photo", write_files(note_dot_txt="a folder named as a photo"), "PhotoError", ("cannot be read",)),
    BadFolder("folders/like_mask_sys.tiff", "mask", write_files(note_dot_txt="a folder named as a mask"), "FormatError", ("cannot be read",)),
    BadFolder("folders/like.json", "encounters", write_files(note_dot_txt="neither"), "FormatError", ("nor photos",)),
    BadFolder("folders/links", "folder", _linked, "", ("outside", "gone")),
    BadFolder("folders/same", "folder", write_files(a_dot_png=_PHOTO, b__a_dot_jpg=_PHOTO), "", ("same name",)),
    BadFolder("folders/splits", "folder", write_files(train_dot_json="[]", valid_dot_json="[]"), "FormatError", ("train, valid", "--split")),
    BadFolder("bundles/missing", "bundle", write_files(other_dot_json="{}"), "BundleError", ("holds no prediction", "--bundle")),
    BadFolder("bundles/kind", "bundle", write_files(ENC00001_dot_json="{}"), "BundleError", ("no prediction of this program",)),
    BadFolder("bundles/version", "bundle", write_files(ENC00001_dot_json=bundle(version=[1])), "BundleError", ("version",)),
    BadFolder("bundles/id", "bundle", write_files(ENC00001_dot_json=bundle(encounter_id="ENC2")), "BundleError", ("keep their names",)),
    BadFolder("bundles/keys", "bundle", write_files(ENC00001_dot_json=bundle(notes=None), ENC00001__A_dot_png=_MAP), "BundleError", ("not whole",)),
    BadFolder("bundles/map", "bundle", write_files(ENC00001_dot_json=bundle(), ENC00001__A_dot_png=b"PNG"), "BundleError", ("8-bit grey PNG",)),
    BadFolder("bundles/no-map", "bundle", write_files(ENC00001_dot_json=bundle()), "BundleError", ("A.png", "cannot be read")),
    BadFolder("bundles/bomb", "bundle", write_files(ENC00001_dot_json=bundle(), ENC00001__A_dot_png=png(30_000, 30_000, colour=0)), "BundleError", ("limit",)),
    BadFolder("bundles/size", "bundle", write_files(ENC00001_dot_json=bundle(photos=[{"photo_id": "A", "size": [10**6, 10**6]}]), ENC00001__A_dot_png=_MAP), "BundleError", ("limit",)),
    BadFolder("bundles/huge", "bundle", write_files(ENC00001_dot_json=bundle(photos=[{"photo_id": "A", "size": [10**400, 1]}]), ENC00001__A_dot_png=_MAP), "BundleError"),
    BadFolder("bundles/infinite", "bundle", write_files(ENC00001_dot_json=bundle(photos=[{"photo_id": "A", "size": [float("inf"), 1]}]), ENC00001__A_dot_png=_MAP), "BundleError"),
    BadFolder("bundles/escape", "bundle", write_files(ENC00001_dot_json=bundle(photos=[{"photo_id": "../../A", "size": [8, 8]}])), "BundleError", ("no name",)),
    BadFolder("bundles/nan", "bundle", write_files(ENC00001_dot_json=bundle(scores={"CQID012-001": [float("nan")] * 4}, photos=[])), "BundleError", ("finite",)),
    BadFolder("bundles/ragged", "bundle", write_files(ENC00001_dot_json=bundle(scores={"CQID012-001": [[1], [1, 2]]}, photos=[])), "BundleError"),
    BadFolder("bundles/threshold", "bundle", write_files(ENC00001_dot_json=bundle(threshold=10**400, photos=[])), "BundleError"),
    BadFolder("bundles/nan-threshold", "bundle", write_files(ENC00001_dot_json=bundle(threshold=float("nan"), photos=[])), "BundleError", ("threshold",)),
    BadFolder("bundles/surrogate", "bundle", write_files(ENC00001_dot_json=bundle(photos=[{"photo_id": "\ud83d", "size": [8, 8]}])), "BundleError", ("cannot be read",)),
    BadFolder("exports/nothing", "export", write_files(note_dot_txt="nothing"), "SourceError", ("holds none of",)),
    BadFolder("exports/manifest", "export", write_files(export_dot_json='{"annotators": [1]}', answers_ann0_dot_json=json.dumps([answers()])), ""),
    BadFolder("exports/deep", "export", write_files(export_dot_json="[" * 5000, answers_ann0_dot_json=json.dumps([answers()])), "FormatError", ("beyond",)),
    BadFolder("exports/mask", "export", write_files(A_mask_ann0_dot_tiff=tiff(square(-1, np.int16))), "", ("cannot be read", "negative")),
    BadFolder("exports/answers", "export", write_files(answers_ann0_dot_json="[3]"), "FormatError", ("entry 1",)),
    BadFolder("checkpoints/none", "checkpoint", write_files(note_dot_txt="nothing"), "CheckpointError", ("config.json",)),
    BadFolder("checkpoints/empty", "checkpoint", write_files(config_dot_json=""), "CheckpointError", ("cannot be read",)),
    BadFolder("checkpoints/list", "checkpoint", write_files(config_dot_json="[]"), "CheckpointError", ("model_type",)),
    BadFolder("checkpoints/deep", "checkpoint", write_files(config_dot_json="[" * 5000), "CheckpointError", ("cannot be read",)),
    BadFolder("checkpoints/latin-1", "checkpoint", write_files(config_dot_json=b'{"model_type": "\xfc"}'), "CheckpointError", ("cannot be read",)),
    BadFolder("checkpoints/pickle", "checkpoint", write_files(config_dot_json='{"model_type": "bert"}', pytorch_model_dot_bin=b"\x80\x02."), "CheckpointError"),
    BadFolder("checkpoints/size", "preprocessing", write_files(config_dot_json='{"model_type": "x"}', preprocessor_config_dot_json=_CONFIG + '"size": "big"}'), "CheckpointError", ("size",)),
    BadFolder("checkpoints/huge-size", "preprocessing", write_files(config_dot_json='{"model_type": "x"}', preprocessor_config_dot_json=_CONFIG + '"size": 1e999}'), "CheckpointError", ("size",)),
    BadFolder("checkpoints/bomb-size", "preprocessing", write_files(config_dot_json='{"model_type": "x"}', preprocessor_config_dot_json=_CONFIG + '"size": 100000000}'), "CheckpointError", ("size",)),
    BadFolder("checkpoints/huge-mean", "preprocessing", write_files(config_dot_json='{"model_type": "x"}', preprocessor_config_dot_json='{"size": 8, "image_std": [1,1,1], "image_mean": [1' + "0" * 400 + ',1,1]}'), "CheckpointError", ("image_mean",)),
]  # fmt: skip
