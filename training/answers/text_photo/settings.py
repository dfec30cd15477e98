"""The settings of a run of the closed questions' model."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from magic_demo.questions.decoding import Siblings
from training.answers.text_photo.data import CaseDataSettings
from training.answers.text_photo.loss import LossSettings
from training.runs.ranges import Count, CountOrNone, Decay, NotNegative, Range, Side
from training.runs.run import RunSettings


@dataclass(frozen=True)
class EncoderSizes:
    """The encoders of a new compact model: a BERT and a Swin, from nothing. size: side of its photos,
    pixels."""

    vocabulary: Count = 4000
    text_width: Count = 64
    text_layers: Count = 1
    text_heads: Count = 4
    size: Side = 128
    window: Count = 4
    photo_width: Count = 24
    photo_depths: tuple[Count, ...] = (1, 1, 2, 1)
    photo_heads: tuple[Count, ...] = (1, 2, 4, 8)


@dataclass(frozen=True)
class AnswererSettings:
    """Where the model starts, how it is built and which of it learns.

    start: a checkpoint of this model, ``encoders`` for a new head on the pretrained ``text`` and ``photo``
    encoders (folders or Hub ids), or ``compact`` for a new model of ``sizes``, whose tokenizer is learnt from
    the training texts and the narratives of ``narratives``. fusion to max_text_tokens: as in the model's
    config; they count for new models. encoder_rate: the encoders' learning rate as a share of the head's, 0
    freezes them. option_texts: the texts that options are encoded with: their family's question, which
    siblings share (54 texts), or each question's own, which has a softmax of its own (194, as in the paper).
    average: decay of the running average of the weights, 0 for none.
    """

    start: str
    text: str = "emilyalsentzer/Bio_ClinicalBERT"
    photo: str = "microsoft/swin-tiny-patch4-window7-224"
    sizes: EncoderSizes = EncoderSizes()
    narratives: tuple[Path, ...] = ()
    fusion: Literal["product", "concatenation"] = "product"
    text_pooling: Literal["cls", "mean"] = "cls"
    narrative_input: bool = True
    attention_heads: CountOrNone = 4
    photo_head_size: CountOrNone = 0
    learn_sets: bool = True
    option_texts: Literal["family", "question"] = "family"
    projection_size: Count = 256
    head_size: Count = 256
    dropout: Decay = 0.1
    max_text_tokens: Annotated[int, Range(8, 512)] = 256
    encoder_rate: NotNegative = 1.0
    average: Decay = 0.0


@dataclass(frozen=True)
class DecodingSettings:
    """How the checkpoint's scores become answers, see ``magic_demo.questions.decoding``.

    smoothing: references' worth. weight: of the scores. siblings: how a family of several slots is answered.
    """

    smoothing: NotNegative = 10.0
    weight: NotNegative = 1.0
    siblings: Siblings = "parent"


@dataclass(frozen=True)
class CaseRunSettings(RunSettings):
    """A run; keep_last: ship the last weights in place of the evaluation's best, for runs whose length was
    chosen beforehand.

    half: whether the best model is written as float16.
    """

    keep_last: bool = False
    half: bool = False


@dataclass(frozen=True)
class TextPhotoAnswererSettings:
    """A settings file of this command."""

    model: AnswererSettings
    data: CaseDataSettings
    run: CaseRunSettings
    loss: LossSettings = field(default_factory=LossSettings)
    decoding: DecodingSettings = DecodingSettings()
