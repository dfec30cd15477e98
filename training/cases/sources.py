"""Where cases with answers for the closed questions come from: the challenge's layout, synthetic cases, words
alone, cues."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from magic_demo.core.types import Answers, Family
from magic_demo.cues.cues import find_cues
from magic_demo.files.answers import read_answers
from magic_demo.files.encounters import read_encounters
from magic_demo.questions.coverage import match_families
from magic_demo.questions.families import QuestionSet, load_challenge
from magic_demo.synthetic.cases import make_case, write_cases
from magic_demo.synthetic.truth import draw_truth
from training.cases.pad import read_pad
from training.runs.ranges import CountOrNone, Positive, Seed, Side
from training.runs.run import SettingsError

SYNTHETIC_SPLITS = {"train": 0.85, "valid": 0.15}
CUE_KINDS = {"CQID015": "onset", "CQID025": "itch"}


@dataclass(frozen=True)
class CaseSource:
    """One source of cases with answers.

    name: what its scores are shown under. kind: ``challenge`` (``<split>.json``, ``<split>_cvqa.json`` and
    photos below ``folder``); ``cases`` (``count`` synthetic cases drawn by ``seed``, their ``split``);
    ``narratives`` (their words alone, of which there can be many); ``cues`` (the encounters of
    ``<split>.json`` that have *no* reference answers, answered for onset, itch and named sites by the cues in
    their words); ``pad`` (PAD-UFES-20's photos of the list ``splits/<split>.txt``, all of ``folder`` where ``split`` is
    empty, answered by what is recorded of the lesions, see ``training.cases.pad``).
    longest: of synthetic photos, their longest side in pixels. repeat: how often an epoch holds each case; a
    fraction is allowed. photos: whether photos are read.
    priors: whether its answers count for the decoding's priors, and are held out in cross-validation.
    """

    name: str
    kind: Literal["challenge", "cases", "narratives", "cues", "pad"]
    folder: str = "."
    split: str = "train"
    count: CountOrNone = 0
    seed: Seed = 0
    longest: Side = 192
    repeat: Positive = 1.0
    photos: bool = True
    priors: bool = False


@dataclass(frozen=True, eq=False)
class LearningCase:
    """A case as training sees it. texts: English, Chinese; either may be empty. group: cases of one group are
    never split apart.

    answers: of every question, or of some families.
    """

    case_id: str
    source: CaseSource
    texts: tuple[str, str]
    photos: tuple[Path, ...]
    answers: Answers
    group: str


def read_cases(
    folder: Path, sources: Sequence[CaseSource], drawn: Path, asked: QuestionSet | None = None
) -> list[LearningCase]:
    """List the sources' cases; synthetic ones are drawn below ``drawn`` unless they lie there already.

    asked: the questions that the answers are to, the challenge's when None. Raises SettingsError when the data is not there, FormatError when it is broken.
    """
    questions = asked or load_challenge()
    return [case for source in sources for case in _read_source(folder, source, drawn, questions)]


def answer_from_cues(texts: Sequence[str], families: Sequence[Family]) -> dict[str, int]:
    """Answer onset and itch by what the words say, "Not mentioned" where they do not, and the sites where
    they name some.

    texts: one narrative in its languages; the first that says something counts. Other families are left out.
    """
    answers: dict[str, int] = {}
    for family in families:
        names = [option.strip().lower() for option in family.options["en"]]
        kind = CUE_KINDS.get(family.family_id)
        said = [
            [
                cue.name.partition(":")
                for cue in find_cues(text)
                if not cue.negated or cue.name.startswith("itch:")
            ]
            for text in texts
        ]
        if kind is not None:
            values = [
                value for cues in said for of_kind, _, value in cues if of_kind == kind and value in names
            ]
            answers[family.questions[0].qid] = names.index(values[0]) if values else family.padding
        elif family.family_id == "CQID011":
            sites = {
                index
                for cues in said[:1]
                for of_kind, _, value in cues
                if of_kind == "site"
                for index in _match(value, names)
            }
            if sites:
                filled = [*sorted(sites), *[family.padding] * len(family.questions)]
                answers.update(
                    {question.qid: index for question, index in zip(family.questions, filled, strict=False)}
                )
    return answers


def _read_source(folder: Path, source: CaseSource, drawn: Path, asked: QuestionSet) -> list[LearningCase]:
    if source.kind == "narratives":
        return [_translate(_write_case(source, number), asked) for number in range(1, source.count + 1)]
    if source.kind == "pad":
        return [
            _translate(
                LearningCase(
                    photo.name,
                    source,
                    ("", ""),
                    (photo.path,),
                    photo.answers,
                    f"pad/{photo.patient}",
                ),
                asked,
            )
            for photo in read_pad(folder / source.folder, source.split)
        ]
    place, file = find_files(folder, source, drawn, asked)
    answers = read_answers(file, asked)
    families, cases = asked.families, []
    for encounter in read_encounters(place, source.split).encounters:
        texts = (encounter.narrative.en, encounter.narrative.zh)
        if (encounter.encounter_id in answers) == (source.kind == "cues"):
            continue
        known = answers.get(encounter.encounter_id) or answer_from_cues(
            [text for text in texts if text], families
        )
        photos = (
            tuple(photo.path for photo in encounter.photo_files if photo.path is not None)
            if source.photos
            else ()
        )
        group = f"{source.name}/{encounter.author_id or encounter.encounter_id}"
        cases.append(LearningCase(encounter.encounter_id, source, texts, photos, known, group))
    if not cases:
        raise SettingsError(
            "{place}: no encounter of {split} {has} answers",
            place=place,
            split=source.split,
            has="is without" if source.kind == "cues" else "has",
        )
    return cases


def find_files(
    folder: Path, source: CaseSource, drawn: Path, asked: QuestionSet | None = None
) -> tuple[Path, Path]:
    """Return the folder of a source of encounters, drawn if it is synthetic, and its file of answers.

    Raises SettingsError where the folder is not there, or not one such file.
    """
    place = (
        _draw_cases(drawn, source, asked or load_challenge())
        if source.kind == "cases"
        else folder / source.folder
    )
    if not place.is_dir():
        raise SettingsError("{place}: no such folder; give the folder of the data with --data", place=place)
    name = f"{source.split}_cvqa.json".casefold()
    files = sorted(path for path in place.rglob("*") if path.name.casefold() == name and path.is_file())
    if len(files) != 1:
        raise SettingsError(
            "{place}: {count} files named {split}_cvqa.json are below it, one is expected",
            place=place,
            count=len(files),
            split=source.split,
        )
    return place, files[0]


def _write_case(source: CaseSource, number: int) -> LearningCase:
    truth = replace(draw_truth(np.random.default_rng([source.seed, number, 1])), photos=0)
    case = make_case(source.seed, number, truth=truth)
    texts = (case.narrative.en, case.narrative.zh)
    told = {
        qid: index
        for qid, index in case.answers.items()
        if qid.partition("-")[0] in ("CQID011", "CQID015", "CQID025")
    }
    return LearningCase(case.encounter_id, source, texts, (), told, f"{source.name}/{case.encounter_id}")


def _translate(case: LearningCase, asked: QuestionSet) -> LearningCase:
    """Return a case with answers to the questions asked in place of the challenge's."""
    if asked.digest == load_challenge().digest:
        return case
    known = [
        family
        for family in load_challenge().families
        if all(question.qid in case.answers for question in family.questions)
    ]
    return replace(case, answers=match_families(asked, known).translate_answers(case.answers))


def _draw_cases(drawn: Path, source: CaseSource, asked: QuestionSet) -> Path:
    folder = drawn / (
        f"synthetic-{source.count}-{source.seed}"
        + (f"-{source.longest}" if source.longest != CaseSource.longest else "")
        + (f"-{asked.digest}" if asked.digest != load_challenge().digest else "")
    )
    if not folder.is_dir():
        print(f"drawing {source.count} synthetic cases into {folder}")
        write_cases(
            folder,
            count=source.count,
            seed=source.seed,
            splits=SYNTHETIC_SPLITS,
            longest=source.longest,
            asked=asked,
        )
    return folder


def _match(value: str, names: Sequence[str]) -> list[int]:
    return [index for index, name in enumerate(names) if name.startswith(value.split("/")[0])]
