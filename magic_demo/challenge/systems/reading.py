"""What any system says, case by case: a bundle, challenge files, or a file of scores read as predictions."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from magic_demo.challenge.data_masks import DataMasks
from magic_demo.challenge.run_folder import ANSWERS, BUNDLE, MASKS
from magic_demo.challenge.systems.scores_file import is_scores_file, read_scores
from magic_demo.core.errors import FormatError
from magic_demo.core.types import Narrative, OptionScores, PhotoPrediction, Prediction
from magic_demo.cues.cue_model import CueModel
from magic_demo.files.answers import read_answers
from magic_demo.files.bundles import KIND, list_predictions, read_prediction
from magic_demo.files.checkpoint_files import find_shipped
from magic_demo.files.findings import Findings
from magic_demo.files.json_files import read_json
from magic_demo.files.masks.mask_files import SYSTEM_NAME, mask_file_name, read_loose_mask
from magic_demo.questions.answering import NOTHING_KNOWN, Statistics
from magic_demo.questions.families import QuestionSet, load_challenge

_ENCOUNTER = re.compile(r"IMG_(.+)_\d+")
SCORES = "scores.json"
"""The file of scores in a folder of challenge files."""


@dataclass(frozen=True, eq=False)
class System:
    """What one system says of some encounters.

    read: encounter id -> its prediction, of ``encounter_ids``; read anew at each call, as masks are large.
    gives_masks: whether it has a mask of any photo.
    findings: what was put right, filled while predictions are read.
    """

    name: str
    encounter_ids: tuple[str, ...]
    read: Callable[[str], Prediction]
    gives_masks: bool
    findings: Findings = field(default_factory=Findings)


def read_system(
    place: Path, asked: QuestionSet | None = None, data: DataMasks | None = None, name: str | None = None
) -> System:
    """Read a system's output; which kind it is is seen.

    place: a bundle, or a folder that holds one; a folder of challenge files (``masks_preds``,
    ``data_cvqa_sys.json``, or ``scores.json`` in place of the latter); a JSON file of answers or of scores. data: says which encounter a photo is of, and how it is
    turned; without, the photo's name does (``IMG_<encounter>_<number>``). name: of the system, else the
    folder's or file's. Raises FormatError or BundleError, one line, where there is nothing of the kind.
    """
    asked = asked or load_challenge()
    bundle = find_bundle(place)
    if bundle is not None:
        own = name or (place.resolve().parent if place.name == BUNDLE else place.resolve()).name
        masked = any(True for _ in bundle.glob("*/*.png"))
        return System(
            own, list_predictions(bundle), lambda case: read_prediction(bundle, case, asked), masked
        )
    if place.is_dir():
        masks, answers = _find_masks(place), place / ANSWERS
        files = [file for file in (answers, place / SCORES) if file.is_file()]
        if not masks and not files:
            raise FormatError(
                "{place}: neither a bundle nor challenge files; {masks}/{mask}, {answers} or {scores} is "
                "expected",
                place=place,
                masks=MASKS,
                mask=mask_file_name("<image id>"),
                answers=ANSWERS,
                scores=SCORES,
            )
        return _read_files(name or place.resolve().name, files, masks, asked, data)
    if place.suffix.lower() == ".zip":
        raise FormatError("{place}: is a zip; unpack it and give the folder", place=place)
    if not place.is_file():
        raise FormatError(
            "{place}: no such file or folder; a bundle, challenge files or a JSON file of answers or scores is "
            "expected",
            place=place,
        )
    return _read_files(name or place.stem, [place], {}, asked, data)


def find_bundle(place: Path) -> Path | None:
    """Return the bundle that a folder is or holds; None where there is none."""
    for folder in (place, place / BUNDLE):
        first = next((path for path in sorted(folder.glob("*.json")) if not path.name.startswith(".")), None)
        if first is not None and first.name not in (ANSWERS, SCORES):
            content = read_json(first, "a prediction of this program")
            if isinstance(content, dict) and content.get("kind") == KIND:
                return folder
    return None


def read_statistics(asked: QuestionSet) -> Statistics:
    """Return what the shipped cue model knows of the challenge's answers; nothing of other questions."""
    if asked.digest != load_challenge().digest:
        return NOTHING_KNOWN
    cues = CueModel.load(find_shipped() / "cue-model")
    return Statistics(priors=cues.set_priors, base_scores=cues.score(Narrative()))


def _find_masks(folder: Path) -> dict[str, Path]:
    """Return photo id -> mask of a folder of challenge files, or of ``masks_preds`` itself."""
    end = mask_file_name("", SYSTEM_NAME)
    inside = folder / MASKS if (folder / MASKS).is_dir() else folder
    return {path.name.removesuffix(end): path for path in sorted(inside.glob(f"*{end}")) if path.name != end}


def _read_files(
    name: str,
    files: Sequence[Path],
    masks: Mapping[str, Path],
    asked: QuestionSet,
    data: DataMasks | None,
) -> System:
    scores: dict[str, OptionScores] = {}
    answers: dict[str, dict[str, int]] = {}
    for file in files:
        if is_scores_file(file):
            scores = read_scores(file, asked)
        else:
            answers = read_answers(file, asked)
    statistics = read_statistics(asked) if scores else NOTHING_KNOWN
    owners: dict[str, list[str]] = {}  # a photo may be of several encounters, and its mask is one of each
    for case in data.found.encounters if data is not None else ():
        for photo in case.photo_files:
            owners.setdefault(photo.photo_id, []).append(case.encounter_id)
    photos: dict[str, list[str]] = {}
    for photo_id in masks:
        match = _ENCOUNTER.fullmatch(photo_id)
        for encounter_id in owners.get(photo_id) or [match[1] if match else photo_id]:
            photos.setdefault(encounter_id, []).append(photo_id)
    findings = Findings()

    def read(encounter_id: str) -> Prediction:
        found = tuple(
            _read_mask(photo_id, masks[photo_id], data, findings) for photo_id in photos.get(encounter_id, ())
        )
        own = scores.get(encounter_id, {})
        given = answers.get(encounter_id) or asked.answer(own, statistics).answers
        models = {"segmentation": name} if found else {}
        prediction = Prediction(encounter_id, photos=found, scores=own, answers=given, models=models)
        return replace(prediction, models={**models, "cvqa": name}) if given else prediction

    return System(name, tuple(sorted({*scores, *answers, *photos})), read, bool(masks), findings)


def _read_mask(photo_id: str, path: Path, data: DataMasks | None, findings: Findings) -> PhotoPrediction:
    """Return a mask as a map of 0 and 1, upright where the data say how its photo is turned."""
    loose = read_loose_mask(path)
    for repair in loose.repairs:
        findings.add(f"mask {repair}", photo_id)
    mask = data.turned.turn_mask(photo_id, loose.mask) if data is not None else loose.mask
    return PhotoPrediction(photo_id, mask.astype(np.float32), (mask.shape[0], mask.shape[1]))
