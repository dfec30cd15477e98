"""Fine-tune both models on lessons, beside the data of before."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import torch

from magic_demo.models.segmentation.prompted import PromptedSegmenter
from training.answers.photo.evidence import see_cases
from training.learning.fine_tuning.decoder import Batch, DecoderRun, teach_decoder
from training.learning.fine_tuning.heads import TaughtHeads, teach_heads
from training.learning.fine_tuning.lessons import Lessons
from training.learning.fine_tuning.replay import Before
from training.learning.progress import Teller
from training.learning.settings import LearnSettings
from training.learning.start import Models
from training.segmentation.data import DataSettings, TrainingDraws, make_collator
from training.segmentation.sources import Example

CACHE_SIDE = 320
"""Photos are kept in memory with this longest side, pixels."""


def teach_segmenter(
    settings: LearnSettings, models: Models, lessons: Lessons, before: Before, state: Path, tell: Teller
) -> tuple[PromptedSegmenter, DecoderRun]:
    """Return the segmentation model after fine-tuning its decoder, and how that went; without an outlined photo it is
    as before. state: the file that a stopped run goes on from."""
    segmenter = models.with_network()
    run = DecoderRun(segmenter.model, settings.decoder, state)
    reviewed = repeat_reviewed(lessons, before, settings.decoder.replay)
    if reviewed:
        replayed = before.examples if settings.decoder.replay else []
        tell.begin("outline", f"Learning the outline from {len(reviewed) + len(replayed)} photos")
        read_batch = read_batches(settings, segmenter, reviewed, replayed)
        began = time.monotonic() - run.seconds

        def over(run: DecoderRun) -> float:
            run.seconds = time.monotonic() - began
            return run.seconds / (60 * settings.minutes) if settings.minutes > 0 else 1.0

        def told(step: int, loss: float) -> None:
            share = max(step / settings.decoder.steps, over(run))
            tell.tell(
                share, f"Learning the outline: step {step} of {settings.decoder.steps}, loss {loss:.3f}"
            )

        teach_decoder(run, read_batch, over=over, told=told)
    return segmenter, run


def repeat_reviewed(lessons: Lessons, before: Before, replay: float) -> list[Example]:
    """Return the reviewed photos, each as often as makes ``replay`` the share of those of before beside them."""
    new = [example for lesson in lessons.taught for example in lesson.list_examples()]
    if not new:
        return []
    wanted = len(before.examples) * (1 - replay) / replay if replay and before.examples else len(new)
    often = max(1.0, wanted / len(new))
    return [example for lesson in lessons.taught for example in lesson.list_examples(often)]


def read_batches(
    settings: LearnSettings,
    segmenter: PromptedSegmenter,
    reviewed: list[Example],
    replayed: list[Example],
) -> Callable[[int], Batch]:
    """Return what makes the batch of a step: the same for the same step, however often a run is resumed."""
    size, network = settings.decoder.batch_size, segmenter.model
    data = DataSettings(Path(), (), (), cache_side=CACHE_SIDE, prompt_dropout=0.5)
    draws = TrainingDraws(
        data, [*reviewed, *replayed], segmenter.preprocessing, epochs=1, seed=settings.decoder.seed
    )
    draws.length = settings.decoder.steps * size
    tokenizer = segmenter.tokenizer if segmenter.reads_prompt else None
    collate = make_collator(tokenizer, most_tokens=segmenter.most_tokens()) if tokenizer is not None else None

    @torch.no_grad()
    def read_batch(step: int) -> Batch:
        numbers = range(step * size, (step + 1) * size)
        drawn = [draws[number] for number in numbers]
        old = torch.tensor([draws.choose(number)[0] >= len(reviewed) for number in numbers])
        labels = torch.stack([torch.from_numpy(one["labels"]) for one in drawn])
        pixels = torch.stack([torch.from_numpy(one["pixel_values"]) for one in drawn])
        pixels = pixels.contiguous(memory_format=torch.channels_last)
        if collate is not None:
            words = collate(drawn)
            vectors = network.encode_prompt(words["input_ids"], words["attention_mask"])
        else:
            vectors = segmenter.encode_prompt("").clone().expand(size, -1)
        return Batch(network.encode_photo(pixels), vectors, labels, old)

    return read_batch


def teach_answers(
    settings: LearnSettings,
    models: Models,
    segmenter: PromptedSegmenter,
    lessons: Lessons,
    before: Before,
    kept: Path,
) -> TaughtHeads | None:
    """Return the answerer's heads after fine-tuning, None where nothing can be learnt: no answer was agreed on, or
    another kind of model answers. kept: folder for what was seen in photos."""
    cases = [lesson.as_case() for lesson in lessons.taught if lesson.answers and lesson.files.photo_files]
    if models.answerer is None or not cases:
        return None
    segmenter.model_id = (
        f"learnt from {len(cases)} cases"  # what was seen with the old decoder is not read again
    )
    reviewed = see_cases(cases, segmenter, kept, most_photos=settings.photos)
    replayed = see_cases(before.cases, segmenter, kept, most_photos=1)
    return teach_heads(models.answerer.model, reviewed, replayed, models.cues, settings.heads)
