"""The settings of a run that fine-tunes a language model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from training.cases.sources import CaseSource
from training.runs.ranges import Count, CountOrNone, Decay, Positive, Share
from training.runs.reports.data_table import BadFiles
from training.runs.run import RunSettings


@dataclass(frozen=True)
class AdaptedSettings:
    """Where the model starts and which of it learns: additions of low rank to layers that stay as they are (LoRA).

    start: folder or Hub id of a language or vision-language model of transformers. rank: of the additions; scale: what
    they count, divided by the rank. dropout: of what they read. layers: ends of the layers' names that get one.
    """

    start: str
    rank: Count = 16
    scale: Positive = 32.0
    dropout: Decay = 0.05
    layers: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


@dataclass(frozen=True)
class AdaptedDataSettings:
    """What a run sees; each example is one family's question of a case.

    folder: below which the sources' own folders lie. evaluation: sources that the run is judged by. chinese: share of
    the examples with the Chinese text and question. most_photos: photos of a case, none for words alone.
    evaluation_cases: so many of them at most, spread over the list. least_found, bad_files: as of the other
    answerers.
    """

    folder: Path
    training: tuple[CaseSource, ...]
    evaluation: tuple[CaseSource, ...]
    chinese: Share = 0.0
    most_photos: CountOrNone = 2
    evaluation_cases: Count = 200
    least_found: Share = 0.95
    bad_files: BadFiles = "refuse"


@dataclass(frozen=True)
class LanguageSettings:
    """A settings file of this command."""

    model: AdaptedSettings
    data: AdaptedDataSettings
    run: RunSettings
