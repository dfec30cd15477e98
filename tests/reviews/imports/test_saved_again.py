"""Files that another program has saved again, or has left out of what it was not told: what they still say is read, no
more than that is, and what is not read is named."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

from magic_demo.core.review_types import Mark, MaskRuns, Outline, Review
from magic_demo.core.types import EncounterFiles, PhotoFile
from magic_demo.imaging.run_lengths import area, encode_mask
from magic_demo.questions.families import unpack_questions
from magic_demo.reviews.exports import write_export
from magic_demo.reviews.imports import ImportedReviews, SourceError, read_reviews
from tests.support.store.reviewed_cases import QUEUE, draw_mask, save_all

SIZE = (40, 60)
PHOTO = "IMG_ENC7_1"
MASK = '<mask label="Lesion" rle="0, 200" left="{left}" top="10" width="20" height="10">{about}</mask>'
ATTRIBUTE = '<attribute name="{name}">{value}</attribute>'


def _save_tables_again(path: Path, change: Callable[[str], str]) -> None:
    """Write a table again, each cell as another program has it."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([rows[0], *([change(cell) for cell in row] for row in rows[1:])])


@pytest.mark.parametrize("words", [("TRUE", "FALSE"), ("true", "false"), ("1", "0"), ("1.0", "0.0")])
def test_flags_come_back_however_another_program_writes_true(tmp_path: Path, words: tuple[str, str]) -> None:
    review = Review(
        "A", "Li", "blind", "done", {"CQID010-001": 1}, flagged=True, disagreements=frozenset({"CQID010"})
    )
    rows = save_all([review, Review("B", "Li", "blind", "done", {"CQID010-001": 1})])  # fmt: skip
    write_export(rows, (), "csv", tmp_path / "out")
    written = {"True": words[0], "False": words[1]}
    _save_tables_again(tmp_path / "out" / "readings.csv", lambda cell: written.get(cell, cell))
    back = read_reviews(tmp_path / "out", QUEUE)
    assert list(back.reviews) == [saved.review for saved in rows] and back.left_out == ()


def test_a_flag_that_is_neither_true_nor_false_is_named(tmp_path: Path) -> None:
    rows = save_all([Review("A", "Li", "blind", "done", {"CQID010-001": 1}, flagged=True)])
    write_export(rows, (), "csv", tmp_path / "out")
    _save_tables_again(tmp_path / "out" / "readings.csv", lambda cell: {"True": "perhaps so"}.get(cell, cell))
    back = read_reviews(tmp_path / "out", QUEUE)
    assert back.reviews == () and "'perhaps so' is neither True nor False" in back.left_out[0]


def test_empty_texts_that_a_program_wrote_as_nothing_are_no_words(tmp_path: Path) -> None:
    """Data frames hold an empty text of a CSV file as nothing."""
    given = {"CQID010-001": 1}
    rows = save_all(
        [Review("A", "Li", "blind", "done", given, masks={PHOTO: encode_mask(draw_mask(SIZE, 1))})]
    )
    write_export(rows, (), "parquet", tmp_path / "out")
    for path in (tmp_path / "out").glob("*.parquet"):
        table = parquet.read_table(path)
        emptied = [
            {name: None if cell == "" else cell for name, cell in row.items()} for row in table.to_pylist()
        ]
        parquet.write_table(pyarrow.Table.from_pylist(emptied, schema=table.schema), path)
    back = read_reviews(tmp_path / "out", QUEUE)
    assert list(back.reviews) == [rows[0].review] and back.left_out == ()


def _read_cvat(
    folder: Path, shapes: str, *, labels: str = "<label><name>Lesion</name></label>"
) -> ImportedReviews:
    (folder / "x.xml").write_text(
        f'<annotations><meta><task><labels>{labels}</labels></task></meta><image id="0" name="{PHOTO}.jpg" '
        f'width="60" height="40">{shapes}</image></annotations>',
        encoding="utf-8",
    )
    return read_reviews(folder, "q")


def _areas(back: ImportedReviews) -> dict[str, int]:
    return {f"{one.reader} {one.kind}": area(runs) for one in back.reviews for runs in one.masks.values()}


def test_shapes_of_a_cvat_file_that_declares_no_label_are_lesion_and_only_its_own_tag_says_there_is_none(
    tmp_path: Path,
) -> None:
    no_hair, no_lesion = ('<tag label="no hair"/>', '<tag label="no lesion"/>')
    back = _read_cvat(tmp_path, MASK.format(left=15, about=""), labels="")
    assert _areas(back) == {"imported assisted": 200} and back.left_out == ()
    back = _read_cvat(tmp_path, no_hair, labels="")
    assert back.reviews == () and "tag" in back.left_out[0]
    assert _areas(_read_cvat(tmp_path, no_lesion, labels="")) == {"imported assisted": 0}
    declared = "<label><name>no lesion</name></label>"
    assert _areas(_read_cvat(tmp_path, no_lesion, labels=declared)) == {"imported assisted": 0}


def test_what_cvat_alone_has_is_named(tmp_path: Path) -> None:
    (line,) = _read_cvat(tmp_path, '<cuboid label="Lesion"/>').left_out
    assert line == f"annotation of a kind that is not read (1): cuboid [{PHOTO}]"
    (tmp_path / "x.xml").write_text('<annotations><track label="mole"/></annotations>')
    assert read_reviews(tmp_path, "q").left_out == ("track of a video (1): mole",)


def test_of_several_xml_files_none_is_taken_by_itself(tmp_path: Path) -> None:
    _read_cvat(tmp_path, MASK.format(left=15, about=""))
    (tmp_path / "x.xml").rename(tmp_path / "Y.XML")
    assert _areas(read_reviews(tmp_path / "Y.XML", "q")) == {"imported assisted": 200}
    (tmp_path / "a.xml").write_bytes((tmp_path / "Y.XML").read_bytes())
    (tmp_path / "b.xml").write_bytes((tmp_path / "Y.XML").read_bytes())
    with pytest.raises(SourceError):
        read_reviews(tmp_path, "q")


def test_a_review_is_blind_only_where_none_of_its_shapes_says_otherwise(tmp_path: Path) -> None:
    known = [ATTRIBUTE.format(name="known", value=value) for value in ("model", "")]
    back = _read_cvat(tmp_path, "".join(MASK.format(left=left, about=about) for left, about in zip((0, 30), known, strict=True)))  # fmt: skip
    assert [one.known for one in back.reviews] == [{"model"}] and _areas(back) == {"imported assisted": 400}


def test_an_annotator_called_consensus_is_one_where_no_kind_is_said(tmp_path: Path) -> None:
    about = ATTRIBUTE.format(name="annotator", value="consensus")
    assert _areas(_read_cvat(tmp_path, MASK.format(left=0, about=about))) == {"consensus consensus": 200}


def test_a_consensus_is_everybodys_in_cvat_whoever_wrote_it(tmp_path: Path) -> None:
    masks = {PHOTO: encode_mask(draw_mask(SIZE, 1))}
    write_export(
        save_all([Review("ENC7", "Wang", "consensus", "done", masks=masks)]),
        (),
        "cvat",
        tmp_path,
        consensus=True,
    )
    root = ElementTree.parse(tmp_path / "annotations.xml").getroot()
    named = {one.get("name"): one.text for mask in root.iter("mask") for one in mask.iter("attribute")}
    assert (named["annotator"], named["kind"]) == ("consensus", "consensus")


def _write_coco(path: Path, runs: MaskRuns, name: str, *, label: str = "lesion", **image: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "images": [{"id": 1, "file_name": name, "height": SIZE[0], "width": SIZE[1], **image}],
        "categories": [{"id": 1, "name": label}],
        "annotations": [
            {"image_id": 1, "category_id": 1, "segmentation": {"size": [*SIZE], "counts": runs.counts}}
        ],
    }
    path.write_text(json.dumps(content))
    return path


def test_a_case_that_a_file_names_gives_way_to_the_one_that_has_the_photo(tmp_path: Path) -> None:
    path = _write_coco(tmp_path / "x.json", encode_mask(draw_mask(SIZE, 1)), "knee.v2", encounter_id="B")
    cases = [EncounterFiles("A", photo_files=(PhotoFile("knee.v2", None),)), EncounterFiles("B")]
    back = read_reviews(path, "q", cases)
    assert [(one.case_id, list(one.masks)) for one in back.reviews] == [("A", ["knee.v2"])]
    assert [one.case_id for one in read_reviews(path, "q").reviews] == ["B"]


def test_every_part_of_a_coco_data_set_is_read(tmp_path: Path) -> None:
    for number, part in enumerate(("train", "val"), start=1):
        runs = encode_mask(np.asarray(draw_mask(SIZE, number)))
        _write_coco(tmp_path / "annotations" / f"instances_{part}.json", runs, f"IMG_ENC{number}_1.png")
    assert [one.case_id for one in read_reviews(tmp_path, "q").reviews] == ["ENC1", "ENC2"]


def test_a_strange_label_is_no_lesion_where_a_study_has_labels_of_its_own(tmp_path: Path) -> None:
    asked = unpack_questions(json.dumps({"labels": ["lesion", "ulcer"]}), "labels.json")
    path = _write_coco(tmp_path / "x.json", encode_mask(draw_mask(SIZE, 1)), f"{PHOTO}.png", label="hair")
    back = read_reviews(path, "q", questions=asked)
    assert back.reviews == () and back.left_out == ("annotation of another label (1): hair",)


def test_a_readers_name_beside_an_annotation_and_a_comment_on_its_largest_part_are_kept(
    tmp_path: Path,
) -> None:
    mask = np.zeros(SIZE, np.bool_)
    mask[2:4, 2:4] = mask[20:30, 20:30] = True
    path = _write_coco(tmp_path / "x.json", encode_mask(mask), f"{PHOTO}.png")
    content = json.loads(path.read_text())
    content["annotations"][0] |= {"annotator": "Bo", "attributes": {"comment": "scaly"}}
    path.write_text(json.dumps(content))
    (review,) = read_reviews(path, "q").reviews
    (remark,) = review.remarks[PHOTO]
    column, row = remark.at
    assert (review.reader, remark.comment) == ("Bo", "scaly") and min(column, row) >= 20


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_tables_bring_masks_and_clicks_back_to_their_labels(tmp_path: Path, format: str) -> None:
    asked = unpack_questions(json.dumps({"labels": ["wound", "ulcer"]}), "labels.json")
    first, second = (encode_mask(draw_mask(SIZE, seed)) for seed in (1, 2))
    clicks = (Mark("lesion", (0.25, 0.5)), Mark("skin", (0.5, 0.5)))
    review = Review(
        "A",
        "Li",
        "blind",
        "done",
        masks={PHOTO: first},
        label_masks={"ulcer": {PHOTO: Outline(second, clicks)}},
    )
    rows = save_all([review])
    write_export(rows, (), format, tmp_path / "out", questions=asked)
    back = read_reviews(tmp_path / "out", QUEUE, questions=asked)
    assert list(back.reviews) == [rows[0].review] and back.left_out == ()


def test_answers_of_other_questions_and_rows_of_no_reading_are_named(tmp_path: Path) -> None:
    rows = save_all(
        [
            Review("A", "Li", "blind", "done", {"CQID010-001": 1}),
            Review("B", "Li", "blind", "done", {"CQID010-001": 1}),
        ]
    )
    write_export(rows, (), "csv", tmp_path / "out")
    text = rows[0].review.answers["CQID010-001"]
    readings, answers = (tmp_path / "out" / f"{name}.csv" for name in ("readings", "answers"))
    readings.write_text(
        "".join(readings.read_text("utf-8-sig").splitlines(keepends=True)[:2]), encoding="utf-8"
    )
    lines = answers.read_text("utf-8-sig").splitlines(keepends=True)
    answers.write_text(lines[0] + lines[1].replace(f",{text},", ",2,") + lines[2], encoding="utf-8")
    back = read_reviews(tmp_path / "out", QUEUE)
    assert [dict(one.answers) for one in back.reviews] == [{}]
    assert [line.partition(" (")[0] for line in back.left_out] == [
        "row that cannot be read",
        "row of a reading that is not listed",
    ]
