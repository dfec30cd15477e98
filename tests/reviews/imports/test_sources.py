"""Masks come in from everywhere: what was exported is the same to the bit, and what others drew is read or named."""

from __future__ import annotations

import base64
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from magic_demo.__main__ import main
from magic_demo.core.errors import MagicDemoError
from magic_demo.core.review_types import Mark, Outline, Review
from magic_demo.core.types import EncounterFiles, Mask, PhotoFile
from magic_demo.files.bundles import read_prediction
from magic_demo.imaging.overlay import lesion_mask
from magic_demo.imaging.run_lengths import decode_mask, encode_mask
from magic_demo.questions.families import unpack_questions
from magic_demo.reviews.exports import write_export
from magic_demo.reviews.imports import SOURCES, ImportedReviews, read_reviews
from tests.support.source.documents import DOCS
from tests.support.store.reviewed_cases import QUEUE, ReadQueue, draw_mask, make_queue, save_all

SIZE = (40, 60)
PHOTO = "IMG_ENC7_1"


@pytest.fixture
def queue(tmp_path: Path) -> ReadQueue:
    return make_queue(tmp_path / "data")


def _mask_of(back: ImportedReviews, reader: str | None = None) -> Mask:
    (review,) = (one for one in back.reviews if reader in (None, one.reader))
    (runs,) = review.masks.values()
    return decode_mask(runs)


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_tables_bring_back_every_finished_reading_whole(
    queue: ReadQueue, tmp_path: Path, format: str
) -> None:
    write_export(queue.reviews, queue.cases, format, tmp_path / "out")
    back = read_reviews(tmp_path / "out", QUEUE)
    finished = [saved.review for saved in queue.reviews if saved.review.state == "done"]
    assert back.left_out == ()
    assert {(one.case_id, one.reader, one.kind): one for one in back.reviews} == {
        (one.case_id, one.reader, one.kind): one for one in finished
    }


@pytest.mark.parametrize("format", ["coco", "cvat"])
def test_masks_and_clicks_come_back_to_the_bit(queue: ReadQueue, tmp_path: Path, format: str) -> None:
    rows = [queue.reviews[place] for place in (0, 1, 4, 7)]
    write_export(rows, queue.cases, format, tmp_path / "out")
    back = read_reviews(tmp_path / "out", QUEUE, queue.cases)
    assert back.left_out == ()
    drawn = {(saved.review.case_id, saved.review.reader): saved.review for saved in rows}
    found = {(one.case_id, one.reader): one for one in back.reviews}
    assert found.keys() == drawn.keys()
    for key, review in drawn.items():
        assert (found[key].masks, found[key].kind, found[key].known) == (
            review.masks,
            review.kind,
            review.known,
        )
        if format == "coco":
            assert found[key].rulers == review.rulers
            assert found[key].remarks == review.remarks
        for photo_id, marks in review.clicks.items():
            for mark, other in zip(found[key].clicks[photo_id], marks, strict=True):
                assert mark.kind == other.kind and mark.at == pytest.approx(other.at)


def test_a_mask_whose_run_lengths_are_longer_than_a_cell_usually_is_comes_back(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).random((500, 600)) > 0.5
    review = Review("C", "Li", "assisted", "done", masks={"p": encode_mask(noise)})
    assert len(review.masks["p"].counts) > 131_072
    write_export(save_all([review]), (), "csv", tmp_path / "out")
    assert np.array_equal(_mask_of(read_reviews(tmp_path / "out", QUEUE)), noise)


def _picture(path: Path, values: Any, kind: type = np.uint8) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(values, kind)).save(path)


@pytest.mark.parametrize("format", ["csv", "parquet", "label-studio"])
def test_photos_whose_names_hold_spaces_and_quotes_come_back_as_they_were(
    tmp_path: Path, format: str
) -> None:
    names = ("left hand 1", '"quoted"', 'a "b" c', "café 照片 2", "plain", '"half')
    rows = save_all([Review("A", "Li", "blind", "done", {"CQID010-001": 1}, unusable=frozenset(names))])
    kept = replace(rows[0].review, missing=frozenset({"CQID011", "left hand 2", '"quoted"'}))
    write_export([replace(rows[0], review=kept)], (), format, tmp_path / "out")
    (back,) = read_reviews(tmp_path / "out", QUEUE).reviews
    assert back == kept


@pytest.mark.parametrize("case_id", ["A", "B"])
@pytest.mark.parametrize("format", ["challenge", "coco", "cvat", "labels", "label-studio", "csv", "parquet"])
def test_a_mask_of_a_photo_of_two_cases_goes_back_to_the_case_that_it_was_exported_of(
    tmp_path: Path, format: str, case_id: str
) -> None:
    path = tmp_path / "IMG_1.png"
    _picture(path, np.zeros((*SIZE, 3)))
    cases = [EncounterFiles(name, photo_files=(PhotoFile("IMG_1", str(path)),)) for name in ("A", "B")]
    masks = {"IMG_1": encode_mask(draw_mask(SIZE, 1))}
    rows = save_all([Review(case_id, "Li", "blind", "done", masks=masks)])
    write_export(rows, cases, format, tmp_path / "out")
    back = read_reviews(tmp_path / "out", QUEUE, cases)
    assert [(one.case_id, one.masks) for one in back.reviews] == [(case_id, masks)] and not back.notes
    if format == "cvat":
        (tmp_path / "out" / "export.json").unlink()
        (note,) = read_reviews(tmp_path / "out", QUEUE, cases).notes
        assert note == "photo of several cases, taken for the one of A (1): IMG_1"


def _write_named(folder: Path, format: str, photo_id: str) -> Path:
    """Write a mask of a photo as others do, its file called ``photo_id``."""
    mask = encode_mask(SQUARE)
    if format == "masks":
        _picture(folder / f"{photo_id}_mask.png", SQUARE * 255)
        return folder
    if format == "challenge":
        _picture(folder / f"{photo_id}_mask_ann0.tiff", SQUARE)
        return folder
    folder.mkdir()
    path = folder / ("x.xml" if format == "cvat" else "x.json")
    if format == "cvat":
        path.write_text(CVAT.format(shape=CVAT_SHAPES["mask"]).replace(PHOTO, photo_id), encoding="utf-8")
        return path
    written = {
        "coco": _coco({"segmentation": {"size": [*SIZE], "counts": mask.counts}}),
        "labelme": _labelme(shape_type="polygon", points=PAIRS),
        "datumaro": _datumaro(type="polygon", points=CORNERS),
        "label-studio": _task(type="polygon", value={"points": [[25, 25], [58, 25], [58, 50]]}),
    }[format]
    path.write_text(json.dumps(written, ensure_ascii=False).replace(PHOTO, photo_id), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "format", ["challenge", "masks", "coco", "cvat", "labelme", "datumaro", "label-studio"]
)
def test_of_photos_whose_names_differ_in_case_alone_each_has_its_own_mask(
    tmp_path: Path, format: str
) -> None:
    names = ("Knee", "knee", "H\u00e4nd")
    cases = [EncounterFiles(f"case {name}", photo_files=(PhotoFile(name, None),)) for name in names]
    told = {"Knee": "Knee", "knee": "knee", "h\u0041\u0308nd": "H\u00e4nd"}
    for number, (written, meant) in enumerate(told.items()):
        back = read_reviews(_write_named(tmp_path / str(number), format, written), "q", cases)
        assert [(one.case_id, list(one.masks)) for one in back.reviews] == [(f"case {meant}", [meant])]
    unclear = read_reviews(_write_named(tmp_path / "unclear", format, "KNEE"), "q", cases)
    assert all(one.case_id == "KNEE" for one in unclear.reviews)


def test_clicks_whose_mask_was_taken_out_of_a_file_are_named_and_the_rest_is_read(tmp_path: Path) -> None:
    asked = unpack_questions('{"labels": ["lesion", "ulcer"]}', "labels.json")
    mask = encode_mask(draw_mask(SIZE, 1))
    ulcer = {"ulcer": {PHOTO: Outline(mask, (Mark("skin", (0.5, 0.5)),))}}
    rows = save_all([Review("ENC7", "Li", "blind", "done", masks={PHOTO: mask}, label_masks=ulcer)])
    write_export(rows, (), "coco", tmp_path / "out", questions=asked)
    file = tmp_path / "out" / "annotations" / "instances_default.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    content["annotations"] = [one for one in content["annotations"] if one["category_id"] == 1]
    file.write_text(json.dumps(content), encoding="utf-8")
    back = read_reviews(tmp_path / "out", "q", questions=asked)
    assert back.left_out == ("click that cannot be read (1): keypoint 1 [a click without a mask of ulcer]",)
    assert back.reviews[0].masks == {PHOTO: mask}


def test_a_folder_of_masks_says_photos_and_readers_by_its_names(tmp_path: Path) -> None:
    drawn = [draw_mask(SIZE, seed) for seed in range(6)]
    folder = tmp_path / "masks"
    _picture(folder / "ISIC_0012_segmentation.png", drawn[0] * 255)
    _picture(folder / "ISIC_0013_A03.png", drawn[1] * 255)
    _picture(folder / "ISIC_0013_mask_ann1.tif", drawn[2])
    _picture(folder / "bo" / "ISIC_0014.png", drawn[3] * 255)
    labels = np.where(drawn[4], 2, 0)
    labels[:3, :3] = 1
    _picture(folder / "bo" / "photo_12.png", labels)
    back = read_reviews(folder, "q", reader="ann")
    found = {(one.case_id, one.reader): decode_mask(one.masks[one.case_id]) for one in back.reviews}
    expected = {
        ("ISIC_0012", "ann"): drawn[0],
        ("ISIC_0013", "A03"): drawn[1],
        ("ISIC_0013", "ann1"): drawn[2],
        ("ISIC_0014", "bo"): drawn[3],
        ("photo_12", "bo"): labels > 0,
    }
    assert found.keys() == expected.keys() and back.left_out == ()
    assert all(np.array_equal(found[key], mask) for key, mask in expected.items())


def test_with_cases_a_picture_is_of_the_photo_that_its_name_begins_with(tmp_path: Path) -> None:
    photo = tmp_path / "a b-1.jpg"
    _picture(photo, np.zeros((*SIZE, 3)))
    case = EncounterFiles("case 1", photo_files=(PhotoFile("a b-1", str(photo)),))
    folder = tmp_path / "masks"
    _picture(folder / "A B-1_segmentation_A03.png", draw_mask(SIZE, 1) * 255)
    _picture(folder / "else_segmentation.png", draw_mask(SIZE, 1) * 255)
    _picture(folder / "a b-1_A04.png", draw_mask((9, 9), 1) * 255)
    back = read_reviews(folder, "q", [case])
    (review,) = back.reviews
    assert (review.case_id, review.reader, list(review.masks)) == ("case 1", "A03", ["a b-1"])
    said = " | ".join(back.left_out)
    assert "picture of no photo of the cases (1): else_segmentation.png" in said
    assert "a b-1_A04.png [a mask of 9x9 pixels; the photo has 60x40]" in said


SQUARE = np.zeros(SIZE, np.bool_)
SQUARE[10:20, 15:35] = True
CORNERS = [15, 10, 35, 10, 35, 20, 15, 20]
PAIRS = [[15, 10], [35, 10], [35, 20], [15, 20]]


def _coco(*annotations: dict[str, Any], **image: Any) -> dict[str, Any]:
    return {
        "images": [{"id": 5, "file_name": f"{PHOTO}.jpg", "height": 40, "width": 60, **image}],
        "categories": [{"id": 3, "name": "lesion"}, {"id": 4, "name": "ruler"}],
        "annotations": [{"image_id": 5, "category_id": 3, **entry} for entry in annotations],
    }


def _png(mask: Mask) -> str:
    stream = io.BytesIO()
    Image.fromarray(mask.astype(np.uint8) * 255).save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()


def _labelme(**shape: Any) -> dict[str, Any]:
    shapes = [{"label": "lesion", **shape}]
    return {"shapes": shapes, "imagePath": f"..\\photos\\{PHOTO}.jpg", "imageHeight": 40, "imageWidth": 60}


def _datumaro(**entry: Any) -> dict[str, Any]:
    labels = {"label": {"labels": [{"name": "lesion"}]}}
    item = {"id": PHOTO, "image": {"size": [40, 60]}, "annotations": [{"label_id": 0, **entry}]}
    return {"categories": labels, "items": [item]}


def _task(**result: Any) -> list[dict[str, Any]]:
    sized = {"original_height": 40, "original_width": 60, "from_name": "x", "id": "r", **result}
    named = {"type": "labels", "from_name": "y", "id": "r", "value": {"labels": ["Lesion"]}}
    return [{"data": {"image": f"{PHOTO}.jpg"}, "annotations": [{"result": [sized, named]}]}]


COLUMNS_FIRST = [15 * 40 + 10, *([10, 30] * 19), 10, 40 * 60 - (34 * 40 + 20)]
DRAWN_BY_OTHERS: dict[str, Any] = {
    "coco polygon": _coco({"segmentation": [CORNERS]}),
    "coco two polygons": _coco({"segmentation": [[*CORNERS[:4], 35, 15, 15, 15], [15, 15, 35, 15, 35, 20, 15, 20]]}),
    "coco plain run lengths": _coco({"segmentation": {"size": [40, 60], "counts": COLUMNS_FIRST}, "iscrowd": 1}),
    "coco run lengths": _coco({"segmentation": {"size": [40, 60], "counts": encode_mask(SQUARE).counts}}),
    "labelme polygon": _labelme(shape_type="polygon", points=PAIRS),
    "labelme rectangle": _labelme(shape_type="rectangle", points=[PAIRS[2], PAIRS[0]]),
    "labelme mask": _labelme(shape_type="mask", points=[[14, 10], [34, 19]], mask=_png(SQUARE[10:20, 14:35])),
    "datumaro mask": _datumaro(type="mask", rle={"size": [40, 60], "counts": encode_mask(SQUARE).counts}),
    "datumaro polygon": _datumaro(type="polygon", points=CORNERS),
    "datumaro box": _datumaro(type="bbox", bbox=[15, 10, 20, 10]),
    "label studio polygon": _task(type="polygon", value={"points": [[25, 25], [175 / 3, 25], [175 / 3, 50], [25, 50]]}),
    "label studio bitmask": _task(type="bitmask", value={"imageDataURL": f"data:image/png;base64,{_png(SQUARE)}"}),
}  # fmt: skip


@pytest.mark.parametrize("drawn", DRAWN_BY_OTHERS)
def test_what_others_drew_is_the_mask_that_it_surrounds(tmp_path: Path, drawn: str) -> None:
    path = tmp_path / "annotations.json"
    path.write_text(json.dumps(DRAWN_BY_OTHERS[drawn]), encoding="utf-8")
    back = read_reviews(path, "q")
    assert back.left_out == () and [one.case_id for one in back.reviews] == ["ENC7"]
    differs = _mask_of(back) != SQUARE
    edge = 2 * (10 + 20)  # a polygon's outline may be drawn as within
    assert np.count_nonzero(differs) <= (edge if "polygon" in drawn else 0)


CVAT = """<annotations><meta><task><labels><label><name>Lesion</name></label><label><name>hair</name></label></labels></task>
</meta><image id="0" name="IMG_ENC7_1.jpg" width="60" height="40">{shape}</image></annotations>"""
CVAT_SHAPES = {
    "mask": '<mask label="Lesion" rle="0, 200" left="15" top="10" width="20" height="10"/>',
    "polygon": '<polygon label="Lesion" points="15,10;35,10;35,20;15,20"/>',
    "box": '<box label="Lesion" xtl="15" ytl="10" xbr="35" ybr="20"/>',
    "box turned": '<box label="Lesion" xtl="20" ytl="5" xbr="30" ybr="25" rotation="90"/>',
}


@pytest.mark.parametrize("shape", CVAT_SHAPES)
def test_cvats_shapes_are_masks_and_its_annotator_an_attribute(tmp_path: Path, shape: str) -> None:
    element = CVAT_SHAPES[shape].replace("/>", '><attribute name="annotator">Bo</attribute></X>')
    element = element.replace("X>", f"{shape.split()[0]}>")
    hair = '<polygon label="hair" points="1,1;2,2;3,1"/>'
    (tmp_path / "x.xml").write_text(CVAT.format(shape=element + hair), encoding="utf-8")
    back = read_reviews(tmp_path / "x.xml", "q")
    assert back.left_out == ("annotation of another label (1): hair",)
    assert np.count_nonzero(_mask_of(back, "Bo") != SQUARE) <= (0 if shape == "mask" else 60)


def _xml(shape: str) -> str:
    return CVAT.format(shape=shape)


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
HOSTILE: dict[str, tuple[Any, str]] = {
    "entities that grow": (BOMB + _xml("&b;"), "has a document type"),
    "an entity of another file": ('<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + _xml("&a;"), "has a document type"),
    "XML that ends early": ("<annotations><image", "not XML that can be read"),
    "run lengths over the pixels": (_xml('<mask label="Lesion" rle="0,999999999" left="0" top="0" width="2" height="2"/>'), "add up to 999999999"),
    "a mask beside its photo": (_xml('<mask label="Lesion" rle="0,4" left="59" top="0" width="2" height="2"/>'), "does not lie within"),
    "a mask of terapixels": (_xml('<mask label="Lesion" rle="0,4" left="0" top="0" width="2000000" height="2000000"/>'), "the limit is"),
    "a photo out of the folder": (_coco({"segmentation": [CORNERS]}, file_name="../../etc/passwd.jpg"), "is no file below the folder"),
    "a photo at the root": (_coco({"segmentation": [CORNERS]}, file_name="/etc/passwd.jpg"), "is no file below the folder"),
    "a photo of terapixels": (_coco({"segmentation": [CORNERS]}, height=10**7, width=10**7), "the limit is"),
    "a polygon without end": (_coco({"segmentation": [[1, 2] * 150_000]}), "100000 is the most"),
    "a polygon of no numbers": (_coco({"segmentation": [["a", "b"] * 4]}), "annotation that cannot be read"),
    "run lengths of another size": (_coco({"segmentation": {"size": [4, 6], "counts": "0"}}), "the photo has 60x40"),
    "run lengths that lie": (_coco({"segmentation": {"size": [40, 60], "counts": "100"}}), "annotation that cannot be read"),
    "a box alone": (_coco({"bbox": [1, 2, 3, 4]}), "annotation without a mask"),
    "a photo that is not listed": (_coco({"segmentation": [CORNERS], "image_id": 6}), "a photo that is not listed"),
    "a picture that lies": (_labelme(shape_type="mask", points=[[0, 0], [5, 5]], mask=_png(SQUARE)), "picture of 60x40 pixels; 6x6"),
    "no picture": (_labelme(shape_type="mask", points=[[0, 0], [5, 5]], mask="%%"), "not in base64"),
    "a line": (_labelme(shape_type="line", points=[[0, 0], [5, 5]]), "of a kind that is not read"),
    "a caption": (_datumaro(type="caption", caption="x"), "of a kind that is not read"),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_what_is_hostile_or_not_read_is_one_line(tmp_path: Path, case: str) -> None:
    content, said = HOSTILE[case]
    path = tmp_path / ("x.xml" if isinstance(content, str) else "x.json")
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    try:
        back = read_reviews(path, "q")
    except MagicDemoError as error:
        line = str(error)
    else:
        assert back.reviews == ()
        line = back.left_out[0]
    assert said in line and "\n" not in line and len(line) < 1200


def test_labels_are_taken_for_the_lesion_where_none_says_so(tmp_path: Path) -> None:
    content = _coco({"segmentation": [CORNERS]})
    content["categories"] = [{"id": 3, "name": "melanoma"}, {"id": 9, "name": "background"}]
    (tmp_path / "x.json").write_text(json.dumps(content), encoding="utf-8")
    back = read_reviews(tmp_path / "x.json", "q")
    assert _mask_of(back).any()
    assert back.notes == ("label that is taken for the lesion, as none reads 'lesion' (1): melanoma",)


def test_anybodys_masks_become_the_model(
    queue: ReadQueue, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [queue.reviews[0], queue.reviews[1]]
    write_export(rows, queue.cases, "csv", tmp_path / "out")
    words = ["import-reviews", str(tmp_path / "out"), "--bundle", str(tmp_path / "bundle")]
    assert main(words) == 1 and "belong together" in capsys.readouterr().err
    assert main([*words, "--as-model", "theirs"]) == 1
    assert "masks and answers of Li, Wang came" in capsys.readouterr().err
    assert main([*words, "--as-model", "theirs", "--annotator", "Li"]) == 0
    assert main([*words, "--as-model", "theirs", "--annotator", "Li"]) == 1
    said = read_prediction(tmp_path / "bundle", "ENC00001")
    review = rows[0].review
    assert said.answers == review.answers and set(said.models.values()) == {"theirs"}
    for photo in said.photos:
        mask = lesion_mask(photo.probability, photo.size, said.threshold)
        assert np.array_equal(mask, decode_mask(review.masks[photo.photo_id]))


def test_what_is_left_out_is_exit_code_3_and_the_rest_is_saved(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = _coco({"segmentation": [CORNERS], "attributes": {"annotator": "Bo"}}, {"category_id": 4})
    (tmp_path / "x.json").write_text(json.dumps(content), encoding="utf-8")
    assert main(["import-reviews", str(tmp_path / "x.json"), "--store", str(tmp_path / "store")]) == 3
    said = capsys.readouterr()
    assert said.out.startswith("1 of 1 reviews saved") and "another label (1): ruler" in said.err


def test_the_docs_list_every_source_with_what_is_read() -> None:
    text = (DOCS / "exports.md").read_text(encoding="utf-8")
    for source in SOURCES:
        assert any(
            line.startswith(f"| `{source.name}` |") and line.rstrip(" |").endswith(source.contents)
            for line in text.splitlines()
        ), source.name


def test_a_review_with_a_consensus_comes_back_as_one(queue: ReadQueue, tmp_path: Path) -> None:
    rows = [replace(queue.reviews[3], number=9)]
    write_export(rows, queue.cases, "coco", tmp_path / "out", consensus=True)
    (review,) = read_reviews(tmp_path / "out", QUEUE).reviews
    assert (review.reader, review.kind) == ("consensus", "consensus")


def test_a_box_that_frames_a_mask_is_no_lesion_of_its_own_and_another_box_is(tmp_path: Path) -> None:
    polygon = '<polygon label="Lesion" points="15,10;35,10;15,20"/>'
    frame = '<box label="Lesion" xtl="15" ytl="10" xbr="35" ybr="20"/>'
    other = '<box label="Lesion" xtl="40" ytl="30" xbr="50" ybr="35"/>'
    found = {}
    for name, shape in (("alone", polygon), ("framed", frame + polygon), ("two", other + polygon)):
        (tmp_path / "x.xml").write_text(CVAT.format(shape=shape), encoding="utf-8")
        back = read_reviews(tmp_path / "x.xml", "q")
        found[name] = _mask_of(back)
        assert (name == "framed") == any("box around a mask" in note for note in back.notes)
    assert np.array_equal(found["framed"], found["alone"])
    assert np.count_nonzero(found["two"]) >= np.count_nonzero(found["alone"]) + 40


def test_a_box_of_one_label_around_a_mask_of_another_is_an_outline_of_its_own(tmp_path: Path) -> None:
    asked = unpack_questions(json.dumps({"labels": ["lesion", "scar"]}), "labels.json")
    shapes = '<polygon label="lesion" points="15,10;35,10;15,20"/>'
    shapes += '<box label="scar" xtl="15" ytl="10" xbr="35" ybr="20"/>'
    labels = "".join(f"<label><name>{name}</name></label>" for name in ("lesion", "scar"))
    text = CVAT.format(shape=shapes)
    (tmp_path / "x.xml").write_text(
        text.replace("<annotations>", f"<annotations><meta><task><labels>{labels}</labels></task></meta>", 1),
        encoding="utf-8",
    )
    (review,) = read_reviews(tmp_path / "x.xml", "q", questions=asked).reviews
    (scar,) = review.label_masks["scar"].values()
    assert np.count_nonzero(decode_mask(scar.runs)) >= 200
    (lesion,) = review.masks.values()
    assert np.count_nonzero(decode_mask(lesion)) < 150
