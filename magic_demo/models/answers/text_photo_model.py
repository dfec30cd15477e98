"""The closed questions' model: a text encoder, a photo encoder and a head that scores every option of every
question.

One class serves every size and both designs, by configuration alone. The paper's (``fusion="concatenation"``,
``narrative_input=False``, ``learn_sets=False``) sees the question, the option and the photos. Ours (the
defaults) reads the narrative as a text of its own and lets the option meet narrative and photos by products:
concatenated, they barely condition the score on the case.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.dataclasses import strict
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel
from transformers.configuration_utils import SubConfigSpec
from transformers.utils.generic import ModelOutput

from magic_demo.models.answers.encoders import drop_pooler, load_encoder
from magic_demo.models.answers.photo_head import PhotoHead, lay_out_places
from magic_demo.questions.decoding import SIBLINGS

FUSIONS = ("product", "concatenation")
POOLINGS = ("cls", "mean")
OPTION_TEXTS = ("family", "question")


@strict
class TextPhotoAnswererConfig(PreTrainedConfig):  # type: ignore[no-untyped-call]
    """What an answerer is made of.

    text_config, vision_config: the encoders' own configs, of any class that AutoModel knows (BERT, and Swin
    or MobileNetV1, here).
    projection_size, head_size: widths of the common space and of the head's hidden layer.
    fusion: how an option meets the case, "product" or "concatenation". text_pooling: "cls" or "mean" over
    the tokens.
    narrative_input: whether the narrative is read. attention_heads: with which each option looks for its own
    evidence among the narrative's tokens; 0 pools the narrative into one vector for all options. learn_sets:
    whether families of several slots are learnt as sets of labels (one yes or no a label), else as a softmax
    over the options like the others.
    photo_head_size: hidden layer of a head by which photos add to the scores (``photo_head.py``); 0 lets the
    common head read their mean.
    max_text_tokens: where narratives and options are cut. language: of the question and option texts.
    option_texts: whether sibling questions share one text and one set of scores ("family"), or each question
    has its own, and its own softmax ("question"). siblings: how the questions of a family become its answer
    (``magic_demo.questions.decoding.decode_answers``).
    """

    model_type = "text_photo_answerer"
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
    learn_sets: bool = True
    max_text_tokens: int = 256
    language: str = "en"
    option_texts: str = "family"
    siblings: str = "parent"
    initializer_range: float = 0.02


@dataclass
class TextPhotoAnswererOutput(ModelOutput):
    """What comes out, (B, O) float each.

    logits: log-odds for families of several slots, log-probabilities for the others. log_shares:
    log-probabilities within each family, what a family that is not learnt as a set is learnt by.
    """

    logits: Tensor | None = None
    log_shares: Tensor | None = None


class TextPhotoAnswererModel(PreTrainedModel):  # type: ignore[no-untyped-call]
    """Score options given a narrative and photos. O counts the options of all families, siblings once."""

    config_class = TextPhotoAnswererConfig
    base_model_prefix = "answerer"
    main_input_name = "input_ids"

    def __init__(self, config: TextPhotoAnswererConfig) -> None:
        if config.fusion not in FUSIONS or config.text_pooling not in POOLINGS:
            raise ValueError(
                f"fusion is one of {FUSIONS}, text_pooling of {POOLINGS}, not {config.fusion!r} and "
                f"{config.text_pooling!r}"
            )
        if config.option_texts not in OPTION_TEXTS or config.siblings not in SIBLINGS:
            raise ValueError(
                f"option_texts is one of {OPTION_TEXTS}, siblings of {SIBLINGS}, not "
                f"{config.option_texts!r} and {config.siblings!r}"
            )
        if config.option_texts == "question" and config.learn_sets:
            raise ValueError(
                "a question of its own is no set of labels; option_texts 'question' needs learn_sets false"
            )
        if config.attention_heads and config.projection_size % config.attention_heads:
            raise ValueError(
                f"projection_size {config.projection_size} is no multiple of attention_heads "
                f"{config.attention_heads}"
            )
        super().__init__(config)
        self.text_model = AutoModel.from_config(config.text_config, trust_remote_code=False)  # type: ignore[no-untyped-call]
        self.vision_model = AutoModel.from_config(config.vision_config, trust_remote_code=False)  # type: ignore[no-untyped-call]
        drop_pooler(self.text_model)
        width, channels = config.projection_size, self.vision_model.config.hidden_size
        self.option_projection = nn.Linear(self.text_model.config.hidden_size, width)
        if config.photo_head_size:
            self.photo_head = PhotoHead(
                channels, width, max(1, config.attention_heads), config.photo_head_size, config.dropout
            )
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
        if isinstance(module, TextPhotoAnswererModel):
            for vector in (module.no_photo, getattr(module, "no_text", None)):
                if vector is not None and not getattr(vector, "_is_hf_initialized", False):
                    vector.normal_(0.0, 0.5)
            # The library's 0.02 makes products of two projections vanish: the head would learn nothing for
            # long.
            own = [part for name, part in module.named_children() if name.endswith("_projection")]
            of_photos = module.photo_head.modules() if module.config.photo_head_size else ()
            for linear in (*own, *module.head, *of_photos):
                if isinstance(linear, nn.Linear) and not getattr(linear.weight, "_is_hf_initialized", False):
                    nn.init.xavier_uniform_(linear.weight)

    def train(self, mode: bool = True) -> TextPhotoAnswererModel:
        """Switch to training, all but encoders that are frozen: dropout would only blur what they give, and
        it could not be kept on disk.

        Batch norms of a photo encoder keep the statistics they came with: a batch holds few photos, or none.
        """
        super().train(mode)
        for encoder in (self.text_model, self.vision_model):
            if not any(weight.requires_grad for weight in encoder.parameters()):
                encoder.eval()
        for module in self.vision_model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self

    @classmethod
    def from_encoders(
        cls,
        text_source: str | Path,
        vision_source: str | Path,
        *,
        revisions: tuple[str | None, str | None] = (None, None),
        **settings: Any,
    ) -> TextPhotoAnswererModel:
        """Build a model with a new head on two pretrained encoders, from folders or Hub ids; ``settings`` are
        config fields."""
        text = load_encoder(text_source, revisions[0])
        vision = load_encoder(vision_source, revisions[1])
        model = cls(
            TextPhotoAnswererConfig(
                text_config=text.config.to_dict(), vision_config=vision.config.to_dict(), **settings
            )
        )
        drop_pooler(text)
        model.text_model, model.vision_model = text, vision
        return model

    def save_pretrained(self, save_directory: Any, *arguments: Any, **more: Any) -> None:
        """Save under the names that the weights have here: the library's older names for Swin's break a
        Trainer's resume and best model."""
        super().save_pretrained(save_directory, *arguments, **{"save_original_format": False, **more})

    def read_tokens(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Encode (N, T) token ids into (N, T, text width)."""
        return self.text_model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state  # type: ignore[no-any-return]

    def pool_tokens(self, states: Tensor, attention_mask: Tensor) -> Tensor:
        """Pool (N, T, text width) over the tokens that (N, T) counts into (N, text width)."""
        visible = attention_mask.bool()[..., None]
        if self.config.text_pooling == "cls":
            return states[:, 0]
        return (states * visible).sum(dim=1) / visible.sum(dim=1).clamp(min=1)

    def encode_options(
        self, input_ids: Tensor | None, attention_mask: Tensor, states: Tensor | None = None
    ) -> Tensor:
        """Encode (O, T) question and option texts into (O, D): the case plays no part, so this is done once a
        checkpoint.

        states: (O, T, text width) that ``read_tokens`` gave for them, in place of the ids.
        """
        read = self.read_tokens(input_ids, attention_mask) if states is None else states.to(self.dtype)  # type: ignore[arg-type]
        return self.option_projection(self.pool_tokens(read, attention_mask))  # type: ignore[no-any-return]

    def encode_narratives(
        self, input_ids: Tensor | None, attention_mask: Tensor, options: Tensor, states: Tensor | None = None
    ) -> Tensor:
        """Encode (B, T) narratives for (O, D) options into (B, O or 1, D); a row without tokens becomes the
        learnt "no text" vector.

        states: (B, T, text width) that ``read_tokens`` gave for them, in place of the ids.
        """
        written = attention_mask.bool().any(dim=1)
        places = len(options) if self.config.attention_heads else 1
        vectors = self.no_text.to(options.dtype).expand(len(written), places, -1)
        if not bool(written.any()):
            return vectors
        mask = attention_mask[written]
        if states is None:
            assert input_ids is not None  # the one or the other is given
            read = self.read_tokens(input_ids[written], mask)
        else:
            read = states[written].to(self.dtype)
        if self.config.attention_heads:
            told = self._attend(options, read, mask.bool())
        else:
            told = self.narrative_projection(self.pool_tokens(read, mask))[:, None, :]
        return vectors.index_put((written.nonzero().squeeze(1),), told.to(vectors.dtype))

    def _attend(self, options: Tensor, states: Tensor, visible: Tensor) -> Tensor:
        heads = (self.config.attention_heads, -1)
        keys, values = (
            self.key_projection(states).unflatten(-1, heads),
            self.narrative_projection(states).unflatten(-1, heads),
        )
        queries = self.query_projection(options).unflatten(-1, heads)
        scores = torch.einsum("ohd,bthd->bhot", queries, keys) / queries.shape[-1] ** 0.5
        shares = scores.masked_fill(~visible[:, None, None, :], torch.finfo(scores.dtype).min).softmax(dim=-1)
        return torch.einsum("bhot,bthd->bohd", shares, values).flatten(2)

    def read_photos(self, pixel_values: Tensor) -> Tensor:
        """Encode (F, 3, h, w) photos into the encoder's map, (F, N, C) or (F, C, h', w')."""
        return self.vision_model(pixel_values=pixel_values).last_hidden_state  # type: ignore[no-any-return]

    def average_photos(self, maps: Tensor | None, photo_mask: Tensor) -> Tensor:
        """Turn the maps (F, N, C) of the F photos that (B, P) bool counts into (B, D): their mean, or "no
        photo".

        Photos that have a head of their own are "no photo" here.
        """
        batch = photo_mask.shape[0]
        if self.config.photo_head_size:
            return self.no_photo.expand(batch, -1)
        total = self.no_photo.new_zeros(batch, self.config.projection_size)
        count = photo_mask.sum(dim=1, keepdim=True)
        if maps is not None:
            vectors = self.photo_projection(maps.mean(dim=1))
            rows = torch.arange(batch, device=photo_mask.device)[:, None].expand_as(photo_mask)[photo_mask]
            total = total.to(vectors.dtype).index_add(0, rows, vectors)
        return torch.where(count > 0, total / count.clamp(min=1), self.no_photo.to(total.dtype))

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
        photo_mask: Tensor,
        option_family: Tensor,
        option_slots: Tensor,
        pixel_values: Tensor | None = None,
        photo_states: Tensor | None = None,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        text_states: Tensor | None = None,
        option_vectors: Tensor | None = None,
        option_input_ids: Tensor | None = None,
        option_attention_mask: Tensor | None = None,
        option_states: Tensor | None = None,
    ) -> TextPhotoAnswererOutput:
        """Score every option of B cases.

        pixel_values (B, P, 3, h, w) with photo_mask (B, P) bool; input_ids and attention_mask (B, T), all
        zero without text.
        option_family, option_slots: (O,) int, which family an option is of (0, 1, ...) and how many slots
        that has.
        option_vectors: (O, D) kept from encode_options, or else option_input_ids and option_attention_mask
        (O, T). photo_states (B, P, ...), text_states (B, T, W), option_states (O, T, W): what the encoders
        gave, kept by training, in place of pixels and ids.
        """
        if option_vectors is None:
            option_vectors = self.encode_options(option_input_ids, option_attention_mask, option_states)  # type: ignore[arg-type]
        narratives = None
        if self.config.narrative_input:
            narratives = self.encode_narratives(input_ids, attention_mask, option_vectors, text_states)  # type: ignore[arg-type]
        maps = None
        if bool(photo_mask.any()):
            if photo_states is not None:
                maps = photo_states[photo_mask].to(self.dtype)
            else:
                assert pixel_values is not None  # the one or the other is given
                maps = self.read_photos(pixel_values[photo_mask])
        raw = self.score_options(
            option_vectors, narratives, self.average_photos(maps, photo_mask)[:, None, :]
        )
        if self.config.photo_head_size and maps is not None:
            raw = raw + self.photo_head(option_vectors, *lay_out_places(maps, photo_mask))
        members = (
            option_family[None, :] == torch.arange(int(option_family.max()) + 1, device=raw.device)[:, None]
        )
        logs = raw - raw[:, None, :].masked_fill(~members, -torch.inf).logsumexp(dim=-1)[:, option_family]
        several = (option_slots > 1)[None, :]
        if self.config.learn_sets:
            logits = torch.where(several, raw, logs)
        else:
            # A label that has this share of the slots is in the set unless every slot holds another.
            absent = option_slots * torch.log1p(-logs.exp().clamp(1e-6, 1 - 1e-6))
            logits = torch.where(several, torch.log(-torch.expm1(absent)) - absent, logs)
        return TextPhotoAnswererOutput(logits=logits, log_shares=logs)


AutoConfig.register(TextPhotoAnswererConfig.model_type, TextPhotoAnswererConfig)
AutoModel.register(TextPhotoAnswererConfig, TextPhotoAnswererModel)
