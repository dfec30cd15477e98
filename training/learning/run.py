"""From reviews to a new model: gather, measure, fine-tune, measure again, write; nothing that was there is changed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from magic_demo.core.disk.user_files import read_user_text
from magic_demo.core.disk.whole_files import make_folders, whole_folder, write_json, write_whole
from magic_demo.core.errors import MagicDemoError
from magic_demo.core.limits import LIMITS
from magic_demo.core.messages import Message
from magic_demo.questions.families import load_challenge
from magic_demo.reviews.exports import read_data_set
from magic_demo.reviews.exports.case_files import find_queue_files
from magic_demo.reviews.learning.learnt import LearntError, LearntFrom, find_withdrawn, read_learnt, work_of
from magic_demo.reviews.store import Store
from training.learning.card import Story
from training.learning.fine_tuning.lessons import Lessons, check_enough, count_photos, read_lessons
from training.learning.fine_tuning.replay import Before, read_before
from training.learning.fine_tuning.teaching import teach_answers, teach_segmenter
from training.learning.gathering import Gathered, gather_reviews
from training.learning.measuring import JudgedCase, Row, compare, judge_lessons, judge_photos
from training.learning.progress import Teller
from training.learning.settings import LearnSettings
from training.learning.start import Models
from training.learning.writing import describe_row, write_comparison, write_models

BEGUN, STATE, SET, RUNNING = "begun.json", "decoder.pt", "set", "running"
WITHDRAWN = Message(
    "a case was deleted or covered while it was learnt from; nothing was kept of what was learnt, learn again"
)


def learn(settings: LearnSettings) -> tuple[Path, list[Row]]:
    """Learn as the settings say; returns the model's folder and the numbers before and after.

    The folder appears whole, at the end. What is half done lies beside it, under a name of its own, and is gone on
    with when the same is asked again. Raises LearntError, one line, where nothing can be learnt.
    """
    out = settings.out
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise LearntError("{out}: is there already and stays as it is; name a new folder with --out", out=out)
    torch.set_num_threads(settings.threads)
    work = work_of(out)
    make_folders(work, private=True)
    write_whole(work / RUNNING, "", private=True)  # who deletes a case removes it
    tell = Teller(work)
    try:
        rows = _learn(settings, work, tell)
    except (MagicDemoError, OSError) as error:
        if (work / RUNNING).is_file() or isinstance(error, LearntError):
            raise
        raise LearntError(WITHDRAWN) from error  # a case was deleted, and what was half done with it
    finally:
        shutil.rmtree(work / SET, ignore_errors=True)  # photos are read anew, as they then are
        shutil.rmtree(work / "seen", ignore_errors=True)
    shutil.rmtree(work, ignore_errors=True)
    return out, rows


def _learn(settings: LearnSettings, work: Path, tell: Teller) -> list[Row]:
    tell.begin("reviews", "Gathering the reviews")
    gathered = gather(settings, work / SET)
    known, salted = _read_known(settings)
    lessons = read_lessons(
        gathered.version,
        settings.rule,
        was_taught=lambda case_id: known is not None and known.name(case_id) in salted,
    )
    check_enough(lessons, settings.least)
    start = Models.load(settings)
    _check_begun(settings, gathered, start, work)
    for line in gathered.left_out:
        print(f"left out: {line}", flush=True)
    tell.begin(
        "before",
        f"{len(lessons.taught)} cases to learn from, {len(lessons.held_out)} held out; measuring the models",
    )
    before = read_before(settings.data, work / "drawn", settings.replay)
    first = _judge(start, lessons, before, tell)
    segmenter, run = teach_segmenter(settings, start, lessons, before, work / STATE, tell)
    tell.begin("answers", "Learning the answers")
    heads = teach_answers(settings, start, segmenter, lessons, before, work / "seen")
    new = start.with_heads(segmenter, heads)
    tell.begin("after", "Measuring the new models")
    second = _judge(new, lessons, before, tell)
    rows = compare_all(first, second)
    story = Story(
        version=gathered.version,
        rule=settings.rule,
        one_reader=settings.reader is not None,
        taught=len(lessons.taught),
        held_out=len(lessons.held_out),
        begun=start.names(),
        replay=before.said,
        steps=run.step,
        minutes=run.seconds / 60,
        old_weights=settings.decoder.old_weights,
        old_maps=settings.decoder.old_maps,
        rows=rows,
        notes=_list_notes(gathered, lessons, answers=heads is not None),
    )
    learnt = LearntFrom(gathered.version.digest, gathered.queue)
    used = {one.case_id for one in (*lessons.taught, *lessons.held_out)}
    learnt = replace(
        learnt,
        cases={learnt.name(case_id): gathered.photos[case_id] for case_id in used} if gathered.photos else {},
        taught=tuple(learnt.name(one.case_id) for one in lessons.taught),
        about={
            "rows": [describe_row(row) for row in rows],
            "taught": story.taught,
            "held_out": story.held_out,
            "begun": story.begun,
        },
    )
    with whole_folder(settings.out) as part:
        part.chmod(0o700)
        write_models(part, new, settings, story, heads=heads is not None)
        write_comparison(part, learnt, first[0], second[0])
        learnt.write(part)
        _check_kept(settings, learnt)
    return rows


def _check_kept(settings: LearnSettings, learnt: LearntFrom) -> None:
    """Raise LearntError where a case was deleted or one of its photos covered while it was learnt from."""
    if settings.data_set is not None:
        return
    with Store.open(str(settings.store)) as store:
        gone = find_withdrawn(learnt, find_queue_files(store, learnt.queue))
    if gone:
        raise LearntError(WITHDRAWN)


def gather(settings: LearnSettings, folder: Path) -> Gathered:
    """Write the store's reviews as a training set, or read the one that is named."""
    if settings.data_set is not None:
        version = read_data_set(settings.data_set)
        if settings.reader is not None and version.annotators != (settings.reader,):
            raise LearntError(
                "{folder}: holds reviews of {count} readers; export those of one with --reader, then learn from them",
                folder=settings.data_set,
                count=len(version.annotators),
            )
        return Gathered(version, {}, "", ())
    shutil.rmtree(folder, ignore_errors=True)
    with Store.open(str(settings.store)) as store:
        return gather_reviews(store, settings.queue, folder, rule=settings.rule, reader=settings.reader)


Judged = tuple[list[JudgedCase], dict[str, list[float]]]


def _judge(models: Models, lessons: Lessons, before: Before, tell: Teller) -> Judged:
    predictor = models.predictor()
    held = tell.follow(lessons.held_out, len(lessons.held_out), "Held-out case")
    cases = [one for lesson in held for one in judge_lessons(predictor, [lesson])]
    photos = {}
    for name, examples in before.lists.items():
        listed = tell.follow(examples, len(examples), f"{name}: photo")
        photos[name] = [value for one in listed for value in judge_photos(models.segmenter, [one])]
    return cases, photos


def compare_all(before: Judged, after: Judged) -> list[Row]:
    """Return the rows of the table before and after: the held-out cases first."""
    (old, old_lists), (new, new_lists) = before, after
    rows = [
        compare("held-out cases, Dice", [one.dice for one in old], [one.dice for one in new]),
        compare("held-out cases, accuracy", [one.accuracy for one in old], [one.accuracy for one in new]),
        *(compare(f"{name}, Dice", old_lists[name], new_lists[name]) for name in old_lists),
    ]
    return [row for row in rows if row is not None]


def _read_known(settings: LearnSettings) -> tuple[LearntFrom | None, frozenset[str]]:
    if settings.known is None:
        return None, frozenset()
    known = read_learnt(settings.known)
    return known, frozenset(known.taught)


def _check_begun(settings: LearnSettings, gathered: Gathered, start: Models, work: Path) -> None:
    """Begin anew where what is half done was begun with other reviews, models or settings."""
    asked: dict[str, Any] = {
        "version": gathered.version.digest,
        "models": start.names(),
        "rule": settings.rule,
        "decoder": asdict(settings.decoder),
        "replay": [settings.replay, str(settings.data)],
    }
    path, same = work / BEGUN, False
    with suppress(OSError, ValueError):
        same = json.loads(read_user_text(path, LIMITS.json_bytes)) == asked
    if (work / STATE).is_file():
        print(
            "Going on from where it was stopped"
            if same
            else "The reviews or the settings have changed: begun anew",
            flush=True,
        )
    if not same:
        (work / STATE).unlink(missing_ok=True)
        write_json(path, asked, private=True)


def _list_notes(gathered: Gathered, lessons: Lessons, *, answers: bool) -> Sequence[str]:
    notes = [f"{count_photos(lessons.taught)} outlined photos were learnt from."]
    if gathered.version.questions != load_challenge().digest:
        notes.append("The questions are others than the challenge's: answers were not learnt.")
    elif not answers:
        notes.append("Answers were not learnt: none was agreed on, or the answerer is of another kind.")
    return notes
