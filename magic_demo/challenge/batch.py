"""Batch mode: a folder of encounters in, challenge files out; a few encounters in memory at a time,
resumable."""

from __future__ import annotations

import hashlib
import io
import json
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TextIO

import numpy as np
from PIL import Image
from tqdm import tqdm

from magic_demo.challenge.batch_report import BatchReport
from magic_demo.challenge.data_masks import DataMasks, find_data_masks
from magic_demo.challenge.journal import JournalEntry, append_entry, read_journal
from magic_demo.challenge.pipeline import Busy, overlap
from magic_demo.challenge.run_folder import (
    ANSWERS,
    BUNDLE,
    JOURNAL,
    MASKS,
    PICTURES,
    SEED,
    UNSAID,
    finish_run,
    list_settings,
    start_run,
)
from magic_demo.challenge.submission import HandIn
from magic_demo.core.errors import FormatError, PhotoError
from magic_demo.core.limits import LIMITS
from magic_demo.core.types import (
    Encounter,
    EncounterFiles,
    Language,
    Narrative,
    Photo,
    PhotoPrediction,
    Prediction,
    PromptKind,
)
from magic_demo.core.whole_files import write_whole
from magic_demo.files.bundles import has_prediction, remove_prediction, write_prediction
from magic_demo.files.encounters import read_encounters, write_answers
from magic_demo.files.mask_files import mask_file_name, write_mask
from magic_demo.files.mask_turns import Lie
from magic_demo.files.photos.processes.workers import read_photo_apart
from magic_demo.imaging.overlay import draw_outline, lesion_mask
from magic_demo.imaging.resize import resize_pixels
from magic_demo.models.backends.backend import set_seed
from magic_demo.models.influence.say import Say
from magic_demo.models.influence.statistics import find_statistics
from magic_demo.models.predictor import Predictor

PICTURE_SIDE = 1024


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
    are needed. unseen: why a photo could not be read, by its id."""

    case: _Case
    problems: list[str] = field(default_factory=list)
    unseen: Mapping[str, str] = field(default_factory=dict)
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
    masks: Lie | None = None,
    all_photos: bool = False,
    restart: bool = False,
    quiet: bool = False,
) -> BatchReport:
    """Predict every encounter below ``data`` and write the challenge's files to ``out``.

    Masks go to ``masks_preds/<image id>_mask_sys.tiff`` (uint8, 0 and 1, the photo's size), answers
    to ``data_cvqa_sys.json`` (every encounter, all qids), models, versions and settings to ``manifest.json``;
    with ``pictures`` each photo with its outline goes to ``pictures/<image id>.jpg``, with ``bundle`` all
    that the models said goes to ``bundle``, for reviews without a model. A file is there whole or not at all.
    An encounter that is finished is not predicted again when the same run is started once more, unless it had
    a problem or its words or photo files have changed. A photo that several encounters name has one mask
    file, the first one's. A photo that cannot be read has an empty mask where its header or a reference mask
    says its size. ``masks`` says how masks lie of photos that their EXIF data turn; None lays them as the
    reference masks below ``data`` do, upright where there are none. ``all_photos``: see ``Predictor.predict``.
    ``language`` keeps one language's text alone; None uses what there is.
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
    data_masks = find_data_masks(found, data, masks) if predictor.gives_masks else DataMasks(found, masks)
    settings = list_settings(predictor, split, language, system_name, pictures, bundle, data_masks.lie)
    if all_photos != UNSAID["all_photos"]:
        settings["all_photos"] = all_photos
    notes = describe_fallback(predictor) if predictor.answers_questions else []
    out.mkdir(parents=True, exist_ok=True)
    started = start_run(out, settings, restart)
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
        if predictor.gives_masks and predictor.segmenter is not None and not predictor.segmenter.reads_prompt:
            cases.write(
                f"note: {predictor.segmenter.model_id} reads no prompt; the patient's words change no mask",
                file=sys.stderr,
            )
        if data_masks.turned.heads:
            cases.write(f"note: {data_masks.describe_turned()}", file=sys.stderr)
        for problem in found.problems or (
            [] if found.encounters else [f"{data}: the split holds no encounter, there is nothing to predict"]
        ):
            say(problem)
        stages = _Stages(out, predictor, language, pictures, bundle, all_photos, journal, data_masks)
        planned = _plan(found.encounters, finished, out / BUNDLE if bundle else None, predictor.prompt_kind)
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
    empty = sum(len(entry.empty) for entry in entries.values())
    predicted = sum(len(entry.masks) for entry in entries.values()) - empty
    files = HandIn(
        photos=data_masks.photos if predictor.gives_masks else None,
        encounters=tuple(entries) if predictor.answers_questions else None,
        listed=max(found.listed, len(entries)),
    )
    report = BatchReport(len(entries), done_now, predicted, tuple(problems), files, photos_now, busy)
    results = {
        "encounters": len(entries),
        "masks": predicted,
        "empty_masks": empty,
        "problems": problems,
        "hand_in": asdict(files),
        "unscored": notes,
        "done_now": report.as_throughput(),
    }
    finish_run(out, settings, started, results)
    return report


def describe_fallback(predictor: Predictor) -> list[str]:
    """Return one line for each family that no model scores: why, and what every case is answered with."""
    sheet = predictor.questions.answer({}, find_statistics(predictor, Say()))
    return predictor.coverage.describe_fallback(sheet, "the models do not score")


def _plan(
    encounters: Iterable[EncounterFiles],
    finished: Mapping[str, JournalEntry],
    bundle: Path | None,
    kind: PromptKind,
) -> Iterator[_Case]:
    """Yield the encounters in their order, each with its entry where nothing is left to do."""
    owners: dict[str, str] = {}
    for files in encounters:
        holders = {
            photo.photo_id: owners.setdefault(photo.photo_id, files.encounter_id)
            for photo in files.photo_files
        }
        shared = {photo_id: owner for photo_id, owner in holders.items() if owner != files.encounter_id}
        source = _digest(files, shared, kind)
        entry = finished.get(files.encounter_id)
        there = bundle is None or has_prediction(bundle, files.encounter_id)
        done = entry is not None and not entry.problems and entry.source == source and there
        yield _Case(files, shared, source, entry if done else None)


def read_encounter(
    files: EncounterFiles, language: Language | None = None
) -> tuple[Encounter, dict[str, str]]:
    """Read an encounter's photos.

    Returns it with those that can be read, and photo id -> one line for each that cannot.
    """
    photos: list[Photo] = []
    unseen: dict[str, str] = {}
    for file in files.photo_files:
        if file.path is None:
            unseen[file.photo_id] = f"{file.photo_id}: the photo is named but not found below the data folder"
            continue
        try:
            photos.append(read_photo_apart(file.path, photo_id=file.photo_id))
        except PhotoError as error:
            unseen[file.photo_id] = str(error)
    narrative = (
        files.narrative if language is None else Narrative(**{language: getattr(files.narrative, language)})
    )
    return Encounter(files.encounter_id, narrative, tuple(photos), files.responses), unseen


@dataclass(frozen=True)
class _Stages:
    """What is done to each case, in three stages that run side by side (``pipeline.overlap``)."""

    out: Path
    predictor: Predictor
    language: Language | None
    pictures: bool
    bundle: bool
    all_photos: bool
    journal: TextIO
    data_masks: DataMasks

    def read(self, case: _Case) -> _CaseRead:
        """Decode the photos of a case that is to be predicted."""
        if case.entry is not None:
            return _CaseRead(case)
        files = case.files if self.predictor.looks_at_photos else replace(case.files, photo_files=())
        encounter, unseen = read_encounter(files, self.language)
        # photos only inform the answers: one that is missing costs nothing that was asked for
        if not self.predictor.gives_masks:
            return _CaseRead(case, encounter=encounter)
        shared = [
            f"{photo_id}: is a photo of {owner} too; the mask file is the one of {owner}"
            for photo_id, owner in case.shared.items()
        ]
        return _CaseRead(case, shared, unseen, encounter)

    def predict(self, read: _CaseRead) -> tuple[_CaseRead, int | None]:
        """Ask the models; the photos are let go unless they are drawn on.

        The number is that of photos, None where nothing was to be done.
        """
        if read.encounter is None:
            return read, None
        prediction = self.predictor.predict(
            read.encounter, language=self.language or "en", all_photos=self.all_photos
        )
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
        masks = [self._write_mask(photo, prediction.threshold) for photo in own]
        failed = _name_failed(case.files, prediction.failures)
        empty, lines = self._write_empty(case, {photo.photo_id for photo in own}, {**failed, **read.unseen})
        if read.encounter is not None:
            _write_pictures(read.encounter, prediction, self.out)
        if self.bundle:
            remove_prediction(self.out / BUNDLE, case.files.encounter_id)
            write_prediction(self.out / BUNDLE, prediction)
        others = [line for line in prediction.failures if line not in failed.values()]
        problems = [*problems, *others, *lines]
        answers, replaced = self._answer(prediction)
        if replaced:
            problems.append("answered with what is most frequent instead")
        entry = JournalEntry(
            case.files.encounter_id,
            source=case.source,
            answers=answers,
            masks=[*masks, *empty],
            empty=empty,
            problems=problems,
        )
        append_entry(self.journal, entry)
        return entry, photos

    def _write_mask(self, photo: PhotoPrediction, threshold: float) -> str:
        mask = lesion_mask(photo.probability, photo.size, threshold)
        name = mask_file_name(photo.photo_id)
        write_mask(self.out / MASKS / name, self.data_masks.lay_mask(photo.photo_id, mask))
        return name

    def _write_empty(
        self, case: _Case, seen: Collection[str], unseen: Mapping[str, str]
    ) -> tuple[list[str], list[str]]:
        """Write an empty mask for each photo without another one, as the organisers' script stops where one is
        missing; return the files' names, and one line a photo."""
        names: list[str] = []
        lines: list[str] = []
        if not self.predictor.gives_masks:
            return names, lines
        for file in case.files.photo_files:
            if file.photo_id in seen or file.photo_id in case.shared:
                continue
            cause = unseen.get(file.photo_id, file.photo_id)
            size = self.data_masks.find_size(file)
            if size is None:
                lines.append(
                    f"{cause}; no mask is written, as nothing says its size: the organisers' script will stop"
                )
                continue
            names.append(mask_file_name(file.photo_id))
            write_mask(self.out / MASKS / names[-1], np.zeros(size, np.bool_))
            lines.append(f"{cause}; an empty mask is written, {size[1]}x{size[0]}")
        return names, lines

    def _answer(self, prediction: Prediction) -> tuple[Mapping[str, int], bool]:
        """Return the answers, and whether they are only what is most frequent: the challenge wants every
        encounter answered."""
        if not self.predictor.answers_questions:
            return dict(prediction.answers), False
        sheet = self.predictor.questions.answer(prediction.scores, find_statistics(self.predictor, Say()))
        return sheet.complete, not prediction.scores and bool(self.predictor.coverage.indices)


def _name_failed(files: EncounterFiles, failures: Iterable[str]) -> dict[str, str]:
    """Return photo id -> what is said of a model that failed on it."""
    lines = {line.partition(": ")[0]: line for line in failures}
    return {file.photo_id: lines[file.photo_id] for file in files.photo_files if file.photo_id in lines}


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


def _digest(files: EncounterFiles, shared: Mapping[str, str], kind: PromptKind) -> str:
    """Return a digest of what an encounter is predicted from: its words, the responses where they are asked
    with, its photos' names, sizes and times, whose mask they have."""
    words: list[object] = [asdict(files.narrative)] + ([files.responses] if kind != "narrative" else [])
    photos = []
    for photo in files.photo_files:
        status = photo.path.stat() if photo.path is not None and photo.path.is_file() else None
        photos.append(
            [photo.photo_id, status and [status.st_size, status.st_mtime_ns], shared.get(photo.photo_id)]
        )
    return hashlib.sha256(json.dumps([*words, photos]).encode()).hexdigest()[:16]
