"""What `training learn` is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from magic_demo.models.loading.predictors import DEFAULT_ANSWERS, DEFAULT_CUES, DEFAULT_SEGMENTATION
from training.learning.fine_tuning.decoder import DecoderSettings
from training.learning.fine_tuning.heads import HeadsSettings
from training.learning.gathering import Rule


@dataclass(frozen=True)
class LearnSettings:
    """What is learnt, from what, and where it goes.

    out: folder of the model, new. store, queue: whose reviews; data_set: a training set in their place. rule: how
    readers become one; reader: one reader's reviews alone. segmentation, answers: checkpoints to begin from, which
    stay as they are; cues: which answers beside them. known: a learnt model's folder among those, whose cases cannot
    be held out. data: folder of the shipped checkpoint's photos. least: reviewed cases below which nothing is
    learnt. minutes: of the decoder. replay: synthetic cases of before, and photos of each of its lists. photos: of a
    case that the answers are learnt from.
    """

    out: Path
    store: str | None = None
    queue: str | None = None
    data_set: Path | None = None
    rule: Rule = "consensus"
    reader: str | None = None
    segmentation: str = str(DEFAULT_SEGMENTATION)
    answers: str | None = str(DEFAULT_ANSWERS)
    cues: str = str(DEFAULT_CUES)
    known: Path | None = None
    data: Path | None = None
    least: int = 20
    minutes: float = 20.0
    replay: int = 120
    photos: int = 3
    threads: int = 1
    decoder: DecoderSettings = field(default_factory=DecoderSettings)
    heads: HeadsSettings = field(default_factory=HeadsSettings)
