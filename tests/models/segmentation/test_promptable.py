"""SAM and SAM 2, tiny and random, draw the outline in the boxes of the model that comes along, or where a reader
clicks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import Sam2Config, Sam2Model, SamConfig, SamModel

from magic_demo.core.errors import CheckpointError
from magic_demo.core.types import Pixels, Probability
from magic_demo.models.interfaces import Click, Guidance, Segmenter
from magic_demo.models.loading.checkpoints import Checkpoint
from magic_demo.models.registry import load_segmenter
from magic_demo.models.segmentation.promptable import PromptableSegmenter, find_boxes
from tests.support.stand_ins import draw_photo

SIDE = 64


def build_sam() -> Any:
    decoder = {"hidden_size": 16, "mlp_dim": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "iou_head_hidden_dim": 8}  # fmt: skip
    vision = {"hidden_size": 16, "output_channels": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": SIDE,
              "patch_size": 16, "window_size": 2, "global_attn_indexes": [0], "mlp_dim": 16, "num_pos_feats": 8}  # fmt: skip
    prompts = {"hidden_size": 16, "image_size": SIDE, "patch_size": 16, "mask_input_channels": 4}
    return SamModel(
        SamConfig(vision_config=vision, prompt_encoder_config=prompts, mask_decoder_config=decoder)
    )


def build_sam2() -> Any:
    backbone = {"model_type": "sam2_hiera_det_model", "hidden_size": 8, "image_size": [SIDE, SIDE], "embed_dim_per_stage": [8, 16, 32, 64],
                "num_attention_heads_per_stage": [1, 1, 2, 2], "blocks_per_stage": [1, 1, 2, 1], "window_size_per_stage": [4, 4, 4, 4],
                "global_attention_blocks": [3], "window_positional_embedding_background_size": [2, 2]}  # fmt: skip
    vision = {"backbone_config": backbone, "backbone_channel_list": [64, 32, 16, 8], "fpn_hidden_size": 32,
              "backbone_feature_sizes": [[16, 16], [8, 8], [4, 4]]}  # fmt: skip
    prompts = {"hidden_size": 32, "image_size": SIDE, "patch_size": 16, "mask_input_channels": 4}
    decoder = {"hidden_size": 32, "mlp_dim": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "iou_head_hidden_dim": 8}  # fmt: skip
    return Sam2Model(
        Sam2Config(vision_config=vision, prompt_encoder_config=prompts, mask_decoder_config=decoder)
    )


class Nothing(Segmenter):
    """Proposes nothing."""

    model_id = "nothing"

    @classmethod
    def load(cls, checkpoint: Checkpoint) -> Nothing:
        return cls()

    def look(self, pixels: Pixels) -> None:
        """Look at nothing."""

    def segment(self, features: Any, prompt: str = "", guidance: Guidance | None = None) -> Probability:
        return np.zeros((2, 2), np.float32)


@pytest.fixture(scope="module", params=[build_sam, build_sam2])
def segmenter(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Segmenter:
    """Return a tiny model by its folder alone."""
    torch.manual_seed(4)
    folder = tmp_path_factory.mktemp("sam")
    request.param().save_pretrained(folder)
    return load_segmenter(folder)


def test_a_folder_is_enough_and_prompts_are_the_proposers(segmenter: Segmenter) -> None:
    assert isinstance(segmenter, PromptableSegmenter) and segmenter.reads_guidance
    assert segmenter.reads_prompt == segmenter.proposer.reads_prompt
    features = segmenter.look(draw_photo(40, 60))
    assert segmenter.encoder_name == segmenter.proposer.encoder_name != ("", "")
    assert segmenter.feature_map(features) is not None


def test_sam_draws_in_the_boxes_of_what_was_proposed(
    segmenter: Segmenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(segmenter, PromptableSegmenter)
    features = segmenter.look(draw_photo(40, 60))
    proposed = np.zeros((20, 30), np.float32)
    proposed[2:8, 3:9] = proposed[12:18, 20:28] = 0.9
    monkeypatch.setattr(segmenter.proposer, "segment", lambda *_: proposed)
    found = segmenter.segment(features)
    each = [segmenter.segment(features, "", Guidance(box=box)) for box in find_boxes(proposed, 0.5)]
    assert len(each) == 2 and found == pytest.approx(np.max(each, axis=0)) and found.dtype == np.float32
    assert found.shape[0] / found.shape[1] == pytest.approx(40 / 60 if segmenter.pads else 1, abs=0.02)
    monkeypatch.setattr(segmenter.proposer, "segment", lambda *_: 0 * proposed)
    assert not segmenter.segment(features).any(), "nothing proposed, nothing drawn"


def test_clicks_and_boxes_change_the_map(segmenter: Segmenter) -> None:
    features = segmenter.look(draw_photo(40, 60))
    asked = [
        Guidance(clicks=(Click(0.2, 0.3),)),
        Guidance(clicks=(Click(0.2, 0.3, lesion=False),)),
        Guidance(clicks=(Click(0.2, 0.3), Click(0.8, 0.9, lesion=False))),
        Guidance(box=(0.1, 0.1, 0.6, 0.7)),
        Guidance(clicks=(Click(0.2, 0.3),), box=(0.1, 0.1, 0.6, 0.7)),
    ]
    maps = [segmenter.segment(features, "", guidance) for guidance in asked]
    assert all(not np.array_equal(one, other) for place, one in enumerate(maps) for other in maps[:place])
    assert all((one >= 0).all() and (one <= 1).all() for one in maps)


def test_a_photo_and_a_click_reach_sam_in_its_square_and_scale() -> None:
    torch.manual_seed(4)
    model = build_sam().eval()
    segmenter = PromptableSegmenter(model, Nothing(), model_id="sam")
    photo = draw_photo(48, 64)  # as long as the square: nothing is resized
    found = segmenter.segment(segmenter.look(photo), "", Guidance(clicks=(Click(0.25, 0.5),)))
    pixels = (photo / 255 - np.array([0.485, 0.456, 0.406])) / np.array([0.229, 0.224, 0.225])
    padded = np.zeros((SIDE, SIDE, 3))
    padded[:48] = pixels
    with torch.inference_mode():
        expected = model(
            pixel_values=torch.from_numpy(padded.transpose(2, 0, 1)[None]).float(),
            input_points=torch.tensor([[[[16.0, 24.0]]]]),
            input_labels=torch.tensor([[[1]]]),
            multimask_output=False,
        ).pred_masks[0]
    larger = torch.nn.functional.interpolate(expected, (SIDE, SIDE), mode="bilinear")[0, 0, :48].sigmoid()
    assert found == pytest.approx(larger.numpy(), abs=1e-4)


def test_a_preprocessor_that_is_none_is_refused(tmp_path: Path) -> None:
    build_sam().save_pretrained(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text(
        json.dumps({"image_mean": [0.5], "image_std": [1, 1, 1]})
    )
    with pytest.raises(CheckpointError, match="three numbers are expected"):
        load_segmenter(tmp_path)


def test_small_areas_get_no_box_of_their_own() -> None:
    probability = np.zeros((100, 200), np.float32)
    probability[20:60, 40:80] = 0.8
    probability[90:92, 150:152] = 0.9
    (box,) = find_boxes(probability, 0.5)
    assert box == pytest.approx((38 / 200, 18 / 100, 82 / 200, 62 / 100))
    assert find_boxes(0 * probability, 0.5) == []
