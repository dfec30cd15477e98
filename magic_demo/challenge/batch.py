"""Batch mode: a folder of encounters in, challenge files out; a few encounters in memory at a time,
resumable."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from magic_demo.challenge.data_masks import DataMasks, find_data_masks
from magic_demo.challenge.pipeline import Busy
from magic_demo.challenge.run_folder import (
    ANSWERS,
    BUNDLE,
    GATHERED,
    JOURNAL,
    MASKS,
    UNSAID,
    finish_run,
    list_settings,
    start_run,
)
from magic_demo.challenge.running.batch_report import BatchReport
from magic_demo.challenge.running.cases import Case, plan_cases
from magic_demo.challenge.running.engines import Engine, work_here
from magic_demo.challenge.running.journal import Finished, Journal, JournalAnswers
from magic_demo.challenge.running.shards import Shard, gather_shards
from magic_demo.challenge.running.stages import Stages
from magic_demo.challenge.running.watching import PEAK_MEMORY, read_peak
from magic_demo.challenge.submitting.submission import HandIn
from magic_demo.core.disk.parts import alone_at
from magic_demo.core.errors import FormatError
from magic_demo.core.limits import LIMITS
from magic_demo.core.types import Language
from magic_demo.files.answers import write_answers
from magic_demo.files.bundles import has_prediction
from magic_demo.files.encounters import EncounterList
from magic_demo.files.masks.turns import Lie
from magic_demo.files.remote.addresses import Place
from magic_demo.files.remote.encounters import read_encounters_at
from magic_demo.models.influence.say import Say
from magic_demo.models.influence.statistics import find_statistics
from magic_demo.models.predictor import Predictor

LOOKED_AT_AHEAD = 20_000
"""Photos whose headers are looked at before the first encounter: of a million that would take minutes each time."""


def predict_folder(
    data: Place,
    out: Path,
    predictor: Predictor,
    *,
    split: str | None = None,
    photos: Place | None = None,
    language: Language | None = None,
    system_name: str = "magic-demo",
    pictures: bool = False,
    bundle: bool = False,
    masks: Lie | None = None,
    all_photos: bool = False,
    restart: bool = False,
    quiet: bool = False,
    engine: Engine = work_here,
    shard: Shard | None = None,
    merge: bool = False,
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
    ``data`` and ``photos`` are as ``read_encounters_at`` takes them: photos below an address are read where the
    case is done. ``language`` keeps one language's text alone; None uses what there is.
    The predictor's questions are answered, with their own qids and indices; of a family that no model scores
    every case gets the most frequent answer, and the notes say so.
    ``engine`` does the cases: this process, or others. ``shard``: do one part of the encounters, in a folder of
    its own below ``out``; ``merge`` gathers the shards' folders into ``out`` before it goes on there.

    Raises FormatError when the data cannot be read, or when ``out`` holds a run with other settings, or
    another program is writing there.
    """
    found = read_encounters_at(data, split, photos)
    _check_places(found, data, out, pictures)
    data_masks = (
        find_data_masks(found, data, masks, LOOKED_AT_AHEAD)
        if predictor.gives_masks
        else DataMasks(found, masks)
    )
    settings = list_settings(predictor, split, language, system_name, pictures, bundle, data_masks.lie)
    if all_photos != UNSAID["all_photos"]:
        settings["all_photos"] = all_photos
    if shard is not None:
        settings["shard"] = str(shard)
        out = out / shard.folder
    out.mkdir(parents=True, exist_ok=True)
    with alone_at(out) as alone:
        if not alone:
            raise FormatError(
                "{out}: another run is writing there; wait for its end, or choose another --out", out=out
            )
        started = start_run(out, settings, restart)
        if merge:
            gather_shards(out, settings)
        stages = Stages(out, predictor, language, pictures, bundle, all_photos)
        nothing = [f"{data}: the split holds no encounter, there is nothing to predict"]
        problems = found.problems or ([] if found.encounters else nothing)
        run = _Run(stages, data_masks, shard, problems)
        with (
            Journal(out / JOURNAL, out / MASKS) as journal,
            tqdm(
                total=run.count_cases(), unit="case", disable=quiet, file=sys.stderr, desc="predict"
            ) as progress,
        ):
            notes = describe_fallback(predictor) if predictor.answers_questions else []
            for note in (*_list_notes(found, data, split), *notes, *_note_masks(predictor, data_masks)):
                progress.write(f"note: {note}", file=sys.stderr)
            run.go_through(journal, engine, progress)
            report = run.write_results(journal)
        results = {**run.as_results(report), PEAK_MEMORY: read_peak(), "unscored": notes}
        finish_run(out, settings, started, results)
        (out / GATHERED).unlink(missing_ok=True)
    return report


def describe_fallback(predictor: Predictor) -> list[str]:
    """Return one line for each family that no model scores: why, and what every case is answered with."""
    sheet = predictor.questions.answer({}, find_statistics(predictor, Say()))
    return predictor.coverage.describe_fallback(sheet, "the models do not score")


@dataclass
class _Run:
    """A run under way: what is counted as its cases come."""

    stages: Stages
    data_masks: DataMasks
    shard: Shard | None
    found_problems: Sequence[str]
    ids: list[str] = field(default_factory=list)
    problems: list[tuple[int, str]] = field(default_factory=list)
    predicted: int = 0
    empty: int = 0
    done_now: int = 0
    photos_now: int = 0
    busy: Busy = field(default_factory=Busy)

    def count_cases(self) -> int:
        """Return how many cases there are to go through."""
        return sum(1 for _ in self._own(range(len(self.data_masks.found.encounters))))

    def go_through(self, journal: Journal, engine: Engine, progress: Any) -> None:
        """Have the engine do the cases that are not finished; every problem is said at once."""

        def say(number: int, problem: str) -> None:
            self.problems.append((number, problem))
            progress.write(f"problem: {problem}", file=sys.stderr)

        def count(masks: int, empty: int) -> None:
            progress.update()
            self.empty += empty
            self.predicted += masks - empty

        def unfinished() -> Iterator[Case]:
            for case in self._own(
                plan_cases(self.data_masks.found.encounters, self.stages.predictor.prompt_kind)
            ):
                self.ids.append(case.files.encounter_id)
                finished = self._find_finished(case, journal)
                if finished is not None:
                    count(*finished)
                else:
                    yield replace(case, masks=self.data_masks.of(case.files))

        for problem in self.found_problems:
            say(-1, problem)
        for outcome in engine(unfinished(), self.stages, journal, self.busy):
            self.done_now += 1
            self.photos_now += outcome.photos
            count(len(outcome.entry.masks), len(outcome.entry.empty))
            for problem in outcome.entry.problems:
                say(outcome.number, f"{outcome.entry.encounter_id}: {problem}")

    def write_results(self, journal: Journal) -> BatchReport:
        """Write the answers, in the order of the data, and return what the run did."""
        predictor = self.stages.predictor
        if predictor.answers_questions:
            write_answers(self.stages.out / ANSWERS, JournalAnswers(journal, self.ids), predictor.questions)
        files = HandIn(
            photos=self._name_photos() if predictor.gives_masks else None,
            encounters=tuple(self.ids) if predictor.answers_questions else None,
            listed=len(self.ids) if self.shard else max(self.data_masks.found.listed, len(self.ids)),
        )
        problems = tuple(problem for _, problem in sorted(self.problems, key=lambda one: one[0]))
        return BatchReport(
            len(self.ids), self.done_now, self.predicted, problems, files, self.photos_now, self.busy
        )

    def as_results(self, report: BatchReport) -> dict[str, Any]:
        """Return what the manifest keeps of the run's end."""
        return {
            "encounters": report.encounters,
            "masks": report.masks,
            "empty_masks": self.empty,
            "problems": report.problems,
            "hand_in": dict(vars(report.files)),
            "done_now": report.as_throughput(),
        }

    def _own(self, cases: Any) -> Iterator[Any]:
        return self.shard.choose(cases) if self.shard is not None else iter(cases)

    def _name_photos(self) -> tuple[str, ...]:
        if self.shard is None:
            return self.data_masks.photos
        own = tuple(self._own(self.data_masks.found.encounters))
        return DataMasks(EncounterList(own), None).photos

    def _find_finished(self, case: Case, journal: Journal) -> Finished | None:
        name = case.files.encounter_id
        finished = journal.find_finished(name, case.source)
        there = finished is None or not self.stages.bundle or has_prediction(self.stages.out / BUNDLE, name)
        return finished if there else None


def _check_places(found: EncounterList, data: Place, out: Path, pictures: bool) -> None:
    if len(found.encounters) > LIMITS.run_cases:
        raise FormatError(
            "{data}: {count} encounters, the limit of one run is {limit}; split the data",
            data=data,
            count=len(found.encounters),
            limit=LIMITS.run_cases,
        )
    if out.exists() and not out.is_dir():
        raise FormatError("{out}: is a file; --out names a folder, new or of a run to go on with", out=out)
    if pictures and isinstance(data, Path) and data.is_dir() and out.resolve().is_relative_to(data.resolve()):
        raise FormatError(
            "{out}: lies in {data}, where pictures would be taken for photos; choose an --out "
            "elsewhere for --pictures",
            out=out,
            data=data,
        )


def _list_notes(found: EncounterList, data: Place, split: str | None) -> Iterator[str]:
    if found.plain and split is not None:
        yield f"no {split}.json below {data}; every photo is taken as a case of its own"
    yield from found.notes


def _note_masks(predictor: Predictor, data_masks: DataMasks) -> Iterator[str]:
    if predictor.gives_masks and predictor.segmenter is not None and not predictor.segmenter.reads_prompt:
        yield f"{predictor.segmenter.model_id} reads no prompt; the patient's words change no mask"
    if data_masks.turned.heads or not data_masks.ahead:
        yield data_masks.describe_turned()
