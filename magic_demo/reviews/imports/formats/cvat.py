"""CVAT for images, its XML: masks, polygons, boxes, ellipses, and tags such as "no lesion"."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np

from magic_demo.core.errors import FormatError
from magic_demo.core.review_content import read_mark
from magic_demo.core.types import Mask
from magic_demo.reviews.exports.cvat import CLICK_LABELS, FILE, LABEL, NOWHERE
from magic_demo.reviews.imports.documents import load_xml
from magic_demo.reviews.imports.formats.coco import MALFORMED
from magic_demo.reviews.imports.gathering import Gathering, SourceError, begin_review
from magic_demo.reviews.imports.shapes import (
    check_size,
    fill_corners,
    fill_ellipse,
    place,
    read_points,
    turn_corners,
    unpack_rows,
)

MOST_DIGITS = 2**26
"""Characters of one mask's run lengths."""
_NO = NOWHERE.format(label="")
NO_LESION = NOWHERE.format(label="lesion")


def find_cvat(path: Path) -> bool:
    """Tell whether a place is an XML file, or a folder with ``annotations.xml`` or with one XML file."""
    return _find_file(path) is not None


def _find_file(path: Path) -> Path | None:
    if path.is_file():
        return path if path.suffix.lower() == ".xml" else None
    if (path / FILE).is_file():
        return path / FILE
    found = sorted(path.glob("*.xml"))
    return found[0] if len(found) == 1 else None


def read_cvat(path: Path, gathering: Gathering) -> None:
    """Read every image's shapes. Those of one annotator, photo and label are joined; the annotator is an attribute.

    A label is the queue's of its id or name; others are left out and named. Tracks of videos are left out and named.
    """
    file = _find_file(path)
    if file is None:
        raise SourceError("{path}: holds no file annotations.xml", path=path)
    root = load_xml(file)
    if root.tag != "annotations":
        raise FormatError(
            "{path}: its root is {tag}; 'annotations' of CVAT for images is expected",
            path=file,
            tag=root.tag[:40],
        )
    names = [name for label in root.iter("label") if (name := label.findtext("name"))]
    others = {NOWHERE.format(label=name) for name in names} | {NO_LESION, *CLICK_LABELS.values()}
    taken = gathering.choose_labels(name for name in names if name not in others)
    for track in root.iterfind("track"):
        gathering.left_out.add("track of a video", track.get("label", "track"))
    for number, image in enumerate(root.iterfind("image")):
        try:
            size = check_size(image.get("height"), image.get("width"))
            photo_id = gathering.name_photo(image.get("name", ""))
        except (FormatError, *MALFORMED) as error:
            gathering.left_out.add(
                "photo that cannot be used", f"image {number}", str(error) or type(error).__name__
            )
            continue
        for element in sorted(image, key=_order):
            where = f"{photo_id}, {element.tag}"
            try:
                _read_element(element, photo_id, size, taken if names else None, gathering)
            except (FormatError, *MALFORMED) as error:
                gathering.left_out.add(
                    "annotation that cannot be read", where, str(error) or type(error).__name__
                )


def _read_element(
    element: Element,
    photo_id: str,
    size: tuple[int, int],
    taken: Mapping[str, str] | None,
    gathering: Gathering,
) -> None:
    """Add one shape or tag. taken: labels with the queue's that they are, None where the file declares none."""
    label = element.get("label", "")
    about = _read_attributes(element)
    review = begin_review(gathering, gathering.name_case(photo_id), about)
    clicked = next((kind for kind, name in CLICK_LABELS.items() if name == label), None)
    if clicked is not None:
        corners = _read_pairs(element) if element.tag == "points" else _read_box(element)
        places = (corners / np.array([size[1], size[0]])).ravel().tolist()
        mark, told = read_mark([clicked, *places]), about.get(LABEL, "")
        of = gathering.find_label(told) if told else ""
        if of is None:
            gathering.left_out.add("annotation of another label", told)
        else:
            gathering.add_click(review, photo_id, mark, of)
    elif element.tag == "tag" and (empty := _find_empty(label, taken, gathering)) is not None:
        gathering.add_mask(review, photo_id, np.zeros(size, np.bool_), empty)
    elif taken is not None and label not in taken:
        gathering.left_out.add("annotation of another label", label or element.tag)
    else:
        mask = _fill(element, size)
        if mask is None:
            gathering.left_out.add("annotation of a kind that is not read", element.tag, photo_id)
        else:
            of = (taken or {}).get(label, "")
            if not (element.tag == "box" and gathering.is_frame(review, photo_id, mask, of)):
                gathering.add_mask(review, photo_id, mask, of)


def _find_empty(tag: str, taken: Mapping[str, str] | None, gathering: Gathering) -> str | None:
    """Return the label that a tag says there is none of, "" for the first; None where it says no such thing."""
    start, name = tag[: len(_NO)], tag[len(_NO) :]
    if start != _NO or not name:
        return None
    if taken is None:
        return "" if tag == NO_LESION else None
    return taken.get(name, gathering.find_label(name))


def _order(element: Element) -> int:
    """Return when an element is read: boxes after masks, as those that frame one say nothing more; clicks after what
    they made, in their order."""
    if element.get("label") in CLICK_LABELS.values():
        return 2
    return int(element.tag == "box")


def _read_attributes(element: Element) -> Mapping[str, str]:
    return {entry.get("name", ""): (entry.text or "").strip() for entry in element.iterfind("attribute")}


def _fill(element: Element, size: tuple[int, int]) -> Mask | None:
    turn = float(element.get("rotation", 0))
    if element.tag == "mask":
        text = element.get("rle", "")
        if len(text) > MOST_DIGITS:
            raise FormatError("run lengths that are more than the pixels")
        height, width = check_size(element.get("height"), element.get("width"))
        part = unpack_rows([int(length) for length in text.split(",")], (height, width))
        return place(part, int(element.get("left", "")), int(element.get("top", "")), size)
    if element.tag == "polygon":
        return fill_corners(_read_pairs(element), size)
    if element.tag == "box":
        (left, top), (right, bottom) = _read_box(element)
        corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
        return fill_corners(turn_corners(corners, turn, corners.mean(axis=0)), size)
    if element.tag == "ellipse":
        x, y, across, down = (float(element.get(name, "")) for name in ("cx", "cy", "rx", "ry"))
        return fill_ellipse((x, y), (across, down), turn, size)
    return None


def _read_pairs(element: Element) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    pairs = [[float(number) for number in pair.split(",")] for pair in element.get("points", "").split(";")]
    if element.tag == "points":
        return np.asarray(pairs, np.float64).reshape(-1, 2)
    return read_points(pairs)


def _read_box(element: Element) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    corners = [float(element.get(name, "")) for name in ("xtl", "ytl", "xbr", "ybr")]
    if not np.isfinite(corners).all():
        raise FormatError("a rectangle needs four numbers")
    return np.asarray(corners, np.float64).reshape(2, 2)
