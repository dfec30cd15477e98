"""Batch mode: a folder of encounters in, challenge files out; a few encounters in memory at a time,
resumable."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from PIL import Image
from tqdm import tqdm

import magic_demo
from magic_demo.challenge.journal import JournalEntry, append_entry, read_journal
from magic_demo.challenge.pipeline import Busy, overlap
from magic_demo.core.errors import FormatError, PhotoError
from magic_demo.core.limits import LIMITS
from magic_demo.core.parts import is_part
from magic_demo.core.types import (
    Encounter,
    EncounterFiles,
    Language,
    Narrative,
    Photo,
    PhotoPrediction,
    Prediction,
)
from magic_demo.core.user_files import read_user_text
from magic_demo.core.whole_files import write_json, write_whole
from magic_demo.files.bundles import has_prediction, remove_prediction, write_prediction
from magic_demo.files.encounters import read_encounters, write_answers
from magic_demo.files.mask_files import mask_file_name, write_mask
from magic_demo.files.photos.processes.workers import read_photo_apart
from magic_demo.imaging.overlay import draw_outline, lesion_mask
from magic_demo.imaging.resize import resize_pixels
from magic_demo.models.backends import list_versions, set_seed
from magic_demo.models.predictor import Predictor
from magic_demo.questions.families import load_challenge

SEED = 0
MASKS = "masks_preds"
ANSWERS = "data_cvqa_sys.json"
MANIFEST = "manifest.json"
PICTURES = "pictures"
BUNDLE = "bundle"
PICTURE_SIDE = 1024
JOURNAL = "journal.jsonl"
BOUNDS = {"work": "model", "read": "decode", "write": "write"}


@dataclass(frozen=True)
class BatchReport:
    """What a run did: encounters done now and in all, mask files there are, one line a problem, and what took
    the time."""

    encounters: int
    done_now: int
    masks: int
    problems: tuple[str, ...]
    photos_now: int = 0
    busy: Busy = field(default_factory=Busy)

    def as_throughput(self) -> dict[str, Any]:
        """Return what was done now and how long each stage was at work, in seconds; what bound it is the
        stage that worked longest."""
        seconds = {BOUNDS[stage]: round(getattr(self.busy, stage), 3) for stage in BOUNDS}
        speed = (
            {"encounters_a_minute": round(60 * self.done_now / self.busy.total, 1)} if self.busy.total else {}
        )
        bound = {"bound_by": BOUNDS[self.busy.bound]} if self.done_now else {}
        now = {"encounters": self.done_now, "photos": self.photos_now, "seconds": round(self.busy.total, 3)}
        return {**now, **speed, "seconds_by_stage": seconds, **bound}

    def describe_throughput(self) -> str:
        """Return the same in one line."""
        shares = ", ".join(
            f"{name} {getattr(self.busy, stage) / self.busy.total:.0%}" for stage, name in BOUNDS.items()
        )
        speed = f"{60 * self.done_now / self.busy.total:.0f} encounters a minute"
        return f"{speed}; at work: {shares} of the time, side by side; bound by: {BOUNDS[self.busy.bound]}"


@dataclass(frozen=True)
class _Case:
    """One encounter to go through: its photos whose mask is another's (photo id -> whose), and its entry
    where it is finished."""

    files: EncounterFiles
    shared: Mapping[str, str]
    source: str
    entry: JournalEntry | None


@dataclass(frozen=True)
class _CaseRead:
    """What there is of a case after reading, and then after prediction; photos are held only as long as they
    are needed."""

    case: _Case
    problems: list[str] = field(default_factory=list)
    encounter: Encounter | None = None
    prediction: Prediction | None = None


def predict_folder(
    data: Path,
    out: Path,
    predictor: Predictor,
    *,
    split: str | None = None,
    language: Language | None = None,
    system_name: str = "magic-demo",
    pictures: bool = False,
    bundle: bool = False,
    restart: bool = False,
    quiet: bool = False,
) -> BatchReport:
    """Predict every encounter below ``data`` and write the challenge's files to ``out``.

    Masks go to ``masks_preds/<image id>_mask_sys.tiff`` (uint8, 0 and 1, the upright photo's size), answers
    to ``data_cvqa_sys.json`` (every encounter, all qids), models, versions and settings to ``manifest.json``;
    with ``pictures`` each photo with its outline goes to ``pictures/<image id>.jpg``, with ``bundle`` all
    that the models said goes to ``bundle``, for reviews without a model. A file is there whole or not at all.
    An encounter that is finished is not predicted again when the same run is started once more, unless it had
    a problem or its words or photo files have changed. A photo that several encounters name has one mask
    file, the first one's. ``language`` keeps one language's text alone; None uses what there is.
    The predictor's questions are answered, with their own qids and indices; of a family that no model scores
    every case gets the most frequent answer, and the notes say so.

    Raises FormatError when the data cannot be read, or when ``out`` holds a run with other settings.
    """
    found = read_encounters(data, split)
    if len(found.encounters) > LIMITS.run_cases:
        raise FormatError(
            "{data}: {count} encounters, the limit of one run is {limit}; split the data",
            data=data,
            count=len(found.encounters),
            limit=LIMITS.run_cases,
        )
    if out.exists() and not out.is_dir():
        raise FormatError("{out}: is a file; --out names a folder, new or of a run to go on with", out=out)
    if pictures and data.is_dir() and out.resolve().is_relative_to(data.resolve()):
        raise FormatError(
            "{out}: lies in {data}, where pictures would be taken for photos; choose an --out "
            "elsewhere for --pictures",
            out=out,
            data=data,
        )
    problems: list[str] = []
    settings = _settings(predictor, split, language, system_name, pictures, bundle)
    notes = describe_fallback(predictor) if predictor.answers_questions else []
    out.mkdir(parents=True, exist_ok=True)
    started = _start(out, settings, restart)
    finished = read_journal(out / JOURNAL, out / MASKS)
    set_seed(SEED)
    entries: dict[str, JournalEntry] = {}
    done_now, photos_now, busy = 0, 0, Busy()
    with (
        (out / JOURNAL).open("a", encoding="utf-8") as journal,
        tqdm(
            total=len(found.encounters), unit="case", disable=quiet, file=sys.stderr, desc="predict"
        ) as cases,
    ):

        def say(problem: str) -> None:
            problems.append(problem)
            cases.write(f"problem: {problem}", file=sys.stderr)

        if found.plain and split is not None:
            cases.write(
                f"note: no {split}.json below {data}; every photo is taken as a case of its own",
                file=sys.stderr,
            )
        for note in (*found.notes, *notes):
            cases.write(f"note: {note}", file=sys.stderr)
        if predictor.segmenter is not None and not predictor.segmenter.reads_prompt:
            cases.write(
                f"note: {predictor.segmenter.model_id} reads no prompt; the patient's words change no mask",
                file=sys.stderr,
            )
        for problem in found.problems or (
            [] if found.encounters else [f"{data}: the split holds no encounter, there is nothing to predict"]
        ):
            say(problem)
        stages = _Stages(out, predictor, language, pictures, bundle, journal)
        planned = _plan(found.encounters, finished, out / BUNDLE if bundle else None)
        for entry, photos in overlap(planned, stages.read, stages.predict, stages.write, busy):
            cases.update()
            done_now += photos is not None
            photos_now += photos or 0
            entries[entry.encounter_id] = entry
            for problem in entry.problems:
                say(f"{entry.encounter_id}: {problem}")
    if predictor.answers_questions:
        write_answers(
            out / ANSWERS, {name: entry.answers for name, entry in entries.items()}, predictor.questions
        )
    masks = sum(len(entry.masks) for entry in entries.values())
    report = BatchReport(len(entries), done_now, masks, tuple(problems), photos_now, busy)
    results = {
        "encounters": len(entries),
        "masks": masks,
        "problems": problems,
        "unscored": notes,
        "done_now": report.as_throughput(),
    }
    _write_manifest(out, settings, started, results)
    return report


def describe_fallback(predictor: Predictor) -> list[str]:
    """Return one line for each family that no model scores: why, and what every case is answered with."""
    sheet = predictor.questions.answer({}, predictor.statistics(photos=True))
    return predictor.coverage.describe_fallback(sheet, "the models do not score")


def _plan(
    encounters: Iterable[EncounterFiles], finished: Mapping[str, JournalEntry], bundle: Path | None
) -> Iterator[_Case]:
    """Yield the encounters in their order, each with its entry where nothing is left to do."""
    owners: dict[str, str] = {}
    for files in encounters:
        holders = {
            photo.photo_id: owners.setdefault(photo.photo_id, files.encounter_id)
            for photo in files.photo_files
        }
        shared = {photo_id: owner for photo_id, owner in holders.items() if owner != files.encounter_id}
        source = _digest(files, shared)
        entry = finished.get(files.encounter_id)
        there = bundle is None or has_prediction(bundle, files.encounter_id)
        done = entry is not None and not entry.problems and entry.source == source and there
        yield _Case(files, shared, source, entry if done else None)


def read_encounter(files: EncounterFiles, language: Language | None = None) -> tuple[Encounter, list[str]]:
    """Read an encounter's photos.

    Returns it with those that can be read, and one line for each that cannot.
    """
    photos: list[Photo] = []
    problems: list[str] = []
    for file in files.photo_files:
        if file.path is None:
            problems.append(
                f"{file.photo_id}: the photo is named but not found below the data folder; no mask is written"
            )
            continue
        try:
            photos.append(read_photo_apart(file.path, photo_id=file.photo_id))
        except PhotoError as error:
            problems.append(f"{error}; no mask is written")
    narrative = (
        files.narrative if language is None else Narrative(**{language: getattr(files.narrative, language)})
    )
    return Encounter(files.encounter_id, narrative, tuple(photos), files.responses), problems


@dataclass(frozen=True)
class _Stages:
    """What is done to each case, in three stages that run side by side (``pipeline.overlap``)."""

    out: Path
    predictor: Predictor
    language: Language | None
    pictures: bool
    bundle: bool
    journal: TextIO

    def read(self, case: _Case) -> _CaseRead:
        """Decode the photos of a case that is to be predicted."""
        if case.entry is not None:
            return _CaseRead(case)
        encounter, problems = read_encounter(case.files, self.language)
        problems += [
            f"{photo_id}: is a photo of {owner} too; the mask file is the one of {owner}"
            for photo_id, owner in case.shared.items()
        ]
        # photos only inform the answers: one that is missing costs nothing that was asked for
        if self.predictor.segmenter is None:
            problems = []
        return _CaseRead(case, problems, encounter)

    def predict(self, read: _CaseRead) -> tuple[_CaseRead, int | None]:
        """Ask the models; the photos are let go unless they are drawn on.

        The number is that of photos, None where nothing was to be done.
        """
        if read.encounter is None:
            return read, None
        prediction = self.predictor.predict(read.encounter, language=self.language or "en")
        photos = len(read.encounter.photos)
        return replace(
            read, prediction=prediction, encounter=read.encounter if self.pictures else None
        ), photos

    def write(self, given: tuple[_CaseRead, int | None]) -> tuple[JournalEntry, int | None]:
        """Write a case's files, its masks but for shared photos, and then its line of the journal: what is in
        there is on the disk."""
        read, photos = given
        case, prediction, problems = read.case, read.prediction, read.problems
        if prediction is None:
            assert case.entry is not None
            return case.entry, photos
        own = [photo for photo in prediction.photos if photo.photo_id not in case.shared]
        masks = _write_masks(own, prediction.threshold, self.out)
        if read.encounter is not None:
            _write_pictures(read.encounter, prediction, self.out)
        if self.bundle:
            remove_prediction(self.out / BUNDLE, case.files.encounter_id)
            write_prediction(self.out / BUNDLE, prediction)
        problems = [*problems, *prediction.failures]
        answers, replaced = self._answer(prediction)
        if replaced:
            problems.append("answered with what is most frequent instead")
        entry = JournalEntry(
            case.files.encounter_id, source=case.source, answers=answers, masks=masks, problems=problems
        )
        append_entry(self.journal, entry)
        return entry, photos

    def _answer(self, prediction: Prediction) -> tuple[Mapping[str, int], bool]:
        """Return the answers, and whether they are only what is most frequent: the challenge wants every
        encounter answered."""
        if not self.predictor.answers_questions:
            return dict(prediction.answers), False
        statistics = self.predictor.statistics(photos=bool(prediction.photos))
        sheet = self.predictor.questions.answer(prediction.scores, statistics)
        return sheet.complete, not prediction.scores and bool(self.predictor.coverage.indices)


def _write_masks(photos: Sequence[PhotoPrediction], threshold: float, out: Path) -> list[str]:
    folder = out / MASKS
    names = []
    for photo in photos:
        name = mask_file_name(photo.photo_id)
        write_mask(folder / name, lesion_mask(photo.probability, photo.size, threshold))
        names.append(name)
    return names


def _write_pictures(encounter: Encounter, prediction: Prediction, out: Path) -> None:
    """Write each predicted photo with its lesion outlined, small enough to leaf through; inside the line its
    colours stay."""
    pixels = {photo.photo_id: photo.pixels for photo in encounter.photos}
    for photo in prediction.photos:
        scale = min(1.0, PICTURE_SIDE / max(photo.size))
        size = (max(1, round(photo.size[0] * scale)), max(1, round(photo.size[1] * scale)))
        mask = lesion_mask(photo.probability, size, prediction.threshold)
        drawn = draw_outline(resize_pixels(pixels[photo.photo_id], size), mask)
        buffer = io.BytesIO()
        # else the line's yellow spreads into the lesion
        Image.fromarray(drawn).save(buffer, "JPEG", quality=90, subsampling=0)
        write_whole(out / PICTURES / f"{photo.photo_id}.jpg", buffer.getvalue())


def _settings(
    predictor: Predictor,
    split: str | None,
    language: Language | None,
    system_name: str,
    pictures: bool,
    bundle: bool,
) -> dict[str, Any]:
    return {
        "system_name": system_name,
        "split": split,
        "language": language or "all",
        "pictures": pictures,
        "bundle": bundle,
        "questions": "challenge"
        if predictor.questions.digest == load_challenge().digest
        else {family.family_id: list(family.options["en"]) for family in predictor.questions.families},
        "models": dict(predictor.models),
        "backend": dict(predictor.backends),
        "threshold": predictor.segmenter.threshold if predictor.segmenter is not None else None,
        "seed": SEED,
        "versions": {
            "magic_demo": magic_demo.__version__,
            "python": platform.python_version(),
            **list_versions(),
            "numpy": np.__version__,
        },
    }


def _start(out: Path, settings: Mapping[str, Any], restart: bool) -> str:
    """Write the manifest of a run under way, after checking that ``out`` holds no run with other settings."""
    manifest = out / MANIFEST
    started = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    if manifest.is_file() and not restart:
        try:
            before = json.loads(read_user_text(manifest, LIMITS.json_bytes))
            unknown = [name for name in settings if name not in before["settings"]]
            differing = [
                name
                for name in settings
                if name not in unknown and before["settings"][name] != settings[name]
            ]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise FormatError(
                "{manifest}: not a manifest of this program ({reason}); choose another --out or add "
                "--restart",
                manifest=manifest,
                reason=error,
            ) from error
        if unknown and not differing:
            raise FormatError(
                "{out}: holds a run of an older version, which did not keep its {settings}, so that the "
                "rest might be predicted otherwise; choose another --out, or add --restart to "
                "replace that run",
                out=out,
                settings=" and ".join(unknown),
            )
        if differing:
            raise FormatError(
                "{out}: holds a run with another {settings}; choose another --out, or add --restart to "
                "replace that run",
                out=out,
                settings=" and ".join(differing),
            )
        started = before.get("started", started)
    elif restart:
        _remove_run(out)
    elif any(not is_part(path) for path in out.iterdir()):
        # a run that was killed at its very beginning may leave a part
        raise FormatError(
            "{out}: is not empty and holds no run of this program; choose another --out, or add "
            "--restart to write into it",
            out=out,
        )
    write_json(manifest, {"settings": settings, "started": started, "finished": None}, indent=1)
    return started


def _write_manifest(out: Path, settings: Mapping[str, Any], started: str, results: Mapping[str, Any]) -> None:
    finished = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    write_json(
        out / MANIFEST,
        {"settings": settings, "started": started, "finished": finished, "results": results},
        indent=1,
    )


def _remove_run(out: Path) -> None:
    """Remove what the run in ``out`` wrote, and nothing else: its files must not stand beside those of the
    next."""
    journal = out / JOURNAL
    if journal.is_file():
        for entry in read_journal(journal, out / MASKS).values():
            remove_prediction(out / BUNDLE, entry.encounter_id)
            for name in entry.masks:
                (out / MASKS / Path(name).name).unlink(missing_ok=True)
                (out / PICTURES / f"{Path(name).name.removesuffix(mask_file_name(''))}.jpg").unlink(
                    missing_ok=True
                )
        (out / ANSWERS).unlink(missing_ok=True)
        journal.unlink()


def _digest(files: EncounterFiles, shared: Mapping[str, str]) -> str:
    """Return a digest of what an encounter is predicted from: its words, its photos' names, sizes and times,
    whose mask they have."""
    photos = []
    for photo in files.photo_files:
        status = photo.path.stat() if photo.path is not None and photo.path.is_file() else None
        photos.append(
            [photo.photo_id, status and [status.st_size, status.st_mtime_ns], shared.get(photo.photo_id)]
        )
    return hashlib.sha256(json.dumps([asdict(files.narrative), photos]).encode()).hexdigest()[:16]
