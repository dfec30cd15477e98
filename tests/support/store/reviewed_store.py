"""A store that a reader has reviewed, and tiny models to learn from it: everything in a second or two."""

from __future__ import annotations

from pathlib import Path

import torch

from magic_demo.core.review_types import Review
from magic_demo.imaging.run_lengths import encode_mask
from magic_demo.models.answers.photo_answerer import PhotoAnswererConfig, PhotoAnswererModel
from magic_demo.models.loading.preprocessing import Preprocessing
from magic_demo.models.segmentation.compact import CompactSegmenter, CompactSegmenterConfig
from magic_demo.models.segmentation.prompted import name_encoder
from magic_demo.questions.combining import Weights
from magic_demo.reviews.store import NewCase, Store
from magic_demo.synthetic.cases import write_cases
from magic_demo.synthetic.encounters import SyntheticCase
from training.answers.photo_answerer import save_answers
from training.learning.writing import list_weights
from training.runs.tokenizer import train_tokenizer
from training.segmentation.train import save_checkpoint

QUEUE, READER = "clinic", "Ann"
SIDE = 64
KINDS = ["close-ups", "drawings"]


def write_reviewed(folder: Path, *, cases: int = 6, reviewed: int | None = None) -> Path:
    """Write a queue of synthetic cases, of which the first ``reviewed`` were read blind by an adjudicator as they
    truly are; returns the store's place."""
    made: list[SyntheticCase] = []
    data = write_cases(
        folder / "data", count=cases, seed=9, splits={"train": 1.0}, longest=SIDE, progress=made.append
    )
    with Store.open(folder / "store") as store:
        store.add_reader(READER, role="adjudicator")
        store.add_cases(QUEUE, [NewCase(case.encounter_id, str(data)) for case in made])
        for case in made[:reviewed]:
            masks = {
                photo.photo_id: encode_mask(mask) for photo, mask in zip(case.photos, case.masks, strict=True)
            }
            store.save(
                Review(case.encounter_id, READER, "blind", "done", case.answers, masks=masks, queue=QUEUE)
            )
    return folder / "store"


def write_models(folder: Path) -> tuple[Path, Path]:
    """Write a segmentation model and a photo answerer of chance that fit each other; returns their folders."""
    torch.manual_seed(3)
    tokenizer = train_tokenizer(["red itchy spot on the arm"], vocabulary=60, most_tokens=12)
    config = CompactSegmenterConfig(
        stem_channels=8,
        decoder_channels=[8, 8, 8, 16, 16],
        vocab_size=len(tokenizer),
        prompt_size=16,
        prompt_length=12,
        mirrored=True,
        reads_prompt=False,
    )
    network, shape = CompactSegmenter(config), Preprocessing((SIDE, SIDE), (0.5,) * 3, (0.5,) * 3)
    segmentation, answers = folder / "tiny-segmentation", folder / "tiny-answers"
    save_checkpoint(network, tokenizer, shape, segmentation, half=True)
    halved = network.half().float()  # type: ignore[no-untyped-call]
    encoder = name_encoder(halved, shape, mirrored=True)
    heads = PhotoAnswererModel(
        PhotoAnswererConfig(
            channels=128, hidden=8, segmenter="tiny", encoder_digest=encoder[1], kinds=KINDS, directions=4
        )
    )
    save_answers(heads, {}, list_weights(Weights()), answers)
    return segmentation, answers
