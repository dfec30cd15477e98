"""The closed questions' model: a text encoder, a photo encoder and a head that scores every option of every question.

One class serves every size and both designs, by configuration alone. The paper's (``fusion="concatenation"``,
``narrative_input=False``, ``learn_sets=False``) sees the question, the option and the photos. Ours (the defaults) reads the narrative
as a text of its own and lets the option meet narrative and photos by products: concatenated, they barely condition the score on the case.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from huggingface_hub.dataclasses import strict
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase
from transformers.configuration_utils import SubConfigSpec
from transformers.utils.generic import ModelOutput

from magic_demo.checkpoints import Preprocessing, find_checkpoint, load_model, load_tokenizer, name_model, read_preprocessing
from magic_demo.decoding import PRIORS_NAME, SetPriors, read_priors
from magic_demo.encoders import drop_pooler, load_encoder
from magic_demo.errors import CheckpointError, ModelError
from magic_demo.photo_head import PhotoHead, lay_out_places
from magic_demo.questions import load_families
from magic_demo.types import Family, Language, OptionScores, Pixels

FUSIONS = ("product", "concatenation")
POOLINGS = ("cls", "mean", "max")


@strict
class CaseAnswererConfig(PreTrainedConfig):  # type: ignore[no-untyped-call]
    """What a case answerer is made of.

    text_config, vision_config: the encoders' own configs, of any class that AutoModel knows (BERT, and Swin or MobileNetV1, here).
    projection_size, head_size: widths of the common space and of the head's hidden layer.
    fusion: how an option meets the case, "product" or "concatenation". text_pooling: "cls", "mean" or "max" over the tokens.
    narrative_input: whether the narrative is read. attention_heads: with which each option looks for its own evidence among the
    narrative's tokens; 0 pools the narrative into one vector for all options. learn_sets: whether families of several slots are learnt as sets of labels
    (one yes or no a label), else as a softmax over the options like the others.
    photo_head_size: hidden layer of a head by which photos add to the scores (``photo_head.py``); 0 lets the common head read their mean.
    photo_layers: how many layers of a convolutional photo encoder are kept, 0 for all; its config then names its ``hidden_size``.
    max_text_tokens: where narratives and options are cut. language: of the question and option texts.
    """

    model_type = "magic_case_answerer"
    sub_configs_defaults = {  # noqa: RUF012  (the library's own way)
        "text_config": SubConfigSpec(config_class=AutoConfig, model_type="bert"),
        "vision_config": SubConfigSpec(config_class=AutoConfig, model_type="swin"),
    }

    text_config: PreTrainedConfig | dict | None = None  # type: ignore[type-arg]
    vision_config: PreTrainedConfig | dict | None = None  # type: ignore[type-arg]
    projection_size: int = 256
    head_size: int = 256
    dropout: float = 0.1
    fusion: str = "product"
    text_pooling: str = "cls"
    narrative_input: bool = True
    attention_heads: int = 4
    photo_head_size: int = 0
    photo_layers: int = 0
    learn_sets: bool = True
    max_text_tokens: int = 256
    language: str = "en"
    initializer_range: float = 0.02


@dataclass
class CaseAnswererOutput(ModelOutput):
    """loss: scalar, when labels came. logits: (B, O) float, log-odds for families learnt as sets, else log-probabilities."""

    loss: Tensor | None = None
    logits: Tensor | None = None


class CaseAnswerer(PreTrainedModel):  # type: ignore[no-untyped-call]
    """Score options given a narrative and photos. O counts the options of all families, siblings once."""

    config_class = CaseAnswererConfig
    base_model_prefix = "answerer"
    main_input_name = "input_ids"

    def __init__(self, config: CaseAnswererConfig) -> None:
        if config.fusion not in FUSIONS or config.text_pooling not in POOLINGS:
            raise ValueError(f"fusion is one of {FUSIONS}, text_pooling of {POOLINGS}, not {config.fusion!r} and {config.text_pooling!r}")
        if config.attention_heads and config.projection_size % config.attention_heads:
            raise ValueError(f"projection_size {config.projection_size} is no multiple of attention_heads {config.attention_heads}")
        super().__init__(config)
        self.text_model = AutoModel.from_config(config.text_config)  # type: ignore[no-untyped-call]
        self.vision_model = AutoModel.from_config(config.vision_config)  # type: ignore[no-untyped-call]
        drop_pooler(self.text_model)
        if config.photo_layers:
            self.vision_model.layer = self.vision_model.layer[: config.photo_layers]
        width, channels = config.projection_size, self.vision_model.config.hidden_size
        self.option_projection = nn.Linear(self.text_model.config.hidden_size, width)
        if config.photo_head_size:
            self.photo_head = PhotoHead(channels, width, max(1, config.attention_heads), config.photo_head_size, config.dropout)
        else:
            self.photo_projection = nn.Linear(channels, width)
        self.no_photo = nn.Parameter(torch.zeros(width))
        if config.narrative_input:
            self.narrative_projection = nn.Linear(self.text_model.config.hidden_size, width)
            self.no_text = nn.Parameter(torch.zeros(width))
            if config.attention_heads:
                self.key_projection = nn.Linear(self.text_model.config.hidden_size, width)
                self.query_projection = nn.Linear(width, width)
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Sequential(
            nn.Linear(width * (3 if config.narrative_input else 2), config.head_size),
            nn.GELU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.head_size, 1),
        )
        self.post_init()  # type: ignore[no-untyped-call]

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)  # type: ignore[no-untyped-call]
        if isinstance(module, CaseAnswerer):
            for vector in (module.no_photo, getattr(module, "no_text", None)):
                if vector is not None and not getattr(vector, "_is_hf_initialized", False):
                    vector.normal_(0.0, 0.5)
            # The library's 0.02 makes products of two projections vanish: the head would learn nothing for long.
            own = [part for name, part in module.named_children() if name.endswith("_projection")]
            of_photos = module.photo_head.modules() if module.config.photo_head_size else ()
            for linear in (*own, *module.head, *of_photos):
                if isinstance(linear, nn.Linear) and not getattr(linear.weight, "_is_hf_initialized", False):
                    nn.init.xavier_uniform_(linear.weight)

    def train(self, mode: bool = True) -> CaseAnswerer:
        """Switch to training; batch norms of a photo encoder keep the statistics they came with: a batch holds few photos, or none."""
        super().train(mode)
        for module in self.vision_model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self

    @classmethod
    def from_encoders(
        cls, text_source: str | Path, vision_source: str | Path, *, revisions: tuple[str | None, str | None] = (None, None), **settings: Any
    ) -> CaseAnswerer:
        """Build a model with a new head on two pretrained encoders, from folders or Hub ids; ``settings`` are config fields."""
        text = load_encoder(text_source, revisions[0])
        vision = load_encoder(vision_source, revisions[1])
        model = cls(CaseAnswererConfig(text_config=text.config.to_dict(), vision_config=vision.config.to_dict(), **settings))
        drop_pooler(text)
        model.text_model, model.vision_model = text, vision
        return model

    def save_pretrained(self, save_directory: Any, *arguments: Any, **more: Any) -> None:
        """Save under the names that the weights have here: the library's older names for Swin's break a Trainer's resume and best model."""
        super().save_pretrained(save_directory, *arguments, **{"save_original_format": False, **more})

    def read_tokens(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Encode (N, T) token ids into (N, T, text width)."""
        return self.text_model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state  # type: ignore[no-any-return]

    def pool_tokens(self, states: Tensor, attention_mask: Tensor) -> Tensor:
        """Pool (N, T, text width) over the tokens that (N, T) counts into (N, text width)."""
        visible = attention_mask.bool()[..., None]
        if self.config.text_pooling == "cls":
            return states[:, 0]
        if self.config.text_pooling == "max":
            return states.masked_fill(~visible, torch.finfo(states.dtype).min).amax(dim=1)
        return (states * visible).sum(dim=1) / visible.sum(dim=1).clamp(min=1)

    def encode_options(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Encode (O, T) question and option texts into (O, D): the case plays no part, so this is done once a checkpoint."""
        return self.option_projection(self.pool_tokens(self.read_tokens(input_ids, attention_mask), attention_mask))  # type: ignore[no-any-return]

    def encode_narratives(self, input_ids: Tensor, attention_mask: Tensor, options: Tensor) -> Tensor:
        """Encode (B, T) narratives for (O, D) options into (B, O or 1, D); a row without tokens becomes the learnt "no text" vector."""
        written = attention_mask.bool().any(dim=1)
        places = len(options) if self.config.attention_heads else 1
        vectors = self.no_text.to(options.dtype).expand(len(written), places, -1)
        if not bool(written.any()):
            return vectors
        mask = attention_mask[written]
        states = self.read_tokens(input_ids[written], mask)
        if self.config.attention_heads:
            told = self._attend(options, states, mask.bool())
        else:
            told = self.narrative_projection(self.pool_tokens(states, mask))[:, None, :]
        return vectors.index_put((written.nonzero().squeeze(1),), told.to(vectors.dtype))

    def _attend(self, options: Tensor, states: Tensor, visible: Tensor) -> Tensor:
        heads = (self.config.attention_heads, -1)
        keys, values = self.key_projection(states).unflatten(-1, heads), self.narrative_projection(states).unflatten(-1, heads)
        queries = self.query_projection(options).unflatten(-1, heads)
        scores = torch.einsum("ohd,bthd->bhot", queries, keys) / queries.shape[-1] ** 0.5
        shares = scores.masked_fill(~visible[:, None, None, :], torch.finfo(scores.dtype).min).softmax(dim=-1)
        return torch.einsum("bhot,bthd->bohd", shares, values).flatten(2)

    def encode_photos(self, pixel_values: Tensor, photo_mask: Tensor) -> Tensor:
        """Encode (B, P, 3, h, w) photos into (B, D): the mean over the photos that (B, P) bool says are there, or "no photo".

        Photos that have a head of their own are "no photo" here.
        """
        batch = photo_mask.shape[0]
        if self.config.photo_head_size:
            return self.no_photo.expand(batch, -1)
        total = self.no_photo.new_zeros(batch, self.config.projection_size)
        count = photo_mask.sum(dim=1, keepdim=True)
        if bool(photo_mask.any()):
            vectors = self.photo_projection(self._read_photos(pixel_values[photo_mask]).mean(dim=1))
            rows = torch.arange(batch, device=photo_mask.device)[:, None].expand_as(photo_mask)[photo_mask]
            total = total.to(vectors.dtype).index_add(0, rows, vectors)
        return torch.where(count > 0, total / count.clamp(min=1), self.no_photo.to(total.dtype))

    def _read_photos(self, pixel_values: Tensor) -> Tensor:
        return self.vision_model(pixel_values=pixel_values).last_hidden_state  # type: ignore[no-any-return]

    def score_options(self, options: Tensor, narratives: Tensor | None, photos: Tensor) -> Tensor:
        """Score (O, D) options for (B, O or 1, D) narratives and (B, 1, D) photos: (B, O) raw scores."""
        shape = (photos.shape[0], *options.shape)
        options = self.dropout(options).expand(shape)
        parts = [options]
        for case in (narratives, photos):
            if case is not None:
                beside = self.dropout(case).expand(shape)
                parts.append(options * beside if self.config.fusion == "product" else beside)
        return self.head(torch.cat(parts, dim=-1)).squeeze(-1)  # type: ignore[no-any-return]

    def forward(
        self,
        pixel_values: Tensor,
        photo_mask: Tensor,
        option_family: Tensor,
        option_slots: Tensor,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        option_vectors: Tensor | None = None,
        option_input_ids: Tensor | None = None,
        option_attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
    ) -> CaseAnswererOutput:
        """Score every option of B cases, and learn from ``labels``.

        pixel_values (B, P, 3, h, w) with photo_mask (B, P) bool; input_ids and attention_mask (B, T), all zero without text.
        option_family, option_slots: (O,) int, which family an option is of (0, 1, ...) and how many slots that has.
        option_vectors: (O, D) kept from encode_options, or else option_input_ids and option_attention_mask (O, T).
        labels: (B, O) in 0..1, NaN where the reference does not say: membership for families learnt as sets, else shares that
        add up to one a family.
        """
        if option_vectors is None:
            option_vectors = self.encode_options(option_input_ids, option_attention_mask)  # type: ignore[arg-type]
        narratives = None
        if self.config.narrative_input:
            narratives = self.encode_narratives(input_ids, attention_mask, option_vectors)  # type: ignore[arg-type]
        raw = self.score_options(option_vectors, narratives, self.encode_photos(pixel_values, photo_mask)[:, None, :])
        if self.config.photo_head_size and bool(photo_mask.any()):
            raw = raw + self.photo_head(option_vectors, *lay_out_places(self._read_photos(pixel_values[photo_mask]), photo_mask))
        members = option_family[None, :] == torch.arange(int(option_family.max()) + 1, device=raw.device)[:, None]
        logs = raw - raw[:, None, :].masked_fill(~members, -torch.inf).logsumexp(dim=-1)[:, option_family]
        several = (option_slots > 1)[None, :]
        if self.config.learn_sets:
            logits = torch.where(several, raw, logs)
        else:
            # A label that has this share of the slots is in the set unless every slot holds another.
            present = torch.expm1(-option_slots * torch.log1p(-logs.exp().clamp(1e-9, 1 - 1e-6)))
            logits = torch.where(several, present.log(), logs)
        loss = None if labels is None else self._loss(raw, logs, several, members, labels)
        return CaseAnswererOutput(loss=loss, logits=logits)

    def _loss(self, raw: Tensor, logs: Tensor, several: Tensor, members: Tensor, labels: Tensor) -> Tensor:
        known = ~labels.isnan()
        goal = labels.nan_to_num()
        losses = -goal * logs
        if self.config.learn_sets:
            losses = torch.where(several, nn.functional.binary_cross_entropy_with_logits(raw, goal, reduction="none"), losses)
        families = (known[:, None, :] & members).any(dim=-1).sum()
        return torch.where(known, losses, 0.0).sum() / families.clamp(min=1)


AutoConfig.register(CaseAnswererConfig.model_type, CaseAnswererConfig)
AutoModel.register(CaseAnswererConfig, CaseAnswerer)


class OptionScorer:
    """A loaded case answerer with its tokenizer, photo preprocessing and the option vectors, which are encoded once."""

    def __init__(
        self,
        model: CaseAnswerer,
        tokenizer: PreTrainedTokenizerBase,
        preprocessing: Preprocessing,
        *,
        model_id: str = "",
        set_priors: SetPriors | None = None,
        families: Sequence[Family] | None = None,
    ) -> None:
        self.model = model
        self.model.eval()  # type: ignore[no-untyped-call]
        self.tokenizer = tokenizer
        self.preprocessing = preprocessing
        self.model_id = model_id
        self.set_priors = set_priors
        self.families = tuple(families if families is not None else load_families())
        tokens = tokenize(tokenizer, list_option_texts(self.families, model.config.language), model.config.max_text_tokens)
        self._layout = option_layout(self.families)
        with torch.inference_mode():
            self._option_vectors = model.encode_options(tokens["input_ids"], tokens["attention_mask"])

    @classmethod
    def load(cls, source: str | Path, *, revision: str | None = None, families: Sequence[Family] | None = None) -> OptionScorer:
        """Load from a folder or a Hub id. Raises CheckpointError with one line when anything is missing or broken."""
        model = load_model(source, AutoModel, revision=revision)
        if not isinstance(model, CaseAnswerer):
            raise CheckpointError(
                f"{source}: a {model.config.model_type} model came, {CaseAnswererConfig.model_type} is expected; "
                "give a checkpoint written by 'python -m training vqa'"
            )
        priors = find_checkpoint(source, revision=revision) / PRIORS_NAME
        return cls(
            model,
            load_tokenizer(source, revision=revision),
            read_preprocessing(source, revision=revision),
            model_id=name_model(source, revision=revision),
            set_priors=read_priors(priors) if priors.is_file() else None,
            families=families,
        )

    def score(self, narrative: str, photos: Sequence[Pixels]) -> OptionScores:
        """Score every option of every question: qid -> (O,) float32 logits; siblings share their family's scores.

        narrative: in any language, may be blank; what goes beyond the checkpoint's ``max_text_tokens`` is cut off.
        photos: (H, W, 3) uint8 RGB of any size, none or many; their features are averaged.
        Raises ModelError when the model gives numbers that are not finite.
        """
        tokens = tokenize(self.tokenizer, [narrative], self.model.config.max_text_tokens)
        with torch.inference_mode():
            logits = self.model(
                pixel_values=torch.from_numpy(stack_photos([photos], self.preprocessing)),
                photo_mask=torch.ones(1, max(len(photos), 1), dtype=torch.bool) if photos else torch.zeros(1, 1, dtype=torch.bool),
                option_vectors=self._option_vectors,
                **self._layout,
                **tokens,
            ).logits[0]
        if not bool(torch.isfinite(logits).all()):
            raise ModelError(f"{self.model_id or 'the model'}: scores that are not finite came out for this case; fetch or train it again")
        values = logits.float().numpy()
        return {question.qid: values[place].copy() for family, place in place_families(self.families) for question in family.questions}


def place_families(families: Sequence[Family]) -> list[tuple[Family, slice]]:
    """Return where each family's options lie among the O options of the model's output."""
    places, start = [], 0
    for family in families:
        end = start + len(family.options["en"])
        places.append((family, slice(start, end)))
        start = end
    return places


def option_layout(families: Sequence[Family]) -> dict[str, Tensor]:
    """Return ``option_family`` and ``option_slots``, (O,) int64 each, as the model takes them."""
    sizes = torch.tensor([len(family.options["en"]) for family in families])
    slots = torch.tensor([len(family.questions) for family in families])
    return {"option_family": torch.arange(len(families)).repeat_interleave(sizes), "option_slots": slots.repeat_interleave(sizes)}


def list_option_texts(families: Sequence[Family], language: Language) -> list[str]:
    """Return the O texts that the model encodes: the family's question, then the option."""
    return [f"{family.questions[0].text[language]} {option}" for family in families for option in family.options[language]]


def tokenize(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], max_tokens: int) -> dict[str, Tensor]:
    """Turn N texts into ``input_ids`` and ``attention_mask``, (N, T) int64, cut at ``max_tokens``; blank texts have a mask of zeros."""
    limit = min(max_tokens, tokenizer.model_max_length)
    encoded = tokenizer(list(texts), truncation=True, max_length=limit, padding=True, return_tensors="pt")
    blank = torch.tensor([not text.strip() for text in texts])
    ids, mask = encoded["input_ids"], encoded["attention_mask"]
    if ids.shape[1] == 0:  # a tokenizer without special tokens makes nothing of blank texts
        ids, mask = torch.zeros(len(texts), 1, dtype=torch.long), torch.zeros(len(texts), 1, dtype=torch.long)
    return {"input_ids": ids.long(), "attention_mask": mask.long() * ~blank[:, None]}


def stack_photos(cases: Sequence[Sequence[Pixels]], preprocessing: Preprocessing) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Stack B cases' photos into (B, P, 3, h, w) float32, P of the case with most (at least 1), zeros where there is none."""
    stacked = np.zeros((len(cases), max(1, *(len(photos) for photos in cases), 1), 3, *preprocessing.size), np.float32)
    for row, photos in enumerate(cases):
        for place, pixels in enumerate(photos):
            stacked[row, place] = preprocessing.apply(pixels)
    return stacked
