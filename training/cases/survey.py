"""Look at a run's cases and photos before its first step: how files and ids meet, and what cannot be read."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tqdm import tqdm

from magic_demo.core.errors import MagicDemoError, one_line
from magic_demo.files.answers import read_answers
from magic_demo.files.encounters import read_encounters
from magic_demo.files.photos.reading import read_photo
from magic_demo.questions.families import QuestionSet
from training.cases.sources import CaseSource, LearningCase, find_files, read_cases
from training.runs.record import DATA
from training.runs.reports.data_table import (
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


@dataclass(frozen=True)
class CaseData:
    """Where a run's cases come from. folder: of the data. drawn: of synthetic cases. asked: the questions.
    least_found, bad_files: as in the settings."""

    folder: Path
    drawn: Path
    asked: QuestionSet | None = None
    least_found: float = 0.95
    bad_files: BadFiles = "refuse"


def read_checked_cases(
    data: CaseData,
    sources: Mapping[str, CaseSource],
    *,
    keep: Callable[[Sequence[SourceTable]], None] | None = None,
) -> dict[str, list[LearningCase]]:
    """List the sources' cases, each photo opened once, and print their table on the standard error.

    sources: title in the table -> source; the cases come by title. keep: is given the tables. A photo that is
    left out leaves its case with the others. Raises SettingsError where less than ``least_found`` of a join is
    there, or where photos cannot be used and ``bad_files`` says to refuse them: all are listed first.
    """
    cases = {
        title: read_cases(data.folder, [source], data.drawn, data.asked) for title, source in sources.items()
    }
    tables = {title: survey_cases(data, source, title, cases[title]) for title, source in sources.items()}
    print(format_tables([*tables.values()]), file=sys.stderr)
    check_found([*tables.values()], data.least_found)
    bad = {title: open_photos(listed) for title, listed in cases.items()}
    photos = sum(len(case.photos) for listed in cases.values() for case in listed)
    check_bad(
        {f"{title}: {path.name}": why for title, of_source in bad.items() for path, why in of_source.items()},
        photos,
        data.bad_files,
        data.least_found,
    )
    left_out = {title: {path.stem for path in of_source} for title, of_source in bad.items()}
    kept = {title: _without(listed, left_out[title]) for title, listed in cases.items()}
    if keep is not None:
        keep(
            [
                replace(
                    table.without({path.stem: why for path, why in bad[title].items()}),
                    digest=digest_ids(case.case_id for case in kept[title]),
                )
                for title, table in tables.items()
            ]
        )
    return kept


def list_checked_cases(
    folder: Path,
    sources: Sequence[CaseSource],
    drawn: Path,
    *,
    keep: Callable[[Sequence[SourceTable]], None] | None = None,
) -> list[LearningCase]:
    """List the cases of several sources to the challenge's questions, checked as ``read_checked_cases`` does
    by default. keep: is given the tables."""
    titled = title_sources([f"{source.name} {source.split}".rstrip() for source in sources], sources)
    cases = read_checked_cases(CaseData(folder, drawn), titled, keep=keep)
    return [case for listed in cases.values() for case in listed]


def read_cases_as_kept(
    data: CaseData, sources: Mapping[str, CaseSource], output: Path
) -> dict[str, list[LearningCase]]:
    """List the cases as another process of the run has checked them and written to ``output``."""
    left_out = read_left_out(output / DATA)
    return {
        title: _without(
            read_cases(data.folder, [source], data.drawn, data.asked), left_out.get(title, frozenset())
        )
        for title, source in sources.items()
    }


def survey_cases(
    data: CaseData, source: CaseSource, title: str, cases: Sequence[LearningCase]
) -> SourceTable:
    """Count what a source names and what there is of it."""
    photos = [path for case in cases for path in case.photos]
    used = {"cases used": len(cases), "photos used": len(photos)}
    if source.kind in ("narratives", "pad"):
        return SourceTable(title, used)
    place, answers_file = find_files(data.folder, source, data.drawn, data.asked)
    listing, answers = read_encounters(place, source.split), read_answers(answers_file, data.asked)
    ids = [encounter.encounter_id for encounter in listing.encounters]
    answered = [encounter_id for encounter_id in answers if encounter_id in set(ids)]
    counts = {"encounters": len(ids), "with answers": len(answered)}
    joins = [
        Join.of_usable(listing.listed, len(listing.encounters)),
        Join.of("answers whose encounter is there", answers, ids),
    ]
    notes = [str(problem) for problem in listing.problems]
    unanswered = Join.of("encounters with answers", ids, answers)
    if unanswered.missing and source.kind != "cues":  # which takes those without
        notes.append(str(unanswered))
    if source.photos:
        chosen = {case.case_id for case in cases}
        named = {
            photo.photo_id: photo.path
            for encounter in listing.encounters
            if encounter.encounter_id in chosen
            for photo in encounter.photo_files
        }
        found = [photo_id for photo_id, path in named.items() if path is not None]
        counts |= {"photos named": len(named), "photos found": len(found)}
        joins.append(Join.of("photos named that have a file", named, found))
    return SourceTable(title, counts | used, tuple(joins), tuple(notes))


def open_photos(cases: Sequence[LearningCase]) -> dict[Path, str]:
    """Read every photo once; returns those that cannot be read with the reason."""
    bad: dict[Path, str] = {}
    paths = list(dict.fromkeys(path for case in cases for path in case.photos))
    for path in tqdm(paths, desc="opening photos", leave=False, disable=not paths):
        try:
            read_photo(path)
        except (MagicDemoError, OSError) as error:
            bad[path] = one_line(error)
    return bad


def _without(cases: Sequence[LearningCase], left_out: frozenset[str] | set[str]) -> list[LearningCase]:
    return [
        replace(case, photos=tuple(path for path in case.photos if path.stem not in left_out))
        for case in cases
    ]
