"""What is said of a photo is what was measured in it, for the families that it informs and in both
languages."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from magic_demo.core.types import LANGUAGES, Encounter, Language, Photo, PhotoPrediction, Prediction
from magic_demo.imaging.measure import LesionMeasures, measure_photo
from magic_demo.models.influence.evidence import SAYINGS, list_evidence, measure_lesions
from magic_demo.questions.families import load_families
from tests.support.stand_ins import draw_photo


def _measured(*squares: tuple[int, int, int]) -> LesionMeasures:
    """Measure grey skin with red squares at (row, column) of a side."""
    pixels = np.full((200, 300, 3), (200, 170, 150), np.uint8)
    mask = np.zeros((200, 300), np.bool_)
    for row, column, side in squares:
        pixels[row : row + side, column : column + side] = (190, 70, 60)
        mask[row : row + side, column : column + side] = True
    return measure_photo(pixels, mask)


def test_lesions_are_counted_and_their_area_is_told() -> None:
    measured = _measured((20, 20, 40), (100, 150, 60))
    assert list_evidence("CQID010", [measured], "en") == ("2 outlined areas, 9% of the photo",)
    assert list_evidence("CQID035", [measured], "en")[0].startswith(
        "2 separate outlined areas, the largest has 69%"
    )
    assert list_evidence("CQID035", [_measured((20, 20, 40))], "en") == ("1 separate outlined area",)


def test_the_skin_tone_is_said_under_the_photo_alone() -> None:
    measured = _measured((20, 20, 40))
    assert measured.skin_tone is not None
    told = [line for family in SAYINGS for line in list_evidence(family, [measured], "en")]
    assert told and not any("tone" in line.lower() for line in told)


def test_the_size_is_a_share_of_the_photo_and_says_so() -> None:
    lines = list_evidence("CQID012", [_measured((0, 0, 90))], "en")
    assert "14% of the photo" in lines[0] and "beyond the photo" in lines[1] and "no scale" in lines[-1]


def test_colours_are_named_as_the_options_are() -> None:
    options = next(family for family in load_families() if family.family_id == "CQID034").options
    for language in LANGUAGES:
        colours, *_ = list_evidence("CQID034", [_measured((50, 100, 80))], language)
        assert any(colours.startswith(option) for option in options[language])


def test_border_evenness_and_surface_are_words_and_no_bare_numbers() -> None:
    measured = _measured((50, 100, 80))
    assert list_evidence("CQID020", [measured], "en") == (
        "border: well defined, regular outline",
        "surface: as even as the skin around",
    )
    assert "even colour" in list_evidence("CQID034", [measured], "en")
    frayed = replace(measured, sharpness=0.2, irregularity=0.4, roughness=2.0)
    lines = list_evidence("CQID020", [frayed], "en")
    assert lines == (
        "border: fading into the skin, irregular outline",
        "surface: coarser than the skin around",
    )
    assert not re.search(r"\d", "".join(lines) + "".join(list_evidence("CQID020", [frayed], "zh")))


def test_each_line_names_its_photo_where_there_are_several() -> None:
    lines = list_evidence("CQID035", [_measured((20, 20, 40)), LesionMeasures(0, 0.0)], "en")
    assert [line.partition(":")[0] for line in lines] == ["Photo 1", "Photo 2"] and lines[1].endswith(
        "no lesion found"
    )


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("family_id", sorted(SAYINGS))
def test_every_family_that_measures_inform_has_lines_of_its_language(
    family_id: str, language: Language
) -> None:
    lines = list_evidence(family_id, [_measured((20, 20, 40), (100, 150, 60))], language)
    assert lines
    assert all(bool(re.search(r"[\u3400-\u9fff]", line)) == (language == "zh") for line in lines)


def test_families_that_photos_are_not_measured_for_have_no_lines() -> None:
    for family_id in {family.family_id for family in load_families()} - set(SAYINGS):
        assert list_evidence(family_id, [_measured((20, 20, 40))], "en") == ()
    assert list_evidence("CQID010", [], "en") == ()


def test_photos_are_measured_under_the_lesion_that_was_predicted() -> None:
    case = Encounter("E", photos=(Photo("a", draw_photo(1200, 1600)), Photo("b", draw_photo())))
    probability = np.zeros((48, 64), np.float32)
    probability[12:36, 16:48] = 0.9
    measures = measure_lesions(case, Prediction("E", (PhotoPrediction("a", probability, (1200, 1600)),)))
    assert len(measures) == 1 and measures[0].count == 1
    assert measures[0].area_share == pytest.approx(0.25, abs=0.02)
