"""Several systems fused into one, case by case: never a file that the organisers' script stops at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from magic_demo.challenge.data_masks import DataMasks
from magic_demo.challenge.run_folder import ANSWERS, BUNDLE, CHALLENGE, MASKS, finish_run, start_run
from magic_demo.challenge.submitting.submission import HandIn
from magic_demo.challenge.systems.answer_fusion import Pooling, fuse_family
from magic_demo.challenge.systems.mask_fusion import THRESHOLD, MaskFusion, fuse_maps
from magic_demo.challenge.systems.reading import System
from magic_demo.core.errors import FormatError
from magic_demo.core.types import EncounterFiles, PhotoPrediction, Prediction
from magic_demo.files.answers import write_answers
from magic_demo.files.bundles import write_prediction
from magic_demo.files.findings import Findings
from magic_demo.files.masks.mask_files import mask_file_name, write_mask
from magic_demo.imaging.overlay import lesion_mask
from magic_demo.questions.answering import Statistics
from magic_demo.questions.families import QuestionSet, load_challenge


@dataclass(frozen=True, eq=False)
class Fusion:
    """How systems are fused.

    answers: "majority" of answers, or "mean" of scores. masks: see ``fuse_maps``. weights: family id -> one a
    system, alike for families that are not named.
    """

    asked: QuestionSet
    statistics: Statistics
    answers: Pooling = "mean"
    masks: MaskFusion = "mean"
    weights: Mapping[str, Sequence[float]] = field(default_factory=dict)


@dataclass(frozen=True)
class EnsembleReport:
    """What was written: encounters, masks, what has to be handed in, and one line for each problem."""

    encounters: int
    masks: int
    files: HandIn
    problems: tuple[str, ...]


def fuse_case(
    encounter_id: str,
    predictions: Sequence[Prediction],
    fusion: Fusion,
    findings: Findings,
    sizes: Mapping[str, tuple[int, int]] | None = None,
) -> Prediction:
    """Fuse what systems say of one encounter, one prediction a system; a system that is silent on a part of
    it has no say there. Families that no system answers stay open. findings: gets what did not fit. sizes:
    photo id -> (height, width) of photos whose size is known; masks of another size are left out."""
    answers: dict[str, int] = {}
    scores = {}
    for family in fusion.asked.families:
        fused = fuse_family(
            predictions,
            family,
            fusion.answers,
            fusion.weights.get(family.family_id, ()),
            fusion.statistics.priors.get(family.family_id),
        )
        if fused is not None:
            answers.update(fused.answers)
            scores.update({question.qid: fused.scores for question in family.questions})
    photo_ids = dict.fromkeys(photo.photo_id for one in predictions for photo in one.photos)
    fused_photos = [
        _fuse_photo(photo_id, predictions, fusion.masks, findings, (sizes or {}).get(photo_id))
        for photo_id in photo_ids
    ]
    photos = tuple(photo for photo in fused_photos if photo is not None)
    name = f"ensemble of {len(predictions)}, {fusion.answers}"
    models = ({"segmentation": f"ensemble of {len(predictions)}, {fusion.masks}"} if photos else {}) | (
        {"cvqa": name} if answers else {}
    )
    return Prediction(
        encounter_id, photos=photos, scores=scores, answers=answers, threshold=THRESHOLD, models=models
    )


def write_ensemble(
    out: Path, systems: Sequence[System], fusion: Fusion, data: DataMasks | None = None
) -> EnsembleReport:
    """Fuse systems and write ``masks_preds``, ``data_cvqa_sys.json``, ``bundle`` and ``manifest.json`` to
    ``out``, a new or empty folder.

    data: the encounters that are expected: each gets an answer to every question and, where any system gives
    masks, each of its photos one, empty where no system has it and something says its size; without, those that the systems have. What
    nobody answered gets the most frequent answer, and is named in the problems. Raises FormatError where
    ``out`` is not empty.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FormatError("{out}: is not empty; choose another --out", out=out)
    expected = data.found.encounters if data is not None else _list_cases(systems)
    masks = any(system.gives_masks for system in systems)
    settings = _describe(systems, fusion)
    out.mkdir(parents=True, exist_ok=True)
    started = start_run(out, settings, restart=False)
    findings, answers, written = Findings(), {}, dict[str, str]()
    for files in expected:
        sizes = _find_sizes(files, data)
        fused = fuse_case(files.encounter_id, _read(systems, files.encounter_id), fusion, findings, sizes)
        if masks:
            fused = _add_empty(files, fused, sizes, written, findings)
        write_prediction(out / BUNDLE, fused)
        for photo in fused.photos:
            if written.setdefault(photo.photo_id, files.encounter_id) == files.encounter_id:
                mask = lesion_mask(photo.probability, photo.size, THRESHOLD)
                laid = data.lay_mask(photo.photo_id, mask) if data is not None else mask
                write_mask(out / MASKS / mask_file_name(photo.photo_id), laid)
        answers[files.encounter_id] = _complete(fused, fusion, findings)
    any_answers = any(system_answers for system_answers, _ in answers.values())
    if any_answers:
        write_answers(out / ANSWERS, {case: given for case, (_, given) in answers.items()}, fusion.asked)
    for system in systems:
        findings.extend(system.findings)
    files_of_run = HandIn(
        photos=(data.photos if data is not None else tuple(written)) if masks else None,
        encounters=tuple(answers) if any_answers else None,
        listed=max(len(answers), data.found.listed if data is not None else 0),
    )
    problems = tuple(findings.lines()) if any_answers else _without_answers(findings)
    finish_run(out, settings, started, {"hand_in": asdict(files_of_run), "problems": list(problems)})
    return EnsembleReport(len(answers), len(written), files_of_run, problems)


def _read(systems: Sequence[System], encounter_id: str) -> list[Prediction]:
    return [
        system.read(encounter_id) if encounter_id in system.encounter_ids else Prediction(encounter_id)
        for system in systems
    ]


def _list_cases(systems: Sequence[System]) -> tuple[EncounterFiles, ...]:
    names = sorted({case for system in systems for case in system.encounter_ids})
    return tuple(EncounterFiles(name) for name in names)


NOBODY = "no system answers a family, the most frequent answer stands"


def _complete(fused: Prediction, fusion: Fusion, findings: Findings) -> tuple[bool, dict[str, int]]:
    """Return whether any system answered, and an answer to every question."""
    sheet = fusion.asked.answer({}, fusion.statistics)
    for family in fusion.asked.families:
        if family.questions[0].qid not in fused.answers:
            findings.add(NOBODY, fused.encounter_id, family.family_id)
    return bool(fused.answers), {**sheet.fallback, **fused.answers}


def _without_answers(findings: Findings) -> tuple[str, ...]:
    """Return the lines of systems that give masks alone, whose families nobody was to answer."""
    return tuple(line for line in findings.lines() if not line.startswith(NOBODY))


def _fuse_photo(
    photo_id: str,
    predictions: Sequence[Prediction],
    how: MaskFusion,
    findings: Findings,
    known: tuple[int, int] | None,
) -> PhotoPrediction | None:
    found = [
        (photo, one.threshold) for one in predictions for photo in one.photos if photo.photo_id == photo_id
    ]
    size = known or found[0][0].size
    kept = [(photo, threshold) for photo, threshold in found if photo.size == size]
    if len(kept) < len(found):
        whose = "the photo's" if known else "the first system's"
        findings.add(f"masks of another size than {whose} are left out", photo_id)
    if not kept:
        return None
    photos, thresholds = zip(*kept, strict=True)
    return PhotoPrediction(photo_id, fuse_maps(photos, thresholds, how), size)


def _find_sizes(files: EncounterFiles, data: DataMasks | None) -> dict[str, tuple[int, int]]:
    """Return photo id -> (height, width) of an encounter's upright photos, of those whose size something says."""
    sizes = {}
    for file in files.photo_files if data is not None else ():
        assert data is not None
        turned = data.turned.heads.get(file.photo_id)
        size = turned.upright if turned is not None else data.find_size(file)
        if size is not None:
            sizes[file.photo_id] = size
    return sizes


def _add_empty(
    files: EncounterFiles,
    fused: Prediction,
    sizes: Mapping[str, tuple[int, int]],
    written: Mapping[str, str],
    findings: Findings,
) -> Prediction:
    """Return the prediction with an empty map for each photo that is expected and that no system has, where a
    size is known."""
    seen, photos = {photo.photo_id for photo in fused.photos}, list(fused.photos)
    for file in files.photo_files:
        if file.photo_id in seen or file.photo_id in written:
            continue
        size = sizes.get(file.photo_id)
        if size is None:
            findings.add(
                "no system has a mask and nothing says the photo's size, none is written", file.photo_id
            )
            continue
        findings.add("no system has a mask, an empty one is written", file.photo_id)
        photos.append(PhotoPrediction(file.photo_id, np.zeros(size, np.float32), size))
    return replace(fused, photos=tuple(photos))


def _describe(systems: Sequence[System], fusion: Fusion) -> dict[str, Any]:
    return {
        "systems": [system.name for system in systems],
        "answers": fusion.answers,
        "masks": fusion.masks,
        "weights": {family: list(weights) for family, weights in fusion.weights.items()},
        "questions": CHALLENGE
        if fusion.asked.digest == load_challenge().digest
        else {family.family_id: list(family.options["en"]) for family in fusion.asked.families},
    }
