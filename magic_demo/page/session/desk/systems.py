"""The systems whose bundles the page shows as the model's, several of them to switch between."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from magic_demo.core.review_types import CaseKey
from magic_demo.core.types import Prediction
from magic_demo.files.bundles import BundleError, has_prediction, list_predictions, read_prediction
from magic_demo.questions.families import QuestionSet

SYSTEM = "system"
"""Under which name the models of a prediction, and of a review made beside it, say which system was shown."""
LONGEST_NAME = 40


@dataclass(frozen=True)
class System:
    """A bundle and what it is called on the page."""

    name: str
    folder: Path


def read_systems(given: Sequence[str], questions: QuestionSet) -> tuple[System, ...]:
    """Return the systems that ``--bundle`` names as PATH or NAME=PATH, the first being shown first.

    A bundle without a name is called by its models where they have one name, else by its folder. Raises
    BundleError for a folder that holds no prediction, a name that is none, and two systems of one name.
    """
    systems = tuple(_read_system(text, questions) for text in given)
    names = [system.name for system in systems]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise BundleError(
            "two bundles are called {name!r}; give --bundle NAME=PATH to tell them apart", name=twice
        )
    return systems


def _read_system(text: str, questions: QuestionSet) -> System:
    name, separator, path = text.partition("=")
    if not separator or Path(text).exists():
        name, path = "", text
    elif not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise BundleError(
            "{name!r} is no name for a system; 1 to {limit} characters are expected before the =",
            name=name,
            limit=LONGEST_NAME,
        )
    folder = Path(path)
    return System(name.strip() or _name_bundle(folder, questions), folder)


def _name_bundle(folder: Path, questions: QuestionSet) -> str:
    """Return the one name of a bundle's models, or else its folder's."""
    first = next(iter(list_predictions(folder)), None)
    models = set(read_prediction(folder, first, questions).models.values()) if first is not None else set()
    if len(models) == 1 and len(name := models.pop()) <= LONGEST_NAME:
        return name
    whole = folder.resolve()
    return (whole.parent if whole.name == "bundle" else whole).name[:LONGEST_NAME]


def check_fit(
    system: System, queue: str, photos: Mapping[str, Sequence[str]], questions: QuestionSet
) -> None:
    """Raise BundleError, one line, for a bundle of other cases, photos or questions than a queue's.

    photos: case id -> ids of its photos. Of the cases that both have the first is read.
    """
    listed = list_predictions(system.folder)
    shared = next((name for name in listed if name in photos), None)
    if shared is None:
        raise BundleError(
            "{bundle}: holds none of the {count} {count:case|cases} of {queue}; give the bundle that was made "
            "of this queue",
            bundle=system.folder,
            count=len(photos),
            queue=queue,
        )
    said = {photo.photo_id for photo in read_prediction(system.folder, shared, questions).photos}
    if strange := sorted(said - set(photos[shared])):
        raise BundleError(
            "{bundle}: has a photo {photo} of {case}, which the queue {queue} has not; give the bundle that "
            "was made of this queue",
            bundle=system.folder,
            photo=strange[0],
            case=shared,
            queue=queue,
        )


def read_system_prediction(
    systems: Sequence[System], case_id: str, name: str | None, questions: QuestionSet
) -> Prediction | None:
    """Return what the system ``name`` says of a case, or else the first that speaks of it; None where none
    does. Where there are several, the prediction's models say which.

    Raises BundleError where it is not whole.
    """
    speaking = [system for system in systems if has_prediction(system.folder, case_id)]
    chosen = next((system for system in speaking if system.name == name), next(iter(speaking), None))
    if chosen is None:
        return None
    found = read_prediction(chosen.folder, case_id, questions)
    if len(systems) < 2:
        return found
    return replace(found, models={SYSTEM: chosen.name, **found.models})


def read_alone(system: System, questions: QuestionSet, key: CaseKey) -> Prediction | None:
    """Return what one system says of a case, None where it does not speak of it. Raises BundleError."""
    if not has_prediction(system.folder, key.case_id):
        return None
    return read_prediction(system.folder, key.case_id, questions)


def list_speaking(systems: Iterable[System], case_id: str) -> dict[str, bool]:
    """Return system -> whether it speaks of a case, in the order of the command line."""
    return {system.name: has_prediction(system.folder, case_id) for system in systems}


def shown_system(prediction: Prediction | None) -> str | None:
    """Return which of several systems a prediction is of, None where there was one alone."""
    return prediction.models.get(SYSTEM) if prediction is not None else None
