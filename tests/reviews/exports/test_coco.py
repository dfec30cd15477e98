"""COCO JSON opens with pycocotools and holds the readers' masks to the bit."""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

from magic_demo.__main__ import main
from magic_demo.core.review_types import MaskRuns, Review
from magic_demo.imaging.run_lengths import decode_mask, encode_mask
from magic_demo.reviews.exports import write_export
from magic_demo.reviews.exports.coco import INSTANCES, KEYPOINTS
from magic_demo.reviews.store import NewCase, Store
from tests.support.store.reviewed_cases import SIZES, make_queue, save_all

# pycocotools 2.0.11 has not followed numpy 2 there
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)


def _open(path: Path) -> COCO:
    with contextlib.redirect_stdout(io.StringIO()):
        return COCO(str(path))


def test_pycocotools_reads_every_mask_as_it_was_drawn(tmp_path: Path) -> None:
    queue = make_queue(tmp_path / "data")
    report = write_export(queue.reviews, queue.cases, "coco", tmp_path / "out")
    coco = _open(tmp_path / "out" / INSTANCES)
    assert {
        image["file_name"].removesuffix(".png"): (image["height"], image["width"])
        for image in coco.imgs.values()
    } == SIZES
    assert [category["name"] for category in coco.cats.values()] == ["lesion"]
    reviews = {
        saved.review.reader: saved.review for saved in queue.reviews[:3] if saved.review.kind != "blind"
    }
    compared = 0
    for annotation in coco.loadAnns(coco.getAnnIds()):
        image = coco.imgs[annotation["image_id"]]
        review = reviews[annotation["attributes"]["annotator"]]
        if image["encounter_id"] != "ENC00001":
            continue
        mask = coco.annToMask(annotation).astype(bool)
        drawn = decode_mask(review.masks[image["file_name"].removesuffix(".png")])
        assert (
            np.array_equal(mask, drawn) and annotation["area"] == drawn.sum() and annotation["iscrowd"] == 0
        )
        rows, columns = np.nonzero(drawn)
        x, y, width, height = annotation["bbox"]
        assert (x, y, x + width, y + height) == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        compared += 1
    assert compared == 3 and len(coco.anns) == report.masks == 5


def test_an_empty_mask_is_an_annotation_of_no_area(tmp_path: Path) -> None:
    queue = make_queue(tmp_path / "data")
    write_export(queue.reviews, queue.cases, "coco", tmp_path / "out")
    coco = _open(tmp_path / "out" / INSTANCES)
    empty = [annotation for annotation in coco.anns.values() if annotation["area"] == 0]
    assert [coco.imgs[annotation["image_id"]]["encounter_id"] for annotation in empty] == ["ENC00002"]
    assert not coco.annToMask(empty[0]).any()


def _draw_three() -> tuple[MaskRuns, list[int]]:
    """Return a mask of three lesions, two of which touch nothing but at a distance of one pixel, and their areas."""
    mask = np.zeros(SIZES["IMG_ENC00001_00001"], bool)
    mask[2:5, 3:9] = mask[6:8, 3:9] = mask[20, 30] = True
    return encode_mask(mask), [18, 12, 1]


def test_each_lesion_is_an_object_where_asked_for_and_together_they_come_back_as_the_mask(
    tmp_path: Path,
) -> None:
    make_queue(tmp_path / "data")
    runs, areas = _draw_three()
    store = tmp_path / "store"
    with Store.open(store) as opened:
        opened.add_reader("ann")
        opened.add_cases(
            "q", [NewCase("ENC00001", str(tmp_path / "data")), NewCase("ENC00002", str(tmp_path / "data"))]
        )
        opened.save(Review("ENC00001", "ann", "blind", "done", masks={"IMG_ENC00001_00001": runs}, queue="q"))
        (empty,) = [name for name in SIZES if name.startswith("IMG_ENC00002")]
        nothing = encode_mask(np.zeros(SIZES[empty], bool))
        opened.save(Review("ENC00002", "ann", "blind", "done", masks={empty: nothing}, queue="q"))
    words = ["export", "--store", str(store), "--to", str(tmp_path / "out"), "--format", "coco"]
    assert main([*words, "--one-object-a-lesion"]) == 0
    coco = _open(tmp_path / "out" / INSTANCES)
    found = coco.loadAnns(coco.getAnnIds())
    assert [annotation["id"] for annotation in found] == [1, 2, 3, 4]
    assert [annotation["area"] for annotation in found] == [*areas, 0]
    about = [annotation["attributes"] for annotation in found]
    assert [(one["lesion"], one["lesions"]) for one in about] == [(1, 3), (2, 3), (3, 3), (0, 0)]
    assert 6 <= about[0]["diameter_px"] <= 7 and found[1]["bbox"] == [3, 6, 6, 2]
    together = np.sum([coco.annToMask(annotation) for annotation in found[:3]], axis=0)
    assert np.array_equal(together, decode_mask(runs))
    back = ["import-reviews", str(tmp_path / "out"), "--store", str(tmp_path / "back"), "--queue", "q"]
    assert main([*back, "--data", str(tmp_path / "data")]) == 0
    with Store.open(tmp_path / "back") as opened:
        masks = {name: one for saved in opened.all_reviews() for name, one in saved.review.masks.items()}
    assert masks == {"IMG_ENC00001_00001": runs, empty: nothing}


def test_objects_are_for_coco(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["export", "--store", str(tmp_path / "store"), "--to", str(tmp_path / "out"), "--format", "cvat"]
    assert main([*words, "--one-object-a-lesion"]) == 1
    assert "is for --format coco" in capsys.readouterr().err


def test_info_licence_and_readers_are_named(tmp_path: Path) -> None:
    queue = make_queue(tmp_path / "data")
    write_export(queue.reviews, (), "coco", tmp_path / "out")
    written = json.loads((tmp_path / "out" / INSTANCES).read_text(encoding="utf-8"))
    assert (
        written["info"]["contributor"] == "Li, Wang"
        and written["licenses"][0]["id"] == written["images"][0]["license"]
    )
    assert {(a["attributes"]["annotator"], a["attributes"]["kind"]) for a in written["annotations"]} == {
        ("Li", "assisted"),
        ("Wang", "revealed"),
    }


def test_a_mask_of_another_size_than_its_photos_others_is_left_out_and_named(tmp_path: Path) -> None:
    queue = make_queue(tmp_path / "data")
    first = queue.reviews[0].review
    other = replace(first, reader="Zhao", masks={"IMG_ENC00001_00001": MaskRuns((2, 2), "4")})
    report = write_export(save_all([first, other]), queue.cases, "coco", tmp_path / "out")
    assert report.masks == 2
    assert "mask of another size than its photo (1): IMG_ENC00001_00001 [Zhao]" in report.left_out


def test_clicks_are_keypoints_in_pixels_of_their_reader(tmp_path: Path) -> None:
    queue = make_queue(tmp_path / "data")
    blind = queue.reviews[1]
    write_export([blind], queue.cases, "coco", tmp_path / "out")
    coco = _open(tmp_path / "out" / KEYPOINTS)
    box, skin = (coco.anns[number] for number in sorted(coco.anns))
    height, width = SIZES["IMG_ENC00001_00001"]
    assert coco.imgs[box["image_id"]]["file_name"] == "IMG_ENC00001_00001.png"
    assert [coco.cats[mark["category_id"]]["name"] for mark in (box, skin)] == ["box", "skin"]
    assert skin["keypoints"] == [0.25 * width, 0.5 * height, 2] and skin["num_keypoints"] == 1
    assert box["keypoints"] == pytest.approx([0.1 * width, 0.2 * height, 2, 0.5 * width, 0.6 * height, 2])
    assert [tuple(mark["shares"]) for mark in (box, skin)] == [
        mark.at for mark in blind.review.clicks["IMG_ENC00001_00001"]
    ]
    assert (skin["attributes"]["annotator"], skin["attributes"]["click"]) == ("Wang", 2)


def test_the_photos_lie_where_tools_look_for_them(tmp_path: Path) -> None:
    queue = make_queue(tmp_path / "data")
    write_export(queue.reviews, queue.cases, "coco", tmp_path / "out")
    listed = {
        image["file_name"]: (image["width"], image["height"])
        for image in _open(tmp_path / "out" / INSTANCES).imgs.values()
    }
    found = {}
    for path in (tmp_path / "out" / "images" / "default").iterdir():
        with Image.open(path) as photo:
            found[path.name] = photo.size
    assert found == listed and len(found) == 4


def test_a_photo_has_its_own_size_though_the_first_mask_of_it_has_another(tmp_path: Path) -> None:
    queue = make_queue(tmp_path / "data")
    photo_id, (first, second) = "IMG_ENC00001_00001", queue.reviews[:2]
    wrong = {photo_id: encode_mask(np.ones((10, 12), np.bool_))}
    rows = [replace(first, review=replace(first.review, masks=wrong)), second]
    report = write_export(rows, queue.cases, "coco", tmp_path / "out")
    content = json.loads((tmp_path / "out" / INSTANCES).read_text(encoding="utf-8"))
    (image,) = [one for one in content["images"] if one["file_name"] == f"{photo_id}.png"]
    assert (image["height"], image["width"]) == SIZES[photo_id]
    drawn = [one for one in content["annotations"] if one["image_id"] == image["id"]]
    assert [one["attributes"]["annotator"] for one in drawn] == ["Wang"]
    assert f"mask of another size than its photo (1): {photo_id} [Li]" in report.left_out
