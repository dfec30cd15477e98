"""A training set is taken by the training package as it is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from magic_demo.core.review_types import MaskRuns
from magic_demo.core.types import EncounterFiles, PhotoFile
from magic_demo.files.answers import read_answers
from magic_demo.files.encounters import read_encounters
from magic_demo.files.masks.mask_files import read_mask
from magic_demo.files.photos.reading import read_photo
from magic_demo.imaging.run_lengths import decode_mask
from magic_demo.reviews.exports import write_export
from magic_demo.reviews.exports.readings import CaseReadings, Selection
from magic_demo.reviews.exports.training_sets.training_set import split_cases
from tests.support.store.reviewed_cases import ReadQueue, answer, make_queue
from training.cases.sources import CaseSource, read_cases
from training.segmentation.sources import SourceSettings, read_examples

SPLITS = ("train", "valid")


@pytest.fixture
def queue(tmp_path: Path) -> ReadQueue:
    return make_queue(tmp_path / "data")


def test_words_photos_and_masks_come_back_through_the_training_package(
    queue: ReadQueue, tmp_path: Path
) -> None:
    report = write_export(queue.reviews, queue.cases, "training-set", tmp_path / "out")
    found = {}
    for split in SPLITS:
        for example in read_examples(
            tmp_path / "out", SourceSettings(name=split, kind="challenge", split=split)
        ):
            found[example.photo_id] = (example, *example.read())
    by_case = {case.encounter_id: case for case in queue.cases}
    li = {
        saved.review.case_id: saved.review
        for saved in queue.reviews
        if saved.review.reader == "Li" and saved.review.state == "done"
    }
    assert len(found) == 4
    for photo_id, (example, pixels, masks) in found.items():
        case = by_case[photo_id[4:12]]
        original = next(photo for photo in case.photo_files if photo.photo_id == photo_id)
        assert original.path is not None and np.array_equal(pixels, read_photo(original.path).pixels)
        assert example.prompts == (case.narrative.en, case.narrative.zh)
        assert np.array_equal(masks[0], decode_mask(li[case.encounter_id].masks[photo_id]))
    assert len(found["IMG_ENC00001_00001"][2]) == 2 and report.masks == 5


def test_answers_come_back_through_the_training_package(queue: ReadQueue, tmp_path: Path) -> None:
    write_export(queue.reviews, queue.cases, "training-set", tmp_path / "out", consensus=True)
    answered = {}
    for split in SPLITS:
        if read_answers(tmp_path / "out" / split / f"{split}_cvqa.json"):
            for case in read_cases(tmp_path / "out", [CaseSource(split, "challenge", split=split)], tmp_path):
                answered[case.case_id] = case.answers
    assert answered == {"ENC00001": answer(0), "ENC00002": answer(3)}


def test_encounters_keep_their_words_responses_and_authors(queue: ReadQueue, tmp_path: Path) -> None:
    write_export(queue.reviews, queue.cases, "training-set", tmp_path / "out")
    back = {
        case.encounter_id: case
        for split in SPLITS
        for case in read_encounters(tmp_path / "out", split).encounters
    }
    for case in queue.cases:
        other = back[case.encounter_id]
        assert (other.narrative, other.responses, other.author_id) == (
            case.narrative,
            case.responses,
            case.author_id,
        )
        assert [photo.photo_id for photo in other.photo_files] == [
            photo.photo_id for photo in case.photo_files
        ]


def test_what_would_stop_a_training_run_is_left_out_and_named(queue: ReadQueue, tmp_path: Path) -> None:
    first, second, third = queue.cases
    (path,) = (photo.path for photo in second.photo_files)
    assert path is not None
    path.write_bytes(b"broken")
    lost = replace(third, photo_files=(replace(third.photo_files[0], place=None),))
    li = queue.reviews[0]
    small = replace(
        li, review=replace(li.review, masks={**li.review.masks, "IMG_ENC00001_00002": MaskRuns((2, 2), "4")})
    )
    report = write_export(
        [small, *queue.reviews[2:3], queue.reviews[4], queue.reviews[7]],
        [first, second, lost],
        "training-set",
        tmp_path / "out",
    )
    said = "\n".join(report.left_out)
    assert "mask of another size than its photo (1): IMG_ENC00001_00002 [Li]" in said
    assert "photo that cannot be read (1): IMG_ENC00002_00001" in said
    assert "photo whose file is not there (1): IMG_ENC00003_00001" in said
    assert report.masks == 2


def test_a_case_whose_files_are_not_at_hand_is_named(queue: ReadQueue, tmp_path: Path) -> None:
    report = write_export(queue.reviews, queue.cases[:2], "training-set", tmp_path / "out")
    assert "case whose photos and words are not at hand (1): ENC00003" in report.left_out


def _selection(authors: list[str]) -> Selection:
    cases = [
        CaseReadings(
            f"C{number}",
            EncounterFiles(f"C{number}", photo_files=(PhotoFile("p", None),), author_id=author),
            (),
        )
        for number, author in enumerate(authors)
    ]
    return Selection("q", (), tuple(cases))


@pytest.mark.parametrize("count", [2, 3, 5, 40, 400])
def test_splits_are_never_empty_and_hold_about_a_fifth(count: int) -> None:
    splits = split_cases(_selection([f"U{number}" for number in range(count)]))
    assert splits["train"] and splits["valid"] and len(splits["train"]) + len(splits["valid"]) == count
    if count == 400:
        assert 0.14 < len(splits["valid"]) / count < 0.26


def test_cases_of_one_author_stay_together() -> None:
    splits = split_cases(_selection([f"U{number % 7}" for number in range(70)]))
    train, valid = ({files.author_id for _, files in cases} for cases in splits.values())
    assert not train & valid


def test_cases_of_one_author_alone_are_all_for_training_and_that_is_said() -> None:
    selection = _selection(["U1", "U1"])
    splits = split_cases(selection)
    assert (len(splits["train"]), len(splits["valid"])) == (2, 0)
    assert any("valid split" in line for line in selection.left_out.lines())


def test_photos_are_listed_with_their_masks_and_no_mask_lies_among_them(
    queue: ReadQueue, tmp_path: Path
) -> None:
    write_export(queue.reviews, queue.cases, "training-set", tmp_path / "out", consensus=True)
    rows = {}
    for split in SPLITS:
        folder = tmp_path / "out" / split / f"images_{split}"
        for line in (folder / "metadata.jsonl").read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            assert (folder / row["file_name"]).is_file()
            rows[row["file_name"]] = row
        assert {path.suffix for path in folder.iterdir()} == {".png", ".jsonl"}
    assert len(rows) == 4 and rows["IMG_ENC00003_00001.png"]["answers"] == ""
    first = rows["IMG_ENC00001_00001.png"]
    assert json.loads(first["answers"]) == answer(0) and first["narrative_zh"] == "数周，有点痒"
    (mask,) = first["masks"].splitlines()
    consensus = queue.reviews[3].review
    assert np.array_equal(
        read_mask(tmp_path / "out" / mask), decode_mask(consensus.masks["IMG_ENC00001_00001"])
    )


def test_a_photo_of_two_cases_is_in_one_split_with_the_words_and_masks_of_one(
    queue: ReadQueue, tmp_path: Path
) -> None:
    photo_id, (first, second) = "IMG_ENC00001_00001", (case.photo_files[0] for case in queue.cases[:2])
    saved = queue.reviews[0]
    for author in ("U1", "U9"):  # of one author both lie in one folder, of two in another each
        case = replace(queue.cases[0], photo_files=(first,))
        twin = EncounterFiles(
            "ENC00009", case.narrative, (PhotoFile(photo_id, second.place),), author_id=author
        )
        runs = saved.review.masks[photo_id]
        rows = [
            replace(saved, review=replace(saved.review, case_id=name, masks={photo_id: runs}))
            for name in ("ENC00001", "ENC00009")
        ]
        out = tmp_path / author
        report = write_export(rows, [case, twin], "training-set", out)
        (written,) = out.rglob(f"{photo_id}.png")
        assert first.path is not None
        assert np.array_equal(read_photo(written).pixels, read_photo(first.path).pixels)
        (mask,) = out.rglob("*_mask_ann0.tiff")
        assert mask.parent.name in written.parent.name
        (line,) = (written.parent / "metadata.jsonl").read_text(encoding="utf-8").splitlines()
        assert json.loads(line)["encounter"] == "ENC00001"
        assert any("photo that ENC00001 has too, of which it is" in one for one in report.left_out), (
            report.left_out
        )


def test_a_mask_of_a_photo_that_is_none_of_the_cases_is_named(queue: ReadQueue, tmp_path: Path) -> None:
    case = replace(queue.cases[0], photo_files=queue.cases[0].photo_files[:1])
    report = write_export(queue.reviews[:1], [case], "training-set", tmp_path / "out")
    assert report.masks == 1
    assert "photo whose file is not there (1): IMG_ENC00001_00002" in report.left_out


def test_a_photos_line_names_the_mask_of_every_reader(queue: ReadQueue, tmp_path: Path) -> None:
    report = write_export(queue.reviews, queue.cases, "training-set", tmp_path / "out")
    named = [
        path
        for file in (tmp_path / "out").rglob("metadata.jsonl")
        for line in file.read_text(encoding="utf-8").splitlines()
        for path in json.loads(line)["masks"].splitlines()
    ]
    assert len(named) == len(set(named)) == report.masks == 5
    assert all((tmp_path / "out" / path).is_file() for path in named)
