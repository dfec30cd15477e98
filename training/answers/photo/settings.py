"""The settings of the photo answerer's training."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from training.answers.photo.evidence import Views
from training.cases.sources import CaseSource
from training.runs.ranges import Count, CountOrNone, Decay, Folds, NotNegative, Seed, Share


@dataclass(frozen=True)
class HeadSettings:
    """How the heads are built and trained. epochs: of all cases. decay: AdamW's weight decay. real: how often
    an epoch holds a real photo."""

    hidden: Count = 64
    dropout: Decay = 0.3
    epochs: Count = 30
    batch_size: Count = 64
    learning_rate: NotNegative = 1e-3
    decay: NotNegative = 0.1
    real: CountOrNone = 2
    seed: Seed = 7


@dataclass(frozen=True)
class PhotoAnswererSettings:
    """A settings file of this command.

    segmentation, cues: checkpoints of the other two models. output: the checkpoint that is written. folder:
    of the data. drawn: where synthetic cases are drawn, kept: where what was seen in photos is kept.
    training: cases with photos. reference: whose answers say how frequent options and sets are.
    weighing: held-out synthetic cases, real: real photos with records, both for choosing the weights beside
    the cues; unseen: cases that nothing was chosen by. synthetic_families, real_families: what synthetic
    cases and real photos teach.
    most_photos: looked at in a case. tiled: how many real photos are also shown as several lesions. folds: in which real training photos are held out in turn, by patient.
    weights: that are tried. most_unchecked: the largest where no real photo can check it. most_without_words:
    the largest for a family that only real photos without any words can tell, as they cannot say what words
    would add.
    """

    segmentation: Path
    cues: Path
    output: Path
    folder: Path
    drawn: Path
    kept: Path
    training: tuple[CaseSource, ...]
    reference: CaseSource
    weighing: CaseSource
    real: CaseSource
    unseen: CaseSource
    synthetic_families: tuple[str, ...]
    real_families: tuple[str, ...]
    words: Path = Path("training/configs/cue-model.yaml")
    most_photos: CountOrNone = 2
    tiled: CountOrNone = 189
    views: Views = field(default_factory=Views)
    head: HeadSettings = field(default_factory=HeadSettings)
    folds: Folds = 3
    weights: tuple[Share, ...] = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
    most_unchecked: Share = 0.5
    most_without_words: Share = 0.3
    tolerance: NotNegative = 0.01
    threads: CountOrNone = 1
