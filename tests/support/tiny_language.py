"""Tiny random language and vision-language models of transformers' own classes, saved as the Hub has them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    CLIPImageProcessorPil,
    CLIPVisionConfig,
    LlamaConfig,
    LlamaForCausalLM,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedTokenizerFast,
    Qwen2VLConfig,
    Qwen2VLForConditionalGeneration,
    Qwen2VLImageProcessorPil,
)

TURNS = (
    "{% for m in messages %}<|turn|>{{ m.role }}\n{% if m.content is string %}{{ m.content }}{% else %}"
    "{% for part in m.content %}{% if part.type == 'image' %}SHOWN{% else %}{{ part.text }}{% endif %}{% endfor %}"
    "{% endif %}<|end|>\n{% endfor %}{% if add_generation_prompt %}<|turn|>assistant\n{% endif %}"
)
"""A format of conversations."""


def make_tokenizer(*marks: str) -> PreTrainedTokenizerFast:
    """Return a tokenizer of bytes and some English words, with marks of its own."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<pad>", "<s>", "</s>", "<|turn|>", "<|end|>", *marks]
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=special,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(["the patient has an itchy red rash on the arm since weeks"] * 4, trainer)
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        additional_special_tokens=["<|turn|>", "<|end|>", *marks],
    )


def text_config(tokenizer: PreTrainedTokenizerFast, **more: Any) -> dict[str, Any]:
    """Return the sizes of a tiny Llama."""
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "max_position_embeddings": 4096,
        "initializer_range": 0.4,
        **more,
    }


def write_llama(folder: Path, *, turns: bool = False, **config: Any) -> Path:
    """Write a language model that sees no photo. turns: with a format of conversations."""
    torch.manual_seed(7)
    tokenizer = make_tokenizer()
    if turns:
        tokenizer.chat_template = TURNS
    LlamaForCausalLM(LlamaConfig(**text_config(tokenizer, **config))).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def write_llava(folder: Path) -> Path:
    """Write a LLaVA without a format of conversations: a CLIP of four by four patches and a Llama."""
    torch.manual_seed(7)
    tokenizer = make_tokenizer("<image>")
    vision = CLIPVisionConfig(
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=32,
        patch_size=8,
    )
    image: Any = tokenizer.convert_tokens_to_ids("<image>")
    config = LlavaConfig(
        vision_config=vision.to_dict(),
        text_config=LlamaConfig(**text_config(tokenizer)).to_dict(),
        image_token_index=image,
        vision_feature_layer=-1,
    )
    LlavaForConditionalGeneration(config).save_pretrained(folder)
    LlavaProcessor(  # type: ignore[no-untyped-call]
        image_processor=CLIPImageProcessorPil(
            size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
        ),
        tokenizer=tokenizer,
        patch_size=8,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
    ).save_pretrained(folder)
    return folder


def write_qwen(folder: Path) -> Path:
    """Write a Qwen2-VL with a format of conversations; its processor also reads films, which needs
    torchvision."""
    torch.manual_seed(7)
    tokenizer = make_tokenizer("<|image_pad|>", "<|vision_start|>", "<|vision_end|>", "<|video_pad|>")
    tokenizer.chat_template = TURNS.replace("SHOWN", "<|vision_start|><|image_pad|><|vision_end|>")
    ids: dict[str, Any] = {
        f"{name}_token_id": tokenizer.convert_tokens_to_ids(f"<|{mark}|>")
        for name, mark in (
            ("image", "image_pad"),
            ("video", "video_pad"),
            ("vision_start", "vision_start"),
            ("vision_end", "vision_end"),
        )
    }
    rope = {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 10000.0}
    config = Qwen2VLConfig(
        text_config=text_config(tokenizer, rope_parameters=rope, max_window_layers=2),
        vision_config={
            "depth": 2,
            "embed_dim": 16,
            "hidden_size": 16,
            "num_heads": 2,
            "mlp_ratio": 2,
            "patch_size": 4,
        },
        **ids,
    )
    Qwen2VLForConditionalGeneration(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    Qwen2VLImageProcessorPil(patch_size=4, merge_size=2, min_pixels=64, max_pixels=1024).save_pretrained(
        folder
    )
    return folder


def change_config(folder: Path, **values: Any) -> None:
    """Change values of a folder's ``config.json``."""
    path = folder / "config.json"
    known = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**known, **values}), encoding="utf-8")
