"""What is exported is what was saved, and what was left out is named with its reason."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from magic_demo.challenge.scoring.mask_scoring import score_mask_folders
from magic_demo.core.review_types import Review, SavedReview
from magic_demo.files.answers import read_answers
from magic_demo.files.masks.mask_files import find_reference_masks, mask_file_name, read_mask, write_mask
from magic_demo.imaging.run_lengths import decode_mask, encode_mask
from magic_demo.questions.families import load_challenge, load_families
from magic_demo.reviews.exports import FORMATS, ExportError, ExportReport, write_export, writing
from magic_demo.reviews.exports.readings import agree_answers
from magic_demo.reviews.imports import read_reviews
from tests.support.store.reviewed_cases import QUEUE, ReadQueue, answer, make_queue, save_all


@pytest.fixture
def queue(tmp_path: Path) -> ReadQueue:
    return make_queue(tmp_path / "data")


def _export(queue: ReadQueue, folder: Path, format: str = "challenge", **options: Any) -> ExportReport:
    return write_export(queue.reviews, queue.cases, format, folder, **options)


@pytest.mark.parametrize("format", [format.name for format in FORMATS])
def test_every_format_says_what_it_wrote_and_what_it_left_out(
    queue: ReadQueue, tmp_path: Path, format: str
) -> None:
    report = _export(queue, tmp_path / "out", format)
    written = {
        path.relative_to(tmp_path / "out").as_posix()
        for path in (tmp_path / "out").rglob("*")
        if path.is_file()
    }
    assert written == {*report.files, "export.json"} and report.cases == 3
    manifest = json.loads((tmp_path / "out" / "export.json").read_text(encoding="utf-8"))
    assert (
        manifest["left_out"] == list(report.left_out)
        and manifest["format"] == format
        and manifest["queue"] == QUEUE
    )
    assert "reading that is not finished (1): ENC00003 [Wang]" in report.left_out
    assert "changes since the last finished reading, which is exported (1): ENC00002 [Li]" in report.left_out


@pytest.mark.parametrize("format", [format.name for format in FORMATS])
def test_an_export_that_fails_leaves_nothing(
    queue: ReadQueue, tmp_path: Path, format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(*_anything: object, **_more: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing, "write_json", no_space)
    with pytest.raises(OSError, match="No space left"):
        _export(queue, tmp_path / "out", format)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]


def test_challenge_masks_are_the_readers_to_the_bit_one_number_a_reader(
    queue: ReadQueue, tmp_path: Path
) -> None:
    report = _export(queue, tmp_path / "out")
    assert report.annotators == ("Li", "Wang")
    found = find_reference_masks(tmp_path / "out")
    assert {photo: [path.stem[-4:] for path in paths] for photo, paths in found.items()} == {
        "IMG_ENC00001_00001": ["ann0", "ann1"],
        "IMG_ENC00001_00002": ["ann0"],
        "IMG_ENC00002_00001": ["ann0"],
        "IMG_ENC00003_00001": ["ann0"],
    }
    kept = {
        (saved.review.case_id, saved.review.reader): saved.review
        for saved in queue.reviews
        if saved.review.state == "done"
    }
    kept["ENC00001", "Wang"] = queue.reviews[2].review  # the newest that is no consensus
    masks = 0
    for review in kept.values():
        for photo_id, runs in review.masks.items():
            path = (
                tmp_path
                / "out"
                / "masks"
                / mask_file_name(photo_id, f"ann{report.annotators.index(review.reader)}")
            )
            assert np.array_equal(read_mask(path), decode_mask(runs))
            masks += 1
    assert masks == report.masks == 5
    assert "photo that its reader called unusable (1): IMG_ENC00001_00002 [Wang]" in report.left_out


def test_challenge_answers_are_valid_and_each_readers_own_beside_what_they_agree_on(
    queue: ReadQueue, tmp_path: Path
) -> None:
    report = _export(queue, tmp_path / "out")
    own = {
        name: read_answers(tmp_path / "out" / f"answers_ann{number}.json")
        for number, name in enumerate(report.annotators)
    }
    assert own == {"Li": {"ENC00001": answer(0), "ENC00002": answer(3)}, "Wang": {"ENC00001": answer(2)}}
    assert read_answers(tmp_path / "out" / "answers.json") == {"ENC00002": answer(3)}
    assert any(
        line.startswith("answers of an encounter with families that nobody answered (1): ENC00003")
        for line in report.left_out
    )
    assert any(
        line.startswith("answers of an encounter that are tied (1): ENC00001") for line in report.left_out
    )
    manifest = json.loads((tmp_path / "out" / "export.json").read_text())
    assert list(manifest["tied"]) == ["ENC00001"] and "CQID010" in manifest["tied"]["ENC00001"]


def test_two_readers_who_differ_in_seven_families_leave_seven_undecided(tmp_path: Path) -> None:
    families = [family.family_id for family in load_families()]
    mixed = {qid: answer(2 if qid.partition("-")[0] in families[:7] else 1)[qid] for qid in answer(1)}
    reviews = save_all(
        [Review("A", name, "assisted", "done", given) for name, given in (("ann", answer(1)), ("bo", mixed))]
    )
    agreed, tied = agree_answers(reviews, load_challenge())
    assert tied == families[:7] and {qid.partition("-")[0] for qid in agreed} == set(families[7:])
    write_export(reviews, (), "challenge", tmp_path / "out")
    assert read_answers(tmp_path / "out" / "answers.json") == {}
    assert json.loads((tmp_path / "out" / "export.json").read_text())["tied"] == {"A": families[:7]}
    of_consensus = Review("A", "chen", "consensus", "done", {**agreed, "CQID010-001": 1})
    with_consensus = save_all([*(saved.review for saved in reviews), of_consensus])
    report = write_export(with_consensus, (), "csv", tmp_path / "tables", consensus=True)
    rows = list(csv.DictReader((tmp_path / "tables" / "readings.csv").read_text("utf-8-sig").splitlines()))
    assert report.readings == 3 and [row["tied"] for row in rows] == ["", "", " ".join(families[1:7])]


@pytest.mark.parametrize("format", [format.name for format in FORMATS])
def test_what_was_known_and_left_open_goes_along_in_every_format(
    queue: ReadQueue, tmp_path: Path, format: str
) -> None:
    write_export(queue.reviews, queue.cases, format, tmp_path / "out")
    told = {
        (entry["case_id"], entry["annotator"]): (entry["known"], entry["complete"])
        for entry in json.loads((tmp_path / "out" / "export.json").read_text())["provenance"]
    }
    assert told["ENC00001", "ann1"] == (["model"], True) and told["ENC00003", "ann0"] == ([], False)


def test_how_a_reading_came_about_comes_back_from_challenge_files(tmp_path: Path) -> None:
    said = [
        Review("A", "ann", "blind", "done", answer(1)),
        replace(Review("A", "bo", "compared", "done", answer(2)), known=frozenset({"others"})),
        Review(
            "A",
            "cy",
            "blind",
            "done",
            {"CQID010-001": 1},
            masks={"IMG_A_1": encode_mask(np.ones((2, 2), np.bool_))},
        ),
    ]
    saved = [SavedReview(number, datetime.now(UTC), review) for number, review in enumerate(said)]
    saved[2] = replace(saved[2], review=replace(said[2], missing=frozenset({"CQID011", "IMG_A_2"})))
    write_export(saved, (), "challenge", tmp_path / "out")
    back = {review.reader: review for review in read_reviews(tmp_path / "out", "q").reviews}
    assert {name: review.kind for name, review in back.items()} == {
        "ann": "blind",
        "bo": "compared",
        "cy": "blind",
    }
    assert (
        back["bo"].known == {"others"}
        and back["cy"].missing == {"CQID011", "IMG_A_2"}
        and back["ann"].known == frozenset()
    )


def test_what_most_readers_chose_is_taken_whatever_the_order_of_slots(tmp_path: Path) -> None:
    turned = {**answer(1), "CQID011-001": answer(1)["CQID011-002"], "CQID011-002": answer(1)["CQID011-001"]}
    reviews = save_all(
        [
            Review("A", name, "assisted", "done", given)
            for name, given in (("a", answer(0)), ("b", answer(1)), ("c", turned))
        ]
    )
    report = write_export(reviews, (), "challenge", tmp_path / "out")
    assert read_answers(tmp_path / "out" / "answers.json") == {"A": answer(1)}
    assert not any("tie" in line for line in report.left_out)


def test_the_official_scorer_takes_the_masks_as_reference(queue: ReadQueue, tmp_path: Path) -> None:
    _export(queue, tmp_path / "out")
    system = tmp_path / "system"
    for photo_id, paths in find_reference_masks(tmp_path / "out" / "masks").items():
        write_mask(system / mask_file_name(photo_id), np.any([read_mask(path) for path in paths], axis=0))
    scores = score_mask_folders(tmp_path / "out" / "masks", system)
    assert scores.values["number_segmentation_instances"] == 4 and scores.values["dice"] == 1
    # ENC00002 is said to show no lesion
    assert [line for line in scores.findings if "both empty" not in line] == []


def test_a_consensus_stands_for_its_readers_when_asked_for(queue: ReadQueue, tmp_path: Path) -> None:
    report = _export(queue, tmp_path / "out", consensus=True)
    assert report.annotators == ("Li", "consensus")
    consensus = queue.reviews[3].review
    for photo_id, runs in consensus.masks.items():
        assert np.array_equal(
            read_mask(tmp_path / "out" / "masks" / mask_file_name(photo_id, "ann1")), decode_mask(runs)
        )
        assert not (tmp_path / "out" / "masks" / mask_file_name(photo_id, "ann0")).exists()
    assert "reading of a case that is exported with its consensus (1): ENC00001 [Li, Wang]" in report.left_out
    assert "consensus, which was not asked for (1): ENC00001" in _export(queue, tmp_path / "without").left_out


def test_one_reader_can_be_asked_for(queue: ReadQueue, tmp_path: Path) -> None:
    report = _export(queue, tmp_path / "out", readers={"Wang"})
    assert (report.annotators, report.cases, report.masks) == (("Wang",), 1, 1)
    assert "readings of a reader who was not asked for (1): Li" in report.left_out


def test_more_annotators_than_the_official_script_reads_are_named(tmp_path: Path, queue: ReadQueue) -> None:
    first = queue.reviews[0].review
    report = write_export(
        save_all([replace(first, reader=name) for name in "abcdef"]),
        queue.cases,
        "challenge",
        tmp_path / "out",
    )
    assert report.masks == 12
    assert (
        "annotator whom the organisers' script does not read, only ann0 to ann3 (1): e, f" in report.left_out
    )


def test_a_photo_of_two_cases_has_the_masks_of_one_and_that_is_said(tmp_path: Path, queue: ReadQueue) -> None:
    first = queue.reviews[0].review
    report = write_export(
        save_all([first, replace(first, case_id="ENC00009")]), queue.cases, "challenge", tmp_path / "out"
    )
    assert report.masks == 2
    assert any(
        "mask of a photo that ENC00001 has too" in line and "[ENC00009]" in line for line in report.left_out
    )


def test_nothing_to_export_is_one_line(queue: ReadQueue, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"no finished reading to export \(none was saved\)"):
        write_export((), queue.cases, "csv", tmp_path / "out")
    with pytest.raises(ExportError, match=r"reading that is not finished \(1\): ENC00003 \[Wang\]"):
        write_export([queue.reviews[6]], queue.cases, "csv", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_queues_are_not_mixed(queue: ReadQueue, tmp_path: Path) -> None:
    other = replace(queue.reviews[0], review=replace(queue.reviews[0].review, queue="other"))
    with pytest.raises(ExportError, match="of the queues lesson, other"):
        write_export([*queue.reviews, other], queue.cases, "csv", tmp_path / "out")


def test_a_folder_with_something_in_it_is_refused_and_an_empty_one_taken(
    queue: ReadQueue, tmp_path: Path
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.docx").write_text("mine", encoding="utf-8")
    with pytest.raises(ExportError, match="not empty"):
        _export(queue, tmp_path / "full")
    with pytest.raises(ExportError, match="is a file"):
        _export(queue, tmp_path / "full" / "thesis.docx")
    with pytest.raises(ExportError, match="'xml' is not known; one of challenge, coco"):
        _export(queue, tmp_path / "out", "xml")
    (tmp_path / "empty").mkdir()
    assert _export(queue, tmp_path / "empty").files


@pytest.mark.parametrize("format", ["challenge", "label-studio", "csv"])
def test_a_tie_that_an_exported_consensus_decides_is_none(tmp_path: Path, format: str) -> None:
    rows = save_all(
        [
            Review("A", "Li", "blind", "done", answer(1)),
            Review("A", "Wang", "blind", "done", {**answer(1), "CQID010-001": 3}),
            Review("A", "Wang", "consensus", "done", answer(1)),
        ]
    )
    for name, given, consensus, tied in (
        ("readers", rows[:2], False, {"A": ["CQID010"]}),
        ("consensus", rows, True, {}),
        ("open", [*rows[:2], replace(rows[2], review=replace(rows[2].review, answers={}))], True, {"A": ["CQID010"]}),
    ):  # fmt: skip
        write_export(given, (), format, tmp_path / name, consensus=consensus)
        about = json.loads((tmp_path / name / "export.json").read_text(encoding="utf-8"))
        assert about["tied"] == tied, name
