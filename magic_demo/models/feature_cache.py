"""What the models made of photos and words, kept while a case is open: a bounded number of bytes, what was
used longest ago goes first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar, cast

from magic_demo.core.limits import LIMITS

Value = TypeVar("Value")

ENTRY_BYTES = 512
"""What an entry takes beside the numbers and texts in it, about."""


class FeatureCache:
    """Values by key; one that would not fit is made anew each time.

    Keys say what was made and of what, e.g. ``("features", photo)``: a photo is its own key, by identity, and
    stays in memory with its entry.
    """

    def __init__(self, max_bytes: int = LIMITS.cache_bytes) -> None:
        self._max_bytes = max_bytes
        self._kept: OrderedDict[Hashable, tuple[object, int]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def bytes(self) -> int:
        """Return what all entries take in memory: arrays, tensors and texts, in values and keys; never more
        than the most allowed."""
        return self._bytes

    def __contains__(self, key: Hashable) -> bool:
        return key in self._kept

    def find(self, key: Hashable) -> Any | None:
        """Return the value under ``key``, None where it is not kept."""
        with self._lock:
            if key not in self._kept:
                return None
            self._kept.move_to_end(key)
            return self._kept[key][0]

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """Return the value under ``key``, made by ``make`` where it is not kept."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return cast(Value, self._kept[key][0])
        value = make()
        size = ENTRY_BYTES + count_bytes(key) + count_bytes(value)
        with self._lock:
            if key not in self._kept and size <= self._max_bytes:
                self._kept[key] = (value, size)
                self._bytes += size
                while self._bytes > self._max_bytes:
                    _, (_, freed) = self._kept.popitem(last=False)
                    self._bytes -= freed
        return value

    def clear(self) -> int:
        """Forget everything, and return how many bytes that was."""
        with self._lock:
            freed, self._bytes = self._bytes, 0
            self._kept.clear()
        return freed


def count_bytes(value: object) -> int:
    """Return the bytes of the numbers and texts in a value: arrays and tensors, and tuples, mappings and
    dataclasses of them.

    A photo counts nothing: its pixels are the case's.
    """
    size: Any = getattr(value, "nbytes", None)
    if size is not None:
        return int(size)
    if isinstance(value, str):
        return 4 * len(value)
    if isinstance(value, Mapping):
        return sum(count_bytes(part) for pair in value.items() for part in pair)
    if isinstance(value, tuple | list | frozenset):
        return sum(count_bytes(part) for part in value)
    if is_dataclass(value) and not hasattr(value, "pixels"):
        return sum(count_bytes(getattr(value, field.name)) for field in fields(value))
    return 0
