"""The organisers' own steps again, on any team's zip: what is where, names, kinds, values and sizes of masks,
keys and ranges of answers."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from magic_demo.challenge.run_folder import ANSWERS, MASKS
from magic_demo.challenge.scoring.answer_scoring import Labels, compare_labels, gather_labels, join_id
from magic_demo.challenge.submitting.submission import NO_ANSWERS, NO_MASKS, STOPS, count_answers, count_masks
from magic_demo.core.disk.user_files import open_user_file
from magic_demo.core.errors import FormatError, one_line
from magic_demo.core.limits import LIMITS
from magic_demo.files.encounters import EncounterList
from magic_demo.files.entries import ENCOUNTER_KEY
from magic_demo.files.findings import Findings
from magic_demo.files.json_files import read_json_list
from magic_demo.files.masks.decoding import LARGEST_MASK
from magic_demo.files.masks.mask_files import (
    SYSTEM_NAME,
    find_reference_masks,
    mask_file_name,
    read_loose_packed,
    read_mask_size,
)
from magic_demo.files.photos.heads import read_head
from magic_demo.files.photos.index import match_case
from magic_demo.questions.families import load_challenge

LARGEST_ZIP = 64 * 2**30
_WRONG = "the organisers' script scores it wrong or stops"
_IGNORED = "the organisers' script does not look there"


@dataclass(frozen=True)
class Expected:
    """What a submission has to hold.

    photos: id -> the (height, width) that its mask may have, none where the size is not known. encounters:
    ids. unusable: encounters that the data lists beside them, which cannot be read.
    """

    photos: Mapping[str, Sequence[tuple[int, int]]]
    encounters: tuple[str, ...]
    unusable: int = 0


@dataclass(frozen=True)
class SubmissionCheck:
    """What was found in a zip: one line of counts, lines that cost points or stop the script, and lines that
    change nothing."""

    counts: str
    findings: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass
class _Seen:
    findings: Findings = field(default_factory=Findings)
    notes: Findings = field(default_factory=Findings)


def expect_of(found: EncounterList, references: Path | None) -> Expected:
    """Return what a split's data ask for: a mask of each photo, of its reference mask's size or else of the
    photo's upright or stored one, and an answer of each encounter."""
    named = [photo.photo_id for files in found.encounters for photo in files.photo_files]
    masks = match_case(find_reference_masks(references), named) if references is not None else {}
    photos: dict[str, Sequence[tuple[int, int]]] = {}
    for files in found.encounters:
        for photo in files.photo_files:
            sizes = {size for mask in masks.get(photo.photo_id, ()) if (size := read_mask_size(mask))}
            head = read_head(photo.path) if photo.path is not None and not sizes else None
            photos[photo.photo_id] = sorted(sizes or ({head.upright, head.stored} if head else ()))
    ids = tuple(files.encounter_id for files in found.encounters)
    return Expected(photos, ids, max(0, found.listed - len(ids)))


def check_submission(file: Path, expected: Expected | None = None) -> SubmissionCheck:
    """Do the organisers' steps with a zip, one file of it unpacked at a time.

    expected: None where nothing is known of the data: names are then checked by their form alone. Raises
    FormatError where the file is no zip that can be read.
    """
    seen = _Seen()
    with _open_zip(file) as archive:
        names = _list_names(archive, seen)
        masks = _check_masks(archive, names, expected, seen)
        answers = _check_answers(archive, names, expected, seen)
    if expected is not None and expected.unusable:
        seen.findings.add(
            f"encounters that the data lists cannot be read, their masks and answers are not checked: {STOPS} "
            "where one is missing",
            f"{expected.unusable} of {len(expected.encounters) + expected.unusable}",
        )
    return SubmissionCheck(f"{masks}, {answers}", seen.findings.lines(), seen.notes.lines())


@contextmanager
def _open_zip(file: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with open_user_file(file, LARGEST_ZIP) as handle, zipfile.ZipFile(handle) as archive:
            yield archive
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, NotImplementedError) as error:
        raise FormatError(
            "{file}: not a zip that can be read ({reason}); pack it anew", file=file, reason=one_line(error)
        ) from error
    except OSError as error:
        raise FormatError(
            "{file}: cannot be read ({reason}); a zip to hand in is expected",
            file=file,
            reason=error.strerror or repr(error),
        ) from error


def _list_names(archive: zipfile.ZipFile, seen: _Seen) -> dict[str, zipfile.ZipInfo]:
    """Return the files of the zip by name; of a name that comes twice the last one is unpacked."""
    names: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        if info.is_dir():
            continue
        path = PurePosixPath(info.filename)
        if info.filename in names:
            seen.findings.add("a file lies in the zip twice, the last one counts", info.filename)
        if path.is_absolute() or ".." in path.parts or "\\" in info.filename:
            seen.findings.add("a name that leads out of the zip, or holds a backslash", info.filename)
            continue
        if info.flag_bits & 1:
            seen.findings.add(f"a file is encrypted: {STOPS}", info.filename)
            continue
        names[info.filename] = info
    return names


def _check_masks(
    archive: zipfile.ZipFile, names: Mapping[str, zipfile.ZipInfo], expected: Expected | None, seen: _Seen
) -> str:
    """Check the masks; return their count in words."""
    listed = _find_masks(names, seen)
    by_labeller: dict[str, dict[str, zipfile.ZipInfo]] = {}
    for name, info in listed.items():
        stem = PurePosixPath(name).name.removesuffix(".tiff")
        photo_id, *rest = stem.split("_mask_")
        by_labeller.setdefault(rest[-1] if rest else stem, {})[photo_id] = info
    own = by_labeller.pop(SYSTEM_NAME, {})
    for photo_ids in by_labeller.values():
        for info in photo_ids.values():
            seen.findings.add(
                f"a mask is not named {mask_file_name('<image id>')}, it is not counted",
                _short(info.filename),
            )
    if listed and not own:
        seen.findings.add(f"no mask is named {mask_file_name('<image id>')}: {STOPS}", MASKS)
    if expected is not None and listed:
        folded = {photo_id.casefold(): photo_id for photo_id in own if photo_id not in expected.photos}
        for photo_id in expected.photos:
            if photo_id not in own:
                other = folded.pop(photo_id.casefold(), "")
                there = f"named in another case, {other}" if other else ""
                seen.findings.add(f"a photo has no mask: {STOPS}", photo_id, there)
        for photo_id in own:
            if folded.get(photo_id.casefold()) == photo_id:
                seen.notes.add("a mask of a photo that the data does not name is not scored", photo_id)
    for photo_id, info in own.items():
        sizes = expected.photos.get(photo_id, ()) if expected is not None else ()
        _check_mask(archive, info, photo_id, sizes, seen.findings)
    if not listed:
        return NO_MASKS
    count = sum(photo_id in expected.photos for photo_id in own) if expected is not None else len(own)
    return count_masks(count, len(expected.photos) if expected is not None else None)


def _find_masks(names: Mapping[str, zipfile.ZipInfo], seen: _Seen) -> dict[str, zipfile.ZipInfo]:
    """Return the files that the organisers' script takes for masks, and name those that lie elsewhere or end
    otherwise."""
    found: dict[str, zipfile.ZipInfo] = {}
    for name, info in names.items():
        path = PurePosixPath(name)
        if path.name.startswith(".") or path.parts[0] == "__MACOSX":
            continue
        if path.parts[:-1] == (MASKS,):
            if path.suffix == ".tiff":
                found[name] = info
            else:
                seen.findings.add(f"a file in {MASKS} does not end in .tiff: {_IGNORED}", path.name)
        elif path.suffix.lower() in (".tiff", ".tif"):
            seen.findings.add(f"masks do not lie in {MASKS} at the top: {_IGNORED}", str(path.parent))
        elif name != ANSWERS and path.suffix.lower() != ".json":
            seen.notes.add("a file that nobody asks for", name)
    return found


def _check_mask(
    archive: zipfile.ZipFile,
    info: zipfile.ZipInfo,
    photo_id: str,
    sizes: Sequence[tuple[int, int]],
    findings: Findings,
) -> None:
    with _unpack(archive, info, LARGEST_MASK) as path:
        if path is None:
            findings.add(f"a mask is larger than any photo's, or damaged: {STOPS}", photo_id)
            return
        try:
            loose = read_loose_packed(path)
        except FormatError as error:
            # the copy has a name of ours
            said = str(error).removeprefix(f"{path}: ").removeprefix(f"{path.name}: ")
            said = said.replace(str(path), _short(info.filename))
            findings.add(f"a mask cannot be used ({_WRONG})", photo_id, said)
            return
    for repair in loose.repairs:
        findings.add(f"a mask {repair} ({_WRONG})", photo_id)
    if sizes and loose.mask.shape not in sizes:
        came, wanted = _show(loose.mask.shape), " or ".join(map(_show, sizes))
        findings.add(f"a mask has another size than its photo ({_WRONG})", photo_id, f"{came}, not {wanted}")


def _check_answers(
    archive: zipfile.ZipFile, names: Mapping[str, zipfile.ZipInfo], expected: Expected | None, seen: _Seen
) -> str:
    """Check the answers; return their count in words."""
    if ANSWERS not in names:
        others = [name for name in names if name.lower().endswith(".json") and "__MACOSX" not in name]
        there = f"there is {', '.join(others[:3])}" if others else ""
        seen.findings.add(f"no {ANSWERS} at the top of the zip: {STOPS}", ANSWERS, there)
        return "no answers"
    with _unpack(archive, names[ANSWERS], LIMITS.json_bytes) as path:
        if path is None:
            seen.findings.add(f"the answers are larger than can be read, or damaged: {STOPS}", ANSWERS)
            return "no answers"
        try:
            rows = read_json_list(path, "a JSON list of answer objects")
        except FormatError as error:
            said = str(error).removeprefix(f"{path}: ")
            seen.findings.add(f"the answers cannot be read: {STOPS}", ANSWERS, said)
            return "no answers"
    if not rows:
        return NO_ANSWERS
    asked = load_challenge()
    labels = gather_labels(rows, "system", asked, seen.findings)
    if expected is not None:
        gold: Labels = {
            join_id(name): {family: set() for family in asked.family_ids} for name in expected.encounters
        }
        compare_labels(gold, labels, asked.families, seen.findings, seen.notes)
    named = None if expected is None else frozenset(expected.encounters)
    answered: dict[str, set[str]] = {}
    for row in rows:
        name = row.get(ENCOUNTER_KEY) if isinstance(row, dict) else None
        if isinstance(name, str) and (named is None or name in named):
            answered.setdefault(name, set()).update(row)  # one that comes twice is united
    return count_answers(
        answered, len(expected.encounters) + expected.unusable if expected is not None else None
    )


@contextmanager
def _unpack(archive: zipfile.ZipFile, info: zipfile.ZipInfo, most: int) -> Iterator[Path | None]:
    """Give a file of the zip under its own ending, None where it is larger than ``most`` or damaged."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"file{PurePosixPath(info.filename).suffix}"
        yield path if _copy(archive, info, path, most) else None


def _copy(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path, most: int) -> bool:
    try:
        with archive.open(info) as source:
            content = source.read(most + 1) if info.file_size <= most else b""
    except Exception:
        # zipfile raises BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError on broken files
        return False
    path.write_bytes(content)
    return bool(info.file_size <= most and len(content) <= most)


def _short(name: str) -> str:
    return PurePosixPath(name).name[:120]


def _show(size: Sequence[int]) -> str:
    return f"{size[1]}x{size[0]}"
