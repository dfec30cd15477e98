"""Where a run of the text-and-photo answerer starts, and the checkpoint that it leaves."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path

from transformers import BertConfig, PreTrainedTokenizerBase, SwinConfig

from magic_demo.files.encounters import read_encounters
from magic_demo.models.answers.text_photo_answerer import (
    QUESTIONS_NAME,
    TextPhotoAnswerer,
    list_option_texts,
    list_units,
)
from magic_demo.models.answers.text_photo_model import TextPhotoAnswererConfig, TextPhotoAnswererModel
from magic_demo.models.loading.checkpoints import (
    Checkpoint,
    load_tokenizer,
    read_tokenizer,
)
from magic_demo.models.loading.finding import find_checkpoint
from magic_demo.models.loading.preprocessing import Preprocessing, read_preprocessing
from magic_demo.models.registry import ANSWERERS
from magic_demo.questions.decoding import PRIORS_NAME, SetPriors, count_priors, read_priors, write_priors
from magic_demo.questions.families import QuestionSet, load_challenge, read_questions, write_questions
from training.answers.text_photo.metrics import Decoder
from training.answers.text_photo.settings import TextPhotoAnswererSettings
from training.cases.sources import LearningCase
from training.runs.tokenizer import train_tokenizer

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def start_model(
    settings: TextPhotoAnswererSettings, cases: Sequence[LearningCase], *, resume: bool = False
) -> tuple[TextPhotoAnswererModel, PreTrainedTokenizerBase, Preprocessing]:
    """Return the model to train, its tokenizer and its preprocessing: a checkpoint's, pretrained encoders',
    or new ones.

    A new tokenizer is kept in the output folder: learnt again, it would number its pieces anew, and a resumed
    run would read nonsense.
    """
    wanted = settings.model
    names = (
        "fusion",
        "text_pooling",
        "narrative_input",
        "attention_heads",
        "photo_head_size",
        "learn_sets",
        "option_texts",
        "projection_size",
        "head_size",
        "dropout",
        "max_text_tokens",
    )
    design = {name: getattr(wanted, name) for name in names} | {"siblings": settings.decoding.siblings}
    if wanted.start == "encoders":
        model = TextPhotoAnswererModel.from_encoders(wanted.text, wanted.photo, **design)
        return model, load_tokenizer(wanted.text), read_preprocessing(wanted.photo)
    if wanted.start != "compact":
        checkpoint = Checkpoint.open(wanted.start, types=ANSWERERS.types_of(TextPhotoAnswerer))
        loaded: TextPhotoAnswererModel = checkpoint.load_model(TextPhotoAnswererModel)
        loaded.config.siblings = settings.decoding.siblings
        tokenizer = load_tokenizer(wanted.start)
        return loaded, tokenizer, read_preprocessing(wanted.start)
    sizes, kept = wanted.sizes, settings.run.output / "tokenizer"
    if resume:
        tokenizer = read_tokenizer(kept)
    else:
        tokenizer = _learn_tokenizer(settings, cases)
        tokenizer.save_pretrained(kept)
    text = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=sizes.text_width,
        num_hidden_layers=sizes.text_layers,
        num_attention_heads=sizes.text_heads,
        intermediate_size=2 * sizes.text_width,
        max_position_embeddings=wanted.max_text_tokens,
    )
    photo = SwinConfig(
        image_size=sizes.size,
        patch_size=4,
        embed_dim=sizes.photo_width,
        depths=list(sizes.photo_depths),
        num_heads=list(sizes.photo_heads),
        window_size=sizes.window,
    )
    model = TextPhotoAnswererModel(TextPhotoAnswererConfig(text_config=text, vision_config=photo, **design))
    return model, tokenizer, Preprocessing((sizes.size, sizes.size), IMAGENET_MEAN, IMAGENET_STD)


def _learn_tokenizer(
    settings: TextPhotoAnswererSettings, cases: Sequence[LearningCase]
) -> PreTrainedTokenizerBase:
    units = list_units(read_asked(settings).families, settings.model.option_texts)
    texts = [text for case in cases for text in case.texts if text] + list_option_texts(units, "en")
    for path in settings.model.narratives:
        for encounter in read_encounters(settings.data.folder / path).encounters:
            texts.extend(text for text in (encounter.narrative.en, encounter.narrative.zh) if text)
    return train_tokenizer(
        texts, vocabulary=settings.model.sizes.vocabulary, most_tokens=settings.model.max_text_tokens
    )


def save_checkpoint(
    model: TextPhotoAnswererModel,
    tokenizer: PreTrainedTokenizerBase,
    preprocessing: Preprocessing,
    decoder: Decoder,
    folder: Path,
    *,
    half: bool = False,
) -> None:
    """Write what ``load_answerer`` reads: weights, config, tokenizer, preprocessing, decoding, and the
    questions where they are not the challenge's."""
    (copy.deepcopy(model).half() if half else model).save_pretrained(folder)  # type: ignore[no-untyped-call]
    tokenizer.save_pretrained(folder)
    preprocessing.save(folder)
    if decoder.priors:
        write_priors(folder / PRIORS_NAME, decoder.priors)
    if decoder.asked is not load_challenge():
        write_questions(folder / QUESTIONS_NAME, decoder.asked)


def make_decoder(
    settings: TextPhotoAnswererSettings, training: Sequence[LearningCase], option_texts: str
) -> Decoder:
    """Return how a model's logits become answers: with what the training answers say of sets."""
    asked, trust = read_asked(settings), settings.decoding
    counted = [case.answers for case in training if case.source.priors]
    priors = count_priors(counted, asked.families, smoothing=trust.smoothing, weight=trust.weight)
    return Decoder(asked, priors if counted else {}, option_texts, trust.siblings)


def read_asked(settings: TextPhotoAnswererSettings) -> QuestionSet:
    """Return the questions that a run learns: those of its file, or the challenge's."""
    file = settings.data.questions
    return read_questions(settings.data.folder / file) if file is not None else load_challenge()


def read_start_priors(start: str) -> SetPriors:
    """Return what a checkpoint's decoding knows of sets."""
    file = find_checkpoint(start) / PRIORS_NAME
    return read_priors(file) if file.is_file() else {}
