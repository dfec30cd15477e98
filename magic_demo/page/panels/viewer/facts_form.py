"""The numbers beside the photo, for a browser that cannot measure: its privacy protection changes what a page
reads back from a canvas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from magic_demo.core.types import Mask, Photo, PhotoPrediction, Prediction
from magic_demo.imaging.measure import COMBINATION, LONGEST_SIDE, count_pieces, measure_photo
from magic_demo.imaging.overlay import lesion_mask
from magic_demo.imaging.resize import resize_pixels
from magic_demo.page.panels.viewer.mask_form import working_size, write_runs


def answer_facts(
    payload: object, photos: Sequence[Photo], prediction: Prediction | None, own: Mapping[str, Mask]
) -> dict[str, Any]:
    """Return the viewer's ``served`` reply to a ``facts`` event: case, and one entry a photo that the event
    names and the case has.

    prediction: what this reader may see of the models. own: photo_id -> the reader's mask, of which the
    numbers are told where there is one. An entry is {photo, runs | None, share, count, specks, colour,
    tone}: ``runs`` is the model's outline at the checkpoint's threshold.
    """
    asked = payload if isinstance(payload, Mapping) else {}
    names = asked.get("photos")
    wanted = set(names) if isinstance(names, list) and all(isinstance(name, str) for name in names) else set()
    found = {one.photo_id: one for one in prediction.photos} if prediction is not None else {}
    threshold = prediction.threshold if prediction is not None else 0.5
    facts = [
        _tell(photo, found.get(photo.photo_id), threshold, own.get(photo.photo_id))
        for photo in photos
        if photo.photo_id in wanted
    ]
    return {"case": asked.get("case"), "photos": facts}


def _tell(photo: Photo, found: PhotoPrediction | None, threshold: float, own: Mask | None) -> dict[str, Any]:
    shown = lesion_mask(found.probability, working_size(photo.size), threshold) if found is not None else None
    entry: dict[str, Any] = {
        "photo": photo.photo_id,
        "runs": write_runs(shown)["runs"] if shown is not None else None,
    }
    mask = own if own is not None else shown
    if mask is None:
        return entry
    scale = min(1.0, LONGEST_SIDE / max(photo.size))
    size = max(1, round(photo.size[0] * scale)), max(1, round(photo.size[1] * scale))
    small = np.asarray(resize_pixels(mask.astype(np.uint8) * np.uint8(255), size) >= 128)
    measured = measure_photo(resize_pixels(photo.pixels, size), small)
    tone = (
        {"angle": measured.skin_tone.angle, "group": measured.skin_tone.group}
        if measured.skin_tone is not None and measured.found
        else None
    )
    # as the page's own measuring says it
    colour = "combination" if measured.dominant_colour == COMBINATION else measured.dominant_colour
    count, specks = count_pieces(mask)
    share = float(mask.mean())
    return {**entry, "share": share, "count": count, "specks": specks, "colour": colour, "tone": tone}
