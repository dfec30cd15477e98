"""An answerer's folder as a system: it is run on the cases that it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from magic_demo.challenge.running.cases import read_encounter
from magic_demo.challenge.systems.reading import System
from magic_demo.core.types import EncounterFiles, Prediction
from magic_demo.files.checkpoint_files import CONFIG
from magic_demo.models.loading.predictors import DEFAULT_SEGMENTATION, load_predictor, reads_lesion


def is_model(place: Path) -> bool:
    """Return whether a folder is a model's, not what one has said."""
    return (place / CONFIG).is_file()


def run_model(folder: Path, encounters: Sequence[EncounterFiles]) -> System:
    """Return a system that asks an answerer, without cues, when it is read. Raises CheckpointError where the folder is
    no answerer's."""
    segmentation = DEFAULT_SEGMENTATION if reads_lesion(folder) else None
    predictor = load_predictor(segmentation=segmentation, answers=folder, cues=None, masks=False)
    files = {one.encounter_id: one for one in encounters}

    def read(encounter_id: str) -> Prediction:
        return predictor.predict(read_encounter(files[encounter_id])[0])

    return System(predictor.models["cvqa"], tuple(files), read, False)
