"""A prediction for a program: photos are unpacked when its turn comes, and what came of it is put in words."""

from __future__ import annotations

import base64
import threading
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from magic_demo.api.errors import ApiError
from magic_demo.api.jobs import Outcome, Report
from magic_demo.api.shapes import MaskKind, MaskSaid, PredictAsked, PredictionSaid, RunLengths
from magic_demo.core.messages import Message
from magic_demo.core.types import Encounter, Mask, PhotoPrediction, Prediction, Step
from magic_demo.imaging.overlay import lesion_mask
from magic_demo.imaging.run_lengths import encode_mask
from magic_demo.page.panels.forms import name_uploads, read_narrative, read_prompt
from magic_demo.page.session.arrivals import Arrivals, open_file
from magic_demo.page.session.inference.source import PredictorSource


@dataclass(frozen=True, eq=False)
class SentPhoto:
    """A photo's file as it came, and its name."""

    name: str
    data: bytes


OPENED = 0.2
"""Share of the work that unpacking the photos is said to be."""


def predict(
    source: PredictorSource,
    arrivals: Arrivals,
    sender: str,
    photos: Sequence[SentPhoto],
    asked: PredictAsked,
    report: Report,
    stop: threading.Event,
) -> Outcome:
    """Run the models on a case. sender: whose photos these are. Raises ApiError where there is nothing to predict, StoppedError, CheckpointError."""
    arrived = []
    for number, photo in enumerate(photos):
        report(OPENED * number / len(photos), f"unpacks photo {number + 1} of {len(photos)}")
        arrived.append(open_file(arrivals.workers, photo.name, photo.data, sender))
    upload = name_uploads(arrived, ())
    words = read_narrative(asked.narrative, None)
    if not upload.photos and not words.en and not words.zh:
        raise ApiError("photo", "none of the photos can be used: {problems}", problems=list(upload.problems))
    encounter = Encounter("CASE", words, upload.photos)
    report(OPENED, "waits for the models")
    predictor, prediction = source.get(stop), None
    with source.turns.take(lambda before: report(OPENED, f"waits for its turn, {before} before it"), stop):
        steps = predictor.predict_steps(
            encounter, prompt=read_prompt(asked.prompt), language=asked.language, all_photos=asked.all_photos
        )
        for event in steps:
            if isinstance(event, Step):
                report(OPENED + (1 - OPENED) * event.share, str(event.what))
            else:
                prediction = event
    assert prediction is not None
    return Outcome(describe_prediction(prediction, upload.problems, asked.masks))


def describe_prediction(
    prediction: Prediction, problems: Sequence[Message], masks: MaskKind
) -> PredictionSaid:
    """Return what a program gets of a prediction. problems: a line for each photo that could not be used."""
    return PredictionSaid(
        models=dict(prediction.models),
        threshold=prediction.threshold,
        masks=[_describe_mask(found, prediction.threshold, masks) for found in prediction.photos],
        scores={qid: [float(score) for score in scores] for qid, scores in prediction.scores.items()},
        chances={family: [float(chance) for chance in each] for family, each in prediction.chances.items()},
        answers=dict(prediction.answers),
        unsure=sorted(prediction.unsure),
        problems=[str(line) for line in problems],
        notes=[str(line) for line in prediction.notes],
        failures=[str(line) for line in prediction.failures],
    )


def _describe_mask(found: PhotoPrediction, threshold: float, kind: MaskKind) -> MaskSaid:
    mask = lesion_mask(found.probability, found.size, threshold)
    said = MaskSaid(photo=found.photo_id, size=found.size, area=int(np.count_nonzero(mask)))
    if kind == "png":
        return said.model_copy(update={"png": _encode_png(mask)})
    runs = encode_mask(mask)
    return said.model_copy(update={"rle": RunLengths(size=runs.size, counts=runs.counts)})


def _encode_png(mask: Mask) -> str:
    done, data = cv2.imencode(".png", mask.astype(np.uint8) * 255)
    if not done:
        raise RuntimeError(f"a mask of shape {mask.shape} could not be written as PNG")
    return base64.b64encode(data.tobytes()).decode("ascii")
