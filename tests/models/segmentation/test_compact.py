"""The compact model: shapes, padding, the prompt's way in, saving and loading; and the checkpoint that
ships."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from transformers import AutoModelForImageSegmentation

from magic_demo.imaging.overlay import lesion_mask
from magic_demo.models.segmentation.compact import (
    CompactSegmenter,
    CompactSegmenterConfig,
    Convolution,
    Modulation,
    score_masks,
)
from magic_demo.questions.scoring import count_pixels, dice, vote
from magic_demo.synthetic.encounters import make_case
from tests.support.source.concrete_models import load_prompted
from tests.support.source.rounding import assert_same_but_for_rounding, measure_rounding

pytestmark = pytest.mark.numeric

SHIPPED = "checkpoints/segmentation-compact"


@pytest.fixture
def model() -> CompactSegmenter:
    torch.manual_seed(1)
    config = CompactSegmenterConfig(
        stem_channels=8, decoder_channels=[8, 8, 8, 16, 16], vocab_size=40, prompt_size=16, prompt_length=12
    )
    built = CompactSegmenter(config)
    for part in built.decoder.modules():
        if isinstance(part, Modulation):  # as after training: words must be able to matter
            nn.init.normal_(part.scale.weight)
    built.train(False)
    return built


def test_logits_have_the_photos_size(model: CompactSegmenter) -> None:
    assert model(torch.rand(2, 3, 64, 96)).logits.shape == (2, 64, 96)


def test_features_are_at_strides_2_to_32(model: CompactSegmenter) -> None:
    features = model.encode_photo(torch.rand(1, 3, 64, 64))
    assert [feature.shape[-1] for feature in features] == [32, 16, 8, 4, 2]


def test_a_size_that_does_not_fit_is_refused(model: CompactSegmenter) -> None:
    with pytest.raises(ValueError, match="multiples of 32"):
        model.encode_photo(torch.rand(1, 3, 60, 64))


def test_a_stride_of_2_pads_right_and_bottom_as_tensorflow_does() -> None:
    layer = Convolution(1, 1, 3, stride=2).eval()
    nn.init.ones_(layer.convolution.weight)
    photo = torch.zeros(1, 1, 4, 4)
    photo[0, 0, 0, 0] = 1.0
    with torch.no_grad():
        out = layer(photo)
    assert out[0, 0, 0, 0] > 0.9  # the first window starts at the first pixel, not one before it
    assert out.sum() == out[0, 0, 0, 0]


def test_no_prompt_is_a_learnt_vector_however_it_is_said(model: CompactSegmenter) -> None:
    nn.init.normal_(model.prompt.no_prompt)
    none = model.encode_prompt(torch.zeros((1, 0), dtype=torch.long), torch.zeros((1, 0), dtype=torch.long))
    masked = model.encode_prompt(torch.tensor([[5, 6]]), torch.tensor([[0, 0]]))
    assert torch.equal(none[0], model.prompt.no_prompt)
    assert torch.equal(masked, none)


def test_padding_does_not_change_a_prompt(model: CompactSegmenter) -> None:
    def read_alone() -> Tensor:
        with torch.inference_mode():
            return model.encode_prompt(torch.tensor([[5, 6, 7]]), torch.tensor([[1, 1, 1]]))

    padded = model.encode_prompt(
        torch.tensor([[5, 6, 7, 0, 0], [1, 2, 3, 4, 5]]), torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]])
    )
    assert_same_but_for_rounding(padded[:1].detach(), read_alone(), measure_rounding(model, read_alone))


def test_the_prompt_changes_the_logits(model: CompactSegmenter) -> None:
    photo = torch.rand(1, 3, 64, 64)
    one, other = (model(photo, input_ids=torch.tensor([ids])).logits for ids in ([3, 4], [8, 9, 10]))
    assert not torch.allclose(one, other)


def test_a_prompt_longer_than_the_model_reads_is_cut(model: CompactSegmenter) -> None:
    ids = torch.randint(1, 40, (1, 30))
    whole, cut = (model.encode_prompt(given, torch.ones_like(given)) for given in (ids, ids[:, :12]))
    assert torch.equal(whole, cut)


def test_the_loss_falls_from_a_wrong_mask_to_the_right_one() -> None:
    labels = torch.zeros(1, 8, 8)
    labels[0, 2:5, 2:5] = 1
    right, wrong = (score_masks((labels * 2 - 1) * sign, labels) for sign in (8.0, -8.0))
    assert right < 0.1 < 1.9 < wrong


def test_gradients_reach_every_weight_even_with_prompts_and_without(model: CompactSegmenter) -> None:
    model.train()
    mask = torch.tensor([[1, 1, 0], [0, 0, 0]])
    loss = model(
        torch.rand(2, 3, 64, 64), torch.tensor([[4, 5, 0], [0, 0, 0]]), mask, torch.rand(2, 64, 64).round()
    ).loss
    loss.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name


def test_frozen_blocks_keep_weights_and_statistics(model: CompactSegmenter) -> None:
    model.freeze_blocks(2)
    model.train()
    before = {name: value.clone() for name, value in model.encoder.state_dict().items()}
    model(torch.rand(2, 3, 64, 64))
    changed = {
        name for name, value in model.encoder.state_dict().items() if not torch.equal(value, before[name])
    }
    assert changed
    assert not any(
        name.startswith(("stem", "depthwise.0.", "depthwise.1.", "pointwise.0.", "pointwise.1."))
        for name in changed
    )


def test_a_saved_model_is_loaded_by_its_config_and_gives_the_same(
    model: CompactSegmenter, tmp_path: Path
) -> None:
    model.save_pretrained(tmp_path)
    loaded = AutoModelForImageSegmentation.from_pretrained(tmp_path)
    photo = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        rounding = measure_rounding(model, lambda: model(photo).logits)
        assert_same_but_for_rounding(loaded(photo).logits, model(photo).logits, rounding)
    assert type(loaded) is CompactSegmenter


def test_the_shipped_checkpoint_is_small_and_in_safetensors(repository: Path) -> None:
    folder = repository / SHIPPED
    assert sum(path.stat().st_size for path in folder.glob("*.safetensors")) <= 12 * 10**6
    assert {
        "config.json",
        "model.safetensors",
        "preprocessor_config.json",
        "tokenizer.json",
        "README.md",
    } <= {p.name for p in folder.iterdir()}


def test_the_shipped_checkpoint_outlines_synthetic_lesions(repository: Path) -> None:
    segmenter = load_prompted(repository / SHIPPED)
    values = []
    for number in range(1, 9):
        case = make_case(909, number, condition="red patches", longest=320)
        pixels, masks = case.photos[0].pixels, case.annotators[0]
        found = lesion_mask(
            segmenter.predict(pixels), (pixels.shape[0], pixels.shape[1]), segmenter.threshold
        )
        values.append(dice(count_pixels(vote(masks), found)))
    assert np.mean(values) >= 0.6


def test_the_shipped_checkpoint_is_not_harmed_by_words_that_say_nothing(repository: Path) -> None:
    segmenter = load_prompted(repository / SHIPPED)
    pixels = make_case(909, 3, condition="red patches", longest=320).photos[0].pixels
    features = segmenter.look(pixels)
    none, some = (segmenter.segment(features, text) for text in ("", "Hello doctor, what is this? 谢谢"))
    assert np.abs(none - some).mean() < 0.05
