"""What is done to each case of a run, in three stages: read its photos, ask the models, write its files."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image

from magic_demo.challenge.run_folder import BUNDLE, MASKS, PICTURES, SEED
from magic_demo.challenge.running.cases import Case, read_encounter
from magic_demo.challenge.running.journal import JournalEntry
from magic_demo.core.disk.whole_files import write_whole
from magic_demo.core.messages import Message
from magic_demo.core.types import Encounter, EncounterFiles, Language, PhotoPrediction, Prediction
from magic_demo.files.bundles import remove_prediction, write_prediction
from magic_demo.files.masks.mask_files import mask_file_name, write_mask
from magic_demo.imaging.overlay import draw_outline, lesion_mask
from magic_demo.imaging.resize import resize_pixels
from magic_demo.models.backends.backend import set_seed
from magic_demo.models.influence.say import Say
from magic_demo.models.influence.statistics import find_statistics
from magic_demo.models.predictor import Predictor
from magic_demo.reviews.learning.gain import measure_doubts

PICTURE_SIDE = 1024


@dataclass(frozen=True)
class CaseRead:
    """What there is of a case after reading, and then after prediction; photos are held only as long as they
    are needed. unseen: why a photo could not be read, by its id."""

    case: Case
    problems: list[str] = field(default_factory=list)
    unseen: Mapping[str, str] = field(default_factory=dict)
    encounter: Encounter | None = None
    prediction: Prediction | None = None
    photos: int = 0


@dataclass(frozen=True)
class Outcome:
    """A case whose files are on the disk: its number, its entry for the journal, how many photos were looked at,
    and the seconds that the stages took where they were taken together."""

    number: int
    entry: JournalEntry
    photos: int
    seconds: tuple[float, float, float] = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Stages:
    """The three stages over one predictor; each takes one case at a time, and ``pipeline.overlap`` runs them side
    by side."""

    out: Path
    predictor: Predictor
    language: Language | None
    pictures: bool
    bundle: bool
    all_photos: bool

    def read(self, case: Case) -> CaseRead:
        """Decode the photos of a case."""
        case = replace(case, masks=case.masks.look())
        files = case.files if self.predictor.looks_at_photos else replace(case.files, photo_files=())
        encounter, unseen = read_encounter(files, self.language)
        # photos only inform the answers: one that is missing costs nothing that was asked for
        if not self.predictor.gives_masks:
            return CaseRead(case, encounter=encounter)
        return CaseRead(case, _name_shared(case), unseen, encounter)

    def predict(self, read: CaseRead) -> CaseRead:
        """Ask the models; the photos are let go unless they are drawn on."""
        assert read.encounter is not None
        set_seed(
            SEED
        )  # for each case: what is drawn by chance depends on no case before it, nor on who does it
        prediction = self.predictor.predict(
            read.encounter, language=self.language or "en", all_photos=self.all_photos
        )
        kept = read.encounter if self.pictures else None
        return replace(read, prediction=prediction, encounter=kept, photos=len(read.encounter.photos))

    def write(self, read: CaseRead) -> Outcome:
        """Write a case's files, its masks but for shared photos: what the entry names is on the disk."""
        case, prediction, problems = read.case, read.prediction, read.problems
        assert prediction is not None
        own = [photo for photo in prediction.photos if photo.photo_id not in case.shared]
        masks = [self._write_mask(case, photo, prediction.threshold) for photo in own]
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
            doubts=measure_doubts(prediction, self.predictor.questions).pack(),
        )
        return Outcome(case.number, entry, read.photos)

    def do(self, case: Case) -> Outcome:
        """Do all three, one after another."""
        times = [time.perf_counter()]
        read = self.read(case)
        times.append(time.perf_counter())
        predicted = self.predict(read)
        times.append(time.perf_counter())
        outcome = self.write(predicted)
        times.append(time.perf_counter())
        first, second, third = (later - earlier for earlier, later in pairwise(times))
        return replace(outcome, seconds=(first, second, third))

    def give_up(self, case: Case, why: Message) -> Outcome:
        """Write the files of a case that nobody could work on: empty masks, the most frequent answers, and
        ``why`` as its problem."""
        nothing = Prediction(
            case.files.encounter_id,
            threshold=self.predictor.threshold,
            models=self.predictor.models,
            failures=(why,),
        )
        unseen = {file.photo_id: f"{file.photo_id}: {why}" for file in case.files.photo_files}
        return self.write(CaseRead(case, _name_shared(case), unseen, prediction=nothing))

    def _write_mask(self, case: Case, photo: PhotoPrediction, threshold: float) -> str:
        mask = lesion_mask(photo.probability, photo.size, threshold)
        name = mask_file_name(photo.photo_id)
        write_mask(self.out / MASKS / name, case.masks.lay_mask(photo.photo_id, mask))
        return name

    def _write_empty(
        self, case: Case, seen: Collection[str], unseen: Mapping[str, str]
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
            size = case.masks.find_size(file)
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


class StagesPlan:
    """What another process needs to make the same stages: how to load the models, and the run's settings."""

    def __init__(self, load: Callable[[], Predictor], stages: Stages) -> None:
        self._load = load
        self._settings = {
            each.name: getattr(stages, each.name) for each in fields(stages) if each.name != "predictor"
        }

    def make(self) -> Stages:
        """Load the models and return the stages. Raises as ``load`` does."""
        return Stages(predictor=self._load(), **self._settings)


def _name_shared(case: Case) -> list[str]:
    return [
        f"{photo_id}: is a photo of {owner} too; the mask file is the one of {owner}"
        for photo_id, owner in case.shared.items()
    ]


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
