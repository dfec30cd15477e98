"""An epoch of the closed questions' training with the frozen encoders' outputs kept on disk, against encoding
everything again.

``python -m benchmarks.answerer_cache``: BERT-base and Swin-tiny with random weights, narratives and photos of
chance, the head of ``text-photo-answerer.yaml``, one thread. Steps of the two ways are taken by turns; printed are the
medians of a case and their ratio within the run: processor time of the process, which other programs disturb
less than the clock. Reading and resizing photos is left out on both sides.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from tokenizers import Tokenizer, models, pre_tokenizers
from torch import Tensor
from transformers import BertConfig, PreTrainedTokenizerFast, SwinConfig

from benchmarks.timing import take_times
from magic_demo.models.answers.text_photo_answerer import list_option_texts
from magic_demo.models.answers.text_photo_model import TextPhotoAnswererConfig, TextPhotoAnswererModel
from magic_demo.models.loading.preprocessing import Preprocessing
from magic_demo.questions.families import load_families
from training.answers.text_photo.data import CaseDataSettings, CaseDraws, PhotoShelf, make_collator
from training.answers.text_photo.kept_features import CaseFeatures, KeptCases, make_kept_collator
from training.answers.text_photo.loss import CaseLoss, LossSettings
from training.cases.sources import CaseSource, LearningCase

SIDE, WORDS = 224, 150


def make_tokenizer(words: list[str]) -> PreTrainedTokenizerFast:
    """Return a tokenizer of whole words."""
    pieces = {piece: index for index, piece in enumerate(dict.fromkeys(["[PAD]", "[UNK]", *words]))}
    backend = Tokenizer(models.WordLevel(pieces, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, model_max_length=512, pad_token="[PAD]", unk_token="[UNK]"
    )  # type: ignore[no-untyped-call]


def make_model() -> TextPhotoAnswererModel:
    """Return a model of the published sizes, its weights random and its encoders frozen."""
    text = BertConfig(vocab_size=28996)
    photo = SwinConfig(
        image_size=SIDE, embed_dim=96, depths=[2, 2, 6, 2], num_heads=[3, 6, 12, 24], window_size=7
    )
    model = TextPhotoAnswererModel(
        TextPhotoAnswererConfig(
            text_config=text, vision_config=photo, text_pooling="mean", photo_head_size=256
        )
    )
    model.text_model.requires_grad_(False)
    model.vision_model.requires_grad_(False)
    return model.train()


def measure(batch_size: int, photos: int, rounds: int) -> dict[str, float]:
    """Return way -> median milliseconds a case."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    torch.set_flush_denormal(True)  # as in training
    families, random = load_families(), np.random.default_rng(0)
    words = sorted({word for text in list_option_texts(families, "en") for word in text.split()})
    model, tokenizer = make_model(), make_tokenizer(words)
    preprocessing = Preprocessing((SIDE, SIDE), (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
    source = CaseSource("random", "challenge")
    answers = {question.qid: family.padding for family in families for question in family.questions}
    shelf = PhotoShelf(preprocessing)
    with tempfile.TemporaryDirectory() as folder:
        cases = []
        for number in range(batch_size):
            paths = tuple(Path(folder) / f"{number}-{photo}.png" for photo in range(photos))
            for path in paths:
                Image.fromarray(random.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)).save(path)
            text = " ".join(random.choice(words, WORDS))
            cases.append(LearningCase(str(number), source, (text, ""), paths, answers, str(number)))
        settings = CaseDataSettings(
            Path(folder),
            (source,),
            (source,),
            chinese=0,
            text_dropout=0,
            photo_dropout=0,
            word_dropout=0,
            augment=None,
        )
        draws = CaseDraws(cases, settings, shelf, units=families, epochs=1, sets=True, seed=0)
        features = CaseFeatures(
            Path(folder), model, tokenizer, preprocessing, text_id="random", photo_id="random"
        )
        begun = time.process_time()
        kept = KeptCases(draws, features)
        kept_collate = make_kept_collator(features, families)
        print(
            f"filling the cache: {(time.process_time() - begun) / batch_size * 1000:.0f} ms a case, the "
            "options included, once"
        )
        collate = make_collator(tokenizer, preprocessing, units=families, most_tokens=256, language="en")
        ways = {"encoded in every epoch": (draws, collate), "kept on disk": (kept, kept_collate)}
        loss = CaseLoss(LossSettings(), families, sets=True)
        optimizer = torch.optim.AdamW(
            [weight for weight in model.parameters() if weight.requires_grad], lr=5e-4
        )
        model.train()

        def step(dataset: Any, make_batch: Callable[[list[Any]], dict[str, Tensor]]) -> None:
            batch = make_batch([dataset[place] for place in range(batch_size)])
            labels = batch.pop("labels")
            optimizer.zero_grad()
            loss(model(**batch), labels).backward()  # type: ignore[no-untyped-call]
            optimizer.step()

        times = take_times({name: partial(step, *way) for name, way in ways.items()}, rounds)
    return {name: taken / batch_size for name, taken in times.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=4, help="cases of a step (default 4)")
    parser.add_argument("--photos", type=int, default=2, help="photos of a case (default 2)")
    parser.add_argument("--rounds", type=int, default=5, help="steps of each way (default 5)")
    options = parser.parse_args()
    medians = measure(options.batch, options.photos, options.rounds)
    print(
        f"{f'a step of {options.batch} cases of {options.photos} photos':44} {'ms a case':>10} {'ratio':>7}"
    )
    for name, median in medians.items():
        print(f"{name:44} {median:10.1f} {median / medians['kept on disk']:7.1f}")


if __name__ == "__main__":
    main()
