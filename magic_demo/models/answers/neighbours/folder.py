"""An index of labelled cases on disk: a checkpoint folder like any other answerer's."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

from magic_demo.core.disk.user_files import LARGEST_CONFIG, read_user_file, read_user_text
from magic_demo.core.disk.whole_files import write_json, write_whole
from magic_demo.core.errors import CheckpointError, one_line
from magic_demo.core.limits import LIMITS
from magic_demo.core.types import LANGUAGES, Answers, Language
from magic_demo.files.checkpoint_files import CONFIG, read_config
from magic_demo.models.answers.neighbours.case_index import CaseIndex, VoteSettings
from magic_demo.models.answers.neighbours.photo_features import PhotoVectors, SeenBy
from magic_demo.models.answers.neighbours.search import DenseVectors, Floats, SparseVectors, VectorSearch
from magic_demo.models.answers.neighbours.text_encoder import ENCODER, FolderEncoder
from magic_demo.questions.combining import WEIGHTS_NAME
from magic_demo.questions.decoding import PRIORS_NAME, count_priors, write_priors
from magic_demo.questions.families import load_challenge

MODEL_TYPE = "neighbours"
CASES, WEIGHTS = "cases.json", "model.safetensors"
BESIDE_CUES = 0.3
"""How much neighbours count beside the cue model, chosen on folds of the challenge's train split."""


def write_index(folder: Path, index: CaseIndex, split: str, answers: Sequence[Answers]) -> None:
    """Write an index to a folder, with what decoding and combining need. split: that the cases are of."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors: dict[str, NDArray[Any]] = {}
    for language in LANGUAGES:
        vectors = index.vectors[language]
        if isinstance(vectors, SparseVectors):
            tensors |= {
                f"{language}.places": vectors.places,
                f"{language}.values": vectors.values,
                f"{language}.rows": vectors.rows,
                f"{language}.rarity": index.rarity[language],
            }
        elif isinstance(vectors, DenseVectors):
            tensors[f"{language}.vectors"] = vectors.vectors
    photos = index.photos
    if photos is not None:
        tensors |= {
            "photos.vectors": photos.vectors.astype(np.float16),
            "photos.rows": photos.rows,
            "photos.mean": photos.mean,
            "photos.scale": photos.scale,
        }
    for family_id, labels in index.labels.items():
        tensors[f"{family_id}.labels"] = labels.astype(np.uint8)
        tensors[f"{family_id}.weights"] = index.weights[family_id].astype(np.float32)
    write_json(
        folder / CASES,
        [[case, sorted(known)] for case, known in zip(index.case_ids, index.digests, strict=True)],
    )
    families = load_challenge().families
    write_priors(folder / PRIORS_NAME, count_priors(answers, families, smoothing=3.0, weight=1.0))
    beside = {family.family_id: BESIDE_CUES for family in families}
    write_json(folder / WEIGHTS_NAME, {"text_only": beside, "with_photos": beside}, indent=1)
    write_whole(
        folder / WEIGHTS, save({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()})
    )
    write_json(
        folder / CONFIG,
        {
            "model_type": MODEL_TYPE,
            "split": split,
            "cases": hashlib.sha256("\n".join(index.case_ids).encode()).hexdigest()[:16],
            "encoded": index.encoder is not None,
            "reads_lesion": photos is not None,
            **(_describe_segmenter(photos.seen_by) if photos is not None else {}),
            **asdict(index.settings),
        },
        indent=1,
    )


def read_index(folder: Path) -> CaseIndex:
    """Read what ``write_index`` wrote. Raises CheckpointError with one line where it is broken."""
    try:
        config = read_config(folder)
        cases = json.loads(read_user_text(folder / CASES, LARGEST_CONFIG))
        tensors = load(read_user_file(folder / WEIGHTS, LIMITS.checkpoint_bytes))
        settings = VoteSettings(
            int(config["neighbours"]),
            float(config["warmth"]),
            float(config["cue_share"]),
            float(config["prior"]),
            float(config.get("photo_share", 0.0)),  # an index of earlier versions compares no photos
        )
        if settings.neighbours < 1 or settings.warmth <= 0 or settings.prior <= 0:
            raise ValueError("at least one neighbour, a warmth and a prior above 0 are expected")
        if not 0 <= settings.photo_share <= 1:
            raise ValueError("a photo_share of 0 to 1 is expected")
        case_ids = tuple(str(case) for case, _ in cases)
        encoded = bool(config.get("encoded"))
        families = load_challenge().families
        labels = {f.family_id: tensors[f"{f.family_id}.labels"].astype(np.bool_) for f in families}
        weights = {f.family_id: tensors[f"{f.family_id}.weights"].astype(np.float64) for f in families}
        for family in families:
            if labels[family.family_id].shape != (len(case_ids), len(family.options["en"])):
                raise ValueError(f"{family.family_id}: labels of {len(case_ids)} cases are expected")
        vectors: dict[Language, VectorSearch] = {
            language: _read_vectors(tensors, language, len(case_ids), encoded) for language in LANGUAGES
        }
        rarity: dict[Language, Floats] = (
            {} if encoded else {language: tensors[f"{language}.rarity"] for language in LANGUAGES}
        )
        digests = tuple(frozenset(str(digest) for digest in known) for _, known in cases)
        photos = _read_photos(tensors, config, len(case_ids)) if config.get("reads_lesion") else None
    except CheckpointError:
        raise
    except (
        Exception
    ) as error:  # JSON, safetensors and numpy raise OSError, ValueError, KeyError and their own
        raise CheckpointError(
            "{folder}: the index of cases cannot be read ({reason}); write it again with `python -m magic_demo "
            "index`",
            folder=folder,
            reason=one_line(error),
        ) from error
    encoder = FolderEncoder.load(folder / ENCODER) if encoded else None
    return CaseIndex(case_ids, digests, vectors, rarity, labels, weights, settings, encoder, families, photos)


def _describe_segmenter(seen_by: SeenBy) -> dict[str, str]:
    kind, digest = seen_by.encoder_name
    return {"segmenter": seen_by.model_id, "segmenter_type": kind, "encoder_digest": digest}


def _read_photos(tensors: dict[str, NDArray[Any]], config: dict[str, Any], count: int) -> PhotoVectors:
    vectors, rows, mean, scale = (tensors[f"photos.{name}"] for name in ("vectors", "rows", "mean", "scale"))
    size = (len(rows), len(mean))
    if vectors.shape != size or scale.shape != mean.shape or not len(rows):
        raise ValueError(f"photos' vectors of the shape {size} are expected")
    if rows.min() < 0 or rows.max() >= count:
        raise ValueError("photos of cases that are not there")
    seen_by = SeenBy(str(config["segmenter"]), (str(config["segmenter_type"]), str(config["encoder_digest"])))
    return PhotoVectors(vectors.astype(np.float32), rows, count, mean, scale, seen_by)


def _read_vectors(
    tensors: dict[str, NDArray[Any]], language: Language, count: int, encoded: bool
) -> VectorSearch:
    if encoded:
        vectors = tensors[f"{language}.vectors"].astype(np.float32)
        if vectors.ndim != 2 or len(vectors) != count:
            raise ValueError(f"vectors of {count} cases are expected")
        return DenseVectors(vectors)
    places, values, rows = (tensors[f"{language}.{name}"] for name in ("places", "values", "rows"))
    size = len(tensors[f"{language}.rarity"])
    bounded = all(
        not len(found) or (found.min() >= 0 and found.max() < most)
        for found, most in ((rows, count), (places, size))
    )
    if not len(places) == len(values) == len(rows) or not bounded:
        raise ValueError(f"features of {count} cases are expected")
    return SparseVectors(places, values, rows, count)
