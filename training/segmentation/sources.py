"""Where photos with masks come from: lists of pairs, the challenge's layout, synthetic cases."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from magic_demo.core.disk.user_files import LARGEST_CONFIG, read_user_lines
from magic_demo.core.types import Mask, Narrative, Pixels, PromptKind, join_prompt
from magic_demo.files.encounters import read_encounters
from magic_demo.files.masks.mask_files import find_reference_masks, read_loose_mask
from magic_demo.files.masks.turns import TurnedPhotos, find_turned
from magic_demo.files.photos.index import match_case
from magic_demo.files.photos.reading import read_photo
from magic_demo.synthetic.encounters import SyntheticCase, make_case
from magic_demo.synthetic.truth import draw_truth
from training.runs.ranges import CountOrNone, Positive, Seed, Side
from training.runs.run import SettingsError
from training.segmentation.drawing.feet import draw_foot
from training.segmentation.drawing.pasting import paste_lesion

EVERYTHING = "*"
"""As the split of pairs: all that have a mask."""

Reader = Callable[[], tuple[Pixels, tuple[Mask, ...]]]
"""Reads a photo (H, W, 3) and its annotators' masks (H, W)."""


@dataclass(frozen=True)
class SourceSettings:
    """One source of photos with masks.

    name: what its scores are shown under. kind: ``pairs`` (``images/NAME.jpg``, ``masks/NAME.png``,
    ``splits/SPLIT.txt`` below ``folder``; the split ``*`` is all of them), ``challenge`` (encounters, photos and annotators' masks below
    ``folder``), ``cases`` (synthetic, drawn by ``seed``) or ``feet`` (drawn too: feet and hands with a lesion or none; on every third
    a lesion of the pairs of ``folder`` and ``split`` is laid).
    names: a file of the names of pairs, one a line, in place of ``split``.
    style: how the source's masks are drawn, where it is not as they are wanted (``training.segmentation.styles``).
    prompt: what a photo of an encounter is asked with: the patient's words, in English and Chinese by turns,
    or as in the paper the English words followed by the clinicians' responses.
    repeat: how often an epoch holds each photo; a fraction is allowed.
    count, seed, side: of cases, how many, drawn by which seed, how large (longest side, pixels).
    """

    name: str
    kind: Literal["pairs", "challenge", "cases", "feet"]
    folder: str = "."
    split: str = "train"
    names: Path | None = None
    style: str = ""
    prompt: PromptKind = "narrative"
    repeat: Positive = 1.0
    count: CountOrNone = 0
    seed: Seed = 0
    side: Side = 320


@dataclass(frozen=True, eq=False)
class Example:
    """One photo with its annotators' masks, read when asked for. prompts: the patient's words, in each
    language there is. read_masks: the masks alone. by_kind: of an encounter's photo, the prompt of each kind.
    style: the source's."""

    photo_id: str
    source: str
    read: Reader
    prompts: tuple[str, ...] = ()
    repeat: float = 1.0
    read_masks: Callable[[], tuple[Mask, ...]] | None = None
    by_kind: Mapping[PromptKind, str] = field(default_factory=dict)
    style: str = ""


def read_examples(folder: Path, source: SourceSettings) -> list[Example]:
    """List a source's examples; photos are read later. Raises SettingsError when the data is not there."""
    readers = {"pairs": _list_pairs, "challenge": _list_challenge, "cases": _list_cases, "feet": _list_feet}
    listed = readers[source.kind](folder / source.folder, source)
    return [replace(example, style=source.style) for example in listed] if source.style else listed


def list_examples(folder: Path, sources: Sequence[SourceSettings]) -> list[Example]:
    """List the examples of several sources, one after the other."""
    return [example for source in sources for example in read_examples(folder, source)]


def read_narratives(path: Path) -> list[str]:
    """Read the narratives of a file of encounters, each language its own text."""
    return [
        text for encounter in read_encounters(path).encounters for text in _list_texts(encounter.narrative)
    ]


def name_pairs(folder: Path, source: SourceSettings) -> list[str]:
    """Return the names of a source of pairs. Raises SettingsError where its list cannot be read."""
    return read_names(source.names) if source.names is not None else list_pair_names(folder, source.split)


def list_pair_names(folder: Path, split: str) -> list[str]:
    """Return the names of a split of pairs. Raises SettingsError where its list cannot be read."""
    if split == EVERYTHING:
        return sorted(path.stem for path in (folder / "masks").glob("*.png"))
    return read_names(folder / "splits" / f"{split}.txt")


def read_names(file: Path) -> list[str]:
    """Return the names in a file, one a line. Raises SettingsError where it cannot be read."""
    try:
        return read_user_lines(file, LARGEST_CONFIG)
    except OSError as error:
        raise SettingsError(
            "{split}: cannot be read ({reason}); give the folder of photos with --data",
            split=file,
            reason=error.strerror or error,
        ) from error
    except UnicodeDecodeError as error:
        raise SettingsError(
            "{split}: not UTF-8 text (byte {position}); save it as UTF-8, a name a line",
            split=file,
            position=error.start,
        ) from error


def _list_pairs(folder: Path, source: SourceSettings) -> list[Example]:
    names = name_pairs(folder, source)
    files = {name: (folder / "images" / f"{name}.jpg", folder / "masks" / f"{name}.png") for name in names}
    turned = find_turned(
        ((name, photo) for name, (photo, _) in files.items()),
        {name: [mask] for name, (_, mask) in files.items()},
    )
    if turned.heads:
        _say_turned(source.name, turned, len(names))

    def masks(name: str) -> tuple[Mask, ...]:
        return (turned.turn_mask(name, read_loose_mask(files[name][1]).mask),)

    def reader(name: str) -> Reader:
        def read() -> tuple[Pixels, tuple[Mask, ...]]:
            pixels, drawn = read_photo(files[name][0]).pixels, masks(name)
            if drawn[0].shape != pixels.shape[:2]:
                raise SettingsError(
                    "{path}: a mask of {shape}, not of the photo's {expected}; leave the photo out",
                    path=files[name][1],
                    shape=str(drawn[0].shape[:2]),
                    expected=str(pixels.shape[:2]),
                )
            return pixels, drawn

        return read

    return [
        Example(
            photo_id=name,
            source=source.name,
            read=reader(name),
            repeat=source.repeat,
            read_masks=partial(masks, name),
        )
        for name in names
    ]


def _list_challenge(folder: Path, source: SourceSettings) -> list[Example]:
    """List the photos that have both a file and at least one annotator's mask; masks are turned upright with
    their photos."""
    encounters = read_encounters(folder, source.split).encounters
    named = [photo.photo_id for encounter in encounters for photo in encounter.photo_files]
    masks = match_case(find_reference_masks(folder), named)
    both = {
        photo.photo_id: photo.path
        for encounter in encounters
        for photo in encounter.photo_files
        if photo.path is not None and photo.photo_id in masks
    }
    turned = find_turned(both.items(), masks)
    if turned.heads:
        _say_turned(source.name, turned, len(both))

    def draw(photo_id: str) -> tuple[Mask, ...]:
        return tuple(turned.turn_mask(photo_id, read_loose_mask(mask).mask) for mask in masks[photo_id])

    def reader(path: Path, photo_id: str) -> Reader:
        def read() -> tuple[Pixels, tuple[Mask, ...]]:
            pixels, drawn = read_photo(path).pixels, draw(photo_id)
            if any(mask.shape != pixels.shape[:2] for mask in drawn):
                raise SettingsError(
                    "{photo}: a mask has neither the upright nor the stored size of the photo, {shape} "
                    "upright; leave the photo out",
                    photo=photo_id,
                    shape=str(pixels.shape[:2]),
                )
            return pixels, drawn

        return read

    examples: list[Example] = []
    for encounter in encounters:
        by_kind = {
            kind: join_prompt(encounter.narrative, encounter.responses, "en", kind)
            for kind in get_args(PromptKind)
        }
        texts = _list_texts(encounter.narrative)
        if source.prompt == "narrative and responses":
            texts = (by_kind[source.prompt],)
        examples += [
            Example(
                photo.photo_id,
                source.name,
                reader(photo.path, photo.photo_id),
                texts,
                source.repeat,
                partial(draw, photo.photo_id),
                by_kind,
            )
            for photo in encounter.photo_files
            if photo.path is not None and photo.photo_id in masks
        ]
    if not examples:
        raise SettingsError(
            "{folder}: no photo of the split {split!r} has both a file and a mask named <image "
            "id>_mask_ann<k>.tiff",
            folder=folder,
            split=source.split,
        )
    return examples


def _say_turned(name: str, turned: TurnedPhotos, photos: int) -> None:
    """Print, from one process of a run alone, how many photos are turned and how their masks are read."""
    if os.environ.get("RANK", "0") != "0":
        return
    unsure = turned.same_size and not turned.settled
    doubt = "; look at those whose size tells nothing" if unsure else ""
    print(
        f"{name}: {turned.describe(photos)}; {turned.describe_reference()}; masks of the stored size are turned "
        f"with their photos, those of either size are read as {turned.lie}{doubt}",
        file=sys.stderr,
    )


def _list_cases(_folder: Path, source: SourceSettings) -> list[Example]:
    """List synthetic cases, one photo each, drawn when they are first read."""

    def draw(number: int, photos: int) -> SyntheticCase:
        truth = draw_truth(np.random.default_rng([source.seed, number, 1]))
        return make_case(source.seed, number, truth=replace(truth, photos=photos), longest=source.side)

    def reader(number: int) -> Reader:
        def read() -> tuple[Pixels, tuple[Mask, ...]]:
            case = draw(number, 1)
            return case.photos[0].pixels, case.annotators[0]

        return read

    return [
        Example(
            f"case-{source.seed}-{number}",
            source.name,
            reader(number),
            _list_texts(draw(number, 0).narrative),
            source.repeat,
        )
        for number in range(1, source.count + 1)
    ]


def _list_feet(folder: Path, source: SourceSettings) -> list[Example]:
    """List drawn feet and hands, drawn when they are first read."""
    donors = _list_pairs(folder, replace(source, kind="pairs")) if source.split or source.names else []

    def reader(number: int) -> Reader:
        def read() -> tuple[Pixels, tuple[Mask, ...]]:
            random = np.random.default_rng([source.seed, number])
            pixels, mask = draw_foot(random, source.side)
            if donors and number % 3 == 0:
                donor, masks = donors[int(random.integers(len(donors)))].read()
                pixels, share = paste_lesion(
                    pixels, mask.astype(np.float32), donor, masks[0].astype(np.float32), random
                )
                mask = np.asarray(share >= 0.5, dtype=np.bool_)
            return pixels, (mask,)

        return read

    return [
        Example(f"foot-{source.seed}-{number}", source.name, reader(number), repeat=source.repeat)
        for number in range(source.count)
    ]


def _list_texts(narrative: Narrative) -> tuple[str, ...]:
    return tuple(text for text in (narrative.en, narrative.zh) if text)
