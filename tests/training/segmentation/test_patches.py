"""A decoder that reads DINOv2's patches, and masks of several styles, learns beside a checkpoint that stays."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from transformers import Dinov2Config, Dinov2Model

from magic_demo.models.registry import load_segmenter
from magic_demo.models.segmentation.compact import CompactSegmenter, CompactSegmenterConfig
from training.runs.run import SettingsError, read_settings
from training.segmentation.data import make_collator
from training.segmentation.patches import MaskStyles, add_patches
from training.segmentation.sources import SourceSettings, read_examples
from training.segmentation.train import SegmentationSettings, run_training

SIDE = 64


@pytest.fixture
def start(tmp_path: Path) -> Path:
    """A compact checkpoint, a DINOv2 model and photos of discs, tiny all of them."""
    torch.manual_seed(0)
    config = Dinov2Config(hidden_size=12, num_hidden_layers=2, num_attention_heads=2, image_size=28)
    Dinov2Model(config).save_pretrained(tmp_path / "dinov2")
    for part in ("images", "masks", "splits"):
        (tmp_path / part).mkdir()
    names = [f"PAT_{number}" for number in range(4)]
    for number, name in enumerate(names):
        mask = np.zeros((SIDE, SIDE), np.uint8)
        cv2.circle(mask, (20 + 6 * number, 30), 11, 255, -1)
        cv2.imwrite(str(tmp_path / "images" / f"{name}.jpg"), 230 - mask // 2)
        cv2.imwrite(str(tmp_path / "masks" / f"{name}.png"), mask)
    (tmp_path / "splits" / "train.txt").write_text("\n".join(names))
    (tmp_path / "splits" / "dev.txt").write_text("\n".join(names[:2]))
    (tmp_path / "tight.txt").write_text(names[3])
    words = {"image_ids": [], "query_title_en": "a red spot", "query_content_en": "red", "responses": []}
    (tmp_path / "narratives.json").write_text(json.dumps([{**words, "encounter_id": "ENC1"}]))
    return tmp_path


def read_tiny(repository: Path, folder: Path) -> SegmentationSettings:
    overrides = {"data.folder": str(folder), "run.output": str(folder / "run"), "run.epochs": 1}
    return read_settings(
        repository / "training" / "configs" / "segmentation-tiny.yaml", SegmentationSettings, overrides
    )


def test_the_decoder_learns_from_patches_while_encoders_stay_and_styles_are_left_out(
    repository: Path, start: Path
) -> None:
    whole, _ = run_training(read_tiny(repository, start))
    settings = read_tiny(repository, start)
    model = replace(settings.model, start=str(whole), patches=Path("dinov2"), learns="decoder")
    pairs = settings.data.training[0]
    tight = replace(pairs, name="tight", names=start / "tight.txt", style="tight")
    feet = SourceSettings("feet", "feet", split="train", count=2, side=SIDE)
    settings = replace(
        settings,
        model=model,
        data=replace(settings.data, training=(pairs, tight, feet)),
        run=replace(settings.run, output=start / "grown", epochs=4),
    )
    grown, _ = run_training(settings)
    before, after = (CompactSegmenter.from_pretrained(folder).state_dict() for folder in (whole, grown))
    assert not any("style" in name for name in after)
    for name, value in before.items():
        if name.startswith(("encoder.", "prompt.")):
            torch.testing.assert_close(after[name], value, msg=name)
    assert any(
        not torch.equal(after[name], value) for name, value in before.items() if name.startswith("decoder.")
    )
    assert any(
        after[name].any() for name in after if name.startswith("patch_reader.added") and "weight" in name
    )
    segmenter = load_segmenter(grown)
    found = segmenter.predict(np.full((50, 70, 3), 200, np.uint8))
    assert found.shape == (SIDE, SIDE) and np.isfinite(found).all()
    with pytest.raises(SettingsError, match=r"set model\.learns to photo or decoder"):
        run_training(replace(settings, model=replace(settings.model, learns="all")))


def test_the_last_blocks_of_dinov2_learn_and_the_first_stay(repository: Path, start: Path) -> None:
    whole, _ = run_training(read_tiny(repository, start))
    settings = read_tiny(repository, start)
    model = replace(
        settings.model, start=str(whole), patches=Path("dinov2"), learns="decoder", patch_blocks=1
    )
    settings = replace(settings, model=model, run=replace(settings.run, output=start / "grown", epochs=4))
    grown, _ = run_training(settings)
    before = Dinov2Model.from_pretrained(start / "dinov2").state_dict()
    after = CompactSegmenter.from_pretrained(grown).state_dict()
    changed = [
        name for name, value in before.items() if not torch.equal(after[f"patches.vision.{name}"], value)
    ]
    assert changed and all(name.startswith(("encoder.layer.1.", "layernorm.")) for name in changed)
    for name, value in CompactSegmenter.from_pretrained(whole).state_dict().items():
        if name.startswith("encoder."):
            torch.testing.assert_close(after[name], value, msg=name)
    for wanted, said in (
        (
            replace(model, patch_blocks=3),
            "3 blocks are to learn, but the DINOv2 model beside the encoder has 2",
        ),
        (
            replace(model, patches=None),
            "1 blocks are to learn, but the DINOv2 model beside the encoder has 0",
        ),
        (replace(model, learns="all", patches=None), r"model\.patch_blocks .* set model\.learns"),
    ):
        with pytest.raises(SettingsError, match=said):
            run_training(replace(settings, model=wanted, run=replace(settings.run, output=start / "other")))


def test_encoder_and_decoder_learn_with_styles_while_words_and_clicks_stay(
    repository: Path, start: Path
) -> None:
    whole, _ = run_training(read_tiny(repository, start))
    settings = read_tiny(repository, start)
    pairs = settings.data.training[0]
    tight = replace(pairs, name="tight", names=start / "tight.txt", style="tight")
    settings = replace(
        settings,
        model=replace(settings.model, start=str(whole), learns="photo"),
        data=replace(settings.data, training=(pairs, tight)),
        run=replace(settings.run, output=start / "further", epochs=4),
    )
    further, _ = run_training(settings)
    before, after = (CompactSegmenter.from_pretrained(folder).state_dict() for folder in (whole, further))
    assert before.keys() == after.keys()
    changed = {name.split(".")[0] for name, value in before.items() if not torch.equal(after[name], value)}
    assert changed == {"encoder", "decoder"}


def test_before_it_learns_the_map_is_the_one_without_patches(start: Path) -> None:
    torch.manual_seed(1)
    model = CompactSegmenter(CompactSegmenterConfig(stem_channels=8, decoder_channels=[8, 8, 16, 16, 24]))
    model.train(False)
    photos = torch.rand(2, 3, SIDE, SIDE) * 2 - 1
    expected = model(photos).logits
    grown = add_patches(model, start / "dinov2").train(False)
    torch.testing.assert_close(grown(photos).logits, expected)
    assert len(grown.encode_photo(photos)) == 6
    with pytest.raises(SettingsError, match="a DINOv2 model is expected"):
        add_patches(model, start / "images")


def test_of_mirror_images_the_patches_are_mirrored_and_not_looked_at_again(start: Path) -> None:
    model = CompactSegmenter(CompactSegmenterConfig(stem_channels=8, decoder_channels=[8, 8, 16, 16, 24]))
    grown = add_patches(model, start / "dinov2").train(False)
    seen: list[int] = []
    assert grown.patches is not None
    grown.patches.register_forward_hook(lambda _module, inputs, _output: seen.append(len(inputs[0])))
    photo = torch.rand(1, 3, SIDE, SIDE) * 2 - 1
    *maps, patches = grown.encode_photo(torch.cat([photo, photo.flip(-1)]), mirrored=True)
    assert seen == [1] and all(len(one) == 2 for one in maps)
    torch.testing.assert_close(patches[1], patches[0].flip(-1))


def test_a_style_changes_the_photos_that_have_it_alone() -> None:
    model = CompactSegmenter(CompactSegmenterConfig(stem_channels=8, decoder_channels=[8, 8, 16, 16, 24]))
    styles = MaskStyles(["tight"], model.decoder)
    model.train(False)
    photos = torch.rand(2, 3, SIDE, SIDE) * 2 - 1
    with torch.no_grad():
        for change in styles.changes:
            change += 0.5
        plain = model(photos).logits
        batch = make_collator(None, most_tokens=0, styles=styles)(
            [
                {
                    "pixel_values": photos[0].numpy(),
                    "labels": np.zeros((SIDE, SIDE), np.float32),
                    "style": style,
                }
                for style in ("", "tight")
            ]
        )
        styles.shown = batch["styles"]
        marked = model(photos).logits
    assert batch["styles"].tolist() == [0, 1]
    torch.testing.assert_close(marked[0], plain[0])
    assert not torch.allclose(marked[1], plain[1])


def test_a_list_of_names_stands_for_a_split(start: Path) -> None:
    source = SourceSettings("tight", "pairs", names=start / "tight.txt", style="tight")
    (example,) = read_examples(start, source)
    assert (example.photo_id, example.style) == ("PAT_3", "tight")
    with pytest.raises(SettingsError, match="cannot be read"):
        read_examples(start, replace(source, names=start / "none.txt"))
