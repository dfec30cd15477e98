"""Where photos with masks come from: lists of pairs, the challenge's layout, synthetic cases."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from magic_demo.photos import read_photo
from magic_demo.synthetic import SyntheticCase, make_case
from magic_demo.truth import draw_truth
from magic_demo.types import Mask, Narrative, Pixels
from training.run import SettingsError


@dataclass(frozen=True)
class SourceSettings:
    """One source of photos with masks.

    name: what its scores are shown under. kind: ``pairs`` (``images/NAME.jpg``, ``masks/NAME.png``, ``splits/SPLIT.txt`` below
    ``folder``), ``challenge`` (encounters, photos and annotators' masks below ``folder``) or ``cases`` (synthetic, drawn by ``seed``).
    repeat: how often an epoch holds each photo; a fraction is allowed.
    count, seed, side: of cases, how many, drawn by which seed, how large (longest side, pixels).
    """

    name: str
    kind: Literal["pairs", "challenge", "cases"]
    folder: str = "."
    split: str = "train"
    repeat: float = 1.0
    count: int = 0
    seed: int = 0
    side: int = 320


@dataclass(frozen=True, eq=False)
class Example:
    """One photo with its annotators' masks, read when asked for. prompts: the patient's words, in each language there is."""

    photo_id: str
    source: str
    read: Callable[[], tuple[Pixels, tuple[Mask, ...]]]
    prompts: tuple[str, ...] = ()
    repeat: float = 1.0


def read_examples(folder: Path, source: SourceSettings) -> list[Example]:
    """List a source's examples; photos are read later. Raises SettingsError when the data is not there."""
    return {"pairs": _list_pairs, "cases": _list_cases}[source.kind](folder / source.folder, source)


def _list_pairs(folder: Path, source: SourceSettings) -> list[Example]:
    split = folder / "splits" / f"{source.split}.txt"
    try:
        names = split.read_text(encoding="utf-8").split()
    except OSError as error:
        raise SettingsError(f"{split}: cannot be read ({error.strerror or error}); give the folder of photos with --data") from error

    def reader(name: str) -> Callable[[], tuple[Pixels, tuple[Mask, ...]]]:
        def read() -> tuple[Pixels, tuple[Mask, ...]]:
            pixels = read_photo(folder / "images" / f"{name}.jpg").pixels
            path = folder / "masks" / f"{name}.png"
            mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
            if mask is None or mask.shape != pixels.shape[:2]:
                raise SettingsError(f"{path}: no mask of the photo's size {pixels.shape[:2]}")
            return pixels, (np.asarray(mask) > 127,)

        return read

    return [Example(photo_id=name, source=source.name, read=reader(name), repeat=source.repeat) for name in names]


def _list_cases(_folder: Path, source: SourceSettings) -> list[Example]:
    """List synthetic cases, one photo each, drawn when they are first read."""

    def draw(number: int, photos: int) -> SyntheticCase:
        truth = draw_truth(np.random.default_rng([source.seed, number, 1]))
        return make_case(source.seed, number, truth=replace(truth, photos=photos), longest=source.side)

    def reader(number: int) -> Callable[[], tuple[Pixels, tuple[Mask, ...]]]:
        def read() -> tuple[Pixels, tuple[Mask, ...]]:
            case = draw(number, 1)
            return case.photos[0].pixels, case.annotators[0]

        return read

    return [
        Example(f"case-{source.seed}-{number}", source.name, reader(number), _list_prompts(draw(number, 0).narrative), source.repeat)
        for number in range(1, source.count + 1)
    ]


def _list_prompts(narrative: Narrative) -> tuple[str, ...]:
    return tuple(text for text in (narrative.en, narrative.zh) if text)


def read_narratives(path: Path) -> list[str]:
    """Read the narratives of a file of encounters, each language its own. Raises SettingsError when it is no such file."""
    try:
        encounters = json.loads(path.read_text(encoding="utf-8"))
        texts = [
            f"{encounter.get(f'query_title_{tag}', '')} {encounter.get(f'query_content_{tag}', '')}".strip()
            for encounter in encounters
            for tag in ("en", "zh")
        ]
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise SettingsError(f"{path}: a file of encounters is expected ({' '.join(str(error).split())})") from error
    return [text for text in texts if text]
