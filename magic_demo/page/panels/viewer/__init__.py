"""The canvas: what it is sent, what it says, and the component that draws it.

All the drawing is in the JavaScript beside this file.

Value (``viewer_value`` writes it; photos are named by their ``photo_id``):

    case        str | None; another case begins with an empty history of edits
    photos      [{"id", "name": photo_id, "width", "height", "src", "levels", "fullWidth", "fullHeight"}]: working
                size, and that of the file; ``levels`` None: no model, or not shown yet
    threshold   float, the checkpoint's, in 0..1
    text_only, synthetic, editable   bool; editable: whether the reader may outline and measure
    own         {name: runs}, the reader's masks that were saved, ``mask_form.write_runs``, by
                ``review_content.name_outline``; absent: not outlined, empty: "none here"
    labels      [{"id", "name": {"en", "zh"}, "colour": "#rrggbb", "key"}], what is outlined, where there are several;
                the model's map is the first one's
    rulers      {photo_id: {"known", "mm", "lines"}}, what was measured, ``core.ruler.write_ruler``
    remarks     {photo_id: [[x, y, comment]]}, comments on single lesions, ``core.remark.write_remarks``
    apart       bool; the queue asks for the lesions one by one; else the reader may
    restore     int; ``own``, ``rulers`` and ``remarks`` are taken when a photo is first seen; a later value of the same case
                replaces what the reader has drawn only when this number has changed (as one more edit, which can be
                undone)
    others      [{"reader": str, "masks": {name: runs}}], other readers' masks, in the order of the legend

While the models run, ``gr.update(found=...)`` brings the maps that have come so far to a viewer that has
drawn the case. Nothing else changes
there: view, threshold, strokes and history stay. ``found_value`` writes it, as lines of JSON that only grow
(of a text that grows Gradio sends what is new; an object it changes in place, and nobody notices):

    {"case": str, "threshold": float}
    {"photo": photo_id, "levels": str}      one a map
    {"last": true}                          nothing more comes: photos without a map have none

Events (``viewer.mask(handler, ...)``, with ``event: gr.EventData`` and ``event._data``):

    mask   {"case", "photo": photo_id, "label": its id, absent for the first, "width", "height", "runs": [int] | None, "clicks": marks, "edits": int}
           A mask has changed and then rested for MASK_REST milliseconds, or the reader goes to another photo
           or leaves. ``runs`` None: the mask was taken back as if never drawn. ``edits`` counts the changes
           of this photo since the case was opened, undo included. ``mask_form.read_mask(event._data,
           photo.size)`` is the mask at the photo's own size. ``clicks``: what it was clicked from, marks as in
           ``core.review_content.write_mark``, ["lesion" | "skin", x, y] or ["box", left, top, right, bottom]
           in shares of the photo.
    ruler  {"case", "photo": photo_id, "ruler": {"known", "mm", "lines"} | None}
           What was measured in a photo; sent as a mask is.
    remarks  {"case", "photo": photo_id, "comments": [[x, y, comment]] | None}
           The comments on the lesions of a photo; sent as a mask is.
    point  {"case", "photo", "label", "request": int, "width", "height", "clicks": marks, "before": [int] | None}
           The marks of a correction, the newest last, and the outline that they change. The answer is
           ``gr.update(point_reply=answer_points(event._data, photos, refine, looks))`` for the viewer.
           ``nothing`` in it: the outline cannot follow the newest mark, which goes again. ``left``: clicks that
           are still to be looked at closely; the same is asked again. ``read``: the model had to read the
           photo first. One question of a tab is under way at a time.

    facts  {"case", "photos": [photo_id]}
           This browser changes what is read back from a canvas: see ``readback.mjs``. The answer is
           ``gr.update(served=answer_facts(event._data, ...))``, the model's outline and the numbers of these
           photos.

    cover  {"case", "photo", "request": int, "width", "height", "area": runs of a mask}
           What is to be covered for good, a face or a tattoo. The answer is the value with the photo anew and
           ``covered``, {"photo", "request", "covered": true, "proposed": bool}, in it: Gradio brings a value and
           a prop of one update one after the other, and the browser keeps its own copy of the photo that it is
           told of. What failed is ``gr.update(cover_failed={"photo", "request"})``.

The document's event ``magic-heat`` ({photo_id: data address} or null, see ``panels/why``) lays a heat map
over the photos it names.

The page's other parts hear both as the document's event "viewer-tells" with the same detail. None of them has
an output that the reader waits for; threshold, opacity, zoom, layers and hiding never come here.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import resources
from typing import Any
from weakref import WeakKeyDictionary

import cv2
import gradio as gr
import numpy as np
from numpy.typing import NDArray

from magic_demo.core.process.single_flight import SingleFlight
from magic_demo.core.remark import Remark, write_remarks
from magic_demo.core.review_types import Outline
from magic_demo.core.ruler import Ruler, write_ruler
from magic_demo.core.types import (
    Mask,
    Photo,
    PhotoPrediction,
    Pixels,
    Prediction,
    Probability,
)
from magic_demo.imaging.overlay import lesion_levels, level_of
from magic_demo.imaging.resize import resize_pixels
from magic_demo.imaging.run_lengths import decode_mask
from magic_demo.page.gradio_internals.scripts import load_script
from magic_demo.page.panels.viewer.mask_form import working_size, write_outline, write_runs
from magic_demo.page.texts.i18n import fill
from magic_demo.questions.labels import Label

MASK_REST = 400
"""Milliseconds a mask rests before the page is told of it."""
JPEG_QUALITY = 90
MAP_BYTES = 150_000
"""What a photo's map may take on its way to the browser."""
MAP_STEPS = (100, 50, 20, 10)
"""Thresholds in 0..1 at which a map's mask stays exact, the first that MAP_BYTES allows; 100 are all that the
slider has."""
PNG_SETTINGS = [cv2.IMWRITE_PNG_COMPRESSION, 6, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_SUB]
"""The filter SUB gives the smallest maps of all; a level above 6 takes several times as long for next to
nothing."""
EMPTY: dict[str, Any] = {
    "case": None,
    "photos": [],
    "threshold": 0.5,
    "text_only": False,
    "synthetic": False,
    "editable": False,
    "own": {},
    "labels": [],
    "rulers": {},
    "remarks": {},
    "apart": False,
    "restore": 0,
    "missing": 0,
    "covered": None,
    "others": [],
}
_ADDRESSES: WeakKeyDictionary[Photo, str] = WeakKeyDictionary()
"""Photos of open cases as the viewer gets them: a case is shown several times, and its photos are gone with
it."""
_ENCODING: SingleFlight[str] = SingleFlight()

_ON_LOAD = load_script(
    {"panels/viewer/viewer.js": "mountViewer"},
    events=["mask", "ruler", "remarks", "point", "cover", "facts"],
    newest=["facts"],
    settings={"rest": MASK_REST},
)


def viewer_component() -> gr.HTML:
    """Return the viewer; its value is what ``viewer_value`` returns."""
    template = (
        resources.files("magic_demo.page.panels.viewer").joinpath("viewer.html").read_text(encoding="utf-8")
    )
    return gr.HTML(
        EMPTY,
        html_template=fill(template),
        js_on_load=_ON_LOAD,
        elem_id="viewer",
        apply_default_css=False,
        point_reply=None,
        found="",
        cover_failed=None,
        served=None,
    )


def viewer_value(
    open_id: str,
    photos: Sequence[Photo],
    prediction: Prediction | None = None,
    *,
    synthetic: bool = False,
    editable: bool = True,
    own: Mapping[str, Outline] | None = None,
    labels: Sequence[Label] = (),
    rulers: Mapping[str, Ruler] | None = None,
    remarks: Mapping[str, Sequence[Remark]] | None = None,
    others: Mapping[str, Mapping[str, Mask]] | None = None,
    restore: int = 0,
    missing: int = 0,
    apart: bool = False,
    covered: Mapping[str, object] | None = None,
) -> dict[str, Any]:
    """Return what the viewer draws: every photo at its working size and, after an analysis, the model's map
    of it.

    synthetic: the photos are said to be so. editable: whether the reader may outline.
    own: the reader's outlines by their names; labels: what is outlined; rulers: photo_id -> what was measured there;
    remarks: photo_id -> comments on its lesions; others: reader -> an outline's name -> mask. restore: see above.
    missing: photos of the case that could not be opened. apart: the queue asks for the lesions one by one.
    covered: the answer to a ``cover``.
    """
    maps = {found.photo_id: found for found in prediction.photos} if prediction is not None else {}
    threshold = prediction.threshold if prediction is not None else 0.5
    return {
        "case": open_id,
        "threshold": threshold,
        "text_only": prediction is not None and not photos,
        "synthetic": synthetic,
        "editable": editable,
        "own": {
            name: write_outline(decode_mask(outline.runs), outline.clicks)
            for name, outline in (own or {}).items()
        },
        "labels": [
            {"id": one.label_id, "name": dict(one.name), "colour": one.colour, "key": one.key}
            for one in (labels if len(labels) > 1 else ())
        ],
        "rulers": {photo_id: write_ruler(ruler) for photo_id, ruler in (rulers or {}).items()},
        "remarks": {photo_id: write_remarks(one) for photo_id, one in (remarks or {}).items()},
        "apart": apart,
        "restore": restore,
        "missing": missing,
        "covered": dict(covered) if covered is not None else None,
        "others": [
            {"reader": reader, "masks": {name: write_runs(mask) for name, mask in masks.items()}}
            for reader, masks in (others or {}).items()
        ],
        "photos": [
            _photo_value(number, photo, maps.get(photo.photo_id), threshold)
            for number, photo in enumerate(photos)
        ],
    }


def found_value(open_id: str, prediction: Prediction, maps: dict[str, str], *, last: bool = False) -> str:
    """Return the maps that have come of a case that the viewer has drawn, as lines.

    maps: photo_id -> those that were encoded before; the new ones are put beside them. last: nothing more
    comes.
    """
    maps.update(
        {
            found.photo_id: encode_levels(found.probability, found.size, prediction.threshold)
            for found in prediction.photos
            if found.photo_id not in maps
        }
    )
    lines: list[dict[str, Any]] = [{"case": open_id, "threshold": prediction.threshold}]
    lines += [{"photo": photo_id, "levels": address} for photo_id, address in maps.items()]
    return "".join(f"{json.dumps(line)}\n" for line in [*lines, *([{"last": True}] if last else [])])


def _photo_value(
    number: int, photo: Photo, found: PhotoPrediction | None, threshold: float
) -> dict[str, Any]:
    height, width = working_size(photo.size)
    return {
        "id": f"{number}",
        "name": photo.photo_id,
        "width": width,
        "height": height,
        "fullWidth": photo.size[1],
        "fullHeight": photo.size[0],
        "src": _photo_address(photo),
        "levels": encode_levels(found.probability, photo.size, threshold) if found is not None else None,
    }


def _photo_address(photo: Photo) -> str:
    def encode() -> str:
        address = _ADDRESSES.get(photo)
        if address is None:
            address = _ADDRESSES[photo] = encode_photo(photo.pixels)
        return address

    return _ENCODING.do(photo, encode)


def encode_photo(pixels: Pixels) -> str:
    """Return a photo at its working size as the data address of a JPEG."""
    small = resize_pixels(pixels, working_size((pixels.shape[0], pixels.shape[1])))
    return picture_address(
        "jpeg", np.ascontiguousarray(small[:, :, ::-1]), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    )


def encode_levels(probability: Probability, size: tuple[int, int], threshold: float = 0.5) -> str:
    """Return a lesion map as the data address of an 8-bit grey PNG at the photo's working size.

    Levels that no step of the threshold's slider tells apart become one: at every step the mask is exactly
    the one of batch mode, and the file is smaller. A map that would still be larger than MAP_BYTES (faint
    everywhere) keeps every second step, 0.5 and ``threshold`` only, or fewer.
    """
    levels = lesion_levels(probability, working_size(size))
    for steps in MAP_STEPS:
        address = picture_address(
            "png", np.asarray(cv2.LUT(levels, _round_levels(steps, threshold)), np.uint8), PNG_SETTINGS
        )
        if len(address) * 3 // 4 <= MAP_BYTES:
            break
    return address


@lru_cache(maxsize=64)
def _round_levels(steps: int, threshold: float) -> NDArray[np.uint8]:
    """Return a table (256,) uint8 that takes every level down to the one of the next lower of ``steps``
    thresholds in 0..1."""
    levels = sorted(
        {0, level_of(0.5), level_of(threshold), *(level_of(step / steps) for step in range(1, steps + 1))}
    )
    return np.repeat(np.asarray(levels, np.uint8), np.diff([*levels, 256]))


def picture_address(kind: str, pixels: NDArray[np.uint8], settings: list[int]) -> str:
    """Return a picture (BGR or grey, uint8) as a data address; ``kind`` is a file ending OpenCV can write."""
    done, data = cv2.imencode(f".{kind}", pixels, settings)
    if not done:
        raise RuntimeError(f"a picture of shape {pixels.shape} could not be written as {kind}")
    return f"data:image/{kind};base64,{base64.b64encode(data.tobytes()).decode('ascii')}"
