"""Folders of masks: the golden numbers, and every trap of the organisers' script by name."""

from __future__ import annotations

import json
import os
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from magic_demo.challenge.scoring.mask_scoring import score_mask_folders
from magic_demo.core.errors import FormatError
from magic_demo.core.types import Mask
from magic_demo.files.masks.mask_files import mask_file_name, write_mask
from magic_demo.questions.scoring import Scores

GOLDEN = Path(__file__).resolve().parents[2] / "data" / "golden" / "segmentation"
LEFT = np.zeros((6, 8), dtype=bool)
LEFT[:, :4] = True
TOP = np.zeros((6, 8), dtype=bool)
TOP[:3] = True
EMPTY = np.zeros((6, 8), dtype=bool)


class Folders:
    """A reference and a system folder that a test fills."""

    def __init__(self, folder: Path) -> None:
        self.reference = folder / "masks_refs"
        self.system = folder / "masks_preds"
        self.reference.mkdir()
        self.system.mkdir()

    def refer(self, photo_id: str, mask: Mask, annotator: int = 0) -> None:
        write_mask(self.reference / f"{photo_id}_mask_ann{annotator}.tiff", mask)

    def answer(self, photo_id: str, mask: Mask) -> None:
        write_mask(self.system / mask_file_name(photo_id), mask)

    def answer_raw(self, photo_id: str, values: Any, **options: Any) -> None:
        tifffile.imwrite(self.system / mask_file_name(photo_id), np.asarray(values), **options)

    def score(self) -> Scores:
        return score_mask_folders(self.reference, self.system)


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    """Return folders with one photo, IMG_A, that is answered right."""
    made = Folders(tmp_path)
    made.refer("IMG_A", LEFT)
    made.answer("IMG_A", LEFT)
    return made


def one_line(scores: Scores) -> str:
    (line,) = scores.findings
    assert "\n" not in line
    return line


@pytest.mark.parametrize("case", sorted(path.name for path in GOLDEN.iterdir()))
def test_golden_masks_score_as_the_organisers_script_says(case: str) -> None:
    scores = score_mask_folders(GOLDEN / case / "references", GOLDEN / case / "predictions")
    expected = json.loads((GOLDEN / case / "expected.json").read_text())
    assert scores.values == pytest.approx(expected, rel=0, abs=1e-12)
    assert set(scores.values) == set(expected)
    assert scores.findings == ()
    assert scores.notes == ()


def test_masks_in_one_folder_with_the_references_score_the_same(tmp_path: Path) -> None:
    for part in ("references", "predictions"):
        for path in (GOLDEN / "three_annotators" / part).iterdir():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    apart = score_mask_folders(
        GOLDEN / "three_annotators" / "references", GOLDEN / "three_annotators" / "predictions"
    )
    assert score_mask_folders(tmp_path, tmp_path) == apart


class TestTraps:
    """One test a row of docs/scoring.md."""

    def test_empty_against_empty_is_agreement_and_named(self, folders: Folders) -> None:
        folders.refer("IMG_B", EMPTY)
        folders.answer("IMG_B", EMPTY)
        scores = folders.score()
        assert scores.values["jaccard_meanofmean"] == 1.0
        assert scores.values["jaccard"] == 1.0
        assert "IMG_B" in one_line(scores)

    def test_empty_against_one_annotators_empty_mask_is_named_too(self, folders: Folders) -> None:
        folders.refer("IMG_A", EMPTY, annotator=1)
        folders.answer("IMG_A", EMPTY)
        scores = folders.score()
        assert scores.values["jaccard_meanofmean"] == 0.5 and scores.values["jaccard_meanofmax"] == 1.0
        assert "both empty" in one_line(scores)

    def test_a_missing_mask_is_empty_and_named(self, folders: Folders) -> None:
        folders.refer("IMG_B", LEFT)
        scores = folders.score()
        assert scores.values["jaccard"] == 0.5
        assert scores.values["dice_meanofmax"] == 0.5
        assert scores.values["number_segmentation_instances"] == 2
        assert one_line(scores).startswith("system mask is missing, counted as an empty mask")
        assert one_line(scores).endswith(": IMG_B")

    def test_a_missing_mask_of_a_photo_without_lesion_earns_nothing(self, folders: Folders) -> None:
        folders.refer("IMG_B", EMPTY)
        assert folders.score().values["dice_meanofmax"] == 0.5

    def test_a_system_folder_without_tiffs_scores_zero_of_no_photo(self, folders: Folders) -> None:
        for path in folders.system.iterdir():
            path.unlink()
        scores = folders.score()
        assert set(scores.values.values()) == {0}
        assert len(scores.values) == 7
        assert "holds no mask TIFF" in one_line(scores)

    def test_another_size_counts_as_empty_and_both_sizes_are_named(self, folders: Folders) -> None:
        folders.refer("IMG_B", LEFT)
        folders.answer("IMG_B", LEFT[:, :7])
        scores = folders.score()
        assert scores.values["jaccard"] == 0.5
        assert "IMG_B [7x6 instead of 8x6]" in one_line(scores)

    def test_a_mask_on_its_side_counts_as_empty_and_is_said_to_be(self, folders: Folders) -> None:
        folders.refer("IMG_B", LEFT)
        folders.answer("IMG_B", LEFT.T)
        scores = folders.score()
        assert scores.values["jaccard"] == 0.5
        assert "IMG_B [6x8 instead of 8x6, which is the photo on its side" in one_line(scores)

    def test_same_number_of_pixels_in_another_shape_counts_as_empty(self, folders: Folders) -> None:
        folders.refer("IMG_B", LEFT)
        folders.answer("IMG_B", LEFT.reshape(4, 12))
        assert folders.score().values["jaccard"] == 0.5

    @pytest.mark.parametrize(
        "values",
        [
            LEFT.astype(np.uint8) * 255,
            LEFT.astype(np.uint16) * 65535,
            LEFT * np.float32(0.98) + np.float32(0.01),
            LEFT * 128.0,
        ],
        ids=["255", "65535", "fractions", "float 128"],
    )
    def test_a_system_mask_of_other_values_is_read_as_meant_and_named(
        self, folders: Folders, values: Any
    ) -> None:
        folders.answer_raw("IMG_A", values)
        scores = folders.score()
        assert scores.values["jaccard"] == 1.0
        assert "IMG_A_mask_sys.tiff" in one_line(scores)

    def test_a_reference_mask_of_255_is_read_as_meant_and_named(self, folders: Folders) -> None:
        tifffile.imwrite(folders.reference / "IMG_A_mask_ann1.tiff", LEFT.astype(np.uint8) * 255)
        scores = folders.score()
        assert scores.values["jaccard_meanofmean"] == scores.values["jaccard"] == 1.0
        assert "reference mask holds 0 and 255" in one_line(scores)

    @pytest.mark.parametrize(
        "values", [LEFT.astype(np.float32), LEFT, LEFT.astype(np.int64), LEFT[None].astype(np.uint8)]
    )
    def test_zeros_and_ones_of_any_type_need_no_finding(self, folders: Folders, values: Any) -> None:
        folders.answer_raw("IMG_A", values)
        scores = folders.score()
        assert scores.values["dice"] == 1.0
        assert scores.findings == ()

    @pytest.mark.parametrize(
        "values",
        [np.zeros((2, 6, 8), np.uint8), np.arange(144, dtype=np.uint8).reshape(6, 8, 3)],
        ids=["two pages", "colours"],
    )
    def test_pages_and_colours_count_as_empty_and_are_named(self, folders: Folders, values: Any) -> None:
        folders.answer_raw("IMG_A", values, photometric="rgb" if values.shape[-1] == 3 else "minisblack")
        scores = folders.score()
        assert scores.values["jaccard"] == 0.0
        assert "counted as an empty mask" in one_line(scores)
        assert "IMG_A" in one_line(scores)

    def test_a_broken_mask_counts_as_empty_and_is_named(self, folders: Folders) -> None:
        (folders.system / mask_file_name("IMG_A")).write_bytes(b"II*\x00 not a tiff")
        scores = folders.score()
        assert scores.values["jaccard"] == 0.0
        assert "IMG_A" in one_line(scores)

    def test_a_mask_packed_as_lzw_is_read_and_named(self, folders: Folders) -> None:
        Image.fromarray(LEFT.astype(np.uint8)).save(
            folders.system / mask_file_name("IMG_A"), compression="tiff_lzw"
        )
        scores = folders.score()
        assert scores.values["jaccard"] == 1.0
        assert "imagecodecs" in one_line(scores)

    @pytest.mark.parametrize(
        ("name", "says"),
        [
            ("IMG_A_mask_sys.tif", "does not end in .tiff"),
            ("IMG_A_mask_sys.TIFF", "does not end in .tiff"),
            ("IMG_A.jpg_mask_sys.tiff", "has a photo's ending inside its name"),
            ("img_a_mask_sys.tiff", "is named in another case"),
            ("IMG_A_mask_pred.tiff", "is not named <image id>_mask_sys.tiff"),
            ("IMG_A.tiff", "is not named <image id>_mask_sys.tiff"),
            ("deeper/IMG_A_mask_sys.tiff", "lies in a subfolder"),
        ],
    )
    def test_a_mask_by_another_name_is_used_and_named(self, folders: Folders, name: str, says: str) -> None:
        (folders.system / name).parent.mkdir(exist_ok=True)
        (folders.system / mask_file_name("IMG_A")).rename(folders.system / name)
        scores = folders.score()
        assert scores.values["jaccard"] == 1.0
        assert says in one_line(scores)
        assert Path(name).name in one_line(scores)

    def test_the_official_name_wins_without_a_word(self, folders: Folders) -> None:
        write_mask(folders.system / "IMG_A_mask_other.tiff", ~LEFT)
        write_mask(folders.system / "IMG_A_mask_ann0.tiff", ~LEFT)
        scores = folders.score()
        assert scores.values["jaccard"] == 1.0
        assert scores.findings == ()

    def test_several_unofficial_names_are_all_named(self, folders: Folders) -> None:
        (folders.system / mask_file_name("IMG_A")).unlink()
        write_mask(folders.system / "IMG_A_mask_one.tiff", LEFT)
        write_mask(folders.system / "IMG_A_mask_two.tiff", ~LEFT)
        scores = folders.score()
        assert scores.values["jaccard"] == 1.0
        assert "IMG_A_mask_one.tiff, IMG_A_mask_two.tiff" in " ".join(scores.findings)

    def test_a_png_in_place_of_a_tiff_is_named_with_the_missing_mask(self, folders: Folders) -> None:
        folders.refer("IMG_B", LEFT)
        Image.fromarray(LEFT).save(folders.system / "IMG_B_mask_sys.png")
        assert "IMG_B [IMG_B_mask_sys.png is no TIFF]" in one_line(folders.score())

    def test_only_ann4_is_used_and_named(self, folders: Folders) -> None:
        folders.refer("IMG_B", LEFT, annotator=4)
        folders.answer("IMG_B", LEFT)
        scores = folders.score()
        assert scores.values["number_segmentation_instances"] == 2
        assert "IMG_B [ann4]" in one_line(scores)

    def test_ann4_beside_ann0_is_not_used_as_by_the_organisers(self, folders: Folders) -> None:
        folders.refer("IMG_A", ~LEFT, annotator=4)
        scores = folders.score()
        assert scores.values["jaccard_meanofmean"] == 1.0
        assert scores.findings == ()
        assert "IMG_A [ann4]" in scores.notes[0]

    def test_references_that_differ_in_size_are_named_and_the_commonest_used(self, folders: Folders) -> None:
        folders.refer("IMG_A", LEFT[:3], annotator=1)
        folders.refer("IMG_A", LEFT, annotator=2)
        scores = folders.score()
        assert scores.values["jaccard_meanofmean"] == 1.0
        assert "IMG_A [8x6, 8x3]" in one_line(scores)

    def test_of_as_many_references_of_two_sizes_those_of_the_systems_are_used(self, folders: Folders) -> None:
        folders.refer("IMG_A", LEFT[:3], annotator=1)
        for mask in (LEFT, LEFT[:3]):
            folders.answer("IMG_A", mask)
            scores = folders.score()
            assert scores.values["jaccard_meanofmean"] == 1.0 and "IMG_A [8x6, 8x3]" in one_line(scores)

    def test_a_reference_twice_is_named_and_counts_once(self, folders: Folders) -> None:
        (folders.reference / "A").mkdir()
        write_mask(folders.reference / "A" / "IMG_A_mask_ann0.tiff", ~LEFT)
        scores = folders.score()
        assert scores.values["jaccard_meanofmean"] == 1.0
        assert "comes twice" in one_line(scores)

    def test_a_broken_reference_leaves_its_annotator_out_and_without_another_its_photo(
        self, folders: Folders
    ) -> None:
        (folders.reference / "IMG_A_mask_ann1.tiff").write_bytes(b"broken")
        (folders.reference / "IMG_B_mask_ann1.tiff").write_bytes(b"broken")
        scores = folders.score()
        assert scores.values["jaccard"] == 1.0
        assert scores.values["number_segmentation_instances"] == 1
        assert any(
            line.startswith("photo without a reference mask") and line.endswith(": IMG_B")
            for line in scores.findings
        )
        (folders.reference / "IMG_A_mask_ann0.tiff").unlink()
        with pytest.raises(FormatError, match="no reference mask can be used"):
            folders.score()

    def test_a_system_mask_of_an_unknown_photo_is_noted_and_changes_nothing(self, folders: Folders) -> None:
        folders.answer("IMG_Z", LEFT)
        scores = folders.score()
        assert scores.findings == ()
        assert "IMG_Z" in scores.notes[0]
        assert scores.values["number_segmentation_instances"] == 1

    def test_references_in_subfolders_are_noted(self, folders: Folders) -> None:
        (folders.reference / "valid").mkdir()
        (folders.reference / "IMG_A_mask_ann0.tiff").rename(
            folders.reference / "valid" / "IMG_A_mask_ann0.tiff"
        )
        scores = folders.score()
        assert scores.values["jaccard"] == 1.0
        assert "subfolders" in scores.notes[0]

    def test_folders_that_are_not_there_or_without_references_are_refused(
        self, folders: Folders, tmp_path: Path
    ) -> None:
        with pytest.raises(FormatError, match="no such folder"):
            score_mask_folders(tmp_path / "absent", folders.system)
        with pytest.raises(FormatError, match="no such folder"):
            score_mask_folders(folders.reference, tmp_path / "absent")
        with pytest.raises(FormatError, match="no reference masks"):
            score_mask_folders(folders.system, folders.system)

    def test_a_hundred_like_faults_are_one_line_with_every_name(self, folders: Folders) -> None:
        for number in range(100):
            folders.refer(f"IMG_B{number:03d}", TOP)
        line = one_line(folders.score())
        assert "(100)" in line
        assert all(f"IMG_B{number:03d}" in line for number in range(100))

    def test_numbers_stay_valid_json_whatever_is_wrong(self, folders: Folders) -> None:
        folders.refer("IMG_B", EMPTY)
        folders.answer("IMG_B", EMPTY)
        folders.refer("IMG_C", EMPTY)
        json.dumps(folders.score().values, allow_nan=False)


def test_another_system_name_is_read_when_asked_for(folders: Folders) -> None:
    write_mask(folders.system / mask_file_name("IMG_A", "other"), ~LEFT)
    scores = score_mask_folders(folders.reference, folders.system, system_name="other")
    assert scores.values["jaccard"] == 0.0
    assert scores.findings == ()


def test_several_processes_say_the_same_numbers_and_lines_in_the_same_order(folders: Folders) -> None:
    rng = np.random.default_rng(0)
    for photo in range(12):
        for annotator in range(3):
            folders.refer(f"IMG_B{photo}", rng.random((40, 50)) > 0.5, annotator)
        if photo % 4:
            folders.answer(f"IMG_B{photo}", rng.random((40, 50 - photo % 5)) > 0.5)
    folders.refer("IMG_C", LEFT, annotator=4)
    folders.refer("IMG_A", LEFT, annotator=4)
    (folders.reference / "IMG_D_mask_ann0.tiff").write_bytes(b"broken")
    alone = folders.score()
    assert len(alone.findings) > 3 and alone.notes
    assert score_mask_folders(folders.reference, folders.system, processes=3) == alone


def _end_process(_job: object) -> None:
    os._exit(1)


def test_a_process_that_is_ended_from_outside_is_said_in_one_line(
    folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders.refer("IMG_B", LEFT)
    monkeypatch.setattr("magic_demo.challenge.scoring.mask_scoring._score_photo", _end_process)
    with pytest.raises(FormatError, match="one of 2 scoring processes was ended from outside"):
        score_mask_folders(folders.reference, folders.system, processes=2)


def test_memory_does_not_grow_with_the_number_of_photos(tmp_path: Path) -> None:
    """Forty photos of 300x400: each beyond the first two costs less than one of its four masks in bits."""
    rng = np.random.default_rng(0)
    peaks = []
    for number in (2, 40):
        (tmp_path / str(number)).mkdir()
        made = Folders(tmp_path / str(number))
        for photo in range(number):
            mask = np.zeros((300, 400), dtype=bool)
            mask[rng.integers(100) :, rng.integers(100) :] = True
            for annotator in range(3):
                made.refer(f"IMG_{photo}", mask, annotator)
            made.answer(f"IMG_{photo}", mask)
        made.score()  # imports and caches are not what is measured
        tracemalloc.start()
        made.score()
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert (peaks[1] - peaks[0]) / 38 < 300 * 400 / 8


def test_references_that_are_mostly_empty_are_a_finding(folders: Folders) -> None:
    for name in ("IMG_B", "IMG_C"):
        folders.refer(name, EMPTY)
        folders.answer(name, LEFT)
    assert "most photos have no lesion in any reference mask" in one_line(
        folders.score()
    ) and "2 of 3" in one_line(folders.score())
