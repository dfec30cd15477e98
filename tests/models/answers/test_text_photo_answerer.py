"""The closed questions' model and the scorer around it, on a tiny model of the same classes."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from torch import Tensor
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast, SwinConfig, SwinModel

from magic_demo.core.errors import CheckpointError, ModelError
from magic_demo.core.types import Family, OptionScores, Pixels, Question
from magic_demo.models.answers.text_photo_answerer import (
    TextPhotoAnswerer,
    option_layout,
    place_families,
    stack_photos,
)
from magic_demo.models.answers.text_photo_model import TextPhotoAnswererConfig, TextPhotoAnswererModel
from magic_demo.models.loading.preprocessing import Preprocessing
from magic_demo.models.registry import load_answerer
from magic_demo.questions.decoding import count_priors, write_priors
from magic_demo.questions.families import load_challenge, load_families
from tests.support.source.concrete_models import load_text_photo_answerer, score_photos
from tests.support.source.rounding import assert_same_but_for_rounding, measure_rounding

pytestmark = pytest.mark.numeric

TEXT = "an itchy red rash on both arms for three weeks"
DESIGNS: list[dict[str, Any]] = [
    {},
    {"fusion": "concatenation", "narrative_input": False, "learn_sets": False},
    {"text_pooling": "mean", "attention_heads": 0},
    {"text_pooling": "cls", "attention_heads": 2, "learn_sets": False},
    {"photo_head_size": 10},
]


def make_tokenizer() -> PreTrainedTokenizerFast:
    """Make a tokenizer whose pieces are characters, so that no word is unknown."""
    letters = "abcdefghijklmnopqrstuvwxyz0123456789皮疹红痒"
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *letters, *(f"##{letter}" for letter in letters)]
    backend = Tokenizer(
        models.WordPiece({piece: index for index, piece in enumerate(pieces)}, unk_token="[UNK]")
    )
    backend.normalizer = normalizers.BertNormalizer()
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    special = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    return PreTrainedTokenizerFast(tokenizer_object=backend, model_max_length=64, **special)  # type: ignore[no-untyped-call]


def text_config() -> BertConfig:
    """Return a BERT of a few thousand weights."""
    return BertConfig(
        vocab_size=len(make_tokenizer()),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
    )


def vision_config() -> SwinConfig:
    """Return a Swin of a few thousand weights for photos of 32 pixels."""
    return SwinConfig(
        image_size=32, patch_size=4, embed_dim=8, depths=[1, 1], num_heads=[1, 2], window_size=4
    )


def make_model(**design: Any) -> TextPhotoAnswererModel:
    """Make a tiny answerer of random weights, the same each time."""
    torch.manual_seed(0)
    sizes: dict[str, Any] = {"projection_size": 12, "head_size": 16, "max_text_tokens": 64}
    return TextPhotoAnswererModel(
        TextPhotoAnswererConfig(text_config=text_config(), vision_config=vision_config(), **sizes, **design)
    )


def make_scorer(
    model: TextPhotoAnswererModel, families: tuple[Family, ...] | None = None
) -> TextPhotoAnswerer:
    """Put a scorer around a model."""
    return TextPhotoAnswerer(
        model,
        make_tokenizer(),
        Preprocessing((32, 32), (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)),
        families=families,
    )


def make_photos(*sizes: tuple[int, int]) -> list[Pixels]:
    """Make photos of noise."""
    random = np.random.default_rng(0)
    return [random.integers(0, 256, (height, width, 3), dtype=np.uint8) for height, width in sizes]


def join_scores(scores: OptionScores) -> NDArray[np.float32]:
    """Put the scores of all questions into one array."""
    return np.concatenate(list(scores.values()))


def save_checkpoint(folder: Path, model: TextPhotoAnswererModel) -> Path:
    """Write what a checkpoint folder holds."""
    model.save_pretrained(folder)
    make_tokenizer().save_pretrained(folder)
    settings_ = {"size": {"height": 32, "width": 32}, "image_mean": [0.5] * 3, "image_std": [0.25] * 3}
    (folder / "preprocessor_config.json").write_text(json.dumps(settings_), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def scorer() -> TextPhotoAnswerer:
    """Return a scorer around our design at its smallest."""
    return make_scorer(make_model())


@pytest.mark.parametrize("design", DESIGNS)
def test_every_option_of_every_question_is_scored(design: dict[str, Any]) -> None:
    scores = score_photos(make_scorer(make_model(**design)), TEXT, make_photos((40, 50)))
    assert {qid: values.shape for qid, values in scores.items()} == {
        q.qid: (q.option_count,) for q in load_challenge().questions
    }
    assert all(values.dtype == np.float32 and np.isfinite(values).all() for values in scores.values())


def test_permuting_the_options_permutes_the_scores(scorer: TextPhotoAnswerer) -> None:
    random = np.random.default_rng(1)
    families, orders = [], {}
    for family in load_families():
        order = random.permutation(len(family.options["en"]))
        options = {language: tuple(texts[old] for old in order) for language, texts in family.options.items()}
        questions = tuple(Question(question.qid, question.text, options) for question in family.questions)
        families.append(
            Family(
                family.family_id,
                family.title,
                questions,
                int(np.flatnonzero(order == family.not_mentioned)[0]),
            )
        )
        orders.update({question.qid: order for question in questions})
    photos = make_photos((40, 50))
    before = score_photos(scorer, TEXT, photos)
    after = score_photos(make_scorer(scorer.model, tuple(families)), TEXT, photos)
    rounding = measure_rounding(
        scorer.model, lambda: join_scores(score_photos(make_scorer(scorer.model), TEXT, photos))
    )
    for qid, order in orders.items():
        assert_same_but_for_rounding(after[qid], before[qid][order], rounding)


@pytest.mark.parametrize("design", DESIGNS)
def test_padding_of_texts_and_photos_never_changes_a_score(design: dict[str, Any]) -> None:
    model = make_model(**design)
    scorer = make_scorer(model)
    photos = make_photos((32, 32), (48, 32))
    tokens = scorer.tokenizer(
        [TEXT, TEXT * 2], padding=True, truncation=True, max_length=64, return_tensors="pt"
    )
    assert int(tokens["attention_mask"][0].sum()) < tokens["attention_mask"].shape[1]
    pixels = torch.from_numpy(stack_photos([photos[:1], photos], scorer.preprocessing))
    pixels[0, 1] = torch.nan  # what stands in a place without a photo is never looked at
    with torch.inference_mode():
        logits = model(
            pixel_values=pixels,
            photo_mask=torch.tensor([[True, False], [True, True]]),
            input_ids=tokens["input_ids"],
            attention_mask=tokens["attention_mask"],
            option_vectors=scorer._option_vectors,
            **option_layout(scorer.families),
        ).logits.numpy()
    for row, (text, kept) in enumerate([(TEXT, photos[:1]), (TEXT * 2, photos)]):
        alone = score_photos(scorer, text, kept)
        rounding = measure_rounding(
            model,
            partial(lambda text, kept: join_scores(score_photos(make_scorer(model), text, kept)), text, kept),
        )
        for family, place in place_families(scorer.families):
            assert_same_but_for_rounding(logits[row, place], alone[family.questions[0].qid], rounding)


def test_the_order_of_the_photos_does_not_matter_and_the_photos_do(scorer: TextPhotoAnswerer) -> None:
    first, second = make_photos((40, 40), (64, 32))
    forward, backward, one, none = (
        score_photos(scorer, TEXT, photos) for photos in ([first, second], [second, first], [first], [])
    )
    rounding = measure_rounding(
        scorer.model, lambda: join_scores(score_photos(scorer, TEXT, [first, second]))
    )
    assert_same_but_for_rounding(join_scores(forward), join_scores(backward), rounding)
    assert any(not np.allclose(one[qid], none[qid]) for qid in one)
    assert any(not np.allclose(one[qid], forward[qid]) for qid in one)


def test_a_missing_photo_and_a_missing_text_go_through_what_was_learnt_for_them(
    scorer: TextPhotoAnswerer,
) -> None:
    before = score_photos(scorer, "  \n ", [])
    for name, narrative, photos in (("no_photo", TEXT, []), ("no_text", "", make_photos((32, 32)))):
        vector = getattr(scorer.model, name)
        kept, reached = vector.detach().clone(), score_photos(scorer, narrative, photos)
        with torch.no_grad():
            vector += 1.0
        moved = score_photos(scorer, narrative, photos)
        with torch.no_grad():
            vector.copy_(kept)
        assert any(not np.allclose(moved[qid], reached[qid]) for qid in moved)
    assert all(np.array_equal(values, before[qid]) for qid, values in score_photos(scorer, "", []).items())


def test_without_narrative_input_the_words_play_no_part() -> None:
    scorer = make_scorer(make_model(narrative_input=False))
    one, other = (
        score_photos(scorer, TEXT, make_photos((32, 32))),
        score_photos(scorer, "something else", make_photos((32, 32))),
    )
    assert all(np.array_equal(one[qid], other[qid]) for qid in one)


def test_options_are_encoded_once_and_never_again_when_scoring(monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[int] = []
    real = TextPhotoAnswererModel.read_tokens

    def count(self: TextPhotoAnswererModel, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        rows.append(input_ids.shape[0])
        return real(self, input_ids, attention_mask)

    monkeypatch.setattr(TextPhotoAnswererModel, "read_tokens", count)
    scorer = make_scorer(make_model())
    options = sum(len(family.options["en"]) for family in load_families())
    assert rows == [options]
    for _ in range(3):
        score_photos(scorer, TEXT, [])
    assert rows == [options, 1, 1, 1]


@given(st.text(max_size=60))
@settings(max_examples=25)
def test_any_text_is_scored(text: str) -> None:
    assert all(
        np.isfinite(values).all() for values in score_photos(make_scorer(make_model()), text, []).values()
    )


@pytest.mark.parametrize("text", ["", " ", "皮疹" * 5000, "a" * 10_000, "itch 😀 " * 1500, "<b>red</b>"])
def test_blank_long_and_odd_texts_are_scored(scorer: TextPhotoAnswerer, text: str) -> None:
    assert len(score_photos(scorer, text, [])) == len(load_challenge().questions)


def test_a_text_longer_than_the_limit_scores_as_its_beginning(scorer: TextPhotoAnswerer) -> None:
    start = "red " * 40
    one, other = score_photos(scorer, start + "arm " * 500, []), score_photos(scorer, start + "leg " * 9, [])
    assert all(np.array_equal(one[qid], other[qid]) for qid in one)


def test_scores_that_are_not_finite_are_one_clear_error() -> None:
    scorer = make_scorer(make_model())
    with torch.no_grad():
        next(scorer.model.head.parameters()).fill_(torch.nan)
    with pytest.raises(ModelError, match="not finite"):
        score_photos(scorer, TEXT, [])


def test_a_saved_checkpoint_scores_the_same_and_brings_its_priors(tmp_path: Path) -> None:
    model = make_model()
    folder = save_checkpoint(tmp_path / "answerer", model)
    assert load_answerer(folder).set_priors is None
    priors = count_priors([{question.qid: 0 for question in load_challenge().questions}], load_families())
    write_priors(folder / "decoding.json", priors)
    loaded = load_text_photo_answerer(folder)
    assert loaded.model_id.startswith("answerer@")
    assert loaded.set_priors is not None and set(loaded.set_priors) == {"CQID011", "CQID012", "CQID020"}
    photos = make_photos((40, 40))
    before, after = (join_scores(score_photos(one, TEXT, photos)) for one in (make_scorer(model), loaded))
    # not bit for bit: kernels take other ways where weights lie at other places in memory
    assert_same_but_for_rounding(
        after,
        before,
        measure_rounding(model, lambda: join_scores(score_photos(make_scorer(model), TEXT, photos))),
    )


def test_a_checkpoint_of_another_kind_is_refused_by_name(tmp_path: Path) -> None:
    BertModel(text_config()).save_pretrained(tmp_path / "bert")
    with pytest.raises(CheckpointError, match=r"a model of type .bert"):
        load_answerer(tmp_path / "bert")
    with pytest.raises(CheckpointError, match="no such folder"):
        load_answerer(tmp_path / "nothing")


def test_two_encoder_folders_become_one_model_that_keeps_their_weights(tmp_path: Path) -> None:
    torch.manual_seed(3)
    text, vision = BertModel(text_config()), SwinModel(vision_config())
    text.save_pretrained(tmp_path / "text")
    vision.save_pretrained(tmp_path / "vision")
    model = TextPhotoAnswererModel.from_encoders(tmp_path / "text", tmp_path / "vision", projection_size=8)
    assert torch.equal(
        model.text_model.embeddings.word_embeddings.weight, text.embeddings.word_embeddings.weight
    )
    assert torch.equal(model.vision_model.layernorm.weight, vision.layernorm.weight)
    model.save_pretrained(tmp_path / "both")
    photos = make_photos((32, 32))
    again, loaded = (
        join_scores(score_photos(make_scorer(one), TEXT, photos))
        for one in (model, TextPhotoAnswererModel.from_pretrained(tmp_path / "both"))
    )
    assert_same_but_for_rounding(
        loaded,
        again,
        measure_rounding(model, lambda: join_scores(score_photos(make_scorer(model), TEXT, photos))),
    )


@pytest.mark.parametrize("design", [{"fusion": "sum"}, {"text_pooling": "last"}, {"attention_heads": 5}])
def test_a_design_that_cannot_be_built_is_refused_by_its_value(design: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=str(next(iter(design.values())))):
        make_model(**design)


@pytest.mark.parametrize("design", [{}, {"photo_head_size": 10}])
def test_learning_reaches_every_part_of_the_model(design: dict[str, Any]) -> None:
    model = make_model(**design).train()  # seeds torch as well
    layout = option_layout(load_families())
    options = layout["option_family"].shape[0]
    tokens = make_tokenizer()(["itchy", "red"], return_tensors="pt", padding=True)
    texts = make_tokenizer()(
        [f"option {index}" for index in range(options)], return_tensors="pt", padding=True
    )
    output = model(
        pixel_values=torch.randn(2, 1, 3, 32, 32),
        photo_mask=torch.tensor([[True], [False]]),
        input_ids=tokens["input_ids"],
        attention_mask=tokens["attention_mask"] * torch.tensor([[0], [1]]),
        option_input_ids=texts["input_ids"],
        option_attention_mask=texts["attention_mask"],
        **layout,
    )
    (output.logits * torch.randn(2, options)).sum().backward()
    without = [
        name
        for name, weight in model.named_parameters()
        if weight.grad is None or not bool(torch.isfinite(weight.grad).all())
    ]
    assert without == []
