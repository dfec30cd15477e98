"""With ``transformations: each`` an epoch holds every photo as it is and under each transformation alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from magic_demo.core.types import Mask, Pixels
from magic_demo.models.loading.preprocessing import Preprocessing
from tests.training.runs.test_augment import draw_pair
from training.runs.augment import MOVES, AugmentSettings
from training.runs.reports.data_table import SourceTable
from training.runs.run import SettingsError, read_settings
from training.segmentation.data import DataSettings, EvaluationPhotos, TrainingDraws, check_transformations
from training.segmentation.guidance.train import GuidanceRunSettings
from training.segmentation.guidance.train import run_training as train_guidance
from training.segmentation.sources import Example, SourceSettings
from training.segmentation.survey import read_training_data
from training.segmentation.train import SegmentationSettings, check_settings

EACH = DataSettings(Path(), (), (), transformations="each", cache_side=90)
PLAIN = Preprocessing((48, 48), (0, 0, 0), (1, 1, 1))
ALL = ("flip", "rotation", "zoom", "stretch", "shift", "perspective")
ALL_ON_SURFACE = ("colour", "hair", "marks", "blur", "noise", "compression")


def _read() -> tuple[Pixels, tuple[Mask, ...]]:
    pixels, share = draw_pair()
    return pixels, (share > 0.5,)


def _draw(settings: DataSettings, epochs: float = 1, repeat: float = 1.0) -> TrainingDraws:
    examples = [Example(f"photo{number}", "made", _read, repeat=repeat) for number in range(2)]
    return TrainingDraws(settings, examples, PLAIN, epochs=epochs, seed=3)


def test_an_epoch_holds_each_photo_once_as_it_is_and_once_under_each_transformation() -> None:
    draws = _draw(EACH, epochs=2)
    assert draws.transformations == (*ALL, *ALL_ON_SURFACE)
    assert draws.epoch_length == 2 * 13 and len(draws) == 2 * draws.epoch_length
    shown = [draws.choose(number)[:2] for number in range(len(draws))]
    wanted = Counter((photo, view) for photo in range(2) for view in range(13))
    assert Counter(shown[:26]) == Counter(shown[26:]) == wanted
    assert shown[:26] != shown[26:], "in another order"


def test_the_views_are_fixed_and_differ() -> None:
    draws = _draw(EACH, epochs=2)
    seen: dict[tuple[int, int], bytes] = {}
    for number in range(len(draws)):
        view = draws[number]["pixel_values"].tobytes()
        assert seen.setdefault(draws.choose(number)[:2], view) == view
    assert len(seen) == 26
    assert len({seen[0, view] for view in range(13)}) == 13
    assert seen[0, 0] == seen[1, 0] and seen[0, 2] != seen[1, 2], "each photo has its own amounts"


@pytest.mark.numeric
def test_masks_move_with_their_photos_and_stay_where_the_photo_does() -> None:
    draws = _draw(EACH)
    still = EvaluationPhotos(EACH, draws.cache.examples, PLAIN)[0]
    found = {draws.choose(number)[:2]: draws[number] for number in range(len(draws))}
    np.testing.assert_array_equal(found[0, 0]["pixel_values"], still["pixel_values"])
    np.testing.assert_array_equal(found[0, 0]["labels"], still["labels"])
    unmoved = found[0, 1]["labels"][:, ::-1]  # the flip, flipped back
    for view, name in enumerate(draws.transformations, start=1):
        photo, labels = found[0, view]["pixel_values"][0], found[0, view]["labels"]
        if name in MOVES:  # the photo is white just where its mask is 1
            assert np.abs(photo - labels).max() <= 0.02, name
            assert name == "flip" or np.abs(labels - unmoved).max() > 0.05, name
        else:
            np.testing.assert_allclose(labels, unmoved, atol=0.02, err_msg=name)


def test_what_the_augmentation_leaves_out_has_no_view() -> None:
    few = AugmentSettings(stretch=1, shift=0, perspective=0, zoom_in=1, zoom_out=1, colour=0, surface=0)
    assert replace(EACH, augment=few).list_each() == ("flip", "rotation")
    assert _draw(replace(EACH, augment=few), repeat=0.5).epoch_length == 3
    assert replace(EACH, transformations=None).list_each() == ()


def test_settings_that_contradict_are_refused(repository: Path) -> None:
    for changed, said in (({"augment": None}, "data.augment"), ({"views": 3}, "leave one out")):
        with pytest.raises(SettingsError, match=said):
            check_transformations(replace(EACH, **changed))
    configs = repository / "training" / "configs"
    each = {"data.transformations": "each"}
    check_settings(read_settings(configs / "segmentation-tiny.yaml", SegmentationSettings, each))
    with pytest.raises(SettingsError, match="allows, which is null"):
        check_settings(read_settings(configs / "segmentation-paper.yaml", SegmentationSettings, each))
    with pytest.raises(SettingsError, match="guidance puts each photo together anew"):
        train_guidance(read_settings(configs / "guidance.yaml", GuidanceRunSettings, each))
    with pytest.raises(SettingsError, match="is not one of"):
        read_settings(
            configs / "segmentation-tiny.yaml", SegmentationSettings, {"data.transformations": "all"}
        )


def test_the_table_names_the_views_of_photos_to_train_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sources = (SourceSettings("made", "cases", count=2, side=64),)
    settings = replace(EACH, training=sources, evaluation=sources)
    tables: list[SourceTable] = []
    read_training_data(settings, first=True, output=tmp_path, keep=tables.extend)
    training, evaluation = tables
    assert training.counts["views a photo"] == 13 and "views a photo" not in evaluation.counts
    assert (
        "training made: an epoch has each photo as it is and under each of: flip," in capsys.readouterr().err
    )
