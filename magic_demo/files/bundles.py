"""Prediction bundles: what the models said of each case, on disk, so that a review needs no model and no
checkpoint."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from magic_demo.core.disk.user_files import read_user_file
from magic_demo.core.disk.whole_files import write_json, write_whole
from magic_demo.core.disk.whole_text import mend_json
from magic_demo.core.errors import MagicDemoError, one_line
from magic_demo.core.limits import LIMITS
from magic_demo.core.messages import Message, pack_message, unpack_message
from magic_demo.core.types import PhotoPrediction, Prediction, Probability
from magic_demo.files.json_files import is_whole, read_json
from magic_demo.questions.families import QuestionSet, load_challenge

KIND = "magic-demo prediction"
VERSION = 1
MOST_OPTIONS = 1000
"""What an answer is checked against where its question is not known."""
PNG_START = b"\x89PNG\r\n\x1a\n"


class BundleError(MagicDemoError):
    """A prediction bundle cannot be used: missing, broken, or written by something else."""


def write_prediction(folder: Path, prediction: Prediction) -> None:
    """Write ``<encounter>.json`` and one 8-bit PNG a photo, ``<encounter>/<photo id>.png``, at the model's
    size.

    Level 255 is a probability of 1: a probability read back is within 1/510 of what was written. Everything
    else comes back as it was. The JSON is written last: where it lies, the prediction is whole. Raises
    BundleError for ids that are no file names.
    """
    name = _checked_name(prediction.encounter_id, folder)
    for photo in prediction.photos:
        write_whole(
            folder / name / f"{_checked_name(photo.photo_id, folder)}.png", _encode_map(photo.probability)
        )
    write_json(folder / f"{name}.json", _describe(prediction), indent=None)


def pack_prediction(prediction: Prediction) -> str:
    """Return what ``write_prediction`` writes as one JSON text in ASCII, each map's PNG in base64: the same
    prediction, the same text."""
    entry = _describe(prediction)
    maps = {
        photo.photo_id: base64.b64encode(_encode_map(photo.probability)).decode("ascii")
        for photo in prediction.photos
    }
    return mend_json(json.dumps({**entry, "maps": maps}, sort_keys=True))


def unpack_prediction(text: str, source: str, asked: QuestionSet | None = None) -> Prediction:
    """Return what ``pack_prediction`` packed. source: where the text lies, for the error. asked: the questions that it answers,
    the challenge's when None.

    Raises BundleError, one line, when it is not whole.
    """
    return _unpack(text, source, asked or load_challenge())


def check_packed(text: str, source: str) -> None:
    """Raise BundleError, one line, for a text that ``pack_prediction`` cannot have written, whatever the
    questions."""
    _unpack(text, source, None)


def _unpack(text: str, source: str, asked: QuestionSet | None) -> Prediction:
    try:
        entry = json.loads(mend_json(text))
        maps = {name: base64.b64decode(data, validate=True) for name, data in entry["maps"].items()}
        return _read_entry(
            entry,
            entry["encounter_id"],
            source,
            asked,
            lambda name: _decode_map(maps[name], f"{source}, {name}"),
        )
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise BundleError(
            "{source}: is not whole ({kind}: {reason}); restore a backup",
            source=source,
            kind=type(error).__name__,
            reason=one_line(error, 120),
        ) from error


def read_prediction(folder: Path, encounter_id: str, asked: QuestionSet | None = None) -> Prediction:
    """Read what the models said of an encounter. asked: the questions that it answers, the
    challenge's when None.

    Raises BundleError, one line, when it is not there or not whole.
    """
    path = folder / f"{_checked_name(encounter_id, folder)}.json"
    if not path.is_file():
        raise BundleError(
            "{folder}: holds no prediction of {encounter}; write one with `python -m magic_demo "
            "predict ... --bundle`",
            folder=folder,
            encounter=encounter_id,
        )
    entry = read_json(path, Message("a prediction of this program"))
    if not isinstance(entry, dict) or entry.get("kind") != KIND:
        raise BundleError(
            "{path}: is no prediction of this program; give the bundle folder that `predict --bundle` wrote",
            path=path,
        )
    if entry.get("version") != VERSION:
        raise BundleError(
            "{path}: is of version {came}, version {version} is read; write the bundle again",
            path=path,
            came=repr(entry.get("version")),
            version=VERSION,
        )
    if entry.get("encounter_id") != encounter_id:
        raise BundleError(
            "{path}: is the prediction of {came}; a bundle's files keep their names",
            path=path,
            came=repr(entry.get("encounter_id")),
        )
    return _read_entry(
        entry,
        encounter_id,
        str(path),
        asked or load_challenge(),
        lambda name: _read_map(folder / encounter_id / f"{_checked_name(name, folder)}.png"),
    )


def has_prediction(folder: Path, encounter_id: str) -> bool:
    """Tell whether the bundle holds an encounter. Whether it is whole is seen when it is read."""
    return _is_name(encounter_id) and (folder / f"{encounter_id}.json").is_file()


def list_predictions(folder: Path) -> tuple[str, ...]:
    """Return the ids of the encounters that a bundle holds, sorted.

    Raises BundleError when the folder is not there.
    """
    if not folder.is_dir():
        raise BundleError(
            "{folder}: no such folder; give the bundle folder that `predict --bundle` wrote", folder=folder
        )
    return tuple(sorted(path.stem for path in folder.glob("*.json") if not path.name.startswith(".")))


def remove_prediction(folder: Path, encounter_id: str) -> None:
    """Remove an encounter's files from a bundle, those that there are, and nothing else."""
    if not _is_name(encounter_id):
        return
    (folder / f"{encounter_id}.json").unlink(missing_ok=True)
    maps = folder / encounter_id
    if maps.is_dir():
        for path in maps.glob("*.png"):
            path.unlink()
        if not any(maps.iterdir()):
            maps.rmdir()


def _describe(prediction: Prediction) -> dict[str, Any]:
    """Return everything of a prediction but its maps, as JSON has it."""
    return {
        "kind": KIND,
        "version": VERSION,
        "encounter_id": prediction.encounter_id,
        "threshold": prediction.threshold,
        "models": dict(prediction.models),
        "photos": [
            {"photo_id": photo.photo_id, "size": list(photo.size), "variance": photo.variance}
            for photo in prediction.photos
        ],
        "answers": dict(prediction.answers),
        "scores": {qid: scores.tolist() for qid, scores in prediction.scores.items()},
        "chances": {family_id: chances.tolist() for family_id, chances in prediction.chances.items()},
        "unsure": sorted(prediction.unsure),
        "notes": [pack_message(note) for note in prediction.notes],
        "failures": [pack_message(failure) for failure in prediction.failures],
        "unlike": prediction.unlike,
        "distance": prediction.distance,
        "captions": dict(prediction.captions),
        "reasons": dict(prediction.reasons),
    }


def _read_entry(
    entry: Mapping[str, Any],
    encounter_id: str,
    source: str,
    asked: QuestionSet | None,
    read_map: Callable[[str], Probability],
) -> Prediction:
    """Return the prediction that an entry describes. asked: None for any questions; to others than were answered
    there are masks and no answer. read_map: photo id -> its map.

    Raises BundleError when it is not whole.
    """
    try:
        if asked is not None and _answers_others(entry, asked):
            entry = {**entry, "scores": {}, "answers": {}, "chances": {}, "unsure": [], "reasons": {}}
        return Prediction(
            encounter_id=encounter_id,
            photos=tuple(_read_photo(photo, read_map) for photo in entry["photos"]),
            scores=_read_scores(entry["scores"], asked, source),
            answers=_read_answers(entry["answers"], asked, source),
            chances=_read_chances(entry["chances"], asked, source),
            unsure=frozenset(str(family_id) for family_id in entry["unsure"]),
            threshold=_read_threshold(entry["threshold"]),
            models={str(task): str(model_id) for task, model_id in entry["models"].items()},
            notes=tuple(unpack_message(note) for note in entry["notes"]),
            failures=tuple(unpack_message(failure) for failure in entry["failures"]),
            unlike=int(entry.get("unlike", 0)),  # bundles of earlier versions do not say
            distance=_read_doubt(entry.get("distance")),
            captions=_read_texts(entry.get("captions", {})),
            reasons=_read_texts(entry.get("reasons", {})),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise BundleError(
            "{source}: is not whole ({kind}: {reason}); write the bundle again",
            source=source,
            kind=type(error).__name__,
            reason=one_line(error, 120),
        ) from error


def _answers_others(entry: Mapping[str, Any], asked: QuestionSet) -> bool:
    """Return whether an entry answers questions, and none of these."""
    answered = entry["scores"].keys() | entry["answers"].keys()
    return bool(answered) and not answered & asked.option_counts.keys()


def _read_photo(photo: Mapping[str, Any], read_map: Callable[[str], Probability]) -> PhotoPrediction:
    height, width = (int(side) for side in photo["size"])
    if min(height, width) < 1:
        raise ValueError(f"a photo of {width}x{height} pixels")
    if height * width > LIMITS.photo_pixels:
        raise ValueError(f"a photo of more pixels than the limit of {LIMITS.photo_pixels}")
    variance = _read_doubt(photo.get("variance"))
    return PhotoPrediction(photo["photo_id"], read_map(photo["photo_id"]), (height, width), variance)


def _read_texts(value: object) -> dict[str, str]:
    """Return what models wrote, id -> text, nothing where a bundle of an earlier version does not say."""
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise ValueError("a text for each id is expected")
    return {str(name): text[: LIMITS.text_characters] for name, text in value.items()}


def _read_doubt(value: object) -> float | None:
    """Return a variance or a distance, None where a bundle of an earlier version does not say."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        raise ValueError(f"a number of 0 or more is expected, not {value!r}")
    return float(value)


def _encode_map(probability: Probability) -> bytes:
    levels = np.rint(np.clip(probability, 0, 1) * np.float32(255)).astype(np.uint8)
    _, data = cv2.imencode(".png", levels)
    return data.tobytes()


def _read_map(path: Path) -> Probability:
    try:
        return _decode_map(read_user_file(path, LIMITS.photo_bytes), str(path))
    except OSError as error:
        raise BundleError(
            "{path}: cannot be read ({reason}); write the bundle again",
            path=path,
            reason=error.strerror or error,
        ) from error


def _decode_map(png: bytes, source: str) -> Probability:
    data = np.frombuffer(png, np.uint8)
    if data[:8].tobytes() != PNG_START or data.size < 24:
        raise BundleError("{source}: is no 8-bit grey PNG; write the bundle again", source=source)
    width, height = (int.from_bytes(data[start : start + 4].tobytes(), "big") for start in (16, 20))
    if width * height > LIMITS.photo_pixels:  # said before a pixel is decoded
        raise BundleError(
            "{source}: a map of {width}x{height} pixels, the limit is {limit} pixels; write the bundle again",
            source=source,
            width=width,
            height=height,
            limit=LIMITS.photo_pixels,
        )
    try:
        levels = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
    except cv2.error:
        levels = None
    if levels is None or levels.ndim != 2 or levels.dtype != np.uint8:
        raise BundleError("{source}: is no 8-bit grey PNG; write the bundle again", source=source)
    return np.asarray(levels, np.float32) / np.float32(255)


def _read_threshold(value: Any) -> float:
    threshold = float(value)
    if not 0 <= threshold <= 1:
        raise ValueError(f"a threshold of {threshold}, 0 to 1 is expected")
    return threshold


def _read_scores(
    entry: Mapping[str, Any], asked: QuestionSet | None, source: str
) -> dict[str, NDArray[np.float32]]:
    counts = asked.option_counts if asked is not None else {qid: len(values) for qid, values in entry.items()}
    return {
        qid: _read_numbers(values, counts.get(qid), qid, source).astype(np.float32)
        for qid, values in entry.items()
    }


def _read_chances(
    entry: Mapping[str, Any], asked: QuestionSet | None, source: str
) -> dict[str, NDArray[np.float64]]:
    counts = (
        {family.family_id: len(family.options["en"]) for family in asked.families}
        if asked is not None
        else {family_id: len(values) for family_id, values in entry.items()}
    )
    return {
        family_id: _read_numbers(values, counts.get(family_id), family_id, source)
        for family_id, values in entry.items()
    }


def _read_numbers(values: Any, count: int | None, name: str, source: str) -> NDArray[np.float64]:
    numbers = np.asarray(values, np.float64)
    if count is None:
        raise BundleError(
            "{source}: scores {name}, which is no question; the bundle is of other questions, write it again",
            source=source,
            name=name,
        )
    if numbers.shape != (count,) or not np.isfinite(numbers).all():
        raise BundleError(
            "{source}: {name} needs {count} finite numbers; write the bundle again",
            source=source,
            name=name,
            count=count,
        )
    return numbers


def _read_answers(entry: Mapping[str, Any], asked: QuestionSet | None, source: str) -> dict[str, int]:
    for qid, index in entry.items():
        count = asked.option_counts.get(qid, 0) if asked is not None else MOST_OPTIONS
        if type(index) is not int or not 0 <= index < count:
            raise BundleError(
                "{source}: answers {question} with {option}, which is none of its options; write the "
                "bundle again",
                source=source,
                question=qid,
                option=repr(index),
            )
    return dict(entry)


def _is_name(text: object) -> bool:
    return (
        isinstance(text, str)
        and bool(text)
        and text[0] != "."
        and not set(text) & set("/\\:\0")
        and is_whole(text)
    )


def _checked_name(text: object, folder: Path) -> str:
    if not _is_name(text):
        raise BundleError(
            "{folder}: {name!r} is no name for a file; ids such as ENC00001 are expected",
            folder=folder,
            name=text,
        )
    return str(text)
