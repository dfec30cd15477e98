"""What a segmentation checkpoint sees in the photos of cases, as the heads of the lesion answerer read it:
computed once and kept on disk."""

from __future__ import annotations

import copy
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from magic_demo.core.disk.whole_files import write_whole
from magic_demo.core.types import Answers, Pixels
from magic_demo.files.photos.reading import read_photo
from magic_demo.imaging.resize import resize_pixels
from magic_demo.models.answers.photo_evidence import describe_measures, look_at_photo, pool_places
from magic_demo.models.answers.text_photo_answerer import place_families
from magic_demo.models.segmentation.prompted import PromptedSegmenter
from magic_demo.questions.families import load_families
from training.cases.sources import LearningCase
from training.runs.augment import change_colours, change_surface
from training.runs.ranges import NotNegative, Share

LAYOUT = 2
"""Part of the files' names: raise it when what is measured or pooled changes, so that older files are not
read."""
TILED_LONGEST = 384

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class SeenCase:
    """A case with what was seen in its photos. vectors: (P, 2C + M) float32. named: dominant colour a photo,
    "" without one. counts: lesions a photo."""

    case: LearningCase
    vectors: Floats
    named: tuple[str, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Views:
    """How photos are varied before they are looked at. colour, surface: as in training.runs.augment; share:
    of the photos that are varied."""

    colour: NotNegative = 0.8
    surface: Share = 0.12
    share: Share = 0.7


def see_cases(
    cases: Sequence[LearningCase],
    segmenter: PromptedSegmenter,
    folder: Path,
    *,
    most_photos: int = 0,
    views: Views | None = None,
) -> list[SeenCase]:
    """Look at the photos of cases as the Predictor does, under the case's narrative, or read what was kept of
    an earlier look.

    most_photos: looked at a case, 0 for all. views: how they are varied by chance, as they are when None.
    """
    seen = []
    for name in dict.fromkeys(case.source.name for case in cases):
        mine = [case for case in cases if case.source.name == name]
        jobs = [
            (case, path)
            for case in mine
            for path in (case.photos[:most_photos] if most_photos else case.photos)
        ]
        kept = _look(jobs, segmenter, folder, name, views)
        start = 0
        for case in mine:
            count = min(most_photos, len(case.photos)) if most_photos else len(case.photos)
            own = slice(start, start + count)
            seen.append(
                SeenCase(
                    case,
                    kept["vectors"][own].astype(np.float32),
                    tuple(kept["named"][own]),
                    tuple(kept["counts"][own]),
                )
            )
            start += count
    return seen


def tile_cases(cases: Sequence[LearningCase], folder: Path) -> list[LearningCase]:
    """Make cases of several lesions out of photos of a single one: mirrored tiles, twice to four times each
    way, written below ``folder``.

    Real skin with more than one lesion: without it "real photo" and "single" would be one thing to the heads.
    Two by two is a limited area.
    """
    made = []
    for number, case in enumerate(cases):
        times = 2 + number % 3
        path = folder / f"{case.case_id}-{times}.jpg"
        if not path.is_file():
            write_whole(
                path,
                cv2.imencode(".jpg", tile_photo(read_photo(case.photos[0]).pixels, times)[:, :, ::-1])[
                    1
                ].tobytes(),
            )
        labels = {
            "CQID035": "multiple (please specify)",
            **({"CQID010": "limited area"} if times == 2 else {}),
        }
        source = replace(case.source, name=f"{case.source.name} tiled")
        made.append(
            LearningCase(f"{case.case_id}-{times}", source, ("", ""), (path,), _answer(labels), case.group)
        )
    return made


def tile_photo(pixels: Pixels, times: int) -> Pixels:
    """Return the photo ``times`` by ``times``, every other tile mirrored so that no seam shows, TILED_LONGEST
    pixels at the longest side."""
    scale = TILED_LONGEST / max(pixels.shape[:2]) / times
    tile = resize_pixels(
        pixels, (max(8, round(pixels.shape[0] * scale)), max(8, round(pixels.shape[1] * scale)))
    )
    row = np.concatenate([tile if column % 2 == 0 else tile[:, ::-1] for column in range(times)], axis=1)
    return np.ascontiguousarray(
        np.concatenate([row if line % 2 == 0 else row[::-1] for line in range(times)])
    )


def make_targets(case: LearningCase, families: Sequence[str]) -> Floats:
    """Return (O,) membership in 0..1, NaN where nothing is known or to be learnt: families that are not
    named, and "Not mentioned" of several slots.

    "Not mentioned" there follows from how many labels there are (see ``magic_demo.questions.decoding``).
    """
    targets = np.full(sum(len(family.options["en"]) for family in load_families()), np.nan, np.float32)
    for family, place in place_families(load_families()):
        given = {case.answers[question.qid] for question in family.questions if question.qid in case.answers}
        if not given or family.family_id not in families:
            continue
        targets[place] = [float(option in given) for option in range(place.stop - place.start)]
        if len(family.questions) > 1:
            targets[place.start + family.not_mentioned] = np.nan
    return targets


def _answer(labels: dict[str, str]) -> Answers:
    answers = {}
    for family in load_families():
        if family.family_id in labels:
            answers.update({question.qid: family.padding for question in family.questions})
            answers[family.questions[0].qid] = list(family.options["en"]).index(labels[family.family_id])
    return answers


def _look(
    jobs: Sequence[tuple[LearningCase, Path]],
    segmenter: PromptedSegmenter,
    folder: Path,
    name: str,
    views: Views | None,
) -> dict[str, NDArray[Any]]:
    key = hashlib.sha256(
        repr(
            (segmenter.encoder_name, segmenter.model_id, views, LAYOUT, [str(path) for _, path in jobs])
        ).encode()
    )
    file = folder / f"{name.replace(' ', '-')}-{key.hexdigest()[:16]}.npz"
    if file.is_file():
        with np.load(file, allow_pickle=False) as kept:
            return dict(kept)
    if views is not None:  # varied by chance anyway: the mirror image would double the time and say the same
        segmenter = copy.copy(segmenter)
        segmenter.mirrored = False
    vectors, named, counts = [], [], []
    for number, (case, path) in enumerate(tqdm(jobs, desc=f"looking at {name}", leave=False)):
        pixels = read_photo(path).pixels
        random = np.random.default_rng([len(jobs), number])
        if views is not None and random.random() < views.share:
            pixels = change_surface(change_colours(pixels, random, views.colour), random, views.surface)
        seen = look_at_photo(segmenter, pixels, case.texts[0] or case.texts[1])
        assert seen.features is not None  # the command refuses a segmenter without them
        pooled = pool_places(seen.features, seen.probability).numpy()
        vectors.append(np.concatenate([pooled, describe_measures(seen.measures)]).astype(np.float16))
        named.append(seen.measures.dominant_colour or "")
        counts.append(seen.measures.count)
    found = {"vectors": np.stack(vectors), "named": np.array(named), "counts": np.array(counts)}
    stream = io.BytesIO()
    np.savez(stream, **found)  # type: ignore[arg-type]
    write_whole(file, stream.getvalue())
    return found
