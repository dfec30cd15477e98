"""Batch mode: a folder of encounters in, challenge files out; one encounter in memory at a time, resumable."""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from PIL import Image
from tqdm import tqdm

import magic_demo
from magic_demo.bundles import has_prediction, remove_prediction, write_prediction
from magic_demo.decoding import decode_answers
from magic_demo.errors import FormatError, PhotoError
from magic_demo.formats import read_encounters, write_answers
from magic_demo.journal import JournalEntry, append_entry, read_journal
from magic_demo.limits import LIMITS
from magic_demo.mask_files import mask_file_name, write_mask
from magic_demo.overlay import draw_fill, draw_outline, lesion_mask
from magic_demo.photos import read_photo, resize_pixels
from magic_demo.predictor import DEFAULT_CUES, DEFAULT_SEGMENTATION, DEFAULT_VQA, Predictor
from magic_demo.question_map import QuestionMap, read_question_map
from magic_demo.questions import load_families, load_questions
from magic_demo.types import LANGUAGES, Encounter, EncounterFiles, Language, Narrative, Photo, PhotoPrediction, Prediction
from magic_demo.whole_files import write_json, write_whole

TASKS = ("segmentation", "cvqa", "both")
SEED = 0
MASKS = "masks_preds"
ANSWERS = "data_cvqa_sys.json"
MANIFEST = "manifest.json"
PICTURES = "pictures"
BUNDLE = "bundle"
PICTURE_SIDE = 1024
JOURNAL = "journal.jsonl"

EXIT_DONE, EXIT_WITH_PROBLEMS, EXIT_STOPPED = 0, 3, 130
EXIT_CODES = (
    "Exit codes: 0 all done; 1 nothing could be done, one line says why; 2 wrong options; 3 done, with problems: each line names what is "
    "missing and why; 130 stopped: the same command goes on from there."
)


@dataclass(frozen=True)
class BatchReport:
    """What a run did: encounters done now and in all, mask files there are, and one line a problem."""

    encounters: int
    done_now: int
    masks: int
    problems: tuple[str, ...]


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
    questions: QuestionMap | None = None,
    restart: bool = False,
    quiet: bool = False,
) -> BatchReport:
    """Predict every encounter below ``data`` and write the challenge's files to ``out``.

    Masks go to ``masks_preds/<image id>_mask_sys.tiff`` (uint8, 0 and 1, the upright photo's size), answers to
    ``data_cvqa_sys.json`` (every encounter, all qids), models, versions and settings to ``manifest.json``; with ``pictures``
    each photo with its outline goes to ``pictures/<image id>.jpg``, with ``bundle`` all that the models said goes to ``bundle``, for reviews
    without a model. A file is there whole or not at all. An encounter that is finished is not predicted again when the same run is started once
    more, unless it had a problem or its words or photo files have changed. A photo that several encounters name has one
    mask file, the first one's. ``language`` keeps one language's text alone; None uses what there is. ``questions`` are answered
    in place of the challenge's, with their own qids and indices; a bundle holds the challenge's.

    Raises FormatError when the data cannot be read, or when ``out`` holds a run with other settings.
    """
    found = read_encounters(data, split)
    if len(found.encounters) > LIMITS.run_cases:
        raise FormatError(f"{data}: {len(found.encounters)} encounters, the limit of one run is {LIMITS.run_cases}; split the data")
    if out.exists() and not out.is_dir():
        raise FormatError(f"{out}: is a file; --out names a folder, new or of a run to go on with")
    if pictures and data.is_dir() and out.resolve().is_relative_to(data.resolve()):
        raise FormatError(f"{out}: lies in {data}, where pictures would be taken for photos; choose an --out elsewhere for --pictures")
    problems: list[str] = []
    families = questions.families if questions is not None else load_families()
    settings = _settings(predictor, split, language, system_name, pictures, bundle, questions)
    out.mkdir(parents=True, exist_ok=True)
    started = _start(out, settings, restart)
    finished = read_journal(out / JOURNAL, out / MASKS)
    torch.manual_seed(SEED)
    entries: dict[str, JournalEntry] = {}
    owners: dict[str, str] = {}
    done_now = 0
    with (
        (out / JOURNAL).open("a", encoding="utf-8") as journal,
        tqdm(found.encounters, unit="case", disable=quiet, file=sys.stderr, desc="predict") as cases,
    ):

        def say(problem: str) -> None:
            problems.append(problem)
            cases.write(f"problem: {problem}", file=sys.stderr)

        if found.plain and split is not None:
            cases.write(f"note: no {split}.json below {data}; every photo is taken as a case of its own", file=sys.stderr)
        for problem in found.problems or (
            [] if found.encounters else [f"{data}: the split holds no encounter, there is nothing to predict"]
        ):
            say(problem)
        for files in cases:
            holders = {photo.photo_id: owners.setdefault(photo.photo_id, files.encounter_id) for photo in files.photo_files}
            shared = {photo_id: owner for photo_id, owner in holders.items() if owner != files.encounter_id}
            source = _digest(files, shared)
            entry = finished.get(files.encounter_id)
            there = not bundle or has_prediction(out / BUNDLE, files.encounter_id)
            if entry is None or entry.problems or entry.source != source or not there:
                entry = replace(_predict_files(files, out, predictor, language, shared, pictures, bundle, questions), source=source)
                append_entry(journal, entry)
                done_now += 1
            entries[entry.encounter_id] = entry
            for problem in entry.problems:
                say(f"{entry.encounter_id}: {problem}")
    if predictor.answers_questions:
        write_answers(out / ANSWERS, {name: entry.answers for name, entry in entries.items()}, families)
    masks = sum(len(entry.masks) for entry in entries.values())
    _write_manifest(out, settings, started, {"encounters": len(entries), "masks": masks, "problems": problems})
    return BatchReport(len(entries), done_now, masks, tuple(problems))


def read_encounter(files: EncounterFiles, language: Language | None = None) -> tuple[Encounter, list[str]]:
    """Read an encounter's photos. Returns it with those that can be read, and one line for each that cannot."""
    photos: list[Photo] = []
    problems: list[str] = []
    for file in files.photo_files:
        if file.path is None:
            problems.append(f"{file.photo_id}: the photo is named but not found below the data folder; no mask is written")
            continue
        try:
            photos.append(read_photo(file.path, photo_id=file.photo_id))
        except PhotoError as error:
            problems.append(f"{error}; no mask is written")
    narrative = files.narrative if language is None else Narrative(**{language: getattr(files.narrative, language)})
    return Encounter(files.encounter_id, narrative, tuple(photos), files.responses), problems


def _predict_files(
    files: EncounterFiles,
    out: Path,
    predictor: Predictor,
    language: Language | None,
    shared: Mapping[str, str],
    pictures: bool,
    bundle: bool,
    questions: QuestionMap | None,
) -> JournalEntry:
    """Predict one encounter and write its masks, but for ``shared`` photos: photo id -> the encounter whose mask it has."""
    encounter, problems = read_encounter(files, language)
    problems += [f"{photo_id}: is a photo of {owner} too; the mask file is the one of {owner}" for photo_id, owner in shared.items()]
    if predictor.segmenter is None:  # photos only inform the answers: one that is missing costs nothing that was asked for
        problems = []
    prediction = predictor.predict(encounter, language=language or "en")
    masks = _write_masks([photo for photo in prediction.photos if photo.photo_id not in shared], prediction.threshold, out)
    if pictures:
        _write_pictures(encounter, prediction, out)
    if bundle:
        remove_prediction(out / BUNDLE, files.encounter_id)
        write_prediction(out / BUNDLE, prediction)
    problems += prediction.failures
    scores = prediction.scores
    if predictor.answers_questions and not scores:  # the challenge wants every encounter answered
        problems.append("answered with what is most frequent instead")
        scores = {question.qid: np.zeros(question.option_count, np.float32) for question in load_questions()}
    answers = dict(prediction.answers)
    if scores and questions is not None:
        answers = questions.decode(scores, predictor.set_priors)
    elif scores and not answers:
        answers = decode_answers(scores, load_families(), predictor.set_priors)
    return JournalEntry(files.encounter_id, answers=answers, masks=masks, problems=problems)


def _write_masks(photos: Sequence[PhotoPrediction], threshold: float, out: Path) -> list[str]:
    folder = out / MASKS
    names = []
    for photo in photos:
        name = mask_file_name(photo.photo_id)
        write_mask(folder / name, lesion_mask(photo.probability, photo.size, threshold))
        names.append(name)
    return names


def _write_pictures(encounter: Encounter, prediction: Prediction, out: Path) -> None:
    """Write each predicted photo with its lesion outlined and tinted, small enough to leaf through."""
    pixels = {photo.photo_id: photo.pixels for photo in encounter.photos}
    for photo in prediction.photos:
        scale = min(1.0, PICTURE_SIDE / max(photo.size))
        size = (max(1, round(photo.size[0] * scale)), max(1, round(photo.size[1] * scale)))
        mask = lesion_mask(photo.probability, size, prediction.threshold)
        drawn = draw_outline(draw_fill(resize_pixels(pixels[photo.photo_id], size), mask), mask)
        buffer = io.BytesIO()
        Image.fromarray(drawn).save(buffer, "JPEG", quality=90)
        write_whole(out / PICTURES / f"{photo.photo_id}.jpg", buffer.getvalue())


def _settings(
    predictor: Predictor,
    split: str | None,
    language: Language | None,
    system_name: str,
    pictures: bool,
    bundle: bool,
    questions: QuestionMap | None,
) -> dict[str, Any]:
    return {
        "system_name": system_name,
        "split": split,
        "language": language or "all",
        "pictures": pictures,
        "bundle": bundle,
        "questions": "challenge" if questions is None else {family.family_id: list(family.options["en"]) for family in questions.families},
        "models": dict(predictor.models),
        "threshold": predictor.segmenter.threshold if predictor.segmenter is not None else None,
        "seed": SEED,
        "versions": {
            "magic_demo": magic_demo.__version__,
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "numpy": np.__version__,
        },
    }


def _start(out: Path, settings: Mapping[str, Any], restart: bool) -> str:
    """Write the manifest of a run under way, after checking that ``out`` holds no run with other settings."""
    manifest = out / MANIFEST
    started = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    if manifest.is_file() and not restart:
        try:
            before = json.loads(manifest.read_text(encoding="utf-8"))
            differing = [name for name in settings if before["settings"][name] != settings[name]]
        except (ValueError, KeyError, TypeError) as error:
            raise FormatError(f"{manifest}: not a manifest of this program ({error}); choose another --out or add --restart") from error
        if differing:
            raise FormatError(
                f"{out}: holds a run with another {' and '.join(differing)}; choose another --out, or add --restart to replace that run"
            )
        started = before.get("started", started)
    elif restart:
        _remove_run(out)
    elif any(out.iterdir()):
        raise FormatError(f"{out}: is not empty and holds no run of this program; choose another --out, or add --restart to write into it")
    write_json(manifest, {"settings": settings, "started": started, "finished": None}, indent=1)
    return started


def _write_manifest(out: Path, settings: Mapping[str, Any], started: str, results: Mapping[str, Any]) -> None:
    finished = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    write_json(out / MANIFEST, {"settings": settings, "started": started, "finished": finished, "results": results}, indent=1)


def _remove_run(out: Path) -> None:
    """Remove what the run in ``out`` wrote, and nothing else: its files must not stand beside those of the next."""
    journal = out / JOURNAL
    if journal.is_file():
        for entry in read_journal(journal, out / MASKS).values():
            remove_prediction(out / BUNDLE, entry.encounter_id)
            for name in entry.masks:
                (out / MASKS / Path(name).name).unlink(missing_ok=True)
                (out / PICTURES / f"{Path(name).name.removesuffix(mask_file_name(''))}.jpg").unlink(missing_ok=True)
        (out / ANSWERS).unlink(missing_ok=True)
        journal.unlink()


def _digest(files: EncounterFiles, shared: Mapping[str, str]) -> str:
    """Return a digest of what an encounter is predicted from: its words, its photos' names, sizes and times, whose mask they have."""
    photos = []
    for photo in files.photo_files:
        status = photo.path.stat() if photo.path is not None and photo.path.is_file() else None
        photos.append([photo.photo_id, status and [status.st_size, status.st_mtime_ns], shared.get(photo.photo_id)])
    return hashlib.sha256(json.dumps([asdict(files.narrative), photos]).encode()).hexdigest()[:16]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``python -m magic_demo predict``."""
    parser.epilog = EXIT_CODES
    parser.add_argument("data", type=Path, help="folder in the challenge's layout, or a plain folder of photos (each its own encounter)")
    parser.add_argument("--split", help="train, valid or test: which <split>.json to read; not needed for a plain folder of photos")
    parser.add_argument("--out", type=Path, required=True, help=f"folder for {MASKS}/, {ANSWERS} and {MANIFEST}")
    parser.add_argument("--task", choices=TASKS, default="both", help="with cvqa no photo needs to exist (default: both)")
    parser.add_argument("--system-name", default="magic-demo", help="written to the manifest (default: magic-demo)")
    parser.add_argument("--language", choices=LANGUAGES, help="use this language's text alone (default: all the text there is)")
    parser.add_argument("--segmentation", default=str(DEFAULT_SEGMENTATION), help="checkpoint folder or Hub id")
    parser.add_argument("--vqa", default=str(DEFAULT_VQA), help="checkpoint folder or Hub id")
    parser.add_argument("--cues", default=str(DEFAULT_CUES), help="text cues' checkpoint folder, or 'none' to answer with --vqa alone")
    parser.add_argument(
        "--questions",
        type=Path,
        metavar="FILE",
        help="answer the questions of this file, with its options in its order (docs/questions.md)",
    )
    parser.add_argument("--pictures", action="store_true", help=f"write each photo with its outline to {PICTURES}/ as well")
    parser.add_argument(
        "--bundle", action="store_true", help=f"write all that the models say to {BUNDLE}/ as well, to review without a model"
    )
    parser.add_argument("--restart", action="store_true", help="remove what the run in --out wrote and begin anew, instead of resuming it")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def run(arguments: argparse.Namespace) -> int:
    """Run ``predict``; returns 0 when all went well, 3 when it finished with problems (each named), 130 when stopped."""
    if not arguments.data.exists():  # said before models load
        raise FormatError(f"{arguments.data}: no such file or folder; a challenge folder, its JSON file or a folder of photos is expected")
    if arguments.questions is not None and arguments.bundle:
        raise FormatError("--bundle keeps the challenge's own questions; leave out --bundle or --questions")
    questions = read_question_map(arguments.questions) if arguments.questions is not None else None
    predictor = Predictor.load(
        segmentation=arguments.segmentation if arguments.task != "cvqa" else None,
        vqa=arguments.vqa if arguments.task != "segmentation" else None,
        cues=arguments.cues if arguments.task != "segmentation" and arguments.cues != "none" else None,
    )
    try:
        report = predict_folder(
            arguments.data,
            arguments.out,
            predictor,
            split=arguments.split,
            language=arguments.language,
            system_name=arguments.system_name,
            pictures=arguments.pictures,
            bundle=arguments.bundle,
            questions=questions,
            restart=arguments.restart,
            quiet=arguments.quiet,
        )
    except KeyboardInterrupt:
        print("stopped: what is finished is kept; the same command goes on from there", file=sys.stderr)
        return EXIT_STOPPED
    print(f"{report.encounters} encounters ({report.done_now} predicted now), {report.masks} masks, written to {arguments.out}")
    if report.problems:
        print(f"{len(report.problems)} problem(s), listed above and in {arguments.out / MANIFEST}", file=sys.stderr)
        return EXIT_WITH_PROBLEMS
    return EXIT_DONE
