"""Views of a photo are averaged where they lie on it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from magic_demo.__main__ import main
from magic_demo.core.types import Pixels
from magic_demo.models.interfaces import Click, Guidance
from magic_demo.models.segmentation.views import SEEN, VIEWS, ViewedSegmenter, see_views
from tests.support.batch_runs import write_data
from tests.support.stand_ins import RedFinder


class TopLeft(RedFinder):
    """Finds the photo's red channel, and claims the upper left corner of whatever it is shown."""

    def look(self, pixels: Pixels) -> tuple[NDArray[np.float32]]:
        """Return the red channel (H, W) in 0..1 with 1 in its first pixel."""
        red = np.asarray(pixels[..., 0] / 255, np.float32)
        red[0, 0] = 1
        return (red,)

    def segment(
        self, features: tuple[NDArray[np.float32]], prompt: str = "", guidance: Guidance | None = None
    ) -> NDArray[np.float32]:
        """Return the channel itself; with guidance, zeros."""
        return features[0] * np.float32(guidance is None)


def _photo() -> Pixels:
    """Return an oblong photo whose pixels all differ, black in its corners."""
    pixels = np.zeros((4, 6, 3), np.uint8)
    pixels[..., 0] = np.arange(24).reshape(4, 6) * 5
    pixels[[0, 0, -1, -1], [0, -1, 0, -1], 0] = 0
    return pixels


@pytest.mark.parametrize("views", [views for views in VIEWS if views != "none"])
def test_each_view_comes_back_to_where_it_was_seen(views: str) -> None:
    """What the photo shows is found once, whatever the views; the corner that a view claims is spread over the
    photo's corners."""
    model = ViewedSegmenter(TopLeft(), views)  # type: ignore[arg-type]
    photo = _photo()
    found = model.segment(model.look(photo))
    expected = photo[..., 0].astype(np.float32) / 255
    corners = np.ix_([0, -1], [0, -1])
    assert found.sum() - expected.sum() == pytest.approx(1, abs=1e-5)
    if views != "mirror":
        assert found[corners] == pytest.approx(0.25)
    found[corners] = 0
    assert found == pytest.approx(expected, abs=1e-6)


def test_views_differ_from_each_other() -> None:
    photo = _photo()
    for views in SEEN.values():
        shown = [view.show(photo).tobytes() for view in views]
        assert len(set(shown)) == len(views)


def test_without_views_the_model_is_itself_and_guidance_sees_the_photo_as_it_is() -> None:
    inner = TopLeft()
    assert see_views(inner, "none") is inner
    model = see_views(inner, "flips")
    features = model.look(_photo())
    assert not model.segment(features, guidance=Guidance(clicks=(Click(0.5, 0.5),))).any()
    assert model.reads_prompt and model.model_id == "red-finder@0, flips"


def test_predict_says_what_views_cost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = write_data(tmp_path / "data")
    command = ["predict", str(data), "--split", "valid", "--out", str(tmp_path / "out"), "--quiet"]
    assert main([*command, "--task", "segmentation", "--tta", "rotations"]) == 0
    said = capsys.readouterr().out
    assert "4 views of each photo (rotations)" in said and ", rotations" in said
    assert main([*command, "--task", "segmentation"]) == 1, "a run with other views is another run"
    assert "another models" in capsys.readouterr().err
