"""The compact model's text encoder: a prompt becomes one vector.

It lies beside every checkpoint too, for programs without Magic Demo: it may import nothing of ours.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class PromptLayer(nn.Module):
    """One transformer layer over the prompt's tokens, normalised first."""

    def __init__(self, size: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before_attention = nn.LayerNorm(size)
        self.queries_keys_values = nn.Linear(size, 3 * size)
        self.attended = nn.Linear(size, size)
        self.before_widening = nn.LayerNorm(size)
        self.widened = nn.Linear(size, 2 * size)
        self.narrowed = nn.Linear(2 * size, size)

    def forward(self, tokens: Tensor, seen: Tensor) -> Tensor:
        """Return tokens (B, L, P); ``seen`` (B, L) is True where a token may be looked at, at least once a
        row."""
        batch, length, size = tokens.shape
        parts = self.queries_keys_values(self.before_attention(tokens)).view(
            batch, length, 3, self.heads, size // self.heads
        )
        queries, keys, values = parts.permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(
            queries, keys, values, attn_mask=seen[:, None, None, :]
        )
        tokens = tokens + self.attended(mixed.transpose(1, 2).reshape(batch, length, size))
        wide = functional.gelu(self.widened(self.before_widening(tokens)))
        return torch.add(tokens, self.narrowed(wide))


class PromptEncoder(nn.Module):
    """The prompt's tokens become one vector; a learnt one stands for no prompt.

    vocabulary: how many tokens there are; padding is the id of one that means nothing. size, layers, heads: width,
    depth and attention heads. length: the most tokens that are read.
    """

    def __init__(
        self, vocabulary: int, *, padding: int, size: int, layers: int, heads: int, length: int
    ) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary, size, padding_idx=padding)
        self.places = nn.Embedding(length, size)
        self.layers = nn.ModuleList(PromptLayer(size, heads) for _ in range(layers))
        self.normalization = nn.LayerNorm(size)
        self.no_prompt = nn.Parameter(torch.zeros(size))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return (B, P) of token ids (B, L); a row whose mask is all zero, or no tokens at all, gets the
        learnt vector."""
        length = min(input_ids.shape[1], self.places.num_embeddings)
        if length == 0:
            return self.no_prompt.expand(input_ids.shape[0], -1)
        written = attention_mask[:, :length].bool()
        given = written.any(dim=1, keepdim=True)
        seen = written | ~given  # attention over no token at all would be NaN, and its gradient too
        tokens = self.words(input_ids[:, :length]) + self.places.weight[:length]
        for layer in self.layers:
            tokens = layer(tokens, seen)
        share = seen.to(tokens.dtype)[:, :, None]
        pooled = self.normalization((tokens * share).sum(dim=1) / share.sum(dim=1))
        return torch.where(given, pooled, self.no_prompt)
