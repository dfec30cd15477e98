"""Training and evaluation read pairs as the product reads masks; lists of names come from any system; empty
masks are said before they are scored."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from magic_demo.core.disk.whole_files import write_json, write_whole
from magic_demo.core.errors import MagicDemoError
from magic_demo.core.types import Mask
from magic_demo.files.masks.mask_files import write_mask
from magic_demo.files.masks.turns import Lie
from magic_demo.imaging.turning import turn_back
from magic_demo.models.interfaces import Segmenter
from magic_demo.synthetic.encounters import encode_photo
from training.__main__ import main
from training.cases.pad import read_pad
from training.segmentation.evaluation import evaluate as evaluate_segmentation
from training.segmentation.evaluation.measuring import Evaluation
from training.segmentation.sources import Example, SourceSettings, read_examples
from training.segmentation.survey import open_examples, read_checked

REPORTED = Path(__file__).resolve().parents[2] / "data" / "reported"
SOURCE = SourceSettings(name="pairs", kind="pairs", split="dev")
NAMES = ("a", "PAT12 left")


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Write two photos with masks of 0 and 1 and of a palette, listed by Windows."""
    for part in ("images", "masks", "splits"):
        (tmp_path / part).mkdir()
    photo = np.random.default_rng(0).integers(80, 200, (240, 320, 3), dtype=np.uint8)
    for name, mask in zip(NAMES, ("mask_0_1.png", "mask_palette_dark_red.png"), strict=True):
        cv2.imwrite(str(tmp_path / "images" / f"{name}.jpg"), photo)
        shutil.copy(REPORTED / mask, tmp_path / "masks" / f"{name}.png")
    (tmp_path / "splits" / "dev.txt").write_bytes("\ufeffa\r\nPAT12 left\r\n\r\n".encode())
    return tmp_path


def _examples(folder: Path) -> list[Example]:
    return read_examples(folder, SOURCE)


def test_pairs_listed_by_windows_are_read_with_masks_of_every_kind(pairs: Path) -> None:
    expected = cv2.imread(str(REPORTED / "mask_0_255_expected.png"), cv2.IMREAD_GRAYSCALE)
    assert expected is not None
    examples = _examples(pairs)
    assert [example.photo_id for example in examples] == list(NAMES)
    for example in examples:
        assert np.array_equal(example.read()[1][0], expected > 0)
    opened = open_examples(examples)
    assert (opened.bad, opened.warn_of_empty("dev")) == ({}, [])


def test_a_mask_that_could_be_two_is_named_before_training(pairs: Path) -> None:
    cv2.imwrite(
        str(pairs / "masks" / "a.png"), np.random.default_rng(0).integers(1, 3, (240, 320), dtype=np.uint8)
    )
    assert "labels up to 2 without a 0" in open_examples(_examples(pairs)).bad["a"]
    cv2.imwrite(str(pairs / "masks" / "a.png"), np.zeros((10, 10), np.uint8))
    with pytest.raises(MagicDemoError, match=r"a\.png: a mask of \(10, 10\)"):
        _examples(pairs)[0].read()


def test_mostly_empty_masks_are_said_before_the_evaluation_with_exit_code_3(
    pairs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in NAMES:
        cv2.imwrite(str(pairs / "masks" / f"{name}.png"), np.zeros((240, 320), np.uint8))
    said: list[str] = []

    def evaluate(*_: Any, **__: Any) -> Any:
        said.append(capsys.readouterr().err)
        return Evaluation("model", 0.5)

    monkeypatch.setattr(evaluate_segmentation, "evaluate", evaluate)
    monkeypatch.setattr(evaluate_segmentation, "load_segmenter", lambda *_, **__: Segmenter)
    assert main(["evaluate-segmentation", "model", "--data", str(pairs), "--split", "dev"]) == 3
    assert "dev: 2 of 2 photos have an empty mask" in said[0]


def test_utf_16_lists_and_devices_are_one_line(pairs: Path) -> None:
    (pairs / "splits" / "dev.txt").write_text("a\n", encoding="utf-16")
    with pytest.raises(MagicDemoError, match=r"dev\.txt: cannot be read \(UTF-16 text"):
        _examples(pairs)
    (pairs / "splits" / "dev.txt").unlink()
    (pairs / "splits" / "dev.txt").symlink_to("/dev/zero")
    for read in (lambda: _examples(pairs), lambda: read_pad(pairs, "dev")):
        with pytest.raises(MagicDemoError, match="device"):
            read()


def _write_turned(folder: Path, *, lie: Lie, orientations: Sequence[int]) -> list[Mask]:
    """Write photos of one encounter that are turned, with a mask each that lies as said; return the masks
    upright."""
    upright, entries = [], []
    for number, orientation in enumerate(orientations, start=1):
        name = f"IMG_ENC00001_{number:05d}"
        mask = np.zeros((60, 40), np.bool_)
        mask[4:20, 3 : 8 + number] = True
        pixels = np.where(mask[:, :, None], 40, 200).astype(np.uint8).repeat(3, axis=2)
        write_whole(folder / "images_train" / f"{name}.jpg", encode_photo(pixels, orientation=orientation))
        write_mask(
            folder / f"{name}_mask_ann0.tiff", turn_back(mask, orientation) if lie == "stored" else mask
        )
        upright.append(mask)
        entries.append(f"{name}.jpg")
    write_json(folder / "train.json", [{"encounter_id": "ENC00001", "image_ids": entries}])
    return upright


@pytest.mark.parametrize("lie", ["upright", "stored"])
def test_masks_are_turned_with_their_photos_as_the_data_lays_them(
    tmp_path: Path, lie: Lie, capsys: pytest.CaptureFixture[str]
) -> None:
    masks = _write_turned(tmp_path, lie=lie, orientations=(6, 3, 1, 8))
    examples = read_examples(tmp_path, SourceSettings(name="challenge", kind="challenge"))
    for example, mask in zip(examples, masks, strict=True):
        pixels, drawn = example.read()
        assert np.array_equal(drawn[0], mask)
        assert pixels[mask].mean() < 100 < pixels[~mask].mean()  # the lesion is dark
    said = capsys.readouterr().err
    assert "3 of 4 photos are turned by their EXIF data" in said and f"have the {lie} size" in said
    assert "IMG_ENC00001_00002" in said  # turned by 180 degrees


def test_pairs_with_turned_photos_are_said_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (mask,) = _write_turned(tmp_path, lie="upright", orientations=(6,))
    (tmp_path / "images_train").rename(tmp_path / "images")
    (tmp_path / "masks").mkdir()
    cv2.imwrite(str(tmp_path / "masks" / "IMG_ENC00001_00001.png"), mask.astype(np.uint8) * 255)
    source = SourceSettings("pairs", "pairs", split="*")
    checked = read_checked(tmp_path, {"pairs": source}, least_found=1.0, bad_files="refuse")
    assert np.array_equal(checked.by_title["pairs"][0].read()[1][0], mask)
    assert capsys.readouterr().err.count("1 of 1 photos are turned by their EXIF data") == 1


def test_photos_turned_by_180_degrees_alone_are_named_as_unsure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _write_turned(tmp_path, lie="upright", orientations=(3, 1))
    read_examples(tmp_path, SourceSettings(name="challenge", kind="challenge"))
    said = capsys.readouterr().err
    assert "without a change of size: IMG_ENC00001_00001" in said and "look at those" in said


def test_a_mask_of_neither_size_is_named(tmp_path: Path) -> None:
    _write_turned(tmp_path, lie="upright", orientations=(6,))
    write_mask(tmp_path / "IMG_ENC00001_00001_mask_ann0.tiff", np.ones((10, 10), np.bool_))
    (example,) = read_examples(tmp_path, SourceSettings(name="challenge", kind="challenge"))
    with pytest.raises(MagicDemoError, match="neither the upright nor the stored size"):
        example.read()


def test_masks_and_photos_whose_names_differ_in_case_are_joined(tmp_path: Path) -> None:
    (mask,) = _write_turned(tmp_path, lie="upright", orientations=(1,))
    path = tmp_path / "IMG_ENC00001_00001_mask_ann0.tiff"
    path.rename(path.with_name("img_enc00001_00001_MASK_ANN0.TIFF"))
    (example,) = read_examples(tmp_path, SourceSettings(name="challenge", kind="challenge"))
    assert np.array_equal(example.read()[1][0], mask)


@pytest.mark.parametrize("lie", ["upright", "stored"])
def test_masks_of_pairs_are_turned_with_their_photos_too(
    tmp_path: Path, lie: Lie, capsys: pytest.CaptureFixture[str]
) -> None:
    mask = np.zeros((60, 40), np.bool_)
    mask[4:20, 3:12] = True
    for name, orientation in (("a", 6), ("b", 3)):
        pixels = np.where(mask[:, :, None], 40, 200).astype(np.uint8).repeat(3, axis=2)
        write_whole(tmp_path / "images" / f"{name}.jpg", encode_photo(pixels, orientation=orientation))
        laid = turn_back(mask, orientation) if lie == "stored" else mask
        (tmp_path / "masks").mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / "masks" / f"{name}.png"), laid.astype(np.uint8) * 255)
    write_whole(tmp_path / "splits" / "dev.txt", "a\nb\n")
    for example in _examples(tmp_path):
        assert np.array_equal(example.read()[1][0], mask)
    assert "2 of 2 photos are turned" in capsys.readouterr().err
