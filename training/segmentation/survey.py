"""Look at a run's photos and masks before its first step: how files and ids meet, and what cannot be read."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tqdm import tqdm

from magic_demo.core.errors import MagicDemoError, one_line
from magic_demo.files.encounters import read_encounters
from magic_demo.files.layouts import SPLITS
from magic_demo.files.masks.mask_files import annotator_of, find_reference_masks
from magic_demo.files.photos.index import match_case
from training.runs.record import DATA
from training.runs.reports.data_table import (
    SHOWN,
    BadFiles,
    Join,
    SourceTable,
    check_bad,
    check_found,
    digest_ids,
    format_tables,
    read_left_out,
    title_sources,
)
from training.runs.run import SettingsError
from training.segmentation.data import DataSettings
from training.segmentation.sources import Example, SourceSettings, name_pairs, read_examples


@dataclass(frozen=True, eq=False)
class CheckedExamples:
    """The examples that can be read, title of a source -> its own, with the tables that say what they are of
    what there is. empty: a line for each source most of whose masks have no pixel of lesion."""

    by_title: dict[str, list[Example]]
    tables: tuple[SourceTable, ...]
    empty: tuple[str, ...]


def read_checked(
    folder: Path,
    sources: Mapping[str, SourceSettings],
    *,
    least_found: float,
    bad_files: BadFiles,
    transformations: Mapping[str, Sequence[str]] | None = None,
) -> CheckedExamples:
    """List the sources' examples, each photo and mask opened once, and print their table on the standard
    error.

    sources: title in the table -> source. transformations: title -> those of which an epoch has a view of each
    photo. Raises SettingsError where less than ``least_found`` of a join is
    there, or where files cannot be used and ``bad_files`` says to refuse them: all of them are listed first.
    """
    tables = {
        title: name_views(survey_source(folder, source, title), (transformations or {}).get(title, ()))
        for title, source in sources.items()
    }
    print(format_tables([*tables.values()]), file=sys.stderr)
    check_found([*tables.values()], least_found)
    examples = {title: read_examples(folder, source) for title, source in sources.items()}
    opened = {title: open_examples(listed) for title, listed in examples.items()}
    bad = {f"{title}: {name}": why for title, one in opened.items() for name, why in one.bad.items()}
    check_bad(bad, sum(map(len, examples.values())), bad_files, least_found)
    kept = {
        title: [example for example in listed if example.photo_id not in opened[title].bad]
        for title, listed in examples.items()
    }
    return CheckedExamples(
        kept,
        tuple(
            replace(
                table.without(opened[title].bad),
                digest=digest_ids(example.photo_id for example in kept[title]),
            )
            for title, table in tables.items()
        ),
        tuple(line for title, one in opened.items() for line in one.warn_of_empty(title)),
    )


def read_training_data(
    settings: DataSettings, *, first: bool, output: Path, keep: Callable[[Sequence[SourceTable]], None]
) -> tuple[list[Example], list[Example]]:
    """Return the examples to train on and those to evaluate on, that can be read.

    first: whether this is the process that looks at them, prints the table and hands it to ``keep``, which
    writes it to ``output``; the others read there what is left out. Raises SettingsError as ``read_checked``
    does, or where nothing is left.
    """
    roles = {"training": settings.training, "evaluation": settings.evaluation}
    sources: dict[str, SourceSettings] = {}
    for role, listed in roles.items():
        sources |= title_sources([f"{role} {source.name}" for source in listed], listed)
    if first:
        checked = read_checked(
            settings.folder,
            sources,
            least_found=settings.least_found,
            bad_files=settings.bad_files,
            transformations={
                title: settings.list_each() for title in sources if title.startswith("training ")
            },
        )
        for line in checked.empty:
            print(f"warning: {line}", file=sys.stderr)
        keep(checked.tables)
        kept = checked.by_title
    else:
        left_out = read_left_out(output / DATA)
        kept = {
            title: [
                example
                for example in read_examples(settings.folder, source)
                if example.photo_id not in left_out.get(title, ())
            ]
            for title, source in sources.items()
        }
    training, evaluation = (
        [example for title, listed in kept.items() if title.startswith(f"{role} ") for example in listed]
        for role in roles
    )
    if not training or not evaluation:
        raise SettingsError(
            "the data holds no photo to train on"
            if not training
            else "the data holds no photo to evaluate on"
        )
    return training, evaluation


def name_views(table: SourceTable, transformations: Sequence[str]) -> SourceTable:
    """Return the table with how many views an epoch has of a photo, and which; unchanged without any."""
    if not transformations:
        return table
    note = f"an epoch has each photo as it is and under each of: {', '.join(transformations)}"
    counts = {**table.counts, "views a photo": 1 + len(transformations)}
    return replace(table, counts=counts, notes=(*table.notes, note))


def survey_source(folder: Path, source: SourceSettings, title: str) -> SourceTable:
    """Count what a source names and what there is of it. Raises as ``read_examples`` does."""
    if source.kind in ("cases", "feet"):
        return SourceTable(title, {"photos named": source.count, "photos found": source.count})
    return (_survey_pairs if source.kind == "pairs" else _survey_challenge)(folder, source, title)


@dataclass(frozen=True, eq=False)
class OpenedExamples:
    """What opening examples showed. bad: photo id -> why it cannot be used. read, empty: how many were read,
    and how many of them have no pixel of lesion in any mask."""

    bad: dict[str, str]
    read: int
    empty: int

    def warn_of_empty(self, name: str) -> list[str]:
        """Return a line where most photos have masks without a pixel of lesion, which no score can be made
        from."""
        if 2 * self.empty <= self.read:
            return []
        return [
            f"{name}: {self.empty} of {self.read} photos have an empty mask, so that scores say little; are "
            "these the right masks?"
        ]


def open_examples(examples: Sequence[Example]) -> OpenedExamples:
    """Read every photo and mask once; synthetic ones, which are drawn, are not."""
    bad: dict[str, str] = {}
    files = [example for example in examples if example.read_masks is not None]
    empty = 0
    for example in tqdm(files, desc="opening photos and masks", leave=False, disable=not files):
        try:
            _, masks = example.read()
        except (MagicDemoError, OSError) as error:
            bad[example.photo_id] = one_line(error)
        else:
            empty += not any(mask.any() for mask in masks)
    return OpenedExamples(bad, len(files) - len(bad), empty)


def _survey_pairs(data: Path, source: SourceSettings, title: str) -> SourceTable:
    folder = data / source.folder
    names = name_pairs(folder, source)
    photos, masks = (
        [name for name in names if (folder / part / f"{name}{ending}").is_file()]
        for part, ending in (("images", ".jpg"), ("masks", ".png"))
    )
    return SourceTable(
        title,
        {"photos named": len(names), "photos found": len(photos), "photos with masks": len(masks)},
        (
            Join.of("photos named that have a file", names, photos),
            Join.of("photos that have a mask", names, masks),
        ),
    )


def _survey_challenge(data: Path, source: SourceSettings, title: str) -> SourceTable:
    folder = data / source.folder
    listing = read_encounters(folder, source.split)
    photos = {
        photo.photo_id: photo.path for encounter in listing.encounters for photo in encounter.photo_files
    }
    masks = match_case(find_reference_masks(folder), photos)
    found = [photo_id for photo_id, path in photos.items() if path is not None]
    both = [photo_id for photo_id in found if photo_id in masks]
    annotators = Counter(annotator_of(mask) for photo_id in both for mask in masks[photo_id])
    counts = {
        "encounters": len(listing.encounters),
        "photos named": len(photos),
        "photos found": len(found),
        "photos with masks": len(both),
        **{f"masks {name}": annotators[name] for name in sorted(annotators)},
    }
    joins = (
        Join.of_usable(listing.listed, len(listing.encounters)),
        Join.of("photos named that have a file", photos, found),
        Join.of("photos found that have a mask", found, both),
    )
    named = {*photos, *_name_elsewhere(folder, source.split)}
    alone = [photo_id for photo_id in masks if photo_id not in named]
    notes = [str(problem) for problem in listing.problems]
    if alone:
        more = ", ..." if len(alone) > SHOWN else ""
        notes.append(
            f"{len(alone)} masks of photos that no encounter names: {', '.join(alone[:SHOWN])}{more}"
        )
    notes += _say_uneven({photo_id: len(masks[photo_id]) for photo_id in both})
    return SourceTable(title, counts, joins, tuple(notes))


def _say_uneven(masks: dict[str, int]) -> list[str]:
    """Return a line that counts photos by how many masks they have, where that is not the same for all."""
    counts = Counter(masks.values())
    if len(counts) < 2:
        return []
    parts = ", ".join(f"{photos} with {number}" for number, photos in sorted(counts.items()))
    return [f"photos by how many masks they have: {parts}"]


def _name_elsewhere(folder: Path, split: str) -> set[str]:
    """Return the photos that other splits name, whose masks lie below the same folder."""
    names: set[str] = set()
    for other in SPLITS:
        if other != split and any(folder.rglob(f"{other}.json")):
            try:
                encounters = read_encounters(folder, other).encounters
            except MagicDemoError:
                continue
            names.update(photo.photo_id for encounter in encounters for photo in encounter.photo_files)
    return names
