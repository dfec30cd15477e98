"""Closed questions of one encounter, by each backend that is there: ours against every question asked anew,
its pairs padded, the photos encoded for each.

BERT-base and Swin-tiny with random weights, the same on both sides; three photos. The plain way encodes every
one of 27 questions' options (194 pairs) at 128 tokens and the photos once a question, as a script over the
questions would.
"""

from __future__ import annotations

import copy
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from transformers import BertConfig, SwinConfig

from benchmarks.answerer_cache import SIDE, make_model, make_tokenizer
from benchmarks.segmentation import list_backends
from benchmarks.timing import Row, take_time, take_times
from magic_demo.core.types import OptionScores
from magic_demo.models.answers.text_photo_answerer import (
    TextPhotoAnswerer,
    list_option_texts,
    option_layout,
    place_families,
    stack_photos,
    tokenize,
)
from magic_demo.models.answers.text_photo_model import TextPhotoAnswererConfig, TextPhotoAnswererModel
from magic_demo.models.backends.backend import Backend
from magic_demo.models.loading.preprocessing import Preprocessing
from magic_demo.questions.families import list_questions, load_families

PHOTOS, PADDED, WORDS = 3, 128, 60
WANTED = {"torch": 60.0, "bfloat16": 100.0}
"""How many times faster a backend is to be."""


def make_tiny() -> TextPhotoAnswererModel:
    """Return a model of a few thousand weights, for a quick look that nothing is broken."""
    text = BertConfig(
        vocab_size=2000, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
    )
    photo = SwinConfig(image_size=SIDE, embed_dim=12, depths=[1, 1], num_heads=[1, 2], window_size=7)
    return TextPhotoAnswererModel(
        TextPhotoAnswererConfig(
            text_config=text, vision_config=photo, text_pooling="mean", photo_head_size=16
        )
    )


def measure(rounds: int, *, quick: bool = False) -> list[Row]:
    """Return the stage's lines for the table."""
    torch.manual_seed(0)
    families, random = load_families(), np.random.default_rng(0)
    words = sorted({word for text in list_option_texts(families, "en") for word in text.split()})
    model = make_tiny() if quick else make_model()
    model.eval()  # type: ignore[no-untyped-call]
    tokenizer = make_tokenizer(words)
    preprocessing = Preprocessing((SIDE, SIDE), (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
    photos = [random.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8) for _ in range(PHOTOS)]
    narrative = " ".join(random.choice(words, WORDS))

    @torch.inference_mode()
    def naive() -> Any:
        pixels = torch.from_numpy(stack_photos([photos], preprocessing))
        vectors: dict[str, Tensor] = {}
        for question in list_questions(families):
            family = next(family for family in families if question in family.questions)
            texts = [f"{family.questions[0].text['en']} {option}" for option in family.options["en"]]
            tokens = tokenize(tokenizer, texts, PADDED)
            padded = {
                name: functional.pad(values, (0, PADDED - values.shape[1])) for name, values in tokens.items()
            }
            vectors[family.family_id] = model.encode_options(padded["input_ids"], padded["attention_mask"])
            states = model.read_photos(pixels[0])
        return model(
            photo_states=states[None],
            photo_mask=torch.ones(1, PHOTOS, dtype=torch.bool),
            option_vectors=torch.cat([vectors[family.family_id] for family in families]),
            **option_layout(families),
            **tokenize(tokenizer, [narrative], model.config.max_text_tokens),
        ).logits[0]

    plain, took = take_time(lambda: naive().numpy())  # once: the plain way takes a minute
    what = (
        f"closed questions, one encounter, {PHOTOS} photos, "
        f"{'tiny encoders' if quick else 'BERT-base and Swin-tiny'}, random weights"
    )
    rows = []

    def ask(answerer: TextPhotoAnswerer) -> OptionScores:
        return answerer.score(narrative, [answerer.encode_photo(pixels) for pixels in photos])

    for name in list_backends(quick=quick):
        scorer = TextPhotoAnswerer(
            copy.deepcopy(model),
            tokenizer,
            preprocessing,
            backend=Backend(name),
        )
        ours = take_times({"ours": partial(ask, scorer)}, rounds)["ours"]
        scores = ask(scorer)
        moved, largest = 0, 0.0
        for family, place in place_families(families):
            mine = scores[family.questions[0].qid]
            moved += int((np.argsort(-mine, kind="stable") != np.argsort(-plain[place], kind="stable")).sum())
            largest = max(largest, float(np.abs(_share(mine) - _share(plain[place])).max()))
        difference = (
            f"{moved} of {len(plain)} options change rank, largest probability difference {largest:.4f}"
        )
        rows.append(Row(f"{what}, {name}", took, ours, difference, WANTED.get(name, 0.0)))
    return rows


def _share(scores: Any) -> Any:
    powers = np.exp(scores - scores.max())
    return powers / powers.sum()
