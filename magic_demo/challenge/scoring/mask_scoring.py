"""Two folders of mask TIFFs -> the official segmentation numbers, one photo in memory at a time in each
process."""

from __future__ import annotations

import glob
import multiprocessing
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from tqdm import tqdm

from magic_demo.core.errors import FormatError
from magic_demo.files.findings import Findings
from magic_demo.files.masks.mask_files import (
    SYSTEM_NAME,
    annotator_of,
    find_reference_masks,
    list_mask_files,
    mask_file_name,
    read_loose_packed,
    strip_photo_suffix,
)
from magic_demo.files.photos.index import match_case
from magic_demo.imaging.packed_masks import PackedMask
from magic_demo.questions.scoring import PhotoCounts, Scores, count_packed, segmentation_values

ANNOTATORS = ("ann0", "ann1", "ann2", "ann3")

_ANNOTATOR = re.compile(r"ann\d+", re.IGNORECASE)
_STOPS = "the organisers' script stops"
_MISREADS = "the organisers' script scores it wrong or stops"


def score_mask_folders(
    reference: Path,
    system: Path,
    *,
    system_name: str = SYSTEM_NAME,
    processes: int = 1,
    progress: bool = False,
) -> Scores:
    """Score a folder of system masks against a folder of reference masks, both searched with their
    subfolders.

    reference: ``<image id>_mask_ann<k>.tiff``, one to four a photo. system: ``<image
    id>_mask_<system_name>.tiff``.
    processes: how many score photos side by side; numbers and findings are the same with any number.
    progress: show a bar on stderr. What the organisers' script stops at or silently scores wrong is put right
    where only one reading makes sense, else counted as an empty mask, and named in the findings: see
    docs/scoring.md. Raises FormatError when a folder is missing or no reference mask can be used.
    """
    findings, notes = Findings(), Findings()
    references = find_reference_masks(reference)
    if not references:
        raise FormatError(
            "{reference}: no reference masks; files named <image id>_mask_ann<number>.tiff are expected",
            reference=reference,
        )
    candidates = match_case(_index_system_masks(system, system_name), references)
    if any(path.parent != reference for paths in references.values() for path in paths):
        notes.add(
            "reference masks lie in subfolders, where the organisers' script does not look; all are used",
            str(reference),
        )
    for photo_id in sorted(set(candidates) - set(references)):
        if any(candidate.labeller == system_name for candidate in candidates[photo_id]):
            notes.add("system mask of a photo without reference is not scored", photo_id)
    if not candidates:
        findings.add(
            "system folder holds no mask TIFF, everything scores 0 and no photo counts, as by the "
            "organisers' script",
            str(system),
        )
        empty = segmentation_values([])
        return Scores(
            {key: 0 if key.startswith("number") else 0.0 for key in empty}, findings.lines(), notes.lines()
        )
    jobs = [
        _Job(photo_id, tuple(paths), tuple(candidates.get(photo_id, ())), system, system_name)
        for photo_id, paths in references.items()
    ]
    counts: list[PhotoCounts] = []
    without_lesion = 0
    for result in tqdm(
        _score_all(jobs, processes),
        total=len(jobs),
        unit="photo",
        desc="masks",
        disable=not progress,
        file=sys.stderr,
    ):
        findings.extend(result.findings)
        notes.extend(result.notes)
        without_lesion += result.empty
        if result.counts is not None:
            counts.append(result.counts)
    if not counts:
        raise FormatError(
            "{reference}: no reference mask can be used: {findings}",
            reference=reference,
            findings="; ".join(findings.lines()),
        )
    if 2 * without_lesion > len(counts):
        findings.add(
            "most photos have no lesion in any reference mask, so that scores say little",
            f"{without_lesion} of {len(counts)}",
        )
    return Scores(segmentation_values(counts), findings.lines(), notes.lines())


@dataclass(frozen=True)
class _Candidate:
    """A TIFF that may be the system's mask of a photo."""

    path: Path
    raw_id: str
    labeller: str


@dataclass(frozen=True)
class _Job:
    """What one photo is scored from."""

    photo_id: str
    references: tuple[Path, ...]
    candidates: tuple[_Candidate, ...]
    folder: Path
    system_name: str


@dataclass
class _Result:
    """What one photo counts, None where it cannot be scored, whether no reference mask has a pixel, and what
    was seen of it."""

    counts: PhotoCounts | None = None
    empty: bool = False
    findings: Findings = field(default_factory=Findings)
    notes: Findings = field(default_factory=Findings)


def _score_all(jobs: Sequence[_Job], processes: int) -> Iterator[_Result]:
    """Yield the photos' results in their order. Raises FormatError when a process is ended from outside."""
    if min(processes, len(jobs)) <= 1:
        yield from map(_score_photo, jobs)
        return
    # Not forked: whoever calls may have threads, the progress bar has one.
    with ProcessPoolExecutor(
        min(processes, len(jobs)), mp_context=multiprocessing.get_context("spawn")
    ) as pool:
        try:
            yield from pool.map(_score_photo, jobs, chunksize=max(1, min(16, len(jobs) // (4 * processes))))
        except BrokenProcessPool as error:
            raise FormatError(
                "one of {processes} scoring processes was ended from outside, for want of memory "
                "perhaps; use fewer",
                processes=processes,
            ) from error


def _index_system_masks(folder: Path, system_name: str) -> dict[str, list[_Candidate]]:
    """Map image id -> files that could be its system mask; a reference mask in the same folder is none."""
    found: dict[str, list[_Candidate]] = {}
    for path in list_mask_files(folder):
        raw_id, _, labeller = path.stem.rpartition("_mask_")
        if _ANNOTATOR.fullmatch(labeller) and labeller != system_name:
            continue
        candidate = _Candidate(path, raw_id or path.stem, labeller if raw_id else "")
        found.setdefault(strip_photo_suffix(candidate.raw_id), []).append(candidate)
    return found


def _score_photo(job: _Job) -> _Result:
    result = _Result()
    photo_id, findings = job.photo_id, result.findings
    masks = _read_references(
        photo_id, _choose_annotators(photo_id, job.references, findings, result.notes), findings
    )
    if not masks:
        findings.add(f"photo without a reference mask that can be used is left out ({_STOPS})", photo_id)
        return result
    system = _read_system(job, findings)
    result.empty = not any(mask.bits.any() for mask in masks)
    masks, size = _agree_on_size(photo_id, masks, system, findings)
    if system is not None and system.shape != size:
        on_its_side = (
            ", which is the photo on its side: turn masks as the photo" if system.shape == size[::-1] else ""
        )
        findings.add(
            f"system mask differs in size from the reference, counted as an empty mask ({_MISREADS})",
            photo_id,
            f"{_show(system.shape)} instead of {_show(size)}{on_its_side}",
        )
        system = None
    if system is None:
        result.counts = count_packed(masks, PackedMask(np.zeros_like(masks[0].bits), size), undefined=0.0)
        return result
    result.counts = count_packed(masks, system)
    if any(pair.tp + pair.fp + pair.fn == 0 for pair in result.counts.annotators):
        findings.add(
            "system and reference mask are both empty, counted as full agreement (the organisers' script "
            "prints NaN)",
            photo_id,
        )
    return result


def _choose_annotators(
    photo_id: str, paths: Sequence[Path], findings: Findings, notes: Findings
) -> list[Path]:
    """Return one file an annotator, ann0 to ann3 as in the challenge, or the others where there is none of
    these."""
    by_annotator: dict[str, Path] = {}
    for path in paths:
        annotator = annotator_of(path)
        if annotator in by_annotator:
            findings.add(
                "reference mask comes twice, the first is used",
                photo_id,
                f"{by_annotator[annotator]} and {path}",
            )
            continue
        by_annotator[annotator] = path
        if path.suffix != ".tiff":
            findings.add(
                "reference mask does not end in .tiff, used (the organisers' script does not see it)",
                path.name,
            )
    official = [by_annotator[annotator] for annotator in ANNOTATORS if annotator in by_annotator]
    others = [annotator for annotator in by_annotator if annotator not in ANNOTATORS]
    if official:
        for annotator in others:
            notes.add(
                "reference mask of an annotator other than ann0 to ann3 is not used, as by the "
                "organisers' script",
                photo_id,
                annotator,
            )
        return official
    findings.add(
        f"photo has no annotator of ann0 to ann3, the others are used ({_STOPS})", photo_id, ", ".join(others)
    )
    return list(by_annotator.values())


def _read_references(photo_id: str, paths: Iterable[Path], findings: Findings) -> list[PackedMask]:
    masks = []
    for path in paths:
        try:
            loose = read_loose_packed(path)
        except FormatError as error:
            findings.add(
                f"reference mask cannot be used, this annotator is left out ({_STOPS})", photo_id, str(error)
            )
            continue
        for repair in loose.repairs:
            findings.add(f"reference mask {repair} ({_MISREADS})", path.name)
        masks.append(loose.mask)
    return masks


def _agree_on_size(
    photo_id: str, masks: list[PackedMask], system: PackedMask | None, findings: Findings
) -> tuple[list[PackedMask], tuple[int, int]]:
    """Return the masks of the size that most annotators have, and it; of a tie, the system's size or else the
    first."""
    sizes = Counter(mask.shape for mask in masks)
    most = max(sizes.values())
    tied = [size for size, number in sizes.items() if number == most]
    size = system.shape if system is not None and system.shape in tied else tied[0]
    if len(sizes) > 1:
        shown = ", ".join(_show(shape) for shape in sizes)
        findings.add(
            f"reference masks of one photo differ in size, those of the commonest are used ({_STOPS})",
            photo_id,
            shown,
        )
    return [mask for mask in masks if mask.shape == size], size


def _read_system(job: _Job, findings: Findings) -> PackedMask | None:
    chosen = _choose_system(job, findings)
    if chosen is None:
        return None
    try:
        loose = read_loose_packed(chosen)
    except FormatError as error:
        findings.add(
            f"system mask cannot be used, counted as an empty mask ({_MISREADS})", job.photo_id, str(error)
        )
        return None
    for repair in loose.repairs:
        findings.add(f"system mask {repair} ({_MISREADS})", chosen.name)
    return loose.mask


def _choose_system(job: _Job, findings: Findings) -> Path | None:
    """Return the file that the organisers' script would read, or else the one that comes nearest to it."""
    photo_id = job.photo_id
    raw_ids = {path.stem.rpartition("_mask_")[0] for path in job.references}
    if not job.candidates:
        stray = next(
            (path for path in sorted(job.folder.glob(f"{glob.escape(photo_id)}*")) if path.is_file()), None
        )
        seen = f"{stray.name} is no TIFF" if stray is not None else ""
        findings.add(f"system mask is missing, counted as an empty mask ({_STOPS})", photo_id, seen)
        return None

    def oddities(candidate: _Candidate) -> list[str]:
        checks = (
            (
                candidate.labeller != job.system_name,
                f"is not named {mask_file_name('<image id>', job.system_name)}",
            ),
            (candidate.path.suffix != ".tiff", "does not end in .tiff"),
            (strip_photo_suffix(candidate.raw_id) != photo_id, "is named in another case"),
            (
                candidate.raw_id not in raw_ids and strip_photo_suffix(candidate.raw_id) == photo_id,
                "has a photo's ending inside its name",
            ),
            (candidate.path.parent != job.folder, "lies in a subfolder"),
        )
        return [what for odd, what in checks if odd]

    ranked = sorted(job.candidates, key=lambda candidate: (len(oddities(candidate)), str(candidate.path)))
    best = ranked[0]
    odd = oddities(best)
    for what in odd:
        findings.add(f"system mask {what}, used (the organisers' script stops or scores 0)", best.path.name)
    if odd and len(ranked) > 1:
        findings.add(
            "several files could be the system mask, the first is used",
            photo_id,
            ", ".join(c.path.name for c in ranked),
        )
    return best.path


def _show(size: Sequence[int]) -> str:
    return f"{size[1]}x{size[0]}"
