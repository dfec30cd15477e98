"""What an evaluation with clicks and boxes says."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from magic_demo.models.interfaces import Click, Guidance
from tests.support.stand_ins import RedFinder
from training.__main__ import main
from training.runs.run import SettingsError
from training.segmentation.guidance.evaluate import (
    count_clicks,
    evaluate_guided,
    format_guided,
    measure_people,
)
from training.segmentation.guidance.sheet import COLUMNS, TILE, draw_clicked
from training.segmentation.guidance.ways import cut_by_wand, fill_ellipse, grab_box, walk_randomly
from training.segmentation.sources import Example

SIZE = (60, 80)
DOWN, ACROSS = np.mgrid[: SIZE[0], : SIZE[1]]
SPOT = ((ACROSS - 50) / 14) ** 2 + ((DOWN - 30) / 11) ** 2 <= 1
PIXELS = np.where(SPOT[..., None], (110, 80, 60), (224, 190, 170)).astype(np.uint8)
BOX = (36 / 80, 19 / 60, 65 / 80, 42 / 60)


def list_spots(*masks: np.ndarray) -> list[Example]:
    return [Example("spot", "spots", lambda: (PIXELS, masks or (SPOT,)))]


def test_the_number_of_clicks_is_the_first_that_is_good_enough_or_all() -> None:
    jaccards = np.array([0.2, 0.8, 0.87, 0.84, 0.91])
    assert count_clicks(jaccards, 0.85) == 2
    assert count_clicks(jaccards, 0.1) == 0
    assert count_clicks(jaccards, 0.95) == 4


def test_clicks_and_boxes_bring_any_model_to_a_plain_spot() -> None:
    evaluation = evaluate_guided(RedFinder(), list_spots(), clicks=3, boxes=True)
    (dices,) = evaluation.dices["this checkpoint"]["spots"]
    assert len(dices) == 4 and dices[-1] > 0.9
    for way in ("this checkpoint", "GrabCut in the box", "ellipse in the box", "wand", "random walker"):
        (values,) = evaluation.boxes[way]["spots"]
        assert values[0] > 0.85, way
    table = format_guided(evaluation)
    assert "| after 0 | after 1 | after 2 | after 3 | NoC@85 | NoC@90 |" in table
    assert "| spots: exact | spots: 6% too large | spots: 20% too large |" in table


def test_the_contact_sheet_shows_so_many_photos_with_what_followed_the_clicks() -> None:
    spots = list_spots() * 10
    sheet = draw_clicked(spots, RedFinder(), clicks=1, count=7)
    assert sheet.shape == (2 * TILE, COLUMNS * TILE, 3)
    assert (sheet[TILE:, TILE:] == 255).all() and not (sheet[TILE:, :TILE] == 255).all(), (
        "the last row has one"
    )
    assert draw_clicked(spots[:2], RedFinder(), clicks=0).shape == (TILE, COLUMNS * TILE, 3)


def test_a_photo_with_several_masks_is_scored_by_the_best_of_them() -> None:
    other = np.zeros(SIZE, np.bool_)
    other[:3, :3] = True
    alone = evaluate_guided(RedFinder(), list_spots(), clicks=2, boxes=False, baselines=False)
    beside = evaluate_guided(
        RedFinder(), list_spots(SPOT, SPOT, other), clicks=2, boxes=False, baselines=False
    )
    np.testing.assert_allclose(
        alone.dices["this checkpoint"]["spots"][0], beside.dices["this checkpoint"]["spots"][0]
    )


def test_the_ways_without_training_need_a_box_or_a_click_on_lesion() -> None:
    assert not fill_ellipse(Guidance(), SIZE).any() and not cut_by_wand(PIXELS, Guidance()).any()
    ellipse = fill_ellipse(Guidance(box=BOX), SIZE)
    assert ellipse.sum() == pytest.approx(SPOT.sum(), rel=0.15)
    assert grab_box(PIXELS, Guidance(box=(0, 0, 1, 1))).all()


def test_a_random_walker_stops_at_the_edge_that_marks_lie_on_either_side_of() -> None:
    inside, outside = Click(50 / 80, 30 / 60, True), Click(10 / 80, 10 / 60, False)
    assert not walk_randomly(PIXELS, Guidance((outside,))).any(), "nothing is said to be lesion"
    for clicks in ((inside,), (inside, outside)):
        found = walk_randomly(PIXELS, Guidance(clicks))
        assert (found == SPOT).mean() > 0.97
    taken_back = walk_randomly(PIXELS, Guidance((inside, Click(inside.x, inside.y, False))))
    assert not taken_back.any(), "of two clicks on one place the last counts"


def test_two_peoples_agreement_leaves_copies_out(tmp_path: Path) -> None:
    table = tmp_path / "pairs.csv"
    table.write_text("name,Dice with them\na,1.000 0.600 0.800\nb,1.000\nc,0.900\nd,\n")
    assert "mean Dice of 0.80 (median 0.80, 2 photos)" in measure_people(table)
    table.write_text("name,Dice with them\na,1.000\n")
    with pytest.raises(SettingsError, match="no row"):
        measure_people(table)


def test_the_command_adds_tables_plot_and_numbers(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for part in ("images", "masks", "splits"):
        (tmp_path / part).mkdir()
    cv2.imwrite(str(tmp_path / "images" / "spot.jpg"), PIXELS[:, :, ::-1])
    cv2.imwrite(str(tmp_path / "masks" / "spot.png"), SPOT.astype(np.uint8) * 255)
    (tmp_path / "splits" / "dev.txt").write_text("spot\n")
    words = ["evaluate-segmentation", str(repository / "checkpoints" / "segmentation-compact")]
    words += ["--data", str(tmp_path), "--split", "dev", "--no-baselines", "--out", str(tmp_path / "out")]
    assert main([*words, "--clicks", "2", "--boxes"]) == 0
    scores = json.loads((tmp_path / "out" / "scores.json").read_text())
    assert len(scores["clicks_dice"]["this checkpoint"]["dev"]) == 3
    assert scores["boxes_dice"]["this checkpoint"]["dev"][0] > 0.8
    assert "polyline" in (tmp_path / "out" / "report.html").read_text()
    assert "NoC@85" in capsys.readouterr().out
    assert main([*words, "--clicks", "99"]) == 1 and "0 to 20" in capsys.readouterr().err
