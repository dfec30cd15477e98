"""labelme's JSON, one file a photo: polygons, rectangles, circles and masks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from magic_demo.core.errors import FormatError
from magic_demo.core.types import Mask
from magic_demo.reviews.imports.documents import load_json, peek_json
from magic_demo.reviews.imports.formats.coco import MALFORMED
from magic_demo.reviews.imports.gathering import Gathering, SourceError, begin_review
from magic_demo.reviews.imports.shapes import (
    check_size,
    fill_box,
    fill_corners,
    fill_ellipse,
    place,
    read_points,
    unpack_png,
)


def find_labelme(path: Path) -> bool:
    """Tell whether a place is a file of labelme's, or a folder that holds one."""
    return any(_is_labelme(peek_json(file)) for file in _list_files(path)[:20])


def _list_files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(path.rglob("*.json"))
    return [path] if path.suffix.lower() == ".json" and path.is_file() else []


def _is_labelme(content: Any) -> bool:
    return isinstance(content, dict) and isinstance(content.get("shapes"), list) and "imageHeight" in content


def read_labelme(path: Path, gathering: Gathering) -> None:
    """Read every file's shapes, joined to one mask a photo; the reader is the folder below ``path`` that a file
    lies in, where it lies in one.

    A file without shapes says nothing: it may be a photo that nobody has looked at yet.
    """
    files = {file: content for file in _list_files(path) if _is_labelme(content := peek_json(file))}
    if not files:
        raise SourceError("{path}: holds no file of labelme's, with 'shapes'", path=path)
    labels = [
        str(shape.get("label", ""))
        for content in files.values()
        for shape in content["shapes"]
        if isinstance(shape, dict)
    ]
    taken = gathering.choose_labels(labels)
    for file in files:
        folders = file.relative_to(path).parts[:-1] if path.is_dir() else ()
        try:
            _read_file(file, load_json(file), taken, {"annotator": folders[0] if folders else ""}, gathering)
        except (FormatError, *MALFORMED) as error:
            gathering.left_out.add("file that cannot be read", file.name, str(error) or type(error).__name__)


def _read_file(
    file: Path,
    content: Mapping[str, Any],
    taken: Mapping[str, str],
    about: Mapping[str, Any],
    gathering: Gathering,
) -> None:
    size = check_size(content["imageHeight"], content["imageWidth"])
    # labelme writes the photo's path from the file's folder, which may well lead out of it: the name counts
    told = str(content.get("imagePath") or file.name).replace("\\", "/").rpartition("/")[2]
    photo_id = gathering.name_photo(told)
    for number, shape in enumerate(content["shapes"], start=1):
        where = f"{file.name}, shape {number}"
        try:
            label = str(shape.get("label", ""))
            if label not in taken:
                gathering.left_out.add("annotation of another label", label or where)
                continue
            mask = _fill(shape, size)
            if mask is None:
                kind = str(shape.get("shape_type"))
                gathering.left_out.add("annotation of a kind that is not read", kind, where)
                continue
            review = begin_review(gathering, gathering.name_case(photo_id), about)
            gathering.add_mask(review, photo_id, mask, taken[label])
        except (FormatError, *MALFORMED) as error:
            gathering.left_out.add(
                "annotation that cannot be read", where, str(error) or type(error).__name__
            )


def _fill(shape: Mapping[str, Any], size: tuple[int, int]) -> Mask | None:
    kind, points = shape.get("shape_type") or "polygon", shape["points"]
    if kind == "polygon":
        return fill_corners(read_points(points), size)
    if kind not in ("rectangle", "circle", "mask"):
        return None
    (x, y), (other_x, other_y) = ((float(x), float(y)) for x, y in points)
    if kind == "rectangle":
        return fill_box(min(x, other_x), min(y, other_y), max(x, other_x), max(y, other_y), size)
    if kind == "circle":
        radius = float(np.hypot(other_x - x, other_y - y))
        return fill_ellipse((x, y), (radius, radius), 0, size)
    left, top = int(x), int(y)
    part = unpack_png(str(shape["mask"]), check_size(int(other_y) - top + 1, int(other_x) - left + 1))
    return place(part, left, top, size)
