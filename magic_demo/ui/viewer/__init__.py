"""The canvas: what it is sent, and the component that draws it. All the drawing is in the JavaScript beside this file."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from importlib import resources
from typing import Any

import cv2
import gradio as gr
import numpy as np
from numpy.typing import NDArray

from magic_demo.overlay import lesion_levels
from magic_demo.photos import resize_pixels
from magic_demo.types import Photo, PhotoPrediction, Pixels, Prediction, Probability
from magic_demo.ui.i18n import fill

WORKING_SIDE = 2048
"""Longest side, in pixels, of the photo that the page draws; masks are written at the photo's own size."""
JPEG_QUALITY = 90
EMPTY: dict[str, Any] = {"case": None, "photos": [], "threshold": 0.5, "text_only": False, "synthetic": False}

_ON_LOAD = """
import(new URL("page/viewer/viewer.js", document.baseURI)).then(({ mountViewer }) => mountViewer(element, { props, watch, trigger }));
"""


def viewer_component() -> gr.HTML:
    """Return the viewer; its value is what ``viewer_value`` returns."""
    template = resources.files("magic_demo.ui.viewer").joinpath("viewer.html").read_text(encoding="utf-8")
    return gr.HTML(EMPTY, html_template=fill(template), js_on_load=_ON_LOAD, elem_id="viewer", apply_default_css=False)


def viewer_value(case_id: str, photos: Sequence[Photo], prediction: Prediction | None = None, *, synthetic: bool = False) -> dict[str, Any]:
    """Return what the viewer draws: every photo at its working size and, after an analysis, the model's map of it.

    synthetic: the photos are said to be so.
    """
    maps = {found.photo_id: found for found in prediction.photos} if prediction is not None else {}
    return {
        "case": case_id,
        "threshold": prediction.threshold if prediction is not None else 0.5,
        "text_only": prediction is not None and not photos,
        "synthetic": synthetic,
        "photos": [_photo_value(number, photo, maps.get(photo.photo_id)) for number, photo in enumerate(photos)],
    }


def _photo_value(number: int, photo: Photo, found: PhotoPrediction | None) -> dict[str, Any]:
    height, width = working_size(photo.size)
    return {
        "id": f"{number}",
        "name": photo.photo_id,
        "width": width,
        "height": height,
        "src": encode_photo(photo.pixels),
        "levels": encode_levels(found.probability, photo.size) if found is not None else None,
    }


def working_size(size: tuple[int, int]) -> tuple[int, int]:
    """Return the (height, width) a photo of ``size`` is drawn at: its own, or WORKING_SIDE along its longest side."""
    height, width = size
    scale = min(1.0, WORKING_SIDE / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def encode_photo(pixels: Pixels) -> str:
    """Return a photo at its working size as the data address of a JPEG."""
    small = resize_pixels(pixels, working_size((pixels.shape[0], pixels.shape[1])))
    return picture_address("jpeg", np.ascontiguousarray(small[:, :, ::-1]), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])


def encode_levels(probability: Probability, size: tuple[int, int]) -> str:
    """Return a lesion map as the data address of an 8-bit grey PNG at the photo's working size: the levels batch mode thresholds."""
    return picture_address("png", lesion_levels(probability, working_size(size)), [cv2.IMWRITE_PNG_COMPRESSION, 4])


def picture_address(kind: str, pixels: NDArray[np.uint8], settings: list[int]) -> str:
    """Return a picture (BGR or grey, uint8) as a data address; ``kind`` is a file ending OpenCV can write."""
    done, data = cv2.imencode(f".{kind}", pixels, settings)
    if not done:
        raise RuntimeError(f"a picture of shape {pixels.shape} could not be written as {kind}")
    return f"data:image/{kind};base64,{base64.b64encode(data.tobytes()).decode('ascii')}"
