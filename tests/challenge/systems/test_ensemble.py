"""Several systems' files written as one: whose mask a shared photo has, and what is to be handed in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from magic_demo.challenge.data_masks import DataMasks
from magic_demo.challenge.systems.ensemble import EnsembleReport, Fusion, write_ensemble
from magic_demo.challenge.systems.reading import System
from magic_demo.core.types import EncounterFiles, PhotoFile, PhotoPrediction, Prediction
from magic_demo.files.encounters import EncounterList
from magic_demo.questions.answering import NOTHING_KNOWN
from magic_demo.questions.families import load_challenge

ANSWERS = {question.qid: 0 for question in load_challenge().questions}
FUSION = Fusion(load_challenge(), NOTHING_KNOWN, "majority")


def _system(name: str, **levels: float) -> System:
    """Return a system that answers each case with the first options and finds the photo P at a level of its own."""

    def read(case: str) -> Prediction:
        levels_of_case = np.full((4, 4), levels[case], np.float32)
        photos = (PhotoPrediction("P", levels_of_case, (4, 4)),) if levels[case] >= 0 else ()
        return Prediction(case, photos, answers=ANSWERS, threshold=0.5)

    return System(name, tuple(levels), read, True)


def _write(out: Path, *systems: System, listed: int = 2) -> EnsembleReport:
    cases = tuple(EncounterFiles(name, photo_files=(PhotoFile("P", None),)) for name in ("ENC1", "ENC2"))
    return write_ensemble(out, systems, FUSION, DataMasks(EncounterList(cases, listed=listed), "upright"))


@pytest.mark.parametrize("second", [0.0, -1.0], ids=["another mask", "no mask"])
def test_a_photo_of_two_cases_has_the_mask_of_the_first(tmp_path: Path, second: float) -> None:
    report = _write(tmp_path / "out", _system("one", ENC1=1.0, ENC2=second))
    assert tifffile.imread(tmp_path / "out" / "masks_preds" / "P_mask_sys.tiff").all()
    assert (report.masks, report.problems, report.files.photos) == (1, (), ("P",))


def test_cases_that_the_data_lists_and_nobody_can_read_are_still_to_be_handed_in(tmp_path: Path) -> None:
    report = _write(tmp_path / "out", _system("one", ENC1=1.0, ENC2=1.0), listed=5)
    assert (report.encounters, report.files.listed) == (2, 5)


def test_a_system_has_no_say_in_cases_that_are_none_of_its_own(tmp_path: Path) -> None:
    report = _write(tmp_path / "out", _system("one", ENC1=0.0), _system("two", ENC1=0.4, ENC2=1.0))
    assert not tifffile.imread(tmp_path / "out" / "masks_preds" / "P_mask_sys.tiff").any()
    assert report.problems == ()
