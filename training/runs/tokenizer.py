"""A small tokenizer for English and Chinese, learnt from texts, saved as a standard fast tokenizer."""

from __future__ import annotations

from collections.abc import Sequence

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast


def train_tokenizer(texts: Sequence[str], *, vocabulary: int, most_tokens: int) -> PreTrainedTokenizerFast:
    """Learn WordPiece tokens; Chinese characters stand alone, case is dropped, an empty text has no
    tokens."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.BertNormalizer(lowercase=True)]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocabulary,
        min_frequency=2,
        special_tokens=["[PAD]", "[UNK]"],
        limit_alphabet=vocabulary // 2,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        model_max_length=most_tokens,
        model_input_names=["input_ids", "attention_mask"],
    )
